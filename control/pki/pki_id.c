#include "control/pki/pki_cert_priv.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { NAME_MAX_LEN = 255 };

static bool refuse(char why[PKI_TEXT_MAX], const char *text)
{
    snprintf(why, PKI_TEXT_MAX, "%s", text);
    return false;
}

static bool has_address(const struct pki_cert *c, struct slice id)
{
    for (unsigned i = 0; i < c->alt_count; i++)
        if (c->alts[i].kind == PKI_ALT_IP && c->alts[i].raw_len == id.n &&
            memcmp(c->alts[i].raw, id.p, id.n) == 0)
            return true;
    struct in_addr a;
    return id.n == sizeof a && c->subject_addr && inet_pton(AF_INET, c->subject_addr, &a) == 1 &&
           memcmp(&a, id.p, sizeof a) == 0;
}

/* Names are compared as texts: one with a NUL or anything else unprintable in it is none. */
static bool name_of(struct slice id, char out[NAME_MAX_LEN + 1])
{
    if (id.n == 0 || id.n > NAME_MAX_LEN)
        return false;
    for (size_t i = 0; i < id.n; i++) {
        if (id.p[i] <= 0x20 || id.p[i] >= 0x7f)
            return false;
        out[i] = (char)id.p[i];
    }
    out[id.n] = '\0';
    return true;
}

static bool has_fqdn(const struct pki_cert *c, const char *name)
{
    for (unsigned i = 0; i < c->alt_count; i++)
        if (c->alts[i].kind == PKI_ALT_DNS && !strchr(c->alts[i].text, '*') &&
            strcasecmp(c->alts[i].text, name) == 0)
            return true;
    return c->subject_fqdn && !strchr(c->subject_fqdn, '*') && strcasecmp(c->subject_fqdn, name) == 0;
}

/* RFC 5321 2.4: before the @ case counts, behind it it does not. */
static bool same_mailbox(const char *a, const char *b)
{
    const char *at_a = strrchr(a, '@'), *at_b = strrchr(b, '@');
    return at_a && at_b && at_a - a == at_b - b && strncmp(a, b, (size_t)(at_a - a)) == 0 &&
           strcasecmp(at_a, at_b) == 0;
}

static bool has_email(const struct pki_cert *c, const char *name)
{
    for (unsigned i = 0; i < c->alt_count; i++)
        if (c->alts[i].kind == PKI_ALT_EMAIL && same_mailbox(c->alts[i].text, name))
            return true;
    return false;
}

bool pki_cert_has_id(const struct pki_cert *c, uint8_t id_type, struct slice id, char why[PKI_TEXT_MAX])
{
    char name[NAME_MAX_LEN + 1], dn[PKI_TEXT_MAX];
    why[0] = '\0';
    switch (id_type) {
    case PKI_ID_IPV4:
    case PKI_ID_IPV6:
        if (id.n != (id_type == PKI_ID_IPV4 ? 4 : 16))
            return refuse(why, "the identity is an address of the wrong length");
        return has_address(c, id) || refuse(why, "the address is not among the certificate's names");
    case PKI_ID_FQDN:
        if (!name_of(id, name))
            return refuse(why, "the identity is no host name");
        if (has_fqdn(c, name))
            return true;
        snprintf(why, PKI_TEXT_MAX, "the host name %s is not among the certificate's names", name);
        return false;
    case PKI_ID_EMAIL:
        if (!name_of(id, name))
            return refuse(why, "the identity is no mail address");
        if (has_email(c, name))
            return true;
        snprintf(why, PKI_TEXT_MAX, "the mail address %s is not among the certificate's names", name);
        return false;
    case PKI_ID_DN:
        /* RFC 4945 3.1.5: the whole name; an empty one is nobody's. */
        if (id.n > 2 && pki_dn_equal(id, c->subject))
            return true;
        pki_dn_text(id, dn);
        snprintf(why, PKI_TEXT_MAX, "the identity %.200s is not the certificate's subject %.200s", dn,
                 c->subject_text);
        return false;
    default:
        /* RFC 4945 3.1.6, 3.1.7: nothing in a certificate vouches for a key ID, a subnet or a range. */
        return refuse(why, "an identity of this type cannot be bound to a certificate");
    }
}
