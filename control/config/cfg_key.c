#include "control/config/cfg_key.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_MAX = 256 };

static int hex_digit(char c)
{
    if (isdigit((unsigned char)c))
        return c - '0';
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "0x0102" or "0102". False when it is no whole number of octets. */
static bool unhex(const char *text, struct secret *out, cv_result *r)
{
    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
        text += 2;
    size_t n = strlen(text);
    for (size_t i = 0; i < n; i++)
        if (hex_digit(text[i]) < 0)
            return false;
    if (n == 0 || n % 2 != 0)
        return false;
    *r = secret_new(out, n / 2);
    for (size_t i = 0; *r == CV_OK && i < n / 2; i++)
        out->p[i] = (uint8_t)(hex_digit(text[2 * i]) << 4 | hex_digit(text[2 * i + 1]));
    return true;
}

/* `pre-shared-key local` alone is a command cut short, not the key "local". */
static bool is_keyword(const struct cfg_match *m, const char *text)
{
    static const char *const words[] = {"local", "remote", "hex", "0", "6"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(text, words[i]) == 0)
            return !cfg_match_has(m, "0") && !cfg_match_has(m, "6") && !cfg_match_has(m, "hex");
    return false;
}

void cfg_key_take(struct cfg_parser *p, const struct cfg_match *m, struct secret *out)
{
    cfg_key_take_word(p, m, 0, out);
}

void cfg_key_take_word(struct cfg_parser *p, const struct cfg_match *m, unsigned n, struct secret *out)
{
    const struct cfg_arg *a = cfg_match_arg(m, CFG_ARG_WORD, n);
    cv_result r = CV_OK;
    secret_free(out);
    if (m->form != CFG_SET || !a)
        return;
    if (strlen(a->text) > (cfg_match_has(m, "hex") ? 2 * KEY_MAX + 2 : KEY_MAX)) {
        cfg_error(p, a->column, "", "the key is longer than %d octets", KEY_MAX);
        return;
    }
    if (is_keyword(m, a->text)) {
        cfg_error(p, a->column, "the key behind it; a key of just that word is written as: 0 KEY",
                  "the command ends before its key");
        return;
    }
    if (cfg_match_has(m, "6") && p->ios) { /* unknown, but the same for each of its uses */
        cfg_warn(p, a->column, "key-6", "write the key in clear to compare it with the peer's",
                 "a key of type 6 is encrypted: its octets are taken for the key");
        r = secret_copy(out, a->text, strlen(a->text));
    } else if (cfg_match_has(m, "6"))
        cfg_error(p, a->column, "write the key in clear, or as: hex 0x...",
                  "keys of type 6 cannot be read: they are encrypted under a master key of another device");
    else if (!cfg_match_has(m, "hex"))
        r = secret_copy(out, a->text, strlen(a->text));
    else if (!unhex(a->text, out, &r))
        cfg_error(p, a->column, "an even number of hexadecimal digits", "no key in hexadecimal");
    if (r != CV_OK)
        p->out_of_memory = true;
}

bool cfg_key_prefix(const struct cfg_match *m, struct ip_prefix *out)
{
    const struct cfg_arg *slash = cfg_match_arg(m, CFG_ARG_PREFIX, 0);
    const struct cfg_arg *mask = cfg_match_arg(m, CFG_ARG_MASK, 0);
    const struct cfg_arg *a = slash ? slash : cfg_match_arg(m, CFG_ARG_ADDR, 0);
    if (!a)
        return false;
    unsigned whole = ip_addr_is_any(&a->addr) ? 0 : ip_addr_bits(&a->addr);
    return ip_prefix_make(&a->addr, slash ? slash->len : mask ? mask->len : whole, out);
}

static enum cfg_id_kind kind_of(const struct cfg_match *m)
{
    bool domain = cfg_match_has(m, "domain");
    /* "address" and "local"/"remote" keywords of the command stand before the kind; "any" and "dn" stand alone. */
    if (cfg_match_has(m, "fqdn"))
        return domain ? CFG_ID_FQDN_DOMAIN : CFG_ID_FQDN;
    if (cfg_match_has(m, "email"))
        return domain ? CFG_ID_EMAIL_DOMAIN : CFG_ID_EMAIL;
    if (cfg_match_has(m, "key-id"))
        return CFG_ID_KEY_ID;
    if (cfg_match_has(m, "address"))
        return CFG_ID_ADDRESS;
    return cfg_match_has(m, "dn") ? CFG_ID_DN : CFG_ID_ANY;
}

bool cfg_key_identity(struct cfg_parser *p, const struct cfg_match *m, struct cfg_id *out)
{
    const struct cfg_arg *word = cfg_match_arg(m, CFG_ARG_WORD, 0);
    memset(out, 0, sizeof *out);
    enum cfg_id_kind kind = kind_of(m);
    if (kind == CFG_ID_ADDRESS && !cfg_key_prefix(m, &out->prefix))
        return false;
    if (kind == CFG_ID_ADDRESS && !cfg_match_has(m, "match") &&
        out->prefix.len != ip_addr_bits(&out->prefix.addr)) {
        cfg_error(p, m->args[0].column, "as in: address 192.0.2.1", "an identity is the address of one host");
        return false;
    }
    if (word && !cfg_copy(p, out->text, sizeof out->text, word))
        return false;
    const char *at = word ? strchr(word->text, '@') : NULL;
    if (kind == CFG_ID_EMAIL && (!at || at == word->text || at[1] == '\0')) {
        cfg_error(p, word->column, "as in: user@example.com", "no e-mail address");
        return false;
    }
    out->kind = kind;
    out->line = p->line;
    return true;
}

void cfg_key_local(struct cfg_parser *p, const struct cfg_match *m, struct cfg_isakmp_local *out)
{
    const struct cfg_arg *vrf = cfg_match_arg(m, CFG_ARG_WORD, 0);
    const struct cfg_arg *a = cfg_match_arg(m, CFG_ARG_ADDR, 0), *ifc = cfg_match_arg(m, CFG_ARG_IF, 0);
    memset(out, 0, sizeof *out);
    if (m->form == CFG_SET && a)
        out->addr = a->addr;
    else if (m->form == CFG_SET && ifc)
        memcpy(out->interface, ifc->name, sizeof ifc->name);
    out->line = m->form == CFG_SET ? p->line : 0;
    if (m->form == CFG_SET && vrf)
        (void)cfg_copy(p, out->vrf, sizeof out->vrf, vrf);
}

struct cfg_dpd cfg_key_dpd(const struct cfg_match *m)
{
    const struct cfg_arg *interval = cfg_match_arg(m, CFG_ARG_NUMBER, 0);
    const struct cfg_arg *retry = cfg_match_arg(m, CFG_ARG_NUMBER, 1);
    if (m->form != CFG_SET)
        return (struct cfg_dpd){.set = false};
    return (struct cfg_dpd){.set = true,
                            .interval_s = (unsigned)interval->number,
                            .retry_s = retry ? (unsigned)retry->number : 2,
                            .periodic = cfg_match_has(m, "periodic")};
}
