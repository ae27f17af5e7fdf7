/* sam: the SA manager: child SAs from reserved SPI to wiped keys. It owns SPIs, slots, lifetimes and what is
 * installed in the data plane; IKE owns the negotiations. One sam per IKE engine, same thread, no I/O.
 *
 * Life of a child: sam_spi_reserve (inbound SPI for the proposal) -> sam_child_install (both directions; outbound sends
 * at once, or only after sam_child_activate: a responder of a rekey waits for the first packet on the new SA or the
 * delete of the old one, RFC 7296 2.8) -> soft lifetime: up->rekey -> sam_child_delete -> inbound lingers for packets
 * in flight -> removed. Lifetimes: seconds by this manager's timer, bytes and packets by data plane events. */
#ifndef CONTROL_SA_SAM_H
#define CONTROL_SA_SAM_H

#include "common/addr.h"
#include "common/contract.h"
#include "common/result.h"
#include "control/sa/sam_link.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sam;

enum sam_state {
    SAM_INSTALLED, /* both directions in the data plane; the outbound one sends when `active` */
    SAM_RETIRING,  /* replaced or deleted: outbound gone, inbound lingers for packets in flight */
    SAM_ADOPTED,   /* found in the data plane after a restart; forwards until replaced or expired */
};
const char *sam_state_text(enum sam_state s);

enum sam_why { SAM_SOFT_TIME, SAM_SOFT_VOLUME, SAM_SEQ, SAM_HARD };

struct sam_child {
    uint32_t id;     /* unique in this engine, also low word of the cookie */
    uint64_t cookie; /* the data plane's word on both directions; the key of what is kept for a restart */
    uint32_t
        owner; /* conn_id of the IKE SA; 0 for an adopted one. The owner changes on IKE rekey (sam_child_reparent) */
    enum sam_state state;
    bool active; /* outbound is the first choice of the interface for `worker`, as far as this IKE SA goes */
    bool initiator; /* we started the exchange that made it */
    uint8_t worker; /* as in struct cv_sa: the one that it is for; CV_WORKER_ANY */
    bool grouped;   /* IKE's: both ends spoke of SAs of single workers (RFC 9611) */
    bool leads;     /* IKE's: it is ours to ask for its siblings */
    char interface[CV_NAME_MAX];
    char ipsec_profile[64];
    uint32_t if_id;
    struct cv_sa_ref in, out;           /* out.spi is the peer's */
    uint16_t encr, key_bits, integ, dh; /* encr CV_ENCR_NONE: AH; dh: PFS group, 0 none */
    bool esn, natt, transport;
    uint32_t replay_window; /* 0: off */
    uint32_t dummy_ms;      /* 0: no dummy packets */
    uint16_t tfc_len;       /* 0: no padding; CV_TFC_MTU */
    struct ip_endpoint local, remote;
    unsigned ts_count;
    struct ts ts_local[CV_TS_MAX], ts_remote[CV_TS_MAX];
    uint64_t installed_ms;               /* env clock */
    uint64_t soft_at_ms, hard_at_ms;     /* UINT64_MAX when none */
    uint64_t soft_bytes, hard_bytes;     /* of each direction; 0: none */
    uint64_t soft_packets, hard_packets; /* likewise */
    uint64_t idle_ms;                    /* 0: may be idle for ever */
    uint64_t
        used_at_ms; /* last good packet of either direction that was looked for, at first the installation */
    uint64_t used_packets[2]; /* counted then: inbound, outbound */
    uint64_t idle_at_ms;      /* when to look again; UINT64_MAX never */
    bool soft_fired;
    struct cv_sa_counters cleared_in, cleared_out; /* what show leaves out since `clear crypto sa counters` */
    uint64_t remove_at_ms;                         /* RETIRING; UINT64_MAX otherwise */
    uint32_t replaced_by;                          /* id of the child that a rekey put in its place; 0 none */
    struct sam_child *next;                        /* list in order of installation */
    struct sam_child *next_of_owner;               /* list of one IKE SA's children, newest first */
    struct sam_child *next_of_tunnel;              /* list of one interface's children, newest first */
};

/* Upcalls into IKE, same thread; they may call sam_* again, but must not delete the child they are told of before returning from `expired`
 * (sam does that itself afterwards). */
struct sam_up {
    void *ctx;
    void (*rekey)(void *ctx, struct sam_child *c, enum sam_why why); /* soft lifetime: once per child */
    void (*expired)(void *ctx, struct sam_child *c);                 /* hard lifetime: removed right after */
    void (*first_packet)(void *ctx, struct sam_child *c);            /* first good inbound packet */
    void (*install_failed)(void *ctx, struct sam_child *c,
                           cv_result r); /* the data plane refused; removed right after */
    void (*idle)(
        void *ctx,
        struct sam_child *c); /* no good packet for idle_s; removed right after unless retiring then */
    void (*changed)(
        void *ctx,
        const char
            *interface); /* it may have got its first child that is not retiring, or have lost its last;
                                                        * NULL allowed. Must not call sam_* back. */
};

struct sam_conf {
    uint64_t (*now_ms)(void *env_ctx);
    void (*random)(void *env_ctx, uint8_t *out, size_t n);
    void *env_ctx;
    const struct sam_link *link;
    struct sam_up up;
};

CV_MUST_USE cv_result sam_new(const struct sam_conf *conf, struct sam **out);
void sam_free(struct sam *s); /* forgets; the data plane keeps what it has */

/* A fresh inbound SPI: slot in the low bits, random generation above, never 0..255, not in use or lingering. CV_ENOSPC when
 * the table is full, CV_EAGAIN while no data plane has named the size of its tables. */
CV_MUST_USE cv_result sam_spi_reserve(struct sam *s, uint32_t *spi);
/* The same for an SA of one worker (`worker` as in struct cv_sa; CV_WORKER_ANY: as above): the SPI falls into a bucket that begins with it.
 * CV_EINVAL for a worker that the data plane has not. */
CV_MUST_USE cv_result sam_spi_reserve_for(struct sam *s, uint8_t worker, uint32_t *spi);
/* The same for the successor of `old` (NULL: as sam_spi_reserve_for): in the same bucket, so that whichever worker has the one has the other, and
 * what the peer sends on both, one after the other, stays in order (docs/steering.md). Elsewhere when the bucket is full, or not the worker's. Of a
 * worker that has left since, as of any. */
CV_MUST_USE cv_result sam_spi_reserve_after(struct sam *s, const struct sam_child *old, uint8_t worker,
                                            uint32_t *spi);
unsigned sam_workers(const struct sam *s);              /* of the data plane */
void sam_spi_release(struct sam *s, uint32_t spi);      /* reserved but never installed */
bool sam_spi_in_use(const struct sam *s, uint32_t spi); /* reserved, installed, or lingering */

/* What install needs beside keys. Keys are read, never kept. */
struct sam_install {
    uint32_t owner;
    bool initiator;
    bool activate;  /* send on it at once */
    uint8_t worker; /* as in struct cv_sa: the one that sends on it (RFC 9611) */
    const char *interface, *ipsec_profile;
    uint32_t spi_in, spi_out;           /* spi_in reserved before */
    uint16_t encr, key_bits, integ, dh; /* encr CV_ENCR_NONE: AH, which passes no NAT (CV_EUNSUP with natt) */
    bool esn, natt, behind_nat;         /* behind_nat: we are; sends keepalives */
    bool transport;
    uint16_t keepalive_s;
    uint32_t replay_window; /* 0: off */
    uint8_t df;             /* enum cv_df */
    bool ecn_drop;
    uint16_t tfc_len;  /* as in struct cv_sa; without effect in transport mode */
    uint32_t dummy_ms; /* 0: no dummy packets */
    uint16_t vrf_outer;
    struct ip_endpoint local, remote;
    unsigned ts_count;
    const struct ts *ts_local, *ts_remote;
    uint64_t lifetime_s, lifetime_bytes,
        lifetime_packets; /* 0: none. Soft: 30 s (with jitter) before, and 15 % before the volume, but 256 KB or 1024 packets at least, and half at most */
    uint32_t
        idle_s; /* without a good packet in either direction for so long: up->idle; 0: off. A rekey is no packet. */
    const uint8_t *encr_key_in, *salt_in, *integ_key_in; /* lengths follow from the algorithms */
    const uint8_t *encr_key_out, *salt_out, *integ_key_out;
};
/* CV_EINVAL for an SPI that was not reserved, algorithms or selectors that cannot be; CV_ENOSPC when table or queue is full. On an error
 * nothing stays installed; the reserved SPI is still the caller's to release, but for a CV_ENOSPC of the queue, which is safe to release, too. */
CV_MUST_USE cv_result sam_child_install(struct sam *s, const struct sam_install *p, struct sam_child **out);
void sam_child_activate(struct sam *s, struct sam_child *c);
/* Outbound ends for good; the child stays, and receives, as long as its IKE SA has it. Rekeyed, it sends again. */
void sam_child_end_sending(struct sam *s, struct sam_child *c);
/* Outbound stops now; inbound is removed after linger_ms (0: now). */
void sam_child_delete(struct sam *s, struct sam_child *c, uint64_t linger_ms);
void sam_child_reparent(struct sam *s, uint32_t old_owner, uint32_t new_owner);
void sam_child_set_remote(struct sam *s, struct sam_child *c, const struct ip_endpoint *remote);

struct sam_child *sam_child_by_spi_in(struct sam *s, uint32_t spi);
/* The live child whose outbound SPI (the peer's inbound one) is spi, among the owner's. */
struct sam_child *sam_child_by_spi_out(struct sam *s, uint32_t owner, uint32_t spi);
/* The same of one protocol: a peer may have one SPI for both (RFC 4301 4.1). */
struct sam_child *sam_child_of_peer(struct sam *s, uint32_t owner, uint32_t spi, bool ah);
static inline bool sam_is_ah(const struct sam_child *c)
{
    return c->encr == CV_ENCR_NONE;
}
struct sam_child *sam_child_by_id(struct sam *s, uint32_t id);
struct sam_child *sam_children(struct sam *s); /* head of the list */
/* Head of the list of an IKE SA's children, retiring ones included; 0: the adopted ones. */
struct sam_child *sam_children_of(struct sam *s, uint32_t owner);
/* Head of the list of an interface's children, retiring ones included. */
struct sam_child *sam_children_on(struct sam *s, const char *interface);
/* Counters of both directions; zeros when the data plane is away, and outbound of a child that only receives. idle_in_ms: since the last good inbound packet. */
void sam_child_counters(struct sam *s, const struct sam_child *c, struct cv_sa_counters *in,
                        struct cv_sa_counters *out, uint64_t *idle_in_ms);

/* Data plane events and replies about SAs. */
void sam_event(struct sam *s, const struct cv_evt *e);
uint64_t sam_next_timer(const struct sam *s); /* env ms; UINT64_MAX when none */
void sam_timer(struct sam *s);

/* After a restart of culvertd: one SA_ENTRY per direction; pairs are joined by cookie. Unpaired or stale ones are deleted by
 * sam_adopt_end, which starts hard timers for the rest: what the data plane says is left, or, where that has no limit of time, what `remaining_s`
 * does, by cookie, in seconds (NULL: the default lifetime). */
void sam_adopt(struct sam *s, const struct cv_sa *sa);
void sam_adopt_end(struct sam *s, uint64_t (*remaining_s)(void *ctx, uint64_t cookie), void *ctx);
/* After a restart of culvert-dp: everything that was installed is gone there; forgets all children. */
void sam_lost(struct sam *s);

#endif
