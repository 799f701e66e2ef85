#!/usr/bin/env python3
"""mutants.py ROOT [COUNT [SEED]]: E3, small defects planted one at a time into core/ and attention/, each of which some
test should notice.

A copy of the sources in build/mutants is changed, built and tested; a mutant that does not compile does not count, one
that never ends is noticed. Survivors are told: some change nothing that a user could see (a bound that only decides
where work is cut, a starting value that is overwritten), the others lack a test.
"""
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

SWAPS = [
    (" < ", " <= "), (" <= ", " < "), (" > ", " >= "), (" >= ", " > "), (" == ", " != "), (" != ", " == "),
    (" + ", " - "), (" - ", " + "), (" * ", " / "), (" / ", " * "), (" += ", " -= "), (" -= ", " += "),
    (" && ", " || "), (" || ", " && "), ("true", "false"), ("false", "true"), ("std::min(", "std::max("),
    ("std::max(", "std::min("), (" 0;", " 1;"), (" 1;", " 2;"), (" 0)", " 1)"), (" 1)", " 2)"),
]
TARGET = 90  # per cent


def sites(file):
    """Every place of a source where a swap applies: line number, column, before, after."""
    for number, line in enumerate(file.read_text().splitlines()):
        code = re.sub(r'"(\\.|[^"\\])*"', lambda s: '"' + "_" * (len(s[0]) - 2) + '"', line)
        code = code.split("//")[0]
        if code.lstrip().startswith(("#", "using ", "template", "static_assert")):
            continue
        for before, after in SWAPS:
            for at in re.finditer(re.escape(before), code):
                yield number, at.start(), before, after


def run(command, folder, seconds):
    """The exit code. After the time only the command itself is killed, so ctest has a time of its own for each test."""
    try:
        return subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              timeout=seconds).returncode
    except subprocess.TimeoutExpired:
        return None


def copy_sources(root, copy):
    """Only what differs, so that a second lane compiles little."""
    copy.mkdir(parents=True, exist_ok=True)
    names = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=root, text=True, check=True,
                           capture_output=True).stdout.splitlines()
    for name in names:
        source, target = root / name, copy / name
        if source.is_file() and (not target.exists() or target.read_bytes() != source.read_bytes()):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)


def main():
    root = Path(sys.argv[1]).resolve()
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 50
    chance = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    copy = root / "build/mutants"
    copy_sources(root, copy)
    build = ["cmake", "--build", "--preset", "release", "--target", "tempera_tests"]
    test = ["ctest", "--preset", "release", "--parallel", "2", "--stop-on-failure", "--quiet", "--timeout", "120",
            "--exclude-regex", "^(package|programs|lane .*|memory .*|steady state .*)$"]
    if run(["cmake", "--preset", "release"], copy, 600) != 0 or run(build, copy, 7200) != 0:
        sys.exit("mutants: the sources as they are do not build in build/mutants")
    if run(test, copy, 3600) != 0:
        sys.exit("mutants: the sources as they are fail their tests")

    files = sorted([*copy.glob("core/**/*.cpp"), *copy.glob("attention/**/*.cpp")])
    places = [(file, *site) for file in files for site in sites(file)]
    killed = tried = 0
    while tried < count:
        file, line, column, before, after = chance.choice(places)
        original = file.read_text()
        lines = original.splitlines(keepends=True)
        lines[line] = lines[line][:column] + after + lines[line][column + len(before):]
        told = f"{file.relative_to(copy)}:{line + 1}: {lines[line].strip()}   (was{before.rstrip()})"
        try:
            file.write_text("".join(lines))
            if run(build, copy, 1200) != 0:
                continue
            tried += 1
            noticed = run(test, copy, 600) != 0
            killed += noticed
            print("noticed " if noticed else "SURVIVED", told, flush=True)
        finally:
            file.write_text(original)
    percent = 100 * killed / tried
    print(f"E3 {percent:.1f} >={TARGET} {'ok' if percent >= TARGET else 'FAILED'}")
    sys.exit(percent < TARGET)


main()
