#!/usr/bin/env bash
# coverage.sh ROOT: E1, lines and branches of the library that the suite runs through, as clang counts them: a branch is
# a condition of the source, true or false. A table of files, the least covered first, stays in build/coverage/files.txt,
# the lines themselves in build/coverage/lines.txt, the branches never taken in build/coverage/missed.txt. Of the tape,
# checkpoints, configurations and safetensors each branch has to be taken, by one instance of a template at least.
set -euo pipefail

root=$1
build=$root/build/coverage
rm -f "$build"/{suite,watched}-*.profraw
# In files that eight processes share. Threads lose counts to one another, of a rare branch perhaps the only one, so the
# watched parts are counted in a process of their own as well.
test_all() {
  cd "$build/tests" &&
    LLVM_PROFILE_FILE=$build/watched-%8m.profraw ../bin/tempera_tests '[tape],[config],[checkpoint],[safetensors]' &&
    export LLVM_PROFILE_FILE=$build/suite-%8m.profraw &&
    ../bin/tempera_tests &&
    ctest --test-dir "$build" -R '^(programs|lane .*|memory .*)$'
}
(test_all) >"$build/suite.txt" 2>&1 || { tail -n 40 "$build/suite.txt"; exit 1; }
programs=()
for program in "$build"/bin/*; do programs+=(-object "$program"); done
for part in suite watched; do
  llvm-profdata-14 merge -sparse "$build/$part"-*.profraw -o "$build/$part.profdata"
done
llvm-cov-14 show -show-branches=count -instr-profile="$build/watched.profdata" "$build/bin/tempera_tests" \
  >"$build/watched.txt"
report=(-instr-profile="$build/suite.profdata" "${programs[@]}")
llvm-cov-14 show -show-branches=count "${report[@]}" >"$build/lines.txt"
llvm-cov-14 export -summary-only "${report[@]}" >"$build/summary.json"
python3 - "$build" "$root" <<'PYTHON'
import json, os, re, sys

build, root = sys.argv[1:]
totals = {"lines": [0, 0], "branches": [0, 0]}
table = []
for file in json.load(open(f"{build}/summary.json"))["data"][0]["files"]:
    name = os.path.relpath(os.path.join(build, file["filename"]), root)
    if name.split("/")[0] not in ("core", "layers", "attention", "losses", "data", "train"):
        continue
    shares = {}
    for part, total in totals.items():
        count, covered = (file["summary"][part][key] for key in ("count", "covered"))
        total[0] += covered
        total[1] += count
        shares[part] = 100 * covered / count if count else 100.0
    table.append((shares["branches"], shares["lines"], name))
with open(f"{build}/files.txt", "w") as out:
    for branches, lines, name in sorted(table):
        print(f"{lines:6.1f} {branches:6.1f}  {name}", file=out)
taken = {}  # by file, line and column: was the condition ever true, ever false?
for text in (text for part in ("lines", "watched") for text in open(f"{build}/{part}.txt", errors="replace")):
    if text.startswith("/") and text.endswith(":\n"):
        name = os.path.relpath(text[:-2], root)
    elif branch := re.search(r"Branch \((\d+):(\d+)\): \[True: (\S+), False: (\S+)\]", text):
        line, column, true, false = branch.groups()
        before = taken.get((name, int(line), int(column)), (False, False))
        taken[name, int(line), int(column)] = before[0] or true != "0", before[1] or false != "0"
watched = re.compile(r"core/tape\.|train/checkpoint|train/config/|data/safetensors")
totals["watched_branches"] = [0, 0]
with open(f"{build}/missed.txt", "w") as out:
    for (name, line, column), ways in sorted(taken.items()):
        if name.startswith(("tests/", "apps/", "..")):
            continue
        if watched.match(name):
            totals["watched_branches"][0] += sum(ways)
            totals["watched_branches"][1] += 2
        if not all(ways):
            print(f"{name}:{line}:{column} never {' nor '.join(w for w, t in zip(('true', 'false'), ways) if not t)}", file=out)
failed = False
for part, target in ("lines", 97), ("branches", 92), ("watched_branches", 100):
    share = 100 * totals[part][0] / totals[part][1]
    failed |= share < target
    print(f"E1.{part} {share:.1f} >={target} {'ok' if share >= target else 'FAILED'}")
sys.exit(failed)
PYTHON
