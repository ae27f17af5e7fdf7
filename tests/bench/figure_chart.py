"""docs/performance/dataplane.svg: the rows of the group `one` as a chart, of the very figures that its table is of.

It looks as the chart of `culvert bench dataplane --svg` (dataplane/dp_bench_svg.c). That one draws a run of its own; rows that are kept here can be
of several, as each is the quietest of its tries.
"""
import html
import itertools

import figure_tables

WIDTH, MARGIN, HEAD = 1040, 20, 112  # the head: title, machine, legend
PLOT_W, PLOT_H, PLOT_X, GAP = 440, 200, 60, 80
ABOVE, BELOW = 44, 52  # a plot's title; its sizes and shares
BAR_MAX, LABEL_MIN = 42, 22  # widths: of a bar, and of one that has its value above
STAGE_H, STAGE_X, STAGE_W = 24, 110, 800
TICKS = 5
TEXT, GRID, PALE = "#24292f", "#e6e8eb", "#57606a"
BARS = (("mpps", "#1f6fb2"), ("limit_ipsecmb_mpps", "#b8bec6"), ("limit_best_mpps", "#e8a33d"))
LOOP = BARS[0][1]
STAGES = tuple(zip(figure_tables.STAGES, ("#9aa5b1", "#4c9f70", "#1f6fb2", "#d1495b", "#6a4c93", "#edae49", "#c9ced6")))


def text(x, y, words, more=""):
    return '<text x="%.1f" y="%.1f"%s>%s</text>' % (x, y, " " + more if more else "", html.escape(words))


def rect(x, y, width, height, fill, more=""):
    return '<rect%s x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>' % (" " + more if more else "", x, y, width, height, fill)


def in_unit(row, mpps, gbps):
    """Mpps, or Gb/s of inner packets at so many of them."""
    return mpps * row["gbps"] / row["mpps"] if gbps else mpps


def axis_end(value):
    """A round number that is not under it: one digit or two, times a power of ten, times TICKS."""
    return next(step * 10.0 ** power * TICKS for power in itertools.count(-6) for step in (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8) if step * 10.0 ** power * TICKS >= value)


def value_text(v):
    return "%.0f" % v if v >= 100 else "%.1f" % v if v >= 10 else "%.2f" % v


def row_name(row):
    return "%s %s" % (row["direction"], row["size"])


def axis(x, y, end, title):
    yield text(x, y - 22, title, 'font-weight="bold"')
    for i in range(TICKS + 1):
        at = y + PLOT_H - PLOT_H * i / TICKS
        yield '<path d="M%.1f %.1fh%d" stroke="%s"/>' % (x, at, PLOT_W, GRID if i else TEXT)
        yield text(x - 6, at + 4, "%g" % (end * i / TICKS), 'text-anchor="end" font-size="11"')


def bar(row, key, colour, gbps, place, end):
    """One bar at its place (x, width, bottom); the loop's has a line from the least to the most of its rounds."""
    x, width, bottom = place
    height, low, high = (in_unit(row, row[k], gbps) / end * PLOT_H for k in (key, "mpps_min", "mpps_max"))
    loop = key == "mpps"
    yield rect(x, bottom - height, width, height, colour, 'class="bar" data-row="%s" data-of="%s"' % (row_name(row), key))
    if loop:
        yield '<path d="M%.1f %.1fV%.1f" stroke="%s" stroke-width="1.5"/>' % (x + width / 2, bottom - low, bottom - high, TEXT)
    if width >= LABEL_MIN:
        style = 'text-anchor="middle" font-size="12" font-weight="bold"' if loop else 'text-anchor="middle" font-size="10" fill="%s"' % PALE
        yield text(x + width / 2, bottom - max(height, high if loop else 0) - 4, value_text(in_unit(row, row[key], gbps)), style)


def plot(rows, gbps, x, y):
    """The rows of one direction against size."""
    end = axis_end(max(in_unit(r, r[key], gbps) for r in rows for key, _ in BARS))
    yield '<g class="plot" data-of="%s">' % ("Gb/s" if gbps else "Mpps")
    yield from axis(x, y, end, "%s, %s" % (rows[0]["direction"], "Gb/s of inner packets" if gbps else "million packets per second"))
    step = PLOT_W / len(rows)
    width = min(step * 0.8 / len(BARS), BAR_MAX)
    for i, row in enumerate(rows):
        middle = x + step * (i + 0.5)
        for n, (key, colour) in enumerate(BARS):
            yield from bar(row, key, colour, gbps, (middle + width * (n - len(BARS) / 2), width - 2, y + PLOT_H), end)
        yield text(middle, y + PLOT_H + 18, str(row["size"]), 'text-anchor="middle"')
        yield text(middle, y + PLOT_H + 36, "%.0f %%" % (100 * row["ratio_best"]), 'text-anchor="middle" font-size="12" fill="%s"' % LOOP)
    yield "</g>"


def stages_row(row, y, scale):
    x = STAGE_X
    yield text(STAGE_X - 8, y + 14, row_name(row), 'text-anchor="end"')
    for stage, colour in STAGES:
        took = row["stages"][stage]
        yield rect(x, y, took * scale, STAGE_H - 6, colour, 'class="stage" data-row="%s" data-of="%s"' % (row_name(row), stage))
        if took * scale >= LABEL_MIN:
            yield text(x + took * scale / 2, y + 13, "%.0f" % took, 'text-anchor="middle" font-size="11" fill="#fff"')
        x += took * scale
    yield text(x + 6, y + 14, "%.0f" % sum(row["stages"][s] for s, _ in STAGES), 'font-size="12"')


def stages(rows, y):
    yield text(PLOT_X, y, "TSC cycles per packet by stage", 'font-weight="bold"')
    for i, (stage, colour) in enumerate(STAGES):
        yield rect(STAGE_X + 118 * i, y + 14, 12, 12, colour)
        yield text(STAGE_X + 118 * i + 17, y + 24, stage.replace("_", " "), 'font-size="12"')
    most = max(sum(r["stages"][s] for s, _ in STAGES) for r in rows)
    for i, row in enumerate(rows):
        yield from stages_row(row, y + 38 + i * STAGE_H, STAGE_W / most)


def said(rows, key):
    """Of all rows; where they differ, all of it."""
    return ", ".join(dict.fromkeys(str(r[key]) for r in rows))


def head(rows, machine):
    first = rows[0]
    what = "%s, %d SA, %d worker, IPv%d in IPv%d, window %d%s" % (first["transform"], first["sas"], first["workers"], first["inner"], first["outer"],
                                                                 first["replay_window"], ", 2 MiB pages" if first["huge_pages"] else "")
    yield text(MARGIN, 30, "culvert-dp: " + what, 'font-size="19" font-weight="bold"')
    yield text(MARGIN, 54, "%s, TSC %.0f MHz, %s, %s; engine %s. Median of %s rounds, the line in a bar is their range." %
               (machine["cpu"], machine["tsc_mhz"], machine["dpdk"], machine["ipsec_mb"], said(rows, "engine"), said(rows, "rounds")))
    yield text(MARGIN, 72, "Along the axis: octets of the inner IP packet.", 'fill="%s"' % PALE)
    names = ("culvert, ports included", "limit: bare ipsec-mb (%s)" % said(rows, "limit_kind"), "limit: fastest bare engine (%s)" % said(rows, "limit_best_engine"))
    for i, ((_, colour), name) in enumerate(zip(BARS, names)):
        yield rect(MARGIN + 260 * i, 84, 12, 12, colour)
        yield text(MARGIN + 260 * i + 18, 95, name)
    yield text(MARGIN + 260 * len(BARS), 95, "%: of the fastest bare engine", 'fill="%s"' % LOOP)


def chart(told):
    """The lines of the SVG file."""
    rows = told["groups"]["one"]["rows"]
    directions = list(dict.fromkeys(r["direction"] for r in rows))
    panel = ABOVE + PLOT_H + BELOW
    plots = HEAD + panel * len(directions)
    height = plots + 70 + len(rows) * STAGE_H
    yield ('<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="sans-serif" font-size="13" fill="%s">' %
           (WIDTH, height, WIDTH, height, TEXT))
    yield rect(0, 0, WIDTH, height, "#fff")
    yield from head(rows, told["machine"])
    for i, way in enumerate(directions):
        of_way = figure_tables.of(rows, direction=way)
        for gbps in (False, True):
            yield from plot(of_way, gbps, PLOT_X + (PLOT_W + GAP) * gbps, HEAD + ABOVE + panel * i)
    yield from stages(rows, plots + 20)
    yield "</svg>"


def chart_write(path, told):
    """Nothing to draw: the file stays away, or as it is."""
    if "one" not in told["groups"]:
        return
    with open(path, "w", encoding="utf-8") as f:
        f.write("\n".join(chart(told)) + "\n")
