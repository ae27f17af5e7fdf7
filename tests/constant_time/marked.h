/* marked: what is secret and what is public, to MemorySanitizer: secret octets are marked as if nobody had written them, the mark goes with whatever is
 * made of them, and a branch or an address that depends on a marked value ends the process with CT_REPORTED.
 *
 * The mutants are what the test must find: places that are constant in time, replaced by such as compute the same and are not. One process runs one of them. */
#ifndef TESTS_CONSTANT_TIME_MARKED_H
#define TESTS_CONSTANT_TIME_MARKED_H

#include <stdbool.h>
#include <stddef.h>

enum { CT_REPORTED = 86 }; /* exit status */

enum ct_mutant {
    CT_NONE,
    CT_TABLE,     /* the S-box of the last AES round from a table: the address tells */
    CT_BIT,       /* carry-less products with a branch for each bit */
    CT_EARLY_OUT, /* ICVs compared up to the first difference */
    CT_MUTANTS
};
extern enum ct_mutant ct_mutant; /* CT_NONE at first */

void ct_secret(void *p, size_t n);
void ct_public(void *p, size_t n);
/* Each octet is marked, in one bit at least. */
bool ct_all_secret(const void *p, size_t n);
bool ct_any_secret(const void *p, size_t n);

/* How often secret_equal was given a secret. Its result is public: whether a packet is accepted shows in what happens next. */
extern unsigned ct_compared;

#endif
