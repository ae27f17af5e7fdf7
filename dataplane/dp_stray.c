#include "dataplane/dp_stray.h"
#include "dataplane/ip/ip_classify.h"

enum { NET_OCTETS = 8 };

cv_result dp_stray_init(struct dp_stray *s, uint64_t tsc_hz)
{
    memset(s, 0, sizeof *s);
    s->source_rate = io_bucket_rate_make(tsc_hz, DP_STRAY_SOURCE_PER_SECOND, 0);
    s->rate = io_bucket_rate_make(tsc_hz, DP_STRAY_PER_SECOND, DP_STRAY_BURST);
    return ip_hash_key_make(&s->key) ? CV_OK : CV_EIO;
}

static uint64_t *bucket_of(struct dp_stray *s, const struct rte_mbuf *m)
{
    const struct dp_meta *meta = dp_meta((struct rte_mbuf *)(uintptr_t)m);
    uint8_t source[16] = {0};
    memcpy(source, ip_src(m, meta->family), meta->family == IP_V4 ? 4 : NET_OCTETS);
    return &s->source[ip_hash_addr(&s->key, meta->vrf, meta->family, source) % DP_STRAY_SOURCES];
}

bool dp_stray_due(struct dp_stray *s, const struct rte_mbuf *m, uint64_t now)
{
    uint64_t *bucket = bucket_of(s, m);
    const uint64_t was = *bucket;
    if (!io_bucket_take(&s->source_rate, bucket, now))
        return false;
    if (io_bucket_take(&s->rate, &s->all, now))
        return true;
    *bucket = was; /* nothing was told: it stays its turn */
    return false;
}
