/* Policy-based tunnels and forwarding tables, over both versions of IKE: PR-12 with C18's access lists, crypto maps static and dynamic, peers in order,
 * PF-7 for their entries; fVRFs of keyrings, profiles and policies (KR-5.2, KR-5.4, G23). */
#include "tests/dialogue/rules.h"
#include "tests/unit/unit.h"

#include "control/ikev1/v1.h"

enum { SETTLE_MS = 1500, FLOWS = 4 };

static const char *const flows[FLOWS] = {"CMAP#10.10", "CMAP#10.20", "CMAP#10.30", "CMAP#10.40"};

/* ---- gateways with a crypto map ------------------------------------------------------------------------------------ */
static const char keys_v1[] =
    "crypto isakmp policy 10\n encr aes\n hash sha256\n authentication pre-share\n group 19\n"
    "crypto isakmp key cisco address 0.0.0.0\n";
static const char keys_v2[] =
    "crypto ikev2 keyring KR\n peer P\n  address 0.0.0.0 0.0.0.0\n  pre-shared-key cisco\n"
    "crypto ikev2 profile PF\n match identity remote any\n"
    " authentication remote pre-share\n authentication local pre-share\n"
    " keyring local KR\n";

/* The access list TS stands in text already. more: further lines of the entry. */
static char *mapped(char *text, unsigned version, enum wire_end end, const char *more)
{
    char lines[1024];
    snprintf(lines, sizeof lines,
             "%s"
             "crypto ipsec transform-set SET esp-aes esp-sha256-hmac\n mode tunnel\n"
             "crypto map CMAP 10 ipsec-isakmp\n match address TS\n set peer 192.0.2.%u\n set transform-set "
             "SET\n%s%s"
             "interface Ethernet0/0\n ip address 192.0.2.%u 255.255.255.0\n crypto map CMAP\n",
             version == 1 ? keys_v1 : keys_v2, 2u - end, version == 1 ? "" : " set ikev2-profile PF\n", more,
             1u + end);
    return text_add(text, lines);
}

static struct wire *c18(uint64_t seed, unsigned version)
{
    return gates(seed, mapped(wire_golden("C18-left", NULL), version, A, ""),
                 mapped(wire_golden("C18-right", NULL), version, B, ""));
}

/* C18's two lists have their lines in the same order. */
static const char *mirror(unsigned i)
{
    return flows[i];
}

static bool flow_up(struct wire *w, unsigned i)
{
    wire_on(w, flows[i], mirror(i));
    return wire_both_up(w);
}

static void PR_12_C18_four_lines_make_four_SA_pairs_on_one_IKE_SA(void)
{
    for (unsigned version = 1; version <= 2; version++)
        for (enum wire_end end = A; end <= B; end++) {
            struct wire *w = c18(version, version);
            for (unsigned i = 0; i < FLOWS; i++) {
                wire_on(w, flows[i], mirror(i));
                CU_ASSERT_FALSE(wire_packet(w, end)); /* it asks for the SA */
                wire_run(w, SETTLE_MS);
                CU_ASSERT(flow_up(w, i));
            }
            for (enum wire_end e = A; e <= B; e++) {
                CU_ASSERT_EQUAL(wire_sas(w, e), 1);
                CU_ASSERT_EQUAL(wire_children(w, e), FLOWS);
            }
            CU_ASSERT(wire_consistent(w, true));
            for (unsigned i = 0; i < FLOWS; i++) {
                CU_ASSERT(flow_up(w, i));
                CU_ASSERT_EQUAL(wire_traffic(w, 5), 0);
            }
            wire_free(w);
        }
}

static void PR_12_selectors_are_those_of_the_line(void)
{
    static const char *const local[FLOWS] = {"10.10.0.0/16", "10.10.0.0/16", "192.168.0.0/24",
                                             "192.168.0.0/24"},
                             *const remote[FLOWS] = {"10.20.20.0/24", "10.20.30.0/24", "10.20.20.0/24",
                                                     "10.20.30.0/24"};
    for (unsigned version = 1; version <= 2; version++) {
        struct wire *w = c18(version, version);
        for (unsigned i = 0; i < FLOWS; i++) {
            char text[TS_TEXT_MAX];
            wire_on(w, flows[i], mirror(i));
            wire_up(w, A);
            wire_run(w, SETTLE_MS);
            CU_ASSERT_PTR_NOT_NULL_FATAL(wire_child(w, A));
            const struct sam_child *c = wire_child(w, A);
            CU_ASSERT_STRING_EQUAL(ts_text(&c->ts_local[0], text), local[i]);
            CU_ASSERT_STRING_EQUAL(ts_text(&c->ts_remote[0], text), remote[i]);
            CU_ASSERT(wire_decided(w, B, NULL, "policy", "PR-12", mirror(i)));
        }
        wire_free(w);
    }
}

static void PR_12_a_line_that_the_other_end_does_not_have_is_refused_alone(void)
{
    for (unsigned version = 1; version <= 2; version++) {
        char *b = text_swap(wire_golden("C18-right", NULL),
                            " permit ip 10.20.30.0 0.0.0.255 192.168.0.0 0.0.0.255\n", "");
        struct wire *w =
            gates(version, mapped(wire_golden("C18-left", NULL), version, A, ""), mapped(b, version, B, ""));
        wire_on(w, flows[0], flows[0]);
        wire_up(w, A);
        wire_run(w, SETTLE_MS);
        CU_ASSERT(wire_both_up(w));
        wire_on(w, flows[3], flows[0]);
        wire_up(w, A);
        wire_run(w, SETTLE_MS);
        CU_ASSERT(wire_saw(w, version == 1 ? "B INFO: HASH N(NO_PROPOSAL_CHOSEN)\n" : "N(TS_UNACCEPTABLE)"));
        CU_ASSERT(wire_decided(w, B, NULL, "policy", "PR-12", ""));
        CU_ASSERT_STRING_EQUAL(wire_reason_text(w, A), version == 1 ? "no-proposal" : "ts-unacceptable");
        wire_on(w, flows[0], flows[0]);
        CU_ASSERT(wire_both_up(w)); /* unharmed */
        CU_ASSERT_EQUAL(wire_traffic(w, 10), 0);
        CU_ASSERT_EQUAL(wire_sas(w, A), 1);
        wire_free(w);
    }
}

static void PR_12_IKEv1_proxies_must_lie_inside_the_line_IKEv2_narrows(void)
{
    /* A asks for a /16, B's policy has a /24 of it */
    static const char wide[] =
        "ip access-list extended TS\n permit ip 10.1.0.0 0.0.255.255 10.2.0.0 0.0.255.255\n",
                      part[] =
                          "ip access-list extended TS\n permit ip 10.2.0.0 0.0.255.255 10.1.1.0 0.0.0.255\n";
    for (unsigned version = 1; version <= 2; version++) {
        struct wire *w =
            gates(version, mapped(text_of(wide), version, A, ""), mapped(text_of(part), version, B, ""));
        char text[TS_TEXT_MAX];
        wire_up(w, A);
        wire_run(w, SETTLE_MS);
        if (version == 1) {
            CU_ASSERT_NOT_EQUAL(wire_status(w, B), IKE_UP_ACTIVE);
            CU_ASSERT(wire_saw(w, "B INFO: HASH N(NO_PROPOSAL_CHOSEN)\n"));
        } else {
            CU_ASSERT(wire_both_up(w));
            CU_ASSERT_STRING_EQUAL(ts_text(&wire_child(w, A)->ts_local[0], text), "10.1.1.0/24");
        }
        wire_free(w);
        /* the other way round what is asked for lies inside, and is taken as it comes */
        w = gates(version, mapped(text_of(wide), version, A, ""), mapped(text_of(part), version, B, ""));
        wire_up(w, B);
        wire_run(w, SETTLE_MS);
        CU_ASSERT(wire_both_up(w));
        wire_free(w);
    }
}

static void deny_lines_make_no_flow(void)
{
    static const char
        with_deny[] = "ip access-list extended TS\n deny ip 10.1.9.0 0.0.0.255 10.2.0.0 0.0.255.255\n"
                      " permit ip 10.1.0.0 0.0.255.255 10.2.0.0 0.0.255.255\n",
        plain[] = "ip access-list extended TS\n permit ip 10.2.0.0 0.0.255.255 10.1.0.0 0.0.255.255\n";
    for (unsigned version = 1; version <= 2; version++) {
        struct wire *w = gates(version, mapped(text_of(with_deny), version, A, ""),
                               mapped(text_of(plain), version, B, ""));
        CU_ASSERT_STRING_EQUAL(w->side[A].tunnel, "CMAP#10.20");
        CU_ASSERT_PTR_NULL(w->side[A].dp->ifs[1]);
        wire_up(w, B);
        wire_run(w, SETTLE_MS);
        CU_ASSERT(wire_both_up(w));
        wire_free(w);
    }
}

static void protocol_and_ports_of_a_line_are_negotiated(void)
{
    static const char left[] = "ip access-list extended TS\n permit tcp host 10.1.0.5 host 10.2.0.7 eq 443\n",
                      right[] =
                          "ip access-list extended TS\n permit tcp host 10.2.0.7 eq 443 host 10.1.0.5\n";
    for (unsigned version = 1; version <= 2; version++) {
        struct wire *w =
            gates(version, mapped(text_of(left), version, A, ""), mapped(text_of(right), version, B, ""));
        wire_up(w, A);
        wire_run(w, SETTLE_MS);
        CU_ASSERT_FATAL(wire_both_up(w));
        char text[TS_TEXT_MAX];
        CU_ASSERT_STRING_EQUAL(ts_text(&wire_child(w, B)->ts_local[0], text), "10.2.0.7/32[6/443]");
        struct mock_packet p = {.proto = 6, .sport = 1025, .dport = 80};
        CU_ASSERT(ip_addr_parse("10.1.0.5", &p.src) && ip_addr_parse("10.2.0.7", &p.dst));
        CU_ASSERT_FALSE(wire_pass(w, A, &p));
        p.dport = 443;
        CU_ASSERT(wire_pass(w, A, &p));
        wire_free(w);
    }
}

/* ---- peers, profiles ------------------------------------------------------------------------------------------------- */
static void several_peers_are_tried_in_their_order(void)
{
    for (unsigned version = 1; version <= 2; version++) {
        char *a = text_swap(mapped(wire_golden("C18-left", NULL), version, A, ""), " set peer 192.0.2.2\n",
                            " set peer 192.0.2.77\n set peer 192.0.2.2\n");
        struct wire *w = gates(version, a, mapped(wire_golden("C18-right", NULL), version, B, ""));
        wire_up(w, A);
        wire_run(w, 85000); /* the first is given up after 50 or 62 seconds */
        CU_ASSERT(wire_both_up(w));
        wire_free(w);
    }
}

struct to_nobody {
    unsigned datagrams;
};

static bool count_to_nobody(struct wire *w, struct wire_packet *p, void *ctx)
{
    struct ip_addr nobody;
    (void)w;
    if (ip_addr_parse("192.0.2.77", &nobody) && ip_addr_equal(&p->dst.addr, &nobody))
        ((struct to_nobody *)ctx)->datagrams++;
    return true;
}

static void until_up(struct wire *w)
{
    for (unsigned s = 0; s < 100 && !wire_child(w, A); s++)
        wire_run(w, 1000);
    CU_ASSERT(wire_both_up(w));
}

/* Of A's two peers the default one is away. Two lines are up with the other; one is busy for long enough. */
static struct wire *on_the_second_peer(unsigned version, const char *idle, struct to_nobody *t)
{
    char *a = text_swap(mapped(wire_golden("C18-left", NULL), version, A, idle), " set peer 192.0.2.2\n",
                        " set peer 192.0.2.2\n set peer 192.0.2.77 default\n");
    struct wire *w = gates(version, a, mapped(wire_golden("C18-right", NULL), version, B, ""));
    w->filter = count_to_nobody;
    w->filter_ctx = t;
    wire_up(w, A);
    until_up(w);
    CU_ASSERT(t->datagrams > 0);
    wire_on(w, flows[1], flows[1]);
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT_FATAL(wire_both_up(w));
    t->datagrams = 0;
    for (unsigned s = 0; s < 90; s++) {
        CU_ASSERT(wire_packet(w, A));
        wire_run(w, 1000);
    }
    return w;
}

static void after_its_idle_time_an_entry_asks_its_default_peer_when_it_says_so(void)
{
    for (unsigned version = 1; version <= 2; version++)
        for (unsigned word = 0; word < 2; word++) {
            struct to_nobody t = {0};
            struct wire *w = on_the_second_peer(version,
                                                word ? " set security-association idle-time 60 default\n"
                                                     : " set security-association idle-time 60\n",
                                                &t);
            CU_ASSERT_EQUAL(wire_children(w, A), 1); /* the other line's is idle and gone ... */
            wire_on(w, flows[0], flows[0]);
            CU_ASSERT_FALSE(wire_packet(w, A));
            wire_run(w, SETTLE_MS);
            CU_ASSERT(wire_both_up(w)); /* ... and comes back where the entry is still used */
            CU_ASSERT_EQUAL(t.datagrams, 0);
            wire_run(w, 130000);
            CU_ASSERT_EQUAL(wire_children(w, A), 0);
            CU_ASSERT_FALSE(wire_packet(w, A));
            wire_run(w, SETTLE_MS);
            CU_ASSERT_EQUAL(t.datagrams > 0, word);
            CU_ASSERT_EQUAL(wire_children(w, A), word ? 0 : 1);
            until_up(w); /* the default one is still away */
            CU_ASSERT_EQUAL(wire_sas(w, A), 1);
            wire_free(w);
        }
}

/* Each time that it is idle the entry leaves an IKE SA with its second peer. */
static void no_IKE_SA_is_left_behind_by_idle_times(void)
{
    for (unsigned version = 1; version <= 2; version++) {
        struct to_nobody t = {0};
        struct wire *w = on_the_second_peer(version, " set security-association idle-time 60 default\n", &t);
        for (unsigned k = 0; k < 4; k++) {
            wire_on(w, flows[0], flows[0]);
            wire_run(w, 200000);
            CU_ASSERT_EQUAL(wire_sas(w, A) + wire_sas(w, B), 0);
            (void)wire_packet(w, A);
            until_up(w);
            CU_ASSERT_EQUAL(wire_sas(w, A), 1);
            CU_ASSERT_EQUAL(wire_sas(w, B), 1);
        }
        wire_free(w);
    }
}

/* The other line's child goes idle while this one's asks the default peer, in vain. */
static void who_asks_the_default_peer_hears_that_it_does_not_answer(void)
{
    for (unsigned version = 1; version <= 2; version++) {
        struct to_nobody t = {0};
        struct wire *w = on_the_second_peer(version, " set security-association idle-time 60 default\n", &t);
        wire_run(w, 200000);
        wire_on(w, flows[1], flows[1]);
        wire_up(w, B);
        wire_run(w, 50000);
        CU_ASSERT_EQUAL(wire_children(w, A), 1);
        wire_on(w, flows[0], flows[0]);
        (void)wire_packet(w, A);
        for (unsigned i = 0; i < 15 && !wire_child(w, A); i++)
            wire_run(w, 20000);
        CU_ASSERT_PTR_NOT_NULL(wire_child(w, A));
        wire_free(w);
    }
}

static void PF_7_and_PF_9_an_entry_bound_to_another_profile(void)
{
    static const char other_v1[] = "crypto isakmp profile OTHER\n match identity address 192.0.2.99\n"
                                   "crypto isakmp profile PEER\n match identity address 192.0.2.1\n",
                      other_v2[] = "crypto ikev2 profile OTHER\n match identity remote address 192.0.2.99\n"
                                   " authentication remote pre-share\n authentication local pre-share\n"
                                   " keyring local KR\n";
    for (unsigned version = 1; version <= 2; version++) {
        char *b = mapped(wire_golden("C18-right", NULL), version, B,
                         version == 1 ? " set isakmp-profile OTHER\n" : "");
        if (version == 2)
            b = text_swap(b, "set ikev2-profile PF", "set ikev2-profile OTHER");
        b = text_add(b, version == 1 ? other_v1 : other_v2);
        struct wire *w = gates(version, mapped(wire_golden("C18-left", NULL), version, A, ""), b);
        wire_up(w, A);
        wire_run(w, SETTLE_MS);
        CU_ASSERT(wire_decided(w, B, NULL, "policy", version == 1 ? "PF-7" : "PF-9", ""));
        CU_ASSERT_STRING_EQUAL(wire_reason_text(w, B), "profile-mismatch");
        CU_ASSERT_STRING_EQUAL(wire_reason_text(w, A), version == 1 ? "no-proposal" : "ts-unacceptable");
        wire_free(w);
    }
}

/* ---- dynamic maps --------------------------------------------------------------------------------------------------- */
static char *dynamic(unsigned version, const char *acl, const char *match)
{
    char lines[1024];
    snprintf(lines, sizeof lines,
             "%s%s"
             "crypto ipsec transform-set SET esp-aes esp-sha256-hmac\n mode tunnel\n"
             "crypto dynamic-map DYN 5\n set transform-set SET\n%s%s"
             "crypto map CMAP 65000 ipsec-isakmp dynamic DYN\n"
             "interface Ethernet0/0\n ip address 192.0.2.2 255.255.255.0\n crypto map CMAP\n",
             version == 1 ? keys_v1 : keys_v2, acl, version == 1 ? "" : " set ikev2-profile PF\n", match);
    return text_of(lines);
}

static const char one_line[] =
    "ip access-list extended TS\n permit ip 10.1.0.0 0.0.255.255 10.2.0.0 0.0.255.255\n";

static void a_dynamic_map_without_a_list_takes_what_the_peer_asks_for(void)
{
    for (unsigned version = 1; version <= 2; version++) {
        struct wire *w = gates(version, mapped(text_of(one_line), version, A, ""), dynamic(version, "", ""));
        char text[TS_TEXT_MAX], err[SEL_TEXT_MAX];
        CU_ASSERT_EQUAL(ike_up(w->side[B].ike, w->side[B].tunnel, err, sizeof err), IKE_CMD_NOT_POSSIBLE);
        wire_up(w, A);
        wire_run(w, SETTLE_MS);
        CU_ASSERT_FATAL(wire_both_up(w));
        CU_ASSERT_STRING_EQUAL(ts_text(&wire_child(w, B)->ts_local[0], text), "10.2.0.0/16");
        CU_ASSERT_STRING_EQUAL(ts_text(&wire_child(w, B)->ts_remote[0], text), "10.1.0.0/16");
        wire_free(w);
    }
}

static void a_dynamic_map_with_a_list_refuses_what_is_not_in_it(void)
{
    static const char fits[] = "ip access-list extended TS\n permit ip 10.2.0.0 0.0.255.255 any\n",
                      does_not[] = "ip access-list extended TS\n permit ip 10.3.0.0 0.0.255.255 any\n";
    for (unsigned version = 1; version <= 2; version++)
        for (unsigned ok = 0; ok < 2; ok++) {
            struct wire *w = gates(version, mapped(text_of(one_line), version, A, ""),
                                   dynamic(version, ok ? fits : does_not, " match address TS\n"));
            wire_up(w, A);
            wire_run(w, SETTLE_MS);
            CU_ASSERT_EQUAL(wire_status(w, A) == IKE_UP_ACTIVE, ok);
            CU_ASSERT_EQUAL(wire_status(w, B) == IKE_UP_ACTIVE, ok);
            wire_free(w);
        }
}

/* ---- several peers of one dynamic entry ------------------------------------------------------------------------------ */
/* Spokes that prove two identities by two keys, and any number by one. */
static const char hub_keys[] =
    "crypto ikev2 keyring KR\n peer ONE\n  identity fqdn one.example\n  pre-shared-key first\n"
    " peer TWO\n  identity fqdn two.example\n  pre-shared-key second\n"
    " peer REST\n  address 0.0.0.0 0.0.0.0\n  pre-shared-key cisco\n";

static char *hub(void)
{
    const char *ring =
        "crypto ikev2 keyring KR\n peer P\n  address 0.0.0.0 0.0.0.0\n  pre-shared-key cisco\n";
    return text_swap(dynamic(2, "", ""), ring, hub_keys);
}

/* The spoke of that name, with 10.net.0.0/16 behind it. */
static char *spoke(const char *name, const char *key, unsigned net)
{
    char list[160], id[80], psk[80];
    snprintf(list, sizeof list,
             "ip access-list extended TS\n permit ip 10.%u.0.0 0.0.255.255 10.2.0.0 0.0.255.255\n", net);
    snprintf(id, sizeof id, "identity remote any\n identity local fqdn %s.example\n", name);
    snprintf(psk, sizeof psk, "pre-shared-key %s\n", key);
    return text_swap(text_swap(mapped(text_of(list), 2, A, ""), "identity remote any\n", id),
                     "pre-shared-key cisco\n", psk);
}

/* The spoke is gone without a word, and another one calls. */
static void next_spoke(struct wire *w, char *text)
{
    wire_restart(w, A, true);
    wire_reload(w, A, text);
    free(text);
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
}

static void no_peer_takes_the_selectors_of_another(void)
{
    struct wire *w = gates(50, spoke("one", "first", 1), hub());
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT_FATAL(wire_both_up(w));
    uint32_t spi = wire_child(w, B)->out.spi;
    next_spoke(w, spoke("two", "second", 1));
    CU_ASSERT_STRING_EQUAL(wire_reason_text(w, A), "ts-unacceptable");
    CU_ASSERT(wire_event(w, B, "another peer, at 192.0.2.1:500"));
    CU_ASSERT_EQUAL(wire_children(w, B), 1);
    CU_ASSERT_EQUAL(wire_child(w, B)->out.spi, spi);
    /* what nobody has it may have */
    next_spoke(w, spoke("two", "second", 3));
    CU_ASSERT_EQUAL(wire_status(w, A), IKE_UP_ACTIVE);
    CU_ASSERT_EQUAL(wire_children(w, B), 2);
    /* and who had it comes back to it */
    next_spoke(w, spoke("one", "first", 1));
    CU_ASSERT_EQUAL(wire_status(w, A), IKE_UP_ACTIVE);
    wire_free(w);
}

/* B's child for that net of its peers, whose SPI it sends with; NULL unless there is just one. */
static const struct sam_child *child_for(struct wire *w, const char *net)
{
    const struct sam_child *found = NULL;
    char text[TS_TEXT_MAX];
    for (const struct sam_child *c = sam_children_on(w->side[B].ike->sam, w->side[B].tunnel); c;
         c = c->next_of_tunnel) {
        if (c->state == SAM_RETIRING || strcmp(ts_text(&c->ts_remote[0], text), net) != 0)
            continue;
        if (found)
            return NULL;
        found = c;
    }
    return found;
}

/* From now on A answers whatever it is asked for with 10.net.0.0/16, and with lost has forgotten its child. */
static void goes_mad(struct wire *w, unsigned net, bool lost)
{
    struct ip_prefix p = {.addr = {.family = IP_V4, .b = {10, (uint8_t)net}}, .len = 16};
    w->side[A].cfg->flows[0].local = ts_from_prefix(&p, 0, 0, UINT16_MAX);
    if (lost)
        sam_child_delete(w->side[A].ike->sam, wire_child(w, A), 0);
    wire_run(w, 1);
    wire_trace_clear(w);
}

/* Neither a rekey by the gateway nor the new child for one that the peer has lost (2.25). */
static void RFC7296_2_9_2_no_peer_answers_with_the_selectors_of_another(void)
{
    for (unsigned lost = 0; lost < 2; lost++) {
        char err[SEL_TEXT_MAX];
        struct wire *w = gates(54, spoke("one", "first", 1), hub());
        wire_up(w, A);
        wire_run(w, SETTLE_MS);
        CU_ASSERT_FATAL(wire_both_up(w));
        const uint32_t spi = wire_child(w, B)->out.spi;
        next_spoke(w, spoke("two", "second", 3));
        CU_ASSERT_FATAL(child_for(w, "10.3.0.0/16") != NULL);
        goes_mad(w, 1, lost);
        CU_ASSERT_EQUAL(ike_rekey(w->side[B].ike, w->side[B].tunnel, false, err, sizeof err),
                        IKE_CMD_STARTED);
        wire_run(w, SETTLE_MS);
        CU_ASSERT_EQUAL(wire_saw(w, "A CREATE_CHILD_SA resp 0: N(TS_UNACCEPTABLE)"), !lost);
        CU_ASSERT_EQUAL(wire_event(w, B, "another peer, at 192.0.2.1:500"), lost);
        CU_ASSERT_EQUAL(wire_children(w, B), lost ? 1 : 2);
        CU_ASSERT_PTR_NOT_NULL_FATAL(child_for(w, "10.1.0.0/16"));
        CU_ASSERT_EQUAL(child_for(w, "10.1.0.0/16")->out.spi, spi);
        CU_ASSERT(child_for(w, "10.1.0.0/16")->active);
        wire_free(w);
    }
}

/* A gateway's rekey is about the child's own two addresses: of others there is no transport mode. */
static void RFC7296_2_9_2_a_rekey_where_any_peer_may_come_keeps_transport_mode(void)
{
    for (unsigned nat = 0; nat < 2; nat++) {
        char err[SEL_TEXT_MAX], *a = spoke("one", "first", 1);
        a = text_swap(a, "10.1.0.0 0.0.255.255 10.2.0.0 0.0.255.255", "host 192.0.2.1 host 192.0.2.2");
        struct wire *w = gates(55, text_swap(a, "mode tunnel", "mode transport"),
                               text_swap(hub(), "mode tunnel", "mode transport"));
        const char *seen = nat ? "192.0.2.77/32" : "192.0.2.1/32";
        struct mock_packet back = {.src = w->side[B].address, .dst = w->side[A].address, .proto = 17};
        if (nat) {
            CU_ASSERT_FATAL(ip_addr_parse("192.0.2.77", &w->nat));
            w->nat_port = 40000;
            back.dst = w->nat;
        }
        wire_up(w, A);
        wire_run(w, SETTLE_MS);
        CU_ASSERT_PTR_NOT_NULL_FATAL(child_for(w, seen));
        const uint32_t before = child_for(w, seen)->in.spi;
        CU_ASSERT_EQUAL(ike_rekey(w->side[B].ike, w->side[B].tunnel, false, err, sizeof err),
                        IKE_CMD_STARTED);
        wire_run(w, SETTLE_MS);
        const struct sam_child *c = child_for(w, seen);
        CU_ASSERT_PTR_NOT_NULL_FATAL(c);
        CU_ASSERT_NOT_EQUAL(c->in.spi, before);
        CU_ASSERT(c->transport && c->natt == nat && ip_addr_equal(&c->remote.addr, &back.dst));
        CU_ASSERT_EQUAL(wire_children(w, B), 1);
        CU_ASSERT(wire_packet(w, A) && wire_pass(w, B, &back));
        wire_free(w);
    }
}

static void who_has_the_same_key_may_have_another_name(void)
{
    struct wire *w = gates(51, spoke("here", "cisco", 1), hub());
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT_FATAL(wire_both_up(w));
    next_spoke(w, spoke("there", "cisco", 1));
    CU_ASSERT_EQUAL(wire_status(w, A), IKE_UP_ACTIVE);
    CU_ASSERT(wire_packet(w, A) && wire_packet(w, B));
    wire_free(w);
}

static void a_dynamic_entry_has_room_for_more_peers_than_one_may_have_children(void)
{
    enum { PEERS = 100 };
    struct wire *w = gates(52, spoke("p0", "cisco", 100), hub());
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    for (unsigned i = 1; i < PEERS; i++) {
        char name[8];
        snprintf(name, sizeof name, "p%u", i);
        next_spoke(w, spoke(name, "cisco", 100 + i));
        CU_ASSERT_EQUAL_FATAL(wire_status(w, A), IKE_UP_ACTIVE);
    }
    CU_ASSERT_EQUAL(wire_children(w, B), PEERS);
    wire_free(w);
}

static void adopted_children_of_other_peers_stay_until_theirs_come(void)
{
    struct wire *w = gates(53, spoke("one", "first", 1), hub());
    CU_ASSERT_FATAL(ip_addr_parse("198.51.100.9", &w->nat));
    w->nat_port = 40000;
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT_FATAL(wire_both_up(w));
    w->nat.family = IP_NONE;
    next_spoke(w, spoke("two", "second", 3));
    CU_ASSERT_EQUAL_FATAL(wire_children(w, B), 2);
    wire_restart(w, B, false); /* culvertd dies; its data plane forwards on */
    wire_adopt(w, B);
    CU_ASSERT_EQUAL_FATAL(wire_children(w, B), 2);
    next_spoke(w, spoke("two", "second", 3));
    CU_ASSERT_EQUAL(wire_status(w, A), IKE_UP_ACTIVE);
    unsigned adopted = 0, own = 0;
    for (struct sam_child *c = sam_children_on(w->side[B].ike->sam, w->side[B].tunnel); c;
         c = c->next_of_tunnel) {
        adopted += c->state == SAM_ADOPTED &&
                   ip_addr_equal(&c->remote.addr, &(struct ip_addr){.family = IP_V4, .b = {198, 51, 100, 9}});
        own += c->state == SAM_INSTALLED;
    }
    CU_ASSERT_EQUAL(adopted, 1);
    CU_ASSERT_EQUAL(own, 1);
    wire_free(w);
}

/* ---- life of flows -------------------------------------------------------------------------------------------------- */
static void a_flow_is_rekeyed_and_deleted_without_the_others(void)
{
    for (unsigned version = 1; version <= 2; version++) {
        struct wire *w = c18(version, version);
        char err[SEL_TEXT_MAX];
        for (unsigned i = 0; i < FLOWS; i++) {
            wire_on(w, flows[i], mirror(i));
            wire_up(w, A);
            wire_run(w, SETTLE_MS);
        }
        uint32_t before[FLOWS];
        for (unsigned i = 0; i < FLOWS; i++) {
            CU_ASSERT_FATAL(flow_up(w, i));
            before[i] = wire_child(w, A)->in.spi;
        }
        wire_on(w, flows[1], mirror(1));
        CU_ASSERT_EQUAL(ike_rekey(w->side[B].ike, mirror(1), false, err, sizeof err), IKE_CMD_STARTED);
        CU_ASSERT_EQUAL(wire_traffic(w, 3000), 0);
        for (unsigned i = 0; i < FLOWS; i++) {
            CU_ASSERT_FATAL(flow_up(w, i));
            CU_ASSERT_EQUAL(wire_child(w, A)->in.spi == before[i], i != 1);
        }
        CU_ASSERT_EQUAL(ike_down(w->side[A].ike, flows[2], err, sizeof err), IKE_CMD_STARTED);
        wire_run(w, SETTLE_MS);
        for (unsigned i = 0; i < FLOWS; i++) {
            wire_on(w, flows[i], mirror(i));
            CU_ASSERT_EQUAL(wire_child(w, A) != NULL, i != 2);
            CU_ASSERT_EQUAL(wire_child(w, B) != NULL, i != 2);
        }
        wire_free(w);
    }
}

static void an_IKE_SA_is_rekeyed_with_all_its_flows(void)
{
    for (unsigned version = 1; version <= 2; version++) {
        struct wire *w = c18(version, version);
        char err[SEL_TEXT_MAX];
        for (unsigned i = 0; i < FLOWS; i++) {
            wire_on(w, flows[i], mirror(i));
            wire_up(w, A);
            wire_run(w, SETTLE_MS);
        }
        CU_ASSERT_EQUAL(ike_rekey(w->side[A].ike, flows[0], true, err, sizeof err), IKE_CMD_STARTED);
        CU_ASSERT_EQUAL(wire_traffic(w, 3000), 0);
        wire_run(w, 120000);
        for (unsigned i = 0; i < FLOWS; i++)
            CU_ASSERT(flow_up(w, i));
        CU_ASSERT_EQUAL(wire_sas(w, A), 1);
        CU_ASSERT_EQUAL(wire_sas(w, B), 1);
        CU_ASSERT(wire_consistent(w, true));
        wire_free(w);
    }
}

/* ---- forwarding tables ---------------------------------------------------------------------------------------------- */
/* A tunnel in the fVRF of that name; head stands in front, more of the profiles. */
static char *in_vrf(const char *vrf, enum wire_end end, const char *head, const char *bound)
{
    char lines[2048];
    snprintf(
        lines, sizeof lines,
        "vrf definition %s\n address-family ipv4\n exit-address-family\n%s"
        "crypto ipsec transform-set SET esp-aes esp-sha256-hmac\n mode tunnel\n"
        "crypto ipsec profile IPP\n set transform-set SET\n%s"
        "interface Ethernet0/0\n vrf forwarding %s\n ip address 192.0.2.%u 255.255.255.0\n"
        "interface Tunnel1\n ip address 10.0.0.%u 255.255.255.0\n tunnel source Ethernet0/0\n tunnel vrf %s\n"
        " tunnel destination 192.0.2.%u\n tunnel protection ipsec profile IPP\n",
        vrf, head, bound, vrf, 1u + end, 1u + end, vrf, 2u - end);
    return text_of(lines);
}

#define POLICY1 "crypto isakmp policy 10\n encr aes\n hash sha256\n authentication pre-share\n group 19\n"

static void KR_5_keyrings_of_the_packets_fVRF_and_G23_not_the_default_one(void)
{
    /* in RED the keyring default is not asked, nor one of another table */
    static const char head[] =
        POLICY1 "crypto isakmp key wrong address 192.0.2.2\n"
                "crypto keyring global\n pre-shared-key address 192.0.2.2 key wrong\n"
                "crypto keyring red vrf RED\n pre-shared-key address 192.0.2.0 255.255.255.0 "
                "key cisco\n";
    for (enum wire_end end = A; end <= B; end++) {
        struct wire *w = gates(40, in_vrf("RED", A, head, ""),
                               in_vrf("BLUE", B,
                                      POLICY1 "crypto keyring blue vrf BLUE\n pre-shared-key address "
                                              "192.0.2.1 key cisco\n",
                                      ""));
        wire_up(w, end);
        wire_run(w, SETTLE_MS);
        CU_ASSERT(wire_decided(w, A, "MM1", "keyring", end == A ? "KR-3" : "KR-5", "red"));
        CU_ASSERT(wire_both_up(w));
        wire_free(w);
    }
}

static void KR_5_and_G23_without_a_keyring_of_the_fVRF_there_is_no_key(void)
{
    struct wire *w = gates(41, in_vrf("RED", A, POLICY1 "crypto isakmp key cisco address 192.0.2.2\n", ""),
                           in_vrf("BLUE", B,
                                  POLICY1 "crypto keyring blue vrf BLUE\n pre-shared-key address 192.0.2.1 "
                                          "key cisco\n",
                                  ""));
    wire_up(w, B);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_saw(w, "A INFO: N(NO_PROPOSAL_CHOSEN)\n"));
    CU_ASSERT_STRING_EQUAL(wire_reason_text(w, A), "no-psk");
    wire_free(w);
}

static void PF_3_a_profile_of_another_fVRF_does_not_match(void)
{
    static const char head[] =
        POLICY1 "crypto keyring red vrf RED\n pre-shared-key address 192.0.2.2 key cisco\n"
                "crypto isakmp profile global\n keyring red\n match identity address 192.0.2.2\n"
                "crypto isakmp profile red\n keyring red\n"
                " match identity address 192.0.2.0 255.255.255.0 RED\n";
    struct wire *w = gates(42, in_vrf("RED", A, head, " set isakmp-profile red\n"),
                           in_vrf("BLUE", B,
                                  POLICY1 "crypto keyring blue vrf BLUE\n pre-shared-key address 192.0.2.1 "
                                          "key cisco\n",
                                  ""));
    wire_up(w, B);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_decided(w, A, "MM5", "profile", "PF-3", "red"));
    CU_ASSERT(wire_both_up(w));
    wire_free(w);
}

static const char red_v2[] =
    "crypto ikev2 proposal G14\n encryption aes-cbc-128\n integrity sha256\n group 14\n"
    "crypto ikev2 proposal G19\n encryption aes-cbc-128\n integrity sha256\n group 19\n"
    "crypto ikev2 policy any\n match fvrf any\n proposal G14\n"
    "crypto ikev2 policy red\n match fvrf RED\n proposal G19\n"
    "crypto ikev2 policy global\n proposal G14\n"
    "crypto ikev2 keyring KR\n peer P\n  address 0.0.0.0 0.0.0.0\n  pre-shared-key cisco\n"
    "crypto ikev2 profile GLOBAL\n match identity remote address 192.0.2.2\n authentication remote "
    "pre-share\n"
    " authentication local pre-share\n keyring local KR\n"
    "crypto ikev2 profile PF\n match fvrf RED\n match identity remote any\n authentication remote pre-share\n"
    " authentication local pre-share\n keyring local KR\n";
static const char blue_v2[] =
    "crypto ikev2 proposal ALL\n encryption aes-cbc-128\n integrity sha256\n group 14 19\n"
    "crypto ikev2 policy P\n match fvrf any\n proposal ALL\n"
    "crypto ikev2 keyring KR\n peer P\n  address 0.0.0.0 0.0.0.0\n  pre-shared-key cisco\n"
    "crypto ikev2 profile PF\n match fvrf any\n match identity remote any\n authentication remote pre-share\n"
    " authentication local pre-share\n keyring local KR\n";

static void IKEv2_policy_and_profile_of_the_fVRF(void)
{
    for (enum wire_end end = A; end <= B; end++) {
        struct wire *w = gates(43, in_vrf("RED", A, red_v2, " set ikev2-profile PF\n"),
                               in_vrf("BLUE", B, blue_v2, " set ikev2-profile PF\n"));
        wire_up(w, end);
        wire_run(w, SETTLE_MS);
        CU_ASSERT_FATAL(wire_both_up(w));
        CU_ASSERT(wire_decided(w, A, "IKE_SA_INIT", "policy", NULL, "red"));
        CU_ASSERT(end == A || wire_decided(w, A, "IKE_AUTH", "profile", "PF-3", "PF"));
        CU_ASSERT_EQUAL(wire_sa(w, A)->keys.suite.dh, 19);
        wire_free(w);
    }
}

static void IKEv2_profile_of_another_fVRF_is_not_used(void)
{
    char *a = text_swap(in_vrf("RED", A, red_v2, " set ikev2-profile PF\n"),
                        " match fvrf RED\n match identity", " match identity");
    struct wire *w = gates(44, a, in_vrf("BLUE", B, blue_v2, " set ikev2-profile PF\n"));
    wire_up(w, B);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_decided(w, A, "IKE_AUTH", "profile", "PF-3", ""));
    CU_ASSERT_STRING_EQUAL(wire_reason_text(w, A), "no-profile");
    wire_free(w);
}

UNIT_MAIN("maps", UNIT_TEST(PR_12_C18_four_lines_make_four_SA_pairs_on_one_IKE_SA),
          UNIT_TEST(PR_12_selectors_are_those_of_the_line),
          UNIT_TEST(PR_12_a_line_that_the_other_end_does_not_have_is_refused_alone),
          UNIT_TEST(PR_12_IKEv1_proxies_must_lie_inside_the_line_IKEv2_narrows),
          UNIT_TEST(deny_lines_make_no_flow), UNIT_TEST(protocol_and_ports_of_a_line_are_negotiated),
          UNIT_TEST(several_peers_are_tried_in_their_order),
          UNIT_TEST(after_its_idle_time_an_entry_asks_its_default_peer_when_it_says_so),
          UNIT_TEST(no_IKE_SA_is_left_behind_by_idle_times),
          UNIT_TEST(who_asks_the_default_peer_hears_that_it_does_not_answer),
          UNIT_TEST(PF_7_and_PF_9_an_entry_bound_to_another_profile),
          UNIT_TEST(a_dynamic_map_without_a_list_takes_what_the_peer_asks_for),
          UNIT_TEST(a_dynamic_map_with_a_list_refuses_what_is_not_in_it),
          UNIT_TEST(no_peer_takes_the_selectors_of_another),
          UNIT_TEST(RFC7296_2_9_2_no_peer_answers_with_the_selectors_of_another),
          UNIT_TEST(RFC7296_2_9_2_a_rekey_where_any_peer_may_come_keeps_transport_mode),
          UNIT_TEST(who_has_the_same_key_may_have_another_name),
          UNIT_TEST(a_dynamic_entry_has_room_for_more_peers_than_one_may_have_children),
          UNIT_TEST(adopted_children_of_other_peers_stay_until_theirs_come),
          UNIT_TEST(a_flow_is_rekeyed_and_deleted_without_the_others),
          UNIT_TEST(an_IKE_SA_is_rekeyed_with_all_its_flows),
          UNIT_TEST(KR_5_keyrings_of_the_packets_fVRF_and_G23_not_the_default_one),
          UNIT_TEST(KR_5_and_G23_without_a_keyring_of_the_fVRF_there_is_no_key),
          UNIT_TEST(PF_3_a_profile_of_another_fVRF_does_not_match),
          UNIT_TEST(IKEv2_policy_and_profile_of_the_fVRF),
          UNIT_TEST(IKEv2_profile_of_another_fVRF_is_not_used))
