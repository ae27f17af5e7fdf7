/* esp_out: an outbound SA as the path sees it, and its sending limits. Internal to esp; the functions are
 * declared in esp.h.
 *
 * Any worker sends on an outbound SA. Read-mostly fields and the fields that workers write (sequence number,
 * lifetime totals) lie on lines of their own. */
#ifndef DATAPLANE_ESP_ESP_OUT_H
#define DATAPLANE_ESP_ESP_OUT_H

#include "dataplane/esp/esp_sa.h"
#include "dataplane/esp/esp_tunnel.h"

struct esp_out_run;
/* Builds headers and trailers of a run; chosen by outer family and encapsulation. */
typedef void esp_out_build_fn(struct esp_out_run *run, struct rte_mbuf **pkts, unsigned n);

/* What dp_meta says about a packet of this SA, as it stands from .vrf to .udp_encap. */
struct esp_out_meta {
    uint16_t vrf;
    uint8_t family, proto;
    uint16_t l3_len;
    uint8_t drop, udp_encap;
};
static_assert(sizeof(struct esp_out_meta) == 8, "one store");

struct esp_out_sa {
    /* hot, read only but for `closed` */
    eng_burst_fn *burst;
    struct eng_session *session;
    esp_out_build_fn *build;
    struct cv_sa_counters *counters; /* [workers] */
    struct esp_out_meta meta;
    uint8_t head; /* octets of ESP header and IV */
    uint8_t icv_len;
    uint8_t align_mask; /* padding unit - 1 */
    uint8_t df;         /* enum cv_df */
    uint8_t ecn_mask;   /* what of the inner DSCP and ECN goes outside: 0xff, or 0xfc without ECN */
    uint8_t closed;     /* enum cv_drop once nothing may be sent any more; any worker, atomic */
    uint8_t any;        /* ESP_TS_ANY4 | ESP_TS_ANY6 */
    bool esn;
    bool udp6;        /* the UDP checksum must be computed */
    uint64_t seq_max; /* the last number that may be used (RFC 4303 3.3.3) */

    struct esp_template tmpl; /* written by the manager under tmpl_version: odd while it does */
    uint32_t tmpl_version;

    struct esp_limits limits;
    uint64_t seq_event; /* 7/8 of the space */

    /* written by all workers, atomic */
    uint64_t seq __attribute__((aligned(64))); /* last number handed out; may run over seq_max */
    uint64_t bytes, packets;                   /* against the limits */
    uint32_t raised;                           /* bit enum cv_evt_type: that event was raised */

    /* cold */
    const struct eng_ops *engine;
    struct eng_session_info info;
    struct cv_sa conf; /* without secrets */
};

#endif
