/* sam_alg: key lengths of ESP's algorithms as an SA carries them. sa sees no cryptographic library, so it
 * holds this short list of its own; RFC 3602, 2451, 4106, 4543, 7634, 2404, 4868. */
#ifndef CONTROL_SA_SAM_ALG_H
#define CONTROL_SA_SAM_ALG_H

#include "common/result.h"

#include <stdint.h>

struct sam_key_len {
    uint8_t encr, salt, integ; /* octets */
};
/* encr CV_ENCR_NONE: AH. key_bits as the Key Length attribute, 0 for ciphers without one. CV_EUNSUP for what ESP here does not carry: DES, AEADs with an
 * integrity algorithm, other ciphers without one. */
CV_MUST_USE cv_result sam_alg_lengths(uint16_t encr, uint16_t key_bits, uint16_t integ,
                                      struct sam_key_len *out);
/* The Key Length attribute of an SA found in the data plane. */
uint16_t sam_alg_key_bits(uint16_t encr, uint8_t key_len);

#endif
