#include "control/doctor/doc_file.h"
#include "control/doctor/doc_gather.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LOGIN_DEPTH = 32 };

#define PCI_DIR "/sys/bus/pci/devices"
#define NET_DIR "/sys/class/net"

/* The first entry of a directory that is not hidden. */
static bool first_entry(const char *dir, char *out, size_t room)
{
    struct dirent *e;
    DIR *d = opendir(dir);
    out[0] = '\0';
    while (d && !out[0] && (e = readdir(d)) != NULL)
        if (e->d_name[0] != '.')
            snprintf(out, room, "%.*s", (int)room - 1, e->d_name);
    if (d)
        closedir(d);
    return out[0] != '\0';
}

/* The interface of a PCI device; virtio's stands one folder deeper. */
static void interface_of(const char *address, struct doc_port *p)
{
    char dir[512];
    struct dirent *e;
    snprintf(dir, sizeof dir, PCI_DIR "/%s/net", address);
    if (first_entry(dir, p->interface, sizeof p->interface))
        return;
    snprintf(dir, sizeof dir, PCI_DIR "/%s", address);
    DIR *d = opendir(dir);
    while (d && !p->interface[0] && (e = readdir(d)) != NULL) {
        if (strncmp(e->d_name, "virtio", 6) != 0)
            continue;
        snprintf(dir, sizeof dir, PCI_DIR "/%s/%.200s/net", address, e->d_name);
        (void)first_entry(dir, p->interface, sizeof p->interface);
    }
    if (d)
        closedir(d);
}

/* "00..0 00 00..0 00 GATEWAY METRIC REF USE FLAGS INTERFACE"; those that reject reach nothing. */
static bool carries_default6(const char *interface)
{
    enum { RTF_REJECTS = 0x200 };
    char text[16384], destination[33], name[IF_NAMESIZE];
    unsigned length, flags;
    doc_read(text, sizeof text, "/proc/net/ipv6_route");
    for (const char *line = text; line && *line; line = strchr(line, '\n'), line += line != NULL)
        if (sscanf(line, "%32s %x %*s %*s %*s %*s %*s %*s %x %15s", destination, &length, &flags, name) ==
                4 &&
            length == 0 && strspn(destination, "0") == 32 && !(flags & RTF_REJECTS) &&
            strcmp(name, interface) == 0)
            return true;
    return false;
}

/* Of the main table; culvert-bind looks further. */
static bool carries_default(const char *interface)
{
    char text[16384], name[IF_NAMESIZE];
    unsigned destination, gateway, flags, refs, use, metric, mask;
    doc_read(text, sizeof text, "/proc/net/route");
    for (char *line = strchr(text, '\n'); line; line = strchr(line + 1, '\n'))
        if (sscanf(line + 1, "%15s %x %x %x %u %u %u %x", name, &destination, &gateway, &flags, &refs, &use,
                   &metric, &mask) == 8 &&
            destination == 0 && mask == 0 && strcmp(name, interface) == 0)
            return true;
    return carries_default6(interface);
}

/* Link-local IPv6 addresses do not count: the kernel makes them by itself. */
static int address_count(const char *interface)
{
    struct ifaddrs *all = NULL;
    int n = 0;
    if (getifaddrs(&all) != 0)
        return 0;
    for (struct ifaddrs *a = all; a; a = a->ifa_next) {
        if (!a->ifa_addr || strcmp(a->ifa_name, interface) != 0)
            continue;
        if (a->ifa_addr->sa_family == AF_INET)
            n++;
        else if (a->ifa_addr->sa_family == AF_INET6) {
            struct sockaddr_in6 in6;
            memcpy(&in6, a->ifa_addr, sizeof in6);
            n += !IN6_IS_ADDR_LINKLOCAL(&in6.sin6_addr);
        }
    }
    freeifaddrs(all);
    return n;
}

/* "CLIENT 50000 SERVER 22" of the SSH session that this process is in; sudo drops it, so its parents are asked, too. */
static void login_address(char out[INET6_ADDRSTRLEN])
{
    char text[16384], variable[] = "SSH_CONNECTION=";
    int pid = (int)getpid(), parent;
    out[0] = '\0';
    for (unsigned depth = 0; depth < LOGIN_DEPTH && pid > 1; depth++, pid = parent) {
        char name[64];
        snprintf(name, sizeof name, "/proc/%d/environ", pid);
        FILE *f = fopen(name, "re");
        const size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
        if (f)
            fclose(f);
        text[n] = '\0';
        for (const char *at = text; at < text + n; at += strlen(at) + 1)
            if (strncmp(at, variable, sizeof variable - 1) == 0 &&
                sscanf(at + sizeof variable - 1, "%*s %*s %45s", out) == 1)
                return;
        doc_read(text, sizeof text, "/proc/%d/stat", pid);
        const char *end = strrchr(text, ')');
        if (!end || sscanf(end, ") %*c %d", &parent) != 1)
            return;
    }
}

static bool carries_login(const char *interface)
{
    struct ifaddrs *all = NULL;
    char login[INET6_ADDRSTRLEN], text[INET6_ADDRSTRLEN];
    bool found = false;
    login_address(login);
    if (!login[0] || getifaddrs(&all) != 0)
        return false;
    for (struct ifaddrs *a = all; a && !found; a = a->ifa_next) {
        if (!a->ifa_addr || strcmp(a->ifa_name, interface) != 0)
            continue;
        const void *from =
            a->ifa_addr->sa_family == AF_INET
                ? (const void *)&((const struct sockaddr_in *)(const void *)a->ifa_addr)->sin_addr
                : (const void *)&((const struct sockaddr_in6 *)(const void *)a->ifa_addr)->sin6_addr;
        found = (a->ifa_addr->sa_family == AF_INET || a->ifa_addr->sa_family == AF_INET6) &&
                inet_ntop(a->ifa_addr->sa_family, from, text, sizeof text) && strcmp(text, login) == 0;
    }
    freeifaddrs(all);
    return found;
}

static void link_look(struct doc_port *p)
{
    p->up = (doc_number(0, NET_DIR "/%s/flags", p->interface) & IFF_UP) != 0;
    p->carrier = doc_number(0, NET_DIR "/%s/carrier", p->interface) == 1;
    p->addresses = address_count(p->interface);
    p->default_route = carries_default(p->interface);
    p->login = carries_login(p->interface);
}

/* device: an address, arguments behind a comma. */
static void pci(const char *device, struct doc_port *p)
{
    char address[DOC_NAME], text[DOC_NAME];
    int room = (int)strcspn(device, ",");
    bool has_domain = strchr(device, ':') != strrchr(device, ':');
    snprintf(address, sizeof address, "%s%.*s", has_domain ? "" : "0000:", room, device);
    p->found = doc_exists(PCI_DIR "/%s", address);
    if (!p->found)
        return;
    snprintf(p->ids, sizeof p->ids, "%04lx:%04lx", doc_number(0, PCI_DIR "/%s/vendor", address) & 0xffff,
             doc_number(0, PCI_DIR "/%s/device", address) & 0xffff);
    (void)doc_link(p->driver, sizeof p->driver, PCI_DIR "/%s/driver", address);
    p->numa = (int)doc_number(-1, PCI_DIR "/%s/numa_node", address);
    if (doc_link(text, sizeof text, PCI_DIR "/%s/iommu_group", address) &&
        sscanf(text, "%d", &p->group) == 1) {
        doc_read(text, sizeof text, "/sys/kernel/iommu_groups/%d/name", p->group);
        p->no_iommu = strstr(text, "noiommu") != NULL;
        p->group_node = doc_exists("/dev/vfio/%s%d", p->no_iommu ? "noiommu-" : "", p->group);
    }
    interface_of(address, p);
    if (p->interface[0])
        link_look(p);
}

/* net_af_packet,iface=eth1: those drivers open an interface of the kernel's; net_tap and others make theirs. */
static void vdev(const struct platform_port *c, struct doc_port *p)
{
    if (strncmp(c->device, "net_af_packet", 13) != 0 && strncmp(c->device, "net_af_xdp", 10) != 0 &&
        strncmp(c->device, "net_pcap", 8) != 0)
        return;
    const char *at = strstr(c->device, ",iface=");
    if (!at)
        return;
    at += strlen(",iface=");
    snprintf(p->interface, sizeof p->interface, "%.*s", (int)strcspn(at, ","), at);
    p->found = !strchr(p->interface, '/') && doc_exists(NET_DIR "/%s", p->interface);
    if (p->found)
        link_look(p);
}

void doc_gather_ports(struct doc_snapshot *s)
{
    char name[DOC_NAME];
    s->iommu = first_entry("/sys/kernel/iommu_groups", name, sizeof name);
    s->vfio_loaded = doc_exists("/sys/module/vfio_pci");
    platform_crypto_pci(&s->platform, s->crypto_address);
    s->crypto.group = s->crypto.numa = -1;
    if (s->crypto_address[0])
        pci(s->crypto_address, &s->crypto);
    for (unsigned i = 0; i < s->platform.port_count; i++) {
        struct doc_port *p = &s->ports[i];
        p->group = p->numa = -1;
        if (s->platform.ports[i].is_pci)
            pci(s->platform.ports[i].device, p);
        else
            vdev(&s->platform.ports[i], p);
    }
}
