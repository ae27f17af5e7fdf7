#include "dataplane/io/io_port.h"
#include "common/log.h"
#include "dataplane/io/io_steer.h"

#include <ctype.h>
#include <errno.h>
#include <net/if.h>
#include <rte_ethdev.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

bool io_port_joins_fragments(const struct platform_port *conf)
{
    return !conf->is_pci && strncmp(conf->device, "net_af_packet", 13) == 0;
}

const char *io_port_device(const struct platform_port *conf, unsigned index, char *out, size_t out_len)
{
    size_t name = strcspn(conf->device, ",");
    if (conf->is_pci || (name > 0 && isdigit((unsigned char)conf->device[name - 1])))
        snprintf(out, out_len, "%s", conf->device);
    else
        snprintf(out, out_len, "%.*s_%u%s", (int)name, conf->device, index, conf->device + name);
    size_t used = strlen(out);
    if (io_port_joins_fragments(conf) && !strstr(conf->device, "framesz="))
        snprintf(out + used, out_len - used, ",framesz=%d", IO_JOINED_FRAME);
    return out;
}

static cv_result fail(char *err, size_t err_len, const struct platform_port *conf, const char *what, int code)
{
    snprintf(err, err_len, "port %s (%s): %s: %s", conf->name, conf->device, what,
             rte_strerror(code < 0 ? -code : code));
    return CV_EIO;
}

static bool find(const struct platform_port *conf, unsigned index, uint16_t *id)
{
    char device[256];
    io_port_device(conf, index, device, sizeof device);
    device[strcspn(device, ",")] = '\0';
    if (rte_eth_dev_get_port_by_name(device, id) == 0)
        return true;
    char full[264]; /* 03:00.0 is known as 0000:03:00.0 */
    snprintf(full, sizeof full, "0000:%s", device);
    return conf->is_pci && rte_eth_dev_get_port_by_name(full, id) == 0;
}

/* Mbufs that a driver takes for one frame. */
static uint16_t segs_of(const struct rte_eth_dev_info *info)
{
    const struct rte_eth_desc_lim *lim = &info->tx_desc_lim;
    if (!(info->tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS))
        return 1;
    return lim->nb_mtu_seg_max ? lim->nb_mtu_seg_max : lim->nb_seg_max ? lim->nb_seg_max : UINT16_MAX;
}

/* Longer frames than usual: room for them, or several mbufs for each. In several they leave as well, where the driver can; ports of no more than the usual MTU are not
 * asked to, as some drivers have a faster way for frames in one. */
static void jumbo_conf(struct io_port *p, const struct rte_eth_dev_info *info, struct rte_eth_conf *conf)
{
    p->tx_segs = 1;
    if (p->mtu <= RTE_ETHER_MTU)
        return;
    p->tx_segs = segs_of(info);
    conf->txmode.offloads |= info->tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
    if (p->mtu <= info->max_mtu &&
        (uint32_t)p->mtu + RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN <= info->max_rx_pktlen)
        conf->rxmode.mtu = p->mtu;
    conf->rxmode.offloads |= info->rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER;
}

static bool want_security;

void io_port_want_security(bool wanted)
{
    want_security = wanted;
}

/* What crypto-engine inline asks for; sessions are refused without. Port-wide, as queues must not do more than their port. */
static void security_conf(const struct rte_eth_dev_info *info, struct rte_eth_conf *conf)
{
    conf->rxmode.offloads |= info->rx_offload_capa & RTE_ETH_RX_OFFLOAD_SECURITY;
    conf->txmode.offloads |= info->tx_offload_capa & RTE_ETH_TX_OFFLOAD_SECURITY;
}

static int configure(struct io_port *p, const struct rte_eth_dev_info *info)
{
    struct rte_eth_conf conf = {0};
    p->rss = 0;
    jumbo_conf(p, info, &conf);
    if (p->security)
        security_conf(info, &conf);
    const uint64_t rss = io_steer_rss(info->flow_type_rss_offloads);
    if (p->rx_queues > 1 && rss != 0) {
        conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
        conf.rx_adv_conf.rss_conf.rss_hf = rss;
        p->rss = io_steer_rss_kinds(rss);
    }

    /* No fast-free offload: packets come from more than one pool. */
    return rte_eth_dev_configure(p->id, p->rx_queues, p->tx_queues, &conf);
}

static void choose_queues(struct io_port *p, const struct rte_eth_dev_info *info, unsigned queues)
{
    p->rx_queues = (uint16_t)RTE_MIN(queues, (unsigned)info->max_rx_queues);
    p->tx_queues = (uint16_t)RTE_MIN(queues, (unsigned)info->max_tx_queues);
    if (strcmp(info->driver_name, "net_tap") == 0) /* its queues come in pairs */
        p->rx_queues = p->tx_queues = p->rx_queues < p->tx_queues ? p->rx_queues : p->tx_queues;
}

static int queues_setup(const struct io_port *p, struct rte_mempool *pool)
{
    uint16_t rxd = IO_DESCRIPTORS, txd = IO_DESCRIPTORS;
    int r = rte_eth_dev_adjust_nb_rx_tx_desc(p->id, &rxd, &txd);
    for (uint16_t q = 0; r == 0 && q < p->rx_queues; q++)
        r = rte_eth_rx_queue_setup(p->id, q, rxd, (unsigned)p->socket, NULL, pool);
    for (uint16_t q = 0; r == 0 && q < p->tx_queues; q++)
        r = rte_eth_tx_queue_setup(p->id, q, txd, (unsigned)p->socket, NULL);
    return r;
}

/* IPv6 neighbour discovery needs the solicited-node groups. */
static void receive_groups(const struct io_port *p)
{
    if (rte_eth_allmulticast_enable(p->id) == 0)
        return;
    if (rte_eth_promiscuous_enable(p->id) != 0)
        log_info("port %s: the driver cannot be told to receive multicast", p->name);
}

/* af_packet in DPDK 22.11 says that its frames have 1514 octets at the most, and so ethdev refuses every MTU. The frames are as
 * long as `framesz`, though, and the MTU is the interface's. */
static int kernel_mtu_set(const struct platform_port *conf, uint16_t mtu)
{
    struct ifreq r = {.ifr_mtu = mtu};
    const char *iface = strstr(conf->device, "iface=");
    const size_t n = iface ? strcspn(iface + 6, ",") : 0;
    if (n == 0 || n >= sizeof r.ifr_name || mtu > IO_JOINED_MTU_MAX)
        return -EINVAL;
    memcpy(r.ifr_name, iface + 6, n);
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    const int e = ioctl(fd, SIOCSIFMTU, &r) == 0 ? 0 : -errno;
    close(fd);
    return e;
}

/* Of the device, not of what culvert sends: `ip mtu` is that. A driver that has no such call takes what comes. */
static int mtu_set(struct io_port *p, const struct platform_port *conf)
{
    const uint16_t wanted = (uint16_t)conf->mtu;
    int r = 0;
    if (wanted && io_port_joins_fragments(conf)) {
        r = kernel_mtu_set(conf, wanted);
        p->mtu = wanted;
        return r;
    }
    if (wanted)
        r = rte_eth_dev_set_mtu(p->id, wanted);
    if (r == 0 && rte_eth_dev_get_mtu(p->id, &p->mtu) != 0)
        p->mtu = RTE_ETHER_MTU;
    if (r != -ENOTSUP)
        return r;
    log_info("port %s: the driver %s cannot be told its MTU; %u is used", p->name, p->driver, wanted);
    p->mtu = wanted;
    return 0;
}

static int configure_some(struct io_port *p, const struct rte_eth_dev_info *info)
{
    int r = configure(p, info);
    if (r == 0 || (p->rx_queues <= 1 && p->tx_queues <= 1))
        return r;
    p->rx_queues = p->rx_queues ? 1 : 0;
    p->tx_queues = p->tx_queues ? 1 : 0;
    return configure(p, info);
}

cv_result io_port_open(const struct platform_port *conf, unsigned index, unsigned queues,
                       struct rte_mempool *pool, struct io_port *p, char *err, size_t err_len)
{
    struct rte_eth_dev_info info;
    struct rte_ether_addr mac;
    int r;
    memset(p, 0, sizeof *p);
    snprintf(p->name, sizeof p->name, "%s", conf->name);
    p->index = (uint16_t)index;
    if (!find(conf, index, &p->id)) {
        snprintf(err, err_len, "port %s: DPDK found no device %s", conf->name, conf->device);
        return CV_ENOENT;
    }
    if ((r = rte_eth_dev_info_get(p->id, &info)) != 0)
        return fail(err, err_len, conf, "no device information", r);
    snprintf(p->driver, sizeof p->driver, "%s", info.driver_name);
    p->socket = rte_eth_dev_socket_id(p->id);
    choose_queues(p, &info, queues);
    p->mtu = (uint16_t)conf->mtu;
    p->security = want_security ? IO_SECURITY_CRYPTO : IO_SECURITY_NONE;
    if ((r = configure_some(p, &info)) != 0)
        return fail(err, err_len, conf, "cannot be configured", r);
    p->open = true;
    if ((r = queues_setup(p, pool)) != 0)
        return fail(err, err_len, conf, "queues cannot be set up", r);
    if ((r = mtu_set(p, conf)) != 0)
        return fail(err, err_len, conf, "takes no such `mtu`", r);
    if ((r = rte_eth_dev_start(p->id)) != 0)
        return fail(err, err_len, conf, "cannot be started", r);
    receive_groups(p);
    if (rte_eth_macaddr_get(p->id, &mac) == 0)
        memcpy(p->mac, &mac, sizeof p->mac);
    log_info("port %s: %s, %u receive and %u transmit queues, MTU %u", p->name, p->driver, p->rx_queues,
             p->tx_queues, p->mtu);
    return CV_OK;
}

void io_port_close(struct io_port *p)
{
    if (!p->open)
        return;
    if (rte_eth_dev_stop(p->id) != 0)
        log_info("port %s: did not stop", p->name);
    rte_eth_dev_close(p->id);
    p->open = false;
}

static void set64(uint64_t *to, uint64_t v)
{
    __atomic_store_n(to, v, __ATOMIC_RELAXED);
}

bool io_port_poll(struct io_port *p, struct cv_port_stats *out)
{
    struct rte_eth_link link = {0};
    struct rte_eth_stats s;
    bool was = p->link_up;
    if (rte_eth_link_get_nowait(p->id, &link) == 0)
        p->link_up = link.link_status == RTE_ETH_LINK_UP;
    memcpy(out->name, p->name, sizeof out->name);
    memcpy(out->driver, p->driver, sizeof out->driver);
    memcpy(out->mac, p->mac, sizeof out->mac);
    out->link_up = p->link_up;
    out->numa = p->socket < 0 ? 0 : (uint8_t)p->socket;
    out->mtu = p->mtu;
    out->speed_mbps = link.link_speed == RTE_ETH_SPEED_NUM_UNKNOWN ? 0 : link.link_speed;
    if (rte_eth_stats_get(p->id, &s) == 0) {
        set64(&out->rx_packets, s.ipackets);
        set64(&out->rx_bytes, s.ibytes);
        set64(&out->tx_packets, s.opackets);
        set64(&out->tx_bytes, s.obytes);
        set64(&out->rx_missed, s.imissed);
        set64(&out->rx_errors, s.ierrors);
        set64(&out->tx_errors, s.oerrors);
        set64(&out->rx_no_mbuf, s.rx_nombuf);
    }
    return was != p->link_up;
}
