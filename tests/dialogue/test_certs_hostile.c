/* Hostile certificates, signatures and CERTREQs in both versions: what a peer gone mad, or one that is somebody else, can put into IKE_AUTH, MM3 to
 * MM6. Each is refused, with a reason, in bounded time and memory (ike-notes: 2, 16, 20, 22, 24). */
#include "control/crypto/cr_key.h"
#include "control/crypto/cr_prf.h"
#include "control/ikev1/v1.h"
#include "tests/dialogue/certs.h"
#include "tests/dialogue/mutate.h"
#include "tests/unit/unit.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>

enum { SETTLE_MS = 1000, MUTANTS = 2500 };

static const struct wire_enrol ec = {.kind = CR_KEY_P256};
#define EC .local = "ecdsa-sig", .remote = "ecdsa-sig"
static const struct cert_conf by_ec = {EC},
                              by_ec_all = {EC, .trust = " pki trustpoint IOSCA1\n pki trustpoint IOSCA2\n"};

/* ---- a payload within a chain ---------------------------------------------------------------------------------------------- */
struct found {
    size_t at, len; /* of the payload, generic header and all */
};

/* The n-th payload of a type; false when there is none. */
static bool find(const uint8_t *plain, size_t len, uint8_t first, uint8_t type, unsigned n, struct found *out)
{
    uint8_t next = first;
    for (size_t at = 0; next && at + 4 <= len;) {
        size_t l = (size_t)plain[at + 2] << 8 | plain[at + 3];
        if (l < 4 || at + l > len)
            return false;
        if (next == type && n-- == 0) {
            *out = (struct found){at, l};
            return true;
        }
        next = plain[at];
        at += l;
    }
    return false;
}

/* Another body of another length. */
static void replace(uint8_t *plain, size_t *len, size_t cap, struct found f, const uint8_t *body, size_t n)
{
    size_t tail = f.at + f.len;
    if (f.at + 4 + n + (*len - tail) > cap)
        abort();
    memmove(plain + f.at + 4 + n, plain + tail, *len - tail);
    memmove(plain + f.at + 4, body, n);
    *len = f.at + 4 + n + (*len - tail);
    plain[f.at + 2] = (uint8_t)((4 + n) >> 8);
    plain[f.at + 3] = (uint8_t)(4 + n);
}

/* ---- what is done to the message ---------------------------------------------------------------------------------------------- */
enum deed {
    MUTATE,
    TRUNCATE,
    EMPTY_PROOF,
    OTHER_METHOD,
    OTHER_CERT,
    FLOOD,
    COPIES,
    NO_CERT,
    URL_ONLY,
    BAD_CERTREQ
};
struct plan {
    enum deed deed;
    bool v1;
    enum wire_end from;
    uint8_t type;  /* of the payload: IKEv2's number or IKEv1's */
    uint8_t value; /* OTHER_METHOD */
    unsigned n;    /* FLOOD */
    struct slice other;
    struct dice d;
    bool done, same; /* same: the mutant was the message itself */
};

static uint8_t cert_type(const struct plan *x)
{
    return x->v1 ? PLD1_CERT : PLD_CERT;
}

static void repeat(uint8_t *plain, size_t *len, size_t cap, struct found f, uint8_t type, unsigned times)
{
    for (; times && *len + f.len <= cap; times--) {
        memmove(plain + f.at + f.len, plain + f.at, *len - f.at);
        plain[f.at] = type; /* the copy that comes first is followed by one of its kind */
        *len += f.len;
    }
}

/* Reserved octets of AUTH are ignored (RFC 7296 3.8). */
static bool same_but_reserved(const struct plan *x, const uint8_t *a, const uint8_t *b, size_t n)
{
    const size_t from = !x->v1 && x->type == PLD_AUTH && n > 4 ? 4 : 1;
    return n == 0 || (a[0] == b[0] && memcmp(a + from, b + from, n - from) == 0);
}

static void change(uint8_t *plain, size_t *len, size_t cap, uint8_t *first, void *ctx)
{
    struct plan *x = ctx;
    static uint8_t body[MESSAGE_MAX * 4];
    struct found f;
    if (!find(plain, *len, *first, x->type, 0, &f))
        return;
    x->done = true;
    size_t n = f.len - 4;
    memcpy(body, plain + f.at + 4, n);
    switch (x->deed) {
    case MUTATE:
        mutate(&x->d, body, &n, sizeof body);
        x->same = n == f.len - 4 && same_but_reserved(x, body, plain + f.at + 4, n);
        break;
    case TRUNCATE:
        n -= n > x->n ? x->n : n;
        break;
    case EMPTY_PROOF:
        n = x->v1 ? 0 : 4; /* IKEv2: the method stands before it */
        break;
    case OTHER_METHOD:
        body[0] = x->value;
        break;
    case OTHER_CERT:
        memcpy(body + 1, x->other.p, x->other.n);
        n = 1 + x->other.n;
        break;
    case FLOOD:
    case COPIES:
        repeat(plain, len, cap, f, cert_type(x), x->n);
        return;
    case NO_CERT: /* an unknown encoding: passed over */
        body[0] = 200;
        break;
    case URL_ONLY:
        body[0] = 12;
        break;
    case BAD_CERTREQ:
        n = x->n;
        memset(body, 0x5a, n);
        body[0] = x->value;
        break;
    }
    replace(plain, len, cap, f, body, n);
}

static bool tamper(struct wire *w, struct wire_packet *p, void *ctx)
{
    struct plan *x = ctx;
    if (p->from != x->from || x->done)
        return true;
    if (x->v1)
        (void)wire_reseal1(w, p, change, x);
    else
        (void)wire_reseal(w, p, change, x);
    return true;
}

/* One attempt by A; the plan is carried out once. The receiver of what was tampered with must not hold a child. */
static struct wire *attempt2(uint64_t seed, const struct cert_conf *a, const struct cert_conf *b,
                             const struct wire_enrol *how, struct plan *x)
{
    struct wire *w = cert_wire(seed, a, b, how);
    w->filter = tamper;
    w->filter_ctx = x;
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    return w;
}

static void refused2(struct plan x, enum ike_reason why)
{
    struct wire *w = attempt2(1, &by_ec_all, &by_ec_all, &ec, &x);
    CU_ASSERT(x.done);
    CU_ASSERT_EQUAL(wire_reason(w, !x.from), why);
    CU_ASSERT_EQUAL(wire_children(w, !x.from), 0);
    if (why != IKE_REASON_INVALID_SYNTAX)
        CU_ASSERT(wire_saw(w, "N(AUTHENTICATION_FAILED)"));
    wire_free(w);
}

static struct slice der_of(struct wire *w, enum wire_end end, const char *trust_point)
{
    return pki_cert_der(pki_find(w->side[end].pki, trust_point)->own);
}

/* ---- IKEv2 ------------------------------------------------------------------------------------------------------------------------ */
static void a_certificate_of_another_key(void)
{
    struct wire *w = cert_wire(2, &by_ec_all, &by_ec_all, &ec);
    for (enum wire_end from = A; from <= B; from++) {
        /* A signs with IOSCA1, B with IOSCA2, as each is asked: the other certificate says the same names with another key */
        const struct plan x = {.deed = OTHER_CERT,
                               .from = from,
                               .type = PLD_CERT,
                               .other = der_of(w, from, from == A ? "IOSCA2" : "IOSCA1")};
        refused2(x, IKE_REASON_AUTH_FAILED);
        /* somebody else's certificate, whom it names: CVE-2013-6075's cousins */
        const struct plan y = {
            .deed = OTHER_CERT, .from = from, .type = PLD_CERT, .other = der_of(w, !from, "IOSCA1")};
        refused2(y, IKE_REASON_AUTH_FAILED);
    }
    wire_free(w);
}

static void signatures_that_are_short_empty_or_of_another_method(void)
{
    for (enum wire_end from = A; from <= B; from++) {
        for (unsigned cut = 1; cut < 60; cut += 7)
            refused2((struct plan){.deed = TRUNCATE, .from = from, .type = PLD_AUTH, .n = cut},
                     IKE_REASON_AUTH_FAILED);
        refused2((struct plan){.deed = EMPTY_PROOF, .from = from, .type = PLD_AUTH},
                 IKE_REASON_INVALID_SYNTAX);
        static const uint8_t methods[] = {0, 1, 2, 3, 9, 10, 11, 12, 13, 201, 255};
        for (size_t i = 0; i < sizeof methods; i++)
            refused2((struct plan){.deed = OTHER_METHOD, .from = from, .type = PLD_AUTH, .value = methods[i]},
                     IKE_REASON_AUTH_FAILED);
    }
}

static void a_key_proof_is_no_signature_and_the_reverse(void)
{
    const struct cert_conf psk = {.local = "pre-share", .remote = "pre-share"};
    static const uint8_t methods[] = {1, 9, 14};
    for (size_t i = 0; i < sizeof methods; i++) {
        struct plan x = {.deed = OTHER_METHOD, .from = A, .type = PLD_AUTH, .value = methods[i]};
        struct wire *w = attempt2(3, &psk, &psk, &ec, &x);
        CU_ASSERT(x.done);
        CU_ASSERT_EQUAL(wire_children(w, B), 0);
        CU_ASSERT(wire_saw(w, "N(AUTHENTICATION_FAILED)"));
        wire_free(w);
    }
}

static void floods_of_CERT_payloads(void)
{
    struct plan x = {.deed = FLOOD, .from = A, .type = PLD_CERT, .n = PLD_MAX_CERTS};
    struct wire *w = attempt2(4, &by_ec, &by_ec, &ec, &x); /* one over the limit */
    CU_ASSERT(x.done);
    CU_ASSERT_EQUAL(wire_children(w, B), 0);
    CU_ASSERT(wire_saw(w, "N(INVALID_SYNTAX)"));
    wire_free(w);
    x = (struct plan){.deed = COPIES, .from = A, .type = PLD_CERT, .n = PLD_MAX_CERTS - 1};
    w = attempt2(5, &by_ec, &by_ec, &ec, &x); /* the same one sixteen times is one */
    CU_ASSERT(x.done);
    CU_ASSERT(wire_both_up(w));
    wire_free(w);
}

static void no_certificate_that_could_be_read(void)
{
    refused2((struct plan){.deed = NO_CERT, .from = A, .type = PLD_CERT}, IKE_REASON_CERT_MALFORMED);
    refused2((struct plan){.deed = URL_ONLY, .from = A, .type = PLD_CERT}, IKE_REASON_CERT_MALFORMED);
    refused2((struct plan){.deed = TRUNCATE, .from = B, .type = PLD_CERT, .n = 5}, IKE_REASON_CERT_MALFORMED);
    refused2((struct plan){.deed = TRUNCATE, .from = A, .type = PLD_CERT, .n = 100000},
             IKE_REASON_INVALID_SYNTAX);
}

/* RFC 7296 3.7: CERTREQs are suggestions; one that says nothing is as none. */
static void malformed_CERTREQs_ask_for_nothing(void)
{
    for (unsigned n = 1; n < 100; n += 9)
        for (unsigned encoding = 0; encoding < 16; encoding += 4) {
            struct plan x = {
                .deed = BAD_CERTREQ, .from = A, .type = PLD_CERTREQ, .n = n, .value = (uint8_t)encoding};
            struct wire *w = attempt2(6, &by_ec, &by_ec, &ec, &x);
            CU_ASSERT(x.done);
            CU_ASSERT(wire_both_up(w));
            wire_free(w);
        }
}

/* CVE-2018-16151, CVE-2026-50721: PKCS #1 v1.5 with garbage behind the hash, or short padding, as only who has the key can make it; that it is refused with
 * the key shows that it is refused for its form. */
struct forged {
    unsigned padding, garbage;
    bool done;
};

static void forge_auth(struct wire *w, const struct forged *x, uint8_t *out, size_t *len)
{
    static const uint8_t info[] = {0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e,
                                   0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14};
    struct ike_sa *sa = wire_sa(w, A);
    struct v2_sa *v2 = v2_of(sa);
    uint8_t id[IKE_ID_MAX + 4] = {sa->local_id_type}, mac[CR_PRF_MAX], octets[8192], hash[20], em[512];
    memcpy(id + 4, sa->local_id, sa->local_id_len);
    const struct slice body = {id, 4 + sa->local_id_len};
    const struct cr_prf_alg *prf = cr_prf(v2->suite.prf);
    if (cr_prf_run(v2->suite.prf, (struct slice){sa->keys.pi, prf->len}, &body, 1, mac) != CV_OK)
        abort();
    memcpy(octets, v2->init_req, v2->init_req_len);
    memcpy(octets + v2->init_req_len, v2->nr, v2->nr_len);
    memcpy(octets + v2->init_req_len + v2->nr_len, mac, prf->len);
    SHA1(octets, v2->init_req_len + v2->nr_len + prf->len, hash);
    EVP_PKEY *key = cr_key_evp(pki_find(w->side[A].pki, "IOSCA1")->key);
    const size_t n = (size_t)EVP_PKEY_get_size(key);
    size_t pad = x->padding ? x->padding : n - 3 - sizeof info - sizeof hash - x->garbage;
    memset(em, 0xaa, n);
    em[0] = 0;
    em[1] = 1;
    memset(em + 2, 0xff, pad);
    em[2 + pad] = 0;
    memcpy(em + 3 + pad, info, sizeof info);
    memcpy(em + 3 + pad + sizeof info, hash, sizeof hash);
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(key, NULL);
    *len = n;
    if (!c || EVP_PKEY_sign_init(c) != 1 || EVP_PKEY_CTX_set_rsa_padding(c, RSA_NO_PADDING) != 1 ||
        EVP_PKEY_sign(c, out, len, em, n) != 1)
        abort();
    EVP_PKEY_CTX_free(c);
}

struct forgery {
    struct wire *w;
    struct forged *x;
};

static void put_forged(uint8_t *plain, size_t *len, size_t cap, uint8_t *first, void *ctx)
{
    struct forgery *y = ctx;
    struct found f;
    uint8_t body[4 + 512] = {PLD_AUTH_RSA};
    size_t n;
    if (!find(plain, *len, *first, PLD_AUTH, 0, &f))
        return;
    forge_auth(y->w, y->x, body + 4, &n);
    replace(plain, len, cap, f, body, 4 + n);
    y->x->done = true;
}

static bool forger(struct wire *w, struct wire_packet *p, void *ctx)
{
    struct forgery y = {w, ctx};
    if (p->from == A)
        (void)wire_reseal(w, p, put_forged, &y);
    return true;
}

static void RSA_padding_is_compared_whole(void)
{
    const struct cert_conf c = {.global = "crypto ikev2 fragmentation mtu 1500\n"};
    static const struct {
        unsigned padding, garbage;
        bool good;
    } of[] = {{0, 0, true}, {8, 0, false}, {1, 0, false}, {0, 16, false}, {100, 0, false}, {0, 1, false}};
    for (unsigned i = 0; i < sizeof of / sizeof *of; i++) {
        struct forged x = {.padding = of[i].padding, .garbage = of[i].garbage};
        struct wire *w = cert_wire(7, &c, &c, NULL);
        w->filter = forger;
        w->filter_ctx = &x;
        wire_up(w, A);
        wire_run(w, SETTLE_MS);
        CU_ASSERT(x.done);
        CU_ASSERT_EQUAL(wire_children(w, B), of[i].good ? 1 : 0);
        CU_ASSERT_EQUAL(wire_saw(w, "N(AUTHENTICATION_FAILED)"), !of[i].good);
        wire_free(w);
    }
}

/* CERT, CERTREQ and AUTH, in requests and responses. What is signed and was changed never leads to a child. */
static void mutants_of_IKE_AUTH(void)
{
    static const uint8_t types[] = {PLD_CERT, PLD_AUTH, PLD_CERTREQ};
    const unsigned mutants = unit_rounds(MUTANTS);
    unsigned changed = 0, asked = 0;
    for (unsigned i = 0; i < mutants; i++) {
        struct plan x = {.deed = MUTATE, .from = i % 2 ? B : A, .type = types[i % 3], .d = {i + 1}};
        if (x.type == PLD_CERTREQ)
            x.from = A;
        struct wire *w = attempt2(100 + i, &by_ec, &by_ec, &ec, &x);
        CU_ASSERT(x.done);
        if (x.type != PLD_CERTREQ && !x.same)
            CU_ASSERT_EQUAL(wire_children(w, !x.from), 0);
        changed += !x.same;
        asked += x.type == PLD_CERTREQ && wire_children(w, B);
        CU_ASSERT(wire_sas(w, B) <= 2);
        wire_free(w);
    }
    CU_ASSERT(changed > mutants * 9 / 10);
    CU_ASSERT(asked > mutants / 4); /* a CERTREQ that is nonsense does no harm, mostly */
}

/* ---- IKEv1 ------------------------------------------------------------------------------------------------------------------------ */
static char *ec_gate1(enum wire_end end)
{
    char *more = wire_golden(end == A ? "C11" : "C12", NULL);
    char *text = text_swap(wire_golden(end == A ? "C9" : "C10", more), " hash md5\n",
                           " hash sha256\n authentication ecdsa-sig\n");
    free(more);
    return end == A ? text_swap(text, "   ca trust-point IOSCA1\n", "") : text;
}

static struct wire *wire1(uint64_t seed)
{
    struct wire_enrol r1 = {.kind = CR_KEY_P256, .fqdn = "R1.cisco.com"}, r2 = r1;
    struct wire *w = gates(seed, ec_gate1(A), ec_gate1(B));
    r2.fqdn = "R2.cisco.com";
    wire_enrol_both(w, A, "IOSCA2", "IOSCA1", &r1);
    wire_enrol_both(w, B, "IOSCA2", "IOSCA1", &r2);
    return w;
}

static struct wire *attempt1(uint64_t seed, struct plan *x)
{
    struct wire *w = wire1(seed);
    x->v1 = true;
    w->filter = tamper;
    w->filter_ctx = x;
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    return w;
}

static void refused1(struct plan x, enum ike_reason why)
{
    struct wire *w = attempt1(8, &x);
    CU_ASSERT(x.done);
    CU_ASSERT_EQUAL(wire_reason(w, !x.from), why);
    CU_ASSERT_EQUAL(wire_children(w, !x.from), 0);
    CU_ASSERT(!wire_saw(w, x.from == A ? "MM6" : "QM1"));
    wire_free(w);
}

static void IKEv1_a_certificate_of_another_key_and_bad_signatures(void)
{
    struct wire *w = wire1(9);
    for (enum wire_end from = A; from <= B; from++) {
        refused1(
            (struct plan){
                .deed = OTHER_CERT, .from = from, .type = PLD1_CERT, .other = der_of(w, from, "IOSCA2")},
            IKE_REASON_AUTH_FAILED);
        refused1(
            (struct plan){
                .deed = OTHER_CERT, .from = from, .type = PLD1_CERT, .other = der_of(w, !from, "IOSCA1")},
            IKE_REASON_AUTH_FAILED);
        for (unsigned cut = 1; cut < 60; cut += 14)
            refused1((struct plan){.deed = TRUNCATE, .from = from, .type = PLD1_SIG, .n = cut},
                     IKE_REASON_AUTH_FAILED);
        refused1((struct plan){.deed = NO_CERT, .from = from, .type = PLD1_CERT}, IKE_REASON_CERT_MALFORMED);
    }
    wire_free(w);
}

static void turn_into_hash(uint8_t *plain, size_t *len, size_t cap, uint8_t *first, void *ctx)
{
    struct plan *x = ctx;
    struct found cert, sig;
    (void)cap;
    if (!find(plain, *len, *first, PLD1_CERT, 0, &cert) || !find(plain, *len, *first, PLD1_SIG, 0, &sig))
        return;
    plain[cert.at] = PLD1_HASH; /* what follows the certificate */
    x->done = true;
}

static bool hash_instead(struct wire *w, struct wire_packet *p, void *ctx)
{
    struct plan *x = ctx;
    if (p->from == x->from && !x->done)
        (void)wire_reseal1(w, p, turn_into_hash, x);
    return true;
}

static void IKEv1_a_hash_is_no_signature(void)
{
    for (enum wire_end from = A; from <= B; from++) {
        struct plan x = {.v1 = true, .from = from};
        struct wire *w = wire1(10);
        w->filter = hash_instead;
        w->filter_ctx = &x;
        wire_up(w, A);
        wire_run(w, SETTLE_MS);
        CU_ASSERT(x.done);
        CU_ASSERT_EQUAL(wire_reason(w, !from), IKE_REASON_AUTH_FAILED);
        CU_ASSERT_EQUAL(wire_children(w, !from), 0);
        wire_free(w);
    }
}

static void IKEv1_floods_of_CERT_payloads(void)
{
    struct plan x = {.deed = FLOOD, .from = A, .type = PLD1_CERT, .n = PLD1_MAX_CERTS};
    struct wire *w = attempt1(11, &x);
    CU_ASSERT(x.done);
    CU_ASSERT_EQUAL(wire_children(w, B), 0);
    CU_ASSERT(!wire_saw(w, "MM6"));
    wire_free(w);
}

/* MM5 is refused; played again, a hundred times, it gets MM4 and no more work is done for it. */
static void IKEv1_a_refused_MM5_played_again(void)
{
    struct plan x = {.deed = OTHER_CERT, .from = A, .type = PLD1_CERT};
    struct wire *w = wire1(12);
    x.other = der_of(w, B, "IOSCA1");
    x.v1 = true;
    w->filter = tamper;
    w->filter_ctx = &x;
    w->dup = 100;
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    unsigned looked = wire_decisions(w, B, "MM5", NULL, NULL, NULL);
    wire_run(w, 45000);
    CU_ASSERT_EQUAL(wire_decisions(w, B, "MM5", NULL, NULL, NULL), looked);
    CU_ASSERT(wire_count(w, "B MM4 (again)") > 0);
    CU_ASSERT(!wire_saw(w, "MM6"));
    wire_free(w);
}

static void IKEv1_mutants_of_MM5_and_MM6(void)
{
    static const uint8_t types[] = {PLD1_CERT, PLD1_SIG};
    const unsigned mutants = unit_rounds(MUTANTS);
    unsigned changed = 0;
    for (unsigned i = 0; i < mutants; i++) {
        struct plan x = {.deed = MUTATE, .from = i & 1 ? B : A, .type = types[i >> 1 & 1], .d = {i + 7}};
        struct wire *w = attempt1(5000 + i, &x);
        CU_ASSERT(x.done);
        if (!x.same)
            CU_ASSERT_EQUAL(wire_children(w, !x.from), 0);
        changed += !x.same;
        CU_ASSERT(wire_sas(w, B) <= 2);
        wire_free(w);
    }
    CU_ASSERT(changed > mutants * 9 / 10);
}

/* In the clear: anybody's. What is not signed may be anything, and at worst another certificate, or none, is sent. */
struct clear {
    struct dice d;
    bool done;
};

static bool spoil_certreq(struct wire *w, struct wire_packet *p, void *ctx)
{
    struct clear *x = ctx;
    struct found f;
    (void)w;
    if (p->len < PLD_HEADER_LEN || p->data[18] != PLD1_MAIN || (p->data[19] & PLD1_FLAG_ENCRYPTION) ||
        !find(p->data + PLD_HEADER_LEN, p->len - PLD_HEADER_LEN, p->data[16], PLD1_CERTREQ, 0, &f))
        return true;
    x->done = true;
    flip_bits(&x->d, p->data + PLD_HEADER_LEN + f.at + 4, f.len - 4);
    return true;
}

static void IKEv1_spoiled_CERTREQs_do_no_harm(void)
{
    const unsigned rounds = unit_rounds(200);
    for (unsigned i = 0; i < rounds; i++) {
        struct clear x = {.d = {i + 3}};
        struct wire *w = wire1(13);
        w->filter = spoil_certreq;
        w->filter_ctx = &x;
        wire_up(w, A);
        wire_run(w, SETTLE_MS);
        CU_ASSERT(x.done);
        CU_ASSERT(wire_both_up(w)); /* both trust both CAs: another certificate does as well */
        wire_free(w);
    }
}

UNIT_MAIN("dialogue: hostile certificates", UNIT_TEST(a_certificate_of_another_key),
          UNIT_TEST(signatures_that_are_short_empty_or_of_another_method),
          UNIT_TEST(a_key_proof_is_no_signature_and_the_reverse), UNIT_TEST(floods_of_CERT_payloads),
          UNIT_TEST(no_certificate_that_could_be_read), UNIT_TEST(malformed_CERTREQs_ask_for_nothing),
          UNIT_TEST(RSA_padding_is_compared_whole), UNIT_TEST(mutants_of_IKE_AUTH),
          UNIT_TEST(IKEv1_a_certificate_of_another_key_and_bad_signatures),
          UNIT_TEST(IKEv1_a_hash_is_no_signature), UNIT_TEST(IKEv1_floods_of_CERT_payloads),
          UNIT_TEST(IKEv1_a_refused_MM5_played_again), UNIT_TEST(IKEv1_mutants_of_MM5_and_MM6),
          UNIT_TEST(IKEv1_spoiled_CERTREQs_do_no_harm))
