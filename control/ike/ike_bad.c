/* Packets that an inbound SA dropped: a line in the log of each that the data plane tells of, few by its own limits (RFC 4301 5.2, RFC 4303
 * 3.4.3, 3.4.4); and the peer is told of one that its selectors do not have (RFC 7296 3.10.1). */
#include "control/ike/ike_core.h"

#include <stdio.h>

enum { TELL_EACH_MS = 10000 };

static const char *end_text(const struct ip_endpoint *e, char *out)
{
    return e->port ? ip_endpoint_text(e, out) : ip_addr_text(&e->addr, out);
}

static void log_it(struct ike *e, const struct ike_sa *sa, const struct sam_child *c,
                   const struct cv_bad_packet *bad)
{
    char from[IP_TEXT_MAX], to[IP_TEXT_MAX], number[32] = "of an unknown number";
    const char *word = !c ? "ESP or AH" : sam_is_ah(c) ? "AH" : "ESP";
    const enum cv_drop why = (enum cv_drop)bad->sa.reason;
    if (bad->seen)
        snprintf(number, sizeof number, "number %u", bad->seq);
    ike_log(e, sa, LOG_LEVEL_INFO, "ipsec", "%s of SPI 0x%08x, %s, from %s to %s, of %s, is dropped: %s (%s)",
            word, bad->sa.ref.spi, number, end_text(&bad->sa.remote, from), end_text(&bad->sa.local, to),
            c ? c->interface : "an SA that is no more", cv_drop_text(why), cv_drop_name(why));
}

static void tell_peer(struct ike *e, struct ike_sa *sa, const struct sam_child *c,
                      const struct cv_bad_packet *bad)
{
    const uint64_t now = ike_now(e);
    if (bad->sa.reason != CV_DROP_TS_IN || bad->quoted_len == 0 || bad->quoted_len > CV_BAD_QUOTED ||
        !sa->established || !sa->ops->invalid_selectors ||
        (sa->selectors_told_ms && now - sa->selectors_told_ms < TELL_EACH_MS))
        return;
    sa->selectors_told_ms = now;
    sa->ops->invalid_selectors(e, sa, c, (struct slice){bad->quoted, bad->quoted_len});
}

void ike_bad_packet(struct ike *e, const struct cv_bad_packet *bad)
{
    const struct sam_child *c = sam_child_by_spi_in(e->sam, bad->sa.ref.spi);
    struct ike_sa *sa = c ? ike_sa_by_conn(e, c->owner) : NULL;
    log_it(e, sa, c, bad);
    if (sa)
        tell_peer(e, sa, c, bad);
}
