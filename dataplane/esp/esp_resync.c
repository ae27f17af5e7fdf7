#include "dataplane/esp/esp_resync.h"

#include "dataplane/esp/esp_in.h"

enum { SA_TRIES = 100, WORKER_TRIES = 1000 /* a second */ };

static bool is_over(const struct esp_worker *w, uint64_t since, unsigned per_second)
{
    return since == 0 || w->now_tsc - since >= w->second / per_second;
}

static bool is_due(struct esp_worker *w, struct esp_in_sa *sa)
{
    struct esp_resync *r = &sa->resync;
    if (r->top != sa->replay.top) {
        r->top = sa->replay.top;
        r->failures = 0;
    }
    if (r->failures < ESP_RESYNC_FAILURES)
        r->failures++;
    if (r->failures < ESP_RESYNC_FAILURES || !is_over(w, r->tried_tsc, SA_TRIES) ||
        !is_over(w, w->resync_tsc, WORKER_TRIES))
        return false;
    r->tried_tsc = w->resync_tsc = w->now_tsc;
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
    if (!sa->esn || sa->submit || !is_due(w, sa))
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
