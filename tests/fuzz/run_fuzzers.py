#!/usr/bin/python3
"""Runs the fuzzers of a build directory: run_fuzzers.py BUILD SECONDS [NAME ...] (all without names). Exit 1 if one finds something.

Corpora grow in BUILD/corpus; what crashed stays in BUILD/crashes.
"""
import os
import subprocess
import sys

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))


def main(build, seconds, names):
    folder = os.path.join(build, "tests", "fuzz")
    fuzzers = [f for f in sorted(os.listdir(folder)) if f.startswith("fuzz_") and os.path.isfile(os.path.join(folder, f))]
    if names:
        fuzzers = [f for f in fuzzers if f[len("fuzz_"):] in names]
    if not fuzzers:
        print("no fuzzer under %s" % folder, file=sys.stderr)
        return 1
    bad = 0
    for name in fuzzers:
        corpus, crashes = os.path.join(build, "corpus", name), os.path.join(build, "crashes", name)
        os.makedirs(corpus, exist_ok=True)
        os.makedirs(crashes, exist_ok=True)
        seeds = os.path.join(ROOT, "tests", "fuzz", "corpus", name[len("fuzz_"):])
        argv = [os.path.join(folder, name), "-max_total_time=%d" % seconds, "-timeout=5", "-rss_limit_mb=2048",
                "-print_final_stats=1", "-artifact_prefix=%s/" % crashes, corpus]
        if os.path.isdir(seeds):
            argv.append(seeds)
        print("== %s for %d s" % (name, seconds), flush=True)
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT, stdout=subprocess.PIPE, text=True,
                              errors="replace")
        print("\n".join(done.stdout.splitlines()[-12:]))
        print("%s %s" % ("FAIL" if done.returncode else "PASS", name), flush=True)
        bad += done.returncode != 0
    return 1 if bad else 0


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], int(sys.argv[2]), sys.argv[3:]))
