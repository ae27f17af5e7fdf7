#!/usr/bin/python3
"""Prints what share of the bare crypto calls the data plane reaches, in a short run: a line to look at beside each change.

Machines that run tests are shared: no figure here fails. It fails only when the benchmark does, or leaves a row out.

    tests/bench/ratios.py [SECONDS]          CULVERT_BUILD: the build directory, build/ unless set
"""
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ.get("CULVERT_BUILD", os.path.join(HERE, "..", "..", "build"))
RUNS = (("esp-gcm-128", ()), ("esp-gcm-256", ()), ("esp-aes-128-sha256", ()), ("esp-gcm-128", ("--sas", "1000")))
SIZES = (64, 512, 1420)


def rows(seconds, transform, options):
    with tempfile.TemporaryDirectory() as d:
        name = os.path.join(d, "bench.json")
        subprocess.run([os.path.join(BUILD, "culvert"), "bench", "dataplane", "--seconds", str(seconds), "--transform", transform,
                        "--sizes", ",".join(map(str, SIZES)), "--rounds", "5", "--json", name, *options],
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True, timeout=300)
        with open(name, encoding="ascii") as f:
            return json.load(f)["results"]


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 0.3
    print("share of the bare call's packets/s: fastest engine, ipsec-mb; Mpps (range of rounds)")
    for transform, options in RUNS:
        found = rows(seconds, transform, options)
        if [(r["direction"], r["size"]) for r in found] != [(d, s) for d in ("encap", "decap") for s in SIZES]:
            sys.exit("rows are missing: %r" % found)
        for r in found:
            print("%-19s %5d SA %s %5d  %.2f  %.2f  %7.3f (%.3f-%.3f)" %
                  (r["transform"], r["sas"], r["direction"], r["size"], r["ratio_best"], r["ratio_ipsecmb"], r["mpps"], r["mpps_min"], r["mpps_max"]),
                  flush=True)


if __name__ == "__main__":
    main()
