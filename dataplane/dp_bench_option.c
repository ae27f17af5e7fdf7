#include "dataplane/dp_bench_option.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WITH_HMAC(name, encr, key_len, proto)                                                                \
    {name "-md5", encr, CV_INTEG_HMAC_MD5_96, key_len, 0, 16, proto},                                        \
        {name "-sha1", encr, CV_INTEG_HMAC_SHA1_96, key_len, 0, 20, proto},                                  \
        {name "-sha256", encr, CV_INTEG_HMAC_SHA2_256_128, key_len, 0, 32, proto},                           \
        {name "-sha384", encr, CV_INTEG_HMAC_SHA2_384_192, key_len, 0, 48, proto},                           \
    {                                                                                                        \
        name "-sha512", encr, CV_INTEG_HMAC_SHA2_512_256, key_len, 0, 64, proto                              \
    }

/* All that the engines have; test_bench.c holds that. */
static const struct bench_transform transforms[] = {
    {"esp-gcm-128", CV_ENCR_AES_GCM_16, CV_INTEG_NONE, 16, 4, 0, CV_PROTO_ESP},
    {"esp-gcm-192", CV_ENCR_AES_GCM_16, CV_INTEG_NONE, 24, 4, 0, CV_PROTO_ESP},
    {"esp-gcm-256", CV_ENCR_AES_GCM_16, CV_INTEG_NONE, 32, 4, 0, CV_PROTO_ESP},
    {"esp-gmac-128", CV_ENCR_NULL_AES_GMAC, CV_INTEG_NONE, 16, 4, 0, CV_PROTO_ESP},
    {"esp-gmac-192", CV_ENCR_NULL_AES_GMAC, CV_INTEG_NONE, 24, 4, 0, CV_PROTO_ESP},
    {"esp-gmac-256", CV_ENCR_NULL_AES_GMAC, CV_INTEG_NONE, 32, 4, 0, CV_PROTO_ESP},
    {"esp-chacha20-poly1305", CV_ENCR_CHACHA20_POLY1305, CV_INTEG_NONE, 32, 4, 0, CV_PROTO_ESP},
    WITH_HMAC("esp-aes-128", CV_ENCR_AES_CBC, 16, CV_PROTO_ESP),
    WITH_HMAC("esp-aes-192", CV_ENCR_AES_CBC, 24, CV_PROTO_ESP),
    WITH_HMAC("esp-aes-256", CV_ENCR_AES_CBC, 32, CV_PROTO_ESP),
    WITH_HMAC("esp-3des", CV_ENCR_3DES, 24, CV_PROTO_ESP),
    WITH_HMAC("esp-null", CV_ENCR_NULL, 0, CV_PROTO_ESP),
    WITH_HMAC("ah", CV_ENCR_NULL, 0, CV_PROTO_AH),
};

enum { PER_LINE = 5 };

static void help(FILE *to)
{
    fprintf(to,
            "usage: culvert-dp --bench [--direction encap|decap|both] [--sizes 64,512,1420,imix]\n"
            "         [--transform NAME] [--engine auto|ipsec-mb|vaes|\"cryptodev NAME\"] [--isa best|avx2]\n"
            "         [--sas N] [--distribution uniform|zipf[:S]] [--workers N] [--seconds S] [--rounds N]\n"
            "         [--ip 4|6] [--inner 4|6] [--outer 4|6] [--natt] [--esn] [--window N]\n"
            "         [--path tunnel|gre|map|clear] [--lines N] [--flows N] [--receive dma|copy] [--stages]\n"
            "         [--json FILE] [--svg FILE]\n"
            "transforms:");
    for (unsigned i = 0; i < sizeof transforms / sizeof transforms[0]; i++)
        fprintf(to, "%s%s", i % PER_LINE ? " " : "\n  ", transforms[i].name);
    fprintf(to, "\n");
}

static int usage(const char *why)
{
    fprintf(stderr, "culvert-dp: --bench: %s\n", why);
    help(stderr);
    return 2;
}

/* ---- words ---------------------------------------------------------------------------------------------------- */
bool dp_bench_sizes_take(unsigned sizes[BENCH_SIZES], unsigned *size_count, unsigned most, char *text)
{
    char *save = NULL, *end;
    *size_count = 0;
    for (char *w = strtok_r(text, ",", &save); w; w = strtok_r(NULL, ",", &save)) {
        bool imix = strcmp(w, "imix") == 0;
        unsigned long v = imix ? BENCH_IMIX : strtoul(w, &end, 10);
        if (*size_count == BENCH_SIZES || (!imix && (*end || v < BENCH_SIZE_MIN || v > most)))
            return false;
        sizes[(*size_count)++] = (unsigned)v;
    }
    return *size_count > 0;
}

const struct bench_transform *dp_bench_transform(const char *name)
{
    for (unsigned i = 0; i < sizeof transforms / sizeof transforms[0]; i++)
        if (strcmp(transforms[i].name, name) == 0)
            return &transforms[i];
    return NULL;
}

enum { NO_NUMBER = 1000000000 /* over what any option allows */ };

static unsigned number(const char *text)
{
    char *end;
    unsigned long v = strtoul(text, &end, 10);
    return end == text || *end || *text == '-' || v > NO_NUMBER ? NO_NUMBER : (unsigned)v;
}

/* 0, which no option allows, for what is none within the bounds. */
static double fraction(const char *text, double min, double max)
{
    char *end;
    double v = strtod(text, &end);
    return end == text || *end || !(v >= min && v <= max) ? 0 : v;
}

/* The place of text among n names; n: it is none of them. */
static unsigned word(const char *text, unsigned n, const char *(*name)(unsigned))
{
    unsigned i = 0;
    while (i < n && strcmp(text, name(i)) != 0)
        i++;
    return i;
}

const char *dp_bench_path_name(enum bench_path p)
{
    static const char *const names[BENCH_PATHS] = {"tunnel", "gre", "map", "clear"};
    return names[p];
}

const char *dp_bench_receive_name(enum bench_receive r)
{
    return r == BENCH_COPY ? "copy" : "dma";
}

const char *dp_bench_dir_name(enum bench_dir d)
{
    static const char *const names[BENCH_DIRS] = {"encap", "decap", "both"};
    return names[d];
}

static const char *path_at(unsigned i)
{
    return dp_bench_path_name(i);
}
static const char *receive_at(unsigned i)
{
    return dp_bench_receive_name(i);
}
static const char *dir_at(unsigned i)
{
    return dp_bench_dir_name(i);
}
static const char *isa_at(unsigned i)
{
    return eng_isa_name(i);
}
static const char *family_at(unsigned i)
{
    return i == 0 ? "4" : "6";
}

/* ---- one option: what is wrong with it, or NULL ----------------------------------------------------------------- */
static const char *take_direction(struct bench_plan *p, char *text)
{
    const unsigned d = word(text, BENCH_DIRS, dir_at);
    for (unsigned i = 0; i < BENCH_DIRS; i++)
        p->dirs[i] = i == d || d == BENCH_BOTH; /* "both" also tells each way apart */
    return d < BENCH_DIRS ? NULL : "--direction is encap, decap or both";
}

static const char *take_sizes(struct bench_plan *p, char *text)
{
    return dp_bench_sizes_take(p->sizes, &p->size_count, BENCH_JUMBO_MAX, text)
               ? NULL
               : "--sizes is a list of 28 to 9000 octets of inner IP packet, or imix";
}

static const char *take_transform(struct bench_plan *p, char *text)
{
    p->base.transform = dp_bench_transform(text);
    return p->base.transform ? NULL : "unknown transform";
}

static const char *take_engine(struct bench_plan *p, char *text)
{
    return snprintf(p->base.engine, sizeof p->base.engine, "%s", text) < (int)sizeof p->base.engine
               ? NULL
               : "--engine is a word of the platform section's crypto-engine";
}

static const char *take_isa(struct bench_plan *p, char *text)
{
    const unsigned i = word(text, ENG_ISAS, isa_at);
    p->base.isa = i;
    return i < ENG_ISAS ? NULL : "--isa is best or avx2";
}

static const char *take_sas(struct bench_plan *p, char *text)
{
    p->base.sas = number(text);
    return p->base.sas >= 1 && p->base.sas <= BENCH_SAS_MAX ? NULL : "--sas is 1 to 1000000";
}

static const char *take_distribution(struct bench_plan *p, char *text)
{
    p->base.zipf = 0;
    if (strcmp(text, "uniform") == 0)
        return NULL;
    if (strcmp(text, "zipf") == 0)
        p->base.zipf = 1;
    else if (strncmp(text, "zipf:", 5) == 0)
        p->base.zipf = fraction(text + 5, BENCH_ZIPF_MIN, BENCH_ZIPF_MAX);
    return p->base.zipf > 0 ? NULL : "--distribution is uniform, zipf, or zipf:S with S of 0.01 to 5";
}

static const char *take_workers(struct bench_plan *p, char *text)
{
    p->base.workers = number(text);
    return p->base.workers >= 1 && p->base.workers <= BENCH_WORKERS_MAX ? NULL : "--workers is 1 to 4";
}

static const char *take_seconds(struct bench_plan *p, char *text)
{
    p->base.seconds = fraction(text, BENCH_SECONDS_MIN, BENCH_SECONDS_MAX);
    return p->base.seconds > 0 ? NULL : "--seconds is 0.05 to 600";
}

static const char *take_rounds(struct bench_plan *p, char *text)
{
    p->base.rounds = number(text);
    return p->base.rounds >= 1 && p->base.rounds <= BENCH_ROUNDS_MAX ? NULL : "--rounds is 1 to 99";
}

static bool family(const char *text, uint8_t *out)
{
    const unsigned f = word(text, 2, family_at);
    *out = f == 0 ? IP_V4 : IP_V6;
    return f < 2;
}

static const char *take_ip(struct bench_plan *p, char *text)
{
    return family(text, &p->base.inner) && family(text, &p->base.outer) ? NULL : "--ip is 4 or 6";
}
static const char *take_inner(struct bench_plan *p, char *text)
{
    return family(text, &p->base.inner) ? NULL : "--inner is 4 or 6";
}
static const char *take_outer(struct bench_plan *p, char *text)
{
    return family(text, &p->base.outer) ? NULL : "--outer is 4 or 6";
}

static const char *take_window(struct bench_plan *p, char *text)
{
    const unsigned n = p->base.window = number(text);
    return n == 0 || (n >= 64 && n <= CV_REPLAY_WINDOW_MAX && (n & (n - 1)) == 0)
               ? NULL
               : "--window is 0, or a power of two of 64 packets and more";
}

static const char *take_path(struct bench_plan *p, char *text)
{
    const unsigned i = word(text, BENCH_PATHS, path_at);
    p->base.path = i;
    return i < BENCH_PATHS ? NULL : "--path is tunnel, gre, map or clear";
}

static const char *take_lines(struct bench_plan *p, char *text)
{
    p->base.lines = number(text);
    return p->base.lines >= 1 && p->base.lines <= CV_POLICY_ROWS_MAX ? NULL : "--lines is 1 to 4096";
}

static const char *take_flows(struct bench_plan *p, char *text)
{
    p->base.flows = number(text);
    return p->base.flows >= 1 && p->base.flows <= BENCH_FLOWS_MAX ? NULL : "--flows is 1 to 64535";
}

static const char *take_receive(struct bench_plan *p, char *text)
{
    const unsigned i = word(text, 2, receive_at);
    p->base.receive = i;
    return i < 2 ? NULL : "--receive is dma or copy";
}

static const char *take_natt(struct bench_plan *p, char *text)
{
    (void)text;
    p->base.natt = true;
    return NULL;
}
static const char *take_esn(struct bench_plan *p, char *text)
{
    (void)text;
    p->base.esn = true;
    return NULL;
}
static const char *take_stages(struct bench_plan *p, char *text)
{
    (void)text;
    p->base.stages = true;
    return NULL;
}
static const char *take_json(struct bench_plan *p, char *text)
{
    p->json = text;
    return NULL;
}
static const char *take_svg(struct bench_plan *p, char *text)
{
    p->svg = text;
    return NULL;
}

static const struct {
    const char *name;
    bool has_text;
    const char *(*take)(struct bench_plan *p, char *text);
} options[] = {
    {"direction", true, take_direction},
    {"sizes", true, take_sizes},
    {"transform", true, take_transform},
    {"engine", true, take_engine},
    {"isa", true, take_isa},
    {"sas", true, take_sas},
    {"distribution", true, take_distribution},
    {"workers", true, take_workers},
    {"seconds", true, take_seconds},
    {"rounds", true, take_rounds},
    {"ip", true, take_ip},
    {"inner", true, take_inner},
    {"outer", true, take_outer},
    {"natt", false, take_natt},
    {"esn", false, take_esn},
    {"window", true, take_window},
    {"path", true, take_path},
    {"lines", true, take_lines},
    {"flows", true, take_flows},
    {"receive", true, take_receive},
    {"stages", false, take_stages},
    {"json", true, take_json},
    {"svg", true, take_svg},
};
enum {
    OPTIONS = sizeof options / sizeof options[0],
    FIRST = 256 /* getopt's values: beyond any character */
};

/* ---- together --------------------------------------------------------------------------------------------------- */
/* Devices bring code of their own, which nothing here limits. */
static bool of_device(const char *engine)
{
    return strncmp(engine, "cryptodev", 9) == 0 || strcmp(engine, "inline") == 0;
}

static const char *together(const struct bench_plan *p)
{
    const struct bench_case *c = &p->base;
    if (c->sas % c->workers != 0 && (p->dirs[BENCH_DECAP] || p->dirs[BENCH_BOTH]))
        return "--sas must be a multiple of --workers, so that each worker owns as many";
    if (c->path != BENCH_TUNNEL && c->sas > CV_POLICY_ROWS_MAX - 96)
        return "--sas is at most 4000 with --path gre, map or clear";
    if (c->path == BENCH_GRE && (c->inner != IP_V4 || c->outer != IP_V4))
        return "--path gre is of IPv4";
    if (c->flows && !dp_bench_mapped(c))
        return "--flows goes with --path map or clear";
    if (dp_bench_mapped(c) && c->lines < c->sas)
        return "--lines is at least --sas: each SA has one";
    if (c->path == BENCH_CLEAR && (p->dirs[BENCH_DECAP] || p->dirs[BENCH_BOTH]))
        return "--path clear goes with --direction encap: what leaves in clear";
    if (c->path == BENCH_CLEAR && p->svg)
        return "--path clear has no limits to draw: no --svg";
    for (unsigned i = 0; i < p->size_count && c->inner == IP_V6; i++)
        if (p->sizes[i] != BENCH_IMIX && p->sizes[i] < BENCH_SIZE_MIN6)
            return "an inner IPv6 packet has 48 octets and more";
    if (c->natt && c->transform->proto == CV_PROTO_AH)
        return "AH passes no NAT: --natt is for ESP";
    if (c->isa != ENG_ISA_BEST && of_device(c->engine))
        return "--isa goes with --engine auto, ipsec-mb or vaes: devices run code of their own";
    return NULL;
}

void dp_bench_case_init(struct bench_case *c)
{
    *c = (struct bench_case){.transform = &transforms[0],
                             .sas = 1,
                             .workers = 1,
                             .lines = 100,
                             .inner = IP_V4,
                             .outer = IP_V4,
                             .window = 64,
                             .engine = "auto",
                             .seconds = 5,
                             .rounds = BENCH_ROUNDS};
}

static void defaults(struct bench_plan *p)
{
    *p = (struct bench_plan){.dirs = {true, true, false}, .sizes = {64, 512, 1420}, .size_count = 3};
    dp_bench_case_init(&p->base);
}

int dp_bench_options(int argc, char **argv, struct bench_plan *p)
{
    struct option table[OPTIONS + 2] = {{0}};
    for (int i = 0; i < OPTIONS; i++)
        table[i] = (struct option){options[i].name, options[i].has_text ? required_argument : no_argument,
                                   NULL, FIRST + i};
    defaults(p);
    table[OPTIONS] = (struct option){"help", no_argument, NULL, FIRST + OPTIONS};
    for (int ch; (ch = getopt_long(argc, argv, "", table, NULL)) != -1;) {
        if (ch == FIRST + OPTIONS) {
            help(stdout);
            return BENCH_HELP;
        }
        const char *bad = ch < FIRST ? "unknown option" : options[ch - FIRST].take(p, optarg);
        if (bad)
            return usage(bad);
    }
    if (optind < argc)
        return usage("unexpected argument");
    const char *bad = together(p);
    return bad ? usage(bad) : 0;
}
