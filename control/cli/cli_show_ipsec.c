#include "control/cli/cli_show_ipsec.h"

#include "control/cli/cli_flow.h"
#include "control/cli/cli_text.h"
#include "control/config/cfg.h"

#include <stdio.h>
#include <string.h>

struct filter {
    char interface[CV_NAME_MAX]; /* "": all */
    struct ip_addr peer;         /* IP_NONE: all */
    bool detail;
};

static bool passes(const struct filter *f, const struct sam_child *k)
{
    return (!f->interface[0] || strcmp(f->interface, k->interface) == 0) &&
           (f->peer.family == IP_NONE || ip_addr_equal(&f->peer, &k->remote.addr));
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

static void text_sa(struct cli_call *c, const struct cli_flow_view *f, bool in)
{
    const struct sam_child *k = f->child;
    uint32_t spi = in ? k->in.spi : k->out.spi;
    char kb[24] = "unlimited", s[24] = "unlimited";
    bool aead = k->integ == CV_INTEG_NONE;
    if (f->has_volume)
        snprintf(kb, sizeof kb, "%llu", (unsigned long long)f->remaining_kb);
    if (f->has_time)
        snprintf(s, sizeof s, "%llu", (unsigned long long)f->remaining_s);
    cli_print(c, "      spi: 0x%08X(%u)\n", spi, spi);
    cli_print(c, "        transform: %s ,\n", f->transform);
    cli_print(c, "        in use settings ={%s%s%s, }\n", k->transport ? "Transport" : "Tunnel",
              k->natt ? " UDP-Encaps" : "", k->esn ? ", esn" : "");
    cli_print(c, "        conn id: %u, flow_id: %s:%u, sibling_flags 80000040, crypto map: %s-head-0\n",
              k->owner, f->engine, in ? k->in.sa_id : k->out.sa_id, k->interface);
    cli_print(c, "        sa timing: remaining key lifetime (k/sec): (%s/%s)\n", kb, s);
    cli_print(c, "        IV size: %u bytes\n", aead ? 8u : k->encr == CV_ENCR_AES_CBC ? 16u : 8u);
    if (in)
        cli_print(c, "        replay detection support: %s", k->replay_window ? "Y" : "N");
    if (in && k->replay_window)
        cli_print(c, "  replay window size: %u", k->replay_window);
    cli_print(c, "%s        Status: %s\n", in ? "\n" : "",
              k->state == SAM_RETIRING ? "RETIRING"
              : in || k->active        ? "ACTIVE(ACTIVE)"
                                       : "STANDBY(WAITING)");
}

static void text_child(struct cli_call *c, const struct cli_flow_view *f, bool detail)
{
    const struct sam_child *k = f->child;
    char a[IP_TEXT_MAX], b[IP_TEXT_MAX], ident[CLI_TEXT_MAX];
    cli_print(c, "\n   protected vrf: (none)\n");
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
    cli_print(c, "     current outbound spi: 0x%08X(%u)\n", k->out.spi, k->out.spi);
    if (k->dh)
        cli_print(c, "     PFS (Y/N): Y, DH group: group%u\n", k->dh);
    else
        cli_print(c, "     PFS (Y/N): N, DH group: none\n");
    cli_print(c, "\n     inbound esp sas:\n");
    text_sa(c, f, true);
    cli_print(c, "\n     inbound ah sas:\n\n     inbound pcp sas:\n\n     outbound esp sas:\n");
    if (k->state != SAM_RETIRING)
        text_sa(c, f, false);
    cli_print(c, "\n     outbound ah sas:\n\n     outbound pcp sas:\n");
}

static json_t *child_json(const struct cli_flow_view *f)
{
    const struct sam_child *k = f->child;
    char a[IP_TEXT_MAX];
    json_t *o = cli_flow_json(f);
    json_object_set_new(o, "interface", json_string(k->interface));
    json_object_set_new(o, "ipsec_profile", json_string(k->ipsec_profile));
    json_object_set_new(o, "local", json_string(ip_addr_text(&k->local.addr, a)));
    json_object_set_new(o, "peer", json_string(ip_addr_text(&k->remote.addr, a)));
    json_object_set_new(o, "conn_id", json_integer(k->owner));
    return o;
}

static bool filter_take(struct cli_call *c, struct filter *f)
{
    const char *interface = cli_opt(&c->cmd, "interface"), *peer = cli_opt(&c->cmd, "peer");
    enum cv_if_kind kind;
    memset(f, 0, sizeof *f);
    f->detail = cli_opt(&c->cmd, "detail") != NULL;
    if (interface && !cfg_interface_name(interface, f->interface, &kind)) {
        cli_error(c, "interface wants an interface name, not '%.60s'", interface);
        return false;
    }
    if (peer && !ip_addr_parse(peer, &f->peer)) {
        cli_error(c, "peer wants an address, not '%.60s'", peer);
        return false;
    }
    return true;
}

int cli_show_ipsec_sa(struct cli_call *c)
{
    struct filter filter;
    struct cli_flow_view f;
    char last[CV_NAME_MAX] = "", a[IP_TEXT_MAX];
    if (!filter_take(c, &filter))
        return CLI_USAGE;
    json_t *all = c->json ? json_array() : NULL;
    for (const struct sam_child *k = sam_children(ike_sam(c->env->ike(c->env->ctx))); k; k = k->next) {
        if (!passes(&filter, k))
            continue;
        cli_flow_view(c, k, &f);
        if (all) {
            json_array_append_new(all, child_json(&f));
            continue;
        }
        if (strcmp(last, k->interface) != 0)
            cli_print(c, "\ninterface: %s\n    Crypto map tag: %s-head-0, local addr %s\n", k->interface,
                      k->interface, ip_addr_text(&k->local.addr, a));
        snprintf(last, sizeof last, "%s", k->interface);
        text_child(c, &f, filter.detail);
    }
    if (all)
        cli_json(c, json_pack("{s:o}", "sas", all));
    return CLI_OK;
}
