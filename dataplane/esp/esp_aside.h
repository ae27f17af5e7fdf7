/* esp_aside: packets of SAs that a crypto device does all of ESP for, and gives back ("look-aside protocol", eng_cryptodev_proto.h).
 * Internal to esp.
 *
 * Going out the device gets inner packets and numbers them. What it makes has the SA's SPI and length; the outer header, with DSCP, DF, ECN
 * (RFC 6040 4.1) and the peer's address of now, is written over it here. When the device has failed, what it never had comes back as
 * ENG_BUILD and goes the software's way, under new numbers.
 *
 * Coming in the device gets what software would get, checked by the same first pass. The number is read before that, so that the replay
 * window is culvert's own and right whoever decrypts (RFC 4303 3.4.3); so are ECN and the peer's endpoint. The device's window comes behind. */
#ifndef DATAPLANE_ESP_ESP_ASIDE_H
#define DATAPLANE_ESP_ESP_ASIDE_H

#include "dataplane/esp/esp_in.h"
#include "dataplane/esp/esp_out.h"

/* Octets that drivers want behind an inner packet: some build the whole packet from its start on (cnxk). */
enum { ESP_ASIDE_TAIL = 128 };

/* In place of an SA's builder: the packets stay as they are, but for what dp_meta says of the outer one. op.seq_hi carries the inner DSCP, ECN
 * and DF to esp_aside_outer. */
esp_out_build_fn esp_aside_build;

/* Writes the outer header of what the device gave back; m in one piece, an ESP packet of the template's geometry. tos_df: op.seq_hi. */
void esp_aside_outer(const struct esp_template *t, struct rte_mbuf *m, uint32_t tos_df, uint64_t seq);

/* Coming in, before the device has them: ops first .. first + count of the scratch arrays. len[] gets the outer ECN, forms[] enum eng_form:
 * ENG_SOFT where the device does not expect such a packet, or nobody expects it from there. The SA's owner. */
void esp_aside_look(const struct esp_in_sa *sa, struct esp_scratch *s, unsigned first, unsigned count,
                    uint8_t *forms);

/* RFC 6040 4.2 of a packet that has lost its outer header: m's data at the inner one, which is valid. */
CV_MUST_USE enum cv_drop esp_aside_ecn(struct rte_mbuf *m, uint32_t outer_ecn);

#endif
