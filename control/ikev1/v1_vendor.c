#include "control/ikev1/v1_vendor.h"

#include "control/crypto/cr_prf.h"

#include <string.h>

enum kind { OTHER, NATT, DPD, UNITY, XAUTH, FRAGMENTATION };

struct vendor {
    const char *name;
    enum kind kind;
    enum v1_natt natt;
    uint8_t match; /* octets that tell it; what follows is a version */
    uint8_t len;   /* as we send it; 0: we do not */
    const char *id;
};

/* Hashes of the names, as published: MD5 of "RFC 3947", of the drafts' names, of "FRAGMENTATION"; RFC 3706 5.1; Unity and XAUTH as their drafts have
 * them. Draft 02 is known by two, one of a name that ends in a newline. */
static const struct vendor vendors[] = {
    {"NAT-T RFC 3947", NATT, V1_NATT_RFC3947, 16, 16,
     "\x4a\x13\x1c\x81\x07\x03\x58\x45\x5c\x57\x28\xf2\x0e\x95\x45\x2f"},
    {"NAT-T draft-07", NATT, V1_NATT_DRAFT_07, 16, 16,
     "\x43\x9b\x59\xf8\xba\x67\x6c\x4c\x77\x37\xae\x22\xea\xb8\xf5\x82"},
    {"NAT-T draft-03", NATT, V1_NATT_DRAFT_03, 16, 16,
     "\x7d\x94\x19\xa6\x53\x10\xca\x6f\x2c\x17\x9d\x92\x15\x52\x9d\x56"},
    {"NAT-T draft-02", NATT, V1_NATT_DRAFT_02, 16, 16,
     "\x90\xcb\x80\x91\x3e\xbb\x69\x6e\x08\x63\x81\xb5\xec\x42\x7b\x1f"},
    {"NAT-T draft-02 without newline", NATT, V1_NATT_DRAFT_02, 16, 16,
     "\xcd\x60\x46\x43\x35\xdf\x21\xf8\x7c\xfd\xb2\xfc\x68\xb6\xa4\x48"},
    {"DPD", DPD, V1_NATT_NONE, 14, 16, "\xaf\xca\xd7\x13\x68\xa1\xf1\xc9\x6b\x86\x96\xfc\x77\x57\x01\x00"},
    {"fragmentation", FRAGMENTATION, V1_NATT_NONE, 16, 20,
     "\x40\x48\xb7\xd5\x6e\xbc\xe8\x85\x25\xe7\xde\x7f\x00\xd6\xc2\xd3\x80\x00\x00\x00"},
    {"Unity", UNITY, V1_NATT_NONE, 14, 0, "\x12\xf5\xf2\x8c\x45\x71\x68\xa9\x70\x2d\x9f\xe2\x74\xcc"},
    {"XAUTH", XAUTH, V1_NATT_NONE, 8, 0, "\x09\x00\x26\x89\xdf\xd6\xb7\x12"},
};
enum { VENDORS = sizeof vendors / sizeof *vendors };

static const struct vendor *find(struct slice vid)
{
    for (unsigned i = 0; i < VENDORS; i++)
        if (vid.n >= vendors[i].match && memcmp(vid.p, vendors[i].id, vendors[i].match) == 0)
            return &vendors[i];
    return NULL;
}

const char *v1_vendor_name(struct slice vid)
{
    const struct vendor *v = find(vid);
    return v ? v->name : "unknown";
}

/* Smaller is better; NONE is the worst. */
static bool better(enum v1_natt a, enum v1_natt b)
{
    return a != V1_NATT_NONE && (b == V1_NATT_NONE || a < b);
}

/* The variant of NAT traversal is settled by the messages with the SA payloads: the two first (RFC 3947 3.1). */
static void take(struct v1_peer_can *can, const struct vendor *v, bool first)
{
    switch (v->kind) {
    case NATT:
        if (first && better(v->natt, can->natt))
            can->natt = v->natt;
        break;
    case DPD:
        can->dpd = true;
        break;
    case UNITY:
        can->unity = true;
        break;
    case XAUTH:
        can->xauth = true;
        break;
    case FRAGMENTATION:
        can->fragmentation = true;
        break;
    case OTHER:
        break;
    }
}

void v1_vendor_take(struct ike *e, struct ike_sa *sa, const struct pld1_message *m)
{
    enum { AT_MAJOR = 14, FULL_LEN = 16 };
    for (unsigned i = 0; i < m->vendor_count; i++) {
        const struct slice vid = m->vendors[i];
        const struct vendor *v = find(vid);
        if (v) {
            take(&v1_of(sa)->peer, v, m->sa.proposal_count > 0);
            ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "vendor ID is %s", v->name);
        } else if (vid.n == FULL_LEN) {
            ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "vendor ID seems Unity/DPD but major %u mismatch",
                    vid.p[AT_MAJOR]);
        } else {
            ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "vendor ID of %zu octets is not known", vid.n);
        }
    }
}

static bool wanted(const struct ike *e, const struct v1_sa *v1, const struct vendor *v, bool answer)
{
    if (v->len == 0)
        return false;
    switch (v->kind) {
    case NATT:
        return !answer || (v->natt == v1->peer.natt && v->natt != V1_NATT_NONE);
    case FRAGMENTATION:
        return e->cfg->isakmp_fragmentation && (!answer || v1->peer.fragmentation);
    default:
        return true;
    }
}

void v1_vendor_put(struct ike *e, const struct ike_sa *sa, struct pld_builder *b, bool answer)
{
    const struct v1_sa *v1 = sa->v;
    enum v1_natt said = V1_NATT_NONE;
    for (unsigned i = 0; i < VENDORS; i++) {
        const struct vendor *v = &vendors[i];
        if (!wanted(e, v1, v, answer) || (answer && v->kind == NATT && v->natt == said))
            continue;
        said = v->kind == NATT ? v->natt : said;
        pld1_put_raw(b, PLD1_VENDOR, (struct slice){(const uint8_t *)v->id, v->len});
        if (!answer)
            ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "constructed %s vendor ID", v->name);
    }
}

/* ---- NAT detection ------------------------------------------------------------------------------------------------- */
static bool draft_numbers(const struct v1_sa *v1)
{
    return v1->peer.natt == V1_NATT_DRAFT_02 || v1->peer.natt == V1_NATT_DRAFT_03;
}

static cv_result put_hash(struct ike_sa *sa, struct pld_builder *b, const struct ip_endpoint *end)
{
    const struct v1_sa *v1 = v1_of(sa);
    uint8_t hash[CR_PRF_MAX];
    size_t n;
    CV_TRY(cr_nat_hash1(v1->choice.prf, sa->spi_i, sa->spi_r, end, hash, &n));
    pld1_put_raw(b, draft_numbers(v1) ? PLD1_NAT_D_DRAFT : PLD1_NAT_D, (struct slice){hash, n});
    return CV_OK;
}

cv_result v1_nat_put(struct ike_sa *sa, struct pld_builder *b)
{
    if (v1_of(sa)->peer.natt == V1_NATT_NONE)
        return CV_OK;
    CV_TRY(put_hash(sa, b, &sa->remote)); /* RFC 3947 3.2: the receiver's address first */
    return put_hash(sa, b, &sa->local);
}

static bool is(const struct slice *nat_d, const uint8_t *hash, size_t n)
{
    return nat_d->n == n && memcmp(nat_d->p, hash, n) == 0;
}

cv_result v1_nat_detect(struct ike *e, struct ike_sa *sa, const struct v1_in *in)
{
    const struct v1_sa *v1 = v1_of(sa);
    const struct pld1_message *m = in->m;
    uint8_t here[CR_PRF_MAX], there[CR_PRF_MAX];
    size_t n;
    bool peer_match = false;
    if (v1->peer.natt == V1_NATT_NONE || m->nat_d_count < 2)
        return CV_OK;
    CV_TRY(cr_nat_hash1(v1->choice.prf, m->header.spi_i, m->header.spi_r, &in->d->local, here, &n));
    CV_TRY(cr_nat_hash1(v1->choice.prf, m->header.spi_i, m->header.spi_r, &in->d->remote, there, &n));
    for (unsigned i = 1; i < m->nat_d_count; i++) /* a peer of several addresses sends several */
        peer_match = peer_match || is(&m->nat_d[i], there, n);
    sa->nat_local = !is(&m->nat_d[0], here, n);
    sa->nat_remote = !peer_match;
    ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "received payload type %u",
            m->nat_draft ? PLD1_NAT_D_DRAFT : PLD1_NAT_D);
    if (sa->nat_remote)
        ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "His hash no match - this node outside NAT");
    if (sa->nat_local)
        ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "My hash no match - this node inside NAT");
    if (!sa->nat_local && !sa->nat_remote)
        ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "No NAT Found for self or peer");
    return CV_OK;
}

enum sel1_encap v1_encap(const struct ike_sa *sa)
{
    const struct v1_sa *v1 = sa->v;
    if (!sa->nat_local && !sa->nat_remote)
        return SEL1_ENCAP_PLAIN;
    return draft_numbers(v1) ? SEL1_ENCAP_UDP_DRAFT : SEL1_ENCAP_UDP;
}
