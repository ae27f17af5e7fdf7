#include "dataplane/dp_offload_report.h"
#include "dataplane/dp_bench_report.h"
#include "dataplane/dp_bench_store.h"
#include "dataplane/dp_offload_loop.h"

#include <math.h>
#include <rte_version.h>
#include <string.h>

/* ---- figures -------------------------------------------------------------------------------------------------------- */
double dp_offload_octets(unsigned size)
{
    const struct bench_case c = {.size = size};
    const unsigned *sizes, count = dp_bench_sizes(&c, &sizes);
    double sum = 0;
    for (unsigned i = 0; i < count; i++)
        sum += sizes[i];
    return sum / count;
}

void dp_offload_size_text(unsigned size, char out[16])
{
    const struct bench_case c = {.size = size};
    dp_bench_size_text(&c, out);
}

const struct offload_row *dp_offload_best(const struct offload_engine *e, unsigned transform, unsigned dir,
                                          unsigned size, unsigned *depth)
{
    const struct offload_row *best = NULL;
    for (unsigned d = 0; d < OFFLOAD_DEPTHS; d++) {
        const struct offload_row *row = &e->rows[transform][dir][size][d];
        if (!row->done || (best && row->cycles >= best->cycles))
            continue;
        best = row;
        if (depth)
            *depth = d;
    }
    return best;
}

static double off_itself(const struct offload_report *r, unsigned i, unsigned t, unsigned d, unsigned z)
{
    const struct offload_row *row = dp_offload_best(&r->engines[i], t, d, z, NULL);
    return row ? fabs(row->mb / row->cycles - 1) : 0;
}

static double off_the_first(const struct offload_report *r, unsigned i, unsigned t, unsigned d, unsigned z)
{
    const struct offload_loop *first = &r->engines[i].loop[t][d][z], *last = &r->again.loop[t][d][z];
    return first->done && last->done ? fabs(last->mpps / last->mb / (first->mpps / first->mb) - 1) : 0;
}

double dp_offload_noise(const struct offload_report *r, unsigned transform, bool in_loop)
{
    const unsigned sizes = in_loop ? r->plan.loop_size_count : r->plan.size_count;
    double most = OFFLOAD_SAME;
    for (unsigned i = 0; i < r->engine_count; i++)
        for (unsigned c = 0; c < OFFLOAD_DIRS * sizes && strcmp(r->engines[i].word, "ipsec-mb") == 0; c++)
            most = fmax(most, (in_loop ? off_the_first : off_itself)(r, i, transform, c / sizes, c % sizes));
    return most;
}

/* Cycles that the engine takes more than ipsec-mb, less what counts as none: not under 0 is not faster. */
static double behind(const struct offload_row *row, double noise)
{
    return row->cycles - row->mb * (1 - noise);
}

void dp_offload_crossover(const struct offload_report *r, const struct offload_engine *e, unsigned transform,
                          unsigned dir, char out[24])
{
    const struct offload_row *above = NULL;
    double above_octets = 0;
    const bool itself = strcmp(e->word, "ipsec-mb") == 0;
    const double noise = dp_offload_noise(r, transform, false);
    snprintf(out, 24, itself ? "itself" : "none");
    if (itself)
        return;
    for (unsigned octets = BENCH_SIZE_MAX; octets >= BENCH_SIZE_MIN; octets--) /* sizes in any order */
        for (unsigned z = 0; z < r->plan.size_count; z++) {
            if (r->plan.sizes[z] != octets)
                continue;
            const struct offload_row *row = dp_offload_best(e, transform, dir, z, NULL);
            if (!row)
                return;
            const double lag = behind(row, noise);
            if (lag >= 0) {
                if (above)
                    snprintf(out, 24, "about %.0f",
                             octets + (above_octets - octets) * lag / (lag - behind(above, noise)));
                return;
            }
            above = row;
            above_octets = octets;
        }
    if (above)
        snprintf(out, 24, "every size");
}

static double mpps(const struct offload_report *r, double cycles)
{
    return r->tsc_mhz / cycles;
}

/* ---- text ------------------------------------------------------------------------------------------------------------ */
static void range_text(const struct offload_range *r, char out[24])
{
    if (r->max == 0)
        snprintf(out, 24, "-");
    else if (r->min == r->max)
        snprintf(out, 24, "%u", r->min);
    else
        snprintf(out, 24, "%u-%u/%u", r->min, r->max, r->step);
}

void dp_offload_ipsec_algorithms(const struct offload_ipsec *l, char out[OFFLOAD_ALG_WORDS])
{
    size_t at = (size_t)snprintf(out, OFFLOAD_ALG_WORDS, "%s", l->alg_count ? "" : "no algorithms");
    for (unsigned i = 0; i < l->alg_count && at < OFFLOAD_ALG_WORDS; i++) {
        char key[24], digest[24];
        range_text(&l->algs[i].key, key);
        range_text(&l->algs[i].digest, digest);
        const bool both = l->algs[i].digest.max > 0;
        at += (size_t)snprintf(out + at, OFFLOAD_ALG_WORDS - at, "%s%s (key %s%s%s)", i ? ", " : "",
                               l->algs[i].name, key, both ? ", digest " : "", both ? digest : "");
    }
}

static void device_text(FILE *f, const struct offload_device *d)
{
    fprintf(f, "\n%s %s (%s): ", d->is_port ? "Port" : "Crypto device", d->name, d->driver);
    if (d->is_port)
        fprintf(f, "%u receive queues; SECURITY offload: receive %s, transmit %s\n", d->queue_pairs,
                d->inline_rx ? "yes" : "no", d->inline_tx ? "yes" : "no");
    else if (d->sessions_max)
        fprintf(f, "%u queue pairs, %u sessions\n", d->queue_pairs, d->sessions_max);
    else
        fprintf(f, "%u queue pairs, names no limit of sessions\n", d->queue_pairs);
    if (d->features[0])
        fprintf(f, "  features: %s\n", d->features);
    if (d->ipsec_count == 0)
        fprintf(f, "  no %s IPsec: %s\n", d->is_port ? "inline" : "look-aside protocol",
                d->security ? "rte_security names none" : "no rte_security context");
    for (unsigned i = 0; i < d->ipsec_count; i++) {
        const struct offload_ipsec *l = &d->ipsec[i];
        char algorithms[OFFLOAD_ALG_WORDS];
        dp_offload_ipsec_algorithms(l, algorithms);
        fprintf(f, "  %s %s %s %s: ESN %s, UDP encapsulation %s, replay window %u; %s; %s\n", l->action,
                l->protocol, l->mode, l->direction, l->esn ? "yes" : "no", l->udp_encap ? "yes" : "no",
                l->replay_window_max, l->options[0] ? l->options : "no options", algorithms);
    }
    if (d->alg_count)
        fprintf(f, "  %-6s %-20s %-12s %-10s %-10s %s\n", "", "algorithm", "key", "IV", "digest", "AAD");
    for (unsigned i = 0; i < d->alg_count; i++) {
        const struct offload_alg *a = &d->algs[i];
        char key[24], iv[24], digest[24], aad[24];
        range_text(&a->key, key);
        range_text(&a->iv, iv);
        range_text(&a->digest, digest);
        range_text(&a->aad, aad);
        fprintf(f, "  %-6s %-20s %-12s %-10s %-10s %s\n", a->kind, a->name, key, iv, digest, aad);
    }
}

static void row_text(FILE *f, const struct offload_report *r, const struct offload_engine *e, unsigned t,
                     unsigned d, unsigned z)
{
    unsigned depth = 0;
    char size[16];
    const struct offload_row *row = dp_offload_best(e, t, d, z, &depth);
    if (!row)
        return;
    dp_offload_size_text(r->plan.sizes[z], size);
    const double m = mpps(r, row->cycles);
    fprintf(f, "%-6s %5s  %-36s %4u  %8.3f %8.2f  %8.1f %8.1f %8.1f  %5.2f  %8.0f %8.0f %8.0f\n",
            dp_bench_dir_name(d), size, e->word, dp_offload_depths[depth], m,
            m * dp_offload_octets(r->plan.sizes[z]) * 8 / 1000, row->cycles, row->busy, row->mb,
            row->mb / row->cycles, row->p50, row->p99, row->p999);
}

static void transform_text(FILE *f, const struct offload_report *r, unsigned t)
{
    fprintf(f, "\n%s, each engine at the depth where it takes the fewest cycles\n",
            r->plan.transforms[t]->name);
    fprintf(f, "%-6s %5s  %-36s %4s  %8s %8s  %8s %8s %8s  %5s  %8s %8s %8s\n", "", "size", "engine", "deep",
            "Mpps", "Gb/s", "cycles", "CPU", "ipsec-mb", "ratio", "p50 ns", "p99", "p99.9");
    for (unsigned d = 0; d < OFFLOAD_DIRS; d++)
        for (unsigned z = 0; z < r->plan.size_count; z++)
            for (unsigned i = 0; i < r->engine_count; i++)
                row_text(f, r, &r->engines[i], t, d, z);
    fprintf(f,
            "\nfewer cycles than ipsec-mb from which inner packet on (encap, decap), by more than the noise: "
            "ipsec-mb was off itself "
            "by up to %.1f %%:\n",
            100 * dp_offload_noise(r, t, false));
    for (unsigned i = 0; i < r->engine_count; i++) {
        const struct offload_engine *e = &r->engines[i];
        char from[OFFLOAD_DIRS][24];
        for (unsigned d = 0; d < OFFLOAD_DIRS; d++)
            dp_offload_crossover(r, e, t, d, from[d]);
        if (!e->ran)
            fprintf(f, "  %-36s did not run: %s\n", e->word, e->why);
        else if (!e->took[t])
            fprintf(f, "  %-36s does not do it\n", e->word);
        else
            fprintf(f, "  %-36s %s, %s\n", e->word, from[BENCH_ENCAP], from[BENCH_DECAP]);
    }
}

static void loop_text(FILE *f, const struct offload_report *r, unsigned t, unsigned d, unsigned z)
{
    char size[16];
    dp_offload_size_text(r->plan.loop_sizes[z], size);
    for (unsigned i = 0; i < r->engine_count; i++) {
        const struct offload_engine *e = &r->engines[i];
        const struct offload_loop *row = &e->loop[t][d][z];
        if (row->done)
            fprintf(f, "%-6s %5s  %-36s %8.3f (%.3f-%.3f) %8.2f  %8.1f  %6.3f  %5.2f\n", dp_bench_dir_name(d),
                    size, e->word, row->mpps, row->low, row->high,
                    row->mpps * dp_offload_octets(r->plan.loop_sizes[z]) * 8 / 1000, row->cycles,
                    row->mpps / row->mb, dp_offload_loop_ratio(r, e, t, d, z));
    }
}

static void loops_text(FILE *f, const struct offload_report *r, unsigned t)
{
    if (r->plan.loop_size_count == 0)
        return;
    fprintf(f, "\n%s through the worker's loop (receive, lookups, ESP, routing, transmit), one core\n",
            r->plan.transforms[t]->name);
    fprintf(f, "%-6s %5s  %-36s %8s (%s) %14s  %8s  %6s  %5s\n", "", "size", "engine", "Mpps", "least-most",
            "Gb/s", "cycles", "share", "ratio");
    for (unsigned d = 0; d < OFFLOAD_DIRS; d++)
        for (unsigned z = 0; z < r->plan.loop_size_count; z++)
            loop_text(f, r, t, d, z);
    fprintf(f,
            "share: of the bare ipsec-mb call, in turns; ratio: of shares, to the loop with ipsec-mb; noise: "
            "%.1f %%, what that "
            "loop was off itself at the end\n",
            100 * dp_offload_noise(r, t, true));
    for (unsigned i = 0; i < r->engine_count; i++)
        if (r->engines[i].loop_why[0])
            fprintf(f, "  %-36s did not run in the loop: %s\n", r->engines[i].word, r->engines[i].loop_why);
}

void dp_offload_text(FILE *f, const struct offload_report *r)
{
    unsigned ports = 0;
    for (unsigned i = 0; i < r->device_count; i++)
        ports += r->devices[i].is_port;
    if (ports == 0)
        fprintf(f, "No port was found: %s. No inline IPsec.\n",
                r->plan.named ? "nothing that --device names is one"
                              : "none bound to vfio-pci, none named by --device");
    if (r->notes[0])
        fprintf(f, "Note: %s.\n", r->notes);
    for (unsigned i = 0; i < r->device_count; i++)
        device_text(f, &r->devices[i]);
    for (unsigned t = 0; r->engine_count && t < r->plan.transform_count; t++)
        transform_text(f, r, t);
    for (unsigned t = 0; r->engine_count && t < r->plan.transform_count; t++)
        loops_text(f, r, t);
}

/* ---- JSON -------------------------------------------------------------------------------------------------------------- */
/* Words of drivers and of errors: nothing but printing ASCII, quoted. */
static void quoted(FILE *f, const char *text)
{
    fputc('"', f);
    for (; *text; text++)
        if (*text == '"' || *text == '\\')
            fprintf(f, "\\%c", *text);
        else
            fputc(*text >= ' ' && *text < 127 ? *text : ' ', f);
    fputc('"', f);
}

static void key_text(FILE *f, const char *key, const char *text)
{
    fprintf(f, "\"%s\":", key);
    quoted(f, text);
    fputc(',', f);
}

static void words(FILE *f, const char *key, const char *list)
{
    fprintf(f, "\"%s\":[", key);
    for (const char *at = list; *at;) {
        char word[48];
        const size_t len = strcspn(at, " ");
        const size_t kept = RTE_MIN(len, sizeof word - 1);
        memcpy(word, at, kept);
        word[kept] = '\0';
        fputs(at == list ? "" : ",", f);
        quoted(f, word);
        at += len + strspn(at + len, " ");
    }
    fputs("]", f);
}

static void range_json(FILE *f, const char *key, const struct offload_range *r)
{
    fprintf(f, ",\"%s\":{\"min\":%u,\"max\":%u,\"step\":%u}", key, r->min, r->max, r->step);
}

static void algorithms_json(FILE *f, const struct offload_alg *algs, unsigned count)
{
    fputs("\"algorithms\":[", f);
    for (unsigned i = 0; i < count; i++) {
        const struct offload_alg *a = &algs[i];
        fprintf(f, "%s\n    {\"name\":\"%s\",\"kind\":\"%s\"", i ? "," : "", a->name, a->kind);
        range_json(f, "key", &a->key);
        range_json(f, "iv", &a->iv);
        range_json(f, "digest", &a->digest);
        range_json(f, "aad", &a->aad);
        fputs("}", f);
    }
    fputs("]", f);
}

static void ipsec_json(FILE *f, const struct offload_ipsec *l)
{
    fputs("{", f);
    key_text(f, "action", l->action);
    key_text(f, "protocol", l->protocol);
    key_text(f, "mode", l->mode);
    key_text(f, "direction", l->direction);
    fprintf(f, "\"esn\":%s,\"udp_encapsulation\":%s,\"replay_window_max\":%u,", l->esn ? "true" : "false",
            l->udp_encap ? "true" : "false", l->replay_window_max);
    words(f, "options", l->options);
    fputs(",", f);
    algorithms_json(f, l->algs, l->alg_count);
    fputs("}", f);
}

static void device_json(FILE *f, const struct offload_device *d)
{
    fputs("\n  {", f);
    key_text(f, "name", d->name);
    key_text(f, "driver", d->driver);
    fprintf(f, "\"kind\":\"%s\",\"rte_security\":%s,\"security_rx\":%s,\"security_tx\":%s,",
            d->is_port ? "port" : "crypto", d->security ? "true" : "false", d->inline_rx ? "true" : "false",
            d->inline_tx ? "true" : "false");
    if (d->sessions_max)
        fprintf(f, "\"sessions_max\":%u,", d->sessions_max);
    else
        fputs("\"sessions_max\":null,", f);
    fprintf(f, "\"queues_max\":%u,", d->queue_pairs);
    words(f, "features", d->features);
    fputs(",\n   \"ipsec\":[", f);
    for (unsigned i = 0; i < d->ipsec_count; i++) {
        fputs(i ? "," : "", f);
        ipsec_json(f, &d->ipsec[i]);
    }
    fputs("],\n   ", f);
    algorithms_json(f, d->algs, d->alg_count);
    fputs("}", f);
}

static void row_json(FILE *f, const struct offload_report *r, const struct offload_engine *e,
                     const unsigned at[4] /* transform, direction, size, depth */)
{
    const struct offload_row *row = &e->rows[at[0]][at[1]][at[2]][at[3]];
    const unsigned size = r->plan.sizes[at[2]];
    const char *quote = size == BENCH_IMIX ? "\"" : "";
    char text[16];
    dp_offload_size_text(size, text);
    const double m = mpps(r, row->cycles);
    fputs("\n  {", f);
    key_text(f, "engine", e->word);
    fprintf(f,
            "\"mode\":\"%s\",\"transform\":\"%s\",\"direction\":\"%s\",\"size\":%s%s%s,\"depth\":%u,\"mpps\":"
            "%.4f,"
            "\"gbps\":%.3f,\"cycles_per_packet\":%.1f,\"cycles_low\":%.1f,\"cycles_high\":%.1f,"
            "\"cpu_cycles_per_packet\":%.1f,\"ipsecmb_cycles_per_packet\":%.1f,\"ratio_ipsecmb\":%.4f,",
            e->waits ? "look-aside" : "call", r->plan.transforms[at[0]]->name, dp_bench_dir_name(at[1]),
            quote, text, quote, dp_offload_depths[at[3]], m, m * dp_offload_octets(size) * 8 / 1000,
            row->cycles, row->low, row->high, row->busy, row->mb, row->mb / row->cycles);
    fprintf(f, "\"latency_ns\":{\"p50\":%.0f,\"p90\":%.0f,\"p99\":%.0f,\"p99_9\":%.0f,\"max\":%.0f}}",
            row->p50, row->p90, row->p99, row->p999, row->most);
}

static void rows_json(FILE *f, const struct offload_report *r)
{
    bool first = true;
    const unsigned cells = OFFLOAD_TRANSFORMS * OFFLOAD_DIRS * BENCH_SIZES * OFFLOAD_DEPTHS;
    for (unsigned i = 0; i < r->engine_count; i++)
        for (unsigned c = 0; c < cells; c++) {
            const unsigned at[4] = {c / (OFFLOAD_DIRS * BENCH_SIZES * OFFLOAD_DEPTHS),
                                    c / (BENCH_SIZES * OFFLOAD_DEPTHS) % OFFLOAD_DIRS,
                                    c / OFFLOAD_DEPTHS % BENCH_SIZES, c % OFFLOAD_DEPTHS};
            if (!r->engines[i].rows[at[0]][at[1]][at[2]][at[3]].done)
                continue;
            fputs(first ? "" : ",", f);
            first = false;
            row_json(f, r, &r->engines[i], at);
        }
}

static void loop_json(FILE *f, const struct offload_report *r, const struct offload_engine *e,
                      const unsigned at[3] /* transform, direction, size */)
{
    const struct offload_loop *row = &e->loop[at[0]][at[1]][at[2]];
    const unsigned size = r->plan.loop_sizes[at[2]];
    const char *quote = size == BENCH_IMIX ? "\"" : "";
    const double ratio = dp_offload_loop_ratio(r, e, at[0], at[1], at[2]);
    char text[16];
    dp_offload_size_text(size, text);
    fputs("\n  {", f);
    key_text(f, "engine", e->word);
    fprintf(f,
            "\"transform\":\"%s\",\"direction\":\"%s\",\"size\":%s%s%s,\"mpps\":%.4f,\"mpps_min\":%.4f,"
            "\"mpps_max\":%.4f,\"gbps\":%.3f,\"cycles_per_packet\":%.1f,\"limit_ipsecmb_mpps\":%.4f,"
            "\"share_of_limit\":%.4f,",
            r->plan.transforms[at[0]]->name, dp_bench_dir_name(at[1]), quote, text, quote, row->mpps,
            row->low, row->high, row->mpps * dp_offload_octets(size) * 8 / 1000, row->cycles, row->mb,
            row->mpps / row->mb);
    if (ratio > 0)
        fprintf(f, "\"ratio_ipsecmb\":%.4f}", ratio);
    else
        fputs("\"ratio_ipsecmb\":null}", f);
}

static void loops_json(FILE *f, const struct offload_report *r)
{
    bool first = true;
    for (unsigned i = 0; i < r->engine_count; i++)
        for (unsigned c = 0; c < OFFLOAD_TRANSFORMS * OFFLOAD_DIRS * BENCH_SIZES; c++) {
            const unsigned at[3] = {c / (OFFLOAD_DIRS * BENCH_SIZES), c / BENCH_SIZES % OFFLOAD_DIRS,
                                    c % BENCH_SIZES};
            if (!r->engines[i].loop[at[0]][at[1]][at[2]].done)
                continue;
            fputs(first ? "" : ",", f);
            first = false;
            loop_json(f, r, &r->engines[i], at);
        }
}

static void engine_json(FILE *f, const struct offload_report *r, const struct offload_engine *e)
{
    fputs("\n  {", f);
    key_text(f, "engine", e->word);
    key_text(f, "device", e->device);
    fprintf(f, "\"ran\":%s,", e->ran ? "true" : "false");
    key_text(f, "why", e->why);
    key_text(f, "loop_why", e->loop_why);
    fputs("\"faster_from\":[", f);
    for (unsigned t = 0, n = 0; t < r->plan.transform_count; t++)
        for (unsigned d = 0; e->took[t] && d < OFFLOAD_DIRS; d++, n++) {
            char from[24];
            dp_offload_crossover(r, e, t, d, from);
            fprintf(f, "%s{\"transform\":\"%s\",\"direction\":\"%s\",\"from\":\"%s\"}", n ? "," : "",
                    r->plan.transforms[t]->name, dp_bench_dir_name(d), from);
        }
    fputs("]}", f);
}

void dp_offload_json(FILE *f, const struct offload_report *r)
{
    char cpu[128];
    dp_bench_cpu_name(cpu, sizeof cpu);
    fputs("{\"machine\":{", f);
    key_text(f, "cpu", cpu);
    fprintf(f, "\"tsc_mhz\":%.1f,\"dpdk\":\"%s\",\"load\":%.2f,\"huge_pages\":%s,\"rounds\":%u},\n ",
            r->tsc_mhz, rte_version(), r->load, r->plan.hugepages ? "true" : "false", r->plan.rounds);
    key_text(f, "notes", r->notes);
    fputs("\n \"noise\":[", f);
    for (unsigned t = 0; t < r->plan.transform_count; t++)
        fprintf(f, "%s{\"transform\":\"%s\",\"alone\":%.4f,\"loop\":%.4f}", t ? "," : "",
                r->plan.transforms[t]->name, dp_offload_noise(r, t, false), dp_offload_noise(r, t, true));
    fputs("],\n \"devices\":[", f);
    for (unsigned i = 0; i < r->device_count; i++) {
        fputs(i ? "," : "", f);
        device_json(f, &r->devices[i]);
    }
    fputs("],\n \"engines\":[", f);
    for (unsigned i = 0; i < r->engine_count; i++) {
        fputs(i ? "," : "", f);
        engine_json(f, r, &r->engines[i]);
    }
    fputs("],\n \"results\":[", f);
    rows_json(f, r);
    fputs("\n ],\n \"loop\":[", f);
    loops_json(f, r);
    fputs("\n ]}\n", f);
}
