/* Which payload may stand in which IKEv1 message (RFC 2409 5.1, 5.4, 5.5, 5.7; RFC 2408 3.1; RFC 3947 3.2, 5.2). */
#include "control/codec/pld1.h"
#include "control/codec/pld1_wire.h"

#include <string.h>

enum { MANY = PLD1_MAX_PAYLOADS, PORT_IKE = 500, PORT_NAT_T = 4500, UDP = 17 };
enum encryption { CLEAR, ENCRYPTED, EITHER };

/* PLD1_NAT_D and PLD1_NAT_OA stand for the drafts' numbers, too. */
struct rule {
    uint8_t type;
    uint8_t min, max;
};

static const struct rule sa_request[] = {{PLD1_SA, 1, 1}, {PLD1_CERTREQ, 0, MANY}, {PLD1_VENDOR, 0, MANY}};
static const struct rule main_ke[] = {{PLD1_KE, 1, 1},         {PLD1_NONCE, 1, 1},
                                      {PLD1_CERTREQ, 0, MANY}, {PLD1_CERT, 0, MANY},
                                      {PLD1_VENDOR, 0, MANY},  {PLD1_NAT_D, 0, PLD1_MAX_NAT_D}};
static const struct rule main_id[] = {{PLD1_ID, 1, 1},       {PLD1_HASH, 0, 1},       {PLD1_SIG, 0, 1},
                                      {PLD1_CERT, 0, MANY},  {PLD1_CERTREQ, 0, MANY}, {PLD1_NOTIFY, 0, MANY},
                                      {PLD1_VENDOR, 0, MANY}};
static const struct rule aggressive_1[] = {{PLD1_SA, 1, 1}, {PLD1_KE, 1, 1},         {PLD1_NONCE, 1, 1},
                                           {PLD1_ID, 1, 1}, {PLD1_CERTREQ, 0, MANY}, {PLD1_VENDOR, 0, MANY}};
static const struct rule aggressive_2[] = {{PLD1_SA, 1, 1},        {PLD1_KE, 1, 1},
                                           {PLD1_NONCE, 1, 1},     {PLD1_ID, 1, 1},
                                           {PLD1_HASH, 0, 1},      {PLD1_SIG, 0, 1},
                                           {PLD1_CERT, 0, MANY},   {PLD1_CERTREQ, 0, MANY},
                                           {PLD1_VENDOR, 0, MANY}, {PLD1_NAT_D, 0, PLD1_MAX_NAT_D}};
static const struct rule aggressive_3[] = {{PLD1_HASH, 0, 1},      {PLD1_SIG, 0, 1},
                                           {PLD1_CERT, 0, MANY},   {PLD1_NOTIFY, 0, MANY},
                                           {PLD1_VENDOR, 0, MANY}, {PLD1_NAT_D, 0, PLD1_MAX_NAT_D}};
static const struct rule quick_sa[] = {{PLD1_HASH, 1, 1},      {PLD1_SA, 1, 1},
                                       {PLD1_NONCE, 1, 1},     {PLD1_KE, 0, 1},
                                       {PLD1_ID, 0, 2},        {PLD1_NAT_OA, 0, PLD1_MAX_NAT_OA},
                                       {PLD1_NOTIFY, 0, MANY}, {PLD1_VENDOR, 0, MANY}};
static const struct rule quick_3[] = {{PLD1_HASH, 1, 1}, {PLD1_NOTIFY, 0, MANY}, {PLD1_VENDOR, 0, MANY}};
/* With the commit bit the responder ends Quick Mode (RFC 2408 3.1). */
static const struct rule quick_4[] = {{PLD1_HASH, 1, 1}, {PLD1_NOTIFY, 1, MANY}, {PLD1_VENDOR, 0, MANY}};
static const struct rule informational[] = {
    {PLD1_HASH, 0, 1}, {PLD1_NOTIFY, 0, MANY}, {PLD1_DELETE, 0, PLD1_MAX_DELETES}, {PLD1_VENDOR, 0, MANY}};

struct row {
    uint8_t exchange;
    uint8_t number;
    uint8_t encrypted; /* enum encryption */
    uint8_t first;     /* the payload that must come first; 0: any */
    bool proves;       /* exactly one of HASH and SIG stands in it */
    bool chooses;      /* its SA payload is an answer */
    const struct rule *rules;
    size_t count;
};
#define ROW(exchange, number, encrypted, first, proves, chooses, rules)                                      \
    {                                                                                                        \
        exchange, number, encrypted, first, proves, chooses, rules, sizeof(rules) / sizeof *(rules)          \
    }
static const struct row rows[] = {
    ROW(PLD1_MAIN, 1, CLEAR, PLD1_SA, false, false, sa_request),
    ROW(PLD1_MAIN, 2, CLEAR, PLD1_SA, false, true, sa_request),
    ROW(PLD1_MAIN, 3, CLEAR, 0, false, false, main_ke),
    ROW(PLD1_MAIN, 4, CLEAR, 0, false, false, main_ke),
    ROW(PLD1_MAIN, 5, ENCRYPTED, 0, true, false, main_id),
    ROW(PLD1_MAIN, 6, ENCRYPTED, 0, true, false, main_id),
    ROW(PLD1_AGGRESSIVE, 1, CLEAR, PLD1_SA, false, false, aggressive_1),
    ROW(PLD1_AGGRESSIVE, 2, CLEAR, PLD1_SA, true, true, aggressive_2),
    ROW(PLD1_AGGRESSIVE, 3, EITHER, 0, true, false, aggressive_3),
    ROW(PLD1_QUICK, 1, ENCRYPTED, PLD1_HASH, false, false, quick_sa),
    ROW(PLD1_QUICK, 2, ENCRYPTED, PLD1_HASH, false, true, quick_sa),
    ROW(PLD1_QUICK, 3, ENCRYPTED, PLD1_HASH, false, false, quick_3),
    ROW(PLD1_QUICK, 4, ENCRYPTED, PLD1_HASH, false, false, quick_4),
    ROW(PLD1_INFORMATIONAL, 1, EITHER, 0, false, false, informational),
};

static const struct row *row_of(const struct pld1_message *m, unsigned number)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].exchange == m->header.exchange && rows[i].number == number)
            return &rows[i];
    return NULL;
}

static uint8_t plain_type(uint8_t type)
{
    return type == PLD1_NAT_D_DRAFT ? PLD1_NAT_D : type == PLD1_NAT_OA_DRAFT ? PLD1_NAT_OA : type;
}

static unsigned count_of(const struct pld1_message *m, uint8_t type)
{
    unsigned n = 0;
    for (unsigned i = 0; i < m->payload_count; i++)
        n += plain_type(m->order[i]) == type;
    return n;
}

static const char *check_counts(const struct pld1_message *m, const struct row *row)
{
    unsigned allowed = 0;
    for (size_t i = 0; i < row->count; i++) {
        unsigned n = count_of(m, row->rules[i].type);
        if (n < row->rules[i].min)
            return "a payload is missing that this message must have";
        if (n > row->rules[i].max)
            return "a payload stands too often in this message";
        allowed += n;
    }
    if (allowed != m->payload_count)
        return "a payload does not belong into this message";
    if (row->first && m->order[0] != row->first) /* RFC 2409 5, 5.5 */
        return "SA or HASH is not the first payload";
    if (row->proves && count_of(m, PLD1_HASH) + count_of(m, PLD1_SIG) != 1)
        return "not exactly one of HASH and SIG";
    return NULL;
}

static bool zero_responder_cookie(const struct pld1_message *m)
{
    static const uint8_t zero[PLD1_COOKIE_LEN];
    return memcmp(m->header.spi_r, zero, sizeof zero) == 0;
}

static const char *check_header(const struct pld1_message *m, const struct row *row)
{
    bool phase1 = row->exchange == PLD1_MAIN || row->exchange == PLD1_AGGRESSIVE,
         encrypted = m->header.flags & PLD1_FLAG_ENCRYPTION;
    if (row->encrypted != EITHER && encrypted != (row->encrypted == ENCRYPTED))
        return encrypted ? "message is encrypted that must not be" : "message is not encrypted";
    if (phase1 && m->header.message_id != 0) /* RFC 2408 3.1 */
        return "message ID in phase 1";
    if (!phase1 && encrypted && m->header.message_id == 0)
        return "no message ID in phase 2";
    if (phase1 && row->number == 1)
        return zero_responder_cookie(m) ? NULL : "responder cookie in the first message"; /* RFC 2408 3.1 */
    bool early =
        row->exchange == PLD1_INFORMATIONAL && !encrypted; /* may come before the responder has a cookie */
    return zero_responder_cookie(m) && !early ? "responder cookie is zero" : NULL;
}

/* RFC 2409 5: phase 1 offers one proposal of ISAKMP, Quick Mode anything else; an answer is one transform of each
 * protocol of one proposal number. */
static const char *check_sa(const struct pld1_message *m, const struct row *row)
{
    const struct pld1_sa *sa = &m->sa;
    bool phase1 = row->exchange != PLD1_QUICK;
    if (phase1 && sa->proposal_count > 1)
        return "several proposals in phase 1";
    for (unsigned i = 0; i < sa->proposal_count; i++) {
        const struct pld1_proposal *p = &sa->proposals[i];
        if ((p->proto == PLD1_PROTO_ISAKMP) != phase1)
            return "proposal of a protocol that this exchange does not make";
        if (row->chooses && (p->count != 1 || p->number != sa->proposals[0].number))
            return "answer with several proposals or transforms";
    }
    return NULL;
}

/* RFC 2407 4.6.2: phase 1 has nothing or UDP port 500; RFC 3947 4 lets port 0 stand, and some send 4500. */
static const char *check_phase1_id(const struct pld1_id *id)
{
    bool nothing = id->proto == 0 && id->port == 0,
         ike = id->proto == UDP && (id->port == 0 || id->port == PORT_IKE || id->port == PORT_NAT_T);
    return nothing || ike ? NULL : "ID: protocol and port are neither zero nor IKE's";
}

static const char *check_ids(const struct pld1_message *m, const struct row *row)
{
    if (row->exchange == PLD1_QUICK)
        return m->id_count == 1 ? "one client ID without the other" : NULL;
    return m->id_count ? check_phase1_id(&m->ids[0]) : NULL;
}

/* RFC 2409 5.7: with keys there is a HASH, and first; without there is nothing to prove, or to delete. */
static const char *check_informational(const struct pld1_message *m)
{
    bool encrypted = m->header.flags & PLD1_FLAG_ENCRYPTION;
    if (m->notify_count + m->delete_count == 0)
        return "neither NOTIFY nor DELETE";
    if (encrypted)
        return m->order[0] == PLD1_HASH ? NULL : "HASH is not the first payload";
    return m->hash.n || m->delete_count ? "HASH or DELETE without encryption" : NULL;
}

static const char *check_nat(const struct pld1_message *m)
{
    bool drafts = false, numbers = false;
    for (unsigned i = 0; i < m->payload_count; i++) {
        drafts |= m->order[i] == PLD1_NAT_D_DRAFT || m->order[i] == PLD1_NAT_OA_DRAFT;
        numbers |= m->order[i] == PLD1_NAT_D || m->order[i] == PLD1_NAT_OA;
    }
    if (drafts && numbers)
        return "NAT payloads of the RFC and of a draft in one message";
    return m->nat_d_count == 1 ? "one NAT-D payload alone" : NULL;
}

static const char *check(const struct pld1_message *m, unsigned number)
{
    const struct row *row = row_of(m, number);
    if (m->fragment.number)
        return "a fragment is no message";
    if (!row || m->payload_count == 0)
        return "no such message in this exchange";
    const char *bad = check_header(m, row);
    if (!bad)
        bad = check_counts(m, row);
    if (!bad && m->sa.proposal_count)
        bad = check_sa(m, row);
    if (!bad)
        bad = check_ids(m, row);
    if (!bad)
        bad = check_nat(m);
    if (!bad && row->exchange == PLD1_INFORMATIONAL)
        bad = check_informational(m);
    return bad;
}

cv_result pld1_check_rules(const struct pld1_message *m, unsigned number, const char **err)
{
    const char *bad = check(m, number);
    if (err)
        *err = bad;
    return bad ? CV_EINVAL : CV_OK;
}
