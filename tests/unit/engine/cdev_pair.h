/* cdev_pair: what the tests of the cryptodev engine share: transforms, sessions beside ipsec-mb's, packets.
 *
 * The program's main fills the four variables. */
#ifndef TESTS_UNIT_ENGINE_CDEV_PAIR_H
#define TESTS_UNIT_ENGINE_CDEV_PAIR_H

#include "dataplane/engine/eng_cryptodev.h"

#include <rte_mbuf.h>

enum { ROOM = 2048, FRONT = 64, HDR = 8, JOBS = 512 };

extern const char *device;                     /* behind `crypto-engine cryptodev` */
extern struct eng_worker *w, *mb;              /* the engine's, ipsec-mb's */
extern _Thread_local struct rte_mempool *pool; /* packet_new's */
#define E (&eng_cryptodev)

struct transform {
    uint16_t encr, integ;
    uint8_t key, integ_key;
};
enum { AEADS = 7, TRANSFORMS = AEADS + 5 * 5 };
extern const struct transform aeads[AEADS];
struct transform transform(unsigned i); /* i < TRANSFORMS: the AEADS, then every cipher with every MAC */

struct cv_sa sa_of(struct transform t, bool esn, enum cv_dir dir,
                   unsigned seed); /* keys made from the seed */

/* A session of each direction on the engine, and ipsec-mb's of the other direction to hold it to. */
struct pair {
    struct eng_session *enc, *dec, *mb_enc, *mb_dec;
    struct eng_session_info enc_info, dec_info, mb_enc_info, mb_dec_info;
};
void pair_new(struct pair *p, struct transform t, bool esn, unsigned seed);
void pair_free(struct pair *p);
struct cv_sa_engine where(const struct eng_session *s);

/* In an mbuf as ESP has it: something in front of the ESP header, everything made from the seed. */
struct rte_mbuf *packet_new(const struct eng_session_info *info, uint32_t data_len, unsigned seed,
                            struct eng_op *op);
uint8_t *text_of(const struct eng_session_info *info, const struct eng_op *op);

/* Is it worked on by queue pairs, and does it do anything? */
bool look_aside(void);
/* Closes the device and opens it again for `workers` workers; w is a new one. */
void reopen_for(unsigned workers);

#endif
