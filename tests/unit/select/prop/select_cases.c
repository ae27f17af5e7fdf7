/* Reads configurations and questions from stdin and prints what control/select chooses, one line for each question; driven by
 * check_select.py, which knows the rules on its own.
 *
 *   config N                          the next N lines are a configuration
 *   key FVRF LOCAL PEER               KR-5: "KEYRING LINE" of the key
 *   agrees PROFILE KEYRING            KR-7: "yes" or "no"
 *   profile1 FVRF LOCAL TYPE TEXT     PF-3, PF-4: the ISAKMP profile
 *   profile2 FVRF LOCAL TYPE TEXT     PF-3, PF-8: the IKEv2 profile
 *   tunnel NAME                       PF-2: the ISAKMP profile of an initiator
 * "-" stands for the global VRF, for no local address and for no choice. `description vrf R` in a keyring or profile puts it into the
 * VRF R: the model has VRFs before the grammar does. */
#include "control/config/cfg.h"
#include "control/select/sel_v1.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void fail(const char *what, const char *about)
{
    fprintf(stderr, "select_cases: %s: %s\n", what, about);
    exit(1);
}

static void take_vrf(const char *description, char *vrf)
{
    if (strncmp(description, "vrf ", 4) == 0)
        snprintf(vrf, CFG_NAME_MAX, "%.60s", description + 4);
}

static struct cfg *read_config(unsigned long lines)
{
    static char text[1 << 16], line[512];
    struct cfg *c;
    struct cfg_findings f;
    size_t at = 0;
    text[0] = '\0';
    while (lines-- > 0 && fgets(line, sizeof line, stdin) && at + sizeof line < sizeof text)
        at += (size_t)snprintf(text + at, sizeof text - at, "%s", line);
    if (cfg_parse(text, "case", &c, &f) != CV_OK)
        fail(f.count ? f.items[0].text : "no configuration", text);
    cfg_findings_free(&f);
    for (unsigned i = 0; i < c->isakmp_keyring_count; i++)
        take_vrf(c->isakmp_keyrings[i].description, c->isakmp_keyrings[i].vrf);
    for (unsigned i = 0; i < c->isakmp_profile_count; i++)
        take_vrf(c->isakmp_profiles[i].description, c->isakmp_profiles[i].fvrf);
    for (unsigned i = 0; i < c->profile_count; i++)
        take_vrf(c->profiles[i].description, c->profiles[i].fvrf);
    return c;
}

static const struct ip_addr *address(const char *text, struct ip_addr *a)
{
    if (strcmp(text, "-") == 0)
        return NULL;
    if (!ip_addr_parse(text, a))
        fail("no address", text);
    return a;
}

static struct sel_id identity(const char *type, const char *text, struct ip_addr *store)
{
    static const struct {
        const char *name;
        uint8_t type;
    } types[] = {{"fqdn", 2}, {"email", 3}, {"key", 11}};
    if (strcmp(type, "addr") == 0 && address(text, store))
        return (struct sel_id){.type = store->family == IP_V6 ? 5 : 1,
                               .data = {.p = store->b, .n = ip_addr_len(store)}};
    for (unsigned i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strcmp(type, types[i].name) == 0)
            return (struct sel_id){.type = types[i].type,
                                   .data = {.p = (const uint8_t *)text, .n = strlen(text)}};
    fail("no type of identity", type);
    return (struct sel_id){0};
}

static void ask(const struct cfg *c, char *word[5])
{
    struct ip_addr a, b;
    struct sel_trace trace;
    const char *fvrf = word[1] && strcmp(word[1], "-") != 0 ? word[1] : "", *name = NULL;
    if (strcmp(word[0], "key") == 0 && word[3]) {
        struct sel_v1_path path = {.fvrf = fvrf, .local = address(word[2], &a), .peer = address(word[3], &b)};
        struct sel_v1_key x = sel_v1_key(c, NULL, false, &path, NULL, &trace);
        if (x.key)
            printf("%s %d\n", x.keyring->name, x.key->line);
        else
            printf("-\n");
        return;
    }
    if (strcmp(word[0], "agrees") == 0 && word[2]) {
        printf("%s\n", sel_v1_keyring_agrees(c, cfg_find_isakmp_profile(c, word[1]),
                                             cfg_find_isakmp_keyring(c, word[2]), &trace)
                           ? "yes"
                           : "no");
        return;
    }
    if (strcmp(word[0], "tunnel") == 0 && word[1] && cfg_find_interface(c, word[1])) {
        const struct cfg_isakmp_profile *p =
            sel_v1_profile_for_tunnel(c, cfg_find_interface(c, word[1]), NULL, &trace);
        name = p ? p->name : NULL;
    } else if (word[4] && strncmp(word[0], "profile", 7) == 0) {
        struct sel_id id = identity(word[3], word[4], &b);
        struct sel_v1_path path = {.fvrf = fvrf, .local = address(word[2], &a)};
        const struct cfg_isakmp_profile *p1 =
            word[0][7] == '1' ? sel_v1_profile(c, &path, &id, &trace) : NULL;
        const struct cfg_ikev2_profile *p2 =
            word[0][7] == '2' ? sel_ikev2_profile(c, fvrf, path.local, &id, &trace) : NULL;
        name = p1 ? p1->name : p2 ? p2->name : NULL;
    } else {
        fail("no question", word[0]);
    }
    printf("%s\n", name ? name : "-");
}

int main(void)
{
    char line[512];
    struct cfg *c = NULL;
    while (fgets(line, sizeof line, stdin)) {
        char *word[5] = {NULL}, *rest = NULL;
        unsigned n = 0;
        for (char *w = strtok_r(line, " \n", &rest); w && n < 5; w = strtok_r(NULL, " \n", &rest))
            word[n++] = w;
        if (n == 2 && strcmp(word[0], "config") == 0) {
            cfg_free(c);
            c = read_config(strtoul(word[1], NULL, 10));
        } else if (n > 0 && c) {
            ask(c, word);
        } else {
            fail("no configuration before", line);
        }
    }
    cfg_free(c);
    return 0;
}
