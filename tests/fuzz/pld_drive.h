/* pld_drive: runs the whole codec over bytes and touches every octet that it points to, so that a view which leaves the
 * datagram is a sanitizer error; abort() where a decoded message breaks a promise of pld.h. */
#ifndef TESTS_FUZZ_PLD_DRIVE_H
#define TESTS_FUZZ_PLD_DRIVE_H

#include "control/codec/pld.h"

#include <stdio.h>
#include <stdlib.h>

static inline void drive_must(bool ok, const char *promise)
{
    if (!ok) {
        fprintf(stderr, "broken promise: %s\n", promise);
        abort();
    }
}
#define DRIVE_MUST(cond) drive_must((cond), #cond)

/* Inside of the datagram, and readable to its last octet. */
static inline unsigned drive_touch(const uint8_t *bytes, size_t len, struct slice s)
{
    unsigned sum = 0;
    DRIVE_MUST(s.n == 0 || (s.p >= bytes && s.n <= len && s.p - bytes <= (ptrdiff_t)(len - s.n)));
    for (size_t i = 0; i < s.n; i++)
        sum += s.p[i];
    return sum;
}

static inline unsigned drive_lists(const uint8_t *bytes, size_t len, const struct pld_message *m)
{
    unsigned sum = 0;
    DRIVE_MUST(m->notify_count <= PLD_MAX_NOTIFIES && m->delete_count <= PLD_MAX_DELETES);
    DRIVE_MUST(m->cert_count <= PLD_MAX_CERTS && m->certreq_count <= PLD_MAX_CERTS);
    DRIVE_MUST(m->vendor_count <= PLD_MAX_VENDORS && m->payload_count <= PLD_MAX_PAYLOADS);
    for (unsigned i = 0; i < m->notify_count; i++) {
        sum += drive_touch(bytes, len, m->notifies[i].spi) + drive_touch(bytes, len, m->notifies[i].data);
        if (m->notifies[i].type == PLD_N_REKEY_SA)
            DRIVE_MUST(m->notifies[i].spi.n == 4);
    }
    for (unsigned i = 0; i < m->delete_count; i++) {
        DRIVE_MUST(m->deletes[i].spis.n == (size_t)m->deletes[i].count * m->deletes[i].spi_len);
        sum += drive_touch(bytes, len, m->deletes[i].spis);
    }
    for (unsigned i = 0; i < m->cert_count; i++)
        sum += drive_touch(bytes, len, m->certs[i].data);
    for (unsigned i = 0; i < m->certreq_count; i++)
        sum += drive_touch(bytes, len, m->certreqs[i].data);
    for (unsigned i = 0; i < m->vendor_count; i++)
        sum += drive_touch(bytes, len, m->vendors[i]);
    return sum;
}

static inline unsigned drive_sa(const uint8_t *bytes, size_t len, const struct pld_sa *sa)
{
    unsigned sum = 0, next = 0;
    DRIVE_MUST(sa->proposal_count <= PLD_MAX_PROPOSALS && sa->transform_count <= PLD_MAX_TRANSFORMS);
    for (unsigned i = 0; i < sa->proposal_count; i++) {
        const struct pld_proposal *p = &sa->proposals[i];
        DRIVE_MUST(p->first == next && p->count > 0);
        next += p->count;
        sum += drive_touch(bytes, len, p->spi);
    }
    DRIVE_MUST(next == sa->transform_count);
    return sum;
}

static inline unsigned drive_selectors(const struct pld_ts_list *list)
{
    DRIVE_MUST(list->count <= PLD_MAX_TS);
    for (unsigned i = 0; i < list->count; i++)
        DRIVE_MUST(ts_valid(&list->ts[i]));
    return list->count;
}

static inline unsigned drive_message(const uint8_t *bytes, size_t len, const struct pld_message *m)
{
    unsigned sum = drive_lists(bytes, len, m) + drive_sa(bytes, len, &m->sa);
    const struct slice singles[] = {m->ke.data,  m->nonce,     m->idi.data, m->idi.body, m->idr.data,
                                    m->idr.body, m->auth.data, m->cp,       m->eap};
    for (size_t i = 0; i < sizeof singles / sizeof *singles; i++)
        sum += drive_touch(bytes, len, singles[i]);
    if (m->present & PLD_BIT(PLD_AUTH))
        DRIVE_MUST(m->auth.data.n > 0);
    if (m->present & PLD_BIT(PLD_NONCE))
        DRIVE_MUST(m->nonce.n >= PLD_NONCE_MIN && m->nonce.n <= PLD_NONCE_MAX);
    if (m->present & PLD_BIT(PLD_SA))
        DRIVE_MUST(m->sa.proposal_count > 0);
    return sum + drive_selectors(&m->tsi) + drive_selectors(&m->tsr);
}

/* The length field is believed to be right: a message whose length is wrong ends at once and shows nothing. Returns how
 * far the bytes came: 0 header refused, 1 outer, 2 inner, 3 rules, 4 all accepted. */
static inline int pld_drive(uint8_t *bytes, size_t len)
{
    static struct pld_message m;
    const char *err = NULL;
    if (len >= PLD_HEADER_LEN)
        for (unsigned i = 0; i < 4; i++)
            bytes[24 + i] = (uint8_t)(len >> (24 - 8 * i));
    cv_result r = pld_header(bytes, len, &m.header, &err);
    DRIVE_MUST((r == CV_OK) == (err == NULL));
    if (r != CV_OK)
        return 0;
    r = pld_outer(bytes, len, &m, &err);
    DRIVE_MUST((r == CV_OK) == (err == NULL));
    if (r != CV_OK)
        return 1;
    if (m.present & (PLD_BIT(PLD_SK) | PLD_BIT(PLD_SKF))) {
        DRIVE_MUST(m.sk_body > PLD_HEADER_LEN && m.sk_body < len);
        r = pld_inner((struct slice){bytes + m.sk_body, len - m.sk_body}, m.sk_next, &m, &err);
        DRIVE_MUST((r == CV_OK) == (err == NULL));
        if (r != CV_OK)
            return 2;
    }
    unsigned sum = drive_message(bytes, len, &m);
    __asm__ volatile("" : : "r"(sum)); /* the reads are not to be optimised away */
    r = pld_check_rules(&m, &err);
    DRIVE_MUST((r == CV_OK) == (err == NULL));
    return r == CV_OK ? 4 : 3;
}

#endif
