#!/usr/bin/env bash
# warnings.sh ROOT [--tidy] [FILES...]: E6, warnings of clang 14 in every source, or with --tidy those of clang-tidy in
# the library (.clang-tidy says which); those of GCC are errors in each build.
set -euo pipefail

root=$1 id=E6 tool=clang++-14
shift
folders=(core layers attention losses data train)
if [[ ${1:-} == --tidy ]]; then
  shift
  id=E6.tidy tool=clang-tidy-14
else
  folders+=(apps tests)
fi
command -v "$tool" >/dev/null || { echo "$tool is not here: ./dev setup health" >&2; exit 1; }

check() {
  local root=$1 tool=$2 file=$3
  local flags=(-std=c++20 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wno-unknown-warning-option -Wno-psabi
    -ffp-contract=off -march=native -DEIGEN_DONT_PARALLELIZE -I"$root" -isystem /usr/include/eigen3
    -DTEMPERA_VERSION='""' -DTEMPERA_SOURCE_DIR='""' -DTEMPERA_BENCH_DIR='""' -DTEMPERA_MPIEXEC='""'
    -I"$root/build/release/generated")
  if [[ $tool == clang-tidy* ]]; then "$tool" --quiet "$file" -- "${flags[@]}" 2>&1
  else "$tool" -fsyntax-only "${flags[@]}" "$file" 2>&1
  fi
}
export -f check

cd "$root"
files=("$@")
[[ ${#files[@]} -gt 0 ]] || mapfile -t files < <(git ls-files "${folders[@]/%//*.cpp}" ':!tests/package')
said=$(printf '%s\n' "${files[@]}" | xargs -P "$(nproc)" -I{} bash -c 'check "$0" "$1" {}' "$root" "$tool") || true
count=$(grep -cE '(warning|error):' <<<"$said" || true)
grep -E '(warning|error):' <<<"$said" | sort | uniq -c | sort -rn | head -50 || true
echo "${#files[@]} files"
if [[ $count == 0 ]]; then echo "$id 0 0 ok"; else echo "$id $count 0 FAILED" && exit 1; fi
