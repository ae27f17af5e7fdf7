/* A datagram's first steps: long enough, which version, a private copy. Nothing is kept of what goes wrong here. */
#include "control/ike/ike_core.h"

#include "common/secret.h"
#include "control/codec/pld.h"
#include "control/ike/ike_dispatch.h"

#include <stdlib.h>
#include <string.h>

enum { AT_VERSION = 17, AT_EXCHANGE = 18, AT_FLAGS = 19, AT_MESSAGE_ID = 20, OUR_VERSION = 0x20 };

/* RFC 7296 2.5: a request of a later major version is answered with ours, unprotected. */
static void refuse_version(struct ike *e, const struct ike_datagram *d)
{
    uint8_t out[64], version = OUR_VERSION;
    struct buf_writer w = buf_writer_init(out, sizeof out);
    struct buf_reader r = buf_reader_init(d->data, d->len);
    struct pld_header h = {
        .version = OUR_VERSION, .exchange = d->data[AT_EXCHANGE], .flags = PLD_FLAG_RESPONSE};
    struct pld_builder b;
    if (d->data[AT_FLAGS] & PLD_FLAG_RESPONSE || !log_limit_ok(&e->answer_limit, ike_now(e)))
        return;
    if (!buf_bytes(&r, h.spi_i, 8) || !buf_bytes(&r, h.spi_r, 8) || !buf_skip(&r, 4) ||
        !buf_u32(&r, &h.message_id))
        return;
    pld_begin(&b, &w, &h);
    pld_put_notify(&b, PLD_PROTO_NONE, (struct slice){0}, PLD_N_INVALID_MAJOR_VERSION,
                   (struct slice){&version, 1});
    pld_end(&b);
    if (!w.bad)
        ike_send_back(e, d, out, w.len);
}

static const struct ike_version_ops *ops_of(const struct ike *e, unsigned major)
{
    for (unsigned i = 0; i < sizeof e->versions / sizeof *e->versions && e->versions[i]; i++)
        if (e->versions[i]->version == major)
            return e->versions[i];
    return NULL;
}

/* Whoever it is from: for diagnosis alone. */
static void heard(struct ike *e, const struct ike_datagram *d)
{
    struct ike_sa *sa = ike_sa_by_spi(e, d->data);
    if (!sa)
        sa = ike_sa_by_spi(e, d->data + PLD_SPI_LEN);
    if (!sa)
        return;
    sa->heard = true;
    sa->heard_natt = sa->heard_natt || d->natt;
    if (d->natt || !sa->natt) /* an echo of what was before the float to port 4500 says nothing about that */
        sa->sent_unheard = 0;
}

void ike_datagram_in(struct ike *e, const struct ike_datagram *d)
{
    e->counters.datagrams_in++;
    e->in = NULL;
    if (d->len < PLD_HEADER_LEN || d->len > IKE_DATAGRAM_MAX) {
        e->counters.bad_header++;
        ike_log_unauth(e, &d->remote, "datagram of %zu octets dropped", d->len);
        return;
    }
    unsigned major = d->data[AT_VERSION] >> 4;
    const struct ike_version_ops *ops = ops_of(e, major);
    e->in = d;
    if (!ops) {
        e->counters.bad_version++;
        ike_log_unauth(e, &d->remote, "IKE major version %u is not served", major);
        if (major > 2)
            refuse_version(e, d);
        e->in = NULL;
        return;
    }
    uint8_t *copy = slice_dup((struct slice){d->data, d->len});
    if (copy) {
        heard(e, d);
        ops->datagram(e, d, copy, d->len);
    }
    e->in = NULL;
    if (!copy)
        return;
    secret_wipe(copy, d->len); /* decrypted in place */
    free(copy);
    ike_sessions_run(e);
    ike_reap(e);
}
