/* INFORMATIONAL (RFC 7296 1.4): deletes, dead peer detection, notifies. */
#include "control/ike/ike_child.h"
#include "control/ikev2/v2.h"
#include "control/ikev2/v2_resource.h"

#include <string.h>

enum {
    ESP_SPI_LEN = 4,
    LINGER_MS = 5000,         /* inbound: packets in flight */
    LINGER_ASKED_MS = 120000, /* inbound until the peer has answered our delete */
    DPD_IDLE_POLL_MS = 10000, /* on demand: how often traffic is looked for */
    DELETED_MAX = 64          /* SPIs in one answer: an IKE SA has no more children */
};

static void spi_bytes(uint32_t spi, uint8_t out[ESP_SPI_LEN])
{
    for (int i = 0; i < ESP_SPI_LEN; i++)
        out[i] = (uint8_t)(spi >> (24 - 8 * i));
}

/* ---- our deletes ------------------------------------------------------------------------------------------------------ */
cv_result v2_delete_child(struct ike *e, struct ike_sa *sa, struct sam_child *c)
{
    if (v2_task_find(sa, V2_TASK_DELETE_CHILD, c->id))
        return CV_EEXIST;
    struct v2_task *t = v2_of(sa)->state == V2_ESTABLISHED ? v2_task_new(V2_TASK_DELETE_CHILD) : NULL;
    if (!t) {
        v2_child_remove(e, c, LINGER_MS);
        return v2_of(sa)->state == V2_ESTABLISHED ? CV_ENOMEM : CV_OK;
    }
    t->child_id = c->id;
    t->spi = c->in.spi;
    t->ah = sam_is_ah(c);
    /* The peer may send on it until it has read the delete; we do not any more. */
    v2_child_remove(e, c, LINGER_ASKED_MS);
    v2_task_add(e, sa, t);
    return CV_OK;
}

cv_result v2_delete_child_build(struct ike *e, struct ike_sa *sa, struct v2_task *t, struct pld_builder *b)
{
    uint8_t spi[ESP_SPI_LEN];
    (void)e;
    (void)sa;
    spi_bytes(t->spi, spi);
    pld_put_delete(b, t->ah ? PLD_PROTO_AH : PLD_PROTO_ESP, sizeof spi, spi, 1);
    return CV_OK;
}

void v2_delete_child_response(struct ike *e, struct ike_sa *sa, struct v2_task *t,
                              const struct pld_message *m)
{
    struct sam_child *c = t->child_id ? sam_child_by_id(e->sam, t->child_id) : NULL;
    (void)sa;
    (void)m; /* whether it names its own SPI or not (1.4.1): it knows now */
    if (c && c->state == SAM_RETIRING)
        sam_child_delete(e->sam, c, LINGER_MS);
}

cv_result v2_delete_sa_build(struct ike *e, struct ike_sa *sa, struct v2_task *t, struct pld_builder *b)
{
    (void)e;
    (void)sa;
    (void)t;
    pld_put_delete(b, PLD_PROTO_IKE, 0, NULL, 0);
    return CV_OK;
}

void v2_delete_sa_response(struct ike *e, struct ike_sa *sa, struct v2_task *t, const struct pld_message *m)
{
    (void)m;
    ike_sa_remove(e, sa, t->why, "%s", ike_reason_text(t->why));
}

/* ---- ESP that nobody takes (1.5) -------------------------------------------------------------------------------------- */
void v2_invalid_spi(struct ike *e, struct ike_sa *sa, uint32_t spi, bool ah)
{
    (void)ah; /* the notify names the SPI alone (3.10.1) */
    struct v2_task *t = v2_of(sa)->state == V2_ESTABLISHED && !v2_task_find(sa, V2_TASK_INVALID_SPI, 0)
                            ? v2_task_new(V2_TASK_INVALID_SPI)
                            : NULL;
    if (!t)
        return;
    t->spi = spi;
    v2_task_add(e, sa, t);
}

cv_result v2_invalid_spi_build(struct ike *e, struct ike_sa *sa, struct v2_task *t, struct pld_builder *b)
{
    uint8_t spi[ESP_SPI_LEN];
    const struct slice none = {NULL, 0};
    (void)e;
    (void)sa;
    spi_bytes(t->spi, spi);
    pld_put_notify(b, PLD_PROTO_NONE, none, PLD_N_INVALID_SPI, (struct slice){spi, sizeof spi});
    return CV_OK;
}

/* ---- packets outside a child's selectors (3.10.1) ------------------------------------------------------------------------ */
void v2_invalid_selectors(struct ike *e, struct ike_sa *sa, const struct sam_child *c, struct slice quoted)
{
    struct v2_task *t = v2_of(sa)->state == V2_ESTABLISHED && !v2_task_find(sa, V2_TASK_INVALID_SELECTORS, 0)
                            ? v2_task_new(V2_TASK_INVALID_SELECTORS)
                            : NULL;
    if (!t)
        return;
    t->spi = c->in.spi;
    t->ah = sam_is_ah(c);
    struct buf_writer w = buf_writer_init(t->quoted, sizeof t->quoted);
    buf_put(&w, quoted.p, quoted.n);
    t->quoted_len = (uint8_t)(w.bad ? 0 : quoted.n);
    v2_task_add(e, sa, t);
}

cv_result v2_invalid_selectors_build(struct ike *e, struct ike_sa *sa, struct v2_task *t,
                                     struct pld_builder *b)
{
    uint8_t spi[ESP_SPI_LEN];
    (void)e;
    (void)sa;
    spi_bytes(t->spi, spi);
    pld_put_notify(b, t->ah ? PLD_PROTO_AH : PLD_PROTO_ESP, (struct slice){spi, sizeof spi},
                   PLD_N_INVALID_SELECTORS, (struct slice){t->quoted, t->quoted_len});
    return CV_OK;
}

/* ---- the peer's deletes ------------------------------------------------------------------------------------------------ */
/* 1.4.1: the answer names our SPIs of the same children. What is unknown or being closed by us already is left out. */
struct deleted {
    uint8_t spis[DELETED_MAX * ESP_SPI_LEN];
    uint16_t count;
};

static void delete_children(struct ike *e, struct ike_sa *sa, const struct pld_delete *d,
                            struct deleted by[2])
{
    struct buf_reader r = buf_reader_init(d->spis.p, d->spis.n);
    /* 2.25.2: a delete that crosses a rekey of the IKE SA is answered as usual, wherever the child is by now */
    uint32_t spi, owner = v2_of(sa)->replaced_by ? v2_of(sa)->replaced_by : sa->conn_id;
    const bool ah = d->proto == PLD_PROTO_AH;
    struct deleted *of = &by[ah];
    if ((!ah && d->proto != PLD_PROTO_ESP) || d->spi_len != ESP_SPI_LEN)
        return;
    for (unsigned i = 0; i < d->count && buf_u32(&r, &spi); i++) {
        struct sam_child *c = sam_child_of_peer(e->sam, owner, spi, ah);
        if (!c)
            continue;
        if (of->count < DELETED_MAX) /* the answer may leave some out, the deletion not */
            spi_bytes(c->in.spi, of->spis + (size_t)of->count++ * ESP_SPI_LEN);
        ike_log(e, sa, LOG_LEVEL_INFO, "ipsec", "the peer deleted child 0x%08x of %s", c->in.spi,
                c->interface);
        v2_resource_deleted(e, sa, c);
        v2_child_remove(e, c, LINGER_MS);
    }
}

static bool deletes_ike(const struct pld_message *m)
{
    for (unsigned i = 0; i < m->delete_count; i++)
        if (m->deletes[i].proto == PLD_PROTO_IKE)
            return true;
    return false;
}

static void peer_deletes_ike(struct ike *e, struct ike_sa *sa)
{
    bool replaced = v2_rekey_peer_closes(e, sa);
    e->counters.deletes_in++;
    ike_sa_remove(e, sa, replaced ? IKE_REASON_REPLACED : IKE_REASON_PEER_DELETED,
                  "the peer deleted the IKE SA");
}

/* ---- requests ------------------------------------------------------------------------------------------------------- */
static void log_notifies(struct ike *e, const struct ike_sa *sa, const struct pld_message *m)
{
    for (unsigned i = 0; i < m->notify_count; i++)
        if (m->notifies[i].type < PLD_N_STATUS_FIRST)
            ike_log(e, sa, LOG_LEVEL_WARNING, "ikev2", "the peer notifies %s",
                    pld_notify_name(m->notifies[i].type));
}

/* What we send on this child goes nowhere. The peer lost it, or our delete of it crossed. */
static void peer_lacks(struct ike *e, struct ike_sa *sa, struct sam_child *c)
{
    ike_log(e, sa, LOG_LEVEL_WARNING, "ipsec", "the peer has no SA for SPI 0x%08x of %s any more: deleted",
            c->out.spi, c->interface);
    if (v2_delete_child(e, sa, c) != CV_OK)
        ike_log(e, sa, LOG_LEVEL_DEBUG, "ipsec", "its delete is under way");
}

/* The notify has the number alone: its protocol is to be ignored (3.10). REKEY_SA has both, and where the peer has no such SA it says
 * CHILD_SA_NOT_FOUND (2.25); the other one is merely rekeyed. */
static void peer_lacks_one_of(struct ike *e, struct ike_sa *sa, struct sam_child *esp, struct sam_child *ah)
{
    struct sam_child *both[] = {esp, ah};
    ike_log(e, sa, LOG_LEVEL_WARNING, "ipsec",
            "the peer has no SA for SPI 0x%08x of ESP or of AH any more: a rekey of each shows which",
            esp->out.spi);
    for (unsigned i = 0; i < 2; i++)
        if (v2_rekey_child(e, sa, both[i]) != CV_OK)
            ike_log(e, sa, LOG_LEVEL_DEBUG, "ipsec", "child 0x%08x is not rekeyed now", both[i]->in.spi);
}

/* 1.5, 3.10.1 */
static void peer_lacks_children(struct ike *e, struct ike_sa *sa, const struct pld_message *m)
{
    uint32_t spi, owner = v2_of(sa)->replaced_by ? v2_of(sa)->replaced_by : sa->conn_id;
    for (unsigned i = 0; i < m->notify_count; i++) {
        const struct pld_notify *n = &m->notifies[i];
        struct buf_reader r = buf_reader_init(n->data.p, n->data.n);
        if (n->type != PLD_N_INVALID_SPI || n->data.n != ESP_SPI_LEN || !buf_u32(&r, &spi))
            continue;
        struct sam_child *esp = sam_child_of_peer(e->sam, owner, spi, false),
                         *ah = sam_child_of_peer(e->sam, owner, spi, true);
        if (esp && ah)
            peer_lacks_one_of(e, sa, esp, ah);
        else if (esp || ah)
            peer_lacks(e, sa, esp ? esp : ah);
    }
}

void v2_informational_request(struct ike *e, struct ike_sa *sa, const struct pld_message *m,
                              struct v2_reply *r)
{
    struct deleted by[2] = {{.count = 0}}; /* ESP, AH */
    log_notifies(e, sa, m);
    if (deletes_ike(m)) { /* 1.4.1: answered with an empty message; the children go with it */
        peer_deletes_ike(e, sa);
        return;
    }
    if (pld_find_notify(m,
                        PLD_N_AUTHENTICATION_FAILED)) { /* 2.21.2: the initiator did not believe our AUTH */
        ike_sa_remove(e, sa, IKE_REASON_AUTH_FAILED, "the peer refused our authentication");
        return;
    }
    peer_lacks_children(e, sa, m);
    if (m->delete_count)
        v2_rekey_peer_uses(e, sa);
    for (unsigned i = 0; i < m->delete_count; i++) {
        e->counters.deletes_in++;
        delete_children(e, sa, &m->deletes[i], by);
    }
    for (unsigned ah = 0; ah < 2; ah++)
        if (by[ah].count)
            pld_put_delete(&r->chain.b, ah ? PLD_PROTO_AH : PLD_PROTO_ESP, ESP_SPI_LEN, by[ah].spis,
                           by[ah].count);
}

/* ---- dead peer detection (2.4) ------------------------------------------------------------------------------------ */
static bool busy(struct ike_sa *sa)
{
    return v2_of(sa)->flight || v2_of(sa)->queue; /* any request finds a dead peer */
}

void v2_dpd_due(struct ike *e, struct ike_sa *sa)
{
    struct v2_sa *v = v2_of(sa);
    struct cfg_dpd dpd = sa->profile ? cfg_dpd_effective(e->cfg, sa->profile) : e->cfg->ikev2_dpd;
    uint64_t now = ike_now(e), interval = (uint64_t)dpd.interval_s * 1000;
    v->dpd_at = UINT64_MAX;
    if (!dpd.set || interval == 0 || v->state != V2_ESTABLISHED)
        return;
    struct ike_heard h = ike_last_heard(e, sa);
    if (now - h.at < interval) {
        v->dpd_at = h.at + interval;
        v->dpd_sent_packets = h.sent_packets;
        if (!dpd.periodic && v->dpd_at > now + DPD_IDLE_POLL_MS)
            v->dpd_at = now + DPD_IDLE_POLL_MS; /* keeps the packet count near the last sign of life */
        return;
    }
    v->dpd_at = now + (dpd.periodic || interval < DPD_IDLE_POLL_MS ? interval : DPD_IDLE_POLL_MS);
    if (busy(sa) || (!dpd.periodic && h.sent_packets <= v->dpd_sent_packets))
        return;
    struct v2_task *t = v2_task_new(V2_TASK_DPD);
    if (!t)
        return;
    e->counters.dpd_sent++;
    v2_task_add(e, sa, t);
}

cv_result v2_dpd_build(struct ike *e, struct ike_sa *sa, struct v2_task *t, struct pld_builder *b)
{
    (void)e;
    (void)sa;
    (void)t;
    (void)b; /* an empty message (1.4) */
    return CV_OK;
}

void v2_dpd_response(struct ike *e, struct ike_sa *sa, struct v2_task *t, const struct pld_message *m)
{
    (void)e;
    (void)sa;
    (void)t;
    (void)m; /* that it came is all: the exchange layer notes when the peer was heard */
}
