/* certs: gateways of IKEv2 that authenticate by certificates, for the dialogues about them. */
#ifndef TESTS_DIALOGUE_CERTS_H
#define TESTS_DIALOGUE_CERTS_H

#include "tests/dialogue/rules.h"
#include "tests/mock/mock_wire_pki.h"

/* What differs from the gateway of C13: trust-points IOSCA1 and IOSCA2, rsa-sig both ways, identities by address. NULL: that. */
struct cert_conf {
    const char *local, *remote; /* authentication: "rsa-sig" */
    const char *trust;          /* lines of the profile: " pki trustpoint IOSCA1\n" */
    const char *identity;       /* "address A"; "" none */
    const char *match;          /* "address B 255.255.255.255" */
    const char *revocation;     /* "crl" */
    const char *profile;        /* more lines of the profile */
    const char *global;         /* more global lines */
};

static inline char *cert_gate(enum wire_end end, const struct cert_conf *c)
{
    static const struct cert_conf ordinary;
    char lines[4096], own[64], match[64], identity[128] = "";
    if (!c)
        c = &ordinary;
    snprintf(own, sizeof own, "address 192.168.0.%u", 1u + end);
    snprintf(match, sizeof match, "address 192.168.0.%u 255.255.255.255", 2u - end);
    if (!c->identity || c->identity[0])
        snprintf(identity, sizeof identity, " identity local %s\n", c->identity ? c->identity : own);
    const char *revocation = c->revocation ? c->revocation : "crl";
    snprintf(
        lines, sizeof lines,
        "hostname %c\n"
        "crypto pki trustpoint IOSCA1\n enrollment terminal\n revocation-check %s\n"
        "crypto pki trustpoint IOSCA2\n enrollment terminal\n revocation-check %s\n"
        "%s"
        "crypto ikev2 proposal PROP\n encryption aes-gcm-128\n prf sha256\n group 19\n"
        "crypto ikev2 policy POL\n proposal PROP\n"
        "crypto ikev2 keyring KR\n peer PEER\n  address 0.0.0.0 0.0.0.0\n  pre-shared-key secret\n"
        "crypto ikev2 profile PF\n match identity remote %s\n%s authentication remote %s\n"
        " authentication local %s\n keyring local KR\n%s%s"
        "crypto ipsec transform-set TS esp-gcm\n mode tunnel\n"
        "crypto ipsec profile IPP\n set transform-set TS\n set ikev2-profile PF\n"
        "interface Ethernet0/0\n ip address 192.168.0.%u 255.255.255.0\n"
        "interface Tunnel1\n ip address 10.0.0.%u 255.255.255.0\n tunnel source Ethernet0/0\n"
        " tunnel mode ipsec ipv4\n tunnel destination 192.168.0.%u\n tunnel protection ipsec profile IPP\n",
        "AB"[end], revocation, revocation, c -> global ? c -> global : "", c->match ? c->match : match,
        identity, c->remote ? c->remote : "rsa-sig", c->local ? c->local : "rsa-sig",
        c->trust ? c->trust : " pki trustpoint IOSCA1\n", c->profile ? c->profile : "", 1u + end, 1u + end,
        2u - end);
    return text_of(lines);
}

/* Both ends, A enrolled with IOSCA1 and then IOSCA2 as R1 of the reference document, B the other way round. */
static inline struct wire *cert_wire(uint64_t seed, const struct cert_conf *a, const struct cert_conf *b,
                                     const struct wire_enrol *how)
{
    struct wire *w = gates(seed, cert_gate(A, a), cert_gate(B, b));
    wire_enrol_both(w, A, "IOSCA1", "IOSCA2", how);
    wire_enrol_both(w, B, "IOSCA2", "IOSCA1", how);
    return w;
}

#endif
