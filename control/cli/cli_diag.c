#include "control/cli/cli_diag.h"

#include "control/cli/cli_flow.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool said(struct cli_diag *out, const char *rule, const char *fmt, ...) CV_PRINTF(3, 4);

static bool said(struct cli_diag *out, const char *rule, const char *fmt, ...)
{
    va_list args;
    out->rule = rule;
    va_start(args, fmt);
    vsnprintf(out->text, sizeof out->text, fmt, args);
    va_end(args);
    return true;
}

/* ---- TS-1: only retransmissions ---------------------------------------------------------------------------------- */
static bool silent(const struct ike_session_view *v, struct cli_diag *out)
{
    const struct ike_silence *s = &v->silence;
    char peer[IP_TEXT_MAX];
    unsigned seconds = (unsigned)(s->for_ms / 1000u);
    if (!s->known || s->for_ms < CLI_DIAG_SILENT_MS || s->sent < CLI_DIAG_SENT)
        return false;
    ip_addr_text(&v->peer.addr, peer);
    if (s->initiator && !s->heard)
        return said(out, "TS-1",
                    "%u datagrams in %u s to UDP 500 of %s and nothing has ever come back: UDP 500 is "
                    "blocked on the way "
                    "(one direction is enough), there is no route, or nobody answers there",
                    s->sent, seconds, peer);
    if (s->natt && !s->heard_natt)
        return said(out, "TS-1",
                    "%s answered on UDP 500, but nothing has come back since the negotiation went on at UDP "
                    "4500 (%u datagrams, "
                    "%u s): UDP 4500 is blocked on the way%s",
                    peer, s->sent, seconds,
                    s->version == 1 ? "; different pre-shared keys look the same from here (KR-8)" : "");
    if (!s->initiator)
        return said(out, "TS-1",
                    "%s began, but what we answer (%u datagrams, %u s) is not followed by anything: UDP %u "
                    "is blocked from here "
                    "to the peer, or the peer gave up",
                    peer, s->sent, seconds, s->natt ? 4500u : 500u);
    if (s->version == 1 && strcmp(s->state, "MM_KEY_EXCH") != 0 && strcmp(s->state, "AG_AUTH") != 0)
        return false; /* before the keys count it is a refusal, and the last error has it */
    return said(out, s->version == 1 ? "KR-8" : "TS-1",
                "%s answered at first, then %s (state %s, %u datagrams, %u s): %s", peer,
                s->stuck ? "only repeats itself" : "no more", s->state, s->sent, seconds,
                s->version == 1
                    ? "it drops what it cannot decrypt or accept without a word: the pre-shared keys differ "
                      "(KR-8), it "
                      "took another keyring (KR-7), or larger packets are lost on the way"
                    : "larger packets are lost on the way (IKE_AUTH is the largest), or it is gone");
}

/* ---- TS-2: one way --------------------------------------------------------------------------------------------------- */
struct way {
    uint64_t out, in, drops, auth, replay, ts;
    uint64_t age_ms;
    bool natt, any;
};

static struct way way_of(struct cli_call *c, const struct ike_session_view *v)
{
    struct way w = {0};
    uint64_t now = cli_now_ms(c);
    const struct sam_child *k = sam_children_on(ike_sam(c->env->ike(c->env->ctx)), v->interface);
    for (k = cli_flow_of(c, v, k); k; k = cli_flow_of(c, v, k->next_of_tunnel)) {
        struct cli_flow_view f;
        cli_flow_view(c, k, &f);
        w.in += f.in.packets + f.in_before; /* what it had before a rekey is a sign of life, too */
        if (k->state == SAM_RETIRING)
            continue;
        w.any = true;
        w.natt = k->natt;
        w.out += f.out.packets + f.out_before;
        w.drops += cli_flow_drops_in(&f);
        w.auth += f.in.auth_failed;
        w.replay += f.in.replayed;
        w.ts += f.in.ts_failed;
        if (now - k->installed_ms > w.age_ms)
            w.age_ms = now - k->installed_ms;
    }
    return w;
}

static bool one_way(struct cli_call *c, const struct ike_session_view *v, struct cli_diag *out)
{
    struct way w = way_of(c, v);
    if (!w.any || w.in > 0 || w.out < CLI_DIAG_PACKETS || w.age_ms < CLI_DIAG_ONE_WAY_MS)
        return false;
    unsigned long long sent = w.out, drops = w.drops;
    unsigned seconds = (unsigned)(w.age_ms / 1000u);
    if (drops > 0)
        return said(out, "TS-2",
                    "%llu packets went out in %u s and %llu came in, but none was good (integrity %llu, "
                    "replay %llu, selectors "
                    "%llu): the peer's ESP arrives and is dropped here",
                    sent, seconds, drops, (unsigned long long)w.auth, (unsigned long long)w.replay,
                    (unsigned long long)w.ts);
    return said(out, "TS-2",
                "IKE is up and %llu packets went out in %u s, but none has come in: %s is blocked on the way "
                "in one direction at "
                "least, or the far side has nothing to answer or no route back. If #pkts decaps grows at the "
                "peer, the way back is "
                "the one that is blocked",
                sent, seconds, w.natt ? "ESP in UDP 4500" : "ESP (IP protocol 50)");
}

bool cli_diagnose(struct cli_call *c, const struct ike_session_view *v, struct cli_diag *out)
{
    return silent(v, out) || (v->interface[0] && one_way(c, v, out));
}

json_t *cli_diag_json(struct cli_call *c, const struct ike_session_view *v)
{
    struct cli_diag d;
    if (!cli_diagnose(c, v, &d))
        return json_null();
    return json_pack("{s:s, s:s}", "rule", d.rule, "text", d.text);
}
