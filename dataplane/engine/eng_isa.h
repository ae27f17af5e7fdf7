/* eng_isa: the widest instruction set that engines use, for measurements: what they do on a processor that has no more than this one is held to.
 *
 * ENG_ISA_AVX2 is a processor with AVX2, and VAES where this one has it, but neither AVX-512 nor GFNI, as an AMD Zen 3. The engine vaes then has its AVX2
 * kernels; intel-ipsec-mb has what it calls AVX2 of type 1. Of version 1.3 that is AES-GCM of one block per instruction, without VAES; type 2, which asks for GFNI as
 * well, has the same AES-GCM there, but SHA-256 by SHA-NI, and from 1.5 on VAES. What devices of DPDK do is not limited. */
#ifndef DATAPLANE_ENGINE_ENG_ISA_H
#define DATAPLANE_ENGINE_ENG_ISA_H

#include "common/result.h"

#include <stdbool.h>
#include <stddef.h>

enum eng_isa { ENG_ISA_BEST, ENG_ISA_AVX2, ENG_ISAS };

/* For the whole process, before the first self test, worker or session of any engine, and before the bare calls. CV_EUNSUP: this
 * processor has less, and why (why_len octets) says what it lacks; nothing is limited then. */
CV_MUST_USE cv_result eng_isa_limit(enum eng_isa most, char *why, size_t why_len);
/* ENG_ISA_BEST: all that the processor has. */
enum eng_isa eng_isa_most(void);
/* May AVX-512 with VBMI be used, beside engines as well: the processor has it, and is not held to less? */
bool eng_isa_wide(void);
/* "best", "avx2". */
const char *eng_isa_name(enum eng_isa isa);

#endif
