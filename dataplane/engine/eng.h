/* eng: the one interface of the crypto engines (ipsecmb, vaes, auto over both, cryptodev; inline registers beside them).
 *
 * An engine turns an SA's keys into a session and then works on bursts of packets. The ESP code fills one
 * eng_op per packet (no copies: data is worked on in place) and calls the session's burst function, which
 * is chosen when the session is made, never tested per packet. Encryption writes the ICV after the data;
 * decryption compares the ICV in constant time and says so per packet. data_len is a multiple of the
 * session's block, and not zero.
 *
 * An engine that hands packets to a device gives a session `submit` beside `burst`. Packets then come back from poll later,
 * in the order in which this worker submitted them, those of other sessions included; what they point to must live until then.
 *
 * Threads: sessions are read-only after creation and shared by all workers; an eng_worker belongs to one. */
#ifndef DATAPLANE_ENGINE_ENG_H
#define DATAPLANE_ENGINE_ENG_H

#include "common/contract.h"
#include "common/result.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cv_sa_offload;
struct rte_mbuf;
struct eng_session; /* one direction of one SA; opaque, cache-aligned, keys inside */
struct eng_worker;  /* per-worker state of an engine: multi-buffer managers */

/* One packet. Layout in memory: [ESP header 8][IV iv_len][data ... data_len][ICV icv_len], contiguous. With ESN an
 * engine may use the 4 octets in front of the ESP header during the call; it puts back what was there. */
struct eng_op {
    uint8_t *esp;      /* first octet of the ESP header (SPI) */
    uint32_t data_len; /* octets between IV and ICV: payload, padding, pad length, next header */
    uint32_t seq_hi;   /* high half of the 64-bit sequence number with ESN (RFC 4303 2.2.1), else 0 */
    uint64_t iv;       /* encrypt: unique counter value for AEADs; CBC engines make their own random IV */
    bool ok;           /* out: done, and for decryption the ICV verified */
};

typedef void eng_burst_fn(struct eng_worker *w, const struct eng_session *s, struct eng_op *ops, unsigned n);

/* How a packet is given to a session with `aside`, and in which form it comes back. */
enum eng_form {
    ENG_ESP,   /* as everywhere: op says where ESP is */
    ENG_SOFT,  /* in: the same, and not for the device */
    ENG_WHOLE, /* out: the device did all of ESP: m has the inner packet coming in, the outer one going out */
    ENG_BUILD, /* out: going out; the device never had it: to be built and encrypted here, under a new number */
};
/* What the device said of the SA with a packet (eng_job.said). */
enum {
    ENG_SAID_SOFT = 1,
    ENG_SAID_HARD = 2,
    ENG_SAID_UNFIT = 4 /* the SA goes on nowhere: a new one is wanted */
};

/* One packet on its way through a device. */
struct eng_job {
    struct eng_op op;
    struct rte_mbuf *m; /* one segment, op.esp inside its data */
    void *owner;        /* these four are the caller's, and come back as they were */
    uint64_t seq;
    uint32_t len;
    uint8_t dir;
    uint8_t
        drop; /* out: CV_DROP_NONE when op.ok; ESP_AUTH, CRYPTO, or CRYPTO_LOST: the device failed with it */
    uint8_t form; /* enum eng_form, of sessions with `aside` */
    uint8_t said; /* out: ENG_SAID_* bits, of sessions with `aside` */
};

/* Takes the first of jobs[0..n), copied, and says how many: fewer than n only when as many as fit are under way. None is
 * refused for a reason of its own: that comes back from poll. */
typedef unsigned eng_submit_fn(struct eng_worker *w, const struct eng_session *s, const struct eng_job *jobs,
                               unsigned n);

/* One packet whose data lies in several places (esp_segs.h). ESP header and IV stand together at op->esp, with the 4 octets in front of them the engine's as
 * above; op->data_len octets in pieces[0..n), in their order, each of any length; icv: icv_len octets, which encryption writes and decryption
 * compares in constant time. It goes with the session's burst: the same octets, and op->ok says the same. */
struct eng_piece {
    uint8_t *at;
    uint32_t len;
};
typedef void eng_pieces_fn(struct eng_worker *w, const struct eng_session *s, struct eng_op *op,
                           const struct eng_piece *pieces, unsigned n, uint8_t *icv);

enum { ENG_FEW = 4 };

/* Packets of several sessions at once. */
struct eng_run {
    const struct eng_session *session;
    struct eng_op *ops;
    unsigned n;
};
typedef void eng_runs_fn(struct eng_worker *w, const struct eng_run *runs, unsigned count);

struct eng_session_info {
    uint8_t iv_len, icv_len, block; /* block: padding unit in octets, at least 4 (RFC 4303 2.4) */
    eng_burst_fn *burst;            /* always there; where there is submit, it waits for the device */
    /* For what is faster when packets of several sessions are worked on together: runs of sessions that name the same function may be
     * given to it in one call, whatever their keys. NULL: a run gains nothing from its neighbours. */
    eng_runs_fn *runs;
    bool
        runs_few; /* only runs of ENG_FEW packets at most gain, and runs has the sessions' lines fetched itself */
    eng_submit_fn *submit; /* NULL: burst is what this session is worked on by */
    eng_pieces_fn *pieces; /* NULL: a packet in pieces has to be put into one */
    /* What of the session a packet reads, so that it can be fetched ahead, in cache lines from the session's start: fixed_lines from
     * fixed_line on; of the sized_lines that end in front of sized_end (hash key powers) the last ones, one for each 64 octets of
     * data and one more. */
    uint8_t fixed_line, fixed_lines, sized_end, sized_lines;
    bool
        whole; /* a NIC does ESP as a whole: going out it wants the inner packet, coming in it gives that (esp_inline.h) */
    uint8_t
        why; /* enum cv_engine_why: why no device has it, where one was asked for; what eng_where says comes first */
    bool
        aside; /* so does a crypto device, but packets come back from it, and it gets ESP coming in (esp_aside.h) */
};

/* What a worker has under way: jobs are numbered from 1 in the order of submission. */
struct eng_flight {
    uint64_t submitted, delivered; /* the last of each */
    uint32_t room;                 /* jobs that submit would take now */
};

/* What the ESP code asks of an engine. */
struct eng_ops {
    const char *name; /* "ipsecmb" */
    cv_result (*worker_new)(int socket, struct eng_worker **out);
    void (*worker_free)(struct eng_worker *w);
    bool (*supports)(uint16_t encr, uint8_t encr_key_len, uint16_t integ);
    /* dir CV_DIR_OUT encrypts. Reads keys, salt and flags of `sa`; CV_EUNSUP when not supported. */
    cv_result (*session_new)(const struct cv_sa *sa, int socket, struct eng_session **out,
                             struct eng_session_info *info);
    void (*session_free)(struct eng_session *s); /* wipes */
    /* Known-answer tests of every algorithm it supports; CV_ECRYPTO names the first that fails. */
    cv_result (*self_test)(char *err, size_t err_len);
    const char *(*device)(void); /* "ipsec-mb 1.3.0 AVX512" */

    /* The rest is NULL in engines without devices. */
    /* Before self_test: opens the device that `arg`, the words behind the engine's, names, for `workers` workers. On an
     * error, why (why_len octets) says what is wrong and what would be right. */
    cv_result (*start)(const char *arg, unsigned workers, char *why, size_t why_len);
    void (*stop)(void); /* no worker and no session left */
    /* A worker's turn: sends and fetches; up to max jobs that are done, in their order. */
    unsigned (*poll)(struct eng_worker *w, struct eng_job *done, unsigned max);
    void (*flight)(const struct eng_worker *w, struct eng_flight *out);
    /* Manager, now and then: one row per device, the software that stands in for it last; how many. Logs a failure once. */
    unsigned (*report)(struct cv_engine_stats *rows, unsigned max);
    /* What works on a session now, and why not the device: by and why of `out`. Manager. */
    void (*where)(const struct eng_session *s, struct cv_sa_engine *out);
    /* What its device did of a session's packets, to the packet. Manager. */
    void (*offload)(const struct eng_session *s, struct cv_sa_offload *out);
    /* Packets of this session that go out will have another destination. Before the first one has. Manager. */
    void (*peer_moves)(struct eng_session *s, const struct ip_endpoint *remote);
    uint8_t by; /* enum cv_engine_by: the same for engines without `where` */
};

/* What works on a session of any engine now: by and why of `out`. Manager. */
void eng_where(const struct eng_session *s, struct cv_sa_engine *out);
/* False: its engine does not count that, and out is as it was. Manager. */
bool eng_offload(const struct eng_session *s, struct cv_sa_offload *out);
/* To be called before the first packet of an SA going out has another destination than the SA had when it was made. Manager. */
void eng_peer_moves(struct eng_session *s, const struct ip_endpoint *remote);

/* The engines in order of preference, ended by NULL. */
extern const struct eng_ops *const eng_all[];
/* By the `crypto-engine` words of the platform section ("auto", "ipsec-mb", "vaes", "cryptodev NAME", ...); NULL when
 * unknown. What follows the engine's word is for its start. */
const struct eng_ops *eng_by_name(const char *word);
/* What follows the first word, "" when nothing does. */
const char *eng_argument(const char *word);

#endif
