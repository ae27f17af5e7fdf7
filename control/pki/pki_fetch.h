/* pki_fetch: which fetches are under way, and which addresses did not answer lately.
 *
 * A table of at most PKI_FETCHES_MAX fetches, each ended by pki_fetched or, after PKI_FETCH_MS, by pki_tick, whichever comes first: its done function is called
 * once, always. An address that could not be reached is left alone for PKI_FETCH_PAUSE_MS, so that a dead server costs one fetch a minute and
 * not one per negotiation. Does no I/O itself: env.fetch does. */
#ifndef CONTROL_PKI_PKI_FETCH_H
#define CONTROL_PKI_PKI_FETCH_H

#include "control/pki/pki.h"

enum { PKI_FETCH_PAUSE_MS = 60000, PKI_FETCH_URL_MAX = 16384 };

/* status 200 and the octets (which last for this call), or another status or 0 and a text. It may start other fetches. */
typedef void pki_fetch_done(struct pki *p, void *ctx, unsigned status, struct slice data, const char *error);

/* Starts a GET, or a POST when body.n > 0. Returns its number; 0: there is no network, the table is full, the URL is too long, none of http, or could not be reached a
 * moment ago; nothing is called then. */
CV_MUST_USE uint64_t pki_fetch_start(struct pki *p, const char *url, struct slice body,
                                     const char *content_type, pki_fetch_done *done, void *ctx);
/* done is not called any more, and what comes is dropped. id 0 or one that has ended: nothing happens. */
void pki_fetch_cancel(struct pki *p, uint64_t id);
/* Fetches fill the table: one that could not start may do so when another ends, and env.changed tells. */
CV_MUST_USE bool pki_fetch_full(const struct pki *p);
/* The URL could not be reached within the last PKI_FETCH_PAUSE_MS; why gets a text. */
CV_MUST_USE bool pki_fetch_paused(const struct pki *p, const char *url, char why[PKI_TEXT_MAX]);
/* The operator asks again: forgets that the URL could not be reached; NULL: of all. */
void pki_fetch_unpause(struct pki *p, const char *url);

#endif
