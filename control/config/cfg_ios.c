#include "control/config/cfg_ios.h"

#include "control/config/cfg_findings.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- the list ----------------------------------------------------------------------------------------------------- */
/* Whether a secret may stand behind this word of a line that is no command of ours. */
static bool hides(const char *word, size_t n, bool aaa)
{
    static const char *const parts[] = {"key",    "password",  "passwd", "passphrase",
                                        "secret", "community", "md5",    "psk"};
    char text[64] = "";
    for (size_t i = 0; i < n && i < sizeof text - 1; i++)
        text[i] = (char)tolower((unsigned char)word[i]);
    if (strstr(text, "keyring") || strstr(text, "pubkey"))
        return false;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (strstr(text, parts[i]))
            return true;
    return !aaa && strcmp(text, "authentication") == 0; /* ip nhrp authentication, standby authentication */
}

/* Copies a line without its blanks at both ends, up to the first word that may be a secret. */
static void copy_text(char *out, size_t room, const char *text, size_t n)
{
    size_t at = 0, i = 0;
    unsigned words = 0;
    bool aaa = false, any = false, snmp = false;
    while (n > 0 && isspace((unsigned char)text[n - 1]))
        n--;
    while (i < n && isspace((unsigned char)text[i]))
        i++;
    while (i < n) {
        size_t len = strcspn(text + i, " \t\n");
        len = len < n - i ? len : n - i;
        if (memmem(text + i, len, "://", 3) && memchr(text + i, '@', len)) { /* scp://user:password@host/ */
            snprintf(out + at, room - at, "<hidden>");
            return;
        }
        for (size_t k = 0; k < len && at + 1 < room; k++)
            out[at++] = isprint((unsigned char)text[i + k]) ? text[i + k] : '?';
        i += len;
        aaa = aaa || (!any && len == 3 && memcmp(text + i - len, "aaa", 3) == 0);
        snmp = snmp || (!any && len == 11 && memcmp(text + i - len, "snmp-server", 11) == 0);
        words++; /* snmp-server user and host have secrets that no word announces */
        if (((snmp && words == 2) || hides(text + i - len, len, aaa)) && i < n) {
            snprintf(out + at, room - at, " <hidden>");
            return;
        }
        any = true;
        for (; i < n && isspace((unsigned char)text[i]); i++)
            if (at + 1 < room)
                out[at++] = ' ';
    }
    out[at] = '\0';
}

static void add_skip(struct cfg_parser *p, const char *text, size_t n)
{
    struct cfg_skips *s = p->skips;
    if (!s)
        return;
    unsigned i = cfg_append(p, &s->items, &s->count, sizeof *s->items);
    if (i == UINT_MAX)
        return;
    s->items[i].line = p->line;
    s->items[i].lines = 1;
    s->lines++;
    copy_text(s->items[i].text, sizeof s->items[i].text, text, n);
}

static void count_line(struct cfg_parser *p)
{
    if (!p->skips || p->skips->count == 0)
        return;
    p->skips->items[p->skips->count - 1].lines++;
    p->skips->lines++;
}

/* ---- bodies ------------------------------------------------------------------------------------------------------- */
static bool starts_with(const char *text, size_t n, const char *word)
{
    size_t len = strlen(word);
    return n > len && strncasecmp(text, word, len) == 0 && (text[len] == ' ' || text[len] == '\t');
}

static const char *find(const char *text, size_t n, const char *what)
{
    size_t len = strlen(what);
    for (size_t i = 0; len > 0 && i + len <= n; i++)
        if (memcmp(text + i, what, len) == 0)
            return text + i;
    return NULL;
}

/* banner [TYPE] D ... D, where D is one character, or "^C" as a router prints it. */
static bool open_banner(struct cfg_parser *p, const char *text, size_t n)
{
    static const char *const types[] = {"motd", "login", "exec", "incoming", "prompt-timeout", "slip-ppp"};
    if (!starts_with(text, n, "banner"))
        return false;
    add_skip(p, text, n);
    size_t at = strlen("banner");
    at += strspn(text + at, " \t");
    for (size_t i = 0; i < sizeof types / sizeof types[0] && at < n; i++)
        if (starts_with(text + at, n - at, types[i])) {
            at += strlen(types[i]);
            at += strspn(text + at, " \t");
            break;
        }
    if (at >= n || text[at] == '\r')
        return true;
    size_t len = text[at] == '^' && at + 1 < n ? 2 : 1;
    memcpy(p->banner_end, text + at, len);
    p->banner_end[len] = '\0';
    p->body_line = p->line;
    if (find(text + at + len, n - at - len, p->banner_end))
        p->banner_end[0] = '\0';
    return true;
}

static bool in_banner(struct cfg_parser *p, const char *text, size_t n)
{
    if (!p->banner_end[0])
        return false;
    count_line(p);
    if (find(text, n, p->banner_end))
        p->banner_end[0] = '\0';
    return true;
}

/* Adds the digits of a line to the certificate under construction. Its octets grow at each power of two. */
static void take_hex(struct cfg_parser *p, const char *text, size_t n)
{
    if (p->certificate_at == UINT_MAX || p->out_of_memory)
        return;
    struct cfg_certificate *x = &p->c->certificates[p->certificate_at];
    for (size_t i = 0; i < n; i++) {
        if (isspace((unsigned char)text[i]))
            continue;
        if (x->n == CFG_CERT_MAX) {
            cfg_error(p, 0, "", "the certificate is longer than %d octets", CFG_CERT_MAX);
            p->certificate_at = UINT_MAX;
            return;
        }
        if (p->certificate_digits % 2 == 0 && (x->n == 0 || (x->n >= 512 && (x->n & (x->n - 1)) == 0))) {
            uint8_t *more = realloc(x->der, x->n ? 2 * x->n : 512);
            if (!more) {
                p->out_of_memory = true;
                return;
            }
            x->der = more;
        }
        int digit =
            isdigit((unsigned char)text[i]) ? text[i] - '0' : tolower((unsigned char)text[i]) - 'a' + 10;
        if (p->certificate_digits++ % 2 == 0)
            x->der[x->n] = (uint8_t)(digit << 4);
        else
            x->der[x->n++] |= (uint8_t)digit;
    }
}

/* The length of a DER SEQUENCE with its header; 0 when it is none. */
static size_t sequence_length(const uint8_t *p, size_t n)
{
    if (n < 2 || p[0] != 0x30)
        return 0;
    if (p[1] < 0x80)
        return 2u + p[1];
    size_t octets = p[1] & 0x7f, length = 0;
    if (octets == 0 || octets > 3 || n < 2 + octets)
        return 0;
    for (size_t i = 0; i < octets; i++)
        length = length << 8 | p[2 + i];
    return 2 + octets + length;
}

/* What is no certificate is not kept: an error, or with --ios a warning. */
static void end_certificate(struct cfg_parser *p)
{
    p->certificate = false;
    if (p->certificate_at == UINT_MAX || p->out_of_memory)
        return;
    struct cfg *c = p->c;
    struct cfg_certificate *x = &c->certificates[p->certificate_at];
    size_t length = sequence_length(x->der, x->n);
    if (p->certificate_digits % 2 == 0 && length == x->n && length > 0)
        return;
    int line = p->line;
    p->line = x->line;
    cfg_error(p, 0, "paste it again, whole, or leave it out",
              p->certificate_digits % 2 ? "an octet of certificate %.40s is cut in half"
                                        : "certificate %.40s is cut short or damaged",
              x->serial);
    p->line = line;
    free(x->der);
    cfg_remove(&c->certificates, &c->certificate_count, sizeof *c->certificates, p->certificate_at);
}

/* Hexadecimal up to `quit`. Anything else means that the body was never closed. */
static bool in_certificate(struct cfg_parser *p, const char *text, size_t n)
{
    if (!p->certificate)
        return false;
    while (n > 0 && isspace((unsigned char)text[n - 1]))
        n--;
    while (n > 0 && isspace((unsigned char)*text)) {
        text++;
        n--;
    }
    bool quit = n == 4 && strncasecmp(text, "quit", 4) == 0;
    bool hex = true;
    for (size_t i = 0; i < n; i++)
        hex = hex && (isxdigit((unsigned char)text[i]) || text[i] == ' ' || text[i] == '\t');
    if (quit || !hex)
        end_certificate(p);
    else
        take_hex(p, text, n);
    if (!quit && !hex)
        cfg_error(p, 0, "close the certificate in front of it: quit",
                  "this is no hexadecimal of a certificate");
    return quit || hex;
}

bool cfg_ios_body(struct cfg_parser *p, const char *text, size_t n)
{
    if (in_banner(p, text, n) || in_certificate(p, text, n))
        return true;
    return p->ios && open_banner(p, text, n);
}

void cfg_ios_end(struct cfg_parser *p)
{
    if (p->certificate || p->banner_end[0])
        p->line = p->body_line;
    if (p->certificate) {
        cfg_error(p, 0, "close it: quit", "the certificate has no end");
        end_certificate(p);
    }
    if (p->banner_end[0])
        cfg_warn(p, 0, "syntax", "close it",
                 "the banner has no end, and the rest of the file was taken for it");
}

/* ---- lines outside of the grammar --------------------------------------------------------------------------------- */
void cfg_ios_skip(struct cfg_parser *p, const struct cfg_line *line)
{
    add_skip(p, line->raw, strlen(line->raw));
    p->skipping = true;
    p->skip_indent = line->indent;
}

bool cfg_ios_under_skipped(struct cfg_parser *p, const struct cfg_line *line)
{
    if (p->skipping && line->indent > p->skip_indent) {
        count_line(p);
        return true;
    }
    p->skipping = false;
    return false;
}

bool cfg_ios_concerns(const struct cfg_parser *p, const struct cfg_line *line, enum cfg_mode mode)
{
    unsigned i = line->count > 1 &&
                 (!strcasecmp(line->tokens[0].text, "no") || !strcasecmp(line->tokens[0].text, "default"));
    const char *word = line->count ? line->tokens[i].text : "";
    (void)p;
    if (mode == CFG_MODE_GLOBAL)
        return strcasecmp(word, "crypto") == 0;
    if (mode == CFG_MODE_INTERFACE)
        return strcasecmp(word, "crypto") == 0 || strcasecmp(word, "tunnel") == 0;
    return mode != CFG_MODE_VRF && mode != CFG_MODE_VRF_FAMILY && mode != CFG_MODE_TRUSTPOINT;
}

bool cfg_ios_wants_acl(const struct cfg_parser *p, const char *name)
{
    static const char command[] = "match address ";
    size_t n = strlen(name);
    for (const char *s = p->text; (s = strstr(s, command)) != NULL; s++) {
        const char *at = s + sizeof command - 1;
        if (strncmp(at, name, n) == 0 && (at[n] == '\0' || isspace((unsigned char)at[n])))
            return true;
    }
    return false;
}
