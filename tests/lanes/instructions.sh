#!/usr/bin/env bash
# instructions.sh BUILD_FOLDER [--record]: counts the instructions of a training step under callgrind and compares them
# with tests/lanes/instructions.txt, which --record writes. A step counts the same on a busy machine as on an idle one,
# so a regression is seen on either. The count of two runs of different length is taken; what happens once cancels out.
set -euo pipefail

folder=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
recorded=$folder/instructions.txt
build=$1 mode=${2:-}
tolerance=2 # per cent
few=3 many=5

# name, row of `bench steps`, samples, tokens
rows=("tiny-reduced tiny 2 64" "char-reduced char 1 64" "grok-reduced grok 32 3")

# Figures of one compiler say nothing about another's.
compiler=$(sed -n 's/^CMAKE_CXX_COMPILER:[A-Z]*=//p' "$build/CMakeCache.txt")
version="$("$compiler" --version | head -n 1)"

# Instructions of so many steps of a row.
count() {
  local row=$1 batch=$2 length=$3 steps=$4
  valgrind --tool=callgrind --callgrind-out-file=/dev/null \
    "$build/bin/bench" steps --worker "$row" --batch "$batch" --length "$length" --steps "$steps" 2>&1 >/dev/null |
    sed -n 's/.*Collected : \([0-9]*\).*/\1/p'
}

if [[ $mode != --record ]]; then
  was=$(sed -n 's/^compiler //p' "$recorded")
  if [[ $was != "$version" ]]; then
    echo "the recorded figures are of '$was', this is '$version'; nothing was compared (--record writes new ones)" >&2
    exit 1
  fi
fi

fresh="compiler $version"
failed=0
for entry in "${rows[@]}"; do
  read -r name row batch length <<<"$entry"
  first=$(count "$row" "$batch" "$length" $few)
  last=$(count "$row" "$batch" "$length" $many)
  [[ -n $first && -n $last ]] || { echo "$name: callgrind counted nothing" >&2; exit 1; }
  step=$(((last - first) / (many - few)))
  fresh+=$'\n'"$name $step"
  [[ $mode != --record ]] || { echo "$name: $step instructions a step"; continue; }
  wanted=$(awk -v name="$name" '$1 == name { print $2 }' "$recorded")
  [[ -n $wanted ]] || { echo "$name: no figure is recorded" >&2; failed=1; continue; }
  awk -v name="$name" -v now="$step" -v was="$wanted" -v most="$tolerance" 'BEGIN {
    change = 100 * (now / was - 1)
    far = change > most || change < -most
    printf "%s: %d instructions a step, recorded %d, %+.2f %%%s\n", name, now, was, change, far ? "  TOO FAR" : ""
    exit far
  }' || failed=1
done
[[ $mode != --record ]] || printf '%s\n' "$fresh" >"$recorded"
[[ $failed == 0 ]] || echo "more or fewer instructions than recorded; if that is wanted: ./dev lane instructions --record" >&2
exit "$failed"
