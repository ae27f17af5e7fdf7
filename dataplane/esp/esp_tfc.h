/* esp_tfc: traffic flow confidentiality: padding behind the inner packet (RFC 4303 2.7) and dummy packets (2.6).
 *
 * An SA that does either has a builder of its own in front of its usual one, chosen when it is created: the others pay
 * nothing. Padding is for tunnel mode alone, where the inner header says how long the packet is; dummies for both. */
#ifndef DATAPLANE_ESP_ESP_TFC_H
#define DATAPLANE_ESP_ESP_TFC_H

#include "dataplane/esp/esp.h"

enum { ESP_DUMMY_MIN = 40 /* octets of a dummy's payload at least */ };

/* Manager only: the largest inner packet that fits now, 0 unknown. An SA pads to no more; one that pads up to the MTU
 * (CV_TFC_MTU) does not pad before it is known. */
void esp_tfc_mtu(struct esp_out_sa *sa, uint16_t inner_mtu);
/* Octets to which it pads now; 0: it does not. */
uint16_t esp_tfc_len(const struct esp_out_sa *sa);
/* Where the worker takes mbufs from for packets that have no room for their padding: esp_out_burst then gives back another mbuf than it was handed. None of
 * them leaves without its padding: it is dropped as NO_MBUF, or as NO_ROOM where the pool's mbufs do not hold it, or there is no pool. */
void esp_tfc_pool(struct esp_worker *w, struct rte_mempool *pool);
/* Internal to esp: a copy of m, in one or several mbufs, in one of that pool, which may be NULL, with room for `room` octets from the packet's first on; m is freed.
 * NULL: there is none, and meta->drop says why. */
struct rte_mbuf *esp_tfc_long(struct rte_mbuf *m, uint32_t room, struct rte_mempool *pool);

/* Manager: makes of an empty mbuf what esp_dummy_out wants, `len` octets of payload. False: no room. */
CV_MUST_USE bool esp_dummy_fill(struct rte_mbuf *m, uint16_t len);
/* Turns the mbuf into a dummy packet with the SA's next number: ESP of next header 59 behind an outer header of the
 * SA's ends, in transport mode as well. It counts against the packet lifetime, but not as a packet of the SA: an idle SA
 * stays idle. The SA must have been made with dummy_ms. True: it is to be sent, with meta as esp_out_burst leaves it;
 * false: meta->drop says why not, unless w->taken says that an asynchronous engine has it: esp_poll gives it back, and there it
 * counts as any packet. */
CV_MUST_USE bool esp_dummy_out(struct esp_worker *w, struct rte_mbuf *m, struct esp_out_sa *sa);

#endif
