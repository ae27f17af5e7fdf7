/* mock_wire_pki: trust-points of the two ends of mock_wire, enrolled with CAs that are made up, in an order of the test's choosing; and a network
 * that answers fetches when the test wants it to. Times are seconds from the start of the wire. */
#ifndef TESTS_MOCK_MOCK_WIRE_PKI_H
#define TESTS_MOCK_MOCK_WIRE_PKI_H

#include "control/pki/pki_sim.h"
#include "tests/mock/mock_wire.h"

enum { WIRE_PKI_START_S = 1700000000, WIRE_DAY_S = 86400 };

struct wire_enrol {
    const char *trustpoint;
    const char *ca;  /* "CA1": cn=CA1,o=cisco,o=com */
    const char *via; /* the name of an intermediate CA below it that issues; NULL none */
    enum cr_key_kind kind;
    const char *dn, *fqdn, *email, *ip; /* NULL: dn of the trust-point, ip of the end; "" none */
    int64_t from, until;                /* 0: a day ago, ten years */
    const char *crl_url, *ext_usage;
    uint64_t serial;
    bool no_own;      /* its CA alone */
    bool ca_is_via;   /* the trust-point's CA is the intermediate one */
    const char *seed; /* another key of the same names */
};
/* The next enrolment of the end: its certificate is the one installed last. */
void wire_enrol(struct wire *w, enum wire_end end, const struct wire_enrol *e);
/* Trust-points "IOSCA1" of CA1 and "IOSCA2" of CA2, in that order, or the other way round. */
void wire_enrol_both(struct wire *w, enum wire_end end, const char *first, const char *second,
                     const struct wire_enrol *how);
/* The trust-point with a chain of RSA 4096 from root to end: two certificates of its own that are sent, larger than any datagram. */
void wire_enrol_large(struct wire *w, enum wire_end end, const char *trustpoint, const char *fqdn);
/* The made-up CA; lives as long as the process. */
const struct pki_sim_ca *wire_ca(const char *name);
/* Certificate and key such as wire_enrol would install; borrowed, they live as long as the process. */
void wire_issue(struct wire *w, enum wire_end end, const struct wire_enrol *e, struct pki_cert **cert,
                struct cr_key **key);

/* Set before wire_new: the ends have a network, and revocation is looked up. */
extern bool wire_network;
unsigned wire_fetches(const struct wire *w, enum wire_end end); /* under way */
/* The oldest one ends: with a CRL of that CA that lists so many serial numbers, or, without a CA, with an error. */
void wire_fetched(struct wire *w, enum wire_end end, const char *ca, const uint64_t *serials, unsigned count);

/* For mock_wire.c. */
void wire_pki_start(struct wire_side *s);
void wire_pki_stop(struct wire_side *s);

#endif
