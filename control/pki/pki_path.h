/* pki_path: the way from a peer's certificate to a trust anchor, and whether each step of it is allowed. RFC 5280 6.1, RFC 4945 5.1.
 *
 * The order of the certificates is found here, by names, with bounded work; the path found is then put to OpenSSL, which checks signatures, validity, basic
 * constraints, path length, name constraints and policies. What IKE asks beyond that is checked here again. */
#ifndef CONTROL_PKI_PKI_PATH_H
#define CONTROL_PKI_PKI_PATH_H

#include "control/pki/pki.h"

enum {
    PKI_PATH_TRIES_MAX = 8,    /* paths whose signatures are checked: 8 * 10 signatures at most */
    PKI_PATH_STEPS_MAX = 1024, /* names compared on the way */
};

struct pki_path {
    unsigned count;
    const struct pki_cert *certs[PKI_CHAIN_MAX]; /* end entity first, anchor last; no references */
};

/* Whether a certificate may have expired; ctx as handed in. */
struct pki_path_excuse {
    bool (*expired)(void *ctx, const struct pki_cert *c);
    void *ctx;
};

/* From leaf over certificates of pool to the anchor. When several paths lead there, the first that is good counts, else the first of all says why not. PKI_UNTRUSTED
 * when none leads there; v->text then stays as it is. *tries: how many paths may still be checked, counted down. */
enum pki_verdict_kind pki_path_find(const struct pki_cert *leaf, const struct pki_cert *const *pool,
                                    unsigned pool_count, const struct pki_cert *anchor, int64_t now,
                                    const struct pki_path_excuse *excuse, unsigned *tries,
                                    struct pki_path *out, char text[PKI_TEXT_MAX]);
/* Key usage and extended key usage of the end entity (RFC 4945 5.1.3.2, 5.1.3.12). PKI_GOOD or PKI_FORBIDDEN with a text. */
enum pki_verdict_kind pki_path_usage(const struct pki_cert *leaf, char text[PKI_TEXT_MAX]);

#endif
