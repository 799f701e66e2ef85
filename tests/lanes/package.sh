#!/usr/bin/env bash
# package.sh ROOT: E8, the library built by clang, and by the usual compiler as a shared library, then installed and used
# from an empty folder. (By the usual compiler, static, that is a test.)
set -euo pipefail

root=$1
cd "$root"
failed=0
for preset in clang shared; do
  compiler=$(command -v "$([[ $preset == clang ]] && echo clang++-14 || echo c++)")
  if cmake --preset "$preset" >/dev/null && cmake --build --preset "$preset" &&
    cmake -DSOURCE_DIR="$root" -DBUILD_DIR="$root/build/$preset" -DCONFIG=Release -DGENERATOR=Ninja \
      -DCOMPILER="$compiler" -DLAUNCHER= -P tests/package/run.cmake; then
    echo "E8.$preset 1 1 ok"
  else
    echo "E8.$preset 0 1 FAILED"
    failed=1
  fi
done
exit "$failed"
