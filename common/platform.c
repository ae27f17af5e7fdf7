#include "common/platform.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MEMORY_MB_MIN = 64,
    MEMORY_MB_MAX = 1 << 20,
    SA_BITS_MIN = 4,
    SA_BITS_MAX = 20,
    LCORE_MAX = 1023,
    WORDS_MAX = 34,
    FILE_LINE_MAX = 4096,
};

/* What a line handler works on: the words of the line and where a complaint goes. */
struct line_ctx {
    struct platform *p;
    char *words[WORDS_MAX];
    unsigned count;
    bool no; /* the line began with "no" */
    int line;
    char *err;
    size_t err_len;
};

void platform_init(struct platform *p)
{
    memset(p, 0, sizeof *p);
    p->workers = 1;
    p->memory_mb = 256;
    p->sa_index_bits = 14;
    snprintf(p->crypto_engine, sizeof p->crypto_engine, "auto");
}

static CV_PRINTF(2, 3) cv_result complain(struct line_ctx *c, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(c->err, c->err_len, fmt, ap);
    va_end(ap);
    return CV_EPARSE;
}

/* Keywords abbreviate: the callers' alternatives differ in their first letter. */
static bool word_is(const char *word, const char *keyword)
{
    size_t n = strlen(word);
    return n > 0 && strncmp(word, keyword, n) == 0;
}

static bool number(const char *text, unsigned lo, unsigned hi, unsigned *out)
{
    unsigned long v = 0;
    if (!*text)
        return false;
    for (const char *s = text; *s; s++) {
        if (!isdigit((unsigned char)*s))
            return false;
        v = v * 10 + (unsigned long)(*s - '0');
        if (v > hi)
            return false;
    }
    *out = (unsigned)v;
    return v >= lo;
}

/* `queues N` behind the second word, of n workers. */
static bool queues_read(struct line_ctx *c, unsigned n, unsigned *queues)
{
    *queues = 0;
    return c->count == 2 || (c->count == 4 && word_is(c->words[2], "queues") &&
                             number(c->words[3], n, CV_MAX_WORKERS, queues));
}

static cv_result set_workers(struct line_ctx *c)
{
    unsigned n = 1, queues = 0;
    if (!c->no &&
        (c->count < 2 || !number(c->words[1], 1, CV_MAX_WORKERS, &n) || !queues_read(c, n, &queues)))
        return complain(c,
                        "workers wants a count of 1 to %d, as in: workers 2; queues COUNT may follow, "
                        "no fewer than workers",
                        CV_MAX_WORKERS);
    c->p->workers = n;
    c->p->queues = queues;
    c->p->lcores[0] = '\0';
    return CV_OK;
}

/* "1-3", "2", "1,4-5": how many distinct cores; 0 when the text is not a list. */
static unsigned lcore_count(const char *text)
{
    bool seen[LCORE_MAX + 1] = {false};
    char copy[64], *save = NULL;
    unsigned n = 0;
    size_t len = strlen(text);
    if (len >= sizeof copy || text[0] == ',' || text[len - 1] == ',' || strstr(text, ",,"))
        return 0;
    memcpy(copy, text, len + 1);
    for (char *item = strtok_r(copy, ",", &save); item; item = strtok_r(NULL, ",", &save)) {
        unsigned lo, hi;
        char *dash = strchr(item, '-');
        if (dash)
            *dash = '\0';
        if (!number(item, 0, LCORE_MAX, &lo) || !number(dash ? dash + 1 : item, lo, LCORE_MAX, &hi))
            return 0;
        for (unsigned i = lo; i <= hi; i++) {
            if (seen[i])
                return 0;
            seen[i] = true;
            n++;
        }
    }
    return n;
}

static cv_result set_lcores(struct line_ctx *c)
{
    if (c->no)
        return set_workers(c);
    unsigned n = c->count >= 2 && c->words[1][0] ? lcore_count(c->words[1]) : 0, queues = 0;
    if (n < 1 || n > CV_MAX_WORKERS || !queues_read(c, n, &queues))
        return complain(c,
                        "lcores wants a list of 1 to %d processor cores, as in: lcores 1-3 or lcores 1,4; "
                        "queues COUNT may follow, no fewer than cores",
                        CV_MAX_WORKERS);
    c->p->workers = n;
    c->p->queues = queues;
    snprintf(c->p->lcores, sizeof c->p->lcores, "%s", c->words[1]);
    return CV_OK;
}

static cv_result set_memory(struct line_ctx *c)
{
    unsigned mb = 256;
    bool huge = false;
    if (!c->no) {
        huge = c->count > 1 && word_is(c->words[1], "hugepages");
        bool plain = c->count > 1 && word_is(c->words[1], "no-huge");
        if ((!huge && !plain) || c->count > 3 || (huge && c->count != 3) ||
            (c->count == 3 && !number(c->words[2], MEMORY_MB_MIN, MEMORY_MB_MAX, &mb)))
            return complain(c, "memory wants: hugepages MIB, or no-huge [MIB]; MIB is %d to %d",
                            MEMORY_MB_MIN, MEMORY_MB_MAX);
    }
    c->p->hugepages = huge;
    c->p->memory_mb = mb;
    return CV_OK;
}

/* [DDDD:]BB:DD.F in hexadecimal, the form of lspci; arguments of the device's driver may follow behind a comma. */
static bool pci_address(const char *s)
{
    unsigned domain, bus, dev, fn;
    int used = 0;
    if (sscanf(s, "%4x:%2x:%2x.%1x%n", &domain, &bus, &dev, &fn, &used) != 4) {
        used = 0;
        if (sscanf(s, "%2x:%2x.%1x%n", &bus, &dev, &fn, &used) != 3)
            return false;
    }
    return dev < 32 && fn < 8 && (s[used] == '\0' || (s[used] == ',' && s[used + 1] != '\0'));
}

static bool vdev_spec(const char *s)
{
    size_t name = strcspn(s, ",");
    if (name < 5 || name > 40 || strncmp(s, "net_", 4) != 0)
        return false;
    for (size_t i = 0; i < name; i++)
        if (!isalnum((unsigned char)s[i]) && s[i] != '_')
            return false;
    return true;
}

static struct platform_port *port_find(struct platform *p, const char *name)
{
    for (unsigned i = 0; i < p->port_count; i++)
        if (strcmp(p->ports[i].name, name) == 0)
            return &p->ports[i];
    return NULL;
}

static cv_result remove_port(struct line_ctx *c)
{
    struct platform_port *port = c->count > 1 ? port_find(c->p, c->words[1]) : NULL;
    if (!port)
        return complain(c, "no port wants the name of a configured port");
    size_t after = (size_t)(&c->p->ports[c->p->port_count] - (port + 1));
    memmove(port, port + 1, after * sizeof *port);
    c->p->port_count--;
    return CV_OK;
}

static cv_result set_port(struct line_ctx *c)
{
    if (c->no)
        return remove_port(c);
    unsigned mtu = 0;
    bool long_enough = c->count == 4 || (c->count == 6 && word_is(c->words[4], "mtu"));
    bool pci = long_enough && word_is(c->words[2], "pci");
    bool vdev = long_enough && word_is(c->words[2], "vdev");
    if (!pci && !vdev)
        return complain(
            c, "port wants: NAME pci ADDRESS, or NAME vdev DRIVER[,ARGUMENTS]; mtu OCTETS may follow");
    if (c->count == 6 && !number(c->words[5], PLATFORM_MTU_MIN, PLATFORM_MTU_MAX, &mtu))
        return complain(c, "mtu of port %.40s wants %d to %d octets", c->words[1], PLATFORM_MTU_MIN,
                        PLATFORM_MTU_MAX);
    const char *name = c->words[1], *device = c->words[3];
    if (strlen(name) >= CV_NAME_MAX)
        return complain(c, "port name '%.40s' is longer than %d octets", name, CV_NAME_MAX - 1);
    if (strlen(device) >= sizeof c->p->ports[0].device)
        return complain(c, "device of port %s is longer than %zu octets", name,
                        sizeof c->p->ports[0].device - 1);
    if (pci && !pci_address(device))
        return complain(c, "'%s' is no PCI address; it looks like 0000:03:00.0", device);
    if (vdev && !vdev_spec(device))
        return complain(c, "'%s' is no network device; it looks like net_af_packet,iface=eth1", device);
    for (unsigned i = 0; i < c->p->port_count; i++)
        if (strcmp(c->p->ports[i].device, device) == 0 && strcmp(c->p->ports[i].name, name) != 0)
            return complain(c, "device %s is port %s already (line %d)", device, c->p->ports[i].name,
                            c->p->ports[i].line);
    struct platform_port *port = port_find(c->p, name);
    if (port && port->line != 0 && c->line != 0)
        return complain(c, "port %s stands twice (first in line %d)", name, port->line);
    if (!port && c->p->port_count == CV_MAX_PORTS)
        return complain(c, "more than %d ports", CV_MAX_PORTS);
    if (!port)
        port = &c->p->ports[c->p->port_count++];
    memset(port, 0, sizeof *port);
    snprintf(port->name, sizeof port->name, "%s", name);
    snprintf(port->device, sizeof port->device, "%s", device);
    port->is_pci = pci;
    port->mtu = mtu;
    port->line = c->line;
    return CV_OK;
}

/* crypto-engine cryptodev NAME [look-aside | cpu | protocol] */
static cv_result set_cryptodev(struct line_ctx *c)
{
    char *out = c->p->crypto_engine;
    const size_t room = sizeof c->p->crypto_engine;
    const char *mode = "";
    if (c->count == 4)
        mode = word_is(c->words[3], "look-aside") ? " look-aside"
               : word_is(c->words[3], "cpu")      ? " cpu"
               : word_is(c->words[3], "protocol") ? " protocol"
                                                  : NULL;
    if (c->count < 3 || c->count > 4 || !mode)
        return complain(
            c, "cryptodev wants a device and perhaps how it works: NAME [look-aside | cpu | protocol]");
    if ((size_t)snprintf(out, room, "cryptodev %s%s", c->words[2], mode) >= room) {
        snprintf(out, room, "auto");
        return complain(c, "name of the crypto device longer than %zu octets", room - 24);
    }
    return CV_OK;
}

void platform_crypto_pci(const struct platform *p, char out[16])
{
    char word[16];
    out[0] = '\0';
    if (sscanf(p->crypto_engine, "cryptodev %15s", word) == 1 && pci_address(word))
        memcpy(out, word, sizeof word);
}

static cv_result set_engine(struct line_ctx *c)
{
    static const char *const words[] = {"auto", "ipsec-mb", "vaes", "inline"};
    char *out = c->p->crypto_engine;
    size_t room = sizeof c->p->crypto_engine;
    if (c->no) {
        snprintf(out, room, "auto");
        return CV_OK;
    }
    if (c->count > 1 && word_is(c->words[1], "cryptodev"))
        return set_cryptodev(c);
    for (unsigned i = 0; c->count == 2 && c->words[1][0] && i < sizeof words / sizeof words[0]; i++) {
        /* "i" would be two of them. */
        if (!word_is(c->words[1], words[i]) || (i > 0 && strlen(c->words[1]) < 2))
            continue;
        snprintf(out, room, "%s", words[i]);
        return CV_OK;
    }
    return complain(
        c, "crypto-engine wants: ipsec-mb, vaes, cryptodev NAME [look-aside | cpu | protocol], inline "
           "or auto");
}

static cv_result set_table(struct line_ctx *c)
{
    unsigned n = 1u << 14;
    if (!c->no && (c->count != 2 || !number(c->words[1], 1u << SA_BITS_MIN, 1u << SA_BITS_MAX, &n) ||
                   (n & (n - 1)) != 0))
        return complain(c, "security-associations wants a power of two from %u to %u", 1u << SA_BITS_MIN,
                        1u << SA_BITS_MAX);
    c->p->sa_index_bits = (unsigned)__builtin_ctz(n);
    return CV_OK;
}

static cv_result set_rebalance(struct line_ctx *c)
{
    const bool manual = c->count == 2 && word_is(c->words[1], "manual");
    if (!c->no && !manual && (c->count != 2 || !word_is(c->words[1], "automatic")))
        return complain(c, "rebalance wants: automatic or manual");
    c->p->rebalance_off = !c->no && manual;
    return CV_OK;
}

static cv_result set_eal_args(struct line_ctx *c)
{
    struct platform *p = c->p;
    if (c->no) {
        p->eal_arg_count = 0;
        return CV_OK;
    }
    if (c->count < 2)
        return complain(c, "eal-args wants options of the DPDK EAL, as in: eal-args --log-level=lib.eal:5");
    for (unsigned i = 1; i < c->count; i++) {
        if (p->eal_arg_count == PLATFORM_EAL_ARGS_MAX)
            return complain(c, "more than %d EAL arguments", PLATFORM_EAL_ARGS_MAX);
        if (strlen(c->words[i]) >= sizeof p->eal_args[0])
            return complain(c, "EAL argument longer than %zu octets", sizeof p->eal_args[0] - 1);
        snprintf(p->eal_args[p->eal_arg_count++], sizeof p->eal_args[0], "%s", c->words[i]);
    }
    return CV_OK;
}

static const struct {
    const char *keyword;
    cv_result (*set)(struct line_ctx *c);
} lines[] = {
    {"workers", set_workers},     {"lcores", set_lcores},        {"memory", set_memory},
    {"port", set_port},           {"crypto-engine", set_engine}, {"security-associations", set_table},
    {"rebalance", set_rebalance}, {"eal-args", set_eal_args},
};

static cv_result line_dispatch(struct line_ctx *c)
{
    for (unsigned i = 0; c->count > 0 && i < sizeof lines / sizeof lines[0]; i++)
        if (word_is(c->words[0], lines[i].keyword))
            return lines[i].set(c);
    return complain(c,
                    "'%.40s' is not known here; expected workers, lcores, memory, port, crypto-engine, "
                    "security-associations, rebalance or eal-args",
                    c->count > 0 ? c->words[0] : "no");
}

cv_result platform_line(struct platform *p, const char *text, int line, char *err, size_t err_len)
{
    struct line_ctx c = {.p = p, .line = line, .err = err, .err_len = err_len};
    char copy[PLATFORM_LINE_MAX], *save = NULL;
    size_t n = strlen(text);
    if (n >= sizeof copy)
        return complain(&c, "line longer than %d octets", PLATFORM_LINE_MAX - 1);
    memcpy(copy, text, n + 1);
    for (char *w = strtok_r(copy, " \t\r\n", &save); w; w = strtok_r(NULL, " \t\r\n", &save)) {
        if (c.count == 0 && !c.no && strcmp(w, "no") == 0) {
            c.no = true;
            continue;
        }
        if (c.count == WORDS_MAX)
            return complain(&c, "more than %d words", WORDS_MAX);
        c.words[c.count++] = w;
    }
    if (c.count == 0 && !c.no)
        return CV_OK;
    p->present = true;
    return line_dispatch(&c);
}

/* Cuts a "!" comment: at the start of the line, or behind white space. */
static void strip_comment(char *s)
{
    for (char *b = s; *b; b++)
        if (*b == '!' && (b == s || isspace((unsigned char)b[-1]))) {
            *b = '\0';
            return;
        }
}

static bool blank(const char *s)
{
    return s[strspn(s, " \t\r\n")] == '\0';
}

static bool section_opens(const char *s)
{
    char a[16], b[16], extra[2];
    return sscanf(s, "%15s %15s %1s", a, b, extra) == 2 && strlen(a) >= 4 && word_is(a, "platform") &&
           word_is(b, "dataplane");
}

/* A section ends at the first line that is not indented, unless the line can only be one of the section:
 * configurations get pasted without their indentation. */
static bool section_line(const char *s)
{
    char word[32];
    if (s[0] == ' ' || s[0] == '\t')
        return true;
    if (sscanf(s, "%31s", word) != 1)
        return false;
    for (unsigned i = 0; i < sizeof lines / sizeof lines[0]; i++)
        if (strcmp(word, lines[i].keyword) == 0)
            return true;
    return false;
}

static cv_result load_lines(struct platform *p, FILE *f, const char *file, char *err, size_t err_len)
{
    char text[FILE_LINE_MAX], why[256];
    bool inside = false;
    for (int line = 1; fgets(text, sizeof text, f); line++) {
        if (!strchr(text, '\n') && !feof(f)) {
            if (inside) {
                snprintf(err, err_len, "%s:%d: line longer than %d octets", file, line, FILE_LINE_MAX - 2);
                return CV_EPARSE;
            }
            int ch;
            while ((ch = getc(f)) != EOF && ch != '\n')
                ;
            continue;
        }
        strip_comment(text);
        if (blank(text))
            continue;
        if (section_opens(text)) {
            inside = p->present = true;
            continue;
        }
        inside = inside && section_line(text);
        if (inside && platform_line(p, text, line, why, sizeof why) != CV_OK) {
            snprintf(err, err_len, "%s:%d: %s", file, line, why);
            return CV_EPARSE;
        }
    }
    return CV_OK;
}

cv_result platform_load(struct platform *p, const char *file, char *err, size_t err_len)
{
    platform_init(p);
    FILE *f = fopen(file, "re");
    if (!f) {
        snprintf(err, err_len, "%s:0: cannot be read: %s", file, strerror(errno));
        return CV_EIO;
    }
    cv_result r = load_lines(p, f, file, err, err_len);
    fclose(f);
    return r;
}

/* snprintf at a running offset; only counts once the room has run out. */
static CV_PRINTF(4, 5) void add(char *out, size_t room, int *at, const char *fmt, ...)
{
    va_list ap;
    size_t used = (size_t)*at < room ? (size_t)*at : room;
    va_start(ap, fmt);
    int n = vsnprintf(out ? out + used : NULL, room - used, fmt, ap);
    va_end(ap);
    *at += n > 0 ? n : 0;
}

int platform_write(const struct platform *p, char *out, size_t out_len)
{
    int at = 0;
    add(out, out_len, &at, "platform dataplane\n");
    if (p->lcores[0])
        add(out, out_len, &at, " lcores %s", p->lcores);
    else
        add(out, out_len, &at, " workers %u", p->workers);
    if (p->queues)
        add(out, out_len, &at, " queues %u", p->queues);
    add(out, out_len, &at, "\n");
    add(out, out_len, &at, " memory %s %u\n", p->hugepages ? "hugepages" : "no-huge", p->memory_mb);
    for (unsigned i = 0; i < p->port_count; i++) {
        const struct platform_port *x = &p->ports[i];
        add(out, out_len, &at, " port %s %s %s", x->name, x->is_pci ? "pci" : "vdev", x->device);
        if (x->mtu != 0)
            add(out, out_len, &at, " mtu %u", x->mtu);
        add(out, out_len, &at, "\n");
    }
    add(out, out_len, &at, " crypto-engine %s\n", p->crypto_engine);
    add(out, out_len, &at, " security-associations %u\n", 1u << p->sa_index_bits);
    if (p->rebalance_off)
        add(out, out_len, &at, " rebalance manual\n");
    for (unsigned i = 0; i < p->eal_arg_count; i++)
        add(out, out_len, &at, " eal-args %s\n", p->eal_args[i]);
    return at;
}

unsigned platform_lcores(const struct platform *p, unsigned *cpus, unsigned max)
{
    unsigned n = 0, lo, hi;
    int used;
    for (const char *text = p->lcores; *text; text += *text == ',') {
        if (sscanf(text, "%u-%u%n", &lo, &hi, &used) != 2) {
            if (sscanf(text, "%u%n", &lo, &used) != 1)
                return n;
            hi = lo;
        }
        for (unsigned c = lo; c <= hi && n < max; c++)
            cpus[n++] = c;
        text += used;
    }
    return n;
}

void platform_workers(const struct platform *p, unsigned count, struct cv_workers_cmd *out)
{
    unsigned cpus[CV_MAX_WORKERS];
    const unsigned named = platform_lcores(p, cpus, CV_MAX_WORKERS);
    out->count = count;
    for (unsigned w = 0; w < CV_MAX_WORKERS; w++)
        out->cpu[w] = w < named ? (uint16_t)cpus[w] : (uint16_t)CV_CPU_ANY;
}

bool platform_same_but_workers(const struct platform *a, const struct platform *b)
{
    static struct platform p[2]; /* as large as a section may be written */
    static char text[2][16384];
    p[0] = *a;
    p[1] = *b;
    for (unsigned i = 0; i < 2; i++) {
        p[i].workers = 1;
        p[i].lcores[0] = '\0';
        if (platform_write(&p[i], text[i], sizeof text[i]) >= (int)sizeof text[i])
            return false;
    }
    return strcmp(text[0], text[1]) == 0;
}
