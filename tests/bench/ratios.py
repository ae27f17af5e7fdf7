#!/usr/bin/python3
"""Prints what share of the bare crypto calls the data plane reaches, in a short run: a line to look at beside each change.

Machines that run tests are shared: no figure here fails, whatever its goal. It fails only when the benchmark does, or leaves a row out.
The goals were set for another machine (docs/performance/dataplane.md).

    tests/bench/ratios.py [SECONDS]          CULVERT_BUILD: the build directory, build/ unless set
"""
import json
import os
import subprocess
import sys
import tempfile

from figure_tables import GOAL_BEST, GOAL_CBC, GOAL_MB, GOAL_WORKERS

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ.get("CULVERT_BUILD", os.path.join(HERE, "..", "..", "build"))
ALL = (64, 512, 1420)
NONE = {}
# Options, sizes, goals: of the share of the fastest bare call, and of that of ipsec-mb's.
RUNS = ((("--transform", "esp-gcm-128"), ALL, GOAL_BEST, GOAL_MB), (("--transform", "esp-gcm-256"), ALL, GOAL_BEST, NONE),
        (("--transform", "esp-aes-128-sha256"), ALL, NONE, GOAL_CBC), (("--natt",), (512,), NONE, NONE), (("--sas", "1000"), ALL, NONE, NONE))
WORKERS = ("--sas", "1000")


def rows(seconds, sizes, options):
    with tempfile.TemporaryDirectory() as d:
        name = os.path.join(d, "bench.json")
        subprocess.run([os.path.join(BUILD, "culvert"), "bench", "dataplane", "--seconds", str(seconds), "--sizes", ",".join(map(str, sizes)),
                        "--rounds", "5", "--json", name, *options],
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True, timeout=300)
        with open(name, encoding="ascii") as f:
            found = json.load(f)["results"]
    if [(r["direction"], r["size"]) for r in found] != [(d, s) for d in ("encap", "decap") for s in sizes]:
        sys.exit("rows are missing: %r" % found)
    return found


def goal(goals, size):
    return "(%.2f)" % goals[size] if size in goals else "      "


def shares(seconds):
    print("share of the bare call's packets/s (goal): fastest engine, ipsec-mb; cycles beyond the fastest; Mpps (range of rounds)")
    for options, sizes, best, mb in RUNS:
        for r in rows(seconds, sizes, options):
            print("%-18s%-6s %4d SA %s %5d  %.2f %s  %.2f %s  %5.0f  %7.3f (%.3f-%.3f)" %
                  (r["transform"], " NAT-T" if r["natt"] else "", r["sas"], r["direction"], r["size"], r["ratio_best"], goal(best, r["size"]),
                   r["ratio_ipsecmb"], goal(mb, r["size"]), r["beyond_best_cycles"], r["mpps"], r["mpps_min"], r["mpps_max"]), flush=True)


def two_workers(seconds):
    print("two workers to one (goal %.2f): Mpps of two, of one" % GOAL_WORKERS)
    for one, two in zip(*(rows(seconds, (512,), (*WORKERS, "--workers", n)) for n in ("1", "2"))):
        print("%-24s %4d SA %s %5d  %.2f  %.3f  %.3f" %
              (one["transform"], one["sas"], one["direction"], one["size"], two["mpps"] / one["mpps"], two["mpps"], one["mpps"]), flush=True)


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 0.3
    shares(seconds)
    if os.cpu_count() > 1:
        two_workers(seconds)


if __name__ == "__main__":
    main()
