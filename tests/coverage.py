#!/usr/bin/python3
"""Branch coverage of the inline engine, by gcov: its tests over files that count.

  coverage.py [BUILD-DIRECTORY]      builds the programs `cover_*`, runs them, prints a line per file

Every branch of the files in WHOLE must have been taken, but for those of EXCEPTED, each with its reason; the exit status is 1 if one was not, or if
an exception is not needed. The others' figures are for the eye. A line of conditions is one branch per condition and outcome, as gcc makes
them without optimisation; both programs' counts are added.
"""
import json
import os
import subprocess
import sys

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), ".."))
FOLDER = "tests/unit/dataplane"
PROGRAMS = ("cover_inline", "cover_inline_whole")
WHOLE = ("dataplane/engine/eng_inline_dev.c",)  # all calls of rte_security, rte_flow and events that the engine makes
SHOWN = ("dataplane/engine/eng_inline.c", "dataplane/engine/eng_inline_port.c", "dataplane/engine/eng_inline_sa.c", "dataplane/engine/eng_inline_told.c",
         "dataplane/dp_inline.c", "dataplane/esp/esp_inline.c")
LIMIT_S = 300
# (file, text of the line): (branches, why nothing can take them)
EXCEPTED = {}


def build(directory):
    done = subprocess.run(["ninja", "-C", directory, *("%s/%s" % (FOLDER, p) for p in PROGRAMS)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True)
    if done.returncode != 0:
        sys.exit("%s\nFAIL coverage compiles" % done.stdout[-4000:])


def objects(directory, program):
    """The folder of a program's objects, and there the notes that gcc left beside them."""
    folder = os.path.join(directory, FOLDER, program + ".p")
    return folder, sorted(n for n in os.listdir(folder) if n.endswith(".gcno"))


def run(directory, program):
    folder, _ = objects(directory, program)
    for name in os.listdir(folder):
        if name.endswith(".gcda"):
            os.unlink(os.path.join(folder, name))
    done = subprocess.run([os.path.join(directory, FOLDER, program)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=LIMIT_S)
    if done.returncode != 0:
        sys.exit("%s\nFAIL %s" % (done.stdout[-4000:], program))


def counted(directory, program, found):
    """Adds to found[file][(line, branch)] how often it was taken."""
    folder, notes = objects(directory, program)
    for name in notes:
        data = os.path.join(folder, name[:-len("gcno")] + "gcda")
        if not os.path.exists(data):
            continue
        text = subprocess.run(["gcov", "--json-format", "--stdout", "--branch-probabilities", data], stdout=subprocess.PIPE, check=True, text=True,
                              cwd=folder).stdout
        for one in json.loads(text)["files"]:
            path = os.path.relpath(os.path.normpath(os.path.join(directory, one["file"])), ROOT)
            if path not in WHOLE + SHOWN:
                continue
            of = found.setdefault(path, {})
            for line in one["lines"]:
                for i, b in enumerate(line["branches"]):
                    at = (line["line_number"], i)
                    of[at] = of.get(at, 0) + b["count"]


def judge(path, taken):
    """Prints what nothing took; True when all that is demanded was."""
    with open(os.path.join(ROOT, path)) as f:
        source = f.read().splitlines()
    missed = {}
    for (line, _), n in taken.items():
        if n == 0:
            missed[line] = missed.get(line, 0) + 1
    excepted = 0
    for (name, text), (branches, why) in EXCEPTED.items():
        lines = [n for n in missed if name == path and source[n - 1].strip() == text]
        if name == path and (len(lines) != 1 or missed[lines[0]] != branches):
            print("%s: an exception that is not needed as it stands: %s" % (path, text))
            return False
        for n in lines:
            print("%s:%d: excepted: %d branches: %s" % (path, n, branches, why))
            excepted += missed.pop(n)
    left = sum(missed.values())
    print("%-40s %4d of %4d branches taken, %d excepted: %.1f %%" % (
        path, len(taken) - left - excepted, len(taken), excepted, 100.0 * (len(taken) - left - excepted) / max(1, len(taken) - excepted)))
    for n in sorted(missed):
        print("    %s:%d: %d not taken: %s" % (path, n, missed[n], source[n - 1].strip()))
    return path not in WHOLE or (left == 0 and len(taken) > 0)


def main():
    directory = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else os.path.join(ROOT, "build"))
    build(directory)
    found = {}
    for p in PROGRAMS:
        run(directory, p)
        counted(directory, p, found)
    good = True
    for path in WHOLE + SHOWN:
        good = judge(path, found.get(path, {})) and good
    print("%s coverage of %s" % ("PASS" if good else "FAIL", ", ".join(WHOLE)))
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
