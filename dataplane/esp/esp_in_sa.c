/* The manager's side of an inbound SA: it makes and frees it, and meanwhile asks it and tells it, while its worker has packets of it. */
#include "dataplane/engine/eng_mem.h"
#include "dataplane/esp/esp_ah.h"
#include "dataplane/esp/esp_in.h"
#include "dataplane/esp/esp_sa.h"

#include <string.h>

void esp_in_sa_expire(struct esp_in_sa *sa)
{
    __atomic_store_n(&sa->closed, CV_DROP_LIFETIME, __ATOMIC_RELAXED);
}

void esp_in_sa_where(const struct esp_in_sa *sa, struct cv_sa_engine *out)
{
    eng_where(sa->session, out);
    if (out->why == CV_ENGINE_WHY_NONE)
        out->why = sa->why;
}

const struct eng_session *esp_in_sa_session(const struct esp_in_sa *sa)
{
    return sa->session;
}

const struct esp_conf *esp_in_sa_conf(const struct esp_in_sa *sa)
{
    return &sa->conf;
}

void esp_in_sa_dump(const struct esp_in_sa *sa, struct cv_sa *out)
{
    esp_conf_get(&sa->conf, out);
    esp_limits_get(&sa->limits, out);
    out->seq = __atomic_load_n(&sa->counters->highest_seq, __ATOMIC_RELAXED);
}

cv_result esp_in_sa_set_peer(struct esp_in_sa *sa, const struct ip_endpoint *remote)
{
    if (remote->addr.family != sa->family || (sa->natt && !remote->port))
        return CV_EINVAL;
    if (!esp_peer_ok(&sa->conf, remote))
        return CV_EUNSUP;
    struct esp_peer *p = &sa->peer;
    __atomic_store_n(&p->version, p->version + 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    p->remote = *remote;
    __atomic_store_n(&p->version, p->version + 1, __ATOMIC_RELEASE);
    sa->conf.remote = *remote;
    return CV_OK;
}

/* ---- made and gone --------------------------------------------------------------------------------------------- */
/* Octets of the window's ring behind the SA. */
static size_t ring_behind(const struct cv_sa *conf)
{
    const size_t ring = esp_replay_bytes(conf->replay_window);
    return ring <= sizeof(((struct esp_in_sa *)0)->small) ? 0 : ring;
}

static void in_sa_set(struct esp_in_sa *sa, const struct cv_sa *conf, const struct eng_ops *engine,
                      const struct eng_session_info *info, struct cv_sa_counters *counters)
{
    sa->engine = engine;
    sa->counters = counters;
    sa->burst = info->burst;
    sa->submit = conf->proto == CV_PROTO_AH ? NULL : info->submit; /* as in esp_out.c */
    sa->pieces = info->pieces;
    sa->aside = info->aside;
    sa->why = info->why;
    sa->runs = info->runs;
    sa->lines = esp_lines_of(info);
    sa->transport = conf->mode == CV_MODE_TRANSPORT;
    sa->head = conf->proto == CV_PROTO_AH ? esp_ah_len(info->icv_len, conf->local.addr.family)
                                          : (uint8_t)(ESP_HDR_LEN + info->iv_len);
    sa->icv_len = info->icv_len;
    sa->align_mask = (uint8_t)(info->block - 1);
    sa->if_id = conf->if_id;
    sa->family = conf->local.addr.family;
    sa->natt = (conf->flags & CV_SA_NATT) != 0;
    sa->esn = conf->flags & CV_SA_ESN;
    sa->replay_on = !(conf->flags & CV_SA_NO_REPLAY);
    memcpy(sa->local, conf->local.addr.b, sizeof sa->local);
    sa->peer.remote = conf->remote;
    esp_limits_set(&sa->limits, conf);
    sa->limited = esp_limits_any(&sa->limits);
    const size_t ring = ring_behind(conf);
    esp_replay_init(&sa->replay, conf->replay_window, ring ? sa->bits : sa->small, conf->seq);
    if (!sa->replay_on)
        sa->replay.window = ESP_REPLAY_OFF_WINDOW;
    esp_conf_set(&sa->conf, (void *)((uint8_t *)sa->bits + ring), conf);
    sa->any = esp_ts_any(&sa->conf);
    sa->plain4 = esp_ts_plain4(&sa->conf, &sa->ts4);
}

cv_result esp_in_sa_new(const struct cv_sa *conf, const struct eng_ops *engine, int socket,
                        struct cv_sa_counters *counters, struct esp_in_sa **out)
{
    CV_TRY(esp_conf_check(conf, CV_DIR_IN));
    const size_t size = offsetof(struct esp_in_sa, bits) + ring_behind(conf) + esp_conf_ts_bytes(conf);
    struct esp_in_sa *sa = eng_mem_get(ENG_MEM_IN_SA, size, socket);
    if (!sa)
        return CV_ENOMEM;
    sa->size = (uint32_t)size;
    struct eng_session_info info;
    cv_result r = engine->session_new(conf, socket, &sa->session, &info);
    if (r != CV_OK) {
        eng_mem_put(ENG_MEM_IN_SA, sa, size);
        return r;
    }
    in_sa_set(sa, conf, engine, &info, counters);
    *out = sa;
    return CV_OK;
}

void esp_in_sa_free(struct esp_in_sa *sa)
{
    if (!sa)
        return;
    sa->engine->session_free(sa->session);
    eng_mem_put(ENG_MEM_IN_SA, sa, sa->size);
}
