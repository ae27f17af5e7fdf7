#include "dataplane/dp_bench_svg.h"

#include "dataplane/dp_bench_limit.h"
#include "dataplane/dp_bench_report.h"

#include <rte_common.h>
#include <rte_version.h>
#include <string.h>

enum {
    WIDTH = 1040,
    MARGIN = 20,
    HEAD = 112, /* title, machine, legend */
    PLOT_W = 440,
    PLOT_H = 200,
    PLOT_X = 60, /* of the left plot; room for the axis */
    GAP = 80,    /* between the plots */
    ABOVE = 44,  /* a plot's title */
    BELOW = 52,  /* sizes and ratios */
    BARS = 3,
    BAR_MAX = 42,
    LABEL_MIN = 22, /* width of a bar that has its value above */
    STAGE_H = 24,
    STAGE_X = 110,
    STAGE_W = 800,
    TICKS = 5
};

#define LOOP_COLOUR "#1f6fb2"
#define MB_COLOUR   "#b8bec6"
#define BEST_COLOUR "#e8a33d"
#define GRID_COLOUR "#e6e8eb"
#define TEXT_COLOUR "#24292f"

static const char *const stage_colours[] = {"#9aa5b1", "#4c9f70", "#1f6fb2", "#d1495b",
                                            "#6a4c93", "#edae49", "#c9ced6"};
static_assert(RTE_DIM(stage_colours) == DP_CLOCK_STAGES, "a colour each");

/* ---- values ----------------------------------------------------------------------------------------------------- */
enum { OF_LOOP, OF_MB, OF_BEST };

static double mpps_of(const struct bench_row *row, unsigned bar)
{
    return bar == OF_LOOP ? row->r.mpps : bar == OF_MB ? row->r.limit_mpps : row->r.best_mpps;
}

static double in_unit(const struct bench_row *row, double mpps, bool gbps)
{
    return gbps ? dp_bench_gbps(row, mpps) : mpps;
}

/* A round number that is not under v: with one digit or two, times a power of ten, times TICKS. */
static double axis_end(double v)
{
    static const double steps[] = {1, 1.5, 2, 2.5, 3, 4, 5, 6, 8};
    for (double power = 1e-6;; power *= 10)
        for (unsigned i = 0; i < RTE_DIM(steps); i++)
            if (steps[i] * power * TICKS >= v)
                return steps[i] * power * TICKS;
}

static void value_text(double v, char out[16])
{
    snprintf(out, 16, v >= 100 ? "%.0f" : v >= 10 ? "%.1f" : "%.2f", v);
}

/* ---- one plot ----------------------------------------------------------------------------------------------------- */
struct plot {
    const struct bench_row *rows;
    unsigned count;
    bool gbps;
    double x, y; /* upper left corner of the plane */
    double end;  /* value at its upper edge */
};

static double height_of(const struct plot *p, double v)
{
    return v / p->end * PLOT_H;
}

static void plot_axis(FILE *f, const struct plot *p)
{
    char text[16];
    fprintf(f, "<text x=\"%.1f\" y=\"%.1f\" font-weight=\"bold\">%s, %s</text>\n", p->x, p->y - 22,
            dp_bench_dir_name(p->rows[0].c.dir),
            p->gbps ? "Gb/s of inner packets" : "million packets per second");
    for (unsigned i = 0; i <= TICKS; i++) {
        const double y = p->y + PLOT_H - (double)PLOT_H * i / TICKS;
        snprintf(text, sizeof text, "%g", p->end * i / TICKS);
        fprintf(f, "<path d=\"M%.1f %.1fh%d\" stroke=\"%s\"/>", p->x, y, PLOT_W,
                i ? GRID_COLOUR : TEXT_COLOUR);
        fprintf(f, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\" font-size=\"11\">%s</text>\n", p->x - 6,
                y + 4, text);
    }
}

static void plot_bar(FILE *f, const struct plot *p, const struct bench_row *row, unsigned bar, double x,
                     double width)
{
    static const char *const colours[BARS] = {LOOP_COLOUR, MB_COLOUR, BEST_COLOUR};
    const double v = in_unit(row, mpps_of(row, bar), p->gbps), h = height_of(p, v);
    const double low = height_of(p, in_unit(row, row->r.mpps_min, p->gbps));
    const double high = height_of(p, in_unit(row, row->r.mpps_max, p->gbps));
    const double bottom = p->y + PLOT_H;
    char text[16];
    fprintf(f, "<rect class=\"bar\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\"/>\n", x,
            bottom - h, width, h, colours[bar]);
    if (bar == OF_LOOP)
        fprintf(f, "<path d=\"M%.1f %.1fV%.1f\" stroke=\"%s\" stroke-width=\"1.5\"/>\n", x + width / 2,
                bottom - low, bottom - high, TEXT_COLOUR);
    value_text(v, text);
    if (width >= LABEL_MIN)
        fprintf(f, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\" font-size=\"%d\"%s>%s</text>\n",
                x + width / 2, bottom - RTE_MAX(h, bar == OF_LOOP ? high : h) - 4, bar == OF_LOOP ? 12 : 10,
                bar == OF_LOOP ? " font-weight=\"bold\"" : " fill=\"#57606a\"", text);
}

static void plot_group(FILE *f, const struct plot *p, unsigned i)
{
    const struct bench_row *row = &p->rows[i];
    const double step = (double)PLOT_W / p->count, width = RTE_MIN(step * 0.8 / BARS, (double)BAR_MAX);
    const double middle = p->x + step * (i + 0.5), left = middle - width * BARS / 2;
    char size[16];
    dp_bench_size_text(&row->c, size);
    for (unsigned bar = 0; bar < BARS; bar++)
        plot_bar(f, p, row, bar, left + width * bar, width - 2);
    fprintf(f, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%s</text>\n", middle,
            (int)p->y + PLOT_H + 18, size);
    if (step >= 2 * LABEL_MIN)
        fprintf(
            f,
            "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\" font-size=\"12\" fill=\"%s\">%.0f %%</text>\n",
            middle, (int)p->y + PLOT_H + 36, LOOP_COLOUR, 100 * dp_bench_ratio_best(row));
}

static void plot_draw(FILE *f, struct plot *p)
{
    double most = 0;
    for (unsigned i = 0; i < p->count; i++)
        for (unsigned bar = 0; bar < BARS; bar++)
            most = RTE_MAX(most, in_unit(&p->rows[i], mpps_of(&p->rows[i], bar), p->gbps));
    p->end = axis_end(most);
    plot_axis(f, p);
    for (unsigned i = 0; i < p->count; i++)
        plot_group(f, p, i);
}

/* ---- stages --------------------------------------------------------------------------------------------------------- */
static double stages_sum(const struct bench_row *row)
{
    double sum = 0;
    for (unsigned s = 0; s < DP_CLOCK_STAGES; s++)
        sum += row->r.stage[s];
    return sum;
}

static void stages_row(FILE *f, const struct bench_row *row, double y, double scale)
{
    char size[16];
    double x = STAGE_X;
    dp_bench_size_text(&row->c, size);
    fprintf(f, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s %s</text>\n", STAGE_X - 8, y + 14,
            dp_bench_dir_name(row->c.dir), size);
    for (unsigned s = 0; s < DP_CLOCK_STAGES; s++) {
        const double width = row->r.stage[s] * scale;
        fprintf(f, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>", x, y, width,
                STAGE_H - 6, stage_colours[s]);
        if (width >= LABEL_MIN)
            fprintf(f,
                    "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\" font-size=\"11\" "
                    "fill=\"#fff\">%.0f</text>",
                    x + width / 2, y + 13, row->r.stage[s]);
        x += width;
    }
    fprintf(f, "<text x=\"%.1f\" y=\"%.1f\" font-size=\"12\">%.0f</text>\n", x + 6, y + 14, stages_sum(row));
}

static void stages_draw(FILE *f, const struct bench_row *rows, unsigned count, double y)
{
    double most = 1, x = STAGE_X;
    for (unsigned i = 0; i < count; i++)
        most = RTE_MAX(most, stages_sum(&rows[i]));
    fprintf(f, "<text x=\"%d\" y=\"%.1f\" font-weight=\"bold\">TSC cycles per packet by stage</text>\n",
            PLOT_X, y);
    for (unsigned s = 0; s < DP_CLOCK_STAGES; s++, x += 118)
        fprintf(f,
                "<rect x=\"%.1f\" y=\"%.1f\" width=\"12\" height=\"12\" fill=\"%s\"/>"
                "<text x=\"%.1f\" y=\"%.1f\" font-size=\"12\">%s</text>\n",
                x, y + 14, stage_colours[s], x + 17, y + 24, dp_bench_stage_names[s]);
    for (unsigned i = 0; i < count; i++)
        stages_row(f, &rows[i], y + 38 + i * STAGE_H, STAGE_W / most);
}

/* ---- the page -------------------------------------------------------------------------------------------------------- */
static void legend(FILE *f, const struct bench_row *row)
{
    char text[BARS][96];
    snprintf(text[OF_LOOP], sizeof text[0], "culvert, ports included");
    snprintf(text[OF_MB], sizeof text[0], "limit: bare ipsec-mb (%s)",
             dp_bench_limit_kind(row->c.transform->encr, row->c.transform->integ));
    snprintf(text[OF_BEST], sizeof text[0], "limit: fastest bare engine (%s)", row->r.best_engine);
    static const char *const colours[BARS] = {LOOP_COLOUR, MB_COLOUR, BEST_COLOUR};
    for (unsigned i = 0; i < BARS; i++)
        fprintf(f,
                "<rect x=\"%u\" y=\"84\" width=\"12\" height=\"12\" fill=\"%s\"/>"
                "<text x=\"%u\" y=\"95\">%s</text>\n",
                MARGIN + i * 260, colours[i], MARGIN + 18 + i * 260, text[i]);
    fprintf(f, "<text x=\"%u\" y=\"95\" fill=\"%s\">%%: of the fastest bare engine</text>\n",
            MARGIN + 3 * 260, LOOP_COLOUR);
}

static void head(FILE *f, const struct bench_row *row)
{
    char cpu[128], text[256];
    dp_bench_cpu_name(cpu, sizeof cpu);
    dp_bench_case_text(&row->c, text, sizeof text);
    fprintf(f, "<text x=\"%d\" y=\"30\" font-size=\"19\" font-weight=\"bold\">culvert-dp: %s</text>\n",
            MARGIN, text);
    fprintf(
        f,
        "<text x=\"%d\" y=\"54\">%s, TSC %.0f MHz, %s, %s; engine %s. Median of %u rounds, the line in a bar "
        "is their range.</text>\n"
        "<text x=\"%d\" y=\"72\" fill=\"#57606a\">Along the axis: octets of the inner IP packet.</text>\n",
        MARGIN, cpu, row->r.tsc_mhz, rte_version(), row->r.device, row->r.engine, row->r.rounds, MARGIN);
    legend(f, row);
}

/* Rows of the direction of the first of them. */
static unsigned group_count(const struct bench_row *rows, unsigned count)
{
    unsigned n = 0;
    while (n < count && rows[n].c.dir == rows[0].c.dir)
        n++;
    return n;
}

static unsigned panels(const struct bench_row *rows, unsigned count)
{
    unsigned n = 0;
    for (unsigned i = 0; i < count; i += group_count(rows + i, count - i))
        n++;
    return n;
}

void dp_bench_svg(FILE *f, const struct bench_row *rows, unsigned count)
{
    const unsigned panel = ABOVE + PLOT_H + BELOW;
    const bool stages = count > 0 && rows[0].c.stages;
    const unsigned plots = HEAD + panels(rows, count) * panel;
    const unsigned height = plots + (stages ? 70 + count * STAGE_H : MARGIN);
    double y = HEAD + ABOVE;
    fprintf(f,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%u\" viewBox=\"0 0 %d %u\" "
            "font-family=\"sans-serif\" font-size=\"13\" fill=\"%s\">\n<rect width=\"%d\" height=\"%u\" "
            "fill=\"#fff\"/>\n",
            WIDTH, height, WIDTH, height, TEXT_COLOUR, WIDTH, height);
    if (count > 0)
        head(f, rows);
    for (unsigned i = 0, n; i < count; i += n, y += panel) {
        n = group_count(rows + i, count - i);
        struct plot left = {rows + i, n, false, PLOT_X, y, 0};
        struct plot right = {rows + i, n, true, PLOT_X + PLOT_W + GAP, y, 0};
        plot_draw(f, &left);
        plot_draw(f, &right);
    }
    if (stages)
        stages_draw(f, rows, count, plots + 20);
    fputs("</svg>\n", f);
}
