#!/usr/bin/python3
"""tests/bench/figures.py: a little of every group gives every table of the page its rows, and the tables can be made again of what was kept."""
import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "interop"))
sys.path.insert(0, os.path.join(HERE, "..", "bench"))
from case import Skip, case, check, check_equal, main  # noqa: E402
import figure_chart  # noqa: E402
import figure_tables  # noqa: E402
import figures as command  # noqa: E402

FIGURES = os.path.join(HERE, "..", "bench", "figures.py")


def figures(*args):
    done = subprocess.run([sys.executable, FIGURES, *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=800, check=False)
    check_equal(done.returncode, 0, "exit status; %s" % done.stderr[-2000:])


def groups_here():
    """Hand-off and replay want pages of 2 MiB; the rest does without."""
    with open("/proc/meminfo", encoding="ascii") as f:
        free = int(re.search(r"HugePages_Free:\s+(\d+)", f.read()).group(1))
    return [name for name in command.groups() if free >= 600 or name not in ("handoff", "pcap")]


def has_avx512():
    with open("/proc/cpuinfo", encoding="ascii") as f:
        return "avx512vl" in f.read()


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def tables(path):
    return dict(re.findall(r"<!-- figures: ([\w-]+) -->\n(.*?)<!-- end of figures -->", read(path), re.S))


BESIDE_SECGW = {"label": "net_pcap to net_null", "size": 64, "mpps": [10.0], "mpps_clock": [10.0], "ports_mpps": [50.0], "secgw_mpps": [5.0]}


@case("a little of every group: every table has rows, and is the same when it is made again")
def a_little_of_every_group():
    if os.cpu_count() < 2:
        raise Skip("two processors are wanted, for two workers")
    with tempfile.TemporaryDirectory() as d:
        names = groups_here()
        page, raw, chart = (os.path.join(d, "dataplane." + end) for end in ("md", "json", "svg"))
        if "pcap" in names:
            command.json_write(raw, {"machine": {}, "groups": {"pcap": {"taken": "2001-02-03", "rows": [BESIDE_SECGW]}}})
        figures("--short", "--only", ",".join(names), "--out", d)
        made = tables(page)
        check_equal(sorted(made), sorted(["machine", *figure_tables.TABLES]), "places")
        for name, text in made.items():
            if name in command.groups() and name not in names:
                check_equal(text.strip(), "Not taken.", name)
                continue
            check("Not taken" not in text and len(text.strip().splitlines()) >= (1 if name == "machine" else 3), f"{name}: {text}")
        with open(raw, encoding="ascii") as f:
            told = json.load(f)
        check_equal(list(told["groups"]), names, "groups")
        check_equal({r["isa"] for name in names if name not in ("handoff", "pcap") for r in told["groups"][name]["rows"]}, {"best", "avx2"}, "isa")
        check_equal({r["isa"] for r in told["groups"]["isa"]["rows"]}, {"avx2"}, "what the group isa is held to")
        check(not told["machine"]["ipsec_mb"].endswith(" AVX2") or not has_avx512(), f"the machine's own: {told['machine']}")
        check(all(g["rows"] and g["load_least"] <= g["load_most"] for g in told["groups"].values()), "rows and load")
        check(all(g["taken"] and g["commit"] == told["machine"]["commit"] for g in told["groups"].values()), "day and commit")
        check(re.search(r"GCC|clang", told["machine"]["compiler"]), "compiler: %s" % told["machine"]["compiler"])
        check("pcap" not in names or "of 2001-02-03" in made["pcap"], "ipsec-secgw of before: %s" % made.get("pcap"))
        drawn = read(chart)
        check_equal(drawn.splitlines(), list(figure_chart.chart(told)), "a chart of the rows that are kept")
        os.remove(page)
        os.remove(chart)
        figures("--tables", "--out", d)
        check_equal((tables(page), read(chart)), (made, drawn), "made again")


@case("goals stand beside what they are of, and are called met only where they are")
def goals_stand_beside_their_figures():
    row = {"label": "1 SA", "direction": "encap", "size": 512, "mpps": 10.0, "mpps_min": 9.0, "mpps_max": 11.0, "gbps": 41.0, "cycles_per_packet": 200.0,
           "ports_cycles_per_packet": 18.0, "limit_ipsecmb_mpps": 18.0, "limit_best_mpps": 20.0, "limit_best_engine": "vaes", "ratio_ipsecmb": 0.55,
           "ratio_best": 0.5, "beyond_best_cycles": 100.0}
    cells = figure_tables.one_row(row)
    check_equal(cells[8:], ("0.50", "0.65", "100", "118-125"), "not met: share, goal, cycles beyond, what the goal leaves")
    check_equal(figure_tables.one_row({**row, "ratio_best": 0.65})[9], "0.65, met", "met")
    check_equal(figure_tables.one_row({**row, "size": "imix"})[9:], ("", "100", ""), "no goal of a mixture")
    held = {**row, "size": 1420, "mpps": 10.0, "limit_ipsecmb_mpps": 8.0, "ratio_ipsecmb": 1.25, "cycles_per_packet": 300.0, "limit_best_mpps": 12.5, "ratio_best": 0.8}
    check_equal(figure_tables.isa_row(held)[4:12], ("375", "1.25", "1.15, met", "vaes", "240, 0.17 per octet", "at most 0.38 per octet, met", "0.80", "0.80, met"),
                "held to AVX2, all met")
    check_equal(figure_tables.isa_row({**held, "ratio_ipsecmb": 1.14})[6], "1.15", "a share of ipsec-mb's call that does not meet its goal")
    check_equal(figure_tables.kernel_goal(1420, 540), ("540, 0.38 per octet", "at most 0.38 per octet"), "a kernel above 0.38 cycles per octet")
    check_equal((figure_tables.kernel_goal(64, 80), figure_tables.kernel_goal(64, 81)), (("80", "at most 80, met"), ("81", "at most 80")), "64 octets")
    check_equal(figure_tables.kernel_goal(512, 128), ("128, 0.25 per octet", ""), "no goal at 512")
    check_equal([round(x) for x in figure_tables.allowance(64)], [173, 187], "64 octets")
    check_equal([round(x) for x in figure_tables.allowance(1420)], [128, 135], "1420 octets")


class Scripted(command.Bench):
    """Rows of the ports' cycles that it is told, one list for each try."""

    def __init__(self, *tries, size=512, base=False):
        super().__init__("scripted", "512", base=base)
        self.script, self.size = list(tries), size

    def once(self, run):
        return [{"size": self.size, "receive": "dma", "ports_cycles_per_packet": p, "try": len(self.script)} for p in self.script.pop(0)]


def long_run(rounds=7):
    return command.Run(argparse.Namespace(short=False, seconds=1, rounds=rounds, secgw=None, out="."), 0)


@case("a case beside a neighbour is taken again, three tries at most, and each row keeps its quietest one")
def taken_again():
    run = long_run()

    def ports(bench):
        return [r["ports_cycles_per_packet"] for r in bench.take(run)]
    check_equal(ports(Scripted([20.0, 24.9])), [20.0, 24.9], "a quiet case")
    check_equal(run.retaken, 0, "taken again")
    check_equal(ports(Scripted([30.0, 21.0], [22.0, 30.0])), [22.0, 21.0], "one row beside a neighbour: that one alone is replaced")
    check_equal(run.retaken, 1, "taken again")
    bench = Scripted([31.0, 32.0], [29.0, 33.0], [30.0, 30.0], [20.0, 20.0])
    check_equal((ports(bench), len(bench.script)), ([29.0, 30.0], 1), "a neighbour that stays: three tries")
    check_equal(run.retaken, 5, "taken again")
    check_equal(ports(Scripted([128.0, 129.0], size=9000)), [128.0, 129.0], "long frames, whose ports take longer")
    run.again = False
    check_equal(ports(Scripted([90.0, 90.0])), [90.0, 90.0], "--short")


@case("what others are divided by has eight tries, and is taken again when the others tell that it had a neighbour")
def bases_are_taken_again():
    def noisy(n):
        return [[40.0] for _ in range(n)]
    bench = Scripted(*noisy(7), [20.0], [20.0], base=True)
    run = long_run()
    run.least_ports[("dma", False)] = 20.0
    check_equal([[r["ports_cycles_per_packet"] for r in bench.take(run)], len(bench.script)], [[20.0], 1], "eight tries")
    run = long_run()
    first, other = Scripted(*noisy(3), [21.0], [20.0], base=True), Scripted([20.0])
    group = command.group_take(run, [first, other])
    check_equal([r["ports_cycles_per_packet"] for r in group["rows"]], [21.0, 20.0], "the first looked quiet until the other one was there")
    check_equal((group["retaken"], len(first.script)), (3, 1), "taken again, until it was quiet")
    check_equal({part.label for name in ("paths", "many", "workers") for part in command.groups()[name] if part.base},
                {"tunnel", "1 SA before", "1 SA after", "1 SA, 1 workers", "2 SAs, 1 workers", "32 SAs, 1 workers", "1000 SAs, 1 workers"}, "bases")


@case("programs from net_pcap to net_null have as many rounds as everything else: seven, or one of --short")
def rounds_of_pcap():
    seen, take = [], command.pcap_null.size_take

    def size_take(_work, _size, args):
        seen.append(args.rounds)
        return BESIDE_SECGW
    command.pcap_null.size_take = size_take
    try:
        for n in (7, 1):
            command.Pcap((64,)).take(long_run(n))
    finally:
        command.pcap_null.size_take = take
    check_equal(seen, [7, 1], "rounds")
    for argv, rounds in (([], 7), (["--short", "--out", "/"], 1)):
        before, sys.argv = sys.argv, ["figures.py", *argv]
        try:
            check_equal(command.options().rounds, rounds, " ".join(argv))
        finally:
            sys.argv = before


@case("a start of handoff_bench is a round, and the figures of either worker are kept of each")
def rounds_of_handoff():
    run, took = long_run(2), iter((100, 110, 150, 160, 120, 130, 180, 190))

    def lines(argv, _workers):
        check_equal(argv[1:], ["1", "64"], "one round of it")
        for _ in range(2):
            right, off = next(took), next(took)
            yield "worker, decap 64 octets, landing right %d (9 turns), handed off %d (9 turns), ratio 1" % (right, off)
    run.lines = lines
    check_equal(command.Handoff((64,)).take(run), [{"size": 64, "right": [[100, 150], [120, 180]], "handed_off": [[110, 160], [130, 190]]}], "rows")


@case("figures tell the commit, and that it was changed unless that was the documentation alone")
def commit_is_told():
    def git(*args):
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@example.org", "-C", d, *args], stdin=subprocess.DEVNULL, check=True, stdout=subprocess.DEVNULL)

    def write(name, text):
        with open(os.path.join(d, name), "w", encoding="ascii") as f:
            f.write(text)
    with tempfile.TemporaryDirectory() as d:
        check_equal(command.commit(d), "unknown", "no repository")
        os.mkdir(os.path.join(d, "docs"))
        write("program.c", "1")
        write("docs/figures.md", "1")
        git("init", "-q")
        git("add", ".")
        git("commit", "-q", "-m", "first")
        named = command.commit(d)
        check(re.fullmatch(r"[0-9a-f]{7,}", named), named)
        write("docs/figures.md", "2")
        check_equal(command.commit(d), named, "figures that were written")
        write("program.c", "2")
        check_equal(command.commit(d), named + "-dirty", "a program that was changed")


@case("a directory that is not there is told in one line")
def no_directory():
    done = subprocess.run([os.path.join(HERE, "..", "bench", "figures.py"), "--tables", "--out", "/nonexistent/figures"], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
    check_equal((done.returncode, done.stdout), (1, "figures: --out: there is no directory /nonexistent/figures\n"), "exit status and words")


@case("the page has a place for every table, and only those")
def the_page_has_a_place_for_every_table():
    with tempfile.TemporaryDirectory() as d:
        page = os.path.join(d, "dataplane.md")
        shutil.copy(os.path.join(command.DOCS, "dataplane.md"), page)
        figure_tables.page_write(page, {"machine": {}, "groups": {}})
        check_equal(len([t for t in tables(page).values() if t.strip() == "Not taken."]), len(figure_tables.TABLES) - 2, "nothing is made up")
        with open(page, "a", encoding="utf-8") as f:
            f.write("<!-- figures: nonsense -->\n<!-- end of figures -->\n")
        try:
            figure_tables.page_write(page, {"machine": {}, "groups": {}})
        except SystemExit as e:
            check("nonsense" in str(e), str(e))
        else:
            check(False, "a place without a table was taken")


if __name__ == "__main__":
    main(needs_strongswan=False)
