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
