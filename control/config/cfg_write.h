/* cfg_write: a configuration as text, as `show running-config` prints it. The entry is cfg_write in cfg.h.
 *
 * What has its default value is left out. Parsing the text gives the same configuration again (with show_keys). */
#ifndef CONTROL_CONFIG_CFG_WRITE_H
#define CONTROL_CONFIG_CFG_WRITE_H

#include "control/config/cfg.h"

/* The text so far; counts on when the room has run out. */
struct cfg_writer {
    char *out;
    size_t room, at;
    bool show_keys;
};

void cfg_put(struct cfg_writer *w, const char *fmt, ...) CV_PRINTF(2, 3);
/* A word behind another, in quotes when it needs them. */
void cfg_put_name(struct cfg_writer *w, const char *before, const char *name);
/* A line with one word behind it, in quotes when it needs them. */
void cfg_put_word(struct cfg_writer *w, const char *before, const char *word, const char *after);
/* A line with a prefix behind it: "A", "A MASK" or "P/LEN"; host_mask: the mask of a single IPv4 address, too. */
void cfg_put_prefix(struct cfg_writer *w, const char *before, const struct ip_prefix *p, bool host_mask);
/* A line with a key behind it: as typed, quoted, or as `hex`; "<hidden>" without show_keys. */
void cfg_put_key(struct cfg_writer *w, const char *before, const struct secret *key);
/* The same without the end of the line. */
void cfg_put_key_word(struct cfg_writer *w, const char *before, const struct secret *key);
/* The mask of an IPv4 prefix: "255.255.0.0"; returns out (IP_TEXT_MAX). */
const char *cfg_mask_text(const struct ip_prefix *p, char *out);

/* `rate-limit` lines of a tunnel or an entry, by enum cv_dir. */
void cfg_write_rate_limits(struct cfg_writer *w, const struct cfg_rate_limit limits[2]);

/* cfg_write_ikev2.c */
void cfg_write_ikev2(struct cfg_writer *w, const struct cfg *c);
/* cfg_write_isakmp.c */
void cfg_write_isakmp(struct cfg_writer *w, const struct cfg *c);
/* cfg_write_ipsec.c */
void cfg_write_ipsec(struct cfg_writer *w, const struct cfg *c);
/* The lines that an IPsec profile and an entry of a crypto map have alike. */
void cfg_write_ipsec_lines(struct cfg_writer *w, const struct cfg_ipsec_profile *x);
/* cfg_write_pki.c: trust-points, certificates, certificate maps */
void cfg_write_pki(struct cfg_writer *w, const struct cfg *c);
/* cfg_write_map.c: access lists and crypto maps */
void cfg_write_map(struct cfg_writer *w, const struct cfg *c);

#endif
