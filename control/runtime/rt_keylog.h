/* rt_keylog: IKE keys in the form of Wireshark's ikev2_decryption_table. For tests and faults under the eyes of
 * an operator: whoever reads the file reads the negotiations. */
#ifndef CONTROL_RUNTIME_RT_KEYLOG_H
#define CONTROL_RUNTIME_RT_KEYLOG_H

#include "common/buf.h"
#include "common/contract.h"
#include "common/result.h"

#include <stddef.h>
#include <stdint.h>

struct rt_keylog_line {
    const uint8_t *spi_i, *spi_r;            /* 8 octets each */
    uint16_t encr, key_bits, integ;          /* IANA numbers as in contract.h */
    struct slice sk_ei, sk_er, sk_ai, sk_ar; /* SK_e with its salt */
};
/* One line with newline. CV_EUNSUP for algorithms that Wireshark cannot decrypt, CV_ENOSPC. */
CV_MUST_USE cv_result rt_keylog_format(const struct rt_keylog_line *k, char *out, size_t out_len);
/* IKEv1: "# ikev1_decryption_table " and a row of that table: the initiator's cookie, 8 octets, and the key of the cipher. CV_ENOSPC. */
CV_MUST_USE cv_result rt_keylog_ike1(const uint8_t *cookie_i, struct slice key, char *out, size_t out_len);
/* One direction of a child SA: "# esp_sa " and a row of Wireshark's esp_sa table. Results as above. */
CV_MUST_USE cv_result rt_keylog_esp(const struct cv_sa *sa, char *out, size_t out_len);

#endif
