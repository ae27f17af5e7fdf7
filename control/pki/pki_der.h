/* pki_der: the few steps of DER that reading a CRL takes, where a parsed object per entry would cost hundreds of octets each.
 *
 * Views into the caller's memory, no allocation. Definite, minimal lengths and one-octet tags only (X.690 10.1). */
#ifndef CONTROL_PKI_PKI_DER_H
#define CONTROL_PKI_PKI_DER_H

#include "common/buf.h"

enum {
    PKI_DER_BOOLEAN = 0x01,
    PKI_DER_INTEGER = 0x02,
    PKI_DER_BIT_STRING = 0x03,
    PKI_DER_OCTET_STRING = 0x04,
    PKI_DER_OID = 0x06,
    PKI_DER_ENUMERATED = 0x0a,
    PKI_DER_UTC_TIME = 0x17,
    PKI_DER_GENERALIZED_TIME = 0x18,
    PKI_DER_SEQUENCE = 0x30,
    PKI_DER_CONTEXT = 0x80,
    PKI_DER_CONSTRUCTED = 0x20
};

struct pki_tlv {
    uint8_t tag;
    struct slice body;
    struct slice whole; /* with tag and length */
};

/* The next element; false: none is left, or it is not DER, and the reader is bad then. */
CV_MUST_USE bool pki_der_next(struct buf_reader *r, struct pki_tlv *out);
/* The next one, which must have this tag. */
CV_MUST_USE bool pki_der_take(struct buf_reader *r, uint8_t tag, struct pki_tlv *out);
/* The tag that comes next; 0 at the end. */
uint8_t pki_der_peek(const struct buf_reader *r);
/* UTCTime or GeneralizedTime as RFC 5280 4.1.2.5 allows them, seconds since 1970. */
CV_MUST_USE bool pki_der_time(const struct pki_tlv *t, int64_t *out);

#endif
