/* multi_buffer: forced in front of eng_ipsecmb.c where it is built for MemorySanitizer, which sees nothing of ipsec-mb's machine code:
 * an ICV that it computes is secret from then on. (One on the stack is, since nobody has been seen to write it.) */
#ifndef TESTS_CONSTANT_TIME_MULTI_BUFFER_H
#define TESTS_CONSTANT_TIME_MULTI_BUFFER_H

#include "tests/constant_time/marked.h"

#include <intel-ipsec-mb.h>

static inline IMB_JOB *ct_job_done(IMB_JOB *job)
{
    if (job && job->auth_tag_output_len_in_bytes)
        ct_secret(job->auth_tag_output, job->auth_tag_output_len_in_bytes);
    return job;
}

static inline uint32_t ct_hash_burst(IMB_MGR *m, IMB_JOB *jobs, uint32_t n, IMB_HASH_ALG hash)
{
    const uint32_t done = IMB_SUBMIT_HASH_BURST_NOCHECK(m, jobs, n, hash);
    for (uint32_t i = 0; i < n; i++)
        ct_job_done(&jobs[i]);
    return done;
}

#undef IMB_SUBMIT_HASH_BURST_NOCHECK
#undef IMB_SUBMIT_JOB
#undef IMB_GET_COMPLETED_JOB
#undef IMB_FLUSH_JOB
#define IMB_SUBMIT_HASH_BURST_NOCHECK ct_hash_burst
#define IMB_SUBMIT_JOB(m)             ct_job_done((m)->submit_job(m))
#define IMB_GET_COMPLETED_JOB(m)      ct_job_done((m)->get_completed_job(m))
#define IMB_FLUSH_JOB(m)              ct_job_done((m)->flush_job(m))

#endif
