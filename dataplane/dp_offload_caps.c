#include "dataplane/dp_offload_caps.h"

#include <rte_cryptodev.h>
#include <rte_dev.h>
#include <rte_ethdev.h>
#include <rte_security.h>
#include <stdio.h>
#include <string.h>

/* Appends a word to a list of words; a list that is full stays as it is. */
static void word_add(char *list, size_t room, const char *word)
{
    const size_t len = strlen(list);
    if (len + strlen(word) + 2 <= room)
        snprintf(list + len, room - len, "%s%s", len ? " " : "", word);
}

/* ---- algorithms --------------------------------------------------------------------------------------------------- */
static struct offload_range range_of(const struct rte_crypto_param_range *r)
{
    return (struct offload_range){r->min, r->max, r->increment};
}

/* NULL: not symmetric, or newer than what ESP and AH have: DPDK's table of names does not reach as far as its numbers do. */
static const char *alg_name(const struct rte_cryptodev_capabilities *c)
{
    if (c->op != RTE_CRYPTO_OP_TYPE_SYMMETRIC)
        return NULL;
    switch (c->sym.xform_type) {
    case RTE_CRYPTO_SYM_XFORM_AEAD:
        return c->sym.aead.algo <= RTE_CRYPTO_AEAD_CHACHA20_POLY1305
                   ? rte_crypto_aead_algorithm_strings[c->sym.aead.algo]
                   : NULL;
    case RTE_CRYPTO_SYM_XFORM_CIPHER:
        return c->sym.cipher.algo <= RTE_CRYPTO_CIPHER_DES_DOCSISBPI
                   ? rte_crypto_cipher_algorithm_strings[c->sym.cipher.algo]
                   : NULL;
    case RTE_CRYPTO_SYM_XFORM_AUTH:
        return c->sym.auth.algo <= RTE_CRYPTO_AUTH_ZUC_EIA3
                   ? rte_crypto_auth_algorithm_strings[c->sym.auth.algo]
                   : NULL;
    default:
        return NULL;
    }
}

static void alg_fill(struct offload_alg *a, const struct rte_cryptodev_symmetric_capability *c)
{
    switch (c->xform_type) {
    case RTE_CRYPTO_SYM_XFORM_AEAD:
        snprintf(a->kind, sizeof a->kind, "aead");
        a->key = range_of(&c->aead.key_size);
        a->iv = range_of(&c->aead.iv_size);
        a->digest = range_of(&c->aead.digest_size);
        a->aad = range_of(&c->aead.aad_size);
        break;
    case RTE_CRYPTO_SYM_XFORM_CIPHER:
        snprintf(a->kind, sizeof a->kind, "cipher");
        a->key = range_of(&c->cipher.key_size);
        a->iv = range_of(&c->cipher.iv_size);
        break;
    default:
        snprintf(a->kind, sizeof a->kind, "auth");
        a->key = range_of(&c->auth.key_size);
        a->iv = range_of(&c->auth.iv_size);
        a->digest = range_of(&c->auth.digest_size);
    }
}

/* Into out[0..max), which has count of them already; returns how many it has then. */
static unsigned algs_add(struct offload_alg *out, unsigned count, unsigned max,
                         const struct rte_cryptodev_capabilities *c)
{
    for (; c && c->op != RTE_CRYPTO_OP_TYPE_UNDEFINED && count < max; c++) {
        const char *name = alg_name(c);
        if (!name)
            continue;
        struct offload_alg *a = &out[count++];
        snprintf(a->name, sizeof a->name, "%s", name);
        alg_fill(a, &c->sym);
    }
    return count;
}

void dp_offload_caps_algorithms(struct offload_device *d, const struct rte_cryptodev_capabilities *c)
{
    d->alg_count = algs_add(d->algs, d->alg_count, OFFLOAD_ALGS, c);
}

/* ---- rte_security --------------------------------------------------------------------------------------------------- */
static const char *action_name(enum rte_security_session_action_type a)
{
    static const char *const names[] = {
        [RTE_SECURITY_ACTION_TYPE_INLINE_CRYPTO] = "inline-crypto",
        [RTE_SECURITY_ACTION_TYPE_INLINE_PROTOCOL] = "inline-protocol",
        [RTE_SECURITY_ACTION_TYPE_LOOKASIDE_PROTOCOL] = "lookaside-protocol",
        [RTE_SECURITY_ACTION_TYPE_CPU_CRYPTO] = "cpu-crypto",
    };
    return a < RTE_DIM(names) && names[a] ? names[a] : "unknown";
}

static const char *mode_name(enum rte_security_ipsec_sa_mode m)
{
    return m == RTE_SECURITY_IPSEC_SA_MODE_TRANSPORT ? "transport"
           : m == RTE_SECURITY_IPSEC_SA_MODE_TUNNEL  ? "tunnel"
                                                     : "unknown";
}

static void options_fill(struct offload_ipsec *l, const struct rte_security_ipsec_sa_options *o)
{
    const struct {
        bool have;
        const char *name;
    } all[] = {{o->copy_dscp, "copy-dscp"},
               {o->copy_flabel, "copy-flow-label"},
               {o->copy_df, "copy-df"},
               {o->dec_ttl, "dec-ttl"},
               {o->ecn, "ecn"},
               {o->stats, "stats"},
               {o->iv_gen_disable, "own-iv"},
               {o->tunnel_hdr_verify, "tunnel-header-verify"},
               {o->ip_csum_enable, "ip-checksum"},
               {o->l4_csum_enable, "l4-checksum"}};
    for (unsigned i = 0; i < RTE_DIM(all); i++)
        if (all[i].have)
            word_add(l->options, sizeof l->options, all[i].name);
}

static void ipsec_add(struct offload_device *d, const struct rte_security_capability *c)
{
    struct offload_ipsec *l = &d->ipsec[d->ipsec_count++];
    snprintf(l->action, sizeof l->action, "%s", action_name(c->action));
    snprintf(l->protocol, sizeof l->protocol, "%s",
             c->ipsec.proto == RTE_SECURITY_IPSEC_SA_PROTO_AH ? "ah" : "esp");
    snprintf(l->mode, sizeof l->mode, "%s", mode_name(c->ipsec.mode));
    snprintf(l->direction, sizeof l->direction, "%s",
             c->ipsec.direction == RTE_SECURITY_IPSEC_SA_DIR_EGRESS ? "egress" : "ingress");
    l->esn = c->ipsec.options.esn;
    l->udp_encap = c->ipsec.options.udp_encap;
    l->replay_window_max = c->ipsec.replay_win_sz_max;
    options_fill(l, &c->ipsec.options);
    l->alg_count = algs_add(l->algs, 0, OFFLOAD_IPSEC_ALGS, c->crypto_capabilities);
}

void dp_offload_caps_ipsec(struct offload_device *d, const struct rte_security_capability *c)
{
    for (; c && c->action != RTE_SECURITY_ACTION_TYPE_NONE && d->ipsec_count < OFFLOAD_IPSEC; c++)
        if (c->protocol == RTE_SECURITY_PROTOCOL_IPSEC)
            ipsec_add(d, c);
}

static void security_fill(struct offload_device *d, void *context)
{
    d->security = context != NULL;
    if (context)
        dp_offload_caps_ipsec(d, rte_security_capabilities_get(context));
}

/* ---- devices --------------------------------------------------------------------------------------------------------- */
static struct offload_device *device_add(struct offload_report *out, const char *name, const char *driver)
{
    if (out->device_count == OFFLOAD_DEVICES)
        return NULL;
    struct offload_device *d = &out->devices[out->device_count++];
    snprintf(d->name, sizeof d->name, "%s", name);
    snprintf(d->driver, sizeof d->driver, "%s", driver);
    return d;
}

static void crypto_fill(struct offload_report *out, uint8_t id)
{
    struct rte_cryptodev_info info;
    rte_cryptodev_info_get(id, &info);
    struct offload_device *d = device_add(out, rte_cryptodev_name_get(id), info.driver_name);
    if (!d)
        return;
    d->queue_pairs = info.max_nb_queue_pairs;
    d->sessions_max = info.sym.max_nb_sessions;
    for (unsigned bit = 0; bit < 64; bit++) {
        const char *name =
            info.feature_flags >> bit & 1 ? rte_cryptodev_get_feature_name(UINT64_C(1) << bit) : NULL;
        if (name)
            word_add(d->features, sizeof d->features, name);
    }
    dp_offload_caps_algorithms(d, info.capabilities);
    security_fill(d, rte_cryptodev_get_sec_ctx(id));
}

static void port_fill(struct offload_report *out, uint16_t port)
{
    struct rte_eth_dev_info info;
    char name[RTE_ETH_NAME_MAX_LEN] = "";
    if (rte_eth_dev_info_get(port, &info) != 0 || rte_eth_dev_get_name_by_port(port, name) != 0)
        return;
    struct offload_device *d = device_add(out, name, info.driver_name);
    if (!d)
        return;
    d->is_port = true;
    d->queue_pairs = info.max_rx_queues;
    d->inline_rx = (info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_SECURITY) != 0;
    d->inline_tx = (info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_SECURITY) != 0;
    security_fill(d, rte_eth_dev_get_sec_ctx(port));
}

static void note(struct offload_report *out, const char *text, const char *of)
{
    const size_t len = strlen(out->notes);
    snprintf(out->notes + len, sizeof out->notes - len, "%s%s %s", len ? "; " : "", of, text);
}

bool dp_offload_caps_inline(const struct offload_report *r, struct offload_engine *e)
{
    if (strcmp(e->word, "inline") != 0)
        return false;
    snprintf(e->why, sizeof e->why, "no port with rte_security");
    for (unsigned i = 0; i < r->device_count; i++) {
        const struct offload_device *d = &r->devices[i];
        if (d->is_port && d->security && d->ipsec_count > 0)
            snprintf(e->why, sizeof e->why,
                     "what %s does shows on its wire alone: pktgen-scripts/ measure there", d->name);
    }
    return true;
}

static void drivers_make(struct offload_report *out)
{
    static const char *const names[] = {"crypto_aesni_mb", "crypto_aesni_gcm", "crypto_openssl",
                                        "crypto_null"};
    for (unsigned i = 0; i < RTE_DIM(names); i++)
        if (rte_eal_hotplug_add("vdev", names[i], "max_nb_queue_pairs=2") != 0)
            note(out, "is not in this DPDK", names[i]);
}

static bool is_there(const struct offload_report *out, const char *name)
{
    for (unsigned i = 0; i < out->device_count; i++)
        if (strcmp(out->devices[i].name, name) == 0)
            return true;
    return false;
}

/* net_pcap0,iface=eth0: made, unless it is one of those that are there anyway. */
static bool vdev_make(const char *device)
{
    char name[OFFLOAD_NAME];
    const size_t len = strcspn(device, ",");
    snprintf(name, sizeof name, "%.*s", (int)len, device);
    return rte_cryptodev_get_dev_id(name) >= 0 ||
           rte_eal_hotplug_add("vdev", name, device + len + (device[len] == ',')) == 0;
}

/* An address without a domain is of the first; a driver's arguments are no part of it. */
static void pci_expect(struct offload_report *out, const char *device)
{
    char name[OFFLOAD_NAME];
    const bool domain = strchr(device, ':') != strrchr(device, ':');
    snprintf(name, sizeof name, "%s%.*s", domain ? "" : "0000:", (int)strcspn(device, ","), device);
    if (is_there(out, name))
        return;
    note(out, "is not there: no such card, not bound to vfio-pci, or no driver of this DPDK knows it",
         device);
    out->missing = true;
}

static void vdevs_make(const struct offload_plan *p, struct offload_report *out)
{
    for (unsigned i = 0; i < p->device_count; i++)
        if (!strchr(p->devices[i], ':') && !vdev_make(p->devices[i])) {
            note(out, "could not be made", p->devices[i]);
            out->missing = true;
        }
}

void dp_offload_caps(const struct offload_plan *p, struct offload_report *out)
{
    if (!dp_offload_eal(p)) {
        note(out, "did not start: no devices were looked at", "the EAL");
        out->missing = p->named;
        return;
    }
    drivers_make(out);
    vdevs_make(p, out);
    uint16_t port;
    for (port = 0; port < RTE_MAX_ETHPORTS; port++)
        if (rte_eth_dev_is_valid_port(port))
            port_fill(out, port);
    for (unsigned id = 0; id < RTE_CRYPTO_MAX_DEVS; id++)
        if (rte_cryptodev_is_valid_dev((uint8_t)id))
            crypto_fill(out, (uint8_t)id);
    for (unsigned i = 0; p->named && i < p->device_count; i++)
        if (strchr(p->devices[i], ':'))
            pci_expect(out, p->devices[i]);
}
