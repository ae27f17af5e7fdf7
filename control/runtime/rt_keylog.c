#include "control/runtime/rt_keylog.h"

#include "common/contract.h"

#include <stdarg.h>
#include <stdio.h>

static const struct {
    uint16_t encr, key_bits;
    const char *name;
} encr_names[] = {
    {CV_ENCR_3DES, 0, "3DES [RFC2451]"},
    {CV_ENCR_AES_CBC, 128, "AES-CBC-128 [RFC3602]"},
    {CV_ENCR_AES_CBC, 192, "AES-CBC-192 [RFC3602]"},
    {CV_ENCR_AES_CBC, 256, "AES-CBC-256 [RFC3602]"},
    {CV_ENCR_AES_GCM_16, 128, "AES-GCM-128 with 16 octet ICV [RFC5282]"},
    {CV_ENCR_AES_GCM_16, 192, "AES-GCM-192 with 16 octet ICV [RFC5282]"},
    {CV_ENCR_AES_GCM_16, 256, "AES-GCM-256 with 16 octet ICV [RFC5282]"},
};

static const struct {
    uint16_t integ;
    const char *name;
} integ_names[] = {
    {CV_INTEG_NONE, "NONE [RFC4306]"},
    {CV_INTEG_HMAC_MD5_96, "HMAC_MD5_96 [RFC2403]"},
    {CV_INTEG_HMAC_SHA1_96, "HMAC_SHA1_96 [RFC2404]"},
    {CV_INTEG_HMAC_SHA2_256_128, "HMAC_SHA2_256_128 [RFC4868]"},
    {CV_INTEG_HMAC_SHA2_384_192, "HMAC_SHA2_384_192 [RFC4868]"},
    {CV_INTEG_HMAC_SHA2_512_256, "HMAC_SHA2_512_256 [RFC4868]"},
};

static const char *encr_name(uint16_t encr, uint16_t bits)
{
    for (unsigned i = 0; i < sizeof encr_names / sizeof encr_names[0]; i++)
        if (encr_names[i].encr == encr && (encr_names[i].key_bits == bits || encr_names[i].key_bits == 0))
            return encr_names[i].name;
    return NULL;
}

static const char *integ_name(uint16_t integ)
{
    for (unsigned i = 0; i < sizeof integ_names / sizeof integ_names[0]; i++)
        if (integ_names[i].integ == integ)
            return integ_names[i].name;
    return NULL;
}

struct text {
    char *p;
    size_t room, len;
    bool full;
};

static CV_PRINTF(2, 3) void add(struct text *t, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(t->p + t->len, t->room - t->len, fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= t->room - t->len)
        t->full = true;
    else
        t->len += (size_t)n;
}

static void add_hex(struct text *t, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n && !t->full; i++)
        add(t, "%02x", p[i]);
    add(t, ",");
}

cv_result rt_keylog_format(const struct rt_keylog_line *k, char *out, size_t out_len)
{
    const char *encr = encr_name(k->encr, k->key_bits), *integ = integ_name(k->integ);
    struct text t = {out, out_len, 0, out_len == 0};
    if (!encr || !integ)
        return CV_EUNSUP;
    if (t.full)
        return CV_ENOSPC;
    add_hex(&t, k->spi_i, 8);
    add_hex(&t, k->spi_r, 8);
    add_hex(&t, k->sk_ei.p, k->sk_ei.n);
    add_hex(&t, k->sk_er.p, k->sk_er.n);
    add(&t, "\"%s\",", encr);
    add_hex(&t, k->sk_ai.p, k->sk_ai.n);
    add_hex(&t, k->sk_ar.p, k->sk_ar.n);
    add(&t, "\"%s\"\n", integ);
    return t.full ? CV_ENOSPC : CV_OK;
}

/* ---- ESP ------------------------------------------------------------------------------------------------------ */
/* Wireshark's words for ESP; they differ from those for IKE. */
static const char *esp_encr_name(uint16_t encr)
{
    switch (encr) {
    case CV_ENCR_NULL:
        return "NULL";
    case CV_ENCR_3DES:
        return "TripleDES-CBC [RFC2451]";
    case CV_ENCR_AES_CBC:
        return "AES-CBC [RFC3602]";
    case CV_ENCR_AES_GCM_16:
        return "AES-GCM with 16 octet ICV [RFC4106]";
    default:
        return NULL;
    }
}

static const char *esp_integ_name(uint16_t integ)
{
    switch (integ) {
    case CV_INTEG_NONE:
        return "NULL";
    case CV_INTEG_HMAC_MD5_96:
        return "HMAC-MD5-96 [RFC2403]";
    case CV_INTEG_HMAC_SHA1_96:
        return "HMAC-SHA-1-96 [RFC2404]";
    case CV_INTEG_HMAC_SHA2_256_128:
        return "HMAC-SHA-256-128 [RFC4868]";
    case CV_INTEG_HMAC_SHA2_384_192:
        return "HMAC-SHA-384-192 [RFC4868]";
    case CV_INTEG_HMAC_SHA2_512_256:
        return "HMAC-SHA-512-256 [RFC4868]";
    default:
        return NULL;
    }
}

static void add_key(struct text *t, const uint8_t *key, size_t n, const uint8_t *salt, size_t salt_len)
{
    add(t, "\"%s", n ? "0x" : "");
    for (size_t i = 0; i < n && !t->full; i++)
        add(t, "%02x", key[i]);
    for (size_t i = 0; i < salt_len && !t->full; i++)
        add(t, "%02x", salt[i]);
    add(t, "\"");
}

cv_result rt_keylog_esp(const struct cv_sa *sa, char *out, size_t out_len)
{
    const char *encr = esp_encr_name(sa->encr), *integ = esp_integ_name(sa->integ);
    const bool in = sa->ref.dir == CV_DIR_IN;
    char src[IP_TEXT_MAX], dst[IP_TEXT_MAX];
    struct text t = {out, out_len, 0, out_len == 0};
    if (!encr || !integ || sa->encr_key_len > sizeof sa->encr_key || sa->salt_len > sizeof sa->salt ||
        sa->integ_key_len > sizeof sa->integ_key)
        return CV_EUNSUP;
    if (t.full)
        return CV_ENOSPC;
    ip_addr_text(in ? &sa->remote.addr : &sa->local.addr, src);
    ip_addr_text(in ? &sa->local.addr : &sa->remote.addr, dst);
    add(&t, "# esp_sa \"%s\",\"%s\",\"%s\",\"0x%08x\",\"%s\",",
        sa->local.addr.family == IP_V6 ? "IPv6" : "IPv4", src, dst, sa->ref.spi, encr);
    add_key(&t, sa->encr_key, sa->encr_key_len, sa->salt, sa->salt_len);
    add(&t, ",\"%s\",", integ);
    add_key(&t, sa->integ_key, sa->integ_key_len, NULL, 0);
    add(&t, "\n");
    return t.full ? CV_ENOSPC : CV_OK;
}

cv_result rt_keylog_ike1(const uint8_t *cookie_i, struct slice key, char *out, size_t out_len)
{
    struct text t = {out, out_len, 0, out_len == 0};
    if (t.full)
        return CV_ENOSPC;
    add(&t, "# ikev1_decryption_table ");
    add_hex(&t, cookie_i, 8);
    for (size_t i = 0; i < key.n && !t.full; i++)
        add(&t, "%02x", key.p[i]);
    add(&t, "\n");
    return t.full ? CV_ENOSPC : CV_OK;
}
