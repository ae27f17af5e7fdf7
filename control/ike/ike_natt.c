#include "control/ike/ike_natt.h"

#include "control/crypto/cr_keymat2.h"

#include <string.h>

enum { HASH_LEN = 20 };

static cv_result put_hash(struct pld_builder *b, uint16_t type, const uint8_t spi_i[8],
                          const uint8_t spi_r[8], const struct ip_endpoint *end)
{
    uint8_t hash[HASH_LEN];
    CV_TRY(cr_nat_hash(spi_i, spi_r, end, hash));
    pld_put_notify(b, PLD_PROTO_NONE, (struct slice){0}, type, (struct slice){hash, sizeof hash});
    return CV_OK;
}

cv_result ike_nat_put(struct pld_builder *b, const uint8_t spi_i[8], const uint8_t spi_r[8],
                      const struct ip_endpoint *local, const struct ip_endpoint *remote)
{
    CV_TRY(put_hash(b, PLD_N_NAT_DETECTION_SOURCE_IP, spi_i, spi_r, local));
    return put_hash(b, PLD_N_NAT_DETECTION_DESTINATION_IP, spi_i, spi_r, remote);
}

cv_result ike_nat_detect(const struct pld_message *m, const struct ip_endpoint *local,
                         const struct ip_endpoint *remote, struct ike_nat *out)
{
    uint8_t at_source[HASH_LEN], at_destination[HASH_LEN];
    bool source = false, source_match = false, destination = false, destination_match = false;
    CV_TRY(cr_nat_hash(m->header.spi_i, m->header.spi_r, remote, at_source));
    CV_TRY(cr_nat_hash(m->header.spi_i, m->header.spi_r, local, at_destination));
    for (unsigned i = 0; i < m->notify_count; i++) {
        const struct pld_notify *n = &m->notifies[i];
        if (n->type == PLD_N_NAT_DETECTION_SOURCE_IP) { /* a peer with several addresses sends several */
            source = true;
            source_match |= n->data.n == HASH_LEN && memcmp(n->data.p, at_source, HASH_LEN) == 0;
        } else if (n->type == PLD_N_NAT_DETECTION_DESTINATION_IP) {
            destination = true;
            destination_match |= n->data.n == HASH_LEN && memcmp(n->data.p, at_destination, HASH_LEN) == 0;
        }
    }
    out->seen = source && destination;
    out->remote = out->seen && !source_match;
    out->local = out->seen && !destination_match;
    return CV_OK;
}

void ike_nat_float(struct ike_sa *sa)
{
    sa->natt = true;
    sa->local.port = IKE_PORT_NATT;
    sa->remote.port = IKE_PORT_NATT;
}
