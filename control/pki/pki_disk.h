/* pki_disk: the store under the state directory, as PKCS #8 and PEM that any tool reads:
 *
 *   pki/seq                      the last number of installation
 *   pki/tp/NAME/seq              which files count: "ca 4", "own 5"
 *   pki/tp/NAME/ca-4.pem, own-5.pem (with its chain), key-5.pem
 *   pki/keys/LABEL.pem           key pairs of `crypto key generate`
 *
 * Everything is 0600 in directories of 0700. Files are written under another name, flushed and renamed, their directory flushed; a trust-point's seq comes
 * last, so that certificate and key change together or not at all. Octets of names that are not letters, digits, '-' and '_' stand as %HH.
 *
 * state_dir is a directory descriptor. Blocking file I/O, at start and on an operator's command only. */
#ifndef CONTROL_PKI_PKI_DISK_H
#define CONTROL_PKI_PKI_DISK_H

#include "control/pki/pki.h"

/* Reads what is there for the configured trust-points that hold nothing yet; a file that is damaged or has open permissions is reported in the log and left out,
 * the others are taken. CV_EIO: the directory is there and cannot be read. */
CV_MUST_USE cv_result pki_disk_load(struct pki *p, int state_dir);
/* CV_EINVAL: something of it is simulated, which is never stored. */
CV_MUST_USE cv_result pki_disk_save(const struct pki *p, int state_dir, const char *trustpoint);
/* CV_OK, too, when there is none. */
CV_MUST_USE cv_result pki_disk_remove(int state_dir, const char *trustpoint);
/* Key pairs of `crypto key generate`. list: names, sorted, at most room; returns how many there are. */
CV_MUST_USE cv_result pki_disk_key_save(int state_dir, const char *label, const struct cr_key *k,
                                        bool exportable);
/* CV_ENOENT: none of that label; CV_EPARSE: damaged; CV_EINVAL: open permissions, which the log names. exportable may be NULL. */
CV_MUST_USE cv_result pki_disk_key_load(int state_dir, const char *label, struct cr_key **out,
                                        bool *exportable);
CV_MUST_USE cv_result pki_disk_key_remove(int state_dir, const char *label); /* CV_ENOENT */
unsigned pki_disk_keys(int state_dir, char (*out)[PKI_NAME_MAX], unsigned room);

#endif
