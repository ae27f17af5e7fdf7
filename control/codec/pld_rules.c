/* Which payload may stand in which message, how often (RFC 7296 1.2 to 1.4, 2.23, 3.16, Appendix C). */
#include "control/codec/pld.h"

#include <stddef.h>

enum { MANY = PLD_MAX_PAYLOADS, FIRST_AUTH_MESSAGE_ID = 1 };

struct rule {
    uint8_t type;
    uint8_t min, max;
};

static const struct rule init_request[] = {
    {PLD_SA, 1, 1}, {PLD_KE, 1, 1}, {PLD_NONCE, 1, 1}, {PLD_NOTIFY, 0, MANY}, {PLD_VENDOR, 0, MANY},
};
static const struct rule init_response[] = {
    {PLD_SA, 1, 1},         {PLD_KE, 1, 1},        {PLD_NONCE, 1, 1},
    {PLD_CERTREQ, 0, MANY}, {PLD_NOTIFY, 0, MANY}, {PLD_VENDOR, 0, MANY},
};
static const struct rule auth_request[] = {
    {PLD_IDI, 1, 1},  {PLD_CERT, 0, MANY},   {PLD_CERTREQ, 0, MANY}, {PLD_IDR, 0, 1},
    {PLD_AUTH, 0, 1}, {PLD_CP, 0, 1},        {PLD_SA, 0, 1},         {PLD_TSI, 0, 1},
    {PLD_TSR, 0, 1},  {PLD_NOTIFY, 0, MANY}, {PLD_VENDOR, 0, MANY},
};
static const struct rule auth_response[] = {
    {PLD_IDR, 1, 1}, {PLD_CERT, 0, MANY}, {PLD_AUTH, 0, 1}, {PLD_EAP, 0, 1},       {PLD_CP, 0, 1},
    {PLD_SA, 0, 1},  {PLD_TSI, 0, 1},     {PLD_TSR, 0, 1},  {PLD_NOTIFY, 0, MANY}, {PLD_VENDOR, 0, MANY},
};
/* Later rounds of IKE_AUTH carry EAP, then AUTH alone (RFC 7296 2.16). */
static const struct rule eap_request[] = {
    {PLD_EAP, 0, 1},
    {PLD_AUTH, 0, 1},
    {PLD_NOTIFY, 0, MANY},
    {PLD_VENDOR, 0, MANY},
};
static const struct rule eap_response[] = {
    {PLD_EAP, 0, 1}, {PLD_AUTH, 0, 1}, {PLD_CP, 0, 1},        {PLD_SA, 0, 1},
    {PLD_TSI, 0, 1}, {PLD_TSR, 0, 1},  {PLD_NOTIFY, 0, MANY}, {PLD_VENDOR, 0, MANY},
};
static const struct rule child_either[] = {
    {PLD_SA, 1, 1},  {PLD_NONCE, 1, 1}, {PLD_KE, 0, 1},        {PLD_TSI, 0, 1},
    {PLD_TSR, 0, 1}, {PLD_CP, 0, 1},    {PLD_NOTIFY, 0, MANY}, {PLD_VENDOR, 0, MANY},
};
static const struct rule informational_either[] = {
    {PLD_NOTIFY, 0, MANY},
    {PLD_DELETE, 0, PLD_MAX_DELETES},
    {PLD_CP, 0, 1},
    {PLD_VENDOR, 0, MANY},
};

struct row {
    uint8_t exchange;
    bool response, later; /* later: not the first round of IKE_AUTH */
    const struct rule *rules;
    size_t count;
};
#define ROW(exchange, response, later, rules)                                                                \
    {                                                                                                        \
        exchange, response, later, rules, sizeof(rules) / sizeof *(rules)                                    \
    }
static const struct row rows[] = {
    ROW(PLD_IKE_SA_INIT, false, false, init_request),
    ROW(PLD_IKE_SA_INIT, true, false, init_response),
    ROW(PLD_IKE_AUTH, false, false, auth_request),
    ROW(PLD_IKE_AUTH, true, false, auth_response),
    ROW(PLD_IKE_AUTH, false, true, eap_request),
    ROW(PLD_IKE_AUTH, true, true, eap_response),
    ROW(PLD_CREATE_CHILD_SA, false, false, child_either),
    ROW(PLD_CREATE_CHILD_SA, true, false, child_either),
    ROW(PLD_INFORMATIONAL, false, false, informational_either),
    ROW(PLD_INFORMATIONAL, true, false, informational_either),
};

static bool has(const struct pld_message *m, uint8_t type)
{
    return m->present & PLD_BIT(type);
}

static bool response(const struct pld_message *m)
{
    return m->header.flags & PLD_FLAG_RESPONSE;
}

static const struct row *row_of(const struct pld_message *m)
{
    bool later = m->header.exchange == PLD_IKE_AUTH && m->header.message_id != FIRST_AUTH_MESSAGE_ID;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].exchange == m->header.exchange && rows[i].response == response(m) &&
            rows[i].later == later)
            return &rows[i];
    return NULL;
}

static unsigned count_of(const struct pld_message *m, uint8_t type)
{
    unsigned n = 0;
    for (unsigned i = 0; i < m->payload_count; i++)
        n += m->order[i] == type;
    return n;
}

/* An answer that only says why there is none: an error, or the cookie that is asked for first (RFC 7296 2.6). */
static bool refusal(const struct pld_message *m)
{
    bool cookie = m->header.exchange == PLD_IKE_SA_INIT && pld_find_notify(m, PLD_N_COOKIE);
    return response(m) && !has(m, PLD_SA) && (cookie || pld_find_error(m));
}

static const char *check_counts(const struct pld_message *m, const struct row *row)
{
    uint64_t allowed = PLD_BIT(PLD_SK) | PLD_BIT(PLD_SKF);
    bool refused = refusal(m);
    for (size_t i = 0; i < row->count; i++) {
        unsigned n = count_of(m, row->rules[i].type);
        if (n < row->rules[i].min && !refused)
            return "a payload is missing that this message must have";
        if (n > row->rules[i].max)
            return "a payload stands too often in this message";
        allowed |= PLD_BIT(row->rules[i].type);
    }
    return m->present & ~allowed ? "a payload does not belong into this exchange" : NULL;
}

/* Everything after IKE_SA_INIT is inside of SK; IKE_SA_INIT has no keys for one yet. Payloads of unknown types outside
 * have been skipped and say nothing. */
static const char *check_encrypted(const struct pld_message *m)
{
    bool sk = has(m, PLD_SK), skf = has(m, PLD_SKF);
    if (m->header.exchange == PLD_IKE_SA_INIT)
        return sk || skf ? "encrypted payload in IKE_SA_INIT" : NULL;
    if (sk == skf)
        return "message is not encrypted";
    for (unsigned i = 0; i < m->outer_count; i++) {
        uint8_t type = m->order[i];
        bool known = (type >= PLD_SA && type <= PLD_EAP && type != PLD_SK);
        if (known)
            return "payload outside of SK";
    }
    return NULL;
}

/* RFC 7296 2.7, 3.3: an answer is one proposal with one transform of each type. */
static const char *check_chosen(const struct pld_sa *sa)
{
    uint64_t seen[4] = {0};
    if (sa->proposal_count != 1)
        return "answer with several proposals";
    for (unsigned i = 0; i < sa->transform_count; i++) {
        uint8_t type = sa->transforms[i].type;
        if (seen[type / 64] >> (type % 64) & 1)
            return "answer with several transforms of a type";
        seen[type / 64] |= 1ull << (type % 64);
    }
    return NULL;
}

/* Each proposal's protocol and SPI are those of the exchange: IKE without SPI in IKE_SA_INIT, a child in IKE_AUTH, one of
 * both in CREATE_CHILD_SA, but not mixed. *ike: the SA payload is for an IKE SA. */
static const char *check_sa(const struct pld_message *m, bool *ike)
{
    const struct pld_sa *sa = &m->sa;
    size_t spi_len = m->header.exchange == PLD_IKE_SA_INIT ? 0 : PLD_SPI_LEN;
    *ike = sa->proposals[0].proto == PLD_PROTO_IKE;
    for (unsigned i = 0; i < sa->proposal_count; i++) {
        const struct pld_proposal *p = &sa->proposals[i];
        if ((p->proto == PLD_PROTO_IKE) != *ike)
            return "proposals for IKE and for a child in one SA payload";
        if (*ike && p->spi.n != spi_len)
            return "IKE proposal with an SPI in IKE_SA_INIT, or without one in a rekey";
    }
    if (*ike ? m->header.exchange == PLD_IKE_AUTH : m->header.exchange == PLD_IKE_SA_INIT)
        return "proposal of a protocol that this exchange does not make";
    if (response(m))
        return check_chosen(sa);
    return sa->proposals[0].number == 1 ? NULL : "the first proposal is not number 1";
}

static const char *check_child(const struct pld_message *m, bool ike)
{
    bool tsi = has(m, PLD_TSI), tsr = has(m, PLD_TSR);
    if (m->header.exchange == PLD_CREATE_CHILD_SA && ike) {
        if (tsi || tsr)
            return "traffic selectors in a rekey of the IKE SA";
        return has(m, PLD_KE) ? NULL : "rekey of the IKE SA without KE"; /* RFC 7296 1.3.2 */
    }
    bool child = has(m, PLD_SA) && m->header.exchange != PLD_IKE_SA_INIT;
    return tsi == child && tsr == child ? NULL : "a child needs SA, TSi and TSr, all three";
}

static const char *check_auth(const struct pld_message *m)
{
    if (m->header.exchange != PLD_IKE_AUTH || has(m, PLD_AUTH) || has(m, PLD_EAP) || refusal(m))
        return NULL;
    /* the initiator's first message without AUTH asks for EAP (RFC 7296 2.16) */
    bool asks_eap = !response(m) && m->header.message_id == FIRST_AUTH_MESSAGE_ID;
    return asks_eap ? NULL : "neither AUTH nor EAP in IKE_AUTH";
}

static const char *check(const struct pld_message *m)
{
    const struct row *row = row_of(m);
    if (!row)
        return "unknown exchange type";
    const char *bad = check_encrypted(m);
    bool ike = false;
    if (!bad)
        bad = check_counts(m, row);
    if (!bad && has(m, PLD_SA))
        bad = check_sa(m, &ike);
    if (!bad)
        bad = check_child(m, ike);
    return bad ? bad : check_auth(m);
}

cv_result pld_check_rules(const struct pld_message *m, const char **err)
{
    const char *bad = check(m);
    if (err)
        *err = bad;
    return bad ? CV_EINVAL : CV_OK;
}
