"""A result as one SVG picture: packets a second (bars) over sizes, numbers of tunnels, or load."""
from html import escape

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 760, 380, 80, 60, 60
INK, BAR, FAINT = "#1b1f24", "#2a6f97", "#d0d7de"


def nice(top):
    """The next of 1, 2, 5 times a power of ten."""
    step = 10 ** (len(str(int(max(top, 1)))) - 1)
    return next(n * step for n in (1, 2, 5, 10) if n * step >= top)


def points(result):
    if result["scenario"] == "latency":
        return [("%s at %d %%" % (r["size"], 100 * r["share"]), r.get("avg_us", 0), "%.1f" % r.get("avg_us", 0)) for r in result["results"]]
    rows = []
    for r in result["results"]:
        pps = r["best"]["pps"] if r["best"] else 0
        rows.append((str(r.get("tunnels", r["size"])), pps / 1e6, "%.3f" % (pps / 1e6)))
    return rows


def text(x, y, words, size=12, anchor="middle", colour=INK):
    return '<text x="%.1f" y="%.1f" font-size="%d" text-anchor="%s" fill="%s">%s</text>' % (x, y, size, anchor, colour, escape(words))


def plot(result):
    rows = points(result)
    latency = result["scenario"] == "latency"
    top = nice(max([v for _, v, _ in rows] + [0.001]) * 1000) / 1000
    room, floor = HEIGHT - TOP - BOTTOM, HEIGHT - BOTTOM
    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif">' % (WIDTH, HEIGHT),
           '<rect width="100%" height="100%" fill="white"/>',
           text(LEFT, 24, "%s, %s" % (result["scenario"], result["transform"]), 16, "start"),
           text(LEFT, 44, "latency in microseconds" if latency else "million packets a second that came through", 12, "start")]
    for i in range(5):
        y = floor - room * i / 4
        out.append('<line x1="%d" y1="%.1f" x2="%d" y2="%.1f" stroke="%s"/>' % (LEFT, y, WIDTH - 20, y, FAINT))
        out.append(text(LEFT - 8, y + 4, "%g" % (top * i / 4), 11, "end"))
    pitch = (WIDTH - 20 - LEFT) / max(len(rows), 1)
    for i, (name, value, label) in enumerate(rows):
        high, x = room * value / top, LEFT + pitch * (i + 0.2)
        out.append('<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>' % (x, floor - high, pitch * 0.6, high, BAR))
        out.append(text(x + pitch * 0.3, floor - high - 5, label, 11))
        out.append(text(x + pitch * 0.3, floor + 18, name, 11))
    axis = "tunnels" if "tunnels" in result["results"][0] else "octets of the inner IP packet"
    out.append(text((LEFT + WIDTH - 20) / 2, HEIGHT - 14, axis, 12))
    return "\n".join(out + ["</svg>", ""])
