/* revocation-check crl, none and what stands beside them: CRLs fetched, kept, refreshed and refused (RFC 5280 5 and 6.3, section 4.5). */
#include "control/pki/pki_crl.h"
#include "control/pki/pki_fetch.h"
#include "tests/unit/pki/world.h"
#include "tests/unit/unit.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROOT_URL "http://crl.example/root.crl"
#define SUB_URL  "http://crl.example/sub.crl"

static const struct mk root = {.dn = "CN=CA1,O=cisco", .key = "ed:root", MK_CA};
static const struct mk sub = {
    .dn = "CN=Sub,O=cisco", .key = "ed:sub", .issuer = &root, .serial = 40, .cdp = "URI:" ROOT_URL, MK_CA};
static const struct mk r1 = {
    .dn = "CN=R1,O=cisco", .key = "ed:r1", .issuer = &root, .serial = 3, .cdp = "URI:" ROOT_URL};
static const struct mk r2 = {
    .dn = "CN=R2,O=cisco", .key = "ed:r2", .issuer = &sub, .serial = 4, .cdp = "URI:" SUB_URL};
static const struct mk silent = {.dn = "CN=R3,O=cisco", .key = "ed:r3", .issuer = &root, .serial = 5};

static const uint64_t just_3[] = {3}, just_4[] = {4}, just_40[] = {40}, others[] = {1, 2, 300, 0x1234567890u};
static const struct pki_conf by_crl = {.name = "IOSCA1", .method_count = 1, .methods = {PKI_METHOD_CRL}};

static struct pki_chain chain;

static void up(const struct pki_conf *conf, const struct mk *const *certs, unsigned count, bool network)
{
    world_up(conf, 1, network);
    world_ca("IOSCA1", &root);
    struct pki_verdict v = world_check(certs, count, NULL, &chain);
    CU_ASSERT_EQUAL_FATAL(v.kind, PKI_GOOD);
}

static void up_r1(const struct pki_conf *conf)
{
    static const struct mk *const certs[] = {&r1};
    up(conf, certs, 1, true);
}

static void down(void)
{
    pki_chain_free(&chain);
    world_down();
}

static struct pki_verdict ask(void)
{
    return pki_chain_revoked(world.pki, &chain, (struct slice){0});
}

static void is(enum pki_verdict_kind kind, const char *part)
{
    struct pki_verdict v = ask();
    if (v.kind != kind || !strstr(v.text, part))
        printf("\n    is: %s: %s\n    not: %s: ... %s ...\n", pki_verdict_text(v.kind), v.text,
               pki_verdict_text(kind), part);
    CU_ASSERT_EQUAL(v.kind, kind);
    CU_ASSERT_PTR_NOT_NULL(strstr(v.text, part));
    CU_ASSERT_STRING_EQUAL(v.trustpoint, "IOSCA1");
}

static struct slice crl_of_root(const uint64_t *serials, unsigned count)
{
    return mk_crl(&(struct mk_crl){.issuer = &root, .serials = serials, .count = count});
}

/* ---- the plain course -------------------------------------------------------------------------------------------------- */
static void a_CRL_is_fetched_once_and_tells_who_is_revoked(void)
{
    up_r1(&by_crl);
    is(PKI_WAIT, "");
    is(PKI_WAIT, "");
    CU_ASSERT_EQUAL(world.asked_count, 1); /* one fetch for all who wait */
    CU_ASSERT_EQUAL(world.asked[0].body_len, 0);
    world_answer(ROOT_URL, crl_of_root(others, 4));
    CU_ASSERT_EQUAL(world.changed, 1);
    is(PKI_GOOD, "good");
    is(PKI_GOOD, "good");
    CU_ASSERT_EQUAL(world.asked_count, 1);
    CU_ASSERT_FALSE(pki_known_revoked(world.pki, chain.certs[0]));
    down();

    up_r1(&by_crl);
    is(PKI_WAIT, "");
    world_answer(ROOT_URL,
                 mk_crl(&(struct mk_crl){.issuer = &root, .serials = just_3, .count = 1, .reason = 1}));
    is(PKI_REVOKED,
       "cn=R1,o=cisco (serial number 03) is revoked: the CRL of cn=CA1,o=cisco lists it: key compromise");
    CU_ASSERT_TRUE(pki_known_revoked(world.pki, chain.certs[0]));
    down();
}

static void nothing_configured_means_crl(void)
{
    static const struct pki_conf plain = {.name = "IOSCA1"};
    up_r1(&plain);
    is(PKI_WAIT, "");
    world_fail(ROOT_URL, 0);
    is(PKI_UNKNOWN, "no CRL from http://crl.example/root.crl: connection refused");
    down();
}

static void revocation_check_none_asks_nobody(void)
{
    static const struct pki_conf none = {.name = "IOSCA1", .method_count = 1, .methods = {PKI_METHOD_NONE}};
    up_r1(&none);
    is(PKI_GOOD, "good");
    CU_ASSERT_EQUAL(world.asked_count, 0);
    down();
}

static void intermediates_are_checked_by_their_issuers_CRL_and_the_anchor_by_none(void)
{
    static const struct mk *const certs[] = {&r2, &sub};
    up(&by_crl, certs, 2, true);
    is(PKI_WAIT, "");
    CU_ASSERT_EQUAL(world.asked_count, 2); /* side by side */
    world_answer(SUB_URL, mk_crl(&(struct mk_crl){.issuer = &sub, .serials = others, .count = 4}));
    is(PKI_WAIT, "");
    world_answer(ROOT_URL, crl_of_root(others, 4));
    is(PKI_GOOD, "");
    down();

    up(&by_crl, certs, 2, true);
    is(PKI_WAIT, "");
    world_answer(ROOT_URL,
                 crl_of_root(just_40, 1)); /* the sub-CA: revoked counts before the other has answered */
    is(PKI_REVOKED, "cn=Sub,o=cisco (serial number 28) is revoked");
    CU_ASSERT_TRUE(pki_known_revoked(world.pki, chain.certs[1]));
    CU_ASSERT_FALSE(pki_known_revoked(world.pki, chain.certs[0]));
    down();

    up(&by_crl, certs, 2, true); /* the root's CRL says nothing of what the sub-CA issued */
    is(PKI_WAIT, "");
    world_answer(ROOT_URL, crl_of_root(just_4, 1));
    world_answer(SUB_URL, mk_crl(&(struct mk_crl){.issuer = &sub, .serials = just_40, .count = 1}));
    is(PKI_GOOD, "");
    down();
}

/* ---- lists, left to right --------------------------------------------------------------------------------------------- */
static void a_dead_server_under_each_list(void)
{
    static const struct {
        unsigned count;
        enum pki_method methods[3];
        bool optional;
        enum pki_verdict_kind kind;
    } rows[] = {
        {1, {PKI_METHOD_CRL}, false, PKI_UNKNOWN},
        {2, {PKI_METHOD_CRL, PKI_METHOD_NONE}, false, PKI_GOOD},
        {2, {PKI_METHOD_CRL, PKI_METHOD_OCSP}, false, PKI_UNKNOWN}, /* it names no responder */
        {3, {PKI_METHOD_CRL, PKI_METHOD_OCSP, PKI_METHOD_NONE}, false, PKI_GOOD},
        {2, {PKI_METHOD_OCSP, PKI_METHOD_CRL}, false, PKI_UNKNOWN},
        {3, {PKI_METHOD_OCSP, PKI_METHOD_CRL, PKI_METHOD_NONE}, false, PKI_GOOD},
        {1, {PKI_METHOD_CRL}, true, PKI_GOOD},
        {2, {PKI_METHOD_CRL, PKI_METHOD_OCSP}, true, PKI_GOOD},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pki_conf conf = {
            .name = "IOSCA1", .method_count = rows[i].count, .crl_optional = rows[i].optional};
        memcpy(conf.methods, rows[i].methods, sizeof conf.methods);
        up_r1(&conf);
        is(PKI_WAIT, ""); /* not before the method has failed does the next one count */
        world_fail(ROOT_URL, i % 2 ? 503 : 0);
        CU_ASSERT_EQUAL(ask().kind, rows[i].kind);
        down();
    }
}

static void none_after_crl_does_not_save_who_is_revoked(void)
{
    static const struct pki_conf conf = {.name = "IOSCA1",
                                         .method_count = 2,
                                         .methods = {PKI_METHOD_CRL, PKI_METHOD_NONE},
                                         .crl_optional = true};
    up_r1(&conf);
    is(PKI_WAIT, "");
    world_answer(ROOT_URL, crl_of_root(just_3, 1));
    is(PKI_REVOKED, "serial number 03");
    /* nor when the CRL has expired since and the server is dead; but a hold may have ended */
    world_pass(DAY + DAY / 2);
    if (world_asked(ROOT_URL))
        world_fail(ROOT_URL, 0);
    is(PKI_REVOKED, "serial number 03");
    down();

    up_r1(&conf);
    is(PKI_WAIT, "");
    world_answer(ROOT_URL,
                 mk_crl(&(struct mk_crl){.issuer = &root, .serials = just_3, .count = 1, .reason = 6}));
    is(PKI_REVOKED, "certificate on hold");
    world.wall += 2 * DAY;
    world.mono += 2 * DAY * 1000ull;
    is(PKI_WAIT, "");
    world_fail(ROOT_URL, 0);
    is(PKI_GOOD, "");
    down();
}

static void without_a_distribution_point_the_method_cannot_be_reached(void)
{
    static const struct mk *const certs[] = {&silent};
    struct pki_conf conf = by_crl;
    up(&conf, certs, 1, true);
    is(PKI_UNKNOWN, "names no CRL distribution point");
    down();
    (void)snprintf(conf.crl_url, sizeof conf.crl_url, "http://query.example/crl"); /* crl query */
    up(&conf, certs, 1, true);
    is(PKI_WAIT, "");
    CU_ASSERT_STRING_EQUAL(world.asked[0].url, "http://query.example/crl");
    world_answer("http://query.example/crl", crl_of_root(others, 4));
    is(PKI_GOOD, "");
    down();
}

static void crl_query_goes_before_the_certificates_own_address(void)
{
    struct pki_conf conf = by_crl;
    (void)snprintf(conf.crl_url, sizeof conf.crl_url, "http://query.example/crl");
    up_r1(&conf);
    is(PKI_WAIT, "");
    CU_ASSERT_STRING_EQUAL(world.asked[0].url, "http://query.example/crl");
    world_fail("http://query.example/crl", 404);
    is(PKI_UNKNOWN, "HTTP status 404");
    CU_ASSERT_EQUAL(world.asked_count, 1);
    down();
}

static void the_next_address_of_a_certificate_is_tried_but_never_a_fourth(void)
{
    static const struct mk many = {
        .dn = "CN=R9",
        .key = "ed:r9",
        .issuer = &root,
        .serial = 9,
        .cdp = "URI:ldap://a/b,URI:http://a/1,URI:http://a/2,URI:http://a/3,URI:http://a/4"};
    static const struct mk *const certs[] = {&many};
    up(&by_crl, certs, 1, true);
    is(PKI_WAIT, "");
    world_fail("http://a/1", 0);
    is(PKI_WAIT, "");
    world_answer("http://a/2", mk_crl(&(struct mk_crl){.issuer = &root, .serials = others, .count = 4}));
    is(PKI_GOOD, "");
    down();
    up(&by_crl, certs, 1, true);
    for (unsigned i = 1; i <= 3; i++) {
        char url[32];
        (void)snprintf(url, sizeof url, "http://a/%u", i);
        is(PKI_WAIT, "");
        world_fail(url, 0);
    }
    is(PKI_UNKNOWN, "no CRL");
    CU_ASSERT_EQUAL(world.asked_count, 3);
    down();
}

static void without_a_network_nothing_is_waited_for(void)
{
    static const struct mk *const certs[] = {&r1};
    up(&by_crl, certs, 1, false);
    is(PKI_UNKNOWN, "there is no network here");
    down();
    up_r1(&by_crl);
    world.refuse = true;
    is(PKI_UNKNOWN, "could not be sent");
    down();
}

/* ---- which CRLs count ---------------------------------------------------------------------------------------------------- */
static void a_CRL_that_does_not_count_is_as_none(void)
{
    static const struct mk fake = {.dn = "CN=CA1,O=cisco", .key = "ed:fake", MK_CA};
    static const struct mk other = {.dn = "CN=CA2,O=cisco", .key = "ed:root", MK_CA};
    static const struct {
        struct mk_crl crl;
        const char *part;
    } rows[] = {
        {{.issuer = &fake}, "its signature is not that of cn=CA1,o=cisco"},
        {{.issuer = &other}, "it is of another issuer than cn=CA1,o=cisco"},
        {{.issuer = &root, .delta = true}, "it is a delta CRL"},
        {{.issuer = &root, .idp = "indirectCRL=TRUE"}, "it is an indirect CRL"},
        {{.issuer = &root, .idp = "onlyAA=TRUE"}, "it is for attribute certificates"},
        {{.issuer = &root, .idp = "onlysomereasons=keyCompromise"},
         "it tells of some revocation reasons only"},
        {{.issuer = &root, .critical_unknown = true}, "it has a critical extension that is not known here"},
        {{.issuer = &root, .serials = others, .count = 2, .entry_critical = true},
         "an entry has a critical extension"},
        {{.issuer = &root, .this_update = T0 + 3600}, "its thisUpdate lies in the future"},
        {{.issuer = &root, .this_update = T0 - DAY, .next_update = T0 - 10}, "it has expired"},
        {{.issuer = &root, .next_update = -1}, "it has no nextUpdate"},
        {{.issuer = &root, .idp = "onlyCA=TRUE"}, "is not for such certificates"},
        {{.issuer = &root, .idp = "fullname=URI:http://elsewhere/x.crl"}, "is not for such certificates"},
        {{.issuer = &root, .idp = "relativename=rel\n[rel]\nCN=x"}, "relative to another issuer"},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        up_r1(&by_crl);
        is(PKI_WAIT, "");
        world_answer(ROOT_URL, mk_crl(&rows[i].crl));
        is(PKI_UNKNOWN, rows[i].part);
        CU_ASSERT_EQUAL(world.asked_count, 1);
        down();
    }
}

static void a_CRL_for_its_own_point_and_kind_counts(void)
{
    static const char *const idps[] = {"onlyuser=TRUE", "fullname=URI:" ROOT_URL,
                                       "fullname=URI:ldap://a/b,URI:" ROOT_URL};
    for (unsigned i = 0; i < 3; i++) {
        up_r1(&by_crl);
        is(PKI_WAIT, "");
        world_answer(ROOT_URL, mk_crl(&(struct mk_crl){
                                   .issuer = &root, .idp = idps[i], .serials = others, .count = 4}));
        is(PKI_GOOD, "");
        down();
    }
}

static void weak_signatures_and_CAs_that_may_not_sign_CRLs_do_not_count(void)
{
    static const struct mk no_crl = {.dn = "CN=CA1,O=cisco",
                                     .key = "rsa:root",
                                     .basic = "critical,CA:TRUE",
                                     .usage = "critical,keyCertSign"};
    static const struct mk may = {.dn = "CN=CA1,O=cisco", .key = "rsa:root", MK_CA};
    const EVP_MD *const mds[] = {EVP_sha256(), EVP_sha1(), EVP_md5()};
    for (unsigned i = 0; i < 4; i++) {
        const struct mk *ca = i == 3 ? &no_crl : &may;
        const struct mk r = {
            .dn = "CN=R1", .key = "ed:r1", .issuer = ca, .serial = 3, .cdp = "URI:" ROOT_URL};
        const struct mk *const certs[] = {&r};
        world_up(&by_crl, 1, true);
        world_ca("IOSCA1", ca);
        CU_ASSERT_EQUAL_FATAL(world_check(certs, 1, NULL, &chain).kind, PKI_GOOD);
        is(PKI_WAIT, "");
        world_answer(ROOT_URL,
                     mk_crl(&(struct mk_crl){.issuer = ca, .md = mds[i % 3], .serials = others, .count = 4}));
        if (i == 0)
            is(PKI_GOOD, "");
        else
            is(PKI_UNKNOWN, i == 3 ? "does not allow it to sign CRLs" : "which is refused");
        down();
    }
}

static void garbage_is_no_CRL_and_PEM_is(void)
{
    static const uint8_t junk[] = {0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 0};
    struct slice good = crl_of_root(others, 4);
    up_r1(&by_crl);
    is(PKI_WAIT, "");
    world_answer(ROOT_URL, (struct slice){slice_dup((struct slice){junk, sizeof junk}), sizeof junk});
    is(PKI_UNKNOWN, "it is no CRL");
    world_pass(61);
    is(PKI_WAIT, "");
    world_answer(ROOT_URL, (struct slice){slice_dup((struct slice){junk, 0}), 0});
    is(PKI_UNKNOWN, "it is no CRL");
    world_pass(61);
    is(PKI_WAIT, "");
    uint8_t *longer = malloc(good.n + 1); /* octets behind it */
    CU_ASSERT_FATAL(longer != NULL);
    (void)slice_copy(good, longer, good.n);
    longer[good.n] = 0;
    world_answer(ROOT_URL, (struct slice){longer, good.n + 1});
    is(PKI_UNKNOWN, "it is no CRL");
    world_pass(61);
    is(PKI_WAIT, "");
    char *pem = malloc(good.n * 2 + 200);
    CU_ASSERT_FATAL(pem != NULL);
    int n = snprintf(pem, 64, "-----BEGIN X509 CRL-----\n");
    for (size_t at = 0; at < good.n; at += 48) {
        size_t part = good.n - at < 48 ? good.n - at : 48;
        n += EVP_EncodeBlock((unsigned char *)pem + n, good.p + at, (int)part);
        pem[n++] = '\n';
    }
    n += snprintf(pem + n, 64, "-----END X509 CRL-----\n");
    world_answer(ROOT_URL, (struct slice){(uint8_t *)pem, (size_t)n});
    is(PKI_GOOD, "");
    free((void *)good.p);
    down();
}

/* ---- time ------------------------------------------------------------------------------------------------------------------ */
static void a_dead_server_costs_one_fetch_a_minute(void)
{
    up_r1(&by_crl);
    is(PKI_WAIT, "");
    world_fail(ROOT_URL, 0);
    for (unsigned i = 0; i < 1000; i++)
        is(PKI_UNKNOWN, "connection refused");
    CU_ASSERT_EQUAL(world.asked_count, 1);
    world_pass(59);
    is(PKI_UNKNOWN, "connection refused");
    CU_ASSERT_EQUAL(world.asked_count, 1);
    world_pass(2);
    is(PKI_WAIT, "");
    CU_ASSERT_EQUAL(world.asked_count, 2);
    down();
}

static void a_silent_server_is_given_up_after_15_seconds_and_what_comes_late_is_dropped(void)
{
    up_r1(&by_crl);
    is(PKI_WAIT, "");
    uint64_t id = world.asked[0].id;
    world_pass(14);
    is(PKI_WAIT, "");
    world_pass(2);
    is(PKI_UNKNOWN, "no answer in time");
    CU_ASSERT(world.changed > 0);
    struct slice late = crl_of_root(others, 4);
    pki_fetched(world.pki, id, 200, late, "");
    is(PKI_UNKNOWN, "no answer in time");
    pki_fetched(world.pki, id, 200, late, "");
    pki_fetched(world.pki, 0, 200, late, "");
    pki_fetched(world.pki, 12345, 200, late, "");
    free((void *)late.p);
    down();
}

static void it_is_refreshed_before_it_expires_and_meanwhile_used(void)
{
    up_r1(&by_crl);
    is(PKI_WAIT, "");
    world_answer(ROOT_URL, crl_of_root(others, 4)); /* for 25 hours, one of them gone */
    world_pass(22 * 3600);
    CU_ASSERT_EQUAL(world.asked_count, 1);
    is(PKI_GOOD, "");
    world_pass(3600 + 60);
    CU_ASSERT_EQUAL(world.asked_count, 2); /* an hour before the end */
    is(PKI_GOOD, "");
    world_fail(ROOT_URL, 0);
    is(PKI_GOOD, "");
    world_pass(61);
    CU_ASSERT_EQUAL(world.asked_count, 3);
    world_answer(ROOT_URL, crl_of_root(just_3, 1));
    is(PKI_REVOKED, "");
    down();
}

/* The engine asks about live peers whenever it is called; a CRL of a week outlives the day after which one that nobody asks for is let go. */
static void a_CRL_that_live_peers_depend_on_is_refreshed_where_nobody_comes_or_goes(void)
{
    enum { HOUR = 3600, WEEK = 7 * 24 * HOUR };
    for (unsigned watched = 0; watched < 2; watched++) {
        up_r1(&by_crl);
        is(PKI_WAIT, "");
        world_answer(ROOT_URL, mk_crl(&(struct mk_crl){.issuer = &root,
                                                       .this_update = T0 - HOUR,
                                                       .next_update = T0 + WEEK,
                                                       .serials = others,
                                                       .count = 4}));
        is(PKI_GOOD, "");
        for (unsigned i = 0; i < WEEK / HOUR && world.asked_count == 1; i++) {
            unsigned before = world.changed;
            world_pass(HOUR);
            if (watched && world.changed > before)
                CU_ASSERT_FALSE(pki_known_revoked(world.pki, chain.certs[0]));
        }
        CU_ASSERT_EQUAL(world.asked_count, watched ? 2 : 1);
        down();
    }
}

static void a_server_that_has_only_the_old_one_is_asked_no_more_than_once_a_minute(void)
{
    up_r1(&by_crl);
    is(PKI_WAIT, "");
    struct slice old = mk_crl(&(struct mk_crl){
        .issuer = &root, .this_update = T0 - 3600, .next_update = T0 + 600, .serials = others, .count = 4});
    world_answer(ROOT_URL, (struct slice){slice_dup(old), old.n});
    world_pass(300);
    for (unsigned i = 0; i < 10; i++) {
        if (world_asked(ROOT_URL))
            world_answer(ROOT_URL, (struct slice){slice_dup(old), old.n});
        world_pass(29);
    }
    CU_ASSERT(world.asked_count >= 3 && world.asked_count <= 8);
    free((void *)old.p);
    down();
}

static void an_older_CRL_never_replaces_a_newer_one(void)
{
    up_r1(&by_crl);
    is(PKI_WAIT, "");
    world_answer(ROOT_URL, crl_of_root(just_3, 1));
    char err[PKI_TEXT_MAX];
    is(PKI_REVOKED, "");
    struct pki_conf conf = by_crl;
    (void)snprintf(conf.crl_url, sizeof conf.crl_url, "%s", ROOT_URL);
    CU_ASSERT_FATAL(pki_configure(world.pki, &conf, 1) == CV_OK);
    CU_ASSERT_EQUAL(pki_crl_request(world.pki, "IOSCA1", err), CV_OK);
    world_answer(ROOT_URL, mk_crl(&(struct mk_crl){.issuer = &root, .this_update = T0 - 7200}));
    is(PKI_REVOKED, "");
    down();
}

static void crl_cache_none_and_delete_after(void)
{
    struct pki_conf none = by_crl, five = by_crl;
    none.crl_cache_none = true;
    five.crl_cache_minutes = 5;
    up_r1(&none);
    is(PKI_WAIT, "");
    world_answer(ROOT_URL, crl_of_root(others, 4));
    is(PKI_GOOD, ""); /* who waited for it may use it */
    world_pass(31);
    is(PKI_WAIT, "");
    down();
    up_r1(&five);
    is(PKI_WAIT, "");
    world_answer(ROOT_URL, crl_of_root(others, 4));
    world_pass(299);
    is(PKI_GOOD, "");
    world_pass(2);
    is(PKI_WAIT, "");
    CU_ASSERT_EQUAL(world.asked_count, 2);
    down();
}

/* ---- many ------------------------------------------------------------------------------------------------------------------ */
static void fetches_fill_a_table_and_wait_for_their_turn(void)
{
    enum { PEERS = PKI_FETCHES_MAX + 1 };
    static struct mk mks[PEERS];
    static char urls[PEERS][64], cdps[PEERS][72];
    static struct pki_chain chains[PEERS];
    static const struct slice nothing = {0};
    world_up(&by_crl, 1, true);
    world_ca("IOSCA1", &root);
    for (unsigned i = 0; i < PEERS; i++) {
        (void)snprintf(urls[i], sizeof urls[i], "http://crl%u.example/", i);
        (void)snprintf(cdps[i], sizeof cdps[i], "URI:%s", urls[i]);
        mks[i] = (struct mk){.dn = "CN=P", .key = "ed:p", .issuer = &root, .serial = 100 + i, .cdp = cdps[i]};
        const struct mk *const certs[] = {&mks[i]};
        CU_ASSERT_EQUAL_FATAL(world_check(certs, 1, NULL, &chains[i]).kind, PKI_GOOD);
        CU_ASSERT_EQUAL(pki_chain_revoked(world.pki, &chains[i], nothing).kind, PKI_WAIT);
    }
    CU_ASSERT_EQUAL(world.asked_count, PKI_FETCHES_MAX);
    CU_ASSERT(pki_fetch_full(world.pki));
    world_fail(urls[0], 0);
    CU_ASSERT_EQUAL(pki_chain_revoked(world.pki, &chains[PEERS - 1], nothing).kind, PKI_WAIT);
    CU_ASSERT_EQUAL(world.asked_count, PKI_FETCHES_MAX + 1);
    for (unsigned i = 0; i < PEERS; i++)
        pki_chain_free(&chains[i]);
    world_down();
}

static void more_CRLs_than_places_push_out_the_one_longest_not_asked_for(void)
{
    enum { PEERS = PKI_CRL_ENTRIES_MAX + 4 };
    static const struct slice nothing = {0};
    char url[64], cdp[72];
    world_up(&by_crl, 1, true);
    world_ca("IOSCA1", &root);
    for (unsigned i = 0; i < PEERS; i++) {
        (void)snprintf(url, sizeof url, "http://crl%u.example/", i);
        (void)snprintf(cdp, sizeof cdp, "URI:%s", url);
        const struct mk m = {.dn = "CN=P", .key = "ed:p", .issuer = &root, .serial = 100 + i, .cdp = cdp};
        const struct mk *const certs[] = {&m};
        world.asked_count = 0;
        CU_ASSERT_EQUAL_FATAL(world_check(certs, 1, NULL, &chain).kind, PKI_GOOD);
        CU_ASSERT_EQUAL(pki_chain_revoked(world.pki, &chain, nothing).kind, PKI_WAIT);
        world_answer(url, crl_of_root(others, 4));
        CU_ASSERT_EQUAL(pki_chain_revoked(world.pki, &chain, nothing).kind, PKI_GOOD);
        pki_chain_free(&chain);
        world_pass(1);
    }
    struct pki_crl_info infos[PKI_CRL_ENTRIES_MAX];
    CU_ASSERT_EQUAL(pki_crls(world.pki, infos, PKI_CRL_ENTRIES_MAX), PKI_CRL_ENTRIES_MAX);
    world_down();
}

static void a_CRL_of_8_MiB_costs_little_memory_and_time_and_a_longer_one_is_refused(void)
{
    enum { ENTRIES = 8000000 / 30 };
    uint64_t *serials = malloc(ENTRIES * sizeof *serials);
    CU_ASSERT_FATAL(serials != NULL);
    for (unsigned i = 0; i < ENTRIES; i++)
        serials[i] = 0x7000000000000000u + (uint64_t)i * 0x9e3779b1u;
    serials[ENTRIES / 2] = 3;
    up_r1(&by_crl);
    is(PKI_WAIT, "");
    struct slice crl = crl_of_root(serials, ENTRIES);
    size_t before = mallinfo2().uordblks + mallinfo2().hblkhd, n = crl.n;
    struct timespec a, b;
    CU_ASSERT_FATAL(n < PKI_FETCH_MAX && n > 6u << 20);
    struct slice copy = {slice_dup(crl), n};
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
    world_answer(ROOT_URL, crl);
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
    size_t after = mallinfo2().uordblks + mallinfo2().hblkhd;
    is(PKI_REVOKED, "serial number 03");
    double ms = (double)(b.tv_sec - a.tv_sec) * 1e3 + (double)(b.tv_nsec - a.tv_nsec) / 1e6;
    printf("\n    %u entries, %zu octets: read in %.0f ms, %ld octets kept ", ENTRIES, n, ms,
           (long)after - (long)before - (long)n);
    CU_ASSERT(after < before + 2 * n);
    CU_ASSERT(ms < 2000);
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
    for (unsigned i = 0; i < 10000; i++)
        (void)ask();
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
    printf("\n    10,000 checks by it: %.0f ms ",
           (double)(b.tv_sec - a.tv_sec) * 1e3 + (double)(b.tv_nsec - a.tv_nsec) / 1e6);
    struct pki_crl_info info;
    CU_ASSERT_EQUAL(pki_crls(world.pki, &info, 1), 1);
    CU_ASSERT(info.revoked_count == ENTRIES && info.size == n);
    pki_crls_clear(world.pki);
    is(PKI_WAIT, "");
    uint8_t *longer = realloc((void *)copy.p, PKI_FETCH_MAX + 1);
    CU_ASSERT_FATAL(longer != NULL);
    memset(longer + n, 0, PKI_FETCH_MAX + 1 - n);
    world_answer(ROOT_URL, (struct slice){longer, PKI_FETCH_MAX + 1});
    is(PKI_UNKNOWN, "longer than 8 MiB");
    free(serials);
    down();
}

/* ---- exceptions and extension ------------------------------------------------------------------------------------- */
static void crl_cache_extend_lets_an_expired_one_count_while_no_newer_can_be_had(void)
{
    struct pki_conf conf = by_crl;
    conf.crl_extend_minutes = 30;
    for (unsigned i = 0; i < 3; i++) {
        up_r1(&conf);
        is(PKI_WAIT, "");
        world_answer(ROOT_URL, mk_crl(&(struct mk_crl){.issuer = &root, .next_update = T0 + 600}));
        world.wall += i == 1 ? 600 + 1801 : 601;
        world.mono += 2000 * 1000;
        is(PKI_WAIT, ""); /* a newer one is better */
        if (i == 2)
            world_answer(ROOT_URL, crl_of_root(just_3, 1));
        else
            world_fail(ROOT_URL, 0);
        is(i == 0 ? PKI_GOOD : i == 1 ? PKI_UNKNOWN : PKI_REVOKED, "");
        down();
    }
}

static void match_certificate_excuses_revocation_checks_and_leads_them_elsewhere(void)
{
    static const struct mk *const certs[] = {&r2, &sub};
    up(&by_crl, certs, 2, true);
    world.excuse_cn = "R2";
    world.excuse.skip_revocation = true;
    is(PKI_WAIT, "");
    CU_ASSERT_EQUAL(world.asked_count, 1); /* the sub-CA's stands */
    world_answer(ROOT_URL, crl_of_root(others, 4));
    is(PKI_GOOD, "");
    down();
    up_r1(&by_crl);
    world.excuse_cn = "R1";
    world.excuse.cdp_url = "http://override.example/crl";
    is(PKI_WAIT, "");
    CU_ASSERT_STRING_EQUAL(world.asked[0].url, "http://override.example/crl");
    down();
}

static void disconnect_knows_of_a_revoked_CA_above_a_peer(void)
{
    static const struct mk *const certs[] = {&r2, &sub};
    static const struct mk twin = {
        .dn = "CN=Sub,O=cisco", .key = "ed:subtwin", .issuer = &root, .serial = 41, MK_CA};
    static const struct mk theirs = {.dn = "CN=R2,O=cisco", .key = "ed:r2", .issuer = &twin, .serial = 4};
    up(&by_crl, certs, 2, true);
    is(PKI_WAIT, "");
    world_answer(SUB_URL, mk_crl(&(struct mk_crl){.issuer = &sub, .serials = others, .count = 4}));
    world_answer(ROOT_URL, crl_of_root(others, 4));
    is(PKI_GOOD, "");
    CU_ASSERT_FALSE(pki_known_revoked(world.pki, chain.certs[0]));
    world_pass(23 * 3600 + 300); /* both are fetched anew */
    world_answer(SUB_URL, mk_crl(&(struct mk_crl){.issuer = &sub, .serials = others, .count = 4}));
    world_answer(ROOT_URL, crl_of_root(just_40, 1));
    CU_ASSERT_TRUE(pki_known_revoked(world.pki, chain.certs[0]));
    struct pki_cert *c = mk_cert(&theirs);
    CU_ASSERT_FALSE(pki_known_revoked(world.pki, c));
    pki_cert_free(c);
    down();
}

/* ---- for people -------------------------------------------------------------------------------------------------------------- */
static void what_is_kept_is_shown_cleared_and_asked_for(void)
{
    struct pki_crl_info info;
    char err[PKI_TEXT_MAX];
    struct pki_conf conf = by_crl;
    up_r1(&conf);
    CU_ASSERT_EQUAL(pki_crls(world.pki, NULL, 0), 0);
    is(PKI_WAIT, "");
    world_answer(ROOT_URL, crl_of_root(others, 4));
    CU_ASSERT_EQUAL(pki_crls(world.pki, &info, 1), 1);
    CU_ASSERT_STRING_EQUAL(info.issuer, "cn=CA1,o=cisco");
    CU_ASSERT_STRING_EQUAL(info.source, ROOT_URL);
    CU_ASSERT(info.this_update == T0 - 3600 && info.next_update == T0 + DAY && info.fetched == T0 &&
              info.revoked_count == 4);
    pki_crls_clear(world.pki);
    CU_ASSERT_EQUAL(pki_crls(world.pki, &info, 1), 0);
    is(PKI_WAIT, "");
    world_fail(ROOT_URL, 0);
    is(PKI_UNKNOWN, "");
    /* the operator need not wait out the minute */
    CU_ASSERT_EQUAL(pki_crl_request(world.pki, "IOSCA1", err), CV_ENOENT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err, "crl query URL"));
    CU_ASSERT_EQUAL(pki_crl_request(world.pki, "NONE", err), CV_ENOENT);
    (void)snprintf(conf.crl_url, sizeof conf.crl_url, "%s", ROOT_URL);
    CU_ASSERT_FATAL(pki_configure(world.pki, &conf, 1) == CV_OK);
    CU_ASSERT_EQUAL(pki_crl_request(world.pki, "IOSCA1", err), CV_OK);
    world_answer(ROOT_URL, crl_of_root(others, 4));
    is(PKI_GOOD, "");
    down();
}

static void two_CAs_of_one_name_do_not_revoke_each_others_certificates(void)
{
    static const struct mk twin = {.dn = "CN=CA1,O=cisco", .key = "ed:twin", MK_CA};
    static const struct mk theirs = {.dn = "CN=R1,O=cisco", .key = "ed:r1", .issuer = &twin, .serial = 3};
    up_r1(&by_crl);
    is(PKI_WAIT, "");
    world_answer(ROOT_URL, crl_of_root(just_3, 1));
    struct pki_cert *c = mk_cert(&theirs);
    CU_ASSERT_FALSE(pki_known_revoked(world.pki, c));
    CU_ASSERT_TRUE(pki_known_revoked(world.pki, chain.certs[0]));
    pki_cert_free(c);
    down();
}

UNIT_MAIN("pki-crl", UNIT_TEST(a_CRL_is_fetched_once_and_tells_who_is_revoked),
          UNIT_TEST(nothing_configured_means_crl), UNIT_TEST(revocation_check_none_asks_nobody),
          UNIT_TEST(intermediates_are_checked_by_their_issuers_CRL_and_the_anchor_by_none),
          UNIT_TEST(a_dead_server_under_each_list), UNIT_TEST(none_after_crl_does_not_save_who_is_revoked),
          UNIT_TEST(without_a_distribution_point_the_method_cannot_be_reached),
          UNIT_TEST(crl_query_goes_before_the_certificates_own_address),
          UNIT_TEST(the_next_address_of_a_certificate_is_tried_but_never_a_fourth),
          UNIT_TEST(without_a_network_nothing_is_waited_for), UNIT_TEST(a_CRL_that_does_not_count_is_as_none),
          UNIT_TEST(a_CRL_for_its_own_point_and_kind_counts),
          UNIT_TEST(weak_signatures_and_CAs_that_may_not_sign_CRLs_do_not_count),
          UNIT_TEST(garbage_is_no_CRL_and_PEM_is), UNIT_TEST(a_dead_server_costs_one_fetch_a_minute),
          UNIT_TEST(a_silent_server_is_given_up_after_15_seconds_and_what_comes_late_is_dropped),
          UNIT_TEST(it_is_refreshed_before_it_expires_and_meanwhile_used),
          UNIT_TEST(a_CRL_that_live_peers_depend_on_is_refreshed_where_nobody_comes_or_goes),
          UNIT_TEST(a_server_that_has_only_the_old_one_is_asked_no_more_than_once_a_minute),
          UNIT_TEST(an_older_CRL_never_replaces_a_newer_one), UNIT_TEST(crl_cache_none_and_delete_after),
          UNIT_TEST(fetches_fill_a_table_and_wait_for_their_turn),
          UNIT_TEST(more_CRLs_than_places_push_out_the_one_longest_not_asked_for),
          UNIT_TEST(a_CRL_of_8_MiB_costs_little_memory_and_time_and_a_longer_one_is_refused),
          UNIT_TEST(what_is_kept_is_shown_cleared_and_asked_for),
          UNIT_TEST(two_CAs_of_one_name_do_not_revoke_each_others_certificates),
          UNIT_TEST(crl_cache_extend_lets_an_expired_one_count_while_no_newer_can_be_had),
          UNIT_TEST(match_certificate_excuses_revocation_checks_and_leads_them_elsewhere),
          UNIT_TEST(disconnect_knows_of_a_revoked_CA_above_a_peer))
