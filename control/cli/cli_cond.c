#include "control/cli/cli_cond.h"

#include "control/sa/sam.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static bool same(const struct cli_cond *a, const struct cli_cond *b)
{
    return a->kind == b->kind && a->number == b->number && a->version == b->version &&
           strcmp(a->text, b->text) == 0 && memcmp(a->cookie, b->cookie, sizeof a->cookie) == 0 &&
           a->prefix.len == b->prefix.len && ip_addr_equal(&a->prefix.addr, &b->prefix.addr);
}

cv_result cli_cond_add(struct cli_conds *c, const struct cli_cond *one)
{
    for (unsigned i = 0; i < c->count; i++)
        if (same(&c->items[i], one))
            return CV_EEXIST;
    if (c->count == CLI_CONDS_MAX)
        return CV_ENOSPC;
    c->items[c->count++] = *one;
    return CV_OK;
}

void cli_conds_reset(struct cli_conds *c)
{
    *c = (struct cli_conds){0};
}

enum verdict { NO, UNKNOWN, YES };

static enum verdict in_prefix(const struct ip_prefix *p, const struct ip_addr *a)
{
    if (a->family == IP_NONE)
        return UNKNOWN;
    return ip_prefix_contains(p, a) ? YES : NO;
}

static enum verdict owns_spi(struct ike *e, const struct ike_about *a, uint32_t spi)
{
    if (a->conn_id == 0)
        return UNKNOWN;
    const struct sam_child *in = sam_child_by_spi_in(ike_sam(e), spi);
    if (in && in->owner == a->conn_id)
        return YES;
    return sam_child_by_spi_out(ike_sam(e), a->conn_id, spi) ? YES : NO;
}

static enum verdict has_cookie(const struct ike_about *a, const uint8_t cookie[8])
{
    static const uint8_t zero[8];
    if (memcmp(a->spi_i, cookie, 8) == 0 || memcmp(a->spi_r, cookie, 8) == 0)
        return YES;
    return memcmp(a->spi_i, zero, 8) == 0 ? UNKNOWN : NO;
}

static enum verdict judge(const struct cli_cond *c, struct ike *e, const struct ike_about *a)
{
    switch (c->kind) {
    case CLI_COND_PEER:
        return in_prefix(&c->prefix, &a->peer.addr);
    case CLI_COND_LOCAL:
        return in_prefix(&c->prefix, &a->local.addr);
    case CLI_COND_PROFILE:
        if (!a->profile[0])
            return a->version == 0 || a->version == c->version ? UNKNOWN : NO;
        return strcmp(a->profile, c->text) == 0 && (a->version == 0 || a->version == c->version) ? YES : NO;
    case CLI_COND_CONNID:
        return a->conn_id == 0 ? UNKNOWN : a->conn_id == c->number ? YES : NO;
    case CLI_COND_FVRF:
        return strcmp(a->fvrf, c->text) == 0 ? YES : NO;
    case CLI_COND_SPI:
        return owns_spi(e, a, c->number);
    case CLI_COND_COOKIE:
        return has_cookie(a, c->cookie);
    default:
        return NO;
    }
}

bool cli_conds_pass(const struct cli_conds *c, struct ike *e, const struct ike_about *a)
{
    enum verdict best[CLI_COND_KINDS];
    bool asked[CLI_COND_KINDS] = {false};
    for (unsigned i = 0; i < c->count; i++) {
        const enum cli_cond_kind k = c->items[i].kind;
        enum verdict v = judge(&c->items[i], e, a);
        best[k] = asked[k] && best[k] > v ? best[k] : v;
        asked[k] = true;
    }
    for (unsigned k = 0; k < CLI_COND_KINDS; k++)
        if (asked[k] && best[k] != YES && !(best[k] == UNKNOWN && c->unmatched))
            return false;
    return true;
}

static const char *prefix_text(const struct ip_prefix *p, char out[IP_TEXT_MAX])
{
    return p->len == ip_addr_bits(&p->addr) ? ip_addr_text(&p->addr, out) : ip_prefix_text(p, out);
}

const char *cli_cond_text(const struct cli_cond *c, char *out)
{
    char text[IP_TEXT_MAX];
    const char *family = c->prefix.addr.family == IP_V6 ? "ipv6" : "ipv4";
    bool one = c->prefix.len == ip_addr_bits(&c->prefix.addr);
    switch (c->kind) {
    case CLI_COND_PEER:
        snprintf(out, CLI_COND_TEXT_MAX, "peer %s %s", one ? family : "subnet",
                 prefix_text(&c->prefix, text));
        break;
    case CLI_COND_LOCAL:
        snprintf(out, CLI_COND_TEXT_MAX, "local %s %s", family, prefix_text(&c->prefix, text));
        break;
    case CLI_COND_PROFILE:
        snprintf(out, CLI_COND_TEXT_MAX, "%s profile %s", c->version == 1 ? "isakmp" : "ikev2", c->text);
        break;
    case CLI_COND_CONNID:
        snprintf(out, CLI_COND_TEXT_MAX, "connid %u", c->number);
        break;
    case CLI_COND_FVRF:
        snprintf(out, CLI_COND_TEXT_MAX, "fvrf %s", c->text[0] ? c->text : "global");
        break;
    case CLI_COND_SPI:
        snprintf(out, CLI_COND_TEXT_MAX, "spi 0x%08X", c->number);
        break;
    default:
        snprintf(out, CLI_COND_TEXT_MAX, "cookie %02X%02X%02X%02X%02X%02X%02X%02X", c->cookie[0],
                 c->cookie[1], c->cookie[2], c->cookie[3], c->cookie[4], c->cookie[5], c->cookie[6],
                 c->cookie[7]);
        break;
    }
    return out;
}

static int digit(char ch)
{
    return isdigit((unsigned char)ch) ? ch - '0' : tolower((unsigned char)ch) - 'a' + 10;
}

bool cli_cookie_parse(const char *text, uint8_t out[8])
{
    unsigned n = 0;
    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
        text += 2;
    for (; *text; text++) {
        if ((*text == ':' || *text == '.') && n > 0 && text[1])
            continue;
        if (!isxdigit((unsigned char)*text) || n == 16)
            return false;
        int d = digit(*text);
        out[n / 2] = (uint8_t)(n % 2 ? out[n / 2] | d : d << 4);
        n++;
    }
    return n == 16;
}
