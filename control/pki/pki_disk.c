#include "control/pki/pki_disk.h"

#include "control/pki/pki_cert_priv.h"
#include "control/pki/pki_file.h"
#include "control/pki/pki_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PEM_LINE = 48 /* octets of DER in 64 characters */ };

static const char seq_file[] = "seq";
static const char exportable_line[] = "exportable\n", fixed_line[] = "not exportable\n";

/* ---- directories ------------------------------------------------------------------------------------------------ */
/* pki/SUB under the state directory. */
static int sub_dir(int state_dir, const char *sub, bool make)
{
    int pki = pki_file_dir(state_dir, "pki", make);
    if (pki < 0)
        return -1;
    int dir = pki_file_dir(pki, sub, make);
    int error = errno;
    close(pki);
    errno = error;
    return dir;
}

static int trustpoint_dir(int state_dir, const char *name, bool make)
{
    char file[PKI_FILE_NAME_MAX];
    if (!pki_file_name(name, "", file)) {
        errno = EINVAL;
        return -1;
    }
    int all = sub_dir(state_dir, "tp", make);
    if (all < 0)
        return -1;
    int dir = pki_file_dir(all, file, make);
    int error = errno;
    close(all);
    errno = error;
    return dir;
}

/* ---- PEM ------------------------------------------------------------------------------------------------------------ */
static size_t pem_room(size_t n)
{
    return n / 3 * 4 + n / PEM_LINE + 128;
}

static void put_pem(struct buf_writer *w, const char *label, struct slice der)
{
    uint8_t line[PEM_LINE / 3 * 4 + 1];
    char edge[64];
    buf_put(w, edge, (size_t)snprintf(edge, sizeof edge, "-----BEGIN %s-----\n", label));
    for (size_t at = 0; at < der.n; at += PEM_LINE) {
        size_t n = der.n - at < PEM_LINE ? der.n - at : PEM_LINE;
        buf_put(w, line, (size_t)EVP_EncodeBlock(line, der.p + at, (int)n));
        buf_put_u8(w, '\n');
    }
    buf_put(w, edge, (size_t)snprintf(edge, sizeof edge, "-----END %s-----\n", label));
    secret_wipe(line, sizeof line);
}

static cv_result write_certs(int dir, const char *file, struct pki_cert *const *certs, unsigned count)
{
    size_t room = 0;
    for (unsigned i = 0; i < count; i++)
        room += pem_room(certs[i]->der_len);
    uint8_t *text = malloc(room);
    if (!text)
        return CV_ENOMEM;
    struct buf_writer w = buf_writer_init(text, room);
    for (unsigned i = 0; i < count; i++)
        put_pem(&w, "CERTIFICATE", pki_cert_der(certs[i]));
    cv_result r = w.bad ? CV_ENOSPC : pki_file_write(dir, file, (struct slice){text, w.len});
    free(text);
    return r;
}

static cv_result write_key(int dir, const char *file, const char *head, const struct cr_key *k)
{
    struct secret der, text = {0};
    CV_TRY(cr_key_export(k, NULL, &der));
    cv_result r = secret_new(&text, pem_room(der.n));
    if (r == CV_OK) {
        struct buf_writer w = buf_writer_init(text.p, text.n);
        buf_put(&w, head, strlen(head));
        put_pem(&w, "PRIVATE KEY", (struct slice){der.p, der.n});
        r = w.bad ? CV_ENOSPC : pki_file_write(dir, file, (struct slice){text.p, w.len});
    }
    secret_free(&der);
    secret_free(&text);
    return r;
}

/* ---- numbers ---------------------------------------------------------------------------------------------------------- */
struct numbers {
    uint64_t ca, own; /* 0: none */
};

static cv_result numbers_read(int dir, struct numbers *out)
{
    struct secret text;
    char line[128];
    int end = 0;
    CV_TRY(pki_file_read(dir, seq_file, &text));
    size_t n = slice_copy((struct slice){text.p, text.n}, (uint8_t *)line, sizeof line - 1);
    line[n] = '\0';
    secret_free(&text);
    if (sscanf(line, "ca %" SCNu64 " own %" SCNu64 " %n", &out->ca, &out->own, &end) != 2 || (size_t)end != n)
        return CV_EPARSE;
    return CV_OK;
}

static cv_result numbers_write(int dir, const struct numbers *s)
{
    char text[128];
    int n = snprintf(text, sizeof text, "ca %" PRIu64 "\nown %" PRIu64 "\n", s->ca, s->own);
    return pki_file_write(dir, seq_file, (struct slice){(const uint8_t *)text, (size_t)n});
}

static void numbered(char out[64], const char *kind, uint64_t seq)
{
    snprintf(out, 64, "%s-%" PRIu64 ".pem", kind, seq);
}

/* The last number ever given: of the file, or of what is there when it is lost. */
static cv_result last_write(int state_dir, uint64_t last)
{
    char text[32];
    int pki = pki_file_dir(state_dir, "pki", true);
    if (pki < 0)
        return CV_EIO;
    int n = snprintf(text, sizeof text, "%" PRIu64 "\n", last);
    cv_result r = pki_file_write(pki, seq_file, (struct slice){(const uint8_t *)text, (size_t)n});
    close(pki);
    return r;
}

static uint64_t last_read(int pki)
{
    struct secret text;
    char line[32];
    uint64_t last = 0;
    if (pki_file_read(pki, seq_file, &text) != CV_OK)
        return 0;
    line[slice_copy((struct slice){text.p, text.n}, (uint8_t *)line, sizeof line - 1)] = '\0';
    secret_free(&text);
    return sscanf(line, "%" SCNu64, &last) == 1 ? last : 0;
}

/* Over all trust-points on the disk, also those that are not configured now: they may come back. */
static uint64_t highest(int all)
{
    uint64_t most = 0;
    int copy = openat(all, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = copy >= 0 ? fdopendir(copy) : NULL;
    const struct dirent *e;
    if (!list && copy >= 0)
        close(copy);
    while (list && (e = readdir(list)) != NULL) {
        struct numbers s;
        int dir = e->d_name[0] == '.' ? -1 : pki_file_dir(all, e->d_name, false);
        if (dir < 0)
            continue;
        if (numbers_read(dir, &s) == CV_OK) {
            most = s.ca > most ? s.ca : most;
            most = s.own > most ? s.own : most;
        }
        close(dir);
    }
    if (list)
        closedir(list);
    return most;
}

/* ---- loading ------------------------------------------------------------------------------------------------------------- */
static const char *trouble(cv_result r)
{
    return r == CV_EINVAL   ? "others may read or write it, it is not ours, or it is no plain file"
           : r == CV_ENOENT ? "it is not there"
                            : cv_result_text(r);
}

static void left_out(const char *name, const char *file, const char *why)
{
    log_error("trust-point %s: %s is left out: %s", name, file, why);
}

/* All certificates of a file; count 0 and a line in the log when it cannot be used. */
static unsigned read_certs(int dir, const char *name, const char *file,
                           struct pki_cert *out[PKI_CHAIN_MAX + 1])
{
    struct secret text;
    unsigned count = 0;
    cv_result r = pki_file_read(dir, file, &text);
    if (r != CV_OK) {
        left_out(name, file, trouble(r));
        return 0;
    }
    struct slice rest = {text.p, text.n};
    while (r == CV_OK && rest.n > 0) {
        size_t used = 0;
        r = count <= PKI_CHAIN_MAX ? pki_cert_read(rest, &out[count], &used) : CV_ENOSPC;
        count += r == CV_OK;
        rest = (struct slice){rest.p + used, rest.n - used};
    }
    secret_free(&text);
    if (r == CV_OK && count > 0)
        return count;
    left_out(name, file, "it is damaged");
    while (count > 0)
        pki_cert_free(out[--count]);
    return 0;
}

static struct cr_key *read_key(int dir, const char *name, const char *file)
{
    struct secret text;
    struct cr_key *k = NULL;
    cv_result r = pki_file_read(dir, file, &text);
    if (r != CV_OK) {
        left_out(name, file, trouble(r));
        return NULL;
    }
    if (cr_key_private((struct slice){text.p, text.n}, NULL, &k) != CV_OK) {
        left_out(name, file, "it is damaged");
        k = NULL;
    }
    secret_free(&text);
    return k;
}

static void load_ca(struct pki *p, int dir, const char *name, uint64_t seq)
{
    struct pki_cert *certs[PKI_CHAIN_MAX + 1];
    char file[64];
    numbered(file, "ca", seq);
    unsigned count = read_certs(dir, name, file, certs);
    if (count > 0 && (count != 1 || certs[0]->simulated || pki_install_ca(p, name, certs[0], seq) != CV_OK))
        left_out(name, file, "it is not the CA certificate that the trust-point is configured for");
    while (count > 0)
        pki_cert_free(certs[--count]);
}

static void load_own(struct pki *p, int dir, const char *name, uint64_t seq)
{
    struct pki_cert *certs[PKI_CHAIN_MAX + 1];
    char file[64], key_file[64];
    numbered(file, "own", seq);
    numbered(key_file, "key", seq);
    unsigned count = read_certs(dir, name, file, certs);
    struct cr_key *k = count > 0 ? read_key(dir, name, key_file) : NULL;
    if (k &&
        (certs[0]->simulated || pki_install_own(p, name, certs[0], k, certs + 1, count - 1, seq) != CV_OK))
        left_out(name, file, "the key is not that of the certificate, or the chain is none of CAs");
    cr_key_free(k);
    while (count > 0)
        pki_cert_free(certs[--count]);
}

static void load_one(struct pki *p, int all, const char *name)
{
    char file[PKI_FILE_NAME_MAX];
    struct numbers s;
    if (!pki_file_name(name, "", file))
        return;
    int dir = pki_file_dir(all, file, false);
    if (dir < 0) {
        if (errno != ENOENT)
            left_out(name, "its directory", strerror(errno));
        return;
    }
    cv_result r = numbers_read(dir, &s);
    if (r == CV_OK && s.ca > 0)
        load_ca(p, dir, name, s.ca);
    if (r == CV_OK && s.own > 0)
        load_own(p, dir, name, s.own);
    if (r != CV_OK && r != CV_ENOENT)
        left_out(name, seq_file, trouble(r));
    close(dir);
}

cv_result pki_disk_load(struct pki *p, int state_dir)
{
    const struct pki_trustpoint *list[PKI_TRUSTPOINTS_MAX];
    int pki = pki_file_dir(state_dir, "pki", false);
    if (pki < 0)
        return errno == ENOENT ? CV_OK : CV_EIO;
    uint64_t last = last_read(pki);
    int all = pki_file_dir(pki, "tp", false);
    cv_result r = all < 0 && errno != ENOENT ? CV_EIO : CV_OK;
    close(pki);
    if (all >= 0) {
        uint64_t most = highest(all);
        last = most > last ? most : last;
        unsigned count = pki_list(p, list);
        for (unsigned i = 0; i < count; i++) /* the views stay: nothing moves slots but pki_configure */
            if (!list[i]->own && !list[i]->ca)
                load_one(p, all, list[i]->name);
        close(all);
    }
    if (last > p->last_seq)
        p->last_seq = last;
    return r;
}

/* ---- saving ---------------------------------------------------------------------------------------------------------------- */
/* Files of other numbers, once seq no longer names them. */
static void sweep(int dir, const struct numbers *keep)
{
    char ca[64], own[64], key[64];
    int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = copy >= 0 ? fdopendir(copy) : NULL;
    const struct dirent *e;
    if (!list && copy >= 0)
        close(copy);
    numbered(ca, "ca", keep->ca);
    numbered(own, "own", keep->own);
    numbered(key, "key", keep->own);
    while (list && (e = readdir(list)) != NULL)
        if (e->d_name[0] != '.' && strcmp(e->d_name, ca) != 0 && strcmp(e->d_name, own) != 0 &&
            strcmp(e->d_name, key) != 0 && strcmp(e->d_name, seq_file) != 0)
            unlinkat(dir, e->d_name, 0);
    if (list)
        closedir(list);
}

static cv_result save_into(int dir, const struct pki_trustpoint *t)
{
    struct numbers s = {.ca = t->ca ? t->ca_seq : 0, .own = t->own && t->key ? t->own_seq : 0};
    char file[64];
    if (s.ca > 0) {
        numbered(file, "ca", s.ca);
        CV_TRY(write_certs(dir, file, &t->ca, 1));
    }
    if (s.own > 0) {
        struct pki_cert *certs[PKI_CHAIN_MAX + 1] = {t->own};
        memcpy(certs + 1, t->chain, t->chain_count * sizeof certs[0]);
        numbered(file, "own", s.own);
        CV_TRY(write_certs(dir, file, certs, 1 + t->chain_count));
        numbered(file, "key", s.own);
        CV_TRY(write_key(dir, file, "", t->key));
    }
    CV_TRY(numbers_write(dir, &s));
    sweep(dir, &s);
    return CV_OK;
}

cv_result pki_disk_save(const struct pki *p, int state_dir, const char *trustpoint)
{
    const struct pki_trustpoint *t = pki_find(p, trustpoint);
    if (!t)
        return CV_ENOENT;
    if (t->simulated)
        return CV_EINVAL;
    int dir = trustpoint_dir(state_dir, trustpoint, true);
    if (dir < 0)
        return CV_EIO;
    cv_result r = last_write(state_dir, pki_last_seq(p));
    if (r == CV_OK)
        r = save_into(dir, t);
    close(dir);
    return r;
}

cv_result pki_disk_remove(int state_dir, const char *trustpoint)
{
    char file[PKI_FILE_NAME_MAX];
    const struct numbers none = {0};
    int dir = trustpoint_dir(state_dir, trustpoint, false);
    if (dir < 0)
        return errno == ENOENT ? CV_OK : CV_EIO;
    bool ok = (unlinkat(dir, seq_file, 0) == 0 || errno == ENOENT) && fsync(dir) == 0;
    if (ok)
        sweep(dir, &none);
    close(dir);
    int all = ok ? sub_dir(state_dir, "tp", false) : -1;
    ok = all >= 0 && pki_file_name(trustpoint, "", file) && unlinkat(all, file, AT_REMOVEDIR) == 0 &&
         fsync(all) == 0;
    if (all >= 0)
        close(all);
    return ok ? CV_OK : CV_EIO;
}

/* ---- key pairs by label -------------------------------------------------------------------------------------------------- */
cv_result pki_disk_key_save(int state_dir, const char *label, const struct cr_key *k, bool exportable)
{
    char file[PKI_FILE_NAME_MAX];
    if (strlen(label) >= PKI_NAME_MAX || !pki_file_name(label, ".pem", file))
        return CV_EINVAL;
    int dir = sub_dir(state_dir, "keys", true);
    if (dir < 0)
        return CV_EIO;
    cv_result r = write_key(dir, file, exportable ? exportable_line : fixed_line, k);
    close(dir);
    return r;
}

static cv_result key_parse(const struct secret *text, struct cr_key **out, bool *exportable)
{
    struct slice all = {text->p, text->n};
    size_t yes = sizeof exportable_line - 1;
    if (exportable)
        *exportable = all.n > yes && memcmp(all.p, exportable_line, yes) == 0;
    return cr_key_private(all, NULL, out) == CV_OK ? CV_OK : CV_EPARSE;
}

cv_result pki_disk_key_load(int state_dir, const char *label, struct cr_key **out, bool *exportable)
{
    char file[PKI_FILE_NAME_MAX];
    struct secret text;
    if (!pki_file_name(label, ".pem", file))
        return CV_ENOENT;
    int dir = sub_dir(state_dir, "keys", false);
    if (dir < 0)
        return errno == ENOENT ? CV_ENOENT : CV_EIO;
    cv_result r = pki_file_read(dir, file, &text);
    close(dir);
    if (r == CV_EINVAL)
        log_error("key pair %s is left out: %s", label, trouble(r));
    if (r != CV_OK)
        return r;
    r = key_parse(&text, out, exportable);
    secret_free(&text);
    return r;
}

cv_result pki_disk_key_remove(int state_dir, const char *label)
{
    char file[PKI_FILE_NAME_MAX];
    int dir = sub_dir(state_dir, "keys", false);
    if (dir < 0)
        return errno == ENOENT ? CV_ENOENT : CV_EIO;
    cv_result r = CV_OK;
    if (!pki_file_name(label, ".pem", file))
        r = CV_ENOENT;
    else if (unlinkat(dir, file, 0) != 0)
        r = errno == ENOENT ? CV_ENOENT : CV_EIO;
    else if (fsync(dir) != 0)
        r = CV_EIO;
    close(dir);
    return r;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

unsigned pki_disk_keys(int state_dir, char (*out)[PKI_NAME_MAX], unsigned room)
{
    unsigned count = 0;
    int dir = sub_dir(state_dir, "keys", false);
    DIR *list = dir >= 0 ? fdopendir(dir) : NULL;
    const struct dirent *e;
    char name[PKI_NAME_MAX];
    if (!list && dir >= 0)
        close(dir);
    while (list && (e = readdir(list)) != NULL) {
        if (!pki_file_name_back(e->d_name, ".pem", name, sizeof name))
            continue;
        if (count < room)
            memcpy(out[count], name, sizeof name);
        count++;
    }
    if (list)
        closedir(list);
    if (count > 0 && room > 0)
        qsort(out, count < room ? count : room, sizeof out[0], by_name);
    return count;
}
