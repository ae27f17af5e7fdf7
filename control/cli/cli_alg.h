/* cli_alg: algorithms, methods, groups and match lines in IOS's words, short and long. All return out or static text. */
#ifndef CONTROL_CLI_CLI_ALG_H
#define CONTROL_CLI_CLI_ALG_H

#include "control/config/cfg_model.h"
#include "control/ike/ike.h"

/* Ciphers of IKE: "3des", "aes 256" as configured; "aes" in a column; in a sentence. out: IP_TEXT_MAX. */
const char *cli_alg_encr1(uint16_t encr, uint16_t key_bits, char *out);
const char *cli_alg_encr1_short(uint16_t encr, uint16_t key_bits, char *out);
const char *cli_alg_encr1_long(uint16_t encr, uint16_t key_bits, char *out);
/* Hashes of IKEv1; of a view: its hash, else what its integrity algorithm or PRF is made of. */
enum cfg_hash cli_alg_hash_of(const struct ike_sa_view *v);
const char *cli_alg_hash_long(enum cfg_hash h); /* "Message Digest 5" */
const char *cli_alg_auth_word(unsigned auth);   /* "pre-share": the first of the bits of enum cfg_auth */
const char *cli_alg_auth_long(unsigned auth);
unsigned cli_alg_group_bits(uint16_t group);                  /* 0: unknown */
const char *cli_alg_group_name(uint16_t group, char out[64]); /* "DH_GROUP_2048_MODP/Group 14" */
/* A match line: IKEv1 "ip-address A M", "host N"; IKEv2 "address A M", "fqdn N". out: CFG_TEXT_MAX + IP_TEXT_MAX. */
const char *cli_alg_match1(const struct cfg_id *id, char *out);
const char *cli_alg_match2(const struct cfg_id *id, char *out);
/* "{ esp-aes esp-sha256-hmac  }" without the braces. out: CLI_TEXT_MAX of cli_text.h. */
const char *cli_alg_set(const struct cfg_transform_set *s, char *out);

#endif
