#include "tests/unit/engine/aside_model.h"

#include "dataplane/engine/eng_cryptodev_dev.h"
#include "tests/unit/engine/model_crypt.h"

#include <dlfcn.h>
#include <errno.h>
#include <rte_ip.h>
#include <rte_security_driver.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    QUEUES = 32,
    HELD = 4096,
    WIRE = 1 << 16,
    BLOCK_CBC = 16,
    BLOCK = 4,
    ROOM_BEHIND = 100,
    NEXT_NONE = 59
};

struct aside_model aside;

void model_misuse(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    if (aside.misuse++ == 0)
        vsnprintf(aside.why, sizeof aside.why, fmt, ap);
    va_end(ap);
}

/* ---- sessions ------------------------------------------------------------------------------------------------------- */
/* What one has sent: numbers as 64 bits, and packets and octets against its limits. */
struct own {
    struct session s;
    uint64_t seq, packets, bytes;
    bool soft_said;
};

static const struct rte_security_capability *cap_of(const struct rte_security_session_conf *c)
{
    for (const struct rte_security_capability *k = aside.caps; k->action != RTE_SECURITY_ACTION_TYPE_NONE;
         k++)
        if (k->action == c->action_type && k->ipsec.mode == c->ipsec.mode &&
            k->ipsec.direction == c->ipsec.direction && k->ipsec.proto == c->ipsec.proto)
            return k;
    return NULL;
}

static void conf_check(const struct rte_security_session_conf *c)
{
    const struct rte_security_capability *k = cap_of(c);
    const struct rte_security_ipsec_sa_options *want = &c->ipsec.options;
    if (!k) {
        model_misuse("no capability covers the session");
        return;
    }
    const struct rte_security_ipsec_sa_options *have = &k->ipsec.options;
    if ((want->esn && !have->esn) || (want->udp_encap && !have->udp_encap) ||
        (want->copy_dscp && !have->copy_dscp) || (want->copy_df && !have->copy_df) ||
        (want->ecn && !have->ecn) || (want->iv_gen_disable && !have->iv_gen_disable) || want->dec_ttl ||
        want->stats || want->tunnel_hdr_verify || want->udp_ports_verify)
        model_misuse("an option that the capability lacks");
    if (c->ipsec.replay_win_sz > k->ipsec.replay_win_sz_max)
        model_misuse("a window that the capability lacks");
    if (c->ipsec.direction == RTE_SECURITY_IPSEC_SA_DIR_EGRESS && c->ipsec.esn.value == 0)
        model_misuse("number 0 (RFC 4303 3.3.3)");
    if (c->ipsec.spi <= 255)
        model_misuse("SPI %u is reserved", c->ipsec.spi);
}

static int session_create(void *device, struct rte_security_session_conf *c,
                          struct rte_security_session *session)
{
    struct own *o = SECURITY_GET_SESS_PRIV(session);
    const struct rte_crypto_sym_xform *x = c->crypto_xform;
    (void)device;
    if (aside.sessions >= aside.table) {
        aside.refused++;
        return -ENOSPC;
    }
    conf_check(c);
    memset(o, 0, sizeof *o);
    o->s.x = c->ipsec;
    o->s.out = c->ipsec.direction == RTE_SECURITY_IPSEC_SA_DIR_EGRESS;
    memcpy(o->s.salt, &c->ipsec.salt, 4);
    if (!x || !model_key_take(x, &o->s) || (x->next && !model_key_take(x->next, &o->s)))
        return -ENOTSUP;
    o->s.first = *x;
    o->seq = c->ipsec.esn.value - o->s.out;
    o->s.alive = ALIVE;
    aside.sessions++;
    return 0;
}

static int session_destroy(void *device, struct rte_security_session *session)
{
    struct own *o = SECURITY_GET_SESS_PRIV(session);
    (void)device;
    if (o->s.alive != ALIVE)
        model_misuse("a session that is none is destroyed");
    if (aside.keeps)
        return -EBUSY;
    memset(o, 0, sizeof *o);
    aside.sessions--;
    return 0;
}

static unsigned session_size(void *device)
{
    (void)device;
    return sizeof(struct own);
}

static const struct rte_security_capability *capabilities(void *device)
{
    (void)device;
    return aside.caps;
}

static const struct rte_security_ops ops = {.session_create = session_create,
                                            .session_get_size = session_size,
                                            .session_destroy = session_destroy,
                                            .capabilities_get = capabilities};
static struct rte_security_ctx context = {.device = &aside, .ops = &ops};

void *rte_cryptodev_get_sec_ctx(uint8_t id)
{
    (void)id;
    return aside.caps ? &context : NULL;
}

void rte_cryptodev_info_get(uint8_t id, struct rte_cryptodev_info *info)
{
    void (*next)(uint8_t, struct rte_cryptodev_info *);
    *(void **)&next = dlsym(RTLD_NEXT, "rte_cryptodev_info_get");
    next(id, info);
    if (aside.caps && !aside.no_flag)
        info->feature_flags |= RTE_CRYPTODEV_FF_SECURITY;
}

/* ---- packets --------------------------------------------------------------------------------------------------------- */
static unsigned total_of(const uint8_t *ip)
{
    return ip[0] >> 4 == 4 ? ip[2] * 256u + ip[3] : 40u + ip[4] * 256u + ip[5];
}

static void outer_write(const struct session *s, uint8_t *ip, unsigned total)
{
    const bool v6 = s->x.tunnel.type == RTE_SECURITY_IPSEC_TUNNEL_IPV6, udp = s->x.options.udp_encap;
    const unsigned hl = v6 ? 40 : 20;
    const uint16_t len = rte_cpu_to_be_16((uint16_t)(v6 ? total - 40 : total)),
                   udp_len = rte_cpu_to_be_16((uint16_t)(total - hl));
    memset(ip, 0, hl + (udp ? 8 : 0));
    ip[0] = v6 ? 0x60 : 0x45;
    ip[v6 ? 6 : 9] = udp ? 17 : 50;
    ip[v6 ? 7 : 8] = 64;
    memcpy(ip + (v6 ? 4 : 2), &len, 2);
    if (v6) {
        memcpy(ip + 8, &s->x.tunnel.ipv6.src_addr, 16);
        memcpy(ip + 24, &s->x.tunnel.ipv6.dst_addr, 16);
    } else {
        memcpy(ip + 12, &s->x.tunnel.ipv4.src_ip, 4);
        memcpy(ip + 16, &s->x.tunnel.ipv4.dst_ip, 4);
        const uint16_t sum = rte_ipv4_cksum((const struct rte_ipv4_hdr *)(void *)ip);
        memcpy(ip + 10, &sum, 2);
    }
    if (udp) {
        const uint16_t ports[2] = {rte_cpu_to_be_16(s->x.udp.sport), rte_cpu_to_be_16(s->x.udp.dport)};
        memcpy(ip + hl, ports, 4);
        memcpy(ip + hl + 4, &udp_len, 2);
    }
}

static void iv_write(const struct session *s, const struct rte_crypto_op *op, uint8_t *iv)
{
    const struct rte_crypto_sym_xform *x = &s->first;
    const unsigned at = s->aead ? x->aead.iv.offset : x->auth.iv.offset;
    for (unsigned i = 0; i < s->iv_len; i++)
        iv[i] = (uint8_t)(aside.one_iv ? 7 : rand());
    if (s->x.options.iv_gen_disable)
        memcpy(iv, (const uint8_t *)op + at, s->iv_len);
}

static bool over(uint64_t n, uint64_t limit)
{
    return limit && n >= limit;
}

static bool limits_pass(struct own *o, struct rte_crypto_op *op, unsigned len)
{
    const struct rte_security_ipsec_lifetime *l = &o->s.x.life;
    if (over(o->packets, l->packets_hard_limit) || over(o->bytes, l->bytes_hard_limit))
        return false;
    o->packets++;
    o->bytes += len;
    if ((over(o->packets, l->packets_soft_limit) || over(o->bytes, l->bytes_soft_limit)) && !o->soft_said) {
        o->soft_said = true;
        op->aux_flags = RTE_CRYPTO_OP_AUX_FLAGS_IPSEC_SOFT_EXPIRY;
        aside.softs++;
    }
    return true;
}

static enum rte_crypto_op_status encapsulate(struct own *o, struct rte_crypto_op *op, struct rte_mbuf *m)
{
    const struct session *s = &o->s;
    uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);
    const unsigned len = m->data_len, block = s->auth_len && s->cipher_len ? BLOCK_CBC : BLOCK,
                   pad = -(len + 2u) & (block - 1),
                   outer = s->x.tunnel.type == RTE_SECURITY_IPSEC_TUNNEL_IPV6 ? 40 : 20,
                   front = outer + (s->x.options.udp_encap ? 8 : 0) + ESP_HDR + s->iv_len;
    if (len < 20 || total_of(p) != len || m->data_off < front || rte_pktmbuf_tailroom(m) < ROOM_BEHIND) {
        model_misuse("no inner packet of %u octets with room around it", len);
        return RTE_CRYPTO_OP_STATUS_INVALID_ARGS;
    }
    if (aside.broken || !limits_pass(o, op, len))
        return RTE_CRYPTO_OP_STATUS_ERROR;
    if (aside.lies)
        return RTE_CRYPTO_OP_STATUS_SUCCESS;
    const uint8_t next = p[0] >> 4 == 4 ? 4 : 41;
    uint8_t *tail = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)(pad + 2 + s->icv_len)),
            *ip = (uint8_t *)rte_pktmbuf_prepend(m, (uint16_t)front), *esp = p - ESP_HDR - s->iv_len;
    for (unsigned i = 0; i < pad; i++)
        tail[i] = (uint8_t)(aside.no_padding ? 0 : i + 1);
    tail[pad] = (uint8_t)pad;
    tail[pad + 1] = next;
    o->seq += aside.skips ? 2 : 1;
    aside.highest = RTE_MAX(aside.highest, o->seq);
    const uint32_t spi = rte_cpu_to_be_32(s->x.spi), lo = rte_cpu_to_be_32((uint32_t)o->seq);
    memcpy(esp, &spi, 4);
    memcpy(esp + 4, &lo, 4);
    iv_write(s, op, esp + ESP_HDR);
    outer_write(s, ip, m->data_len);
    (void)model_crypt(s, esp, m->data_len - (unsigned)(esp - ip), (uint32_t)(o->seq >> 32));
    esp[m->data_len - (unsigned)(esp - ip) - 1] ^= aside.flips;
    aside.encrypted++;
    return RTE_CRYPTO_OP_STATUS_SUCCESS;
}

static enum rte_crypto_op_status decapsulate(struct own *o, struct rte_crypto_op *op, struct rte_mbuf *m)
{
    struct session *s = &o->s;
    const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
    const bool v6 = s->x.tunnel.type == RTE_SECURITY_IPSEC_TUNNEL_IPV6, udp = s->x.options.udp_encap;
    const unsigned hl = v6 ? 40 : 20, at = hl + (udp ? 8 : 0),
                   data = m->data_len - at - ESP_HDR - s->iv_len - s->icv_len;
    const uint32_t spi = rte_cpu_to_be_32(s->x.spi);
    uint32_t seq;
    if (m->data_len <= at + ESP_HDR + s->iv_len + s->icv_len ||
        (ip[0] != (v6 ? 0x60 : 0x45) && ip[0] >> 4 != 6) || ip[v6 ? 6 : 9] != (udp ? 17 : 50) ||
        memcmp(ip + at, &spi, 4) != 0) {
        model_misuse("no packet of the session");
        return RTE_CRYPTO_OP_STATUS_INVALID_ARGS;
    }
    uint8_t *esp = rte_pktmbuf_mtod_offset(m, uint8_t *, at), *in = esp + ESP_HDR + s->iv_len;
    memcpy(&seq, esp + 4, 4);
    seq = rte_be_to_cpu_32(seq);
    if (s->x.replay_win_sz && (seq >= sizeof s->seen || s->seen[seq])) {
        aside.replayed++;
        return RTE_CRYPTO_OP_STATUS_ERROR;
    }
    const enum rte_crypto_op_status forged =
        aside.plain_errors ? RTE_CRYPTO_OP_STATUS_ERROR : RTE_CRYPTO_OP_STATUS_AUTH_FAILED;
    if (!model_crypt(s, esp, m->data_len - at, 0) && !aside.accepts)
        return forged;
    const bool dummy = in[data - 1] == NEXT_NONE;
    if (dummy && aside.dummies)
        return aside.dummies == 1 ? forged : RTE_CRYPTO_OP_STATUS_INVALID_ARGS;
    if (s->x.replay_win_sz)
        s->seen[seq] = 1;
    if (!limits_pass(o, op, data))
        return RTE_CRYPTO_OP_STATUS_ERROR;
    rte_pktmbuf_adj(m, (uint16_t)(in - ip));
    const unsigned len = aside.short_inner ? 8 : dummy ? data - 2 - in[data - 2] : total_of(in);
    rte_pktmbuf_trim(m, (uint16_t)(m->data_len - len));
    aside.decrypted++;
    return RTE_CRYPTO_OP_STATUS_SUCCESS;
}

/* ---- queues ---------------------------------------------------------------------------------------------------------- */
static struct cdev_calls real;
static struct {
    struct rte_crypto_op *ops[HELD];
    unsigned n;
} queue[QUEUES];

static void work(struct rte_crypto_op *op)
{
    struct own *o = SECURITY_GET_SESS_PRIV((struct rte_security_session *)op->sym->session);
    struct rte_mbuf *m = op->sym->m_src;
    if (op->type != RTE_CRYPTO_OP_TYPE_SYMMETRIC || op->status != RTE_CRYPTO_OP_STATUS_NOT_PROCESSED ||
        op->aux_flags || op->sym->m_dst || !m || o->s.alive != ALIVE || m->nb_segs != 1 ||
        m->pkt_len != m->data_len || (m->ol_flags & (RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_L4_MASK))) {
        model_misuse("an operation that is not as it should be");
        op->status = RTE_CRYPTO_OP_STATUS_INVALID_SESSION;
        return;
    }
    op->status = (uint8_t)(o->s.out ? encapsulate(o, op, m) : decapsulate(o, op, m));
}

static uint16_t enqueue(uint8_t dev, uint16_t qp, struct rte_crypto_op **all, uint16_t n)
{
    for (uint16_t i = 0; i < n; i++) {
        if (all[i]->sess_type != RTE_CRYPTO_OP_SECURITY_SESSION) {
            if (real.enqueue(dev, qp, &all[i], 1) != 1)
                return i;
            continue;
        }
        if (queue[qp].n == HELD)
            return i;
        work(all[i]);
        queue[qp].ops[queue[qp].n++] = all[i];
    }
    return n;
}

static uint16_t dequeue(uint8_t dev, uint16_t qp, struct rte_crypto_op **all, uint16_t n)
{
    const uint16_t k = (uint16_t)RTE_MIN(queue[qp].n, (unsigned)n);
    memcpy(all, queue[qp].ops, k * sizeof *all);
    queue[qp].n -= k;
    memmove(queue[qp].ops, queue[qp].ops + k, queue[qp].n * sizeof *all);
    return k < n ? (uint16_t)(k + real.dequeue(dev, qp, all + k, (uint16_t)(n - k))) : k;
}

void aside_install(void)
{
    memset(queue, 0, sizeof queue);
    real = cdev_calls;
    cdev_calls.enqueue = enqueue;
    cdev_calls.dequeue = dequeue;
}

void aside_remove(void)
{
    cdev_calls = real;
}

/* ---- the wire --------------------------------------------------------------------------------------------------------- */
struct seen {
    bool used;
    uint32_t spi;
    uint8_t what[16];
};
static struct seen ivs[WIRE], numbers[WIRE];

static bool again(struct seen *table, uint32_t spi, const uint8_t *what, unsigned len)
{
    uint64_t h = spi;
    for (unsigned i = 0; i < len; i++)
        h = (h ^ what[i]) * 0x100000001b3;
    for (unsigned i = (unsigned)(h >> 20) % WIRE;; i = (i + 1) % WIRE) {
        struct seen *t = &table[i];
        if (t->used && t->spi == spi && memcmp(t->what, what, len) == 0)
            return true;
        if (t->used)
            continue;
        *t = (struct seen){.used = true, .spi = spi};
        memcpy(t->what, what, len);
        return false;
    }
}

uint32_t aside_wire(const struct rte_mbuf *m, unsigned iv_len)
{
    const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
    const bool v6 = ip[0] >> 4 == 6;
    const uint8_t *esp = ip + (v6 ? 40 : 20) + (ip[v6 ? 6 : 9] == 17 ? 8 : 0);
    uint32_t spi, seq;
    memcpy(&spi, esp, 4);
    memcpy(&seq, esp + 4, 4);
    aside.seen++;
    aside.number_twice += again(numbers, spi, esp + 4, 4);
    aside.iv_twice += iv_len && again(ivs, spi, esp + ESP_HDR, iv_len);
    if (m->data_len != total_of(ip) || m->pkt_len != m->data_len)
        model_misuse("a packet of %u octets that says %u", m->data_len, total_of(ip));
    return rte_be_to_cpu_32(seq);
}

void aside_reset(const struct rte_security_capability *caps)
{
    memset(ivs, 0, sizeof ivs);
    memset(numbers, 0, sizeof numbers);
    context.sess_cnt = 0;
    aside = (struct aside_model){.caps = caps, .table = 4096};
}
