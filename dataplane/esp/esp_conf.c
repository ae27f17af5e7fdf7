#include "dataplane/esp/esp_conf.h"

#include <string.h>

void esp_conf_set(struct esp_conf *conf, struct esp_ts_pair *ts, const struct cv_sa *sa)
{
    *conf = (struct esp_conf){.ts = ts,
                              .ref = sa->ref,
                              .if_id = sa->if_id,
                              .cookie = sa->cookie,
                              .flags = sa->flags,
                              .encr = sa->encr,
                              .integ = sa->integ,
                              .replay_window = sa->replay_window,
                              .dummy_ms = sa->dummy_ms,
                              .tfc_len = sa->tfc_len,
                              .keepalive_s = sa->keepalive_s,
                              .vrf_outer = sa->vrf_outer,
                              .mode = sa->mode,
                              .df = sa->df,
                              .ts_count = sa->ts_count,
                              .worker = sa->worker,
                              .proto = sa->proto,
                              .encr_key_len = sa->encr_key_len,
                              .salt_len = sa->salt_len,
                              .integ_key_len = sa->integ_key_len,
                              .local = sa->local,
                              .remote = sa->remote};
    for (unsigned i = 0; i < sa->ts_count; i++)
        ts[i] = (struct esp_ts_pair){sa->ts_local[i], sa->ts_remote[i]};
}

void esp_conf_get(const struct esp_conf *conf, struct cv_sa *out)
{
    memset(out, 0, sizeof *out);
    out->ref = conf->ref;
    out->if_id = conf->if_id;
    out->cookie = conf->cookie;
    out->flags = conf->flags;
    out->encr = conf->encr;
    out->integ = conf->integ;
    out->mode = conf->mode;
    out->encr_key_len = conf->encr_key_len;
    out->salt_len = conf->salt_len;
    out->integ_key_len = conf->integ_key_len;
    out->replay_window = conf->replay_window;
    out->dummy_ms = conf->dummy_ms;
    out->tfc_len = conf->tfc_len;
    out->keepalive_s = conf->keepalive_s;
    out->vrf_outer = conf->vrf_outer;
    out->df = conf->df;
    out->ts_count = conf->ts_count;
    out->worker = conf->worker;
    out->proto = conf->proto;
    out->local = conf->local;
    out->remote = conf->remote;
    for (unsigned i = 0; i < conf->ts_count; i++) {
        out->ts_local[i] = conf->ts[i].local;
        out->ts_remote[i] = conf->ts[i].remote;
    }
}
