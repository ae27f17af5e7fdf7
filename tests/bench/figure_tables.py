"""The tables of docs/performance/dataplane.md, of the figures that figures.py has taken; each with its goal beside.

A page has places for them: what stands between `<!-- figures: NAME -->` and `<!-- end of figures -->` is replaced, the rest is its
author's. What no group has been taken for says so.
"""
import operator
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
QUIET = 1.25  # ports that take more than so many times what they take elsewhere had a neighbour on their processor
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


def spanned(form, values):
    """The median of rounds, with their ends where there are several."""
    if len(values) == 1:
        return form % values[0]
    return "%s (%s-%s)" % tuple(form % v for v in (statistics.median(values), min(values), max(values)))


def by_round(fn, *rounds):
    """Programs that take turns: what they are to one another is reckoned within a round, as the next one finds the machine otherwise."""
    return [fn(*of_round) for of_round in zip(*rounds)]


# ---- rows that are divided by rows --------------------------------------------------------------------------------------
def ports_of(row):
    return row["ports_cycles_per_packet"]


def ports_kind(row):
    """What ports take is the same for all rows of a kind, but for neighbours."""
    return row["receive"], row["size"] == 9000


def least_ports(groups):
    """What they take of each kind where nobody else was there, as far as that is known."""
    least = {}
    for row in (r for g in groups.values() for r in g["rows"] if "ports_cycles_per_packet" in r):
        least[ports_kind(row)] = min(ports_of(row), least.get(ports_kind(row), ports_of(row)))
    return least


def alike(a, b, least):
    """Were both rows taken of a machine in one state?"""
    more = [ports_of(r) / least[ports_kind(r)] for r in (a, b)]
    return max(more) <= QUIET * min(more)


def to_base(row, bases, least):
    """A row's rate to that of its base, the mean of those of the machine's same state. None: there is no such base."""
    rates = [b["mpps"] for b in bases if alike(row, b, least)]
    return row["mpps"] / statistics.mean(rates) if rates else None


def ratio_text(ratio):
    return "" if ratio is None else "%.2f" % ratio


def why_empty(ratios):
    """What stands below a table that has no ratio somewhere."""
    return [] if None not in ratios else [
        "", "No ratio: what ports take differs by more than a factor of %g between the row and the one that it would be divided by, so one of them had a neighbour "
        "on its processor." % QUIET]


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


# ---- one SA, held to AVX2 -------------------------------------------------------------------------------------------------
def kernel_goal(size, bare):
    """What a bare call takes, in the words of its goal, and that goal."""
    if size == 64:
        return cycles(bare), "at most %d%s" % (GOAL_KERNEL_64, ", met" if bare <= GOAL_KERNEL_64 else "")
    per = bare / size
    goal = "at most %.2f per octet%s" % (GOAL_KERNEL_OCTET, ", met" if per <= GOAL_KERNEL_OCTET else "") if size == 1420 else ""
    return "%s, %.2f per octet" % (cycles(bare), per), goal


def isa_row(row):
    size, best = row["size"], bare_cycles(row, "limit_best_mpps")
    return ("%s %s" % (row["direction"], size), ends(row), cycles(row["cycles_per_packet"]), cycles(row["ports_cycles_per_packet"]),
            cycles(bare_cycles(row, "limit_ipsecmb_mpps")), *share(row["ratio_ipsecmb"], GOAL_MB.get(size)), row["limit_best_engine"],
            *kernel_goal(size, best), *share(row["ratio_best"], GOAL_BEST.get(size)), cycles(row["beyond_best_cycles"]))


def isa(groups):
    return table(("", "Mpps", "cycles per packet", "of them ports", "bare ipsec-mb, cycles", "share", "goal", "fastest bare engine", "its cycles", "goal", "share",
                  "goal", "beyond that call, cycles"), [isa_row(r) for r in groups["isa"]["rows"]])


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
    rows, out, least, ratios = groups["paths"]["rows"], [], least_ports(groups), []
    for label in dict.fromkeys(r["label"] for r in rows):
        cells = [label]
        for way in ("encap", "decap"):
            for r in of(rows, label=label, direction=way):
                ratios.append(to_base(r, of(rows, label="tunnel", direction=way), least))
                cells += [ends(r), cycles(r["cycles_per_packet"]), ratio_text(ratios[-1])]
        out.append(cells + [""] * (7 - len(cells)))
    return table(("", "encap, Mpps", "cycles", "of a tunnel's rate", "decap, Mpps", "cycles", "of a tunnel's rate"), out) + why_empty(ratios)


# ---- many SAs, workers ---------------------------------------------------------------------------------------------------
def many_ratio(groups, row):
    return to_base(row, of(groups["many"]["rows"], sas=1, direction=row["direction"]), least_ports(groups))


def many(groups):
    rows, out, ratios = groups["many"]["rows"], [], []
    for label in dict.fromkeys(r["label"] for r in rows):
        cells = []
        for way in ("encap", "decap"):
            r = of(rows, label=label, direction=way)[0]
            ratios.append(many_ratio(groups, r))
            cells += [ends(r), cycles(r["cycles_per_packet"]), ratio_text(ratios[-1])]
        r = of(rows, label=label)[0]
        goal = GOAL_MANY.get(r["sas"]) if r["distribution"] == "uniform" else None
        out.append(("{:,}".format(r["sas"]), r["distribution"] if r["sas"] > 1 else "", "{:,}".format(r["used_sas"]), *cells,
                    "" if goal is None else "%.2f" % goal))
    return table(("SAs", "drawn", "that have packets", "encap, Mpps", "cycles", "of one SA's rate", "decap, Mpps", "cycles", "of one SA's rate", "goal"),
                 out) + why_empty(ratios)


def many_stages(groups):
    rows = [r for r in groups["many"]["rows"] if r["stages"]]
    return table(("SAs", "", "whole", *(s.replace("_", " ") for s in STAGES)),
                 [("{:,}".format(r["sas"]), r["direction"], cycles(r["cycles_per_packet"]), *(cycles(r["stages"][s]) for s in STAGES)) for r in rows])


def workers_ratio(groups, one):
    """The row of two workers for that of one, and its ratio."""
    two = of(groups["workers"]["rows"], workers=2, sas=one["sas"], direction=one["direction"])[0]
    return two, to_base(two, [one], least_ports(groups))


def workers(groups):
    out, ratios = [], []
    for r in of(groups["workers"]["rows"], workers=1):
        two, ratio = workers_ratio(groups, r)
        goal = GOAL_WORKERS if r["sas"] > 1 else None
        ratios.append(ratio)
        shown = share(ratio, goal) if ratio is not None else ("", "" if goal is None else "%.2f" % goal)
        out.append(("{:,}".format(r["sas"]), r["direction"], ends(r), ends(two), *shown))
    return table(("SAs", "", "one worker, Mpps", "two workers, Mpps", "ratio", "goal"), out) + why_empty(ratios)


def handoff_ratios(row):
    """Of the rounds in which both workers had turns that were full; each round has a figure of either worker."""
    return by_round(lambda right, off: sum(off) / sum(right), *zip(*((a, b) for a, b in zip(row["right"], row["handed_off"]) if all(a + b))))


def handoff_row(row):
    workers_of = [", ".join("%.0f" % statistics.median(of_worker) for of_worker in zip(*row[k])) for k in ("right", "handed_off")]
    ratios = handoff_ratios(row)
    return row["size"], *workers_of, spanned("%.2f", ratios) if ratios else "no turn that was full"


def handoff(groups):
    return table(("decap", "landing at the owner, cycles of either worker", "handed off, cycles", "ratio"), [handoff_row(r) for r in groups["handoff"]["rows"]])


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


def ns(rates):
    return [1000 / mpps for mpps in rates]


def pcap(groups):
    rows = []
    for r in groups["pcap"]["rows"]:
        ours, ports = ns(r["mpps"]), ns(r["ports_mpps"])
        rows.append((r["size"], spanned("%.2f", r["mpps"]), spanned("%.2f", r["ports_mpps"]), "%.1f" % statistics.median(ours), "%.1f" % statistics.median(ports),
                     spanned("%.1f", by_round(operator.sub, ours, ports))))
    lines = table(("frame", "culvert, Mpps of its own time", "ports alone (testpmd), Mpps", "culvert, ns per packet", "ports, ns", "beyond the ports, ns"), rows)
    return lines + ["", *secgw(groups["pcap"])]


def secgw_rows(group):
    """Those of the last time that ipsec-secgw took turns with culvert, and when that was if it was not with the group's others."""
    rows = [r for r in group["rows"] if r["secgw_mpps"]]
    return (rows, None) if rows else (group.get("secgw_rows", []), group.get("secgw_taken"))


def secgw_keep(group, before):
    """A group that was taken without ipsec-secgw keeps what there was of it, and when that had been taken."""
    rows, taken = secgw_rows(before)
    if rows and not secgw_rows(group)[0]:
        group["secgw_rows"], group["secgw_taken"] = rows, taken or before.get("taken", "a day that was not kept")


def secgw_ratios(row):
    """Round by round: how culvert stands to ipsec-secgw; what that takes beyond the ports, in ns; how culvert stands to it there."""
    ours, ports, other = (ns(row[k]) for k in ("mpps", "ports_mpps", "secgw_mpps"))
    return (by_round(lambda a, b: b / a, ours, other), by_round(operator.sub, other, ports),
            by_round(lambda a, b, p: (b - p) / (a - p), ours, other, ports))


def secgw(group):
    """How culvert stands to ipsec-secgw, and how the part of each that is not the ports."""
    rows, taken = secgw_rows(group)
    out = []
    for r in rows:
        ratios, beyond, left = secgw_ratios(r)
        out.append((r["size"], spanned("%.2f", r["secgw_mpps"]), spanned("%.2f", ratios), share(statistics.median(ratios), GOAL_SECGW[r["size"]])[1],
                    len(ratios), spanned("%.1f", beyond), spanned("%.2f", left)))
    if not out:
        return ["ipsec-secgw was not taken (`--secgw PROGRAM`)."]
    lines = table(("frame", "ipsec-secgw, `crypto_aesni_gcm`, Mpps of its own time", "culvert to it", "goal", "rounds", "ipsec-secgw beyond the ports, ns",
                   "culvert to it, ports left out"), out)
    return lines + (["", "The second table is of %s, with culvert and the ports in turns of that day." % taken] if taken else [])


# ---- how it was taken -------------------------------------------------------------------------------------------------------
def rounds_of(row):
    return row["rounds"] if "rounds" in row else len(row["mpps"] if "mpps" in row else row["right"])


def rounds_text(rows):
    least, most = (fn(map(rounds_of, rows)) for fn in (min, max))
    return "%d round%s" % (most, "" if most == 1 else "s") if least == most else "%d to %d rounds" % (least, most)


def case_text(group):
    """The seconds of a benchmark's case are of all its rounds; a program from net_pcap to net_null has as many in each."""
    rows = group["rows"]
    if "right" in rows[0]:
        return rounds_text(rows)
    return ("%s of %g s a program" % (rounds_text(rows), rows[0].get("seconds", group["seconds"])) if "ports_mpps" in rows[0] else "%g s in %s" % (group["seconds"], rounds_text(rows)))


def spread(row):
    """How far its rounds are apart. None: their figures were not kept one by one."""
    if "mpps_min" in row:
        return (row["mpps_max"] - row["mpps_min"]) / row["mpps"]
    rounds = row["mpps"] if "mpps" in row else [sum(of_round) for of_round in row["handed_off"]]
    return (max(rounds) - min(rounds)) / (statistics.median(rounds) or 1) if len(rounds) == rounds_of(row) else None


def noise(groups):
    out = []
    for name, g in groups.items():
        named = [(spread(r), " ".join(str(r[k]) for k in ("label", "direction", "size") if k in r)) for r in g["rows"]]
        spreads = sorted(s for s in named if s[0] is not None)
        wide = "%.0f %%, %.0f %% (%s)" % (100 * statistics.median(s for s, _ in spreads), 100 * spreads[-1][0], spreads[-1][1]) if spreads else "not kept"
        out.append((name, " ".join(g[k] for k in ("taken", "commit") if k in g), case_text(g), "%.1f to %.1f" % (g["load_least"], g["load_most"]),
                    "%.1f %%" % (100 * g["stolen"]), g.get("retaken", ""), wide))
    return table(("group", "taken", "each case", "load of the machine", "time that the hypervisor took", "taken again", "rounds of a case apart: the median, the most"), out)


# ---- all goals ----------------------------------------------------------------------------------------------------------------
WAYS = ("encap", "decap")
SHARE, CYCLES, OCTET = "%.2f", "%.0f", "%.2f"


def known(groups, group, value, **wanted):
    """What a group's row of these values tells; None: it has none."""
    rows = of(groups[group]["rows"], **wanted) if group in groups else []
    return value(rows[0]) if rows else None


def both_ways(groups, group, value, **wanted):
    return {way: known(groups, group, value, direction=way, **wanted) for way in WAYS}


def verdict(values, goals_of, at_most):
    if any(v is None for v in values.values()):
        return "not known"
    met = [way for way, v in values.items() if (v <= goals_of[way] if at_most else v >= goals_of[way])]
    return "met" if len(met) == len(values) else "%s alone" % met[0] if met else "not met"


def glance_row(what, section, form, goal, values, at_most=False):
    """A goal is one figure, or one of each way."""
    goals_of = goal if isinstance(goal, dict) else {way: goal for way in values}
    wanted = ", ".join(dict.fromkeys(form % g for g in goals_of.values()))
    return ("[%s](#%s)" % (what, section), "at most " + wanted if at_most else wanted,
            *("" if way not in values else "not known" if values[way] is None else form % values[way] for way in WAYS), verdict(values, goals_of, at_most))


def glance_shares(groups):
    """Of bare calls."""
    one_sa = "one-sa-aes-128-gcm"
    rows = [glance_row("%d octets: share of the fastest bare AES-128-GCM call" % size, one_sa, SHARE, goal,
                       both_ways(groups, "one", lambda r: r["ratio_best"], size=size)) for size, goal in GOAL_BEST.items()]
    rows += [glance_row("%d octets: share of ipsec-mb's bare AES-128-GCM call" % size, one_sa, SHARE, goal,
                        both_ways(groups, "one", lambda r: r["ratio_ipsecmb"], size=size)) for size, goal in GOAL_MB.items()]
    rows += [glance_row("%d octets: the same share, both held to AVX2" % size, "held-to-avx2", SHARE, goal,
                        both_ways(groups, "isa", lambda r: r["ratio_ipsecmb"], size=size)) for size, goal in GOAL_MB.items()]
    rows += [glance_row("%d octets: share of ipsec-mb's multi-buffer calls, AES-128-CBC and HMAC-SHA-256" % size, "other-transforms-and-jumbo-packets", SHARE, goal,
                        both_ways(groups, "transforms", lambda r: r["ratio_best"], transform="esp-aes-128-sha256", size=size)) for size, goal in GOAL_CBC.items()]
    kernels = "what-the-goals-leave"
    return rows + [
        glance_row("64 octets: cycles of the fastest bare AES-128-GCM call", kernels, CYCLES, GOAL_KERNEL_64,
                   both_ways(groups, "one", lambda r: bare_cycles(r, "limit_best_mpps"), size=64), at_most=True),
        glance_row("1420 octets: its cycles per octet", kernels, OCTET, GOAL_KERNEL_OCTET,
                   both_ways(groups, "one", lambda r: bare_cycles(r, "limit_best_mpps") / 1420, size=1420), at_most=True)]


def glance_scale(groups):
    """Many SAs, and workers."""
    rows = [glance_row("{:,} SAs: of one SA's rate".format(n), "many-sas", SHARE, goal,
                       both_ways(groups, "many", lambda r: many_ratio(groups, r), sas=n, distribution="uniform")) for n, goal in GOAL_MANY.items()]
    return rows + [glance_row("{:,} SAs: two workers to one".format(n), "two-workers", SHARE, GOAL_WORKERS,
                              both_ways(groups, "workers", lambda r: workers_ratio(groups, r)[1], sas=n, workers=1)) for n in (2, 32, 1000)]


def glance_others(groups):
    """Beside other programs."""
    rows = [glance_row("%d octets: cycles between receive and transmit, VPP's node there" % size, "vpps-esp-nodes", CYCLES, {way: THERE_VPP[way, size] for way in WAYS},
                       both_ways(groups, "vpp", lambda r: r["stages"]["between_ports"], size=size), at_most=True) for size in (64, 1400)]
    beside = {r["size"]: statistics.median(secgw_ratios(r)[0]) for r in secgw_rows(groups["pcap"])[0]} if "pcap" in groups else {}
    return rows + [glance_row("frames of %d: culvert's rate to that of ipsec-secgw" % size, "from-net_pcap-to-net_null", SHARE, goal, {"encap": beside.get(size)})
                   for size, goal in GOAL_SECGW.items()]


def glance(groups):
    return table(("", "goal", *WAYS, ""), glance_shares(groups) + glance_others(groups) + glance_scale(groups))


TABLES = {"glance": (None, glance), "one": ("one", one), "stages": ("one", stages), "goals": (None, goals), "kernel": ("one", kernel), "isa": ("isa", isa),
          "transforms": ("transforms jumbo", transforms),
          "paths": ("paths", paths), "many": ("many", many), "many-stages": ("many", many_stages), "workers": ("workers", workers),
          "handoff": ("handoff", handoff), "vpp": ("vpp", vpp), "vpp-stages": ("vpp", vpp_stages), "pcap": ("pcap", pcap), "noise": (None, noise)}


def machine(told):
    m = told["machine"]
    built = "commit %s, %s" % (m["commit"], m["compiler"]) if "commit" in m else "commit and compiler were not kept"
    return ["%s, %d processors, TSC %.0f MHz; Linux %s, %s, %s; %d pages of 2 MiB; %s; %s." %
            (m["cpu"], m["processors"], m["tsc_mhz"], m["kernel"], m["dpdk"], m["ipsec_mb"], m["huge_pages_of_2_mib"],
             "real-time priority" if m["real_time_priority"] else "ordinary priority", built)]


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
