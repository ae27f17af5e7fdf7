#include "control/daemon_enrol.h"

#include "common/log.h"
#include "control/ike/ike_cert.h"
#include "control/pki/pki_disk.h"
#include "control/pki_conf.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { RSA_BITS_DEFAULT = 2048, MACHINE_ID_MAX = 32, SERIAL_DIGITS = 11 };

/* ---- the request -------------------------------------------------------------------------------------------------------- */
/* A router has a serial number; a machine has its id, of which as many digits as a router's number has characters. */
static void machine_serial(char out[64])
{
    char id[MACHINE_ID_MAX + 1] = "";
    int fd = open("/etc/machine-id", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, id, MACHINE_ID_MAX) : -1;
    if (fd >= 0)
        close(fd);
    out[0] = '\0';
    if (n == MACHINE_ID_MAX && strspn(id, "0123456789abcdef") == MACHINE_ID_MAX)
        (void)snprintf(out, 64, "%.*s", SERIAL_DIGITS, id);
}

static enum pki_enrol_method method_of(enum cfg_enrollment e)
{
    switch (e) {
    case CFG_ENROLL_URL:
        return PKI_ENROL_URL;
    case CFG_ENROLL_TERMINAL:
        return PKI_ENROL_TERMINAL;
    case CFG_ENROLL_SELFSIGNED:
        return PKI_ENROL_SELFSIGNED;
    case CFG_ENROLL_PKCS12:
        return PKI_ENROL_PKCS12;
    case CFG_ENROLL_NONE:
    case CFG_ENROLL_PROFILE:
        break;
    }
    return PKI_ENROL_NONE;
}

void daemon_enrol_conf(const struct cfg *c, const struct cfg_trustpoint *t, struct pki_enrol_conf *out)
{
    memset(out, 0, sizeof *out);
    (void)snprintf(out->name, sizeof out->name, "%s", t->name);
    out->method = method_of(t->enrollment);
    (void)snprintf(out->url, sizeof out->url, "%s", t->url);
    out->retry_count = t->retry_count;
    out->retry_period_s = t->retry_period_min * 60;
    out->auto_enroll = t->auto_enroll;
    out->regenerate = t->regenerate;
    out->auto_enroll_percent = t->auto_enroll_percent;
    pki_conf_subject(c, t, &out->subject);
    if (t->serial_number)
        machine_serial(out->subject.serial);
    out->subject.hash = t->hash == CFG_HASH_SHA384   ? PKI_CSR_SHA384
                        : t->hash == CFG_HASH_SHA512 ? PKI_CSR_SHA512
                                                     : PKI_CSR_SHA256;
    if (!t->password_7 && t->password.n > 0)
        (void)snprintf(out->password, sizeof out->password, "%.*s", (int)t->password.n,
                       (const char *)t->password.p);
    (void)snprintf(out->key_label, sizeof out->key_label, "%s", t->key_label);
    out->key_kind = t->key_ec ? CR_KEY_P256 : CR_KEY_RSA;
    out->key_bits = t->key_bits < RSA_BITS_DEFAULT ? RSA_BITS_DEFAULT : t->key_bits;
}

/* ---- the state directory ----------------------------------------------------------------------------------------------------- */
static cv_result key_load(void *ctx, const char *label, struct cr_key **out, bool *exportable)
{
    const struct daemon *d = ctx;
    return pki_disk_key_load(d->start.state_dir, label, out, exportable);
}

static cv_result key_save(void *ctx, const char *label, const struct cr_key *k, bool exportable)
{
    const struct daemon *d = ctx;
    return pki_disk_key_save(d->start.state_dir, label, k, exportable);
}

static void installed(void *ctx, const char *trustpoint)
{
    struct daemon *d = ctx;
    cv_result r = pki_disk_save(d->pki, d->start.state_dir, trustpoint);
    if (r != CV_OK)
        log_error(
            "the certificates of trust-point %s are not on the disk and will be gone after a restart: %s",
            trustpoint, cv_result_text(r));
    if (d->ike)
        ike_pki_changed(d->ike);
}

/* ---- life --------------------------------------------------------------------------------------------------------------------- */
cv_result daemon_enrol_configure(struct daemon *d)
{
    const struct cfg *c = d->cfg;
    const struct pki_enrol_env env = {
        .ctx = d, .key_load = key_load, .key_save = key_save, .installed = installed};
    if (!d->enrol)
        d->enrol = pki_enrol_new(d->pki, &env);
    struct pki_enrol_conf *confs = calloc(c->trustpoint_count + 1, sizeof *confs);
    cv_result r = d->enrol && confs ? CV_OK : CV_ENOMEM;
    for (unsigned i = 0; r == CV_OK && i < c->trustpoint_count; i++)
        daemon_enrol_conf(c, &c->trustpoints[i], &confs[i]);
    if (r == CV_OK)
        r = pki_enrol_configure(d->enrol, confs, c->trustpoint_count);
    if (confs)
        secret_wipe(confs, (c->trustpoint_count + 1) * sizeof *confs);
    free(confs);
    return r;
}

void daemon_enrol_free(struct daemon *d)
{
    pki_enrol_free(d->enrol);
    d->enrol = NULL;
}
