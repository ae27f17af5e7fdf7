#include "tests/unit/engine/inline_model.h"

#include <rte_cryptodev.h>

/* ---- capabilities ------------------------------------------------------------------------------------------------------ */
#define AEAD(most, step)                                                                                     \
    {                                                                                                        \
        .op = RTE_CRYPTO_OP_TYPE_SYMMETRIC,                                                                  \
        {                                                                                                    \
            .sym = {                                                                                         \
                .xform_type = RTE_CRYPTO_SYM_XFORM_AEAD,                                                     \
                {.aead = {.algo = RTE_CRYPTO_AEAD_AES_GCM,                                                   \
                          .block_size = 16,                                                                  \
                          .key_size = {16, most, step},                                                      \
                          .digest_size = {16, 16, 0},                                                        \
                          .aad_size = {0, 65535, 1},                                                         \
                          .iv_size = {12, 12, 0}}}                                                           \
            }                                                                                                \
        }                                                                                                    \
    }
#define AUTH(alg, key_min, key_max, step, digest)                                                            \
    {                                                                                                        \
        .op = RTE_CRYPTO_OP_TYPE_SYMMETRIC,                                                                  \
        {                                                                                                    \
            .sym = {                                                                                         \
                .xform_type = RTE_CRYPTO_SYM_XFORM_AUTH,                                                     \
                {.auth = {.algo = alg,                                                                       \
                          .block_size = 16,                                                                  \
                          .key_size = {key_min, key_max, step},                                              \
                          .digest_size = {digest, digest, 0},                                                \
                          .iv_size = {12, 12, 0}}}                                                           \
            }                                                                                                \
        }                                                                                                    \
    }
#define CIPHER(alg)                                                                                          \
    {                                                                                                        \
        .op = RTE_CRYPTO_OP_TYPE_SYMMETRIC,                                                                  \
        {                                                                                                    \
            .sym = {                                                                                         \
                .xform_type = RTE_CRYPTO_SYM_XFORM_CIPHER,                                                   \
                {.cipher = {.algo = alg, .block_size = 16, .key_size = {16, 32, 8}, .iv_size = {16, 16, 0}}} \
            }                                                                                                \
        }                                                                                                    \
    }
static const struct rte_cryptodev_capabilities algs_ixgbe[] = {
    AUTH(RTE_CRYPTO_AUTH_AES_GMAC, 16, 16, 0, 16), AEAD(16, 0), RTE_CRYPTODEV_END_OF_CAPABILITIES_LIST()};
static const struct rte_cryptodev_capabilities algs_all[] = {{.op = RTE_CRYPTO_OP_TYPE_ASYMMETRIC},
                                                             AUTH(RTE_CRYPTO_AUTH_AES_GMAC, 16, 32, 8, 16),
                                                             AUTH(RTE_CRYPTO_AUTH_SHA256_HMAC, 32, 32, 0, 16),
                                                             CIPHER(RTE_CRYPTO_CIPHER_AES_CBC),
                                                             AEAD(32, 8),
                                                             RTE_CRYPTODEV_END_OF_CAPABILITIES_LIST()};

#define IPSEC(what, which_mode, dir, all, algs, flags)                                                       \
    {                                                                                                        \
        .action = RTE_SECURITY_ACTION_TYPE_##what, .protocol = RTE_SECURITY_PROTOCOL_IPSEC,                  \
        {.ipsec = {.proto = RTE_SECURITY_IPSEC_SA_PROTO_ESP,                                                 \
                   .mode = RTE_SECURITY_IPSEC_SA_MODE_##which_mode,                                          \
                   .direction = RTE_SECURITY_IPSEC_SA_DIR_##dir,                                             \
                   .options = {.esn = all, .udp_encap = all, .copy_dscp = all, .copy_df = all, .ecn = all},  \
                   .replay_win_sz_max = 1024}},                                                              \
        .crypto_capabilities = algs, .ol_flags = flags                                                       \
    }
#define FOUR(what, all, algs, out_flags)                                                                     \
    IPSEC(what, TRANSPORT, EGRESS, all, algs, out_flags), IPSEC(what, TRANSPORT, INGRESS, all, algs, 0),     \
        IPSEC(what, TUNNEL, EGRESS, all, algs, out_flags), IPSEC(what, TUNNEL, INGRESS, all, algs, 0)
#define END                                                                                                  \
    {                                                                                                        \
        .action = RTE_SECURITY_ACTION_TYPE_NONE                                                              \
    }

const struct rte_security_capability model_caps_ixgbe[] = {
    FOUR(INLINE_CRYPTO, 0, algs_ixgbe, RTE_SECURITY_TX_OLOAD_NEED_MDATA), END};
const struct rte_security_capability model_caps_all[] = {
    FOUR(INLINE_CRYPTO, 1, algs_all, RTE_SECURITY_TX_OLOAD_NEED_MDATA),
    FOUR(INLINE_PROTOCOL, 1, algs_all, RTE_SECURITY_TX_OLOAD_NEED_MDATA), END};
const struct rte_security_capability model_caps_protocol[] = {
    FOUR(INLINE_PROTOCOL, 1, algs_all, RTE_SECURITY_TX_OLOAD_NEED_MDATA), END};
const struct rte_security_capability model_caps_protocol_bare[] = {
    FOUR(INLINE_PROTOCOL, 0, algs_ixgbe, RTE_SECURITY_TX_OLOAD_NEED_MDATA), END};
const struct rte_security_capability model_caps_no_metadata[] = {FOUR(INLINE_CRYPTO, 1, algs_all, 0), END};
const struct rte_security_capability model_caps_trailer[] = {
    FOUR(INLINE_CRYPTO, 1, algs_all, RTE_SECURITY_TX_HW_TRAILER_OFFLOAD), END};
const struct rte_security_capability model_caps_aside[] = {FOUR(LOOKASIDE_PROTOCOL, 1, algs_all, 0), END};
const struct rte_security_capability model_caps_aside_bare[] = {FOUR(LOOKASIDE_PROTOCOL, 0, algs_ixgbe, 0),
                                                                END};
const struct rte_security_capability model_caps_none[] = {
    {.action = RTE_SECURITY_ACTION_TYPE_LOOKASIDE_PROTOCOL, .protocol = RTE_SECURITY_PROTOCOL_IPSEC}, END};
