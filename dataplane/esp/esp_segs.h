/* esp_segs: ESP in tunnel mode of packets in several mbufs, in place, where the SA's engine takes them in pieces (eng_session_info.pieces).
 *
 * Headers go into the first mbuf's headroom, and come out of it; trailer and ICV go behind the last octet, into an mbuf of their own where there is no room. Numbers, limits,
 * window, selectors and counters are those of esp_in_burst and esp_out_burst: one packet at a time, as chains are rare.
 *
 * Chains are sound, at most DP_CHAIN_MAX segments of them (dp_chain.h), and show their IP header and DP_CHAIN_SHOWN octets behind it in the first mbuf (there, too).
 * Threads as esp.h says. */
#ifndef DATAPLANE_ESP_ESP_SEGS_H
#define DATAPLANE_ESP_ESP_SEGS_H

#include "dataplane/esp/esp.h"

/* May m, a chain with its data at the outer header, be decapsulated as it is; and one with its data at the inner header encapsulated? False: it is to be
 * joined. Whoever asks is the one who works on it. */
bool esp_in_takes_segs(const struct esp_in_sa *sa, const struct rte_mbuf *m);
bool esp_out_takes_segs(const struct esp_out_sa *sa, const struct rte_mbuf *m);
/* One packet of esp_in_burst, and of esp_out_burst, as that. False: it is bad, and meta->drop says why. *m may come back as another mbuf: one whose inner packet does not
 * show what is asked of it has been joined, in an mbuf of esp_tfc_pool. */
CV_MUST_USE bool esp_in_segs(struct esp_worker *w, struct esp_in_sa *sa, struct rte_mbuf **m);
CV_MUST_USE bool esp_out_segs(struct esp_worker *w, struct esp_out_sa *sa, struct rte_mbuf *m);

/* ---- internal to esp ------------------------------------------------------------------------------------------- */
struct esp_sort;
struct esp_out_part;
struct esp_scratch;
struct esp_template;
struct eng_op;

/* Decrypts what op says of m. */
void esp_segs_decrypt(struct esp_worker *w, const struct esp_in_sa *sa, const struct rte_mbuf *m,
                      struct eng_op *op);
/* Decrypted and authentic. Gives the trailer's next header and the octets of payload in front of it; false: the padding is wrong. */
bool esp_segs_trailer(const struct esp_in_sa *sa, const struct rte_mbuf *m, const struct eng_op *op,
                      uint32_t *next, uint32_t *len);
/* Does the first mbuf show what is asked of the inner packet at `in`? */
bool esp_segs_shows(const struct rte_mbuf *m, const uint8_t *in);
/* A copy of m in one mbuf of the pool, which may be NULL; m is freed, and op is the copy's. NULL: there is none, and meta->drop says why. */
struct rte_mbuf *esp_segs_join(struct rte_mbuf *m, struct eng_op *op, struct rte_mempool *pool);
/* Encrypts what op says of m. */
void esp_segs_encrypt(struct esp_worker *w, const struct esp_out_sa *sa, struct rte_mbuf *m,
                      struct eng_op *op);
/* Builder of a part of one packet (esp_out_build_fn). */
void esp_segs_build(struct esp_out_part *part, const struct esp_template *t, struct esp_scratch *s,
                    struct rte_mbuf **pkts, struct esp_sort *sort);

#endif
