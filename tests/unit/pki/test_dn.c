/* pki_dn: names as IOS writes them, to DER and back; RFC 5280 7.1's comparison; hostile names. */
#include "control/pki/pki_cert_priv.h"
#include "tests/unit/unit.h"

#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

static struct slice der_of(const char *text, uint8_t out[PKI_DN_MAX])
{
    size_t n = 0;
    cv_result r = pki_dn_parse(text, out, &n);
    CU_ASSERT_EQUAL(r, CV_OK);
    if (r != CV_OK)
        fprintf(stderr, "not parsed: %s\n", text);
    return (struct slice){out, r == CV_OK ? n : 0};
}

static void section_4_5_subject_names_there_and_back(void)
{
    static const struct {
        const char *in, *out;
    } rows[] = {
        {"CN=R1,OU=IT,O=cisco,O=com", "cn=R1,ou=IT,o=cisco,o=com"},
        {"cn=CA1,o=cisco,o=com", "cn=CA1,o=cisco,o=com"},
        {" cn = R1 , ou = IT ", "cn=R1,ou=IT"},
        {"CN=R1, C=DE, ST=Berlin, L=Mitte, STREET=Weg 1", "cn=R1,c=DE,st=Berlin,l=Mitte,street=Weg 1"},
        {"hostname=R1.cisco.com+ipaddress=192.168.0.1+serialNumber=100,cn=R1",
         "serialNumber=100+ipaddress=192.168.0.1+hostname=R1.cisco.com,cn=R1"},
        {"unstructuredName=a.b,unstructuredAddress=1.2.3.4,emailAddress=x@y,dc=corp,uid=7",
         "hostname=a.b,ipaddress=1.2.3.4,e=x@y,dc=corp,uid=7"},
        {"cn=a\\,b\\+c\\\\d\\\"e", "cn=a\\,b\\+c\\\\d\\\"e"},
        {"cn=\"a,b + c\",o=d", "cn=a\\,b \\+ c,o=d"},
        {"cn=\\41\\42", "cn=AB"},
        {"cn=M\\C3\\BCller", "cn=M\\C3\\BCller"},
        {"cn=M\xc3\xbcller", "cn=M\\C3\\BCller"},
        {"cn=\\ a\\ ", "cn=\\ a\\ "},
        {"cn=\\#a", "cn=\\#a"},
        {"cn=a b  c", "cn=a b  c"},
        {"cn=a<b>c;d=e", "cn=a\\<b\\>c\\;d\\=e"},
        {"2.5.4.3=dotted", "cn=dotted"},
        {"1.3.6.1.4.1.99999.1=own", "1.3.6.1.4.1.99999.1=own"},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t der[PKI_DN_MAX], again[PKI_DN_MAX];
        char text[PKI_TEXT_MAX];
        struct slice name = der_of(rows[i].in, der);
        CU_ASSERT_STRING_EQUAL(pki_dn_text(name, text), rows[i].out);
        struct slice back = der_of(text, again);
        CU_ASSERT(back.n == name.n && memcmp(back.p, name.p, name.n) == 0);
        const unsigned char *p = der; /* OpenSSL reads it, too, and writes the same octets */
        uint8_t *theirs = NULL;
        X509_NAME *x = d2i_X509_NAME(NULL, &p, (long)name.n);
        CU_ASSERT_PTR_NOT_NULL_FATAL(x);
        X509_NAME *copy = X509_NAME_new();
        for (int k = 0; k < X509_NAME_entry_count(x); k++) { /* encoded anew */
            X509_NAME_ENTRY *e = X509_NAME_get_entry(x, k);
            int set = k > 0 && X509_NAME_ENTRY_set(e) == X509_NAME_ENTRY_set(X509_NAME_get_entry(x, k - 1))
                          ? -1
                          : 0;
            CU_ASSERT(X509_NAME_add_entry(copy, e, -1, set) == 1);
        }
        int n = i2d_X509_NAME(copy, &theirs);
        CU_ASSERT(n > 0 && (size_t)n == name.n && memcmp(theirs, der, name.n) == 0);
        OPENSSL_free(theirs);
        X509_NAME_free(copy);
        X509_NAME_free(x);
    }
}

static void what_is_no_name(void)
{
    static char long_value[1200], many[4096];
    static const char *const bad[] = {"",
                                      "R1",
                                      "cn",
                                      "cn=",
                                      "=x",
                                      "cn=a,",
                                      ",cn=a",
                                      "cn=a,,o=b",
                                      "nosuch=a",
                                      "cn=\"a",
                                      "cn=a\\",
                                      "cn=\\00",
                                      "c=D\xc3\xbc",
                                      "e=\xc3\xbc@x",
                                      "cn=\xff\xfe",
                                      "9=x",
                                      "serialNumber=a_b"};
    uint8_t der[PKI_DN_MAX];
    size_t n;
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
        CU_ASSERT_EQUAL(pki_dn_parse(bad[i], der, &n), CV_EPARSE);
        if (pki_dn_parse(bad[i], der, &n) == CV_OK)
            fprintf(stderr, "parsed: %s\n", bad[i]);
    }
    snprintf(long_value, sizeof long_value, "cn=");
    memset(long_value + 3, 'a', sizeof long_value - 4);
    CU_ASSERT_EQUAL(pki_dn_parse(long_value, der, &n), CV_EPARSE);
    for (unsigned i = 0; i < 9; i++)
        snprintf(many + strlen(many), sizeof many - strlen(many), "%scn=%u", i ? "+" : "", i);
    CU_ASSERT_EQUAL(pki_dn_parse(many, der, &n), CV_EPARSE);
    many[0] = '\0';
    for (unsigned i = 0; i < 65; i++)
        snprintf(many + strlen(many), sizeof many - strlen(many), "%scn=%u", i ? "," : "", i);
    CU_ASSERT_EQUAL(pki_dn_parse(many, der, &n), CV_EPARSE);
}

static bool equal(const char *a, const char *b)
{
    uint8_t x[PKI_DN_MAX], y[PKI_DN_MAX];
    return pki_dn_equal(der_of(a, x), der_of(b, y));
}

static void RFC_5280_7_1_comparison(void)
{
    CU_ASSERT(equal("cn=CA1,o=cisco,o=com", "cn=CA1,o=cisco,o=com"));
    CU_ASSERT(equal("cn=CA1,o=Cisco,o=com", "cn=ca1,o=CISCO,o=com"));
    CU_ASSERT(equal("cn=a  b", "cn=a b"));
    CU_ASSERT(equal("cn=\\ a b\\ ", "cn=a b"));
    CU_ASSERT_FALSE(equal("cn=CA1,o=cisco", "cn=CA1,o=cisco,o=com"));
    CU_ASSERT_FALSE(equal("cn=CA1,o=com,o=cisco", "cn=CA1,o=cisco,o=com"));
    CU_ASSERT_FALSE(equal("cn=CA1", "cn=CA2"));
    CU_ASSERT_FALSE(equal("cn=CA1", "ou=CA1"));
    CU_ASSERT_FALSE(equal("cn=CA1,o=a", "cn=CA1+o=a"));
    /* PrintableString and UTF8String of the same letters */
    static const uint8_t printable[] = {0x30, 0x0d, 0x31, 0x0b, 0x30, 0x09, 0x06, 0x03,
                                        0x55, 0x04, 0x03, 0x13, 0x02, 'c',  'a'};
    static const uint8_t utf8[] = {0x30, 0x0d, 0x31, 0x0b, 0x30, 0x09, 0x06, 0x03,
                                   0x55, 0x04, 0x03, 0x0c, 0x02, 'C',  'A'};
    CU_ASSERT(pki_dn_equal((struct slice){printable, sizeof printable}, (struct slice){utf8, sizeof utf8}));
    CU_ASSERT_FALSE(pki_dn_equal((struct slice){printable, sizeof printable}, (struct slice){0}));
    CU_ASSERT_FALSE(pki_dn_equal((struct slice){0}, (struct slice){0}));
    CU_ASSERT_FALSE(pki_dn_equal((struct slice){printable, 5}, (struct slice){printable, 5}));
}

/* CERTREQs come before anything is known of the peer. */
static void CVE_2013_6075_hostile_names(void)
{
    static const struct {
        const char *octets;
        size_t n;
    } bad[] = {
        {"", 0},
        {"\x30", 1},
        {"\x30\x80\x00\x00", 4},                                          /* indefinite length */
        {"\x31\x00", 2},                                                  /* a SET */
        {"\x30\x02\x31\x00", 4},                                          /* an empty RDN */
        {"\x30\x00\x00", 3},                                              /* an octet behind it */
        {"\x30\x84\xff\xff\xff\xff", 6},                                  /* longer than memory */
        {"\x30\x0c\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x13\x02\x00", 14}, /* value longer than its place */
        {"\x30\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x13\x02"
         "a\0",
         15},                                                                 /* NUL */
        {"\x30\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x0c\x02\xc3\x28", 15}, /* not UTF-8 */
        {"\x30\x0c\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x1e\x01"
         "a",
         14}, /* half a BMP character */
        {"\x30\x0a\x31\x08\x30\x06\x06\x00\x13\x02"
         "ab",
         12}, /* no OID */
        {"\x30\x0b\x31\x09\x30\x07\x06\x01\x80\x13\x02"
         "ab",
         13}, /* an OID that does not end */
        {"\x30\x0f\x31\x0d\x30\x0b\x06\x03\x55\x04\x03\x13\x02"
         "ab\x05\x00",
         17}, /* a third member */
    };
    char text[PKI_TEXT_MAX];
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
        CU_ASSERT_STRING_EQUAL(pki_dn_text((struct slice){(const uint8_t *)bad[i].octets, bad[i].n}, text),
                               "(malformed)");
        if (strcmp(text, "(malformed)") != 0)
            fprintf(stderr, "row %u: %s\n", i, text);
    }
    CU_ASSERT_STRING_EQUAL(pki_dn_text((struct slice){(const uint8_t *)"\x30\x00", 2}, text), "");
    /* escapes for a terminal are escaped; a value that is no string is shown in hexadecimal */
    CU_ASSERT_STRING_EQUAL(
        pki_dn_text(
            (struct slice){(const uint8_t *)"\x30\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x0c\x02\x1b[", 15},
            text),
        "cn=\\1B[");
    CU_ASSERT_STRING_EQUAL(
        pki_dn_text(
            (struct slice){(const uint8_t *)"\x30\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x03\x02\x00\x80",
                           15},
            text),
        "cn=#03020080");
}

static void long_names_are_cut_for_people(void)
{
    uint8_t der[PKI_DN_MAX];
    char in[600], text[PKI_TEXT_MAX];
    unsigned n = 0;
    for (unsigned i = 0; i < 12; i++)
        n += (unsigned)snprintf(in + n, sizeof in - n, "%sou=%040u", i ? "," : "", i);
    pki_dn_text(der_of(in, der), text);
    CU_ASSERT_EQUAL(strlen(text), PKI_TEXT_MAX - 1);
    CU_ASSERT(strncmp(text, in, PKI_TEXT_MAX - 4) == 0 && strcmp(text + PKI_TEXT_MAX - 4, "...") == 0);
}

UNIT_MAIN("pki_dn", UNIT_TEST(section_4_5_subject_names_there_and_back), UNIT_TEST(what_is_no_name),
          UNIT_TEST(RFC_5280_7_1_comparison), UNIT_TEST(CVE_2013_6075_hostile_names),
          UNIT_TEST(long_names_are_cut_for_people))
