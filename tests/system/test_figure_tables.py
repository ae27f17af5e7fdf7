#!/usr/bin/python3
"""tests/bench/figure_tables.py and figure_chart.py: what is made of figures that are made up, and that the page is made of those beside it."""
import json
import os
import re
import statistics
import sys
import tempfile
import xml.etree.ElementTree as xml

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "interop"))
sys.path.insert(0, os.path.join(HERE, "..", "bench"))
from case import case, check, check_equal, main  # noqa: E402
import figure_chart  # noqa: E402
import figure_tables as ft  # noqa: E402

DOCS = os.path.join(HERE, "..", "..", "docs", "performance")
SVG = "{http://www.w3.org/2000/svg}"
MACHINE = {"cpu": "a processor", "tsc_mhz": 2000.0, "dpdk": "DPDK", "ipsec_mb": "ipsec-mb", "processors": 2, "kernel": "6", "huge_pages_of_2_mib": 1,
           "real_time_priority": True}


def row(label, direction, mpps, ports=20.0, **more):
    made = {"label": label, "direction": direction, "size": 512, "transform": "esp-gcm-128", "engine": "auto", "sas": 1, "workers": 1, "mpps": mpps,
            "mpps_min": mpps * 0.9, "mpps_max": mpps * 1.1, "gbps": mpps * 4.0, "cycles_per_packet": 2000 / mpps, "rounds": 7,
            "ports_cycles_per_packet": ports, "limit_ipsecmb_mpps": mpps * 1.5, "limit_best_mpps": mpps * 2, "limit_best_engine": "vaes",
            "ratio_ipsecmb": 1 / 1.5, "ratio_best": 0.5, "beyond_best_cycles": 50.0, "limit_kind": "direct call", "receive": "dma",
            "distribution": "uniform", "inner": 4, "outer": 4, "replay_window": 64, "used_sas": 1, "huge_pages": True,
            "stages": {**dict.fromkeys(ft.STAGES, 10.0), "between_ports": 50.0}}
    return {**made, **more}


def group(*rows, **more):
    return {"seconds": 1.75, "rounds": 7, "load_least": 0.1, "load_most": 0.2, "stolen": 0.0, "retaken": 0, "rows": list(rows), **more}


def cells(lines, first):
    """The cells of the line of a table that begins so."""
    found = [line for line in lines if line.startswith("| %s |" % first)]
    check_equal(len(found), 1, "lines that begin with %s: %s" % (first, "\n".join(lines)))
    return [c.strip() for c in found[0].strip("|").split("|")]


def turns(size=64, mpps=(), ports=(), secgw=()):
    return {"label": "net_pcap to net_null", "size": size, "mpps": list(mpps), "mpps_clock": list(mpps), "ports_mpps": list(ports), "secgw_mpps": list(secgw)}


# ---- programs in turns ---------------------------------------------------------------------------------------------------
@case("a ratio of programs in turns is the median of the rounds' ratios, not one of medians, and meets its goal as that")
def rounds_are_pairs():
    # Medians: 10, 5, so 2.00; but of the same rounds 1.67, 1.70, 2.40.
    made = turns(64, mpps=(10, 8.5, 12), ports=(50, 50, 50), secgw=(6, 5, 5))
    lines = ft.secgw(group(made))
    check_equal(cells(lines, "64")[2:5], ["1.70 (1.67-2.40)", "1.80", "3"], "median of ratios, goal not met, rounds")
    made["secgw_mpps"] = [5, 8.5 / 1.8, 5]
    check_equal(cells(ft.secgw(group(made)), "64")[2:4], ["2.00 (1.80-2.40)", "1.80, met"], "met")
    made["secgw_mpps"] = [10 / 1.7999, 8.5 / 1.7999, 12]
    check_equal(cells(ft.secgw(group(made)), "64")[2:4], ["1.80 (1.00-1.80)", "1.80"], "what is 1.80 only when rounded")


@case("what lies beyond the ports is reckoned within a round, too")
def beyond_the_ports():
    # ns of culvert 100, 200, 400; of the ports in the same rounds 80, 50, 20; of ipsec-secgw 180, 350, 780.
    made = turns(64, mpps=(10, 5, 2.5), ports=(12.5, 20, 50), secgw=(1000 / 180, 1000 / 350, 1000 / 780))
    lines = ft.pcap({"pcap": group(made)})
    check_equal([c for c in lines if c.startswith("| 64 |")][0].split(" | ")[-1], "150.0 (20.0-380.0) |", "culvert's")
    check_equal(cells(ft.secgw(group(made)), "64")[5:], ["300.0 (100.0-760.0)", "2.00 (2.00-5.00)"], "ipsec-secgw's, and culvert to it")


@case("figures that are taken without ipsec-secgw keep those of before, with their day")
def ipsec_secgw_is_kept():
    before = group(turns(64, (10, 10), (50, 50), (5, 5)), taken="2026-01-02")
    after = group(turns(64, (20,), (50,)), taken="2026-03-04")
    ft.secgw_keep(after, before)
    lines = ft.pcap({"pcap": after})
    check_equal(cells([l for l in lines if "20.00" in l], "64")[1], "20.00", "the first table is of today")
    check_equal(cells(lines[4:], "64")[:4], ["64", "5.00 (5.00-5.00)", "2.00 (2.00-2.00)", "1.80, met"], "the second of before")
    check("2026-01-02" in lines[-1], lines[-1])
    again = group(turns(64, (30,), (50,)), taken="2026-05-06")
    ft.secgw_keep(again, after)
    check("2026-01-02" in ft.pcap({"pcap": again})[-1], "kept twice, it has the day that it was taken on")
    new = group(turns(64, (30,), (50,), (10,)), taken="2026-05-06")
    ft.secgw_keep(new, after)
    check_equal((cells(ft.secgw(new), "64")[2], "secgw_rows" in new), ("3.00", False), "taken again")
    check("not taken" in ft.pcap({"pcap": group(turns(64, (20,), (50,)))})[-1], "none at all")


# ---- rows that are divided by rows ---------------------------------------------------------------------------------------
@case("paths: no ratio of two rows of which one had a neighbour")
def paths_of_one_state():
    rows = [row("tunnel", "encap", 10.0, 30.0), row("tunnel", "decap", 20.0, 19.0), row("ESN", "encap", 9.0, 24.0), row("ESN", "decap", 10.0, 23.0),
            row("NAT-T", "encap", 15.0, 19.0), row("NAT-T", "decap", 10.0, 28.0)]
    lines = ft.paths({"paths": group(*rows)})
    check_equal([cells(lines, "ESN")[i] for i in (3, 6)], ["0.90", "0.50"], "ports no more than 1.25 times those of the other: 30 and 24, 19 and 23")
    check_equal([cells(lines, "NAT-T")[i] for i in (3, 6)], ["", ""], "30 and 19, 19 and 28")
    check_equal([cells(lines, "tunnel")[i] for i in (3, 6)], ["1.00", "1.00"], "the base itself")
    check("neighbour" in lines[-1], "the reason stands below: %s" % lines[-1])
    check_equal(ft.paths({"paths": group(*rows[:4])})[-1][0], "|", "nothing empty, no reason")


@case("paths: ports of another receive are held against the least of their own kind")
def paths_of_another_receive():
    rows = [row("tunnel", "encap", 20.0, 20.0), row("tunnel", "decap", 20.0, 30.0), row("copied", "encap", 10.0, 42.0, receive="copy"),
            row("copied", "decap", 10.0, 40.0, receive="copy"), row("long", "encap", 1.0, 130.0, size=9000)]
    lines = ft.paths({"paths": group(*rows)})
    check_equal([cells(lines, "copied")[i] for i in (3, 6)], ["0.50", ""], "42 of 40 beside 20 of 20; 40 of 40 beside 30 of 20")
    check_equal(cells(lines, "long")[3], "0.05", "130 of 130")


@case("many SAs: the base is the mean of those rows of one SA that had the same machine")
def many_of_one_state():
    def rows(after):
        return group(row("before", "encap", 20.0), row("before", "decap", 20.0), row("100000 SAs", "encap", 15.0, sas=100000),
                     row("100000 SAs", "decap", 12.0, 27.0, sas=100000), row("after", "encap", 10.0, after), row("after", "decap", 20.0))
    check_equal([cells(ft.many({"many": rows(20.0)}), "100,000")[i] for i in (5, 8, 9)], ["1.00", "", "0.75"], "both quiet: the mean of 20 and 10")
    lines = ft.many({"many": rows(30.0)})
    check_equal([cells(lines, "100,000")[i] for i in (5, 8)], ["0.75", ""], "a neighbour beside the last: the first alone")
    check("neighbour" in lines[-1], lines[-1])


@case("two workers: no ratio of two rows of which one had a neighbour, and no goal met by it")
def workers_of_one_state():
    rows = [row("1", "encap", 10.0, sas=2), row("1", "decap", 10.0, sas=2), row("2", "encap", 29.7, 27.0, sas=2, workers=2),
            row("2", "decap", 19.0, 20.5, sas=2, workers=2)]
    rows[0]["ports_cycles_per_packet"] = 20.0
    lines = ft.workers({"workers": group(*rows)})
    found = {line.split(" | ")[1]: line.split(" | ")[-2:] for line in lines if line.startswith("| 2 |")}
    check_equal(found, {"encap": ["", "1.85 |"], "decap": ["1.90", "1.85, met |"]}, "ratios and goals")
    check("neighbour" in lines[-1], lines[-1])


# ---- how it was taken ----------------------------------------------------------------------------------------------------
@case("noise: each group has its own rounds, seconds, day and commit, and all that keep rounds have their spread")
def noise_of_each_group():
    lines = ft.noise({"one": group(row("1 SA", "encap", 10.0), taken="2026-01-02", commit="abc1234"),
                      "many": group(row("few", "encap", 10.0), row("a million", "decap", 10.0, rounds=3, mpps_max=12.0)),
                      "handoff": group({"label": "hand-off", "size": 64, "right": [[100, 100]] * 3, "handed_off": [[150, 150], [100, 100], [130, 70]]}),
                      "pcap": group(turns(64, (10, 8, 9), (50, 50, 50)), turns(512, (10, 10, 10), (50, 50, 50))),
                      "short": group(turns(64, (10,), (50,)))})
    check_equal([cells(lines, "one")[i] for i in (1, 2, 6)], ["2026-01-02 abc1234", "1.75 s in 7 rounds", "20 %, 20 % (1 SA encap 512)"], "one")
    check_equal([cells(lines, "many")[i] for i in (1, 2, 6)], ["", "1.75 s in 3 to 7 rounds", "25 %, 30 % (a million decap 512)"], "many")
    check_equal([cells(lines, "handoff")[i] for i in (2, 6)], ["3 rounds", "50 %, 50 % (hand-off 64)"], "handoff")
    check_equal([cells(lines, "pcap")[i] for i in (2, 6)], ["3 rounds of 1.75 s a program", "11 %, 22 % (net_pcap to net_null 64)"], "pcap")
    check_equal(cells(lines, "short")[2], "1 round of 1.75 s a program", "one round")
    pooled = {"label": "hand-off", "size": 64, "right": [[100, 100]], "handed_off": [[150, 150]], "rounds": 5}
    check_equal([cells(ft.noise({"handoff": group(pooled)}), "handoff")[i] for i in (2, 6)], ["5 rounds", "not kept"], "rounds that were put together")


@case("hand-off: the ratio is the median of the rounds in which both had full turns")
def handoff_by_rounds():
    made = {"label": "hand-off", "size": 64, "right": [[100, 100], [200, 200], [100, 100], [0, 100]], "handed_off": [[150, 150], [220, 220], [130, 130], [150, 150]]}
    lines = ft.handoff({"handoff": group(made)})
    check_equal(cells(lines, "64")[1:], ["100, 100", "150, 150", "1.30 (1.10-1.50)"], "cycles of either worker, ratio")
    made["right"] = [[0, 0]] * 4
    check_equal(cells(ft.handoff({"handoff": group(made)}), "64")[3], "no turn that was full", "none")


@case("the machine's line has the commit and the compiler, or says that they were not kept")
def machine_line():
    check("commit and compiler were not kept" in ft.machine({"machine": MACHINE})[0], "figures of before")
    line = ft.machine({"machine": {**MACHINE, "commit": "abc1234-dirty", "compiler": "GCC: 12.2.0"}})[0]
    check("commit abc1234-dirty, GCC: 12.2.0." in line, line)


# ---- all goals -----------------------------------------------------------------------------------------------------------
def at_a_glance(groups):
    """The cells behind what a goal is of, by that."""
    return {c[0][1:].split("]")[0]: c[1:] for c in ([x.strip() for x in line.strip("|").split("|")] for line in ft.glance(groups)[2:])}


@case("the goals at a glance: met when both ways meet it, and never by what is not known")
def goals_at_a_glance():
    one = [row("1 SA", way, 10.0, size=size, ratio_best=ratio, ratio_ipsecmb=1.15, limit_best_mpps=limit)
           for way, size, ratio, limit in (("encap", 64, 0.30, 25.0), ("decap", 64, 0.2999, 26.0), ("encap", 512, 0.7, 20), ("decap", 512, 0.66, 20),
                                           ("encap", 1420, 0.7, 3.0), ("decap", 1420, 0.6, 4.0))]
    found = at_a_glance({"one": group(*one)})
    check_equal(found["64 octets: share of the fastest bare AES-128-GCM call"], ["0.30", "0.30", "0.30", "encap alone"], "one way, and one only when rounded")
    check_equal(found["512 octets: share of the fastest bare AES-128-GCM call"], ["0.65", "0.70", "0.66", "met"], "both ways")
    check_equal(found["1420 octets: share of the fastest bare AES-128-GCM call"], ["0.80", "0.70", "0.60", "not met"], "neither")
    check_equal(found["1420 octets: share of ipsec-mb's bare AES-128-GCM call"], ["1.15", "1.15", "1.15", "met"], "of ipsec-mb")
    check_equal(found["64 octets: cycles of the fastest bare AES-128-GCM call"], ["at most 80", "80", "77", "met"], "at most: 2000 cycles a microsecond")
    check_equal(found["1420 octets: its cycles per octet"], ["at most 0.38", "0.47", "0.35", "decap alone"], "at most")
    for what in ("100,000 SAs: of one SA's rate", "2 SAs: two workers to one", "frames of 64: culvert's rate to that of ipsec-secgw",
                 "64 octets: cycles between receive and transmit, VPP's node there"):
        check_equal((found[what][1], found[what][-1]), ("not known", "not known"), what)


@case("the goals at a glance are of the same figures as the tables below")
def goals_of_the_tables():
    many = group(row("1 SA", "encap", 10.0), row("1 SA", "decap", 10.0), row("m", "encap", 8.0, sas=100000), row("m", "decap", 8.0, 27.0, sas=100000))
    two = group(*[row("w", way, mpps, sas=32, workers=n) for way, mpps, n in (("encap", 10.0, 1), ("decap", 10.0, 1), ("encap", 18.4, 2), ("decap", 19.0, 2))])
    found = at_a_glance({
        "isa": group(*[row("i", way, 1.0, size=1420, ratio_ipsecmb=ratio) for way, ratio in (("encap", 1.15), ("decap", 1.14))]),
        "many": many, "workers": two, "pcap": group(turns(512, (10, 10, 12), (50, 50, 50), (6, 6, 10))),
        "transforms": group(*[row("cbc", way, 1.0, transform="esp-aes-128-sha256", size=1420, ratio_best=0.93) for way in ("encap", "decap")]),
        "vpp": group(*[row("v", way, 1.0, size=size, stages={"between_ports": c}) for way, size, c in (("encap", 64, 202.0), ("decap", 64, 227.4),
                                                                                                      ("encap", 1400, 1.0), ("decap", 1400, 1.0))])})
    check_equal(found["100,000 SAs: of one SA's rate"], ["0.75", "0.80", "not known", "not known"], "a row beside a neighbour")
    check_equal(found["1420 octets: the same share, both held to AVX2"], ["1.15", "1.15", "1.14", "encap alone"], "held to AVX2")
    check_equal(found["1420 octets: share of ipsec-mb's bare AES-128-GCM call"][-1], "not known", "and of nothing else")
    check_equal(found["32 SAs: two workers to one"], ["1.85", "1.84", "1.90", "decap alone"], "two workers")
    check_equal(found["frames of 512: culvert's rate to that of ipsec-secgw"], ["1.60", "1.67", "", "met"], "one way is all there is")
    check_equal(found["1420 octets: share of ipsec-mb's multi-buffer calls, AES-128-CBC and HMAC-SHA-256"][-1], "met", "CBC")
    check_equal(found["64 octets: cycles between receive and transmit, VPP's node there"], ["at most 202, 227", "202", "227", "encap alone"], "VPP")
    check_equal(found["1400 octets: cycles between receive and transmit, VPP's node there"][0], "at most 707, 811", "a goal of each way")


@case("what the goals at a glance lead to is there")
def glance_leads_to_sections():
    with open(os.path.join(DOCS, "dataplane.md"), encoding="utf-8") as f:
        heads = re.findall(r"^#+ (.*)$", f.read(), re.M)
    anchors = {re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in heads}
    wanted = set(re.findall(r"\(#([^)]*)\)", "\n".join(ft.glance({}))))
    check(len(wanted) >= 6 and wanted <= anchors, "sections that are not there: %s" % (wanted - anchors))


# ---- the chart -----------------------------------------------------------------------------------------------------------
def bars_of(svg):
    """(unit, row, key) -> what a bar's height says by the axis beside it, and how exact that is."""
    found = {}
    for plot in (g for g in svg.iter(SVG + "g") if g.get("class") == "plot"):
        ticks = [(float(t.text), float(t.get("y"))) for t in plot.iter(SVG + "text") if t.get("text-anchor") == "end"]
        (low, bottom), (high, top) = min(ticks), max(ticks)
        for bar in (r for r in plot.iter(SVG + "rect") if r.get("class") == "bar"):
            check(abs(float(bar.get("y")) + float(bar.get("height")) - (bottom - 4)) < 0.11, "a bar stands on the axis")
            found[plot.get("data-of"), bar.get("data-row"), bar.get("data-of")] = (float(bar.get("height")) * (high - low) / (bottom - top), 0.06 * (high - low) / (bottom - top))
    return found


def bars_are_rows(svg, rows):
    """Every bar is its row's figure, and every row has its bars."""
    found = bars_of(svg)
    for r in rows:
        name = "%s %s" % (r["direction"], r["size"])
        for key in ("mpps", "limit_ipsecmb_mpps", "limit_best_mpps"):
            for unit, factor in (("Mpps", 1), ("Gb/s", r["gbps"] / r["mpps"])):
                drawn, exact = found.pop((unit, name, key))
                check(abs(drawn - r[key] * factor) <= exact, "%s %s %s: drawn %.3f, the row has %.3f" % (unit, name, key, drawn, r[key] * factor))
    check_equal(list(found), [], "bars without a row")


def stages_are_rows(svg, rows):
    drawn = {(s.get("data-row"), s.get("data-of")): float(s.get("width")) for s in svg.iter(SVG + "rect") if s.get("class") == "stage"}
    scale = statistics.median(drawn["%s %s" % (r["direction"], r["size"]), "crypto"] / r["stages"]["crypto"] for r in rows)
    for r in rows:
        for stage in ft.STAGES:
            width = drawn.pop(("%s %s" % (r["direction"], r["size"]), stage))
            check(abs(width - r["stages"][stage] * scale) < 0.2, "%s of %s: %.1f wide" % (stage, r["label"], width))
    check_equal(drawn, {}, "stages without a row")


@case("the chart is drawn of the very rows that are kept")
def chart_of_rows():
    rows = [row("1 SA", way, mpps, size=size) for way, size, mpps in (("encap", 64, 33.75), ("encap", "imix", 21.6), ("decap", 64, 32.1), ("decap", "imix", 0.123))]
    told = {"machine": {**MACHINE, "cpu": "A & B <C>"}, "groups": {"one": group(*rows)}}
    with tempfile.TemporaryDirectory() as d:
        path = os.path.join(d, "dataplane.svg")
        figure_chart.chart_write(path, {"machine": {}, "groups": {}})
        check(not os.path.exists(path), "a chart of nothing")
        figure_chart.chart_write(path, told)
        svg = xml.parse(path).getroot()
    bars_are_rows(svg, rows)
    stages_are_rows(svg, rows)
    check("A & B <C>" in "".join(svg.itertext()), "the processor's name")


def drift(name):
    return "%s is not what its JSON makes (tests/bench/figures.py --tables)" % name


@case("the page's tables and its chart are of the figures that lie beside them")
def page_is_of_its_figures():
    with open(os.path.join(DOCS, "dataplane.json"), encoding="ascii") as f:
        told = json.load(f)
    with open(os.path.join(DOCS, "dataplane.md"), encoding="utf-8") as f:
        page = f.read()
    for name, text in re.findall(r"<!-- figures: ([\w-]+) -->\n(.*?)<!-- end of figures -->", page, re.S):
        check_equal(text.strip().splitlines(), ft.lines_of(name, told), drift(name))
    svg = xml.parse(os.path.join(DOCS, "dataplane.svg")).getroot()
    bars_are_rows(svg, told["groups"]["one"]["rows"])
    stages_are_rows(svg, told["groups"]["one"]["rows"])


if __name__ == "__main__":
    main(needs_strongswan=False)
