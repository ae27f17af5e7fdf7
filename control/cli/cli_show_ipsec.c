#include "control/cli/cli_show_ipsec.h"

#include "control/cli/cli_flow.h"
#include "control/cli/cli_mtu.h"
#include "control/cli/cli_take.h"
#include "control/cli/cli_text.h"
#include "control/config/cfg.h"

#include <stdio.h>
#include <string.h>

struct filter {
    char interface[CV_NAME_MAX]; /* "": all */
    struct ip_addr peer;         /* IP_NONE: all */
    const char *map, *vrf;       /* NULL: all */
    bool detail;
};

static const struct cfg_interface *tunnel_of(struct cli_call *c, const struct sam_child *k)
{
    return cfg_find_interface(c->env->cfg(c->env->ctx), k->interface);
}

/* The map's name; of a tunnel's protection "Tunnel1-head-0", as on IOS. */
static const char *map_tag(struct cli_call *c, const struct sam_child *k, char out[CFG_NAME_MAX + 8])
{
    const struct cfg_interface *t = tunnel_of(c, k);
    if (t && t->flow)
        snprintf(out, CFG_NAME_MAX + 8, "%s", t->flow->map);
    else
        snprintf(out, CFG_NAME_MAX + 8, "%s-head-0", k->interface);
    return out;
}

/* The port that a crypto map is applied to, or the tunnel. */
static const char *place(struct cli_call *c, const struct sam_child *k)
{
    const struct cfg_interface *t = tunnel_of(c, k);
    return t && t->flow ? t->flow->port : k->interface;
}

static bool passes(struct cli_call *c, const struct filter *f, const struct sam_child *k)
{
    char tag[CFG_NAME_MAX + 8];
    const struct cfg_interface *t = tunnel_of(c, k);
    if (f->interface[0] && strcmp(f->interface, k->interface) != 0 && strcmp(f->interface, place(c, k)) != 0)
        return false;
    if (f->map && strcmp(f->map, map_tag(c, k, tag)) != 0)
        return false;
    if (f->vrf && strcmp(strcmp(f->vrf, "global") == 0 ? "" : f->vrf, t ? t->vrf : "") != 0)
        return false;
    return f->peer.family == IP_NONE || ip_addr_equal(&f->peer, &k->remote.addr);
}

static void text_counters(struct cli_call *c, const struct cli_flow_view *f, bool detail)
{
    unsigned long long out = f->out.packets, in = f->in.packets;
    cli_print(c, "    #pkts encaps: %llu, #pkts encrypt: %llu, #pkts digest: %llu\n", out, out, out);
    cli_print(c, "    #pkts decaps: %llu, #pkts decrypt: %llu, #pkts verify: %llu\n", in, in, in);
    cli_print(c, "    #pkts compressed: 0, #pkts decompressed: 0\n"
                 "    #pkts not compressed: 0, #pkts compr. failed: 0\n"
                 "    #pkts not decompressed: 0, #pkts decompress failed: 0\n");
    if (!detail) {
        cli_print(c, "    #send errors %llu, #recv errors %llu\n", (unsigned long long)f->out.other_drops,
                  (unsigned long long)cli_flow_drops_in(f));
        return;
    }
    cli_print(c, "    #pkts encaps failed (send): %llu, #pkts decaps failed (rcv): %llu\n",
              (unsigned long long)f->out.other_drops, (unsigned long long)f->in.other_drops);
    cli_print(c, "    #pkts invalid identity (recv): %llu, #pkts verify failed: %llu\n",
              (unsigned long long)f->in.ts_failed, (unsigned long long)f->in.auth_failed);
    cli_print(c, "    #pkts replay failed (rcv): %llu\n", (unsigned long long)f->in.replayed);
}

static void text_tfc(struct cli_call *c, const struct sam_child *k)
{
    if (k->tfc_len == CV_TFC_MTU)
        cli_print(c, "        TFC padding: mtu\n");
    else if (k->tfc_len)
        cli_print(c, "        TFC padding: %u bytes\n", k->tfc_len);
    if (k->dummy_ms)
        cli_print(c, "        dummy packets: every %u ms\n", k->dummy_ms);
}

static void text_sa(struct cli_call *c, const struct cli_flow_view *f, bool in)
{
    const struct sam_child *k = f->child;
    uint32_t spi = in ? k->in.spi : k->out.spi;
    char kb[24] = "unlimited", s[24] = "unlimited", tag[CFG_NAME_MAX + 8], engine[CLI_TEXT_MAX];
    bool aead = k->integ == CV_INTEG_NONE;
    if (f->has_volume)
        snprintf(kb, sizeof kb, "%llu", (unsigned long long)f->remaining_kb);
    if (f->has_time)
        snprintf(s, sizeof s, "%llu", (unsigned long long)f->remaining_s);
    cli_print(c, "      spi: 0x%08X(%u)\n", spi, spi);
    cli_print(c, "        transform: %s ,\n", f->transform);
    cli_print(c, "        in use settings ={%s%s%s, }\n", k->transport ? "Transport" : "Tunnel",
              k->natt ? " UDP-Encaps" : "", k->esn ? ", esn" : "");
    cli_print(c, "        conn id: %u, flow_id: %s:%u, crypto map: %s\n", k->owner, f->engine,
              in ? k->in.sa_id : k->out.sa_id, map_tag(c, k, tag));
    const struct cv_sa_offload *off = in ? &f->in_off : &f->out_off;
    cli_flow_engine(c, f, in, engine, sizeof engine);
    cli_print(c, "        engine: %s\n", engine);
    if (off->counted)
        cli_print(c, "        offloaded packets: %llu\n", (unsigned long long)off->packets);
    cli_print(c, "        sa timing: remaining key lifetime (k/sec): (%s/%s)\n", kb, s);
    if (f->has_packets)
        cli_print(c, "        remaining packets: %llu\n", (unsigned long long)f->remaining_packets);
    if (k->worker != CV_WORKER_ANY)
        cli_print(c, "        worker: %u\n", k->worker - 1u);
    if (!sam_is_ah(k))
        cli_print(c, "        IV size: %u bytes\n", aead ? 8u : k->encr == CV_ENCR_AES_CBC ? 16u : 8u);
    if (in)
        cli_print(c, "        replay detection support: %s", k->replay_window ? "Y" : "N");
    if (in && k->replay_window)
        cli_print(c, "  replay window size: %u", k->replay_window);
    if (!in)
        text_tfc(c, k);
    cli_print(c, "%s        Status: %s\n", in ? "\n" : "",
              k->state == SAM_RETIRING ? "RETIRING"
              : in || k->active        ? "ACTIVE(ACTIVE)"
                                       : "STANDBY(WAITING)");
}

/* IOS prints the sections of all protocols, empty or not. */
static void text_sections(struct cli_call *c, const struct cli_flow_view *f, bool in)
{
    const char *way = in ? "inbound" : "outbound";
    const bool ah = sam_is_ah(f->child), some = in || f->child->state != SAM_RETIRING;
    cli_print(c, "\n     %s esp sas:\n", way);
    if (!ah && some)
        text_sa(c, f, in);
    cli_print(c, "\n     %s ah sas:\n", way);
    if (ah && some)
        text_sa(c, f, in);
    cli_print(c, "\n     %s pcp sas:\n", way);
}

static void text_child(struct cli_call *c, const struct cli_flow_view *f, bool detail)
{
    const struct sam_child *k = f->child;
    char a[IP_TEXT_MAX], b[IP_TEXT_MAX], ident[CLI_TEXT_MAX];
    const struct cfg_interface *t = tunnel_of(c, k);
    struct cli_mtu mtu;
    cli_print(c, "\n   protected vrf: %s\n", t && t->vrf[0] ? t->vrf : "(none)");
    for (unsigned i = 0; i < k->ts_count; i++) {
        cli_print(c, "   local  ident (addr/mask/prot/port): (%s)\n", cli_ident(&k->ts_local[i], ident));
        cli_print(c, "   remote ident (addr/mask/prot/port): (%s)\n", cli_ident(&k->ts_remote[i], ident));
    }
    cli_print(c, "   current_peer %s port %u\n", ip_addr_text(&k->remote.addr, a),
              k->remote.port ? k->remote.port : 500u);
    cli_print(c, "     PERMIT, flags={origin_is_acl,}\n");
    text_counters(c, f, detail);
    cli_print(c, "\n     local crypto endpt.: %s, remote crypto endpt.: %s\n",
              ip_addr_text(&k->local.addr, a), ip_addr_text(&k->remote.addr, b));
    if (cli_mtu_of(c, k, &mtu))
        cli_print(c, "     plaintext mtu %u, path mtu %u, ip mtu %u, ip mtu idb %s\n", mtu.plaintext,
                  mtu.path, mtu.ip, mtu.port);
    cli_print(c, "     current outbound spi: 0x%08X(%u)\n", k->out.spi, k->out.spi);
    if (k->dh)
        cli_print(c, "     PFS (Y/N): Y, DH group: group%u\n", k->dh);
    else
        cli_print(c, "     PFS (Y/N): N, DH group: none\n");
    text_sections(c, f, true);
    text_sections(c, f, false);
}

static json_t *child_json(struct cli_call *c, const struct cli_flow_view *f)
{
    const struct sam_child *k = f->child;
    char a[IP_TEXT_MAX], tag[CFG_NAME_MAX + 8];
    const struct cfg_interface *t = tunnel_of(c, k);
    json_t *o = cli_flow_json(c, f);
    struct cli_mtu mtu;
    bool mtu_known = cli_mtu_of(c, k, &mtu);
    json_object_set_new(o, "interface", json_string(k->interface));
    json_object_set_new(o, "port", json_string(place(c, k)));
    json_object_set_new(o, "crypto_map_tag", json_string(map_tag(c, k, tag)));
    json_object_set_new(o, "protected_vrf", json_string(t ? t->vrf : ""));
    json_object_set_new(o, "ipsec_profile", json_string(k->ipsec_profile));
    json_object_set_new(o, "local", json_string(ip_addr_text(&k->local.addr, a)));
    json_object_set_new(o, "peer", json_string(ip_addr_text(&k->remote.addr, a)));
    json_object_set_new(o, "conn_id", json_integer(k->owner));
    json_object_set_new(o, "plaintext_mtu", mtu_known ? json_integer(mtu.plaintext) : json_null());
    json_object_set_new(o, "path_mtu", mtu_known ? json_integer(mtu.path) : json_null());
    json_object_set_new(o, "ip_mtu", mtu_known ? json_integer(mtu.ip) : json_null());
    json_object_set_new(o, "tfc_padding",
                        k->tfc_len == CV_TFC_MTU ? json_string("mtu")
                        : k->tfc_len             ? json_integer(k->tfc_len)
                                                 : json_null());
    json_object_set_new(o, "dummy_ms", k->dummy_ms ? json_integer(k->dummy_ms) : json_null());
    return o;
}

static bool filter_take(struct cli_call *c, struct filter *f)
{
    memset(f, 0, sizeof *f);
    f->detail = cli_opt(&c->cmd, "detail") != NULL;
    f->map = cli_opt(&c->cmd, "map");
    f->vrf = cli_opt(&c->cmd, "vrf");
    return cli_take_interface(c, f->interface) && cli_take_address(c, "peer", &f->peer);
}

static void text_tunnel(struct cli_call *c, const struct filter *f, const char *interface, char last[192])
{
    char here[192], tag[CFG_NAME_MAX + 8], a[IP_TEXT_MAX];
    const struct sam_child *k = sam_children_on(ike_sam(c->env->ike(c->env->ctx)), interface);
    for (; k; k = k->next_of_tunnel) {
        struct cli_flow_view v;
        if (!passes(c, f, k))
            continue;
        cli_flow_view(c, k, &v);
        snprintf(here, sizeof here, "interface: %s\n    Crypto map tag: %s, local addr %s\n", place(c, k),
                 map_tag(c, k, tag), ip_addr_text(&k->local.addr, a));
        if (strcmp(last, here) != 0)
            cli_print(c, "\n%s", here);
        snprintf(last, 192, "%s", here);
        text_child(c, &v, f->detail);
    }
}

/* SAs, not pairs: two of a child, one of one that only lingers for what is on its way. */
static int count(struct cli_call *c, const struct filter *f)
{
    unsigned total = 0, active = 0, rekeying = 0;
    for (const struct sam_child *k = sam_children(ike_sam(c->env->ike(c->env->ctx))); k; k = k->next) {
        if (!passes(c, f, k))
            continue;
        unsigned n = k->state == SAM_RETIRING ? 1 : 2;
        total += n;
        *(k->state == SAM_RETIRING || k->soft_fired ? &rekeying : &active) += n;
    }
    if (c->json)
        cli_json(c, json_pack("{s:i, s:i, s:i, s:i, s:i}", "total", (int)total, "active", (int)active,
                              "rekeying", (int)rekeying, "unused", 0, "invalid", 0));
    else
        cli_print(c, "IPsec SA total: %u, active: %u, rekeying: %u, unused: 0, invalid: 0\n", total, active,
                  rekeying);
    return CLI_OK;
}

int cli_show_ipsec_sa(struct cli_call *c)
{
    struct filter filter;
    struct cli_flow_view f;
    char last[192] = "";
    if (!filter_take(c, &filter))
        return CLI_USAGE;
    if (cli_opt(&c->cmd, "count"))
        return count(c, &filter);
    json_t *all = c->json ? json_array() : NULL;
    for (const struct sam_child *k = sam_children(ike_sam(c->env->ike(c->env->ctx))); k; k = k->next) {
        if (all && passes(c, &filter, k)) {
            cli_flow_view(c, k, &f);
            json_array_append_new(all, child_json(c, &f));
        }
        if (!all && !k->next_of_tunnel) /* a tunnel's oldest: all of it together */
            text_tunnel(c, &filter, k->interface, last);
    }
    if (all)
        cli_json(c, json_pack("{s:o}", "sas", all));
    return CLI_OK;
}
