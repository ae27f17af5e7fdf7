#include "control/cli/cli_text.h"

#include "common/contract.h"
#include "control/config/cfg_alg.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

const char *cli_uptime(uint64_t s, char out[CLI_TEXT_MAX])
{
    unsigned long long d = s / 86400, h = s / 3600 % 24, m = s / 60 % 60;
    if (d >= 365)
        snprintf(out, CLI_TEXT_MAX, "%lluy%lluw", d / 365, d % 365 / 7);
    else if (d >= 7)
        snprintf(out, CLI_TEXT_MAX, "%lluw%llud", d / 7, d % 7);
    else if (d > 0)
        snprintf(out, CLI_TEXT_MAX, "%llud%02lluh", d, h);
    else
        snprintf(out, CLI_TEXT_MAX, "%02llu:%02llu:%02llu", h, m, (unsigned long long)s % 60);
    return out;
}

const char *cli_time(uint64_t wall_ms, char out[CLI_TEXT_MAX])
{
    time_t s = (time_t)(wall_ms / 1000u);
    struct tm tm;
    if (!gmtime_r(&s, &tm) || strftime(out, CLI_TEXT_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        snprintf(out, CLI_TEXT_MAX, "-");
    return out;
}

const char *cli_time_ms(uint64_t wall_ms, char out[CLI_TEXT_MAX])
{
    char whole[CLI_TEXT_MAX];
    cli_time(wall_ms, whole);
    snprintf(out, CLI_TEXT_MAX, "%.19s.%03uZ", whole, (unsigned)(wall_ms % 1000u));
    return out;
}

const char *cli_spi(const uint8_t spi[8], char out[17])
{
    for (unsigned i = 0; i < 8; i++)
        snprintf(out + 2 * i, 3, "%02X", spi[i]);
    return out;
}

const char *cli_encr(uint16_t encr)
{
    switch (encr) {
    case CV_ENCR_DES:
        return "DES";
    case CV_ENCR_3DES:
        return "3DES";
    case CV_ENCR_AES_CBC:
        return "AES-CBC";
    case CV_ENCR_AES_GCM_16:
        return "AES-GCM";
    case CV_ENCR_CHACHA20_POLY1305:
        return "CHACHA20-POLY1305";
    default:
        return "Unknown";
    }
}

const char *cli_integ(uint16_t integ, uint16_t encr)
{
    switch (integ) {
    case CV_INTEG_HMAC_MD5_96:
        return "MD596";
    case CV_INTEG_HMAC_SHA1_96:
        return "SHA96";
    case CV_INTEG_HMAC_SHA2_256_128:
        return "SHA256";
    case CV_INTEG_HMAC_SHA2_384_192:
        return "SHA384";
    case CV_INTEG_HMAC_SHA2_512_256:
        return "SHA512";
    default:
        return encr ? "None" : "Unknown";
    }
}

/* RFC 7296 3.3.2, transform type 2. */
const char *cli_prf(uint16_t prf)
{
    static const char *const names[] = {"Unknown", "MD5",    "SHA1",   "Unknown",
                                        "Unknown", "SHA256", "SHA384", "SHA512"};
    return prf < sizeof names / sizeof names[0] ? names[prf] : "Unknown";
}

static const char *esp_integ(uint16_t integ)
{
    switch (integ) {
    case CV_INTEG_HMAC_MD5_96:
        return " esp-md5-hmac";
    case CV_INTEG_HMAC_SHA1_96:
        return " esp-sha-hmac";
    case CV_INTEG_HMAC_SHA2_256_128:
        return " esp-sha256-hmac";
    case CV_INTEG_HMAC_SHA2_384_192:
        return " esp-sha384-hmac";
    case CV_INTEG_HMAC_SHA2_512_256:
        return " esp-sha512-hmac";
    default:
        return "";
    }
}

const char *cli_transform(uint16_t encr, uint16_t key_bits, uint16_t integ, char out[CLI_TEXT_MAX])
{
    char cipher[48];
    if (encr == CV_ENCR_NONE) {
        snprintf(out, CLI_TEXT_MAX, "%s", cfg_alg_ah_integ_word(integ));
        return out;
    }
    switch (encr) {
    case CV_ENCR_DES:
        snprintf(cipher, sizeof cipher, "esp-des");
        break;
    case CV_ENCR_3DES:
        snprintf(cipher, sizeof cipher, "esp-3des");
        break;
    case CV_ENCR_NULL:
        snprintf(cipher, sizeof cipher, "esp-null");
        break;
    case CV_ENCR_AES_CBC:
        if (key_bits == 128)
            snprintf(cipher, sizeof cipher, "esp-aes");
        else
            snprintf(cipher, sizeof cipher, "esp-%u-aes", key_bits);
        break;
    case CV_ENCR_AES_GCM_16:
        snprintf(cipher, sizeof cipher, "esp-gcm %u", key_bits);
        break;
    case CV_ENCR_NULL_AES_GMAC:
        snprintf(cipher, sizeof cipher, "esp-gmac %u", key_bits);
        break;
    case CV_ENCR_CHACHA20_POLY1305:
        snprintf(cipher, sizeof cipher, "esp-chacha20-poly1305");
        break;
    default:
        snprintf(cipher, sizeof cipher, "none");
    }
    snprintf(out, CLI_TEXT_MAX, "%s%s", cipher, esp_integ(integ));
    return out;
}

static const char *bits_text(uint32_t m, char out[IP_TEXT_MAX])
{
    uint8_t b[4] = {(uint8_t)(m >> 24), (uint8_t)(m >> 16), (uint8_t)(m >> 8), (uint8_t)m};
    struct ip_addr a = ip_addr_v4(b);
    return ip_addr_text(&a, out);
}

static uint32_t mask_of(uint8_t len)
{
    return len == 0 ? 0 : len >= 32 ? 0xffffffffu : ~(0xffffffffu >> len);
}

const char *cli_mask(uint8_t len, char out[IP_TEXT_MAX])
{
    return bits_text(mask_of(len), out);
}

const char *cli_wildcard(uint8_t len, char out[IP_TEXT_MAX])
{
    return bits_text(~mask_of(len), out);
}

/* "A/M" for IPv4 prefixes, "P/len" for IPv6, "A-B" for what is no prefix. */
static void net_text(const struct ts *t, char *out, size_t room)
{
    struct ip_prefix p;
    char a[IP_TEXT_MAX], m[IP_TEXT_MAX];
    if (!ts_to_prefix(t, &p)) {
        struct ip_addr lo = t->family == IP_V4 ? ip_addr_v4(t->lo) : ip_addr_v6(t->lo);
        struct ip_addr hi = t->family == IP_V4 ? ip_addr_v4(t->hi) : ip_addr_v6(t->hi);
        snprintf(out, room, "%s-%s", ip_addr_text(&lo, a), ip_addr_text(&hi, m));
    } else if (t->family == IP_V4) {
        snprintf(out, room, "%s/%s", ip_addr_text(&p.addr, a), cli_mask(p.len, m));
    } else {
        snprintf(out, room, "%s/%u", ip_addr_text(&p.addr, a), p.len);
    }
}

static void port_text(const struct ts *t, char *out, size_t room)
{
    if (t->port_lo == 0 && t->port_hi == 65535)
        snprintf(out, room, "0");
    else if (t->port_lo > t->port_hi)
        snprintf(out, room, "opaque");
    else if (t->port_lo == t->port_hi)
        snprintf(out, room, "%u", t->port_lo);
    else
        snprintf(out, room, "%u-%u", t->port_lo, t->port_hi);
}

const char *cli_ident(const struct ts *t, char out[CLI_TEXT_MAX])
{
    char net[2 * IP_TEXT_MAX + 2], port[16];
    net_text(t, net, sizeof net);
    port_text(t, port, sizeof port);
    snprintf(out, CLI_TEXT_MAX, "%s/%u/%s", net, t->proto, port);
    return out;
}

/* "host A" for one address, "A/M", and the port if there is one. */
static void flow_side(const struct ts *t, char *out, size_t room)
{
    struct ip_prefix p;
    char a[IP_TEXT_MAX], port[16];
    if (ts_to_prefix(t, &p) && p.len == ip_addr_bits(&p.addr))
        snprintf(out, room, "host %s", ip_addr_text(&p.addr, a));
    else
        net_text(t, out, room);
    port_text(t, port, sizeof port);
    size_t n = strlen(out);
    if (strcmp(port, "0") != 0)
        snprintf(out + n, room - n, " port %s", port);
}

const char *cli_flow(const struct ts *local, const struct ts *remote, char out[2 * CLI_TEXT_MAX])
{
    char a[2 * IP_TEXT_MAX + 20], b[2 * IP_TEXT_MAX + 20], proto[16];
    flow_side(local, a, sizeof a);
    flow_side(remote, b, sizeof b);
    if (local->proto)
        snprintf(proto, sizeof proto, "%u", local->proto);
    else
        snprintf(proto, sizeof proto, "%s", local->family == IP_V4 ? "ip" : "ipv6");
    snprintf(out, 2 * CLI_TEXT_MAX, "permit %s %s %s", proto, a, b);
    return out;
}
