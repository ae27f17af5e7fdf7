#!/usr/bin/python3
"""Takes every table of docs/performance/dataplane.md that needs no other program than culvert's own: one command.

    tests/bench/figures.py [--only NAME,...] [--seconds S] [--rounds N] [--secgw PROGRAM] [--out DIR]
    tests/bench/figures.py --tables       the tables again, of figures taken before
    tests/bench/figures.py --short        a little of everything, into --out: that it works, not how fast it is

As root, on a machine with two processors and more, on which nothing else runs, with 2 MiB pages (`sysctl vm.nr_hugepages=3072`: a million
SAs take 4.5 GB) and a built culvert (CULVERT_BUILD: the build directory, build/ unless set). Takes a quarter of an hour.

Writes DIR/dataplane.json: each figure as it came, with the ends of its rounds, the load of the machine then, the time that the
hypervisor took away, the day and the commit; between the markers of DIR/dataplane.md the tables of it, made by figure_tables.py; and
of the same rows the chart DIR/dataplane.svg (figure_chart.py). --only takes some groups again and leaves the others as they are.
--secgw takes DPDK's ipsec-secgw, where it has been built, in turns with culvert; without it what was taken of that before stays.
Programs under measurement run at real-time priority where that is allowed, each worker on a processor of its own. A case beside which a
neighbour took time is taken again, three tries at most, and eight where other rows are divided by it: of its tries each row has the one
whose ports took least. What ports take is the same for all frames up to 1500 octets, so it tells of neighbours alone; the noise table
has how many rows were taken again.
"""
import argparse
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import figure_chart
import figure_tables
import pcap_null
from figure_tables import QUIET, ports_kind, ports_of

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ.get("CULVERT_BUILD", os.path.join(HERE, "..", "..", "build"))
DOCS = os.path.join(HERE, "..", "..", "docs", "performance")
PRIORITY = 10
CASE_LIMIT_S = 600
TRIES, TRIES_BASE = 3, 8

# SAs, how they are drawn, and what else: a pass over a million packets takes a second, and so fewer rounds.
MANY = (("1000", "uniform", ("--stages",)), ("100000", "uniform", ("--stages",)), ("100000", "zipf", ()), ("1000000", "uniform", ("--rounds", "3")),
        ("1000000", "zipf", ("--rounds", "3")))
FEW_WORKERS = ("2", "32", "1000")
PATHS = (("tunnel", ()), ("NAT-T", ("--natt",)), ("ESN", ("--esn",)), ("window 1024", ("--window", "1024")),
         ("IPv6 in IPv4", ("--inner", "6")), ("IPv4 in IPv6", ("--outer", "6")), ("IPv6 in IPv6", ("--ip", "6")),
         ("GRE, transport mode", ("--path", "gre")), ("crypto map, 100 lines", ("--path", "map", "--lines", "100")),
         ("crypto map, 1000 lines", ("--path", "map", "--lines", "1000")),
         ("software port's receive", ("--receive", "copy")))
CLEAR = (("in clear beside a crypto map, 100 lines", "100"), ("in clear beside a crypto map, 1000 lines", "1000"))
OTHERS = (("esp-gcm-256", "64,512,1420"), ("esp-aes-128-sha256", "64,512,1420"), ("esp-null-sha256", "512,1420"),
          ("esp-gmac-128", "512,1420"), ("esp-chacha20-poly1305", "512,1420"), ("ah-sha256", "512,1420"))


class Bench:
    """`culvert bench dataplane` with some options: a row for each size and direction. Rows of others are divided by those of a base."""

    def __init__(self, label, sizes, *options, ways=2, base=False):
        self.label, self.sizes, self.options, self.base = label, sizes, options, base
        self.cases = len(sizes.split(",")) * ways
        self.workers = int(options[options.index("--workers") + 1]) if "--workers" in options else 1
        self.tries = TRIES_BASE if base else TRIES

    def take(self, run):
        self.tries -= 1
        return self.mend(run, self.once(run))

    def mend(self, run, rows):
        """Has another try for rows beside a neighbour, as long as there are such rows and tries."""
        noisy = run.noisy(rows)
        while noisy and self.tries and run.again:
            self.tries -= 1
            run.retaken += len(noisy)
            run.cases += self.cases
            again = self.once(run)
            rows = [min(row, other, key=ports_of) if i in noisy else row for i, (row, other) in enumerate(zip(rows, again))]
            noisy = run.noisy(rows)
        return rows

    def once(self, run):
        with tempfile.TemporaryDirectory() as d:
            name = os.path.join(d, "bench.json")
            argv = [os.path.join(BUILD, "culvert"), "bench", "dataplane", "--sizes", self.sizes, "--seconds", str(run.seconds),
                    "--rounds", str(run.rounds), "--json", name, *self.options]
            for line in run.lines(argv, self.workers):
                if re.match(r"(encap|decap|both|clear) ", line):
                    run.tell("%s %s" % (self.label, line.split(" Mpps")[0]), 1)
            with open(name, encoding="ascii") as f:
                told = json.load(f)
        if "--isa" not in self.options:  # what it is held to is not what the machine has
            run.machine.update(told["machine"])
        if len(told["results"]) != self.cases:
            sys.exit("figures: %d rows in place of %d of: %s" % (len(told["results"]), self.cases, " ".join(argv)))
        return told["results"]


class Handoff:
    """tests/bench/handoff_bench: packets that land at the worker that owns their SA, and at the other one. A start of it is a round."""
    label, base = "hand-off", False

    def __init__(self, sizes):
        self.sizes, self.cases = sizes, len(sizes)

    def take(self, run):
        rows = []
        for size in self.sizes:
            row = {"size": size, "right": [], "handed_off": []}
            for _ in range(run.rounds):
                text = "\n".join(run.lines([os.path.join(BUILD, "tests", "bench", "handoff_bench"), "1", str(size)], 2))
                found = re.findall(r"landing right (\d+) .*?handed off (\d+) ", text)
                if len(found) != 2:
                    sys.exit("figures: two workers wanted of handoff_bench: %s" % text)
                row["right"].append([int(r) for r, _ in found])
                row["handed_off"].append([int(h) for _, h in found])
            rows.append(row)
            run.tell("hand-off %d: %s cycles in place of %s" % (size, row["handed_off"][0][0], row["right"][0][0]), 1)
        return rows


class Pcap:
    """net_pcap to net_null (pcap_null.py): culvert, the ports alone in DPDK's testpmd, and ipsec-secgw, in turns."""
    label, base = "net_pcap to net_null", False

    def __init__(self, sizes):
        self.sizes, self.cases = sizes, len(sizes)

    def take(self, run):
        rows = []
        args = argparse.Namespace(seconds=min(run.seconds, 2), rounds=run.rounds, lcore=max(os.sched_getaffinity(0)), engine="auto",
                                  alg="gcm128", real_time=run.real_time, secgw=run.secgw, secgw_options="")
        with tempfile.TemporaryDirectory(prefix="culvert-figures-") as work:
            for size in self.sizes:
                rows.append({**pcap_null.size_take(work, size, args), "seconds": args.seconds})
                run.tell("net_pcap to net_null %d: %.2f Mpps" % (size, rows[-1]["mpps"][0]), 1)
        return rows


def groups():
    """Name -> what is run for it, in this order. Rows of a group are held against one another, so they are taken one after the other."""
    before, after = Bench("1 SA before", "512", base=True), Bench("1 SA after", "512", base=True)
    return {
        "one": [Bench("1 SA", "64,512,1420,imix", "--direction", "both", "--stages", ways=3)],
        "isa": [Bench("1 SA, AVX2", "64,512,1420", "--isa", "avx2")],
        "transforms": [Bench(name, sizes, "--transform", name) for name, sizes in OTHERS],
        "jumbo": [Bench("jumbo", "9000"), Bench("jumbo esp-aes-128-sha256", "9000", "--transform", "esp-aes-128-sha256")],
        "vpp": [Bench("stages", "64,1400", "--stages")],
        "paths": [Bench(label, "512", *options, base=label == "tunnel") for label, options in PATHS] +
                 [Bench(label, "512", "--path", "clear", "--direction", "encap", "--lines", lines, ways=1) for label, lines in CLEAR],
        "many": [before] + [Bench("%s SAs %s" % (n, law), "512", "--sas", n, "--distribution", law, *more) for n, law, more in MANY] + [after],
        "workers": [Bench("1 SA, %d workers" % w, "512", "--direction", "encap", "--workers", str(w), ways=1, base=w == 1) for w in (1, 2)] +
                   [Bench("%s SAs, %d workers" % (n, w), "512", "--sas", n, "--workers", str(w), base=w == 1) for n in FEW_WORKERS for w in (1, 2)],
        "handoff": [Handoff((64, 512, 1420))],
        "pcap": [Pcap((64, 512, 1434))],
    }


def short_groups():
    """A little of every kind, so that every table has rows."""
    one, jumbo = Bench("1 SA", "512"), Bench("jumbo esp-aes-128-sha256", "9000", "--transform", "esp-aes-128-sha256")
    clear = Bench("in clear", "512", "--path", "clear", "--direction", "encap", ways=1)
    return {
        "one": [Bench("1 SA", "64,1420", "--direction", "both", "--stages", ways=3)],
        "isa": [Bench("1 SA, AVX2", "64,1420", "--isa", "avx2")],
        "transforms": [Bench("esp-gcm-256", "512", "--transform", "esp-gcm-256")],
        "jumbo": [jumbo],
        "vpp": [Bench("stages", "1400", "--stages")],
        "paths": [Bench("tunnel", "512"), clear],
        "many": [one, Bench("6000 SAs uniform", "512", "--sas", "6000", "--stages")],
        "workers": [Bench("2 SAs, %d workers" % w, "512", "--sas", "2", "--workers", str(w)) for w in (1, 2)],
        "handoff": [Handoff((64,))],
        "pcap": [Pcap((64,))],
    }


class Run:
    """What is common to all that is taken, and how far it is."""

    def __init__(self, args, cases):
        self.short, self.seconds, self.rounds, self.secgw = args.short, args.seconds, args.rounds, args.secgw
        self.cases, self.done, self.started = cases, 0, time.monotonic()
        self.machine, self.out = {}, args.out
        self.again, self.retaken, self.least_ports = not args.short, 0, {}
        self.real_time = not args.short and can_be_real_time()
        self.taken, self.commit = time.strftime("%Y-%m-%d"), commit()

    def noisy(self, rows):
        """Which of these rows had a neighbour, by all that was taken until now of the same receive and kind of frame."""
        kinds = [ports_kind(row) for row in rows]
        for kind, row in zip(kinds, rows):
            self.least_ports[kind] = min(ports_of(row), self.least_ports.get(kind, ports_of(row)))
        return [i for i, (kind, row) in enumerate(zip(kinds, rows)) if ports_of(row) > QUIET * self.least_ports[kind]]

    def lines(self, argv, workers):
        """Runs it, at its place, and gives its output line by line."""
        cpus = set(range(os.cpu_count())) if workers > 1 else {max(os.sched_getaffinity(0))}
        first = "exec "
        if self.real_time:
            first += "chrt -r %d " % PRIORITY  # round robin: the EAL waits for threads of its own by spinning
        first += "taskset -c %s \"$@\"" % ",".join(map(str, sorted(cpus)))
        p = subprocess.Popen(["sh", "-c", first, "sh", *argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                             start_new_session=True)
        try:
            for line in p.stdout:
                yield line.rstrip("\n")
            if p.wait(CASE_LIMIT_S) != 0:
                sys.exit("figures: ended with %d: %s" % (p.returncode, " ".join(argv)))
        finally:
            if p.poll() is None:
                os.killpg(p.pid, signal.SIGKILL)  # culvert bench and its processes
                p.wait()

    def tell(self, text, cases):
        self.done += cases
        print("figures: %d of %d, %d s: %s" % (self.done, self.cases, time.monotonic() - self.started, text), file=sys.stderr, flush=True)


def can_be_real_time():
    return subprocess.run(["chrt", "-r", str(PRIORITY), "true"], stderr=subprocess.DEVNULL, check=False).returncode == 0


def stolen_ticks():
    """Time that the hypervisor gave to others, and all time, of all processors since they started."""
    with open("/proc/stat", encoding="ascii") as f:
        ticks = [int(x) for x in f.readline().split()[1:9]]
    return ticks[7], sum(ticks)


def commit(top=os.path.join(HERE, "..", "..")):
    """As `git describe --always --dirty` has it, but that figures written a moment ago are no change of the program."""
    def git(*args):
        return subprocess.run(["git", "-c", "safe.directory=*", "-C", top, *args], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True, check=False)
    named = git("describe", "--always")
    if named.returncode != 0:
        return "unknown"
    return named.stdout.strip() + ("" if git("diff", "--quiet", "HEAD", "--", ":(top)", ":(top,exclude)docs").returncode == 0 else "-dirty")


def compiler():
    """What the program says that it was compiled with."""
    found = subprocess.run(["readelf", "-p", ".comment", os.path.join(BUILD, "culvert-dp")], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                           check=False)
    return ", ".join(dict.fromkeys(re.findall(r"^ +\[ *[0-9a-f]+\] +(.*\S)", found.stdout, re.M))) or "a compiler that is not known"


def machine_of(run):
    with open("/proc/meminfo", encoding="ascii") as f:
        huge = int(re.search(r"HugePages_Total:\s+(\d+)", f.read()).group(1))
    return {**run.machine, "processors": os.cpu_count(), "kernel": platform.release(), "huge_pages_of_2_mib": huge,
            "real_time_priority": run.real_time, "commit": run.commit, "compiler": compiler()}


def group_take(run, parts):
    """The rows of one group; each knows what it is of, and the load of the machine when it had been taken."""
    found, load, (stolen, ticks) = [], [os.getloadavg()[0]], stolen_ticks()
    run.retaken = 0
    for part in parts:
        found.append(part.take(run))
        load.append(os.getloadavg()[0])
    for i, part in enumerate(parts):
        if part.base:  # by now it is known better how much ports take where nobody else is
            found[i] = part.mend(run, found[i])
    stolen_after, ticks_after = stolen_ticks()
    return {"taken": run.taken, "commit": run.commit, "seconds": run.seconds, "rounds": run.rounds, "load_least": min(load), "load_most": max(load),
            "stolen": (stolen_after - stolen) / max(1, ticks_after - ticks), "retaken": run.retaken,
            "rows": [{"label": part.label, **row} for part, rows in zip(parts, found) for row in rows]}


def json_write(path, told):
    """A row to a line, so that a reader of changes sees which moved."""
    with open(path, "w", encoding="ascii") as f:
        f.write('{"machine": %s,\n "groups": {' % json.dumps(told["machine"]))
        for i, (name, group) in enumerate(told["groups"].items()):
            head = json.dumps({k: v for k, v in group.items() if k != "rows"})
            f.write('%s\n "%s": %s, "rows": [\n  ' % ("," if i else "", name, head[:-1]))
            f.write(",\n  ".join(json.dumps(r) for r in group["rows"]) + "]}")
        f.write("\n }}\n")


def told_before(path):
    if not os.path.exists(path):
        return {"machine": {}, "groups": {}}
    with open(path, encoding="ascii") as f:
        return json.load(f)


def options():
    p = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    p.add_argument("--short", action="store_true")
    p.add_argument("--only", help="groups: " + " ".join(groups()))
    p.add_argument("--seconds", type=float, help="of each case, in all rounds together")
    p.add_argument("--rounds", type=int)
    p.add_argument("--secgw", metavar="PROGRAM", help="an ipsec-secgw, for the group pcap")
    p.add_argument("--out", help="a directory; docs/performance unless said")
    p.add_argument("--tables", action="store_true")
    args = p.parse_args()
    if args.short and not args.out:
        p.error("--short wants --out: its figures are none to keep")
    args.out = args.out or DOCS
    if not os.path.isdir(args.out):
        sys.exit("figures: --out: there is no directory %s" % args.out)
    args.seconds = args.seconds or (0.1 if args.short else 1.75)
    args.rounds = args.rounds or (1 if args.short else 7)
    args.only = args.only.split(",") if args.only else list(groups())
    for name in args.only:
        if name not in groups():
            p.error("no group %s: %s" % (name, " ".join(groups())))
    return args


def be_ordinary():
    """Of whoever started this: neither its processors nor its priority are what the programs under measurement share."""
    os.sched_setaffinity(0, range(os.cpu_count()))
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def main():
    args = options()
    be_ordinary()
    pcap_null.end_cleanly()
    page, raw = os.path.join(args.out, "dataplane.md"), os.path.join(args.out, "dataplane.json")
    if not os.path.exists(page):
        shutil.copy(os.path.join(DOCS, "dataplane.md"), page)
    told = told_before(raw)
    if not args.tables:
        todo = {name: parts for name, parts in (short_groups() if args.short else groups()).items() if name in args.only}
        run = Run(args, sum(part.cases for parts in todo.values() for part in parts))
        for name, parts in todo.items():
            before, told["groups"][name] = told["groups"].get(name), group_take(run, parts)
            if name == "pcap" and before:
                figure_tables.secgw_keep(told["groups"][name], before)
            told["groups"] = {n: told["groups"][n] for n in groups() if n in told["groups"]}
            told["machine"] = {**told["machine"], **machine_of(run)}
            json_write(raw, told)  # what was taken is kept, whatever comes
    figure_tables.page_write(page, told)
    figure_chart.chart_write(os.path.join(args.out, "dataplane.svg"), told)
    print("figures: %s, the tables of %s and the chart beside it" % (os.path.relpath(raw), os.path.relpath(page)))


if __name__ == "__main__":
    main()
