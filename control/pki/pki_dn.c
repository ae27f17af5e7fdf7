#include "control/pki/pki_cert_priv.h"
#include "control/pki/pki_der.h"

#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    RDNS_MAX = 64,
    AVAS_MAX = 8,     /* of one RDN */
    OID_LEN_MAX = 32, /* octets */
    TEXT_ROOM = 10240 /* every octet of PKI_DN_MAX escaped */
};

/* Names as IOS prints them, and what it or others call them when they are typed in. */
struct attribute {
    uint8_t oid_len;
    uint8_t oid[10];
    const char *name;
    const char *other[3];
    uint8_t tag; /* of its string; 0: PrintableString where it serves, else UTF8String */
};
#define X520(n)                                                                                              \
    3,                                                                                                       \
    {                                                                                                        \
        0x55, 0x04, n                                                                                        \
    }
#define PKCS_9(n)                                                                                            \
    9,                                                                                                       \
    {                                                                                                        \
        0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, n                                                    \
    }
#define PILOT(n)                                                                                             \
    10,                                                                                                      \
    {                                                                                                        \
        0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, n                                              \
    }
enum { TAG_UTF8 = 0x0c, TAG_PRINTABLE = 0x13, TAG_IA5 = 0x16 };

static const struct attribute attributes[] = {
    {X520(0x03), "cn", {"commonname"}, 0},
    {X520(0x0b), "ou", {"organizationalunitname"}, 0},
    {X520(0x0a), "o", {"organizationname"}, 0},
    {X520(0x06), "c", {"countryname", "country"}, TAG_PRINTABLE},
    {X520(0x07), "l", {"localityname", "locality"}, 0},
    {X520(0x08), "st", {"s", "sp", "stateorprovincename"}, 0},
    {X520(0x09), "street", {"streetaddress"}, 0},
    {X520(0x05), "serialNumber", {NULL}, TAG_PRINTABLE},
    {X520(0x0c), "title", {"t"}, 0},
    {X520(0x04), "sn", {"surname"}, 0},
    {X520(0x2a), "gn", {"givenname"}, 0},
    {X520(0x2b), "initials", {"i"}, 0},
    {X520(0x29), "name", {"n"}, 0},
    {X520(0x2c), "genq", {"generationqualifier"}, 0},
    {X520(0x2e), "dnq", {"dnqualifier"}, TAG_PRINTABLE},
    {X520(0x11), "postalCode", {NULL}, 0},
    {PKCS_9(0x01), "e", {"email", "ea", "emailaddress"}, TAG_IA5},
    {PKCS_9(0x02), "hostname", {"unstructuredname", "unstructured-name"}, TAG_IA5},
    {PKCS_9(0x08), "ipaddress", {"unstructuredaddress", "unstructured-address"}, TAG_PRINTABLE},
    {PILOT(0x19), "dc", {"domaincomponent"}, TAG_IA5},
    {PILOT(0x01), "uid", {"userid"}, 0},
};
enum { ATTRIBUTES = sizeof attributes / sizeof attributes[0] };

static const struct attribute *by_oid(struct slice oid)
{
    for (unsigned i = 0; i < ATTRIBUTES; i++)
        if (attributes[i].oid_len == oid.n && memcmp(attributes[i].oid, oid.p, oid.n) == 0)
            return &attributes[i];
    return NULL;
}

static const struct attribute *by_name(const char *name)
{
    for (unsigned i = 0; i < ATTRIBUTES; i++) {
        if (strcasecmp(attributes[i].name, name) == 0)
            return &attributes[i];
        for (unsigned k = 0; k < 3; k++)
            if (attributes[i].other[k] && strcasecmp(attributes[i].other[k], name) == 0)
                return &attributes[i];
    }
    return NULL;
}

/* ---- DER to text ------------------------------------------------------------------------------------------ */
static void put_text(struct buf_writer *w, const char *text)
{
    buf_put(w, text, strlen(text));
}

static void put_hex(struct buf_writer *w, uint8_t octet)
{
    static const char digits[] = "0123456789ABCDEF";
    buf_put_u8(w, (uint8_t)digits[octet >> 4]);
    buf_put_u8(w, (uint8_t)digits[octet & 15]);
}

/* RFC 4514 2.4, and everything that is not printable ASCII, so that nothing in a peer's name reaches a terminal or a log as it is. */
static void put_escaped(struct buf_writer *w, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        bool edge = (i == 0 && (p[i] == '#' || p[i] == ' ')) || (i == n - 1 && p[i] == ' ');
        if (p[i] < 0x20 || p[i] >= 0x7f) {
            buf_put_u8(w, '\\');
            put_hex(w, p[i]);
            continue;
        }
        if (edge || strchr(",+\"\\<>;=", p[i]))
            buf_put_u8(w, '\\');
        buf_put_u8(w, p[i]);
    }
}

static bool is_string(uint8_t tag)
{
    /* UTF8, Numeric, Printable, T61, IA5, Visible, Universal, BMP */
    return tag == 0x0c || tag == 0x12 || tag == 0x13 || tag == 0x14 || tag == 0x16 || tag == 0x1a ||
           tag == 0x1c || tag == 0x1e;
}

/* The string as UTF-8 for OPENSSL_free. NULL: not of its type, or with a NUL in it. */
static uint8_t *to_utf8(const struct pki_tlv *value, size_t *n)
{
    uint8_t *utf8 = NULL;
    ASN1_STRING *s = ASN1_STRING_type_new(value->tag);
    int len = s && ASN1_STRING_set(s, value->body.p, (int)value->body.n) ? ASN1_STRING_to_UTF8(&utf8, s) : -1;
    ASN1_STRING_free(s);
    if (len < 0 || (len > 0 && memchr(utf8, 0, (size_t)len))) {
        OPENSSL_free(utf8);
        ERR_clear_error();
        return NULL;
    }
    *n = (size_t)len;
    return utf8;
}

static void put_oid(struct buf_writer *w, const struct pki_tlv *oid)
{
    char text[256] = "?";
    const unsigned char *p = oid->whole.p;
    ASN1_OBJECT *o = d2i_ASN1_OBJECT(NULL, &p, (long)oid->whole.n);
    if (o && OBJ_obj2txt(text, sizeof text, o, 1) <= 0)
        w->bad = true;
    w->bad = w->bad || !o;
    ASN1_OBJECT_free(o);
    put_text(w, text);
}

struct reading {
    struct buf_writer *w;
    char **fqdn, **addr;
};

/* One AttributeTypeAndValue. */
static bool read_ava(struct reading *rd, struct buf_reader *set)
{
    struct pki_tlv ava, oid, value;
    if (!pki_der_take(set, PKI_DER_SEQUENCE, &ava))
        return false;
    struct buf_reader r = buf_reader_init(ava.body.p, ava.body.n);
    if (!pki_der_take(&r, PKI_DER_OID, &oid) || oid.body.n == 0 || oid.body.n > OID_LEN_MAX ||
        !pki_der_next(&r, &value) || buf_left(&r))
        return false;
    const struct attribute *a = by_oid(oid.body);
    if (a)
        put_text(rd->w, a->name);
    else
        put_oid(rd->w, &oid);
    put_text(rd->w, "=");
    if (!is_string(value.tag)) {
        put_text(rd->w, "#");
        for (size_t i = 0; i < value.whole.n; i++)
            put_hex(rd->w, value.whole.p[i]);
        return true;
    }
    size_t n = 0;
    uint8_t *utf8 = to_utf8(&value, &n);
    if (!utf8)
        return false;
    put_escaped(rd->w, utf8, n);
    char **keep = !a || n == 0                        ? NULL
                  : strcmp(a->name, "hostname") == 0  ? rd->fqdn
                  : strcmp(a->name, "ipaddress") == 0 ? rd->addr
                                                      : NULL;
    if (keep && !*keep)
        *keep = strndup((char *)utf8, n);
    OPENSSL_free(utf8);
    return true;
}

static bool read_rdn(struct reading *rd, struct slice rdn)
{
    struct buf_reader r = buf_reader_init(rdn.p, rdn.n);
    unsigned count = 0;
    do {
        if (count++ == AVAS_MAX)
            return false;
        if (count > 1)
            put_text(rd->w, "+");
        if (!read_ava(rd, &r))
            return false;
    } while (buf_left(&r));
    return true;
}

/* The RDNs of a Name; false when it is none. */
static bool split(struct slice der, struct slice rdns[RDNS_MAX], unsigned *count)
{
    struct buf_reader all = buf_reader_init(der.p, der.n);
    struct pki_tlv name, rdn;
    *count = 0;
    if (der.n > PKI_DN_MAX || !pki_der_take(&all, PKI_DER_SEQUENCE, &name) || buf_left(&all))
        return false;
    struct buf_reader r = buf_reader_init(name.body.p, name.body.n);
    while (buf_left(&r)) {
        if (*count == RDNS_MAX || !pki_der_take(&r, PKI_DER_CONSTRUCTED | 0x11, &rdn) || rdn.body.n == 0)
            return false;
        rdns[(*count)++] = rdn.body;
    }
    return !r.bad;
}

/* Most specific first, which is the last in DER. */
static bool read_name(struct slice der, struct reading *rd)
{
    struct slice rdns[RDNS_MAX];
    unsigned count;
    if (!split(der, rdns, &count))
        return false;
    for (unsigned i = count; i-- > 0;) {
        if (!read_rdn(rd, rdns[i]))
            return false;
        if (i > 0)
            put_text(rd->w, ",");
    }
    return !rd->w->bad;
}

char *pki_dn_read(struct slice der, char **fqdn, char **addr)
{
    uint8_t text[TEXT_ROOM];
    char *f = NULL, *a = NULL;
    struct buf_writer w = buf_writer_init(text, sizeof text);
    struct reading rd = {.w = &w, .fqdn = &f, .addr = &a};
    char *copy = read_name(der, &rd) ? strndup((char *)text, w.len) : NULL;
    if (copy && fqdn) {
        *fqdn = f;
        f = NULL;
    }
    if (copy && addr) {
        *addr = a;
        a = NULL;
    }
    free(f);
    free(a);
    return copy;
}

const char *pki_dn_text(struct slice der, char out[PKI_TEXT_MAX])
{
    char *text = pki_dn_read(der, NULL, NULL);
    int n = snprintf(out, PKI_TEXT_MAX, "%s", text ? text : "(malformed)");
    if (n >= PKI_TEXT_MAX)
        snprintf(out + PKI_TEXT_MAX - 4, 4, "...");
    free(text);
    return out;
}

bool pki_dn_equal(struct slice a, struct slice b)
{
    const unsigned char *pa = a.p, *pb = b.p;
    if (a.n == 0 || b.n == 0 || a.n > PKI_DN_MAX || b.n > PKI_DN_MAX)
        return false;
    X509_NAME *na = d2i_X509_NAME(NULL, &pa, (long)a.n), *nb = d2i_X509_NAME(NULL, &pb, (long)b.n);
    /* OpenSSL compares the canonical encodings: UTF-8, lower case, single spaces. */
    bool equal = na && nb && pa == a.p + a.n && pb == b.p + b.n && X509_NAME_cmp(na, nb) == 0;
    X509_NAME_free(na);
    X509_NAME_free(nb);
    ERR_clear_error();
    return equal;
}

/* ---- text to DER ------------------------------------------------------------------------------------------ */
enum { AVA_ROOM = 600, VALUE_ROOM = 512 };

struct ava {
    uint8_t der[AVA_ROOM];
    size_t n;
};

static void put_tlv(struct buf_writer *w, uint8_t tag, const uint8_t *body, size_t n)
{
    buf_put_u8(w, tag);
    if (n >= 0x100) {
        buf_put_u8(w, 0x82);
        buf_put_u16(w, (uint16_t)n);
    } else {
        if (n >= 0x80)
            buf_put_u8(w, 0x81);
        buf_put_u8(w, (uint8_t)n);
    }
    buf_put(w, body, n);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The value up to an unescaped , or +; \, \HH and "quoted" as in RFC 4514 and RFC 1779. *text moves to its end. */
static bool parse_value(const char **text, uint8_t out[VALUE_ROOM], size_t *n)
{
    struct buf_writer w = buf_writer_init(out, VALUE_ROOM);
    const char *p = *text + strspn(*text, " \t");
    bool quoted = false;
    size_t keep = 0; /* up to here spaces are part of it */
    for (; *p && (quoted || (*p != ',' && *p != '+')); p++) {
        if (*p == '"') {
            quoted = !quoted;
            keep = w.len;
        } else if (*p == '\\') {
            int high = hex_digit(p[1]), low = high < 0 ? -1 : hex_digit(p[2]);
            if (!p[1])
                return false;
            buf_put_u8(&w, (uint8_t)(low < 0 ? p[1] : high * 16 + low));
            p += low < 0 ? 1 : 2;
            keep = w.len;
        } else {
            buf_put_u8(&w, (uint8_t)*p);
            if (quoted || (*p != ' ' && *p != '\t'))
                keep = w.len;
        }
    }
    *text = p;
    *n = keep;
    return !quoted && !w.bad && keep > 0 && !memchr(out, 0, keep);
}

static bool is_printable_string(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!((p[i] >= '0' && p[i] <= '9') || (p[i] >= 'A' && p[i] <= 'Z') || (p[i] >= 'a' && p[i] <= 'z') ||
              (p[i] && strchr(" '()+,-./:=?", p[i]))))
            return false;
    return true;
}

static bool is_ascii(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] >= 0x80)
            return false;
    return true;
}

/* The string type for a value; 0: this attribute cannot hold it. */
static uint8_t tag_for(const struct attribute *a, const uint8_t *p, size_t n)
{
    if (a && a->tag == TAG_IA5)
        return is_ascii(p, n) ? TAG_IA5 : 0;
    if (is_printable_string(p, n))
        return TAG_PRINTABLE;
    if (a && a->tag == TAG_PRINTABLE)
        return 0;
    struct pki_tlv as_utf8 = {.tag = TAG_UTF8, .body = {p, n}};
    size_t len;
    uint8_t *again = to_utf8(&as_utf8, &len);
    OPENSSL_free(again);
    return again ? TAG_UTF8 : 0;
}

/* "cn", "2.5.4.3" to the OID's octets. */
static bool parse_type(const char *name, uint8_t oid[OID_LEN_MAX], size_t *n, const struct attribute **a)
{
    *a = by_name(name);
    if (*a) {
        memcpy(oid, (*a)->oid, (*a)->oid_len);
        *n = (*a)->oid_len;
        return true;
    }
    if (name[0] < '0' || name[0] > '9')
        return false;
    ASN1_OBJECT *o = OBJ_txt2obj(name, 1);
    *n = o ? OBJ_length(o) : 0;
    bool ok = o && *n > 0 && *n <= OID_LEN_MAX;
    if (ok)
        memcpy(oid, OBJ_get0_data(o), *n);
    ASN1_OBJECT_free(o);
    ERR_clear_error();
    return ok;
}

static bool parse_ava(const char **text, struct ava *out)
{
    char name[64];
    uint8_t oid[OID_LEN_MAX], value[VALUE_ROOM], body[AVA_ROOM];
    size_t oid_len, value_len;
    const struct attribute *a;
    const char *p = *text + strspn(*text, " \t"), *equals = strchr(p, '=');
    size_t n = equals ? (size_t)(equals - p) : 0;
    while (n > 0 && (p[n - 1] == ' ' || p[n - 1] == '\t'))
        n--;
    if (n == 0 || n >= sizeof name)
        return false;
    memcpy(name, p, n);
    name[n] = '\0';
    *text = equals + 1;
    if (!parse_type(name, oid, &oid_len, &a) || !parse_value(text, value, &value_len))
        return false;
    uint8_t tag = tag_for(a, value, value_len);
    if (tag == 0)
        return false;
    struct buf_writer w = buf_writer_init(body, sizeof body),
                      whole = buf_writer_init(out->der, sizeof out->der);
    put_tlv(&w, PKI_DER_OID, oid, oid_len);
    put_tlv(&w, tag, value, value_len);
    put_tlv(&whole, PKI_DER_SEQUENCE, body, w.len);
    out->n = whole.len;
    return !w.bad && !whole.bad;
}

/* X.690 11.6: the members of a SET OF in ascending order of their octets. */
static int ava_order(const void *a, const void *b)
{
    const struct ava *x = a, *y = b;
    int c = memcmp(x->der, y->der, x->n < y->n ? x->n : y->n);
    return c ? c : (x->n > y->n) - (x->n < y->n);
}

/* One RDN, written as a SET. *text moves behind its comma; *more says whether there was one. */
static bool parse_rdn(const char **text, struct buf_writer *out, bool *more)
{
    struct ava avas[AVAS_MAX];
    uint8_t body[PKI_DN_MAX];
    struct buf_writer w = buf_writer_init(body, sizeof body);
    unsigned count = 0;
    char end;
    do {
        if (count == AVAS_MAX || !parse_ava(text, &avas[count++]))
            return false;
        end = **text;
        if (end)
            (*text)++;
    } while (end == '+');
    qsort(avas, count, sizeof avas[0], ava_order);
    for (unsigned i = 0; i < count; i++)
        buf_put(&w, avas[i].der, avas[i].n);
    put_tlv(out, PKI_DER_CONSTRUCTED | 0x11, body, w.len);
    *more = end == ',';
    return !w.bad && !out->bad;
}

cv_result pki_dn_parse(const char *text, uint8_t out[PKI_DN_MAX], size_t *len)
{
    uint8_t sets[PKI_DN_MAX], body[PKI_DN_MAX];
    size_t starts[RDNS_MAX + 1] = {0};
    unsigned count = 0;
    struct buf_writer w = buf_writer_init(sets, sizeof sets), reversed = buf_writer_init(body, sizeof body),
                      whole = buf_writer_init(out, PKI_DN_MAX);
    bool more = true;
    while (more) {
        if (count == RDNS_MAX || !parse_rdn(&text, &w, &more))
            return CV_EPARSE;
        starts[++count] = w.len;
    }
    for (unsigned i = count; i-- > 0;)
        buf_put(&reversed, sets + starts[i], starts[i + 1] - starts[i]);
    put_tlv(&whole, PKI_DER_SEQUENCE, body, reversed.len);
    if (reversed.bad || whole.bad)
        return CV_EPARSE;
    *len = whole.len;
    return CV_OK;
}
