/* result: the one error type of culvert's own functions.
 *
 * A function that can fail returns cv_result and is marked CV_MUST_USE, so that the compiler refuses
 * a caller that ignores it. Details for people go to the log or to an error buffer the caller hands in. */
#ifndef COMMON_RESULT_H
#define COMMON_RESULT_H

#define CV_MUST_USE          __attribute__((warn_unused_result))
#define CV_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

typedef enum cv_result {
    CV_OK = 0,
    CV_EINVAL, /* an argument or a value on the wire is not allowed */
    CV_EPARSE, /* bytes or text do not have the form they must have */
    CV_ESHORT, /* fewer bytes than the structure needs */
    CV_ENOSPC, /* the table, ring or buffer is full */
    CV_ENOMEM,
    CV_ENOENT,
    CV_EEXIST,
    CV_EUNSUP,  /* known, but not something this build does */
    CV_ECRYPTO, /* the cryptographic library refused */
    CV_EAUTH,   /* a MAC, ICV or AUTH value did not verify */
    CV_EIO,
    CV_EAGAIN,
    CV_EVERSION, /* the two processes speak different versions of the contract */
    CV_RESULT_COUNT
} cv_result;

/* A short English text for `r`, static storage, never NULL. */
const char *cv_result_text(cv_result r);

/* Return from the calling function (which returns cv_result) when `expr` is not CV_OK. */
#define CV_TRY(expr)                                                                                         \
    do {                                                                                                     \
        cv_result cv_try_r_ = (expr);                                                                        \
        if (cv_try_r_ != CV_OK)                                                                              \
            return cv_try_r_;                                                                                \
    } while (0)

#endif
