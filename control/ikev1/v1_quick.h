/* v1_quick: what the files of Quick Mode share: v1_quick.c (initiator, installation), v1_quick_respond.c, v1_xchg.c. */
#ifndef CONTROL_IKEV1_V1_QUICK_H
#define CONTROL_IKEV1_V1_QUICK_H

#include "control/ikev1/v1.h"

enum {
    V1_ESP_SPI_LEN = 4,
    V1_ESP_SPI_MIN = 256, /* RFC 4303 2.1: 0..255 are reserved */
    V1_LINGER_MS = 5000,  /* inbound of a child that is gone: packets in flight */
    V1_CONNECT_MS =
        3000, /* a new child sends so long after QM3 at the latest, if an older one does meanwhile */
    V1_OVERLAP_MS = 5000, /* a replaced child is deleted so long after its successor is up */
    V1_NONCE_OWN = 32
};

void v1_spi_put(uint8_t out[V1_ESP_SPI_LEN], uint32_t spi);
uint32_t v1_spi_get(struct slice s); /* 0 when it has not four octets */

/* ---- v1_quick.c ------------------------------------------------------------------------------------------------ */
/* Octets of HASH are those of the negotiated hash, and equal; in constant time. */
CV_MUST_USE bool v1_quick_proved(const struct ike_sa *sa, struct slice hash, const uint8_t *want);
/* What NAT detection asks for; and how the SA writes the one or the other. */
enum sel1_encap v1_quick_encap(const struct ike_sa *sa);
enum sel1_encap v1_quick_encap_as(const struct ike_sa *sa, bool udp);
/* Bit i: the profile's transform set i may be in transport mode between these selectors. */
unsigned v1_quick_transport(const struct ike *e, const struct ike_sa *sa, const struct cfg_ipsec_profile *p,
                            const struct ts *local, const struct ts *remote);
/* The IPsec profile of a tunnel or flow, and its selectors. CV_ENOENT. */
CV_MUST_USE cv_result v1_quick_policy(const struct ike *e, const char *interface,
                                      const struct cfg_ipsec_profile **p, struct ts *local,
                                      struct ts *remote);
/* A fresh key of the group; the peer's value then gives x->shared. CV_EINVAL for a value that is not allowed. */
CV_MUST_USE cv_result v1_quick_dh(struct ike *e, struct v1_xchg *x, uint16_t group);
/* PLD1_PROTO_ESP or _AH, once it is chosen. */
uint8_t v1_quick_proto(const struct v1_xchg *x);
CV_MUST_USE cv_result v1_quick_shared(struct v1_xchg *x, struct slice peer);
/* Keys of x's nonces, SPIs and shared secret; both directions into the data plane. x->spi_in is the child's afterwards. */
CV_MUST_USE cv_result v1_quick_install(struct ike *e, struct ike_sa *sa, struct v1_xchg *x,
                                       const struct cfg_ipsec_profile *p, bool activate,
                                       struct sam_child **child);
/* The newest child for x's tunnel, selectors and peer, which what is being negotiated is to replace; NULL: there is none. */
const struct sam_child *v1_quick_predecessor(const struct ike *e, const struct ike_sa *sa,
                                             const struct v1_xchg *x);
/* The child is in use: older ones of the same selectors are replaced by it; log, counters, session. */
void v1_quick_up(struct ike *e, struct ike_sa *sa, const struct v1_xchg *x, struct sam_child *c);
/* QM1's and QM2's NAT-OA in transport mode (RFC 3947 5.2): the addresses of both as this end has them, initiator's first. */
void v1_quick_put_nat_oa(const struct ike_sa *sa, const struct v1_xchg *x, struct pld_builder *b);
/* Transport mode through a NAT: the identities of an end behind it name an address that means nothing on the other side (RFC 3947 5.2, RFC 3948 5.1). Those
 * of one address become the address that the end has on this side. */
void v1_quick_seen(const struct ike_sa *sa, struct ts *local, struct ts *remote);
/* Ends an exchange that we began, with the reason for its session; the IKE SA stays. A rekey is tried again after a while. */
void v1_quick_fail(struct ike *e, struct ike_sa *sa, struct v1_xchg *x, enum ike_reason why, const char *fmt,
                   ...) CV_PRINTF(5, 6);
/* QM3, or the first packet: the peer has the child. */
void v1_quick_confirmed(struct ike *e, struct ike_sa *sa, struct v1_xchg *x);

/* ---- v1_xchg.c ------------------------------------------------------------------------------------------------- */
/* The exchange is over: secrets are wiped, what it sent is kept for duplicates for a while. */
void v1_xchg_done(struct ike *e, struct v1_xchg *x);
/* The peer has the child: it sends from now on, unless it has been replaced. */
void v1_xchg_connected(struct ike *e, struct v1_xchg *x);
/* The one that made this child and waits for QM3 or CONNECTED; NULL. */
struct v1_xchg *v1_xchg_of_child(struct ike_sa *sa, uint32_t child_id);

/* ---- v1_info.c ------------------------------------------------------------------------------------------------- */
/* A notify under HASH, kept in *sent (may be NULL) for duplicates of what it answers. */
CV_MUST_USE cv_result v1_info_notify(struct ike *e, struct ike_sa *sa, uint8_t proto, struct slice spi,
                                     uint16_t type, struct slice data, struct v1_sent *sent);
/* Whether an Informational message can be sent under HASH: phase 1 is done. */
CV_MUST_USE bool v1_info_ready(const struct ike_sa *sa);
/* The two cookies, as an ISAKMP SPI. */
void v1_cookies(const struct ike_sa *sa, uint8_t out[2 * PLD1_COOKIE_LEN]);

/* ---- v1_rekey.c ------------------------------------------------------------------------------------------------ */
/* Two IKE SAs of version 1 between the same addresses; that it is one identity the caller knows from the list of the peer's SAs. */
CV_MUST_USE bool v1_same_peer(const struct ike_sa *a, const struct ike_sa *b);
/* sa takes what old_sa served. Where the peer is, it knows better itself: phase 1 was negotiated anew, and the peer's NAT may have moved meanwhile. */
void v1_inherit(struct ike *e, struct ike_sa *old_sa, struct ike_sa *sa);
/* The newest other established SA of the same peer, profile and addresses that is not replaced itself; NULL. */
struct ike_sa *v1_other(struct ike *e, struct ike_sa *sa);

#endif
