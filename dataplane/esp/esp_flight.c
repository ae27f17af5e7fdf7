#include "dataplane/esp/esp_flight.h"

#include "dataplane/esp/esp_in.h"
#include "dataplane/esp/esp_out.h"

static_assert((int)ESP_POLL_MAX == (int)ESP_CHUNK, "what comes back fits the scratch arrays");

unsigned esp_flight_submit(struct esp_worker *w, eng_submit_fn *submit, const struct eng_session *session,
                           void *sa, enum cv_dir dir, unsigned first, unsigned count, const uint8_t *forms)
{
    const struct esp_scratch *s = w->scratch;
    struct eng_job jobs[ESP_CHUNK];
    for (unsigned i = 0; i < count; i++)
        jobs[i] = (struct eng_job){.op = s->ops[first + i],
                                   .m = s->pkts[first + i],
                                   .owner = sa,
                                   .seq = dir == CV_DIR_OUT ? s->ops[first + i].iv : s->seq[first + i],
                                   .len = s->len[first + i],
                                   .dir = (uint8_t)dir,
                                   .form = forms ? forms[i] : (uint8_t)ENG_ESP};
    const unsigned took = submit(w->engine, session, jobs, count);
    w->taken = (uint16_t)(w->taken + took);
    return took;
}

void esp_flight_recall(struct esp_scratch *s, const struct eng_job *jobs, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        s->ops[i] = jobs[i].op;
        s->pkts[i] = jobs[i].m;
        s->seq[i] = jobs[i].seq;
        s->len[i] = (uint16_t)jobs[i].len;
    }
}

unsigned esp_poll(struct esp_worker *w, struct esp_done *d)
{
    struct eng_job jobs[ESP_CHUNK];
    struct esp_sort in = {.good = d->in, .bad = d->in_bad}, out = {.good = d->out, .bad = d->out_bad};
    const unsigned n = w->scratch->engine->poll(w->engine, jobs, ESP_CHUNK);
    for (unsigned i = 0, run; i < n; i += run) {
        for (run = 1; i + run < n && jobs[i + run].owner == jobs[i].owner; run++)
            ;
        if (jobs[i].dir == CV_DIR_OUT)
            esp_out_done(w, jobs[i].owner, jobs + i, run, &out);
        else
            esp_in_done(w, jobs[i].owner, jobs + i, run, &in);
    }
    d->in_good = in.goods;
    d->in_bads = in.bads;
    d->out_good = out.goods;
    d->out_bads = out.bads;
    return n;
}

void esp_flight(const struct esp_worker *w, struct eng_flight *out)
{
    w->scratch->engine->flight(w->engine, out);
}
