/* What the manager asks of an inbound SA and tells it, while its worker has packets of it. */
#include "dataplane/esp/esp_in.h"
#include "dataplane/esp/esp_sa.h"

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
