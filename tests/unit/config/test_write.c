#include "control/config/cfg.h"
#include "tests/unit/unit.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef GOLDEN
#error "GOLDEN names the directory of the golden files"
#endif

static struct cfg *parse(const char *text)
{
    struct cfg *c = NULL;
    struct cfg_findings f;
    cv_result r = cfg_parse(text, "x", &c, &f);
    for (unsigned i = 0; i < f.count && r != CV_OK; i++)
        printf("  %d: %s; %s\n", f.items[i].line, f.items[i].text, f.items[i].remedy);
    cfg_findings_free(&f);
    return r == CV_OK ? c : NULL;
}

static char *text_of(const struct cfg *c, bool show_keys)
{
    int n = cfg_write(c, show_keys, NULL, 0);
    CU_ASSERT_FATAL(n > 0);
    char *text = malloc((size_t)n + 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    CU_ASSERT_EQUAL(cfg_write(c, show_keys, text, (size_t)n + 1), n);
    CU_ASSERT_EQUAL(strlen(text), (size_t)n);
    return text;
}

static void forget_ipsec_lines(struct cfg_ipsec_profile *x)
{
    x->line = x->ikev2_profile_line = x->isakmp_profile_line = x->transform_set_line = 0;
}

static void forget_pki_lines(struct cfg *c)
{
    for (unsigned i = 0; i < c->profile_count; i++) {
        for (unsigned k = 0; k < c->profiles[i].trustpoint_count; k++)
            c->profiles[i].trustpoints[k].line = 0;
        for (unsigned k = 0; k < c->profiles[i].certmap_count; k++)
            c->profiles[i].certmaps[k].line = 0;
    }
    for (unsigned i = 0; i < c->trustpoint_count; i++) {
        struct cfg_trustpoint *t = &c->trustpoints[i];
        t->line = t->enrollment_line = t->subject_line = t->ip_address_line = t->key_line = t->hash_line = 0;
        t->chain_line = t->vrf_line = t->source_line = 0;
        for (unsigned k = 0; k < t->match_count; k++)
            t->match[k].line = 0;
    }
    for (unsigned i = 0; i < c->certificate_count; i++)
        c->certificates[i].line = 0;
    for (unsigned i = 0; i < c->certmap_count; i++) {
        c->certmaps[i].line = 0;
        for (unsigned k = 0; k < c->certmaps[i].line_count; k++)
            c->certmaps[i].lines[k].line = 0;
    }
}

/* Lines differ between the two; nothing else may. */
static void forget_lines(struct cfg *c)
{
    for (unsigned i = 0; i < c->interface_count; i++) {
        struct cfg_interface *x = &c->interfaces[i];
        x->line = x->protection_line = x->source_line = x->destination_line = 0;
        x->vrf_line = x->tunnel_vrf_line = x->crypto_map_line = 0;
        x->flow = NULL; /* compared apart */
        for (unsigned k = 0; k < x->addr_count; k++)
            x->addrs[k].line = 0;
    }
    for (unsigned i = 0; i < c->route_count; i++)
        c->routes[i].line = 0;
    for (unsigned i = 0; i < c->neighbor_count; i++)
        c->neighbors[i].line = 0;
    for (unsigned i = 0; i < c->proposal_count; i++)
        c->proposals[i].line = 0;
    for (unsigned i = 0; i < c->policy_count; i++) {
        c->policies[i].line = 0;
        memset(c->policies[i].proposal_lines, 0, sizeof c->policies[i].proposal_lines);
    }
    for (unsigned i = 0; i < c->transform_set_count; i++)
        c->transform_sets[i].line = 0;
    for (unsigned i = 0; i < c->ipsec_profile_count; i++)
        forget_ipsec_lines(&c->ipsec_profiles[i]);
    for (unsigned i = 0; i < c->isakmp_policy_count; i++)
        c->isakmp_policies[i].line = 0;
    for (unsigned i = 0; i < c->isakmp_profile_count; i++) {
        struct cfg_isakmp_profile *x = &c->isakmp_profiles[i];
        x->line = x->self.line = x->trustpoint_line = x->local.line = x->ivrf_line = 0;
        memset(x->keyring_lines, 0, sizeof x->keyring_lines);
        for (unsigned k = 0; k < x->match_count; k++)
            x->match[k].line = 0;
        for (unsigned k = 0; k < x->certmap_count; k++)
            x->certmaps[k].line = 0;
    }
    forget_pki_lines(c);
    for (unsigned i = 0; i < c->platform.port_count; i++)
        c->platform.ports[i].line = 0;
    for (unsigned i = 0; i < c->isakmp_keyring_count; i++)
        c->isakmp_keyrings[i].local.line = 0;
    for (unsigned i = 0; i < c->vrf_count; i++)
        c->vrfs[i].line = 0;
    for (unsigned i = 0; i < c->acl_count; i++)
        for (unsigned k = 0; k < c->acls[i].ace_count; k++)
            c->acls[i].aces[k].line = 0;
    for (unsigned i = 0; i < c->map_count; i++) {
        c->maps[i].line = c->maps[i].local_address_line = c->maps[i].isakmp_profile_line = 0;
        for (unsigned k = 0; k < c->maps[i].entry_count; k++) {
            struct cfg_map_entry *e = &c->maps[i].entries[k];
            e->line = e->dynamic_line = e->acl_line = 0;
            forget_ipsec_lines(&e->ipsec);
        }
    }
}

#define SAME(a, b, items, count)                                                                             \
    do {                                                                                                     \
        CU_ASSERT_EQUAL_FATAL((a)->count, (b)->count);                                                       \
        CU_ASSERT((a)->count == 0 || memcmp((a)->items, (b)->items, (a)->count * sizeof *(a)->items) == 0);  \
    } while (0)

static bool same_secret(const struct secret *a, const struct secret *b)
{
    return a->n == b->n && (a->n == 0 || memcmp(a->p, b->p, a->n) == 0);
}

static void same_ikev2(const struct cfg *a, const struct cfg *b)
{
    CU_ASSERT_EQUAL_FATAL(a->keyring_count, b->keyring_count);
    for (unsigned i = 0; i < a->keyring_count; i++) {
        CU_ASSERT_EQUAL_FATAL(a->keyrings[i].peer_count, b->keyrings[i].peer_count);
        for (unsigned k = 0; k < a->keyrings[i].peer_count; k++) {
            const struct cfg_ikev2_peer *x = &a->keyrings[i].peers[k], *y = &b->keyrings[i].peers[k];
            CU_ASSERT(same_secret(&x->psk_local, &y->psk_local) &&
                      same_secret(&x->psk_remote, &y->psk_remote));
            CU_ASSERT(x->has_address == y->has_address && ip_prefix_equal(&x->address, &y->address));
            CU_ASSERT(x->identity.kind == y->identity.kind && !strcmp(x->identity.text, y->identity.text));
            CU_ASSERT(!strcmp(x->tag, y->tag) && !strcmp(x->hostname, y->hostname) &&
                      !strcmp(x->description, y->description));
        }
    }
    CU_ASSERT_EQUAL_FATAL(a->profile_count, b->profile_count);
    for (unsigned i = 0; i < a->profile_count; i++) {
        const struct cfg_ikev2_profile *x = &a->profiles[i], *y = &b->profiles[i];
        CU_ASSERT(x->auth_local == y->auth_local && x->auth_remote == y->auth_remote);
        CU_ASSERT(same_secret(&x->auth_local_key, &y->auth_local_key) &&
                  same_secret(&x->auth_remote_key, &y->auth_remote_key));
        CU_ASSERT(x->match_count == y->match_count && x->identity.kind == y->identity.kind);
        CU_ASSERT(!strcmp(x->identity.text, y->identity.text) && x->lifetime_s == y->lifetime_s);
        CU_ASSERT_EQUAL(memcmp(&x->dpd, &y->dpd, sizeof x->dpd), 0);
        CU_ASSERT_EQUAL(memcmp(x->local, y->local, sizeof x->local), 0);
        CU_ASSERT_EQUAL(memcmp(x->trustpoints, y->trustpoints, sizeof x->trustpoints), 0);
        CU_ASSERT_EQUAL(memcmp(x->certmaps, y->certmaps, sizeof x->certmaps), 0);
        CU_ASSERT_EQUAL(x->lifetime_certificate, y->lifetime_certificate);
        for (unsigned k = 0; k < x->match_count; k++)
            CU_ASSERT(x->match[k].kind == y->match[k].kind && !strcmp(x->match[k].text, y->match[k].text) &&
                      ip_prefix_equal(&x->match[k].prefix, &y->match[k].prefix));
    }
}

static void same_keyring(const struct cfg_isakmp_keyring *a, const struct cfg_isakmp_keyring *b)
{
    CU_ASSERT(!strcmp(a->name, b->name) && !strcmp(a->description, b->description));
    CU_ASSERT_EQUAL(memcmp(&a->local, &b->local, sizeof a->local), 0);
    CU_ASSERT_EQUAL_FATAL(a->key_count, b->key_count);
    for (unsigned i = 0; i < a->key_count; i++) {
        const struct cfg_isakmp_key *x = &a->keys[i], *y = &b->keys[i];
        CU_ASSERT(x->has_address == y->has_address && ip_prefix_equal(&x->address, &y->address));
        CU_ASSERT(!strcmp(x->hostname, y->hostname) && x->no_xauth == y->no_xauth);
        CU_ASSERT(same_secret(&x->key, &y->key));
    }
}

static void same_isakmp(const struct cfg *a, const struct cfg *b)
{
    SAME(a, b, isakmp_policies, isakmp_policy_count);
    SAME(a, b, isakmp_profiles, isakmp_profile_count);
    same_keyring(&a->isakmp_default, &b->isakmp_default);
    CU_ASSERT_EQUAL_FATAL(a->isakmp_keyring_count, b->isakmp_keyring_count);
    for (unsigned i = 0; i < a->isakmp_keyring_count; i++)
        same_keyring(&a->isakmp_keyrings[i], &b->isakmp_keyrings[i]);
    CU_ASSERT_EQUAL(a->isakmp_disabled, b->isakmp_disabled);
    CU_ASSERT_EQUAL(a->isakmp_no_default_policy, b->isakmp_no_default_policy);
    CU_ASSERT_EQUAL(a->isakmp_aggressive_disable, b->isakmp_aggressive_disable);
    CU_ASSERT_EQUAL(a->isakmp_fragmentation, b->isakmp_fragmentation);
    CU_ASSERT_EQUAL(a->isakmp_identity, b->isakmp_identity);
    CU_ASSERT_EQUAL(memcmp(&a->isakmp_dpd, &b->isakmp_dpd, sizeof a->isakmp_dpd), 0);
    CU_ASSERT_EQUAL(a->isakmp_nat_keepalive_s, b->isakmp_nat_keepalive_s);
}

static void same_maps(const struct cfg *a, const struct cfg *b)
{
    SAME(a, b, vrfs, vrf_count);
    SAME(a, b, flows, flow_count);
    CU_ASSERT_EQUAL(a->ipv4_deny, b->ipv4_deny);
    CU_ASSERT_EQUAL(memcmp(&a->icmp, &b->icmp, sizeof a->icmp), 0);
    CU_ASSERT_EQUAL_FATAL(a->acl_count, b->acl_count);
    for (unsigned i = 0; i < a->acl_count; i++) {
        CU_ASSERT_STRING_EQUAL(a->acls[i].name, b->acls[i].name);
        SAME(&a->acls[i], &b->acls[i], aces, ace_count);
    }
    CU_ASSERT_EQUAL_FATAL(a->map_count, b->map_count);
    for (unsigned i = 0; i < a->map_count; i++) {
        const struct cfg_crypto_map *x = &a->maps[i], *y = &b->maps[i];
        CU_ASSERT(!strcmp(x->name, y->name) && x->dynamic == y->dynamic);
        CU_ASSERT(!strcmp(x->local_address, y->local_address) &&
                  !strcmp(x->isakmp_profile, y->isakmp_profile));
        SAME(x, y, entries, entry_count);
    }
}

static void same_peers(const struct cfg *a, const struct cfg *b)
{
    CU_ASSERT_EQUAL(a->isakmp_invalid_spi_recovery, b->isakmp_invalid_spi_recovery);
    CU_ASSERT_EQUAL(a->isakmp_max_sa, b->isakmp_max_sa);
    CU_ASSERT_EQUAL(a->isakmp_max_in_negotiation, b->isakmp_max_in_negotiation);
    CU_ASSERT_EQUAL_FATAL(a->isakmp_peer_count, b->isakmp_peer_count);
    for (unsigned i = 0; i < a->isakmp_peer_count; i++) {
        const struct cfg_isakmp_peer *x = &a->isakmp_peers[i], *y = &b->isakmp_peers[i];
        CU_ASSERT(ip_addr_equal(&x->addr, &y->addr) && !strcmp(x->host, y->host) && !strcmp(x->vrf, y->vrf));
        CU_ASSERT(same_secret(&x->password, &y->password) && !strcmp(x->description, y->description));
        CU_ASSERT(x->client_id.kind == y->client_id.kind && !strcmp(x->client_id.text, y->client_id.text) &&
                  ip_prefix_equal(&x->client_id.prefix, &y->client_id.prefix));
    }
}

static void same_pki(const struct cfg *a, const struct cfg *b)
{
    CU_ASSERT_EQUAL_FATAL(a->trustpoint_count, b->trustpoint_count);
    for (unsigned i = 0; i < a->trustpoint_count; i++) {
        struct cfg_trustpoint x = a->trustpoints[i], y = b->trustpoints[i];
        CU_ASSERT(same_secret(&x.password, &y.password));
        memset(&x.password, 0, sizeof x.password);
        memset(&y.password, 0, sizeof y.password);
        CU_ASSERT_EQUAL(memcmp(&x, &y, sizeof x), 0);
    }
    SAME(a, b, certmaps, certmap_count);
    CU_ASSERT_EQUAL_FATAL(a->certificate_count, b->certificate_count);
    for (unsigned i = 0; i < a->certificate_count; i++) {
        const struct cfg_certificate *x = &a->certificates[i], *y = &b->certificates[i];
        CU_ASSERT(!strcmp(x->trustpoint, y->trustpoint) && !strcmp(x->serial, y->serial) &&
                  x->kind == y->kind);
        CU_ASSERT(!strcmp(x->file, y->file) && x->n == y->n && (x->n == 0 || !memcmp(x->der, y->der, x->n)));
    }
    CU_ASSERT(a->isakmp_disconnect_revoked == b->isakmp_disconnect_revoked &&
              a->ikev2_disconnect_revoked == b->ikev2_disconnect_revoked &&
              a->ikev2_http_url_cert == b->ikev2_http_url_cert);
}

static void same(struct cfg *a, struct cfg *b)
{
    forget_lines(a);
    forget_lines(b);
    SAME(a, b, interfaces, interface_count);
    SAME(a, b, routes, route_count);
    SAME(a, b, neighbors, neighbor_count);
    SAME(a, b, proposals, proposal_count);
    SAME(a, b, policies, policy_count);
    SAME(a, b, transform_sets, transform_set_count);
    SAME(a, b, ipsec_profiles, ipsec_profile_count);
    same_ikev2(a, b);
    same_isakmp(a, b);
    same_maps(a, b);
    same_peers(a, b);
    same_pki(a, b);
    CU_ASSERT_EQUAL(memcmp(&a->sa, &b->sa, sizeof a->sa), 0);
    CU_ASSERT_EQUAL(memcmp(&a->platform, &b->platform, sizeof a->platform), 0);
    CU_ASSERT_STRING_EQUAL(a->hostname, b->hostname);
    CU_ASSERT_STRING_EQUAL(a->domain_name, b->domain_name);
}

static void round_trip(const char *text)
{
    struct cfg *a = parse(text);
    CU_ASSERT_PTR_NOT_NULL_FATAL(a);
    char *first = text_of(a, true);
    struct cfg *b = parse(first);
    if (!b)
        printf("%s\n", first);
    CU_ASSERT_PTR_NOT_NULL_FATAL(b);
    char *second = text_of(b, true);
    CU_ASSERT_STRING_EQUAL(first, second);
    same(a, b);
    free(first);
    free(second);
    cfg_free(a);
    cfg_free(b);
}

static char everything[1 << 15];

static void read_everything(void)
{
    FILE *f = fopen(GOLDEN "/../configs/everything.conf", "re");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    everything[fread(everything, 1, sizeof everything - 1, f)] = '\0';
    fclose(f);
    CU_ASSERT(strlen(everything) > 1000);
}

static void everything_comes_back_as_it_was(void)
{
    read_everything();
    round_trip(everything);
    round_trip("");
    round_trip("no crypto ikev2 proposal default\nno crypto ikev2 policy default\nno crypto ipsec "
               "transform-set default\n"
               "no crypto ikev2 fragmentation\n");
    round_trip("crypto ikev2 policy default\n no match fvrf any\n");
}

static const char pki[] =
    "crypto pki trustpoint A\n enrollment url http://192.0.2.1:80 pem\n enrollment mode ra\n"
    " enrollment http-proxy proxy.x 3128\n enrollment retry count 5\n enrollment retry period 3\n"
    " auto-enroll 80 regenerate\n serial-number\n fqdn none\n ip-address Loopback0\n"
    " subject-name CN=R1, O=\"a b\"\n rsakeypair K 4096 2048\n password 0 x\n"
    " revocation-check ocsp crl none\n hash sha512\n chain-validation continue B\n"
    " crl query http://192.0.2.1/a.crl\n crl cache delete-after 60\n crl cache extend 5\n crl best-effort\n"
    " ocsp url http://192.0.2.1/o\n ocsp disable-nonce\n match certificate M allow expired-certificate\n"
    " match certificate M override ocsp 5 url http://192.0.2.2/\n"
    " match certificate N skip revocation-check\n match certificate N skip authorization-check\n"
    " match certificate N override cdp url http://192.0.2.2/crl\n usage ike ssl-client\n vrf RED\n"
    " source interface Loopback0\n primary\n storage nvram:x\n"
    " fingerprint 00112233 44556677 8899AABB CCDDEEFF\n"
    "crypto ca trustpoint B\n enrollment terminal pem\n serial-number none\n ip-address none\n"
    " eckeypair E\n password 7 0822455D0A16\n revocation-check none\n hash md5\n chain-validation stop\n"
    " crl cache none\n fingerprint 00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:00:11:22:33\n"
    "crypto pki trustpoint C\n enrollment selfsigned\n ip-address 192.0.2.1\n chain-validation continue\n"
    "crypto pki trustpoint D\n enrollment pkcs12\n auto-enroll\n"
    "crypto pki trustpoint E\n enrollment profile P\n"
    "crypto pki certificate map N 20\n expires-on ge Jan 31 2030 12:00:00\n valid-start lt 1 feb 2031\n"
    "crypto pki certificate map M 10\n subject-name co  ou =  qytang , o = \"x y\"\n issuer-name eq cn=CA\n"
    " alt-subject-name nc x\n name ne y\n unstructured-subject-name co z\n serial-number eq 0a\n"
    "crypto pki certificate map N 10\n subject-name co \"x  y\"\n"
    "crypto pki certificate chain A\n certificate ca 01\n  3003 0201 01\n  quit\n certificate 02\n"
    "  30820100 00000000 00000000 00000000 00000000 00000000 00000000 00000000\n"
    "  00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000\n"
    "  00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000\n"
    "  00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000\n"
    "  00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000\n"
    "  00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000\n"
    "  00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000\n"
    "  00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000\n"
    "  00000000\n  quit\n"
    "crypto ca certificate chain A\n certificate ra-sign 04\n  3000\n  quit\n"
    "crypto pki certificate chain C\n certificate self-signed 01 nvram:x#1.cer\n"
    "crypto isakmp disconnect-revoked-peers\ncrypto ikev2 disconnect-revoked-peers\ncrypto ikev2 http-url "
    "cert\n"
    "crypto isakmp profile P\n match certificate M\n match certificate N\n ca trust-point A\n"
    "crypto ikev2 profile V\n match certificate M\n lifetime certificate\n pki trustpoint A sign\n"
    " pki trustpoint B verify\n identity local dn\n"
    "vrf definition RED\n address-family ipv4\ninterface Loopback0\n ip address 10.0.0.1 255.255.255.255\n";

static void certificates_come_back_as_they_were(void)
{
    round_trip(pki);
    struct cfg *c = parse(pki);
    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    CU_ASSERT(c->certmap_count == 3 && c->certmaps[0].seq == 10 && !strcmp(c->certmaps[0].name, "N"));
    CU_ASSERT_STRING_EQUAL(c->certmaps[0].lines[0].text, "x y");
    CU_ASSERT_STRING_EQUAL(c->certmaps[2].lines[0].text, "ou=qytang,o=\"x y\"");
    CU_ASSERT_EQUAL(c->certmaps[1].lines[0].time, 1896091200);
    CU_ASSERT(c->certificates[1].n == 260 && c->trustpoints[0].fingerprint_len == 16 &&
              c->trustpoints[1].fingerprint_len == 20);
    char *text = text_of(c, false);
    CU_ASSERT(strstr(text, "password <hidden>") && !strstr(text, "0822455D0A16"));
    free(text);
    cfg_free(c);
}

static void long_packets_come_back_as_they_were(void)
{
    round_trip(
        "crypto ipsec fragmentation after-encryption\ncrypto ipsec df-bit set\n"
        "interface Ethernet0/0\n mtu 9000\n crypto ipsec fragmentation before-encryption\n"
        " crypto ipsec df-bit copy\n ip virtual-reassembly max-reassemblies 64 max-fragments 3 timeout 5\n"
        "interface Ethernet0/1\n ip virtual-reassembly\n");
}

static void IKEv1_comes_back_as_it_was(void)
{
    round_trip(
        "no crypto isakmp enable\nno crypto isakmp default policy\ncrypto isakmp identity hostname\n"
        "crypto isakmp keepalive 10\ncrypto isakmp nat keepalive 20\ncrypto isakmp fragmentation\n"
        "crypto isakmp aggressive-mode disable\n"
        "crypto isakmp key 0 key address 0.0.0.0\ncrypto isakmp key \"a b\" address 10.0.0.0 255.0.0.0\n"
        "crypto isakmp key 0 0 address 10.0.0.1 no-xauth\ncrypto isakmp key k address ipv6 ::/0\n"
        "crypto isakmp key hex 0x0001 address ipv6 2001:db8::1/128\ncrypto isakmp key k hostname h.x\n"
        "crypto isakmp policy 20\n encr aes 192\n hash sha384\n authentication ecdsa-sig\n group 19\n"
        " lifetime 60\ncrypto isakmp policy 10\n encr aes\n hash sha256\n authentication pre-share\n"
        "crypto isakmp policy 30\n authentication rsa-encr\ncrypto isakmp policy 5\n encr aes 256\n"
        "crypto keyring K\n description about it\n local-address Loopback0\n"
        " pre-shared-key address 10.0.0.0 255.0.0.0 key 0 hex\n pre-shared-key address 0.0.0.0 key 0 a\n"
        " pre-shared-key address ipv6 2001:db8::/32 key b\n pre-shared-key hostname h.x key c\n"
        "crypto keyring L\n local-address 10.0.0.1\ninterface Loopback0\n ip address 10.0.0.1 "
        "255.255.255.255\n"
        "crypto isakmp profile P\n description d\n keyring L\n keyring default\n keyring K\n"
        " self-identity user-fqdn a@x\n match identity address 10.0.0.0 255.0.0.0\n"
        " match identity address 10.0.0.1\n match identity address 0.0.0.0\n"
        " match identity address ipv6 2001:db8::/32\n match identity host a.x\n match identity host "
        "domain x\n match identity user a@x\n match identity user domain x\n match identity group g\n"
        " keepalive 10 retry 2\n initiate mode aggressive\n local-address Loopback0\n"
        " ca trust-point T\n"
        "crypto isakmp profile Q\n self-identity fqdn\ncrypto isakmp profile R\n self-identity fqdn "
        "a.x\ncrypto isakmp profile S\n self-identity address\ncrypto isakmp profile T\n "
        "self-identity 10.0.0.1\n local-address 10.0.0.1\n"
        "crypto ipsec profile I\n set isakmp-profile P\n");
}

static void maps_VRFs_and_GRE_come_back_as_they_were(void)
{
    round_trip(
        "vrf definition RED\n rd 1:1\n address-family ipv4\n exit-address-family\n address-family ipv6\n"
        "ip vrf OLD\n rd 1:2\n route-target both 1:1\n"
        "crypto ipsec ipv4-deny clear\n"
        "crypto ipsec icmp unprotected ipv4 discard 3 4 255\ncrypto ipsec icmp unprotected ipv6 discard all\n"
        "crypto ipsec icmp unprotected ipv6 accept 1 2 3 4\ncrypto ipsec icmp protected ipv4 discard 5\n"
        "access-list 101 remark one\naccess-list 101 permit tcp any eq 80 host 10.0.0.1 range 5 9\n"
        "access-list 101 deny udp 10.0.0.0 0.0.255.255 gt 5 any lt 9\n"
        "ip access-list extended L\n 7 permit gre any any\n permit 77 any any\n 100 deny ip any any\n"
        " permit icmp host 1.1.1.1 any\n permit icmp any any echo\n permit icmp any any 0\n deny icmp any "
        "any 3 4\n"
        " permit icmp any any 42\n permit icmp any any 43 255\n permit icmp any any 255 255\n"
        "crypto keyring K vrf RED\n local-address Loopback0 RED\n pre-shared-key address 0.0.0.0 key a\n"
        "crypto isakmp profile P\n match identity address 10.0.0.1 RED\n match identity host a.x RED\n"
        " match identity address ipv6 2001:db8::/32 RED\n match identity user domain x RED\n vrf OLD\n"
        " local-address 10.0.0.1 RED\n"
        "crypto isakmp profile Q\n match identity address 0.0.0.0\n"
        "crypto ikev2 profile V\n match fvrf RED\n match identity remote any\n ivrf OLD\n"
        "crypto ikev2 policy W\n match fvrf RED\n proposal default\n"
        "crypto dynamic-map D 10\n set isakmp-profile P\n reverse-route\n rate-limit input 8000 1600 1601"
        " conform-action transmit exceed-action drop\ncrypto dynamic-map D 20\n"
        " match address L\n set pfs group14\n"
        "crypto map M local-address Loopback0\ncrypto map M isakmp-profile Q\n"
        "crypto map M 10 ipsec-isakmp\n description d\n set peer 192.0.2.2\n set peer 192.0.2.3 default\n"
        " set security-association lifetime seconds 300\n set security-association idle-time 90 default\n"
        " match address 101\n rate-limit output 400000000000 512000000 1024000000 conform-action transmit"
        " exceed-action drop\n rate-limit input 9000 1700 1800 conform-action transmit exceed-action drop\n"
        "crypto map M 20 ipsec-isakmp profile P\n set peer 192.0.2.2\n match address L\n"
        "crypto map M 30 ipsec-isakmp\ncrypto map M 65535 ipsec-isakmp dynamic D\n"
        "crypto map N 10 ipsec-isakmp\n"
        "interface Loopback0\n vrf forwarding RED\n ip address 10.0.0.1 255.255.255.255\n"
        "interface Ethernet0/0\n ip vrf forwarding RED\n ip address 192.0.2.1 255.255.255.0\n crypto map M\n"
        "interface Tunnel1\n vrf forwarding OLD\n tunnel vrf RED\n tunnel key 4294967295\n tunnel ttl 9\n "
        "tunnel tos 96\n"
        " tunnel path-mtu-discovery\n ip tcp adjust-mss 8960\n ipv6 tcp adjust-mss 8940\n tunnel source "
        "Loopback0\n"
        " tunnel destination 192.0.2.9\n"
        "interface Tunnel2\n tunnel mode gre ipv6\n"
        "ip route vrf RED 10.0.0.0 255.0.0.0 192.0.2.254 5 name x\nip route vrf OLD 10.0.0.0 255.0.0.0 "
        "Tunnel1\n"
        "ip route 10.0.0.0 255.0.0.0 Tunnel1\nipv6 route vrf RED ::/0 2001:db8::1\n"
        "arp 198.51.100.9 0200.0000.0009 arpa Ethernet0/0\narp vrf RED 192.0.2.254 02:00:00:00:00:fe arpa\n"
        "ipv6 neighbor 2001:db8::1 Ethernet0/0 02aa.bbcc.ddee\n"
        "crypto isakmp invalid-spi-recovery\ncrypto call admission limit ike sa 100\n"
        "crypto call admission limit all in-negotiation-sa 50\n"
        "crypto isakmp peer address 192.0.2.9 vrf RED\n description d\n set aggressive-mode password 0 key\n"
        " set aggressive-mode client-endpoint fqdn r1.x\n"
        "crypto isakmp peer hostname a.x\n set aggressive-mode password \"a b\"\n"
        " set aggressive-mode client-endpoint user-fqdn u@x\n"
        "crypto isakmp peer address 2001:db8::1\n set aggressive-mode client-endpoint ipv6-address "
        "2001:db8::2\n"
        "crypto isakmp peer address 192.0.2.10\n set aggressive-mode client-endpoint ipv4-address "
        "192.0.2.1\n");
}

static void the_golden_configurations_come_back_as_they_were(void)
{
    glob_t g;
    unsigned n = 0;
    CU_ASSERT_EQUAL_FATAL(glob(GOLDEN "/*.conf", 0, NULL, &g), 0);
    CU_ASSERT_EQUAL_FATAL(glob(GOLDEN "/../configs/*.conf", GLOB_APPEND, NULL, &g), 0);
    CU_ASSERT_EQUAL_FATAL(glob(GOLDEN "/../ios/*.conf", GLOB_APPEND, NULL, &g), 0);
    for (size_t i = 0; i < g.gl_pathc; i++) {
        struct cfg *c;
        struct cfg_findings f;
        cv_result r = cfg_load(g.gl_pathv[i], &c, &f);
        CU_ASSERT(r == CV_OK || !strstr(g.gl_pathv[i], "/configs/"));
        for (unsigned k = 0; k < f.count && strstr(g.gl_pathv[i], "/configs/"); k++)
            if (f.items[k].severity == CFG_ERROR)
                printf("  %s:%d: %s\n", g.gl_pathv[i], f.items[k].line, f.items[k].text);
        if (r == CV_OK) {
            char *text = text_of(c, true);
            round_trip(text);
            free(text);
            n++;
        }
        cfg_findings_free(&f);
        cfg_free(c);
    }
    CU_ASSERT(n >= 15);
    globfree(&g);
}

static void keys_are_hidden_unless_asked_for(void)
{
    struct cfg *c = parse("crypto ikev2 keyring K\n peer A\n  pre-shared-key hunter2\n peer B\n  "
                          "pre-shared-key hex 68756e74657232\n"
                          "crypto ikev2 profile P\n authentication local pre-share key hunter2\n");
    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    char *hidden = text_of(c, false), *shown = text_of(c, true);
    CU_ASSERT_PTR_NULL(strstr(hidden, "hunter2"));
    CU_ASSERT_PTR_NULL(strstr(hidden, "68756e"));
    CU_ASSERT_PTR_NOT_NULL(strstr(hidden, "pre-shared-key <hidden>"));
    CU_ASSERT_PTR_NOT_NULL(strstr(shown, "pre-shared-key hunter2"));
    free(hidden);
    free(shown);
    cfg_free(c);
}

static void IKEv1_keys_are_hidden_unless_asked_for(void)
{
    struct cfg *c = parse("crypto isakmp key hunter2 address 10.0.0.1\ncrypto keyring K\n pre-shared-key "
                          "hostname a.x key hunter2\n");
    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    char *hidden = text_of(c, false), *shown = text_of(c, true);
    CU_ASSERT_PTR_NULL(strstr(hidden, "hunter2"));
    CU_ASSERT_PTR_NOT_NULL(strstr(hidden, "crypto isakmp key <hidden> address 10.0.0.1\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(shown, "crypto isakmp key hunter2 address 10.0.0.1\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(shown, "  pre-shared-key hostname a.x key hunter2\n"));
    free(hidden);
    free(shown);
    cfg_free(c);
}

static void a_small_buffer_is_never_overrun(void)
{
    read_everything();
    struct cfg *c = parse(everything);
    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    int whole = cfg_write(c, true, NULL, 0);
    for (size_t room = 0; room < 3000; room += 37) {
        char *text = malloc(room + 1);
        CU_ASSERT_PTR_NOT_NULL_FATAL(text);
        text[room] = '#';
        CU_ASSERT_EQUAL(cfg_write(c, true, text, room), whole);
        CU_ASSERT_EQUAL(text[room], '#');
        CU_ASSERT(room == 0 || memchr(text, '\0', room) != NULL);
        free(text);
    }
    cfg_free(c);
}

UNIT_MAIN("config-write", UNIT_TEST(everything_comes_back_as_it_was),
          UNIT_TEST(the_golden_configurations_come_back_as_they_were),
          UNIT_TEST(certificates_come_back_as_they_were), UNIT_TEST(long_packets_come_back_as_they_were),
          UNIT_TEST(IKEv1_comes_back_as_it_was), UNIT_TEST(maps_VRFs_and_GRE_come_back_as_they_were),
          UNIT_TEST(IKEv1_keys_are_hidden_unless_asked_for), UNIT_TEST(keys_are_hidden_unless_asked_for),
          UNIT_TEST(a_small_buffer_is_never_overrun))
