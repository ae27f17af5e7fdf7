/* The IKE SA of version 2 as a whole: birth, maturity, deletion, and the table that the engine calls. */
#include "control/ikev2/v2.h"
#include "control/ikev2/v2_resource.h"

#include "control/ikev2/v2_auth.h"
#include "control/ikev2/v2_exchange.h"
#include "control/ikev2/v2_frag.h"
#include "control/ikev2/v2_input.h"
#include "control/ikev2/v2_park.h"
#include "control/pki/pki_cert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Rekeying starts a tenth of the lifetime before its end, at most 9 min, and up to twice as early: two ends with the same
 * lifetime seldom meet. */
enum { REKEY_MARGIN_DIV = 10, REKEY_MARGIN_MAX_MS = 540 * 1000, DELETE_MAX_MS = 120 * 1000 };

cv_result v2_sa_new(struct ike *e, struct ike_sa *sa)
{
    struct v2_sa *v2 = calloc(1, sizeof *v2);
    if (!v2)
        return CV_ENOMEM;
    v2->engine = e;
    v2->window_peer = v2->window_own = 1;
    v2->rekey_at = v2->expire_at = v2->retry_at = v2->resource_at = v2->dpd_at = v2->delete_at = UINT64_MAX;
    sa->v = v2;
    return CV_OK;
}

void v2_set_state(struct ike_sa *sa, enum v2_state state)
{
    const char *text = v2_state_text(state);
    v2_of(sa)->state = state;
    snprintf(sa->state, sizeof sa->state, "%s", text);
}

static void sa_free(struct ike_sa *sa)
{
    struct v2_sa *v2 = v2_of(sa);
    struct ike *e = v2->engine;
    v2_tasks_free(e, &v2->queue);
    v2_tasks_free(e, &v2->flight);
    v2_nego_free(e, v2->first_child);
    for (unsigned i = 0; i < V2_WINDOW_MAX; i++)
        v2_wire_free(&v2->cache[i].wire);
    v2_frags_free(v2);
    v2_park_drop(sa);
    v2_init_forget(v2);
    secret_wipe(v2, sizeof *v2);
    free(v2);
    sa->v = NULL;
}

void v2_keylog(struct ike *e, const struct ike_sa *sa)
{
    const struct cr_keys2 *k = &sa->keys;
    const struct cr_encr_alg *encr = cr_encr(k->suite.encr, k->suite.key_bits);
    const struct cr_integ_alg *integ = cr_integ(k->suite.integ);
    if (!e->env.keylog || !encr)
        return;
    size_t e_len = (size_t)encr->key_len + encr->salt_len, a_len = integ ? integ->key_len : 0;
    const struct ike_keylog log = {.version = 2,
                                   .spi_i = sa->spi_i,
                                   .spi_r = sa->spi_r,
                                   .encr = k->suite.encr,
                                   .key_bits = k->suite.key_bits,
                                   .integ = k->suite.integ,
                                   .sk_ei = {k->i.encr_key, e_len},
                                   .sk_er = {k->r.encr_key, e_len},
                                   .sk_ai = {k->i.integ_key, a_len},
                                   .sk_ar = {k->r.integ_key, a_len}};
    e->env.keylog(e->env.ctx, &log);
}

static uint64_t rekey_margin(struct ike *e, uint64_t lifetime_ms)
{
    uint16_t r;
    uint64_t margin = lifetime_ms / REKEY_MARGIN_DIV;
    if (margin > REKEY_MARGIN_MAX_MS)
        margin = REKEY_MARGIN_MAX_MS;
    ike_random(e, (uint8_t *)&r, sizeof r);
    return margin + margin * r / 65536;
}

/* `lifetime certificate`: the SA lasts as long as the peer's certificate, and is not rekeyed, for that would carry an old proof on. */
static void end_with_certificate(struct ike *e, struct ike_sa *sa)
{
    if (!sa->profile || !sa->profile->lifetime_certificate || !sa->peer_cert)
        return;
    int64_t left = pki_cert_not_after(sa->peer_cert) - (int64_t)(e->env.wall_ms(e->env.ctx) / 1000);
    sa->lifetime_s = left > 0 ? (uint64_t)left : 0;
    v2_of(sa)->expire_at = ike_now(e) + sa->lifetime_s * 1000;
    v2_of(sa)->rekey_at = UINT64_MAX;
}

void v2_sa_established(struct ike *e, struct ike_sa *sa, bool by_rekey)
{
    struct v2_sa *v2 = v2_of(sa);
    uint64_t now = ike_now(e);
    v2_set_state(sa, V2_ESTABLISHED);
    ike_sa_established(e, sa);
    v2->expire_at = now + sa->lifetime_s * 1000;
    v2->rekey_at = v2->expire_at - rekey_margin(e, sa->lifetime_s * 1000);
    end_with_certificate(e, sa);
    v2->delete_at = UINT64_MAX;
    if (sa->profile) {
        struct cfg_dpd dpd = cfg_dpd_effective(e->cfg, sa->profile);
        v2->dpd_at = dpd.set ? now + dpd.interval_s * 1000ull : UINT64_MAX;
    }
    if (by_rekey) {
        e->counters.sas_rekeyed++;
        v2_keylog(e, sa);
    } else {
        e->counters.sas_established++;
    }
}

void v2_sa_delete(struct ike *e, struct ike_sa *sa, enum ike_reason why)
{
    struct v2_sa *v2 = v2_of(sa);
    if (sa->dead || v2->state == V2_DELETING)
        return;
    struct v2_task *t = sa->established ? v2_task_new(V2_TASK_DELETE_SA) : NULL;
    if (!t) {
        ike_sa_remove(e, sa, why, "%s", ike_reason_text(why));
        return;
    }
    t->why = why;
    ike_sa_abandon(e, sa, why, "%s", ike_reason_text(why));
    v2_set_state(sa, V2_DELETING);
    v2->rekey_at = v2->retry_at = v2->expire_at = v2->dpd_at = UINT64_MAX;
    v2->delete_at = ike_now(e) + DELETE_MAX_MS;
    v2_tasks_free(e, &v2->queue);
    v2_task_add(e, sa, t);
}

static void reconfigured(struct ike *e, struct ike_sa *sa)
{
    struct sel_trace trace = {0};
    v2_of(sa)->policy = sel_ikev2_policy(e->cfg, ike_vrf_name(e, sa->vrf), &sa->local.addr, &trace);
}

static void view(const struct ike_sa *sa, struct ike_sa_view *out)
{
    const struct v2_sa *v2 = sa->v;
    if (!v2)
        return;
    out->next_send_id = v2->next_send;
    out->next_recv_id = v2->next_recv;
    out->window_local = v2->window_own;
    out->window_remote = v2->window_peer;
    out->fragmentation = v2->frag_ok;
    if (!v2->have_keys) { /* chosen, but the keys are not computed yet */
        out->encr = v2->suite.encr;
        out->key_bits = v2->suite.key_bits;
        out->integ = v2->suite.integ;
        out->prf = v2->suite.prf;
        out->dh = v2->suite.dh;
    }
}

const struct ike_version_ops v2_ops = {
    .version = 2,
    .datagram = v2_datagram,
    .initiate = v2_initiate,
    .initiate_child = v2_child_initiate,
    .rekey_child = v2_rekey_child,
    .rekey_sa = v2_rekey_sa,
    .delete_child = v2_delete_child,
    .delete_sa = v2_sa_delete,
    .invalid_spi = v2_invalid_spi,
    .invalid_selectors = v2_invalid_selectors,
    .first_packet = v2_child_first_packet,
    .workers = v2_resource_again,
    .nat_change = v2_child_nat_change,
    .timer = v2_timer,
    .pki_changed = v2_parked_again,
    .reconfigured = reconfigured,
    .view = view,
    .sa_free = sa_free,
};
