/* pki_disk: what a restart finds again, in which order, and which files are not believed. */
#include "control/crypto/cr_key.h"
#include "control/pki/pki_cert_priv.h"
#include "control/pki/pki_disk.h"
#include "control/pki/pki_file.h"
#include "control/pki/pki_priv.h"
#include "control/pki/pki_sim.h"
#include "tests/unit/unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NOW = 1800000000, DAY = 86400 };

static char logged[8192];

static void on_log(void *ctx, enum log_level level, const char *line)
{
    (void)ctx;
    (void)level;
    snprintf(logged + strlen(logged), sizeof logged - strlen(logged), "%s\n", line);
}

static int64_t wall_s(void *ctx)
{
    (void)ctx;
    return NOW;
}

/* A state directory of its own per test. */
static int state;
static char state_path[64];

static void begin(void)
{
    snprintf(state_path, sizeof state_path, "/tmp/culvert-disk-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(state_path));
    state = open(state_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CU_ASSERT_FATAL(state >= 0);
    logged[0] = '\0';
    log_setup("test", LOG_LEVEL_DEBUG, on_log, NULL);
}

static void remove_all(int dir)
{
    DIR *list = fdopendir(dir);
    const struct dirent *e;
    while (list && (e = readdir(list)) != NULL) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        int sub = openat(dir, e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (sub >= 0)
            remove_all(sub);
        unlinkat(dir, e->d_name, sub >= 0 ? AT_REMOVEDIR : 0);
    }
    closedir(list);
}

static void end(void)
{
    remove_all(state);
    rmdir(state_path);
}

static struct pki *new_store(const char *const *names)
{
    static struct pki_conf confs[8];
    unsigned n = 0;
    memset(confs, 0, sizeof confs);
    for (; names[n]; n++)
        snprintf(confs[n].name, sizeof confs[n].name, "%s", names[n]);
    struct pki *p = pki_new(&(struct pki_env){.wall_s = wall_s});
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    CU_ASSERT_EQUAL_FATAL(pki_configure(p, confs, n), CV_OK);
    return p;
}
#define STORE(...) new_store((const char *const[]){__VA_ARGS__, NULL})

/* A certificate that is not marked as simulated: a CA, signed by itself, that does for everything here. */
static struct pki_cert *cert(const char *cn, enum cr_key_kind kind, struct cr_key **key)
{
    struct cr_key *k = NULL;
    struct pki_cert *c = NULL;
    uint8_t *der = NULL;
    CU_ASSERT_EQUAL_FATAL(cr_key_generate(kind, 2048, &k), CV_OK);
    X509 *x = X509_new();
    BASIC_CONSTRAINTS *b = BASIC_CONSTRAINTS_new();
    b->ca = 0xff;
    X509_set_version(x, X509_VERSION_3);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *)cn, -1,
                               -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    ASN1_INTEGER_set(X509_get_serialNumber(x), 7);
    ASN1_TIME_adj(X509_getm_notBefore(x), NOW - DAY, 0, 0);
    ASN1_TIME_adj(X509_getm_notAfter(x), NOW + DAY, 0, 0);
    X509_set_pubkey(x, cr_key_evp(k));
    X509_add1_ext_i2d(x, NID_basic_constraints, b, 1, 0);
    CU_ASSERT_FATAL(X509_sign(x, cr_key_evp(k), kind == CR_KEY_ED25519 ? NULL : EVP_sha256()) > 0);
    int n = i2d_X509(x, &der);
    CU_ASSERT_EQUAL_FATAL(pki_cert_parse((struct slice){der, (size_t)n}, &c, NULL), CV_OK);
    OPENSSL_free(der);
    BASIC_CONSTRAINTS_free(b);
    X509_free(x);
    if (key)
        *key = k;
    else
        cr_key_free(k);
    return c;
}

static void enrol(struct pki *p, const char *name, enum cr_key_kind kind)
{
    struct cr_key *k = NULL;
    struct pki_cert *own = cert(name, kind, &k), *above = cert("above", CR_KEY_P256, NULL);
    CU_ASSERT_EQUAL_FATAL(pki_install_own(p, name, own, k, &above, 1, 0), CV_OK);
    CU_ASSERT_EQUAL_FATAL(pki_disk_save(p, state, name), CV_OK);
    cr_key_free(k);
    pki_cert_free(own);
    pki_cert_free(above);
}

static void authenticate(struct pki *p, const char *name)
{
    struct pki_cert *ca = cert("CA", CR_KEY_P256, NULL);
    CU_ASSERT_EQUAL_FATAL(pki_install_ca(p, name, ca, 0), CV_OK);
    CU_ASSERT_EQUAL_FATAL(pki_disk_save(p, state, name), CV_OK);
    pki_cert_free(ca);
}

static void order(const struct pki *p, const char *want)
{
    const struct pki_trustpoint *list[PKI_TRUSTPOINTS_MAX];
    char text[512] = "";
    unsigned n = pki_list(p, list);
    for (unsigned i = 0; i < n; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s%s", i ? " " : "", list[i]->name,
                 list[i]->own ? "" : "-");
    CU_ASSERT_STRING_EQUAL(text, want);
}

static void same_everywhere(const struct pki *a, const struct pki *b, const char *name)
{
    const struct pki_trustpoint *x = pki_find(a, name), *y = pki_find(b, name);
    CU_ASSERT_FATAL(x && y && x->own && y->own && x->key && y->key);
    CU_ASSERT(pki_cert_equal(x->own, y->own) && cr_key_same(x->key, y->key) && cr_key_is_private(y->key));
    CU_ASSERT(x->own_seq == y->own_seq && x->ca_seq == y->ca_seq && x->chain_count == y->chain_count);
    CU_ASSERT(!x->ca == !y->ca && (!x->ca || pki_cert_equal(x->ca, y->ca)));
    for (unsigned i = 0; i < x->chain_count && i < y->chain_count; i++)
        CU_ASSERT(pki_cert_equal(x->chain[i], y->chain[i]));
}

static void CT_8_G15_the_order_survives_a_restart(void)
{
    static const enum cr_key_kind kinds[] = {CR_KEY_RSA, CR_KEY_ED25519, CR_KEY_P521};
    begin();
    struct pki *p = STORE("A", "B", "C d/e");
    authenticate(p, "A");
    enrol(p, "B", kinds[0]);
    enrol(p, "C d/e", kinds[1]);
    enrol(p, "A", kinds[2]);
    order(p, "A C d/e B");
    struct pki *again = STORE("C d/e", "B", "A");
    CU_ASSERT_EQUAL(pki_disk_load(again, state), CV_OK);
    order(again, "A C d/e B");
    same_everywhere(p, again, "A");
    same_everywhere(p, again, "B");
    same_everywhere(p, again, "C d/e");
    CU_ASSERT_EQUAL(pki_last_seq(again), pki_last_seq(p));
    enrol(again, "B", CR_KEY_P256); /* goes on where the other one stopped */
    order(again, "B A C d/e");
    struct pki *third = STORE("A", "B", "C d/e");
    CU_ASSERT_EQUAL(pki_disk_load(third, state), CV_OK);
    order(third, "B A C d/e");
    CU_ASSERT_STRING_EQUAL(logged, "");
    pki_free(p);
    pki_free(again);
    pki_free(third);
    end();
}

static void G15_numbers_of_trustpoints_that_are_not_configured_count(void)
{
    begin();
    struct pki *p = STORE("A", "B");
    enrol(p, "A", CR_KEY_P256);
    enrol(p, "B", CR_KEY_P256);
    uint64_t last = pki_last_seq(p);
    pki_free(p);
    p = STORE("A");
    CU_ASSERT_EQUAL(pki_disk_load(p, state), CV_OK);
    CU_ASSERT_EQUAL(pki_last_seq(p), last);
    enrol(p, "A", CR_KEY_P256);
    pki_free(p);
    p = STORE("B", "A");
    CU_ASSERT_EQUAL(pki_disk_load(p, state), CV_OK);
    order(p, "A B");
    /* the file of the last number is lost: the trust-points still say it */
    CU_ASSERT_EQUAL(unlinkat(state, "pki/seq", 0), 0);
    pki_free(p);
    p = STORE("A");
    CU_ASSERT_EQUAL(pki_disk_load(p, state), CV_OK);
    CU_ASSERT_EQUAL(pki_last_seq(p), last + 1);
    pki_free(p);
    end();
}

static mode_t mode_of(const char *path)
{
    struct stat st;
    CU_ASSERT_EQUAL_FATAL(fstatat(state, path, &st, AT_SYMLINK_NOFOLLOW), 0);
    return st.st_mode & 07777;
}

static void files_are_ours_alone(void)
{
    begin();
    umask(0);
    struct pki *p = STORE("A");
    authenticate(p, "A");
    enrol(p, "A", CR_KEY_P256);
    struct cr_key *k = NULL;
    CU_ASSERT_EQUAL_FATAL(cr_key_generate(CR_KEY_P256, 0, &k), CV_OK);
    CU_ASSERT_EQUAL(pki_disk_key_save(state, "L", k, false), CV_OK);
    static const char *const files[] = {
        "pki/seq",       "pki/tp/A/seq", "pki/tp/A/ca-1.pem", "pki/tp/A/own-2.pem", "pki/tp/A/key-2.pem",
        "pki/keys/L.pem"};
    static const char *const dirs[] = {"pki", "pki/tp", "pki/tp/A", "pki/keys"};
    for (unsigned i = 0; i < sizeof files / sizeof *files; i++)
        CU_ASSERT_EQUAL(mode_of(files[i]), 0600);
    for (unsigned i = 0; i < sizeof dirs / sizeof *dirs; i++)
        CU_ASSERT_EQUAL(mode_of(dirs[i]), 0700);
    umask(077);
    cr_key_free(k);
    pki_free(p);
    end();
}

/* One trust-point with everything is stored; `spoil` does something to a file; what is loaded is `want` and the log names the file. */
static void after(const char *file, void (*spoil)(const char *path), const char *want, bool want_ca,
                  const char *in_log)
{
    begin();
    struct pki *p = STORE("A", "B");
    enrol(p, "B", CR_KEY_P256);
    authenticate(p, "A");
    enrol(p, "A", CR_KEY_P256);
    pki_free(p);
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/pki/tp/A/%s", state_path, file);
    CU_ASSERT_EQUAL_FATAL(access(path, F_OK), 0);
    spoil(path);
    p = STORE("A", "B");
    CU_ASSERT_EQUAL(pki_disk_load(p, state), CV_OK);
    order(p, want);
    CU_ASSERT_EQUAL(pki_find(p, "A")->ca != NULL, want_ca);
    CU_ASSERT(strstr(logged, "trust-point A") && strstr(logged, in_log));
    if (!strstr(logged, in_log))
        fprintf(stderr, "log: %s", logged);
    CU_ASSERT_PTR_NULL(strstr(logged, "PRIVATE"));
    pki_free(p);
    end();
}

static void open_to_all(const char *path)
{
    CU_ASSERT_EQUAL(chmod(path, 0644), 0);
}

static void open_to_group(const char *path)
{
    CU_ASSERT_EQUAL(chmod(path, 0620), 0);
}

static void cut_short(const char *path)
{
    struct stat st;
    CU_ASSERT_EQUAL(stat(path, &st), 0);
    CU_ASSERT_EQUAL(truncate(path, st.st_size / 2), 0);
}

static void emptied(const char *path)
{
    CU_ASSERT_EQUAL(truncate(path, 0), 0);
}

static void gone(const char *path)
{
    CU_ASSERT_EQUAL(unlink(path), 0);
}

static void a_link(const char *path)
{
    char moved[PATH_MAX];
    snprintf(moved, sizeof moved, "%s.moved", path);
    CU_ASSERT_EQUAL(rename(path, moved), 0);
    CU_ASSERT_EQUAL(symlink(moved, path), 0);
}

static void a_pipe(const char *path)
{
    CU_ASSERT_EQUAL(unlink(path), 0);
    CU_ASSERT_EQUAL(mkfifo(path, 0600), 0);
}

static void anothers(const char *path)
{
    if (geteuid() == 0) {
        CU_ASSERT_EQUAL(chown(path, 12345, 12345), 0);
    } else {
        open_to_all(path);
    }
}

static void keys_with_open_permissions_are_not_used(void)
{
    after("key-3.pem", open_to_all, "B A-", true, "key-3.pem is left out: others may read");
    after("key-3.pem", open_to_group, "B A-", true, "key-3.pem is left out: others may read");
    after("key-3.pem", anothers, "B A-", true, "key-3.pem is left out: others may read");
    after("key-3.pem", a_link, "B A-", true, "key-3.pem is left out");
    after("key-3.pem", a_pipe, "B A-", true, "key-3.pem is left out");
    after("own-3.pem", open_to_group, "B A-", true, "own-3.pem is left out");
    after("ca-2.pem", open_to_all, "A B", false, "ca-2.pem is left out");
    after("seq", open_to_all, "B A-", false, "seq is left out");
}

static void damaged_files_are_left_out_and_the_others_taken(void)
{
    after("key-3.pem", cut_short, "B A-", true, "key-3.pem is left out: it is damaged");
    after("key-3.pem", emptied, "B A-", true, "key-3.pem is left out");
    after("key-3.pem", gone, "B A-", true, "key-3.pem is left out: it is not there");
    after("own-3.pem", cut_short, "B A-", true, "own-3.pem is left out: it is damaged");
    after("own-3.pem", emptied, "B A-", true, "own-3.pem is left out");
    after("ca-2.pem", cut_short, "A B", false, "ca-2.pem is left out: it is damaged");
    after("seq", cut_short, "B A-", false, "seq is left out");
    after("seq", emptied, "B A-", false, "seq is left out");
}

/* What a crash between any two steps leaves: the old pair or the new one, never half of each. */
static void a_crash_leaves_the_old_or_the_new(void)
{
    begin();
    struct pki *p = STORE("A");
    enrol(p, "A", CR_KEY_P256);
    struct pki *old = STORE("A");
    CU_ASSERT_EQUAL(pki_disk_load(old, state), CV_OK);
    /* the new files are there, seq is still the old one, and a file half written lies about */
    static const char *const names[] = {"own-2.pem", "key-2.pem", "seq.new", "own-3.pem.new"};
    for (unsigned i = 0; i < 4; i++) {
        char path[PATH_MAX];
        snprintf(path, sizeof path, "%s/pki/tp/A/%s", state_path, names[i]);
        int fd = open(path, O_WRONLY | O_CREAT, 0644);
        CU_ASSERT(fd >= 0 && write(fd, "half", 4) == 4);
        close(fd);
    }
    struct pki *now = STORE("A");
    CU_ASSERT_EQUAL(pki_disk_load(now, state), CV_OK);
    same_everywhere(old, now, "A");
    enrol(now, "A", CR_KEY_P384); /* the leftovers are no hindrance, and are swept away */
    struct pki *next = STORE("A");
    CU_ASSERT_EQUAL(pki_disk_load(next, state), CV_OK);
    same_everywhere(now, next, "A");
    int dir = openat(state, "pki/tp/A", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = fdopendir(dir);
    unsigned files = 0;
    for (const struct dirent *e; (e = readdir(list)) != NULL;)
        files += e->d_name[0] != '.';
    closedir(list);
    CU_ASSERT_EQUAL(files, 3);
    CU_ASSERT_STRING_EQUAL(logged, "");
    pki_free(p);
    pki_free(old);
    pki_free(now);
    pki_free(next);
    end();
}

static void simulated_certificates_are_not_stored(void)
{
    begin();
    struct pki *p = STORE("A");
    struct pki_sim_ca ca;
    CU_ASSERT_EQUAL_FATAL(pki_sim_ca("seed", "cn=CA", NOW - DAY, &ca), CV_OK);
    CU_ASSERT_EQUAL(pki_install_ca(p, "A", ca.cert, 0), CV_OK);
    CU_ASSERT_EQUAL(pki_disk_save(p, state, "A"), CV_EINVAL);
    CU_ASSERT_EQUAL(faccessat(state, "pki", F_OK, 0), -1);
    struct pki *real = STORE("A");
    enrol(real, "A", CR_KEY_P256);
    pki_free(real);
    /* nor loaded, whoever put them there */
    BIO *bio = BIO_new(BIO_s_mem());
    char *text;
    X509 *x = NULL;
    const unsigned char *der = pki_cert_der(ca.cert).p;
    x = d2i_X509(NULL, &der, (long)pki_cert_der(ca.cert).n);
    PEM_write_bio_X509(bio, x);
    long n = BIO_get_mem_data(bio, &text);
    int dir = openat(state, "pki/tp/A", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CU_ASSERT_EQUAL(pki_file_write(dir, "ca-9.pem", (struct slice){(uint8_t *)text, (size_t)n}), CV_OK);
    CU_ASSERT_EQUAL(pki_file_write(dir, "seq", (struct slice){(const uint8_t *)"ca 9\nown 0\n", 11}), CV_OK);
    struct pki *again = STORE("A");
    CU_ASSERT_EQUAL(pki_disk_load(again, state), CV_OK);
    CU_ASSERT_PTR_NULL(pki_find(again, "A")->ca);
    close(dir);
    X509_free(x);
    BIO_free(bio);
    pki_sim_ca_free(&ca);
    pki_free(p);
    pki_free(again);
    end();
}

static void removal_and_absence(void)
{
    begin();
    struct pki *p = STORE("A");
    CU_ASSERT_EQUAL(pki_disk_load(p, state), CV_OK); /* nothing there at all */
    CU_ASSERT_EQUAL(pki_disk_remove(state, "A"), CV_OK);
    CU_ASSERT_EQUAL(pki_disk_save(p, state, "B"), CV_ENOENT);
    enrol(p, "A", CR_KEY_P256);
    CU_ASSERT_EQUAL(pki_disk_remove(state, "A"), CV_OK);
    CU_ASSERT_EQUAL(faccessat(state, "pki/tp/A", F_OK, 0), -1);
    struct pki *again = STORE("A");
    CU_ASSERT_EQUAL(pki_disk_load(again, state), CV_OK);
    CU_ASSERT(!pki_find(again, "A")->own && pki_last_seq(again) == 1);
    pki_free(p);
    pki_free(again);
    end();
}

static void key_pairs_by_label(void)
{
    begin();
    char names[3][PKI_NAME_MAX];
    struct cr_key *k = NULL, *back = NULL;
    bool exportable = false;
    CU_ASSERT_EQUAL(pki_disk_keys(state, names, 3), 0);
    CU_ASSERT_EQUAL(pki_disk_key_load(state, "R1.cisco.com", &back, &exportable), CV_ENOENT);
    CU_ASSERT_EQUAL(pki_disk_key_remove(state, "R1.cisco.com"), CV_ENOENT);
    CU_ASSERT_EQUAL_FATAL(cr_key_generate(CR_KEY_RSA, 2048, &k), CV_OK);
    CU_ASSERT_EQUAL(pki_disk_key_save(state, "R1.cisco.com", k, true), CV_OK);
    CU_ASSERT_EQUAL(pki_disk_key_save(state, "../../etc/passwd", k, false), CV_OK);
    CU_ASSERT_EQUAL(pki_disk_key_save(state, "a%b c", k, false), CV_OK);
    CU_ASSERT_EQUAL(pki_disk_key_save(state, "", k, false), CV_EINVAL);
    CU_ASSERT_EQUAL(pki_disk_keys(state, names, 3), 3);
    CU_ASSERT_STRING_EQUAL(names[0], "../../etc/passwd");
    CU_ASSERT_STRING_EQUAL(names[1], "R1.cisco.com");
    CU_ASSERT_STRING_EQUAL(names[2], "a%b c");
    CU_ASSERT_EQUAL(pki_disk_keys(state, names, 1), 3);
    CU_ASSERT_EQUAL_FATAL(pki_disk_key_load(state, "R1.cisco.com", &back, &exportable), CV_OK);
    CU_ASSERT(exportable && cr_key_same(k, back) && cr_key_is_private(back));
    cr_key_free(back);
    CU_ASSERT_EQUAL_FATAL(pki_disk_key_load(state, "a%b c", &back, &exportable), CV_OK);
    CU_ASSERT_FALSE(exportable);
    cr_key_free(back);
    CU_ASSERT_EQUAL(fchmodat(state, "pki/keys/R1%2Ecisco%2Ecom.pem", 0640, 0), 0);
    CU_ASSERT_EQUAL(pki_disk_key_load(state, "R1.cisco.com", &back, NULL), CV_EINVAL);
    CU_ASSERT_PTR_NOT_NULL(strstr(logged, "key pair R1.cisco.com is left out"));
    CU_ASSERT_EQUAL(pki_disk_key_remove(state, "R1.cisco.com"), CV_OK);
    CU_ASSERT_EQUAL(pki_disk_keys(state, names, 3), 2);
    cr_key_free(k);
    end();
}

static void a_state_directory_that_cannot_be_written(void)
{
    begin();
    struct pki *p = STORE("A");
    struct pki_cert *ca = cert("CA", CR_KEY_P256, NULL);
    CU_ASSERT_EQUAL_FATAL(pki_install_ca(p, "A", ca, 0), CV_OK);
    int fd =
        openat(state, "pki", O_WRONLY | O_CREAT | O_CLOEXEC, 0600); /* a file where the directory should be */
    CU_ASSERT(fd >= 0);
    close(fd);
    CU_ASSERT_EQUAL(pki_disk_save(p, state, "A"), CV_EIO);
    CU_ASSERT_EQUAL(pki_disk_load(p, state), CV_EIO);
    pki_cert_free(ca);
    pki_free(p);
    end();
}

UNIT_MAIN("pki_disk", UNIT_TEST(CT_8_G15_the_order_survives_a_restart),
          UNIT_TEST(G15_numbers_of_trustpoints_that_are_not_configured_count),
          UNIT_TEST(files_are_ours_alone), UNIT_TEST(keys_with_open_permissions_are_not_used),
          UNIT_TEST(damaged_files_are_left_out_and_the_others_taken),
          UNIT_TEST(a_crash_leaves_the_old_or_the_new), UNIT_TEST(simulated_certificates_are_not_stored),
          UNIT_TEST(removal_and_absence), UNIT_TEST(key_pairs_by_label),
          UNIT_TEST(a_state_directory_that_cannot_be_written))
