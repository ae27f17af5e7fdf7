/* pki_enrol_priv: the inside of struct pki_enrol, for pki_enrol.c and pki_enrol_file.c alone. */
#ifndef CONTROL_PKI_PKI_ENROL_PRIV_H
#define CONTROL_PKI_PKI_ENROL_PRIV_H

#include "control/pki/pki_enrol.h"
#include "control/pki/pki_scep.h"

enum pki_enrol_step { PKI_STEP_NONE, PKI_STEP_CA_ALONE, PKI_STEP_CAPS, PKI_STEP_CA, PKI_STEP_MESSAGE };

/* One trust-point. */
struct pki_enrolment {
    struct pki_enrol *owner;
    struct pki_enrol_conf conf;
    enum pki_enrol_state state;
    bool renewal;
    char text[PKI_TEXT_MAX];
    struct pki_cert *candidate;
    unsigned polls;
    uint64_t poll_ms;  /* monotonic; 0 none */
    uint64_t renew_ms; /* not before, after one that failed */
    /* the talk under way */
    enum pki_enrol_step step;
    uint64_t fetch; /* 0 none */
    struct pki_scep_ca ca;
    struct pki_scep_talk talk;
    struct cr_key *key, *signer;
    struct pki_cert *signer_cert;
    bool new_key;             /* to be saved when its certificate comes */
    uint8_t name[PKI_DN_MAX]; /* of the request, DER */
    size_t name_len;
};

struct pki_enrol {
    struct pki *pki;
    struct pki_enrol_env env;
    unsigned count;
    struct pki_enrolment *items[PKI_TRUSTPOINTS_MAX];
};

struct pki_enrolment *pki_enrol_find(const struct pki_enrol *e, const char *name);
/* Ends what is under way; the state becomes s, with a text. */
void pki_enrol_end(struct pki_enrolment *x, enum pki_enrol_state s, const char *fmt, ...) CV_PRINTF(3, 4);
/* The key of the trust-point: the one of its label, else a new one, which is saved. */
CV_MUST_USE cv_result pki_enrol_key(struct pki_enrolment *x, struct cr_key **out, char err[PKI_TEXT_MAX]);

#endif
