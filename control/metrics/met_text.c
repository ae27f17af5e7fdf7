#include "control/ike/ike.h"
#include "control/metrics/met_row.h"
#include "control/pki/pki.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void met_family(FILE *f, const char *name, const char *type, const char *help)
{
    fprintf(f, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void met_label(FILE *f, const char *name, const char *value, size_t most)
{
    fprintf(f, "%s=\"", name);
    for (size_t i = 0; i < most && value[i]; i++) {
        unsigned char c = (unsigned char)value[i];
        if (c == '\\' || c == '"')
            fputc('\\', f);
        fputc(c < 0x20 || c > 0x7e ? '?' : c, f);
    }
    fputc('"', f);
}

/* ---- IKE -------------------------------------------------------------------------------------------------------------- */
static void ike_counters_text(FILE *f, struct ike *e)
{
    const struct ike_counters *n = ike_counters(e);
#define ROW(name)                                                                                            \
    met_family(f, "culvert_ike_" #name "_total", "counter", "IKE: " #name);                                  \
    fprintf(f, "culvert_ike_" #name "_total %" PRIu64 "\n", n->name);
    IKE_COUNTERS(ROW)
#undef ROW
}

enum { STATUSES = 8, VERSIONS = 3 };
struct count {
    unsigned sessions[STATUSES], sas[VERSIONS];
};

static void count_session(void *ctx, const struct ike_session_view *v)
{
    struct count *c = ctx;
    if ((unsigned)v->status < STATUSES)
        c->sessions[v->status]++;
}

static void count_sa(void *ctx, const struct ike_sa_view *v)
{
    struct count *c = ctx;
    if (v->ready && v->version < VERSIONS)
        c->sas[v->version]++;
}

static void ike_gauges_text(FILE *f, struct ike *e)
{
    struct count c = {0};
    ike_each_session(e, count_session, &c);
    ike_each_sa(e, count_sa, &c);
    met_family(f, "culvert_sessions", "gauge", "Protected tunnels and flows by status");
    for (unsigned i = 0; i < STATUSES; i++)
        if (ike_session_status_text((enum ike_session_status)i)[0] != '?')
            fprintf(f, "culvert_sessions{status=\"%s\"} %u\n",
                    ike_session_status_text((enum ike_session_status)i), c.sessions[i]);
    met_family(f, "culvert_ike_sas", "gauge", "Established IKE SAs by version");
    for (unsigned v = 1; v < VERSIONS; v++)
        fprintf(f, "culvert_ike_sas{version=\"%u\"} %u\n", v, c.sas[v]);
}

/* ---- data plane ---------------------------------------------------------------------------------------------------------- */
static void workers_text(FILE *f, const struct shm *s)
{
    const unsigned workers = shm_workers_ever(s); /* counters do not go away with those who counted */
    met_family(f, "culvert_worker_rx_packets_total", "counter", "Packets received by a worker");
    for (unsigned i = 0; i < workers; i++)
        fprintf(f, "culvert_worker_rx_packets_total{worker=\"%u\"} %" PRIu64 "\n", i,
                shm_worker_stats(s, i)->rx_packets);
    met_family(f, "culvert_worker_tx_packets_total", "counter", "Packets sent by a worker");
    for (unsigned i = 0; i < workers; i++)
        fprintf(f, "culvert_worker_tx_packets_total{worker=\"%u\"} %" PRIu64 "\n", i,
                shm_worker_stats(s, i)->tx_packets);
    met_family(f, "culvert_worker_busy_cycles_total", "counter", "TSC cycles in loops that had packets");
    for (unsigned i = 0; i < workers; i++)
        fprintf(f, "culvert_worker_busy_cycles_total{worker=\"%u\"} %" PRIu64 "\n", i,
                shm_worker_stats(s, i)->busy_cycles);
}

static void drops_text(FILE *f, const struct shm *s)
{
    met_family(f, "culvert_drops_total", "counter", "Packets dropped, by reason");
    for (unsigned r = 1; r < CV_DROP_COUNT; r++) {
        uint64_t n = 0;
        for (unsigned w = 0; w <= s->workers; w++) /* the last is the manager's */
            n += shm_worker_stats(s, w)->drops[r];
        fprintf(f, "culvert_drops_total{reason=\"%s\"} %" PRIu64 "\n", cv_drop_name((enum cv_drop)r), n);
    }
}

static void port_row(FILE *f, const struct cv_port_stats *p, const char *name, uint64_t n)
{
    fprintf(f, "%s{", name);
    met_label(f, "port", p->name, sizeof p->name);
    fprintf(f, "} %" PRIu64 "\n", n);
}

static void ports_text(FILE *f, const struct shm *s)
{
    unsigned n = s->head->ports < CV_MAX_PORTS ? s->head->ports : CV_MAX_PORTS;
    met_family(f, "culvert_port_up", "gauge", "1 while the port has a link");
    for (unsigned i = 0; i < n; i++)
        port_row(f, shm_port_stats(s, i), "culvert_port_up", shm_port_stats(s, i)->link_up ? 1 : 0);
    met_family(f, "culvert_port_rx_bytes_total", "counter", "Octets received by a port");
    for (unsigned i = 0; i < n; i++)
        port_row(f, shm_port_stats(s, i), "culvert_port_rx_bytes_total", shm_port_stats(s, i)->rx_bytes);
    met_family(f, "culvert_port_tx_bytes_total", "counter", "Octets sent by a port");
    for (unsigned i = 0; i < n; i++)
        port_row(f, shm_port_stats(s, i), "culvert_port_tx_bytes_total", shm_port_stats(s, i)->tx_bytes);
    met_family(f, "culvert_port_rx_missed_total", "counter", "Packets for which the port had no room");
    for (unsigned i = 0; i < n; i++)
        port_row(f, shm_port_stats(s, i), "culvert_port_rx_missed_total", shm_port_stats(s, i)->rx_missed);
}

/* ---- certificates ------------------------------------------------------------------------------------------------------- */
static void expiry_row(FILE *f, const struct pki_trustpoint *t, const char *kind, const struct pki_cert *c)
{
    fputs("culvert_certificate_not_after_seconds{", f);
    met_label(f, "trustpoint", t->name, sizeof t->name);
    fprintf(f, ",kind=\"%s\"} %lld\n", kind, (long long)pki_cert_not_after(c));
}

static void certificates_text(FILE *f, const struct pki *p)
{
    const struct pki_trustpoint *list[PKI_TRUSTPOINTS_MAX];
    unsigned n = pki_list(p, list);
    met_family(f, "culvert_certificate_not_after_seconds", "gauge",
               "When a trust-point's certificate ends, seconds since 1970");
    for (unsigned i = 0; i < n; i++) {
        if (list[i]->own)
            expiry_row(f, list[i], "own", list[i]->own);
        if (list[i]->ca)
            expiry_row(f, list[i], "ca", list[i]->ca);
    }
    met_family(f, "culvert_trustpoint_usable", "gauge",
               "1 while the trust-point has a certificate and key that are valid now");
    for (unsigned i = 0; i < n; i++) {
        fputs("culvert_trustpoint_usable{", f);
        met_label(f, "trustpoint", list[i]->name, sizeof list[i]->name);
        fprintf(f, "} %d\n", pki_usable(p, list[i]) ? 1 : 0);
    }
}

char *met_text(const struct met_env *env)
{
    char *text = NULL;
    size_t len;
    FILE *f = open_memstream(&text, &len);
    if (!f)
        return NULL;
    struct ike *e = env->ike(env->ctx);
    const struct shm *s = env->shm(env->ctx);
    const struct pki *p = env->pki(env->ctx);
    met_family(f, "culvert_info", "gauge", "Always 1; the version");
    fprintf(f, "culvert_info{version=\"%s\"} 1\n", env->version);
    met_family(f, "culvert_dataplane_up", "gauge", "1 while the data plane is there and configured");
    fprintf(f, "culvert_dataplane_up %d\n", s ? 1 : 0);
    if (e) {
        ike_counters_text(f, e);
        ike_gauges_text(f, e);
    }
    if (s) {
        workers_text(f, s);
        drops_text(f, s);
        ports_text(f, s);
        met_if_text(f, env, s);
    }
    if (p)
        certificates_text(f, p);
    if (fclose(f) != 0) {
        free(text);
        return NULL;
    }
    return text;
}
