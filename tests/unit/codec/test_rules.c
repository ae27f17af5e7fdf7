/* pld_check_rules: which payloads make which message (RFC 7296 1.2 to 1.4, Appendix C). */
#include "tests/unit/codec/samples.h"
#include "tests/unit/unit.h"

static struct pld_message m;
static const char *err;

/* A message put together payload by payload; its inner chain is in the clear inside of SK. */
struct draft {
    struct pld_header h;
    struct sample inner;
    struct buf_writer w;
    struct pld_chain c;
};

static struct pld_builder *draft(struct draft *d, uint8_t exchange, bool response, uint32_t message_id)
{
    d->h = sample_header(exchange, response ? PLD_FLAG_RESPONSE : PLD_FLAG_INITIATOR, message_id);
    d->w = buf_writer_init(d->inner.bytes, sizeof d->inner.bytes);
    pld_chain_begin(&d->c, &d->w);
    return &d->c.b;
}

/* Decodes it as a datagram and gives the verdict of the rules. sealed: inside of SK. */
static cv_result verdict(const struct draft *d, bool sealed)
{
    uint8_t bytes[SAMPLE_MAX + 64];
    struct buf_writer w = buf_writer_init(bytes, sizeof bytes);
    struct pld_builder b;
    pld_begin(&b, &w, &d->h);
    if (sealed)
        pld_put_sk(&b, pld_chain_first(&d->c), d->w.len);
    else
        buf_patch_u8(&w, 16, pld_chain_first(&d->c));
    buf_put(&w, d->inner.bytes, d->w.len);
    pld_end(&b);
    CU_ASSERT_FALSE_FATAL(w.bad || d->w.bad);
    cv_result r = sample_decode(bytes, w.len, &m, &err);
    CU_ASSERT_FATAL(r == CV_OK || r == CV_EINVAL); /* it decodes; the rules alone are in question */
    CU_ASSERT((r == CV_OK) == (err == NULL));
    return r;
}

static void put_error(struct pld_builder *b, uint16_t type)
{
    pld_put_notify(b, 0, NO_SLICE, type, type == PLD_N_INVALID_KE_PAYLOAD ? SLICE("\0\x13") : NO_SLICE);
}

static void every_sample_obeys(void)
{
    for (unsigned kind = 0; kind < SAMPLE_KINDS; kind++) {
        struct sample s;
        sample_make(kind, &s);
        CU_ASSERT_EQUAL(sample_decode(s.bytes, s.len, &m, &err), CV_OK);
    }
}

static void RFC_7296_1_2_sa_init_needs_SA_KE_and_nonce(void)
{
    for (unsigned response = 0; response < 2; response++) {
        for (unsigned without = 0; without < 4; without++) {
            struct draft d;
            struct pld_builder *b = draft(&d, PLD_IKE_SA_INIT, response, 0);
            struct pld_build_proposal p = sample_proposal(1, PLD_PROTO_IKE, 0, response);
            if (without != 0)
                pld_put_sa(b, &p, 1);
            if (without != 1)
                pld_put_ke(b, 19, (struct slice){sample_octets, 64});
            if (without != 2)
                pld_put_nonce(b, (struct slice){sample_octets, 16});
            CU_ASSERT_EQUAL(verdict(&d, false), without == 3 ? CV_OK : CV_EINVAL);
            CU_ASSERT_EQUAL(verdict(&d, true), CV_EINVAL); /* there are no keys yet */
        }
    }
}

static void an_error_may_replace_the_answer_but_not_the_request(void)
{
    static const struct {
        uint8_t exchange;
        uint32_t message_id;
        uint16_t type;
    } cases[] = {
        {PLD_IKE_SA_INIT, 0, PLD_N_NO_PROPOSAL_CHOSEN},    {PLD_IKE_SA_INIT, 0, PLD_N_INVALID_KE_PAYLOAD},
        {PLD_IKE_AUTH, 1, PLD_N_AUTHENTICATION_FAILED},    {PLD_IKE_AUTH, 2, PLD_N_AUTHENTICATION_FAILED},
        {PLD_CREATE_CHILD_SA, 3, PLD_N_TEMPORARY_FAILURE}, {PLD_CREATE_CHILD_SA, 3, PLD_N_TS_UNACCEPTABLE}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct draft d;
        bool sealed = cases[i].exchange != PLD_IKE_SA_INIT;
        put_error(draft(&d, cases[i].exchange, true, cases[i].message_id), cases[i].type);
        CU_ASSERT_EQUAL(verdict(&d, sealed), CV_OK);
        put_error(draft(&d, cases[i].exchange, false, cases[i].message_id), cases[i].type);
        CU_ASSERT_EQUAL(verdict(&d, sealed), CV_EINVAL);
        /* a status notify is no reason for an empty answer */
        put_error(draft(&d, cases[i].exchange, true, cases[i].message_id), PLD_N_MOBIKE_SUPPORTED);
        CU_ASSERT_EQUAL(verdict(&d, sealed), CV_EINVAL);
    }
}

static void RFC_7296_2_6_a_cookie_may_be_the_whole_answer(void)
{
    struct draft d;
    pld_put_notify(draft(&d, PLD_IKE_SA_INIT, true, 0), 0, NO_SLICE, PLD_N_COOKIE, SLICE("cookie"));
    CU_ASSERT_EQUAL(verdict(&d, false), CV_OK);
    pld_put_notify(draft(&d, PLD_IKE_AUTH, true, 1), 0, NO_SLICE, PLD_N_COOKIE, SLICE("cookie"));
    CU_ASSERT_EQUAL(verdict(&d, true), CV_EINVAL);
}

/* CVE-2019-12312 and whoever believes an unprotected AUTHENTICATION_FAILED. */
static void nothing_after_sa_init_counts_in_the_clear(void)
{
    static const uint8_t exchanges[] = {PLD_IKE_AUTH, PLD_CREATE_CHILD_SA, PLD_INFORMATIONAL};
    for (unsigned i = 0; i < 3; i++) {
        for (unsigned response = 0; response < 2; response++) {
            struct draft d;
            put_error(draft(&d, exchanges[i], response, 1), PLD_N_INVALID_IKE_SPI);
            CU_ASSERT_EQUAL(verdict(&d, false), CV_EINVAL);
            CU_ASSERT_STRING_EQUAL(err, "message is not encrypted");
            CU_ASSERT(pld_find_error(&m) != NULL); /* still there to be shown */
        }
    }
}

static void a_known_payload_beside_SK_is_refused_an_unknown_one_is_not(void)
{
    static const uint8_t beside[] = {PLD_NOTIFY, 200};
    for (unsigned i = 0; i < 2; i++) {
        uint8_t bytes[256];
        struct pld_header h = sample_header(PLD_INFORMATIONAL, 0, 5);
        struct buf_writer w = buf_writer_init(bytes, sizeof bytes);
        struct pld_builder b;
        pld_begin(&b, &w, &h);
        pld_open(&b, beside[i]);
        buf_put_u32(&w, PLD_N_INITIAL_CONTACT);
        pld_close(&b);
        pld_put_sk(&b, PLD_VENDOR, 5);
        buf_put(&w, "\0\0\0\5v", 5);
        pld_end(&b);
        CU_ASSERT_EQUAL(sample_decode(bytes, w.len, &m, &err), i == 0 ? CV_EINVAL : CV_OK);
    }
}

static void foreign_payloads_do_not_belong(void)
{
    struct draft d;
    struct pld_builder *b = draft(&d, PLD_INFORMATIONAL, false, 4);
    pld_put_auth(b, PLD_AUTH_PSK, SLICE("x"));
    CU_ASSERT_EQUAL(verdict(&d, true), CV_EINVAL);
    b = draft(&d, PLD_IKE_AUTH, false, 1);
    sample_auth(b, false);
    pld_put_delete(b, PLD_PROTO_IKE, 0, NULL, 0);
    CU_ASSERT_EQUAL(verdict(&d, true), CV_EINVAL);
    b = draft(&d, PLD_IKE_SA_INIT, false, 0);
    sample_init(b, false);
    pld_put_id(b, PLD_IDI, PLD_ID_KEY, SLICE("x"));
    CU_ASSERT_EQUAL(verdict(&d, false), CV_EINVAL);
    b = draft(&d, PLD_IKE_AUTH, false, 1);
    sample_auth(b, false);
    pld_open(b, PLD_EAP);
    buf_put(&d.w, "\3\0\0\4", 4);
    pld_close(b);
    CU_ASSERT_EQUAL(verdict(&d, true), CV_EINVAL); /* EAP comes from the responder first */
}

static void IKE_AUTH_identities_and_AUTH(void)
{
    struct draft d;
    struct pld_builder *b = draft(&d, PLD_IKE_AUTH, false, 1);
    pld_put_auth(b, PLD_AUTH_PSK, SLICE("x"));
    CU_ASSERT_EQUAL(verdict(&d, true), CV_EINVAL); /* no IDi */
    b = draft(&d, PLD_IKE_AUTH, true, 1);
    pld_put_auth(b, PLD_AUTH_PSK, SLICE("x"));
    CU_ASSERT_EQUAL(verdict(&d, true), CV_EINVAL); /* no IDr */
    b = draft(&d, PLD_IKE_AUTH, true, 1);
    pld_put_id(b, PLD_IDR, PLD_ID_KEY, SLICE("x"));
    CU_ASSERT_EQUAL(verdict(&d, true), CV_EINVAL); /* neither AUTH nor EAP: nobody is authenticated */
    pld_put_auth(b, PLD_AUTH_PSK, SLICE("x"));
    CU_ASSERT_EQUAL(verdict(&d, true), CV_OK);
    b = draft(&d, PLD_IKE_AUTH, false, 1);
    pld_put_id(b, PLD_IDI, PLD_ID_KEY, SLICE("x"));
    CU_ASSERT_EQUAL(verdict(&d, true), CV_OK); /* asks for EAP: for the caller to refuse */
    draft(&d, PLD_IKE_AUTH, false, 2);
    pld_put_auth(&d.c.b, PLD_AUTH_PSK, SLICE("x"));
    CU_ASSERT_EQUAL(verdict(&d, true), CV_OK); /* last round of EAP */
}

/* RFC 7296 2.21.2: the child may fail and the IKE SA stay. */
static void a_failed_child_in_IKE_AUTH(void)
{
    struct draft d;
    struct pld_builder *b = draft(&d, PLD_IKE_AUTH, true, 1);
    pld_put_id(b, PLD_IDR, PLD_ID_KEY, SLICE("x"));
    pld_put_auth(b, PLD_AUTH_PSK, SLICE("x"));
    put_error(b, PLD_N_TS_UNACCEPTABLE);
    CU_ASSERT_EQUAL(verdict(&d, true), CV_OK);
}

static void a_child_needs_all_three_of_SA_TSi_TSr(void)
{
    struct ts any = ts_any(IP_V4);
    struct pld_build_proposal p = sample_proposal(1, PLD_PROTO_ESP, 4, false);
    for (unsigned parts = 0; parts < 8; parts++) {
        struct draft d;
        struct pld_builder *b = draft(&d, PLD_IKE_AUTH, false, 1);
        pld_put_id(b, PLD_IDI, PLD_ID_KEY, SLICE("x"));
        pld_put_auth(b, PLD_AUTH_PSK, SLICE("x"));
        if (parts & 1)
            pld_put_sa(b, &p, 1);
        if (parts & 2)
            pld_put_ts(b, PLD_TSI, &any, 1);
        if (parts & 4)
            pld_put_ts(b, PLD_TSR, &any, 1);
        CU_ASSERT_EQUAL(verdict(&d, true), parts == 0 || parts == 7 ? CV_OK : CV_EINVAL); /* 0: RFC 6023 */
    }
}

static void RFC_7296_1_3_2_rekey_of_the_IKE_SA(void)
{
    struct pld_build_proposal p = sample_proposal(1, PLD_PROTO_IKE, 8, false),
                              no_spi = sample_proposal(1, PLD_PROTO_IKE, 0, false);
    struct ts any = ts_any(IP_V4);
    for (unsigned fault = 0; fault < 5; fault++) {
        struct draft d;
        struct pld_builder *b = draft(&d, PLD_CREATE_CHILD_SA, false, 2);
        pld_put_sa(b, fault == 1 ? &no_spi : &p, 1);
        if (fault != 2)
            pld_put_nonce(b, (struct slice){sample_octets, 16});
        if (fault != 3)
            pld_put_ke(b, 19, (struct slice){sample_octets, 64});
        if (fault == 4)
            pld_put_ts(b, PLD_TSI, &any, 1);
        CU_ASSERT_EQUAL(verdict(&d, true), fault == 0 ? CV_OK : CV_EINVAL);
    }
}

static void proposals_are_of_the_exchanges_protocol(void)
{
    struct pld_build_proposal ike8 = sample_proposal(1, PLD_PROTO_IKE, 8, false),
                              esp = sample_proposal(1, PLD_PROTO_ESP, 4, false),
                              second = sample_proposal(2, PLD_PROTO_ESP, 4, false);
    const struct pld_build_proposal *sa_init[] = {&ike8, &esp};
    for (unsigned i = 0; i < 2; i++) {
        struct draft d;
        struct pld_builder *b = draft(&d, PLD_IKE_SA_INIT, false, 0);
        pld_put_sa(b, sa_init[i], 1);
        pld_put_ke(b, 19, (struct slice){sample_octets, 64});
        pld_put_nonce(b, (struct slice){sample_octets, 16});
        CU_ASSERT_EQUAL(verdict(&d, false), CV_EINVAL);
    }
    const struct pld_build_proposal mixed[] = {ike8, second}, late[] = {second};
    struct ts any = ts_any(IP_V4);
    for (unsigned i = 0; i < 2; i++) {
        struct draft d;
        struct pld_builder *b = draft(&d, PLD_CREATE_CHILD_SA, false, 2);
        pld_put_sa(b, i ? late : mixed, i ? 1 : 2); /* late: the first is number 2 */
        pld_put_nonce(b, (struct slice){sample_octets, 16});
        pld_put_ts(b, PLD_TSI, &any, 1);
        pld_put_ts(b, PLD_TSR, &any, 1);
        CU_ASSERT_EQUAL(verdict(&d, true), CV_EINVAL);
    }
    struct draft d;
    struct pld_builder *b = draft(&d, PLD_IKE_AUTH, false, 1);
    pld_put_id(b, PLD_IDI, PLD_ID_KEY, SLICE("x"));
    pld_put_auth(b, PLD_AUTH_PSK, SLICE("x"));
    pld_put_sa(b, &ike8, 1);
    pld_put_ts(b, PLD_TSI, &any, 1);
    pld_put_ts(b, PLD_TSR, &any, 1);
    CU_ASSERT_EQUAL(verdict(&d, true), CV_EINVAL);
}

/* "A proposal accepted because its first known transform was taken." */
static void RFC_7296_2_7_an_answer_is_one_choice(void)
{
    struct pld_build_proposal one = sample_proposal(2, PLD_PROTO_IKE, 0, true),
                              both = sample_proposal(1, PLD_PROTO_IKE, 0, false);
    struct pld_build_proposal two[] = {sample_proposal(1, PLD_PROTO_IKE, 0, true), one};
    two[0].count = 1; /* no type stands twice: it is the second proposal alone that is wrong */
    two[1].count = 1;
    two[1].transforms[0] = one.transforms[1];
    for (unsigned i = 0; i < 3; i++) {
        struct draft d;
        struct pld_builder *b = draft(&d, PLD_IKE_SA_INIT, true, 0);
        pld_put_sa(b, i == 0 ? &one : i == 1 ? &both : two, i == 2 ? 2 : 1);
        pld_put_ke(b, 19, (struct slice){sample_octets, 64});
        pld_put_nonce(b, (struct slice){sample_octets, 16});
        CU_ASSERT_EQUAL(verdict(&d, false), i == 0 ? CV_OK : CV_EINVAL);
    }
}

UNIT_MAIN("pld_rules", UNIT_TEST(every_sample_obeys), UNIT_TEST(RFC_7296_1_2_sa_init_needs_SA_KE_and_nonce),
          UNIT_TEST(an_error_may_replace_the_answer_but_not_the_request),
          UNIT_TEST(RFC_7296_2_6_a_cookie_may_be_the_whole_answer),
          UNIT_TEST(nothing_after_sa_init_counts_in_the_clear),
          UNIT_TEST(a_known_payload_beside_SK_is_refused_an_unknown_one_is_not),
          UNIT_TEST(foreign_payloads_do_not_belong), UNIT_TEST(IKE_AUTH_identities_and_AUTH),
          UNIT_TEST(a_failed_child_in_IKE_AUTH), UNIT_TEST(a_child_needs_all_three_of_SA_TSi_TSr),
          UNIT_TEST(RFC_7296_1_3_2_rekey_of_the_IKE_SA), UNIT_TEST(proposals_are_of_the_exchanges_protocol),
          UNIT_TEST(RFC_7296_2_7_an_answer_is_one_choice))
