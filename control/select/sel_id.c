#include "control/select/sel_id.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { EXACT = SEL_ID_EXACT, BY_MASK = 300, BY_DOMAIN = 2, BY_ANY = 1 };

bool sel_id_address(const struct sel_id *id, struct ip_addr *out)
{
    if (id->type == SEL_ID_IPV4_ADDR && id->data.n == 4)
        *out = ip_addr_v4(id->data.p);
    else if (id->type == SEL_ID_IPV6_ADDR && id->data.n == 16)
        *out = ip_addr_v6(id->data.p);
    else
        return false;
    return true;
}

static bool same_text(const uint8_t *p, size_t n, const char *text)
{
    return n > 0 && strlen(text) == n && strncasecmp((const char *)p, text, n) == 0 && !memchr(p, '\0', n);
}

/* Where the last "@" stands; n when there is none. */
static size_t at_sign(const struct sel_id *id)
{
    for (size_t i = id->data.n; i-- > 0;)
        if (id->data.p[i] == '@')
            return i;
    return id->data.n;
}

/* The part before the "@" is the mail host's own business: it must be equal; domains compare without case. */
static bool same_email(const struct sel_id *id, const char *text)
{
    const char *at = strrchr(text, '@');
    size_t i = at_sign(id);
    return at && i < id->data.n && (size_t)(at - text) == i && memcmp(id->data.p, text, i) == 0 &&
           same_text(id->data.p + i, id->data.n - i, at);
}

static bool in_email_domain(const struct sel_id *id, const char *domain)
{
    size_t i = at_sign(id);
    return i < id->data.n && i > 0 && same_text(id->data.p + i + 1, id->data.n - i - 1, domain);
}

/* "cisco.com" covers R1.cisco.com, neither xcisco.com nor cisco.com itself. */
static bool in_fqdn_domain(const struct sel_id *id, const char *domain)
{
    if (domain[0] == '.')
        domain++;
    size_t n = strlen(domain);
    if (n == 0 || id->data.n < n + 2 || memchr(id->data.p, '\0', id->data.n))
        return false;
    size_t at = id->data.n - n;
    return id->data.p[at - 1] == '.' && same_text(id->data.p + at, n, domain);
}

static unsigned domain_specificity(const char *domain)
{
    return BY_DOMAIN + (unsigned)strlen(domain);
}

static unsigned address_specificity(const struct ip_prefix *p, const struct sel_id *id)
{
    struct ip_addr a;
    if (!sel_id_address(id, &a) || a.family != p->addr.family || !ip_prefix_contains(p, &a))
        return 0;
    return p->len == ip_addr_bits(&a) ? EXACT : BY_MASK + p->len;
}

unsigned sel_id_specificity(const struct cfg_id *x, const struct sel_id *id)
{
    switch (x->kind) {
    case CFG_ID_ADDRESS:
        return address_specificity(&x->prefix, id);
    case CFG_ID_FQDN:
        return id->type == SEL_ID_FQDN && same_text(id->data.p, id->data.n, x->text) ? EXACT : 0;
    case CFG_ID_FQDN_DOMAIN:
        return id->type == SEL_ID_FQDN && in_fqdn_domain(id, x->text) ? domain_specificity(x->text) : 0;
    case CFG_ID_EMAIL:
        return id->type == SEL_ID_RFC822_ADDR && same_email(id, x->text) ? EXACT : 0;
    case CFG_ID_EMAIL_DOMAIN:
        return id->type == SEL_ID_RFC822_ADDR && in_email_domain(id, x->text) ? domain_specificity(x->text)
                                                                              : 0;
    case CFG_ID_KEY_ID:
        return id->type == SEL_ID_KEY_ID && id->data.n == strlen(x->text) &&
                       memcmp(id->data.p, x->text, id->data.n) == 0
                   ? EXACT
                   : 0;
    case CFG_ID_ANY:
        return BY_ANY;
    case CFG_ID_DN:
    case CFG_ID_NONE:
        break;
    }
    return 0;
}

static bool printable(const struct slice *s)
{
    for (size_t i = 0; i < s->n; i++)
        if (!isprint(s->p[i]))
            return false;
    return s->n > 0;
}

const char *sel_id_text(const struct sel_id *id, char *out)
{
    struct ip_addr a;
    if (sel_id_address(id, &a))
        return ip_addr_text(&a, out);
    if (printable(&id->data)) {
        snprintf(out, SEL_TEXT_MAX, "%.*s", (int)(id->data.n < SEL_TEXT_MAX ? id->data.n : SEL_TEXT_MAX - 1),
                 (const char *)id->data.p);
        return out;
    }
    size_t at = (size_t)snprintf(out, SEL_TEXT_MAX, "0x");
    for (size_t i = 0; i < id->data.n && at + 3 < SEL_TEXT_MAX; i++)
        at += (size_t)snprintf(out + at, SEL_TEXT_MAX - at, "%02x", id->data.p[i]);
    return out;
}

static bool put(struct sel_id *out, uint8_t *data, uint8_t type, const void *p, size_t n)
{
    if (n == 0 || n > CFG_TEXT_MAX)
        return false;
    memcpy(data, p, n);
    *out = (struct sel_id){.type = type, .data = {.p = data, .n = n}};
    return true;
}

static bool put_address(struct sel_id *out, uint8_t *data, const struct ip_addr *a)
{
    return put(out, data, a->family == IP_V6 ? SEL_ID_IPV6_ADDR : SEL_ID_IPV4_ADDR, a->b, ip_addr_len(a));
}

bool sel_local_id(const struct cfg_ikev2_profile *p, const struct ip_addr *local, struct sel_id *out,
                  uint8_t data[CFG_TEXT_MAX])
{
    const struct cfg_id *x = &p->identity;
    switch (x->kind) {
    case CFG_ID_ADDRESS:
        return put_address(out, data, &x->prefix.addr);
    case CFG_ID_FQDN:
        return put(out, data, SEL_ID_FQDN, x->text, strlen(x->text));
    case CFG_ID_EMAIL:
        return put(out, data, SEL_ID_RFC822_ADDR, x->text, strlen(x->text));
    case CFG_ID_KEY_ID:
        return put(out, data, SEL_ID_KEY_ID, x->text, strlen(x->text));
    case CFG_ID_NONE: /* G29: with pre-shared keys our address */
        return p->auth_local == CFG_AUTH_PSK && put_address(out, data, local);
    default:
        return false;
    }
}
