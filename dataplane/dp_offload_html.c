#include "dataplane/dp_offload_html.h"
#include "dataplane/dp_bench_report.h"
#include "dataplane/dp_offload_glance.h"
#include "dataplane/dp_offload_loop.h"
#include "dataplane/dp_offload_report.h"

#include <math.h>
#include <rte_common.h>
#include <rte_version.h>
#include <string.h>

enum {
    PLOT_W = 470,
    PLOT_H = 240,
    LEFT = 58,
    TOP = 34,
    RIGHT = 14,
    BOTTOM = 44,
    TICKS = 5,
    DEPTH_SIZE = 512
};

static const char *const colours[] = {"#57606a", "#1f6fb2", "#d1495b", "#edae49", "#4c9f70", "#6a4c93",
                                      "#00798c", "#a3623a", "#c2185b", "#607d3b", "#3f51b5", "#9e9e9e"};

const char *dp_offload_colour(unsigned engine)
{
    return colours[engine % RTE_DIM(colours)];
}

void dp_offload_html_text(FILE *f, const char *text)
{
    for (; *text; text++)
        switch (*text) {
        case '<':
            fputs("&lt;", f);
            break;
        case '>':
            fputs("&gt;", f);
            break;
        case '&':
            fputs("&amp;", f);
            break;
        default:
            fputc(*text >= ' ' && *text < 127 ? *text : ' ', f);
        }
}

/* ---- plots ------------------------------------------------------------------------------------------------------------------ */
enum what { GBPS, CYCLES, DEEP_CYCLES, DEEP_P50, DEEP_P99 };

struct plot {
    const struct offload_report *r;
    unsigned transform, dir;
    enum what what;
    double x_min, x_max, y_max; /* x as its logarithm to base 2 */
};

static bool is_deep(const struct plot *p)
{
    return p->what >= DEEP_CYCLES;
}

/* The size whose depths are plotted: DEPTH_SIZE, else the last. */
static unsigned deep_size(const struct offload_report *r)
{
    for (unsigned z = 0; z < r->plan.size_count; z++)
        if (r->plan.sizes[z] == DEPTH_SIZE)
            return z;
    return r->plan.size_count - 1;
}

/* The i-th point of engine e; false: there is none. x is not yet a logarithm. */
static bool point(const struct plot *p, const struct offload_engine *e, unsigned i, double *x, double *y)
{
    const struct offload_report *r = p->r;
    const struct offload_row *row;
    if (is_deep(p)) {
        row = &e->rows[p->transform][p->dir][deep_size(r)][i];
        if (!row->done)
            return false;
        *x = dp_offload_depths[i];
        *y = p->what == DEEP_CYCLES ? row->cycles : (p->what == DEEP_P50 ? row->p50 : row->p99) / 1000;
        return true;
    }
    if (r->plan.sizes[i] == BENCH_IMIX)
        return false;
    row = dp_offload_best(e, p->transform, p->dir, i, NULL);
    if (!row)
        return false;
    *x = r->plan.sizes[i];
    *y = p->what == CYCLES ? row->cycles : r->tsc_mhz / row->cycles * *x * 8 / 1000;
    return true;
}

static unsigned points(const struct plot *p)
{
    return is_deep(p) ? (unsigned)OFFLOAD_DEPTHS : p->r->plan.size_count;
}

static double round_up(double v)
{
    static const double steps[] = {1, 1.5, 2, 2.5, 3, 4, 5, 6, 8};
    for (double power = 1e-4; power < 1e12; power *= 10)
        for (unsigned i = 0; i < RTE_DIM(steps); i++)
            if (steps[i] * power * TICKS >= v)
                return steps[i] * power * TICKS;
    return v;
}

static void frame_find(struct plot *p)
{
    double x, y, most = 0;
    p->x_min = 1e9;
    p->x_max = 0;
    for (unsigned e = 0; e < p->r->engine_count; e++)
        for (unsigned i = 0; i < points(p); i++)
            if (point(p, &p->r->engines[e], i, &x, &y)) {
                p->x_min = fmin(p->x_min, log2(x));
                p->x_max = fmax(p->x_max, log2(x));
                most = fmax(most, y);
            }
    if (p->x_max <= p->x_min)
        p->x_max = p->x_min + 1;
    p->y_max = round_up(most);
}

static double at_x(const struct plot *p, double x)
{
    return LEFT + (log2(x) - p->x_min) / (p->x_max - p->x_min) * PLOT_W;
}
static double at_y(const struct plot *p, double y)
{
    return TOP + PLOT_H - y / p->y_max * PLOT_H;
}

static void axes(FILE *f, const struct plot *p)
{
    static const char *const titles[] = {"Gb/s of inner packets", "TSC cycles per packet",
                                         "TSC cycles per packet by depth", "latency p50, us, by depth",
                                         "latency p99, us, by depth"};
    fprintf(f, "<text x=\"%d\" y=\"20\" font-weight=\"bold\">%s, %s</text>\n", LEFT,
            dp_bench_dir_name(p->dir), titles[p->what]);
    for (unsigned i = 0; i <= TICKS; i++) {
        const double v = p->y_max * i / TICKS;
        fprintf(f,
                "<path d=\"M%d %.1fh%d\" stroke=\"#e6e8eb\"/><text x=\"%d\" y=\"%.1f\" text-anchor=\"end\" "
                "font-size=\"11\">%g</text>\n",
                LEFT, at_y(p, v), PLOT_W, LEFT - 6, at_y(p, v) + 4, v);
    }
    for (unsigned i = 0; i < points(p); i++) {
        const unsigned x = is_deep(p) ? dp_offload_depths[i] : p->r->plan.sizes[i];
        if (x > 0 && at_x(p, x) >= LEFT - 1 && at_x(p, x) <= LEFT + PLOT_W + 1)
            fprintf(f, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\" font-size=\"11\">%u</text>\n",
                    at_x(p, x), TOP + PLOT_H + 16, x);
    }
    fprintf(f, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\" font-size=\"11\" fill=\"#57606a\">%s</text>\n",
            LEFT + PLOT_W / 2, TOP + PLOT_H + 34,
            is_deep(p) ? "packets under way; one point: bursts in one call" : "octets of the inner packet");
}

static void line(FILE *f, const struct plot *p, unsigned engine)
{
    double x, y;
    bool started = false;
    for (unsigned i = 0; i < points(p); i++)
        if (point(p, &p->r->engines[engine], i, &x, &y)) {
            fprintf(f, started ? "L%.1f %.1f" : "<path class=\"line\" d=\"M%.1f %.1f", at_x(p, x),
                    at_y(p, y));
            started = true;
        }
    if (!started)
        return;
    fprintf(f, "\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\"/>\n", dp_offload_colour(engine));
    for (unsigned i = 0; i < points(p); i++)
        if (point(p, &p->r->engines[engine], i, &x, &y)) {
            fprintf(f, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"><title>", at_x(p, x), at_y(p, y),
                    dp_offload_colour(engine));
            dp_offload_html_text(f, p->r->engines[engine].word);
            fprintf(f, ": %.2f</title></circle>\n", y);
        }
}

static void plot_draw(FILE *f, const struct offload_report *r, unsigned transform, unsigned dir,
                      enum what what)
{
    struct plot p = {.r = r, .transform = transform, .dir = dir, .what = what};
    frame_find(&p);
    if (p.y_max <= 0)
        return;
    fprintf(f, "<svg width=\"%d\" height=\"%d\" font-size=\"13\" font-family=\"sans-serif\">\n",
            LEFT + PLOT_W + RIGHT, TOP + PLOT_H + BOTTOM);
    axes(f, &p);
    for (unsigned e = 0; e < r->engine_count; e++)
        line(f, &p, e);
    fputs("</svg>\n", f);
}

/* ---- tables ------------------------------------------------------------------------------------------------------------------ */
static void legend(FILE *f, const struct offload_report *r, unsigned t)
{
    fputs("<p>", f);
    for (unsigned e = 0; e < r->engine_count; e++) {
        if (!r->engines[e].took[t])
            continue;
        fprintf(f, "<span style=\"color:%s\">&#9632;</span> ", dp_offload_colour(e));
        dp_offload_html_text(f, r->engines[e].word);
        fputs(" &nbsp; ", f);
    }
    fputs("</p>\n", f);
}

static void engine_row(FILE *f, const struct offload_report *r, unsigned t, unsigned i)
{
    const struct offload_engine *e = &r->engines[i];
    fputs("<tr><td>", f);
    dp_offload_html_text(f, e->word);
    fputs("</td>", f);
    if (!e->ran || !e->took[t]) {
        fputs("<td colspan=\"2\">", f);
        dp_offload_html_text(f, !e->ran ? e->why : "does not do this transform");
        fputs("</td></tr>\n", f);
        return;
    }
    for (unsigned d = 0; d < OFFLOAD_DIRS; d++) {
        char from[24];
        dp_offload_crossover(r, e, t, d, from);
        fprintf(f, "<td>%s</td>", from);
    }
    fputs("</tr>\n", f);
}

static void figures_row(FILE *f, const struct offload_report *r, const struct offload_engine *e, unsigned t,
                        unsigned d, unsigned z)
{
    unsigned depth = 0;
    char size[16];
    const struct offload_row *row = dp_offload_best(e, t, d, z, &depth);
    if (!row)
        return;
    dp_offload_size_text(r->plan.sizes[z], size);
    const double mpps = r->tsc_mhz / row->cycles;
    fprintf(f, "<tr><td>%s</td><td>%s</td><td>", dp_bench_dir_name(d), size);
    dp_offload_html_text(f, e->word);
    fprintf(f,
            "</td><td>%u</td><td>%.3f</td><td>%.2f</td><td>%.0f (%.0f-%.0f)</td><td>%.0f</td><td>%.0f</td>"
            "<td>%.2f</td><td>%.0f</td><td>%.0f</td><td>%.0f</td><td>%.0f</td></tr>\n",
            dp_offload_depths[depth], mpps, mpps * dp_offload_octets(r->plan.sizes[z]) * 8 / 1000,
            row->cycles, row->low, row->high, row->busy, row->mb, row->mb / row->cycles, row->p50, row->p90,
            row->p99, row->p999);
}

static void loop_row(FILE *f, const struct offload_report *r, const struct offload_engine *e, unsigned t,
                     unsigned d, unsigned z)
{
    const struct offload_loop *row = &e->loop[t][d][z];
    char size[16];
    if (!row->done)
        return;
    dp_offload_size_text(r->plan.loop_sizes[z], size);
    fprintf(f, "<tr><td>%s</td><td>%s</td><td>", dp_bench_dir_name(d), size);
    dp_offload_html_text(f, e->word);
    fprintf(f, "</td><td>%.3f (%.3f-%.3f)</td><td>%.2f</td><td>%.0f</td><td>%.2f</td><td>%.2f</td></tr>\n",
            row->mpps, row->low, row->high, row->mpps * dp_offload_octets(r->plan.loop_sizes[z]) * 8 / 1000,
            row->cycles, row->mpps / row->mb, dp_offload_loop_ratio(r, e, t, d, z));
}

static void loop_part(FILE *f, const struct offload_report *r, unsigned t)
{
    if (r->plan.loop_size_count == 0)
        return;
    fputs("<h3>Through the worker's loop</h3>\n<p>share: of the bare ipsec-mb call, in turns with the loop; "
          "ratio: "
          "of shares, to the loop with ipsec-mb.</p>\n<table><tr><th></th><th>size</th><th>engine</th>"
          "<th>Mpps (least-most)</th><th>Gb/s</th><th>cycles</th><th>share</th><th>ratio</th></tr>\n",
          f);
    for (unsigned d = 0; d < OFFLOAD_DIRS; d++)
        for (unsigned z = 0; z < r->plan.loop_size_count; z++)
            for (unsigned i = 0; i < r->engine_count; i++)
                loop_row(f, r, &r->engines[i], t, d, z);
    fputs("</table>\n", f);
    for (unsigned i = 0; i < r->engine_count; i++)
        if (r->engines[i].loop_why[0]) {
            fputs("<p>", f);
            dp_offload_html_text(f, r->engines[i].word);
            fputs(" did not run in the loop: ", f);
            dp_offload_html_text(f, r->engines[i].loop_why);
            fputs("</p>\n", f);
        }
}

static void transform_part(FILE *f, const struct offload_report *r, unsigned t)
{
    fprintf(f, "<h2>%s</h2>\n", r->plan.transforms[t]->name);
    legend(f, r, t);
    for (unsigned d = 0; d < OFFLOAD_DIRS; d++)
        for (enum what w = GBPS; w <= DEEP_P99; w++)
            plot_draw(f, r, t, d, w);
    char size[16];
    dp_offload_size_text(r->plan.sizes[deep_size(r)], size);
    fprintf(f,
            "<p>Plots by depth are of inner packets of: %s.</p>\n<h3>Fewer cycles than ipsec-mb from which "
            "inner packet "
            "on</h3>\n<table><tr><th>engine</th><th>encap</th><th>decap</th></tr>\n",
            size);
    for (unsigned i = 0; i < r->engine_count; i++)
        engine_row(f, r, t, i);
    fputs("</table>\n<h3>Each engine at the depth where it takes the fewest "
          "cycles</h3>\n<table><tr><th></th><th>size</th>"
          "<th>engine</th><th>depth</th><th>Mpps</th><th>Gb/s</th><th>cycles (quartiles)</th><th>of them "
          "CPU</th>"
          "<th>ipsec-mb</th><th>ratio</th><th>p50 ns</th><th>p90</th><th>p99</th><th>p99.9</th></tr>\n",
          f);
    for (unsigned d = 0; d < OFFLOAD_DIRS; d++)
        for (unsigned z = 0; z < r->plan.size_count; z++)
            for (unsigned i = 0; i < r->engine_count; i++)
                figures_row(f, r, &r->engines[i], t, d, z);
    fputs("</table>\n", f);
    loop_part(f, r, t);
}

static void head(FILE *f, const struct offload_report *r)
{
    char cpu[128];
    dp_bench_cpu_name(cpu, sizeof cpu);
    fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/><title>culvert bench "
          "offload</title>\n<style>"
          "body{font-family:sans-serif;font-size:14px;color:#24292f;margin:24px;max-width:1180px}"
          "table{border-collapse:collapse;font-size:12px;margin-bottom:16px}"
          "td,th{border:1px solid #d0d7de;padding:2px 7px;text-align:left;white-space:pre-wrap}"
          "th{background:#f6f8fa}.good{background:#dafbe1}.bad{background:#ffebe9}</style></"
          "head><body>\n<h1>IPsec offload: what is here, and what it "
          "gains</h1>\n<p>",
          f);
    dp_offload_html_text(f, cpu);
    fprintf(
        f,
        ", TSC %.0f MHz, %s, %s pages. One core; medians of %u rounds in which engine and ipsec-mb take "
        "turns on the "
        "same packets and verify each other's ICVs. Load of the machine at the start: %.2f; a busy machine "
        "widens the quartiles and lengthens p99 and beyond, and ratios say more than figures. ipsec-mb "
        "against "
        "itself shows what is noise. Alone: no ports, no lookups. In the loop: receive, lookups, ESP, "
        "routing, transmit.</p>\n",
        r->tsc_mhz, rte_version(), r->plan.hugepages ? "2 MiB" : "4 KiB", r->plan.rounds, r->load);
    if (r->notes[0]) {
        fputs("<p>", f);
        dp_offload_html_text(f, r->notes);
        fputs("</p>\n", f);
    }
}

static void ipsec_cell(FILE *f, const struct offload_device *d)
{
    if (d->ipsec_count == 0)
        fprintf(f, "no %s IPsec (%s)", d->is_port ? "inline" : "look-aside protocol",
                d->security ? "rte_security names none" : "no rte_security context");
    for (unsigned i = 0; i < d->ipsec_count; i++) {
        const struct offload_ipsec *l = &d->ipsec[i];
        fprintf(f, "%s %s %s %s: ESN %s, UDP %s, window %u, ", l->action, l->protocol, l->mode, l->direction,
                l->esn ? "yes" : "no", l->udp_encap ? "yes" : "no", l->replay_window_max);
        char algorithms[OFFLOAD_ALG_WORDS];
        dp_offload_ipsec_algorithms(l, algorithms);
        dp_offload_html_text(f, algorithms);
        fputs("<br/>", f);
    }
}

static void device_row(FILE *f, const struct offload_device *d)
{
    fputs("<tr><td>", f);
    dp_offload_html_text(f, d->name);
    fputs("</td><td>", f);
    dp_offload_html_text(f, d->driver);
    fprintf(f, "</td><td>%s</td><td>", d->is_port ? "port" : "crypto");
    ipsec_cell(f, d);
    fputs("</td><td>", f);
    if (d->sessions_max)
        fprintf(f, "%u", d->sessions_max);
    else
        fputs("not named", f);
    fprintf(f, "</td><td>%u</td><td>", d->queue_pairs);
    dp_offload_html_text(f, d->features);
    fputs("</td><td>", f);
    for (unsigned i = 0; i < d->alg_count; i++) {
        const struct offload_alg *a = &d->algs[i];
        fprintf(f, "%s (key %u-%u, IV %u-%u, digest %u-%u)%s", a->name, a->key.min, a->key.max, a->iv.min,
                a->iv.max, a->digest.min, a->digest.max, i + 1 < d->alg_count ? ", " : "");
    }
    fputs("</td></tr>\n", f);
}

static void devices(FILE *f, const struct offload_report *r)
{
    bool port = false;
    for (unsigned i = 0; i < r->device_count; i++)
        port = port || r->devices[i].is_port;
    fputs("<h2>What ports and devices advertise</h2>\n", f);
    if (!port)
        fprintf(f, "<p>No port was found: %s. No inline IPsec.</p>\n",
                r->plan.named ? "nothing that --device names is one" : "none bound to vfio-pci, none named");
    fputs("<table><tr><th>device</th><th>driver</th><th></th><th>IPsec (rte_security)</th><th>sessions</th>"
          "<th>queues</th><th>features</th><th>algorithms, octets</th></tr>\n",
          f);
    for (unsigned i = 0; i < r->device_count; i++)
        device_row(f, &r->devices[i]);
    fputs("</table>\n", f);
}

void dp_offload_html(FILE *f, const struct offload_report *r)
{
    head(f, r);
    if (r->engine_count)
        dp_offload_glance(f, r);
    for (unsigned t = 0; r->engine_count && t < r->plan.transform_count; t++)
        transform_part(f, r, t);
    devices(f, r);
    fputs("</body></html>\n", f);
}
