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


def tables(path):
    with open(path, encoding="utf-8") as f:
        return dict(re.findall(r"<!-- figures: ([\w-]+) -->\n(.*?)<!-- end of figures -->", f.read(), re.S))


@case("a little of every group: every table has rows, and is the same when it is made again")
def a_little_of_every_group():
    if os.cpu_count() < 2:
        raise Skip("two processors are wanted, for two workers")
    with tempfile.TemporaryDirectory() as d:
        names = groups_here()
        figures("--short", "--only", ",".join(names), "--out", d)
        page, raw = os.path.join(d, "dataplane.md"), os.path.join(d, "dataplane.json")
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
        check(all(g["rows"] and g["load_least"] <= g["load_most"] for g in told["groups"].values()), "rows and load")
        check(os.path.getsize(os.path.join(d, "dataplane.svg")) > 1000, "a chart")
        os.remove(page)
        figures("--tables", "--out", d)
        check_equal(tables(page), made, "made again")


@case("goals stand beside what they are of, and are called met only where they are")
def goals_stand_beside_their_figures():
    row = {"label": "1 SA", "direction": "encap", "size": 512, "mpps": 10.0, "mpps_min": 9.0, "mpps_max": 11.0, "gbps": 41.0, "cycles_per_packet": 200.0,
           "ports_cycles_per_packet": 18.0, "limit_ipsecmb_mpps": 18.0, "limit_best_mpps": 20.0, "limit_best_engine": "vaes", "ratio_ipsecmb": 0.55,
           "ratio_best": 0.5, "beyond_best_cycles": 100.0}
    cells = figure_tables.one_row(row)
    check_equal(cells[8:], ("0.50", "0.65", "100", "118-125"), "not met: share, goal, cycles beyond, what the goal leaves")
    check_equal(figure_tables.one_row({**row, "ratio_best": 0.65})[9], "0.65, met", "met")
    check_equal(figure_tables.one_row({**row, "size": "imix"})[9:], ("", "100", ""), "no goal of a mixture")
    check_equal([round(x) for x in figure_tables.allowance(64)], [173, 187], "64 octets")
    check_equal([round(x) for x in figure_tables.allowance(1420)], [128, 135], "1420 octets")


class Scripted(command.Bench):
    """Rows of the ports' cycles that it is told, one list for each try."""

    def __init__(self, *tries, size=512):
        super().__init__("scripted", "512")
        self.tries, self.size = list(tries), size

    def once(self, run):
        return [{"size": self.size, "receive": "dma", "ports_cycles_per_packet": p, "try": len(self.tries)} for p in self.tries.pop(0)]


@case("a case beside a neighbour is taken again, three times at most, and each row keeps its quietest try")
def taken_again():
    run = command.Run(argparse.Namespace(short=False, seconds=1, rounds=1, secgw=None, out="."), 0)

    def ports(bench):
        return [r["ports_cycles_per_packet"] for r in bench.take(run)]
    check_equal(ports(Scripted([20.0, 24.9])), [20.0, 24.9], "a quiet case")
    check_equal(run.retaken, 0, "taken again")
    check_equal(ports(Scripted([30.0, 21.0], [22.0, 30.0])), [22.0, 21.0], "one row beside a neighbour: that one alone is replaced")
    check_equal(run.retaken, 1, "taken again")
    bench = Scripted([31.0, 32.0], [29.0, 33.0], [30.0, 30.0], [20.0, 20.0])
    check_equal((ports(bench), len(bench.tries)), ([29.0, 30.0], 1), "a neighbour that stays: three tries")
    check_equal(run.retaken, 5, "taken again")
    check_equal(ports(Scripted([128.0, 129.0], size=9000)), [128.0, 129.0], "long frames, whose ports take longer")
    run.again = False
    check_equal(ports(Scripted([90.0, 90.0])), [90.0, 90.0], "--short")


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
        check_equal(len([t for t in tables(page).values() if t.strip() == "Not taken."]), len(figure_tables.TABLES) - 1, "nothing is made up")
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
