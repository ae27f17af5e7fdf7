"""The tables of docs/performance/dataplane.md, of the figures that figures.py has taken; each with its goal beside.

A page has places for them: what stands between `<!-- figures: NAME -->` and `<!-- end of figures -->` is replaced, the rest is its
author's. What no group has been taken for says so.
"""
import re
import statistics

# The goals, set for another machine: shares of the fastest bare call (AES-GCM), of ipsec-mb's, of its multi-buffer calls.
GOAL_BEST = {64: 0.30, 512: 0.65, 1420: 0.80}
GOAL_MB = {1420: 1.15}
GOAL_CBC = {1420: 0.92}
GOAL_MANY = {100000: 0.75, 1000000: 0.55}
GOAL_WORKERS = 1.85
GOAL_SECGW = {64: 1.8, 512: 1.6, 1434: 1.5}
GOAL_KERNEL_64, GOAL_KERNEL_OCTET = 80, 0.38
# What was known of that machine when the goals were set: cycles of a public AES-GCM kernel and of VPP's ESP nodes.
THERE_KERNEL = {64: 74.0, 1420: 514.0}
THERE_VPP = {("encap", 64): 202, ("encap", 1400): 707, ("decap", 64): 227, ("decap", 1400): 811}
STAGES = ("receive", "classify", "esp_build", "crypto", "esp_finish", "route", "transmit")


def between(ends, size):
    """A kernel's cycles are a call's and so many for each octet: on the line through what is known of two sizes."""
    (a, at_a), (b, at_b) = sorted(ends.items())
    return at_a + (at_b - at_a) * (size - a) / (b - a)


def kernel_there(size):
    """What a bare call took there, and what the goals allow it to take."""
    return between(THERE_KERNEL, size), between({64: GOAL_KERNEL_64, 1420: 1420 * GOAL_KERNEL_OCTET}, size)


def allowance(size):
    """Cycles that the goal leaves on that machine for all but the bare call, of either figure of that call."""
    return tuple(bare / GOAL_BEST[size] - bare for bare in kernel_there(size))


def bare_cycles(row, limit):
    """Cycles of one worker's packet that a limit's call takes."""
    return row["cycles_per_packet"] * row["mpps"] / row[limit]


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return lines + ["| " + " | ".join(str(c) for c in row) + " |" for row in rows]


def ends(row):
    return "%.2f (%.2f-%.2f)" % (row["mpps"], row["mpps_min"], row["mpps_max"])


def cycles(value):
    return "{:,.0f}".format(value)


def of(rows, **wanted):
    """Those that have these values."""
    return [r for r in rows if all(r[k] == v for k, v in wanted.items())]


def share(value, goal):
    """Beside its goal, where there is one."""
    return ("%.2f" % value, "" if goal is None else ("%.2f, met" if value >= goal else "%.2f") % goal)


# ---- one SA -----------------------------------------------------------------------------------------------------------
def one_row(row):
    goal = GOAL_BEST.get(row["size"])
    leaves = "%.0f-%.0f" % allowance(row["size"]) if goal else ""
    return ("%s %s" % (row["direction"], row["size"]), ends(row), "%.1f" % row["gbps"], cycles(row["cycles_per_packet"]),
            cycles(row["ports_cycles_per_packet"]), cycles(bare_cycles(row, "limit_ipsecmb_mpps")), "%.2f" % row["ratio_ipsecmb"],
            "%s (%s)" % (cycles(bare_cycles(row, "limit_best_mpps")), row["limit_best_engine"]), *share(row["ratio_best"], goal),
            cycles(row["beyond_best_cycles"]), leaves)


def one(groups):
    rows = groups["one"]["rows"]
    lines = table(("", "Mpps", "Gb/s", "cycles per packet", "of them ports", "bare ipsec-mb, cycles", "share", "fastest bare engine, cycles", "share",
                   "goal", "beyond that call, cycles", "the goal leaves there"), [one_row(r) for r in rows])
    met = [r["ratio_ipsecmb"] for r in of(rows, size=1420) if r["direction"] != "both"]
    return lines + ["", "Of ipsec-mb's bare call at 1420 octets the goal is %.2f; here it is %s." %
                    (GOAL_MB[1420], " and ".join("%.2f" % m for m in met))]


def stages(groups):
    return stage_table(groups["one"]["rows"])


def stage_table(rows):
    return table(("", "whole", *(s.replace("_", " ") for s in STAGES), "between receive and transmit"),
                 [("%s %s" % (r["direction"], r["size"]), cycles(r["cycles_per_packet"]), *(cycles(r["stages"][s]) for s in STAGES),
                   cycles(r["stages"]["between_ports"])) for r in rows])


def goals(groups):
    del groups
    rows = []
    for size in (64, 512, 1420):
        there, allowed = kernel_there(size)
        rows.append((size, "%.2f" % GOAL_BEST[size], "%.0f, %.0f" % (there, allowed),
                     "%.0f, %.0f" % (there / GOAL_BEST[size], allowed / GOAL_BEST[size]), "%.0f, %.0f" % allowance(size)))
    return table(("octets", "goal: share of the fastest bare call", "that call there: a public kernel, the goal's own bound", "a packet may take there",
                  "beyond the call"), rows)


def kernel(groups):
    rows = {(r["direction"], r["size"]): r for r in groups["one"]["rows"]}
    out = []
    for way in ("encap", "decap"):
        short, long = rows[way, 64], rows[way, 1420]
        out.append((way, *("%.0f" % bare_cycles(short, k) for k in ("limit_best_mpps", "limit_ipsecmb_mpps")),
                    *("%.2f" % (bare_cycles(long, k) / 1420) for k in ("limit_best_mpps", "limit_ipsecmb_mpps"))))
    out.append(("goal", "at most %d" % GOAL_KERNEL_64, "95 there", "at most %.2f" % GOAL_KERNEL_OCTET, "0.63 there"))
    return table(("AES-128-GCM", "fastest, 64 octets, cycles", "ipsec-mb, 64 octets, cycles", "fastest, 1420 octets, cycles per octet",
                  "ipsec-mb, 1420 octets, cycles per octet"), out)


# ---- other transforms, sizes and paths -----------------------------------------------------------------------------------
def transforms(groups):
    out = []
    for r in groups["transforms"]["rows"] + groups["jumbo"]["rows"]:
        goal = (GOAL_BEST if r["transform"] == "esp-gcm-256" else GOAL_CBC if r["transform"] == "esp-aes-128-sha256" else {}).get(r["size"])
        out.append((r["transform"], "%s %s" % (r["direction"], r["size"]), ends(r), "%.1f" % r["gbps"], cycles(r["cycles_per_packet"]),
                    cycles(bare_cycles(r, "limit_ipsecmb_mpps")), "%.2f" % r["ratio_ipsecmb"],
                    "%s (%s)" % (cycles(bare_cycles(r, "limit_best_mpps")), r["limit_best_engine"]), *share(r["ratio_best"], goal),
                    cycles(r["beyond_best_cycles"])))
    return table(("", "", "Mpps", "Gb/s", "cycles per packet", "bare ipsec-mb, cycles", "share", "fastest bare engine, cycles", "share", "goal",
                  "beyond that call, cycles"), out)


def paths(groups):
    rows, out = groups["paths"]["rows"], []
    plain = {r["direction"]: r for r in of(rows, label="tunnel")}
    for label in dict.fromkeys(r["label"] for r in rows):
        cells = [label]
        for way in ("encap", "decap"):
            for r in of(rows, label=label, direction=way):
                cells += [ends(r), cycles(r["cycles_per_packet"]), "%.2f" % (r["mpps"] / plain[way]["mpps"])]
        out.append(cells + [""] * (7 - len(cells)))
    return table(("", "encap, Mpps", "cycles", "of a tunnel's rate", "decap, Mpps", "cycles", "of a tunnel's rate"), out)


# ---- many SAs, workers ---------------------------------------------------------------------------------------------------
def many(groups):
    rows, out = groups["many"]["rows"], []
    alone = {way: statistics.mean(r["mpps"] for r in of(rows, sas=1, direction=way)) for way in ("encap", "decap")}
    for label in dict.fromkeys(r["label"] for r in rows):
        cells = []
        for way in ("encap", "decap"):
            r = of(rows, label=label, direction=way)[0]
            cells += [ends(r), cycles(r["cycles_per_packet"]), "%.2f" % (r["mpps"] / alone[way])]
        r = of(rows, label=label)[0]
        goal = GOAL_MANY.get(r["sas"]) if r["distribution"] == "uniform" else None
        out.append(("{:,}".format(r["sas"]), r["distribution"] if r["sas"] > 1 else "", "{:,}".format(r["used_sas"]), *cells,
                    "" if goal is None else "%.2f" % goal))
    return table(("SAs", "drawn", "that have packets", "encap, Mpps", "cycles", "of one SA's rate", "decap, Mpps", "cycles", "of one SA's rate", "goal"), out)


def many_stages(groups):
    rows = [r for r in groups["many"]["rows"] if r["stages"]]
    return table(("SAs", "", "whole", *(s.replace("_", " ") for s in STAGES)),
                 [("{:,}".format(r["sas"]), r["direction"], cycles(r["cycles_per_packet"]), *(cycles(r["stages"][s]) for s in STAGES)) for r in rows])


def workers(groups):
    rows, out = groups["workers"]["rows"], []
    for r in of(rows, workers=1):
        two = of(rows, workers=2, sas=r["sas"], direction=r["direction"])[0]
        out.append(("{:,}".format(r["sas"]), r["direction"], ends(r), ends(two), *share(two["mpps"] / r["mpps"], GOAL_WORKERS if r["sas"] > 1 else None)))
    return table(("SAs", "", "one worker, Mpps", "two workers, Mpps", "ratio", "goal"), out)


def handoff(groups):
    return table(("decap", "landing at the owner, cycles of either worker", "handed off, cycles", "ratio"),
                 [(r["size"], ", ".join(map(str, r["right"])), ", ".join(map(str, r["handed_off"])), "%.2f" % (sum(r["handed_off"]) / sum(r["right"])) if all(r["right"] + r["handed_off"]) else "no turn that was full")
                  for r in groups["handoff"]["rows"]])


# ---- beside others ---------------------------------------------------------------------------------------------------------
def vpp(groups):
    rows, out = groups["vpp"]["rows"], []
    for r in rows:
        way, size, sums = r["direction"], r["size"], r["stages"]["between_ports"]
        node, there = THERE_VPP[way, size], THERE_KERNEL[64 if size == 64 else 1420]
        bare = bare_cycles(r, "limit_best_mpps")
        out.append(("%s %s" % (way, size), node, cycles(sums), "met" if sums <= node else "not met", cycles(there), cycles(node - there),
                    cycles(bare), cycles(sums - bare)))
    return table(("", "VPP's node there, cycles: the goal", "culvert here, between receive and transmit", "", "kernel there", "VPP's node beyond it", "kernel here",
                  "culvert beyond it"), out)


def vpp_stages(groups):
    return stage_table(groups["vpp"]["rows"])


def pcap(groups):
    rows = []
    for r in groups["pcap"]["rows"]:
        ours, ports = statistics.median(r["mpps"]), statistics.median(r["ports_mpps"])
        rows.append((r["size"], "%.2f (%.2f-%.2f)" % (ours, min(r["mpps"]), max(r["mpps"])),
                     "%.2f (%.2f-%.2f)" % (ports, min(r["ports_mpps"]), max(r["ports_mpps"])), "%.1f" % (1000 / ours), "%.1f" % (1000 / ports),
                     "%.1f" % (1000 / ours - 1000 / ports)))
    lines = table(("frame", "culvert, Mpps of its own time", "ports alone (testpmd), Mpps", "culvert, ns per packet", "ports, ns", "beyond the ports, ns"), rows)
    return lines + ["", *secgw(groups["pcap"]["rows"])]


def secgw(rows):
    """How culvert stands to ipsec-secgw, and how the part of each that is not the ports."""
    out = []
    for r in (r for r in rows if r["secgw_mpps"]):
        ours, ports, other = (1000 / statistics.median(r[k]) for k in ("mpps", "ports_mpps", "secgw_mpps"))
        out.append((r["size"], "%.2f (%.2f-%.2f)" % (1000 / other, min(r["secgw_mpps"]), max(r["secgw_mpps"])), *share(other / ours, GOAL_SECGW[r["size"]]),
                    "%.1f" % (other - ports), "%.2f" % ((other - ports) / (ours - ports))))
    return table(("frame", "ipsec-secgw, `crypto_aesni_gcm`, Mpps of its own time", "culvert to it", "goal", "ipsec-secgw beyond the ports, ns", "culvert to it, ports left out"),
                 out) if out else ["ipsec-secgw was not taken in these turns (`--secgw PROGRAM`)."]


# ---- how it was taken -------------------------------------------------------------------------------------------------------
def spread(row):
    return (row["mpps_max"] - row["mpps_min"]) / row["mpps"]


def noise(groups):
    out = []
    for name, g in groups.items():
        spreads = sorted((spread(r), "%s %s %s" % (r["label"], r["direction"], r["size"])) for r in g["rows"] if "mpps_min" in r)
        wide = "%.0f %%, %.0f %% (%s)" % (100 * statistics.median(s for s, _ in spreads), 100 * spreads[-1][0], spreads[-1][1]) if spreads else ""
        out.append((name, "%g s in %d rounds" % (g["seconds"], g["rounds"]), "%.1f to %.1f" % (g["load_least"], g["load_most"]),
                    "%.1f %%" % (100 * g["stolen"]), g.get("retaken", ""), wide))
    return table(("group", "each case", "load of the machine", "time that the hypervisor took", "taken again", "rounds of a case apart: the median, the most"), out)


TABLES = {"one": ("one", one), "stages": ("one", stages), "goals": (None, goals), "kernel": ("one", kernel), "transforms": ("transforms jumbo", transforms),
          "paths": ("paths", paths), "many": ("many", many), "many-stages": ("many", many_stages), "workers": ("workers", workers),
          "handoff": ("handoff", handoff), "vpp": ("vpp", vpp), "vpp-stages": ("vpp", vpp_stages), "pcap": ("pcap", pcap), "noise": (None, noise)}


def machine(told):
    m = told["machine"]
    return ["%s, %d processors, TSC %.0f MHz; Linux %s, %s, %s; %d pages of 2 MiB; %s." %
            (m["cpu"], m["processors"], m["tsc_mhz"], m["kernel"], m["dpdk"], m["ipsec_mb"], m["huge_pages_of_2_mib"],
             "real-time priority" if m["real_time_priority"] else "ordinary priority")]


def lines_of(name, told):
    if name == "machine":
        return machine(told) if "cpu" in told["machine"] else ["Not taken."]
    needs, fn = TABLES[name]
    if any(n not in told["groups"] for n in (needs or "").split()):
        return ["Not taken."]
    return fn(told["groups"])


def page_write(path, told):
    """Replaces the tables of the page. A place of an unknown name, or a table without a place, is a mistake."""
    with open(path, encoding="utf-8") as f:
        page = f.read()
    pattern = re.compile(r"(<!-- figures: ([\w-]+) -->\n).*?(<!-- end of figures -->)", re.S)
    places = [m.group(2) for m in pattern.finditer(page)]
    if sorted(places) != sorted(["machine", *TABLES]):
        raise SystemExit("%s: places for %s; tables are %s" % (path, " ".join(sorted(places)), " ".join(sorted(["machine", *TABLES]))))
    page = pattern.sub(lambda m: m.group(1) + "\n" + "\n".join(lines_of(m.group(2), told)) + "\n\n" + m.group(3), page)
    with open(path, "w", encoding="utf-8") as f:
        f.write(page)
