#include "control/cli/cli_debug.h"

#include "control/cli/cli_text.h"
#include "control/select/sel_trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const uint8_t no_spi[8];

static unsigned of_version(unsigned version)
{
    return version == 1   ? CLI_DEBUG_ISAKMP
           : version == 2 ? CLI_DEBUG_IKEV2
                          : CLI_DEBUG_ISAKMP | CLI_DEBUG_IKEV2;
}

/* ---- items ------------------------------------------------------------------------------------------------------ */
void cli_debug_event(const struct ike_event *e, cli_debug_sink *sink, void *ctx)
{
    struct cli_debug_item item = {.kind = "event", .about = e->about, .text = e->text};
    if (strcmp(e->facility, "isakmp") == 0)
        item.facilities = CLI_DEBUG_ISAKMP;
    else if (strcmp(e->facility, "ikev2") == 0)
        item.facilities = CLI_DEBUG_IKEV2;
    else if (strcmp(e->facility, "ipsec") == 0)
        item.facilities = CLI_DEBUG_IPSEC;
    else if (strncmp(e->facility, "pki", 3) ==
             0) /* "pki-messages", "pki-transactions"; of the engine plain */
        item.facilities = strstr(e->facility, "messages")       ? CLI_DEBUG_PKI_MESSAGES
                          : strstr(e->facility, "transactions") ? CLI_DEBUG_PKI_TRANSACTIONS
                                                                : CLI_DEBUG_PKI_VALIDATION;
    else
        item.facilities = of_version(e->about->version) | CLI_DEBUG_IPSEC; /* session, syslog */
    sink(ctx, &item);
}

static bool of_phase2(const char *at)
{
    return strncmp(at, "QM", 2) == 0 || strcmp(at, "CREATE_CHILD_SA") == 0;
}

void cli_debug_decided(const struct ike_decided *d, cli_debug_sink *sink, void *ctx)
{
    char line[CLI_DEBUG_LINE_MAX], candidates[SEL_MAX_CANDIDATES][CFG_NAME_MAX + SEL_TEXT_MAX + 8];
    const struct sel_trace *t = d->trace;
    json_t *all = json_array();
    struct cli_debug_item item = {
        .facilities = of_version(d->about.version), .kind = "decision", .about = &d->about, .text = line};
    if (of_phase2(d->at))
        item.facilities |= CLI_DEBUG_IPSEC;
    int n = snprintf(line, sizeof line, "%s: ", d->at);
    sel_trace_line(t, line + n, sizeof line - (size_t)n);
    for (unsigned i = 0; i < t->candidate_count && i < SEL_MAX_CANDIDATES; i++) {
        snprintf(candidates[i], sizeof candidates[i], "%c %s: %s", t->candidates[i].matched ? '*' : '-',
                 t->candidates[i].name, t->candidates[i].why);
        item.extra[item.extra_count++] = candidates[i];
        json_array_append_new(all, json_pack("{s:s, s:b, s:s}", "name", t->candidates[i].name, "matched",
                                             t->candidates[i].matched, "why", t->candidates[i].why));
    }
    item.more = json_pack("{s:s, s:s, s:s, s:s, s:o}", "at", d->at, "decision", sel_kind_text(t->kind),
                          "rule", t->rule ? t->rule : "", "chosen", t->chosen, "candidates", all);
    sink(ctx, &item);
    json_decref(item.more);
}

static const char *payload_line(const struct ike_note *n, char out[CLI_DEBUG_LINE_MAX])
{
    int used = snprintf(out, CLI_DEBUG_LINE_MAX, "Payload contents:");
    for (unsigned i = 0; i < n->payload_count && i < IKE_NOTE_PAYLOADS_MAX && used < CLI_DEBUG_LINE_MAX; i++)
        used += snprintf(out + used, (size_t)(CLI_DEBUG_LINE_MAX - used), " %s", n->payloads[i]);
    return out;
}

/* As IOS has it. A responder's SPI stands in MM2 only once it has chosen one. */
static void message_v1(const struct ike_note *n, const char *state, char *out, size_t room)
{
    char peer[IP_TEXT_MAX];
    const struct ike_about *a = n->about;
    char role = a->conn_id == 0 ? 'N' : a->initiator ? 'I' : 'R';
    const char *vrf = a->fvrf[0] ? a->fvrf : "Global", *shown = state ? state : a->state;
    ip_addr_text(&n->remote->addr, peer);
    int used;
    if (n->out)
        used = snprintf(out, room, "%s packet to %s my_port %u peer_port %u (%c) %s: %s",
                        n->again ? "retransmitting" : "sending", peer, n->local->port, n->remote->port, role,
                        shown, n->name);
    else
        used = snprintf(out, room, "received packet from %s dport %u sport %u %s (%c) %s: %s%s", peer,
                        n->local->port, n->remote->port, vrf, role, a->conn_id ? shown : "NEW SA", n->name,
                        n->again ? ", a duplicate of a previous packet" : "");
    if (n->message_id && used > 0 && (size_t)used < room)
        snprintf(out + used, room - (size_t)used, ", message ID %u", n->message_id);
}

static void message_v2(const struct ike_note *n, char *out, size_t room)
{
    char to[IP_TEXT_MAX], from[IP_TEXT_MAX], i[17], r[17];
    const struct ike_about *a = n->about;
    const struct ip_endpoint *dst = n->out ? n->remote : n->local, *src = n->out ? n->local : n->remote;
    snprintf(
        out, room,
        "%s Packet [To %s:%u/From %s:%u/VRF %s] Initiator SPI : %s - Responder SPI : %s Message id: %u %s",
        n->again ? "Retransmitting"
        : n->out ? "Sending"
                 : "Received",
        ip_addr_text(&dst->addr, to), dst->port, ip_addr_text(&src->addr, from), src->port,
        a->fvrf[0] ? a->fvrf : "Global", cli_spi(a->spi_i, i), cli_spi(a->spi_r, r), n->message_id, n->name);
}

void cli_debug_message(const struct ike_note *n, const char *state, cli_debug_sink *sink, void *ctx)
{
    char line[CLI_DEBUG_LINE_MAX], payloads[CLI_DEBUG_LINE_MAX];
    json_t *all = json_array();
    for (unsigned i = 0; i < n->payload_count && i < IKE_NOTE_PAYLOADS_MAX; i++)
        json_array_append_new(all, json_string(n->payloads[i]));
    struct cli_debug_item item = {
        .facilities = of_version(n->version), .kind = "message", .about = n->about, .text = line};
    if (n->version == 1)
        message_v1(n, state, line, sizeof line);
    else
        message_v2(n, line, sizeof line);
    if (n->payload_count > 0)
        item.extra[item.extra_count++] = payload_line(n, payloads);
    item.more =
        json_pack("{s:s, s:s, s:b, s:I, s:o}", "direction", n->out ? "out" : "in", "name", n->name,
                  "retransmission", n->again, "message_id", (json_int_t)n->message_id, "payloads", all);
    sink(ctx, &item);
    json_decref(item.more);
}

/* ---- rendering --------------------------------------------------------------------------------------------------- */
static void stamp(uint64_t wall_ms, char out[32])
{
    time_t s = (time_t)(wall_ms / 1000u);
    struct tm tm;
    char day[24];
    if (!gmtime_r(&s, &tm) || strftime(day, sizeof day, "%b %e %H:%M:%S", &tm) == 0)
        snprintf(day, sizeof day, "-");
    snprintf(out, 32, "*%s.%03u", day, (unsigned)(wall_ms % 1000u));
}

static const char *tag(const struct cli_debug_item *item, unsigned shown)
{
    if ((shown & CLI_DEBUG_PKI) && !(shown & ~(unsigned)CLI_DEBUG_PKI))
        return "CRYPTO_PKI";
    if (shown == CLI_DEBUG_IPSEC)
        return "IPSEC";
    if (item->about->version == 0)
        return shown & CLI_DEBUG_ISAKMP ? "ISAKMP" : "IKEv2";
    return item->about->version == 1 ? "ISAKMP" : "IKEv2";
}

/* Before the first packet there is no port. */
static const char *end_text(const struct ip_endpoint *e, char out[IP_TEXT_MAX])
{
    return e->port ? ip_endpoint_text(e, out) : ip_addr_text(&e->addr, out);
}

/* " [I 192.0.2.1:500-192.0.2.2:500]"; "" when nothing is known. A message's own line names the ends. */
static void ends(const struct cli_debug_item *item, bool detail, char *out, size_t room)
{
    char local[IP_TEXT_MAX], peer[IP_TEXT_MAX], i[17], r[17];
    const struct ike_about *a = item->about;
    bool cookies = detail && memcmp(a->spi_i, no_spi, 8) != 0;
    out[0] = '\0';
    if (a->peer.addr.family == IP_NONE ||
        (strcmp(item->kind, "message") == 0 && !(cookies && a->version == 1)))
        return;
    int n = snprintf(out, room, " [%s", a->conn_id == 0 ? "" : a->initiator ? "I " : "R ");
    if (a->local.addr.family != IP_NONE)
        n += snprintf(out + n, room - (size_t)n, "%s-", end_text(&a->local, local));
    n += snprintf(out + n, room - (size_t)n, "%s%s%s", end_text(&a->peer, peer), a->fvrf[0] ? " vrf " : "",
                  a->fvrf);
    if (cookies)
        n +=
            snprintf(out + n, room - (size_t)n, " cookies %s/%s", cli_spi(a->spi_i, i), cli_spi(a->spi_r, r));
    snprintf(out + n, room - (size_t)n, "]");
}

static json_t *endpoint_json(const struct ip_endpoint *e)
{
    char text[IP_TEXT_MAX];
    if (e->addr.family == IP_NONE)
        return json_null();
    return json_pack("{s:s, s:i}", "address", ip_addr_text(&e->addr, text), "port", (int)e->port);
}

static char *render_json(const struct cli_debug_item *item, unsigned shown, uint64_t wall_ms)
{
    char when[CLI_TEXT_MAX], i[17], r[17];
    const struct ike_about *a = item->about;
    json_t *o = item->more ? json_deep_copy(item->more) : json_object();
    json_object_set_new(o, "time", json_string(cli_time_ms(wall_ms, when)));
    json_object_set_new(o, "kind", json_string(item->kind));
    json_object_set_new(o, "facility",
                        json_string(strcmp(tag(item, shown), "ISAKMP") == 0  ? "isakmp"
                                    : strcmp(tag(item, shown), "IKEv2") == 0 ? "ikev2"
                                                                             : "ipsec"));
    json_object_set_new(o, "conn_id", json_integer(a->conn_id));
    json_object_set_new(o, "initiator", a->conn_id ? json_boolean(a->initiator) : json_null());
    json_object_set_new(o, "local", endpoint_json(&a->local));
    json_object_set_new(o, "peer", endpoint_json(&a->peer));
    json_object_set_new(o, "fvrf", json_string(a->fvrf));
    json_object_set_new(o, "profile", json_string(a->profile));
    json_object_set_new(o, "interface", json_string(a->interface));
    json_object_set_new(o, "spi_i", json_string(cli_spi(a->spi_i, i)));
    json_object_set_new(o, "spi_r", json_string(cli_spi(a->spi_r, r)));
    json_object_set_new(o, "text", json_string(item->text));
    char *text = json_dumps(o, JSON_COMPACT), *line = NULL;
    if (text && asprintf(&line, "%s\n", text) < 0)
        line = NULL;
    free(text);
    json_decref(o);
    return line;
}

/* Peers choose parts of it: it stays one line. A line for syslog has no facility before it, as on IOS. */
static void line(FILE *f, const char *when, const char *name, uint32_t conn_id, const char *indent,
                 const char *text, const char *where)
{
    if (text[0] == '%')
        fprintf(f, "%s: ", when);
    else
        fprintf(f, "%s: %s:(%u): %s", when, name, conn_id, indent);
    for (; *text; text++)
        fputc((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text, f);
    fprintf(f, "%s\n", where);
}

char *cli_debug_render(const struct cli_debug_item *item, unsigned mask, bool json, uint64_t wall_ms)
{
    unsigned shown = item->facilities & mask;
    bool detail = (shown & (mask >> CLI_DEBUG_DETAIL_SHIFT)) != 0;
    char when[32], where[256], *out = NULL;
    size_t len;
    if (!shown)
        return NULL;
    if (json)
        return render_json(item, shown, wall_ms);
    stamp(wall_ms, when);
    ends(item, detail, where, sizeof where);
    FILE *f = open_memstream(&out, &len);
    if (!f)
        return NULL;
    line(f, when, tag(item, shown), item->about->conn_id, "", item->text, where);
    bool extra = detail || strcmp(item->kind, "message") == 0; /* its payloads */
    for (unsigned i = 0; extra && i < item->extra_count; i++)
        line(f, when, tag(item, shown), item->about->conn_id, "  ", item->extra[i], "");
    if (fclose(f) != 0) {
        free(out);
        return NULL;
    }
    return out;
}
