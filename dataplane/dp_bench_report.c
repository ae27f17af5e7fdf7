#include "dataplane/dp_bench_report.h"
#include "dataplane/dp_bench_limit.h"

#include <rte_common.h>
#include <rte_version.h>
#include <string.h>

/* ---- figures ------------------------------------------------------------------------------------------------ */
double dp_bench_gbps(const struct bench_row *row, double mpps)
{
    return mpps * row->r.size * 8 / 1000;
}

static double cycles(const struct bench_row *row)
{
    return row->r.tsc_mhz * row->c.workers / row->r.mpps;
}

double dp_bench_ratio(const struct bench_row *row)
{
    return row->r.mpps / row->r.limit_mpps;
}

double dp_bench_ratio_best(const struct bench_row *row)
{
    return row->r.mpps / row->r.best_mpps;
}

double dp_bench_beyond(const struct bench_row *row)
{
    return cycles(row) - row->r.tsc_mhz * row->c.workers / row->r.best_mpps;
}

void dp_bench_size_text(const struct bench_case *c, char out[16])
{
    if (c->size == BENCH_IMIX)
        snprintf(out, 16, "imix");
    else
        snprintf(out, 16, "%u", c->size);
}

void dp_bench_cpu_name(char *out, size_t room)
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

static const char *distribution(const struct bench_case *c, char out[24])
{
    if (c->zipf > 0)
        snprintf(out, 24, "zipf:%g", c->zipf);
    else
        snprintf(out, 24, "uniform");
    return out;
}

void dp_bench_case_text(const struct bench_case *c, char *out, size_t room)
{
    char d[24];
    snprintf(out, room, "%s, %u SA%s (%s), %u worker%s, IPv%u in IPv%u%s%s, window %u, %s pages%s",
             c->transform->name, c->sas, c->sas > 1 ? "s" : "", distribution(c, d), c->workers,
             c->workers > 1 ? "s" : "", c->inner, c->outer, c->natt ? " in UDP" : "", c->esn ? ", ESN" : "",
             c->window, c->hugepages ? "2 MiB" : "4 KiB", c->isa == ENG_ISA_AVX2 ? ", held to AVX2" : "");
}

/* ---- lines -------------------------------------------------------------------------------------------------- */
void dp_bench_print_head(const struct bench_case *c)
{
    char text[256];
    dp_bench_case_text(c, text, sizeof text);
    printf("%s. Sizes are octets of the inner IP packet.\n", text);
    printf("Receive (%s): %s; net_null out. `ports` is what both take alone.\n",
           dp_bench_receive_name(c->receive),
           c->receive == BENCH_COPY
               ? "frames copied into fresh mbufs in the clock, as from a software port"
               : "filled mbufs from a descriptor ring that is given fresh ones, as from a card");
    if (c->path == BENCH_CLEAR)
        printf("What no line names leaves in clear: no crypto call is its limit.\n");
    else
        printf("The limit is ipsec-mb's %s on the same core, in turns with the loop; best: "
               "the faster of that and of the same by the engine that `auto` takes.\n",
               dp_bench_limit_kind(c->transform->encr, c->transform->integ));
    if (!c->hugepages)
        printf("With 4 KiB pages address translation costs about a fifth at 64 octets: `sysctl "
               "vm.nr_hugepages=320` "
               "before, for the figures of `memory hugepages`.\n");
}

const char *const dp_bench_stage_names[DP_CLOCK_STAGES] = {
#define NAME(id, name) name,
    DP_CLOCK_STAGE_LIST(NAME)
#undef NAME
};

/* What other products' figures of their ESP nodes are to be compared with: all between receive and transmit. */
double dp_bench_between_ports(const struct bench_result *r)
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
        printf(" %s %.1f", dp_bench_stage_names[s], r->stage[s]);
    printf("; between receive and transmit %.1f\n", dp_bench_between_ports(r));
}

void dp_bench_print(const struct bench_row *row)
{
    char size[16];
    dp_bench_size_text(&row->c, size);
    printf("%-6s %5s  %7.3f Mpps (%.3f-%.3f)  %6.2f Gb/s  %6.1f cycles/packet (ports %.1f",
           row->c.path == BENCH_CLEAR ? "clear" : dp_bench_dir_name(row->c.dir), size, row->r.mpps,
           row->r.mpps_min, row->r.mpps_max, dp_bench_gbps(row, row->r.mpps), cycles(row),
           row->r.ports_cycles);
    if (row->c.path == BENCH_CLEAR)
        printf(")\n");
    else
        printf(", limit %.1f)  limit %.3f Mpps  ratio %.2f  best %.3f Mpps (%s)  ratio %.2f  beyond it %.1f "
               "cycles\n",
               row->r.tsc_mhz * row->c.workers / row->r.limit_mpps, row->r.limit_mpps, dp_bench_ratio(row),
               row->r.best_mpps, row->r.best_engine, dp_bench_ratio_best(row), dp_bench_beyond(row));
    if (row->c.stages)
        stages_print(&row->r);
    fflush(stdout);
}

/* ---- JSON --------------------------------------------------------------------------------------------------- */
static void json_stages(FILE *f, const struct bench_result *r)
{
    for (unsigned s = 0; s < DP_CLOCK_STAGES; s++)
        fprintf(f, "%s\"%s\":%.1f", s ? "," : "{", dp_bench_stage_names[s], r->stage[s]);
    fprintf(f, ",\"between_ports\":%.1f}", dp_bench_between_ports(r));
}

/* In clear there is no crypto call to be held against. */
static void json_limits(FILE *f, const struct bench_row *row)
{
    const struct bench_result *r = &row->r;
    if (row->c.path == BENCH_CLEAR)
        fputs("\"limit_ipsecmb_mpps\":null,\"limit_best_mpps\":null,\"limit_best_engine\":null,"
              "\"ratio_ipsecmb\":null,\"ratio_best\":null,\"beyond_best_cycles\":null,\"limit_kind\":null,",
              f);
    else
        fprintf(
            f,
            "\"limit_ipsecmb_mpps\":%.4f,\"limit_best_mpps\":%.4f,\"limit_best_engine\":\"%s\","
            "\"ratio_ipsecmb\":%.4f,\"ratio_best\":%.4f,\"beyond_best_cycles\":%.1f,\"limit_kind\":\"%s\",",
            r->limit_mpps, r->best_mpps, r->best_engine, dp_bench_ratio(row), dp_bench_ratio_best(row),
            dp_bench_beyond(row), dp_bench_limit_kind(row->c.transform->encr, row->c.transform->integ));
}

static void json_case(FILE *f, const struct bench_row *row)
{
    const struct bench_case *c = &row->c;
    char d[24];
    fprintf(f,
            "\"anti_replay\":%s,\"path\":\"%s\",\"lines\":%u,\"flows\":%u,"
            "\"receive\":\"%s\",\"distribution\":\"%s\",\"inner\":%u,\"outer\":%u,\"natt\":%s,\"esn\":%s,"
            "\"replay_window\":%u,\"packets\":%u,\"used_sas\":%u,\"huge_pages\":%s,\"stages\":",
            !dp_bench_decaps(c) ? "null"
            : c->window         ? "true"
                                : "false",
            dp_bench_path_name(c->path), dp_bench_mapped(c) ? c->lines : 0, dp_bench_flows(c),
            dp_bench_receive_name(c->receive), distribution(c, d), c->inner, c->outer,
            c->natt ? "true" : "false", c->esn ? "true" : "false", c->window, row->r.packets, row->r.used_sas,
            c->hugepages ? "true" : "false");
}

static void json_row(FILE *f, const struct bench_row *row)
{
    const struct bench_result *r = &row->r;
    char size[16];
    dp_bench_size_text(&row->c, size);
    const char *quote = row->c.size == BENCH_IMIX ? "\"" : "";
    fprintf(f,
            "\n  "
            "{\"direction\":\"%s\",\"size\":%s%s%s,\"transform\":\"%s\",\"engine\":\"%s\",\"isa\":\"%s\","
            "\"sas\":%u,"
            "\"workers\":%u,\"mpps\":%.4f,\"mpps_min\":%.4f,\"mpps_max\":%.4f,\"gbps\":%.3f,"
            "\"cycles_per_packet\":%.1f,\"rounds\":%u,\"ports_cycles_per_packet\":%.1f,",
            dp_bench_dir_name(row->c.dir), quote, size, quote, row->c.transform->name, r->engine,
            eng_isa_name(row->c.isa), row->c.sas, row->c.workers, r->mpps, r->mpps_min, r->mpps_max,
            dp_bench_gbps(row, r->mpps), cycles(row), r->rounds, r->ports_cycles);
    json_limits(f, row);
    json_case(f, row);
    if (row->c.stages)
        json_stages(f, r);
    else
        fputs("null", f);
    fputs("}", f);
}

void dp_bench_json(FILE *f, const struct bench_row *rows, unsigned count)
{
    char cpu[128];
    dp_bench_cpu_name(cpu, sizeof cpu);
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
