/* ike_core: what the files of this room share beside ike_sa.h: the end of an event, upcalls, the timer heap. */
#ifndef CONTROL_IKE_IKE_CORE_H
#define CONTROL_IKE_IKE_CORE_H

#include "control/ike/ike_sa.h"

#include <stdarg.h>

/* ---- ike_table.c ------------------------------------------------------------------------------------------ */
/* Frees what ike_sa_remove marked dead: at the end of every entry into the engine. */
void ike_reap(struct ike *e);
/* Conn-ids of all SAs, so that a walk may remove any of them; *count. NULL when there are none or memory is short. free() it. */
uint32_t *ike_sa_ids(struct ike *e, unsigned *count);

/* ---- ike_tell.c ------------------------------------------------------------------------------------------- */
/* The peer of sa is silent, in the middle of a negotiation; known false: it is not. */
struct ike_silence ike_silence_of(const struct ike *e, const struct ike_sa *sa);
void ike_silence_sent(const struct ike *e, struct ike_sa *sa); /* a datagram of it leaves */

/* ---- ike_status.c ----------------------------------------------------------------------------------------- */
/* A tunnel may have come up or gone down: looked at, and told as `crypto logging` has it, at the end of the event. */
void ike_status_changed(struct ike *e, const char *interface);
void ike_status_run(struct ike *e);
/* The session is about to be freed. */
void ike_status_drop(struct ike *e, struct ike_session *s);

/* ---- ike_heap.c ------------------------------------------------------------------------------------------- */
CV_MUST_USE bool ike_heap_add(struct ike *e, struct ike_sa *sa);
void ike_heap_drop(struct ike *e, struct ike_sa *sa);
/* The SA whose timer is due next, NULL when there is none. */
struct ike_sa *ike_heap_first(const struct ike *e);

/* ---- ike_peer.c ------------------------------------------------------------------------------------------- */
/* Short of memory it is not indexed: INITIAL_CONTACT does not find it then, dead peer detection does. */
void ike_peer_add(struct ike *e, struct ike_sa *sa);
void ike_peer_drop(struct ike *e, struct ike_sa *sa);

/* ---- ike_adopt.c ------------------------------------------------------------------------------------------ */
/* Whether an adopted child could have been negotiated under the present configuration: addresses (a peer behind a NAT may have moved),
 * selectors, transform set. */
CV_MUST_USE bool ike_adopt_fits(const struct ike *e, const struct sam_child *c);
/* Deletes the adopted ones that do not fit: they would forward by rules that are gone. */
void ike_adopt_drop_unfit(struct ike *e);

/* ---- ike_session.c ---------------------------------------------------------------------------------------- */
/* Makes a session for every protected tunnel of e->cfg and points the others at it. */
void ike_sessions_sync(struct ike *e);
void ike_sessions_free(struct ike *e);
/* Starts what is wanted and due; afterwards e->session_timer_at is exact. */
void ike_sessions_run(struct ike *e);
void ike_session_acquire(struct ike *e, const struct cv_acquire *packet);
/* ike_stray.c: an UNKNOWN_SPI event; without `crypto isakmp invalid-spi-recovery` nothing follows. */
void ike_stray_esp(struct ike *e, const struct cv_sa_event *ev);
/* ike_bad.c: a BAD_PACKET event. */
void ike_bad_packet(struct ike *e, const struct cv_bad_packet *bad);
/* The sessions that an SA serves: its own, and those of tunnels that have a child on it. */
enum { IKE_SERVED_MAX = 65 };
unsigned ike_session_served(struct ike *e, const struct ike_sa *sa, struct ike_session **out, unsigned max);
/* The SA no longer serves the session; its children are gone already. */
void ike_session_lost(struct ike *e, struct ike_session *s, struct ike_sa *sa, enum ike_reason why,
                      const char *fmt, va_list args);
/* Takes a tunnel's children off an SA that serves others, too, with messages to the peer; the SA is the others' then. False: it serves
 * no other tunnel. */
CV_MUST_USE bool ike_sa_leave_tunnel(struct ike *e, struct ike_sa *sa, const char *interface);
/* Nothing passed by c for the configured time: no error, and only traffic or an operator starts its session again. */
void ike_session_idle(struct ike *e, const struct sam_child *c);
/* A child ended on its own (hard lifetime, refused by the data plane). */
void ike_session_child_down(struct ike *e, const char *interface, enum ike_reason why, const char *text);
/* Wants the session up, at once when it can be. */
void ike_session_want(struct ike *e, struct ike_session *s, bool persistent);
/* Whether this end may start negotiating the tunnel; err (SEL_TEXT_MAX) says why not. */
CV_MUST_USE bool ike_session_may_initiate(const struct ike *e, const struct ike_session *s, char *err,
                                          size_t err_len);
void ike_session_retry_at(struct ike *e, struct ike_session *s, uint64_t at);

/* ---- ike_group.c ------------------------------------------------------------------------------------------ */
/* An IKE SA with the session's present peer that another permit line of its crypto map entry has: an established one, else one under way; NULL none. */
struct ike_sa *ike_group_sa(struct ike *e, const struct ike_session *s);
/* Until when the entry waits after a failure of one of its lines; 0: it does not. */
uint64_t ike_group_pause(struct ike *e, const struct ike_session *s);
/* The lines that waited for this IKE SA get their child now. */
void ike_group_established(struct ike *e, const struct ike_sa *sa);
/* How many peers the entry has; 1 for a tunnel. After a failure the next one's turn comes, for all lines. */
unsigned ike_group_peers(const struct ike_session *s);
void ike_group_next_peer(struct ike *e, struct ike_session *s);
/* `idle-time N default`: the default peer's turn again, for all lines, when none has a child but the idle one. An IKE SA with another peer is theirs no
 * more then. */
void ike_group_first_peer(struct ike *e, struct ike_session *s, const struct sam_child *idle);

/* ---- ike_session.c, again --------------------------------------------------------------------------------- */
/* A child of the interface that is not being taken down. */
bool ike_session_has_child(const struct ike *e, const char *interface);
/* It has the negotiated child that is for all workers; those of single ones (RFC 9611) go beside it, and are not made without it. */
bool ike_session_live(const struct ike *e, const struct ike_session *s);

#endif
