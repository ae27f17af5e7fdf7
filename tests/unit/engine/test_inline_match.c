/* Which SAs a device gets: one row per condition of inline_cap_find, each with the reason that is shown, and rows that just fit. A row
 * begins with an SA and a capability that fit each other and twists as little as its condition needs; so whoever loses a condition fails
 * a row. */
#include "dataplane/engine/eng_inline_sa.h"
#include "tests/unit/unit.h"

#include <rte_cryptodev.h>
#include <stdio.h>
#include <string.h>

#define CRYPTO   RTE_SECURITY_ACTION_TYPE_INLINE_CRYPTO
#define PROTOCOL RTE_SECURITY_ACTION_TYPE_INLINE_PROTOCOL
#define ASIDE    RTE_SECURITY_ACTION_TYPE_LOOKASIDE_PROTOCOL

/* Transforms that rows begin with; the capability has just what each needs. */
enum transform { GCM, GMAC, CBC };

/* What a row twists. */
enum what {
    NOTHING,
    /* of the SA */
    SA_KEY,      /* octets */
    SA_ENCR,     /* enum of IKE */
    SA_INTEG,    /* with integ_key_len as its hash has it */
    SA_MODE,     /* enum cv_mode */
    SA_FLAGS,    /* more of CV_SA_* */
    SA_OUTER_V6, /* addresses outside */
    SA_INNER_V6, /* selectors */
    SA_PROTO,    /* enum cv_proto */
    SA_TFC,
    SA_DUMMY,
    SA_WINDOW,
    SA_SEQ,    /* used before */
    SA_SEQ_HI, /* used for more than 32 bits */
    SA_DF,     /* enum cv_df */
    /* of the capability */
    CAP_NONE, /* the driver has no list */
    CAP_END,  /* ... an empty one */
    CAP_ACTION,
    CAP_PROTOCOL, /* of security: MACsec and others */
    CAP_PROTO,    /* AH or ESP */
    CAP_MODE,
    CAP_DIRECTION,
    CAP_ESN,
    CAP_UDP,
    CAP_DSCP,
    CAP_COPY_DF,
    CAP_ECN,
    CAP_WINDOW,
    CAP_FLAGS,
    CAP_NO_ALGS,    /* NULL */
    CAP_ASYMMETRIC, /* all of them are of another kind of operation */
    CAP_ALG,        /* of the first algorithm */
    CAP_KIND,       /* ... what it is: AEAD, AUTH, CIPHER */
    CAP_KEY_MIN,
    CAP_KEY_MAX,
    CAP_KEY_STEP,
    CAP_DIGEST, /* the only length */
    CAP_DIGEST_STEP,
    CAP_IV,
    CAP2_ALG, /* of the second one, the authentication of a chain */
    CAP2_KEY,
    CAP2_DIGEST,
    CAP2_OFF /* there is none */
};
struct twist {
    enum what what;
    unsigned value;
};
struct row {
    const char *name;
    enum rte_security_session_action_type action;
    enum cv_dir dir;
    enum transform transform;
    struct twist twist[5];
    uint8_t why;
};

/* ---- what fits ------------------------------------------------------------------------------------------------------- */
enum { ALGS = 2, WINDOW = 64 };
static struct rte_cryptodev_capabilities algs[ALGS + 1];
static struct rte_security_capability caps[2];

static void algs_make(enum transform t)
{
    struct rte_cryptodev_symmetric_capability *a = &algs[0].sym, *b = &algs[1].sym;
    memset(algs, 0, sizeof algs);
    algs[0].op = RTE_CRYPTO_OP_TYPE_SYMMETRIC;
    if (t == GCM) {
        a->xform_type = RTE_CRYPTO_SYM_XFORM_AEAD;
        a->aead.algo = RTE_CRYPTO_AEAD_AES_GCM;
        a->aead.key_size = (struct rte_crypto_param_range){16, 32, 8};
        a->aead.digest_size = (struct rte_crypto_param_range){16, 16, 0};
    } else if (t == GMAC) {
        a->xform_type = RTE_CRYPTO_SYM_XFORM_AUTH;
        a->auth.algo = RTE_CRYPTO_AUTH_AES_GMAC;
        a->auth.key_size = (struct rte_crypto_param_range){16, 32, 8};
        a->auth.digest_size = (struct rte_crypto_param_range){16, 16, 0};
    } else {
        a->xform_type = RTE_CRYPTO_SYM_XFORM_CIPHER;
        a->cipher.algo = RTE_CRYPTO_CIPHER_AES_CBC;
        a->cipher.key_size = (struct rte_crypto_param_range){16, 32, 8};
        a->cipher.iv_size = (struct rte_crypto_param_range){16, 16, 0};
        algs[1].op = RTE_CRYPTO_OP_TYPE_SYMMETRIC;
        b->xform_type = RTE_CRYPTO_SYM_XFORM_AUTH;
        b->auth.algo = RTE_CRYPTO_AUTH_SHA256_HMAC;
        b->auth.key_size = (struct rte_crypto_param_range){32, 32, 0};
        b->auth.digest_size = (struct rte_crypto_param_range){16, 16, 0};
    }
}

static void cap_make(const struct row *r)
{
    memset(caps, 0, sizeof caps); /* what ends the list, too: RTE_SECURITY_ACTION_TYPE_NONE */
    caps[0].action = r->action;
    caps[0].protocol = RTE_SECURITY_PROTOCOL_IPSEC;
    caps[0].ipsec.proto = RTE_SECURITY_IPSEC_SA_PROTO_ESP;
    caps[0].ipsec.mode = RTE_SECURITY_IPSEC_SA_MODE_TUNNEL;
    caps[0].ipsec.direction =
        r->dir == CV_DIR_OUT ? RTE_SECURITY_IPSEC_SA_DIR_EGRESS : RTE_SECURITY_IPSEC_SA_DIR_INGRESS;
    caps[0].ipsec.replay_win_sz_max = WINDOW;
    caps[0].crypto_capabilities = algs;
    if (r->action == PROTOCOL) {
        caps[0].ipsec.options.ecn = 1;
        caps[0].ipsec.options.copy_dscp = r->dir == CV_DIR_OUT;
    }
}

static void addresses_make(struct cv_sa *sa, bool v6)
{
    static const uint8_t a4[4] = {192, 0, 2, 1}, b4[4] = {192, 0, 2, 2},
                         a6[16] = {0x20, 1, 0xd, 0xb8, [15] = 1}, b6[16] = {0x20, 1, 0xd, 0xb8, [15] = 2};
    sa->local.addr = v6 ? ip_addr_v6(a6) : ip_addr_v4(a4);
    sa->remote.addr = v6 ? ip_addr_v6(b6) : ip_addr_v4(b4);
}

static void sa_make(struct cv_sa *sa, const struct row *r)
{
    memset(sa, 0, sizeof *sa);
    sa->ref.dir = (uint8_t)r->dir;
    sa->ref.spi = 0x1000;
    sa->proto = CV_PROTO_ESP;
    sa->mode = CV_MODE_TUNNEL;
    sa->encr = r->transform == GCM    ? CV_ENCR_AES_GCM_16
               : r->transform == GMAC ? CV_ENCR_NULL_AES_GMAC
                                      : CV_ENCR_AES_CBC;
    sa->encr_key_len = 16;
    sa->salt_len = r->transform == CBC ? 0 : 4;
    sa->integ = r->transform == CBC ? CV_INTEG_HMAC_SHA2_256_128 : 0;
    sa->integ_key_len = r->transform == CBC ? 32 : 0;
    sa->replay_window = WINDOW;
    sa->df = CV_DF_CLEAR;
    addresses_make(sa, false);
    sa->ts_count = 1;
    sa->ts_local[0] = sa->ts_remote[0] = ts_any(IP_V4);
}

/* ---- twisting it ------------------------------------------------------------------------------------------------------ */
static void sa_twist(struct cv_sa *sa, const struct twist *t)
{
    switch (t->what) {
    case SA_KEY:
        sa->encr_key_len = (uint8_t)t->value;
        break;
    case SA_ENCR:
        sa->encr = (uint16_t)t->value;
        break;
    case SA_INTEG:
        sa->integ = (uint16_t)t->value;
        sa->integ_key_len = t->value == CV_INTEG_HMAC_SHA1_96        ? 20
                            : t->value == CV_INTEG_HMAC_SHA2_384_192 ? 48
                                                                     : 64;
        break;
    case SA_MODE:
        sa->mode = (uint8_t)t->value;
        break;
    case SA_FLAGS:
        sa->flags |= t->value;
        sa->local.port = sa->remote.port = t->value & CV_SA_NATT ? 4500 : sa->local.port;
        break;
    case SA_OUTER_V6:
        addresses_make(sa, true);
        break;
    case SA_INNER_V6:
        sa->ts_local[0] = sa->ts_remote[0] = ts_any(IP_V6);
        break;
    case SA_PROTO:
        sa->proto = (uint8_t)t->value;
        break;
    case SA_TFC:
        sa->tfc_len = (uint16_t)t->value;
        break;
    case SA_DUMMY:
        sa->dummy_ms = (uint16_t)t->value;
        break;
    case SA_WINDOW:
        sa->replay_window = t->value;
        break;
    case SA_SEQ:
        sa->seq = t->value;
        break;
    case SA_SEQ_HI:
        sa->seq = (uint64_t)t->value << 32;
        break;
    case SA_DF:
        sa->df = (uint8_t)t->value;
        break;
    default:
        break;
    }
}

static void cap_twist(struct rte_security_capability *c, const struct twist *t)
{
    switch (t->what) {
    case CAP_ACTION:
        c->action = (enum rte_security_session_action_type)t->value;
        break;
    case CAP_PROTOCOL:
        c->protocol = (enum rte_security_session_protocol)t->value;
        break;
    case CAP_PROTO:
        c->ipsec.proto = (enum rte_security_ipsec_sa_protocol)t->value;
        break;
    case CAP_MODE:
        c->ipsec.mode = (enum rte_security_ipsec_sa_mode)t->value;
        break;
    case CAP_DIRECTION:
        c->ipsec.direction = (enum rte_security_ipsec_sa_direction)t->value;
        break;
    case CAP_ESN:
        c->ipsec.options.esn = t->value & 1;
        break;
    case CAP_UDP:
        c->ipsec.options.udp_encap = t->value & 1;
        break;
    case CAP_DSCP:
        c->ipsec.options.copy_dscp = t->value & 1;
        break;
    case CAP_COPY_DF:
        c->ipsec.options.copy_df = t->value & 1;
        break;
    case CAP_ECN:
        c->ipsec.options.ecn = t->value & 1;
        break;
    case CAP_WINDOW:
        c->ipsec.replay_win_sz_max = t->value;
        break;
    case CAP_FLAGS:
        c->ol_flags = t->value;
        break;
    case CAP_NO_ALGS:
        c->crypto_capabilities = NULL;
        break;
    default:
        break;
    }
}

static struct rte_crypto_param_range *key_of(struct rte_cryptodev_symmetric_capability *a)
{
    return a->xform_type == RTE_CRYPTO_SYM_XFORM_AEAD   ? &a->aead.key_size
           : a->xform_type == RTE_CRYPTO_SYM_XFORM_AUTH ? &a->auth.key_size
                                                        : &a->cipher.key_size;
}

static struct rte_crypto_param_range *digest_of(struct rte_cryptodev_symmetric_capability *a)
{
    return a->xform_type == RTE_CRYPTO_SYM_XFORM_AEAD ? &a->aead.digest_size : &a->auth.digest_size;
}

static void algorithm_set(struct rte_cryptodev_symmetric_capability *a, unsigned value)
{
    if (a->xform_type == RTE_CRYPTO_SYM_XFORM_AEAD)
        a->aead.algo = (enum rte_crypto_aead_algorithm)value;
    else if (a->xform_type == RTE_CRYPTO_SYM_XFORM_AUTH)
        a->auth.algo = (enum rte_crypto_auth_algorithm)value;
    else
        a->cipher.algo = (enum rte_crypto_cipher_algorithm)value;
}

static void only(struct rte_crypto_param_range *r, unsigned value)
{
    *r = (struct rte_crypto_param_range){(uint16_t)value, (uint16_t)value, 0};
}

static void algs_twist(const struct twist *t)
{
    struct rte_cryptodev_symmetric_capability *a = &algs[0].sym, *b = &algs[1].sym;
    switch (t->what) {
    case CAP_ASYMMETRIC:
        algs[0].op = RTE_CRYPTO_OP_TYPE_ASYMMETRIC;
        break;
    case CAP_ALG:
        algorithm_set(a, t->value);
        break;
    case CAP_KIND: /* another member of the union, with the same octets in it */
        a->xform_type = (enum rte_crypto_sym_xform_type)t->value;
        break;
    case CAP_KEY_MIN:
        key_of(a)->min = (uint16_t)t->value;
        break;
    case CAP_KEY_MAX:
        key_of(a)->max = (uint16_t)t->value;
        break;
    case CAP_KEY_STEP:
        key_of(a)->increment = (uint16_t)t->value;
        break;
    case CAP_DIGEST:
        only(digest_of(a), t->value);
        break;
    case CAP_DIGEST_STEP:
        *digest_of(a) = (struct rte_crypto_param_range){8, 16, (uint16_t)t->value};
        break;
    case CAP_IV:
        only(&a->cipher.iv_size, t->value);
        break;
    case CAP2_ALG:
        algorithm_set(b, t->value);
        break;
    case CAP2_KEY:
        only(key_of(b), t->value);
        break;
    case CAP2_DIGEST:
        only(digest_of(b), t->value);
        break;
    case CAP2_OFF:
        algs[1].op = RTE_CRYPTO_OP_TYPE_UNDEFINED;
        break;
    default:
        break;
    }
}

/* ---- the table --------------------------------------------------------------------------------------------------------- */
#define OUT          CV_DIR_OUT
#define IN           CV_DIR_IN
#define FITS         CV_ENGINE_WHY_NONE
#define NO_DIRECTION CV_ENGINE_WHY_DIRECTION
#define NO_TRANSFORM CV_ENGINE_WHY_TRANSFORM
#define NO_MODE      CV_ENGINE_WHY_MODE
#define NO_HEADER    CV_ENGINE_WHY_HEADER
static const struct row rows[] = {
    /* what fits, of each action, way and transform */
    {"crypto out", CRYPTO, OUT, GCM, {{NOTHING, 0}}, FITS},
    {"crypto in", CRYPTO, IN, GCM, {{NOTHING, 0}}, FITS},
    {"protocol out", PROTOCOL, OUT, GCM, {{NOTHING, 0}}, FITS},
    {"protocol in", PROTOCOL, IN, GCM, {{NOTHING, 0}}, FITS},
    {"aside out", ASIDE, OUT, GCM, {{NOTHING, 0}}, FITS},
    {"aside in", ASIDE, IN, GCM, {{NOTHING, 0}}, FITS},
    {"GMAC out", CRYPTO, OUT, GMAC, {{NOTHING, 0}}, FITS},
    {"GMAC in", CRYPTO, IN, GMAC, {{NOTHING, 0}}, FITS},
    {"CBC out", CRYPTO, OUT, CBC, {{NOTHING, 0}}, FITS},
    {"CBC in", CRYPTO, IN, CBC, {{NOTHING, 0}}, FITS},

    /* the list of capabilities */
    {"no list", CRYPTO, OUT, GCM, {{CAP_NONE, 0}}, NO_DIRECTION},
    {"empty list", CRYPTO, OUT, GCM, {{CAP_END, 0}}, NO_DIRECTION},
    {"crypto, and protocol is there", CRYPTO, OUT, GCM, {{CAP_ACTION, PROTOCOL}}, NO_DIRECTION},
    {"protocol, and crypto is there", PROTOCOL, OUT, GCM, {{CAP_ACTION, CRYPTO}}, NO_DIRECTION},
    {"aside, and protocol is there", ASIDE, OUT, GCM, {{CAP_ACTION, PROTOCOL}}, NO_DIRECTION},
    {"of MACsec", CRYPTO, OUT, GCM, {{CAP_PROTOCOL, RTE_SECURITY_PROTOCOL_MACSEC}}, NO_DIRECTION},
    {"of AH", CRYPTO, OUT, GCM, {{CAP_PROTO, RTE_SECURITY_IPSEC_SA_PROTO_AH}}, NO_DIRECTION},
    {"out, and in is there",
     CRYPTO,
     OUT,
     GCM,
     {{CAP_DIRECTION, RTE_SECURITY_IPSEC_SA_DIR_INGRESS}},
     NO_DIRECTION},
    {"in, and out is there",
     CRYPTO,
     IN,
     GCM,
     {{CAP_DIRECTION, RTE_SECURITY_IPSEC_SA_DIR_EGRESS}},
     NO_DIRECTION},

    /* mode */
    {"transport", CRYPTO, OUT, GCM, {{SA_MODE, CV_MODE_TRANSPORT}}, NO_MODE},
    {"transport in", CRYPTO, IN, GCM, {{SA_MODE, CV_MODE_TRANSPORT}}, NO_MODE},
    {"tunnel, and transport is there",
     CRYPTO,
     OUT,
     GCM,
     {{CAP_MODE, RTE_SECURITY_IPSEC_SA_MODE_TRANSPORT}},
     NO_MODE},
    {"transport, and it is there",
     CRYPTO,
     OUT,
     GCM,
     {{SA_MODE, CV_MODE_TRANSPORT}, {CAP_MODE, RTE_SECURITY_IPSEC_SA_MODE_TRANSPORT}},
     FITS},
    {"protocol: transport, and it is there",
     PROTOCOL,
     OUT,
     GCM,
     {{SA_MODE, CV_MODE_TRANSPORT}, {CAP_MODE, RTE_SECURITY_IPSEC_SA_MODE_TRANSPORT}},
     NO_MODE},
    {"protocol: transport in, and it is there",
     PROTOCOL,
     IN,
     GCM,
     {{SA_MODE, CV_MODE_TRANSPORT}, {CAP_MODE, RTE_SECURITY_IPSEC_SA_MODE_TRANSPORT}},
     NO_MODE},
    {"aside: transport, and it is there",
     ASIDE,
     OUT,
     GCM,
     {{SA_MODE, CV_MODE_TRANSPORT}, {CAP_MODE, RTE_SECURITY_IPSEC_SA_MODE_TRANSPORT}},
     NO_MODE},

    /* algorithms */
    {"no algorithms", CRYPTO, OUT, GCM, {{CAP_NO_ALGS, 0}}, NO_TRANSFORM},
    {"asymmetric ones", CRYPTO, OUT, GCM, {{CAP_ASYMMETRIC, 0}}, NO_TRANSFORM},
    {"AEAD: another", CRYPTO, OUT, GCM, {{CAP_ALG, RTE_CRYPTO_AEAD_AES_CCM}}, NO_TRANSFORM},
    {"AEAD: ChaCha20", CRYPTO, OUT, GCM, {{SA_ENCR, CV_ENCR_CHACHA20_POLY1305}, {SA_KEY, 32}}, NO_TRANSFORM},
    {"AEAD: of the same number as a MAC",
     CRYPTO,
     OUT,
     GCM,
     {{CAP_KIND, RTE_CRYPTO_SYM_XFORM_AUTH}},
     NO_TRANSFORM},
    {"AEAD: longest key", CRYPTO, OUT, GCM, {{SA_KEY, 32}}, FITS},
    {"AEAD: key in steps", CRYPTO, OUT, GCM, {{SA_KEY, 24}}, FITS},
    {"AEAD: key too long", CRYPTO, OUT, GCM, {{SA_KEY, 32}, {CAP_KEY_MAX, 24}}, NO_TRANSFORM},
    {"AEAD: key too short", CRYPTO, OUT, GCM, {{SA_KEY, 16}, {CAP_KEY_MIN, 24}}, NO_TRANSFORM},
    {"AEAD: key between steps", CRYPTO, OUT, GCM, {{SA_KEY, 24}, {CAP_KEY_STEP, 16}}, NO_TRANSFORM},
    {"AEAD: key between two", CRYPTO, OUT, GCM, {{SA_KEY, 24}, {CAP_KEY_STEP, 0}}, NO_TRANSFORM},
    {"AEAD: key, the first of two", CRYPTO, OUT, GCM, {{SA_KEY, 16}, {CAP_KEY_STEP, 0}}, FITS},
    {"AEAD: key, the second of two", CRYPTO, OUT, GCM, {{SA_KEY, 32}, {CAP_KEY_STEP, 0}}, FITS},
    {"AEAD: shorter ICV", CRYPTO, OUT, GCM, {{CAP_DIGEST, 12}}, NO_TRANSFORM},
    {"AEAD: longer ICV", CRYPTO, IN, GCM, {{CAP_DIGEST, 20}}, NO_TRANSFORM},
    {"AEAD: ICV in steps", CRYPTO, OUT, GCM, {{CAP_DIGEST_STEP, 4}}, FITS},
    {"AEAD: ICV between steps", CRYPTO, OUT, GCM, {{CAP_DIGEST_STEP, 3}}, NO_TRANSFORM},
    {"GMAC: another MAC", CRYPTO, OUT, GMAC, {{CAP_ALG, RTE_CRYPTO_AUTH_SHA1_HMAC}}, NO_TRANSFORM},
    {"GMAC: of the same number as an AEAD",
     CRYPTO,
     OUT,
     GMAC,
     {{CAP_KIND, RTE_CRYPTO_SYM_XFORM_AEAD}},
     NO_TRANSFORM},
    {"GMAC: key too long", CRYPTO, OUT, GMAC, {{SA_KEY, 32}, {CAP_KEY_MAX, 16}}, NO_TRANSFORM},
    {"GMAC: other ICV", CRYPTO, OUT, GMAC, {{CAP_DIGEST, 12}}, NO_TRANSFORM},
    {"CBC: another cipher", CRYPTO, OUT, CBC, {{CAP_ALG, RTE_CRYPTO_CIPHER_AES_CTR}}, NO_TRANSFORM},
    {"CBC: 3DES", CRYPTO, OUT, CBC, {{SA_ENCR, CV_ENCR_3DES}, {SA_KEY, 24}}, NO_TRANSFORM},
    {"CBC: key too long", CRYPTO, OUT, CBC, {{SA_KEY, 32}, {CAP_KEY_MAX, 16}}, NO_TRANSFORM},
    {"CBC: other IV", CRYPTO, OUT, CBC, {{CAP_IV, 8}}, NO_TRANSFORM},
    {"CBC: no HMAC", CRYPTO, OUT, CBC, {{CAP2_OFF, 0}}, NO_TRANSFORM},
    {"CBC: no HMAC, in", CRYPTO, IN, CBC, {{CAP2_OFF, 0}}, NO_TRANSFORM},
    {"CBC: other HMAC", CRYPTO, OUT, CBC, {{CAP2_ALG, RTE_CRYPTO_AUTH_SHA512_HMAC}}, NO_TRANSFORM},
    {"CBC: SHA-1", CRYPTO, IN, CBC, {{SA_INTEG, CV_INTEG_HMAC_SHA1_96}}, NO_TRANSFORM},
    {"CBC: other HMAC key", CRYPTO, OUT, CBC, {{CAP2_KEY, 20}}, NO_TRANSFORM},
    {"CBC: other ICV", CRYPTO, OUT, CBC, {{CAP2_DIGEST, 12}}, NO_TRANSFORM},
    {"CBC: longer ICV", CRYPTO, IN, CBC, {{CAP2_DIGEST, 32}}, NO_TRANSFORM},

    /* ESN */
    {"ESN out", CRYPTO, OUT, GCM, {{SA_FLAGS, CV_SA_ESN}}, CV_ENGINE_WHY_ESN},
    {"ESN out, and it is there",
     CRYPTO,
     OUT,
     GCM,
     {{SA_FLAGS, CV_SA_ESN}, {CAP_ESN, 1}, {CAP_FLAGS, RTE_SECURITY_TX_OLOAD_NEED_MDATA}},
     FITS},
    {"ESN out, and no metadata", CRYPTO, OUT, GCM, {{SA_FLAGS, CV_SA_ESN}, {CAP_ESN, 1}}, CV_ENGINE_WHY_ESN},
    {"ESN in, and it is there", CRYPTO, IN, GCM, {{SA_FLAGS, CV_SA_ESN}, {CAP_ESN, 1}}, CV_ENGINE_WHY_ESN},
    {"protocol: ESN in", PROTOCOL, IN, GCM, {{SA_FLAGS, CV_SA_ESN}}, CV_ENGINE_WHY_ESN},
    {"protocol: ESN in, and it is there", PROTOCOL, IN, GCM, {{SA_FLAGS, CV_SA_ESN}, {CAP_ESN, 1}}, FITS},
    {"protocol: ESN out, and it is there", PROTOCOL, OUT, GCM, {{SA_FLAGS, CV_SA_ESN}, {CAP_ESN, 1}}, FITS},
    {"aside: ESN in, and it is there", ASIDE, IN, GCM, {{SA_FLAGS, CV_SA_ESN}, {CAP_ESN, 1}}, FITS},

    /* UDP encapsulation, and the IP version outside and inside */
    {"UDP out", CRYPTO, OUT, GCM, {{SA_FLAGS, CV_SA_NATT}}, CV_ENGINE_WHY_UDP},
    {"UDP in", CRYPTO, IN, GCM, {{SA_FLAGS, CV_SA_NATT}}, CV_ENGINE_WHY_UDP},
    {"UDP out, and it is there", CRYPTO, OUT, GCM, {{SA_FLAGS, CV_SA_NATT}, {CAP_UDP, 1}}, FITS},
    {"UDP in, and it is there", CRYPTO, IN, GCM, {{SA_FLAGS, CV_SA_NATT}, {CAP_UDP, 1}}, FITS},
    {"UDP over IPv6 out",
     CRYPTO,
     OUT,
     GCM,
     {{SA_FLAGS, CV_SA_NATT}, {CAP_UDP, 1}, {SA_OUTER_V6, 1}},
     CV_ENGINE_WHY_UDP},
    {"protocol: UDP over IPv6 out",
     PROTOCOL,
     OUT,
     GCM,
     {{SA_FLAGS, CV_SA_NATT}, {CAP_UDP, 1}, {SA_OUTER_V6, 1}},
     CV_ENGINE_WHY_UDP},
    {"aside: UDP over IPv6 out",
     ASIDE,
     OUT,
     GCM,
     {{SA_FLAGS, CV_SA_NATT}, {CAP_UDP, 1}, {SA_OUTER_V6, 1}},
     FITS},
    {"UDP over IPv6 in", CRYPTO, IN, GCM, {{SA_FLAGS, CV_SA_NATT}, {CAP_UDP, 1}, {SA_OUTER_V6, 1}}, FITS},
    {"IPv6 outside, out", CRYPTO, OUT, GCM, {{SA_OUTER_V6, 1}}, FITS},
    {"IPv6 outside, in", CRYPTO, IN, GCM, {{SA_OUTER_V6, 1}}, FITS},
    {"IPv6 inside", CRYPTO, OUT, GCM, {{SA_INNER_V6, 1}}, FITS},
    {"protocol: IPv6 inside", PROTOCOL, OUT, GCM, {{SA_INNER_V6, 1}}, FITS},
    {"protocol: IPv6 outside and inside", PROTOCOL, IN, GCM, {{SA_INNER_V6, 1}, {SA_OUTER_V6, 1}}, FITS},

    /* AH */
    {"AH", CRYPTO, OUT, GCM, {{SA_PROTO, CV_PROTO_AH}}, CV_ENGINE_WHY_PROTO},
    {"protocol: AH", PROTOCOL, IN, GCM, {{SA_PROTO, CV_PROTO_AH}}, CV_ENGINE_WHY_PROTO},

    /* TFC */
    {"padding", CRYPTO, OUT, GCM, {{SA_TFC, 1400}}, FITS},
    {"dummies", CRYPTO, OUT, GCM, {{SA_DUMMY, 100}}, FITS},
    {"protocol: padding", PROTOCOL, OUT, GCM, {{SA_TFC, 1400}}, CV_ENGINE_WHY_TFC},
    {"protocol: dummies", PROTOCOL, OUT, GCM, {{SA_DUMMY, 100}}, CV_ENGINE_WHY_TFC},
    {"protocol: padding in", PROTOCOL, IN, GCM, {{SA_TFC, 1400}}, FITS},
    {"protocol: dummies in", PROTOCOL, IN, GCM, {{SA_DUMMY, 100}}, FITS},
    {"aside: padding", ASIDE, OUT, GCM, {{SA_TFC, 1400}}, CV_ENGINE_WHY_TFC},

    /* replay window; with inline crypto it is culvert's */
    {"window", CRYPTO, IN, GCM, {{SA_WINDOW, WINDOW + 1}}, FITS},
    {"protocol: window", PROTOCOL, IN, GCM, {{SA_WINDOW, WINDOW + 1}}, CV_ENGINE_WHY_WINDOW},
    {"protocol: window out", PROTOCOL, OUT, GCM, {{SA_WINDOW, WINDOW + 1}}, FITS},
    {"protocol: window that nobody looks at",
     PROTOCOL,
     IN,
     GCM,
     {{SA_WINDOW, WINDOW + 1}, {SA_FLAGS, CV_SA_NO_REPLAY}},
     FITS},
    {"protocol: no window there", PROTOCOL, IN, GCM, {{CAP_WINDOW, 0}}, CV_ENGINE_WHY_WINDOW},
    {"aside: window", ASIDE, IN, GCM, {{SA_WINDOW, WINDOW + 1}}, CV_ENGINE_WHY_WINDOW},

    /* used before */
    {"used out", CRYPTO, OUT, GCM, {{SA_SEQ, 7}}, FITS},
    {"used in", CRYPTO, IN, GCM, {{SA_SEQ, 7}}, FITS},
    {"protocol: used in", PROTOCOL, IN, GCM, {{SA_SEQ, 7}}, CV_ENGINE_WHY_USED},
    {"protocol: used in, high half", PROTOCOL, IN, GCM, {{SA_SEQ_HI, 1}}, CV_ENGINE_WHY_USED},
    {"protocol: used out", PROTOCOL, OUT, GCM, {{SA_SEQ, 7}}, FITS},
    {"aside: used in", ASIDE, IN, GCM, {{SA_SEQ, 7}}, FITS},
    {"aside: used in, high half", ASIDE, IN, GCM, {{SA_SEQ_HI, 1}}, CV_ENGINE_WHY_USED},
    {"aside: used out, high half", ASIDE, OUT, GCM, {{SA_SEQ_HI, 1}}, FITS},

    /* DSCP, DF, ECN; with inline crypto and aside culvert writes the outer header */
    {"protocol: no DSCP", PROTOCOL, OUT, GCM, {{CAP_DSCP, 0}}, NO_HEADER},
    {"protocol: no DSCP in", PROTOCOL, IN, GCM, {{CAP_DSCP, 0}}, FITS},
    {"no DSCP", CRYPTO, OUT, GCM, {{CAP_DSCP, 0}}, FITS},
    {"aside: no DSCP", ASIDE, OUT, GCM, {{CAP_DSCP, 0}}, FITS},
    {"protocol: DF copied", PROTOCOL, OUT, GCM, {{SA_DF, CV_DF_COPY}}, NO_HEADER},
    {"protocol: DF copied, and it is there",
     PROTOCOL,
     OUT,
     GCM,
     {{SA_DF, CV_DF_COPY}, {CAP_COPY_DF, 1}},
     FITS},
    {"protocol: DF copied in", PROTOCOL, IN, GCM, {{SA_DF, CV_DF_COPY}}, FITS},
    {"protocol: DF set", PROTOCOL, OUT, GCM, {{SA_DF, CV_DF_SET}}, FITS},
    {"DF copied", CRYPTO, OUT, GCM, {{SA_DF, CV_DF_COPY}}, FITS},
    {"protocol: no ECN", PROTOCOL, OUT, GCM, {{CAP_ECN, 0}}, NO_HEADER},
    {"protocol: no ECN in", PROTOCOL, IN, GCM, {{CAP_ECN, 0}}, NO_HEADER},
    {"protocol: no ECN, and none is wanted",
     PROTOCOL,
     OUT,
     GCM,
     {{CAP_ECN, 0}, {SA_FLAGS, CV_SA_ECN_DROP}},
     FITS},
    {"no ECN", CRYPTO, OUT, GCM, {{CAP_ECN, 0}}, FITS},

    /* who writes the trailer */
    {"trailer out",
     CRYPTO,
     OUT,
     GCM,
     {{CAP_FLAGS, RTE_SECURITY_TX_HW_TRAILER_OFFLOAD}},
     CV_ENGINE_WHY_TRAILER},
    {"trailer in", CRYPTO, IN, GCM, {{CAP_FLAGS, RTE_SECURITY_RX_HW_TRAILER_OFFLOAD}}, CV_ENGINE_WHY_TRAILER},
    {"metadata", CRYPTO, OUT, GCM, {{CAP_FLAGS, RTE_SECURITY_TX_OLOAD_NEED_MDATA}}, FITS},
    {"protocol: trailer", PROTOCOL, OUT, GCM, {{CAP_FLAGS, RTE_SECURITY_TX_HW_TRAILER_OFFLOAD}}, FITS},
};

static void row_try(const struct row *r)
{
    struct cv_sa sa;
    const struct rte_security_capability *list = caps;
    uint8_t why = UINT8_MAX;
    algs_make(r->transform);
    cap_make(r);
    sa_make(&sa, r);
    for (unsigned i = 0; i < sizeof r->twist / sizeof r->twist[0]; i++) {
        const struct twist *t = &r->twist[i];
        sa_twist(&sa, t);
        cap_twist(&caps[0], t);
        algs_twist(t);
        if (t->what == CAP_NONE)
            list = NULL;
        if (t->what == CAP_END)
            memset(caps, 0, sizeof caps);
    }
    const struct rte_security_capability *got = inline_cap_find(list, r->action, &sa, &why);
    if (why != r->why || got != (r->why == FITS ? caps : NULL))
        printf("\n    %s: %s\n", r->name, cv_engine_why_name(why));
    CU_ASSERT_EQUAL(why, r->why);
    CU_ASSERT_PTR_EQUAL(got, r->why == FITS ? caps : NULL);
}

static void each_condition(void)
{
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++)
        row_try(&rows[i]);
}

/* A list is read to its end and no further: the first entry that fits, else the last one that was near says why. */
static void lists(void)
{
    const struct row r = {.action = CRYPTO, .dir = OUT, .transform = GCM};
    struct rte_security_capability list[4];
    struct cv_sa sa;
    uint8_t why;
    algs_make(GCM);
    cap_make(&r);
    sa_make(&sa, &r);
    list[0] = list[1] = list[2] = caps[0];
    list[3] = caps[1];
    list[0].ipsec.direction = RTE_SECURITY_IPSEC_SA_DIR_INGRESS;
    CU_ASSERT_PTR_EQUAL(inline_cap_find(list, CRYPTO, &sa, &why), &list[1]);
    CU_ASSERT_EQUAL(why, FITS);
    sa.flags = CV_SA_NATT;
    list[2].ipsec.mode = RTE_SECURITY_IPSEC_SA_MODE_TRANSPORT;
    CU_ASSERT_PTR_NULL(inline_cap_find(list, CRYPTO, &sa, &why));
    CU_ASSERT_EQUAL(why, CV_ENGINE_WHY_MODE);
    list[2].ipsec.mode = RTE_SECURITY_IPSEC_SA_MODE_TUNNEL;
    list[2].ipsec.options.udp_encap = 1;
    CU_ASSERT_PTR_EQUAL(inline_cap_find(list, CRYPTO, &sa, &why), &list[2]);
    list[1].action = RTE_SECURITY_ACTION_TYPE_NONE; /* what is behind the end is nothing */
    CU_ASSERT_PTR_NULL(inline_cap_find(list, CRYPTO, &sa, &why));
    CU_ASSERT_EQUAL(why, CV_ENGINE_WHY_DIRECTION);
}

int main(void)
{
    static const struct unit_test tests[] = {UNIT_TEST(each_condition), UNIT_TEST(lists)};
    return unit_run("inline match", tests, sizeof tests / sizeof tests[0]);
}
