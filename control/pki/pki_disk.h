/* pki_disk: the store under the state directory. One directory per trust-point: ca.pem, own.pem (with its chain), key.pem (0600), seq. Every file is written under another
 * name, flushed and renamed, its directory flushed; what was there stays until then. Key pairs by label stand in keys/.
 *
 * Blocking file I/O, at start and on an operator's command only. */
#ifndef CONTROL_PKI_PKI_DISK_H
#define CONTROL_PKI_PKI_DISK_H

#include "control/pki/pki.h"

/* Reads what is there for the configured trust-points; a file that is damaged or has open permissions is reported in the log and left out, the others are taken. */
CV_MUST_USE cv_result pki_disk_load(struct pki *p, const char *state_dir);
CV_MUST_USE cv_result pki_disk_save(const struct pki *p, const char *state_dir, const char *trustpoint);
CV_MUST_USE cv_result pki_disk_remove(const char *state_dir, const char *trustpoint);
/* Key pairs of `crypto key generate`. list: names, sorted, at most room; returns how many there are. */
CV_MUST_USE cv_result pki_disk_key_save(const char *state_dir, const char *label, const struct cr_key *k,
                                        bool exportable);
CV_MUST_USE cv_result pki_disk_key_load(const char *state_dir, const char *label, struct cr_key **out,
                                        bool *exportable);
CV_MUST_USE cv_result pki_disk_key_remove(const char *state_dir, const char *label);
unsigned pki_disk_keys(const char *state_dir, char (*out)[PKI_NAME_MAX], unsigned room);

#endif
