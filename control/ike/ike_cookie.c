/* Cookie = version | HMAC-SHA2-256(secret, Ni | SPIi | IPi | port): as RFC 7296 2.6 proposes; nothing is kept per peer. */
#include "control/ike/ike_sa.h"

#include "common/secret.h"
#include "control/crypto/cr_prf.h"

#include <string.h>

/* A secret serves this long; the one before it is taken as long again, for answers under way. */
enum { ROTATE_MS = 60 * 1000 };

/* Without `crypto ikev2 cookie-challenge` a crowd of half-open SAs is challenged, too: from 64 on, or a quarter of what admission
 * control allows when that is less. From one address sooner. */
enum { THRESHOLD_DEFAULT = 64, THRESHOLD_PER_ADDRESS = 8 };

static void rotate(struct ike *e)
{
    uint64_t now = ike_now(e);
    if (e->cookie_rotate_at != 0 && now < e->cookie_rotate_at)
        return;
    if (e->cookie_rotate_at == 0 || now - e->cookie_rotate_at > ROTATE_MS)
        ike_random(e, e->cookie_secret[1], sizeof e->cookie_secret[1]); /* the old one is too old */
    else
        memcpy(e->cookie_secret[1], e->cookie_secret[0], sizeof e->cookie_secret[1]);
    ike_random(e, e->cookie_secret[0], sizeof e->cookie_secret[0]);
    e->cookie_version++;
    e->cookie_rotate_at = now + ROTATE_MS;
}

static cv_result compute(const uint8_t secret[32], uint8_t version, struct slice ni,
                         const struct ip_endpoint *peer, const uint8_t spi_i[8], uint8_t *out)
{
    const uint8_t port[] = {(uint8_t)(peer->port >> 8), (uint8_t)peer->port};
    const struct slice data[] = {
        {&version, 1}, {spi_i, 8}, {peer->addr.b, sizeof peer->addr.b}, {port, sizeof port}, ni};
    out[0] = version;
    return cr_prf_run(CR_PRF_HMAC_SHA2_256, (struct slice){secret, 32}, data, 5, out + 1);
}

cv_result ike_cookie_make(struct ike *e, struct slice ni, const struct ip_endpoint *peer,
                          const uint8_t spi_i[8], uint8_t *out)
{
    rotate(e);
    return compute(e->cookie_secret[0], e->cookie_version, ni, peer, spi_i, out);
}

bool ike_cookie_ok(struct ike *e, struct slice cookie, struct slice ni, const struct ip_endpoint *peer,
                   const uint8_t spi_i[8])
{
    uint8_t want[IKE_COOKIE_LEN];
    rotate(e);
    if (cookie.n != IKE_COOKIE_LEN)
        return false;
    uint8_t age = (uint8_t)(e->cookie_version - cookie.p[0]);
    return age <= 1 && compute(e->cookie_secret[age], cookie.p[0], ni, peer, spi_i, want) == CV_OK &&
           secret_equal(want, cookie.p, sizeof want);
}

bool ike_cookie_wanted(const struct ike *e, const struct ip_endpoint *peer)
{
    unsigned threshold = e->cfg->ikev2_cookie_challenge;
    if (threshold == 0 && ike_limit_pressed(e))
        return true;
    if (threshold == 0)
        threshold = THRESHOLD_DEFAULT;
    return e->half_open >= threshold || ike_limit_of(e, &peer->addr) >= THRESHOLD_PER_ADDRESS;
}
