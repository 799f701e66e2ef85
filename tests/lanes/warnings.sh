#!/usr/bin/env bash
# warnings.sh ROOT [FILES...]: E6, warnings of clang 14 in every source; those of GCC are errors in each build.
set -euo pipefail

root=$1
shift
command -v clang++-14 >/dev/null || { echo "clang++-14 is not here: ./dev setup fuzz" >&2; exit 1; }

check() {
  clang++-14 -std=c++20 -fsyntax-only -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wno-unknown-warning-option \
    -Wno-psabi -ffp-contract=off -DEIGEN_DONT_PARALLELIZE -I"$1" -isystem /usr/include/eigen3 \
    -DTEMPERA_VERSION='""' -DTEMPERA_SOURCE_DIR='""' -DTEMPERA_BENCH_DIR='""' -DTEMPERA_MPIEXEC='""' \
    -I"$1/build/release/generated" "$2" 2>&1
}
export -f check

cd "$root"
files=("$@")
[[ ${#files[@]} -gt 0 ]] || mapfile -t files < <(git ls-files 'core/*.cpp' 'layers/*.cpp' 'attention/*.cpp' \
  'losses/*.cpp' 'data/*.cpp' 'train/*.cpp' 'apps/*.cpp' 'tests/*.cpp' ':!tests/package')
said=$(printf '%s\n' "${files[@]}" | xargs -P "$(nproc)" -I{} bash -c 'check "$0" {}' "$root") || true
count=$(grep -cE '(warning|error):' <<<"$said" || true)
grep -E '(warning|error):' <<<"$said" | sort | uniq -c | sort -rn | head -50 || true
echo "${#files[@]} files"
if [[ $count == 0 ]]; then echo "E6 0 0 ok"; else echo "E6 $count 0 FAILED" && exit 1; fi
