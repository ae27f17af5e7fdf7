/* pki_net: what pki_fetch, pki_crl and pki_ocsp keep between calls; made when first needed, freed with struct pki. For this folder alone. */
#ifndef CONTROL_PKI_PKI_NET_H
#define CONTROL_PKI_PKI_NET_H

#include "control/pki/pki_crl.h"
#include "control/pki/pki_fetch.h"
#include "control/pki/pki_ocsp.h"

enum { PKI_PAUSES_MAX = 64 };

struct pki_fetch {
    uint64_t id; /* 0: free */
    uint64_t started_ms;
    bool long_url; /* url is only its beginning */
    char url[PKI_URL_MAX];
    pki_fetch_done *done;
    void *ctx;
};

struct pki_pause {
    char url[PKI_URL_MAX]; /* "": free */
    char why[128];
    uint64_t until_ms;
};

struct pki_net {
    uint64_t last_id;
    uint64_t watch_ms; /* env.changed is called by then at the latest; 0: not yet known */
    struct pki_fetch fetches[PKI_FETCHES_MAX];
    struct pki_pause pauses[PKI_PAUSES_MAX];
    struct pki_crl_cache *crls;
    struct pki_ocsp_cache *ocsp;
};

struct pki_net *pki_net(struct pki *p);                  /* made if need be; NULL: no memory */
const struct pki_net *pki_net_seen(const struct pki *p); /* NULL: nothing there yet */

/* What `match certificate` of the trust-point excuses. */
struct pki_exception pki_excused(const struct pki *p, const char *trustpoint, const struct pki_cert *c);

#endif
