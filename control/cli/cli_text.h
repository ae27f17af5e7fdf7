/* cli_text: how values look in `show` output: algorithms, times, addresses in IOS form. */
#ifndef CONTROL_CLI_CLI_TEXT_H
#define CONTROL_CLI_CLI_TEXT_H

#include "common/addr.h"

#include <stdint.h>

/* All return out, or static text. */
enum { CLI_TEXT_MAX = 192 };
const char *cli_uptime(uint64_t seconds, char out[CLI_TEXT_MAX]);  /* "00:01:02", "1d02h" */
const char *cli_time(uint64_t wall_ms, char out[CLI_TEXT_MAX]);    /* "2026-11-21T01:37:08Z" (RFC 3339) */
const char *cli_time_ms(uint64_t wall_ms, char out[CLI_TEXT_MAX]); /* with milliseconds */
const char *cli_spi(const uint8_t spi[8], char out[17]);           /* of an IKE SA: 16 hexadecimal digits */
const char *cli_encr(uint16_t encr);                               /* "AES-CBC" */
const char *cli_integ(uint16_t integ, uint16_t encr);              /* "SHA256"; "None" with an AEAD */
const char *cli_prf(uint16_t prf);                                 /* "SHA256" */
const char *cli_transform(uint16_t encr, uint16_t key_bits, uint16_t integ, char out[CLI_TEXT_MAX]);
/* "esp-gcm 128", "esp-256-aes esp-sha256-hmac" */
const char *cli_ident(const struct ts *t,
                      char out[CLI_TEXT_MAX]); /* "0.0.0.0/0.0.0.0/0/0": addr/mask/prot/port */
const char *cli_flow(const struct ts *local, const struct ts *remote, char out[2 * CLI_TEXT_MAX]);
/* "permit ip 0.0.0.0/0.0.0.0 0.0.0.0/0.0.0.0", "permit 47 host A host B" */
const char *cli_wildcard(uint8_t len, char out[IP_TEXT_MAX]); /* 24 -> "0.0.0.255" */
const char *cli_mask(uint8_t len, char out[IP_TEXT_MAX]);     /* 24 -> "255.255.255.0" */

#endif
