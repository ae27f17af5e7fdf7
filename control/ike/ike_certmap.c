#include "control/ike/ike_certmap.h"

#include "control/config/cfg_certmap.h"

#include <stdio.h>

enum { ALT_MAX = sizeof((struct cfg_cert_facts *)0)->alt / sizeof(const char *) };

bool ike_certmap_takes(const struct cfg *c, const char *map, const struct pki_cert *cert, unsigned *seq)
{
    char unstructured[PKI_TEXT_MAX];
    const char *kind, *alt, *name = pki_cert_unstructured(cert, false),
                            *addr = pki_cert_unstructured(cert, true);
    struct cfg_cert_facts f = {.subject = pki_cert_subject_text(cert),
                               .issuer = pki_cert_issuer_text(cert),
                               .serial = pki_cert_serial(cert),
                               .not_before = pki_cert_not_before(cert),
                               .not_after = pki_cert_not_after(cert)};
    while (f.alt_count < ALT_MAX && (alt = pki_cert_alt_name(cert, f.alt_count, &kind)) != NULL)
        f.alt[f.alt_count++] = alt;
    if (name || addr) {
        snprintf(unstructured, sizeof unstructured, "%s%s%s", name ? name : "", name && addr ? " " : "",
                 addr ? addr : "");
        f.unstructured = unstructured;
    }
    return cfg_certmap_matches(c, map, &f, seq);
}
