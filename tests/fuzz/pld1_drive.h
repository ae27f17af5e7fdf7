/* pld1_drive: runs the whole IKEv1 codec over bytes and touches every octet that it points to; abort() where a decoded
 * message breaks a promise of pld1.h. What an encrypted message carries is given in the clear. */
#ifndef TESTS_FUZZ_PLD1_DRIVE_H
#define TESTS_FUZZ_PLD1_DRIVE_H

#include "control/codec/pld1.h"
#include "tests/fuzz/pld_drive.h"

enum { DRIVE1_MESSAGES = 6 };

static inline unsigned drive1_sa(const uint8_t *bytes, size_t len, const struct pld1_sa *sa)
{
    unsigned sum = drive_touch(bytes, len, sa->body), next = 0;
    DRIVE_MUST(sa->proposal_count <= PLD1_MAX_PROPOSALS && sa->transform_count <= PLD1_MAX_TRANSFORMS);
    for (unsigned i = 0; i < sa->proposal_count; i++) {
        const struct pld1_proposal *p = &sa->proposals[i];
        DRIVE_MUST(p->first == next && p->count > 0);
        next += p->count;
        sum += drive_touch(bytes, len, p->spi);
    }
    DRIVE_MUST(next == sa->transform_count);
    for (unsigned i = 0; i < sa->transform_count; i++)
        sum += drive_touch(bytes, len, sa->transforms[i].attributes);
    return sum;
}

static inline unsigned drive1_ids(const uint8_t *bytes, size_t len, const struct pld1_message *m)
{
    unsigned sum = 0;
    struct ts t;
    DRIVE_MUST(m->id_count <= PLD1_MAX_IDS);
    for (unsigned i = 0; i < m->id_count; i++) {
        sum += drive_touch(bytes, len, m->ids[i].data) + drive_touch(bytes, len, m->ids[i].body);
        DRIVE_MUST(m->ids[i].data.n > 0 && m->ids[i].body.n == m->ids[i].data.n + 4);
        if (pld1_id_selector(&m->ids[i], &t) == CV_OK)
            DRIVE_MUST(ts_valid(&t));
    }
    return sum;
}

static inline unsigned drive1_lists(const uint8_t *bytes, size_t len, const struct pld1_message *m)
{
    unsigned sum = 0;
    struct pld1_life life;
    DRIVE_MUST(m->notify_count <= PLD1_MAX_NOTIFIES && m->delete_count <= PLD1_MAX_DELETES);
    DRIVE_MUST(m->cert_count <= PLD1_MAX_CERTS && m->certreq_count <= PLD1_MAX_CERTS);
    DRIVE_MUST(m->vendor_count <= PLD1_MAX_VENDORS && m->nat_d_count <= PLD1_MAX_NAT_D);
    DRIVE_MUST(m->nat_oa_count <= PLD1_MAX_NAT_OA && m->payload_count <= PLD1_MAX_PAYLOADS);
    for (unsigned i = 0; i < m->notify_count; i++) {
        sum += drive_touch(bytes, len, m->notifies[i].spi) + drive_touch(bytes, len, m->notifies[i].data);
        if (pld1_notify_life(&m->notifies[i], &life) == CV_OK)
            DRIVE_MUST(life.seconds || life.kilobytes);
    }
    for (unsigned i = 0; i < m->delete_count; i++) {
        DRIVE_MUST(m->deletes[i].count > 0 &&
                   m->deletes[i].spis.n == (size_t)m->deletes[i].count * m->deletes[i].spi_len);
        sum += drive_touch(bytes, len, m->deletes[i].spis);
    }
    for (unsigned i = 0; i < m->cert_count; i++)
        sum += drive_touch(bytes, len, m->certs[i].data);
    for (unsigned i = 0; i < m->certreq_count; i++)
        sum += drive_touch(bytes, len, m->certreqs[i].data);
    for (unsigned i = 0; i < m->vendor_count; i++)
        sum += drive_touch(bytes, len, m->vendors[i]);
    for (unsigned i = 0; i < m->nat_d_count; i++)
        sum += drive_touch(bytes, len, m->nat_d[i]);
    for (unsigned i = 0; i < m->nat_oa_count; i++)
        DRIVE_MUST(ip_addr_len(&m->nat_oa[i]) > 0);
    return sum;
}

/* The length field is believed to be right: a message whose length is wrong ends at once and shows nothing. Returns how
 * far the bytes came: 0 header refused, 1 chain refused, 2 a fragment, 3 refused by the rules as any message of its
 * exchange, 4 all accepted. */
static inline int pld1_drive(uint8_t *bytes, size_t len)
{
    static struct pld1_message m;
    const char *err = NULL;
    if (len >= PLD_HEADER_LEN)
        for (unsigned i = 0; i < 4; i++)
            bytes[24 + i] = (uint8_t)(len >> (24 - 8 * i));
    cv_result r = pld1_header(bytes, len, &m.header, &err);
    DRIVE_MUST((r == CV_OK) == (err == NULL));
    if (r != CV_OK)
        return 0;
    bool encrypted = m.header.flags & PLD1_FLAG_ENCRYPTION;
    r = encrypted ? pld1_inner((struct slice){bytes + PLD_HEADER_LEN, len - PLD_HEADER_LEN}, &m, &err)
                  : pld1_outer(bytes, len, &m, &err);
    DRIVE_MUST((r == CV_OK) == (err == NULL) && (r == CV_OK) == (m.fault == PLD1_FAULT_NONE));
    if (r != CV_OK)
        return 1;
    unsigned sum = drive1_sa(bytes, len, &m.sa) + drive1_lists(bytes, len, &m) + drive1_ids(bytes, len, &m);
    const struct slice singles[] = {m.ke, m.nonce, m.hash, m.sig, m.after_hash, m.fragment.data, m.padding};
    for (size_t i = 0; i < sizeof singles / sizeof *singles; i++)
        sum += drive_touch(bytes, len, singles[i]);
    __asm__ volatile("" : : "r"(sum)); /* the reads are not to be optimised away */
    bool accepted = false;
    for (unsigned n = 0; n <= DRIVE1_MESSAGES; n++) {
        r = pld1_check_rules(&m, n, &err);
        DRIVE_MUST((r == CV_OK) == (err == NULL) && (n > 0 || r != CV_OK));
        accepted |= r == CV_OK;
    }
    if (m.fragment.number) {
        DRIVE_MUST(!accepted && m.fragment.data.n > 0);
        return 2;
    }
    return accepted ? 4 : 3;
}

#endif
