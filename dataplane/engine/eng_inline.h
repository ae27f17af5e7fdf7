/* eng_inline: the engine on NICs that encrypt what they send and decrypt what they receive (rte_security on ethdev).
 *
 * "Inline crypto": culvert builds the whole ESP packet, numbers, IV, padding, with room for the ICV; the NIC encrypts it as it leaves,
 * and has decrypted what arrives; replay windows, selectors and limits stay culvert's. So number and IV of a packet are settled before it
 * is settled who encrypts it, and each packet is encrypted once, by the NIC or here: no IV serves twice, whoever does it.
 *
 * A packet going out is in clear from eng_ops.submit until it is on its port's queue. It carries RTE_MBUF_F_TX_SEC_OFFLOAD and a mark;
 * whoever takes it from eng_ops.poll either gives it to that port (eng_inline_ready) or has it encrypted here (eng_inline_soft), and lets
 * it go nowhere else.
 *
 * Every session has one of eng_auto beside it; an SA that no NIC takes (capability, full table, refused rule, port) has that alone, and
 * costs nothing more than with eng_auto. A NIC that loses its sessions (reset, removal) is not asked again; then software does all.
 * A packet on an offloaded SA that arrives without RTE_MBUF_F_RX_SEC_OFFLOAD (fragments, another port, another encapsulation) is
 * decrypted here, against the same window.
 *
 * A driver without metadata finds the session of a packet going out by a rule, and that names the peer's address. When the peer moves, such
 * an SA is software's from before the first packet with the new address on, until it is rekeyed; what is under way with the old one still
 * has its rule.
 *
 * Sessions of NICs outlive their SA until the ports' queues have run dry (INLINE_DRAIN_TICKS), since packets in them name them.
 *
 * Threads: as eng.h has it; ports and events are the manager's. */
#ifndef DATAPLANE_ENGINE_ENG_INLINE_H
#define DATAPLANE_ENGINE_ENG_INLINE_H

#include "dataplane/engine/eng.h"

#include <rte_mbuf.h>

enum {
    INLINE_DRAIN_TICKS = 10, /* of eng_ops.report with the link up: a second */
    INLINE_AVOID_TICKS =
        36000, /* an hour: so long the SAs of an interface are software's after one was unfit for inline protocol */
    INLINE_STRAYS_MAX = 256, /* packets in a row that came past the NIC, none by it: then an SA is unfit */
    INLINE_SESSIONS = 4096,  /* on one port; what fewer a NIC has, it says when one is made */
};

extern const struct eng_ops eng_inline;

/* The port that packets of an SA leave and arrive by; false: none that is known. */
typedef bool eng_inline_port_fn(void *ctx, const struct cv_sa *sa, uint16_t *port);
void eng_inline_router(eng_inline_port_fn *fn, void *ctx);
/* After the port was started, before there are SAs. CV_EUNSUP: no rte_security, or nothing inline in it. */
CV_MUST_USE cv_result eng_inline_port_add(uint16_t port, const char *name);
/* No SAs, no workers left: stops the ports, then frees what is on them. */
void eng_inline_ports_remove(void);

/* What NICs said of SAs since the last call: SOFT, HARD, SEQ. False: not taken, it comes again with the next call. Manager. */
typedef bool eng_inline_told_fn(void *ctx, const struct cv_sa_event *what, enum cv_evt_type type);
void eng_inline_told(eng_inline_told_fn *fn, void *ctx);

/* ---- packets in clear ---------------------------------------------------------------------------------------------------- */
static inline bool eng_inline_is_clear(const struct rte_mbuf *m)
{
    return (m->ol_flags & RTE_MBUF_F_TX_SEC_OFFLOAD) != 0;
}
/* The port that is to encrypt it. */
uint16_t eng_inline_port(const struct rte_mbuf *m);
/* Before it goes on that port's queue: m's data at the Ethernet header, lengths of the headers up to ESP. False: not this way. */
CV_MUST_USE bool eng_inline_ready(struct eng_worker *w, struct rte_mbuf *m, uint16_t l2_len, uint16_t l3_len,
                                  uint16_t l4_len);
/* Of inline protocol: m is the inner packet, and this its way; false: it is an ESP packet. */
struct eng_inline_way {
    struct ip_addr remote;
    uint16_t vrf, around; /* octets that the NIC will put around it */
};
bool eng_inline_whole(const struct rte_mbuf *m, struct eng_inline_way *way);
/* The SPI of the SA that a received packet of inline protocol came by; 0: of none that is there. */
uint32_t eng_inline_came_for(struct rte_mbuf *m);
bool eng_inline_port_is_whole(uint16_t port); /* received packets flagged by a NIC are inner ones */
bool eng_inline_is_whole(const struct eng_session *s);
/* Of inline protocol. A packet came for it past the NIC (in fragments, by another port, or from anybody who knows the SPI): dropped, as
 * nobody can tell whether it is authentic. Many of them and nothing by the NIC: the SA is to be replaced by one of software's. Its owner. */
void eng_inline_stray(const struct eng_session *s);
/* One came by the NIC. Its owner. */
void eng_inline_came(struct eng_worker *w, const struct eng_session *s, bool authentic);
/* What eng_inline_ready was said of, and the port's queue did not take. */
void eng_inline_refused(struct eng_worker *w, const struct rte_mbuf *m);
/* Encrypts it here; never with inline protocol; esp_at: octets from m's data to the ESP header. It is an ordinary packet then. False: it must not leave. */
CV_MUST_USE bool eng_inline_soft(struct eng_worker *w, struct rte_mbuf *m, uint16_t esp_at);

#endif
