#!/usr/bin/env bash
# coverage.sh ROOT: E1, lines and branches of the library that the suite runs through; branches that only an exception
# takes are left out. A table of files, the least covered first, stays in build/coverage/files.txt.
set -euo pipefail

root=$1
build=$root/build/coverage
command -v gcovr >/dev/null || { echo "gcovr is not here: ./dev setup health" >&2; exit 1; }

find "$build" -name '*.gcda' -delete
(cd "$build/tests" && ../bin/tempera_tests >"$build/suite.txt") || { tail -n 40 "$build/suite.txt"; exit 1; }
cd "$root"
filters=()
for room in core layers attention losses data train; do filters+=(--filter "$room/"); done
gcovr --root . --object-directory "$build" -j "$(nproc)" --exclude-throw-branches --exclude-unreachable-branches \
  --json-summary "$build/summary.json" "${filters[@]}" "$build" >/dev/null
python3 - "$build" <<'PYTHON'
import json, sys

build = sys.argv[1]
summary = json.load(open(f"{build}/summary.json"))
with open(f"{build}/files.txt", "w") as out:
    for file in sorted(summary["files"], key=lambda f: f["line_percent"]):
        print(f"{file['line_percent']:6.1f} {file['branch_percent']:6.1f}  {file['filename']}", file=out)
failed = False
for part, target in ("line", 97), ("branch", 92):
    percent = summary[f"{part}_percent"]
    failed |= percent < target
    print(f"E1.{part} {percent} >={target} {'ok' if percent >= target else 'FAILED'}")
sys.exit(failed)
PYTHON
