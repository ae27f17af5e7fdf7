#include "control/config/cfg.h"
#include "tests/unit/unit.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef GOLDEN
#error "GOLDEN names the directory of the golden files"
#endif

static struct cfg *parse(const char *text)
{
    struct cfg *c = NULL;
    struct cfg_findings f;
    cv_result r = cfg_parse(text, "x", &c, &f);
    for (unsigned i = 0; i < f.count && r != CV_OK; i++)
        printf("  %d: %s; %s\n", f.items[i].line, f.items[i].text, f.items[i].remedy);
    cfg_findings_free(&f);
    return r == CV_OK ? c : NULL;
}

static char *text_of(const struct cfg *c, bool show_keys)
{
    int n = cfg_write(c, show_keys, NULL, 0);
    CU_ASSERT_FATAL(n > 0);
    char *text = malloc((size_t)n + 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    CU_ASSERT_EQUAL(cfg_write(c, show_keys, text, (size_t)n + 1), n);
    CU_ASSERT_EQUAL(strlen(text), (size_t)n);
    return text;
}

/* Lines differ between the two; nothing else may. */
static void forget_lines(struct cfg *c)
{
    for (unsigned i = 0; i < c->interface_count; i++) {
        struct cfg_interface *x = &c->interfaces[i];
        x->line = x->protection_line = x->source_line = x->destination_line = 0;
        for (unsigned k = 0; k < x->addr_count; k++)
            x->addrs[k].line = 0;
    }
    for (unsigned i = 0; i < c->route_count; i++)
        c->routes[i].line = 0;
    for (unsigned i = 0; i < c->proposal_count; i++)
        c->proposals[i].line = 0;
    for (unsigned i = 0; i < c->policy_count; i++) {
        c->policies[i].line = 0;
        memset(c->policies[i].proposal_lines, 0, sizeof c->policies[i].proposal_lines);
    }
    for (unsigned i = 0; i < c->transform_set_count; i++)
        c->transform_sets[i].line = 0;
    for (unsigned i = 0; i < c->ipsec_profile_count; i++)
        c->ipsec_profiles[i].line = c->ipsec_profiles[i].ikev2_profile_line =
            c->ipsec_profiles[i].transform_set_line = 0;
    for (unsigned i = 0; i < c->platform.port_count; i++)
        c->platform.ports[i].line = 0;
}

#define SAME(a, b, items, count)                                                                             \
    do {                                                                                                     \
        CU_ASSERT_EQUAL_FATAL((a)->count, (b)->count);                                                       \
        CU_ASSERT((a)->count == 0 || memcmp((a)->items, (b)->items, (a)->count * sizeof *(a)->items) == 0);  \
    } while (0)

static bool same_secret(const struct secret *a, const struct secret *b)
{
    return a->n == b->n && (a->n == 0 || memcmp(a->p, b->p, a->n) == 0);
}

static void same_ikev2(const struct cfg *a, const struct cfg *b)
{
    CU_ASSERT_EQUAL_FATAL(a->keyring_count, b->keyring_count);
    for (unsigned i = 0; i < a->keyring_count; i++) {
        CU_ASSERT_EQUAL_FATAL(a->keyrings[i].peer_count, b->keyrings[i].peer_count);
        for (unsigned k = 0; k < a->keyrings[i].peer_count; k++) {
            const struct cfg_ikev2_peer *x = &a->keyrings[i].peers[k], *y = &b->keyrings[i].peers[k];
            CU_ASSERT(same_secret(&x->psk_local, &y->psk_local) &&
                      same_secret(&x->psk_remote, &y->psk_remote));
            CU_ASSERT(x->has_address == y->has_address && ip_prefix_equal(&x->address, &y->address));
            CU_ASSERT(x->identity.kind == y->identity.kind && !strcmp(x->identity.text, y->identity.text));
            CU_ASSERT(!strcmp(x->tag, y->tag) && !strcmp(x->hostname, y->hostname) &&
                      !strcmp(x->description, y->description));
        }
    }
    CU_ASSERT_EQUAL_FATAL(a->profile_count, b->profile_count);
    for (unsigned i = 0; i < a->profile_count; i++) {
        const struct cfg_ikev2_profile *x = &a->profiles[i], *y = &b->profiles[i];
        CU_ASSERT(x->auth_local == y->auth_local && x->auth_remote == y->auth_remote);
        CU_ASSERT(same_secret(&x->auth_local_key, &y->auth_local_key) &&
                  same_secret(&x->auth_remote_key, &y->auth_remote_key));
        CU_ASSERT(x->match_count == y->match_count && x->identity.kind == y->identity.kind);
        CU_ASSERT(!strcmp(x->identity.text, y->identity.text) && x->lifetime_s == y->lifetime_s);
        CU_ASSERT_EQUAL(memcmp(&x->dpd, &y->dpd, sizeof x->dpd), 0);
        CU_ASSERT_EQUAL(memcmp(x->local, y->local, sizeof x->local), 0);
        CU_ASSERT_EQUAL(memcmp(x->trustpoints, y->trustpoints, sizeof x->trustpoints), 0);
        for (unsigned k = 0; k < x->match_count; k++)
            CU_ASSERT(x->match[k].kind == y->match[k].kind && !strcmp(x->match[k].text, y->match[k].text) &&
                      ip_prefix_equal(&x->match[k].prefix, &y->match[k].prefix));
    }
}

static void same(struct cfg *a, struct cfg *b)
{
    forget_lines(a);
    forget_lines(b);
    SAME(a, b, interfaces, interface_count);
    SAME(a, b, routes, route_count);
    SAME(a, b, proposals, proposal_count);
    SAME(a, b, policies, policy_count);
    SAME(a, b, transform_sets, transform_set_count);
    SAME(a, b, ipsec_profiles, ipsec_profile_count);
    same_ikev2(a, b);
    CU_ASSERT_EQUAL(memcmp(&a->sa, &b->sa, sizeof a->sa), 0);
    CU_ASSERT_EQUAL(memcmp(&a->platform, &b->platform, sizeof a->platform), 0);
    CU_ASSERT_STRING_EQUAL(a->hostname, b->hostname);
    CU_ASSERT_STRING_EQUAL(a->domain_name, b->domain_name);
}

static void round_trip(const char *text)
{
    struct cfg *a = parse(text);
    CU_ASSERT_PTR_NOT_NULL_FATAL(a);
    char *first = text_of(a, true);
    struct cfg *b = parse(first);
    if (!b)
        printf("%s\n", first);
    CU_ASSERT_PTR_NOT_NULL_FATAL(b);
    char *second = text_of(b, true);
    CU_ASSERT_STRING_EQUAL(first, second);
    same(a, b);
    free(first);
    free(second);
    cfg_free(a);
    cfg_free(b);
}

static char everything[1 << 15];

static void read_everything(void)
{
    FILE *f = fopen(GOLDEN "/../configs/everything.conf", "re");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    everything[fread(everything, 1, sizeof everything - 1, f)] = '\0';
    fclose(f);
    CU_ASSERT(strlen(everything) > 1000);
}

static void everything_comes_back_as_it_was(void)
{
    read_everything();
    round_trip(everything);
    round_trip("");
    round_trip("no crypto ikev2 proposal default\nno crypto ikev2 policy default\nno crypto ipsec "
               "transform-set default\n"
               "no crypto ikev2 fragmentation\n");
    round_trip("crypto ikev2 policy default\n no match fvrf any\n");
}

static void the_golden_configurations_come_back_as_they_were(void)
{
    glob_t g;
    unsigned n = 0;
    CU_ASSERT_EQUAL_FATAL(glob(GOLDEN "/*.conf", 0, NULL, &g), 0);
    for (size_t i = 0; i < g.gl_pathc; i++) {
        struct cfg *c;
        struct cfg_findings f;
        if (cfg_load(g.gl_pathv[i], &c, &f) == CV_OK) {
            char *text = text_of(c, true);
            round_trip(text);
            free(text);
            n++;
        }
        cfg_findings_free(&f);
        cfg_free(c);
    }
    CU_ASSERT(n >= 5);
    globfree(&g);
}

static void keys_are_hidden_unless_asked_for(void)
{
    struct cfg *c = parse("crypto ikev2 keyring K\n peer A\n  pre-shared-key hunter2\n peer B\n  "
                          "pre-shared-key hex 68756e74657232\n"
                          "crypto ikev2 profile P\n authentication local pre-share key hunter2\n");
    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    char *hidden = text_of(c, false), *shown = text_of(c, true);
    CU_ASSERT_PTR_NULL(strstr(hidden, "hunter2"));
    CU_ASSERT_PTR_NULL(strstr(hidden, "68756e"));
    CU_ASSERT_PTR_NOT_NULL(strstr(hidden, "pre-shared-key <hidden>"));
    CU_ASSERT_PTR_NOT_NULL(strstr(shown, "pre-shared-key hunter2"));
    free(hidden);
    free(shown);
    cfg_free(c);
}

static void a_small_buffer_is_never_overrun(void)
{
    read_everything();
    struct cfg *c = parse(everything);
    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    int whole = cfg_write(c, true, NULL, 0);
    for (size_t room = 0; room < 3000; room += 37) {
        char *text = malloc(room + 1);
        CU_ASSERT_PTR_NOT_NULL_FATAL(text);
        text[room] = '#';
        CU_ASSERT_EQUAL(cfg_write(c, true, text, room), whole);
        CU_ASSERT_EQUAL(text[room], '#');
        CU_ASSERT(room == 0 || memchr(text, '\0', room) != NULL);
        free(text);
    }
    cfg_free(c);
}

UNIT_MAIN("config-write", UNIT_TEST(everything_comes_back_as_it_was),
          UNIT_TEST(the_golden_configurations_come_back_as_they_were),
          UNIT_TEST(keys_are_hidden_unless_asked_for), UNIT_TEST(a_small_buffer_is_never_overrun))
