#include "dataplane/dp_offload_glance.h"
#include "dataplane/dp_offload_html.h"
#include "dataplane/dp_offload_loop.h"
#include "dataplane/dp_offload_report.h"

#include <math.h>
#include <string.h>

enum { BAR_LEFT = 300, BAR_W = 560, BAR_H = 18, BAR_STEP = 24, BAR_TEXT = 150 };

/* ---- the lower of both directions ---------------------------------------------------------------------------------- */
struct figure {
    double mpps, gbps, ratio; /* ratio 0: without ipsec-mb beside it */
};

static bool lower(struct figure *f, double mpps, double octets, double ratio, bool first)
{
    if (first || mpps < f->mpps) {
        f->mpps = mpps;
        f->gbps = mpps * octets * 8 / 1000;
    }
    f->ratio = first ? ratio : fmin(f->ratio, ratio);
    return true;
}

static bool alone(const struct offload_report *r, const struct offload_engine *e, unsigned t, unsigned z,
                  struct figure *out)
{
    bool any = false;
    for (unsigned d = 0; d < OFFLOAD_DIRS && z < r->plan.size_count; d++) {
        const struct offload_row *row = dp_offload_best(e, t, d, z, NULL);
        if (row)
            any = lower(out, r->tsc_mhz / row->cycles, dp_offload_octets(r->plan.sizes[z]),
                        row->mb / row->cycles, !any);
    }
    return any;
}

static bool in_loop(const struct offload_report *r, const struct offload_engine *e, unsigned t, unsigned z,
                    struct figure *out)
{
    bool any = false;
    for (unsigned d = 0; d < OFFLOAD_DIRS && z < r->plan.loop_size_count; d++) {
        const struct offload_loop *row = &e->loop[t][d][z];
        if (row->done)
            any = lower(out, row->mpps, dp_offload_octets(r->plan.loop_sizes[z]),
                        dp_offload_loop_ratio(r, e, t, d, z), !any);
    }
    return any;
}

unsigned dp_offload_size_end(const unsigned *sizes, unsigned count, bool largest)
{
    unsigned at = count;
    for (unsigned z = 0; z < count; z++)
        if (sizes[z] != BENCH_IMIX &&
            (at == count || (largest ? sizes[z] > sizes[at] : sizes[z] < sizes[at])))
            at = z;
    return at;
}

const struct offload_engine *dp_offload_loop_best(const struct offload_report *r, unsigned transform,
                                                  unsigned size, double *ratio)
{
    const struct offload_engine *best = NULL;
    struct figure f;
    *ratio = 0;
    for (unsigned i = 0; i < r->engine_count; i++)
        if (in_loop(r, &r->engines[i], transform, size, &f) && f.ratio > *ratio) {
            *ratio = f.ratio;
            best = &r->engines[i];
        }
    return best;
}

/* ---- a sentence ------------------------------------------------------------------------------------------------------- */
static void verdict(FILE *f, const struct offload_report *r, unsigned t)
{
    static const char *const ends[] = {"small", "large"};
    for (unsigned large = 0; large < 2; large++) {
        const unsigned z = dp_offload_size_end(r->plan.loop_sizes, r->plan.loop_size_count, large);
        double ratio;
        const struct offload_engine *e = dp_offload_loop_best(r, t, z, &ratio);
        if (!e)
            continue;
        fprintf(f, "<p>Of %s packets (%u octets), through the whole loop: ", ends[large],
                r->plan.loop_sizes[z]);
        const double noise = dp_offload_noise(r, t, true);
        if (ratio <= 1 + noise) {
            fprintf(
                f, "nothing here is faster than ipsec-mb by more than the noise of this run (%.1f %%).</p>\n",
                100 * noise);
            continue;
        }
        fputs("<b>", f);
        dp_offload_html_text(f, e->word);
        fprintf(f, "</b> does %.2f times what ipsec-mb does; up to %.2f would be noise.</p>\n", ratio,
                1 + noise);
    }
}

/* ---- bars -------------------------------------------------------------------------------------------------------------- */
/* By what the loop does beside ipsec-mb's, which load that comes and goes does not change; by Gb/s where ipsec-mb is not in the run. */
static double bar_value(const struct figure *g)
{
    return g->ratio > 0 ? g->ratio : g->gbps;
}

static void bar(FILE *f, const char *word, unsigned engine, const struct figure *g, double most, unsigned y)
{
    const double width = bar_value(g) / most * BAR_W;
    fprintf(f, "<text x=\"%d\" y=\"%u\" text-anchor=\"end\">", BAR_LEFT - 8, y + BAR_H - 4);
    dp_offload_html_text(f, word);
    fprintf(f,
            "</text><rect class=\"bar\" x=\"%d\" y=\"%u\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>"
            "<text x=\"%.1f\" y=\"%u\">",
            BAR_LEFT, y, width, BAR_H, dp_offload_colour(engine), BAR_LEFT + width + 6, y + BAR_H - 4);
    if (g->ratio > 0)
        fprintf(f, "<tspan font-weight=\"bold\">%.2f</tspan> (%.1f Gb/s)</text>\n", g->ratio, g->gbps);
    else
        fprintf(f, "%.1f Gb/s</text>\n", g->gbps);
}

static void bars(FILE *f, const struct offload_report *r, unsigned t)
{
    const unsigned z = dp_offload_size_end(r->plan.loop_sizes, r->plan.loop_size_count, true);
    struct figure g;
    double most = 0;
    unsigned count = 0, y = 0;
    bool ratios = false;
    for (unsigned i = 0; i < r->engine_count; i++)
        if (in_loop(r, &r->engines[i], t, z, &g)) {
            most = fmax(most, bar_value(&g));
            ratios = g.ratio > 0;
            count++;
        }
    if (count == 0)
        return;
    fprintf(f,
            "<p>Packets of %u octets through the whole loop, one core%s:</p>\n<svg width=\"%d\" "
            "height=\"%u\" font-size=\"13\" font-family=\"sans-serif\">\n",
            r->plan.loop_sizes[z], ratios ? "; ipsec-mb is 1" : "", BAR_LEFT + BAR_W + BAR_TEXT,
            count * BAR_STEP);
    for (unsigned i = 0; i < r->engine_count; i++)
        if (in_loop(r, &r->engines[i], t, z, &g)) {
            bar(f, r->engines[i].word, i, &g, most, y);
            y += BAR_STEP;
        }
    fputs("</svg>\n", f);
}

/* ---- a table ------------------------------------------------------------------------------------------------------------ */
/* Green: faster than ipsec-mb; red: slower; neither: noise. */
static void figure_cells(FILE *f, bool any, const struct figure *g, bool in_gbps, double noise)
{
    if (!any) {
        fputs("<td>-</td><td>-</td>", f);
        return;
    }
    fprintf(f, "<td>%.2f</td><td%s>", in_gbps ? g->gbps : g->mpps,
            g->ratio > 1 + noise                   ? " class=\"good\""
            : g->ratio > 0 && g->ratio < 1 - noise ? " class=\"bad\""
                                                   : "");
    if (g->ratio > 0)
        fprintf(f, "%.2f</td>", g->ratio);
    else
        fputs("-</td>", f);
}

static void engine_line(FILE *f, const struct offload_report *r, const struct offload_engine *e, unsigned t)
{
    struct figure g;
    char from[OFFLOAD_DIRS][24];
    fputs("<tr><td>", f);
    dp_offload_html_text(f, e->word);
    fputs("</td>", f);
    if (!e->ran || !e->took[t]) {
        fputs("<td colspan=\"10\">", f);
        dp_offload_html_text(f, !e->ran ? e->why : "does not do this transform");
        fputs("</td></tr>\n", f);
        return;
    }
    for (unsigned large = 0; large < 2; large++)
        figure_cells(f, alone(r, e, t, dp_offload_size_end(r->plan.sizes, r->plan.size_count, large), &g), &g,
                     large, dp_offload_noise(r, t, false));
    for (unsigned large = 0; large < 2; large++)
        figure_cells(
            f, in_loop(r, e, t, dp_offload_size_end(r->plan.loop_sizes, r->plan.loop_size_count, large), &g),
            &g, large, dp_offload_noise(r, t, true));
    for (unsigned d = 0; d < OFFLOAD_DIRS; d++) {
        dp_offload_crossover(r, e, t, d, from[d]);
        fprintf(f, "<td>%s</td>", from[d]);
    }
    fputs("</tr>\n", f);
}

static void size_head(FILE *f, const unsigned *sizes, unsigned count, const char *where)
{
    static const char *const units[] = {"Mpps", "Gb/s"};
    for (unsigned large = 0; large < 2; large++) {
        const unsigned z = dp_offload_size_end(sizes, count, large);
        if (z < count)
            fprintf(f, "<th>%s, %u octets: %s</th><th>ratio</th>", where, sizes[z], units[large]);
        else
            fprintf(f, "<th>%s: not measured</th><th></th>", where);
    }
}

void dp_offload_glance(FILE *f, const struct offload_report *r)
{
    fputs("<h2>At a glance</h2>\n<p>Lower of encap and decap. ratio: to ipsec-mb on the same core in turns; "
          "<span class=\"good\">green</span> is faster than ipsec-mb, <span class=\"bad\">red</span> slower, "
          "by "
          "more than the noise: what ipsec-mb was off itself in this run, 3 % at least.</p>\n",
          f);
    for (unsigned t = 0; t < r->plan.transform_count; t++) {
        fprintf(f, "<h3>%s</h3>\n", r->plan.transforms[t]->name);
        verdict(f, r, t);
        bars(f, r, t);
        fputs("<table><tr><th>engine</th>", f);
        size_head(f, r->plan.sizes, r->plan.size_count, "alone");
        size_head(f, r->plan.loop_sizes, r->plan.loop_size_count, "in the loop");
        fputs("<th>alone pays from (encap)</th><th>(decap)</th></tr>\n", f);
        for (unsigned i = 0; i < r->engine_count; i++)
            engine_line(f, r, &r->engines[i], t);
        fputs("</table>\n", f);
    }
}
