/* esp_conf: an SA's configuration as the data plane keeps it: what struct cv_sa says, without keys, and with no more selectors than it
 * has. A tenth of a struct cv_sa, which matters where there are a million.
 *
 * Lifetimes are in struct esp_limits, sequence numbers with their counters; esp_in_sa_dump and esp_out_sa_dump put it together again.
 * Written by the manager alone, and after creation only `remote`. */
#ifndef DATAPLANE_ESP_ESP_CONF_H
#define DATAPLANE_ESP_ESP_CONF_H

#include "common/contract.h"

#include <stddef.h>

struct esp_ts_pair {
    struct ts local, remote;
};

struct esp_conf {
    const struct esp_ts_pair *ts; /* ts_count of them, behind the SA */
    struct cv_sa_ref ref;
    uint32_t if_id;
    uint64_t cookie;
    uint32_t flags; /* enum cv_sa_flags */
    uint16_t encr, integ;
    uint32_t replay_window, dummy_ms;
    uint16_t tfc_len, keepalive_s, vrf_outer;
    uint8_t mode, df, ts_count;
    uint8_t worker; /* as in struct cv_sa */
    uint8_t proto;  /* enum cv_proto */
    uint8_t encr_key_len, salt_len, integ_key_len;
    struct ip_endpoint local, remote;
};

/* Octets of the pairs that conf->ts_count asks for. */
static inline size_t esp_conf_ts_bytes(const struct cv_sa *sa)
{
    return sa->ts_count * sizeof(struct esp_ts_pair);
}
/* ts: room for esp_conf_ts_bytes, which lives as long as conf. */
void esp_conf_set(struct esp_conf *conf, struct esp_ts_pair *ts, const struct cv_sa *sa);
/* The reverse: no keys, no lifetimes, no sequence number; everything else as it was. */
void esp_conf_get(const struct esp_conf *conf, struct cv_sa *out);

#endif
