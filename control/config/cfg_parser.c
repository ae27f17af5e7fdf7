#include "control/config/cfg_parser.h"

#include "control/config/cfg_findings.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void cfg_error(struct cfg_parser *p, int column, const char *remedy, const char *fmt, ...)
{
    char text[CFG_TEXT_MAX];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    p->errors++;
    p->tolerated += p->ios;
    if (cfg_findings_add(p->findings, p->line, column, "syntax", p->ios ? CFG_WARNING : CFG_ERROR, remedy,
                         "%s", text) != CV_OK)
        p->out_of_memory = true;
}

void cfg_warn(struct cfg_parser *p, int column, const char *rule, const char *remedy, const char *fmt, ...)
{
    char text[CFG_TEXT_MAX];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (cfg_findings_add(p->findings, p->line, column, rule, CFG_WARNING, remedy, "%s", text) != CV_OK)
        p->out_of_memory = true;
}

unsigned cfg_append(struct cfg_parser *p, void *array, unsigned *count, size_t size)
{
    char *items;
    memcpy(&items, array, sizeof items); /* `array` is the address of a typed pointer */
    if ((*count & (*count - 1)) == 0) {  /* full at each power of two */
        items = reallocarray(items, *count ? 2 * (size_t)*count : 1, size);
        if (!items) {
            p->out_of_memory = true;
            return UINT_MAX;
        }
        memcpy(array, &items, sizeof items);
    }
    memset(items + *count * size, 0, size);
    return (*count)++;
}

void cfg_remove(void *array, unsigned *count, size_t size, unsigned i)
{
    char *items;
    memcpy(&items, array, sizeof items);
    memmove(items + i * size, items + (i + 1) * size, (*count - i - 1) * size);
    (*count)--;
    /* cfg_append grows at each power of two: it may now grow once more than needed, never once too little. */
}

bool cfg_copy(struct cfg_parser *p, char *dst, size_t room, const struct cfg_arg *a)
{
    size_t n = strlen(a->text);
    if (n >= room) {
        cfg_error(p, a->column, "", "longer than %zu octets", room - 1);
        return false;
    }
    memmove(dst, a->text, n + 1);
    return true;
}

void cfg_take_text(struct cfg_parser *p, const struct cfg_match *m, char *dst, size_t room)
{
    const struct cfg_arg *a = cfg_match_arg(m, CFG_ARG_LINE, 0);
    if (!a)
        a = cfg_match_arg(m, CFG_ARG_WORD, 0);
    if (m->form != CFG_SET || !a)
        memset(dst, 0, room);
    else if (cfg_copy(p, dst, room, a))
        return;
}

/* ---- ios-semantics section 5 ----------------------------------------------------------------------------- */
void cfg_default_proposal(struct cfg_ikev2_proposal *x)
{
    /* AES-CBC-256, -192, -128; SHA512 .. MD5; PRFs alike; groups 5, 2: the classic default of 15.x */
    *x = (struct cfg_ikev2_proposal){
        .name = "default",
        .builtin = true,
        .encr_count = 3,
        .encr = {{CV_ENCR_AES_CBC, 256}, {CV_ENCR_AES_CBC, 192}, {CV_ENCR_AES_CBC, 128}},
        .integ_count = 5,
        .integ = {CV_INTEG_HMAC_SHA2_512_256, CV_INTEG_HMAC_SHA2_384_192, CV_INTEG_HMAC_SHA2_256_128,
                  CV_INTEG_HMAC_SHA1_96, CV_INTEG_HMAC_MD5_96},
        .prf_count = 5,
        .prf = {7, 6, 5, 2, 1},
        .group_count = 2,
        .group = {5, 2},
    };
}

void cfg_default_policy(struct cfg_ikev2_policy *x)
{
    *x = (struct cfg_ikev2_policy){
        .name = "default", .builtin = true, .fvrf_any = true, .proposal_count = 1, .proposals = {"default"}};
}

void cfg_default_transform_set(struct cfg_transform_set *x)
{
    *x = (struct cfg_transform_set){.name = "default",
                                    .builtin = true,
                                    .encr = CV_ENCR_AES_CBC,
                                    .key_bits = 128,
                                    .integ = CV_INTEG_HMAC_SHA1_96,
                                    .transport = true};
}

void cfg_default_ipsec_profile(struct cfg_ipsec_profile *x)
{
    *x = (struct cfg_ipsec_profile){
        .name = "default", .builtin = true, .transform_set_count = 1, .transform_sets = {"default"}};
}

cv_result cfg_defaults(struct cfg_parser *p)
{
    struct cfg *c = p->c;
    platform_init(&c->platform);
    c->ikev2_max_in_negotiation = CFG_IN_NEGOTIATION_DEFAULT;
    c->isakmp_max_in_negotiation = CFG_IN_NEGOTIATION_DEFAULT;
    c->ikev2_max_out_negotiation = 400;
    c->ikev2_window = 5;
    c->ikev2_fragmentation = true;
    c->ikev2_fragmentation_mtu = 1280;
    c->df = CV_DF_COPY;
    c->isakmp_identity = CFG_ID_ADDRESS;
    memcpy(c->isakmp_default.name, "default", sizeof "default");
    unsigned a = cfg_append(p, &c->proposals, &c->proposal_count, sizeof *c->proposals);
    unsigned b = cfg_append(p, &c->policies, &c->policy_count, sizeof *c->policies);
    unsigned t = cfg_append(p, &c->transform_sets, &c->transform_set_count, sizeof *c->transform_sets);
    unsigned i = cfg_append(p, &c->ipsec_profiles, &c->ipsec_profile_count, sizeof *c->ipsec_profiles);
    if (p->out_of_memory)
        return CV_ENOMEM;
    cfg_default_proposal(&c->proposals[a]);
    cfg_default_policy(&c->policies[b]);
    cfg_default_transform_set(&c->transform_sets[t]);
    cfg_default_ipsec_profile(&c->ipsec_profiles[i]);
    return CV_OK;
}

/* ---- the end ------------------------------------------------------------------------------------------------- */
void cfg_peer_clear(struct cfg_ikev2_peer *x)
{
    secret_free(&x->psk_local);
    secret_free(&x->psk_remote);
}

void cfg_keyring_clear(struct cfg_ikev2_keyring *k)
{
    for (unsigned i = 0; i < k->peer_count; i++)
        cfg_peer_clear(&k->peers[i]);
    free(k->peers);
    k->peers = NULL;
    k->peer_count = 0;
}

void cfg_profile_clear(struct cfg_ikev2_profile *x)
{
    secret_free(&x->auth_local_key);
    secret_free(&x->auth_remote_key);
}

void cfg_isakmp_keyring_clear(struct cfg_isakmp_keyring *k)
{
    for (unsigned i = 0; i < k->key_count; i++)
        secret_free(&k->keys[i].key);
    free(k->keys);
    k->keys = NULL;
    k->key_count = 0;
}

void cfg_trustpoint_clear(struct cfg_trustpoint *t)
{
    secret_free(&t->password);
}

void cfg_free(struct cfg *c)
{
    if (!c)
        return;
    cfg_isakmp_keyring_clear(&c->isakmp_default);
    for (unsigned i = 0; i < c->isakmp_keyring_count; i++)
        cfg_isakmp_keyring_clear(&c->isakmp_keyrings[i]);
    free(c->isakmp_policies);
    free(c->isakmp_keyrings);
    free(c->isakmp_profiles);
    for (unsigned i = 0; i < c->keyring_count; i++)
        cfg_keyring_clear(&c->keyrings[i]);
    for (unsigned i = 0; i < c->profile_count; i++)
        cfg_profile_clear(&c->profiles[i]);
    for (unsigned i = 0; i < c->acl_count; i++)
        free(c->acls[i].aces);
    for (unsigned i = 0; i < c->map_count; i++)
        free(c->maps[i].entries);
    free(c->acls);
    free(c->maps);
    free(c->vrfs);
    free(c->flows);
    for (unsigned i = 0; i < c->trustpoint_count; i++)
        cfg_trustpoint_clear(&c->trustpoints[i]);
    for (unsigned i = 0; i < c->certificate_count; i++)
        free(c->certificates[i].der);
    free(c->trustpoints);
    free(c->certificates);
    free(c->certmaps);
    for (unsigned i = 0; i < c->isakmp_peer_count; i++)
        secret_free(&c->isakmp_peers[i].password);
    free(c->isakmp_peers);
    free(c->interfaces);
    free(c->routes);
    free(c->neighbors);
    free(c->proposals);
    free(c->policies);
    free(c->keyrings);
    free(c->profiles);
    free(c->transform_sets);
    free(c->ipsec_profiles);
    free(c);
}
