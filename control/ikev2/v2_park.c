#include "control/ikev2/v2_park.h"

#include "common/secret.h"

#include <stdlib.h>
#include <string.h>

bool v2_park(struct ike *e, struct ike_sa *sa, const struct v2_arrived *a)
{
    struct v2_parked *p = &v2_of(sa)->parked;
    const uint64_t now = ike_now(e), deadline = p->deadline ? p->deadline : now + IKE_CERT_WAIT_MS;
    uint8_t *copy = a->plain.n > 0 && a->plain.n <= V2_MESSAGE_MAX ? slice_dup(a->plain) : NULL;
    v2_park_drop(sa);
    if (!copy)
        return false;
    *p = (struct v2_parked){.plain = copy,
                            .len = a->plain.n,
                            .first = a->first,
                            .header = *a->header,
                            .fragments = a->fragments,
                            .local = a->d->local,
                            .remote = a->d->remote,
                            .vrf = a->d->vrf,
                            .natt = a->d->natt,
                            .tried_at = now,
                            .deadline = deadline};
    memcpy(p->hash, a->hash, sizeof p->hash);
    if (v2_of(sa)->delete_at <= deadline) /* a half-open SA lives as long as what it waits for */
        v2_of(sa)->delete_at = deadline + 1;
    sa->waits = true;
    return true;
}

bool v2_park_over(const struct ike *e, const struct ike_sa *sa)
{
    const struct v2_parked *p = &((const struct v2_sa *)sa->v)->parked;
    return p->deadline && ike_now(e) >= p->deadline;
}

bool v2_park_holds(const struct ike *e, const struct ike_sa *sa, const uint8_t hash[32])
{
    const struct v2_parked *p = &((const struct v2_sa *)sa->v)->parked;
    return p->plain && memcmp(p->hash, hash, sizeof p->hash) == 0 &&
           ike_now(e) < p->tried_at + IKE_CERT_AGAIN_MS;
}

struct v2_parked v2_park_take(struct ike_sa *sa)
{
    struct v2_parked *p = &v2_of(sa)->parked, out = *p;
    p->plain = NULL;
    p->len = 0;
    sa->waits = false;
    return out;
}

void v2_park_drop(struct ike_sa *sa)
{
    struct v2_parked *p = &v2_of(sa)->parked;
    if (p->plain) {
        secret_wipe(p->plain, p->len);
        free(p->plain);
    }
    memset(p, 0, sizeof *p);
    sa->waits = false;
}
