/* ike_env: everything an IKE engine needs from outside. The core does no I/O: no clock, sockets or
 * randomness of its own; so it runs the same in the daemon, in dialogue tests with a virtual clock and a lossy
 * wire, in fuzzers and in the explain simulator. */
#ifndef CONTROL_IKE_IKE_ENV_H
#define CONTROL_IKE_IKE_ENV_H

#include "common/addr.h"
#include "common/log.h"
#include "control/sa/sam_link.h"
#include "control/select/sel.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pki; /* control/pki/pki.h */

struct ike_datagram {
    struct ip_endpoint local, remote;
    uint16_t vrf;
    bool natt;           /* on port 4500: the non-ESP marker is outside of data */
    const uint8_t *data; /* IKE header first */
    size_t len;
};

/* Whom an event, a decision or a message is about, as far as it is known then: what `debug crypto condition` goes by. Cookies or SPIs
 * tell two negotiations with one peer apart (PR-5). Views, valid during the call; texts are never NULL. */
struct ike_about {
    uint32_t conn_id; /* 0 before the SA exists */
    unsigned version; /* of IKE; 0 not known */
    bool initiator;
    struct ip_endpoint local, peer; /* IP_NONE: not known */
    uint16_t vrf;
    const char *fvrf;                /* "" global */
    const char *profile, *interface; /* "" not known */
    const char *state;               /* printed name of the SA's state; "" none */
    uint8_t spi_i[8], spi_r[8];      /* of the IKE SA; zeros: not known */
};

/* An event for the debug log: ios-semantics section 3. text is one line without newline. */
struct ike_event {
    enum log_level level;
    const char *facility; /* "isakmp", "ikev2", "ipsec", "session" */
    uint32_t conn_id;     /* 0 before the SA exists */
    bool initiator;
    struct ip_endpoint peer;
    const char *text;
    const struct ike_about *about; /* the engine fills it in */
};

/* A choice of control/select with its trace. */
struct ike_decided {
    struct ike_about about;
    const char *at; /* "IKE_AUTH", "MM5" */
    const struct sel_trace *trace;
};

/* Keys of an IKE SA for a decoder such as Wireshark; only called when keylog is set (tests). */
struct ike_keylog {
    unsigned version; /* 2; 1: one key for both directions, sk_ei */
    const uint8_t *spi_i, *spi_r;
    uint16_t encr, key_bits, integ;
    struct slice sk_ei, sk_er, sk_ai, sk_ar; /* sk_e with the salt for AEADs */
};

/* One IKE message as it was sent, payloads in the order of the wire, also those that travel encrypted: for `debug`, explain
 * and traces of tests. Views, valid during the call. */
enum { IKE_NOTE_PAYLOADS_MAX = 64 };
struct ike_note {
    uint32_t conn_id;
    unsigned version;
    bool initiator;   /* the sender is the original initiator of the SA */
    bool out;         /* false: received, decoded, and about to be handled */
    bool again;       /* a retransmission */
    const char *name; /* "MM1" .. "MM6", "AM1" .., "QM1" .. "QM3", "INFO"; "IKE_SA_INIT request" ... */
    uint32_t message_id;
    const struct ip_endpoint *local, *remote;
    unsigned payload_count;
    const char *payloads[IKE_NOTE_PAYLOADS_MAX]; /* "SA", "VID(NAT-T RFC 3947)", "N(INITIAL_CONTACT)" */
    const struct ike_about *about; /* ike_note fills it in, from the SA of conn_id or the datagram in hand */
};

struct ike_env {
    void *ctx;
    uint64_t (*now_ms)(void *ctx);                         /* monotonic */
    uint64_t (*wall_ms)(void *ctx);                        /* since 1970, for show only */
    void (*random)(void *ctx, uint8_t *out, size_t n);     /* cryptographically strong */
    void (*send)(void *ctx, const struct ike_datagram *d); /* may lose it; never calls back */
    void (*event)(void *ctx, const struct ike_event *e);   /* NULL allowed */
    void (*decision)(void *ctx, uint32_t conn_id, const char *at,
                     const struct sel_trace *t); /* "IKE_AUTH"; NULL allowed */
    void (*decided)(void *ctx,
                    const struct ike_decided *d);          /* the same with whom it is about; NULL allowed */
    void (*keylog)(void *ctx, const struct ike_keylog *k); /* NULL: off */
    void (*message)(void *ctx,
                    const struct ike_note *n); /* NULL: nobody looks, and the texts need not be made */
    const struct sam_link *dp;
    struct pki *pki; /* certificates and trust-points of this end; NULL: none, only pre-shared keys */
    /* Forwarding tables by name; NULL: there is only the global one. vrf_name: NULL when unknown. */
    const char *(*vrf_name)(void *ctx, uint16_t vrf);
    uint16_t (*vrf_id)(void *ctx, const char *name);
};

#endif
