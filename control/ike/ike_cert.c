#include "control/ike/ike_cert.h"

#include "control/ike/ike_certmap.h"
#include "control/ike/ike_core.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *facility(const struct ike_sa *sa)
{
    return sa->ops->version == 1 ? "isakmp" : "ikev2";
}

enum cfg_auth ike_cert_auth(enum cr_key_kind k)
{
    return k == CR_KEY_RSA ? CFG_AUTH_RSA_SIG : CFG_AUTH_ECDSA_SIG;
}

bool ike_cert_any(const struct ike *e)
{
    const struct pki_trustpoint *list[PKI_TRUSTPOINTS_MAX];
    return e->env.pki && pki_list(e->env.pki, list) > 0;
}

/* ---- our trust-points ---------------------------------------------------------------------------------------------------- */
static void add_parent(struct sel_trustpoint *out, struct slice dn, const uint8_t *hash)
{
    enum { ROOM = sizeof out->parents / sizeof out->parents[0] };
    if (out->parent_count == ROOM || dn.n == 0)
        return;
    out->parents[out->parent_count].dn = dn;
    out->parents[out->parent_count++].hash = hash;
}

/* Who asks for a CA on the way from our certificate to its root is answered, too: those between, which the trust-point holds, and those above
 * its CA, as far as another trust-point has them. */
static void find_parents(const struct pki_trustpoint *const *list, unsigned n, const struct pki_trustpoint *t,
                         struct sel_trustpoint *out)
{
    for (unsigned i = 0; i < t->chain_count; i++)
        add_parent(out, pki_cert_subject(t->chain[i]), pki_cert_key_hash(t->chain[i]));
    const struct pki_cert *at = t->ca;
    for (unsigned step = 0; step < PKI_CHAIN_MAX && at && !pki_cert_self_issued(at); step++) {
        const struct pki_cert *above = NULL;
        for (unsigned i = 0; i < n && !above; i++)
            if (list[i]->ca && pki_dn_equal(pki_cert_subject(list[i]->ca), pki_cert_issuer(at)))
                above = list[i]->ca;
        add_parent(out, pki_cert_issuer(at), above ? pki_cert_key_hash(above) : NULL);
        at = above;
    }
}

void ike_cert_trust(struct ike *e, unsigned kinds, struct sel_trust *out)
{
    const struct pki_trustpoint *list[PKI_TRUSTPOINTS_MAX];
    unsigned n = e->env.pki ? pki_list(e->env.pki, list) : 0;
    memset(out, 0, sizeof *out);
    for (unsigned i = 0; i < n && i < SEL_TRUST_MAX; i++) {
        const struct pki_trustpoint *t = list[i];
        struct sel_trustpoint *x = &out->tps[out->count++];
        x->name = t->name;
        x->has_ca = t->ca != NULL;
        x->ca_text = t->ca ? pki_cert_subject_text(t->ca) : "";
        if (t->ca) {
            x->ca_dn = pki_cert_subject(t->ca);
            x->ca_hash = pki_cert_key_hash(t->ca);
        }
        x->usable = t->key && pki_usable(e->env.pki, t) && (ike_cert_auth(cr_key_kind(t->key)) & kinds);
        x->seq = t->own_seq;
        find_parents(list, n, t, x);
    }
}

unsigned ike_cert_own(const struct pki_trustpoint *t, struct pki_cert *out[IKE_CERT_SENT_MAX])
{
    unsigned n = 0;
    if (!t->own)
        return 0;
    out[n++] = t->own;
    for (unsigned i = 0; i < t->chain_count && i < PKI_CHAIN_MAX; i++)
        out[n++] = t->chain[i];
    if (t->ca && !pki_cert_self_issued(t->ca))
        out[n++] = t->ca;
    return n;
}

const char *ike_id_text(uint8_t type, struct slice data, char *out)
{
    const struct sel_id id = {type, data};
    if (type != PKI_ID_DN)
        return sel_id_text(&id, out);
    char dn[PKI_TEXT_MAX];
    snprintf(out, SEL_TEXT_MAX, "%.*s", SEL_TEXT_MAX - 1, pki_dn_text(data, dn));
    return out;
}

/* ---- for notes ------------------------------------------------------------------------------------------------------------ */
const char *ike_cert_note(uint8_t encoding, struct slice data, char out[IKE_CERT_NOTE_MAX])
{
    struct pki_cert *c = NULL;
    if (encoding == IKE_CERT_X509 && pki_cert_parse(data, &c, NULL) == CV_OK)
        snprintf(out, IKE_CERT_NOTE_MAX, "CERT(%.*s by %.*s)", IKE_CERT_NOTE_MAX / 2,
                 pki_cert_subject_text(c), IKE_CERT_NOTE_MAX / 2 - 16, pki_cert_issuer_text(c));
    else
        snprintf(out, IKE_CERT_NOTE_MAX, "CERT(%s)",
                 encoding == IKE_CERT_X509    ? "malformed"
                 : encoding == IKE_CERT_PKCS7 ? "PKCS #7"
                 : encoding == IKE_CERT_OCSP  ? "OCSP response"
                                              : "other");
    pki_cert_free(c);
    return out;
}

const char *ike_cert_note_asked1(struct slice dn, char out[IKE_CERT_NOTE_MAX])
{
    char text[PKI_TEXT_MAX];
    snprintf(out, IKE_CERT_NOTE_MAX, "CERTREQ(%.*s)", IKE_CERT_NOTE_MAX - 12,
             dn.n ? pki_dn_text(dn, text) : "any");
    return out;
}

static const struct pki_cert *ca_by_hash(const struct ike *e, const uint8_t *hash)
{
    const struct pki_trustpoint *list[PKI_TRUSTPOINTS_MAX];
    unsigned n = e->env.pki ? pki_list(e->env.pki, list) : 0;
    for (unsigned i = 0; i < n; i++)
        if (list[i]->ca && secret_equal(pki_cert_key_hash(list[i]->ca), hash, PKI_HASH_LEN))
            return list[i]->ca;
    return NULL;
}

const char *ike_cert_note_asked2(const struct ike *e, struct slice hashes, char out[IKE_CERT_NOTE_MAX])
{
    enum { TAIL = 6 }; /* "...)" and the end */
    size_t used = (size_t)snprintf(out, IKE_CERT_NOTE_MAX, "CERTREQ(");
    for (size_t at = 0; at + PKI_HASH_LEN <= hashes.n; at += PKI_HASH_LEN) {
        const uint8_t *h = hashes.p + at;
        const struct pki_cert *ca = ca_by_hash(e, h);
        char name[PKI_TEXT_MAX];
        snprintf(name, sizeof name, "%s", ca ? pki_cert_subject_text(ca) : "");
        if (!ca)
            snprintf(name, sizeof name, "key %02x%02x%02x%02x", h[0], h[1], h[2], h[3]);
        if (used + strlen(name) + 2 + TAIL > IKE_CERT_NOTE_MAX) {
            used += (size_t)snprintf(out + used, IKE_CERT_NOTE_MAX - used, "...");
            break;
        }
        used += (size_t)snprintf(out + used, IKE_CERT_NOTE_MAX - used, "%s%s", at ? "; " : "", name);
    }
    snprintf(out + used, IKE_CERT_NOTE_MAX - used, ")");
    return out;
}

/* ---- the peer's certificates ---------------------------------------------------------------------------------------------- */
static enum ike_reason reason_of(enum pki_verdict_kind k)
{
    switch (k) {
    case PKI_EXPIRED:
        return IKE_REASON_CERT_EXPIRED;
    case PKI_NOT_YET:
        return IKE_REASON_CERT_NOT_YET;
    case PKI_REVOKED:
        return IKE_REASON_CERT_REVOKED;
    case PKI_WAIT:
    case PKI_UNKNOWN:
        return IKE_REASON_CERT_UNKNOWN;
    case PKI_FORBIDDEN:
        return IKE_REASON_CERT_FORBIDDEN;
    case PKI_MALFORMED:
        return IKE_REASON_CERT_MALFORMED;
    case PKI_GOOD:
    case PKI_UNTRUSTED:
        break;
    }
    return IKE_REASON_CERT_UNTRUSTED;
}

static bool bad(struct ike *e, const struct ike_sa *sa, enum ike_reason why, const char *text,
                struct ike_cert_peer *p)
{
    char peer[IP_TEXT_MAX];
    p->why = why;
    if (text != p->text)
        snprintf(p->text, sizeof p->text, "%s", text);
    ike_log(e, sa, LOG_LEVEL_WARNING, facility(sa),
            "%%CRYPTO-5-IKMP_INVALID_CERT: Certificate received from %s is bad: %s",
            ip_addr_text(&sa->remote.addr, peer), p->text);
    ike_log(e, sa, LOG_LEVEL_DEBUG, facility(sa), "Validation of certificate chain FAILED");
    return false;
}

void ike_cert_peer_free(struct ike_cert_peer *p)
{
    pki_chain_free(&p->chain);
    memset(p, 0, sizeof *p);
}

/* The end entity: of the path once there is one, else what came first. */
static struct pki_cert *subject_of(const struct ike_cert_peer *p)
{
    return p->chain.count ? p->chain.certs[0] : p->chain.offered_count ? p->chain.offered[0] : NULL;
}

static struct slice find_stapled(const struct pki_offer *offers, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (offers[i].encoding == IKE_CERT_OCSP)
            return offers[i].data;
    return (struct slice){NULL, 0};
}

bool ike_cert_take(struct ike *e, const struct ike_sa *sa, const struct pki_offer *offers, unsigned count,
                   struct ike_cert_peer *p)
{
    if (count == 0)
        return bad(e, sa, IKE_REASON_NO_CERTIFICATE, "the peer signs, but sends no certificate", p);
    if (!pki_chain_take(&p->chain, offers, count, p->text))
        return bad(e, sa, IKE_REASON_CERT_MALFORMED, p->text, p);
    p->stapled = find_stapled(offers, count);
    ike_log(e, sa, LOG_LEVEL_DEBUG, facility(sa), "Add peer's certificate: %s, issued by %s",
            pki_cert_subject_text(subject_of(p)), pki_cert_issuer_text(subject_of(p)));
    return true;
}

const struct sel_id_cert *ike_cert_facts(const struct ike *e, const struct ike_cert_peer *p,
                                         struct sel_id_cert *out)
{
    const struct pki_cert *c = subject_of(p);
    if (!c)
        return NULL;
    ike_certmap_facts(e->cfg, c, out);
    return out;
}

const struct cr_key *ike_cert_key(const struct ike_cert_peer *p)
{
    const struct pki_cert *c = subject_of(p);
    return c ? pki_cert_key(c) : NULL;
}

/* "IOSCA1, IOSCA2," as IOS has it. */
static const char *list_text(struct ike *e, const struct sel_trust_names *names, char *out, size_t room)
{
    const struct pki_trustpoint *list[PKI_TRUSTPOINTS_MAX];
    unsigned n = names->all && e->env.pki ? pki_list(e->env.pki, list) : names->count;
    size_t at = 0;
    out[0] = '\0';
    for (unsigned i = 0; i < n && at < room; i++)
        at += (size_t)snprintf(out + at, room - at, "%s%s,", i ? " " : "",
                               names->all ? list[i]->name : names->names[i]);
    return out;
}

bool ike_cert_check(struct ike *e, const struct ike_sa *sa, const struct sel_trust_names *names,
                    struct ike_cert_peer *p)
{
    char text[SEL_TEXT_MAX];
    if (!e->env.pki)
        return bad(e, sa, IKE_REASON_CERT_UNTRUSTED, "this end has no trust-points", p);
    if (ike_told(e, LOG_LEVEL_DEBUG)) {
        ike_log(e, sa, LOG_LEVEL_DEBUG, facility(sa), "Creating CERT validation list: %s",
                list_text(e, names, text, sizeof text));
        ike_log(e, sa, LOG_LEVEL_DEBUG, facility(sa), "Validating certificate chain");
    }
    struct pki_verdict v =
        pki_chain_check(e->env.pki, &p->chain, names->all ? NULL : names->names, names->count);
    if (v.kind != PKI_GOOD)
        return bad(e, sa, reason_of(v.kind), v.text, p);
    ike_log(e, sa, LOG_LEVEL_DEBUG, facility(sa), "Certificate validation succeeded: trust-point %s",
            p->chain.trustpoint);
    return true;
}

enum ike_cert_state ike_cert_revoked(struct ike *e, const struct ike_sa *sa, bool last,
                                     struct ike_cert_peer *p)
{
    struct pki_verdict v = pki_chain_revoked(e->env.pki, &p->chain, p->stapled);
    if (v.kind == PKI_GOOD)
        return IKE_CERT_GOOD;
    if (v.kind == PKI_WAIT && !last) {
        ike_log(e, sa, LOG_LEVEL_DEBUG, facility(sa), "Revocation check is under way: %s", v.text);
        return IKE_CERT_WAITS;
    }
    (void)bad(e, sa, reason_of(v.kind),
              v.kind == PKI_WAIT ? "whether it is revoked could not be found out in time" : v.text, p);
    return IKE_CERT_BAD;
}

bool ike_cert_has_id(struct ike *e, const struct ike_sa *sa, uint8_t type, struct slice id,
                     struct ike_cert_peer *p)
{
    char why[PKI_TEXT_MAX];
    return pki_cert_has_id(subject_of(p), type, id, why) || bad(e, sa, IKE_REASON_ID_MISMATCH, why, p);
}

void ike_cert_keep(struct ike_sa *sa, const struct ike_cert_peer *p)
{
    pki_cert_free(sa->peer_cert);
    sa->peer_cert = pki_cert_ref(subject_of(p));
    /* no name in a configuration begins with a line feed: a peer block's tag is never a trust-point's */
    snprintf(sa->peer_tag, sizeof sa->peer_tag, "\n%.*s", (int)sizeof sa->peer_tag - 2, p->chain.trustpoint);
}

/* ---- what waits -------------------------------------------------------------------------------------------------------------- */
static bool disconnects_revoked(const struct ike *e, const struct ike_sa *sa)
{
    return sa->ops->version == 1 ? e->cfg->isakmp_disconnect_revoked : e->cfg->ikev2_disconnect_revoked;
}

static void look_again(struct ike *e, struct ike_sa *sa)
{
    if (sa->established) {
        if (!sa->given_up && sa->peer_cert && disconnects_revoked(e, sa) &&
            pki_known_revoked(e->env.pki, sa->peer_cert)) {
            ike_log(e, sa, LOG_LEVEL_WARNING, facility(sa), "the peer's certificate has been revoked: %s",
                    pki_cert_subject_text(sa->peer_cert));
            sa->ops->delete_sa(e, sa, IKE_REASON_CERT_REVOKED);
        }
    } else if (sa->waits && sa->ops->pki_changed) {
        sa->ops->pki_changed(e, sa);
    }
}

void ike_pki_changed(struct ike *e)
{
    unsigned n;
    uint32_t *ids = e->env.pki ? ike_sa_ids(e, &n) : NULL;
    for (unsigned i = 0; ids && i < n; i++) {
        struct ike_sa *sa = ike_sa_by_conn(e, ids[i]);
        if (sa && !sa->dead)
            look_again(e, sa);
    }
    free(ids);
    ike_reap(e);
}
