#include "dataplane/dp_bench_report.h"
#include "dataplane/dp_bench_limit.h"

#include <rte_common.h>
#include <rte_version.h>
#include <string.h>

/* ---- figures ------------------------------------------------------------------------------------------------ */
static const char *direction(const struct bench_row *row)
{
    return row->c.dir == CV_DIR_OUT ? "encap" : "decap";
}

static double gbps(const struct bench_row *row, double mpps)
{
    return mpps * row->r.size * 8 / 1000;
}

static double cycles(const struct bench_row *row)
{
    return row->r.tsc_mhz * row->c.workers / row->r.mpps;
}

static double ratio(const struct bench_row *row)
{
    return row->r.mpps / row->r.limit_mpps;
}

static double ratio_best(const struct bench_row *row)
{
    return row->r.mpps / row->r.best_mpps;
}

static void size_text(const struct bench_row *row, char out[16])
{
    if (row->c.size == BENCH_IMIX)
        snprintf(out, 16, "imix");
    else
        snprintf(out, 16, "%u", row->c.size);
}

static void cpu_name(char *out, size_t room)
{
    char line[256];
    FILE *f = fopen("/proc/cpuinfo", "re");
    snprintf(out, room, "unknown");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, "model name", 10) == 0 && strchr(line, ':')) {
            const char *name = strchr(line, ':') + 2;
            snprintf(out, room, "%.*s", (int)strcspn(name, "\n\"\\<&"), name);
            break;
        }
    if (f)
        fclose(f);
}

/* ---- lines -------------------------------------------------------------------------------------------------- */
void dp_bench_print_head(const struct bench_case *c)
{
    printf("%s, %u SA%s, %u worker%s, %s pages. Sizes are octets of the inner IP packet.\n",
           c->transform->name, c->sas, c->sas > 1 ? "s" : "", c->workers, c->workers > 1 ? "s" : "",
           c->hugepages ? "2 MiB" : "4 KiB");
    printf("Receive (%s): %s; net_null out. `ports` is what both take alone.\n",
           dp_bench_receive_name(c->receive),
           c->receive == BENCH_COPY
               ? "frames copied into fresh mbufs in the clock, as from a software port"
               : "filled mbufs from a descriptor ring that is given fresh ones, as from a card");
    printf("The limit is ipsec-mb's %s on the same core, in turns with the loop; best: "
           "the faster of that and "
           "the engine's own burst.\n",
           dp_bench_limit_kind(c->transform->encr));
    if (!c->hugepages)
        printf("With 4 KiB pages address translation costs about a fifth at 64 octets: `sysctl "
               "vm.nr_hugepages=320` "
               "before, for the figures of `memory hugepages`.\n");
}

static const char *const stage_names[DP_CLOCK_STAGES] = {
#define NAME(id, name) name,
    DP_CLOCK_STAGE_LIST(NAME)
#undef NAME
};

/* What other products' figures of their ESP nodes are to be compared with: all between receive and transmit. */
static double between_ports(const struct bench_result *r)
{
    double sum = 0;
    for (unsigned s = DP_CLOCK_RECEIVE + 1; s < DP_CLOCK_TRANSMIT; s++)
        sum += r->stage[s];
    return sum;
}

static void stages_print(const struct bench_result *r)
{
    printf("             ");
    for (unsigned s = 0; s < DP_CLOCK_STAGES; s++)
        printf(" %s %.1f", stage_names[s], r->stage[s]);
    printf("; between receive and transmit %.1f\n", between_ports(r));
}

void dp_bench_print(const struct bench_row *row)
{
    char size[16];
    size_text(row, size);
    printf("%-6s %5s  %7.3f Mpps (%.3f-%.3f)  %6.2f Gb/s  %6.1f cycles/packet (ports %.1f, limit %.1f)  "
           "limit %.3f Mpps  ratio %.2f  best %.3f Mpps (%s)  ratio %.2f\n",
           direction(row), size, row->r.mpps, row->r.mpps_min, row->r.mpps_max, gbps(row, row->r.mpps),
           cycles(row), row->r.ports_cycles, row->r.tsc_mhz * row->c.workers / row->r.limit_mpps,
           row->r.limit_mpps, ratio(row), row->r.best_mpps, row->r.best_engine, ratio_best(row));
    if (row->c.stages)
        stages_print(&row->r);
    fflush(stdout);
}

/* ---- JSON --------------------------------------------------------------------------------------------------- */
static void json_stages(FILE *f, const struct bench_result *r)
{
    for (unsigned s = 0; s < DP_CLOCK_STAGES; s++)
        fprintf(f, "%s\"%s\":%.1f", s ? "," : "{", stage_names[s], r->stage[s]);
    fprintf(f, ",\"between_ports\":%.1f}", between_ports(r));
}

static void json_row(FILE *f, const struct bench_row *row)
{
    const struct bench_result *r = &row->r;
    char size[16];
    size_text(row, size);
    const char *quote = row->c.size == BENCH_IMIX ? "\"" : "";
    fprintf(f,
            "\n  {\"direction\":\"%s\",\"size\":%s%s%s,\"transform\":\"%s\",\"engine\":\"%s\",\"sas\":%u,"
            "\"workers\":%u,\"mpps\":%.4f,\"mpps_min\":%.4f,\"mpps_max\":%.4f,\"gbps\":%.3f,"
            "\"cycles_per_packet\":%.1f,",
            direction(row), quote, size, quote, row->c.transform->name, r->engine, row->c.sas, row->c.workers,
            r->mpps, r->mpps_min, r->mpps_max, gbps(row, r->mpps), cycles(row));
    fprintf(f,
            "\"limit_ipsecmb_mpps\":%.4f,\"limit_best_mpps\":%.4f,\"limit_best_engine\":\"%s\","
            "\"ratio_ipsecmb\":%.4f,\"ratio_best\":%.4f,\"rounds\":%u,\"limit_kind\":\"%s\","
            "\"ports_cycles_per_packet\":%.1f,\"anti_replay\":%s,\"path\":\"%s\",\"lines\":%u,"
            "\"receive\":\"%s\",\"stages\":",
            r->limit_mpps, r->best_mpps, r->best_engine, ratio(row), ratio_best(row), r->rounds,
            dp_bench_limit_kind(row->c.transform->encr), r->ports_cycles,
            row->c.dir == CV_DIR_IN ? "true" : "null", dp_bench_path_name(row->c.path),
            row->c.path == BENCH_MAP ? row->c.lines : 0, dp_bench_receive_name(row->c.receive));
    if (row->c.stages)
        json_stages(f, r);
    else
        fputs("null", f);
    fputs("}", f);
}

void dp_bench_json(FILE *f, const struct bench_row *rows, unsigned count)
{
    char cpu[128];
    cpu_name(cpu, sizeof cpu);
    fprintf(
        f,
        "{\"machine\":{\"cpu\":\"%s\",\"tsc_mhz\":%.1f,\"dpdk\":\"%s\",\"ipsec_mb\":\"%s\"},\n \"results\":[",
        cpu, count ? rows[0].r.tsc_mhz : 0.0, rte_version(), count ? rows[0].r.device : "");
    for (unsigned i = 0; i < count; i++) {
        fputs(i ? "," : "", f);
        json_row(f, &rows[i]);
    }
    fputs("\n ]}\n", f);
}

/* ---- SVG ---------------------------------------------------------------------------------------------------- */
enum { WIDTH = 960, LEFT = 110, BARS = 520, TOP = 70, ROW = 58, BAR = 18, BOTTOM = 30 };

static void svg_bar(FILE *f, unsigned y, double width, const char *colour, const char *text)
{
    fprintf(f,
            "<rect x=\"%d\" y=\"%u\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>\n"
            "<text x=\"%.1f\" y=\"%u\">%s</text>\n",
            LEFT, y, width, BAR, colour, LEFT + width + 6, y + 14, text);
}

static void svg_row(FILE *f, const struct bench_row *row, unsigned y, double scale)
{
    char size[16], text[128];
    size_text(row, size);
    fprintf(f, "<text x=\"%d\" y=\"%u\" text-anchor=\"end\">%s %s</text>\n", LEFT - 8, y + 23, direction(row),
            size);
    snprintf(text, sizeof text, "%.1f Gb/s, %.2f Mpps (%.2f-%.2f), ratio %.2f", gbps(row, row->r.mpps),
             row->r.mpps, row->r.mpps_min, row->r.mpps_max, ratio(row));
    svg_bar(f, y, gbps(row, row->r.mpps) * scale, "#1f6fb2", text);
    snprintf(text, sizeof text, "%.1f Gb/s, %.2f Mpps", gbps(row, row->r.limit_mpps), row->r.limit_mpps);
    svg_bar(f, y + BAR + 2, gbps(row, row->r.limit_mpps) * scale, "#b8bec6", text);
}

void dp_bench_svg(FILE *f, const struct bench_row *rows, unsigned count)
{
    double most = 1;
    char cpu[128];
    cpu_name(cpu, sizeof cpu);
    for (unsigned i = 0; i < count; i++)
        most = RTE_MAX(most, RTE_MAX(gbps(&rows[i], rows[i].r.limit_mpps), gbps(&rows[i], rows[i].r.mpps)));
    const unsigned height = TOP + count * ROW + BOTTOM;
    fprintf(
        f,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%u\" viewBox=\"0 0 %d %u\" "
        "font-family=\"sans-serif\" font-size=\"13\">\n<rect width=\"%d\" height=\"%u\" fill=\"#fff\"/>\n",
        WIDTH, height, WIDTH, height, WIDTH, height);
    if (count > 0)
        fprintf(f,
                "<text x=\"16\" y=\"26\" font-size=\"17\">culvert-dp, %s, %u SA, %u worker</text>\n"
                "<text x=\"16\" y=\"48\">%s, TSC %.0f MHz. Blue: the worker's loop with its ports; "
                "grey: the bare crypto call (%s)</text>\n",
                rows[0].c.transform->name, rows[0].c.sas, rows[0].c.workers, cpu, rows[0].r.tsc_mhz,
                dp_bench_limit_kind(rows[0].c.transform->encr));
    for (unsigned i = 0; i < count; i++)
        svg_row(f, &rows[i], TOP + i * ROW, BARS / most);
    fputs("</svg>\n", f);
}
