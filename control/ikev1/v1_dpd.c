/* Dead peer detection (RFC 3706): R-U-THERE and its ACK. */
#include "control/ike/ike_child.h"
#include "control/ikev1/v1_quick.h"

enum {
    SEQ_LEN = 4,
    IDLE_POLL_MS = 10000, /* on demand: how often traffic is looked for */
    RETRY_DEFAULT_S = 2   /* section 5 */
};

static struct cfg_dpd conf(const struct ike *e, const struct ike_sa *sa)
{
    struct cfg_dpd d = cfg_isakmp_dpd_effective(e->cfg, sa->profile1);
    if (d.retry_s == 0)
        d.retry_s = RETRY_DEFAULT_S;
    return d;
}

static bool wanted(const struct ike *e, const struct ike_sa *sa)
{
    const struct v1_sa *v1 = sa->v;
    struct cfg_dpd d = conf(e, sa);
    return d.set && d.interval_s > 0 && v1->peer.dpd && v1->state == V1_COMPLETE;
}

void v1_dpd_start(struct ike *e, struct ike_sa *sa)
{
    struct v1_dpd *dpd = &v1_of(sa)->dpd;
    *dpd = (struct v1_dpd){.at = UINT64_MAX};
    ike_random(e, (uint8_t *)&dpd->seq_out, sizeof dpd->seq_out);
    dpd->seq_out &= INT32_MAX; /* RFC 3706 6.3: the high bit is zero at first, so that it never wraps */
    dpd->seq_first = dpd->seq_out + 1;
    if (wanted(e, sa))
        dpd->at = ike_now(e) + conf(e, sa).interval_s * 1000ull;
}

static void send(struct ike *e, struct ike_sa *sa, uint16_t type, uint32_t seq)
{
    uint8_t cookies[2 * PLD1_COOKIE_LEN], data[SEQ_LEN];
    v1_cookies(sa, cookies);
    v1_spi_put(data, seq);
    v1_send_notify(e, sa, PLD1_PROTO_ISAKMP, (struct slice){cookies, sizeof cookies}, type,
                   (struct slice){data, sizeof data});
}

void v1_dpd_ask(struct ike *e, struct ike_sa *sa)
{
    struct v1_dpd *dpd = &v1_of(sa)->dpd;
    if (!v1_of(sa)->peer.dpd)
        return;
    dpd->seq_out++; /* RFC 3706 6.3: each message one more */
    dpd->unanswered++;
    e->counters.dpd_sent++;
    send(e, sa, PLD1_N_R_U_THERE, dpd->seq_out);
}

static void probe(struct ike *e, struct ike_sa *sa, const struct cfg_dpd *d)
{
    struct v1_dpd *dpd = &v1_of(sa)->dpd;
    dpd->at = ike_now(e) + d->retry_s * 1000ull;
    ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "sending DPD R-U-THERE, seq 0x%x, attempt %u of %u",
            dpd->seq_out + 1, dpd->unanswered + 1, (unsigned)V1_DPD_RETRIES);
    v1_dpd_ask(e, sa);
}

void v1_dpd_due(struct ike *e, struct ike_sa *sa)
{
    struct v1_dpd *dpd = &v1_of(sa)->dpd;
    char peer[IP_TEXT_MAX];
    dpd->at = UINT64_MAX;
    if (!wanted(e, sa))
        return;
    struct cfg_dpd d = conf(e, sa);
    struct ike_heard h = ike_last_heard(e, sa);
    uint64_t now = ike_now(e), interval = d.interval_s * 1000ull;
    if (now - h.at < (dpd->unanswered ? d.retry_s * 1000ull : interval)) { /* ESP is a sign of life as well */
        dpd->unanswered = 0;
        dpd->at = h.at + interval;
        dpd->sent_packets = h.sent_packets;
        if (!d.periodic && dpd->at > now + IDLE_POLL_MS)
            dpd->at = now + IDLE_POLL_MS; /* keeps the packet count near the last sign of life */
        return;
    }
    if (dpd->unanswered >= V1_DPD_RETRIES) {
        e->counters.dpd_dead++;
        ike_sa_remove(e, sa, IKE_REASON_DPD_DEAD, "%s did not answer %u probes",
                      ip_endpoint_text(&sa->remote, peer), dpd->unanswered);
        return;
    }
    if (!dpd->unanswered && !d.periodic && h.sent_packets <= dpd->sent_packets) {
        dpd->at = now + (interval < IDLE_POLL_MS ? interval : IDLE_POLL_MS);
        return;
    }
    probe(e, sa, &d);
}

/* RFC 3706 6.2: an ACK repeats the number of a message that was sent and not answered. */
static bool ack_in(struct ike *e, struct ike_sa *sa, uint32_t seq)
{
    struct v1_dpd *dpd = &v1_of(sa)->dpd;
    if (seq > dpd->seq_out || dpd->seq_out - seq >= dpd->unanswered) {
        ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "DPD R-U-THERE-ACK with seq 0x%x, 0x%x was sent: ignored",
                seq, dpd->seq_out);
        return false;
    }
    ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "DPD R-U-THERE-ACK received, seq 0x%x", seq);
    dpd->unanswered = 0;
    return true;
}

/* RFC 3706 6.3: a number that was passed is a replay. The last one itself may come again in a new message. */
static bool query_in(struct ike *e, struct ike_sa *sa, uint32_t seq)
{
    struct v1_dpd *dpd = &v1_of(sa)->dpd;
    if (seq >= dpd->seq_first && seq <= dpd->seq_out) {
        ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "DPD R-U-THERE with a seq of our own, 0x%x: ignored", seq);
        return false;
    }
    if (dpd->seq_in_set && seq < dpd->seq_in) {
        ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "DPD R-U-THERE with stale seq 0x%x, 0x%x was seen: ignored",
                seq, dpd->seq_in);
        return false;
    }
    bool fresh = !dpd->seq_in_set || seq > dpd->seq_in;
    dpd->seq_in = seq;
    dpd->seq_in_set = true;
    ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "DPD R-U-THERE received, sending ACK, seq 0x%x", seq);
    send(e, sa, PLD1_N_R_U_THERE_ACK, seq);
    return fresh;
}

bool v1_dpd_in(struct ike *e, struct ike_sa *sa, const struct pld1_notify *n)
{
    uint8_t cookies[2 * PLD1_COOKIE_LEN];
    uint32_t seq;
    struct buf_reader r = buf_reader_init(n->data.p, n->data.n);
    v1_cookies(sa, cookies);
    if (n->spi.n != sizeof cookies || !secret_equal(n->spi.p, cookies, sizeof cookies)) { /* RFC 3706 6.2 */
        ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "DPD notify with the cookies of another SA: ignored");
        return false;
    }
    if (!buf_u32(&r, &seq) || buf_left(&r) != 0)
        return false;
    return n->type == PLD1_N_R_U_THERE_ACK ? ack_in(e, sa, seq) : query_in(e, sa, seq);
}
