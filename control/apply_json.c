#include "control/apply_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Only what removals need: the names of things, not how they were set. */
static json_t *addr_json(const struct apply_addr *a)
{
    char text[IP_TEXT_MAX];
    return json_pack("{s:i, s:i, s:s, s:i}", "if_id", (int)a->addr.if_id, "vrf", (int)a->vrf, "addr",
                     ip_addr_text(&a->addr.addr, text), "len", (int)a->addr.len);
}

static json_t *route_json(const struct cv_route *r)
{
    char prefix[IP_TEXT_MAX];
    return json_pack("{s:i, s:s, s:i}", "vrf", (int)r->vrf, "prefix", ip_prefix_text(&r->prefix, prefix),
                     "if_id", (int)r->if_id);
}

static json_t *nbr_json(const struct cv_nbr *n)
{
    char text[IP_TEXT_MAX];
    return json_pack("{s:i, s:s}", "if_id", (int)n->if_id, "addr", ip_addr_text(&n->addr, text));
}

static json_t *if_json(const struct cv_if *f)
{
    return json_pack("{s:i, s:i, s:i, s:s}", "if_id", (int)f->if_id, "kind", (int)f->kind, "vrf", (int)f->vrf,
                     "name", f->name);
}

/* Of a policy the port alone. */
static json_t *policies_json(const struct apply_set *s)
{
    json_t *ports = json_array();
    for (unsigned i = 0; i < s->policy_count; i++)
        if (i == 0 || s->policies[i].if_id != s->policies[i - 1].if_id)
            json_array_append_new(ports, json_integer((json_int_t)s->policies[i].if_id));
    return ports;
}

json_t *apply_json(const struct apply_set *s)
{
    json_t *ifs = json_array(), *addrs = json_array(), *routes = json_array(), *nbrs = json_array();
    for (unsigned i = 0; i < s->if_count; i++)
        json_array_append_new(ifs, if_json(&s->ifs[i]));
    for (unsigned i = 0; i < s->addr_count; i++)
        json_array_append_new(addrs, addr_json(&s->addrs[i]));
    for (unsigned i = 0; i < s->route_count; i++)
        json_array_append_new(routes, route_json(&s->routes[i]));
    for (unsigned i = 0; i < s->nbr_count; i++)
        json_array_append_new(nbrs, nbr_json(&s->nbrs[i]));
    return json_pack("{s:o, s:o, s:o, s:o, s:o}", "interfaces", ifs, "addresses", addrs, "routes", routes,
                     "policies", policies_json(s), "neighbors", nbrs);
}

static bool number(const json_t *o, const char *key, json_int_t most, uint32_t *out)
{
    const json_t *v = json_object_get(o, key);
    if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > most)
        return false;
    *out = (uint32_t)json_integer_value(v);
    return true;
}

static bool if_read(const json_t *o, struct cv_if *f)
{
    uint32_t kind, vrf;
    const char *name = json_string_value(json_object_get(o, "name"));
    if (!name || !number(o, "if_id", CV_MAX_IFS - 1, &f->if_id) || !number(o, "kind", CV_IF_FLOW, &kind) ||
        !number(o, "vrf", CV_MAX_VRFS - 1, &vrf) || strlen(name) >= sizeof f->name)
        return false;
    f->kind = (uint8_t)kind;
    f->vrf = (uint16_t)vrf;
    snprintf(f->name, sizeof f->name, "%s", name);
    return true;
}

static bool addr_read(const json_t *o, struct apply_addr *a)
{
    uint32_t vrf, len;
    const char *text = json_string_value(json_object_get(o, "addr"));
    if (!text || !number(o, "if_id", CV_MAX_IFS - 1, &a->addr.if_id) ||
        !number(o, "vrf", CV_MAX_VRFS - 1, &vrf) || !number(o, "len", 128, &len) ||
        !ip_addr_parse(text, &a->addr.addr))
        return false;
    a->vrf = (uint16_t)vrf;
    a->addr.len = (uint8_t)len;
    return true;
}

static bool route_read(const json_t *o, struct cv_route *r)
{
    uint32_t vrf;
    const char *text = json_string_value(json_object_get(o, "prefix"));
    if (!text || !number(o, "vrf", CV_MAX_VRFS - 1, &vrf) || !number(o, "if_id", CV_MAX_IFS - 1, &r->if_id) ||
        !ip_prefix_parse(text, &r->prefix))
        return false;
    r->vrf = (uint16_t)vrf;
    return true;
}

static bool nbr_read(const json_t *o, struct cv_nbr *n)
{
    const char *text = json_string_value(json_object_get(o, "addr"));
    return text && number(o, "if_id", CV_MAX_IFS - 1, &n->if_id) && ip_addr_parse(text, &n->addr);
}

static bool policy_read(const json_t *v, struct cv_policy *p)
{
    if (!json_is_integer(v) || json_integer_value(v) <= 0 || json_integer_value(v) >= CV_MAX_IFS)
        return false;
    p->if_id = (uint32_t)json_integer_value(v);
    return true;
}

static bool set_read(const json_t *j, struct apply_set *s)
{
    const json_t *ifs = json_object_get(j, "interfaces"), *addrs = json_object_get(j, "addresses"),
                 *routes = json_object_get(j, "routes"), *policies = json_object_get(j, "policies"),
                 *nbrs = json_object_get(j, "neighbors");
    s->ifs = calloc(json_array_size(ifs) + 1, sizeof *s->ifs);
    s->addrs = calloc(json_array_size(addrs) + 1, sizeof *s->addrs);
    s->routes = calloc(json_array_size(routes) + 1, sizeof *s->routes);
    s->policies = calloc(json_array_size(policies) + 1, sizeof *s->policies);
    s->nbrs = calloc(json_array_size(nbrs) + 1, sizeof *s->nbrs);
    if (!s->ifs || !s->addrs || !s->routes || !s->policies || !s->nbrs)
        return false;
    for (; s->if_count < json_array_size(ifs); s->if_count++)
        if (!if_read(json_array_get(ifs, s->if_count), &s->ifs[s->if_count]))
            return false;
    for (; s->addr_count < json_array_size(addrs); s->addr_count++)
        if (!addr_read(json_array_get(addrs, s->addr_count), &s->addrs[s->addr_count]))
            return false;
    for (; s->route_count < json_array_size(routes); s->route_count++)
        if (!route_read(json_array_get(routes, s->route_count), &s->routes[s->route_count]))
            return false;
    for (; s->policy_count < json_array_size(policies); s->policy_count++)
        if (!policy_read(json_array_get(policies, s->policy_count), &s->policies[s->policy_count]))
            return false;
    for (; s->nbr_count < json_array_size(nbrs); s->nbr_count++)
        if (!nbr_read(json_array_get(nbrs, s->nbr_count), &s->nbrs[s->nbr_count]))
            return false;
    return true;
}

cv_result apply_from_json(const json_t *j, struct apply_set *out)
{
    memset(out, 0, sizeof *out);
    if (json_is_object(j) && set_read(j, out))
        return CV_OK;
    apply_free(out);
    return CV_EPARSE;
}
