/* Configurations of the two ends. */
#include "tests/mock/mock_wire_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef WIRE_GOLDEN
#error "WIRE_GOLDEN names the directory of the configurations C1 to C18"
#endif

const char *const wire_addresses[2] = {"192.0.2.1", "192.0.2.2"};
const char *const wire_insides[2] = {"10.1.0.1", "10.2.0.1"};

static const char *or_(const char *v, const char *ordinary)
{
    return v ? v : ordinary;
}

static void conf_text_v1(enum wire_end end, const struct wire_conf *c, char *out)
{
    char match[96], bound[96];
    snprintf(match, sizeof match, "address %s 255.255.255.255", wire_addresses[!end]);
    snprintf(bound, sizeof bound, " set isakmp-profile %s\n", or_(c->bound, "PF"));
    int n =
        snprintf(out, WIRE_CONF,
                 "hostname %c\n"
                 "%s"
                 "crypto keyring KR\n pre-shared-key %s key %s\n"
                 "crypto isakmp policy 10\n authentication pre-share\n%s"
                 "crypto isakmp profile PF\n keyring KR\n self-identity %s\n match identity %s\n%s"
                 "crypto ipsec transform-set TS %s\n mode tunnel\n"
                 "crypto ipsec profile IPP\n set transform-set TS\n%s%s"
                 "interface Ethernet0/0\n ip address %s 255.255.255.0\n"
                 "interface Tunnel1\n ip address %s 255.255.255.0\n tunnel source Ethernet0/0\n"
                 " tunnel mode %s%s\n tunnel destination %s\n tunnel protection ipsec profile IPP\n",
                 "AB"[end], or_(c->global, ""), or_(c->key, "address 0.0.0.0 0.0.0.0"), or_(c->psk, "secret"),
                 or_(c->ike, " encryption aes\n hash sha256\n group 19\n"), or_(c->own_id, "address"),
                 or_(c->match, match), or_(c->profile, ""), or_(c->transform, "esp-aes esp-sha256-hmac"),
                 c -> bound && !c -> bound[0] ? "" : bound, or_(c->ipsec, ""), wire_addresses[end],
                 wire_insides[end], c->mode &&strncmp(c->mode, "gre", 3) == 0 ? "" : "ipsec ",
                 or_(c->mode, "ipv4"), or_(c->peer, wire_addresses[!end]));
    if (n < 0 || n >= WIRE_CONF)
        wire_die("configuration too long");
}

void wire_conf_text(enum wire_end end, const struct wire_conf *c, char *out)
{
    static const struct wire_conf ordinary;
    char own[64], match[96], bound[96];
    if (!c)
        c = &ordinary;
    if (c->ikev1) {
        conf_text_v1(end, c, out);
        return;
    }
    const char *peer = or_(c->peer, wire_addresses[!end]);
    snprintf(own, sizeof own, "address %s", wire_addresses[end]);
    snprintf(match, sizeof match, "address %s 255.255.255.255", wire_addresses[!end]);
    snprintf(bound, sizeof bound, " set ikev2-profile %s\n", or_(c->bound, "PF"));
    int n = snprintf(
        out, WIRE_CONF,
        "hostname %c\n"
        "%s"
        "crypto ikev2 proposal PROP\n%s"
        "crypto ikev2 policy POL\n proposal PROP\n"
        "crypto ikev2 keyring KR\n peer PEER\n  address 0.0.0.0 0.0.0.0\n  pre-shared-key %s\n"
        "crypto ikev2 profile PF\n match identity remote %s\n identity local %s\n"
        " authentication remote pre-share\n authentication local pre-share\n keyring local KR\n%s"
        "crypto ipsec transform-set TS %s\n mode tunnel\n"
        "crypto ipsec profile IPP\n set transform-set TS\n%s%s"
        "interface Ethernet0/0\n ip address %s 255.255.255.0\n"
        "interface Tunnel1\n ip address %s 255.255.255.0\n tunnel source Ethernet0/0\n"
        " tunnel mode ipsec %s\n tunnel destination %s\n tunnel protection ipsec profile IPP\n",
        "AB"[end], or_(c->global, ""), or_(c->ike, " encryption aes-gcm-128\n prf sha256\n group 19\n"),
        or_(c->psk, "secret"), or_(c->match, match), or_(c->own_id, own), or_(c->profile, ""),
        or_(c->transform, "esp-gcm"), c -> bound && !c -> bound[0] ? "" : bound, or_(c->ipsec, ""),
        wire_addresses[end], wire_insides[end], or_(c->mode, "ipv4"), peer);
    if (n < 0 || n >= WIRE_CONF)
        wire_die("configuration too long");
}

struct cfg *wire_parse(const char *text)
{
    struct cfg *c = NULL;
    struct cfg_findings f = {0};
    if (cfg_parse(text, "dialogue", &c, &f) != CV_OK) {
        for (unsigned i = 0; i < f.count; i++)
            fprintf(stderr, "line %d: %s (%s)\n", f.items[i].line, f.items[i].text, f.items[i].remedy);
        wire_die("configuration refused:\n%s", text);
    }
    cfg_findings_free(&f);
    return c;
}

char *wire_golden(const char *name, const char *more)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s.conf", WIRE_GOLDEN, name);
    FILE *f = fopen(path, "r");
    size_t extra = more ? strlen(more) : 0;
    char *text = malloc(WIRE_CONF + extra + 1);
    if (!f || !text)
        wire_die("%s cannot be read", path);
    size_t n = fread(text, 1, WIRE_CONF, f);
    if (n == WIRE_CONF)
        wire_die("%s is too long", path);
    fclose(f);
    if (more)
        memcpy(text + n, more, extra);
    text[n + extra] = '\0';
    return text;
}
