#include "common/result.h"

#include <stddef.h>

static const char *const texts[CV_RESULT_COUNT] = {
    [CV_OK] = "ok",
    [CV_EINVAL] = "invalid value",
    [CV_EPARSE] = "malformed",
    [CV_ESHORT] = "too short",
    [CV_ENOSPC] = "full",
    [CV_ENOMEM] = "out of memory",
    [CV_ENOENT] = "not found",
    [CV_EEXIST] = "exists already",
    [CV_EUNSUP] = "not supported",
    [CV_ECRYPTO] = "cryptographic operation failed",
    [CV_EAUTH] = "authentication failed",
    [CV_EIO] = "input/output error",
    [CV_EAGAIN] = "try again",
    [CV_EVERSION] = "contract version differs",
};

const char *cv_result_text(cv_result r)
{
    return (size_t)r < CV_RESULT_COUNT && texts[r] ? texts[r] : "unknown error";
}
