/* pki_file: files that hold keys: written whole or not at all, read only when nobody else could have read or written them. */
#ifndef CONTROL_PKI_PKI_FILE_H
#define CONTROL_PKI_PKI_FILE_H

#include "common/buf.h"
#include "common/secret.h"

enum { PKI_FILE_MAX = 1 << 20, PKI_FILE_NAME_MAX = 224 };

/* A name of the configuration as a file's: %HH for what is not a letter, a digit, '-' or '_'. False: too long, or empty. */
CV_MUST_USE bool pki_file_name(const char *name, const char *suffix, char out[PKI_FILE_NAME_MAX]);
/* Back; false when it is none of ours or does not end in the suffix. */
CV_MUST_USE bool pki_file_name_back(const char *file, const char *suffix, char *out, size_t room);

/* A directory in another: made with 0700 when `make`. -1 with errno. The caller closes it. */
int pki_file_dir(int parent, const char *name, bool make);
/* Written as NAME.new, flushed, renamed, the directory flushed; mode 0600. */
CV_MUST_USE cv_result pki_file_write(int dir, const char *name, struct slice data);
/* The whole of a plain file of ours (or root's) that nobody else may read (secret) or write. CV_ENOENT; CV_EINVAL: permissions, owner or kind;
 * CV_EIO. Wiped by secret_free. */
CV_MUST_USE cv_result pki_file_read(int dir, const char *name, struct secret *out);

#endif
