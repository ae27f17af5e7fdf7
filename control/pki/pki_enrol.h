/* pki_enrol: how a trust-point gets its certificates: authenticate (the CA's), enroll (ours) by SCEP with polling and renewal, by terminal, self-signed, PKCS #12 and PEM.
 *
 * One per struct pki. Fetches go through pki_fetch; nothing here blocks. Files are the callbacks' business. A CA certificate that comes over the network is not used
 * before its fingerprint is confirmed: by the operator, or by the `fingerprint` of the configuration. RFC 8894, RFC 7292. */
#ifndef CONTROL_PKI_PKI_ENROL_H
#define CONTROL_PKI_PKI_ENROL_H

#include "control/pki/pki_csr.h"

enum pki_enrol_method {
    PKI_ENROL_NONE,
    PKI_ENROL_URL,
    PKI_ENROL_TERMINAL,
    PKI_ENROL_SELFSIGNED,
    PKI_ENROL_PKCS12
};

/* What the configuration says of a trust-point, as far as enrolment needs it (section 4.5). */
struct pki_enrol_conf {
    char name[PKI_NAME_MAX];
    enum pki_enrol_method method;
    char url[PKI_URL_MAX];
    unsigned retry_count, retry_period_s;
    bool auto_enroll, regenerate;
    unsigned auto_enroll_percent;
    struct pki_subject subject;
    char password[PKI_PASSWORD_MAX]; /* challenge; "" none. Wiped with the configuration */
    char key_label[PKI_NAME_MAX];
    enum cr_key_kind key_kind; /* of a key that is made when there is none of that label */
    unsigned key_bits;
};

struct pki_enrol_env {
    void *ctx;
    /* Key pairs by label. load: CV_ENOENT none. */
    cv_result (*key_load)(void *ctx, const char *label, struct cr_key **out, bool *exportable);
    cv_result (*key_save)(void *ctx, const char *label, const struct cr_key *k, bool exportable);
    /* Something was installed under the name (or taken off): it is to be written to disk. */
    void (*installed)(void *ctx, const char *trustpoint);
};

enum pki_enrol_state {
    PKI_ENROL_IDLE,
    PKI_ENROL_ASKING_CA,  /* GetCACert under way for authenticate */
    PKI_ENROL_CONFIRM,    /* a CA certificate waits for its fingerprint to be confirmed */
    PKI_ENROL_REQUESTING, /* capabilities, CA or request under way */
    PKI_ENROL_PENDING,    /* the CA's operator has not granted it yet: polled */
    PKI_ENROL_DONE,       /* the last thing asked for succeeded */
    PKI_ENROL_FAILED      /* ... failed; text says why */
};
const char *pki_enrol_state_text(enum pki_enrol_state s);

struct pki_enrol_view {
    enum pki_enrol_state state;
    bool renewal;
    char text[PKI_TEXT_MAX];          /* how the last thing ended, or what is waited for */
    const struct pki_cert *candidate; /* in CONFIRM; lives until the next call */
    unsigned polls;                   /* so far */
    int64_t next_s;                   /* wall clock of the next poll; 0 none */
    int64_t renew_s;                  /* wall clock of the renewal by auto-enroll; 0 none */
};

struct pki_enrol;
struct pki_enrol *pki_enrol_new(struct pki *p,
                                const struct pki_enrol_env *env); /* NULL: no memory; env is copied */
void pki_enrol_free(struct pki_enrol *e);                         /* before pki_free */
/* Of these trust-points, after pki_configure; what is under way for others ends. */
CV_MUST_USE cv_result pki_enrol_configure(struct pki_enrol *e, const struct pki_enrol_conf *confs,
                                          unsigned count);
CV_MUST_USE bool pki_enrol_view(const struct pki_enrol *e, const char *name, struct pki_enrol_view *out);
const struct pki_enrol_conf *pki_enrol_conf(const struct pki_enrol *e, const char *name);

/* All that follows: CV_OK, or err says why not. Those that go to the network return at once; pki_enrol_view tells how it went. */
/* GetCACert; then CONFIRM, or DONE when the configured fingerprint fits, or FAILED. */
CV_MUST_USE cv_result pki_enrol_authenticate(struct pki_enrol *e, const char *name, char err[PKI_TEXT_MAX]);
/* The same with a certificate in PEM or DER: terminal. */
CV_MUST_USE cv_result pki_enrol_authenticate_with(struct pki_enrol *e, const char *name, struct slice cert,
                                                  char err[PKI_TEXT_MAX]);
CV_MUST_USE cv_result pki_enrol_confirm(struct pki_enrol *e, const char *name, bool yes,
                                        char err[PKI_TEXT_MAX]);

/* SCEP: REQUESTING. Self-signed: DONE at once. Terminal: the request in PEM is put into *pem (free it), and the trust-point waits for import. */
CV_MUST_USE cv_result pki_enrol_enroll(struct pki_enrol *e, const char *name, char **pem,
                                       char err[PKI_TEXT_MAX]);
/* Ends what is under way (`no crypto pki enroll`). */
void pki_enrol_cancel(struct pki_enrol *e, const char *name);
/* Our certificate for a request by terminal, in PEM or DER: of the key, and issued by the CA. */
CV_MUST_USE cv_result pki_enrol_import_cert(struct pki_enrol *e, const char *name, struct slice cert,
                                            char err[PKI_TEXT_MAX]);
/* PEM blocks in any order: our private key (encrypted or not), our certificate, its CA, CAs between. */
CV_MUST_USE cv_result pki_enrol_import_pem(struct pki_enrol *e, const char *name, struct slice pem,
                                           const struct secret *password, bool exportable,
                                           char err[PKI_TEXT_MAX]);
CV_MUST_USE cv_result pki_enrol_import_pkcs12(struct pki_enrol *e, const char *name, struct slice der,
                                              const struct secret *password, bool exportable,
                                              char err[PKI_TEXT_MAX]);
/* The CA's certificate, and with a password the key (encrypted) and our certificate; *out (free it). PKCS #12: DER. A password is a must for keys, and one that is not
 * exportable is refused. */
CV_MUST_USE cv_result pki_enrol_export_pem(struct pki_enrol *e, const char *name,
                                           const struct secret *password, char **out, char err[PKI_TEXT_MAX]);
CV_MUST_USE cv_result pki_enrol_export_pkcs12(struct pki_enrol *e, const char *name,
                                              const struct secret *password, uint8_t **out, size_t *len,
                                              char err[PKI_TEXT_MAX]);

/* Polls and renewals that are due; about once a second. */
void pki_enrol_tick(struct pki_enrol *e);

/* Fingerprints for people: "4D5D2F35 ..." of MD5 (16), SHA-1 (20) and SHA-256 (32), groups of eight digits. */
void pki_fingerprint_text(const struct pki_cert *c, unsigned len, char out[96]);
/* DER in PEM with this label ("CERTIFICATE"); free it. NULL: no memory. */
char *pki_pem_text(const char *label, struct slice der);

#endif
