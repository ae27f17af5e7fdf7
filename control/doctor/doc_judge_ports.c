#include "control/doctor/doc_judge.h"

#include <stdio.h>
#include <string.h>

static bool is(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

/* Drivers that DPDK works beside: nothing is bound. */
static bool bifurcated(const char *driver)
{
    return is(driver, "mlx5_core") || is(driver, "mlx4_core") || is(driver, "mana");
}

static bool uio(const char *driver)
{
    return is(driver, "uio_pci_generic") || is(driver, "igb_uio");
}

static void address_of(const struct platform_port *p, char out[DOC_NAME])
{
    snprintf(out, DOC_NAME, "%.*s", (int)strcspn(p->device, ","), p->device);
}

static void kernel_holds(const struct platform_port *c, const struct doc_port *p, const char *address,
                         struct doc_findings *f)
{
    doc_add(f, DOC_RED, "port", NULL, "%s: %s (%s) is held by %s%s%s%s", c->name, address, p->ids,
            p->driver[0] ? p->driver : "no driver", p->interface[0] ? " as " : "", p->interface,
            p->default_route ? ", which carries the default route" : "");
    if (p->default_route)
        doc_remedy(f, "take another card; with --force culvert-bind would cut this machine off");
    else
        doc_remedy(f, "culvert-bind bind %s", address);
}

static void far_away(const struct doc_snapshot *s, const struct platform_port *c, const struct doc_port *p,
                     struct doc_findings *f)
{
    unsigned cpus[CV_MAX_WORKERS], n = doc_worker_cpus(s, cpus);
    if (s->node_count < 2 || p->numa < 0)
        return;
    for (unsigned i = 0; i < n; i++)
        if (cpus[i] < DOC_CPUS && s->cpus[cpus[i]].online && s->cpus[cpus[i]].node != p->numa) {
            doc_add(f, DOC_YELLOW, "NUMA", NULL, "%s is on node %d, worker processor %u on node %d", c->name,
                    p->numa, cpus[i], s->cpus[cpus[i]].node);
            doc_remedy(f, "culvert-cores status --nic %.*s shows the near processors",
                       (int)strcspn(c->device, ","), c->device);
            return;
        }
}

static bool vfio_ready(const struct platform_port *c, const struct doc_port *p, struct doc_findings *f)
{
    if (p->group < 0) {
        doc_add(f, DOC_RED, "IOMMU",
                "turn VT-d or AMD-Vi on and boot with intel_iommu=on, or use culvert-bind --driver "
                "uio_pci_generic",
                "%s: bound to vfio-pci without an IOMMU group", c->name);
        return false;
    }
    if (!p->group_node) {
        doc_add(f, DOC_RED, "IOMMU", "modprobe vfio-pci; in a container pass /dev/vfio in",
                "%s: there is no /dev/vfio/%s%d", c->name, p->no_iommu ? "noiommu-" : "", p->group);
        return false;
    }
    return true;
}

/* Nothing is bound, so culvert-bind refuses nothing: culvert would take what comes for the kernel's addresses, the login included. */
static void beside_kernel(const struct platform_port *c, const struct doc_port *p, const char *address,
                          struct doc_findings *f)
{
    if (p->default_route || p->login) {
        doc_add(f, DOC_RED, "port",
                "take another port: culvert would take this machine's own packets on this one",
                "%s: %s (%s) carries %s", c->name, address, p->interface,
                p->login ? "your login" : "the default route");
        return;
    }
    if (p->addresses > 0) {
        doc_add(f, DOC_YELLOW, "port", NULL,
                "%s: the kernel has addresses on %s, too, which it will not hear from", c->name,
                p->interface);
        doc_remedy(f, "ip addr flush dev %s; sysctl net.ipv6.conf.%s.disable_ipv6=1", p->interface,
                   p->interface);
        return;
    }
    doc_add(f, p->carrier ? DOC_GREEN : DOC_YELLOW, "port", NULL, "%s: %s works beside %s (%s, %s)", c->name,
            address, p->driver, p->interface, p->carrier ? "link up" : "no link");
    if (!p->carrier)
        doc_remedy(f, "ip link set %s up; see the cable and its other end", p->interface);
}

/* What DPDK says against a device; true: it was told. */
static bool refused(const struct doc_snapshot *s, const char *name, struct doc_findings *f)
{
    bool any = false;
    for (unsigned i = 0; i < s->dp.device_count; i++) {
        const struct doc_device *d = &s->dp.devices[i];
        if (strcmp(d->name, name) != 0 || !d->why[0])
            continue;
        doc_add(f, DOC_RED, is(name, "eal-args") ? "eal-args" : "port",
                "name a device that DPDK has a driver for (docs/drivers.md; packages librte-meta-net and "
                "librte-meta-crypto), with arguments that the driver takes",
                "%s: %s", name, d->why);
        any = true;
    }
    return any;
}

static void arguments(const struct doc_snapshot *s, struct doc_findings *f)
{
    if (s->dp.arguments[0])
        doc_add(f, DOC_RED, "eal-args", "correct or remove that line of the platform section",
                "DPDK does not take the arguments: %s", s->dp.arguments);
    (void)refused(s, "eal-args", f);
}

static void pci(const struct doc_snapshot *s, const struct platform_port *c, const struct doc_port *p,
                struct doc_findings *f)
{
    char address[DOC_NAME];
    address_of(c, address);
    if (!p->found) {
        doc_add(f, DOC_RED, "port", "`culvert-bind status` lists the cards there are", "%s: no PCI device %s",
                c->name, address);
        return;
    }
    if (refused(s, c->name, f))
        return;
    far_away(s, c, p, f);
    if (bifurcated(p->driver)) {
        beside_kernel(c, p, address, f);
        return;
    }
    bool vfio = is(p->driver, "vfio-pci");
    if (!vfio && !uio(p->driver)) {
        kernel_holds(c, p, address, f);
        return;
    }
    if (vfio && !vfio_ready(c, p, f))
        return;
    if ((!vfio || p->no_iommu) && !s->platform.hugepages) {
        doc_add(f, DOC_RED, "port", "write memory hugepages MIB in the platform section",
                "%s: %s without an IOMMU needs memory that does not move", c->name, p->driver);
        return;
    }
    if (!vfio || p->no_iommu) {
        doc_add(f, DOC_YELLOW, "port", "turn the IOMMU on, then culvert-bind restore and bind again",
                "%s: %s (%s) bound to %s: the card can reach all memory", c->name, address, p->ids,
                p->driver);
        return;
    }
    doc_add(f, DOC_GREEN, "port", NULL, "%s: %s (%s) bound to vfio-pci, IOMMU group %d", c->name, address,
            p->ids, p->group);
}

static void vdev(const struct doc_snapshot *s, const struct platform_port *c, const struct doc_port *p,
                 struct doc_findings *f)
{
    if (refused(s, c->name, f))
        return;
    if (!p->interface[0]) {
        doc_add(f, DOC_GREEN, "port", NULL, "%s: %s, made by DPDK", c->name, c->device);
        return;
    }
    if (!p->found) {
        doc_add(f, DOC_RED, "port", NULL, "%s: no interface %s", c->name, p->interface);
        doc_remedy(f, "`ip link` lists the interfaces of this network namespace");
        return;
    }
    if (p->default_route || p->addresses > 0) {
        doc_add(f, DOC_YELLOW, "port", NULL, "%s: the kernel %s %s, too, and answers there beside culvert",
                c->name, p->default_route ? "has its default route on" : "has addresses on", p->interface);
        doc_remedy(f, "ip addr flush dev %s; sysctl net.ipv6.conf.%s.disable_ipv6=1", p->interface,
                   p->interface);
        return;
    }
    if (!p->up) {
        doc_add(f, DOC_YELLOW, "port", NULL, "%s: %s is down", c->name, p->interface);
        doc_remedy(f, "ip link set %s up", p->interface);
        return;
    }
    doc_add(f, p->carrier ? DOC_GREEN : DOC_YELLOW, "port",
            p->carrier ? NULL : "plug the cable in; see the other end", "%s: %s, %s", c->name, p->interface,
            p->carrier ? "link up" : "no link");
}

static void iommu(const struct doc_snapshot *s, struct doc_findings *f)
{
    bool any = s->crypto_address[0] != '\0';
    for (unsigned i = 0; i < s->platform.port_count; i++)
        any = any || s->platform.ports[i].is_pci;
    if (!any)
        return;
    if (s->iommu)
        doc_add(f, DOC_GREEN, "IOMMU", NULL, "on%s", s->vfio_loaded ? ", vfio-pci loaded" : "");
    else
        doc_add(f, DOC_YELLOW, "IOMMU",
                "turn VT-d or AMD-Vi on in the firmware; Intel: intel_iommu=on on the kernel's command line",
                "none: cards are not confined to culvert's memory");
}

void doc_judge_ports(const struct doc_snapshot *s, struct doc_findings *f)
{
    iommu(s, f);
    arguments(s, f);
    for (unsigned i = 0; i < s->platform.port_count; i++) {
        const struct platform_port *c = &s->platform.ports[i];
        if (c->is_pci)
            pci(s, c, &s->ports[i], f);
        else
            vdev(s, c, &s->ports[i], f);
    }
    if (s->crypto_address[0]) {
        struct platform_port c = {.name = "crypto-engine", .is_pci = true};
        snprintf(c.device, sizeof c.device, "%s", s->crypto_address);
        pci(s, &c, &s->crypto, f);
    }
}
