#include "dataplane/esp/esp_resync.h"

#include "dataplane/esp/esp_in.h"

enum { SA_TRIES = 100, WORKER_TRIES = 1000 /* a second */, TRY_OCTETS = 1024 /* in one of them */ };

/* A packet of `octets` is as many tries as it is long: one that came in fragments may have 64 KB. */
static uint64_t next_at(const struct esp_worker *w, unsigned per_second, uint32_t octets)
{
    return w->now_tsc + w->second / per_second * (1 + octets / TRY_OCTETS);
}

static bool is_due(struct esp_worker *w, struct esp_in_sa *sa, uint32_t octets)
{
    struct esp_resync *r = &sa->resync;
    if (r->top != sa->replay.top) {
        r->top = sa->replay.top;
        r->failures = 0;
    }
    if (r->failures < ESP_RESYNC_FAILURES)
        r->failures++;
    if (r->failures < ESP_RESYNC_FAILURES || w->now_tsc < r->next_tsc || w->now_tsc < w->resync_tsc)
        return false;
    r->next_tsc = next_at(w, SA_TRIES, octets);
    w->resync_tsc = next_at(w, WORKER_TRIES, octets);
    return true;
}

/* These are decrypted while they are verified: what failed has had the key stream added, and to have it added again brings back what came.
 * The others are verified first, and as they came when that fails. */
static bool has_key_stream(const struct esp_in_sa *sa)
{
    return sa->conf.encr == CV_ENCR_AES_GCM_16 || sa->conf.encr == CV_ENCR_CHACHA20_POLY1305;
}

bool esp_resync_try(struct esp_worker *w, struct esp_in_sa *sa, struct eng_op *op, uint64_t *seq)
{
    if (!sa->esn || sa->submit || !is_due(w, sa, op->data_len))
        return false;
    const uint32_t hi = (uint32_t)(*seq >> 32);
    for (uint32_t i = 1; i <= ESP_RESYNC_HIGHER && hi <= UINT32_MAX - i; i++) {
        if (has_key_stream(sa))
            sa->burst(w->engine, sa->session, op, 1);
        op->seq_hi = hi + i;
        sa->burst(w->engine, sa->session, op, 1);
        if (op->ok) {
            *seq = (uint64_t)op->seq_hi << 32 | (uint32_t)*seq;
            return true;
        }
    }
    return false;
}
