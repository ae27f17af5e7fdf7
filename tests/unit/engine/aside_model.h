/* aside_model: a crypto device with look-aside protocol as DPDK 22.11 documents it, and a strict one, before a real device that does the rest.
 *
 * It defines rte_cryptodev_get_sec_ctx and rte_cryptodev_info_get, which so come before the library's, and stands behind cdev_calls:
 * operations with a security session are its own, the others the real device's. cdev_model may stand in front of it. Numbers, IVs, padding,
 * headers, window, limits as rte_security.h says; cryptography by OpenSSL (model_crypt.h). What the documents do not allow is a misuse.
 *
 * And a checker of the wire: no (SPI, IV) twice, no (SPI, number) twice. One thread. */
#ifndef TESTS_UNIT_ENGINE_ASIDE_MODEL_H
#define TESTS_UNIT_ENGINE_ASIDE_MODEL_H

#include <rte_mbuf.h>
#include <rte_security.h>
#include <stdbool.h>

struct aside_model {
    const struct rte_security_capability *caps; /* NULL: no rte_security */
    bool no_flag;                               /* of RTE_CRYPTODEV_FF_SECURITY */
    unsigned table;                             /* sessions at most */
    bool keeps;                                 /* sessions are not given up */
    bool plain_errors;                          /* STATUS_ERROR where others say AUTH_FAILED (dpaa_sec) */
    bool broken;                                /* packets going out: every one an error */
    bool lies;                                  /* says that it is done, and did nothing */
    bool short_inner;                           /* gives inner packets that are none */
    bool flips, skips, no_padding,
        one_iv;       /* going out: a wrong ICV, numbers left out, zeroes as padding, one IV for all */
    bool accepts;     /* coming in: forged ones, too */
    unsigned dummies; /* 0: given back like others; 1: as forged ones; 2: with a status of their own */

    unsigned misuse;
    char why[160];
    unsigned sessions, encrypted, decrypted, refused, replayed, softs;
    uint64_t highest; /* number that it gave */
    unsigned seen, iv_twice, number_twice;
};
extern struct aside_model aside;

/* As new, with these capabilities. Before the device is opened. */
void aside_reset(const struct rte_security_capability *caps);
void aside_install(void); /* into cdev_calls, once the device is open; before cdev_model_install */
void aside_remove(void);

/* An ESP packet in IPv4 or IPv6 as it leaves, its data at the outer header. iv_len: octets of its IV. Its number. */
uint32_t aside_wire(const struct rte_mbuf *m, unsigned iv_len);

#endif
