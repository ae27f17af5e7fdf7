/* esp_out: an outbound SA as the path sees it, and its sending limits. Internal to esp; the functions are
 * declared in esp.h.
 *
 * Any worker sends on an outbound SA. Read-mostly fields and the fields that workers write (sequence number,
 * lifetime totals) lie on lines of their own. */
#ifndef DATAPLANE_ESP_ESP_OUT_H
#define DATAPLANE_ESP_ESP_OUT_H

#include "dataplane/esp/esp_sa.h"
#include "dataplane/esp/esp_tunnel.h"

#include <rte_branch_prediction.h>
#include <rte_common.h>

/* A run: packets of a chunk that follow one another on one SA. */
struct esp_out_part {
    struct esp_out_sa *sa;
    struct eng_session *session;     /* of sa, whose line other workers write to */
    struct cv_sa_counters *counters; /* this worker's */
    uint64_t seq;                    /* first number given to it */
    uint64_t bytes;                  /* inner octets in its ops */
    uint16_t n;                      /* packets handed in */
    uint16_t usable;                 /* of them with a number */
    uint16_t ahead;                  /* packets from its first to the end of the chunk */
    uint16_t first, count;           /* its ops in the scratch arrays */
};

/* Builds headers and trailers of a part's usable packets; chosen by outer family and encapsulation. */
typedef void esp_out_build_fn(struct esp_out_part *part, const struct esp_template *t, struct esp_scratch *s,
                              struct rte_mbuf **pkts, struct esp_sort *sort);

/* The builder of a tunnel mode SA, by family and encapsulation. */
esp_out_build_fn *esp_out_tunnel_builder(uint8_t family, bool natt);
/* In front of an SA's own builder, of SAs that pad or send dummies (esp_tfc.h). */
esp_out_build_fn esp_tfc_build;

enum {
    ESP_AFTER_UDP6 = 1, /* the UDP checksum must be computed */
    ESP_AFTER_AH = 2,   /* headers and ICV go to their places */
};

/* A packet reads the first two lines, where no lifetime is limited: with many SAs each line is one that has to come from memory. */
struct esp_out_sa {
    /* hot, read only but for `seq` and `closed`. A part has all it needs later of this line copied: with the number, it goes from worker
     * to worker. */
    uint64_t seq;       /* last number handed out, may run over seq_max; any worker, atomic */
    uint64_t seq_event; /* 7/8 of the space; from here on more is looked at */
    struct eng_session *session;
    esp_out_build_fn *build;
    struct cv_sa_counters *counters; /* [line of a worker] */
    eng_runs_fn *runs;               /* NULL: each run by itself */
    uint32_t tmpl_version;
    uint8_t closed; /* enum cv_drop once nothing may be sent any more; any worker, atomic */
    uint8_t after;  /* ESP_AFTER_*: what is left to do behind the engine */
    bool limited;   /* the lifetime, by bytes or packets */
    struct esp_lines lines;

    /* The one in use is tmpl[tmpl_version & 1]. The manager writes the other, then counts on: a worker never waits
     * for it, and reads again only when the version went on while it read. */
    struct esp_template tmpl[2];

    /* warm; totals and events of limited lifetimes are written by all workers, atomic */
    uint64_t seq_max; /* the last number that may be used (RFC 4303 3.3.3) */
    struct esp_limits limits;
    uint64_t bytes, packets; /* against the limits */
    uint32_t raised;         /* bit enum cv_evt_type: that event was raised */
    uint8_t any;             /* ESP_TS_ANY4 | ESP_TS_ANY6 */
    uint16_t tfc_len;        /* what fits of conf.tfc_len now; the manager writes it, relaxed */

    /* cold */
    const struct eng_ops *engine;
    esp_out_build_fn *build_data; /* behind esp_tfc_build; else the same as build */
    struct eng_session_info info;
    struct esp_conf conf;
    struct esp_ts_pair ts[]; /* of conf */
};
static_assert(offsetof(struct esp_out_sa, tmpl) == 64, "two lines");

/* The manager changes the template now and then (NAT mapping change). What is read here is written again at the
 * earliest after the version has gone on; a manager that is stopped in the middle holds nobody up. */
static __rte_always_inline void esp_out_template(const struct esp_out_sa *sa, struct esp_template *t)
{
    uint32_t version = __atomic_load_n(&sa->tmpl_version, __ATOMIC_ACQUIRE), before;
    do {
        before = version;
        *t = sa->tmpl[before & 1];
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        version = __atomic_load_n(&sa->tmpl_version, __ATOMIC_ACQUIRE);
    } while (unlikely(version != before));
}

/* Reserves n numbers; gives the first in *seq and how many of the n are usable: numbers never wrap
 * (RFC 4303 3.3.3). */
unsigned esp_out_reserve(struct esp_worker *w, struct esp_out_sa *sa, unsigned n, uint64_t *seq);
/* Is the end of a limited lifetime farther away than what all workers may send in a burst each? */
bool esp_out_has_life(const struct esp_out_sa *sa);
/* Counts n packets with `bytes` inner octets in all against the lifetime of such an SA; raises what became due. */
void esp_out_account(struct esp_worker *w, struct esp_out_sa *sa, uint64_t bytes, unsigned n);

/* As esp_out_inner_mtu, by a template of the SA that the caller has a copy of: any worker. */
uint16_t esp_out_mtu_by(const struct esp_out_sa *sa, const struct esp_template *t, uint16_t mtu);

/* The last pass for jobs[0..n), n <= ESP_CHUNK, of one SA that came back from a device. */
void esp_out_done(struct esp_worker *w, struct esp_out_sa *sa, const struct eng_job *jobs, unsigned n,
                  struct esp_sort *sort);

/* Outbound: whose interface lost m stands in meta->if_out then. */
static inline void esp_sort_bad_out(struct esp_sort *s, struct rte_mbuf *m, const struct esp_out_sa *sa,
                                    enum cv_drop reason)
{
    dp_meta(m)->if_out = sa->conf.if_id;
    esp_sort_bad(s, m, reason);
}

#endif
