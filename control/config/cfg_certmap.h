/* cfg_certmap: `crypto pki certificate map` lines: their words, and whether a certificate is one that a map means. Section 4.5.
 *
 * Pure: what a certificate says comes as texts, so that control/config needs no X.509. */
#ifndef CONTROL_CONFIG_CFG_CERTMAP_H
#define CONTROL_CONFIG_CFG_CERTMAP_H

#include "control/config/cfg_model.h"

#include "common/result.h"

enum { CFG_CERTMAP_TEXT_MAX = 16384 /* of a text; no map takes a certificate with a longer one */ };
/* What is compared. Texts may be NULL: absent. DNs as IOS prints them: "cn=R1,ou=IT,o=cisco,o=com". */
struct cfg_cert_facts {
    const char *subject, *issuer;
    const char *serial; /* hexadecimal */
    const char *
        unstructured; /* unstructuredName (a host name) and unstructuredAddress of the subject, blank between them */
    unsigned alt_count;
    const char *alt[64]; /* subjectAltName entries */
    int64_t not_before, not_after;
};

/* The lines of one sequence all hold, and one sequence of the name will do; case and blanks around = and , aside. A sequence without lines
 * takes every certificate. False when there is no such map. `seq` (may be NULL) gets the sequence that matched. */
CV_MUST_USE bool cfg_certmap_matches(const struct cfg *c, const char *map, const struct cfg_cert_facts *f,
                                     unsigned *seq);

/* "subject-name" ..., "eq" ...: false when it is none. */
CV_MUST_USE bool cfg_certmap_field(const char *word, enum cfg_cert_field *out);
CV_MUST_USE bool cfg_certmap_op(const char *word, enum cfg_cert_op *out);
const char *cfg_certmap_field_word(enum cfg_cert_field f);
const char *cfg_certmap_op_word(enum cfg_cert_op o);
/* "ou = x , o=y" to "ou=x,o=y", quotes around the whole and blanks at the ends taken off; in place. */
void cfg_certmap_normalise(char *text);
/* "Jan 31 2030 [12:00:00] [UTC]" or "31 Jan 2030 ...": seconds since 1970. */
CV_MUST_USE bool cfg_certmap_time(const char *text, int64_t *out);
/* As it is read; out has room for 32 octets. */
void cfg_certmap_time_text(int64_t t, char out[32]);

#endif
