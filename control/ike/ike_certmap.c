#include "control/ike/ike_certmap.h"

#include <stdio.h>

enum { ALT_MAX = sizeof((struct cfg_cert_facts *)0)->alt / sizeof(const char *) };
static_assert((int)ALT_MAX >= (int)PKI_NAMES_MAX, "no name of a certificate is left out");
/* A string of a DN grows to three times its length at most (BMPString), and the two do not share its octets. */
static_assert((int)SEL_UNSTRUCTURED_MAX > 3 * (int)PKI_DN_MAX + 1, "name and address fit");

void ike_certmap_facts(const struct cfg *c, const struct pki_cert *cert, struct sel_id_cert *out)
{
    const char *kind, *alt, *name = pki_cert_unstructured(cert, false),
                            *addr = pki_cert_unstructured(cert, true);
    struct cfg_cert_facts *f = &out->facts;
    out->cfg = c;
    *f = (struct cfg_cert_facts){.subject = pki_cert_subject_text(cert),
                                 .issuer = pki_cert_issuer_text(cert),
                                 .serial = pki_cert_serial(cert),
                                 .not_before = pki_cert_not_before(cert),
                                 .not_after = pki_cert_not_after(cert)};
    while (f->alt_count < ALT_MAX && (alt = pki_cert_alt_name(cert, f->alt_count, &kind)) != NULL)
        f->alt[f->alt_count++] = alt;
    if (!name && !addr)
        return;
    snprintf(out->unstructured, sizeof out->unstructured, "%s%s%s", name ? name : "", name && addr ? " " : "",
             addr ? addr : "");
    f->unstructured = out->unstructured;
}

bool ike_certmap_takes(const struct cfg *c, const char *map, const struct pki_cert *cert, unsigned *seq)
{
    struct sel_id_cert it;
    ike_certmap_facts(c, cert, &it);
    return cfg_certmap_matches(c, map, &it.facts, seq);
}
