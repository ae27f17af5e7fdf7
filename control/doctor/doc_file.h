/* doc_file: reading the small files of /sys and /proc. */
#ifndef CONTROL_DOCTOR_DOC_FILE_H
#define CONTROL_DOCTOR_DOC_FILE_H

#include "common/result.h"

#include <stdbool.h>
#include <stddef.h>

/* Reads a file whole, without the newline at its end, cut at room-1 octets. False, and out "", when it cannot be read. */
bool doc_read(char *out, size_t room, const char *fmt, ...) CV_PRINTF(3, 4);
/* The number in a file (decimal or 0x); otherwise when there is none. */
long doc_number(long otherwise, const char *fmt, ...) CV_PRINTF(2, 3);
/* The last part of what a symbolic link points to. False, and out "", when there is no link. */
bool doc_link(char *out, size_t room, const char *fmt, ...) CV_PRINTF(3, 4);
bool doc_exists(const char *fmt, ...) CV_PRINTF(1, 2);
/* Calls fn for each number of a list such as "0-2,5"; words in it, such as isolcpus' flags, are passed over. */
void doc_each(const char *list, void (*fn)(void *ctx, unsigned n), void *ctx);

#endif
