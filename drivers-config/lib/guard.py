"""Which interfaces must not be taken away: those that carry the default route, or the login of whoever asks.

An interface above (bond, bridge, VLAN) passes its protection down to the cards below it.
"""
import ipaddress
import os
import socket
import struct

ESTABLISHED = "01"
SSH_PORT = 22
NO_ROUTE_FLAGS = 0x0200  # RTF_REJECT


def _default_by_proc(machine):
    found = set()
    for line in (machine.read("/proc/net/route", "") or "").splitlines()[1:]:
        f = line.split()
        if len(f) > 7 and f[1] == "00000000" and f[7] == "00000000" and not int(f[3], 16) & NO_ROUTE_FLAGS:
            found.add(f[0])
    for line in (machine.read("/proc/net/ipv6_route", "") or "").splitlines():
        f = line.split()
        if len(f) > 9 and f[0] == "0" * 32 and f[1] == "00" and not int(f[8], 16) & NO_ROUTE_FLAGS:
            found.add(f[9])
    return found


def default_routes(machine):
    """Interfaces of default routes of any table and family."""
    found = _default_by_proc(machine)
    for family in ("-4", "-6"):
        for route in machine.ip(family, "route", "show", "table", "all", "default"):
            hops = route.get("nexthops") or [route]
            found.update(h["dev"] for h in hops if h.get("dev"))
    return found - {"lo"}


def _parent(machine, pid):
    text = machine.read("/proc/%d/stat" % pid, "")
    try:
        return int(text.rsplit(")", 1)[1].split()[1])
    except (IndexError, ValueError):
        return 0


def _ssh_connections(machine, pid=None):
    """(peer, local address, local port) of SSH_CONNECTION in this process's environment and in its parents': sudo removes it,
    the shell above still has it."""
    texts, pid = [os.environ.get("SSH_CONNECTION", "") if machine.real or pid is None else ""], pid or os.getpid()
    while pid > 1:
        environ = machine.read("/proc/%d/environ" % pid, "") or ""
        texts += [w[len("SSH_CONNECTION="):] for w in environ.split("\0") if w.startswith("SSH_CONNECTION=")]
        pid = _parent(machine, pid)
    found = set()
    for text in texts:
        f = text.split()
        if len(f) == 4 and f[3].isdigit():
            found.add((f[0].split("%")[0], f[2].split("%")[0], int(f[3])))
    return found


def _address_of(hexadecimal):
    """An address as /proc/net/tcp and tcp6 write it: 32-bit words in the machine's order."""
    raw = b"".join(struct.pack("=I", int(hexadecimal[i:i + 8], 16)) for i in range(0, len(hexadecimal), 8))
    if len(raw) == 4:
        return socket.inet_ntop(socket.AF_INET, raw)
    address = ipaddress.ip_address(raw)
    return str(address.ipv4_mapped or address)


def _logins_by_socket(machine, ports):
    """(peer, local address) of established connections to the ports that SSH serves."""
    found = set()
    for table in ("tcp", "tcp6"):
        for line in (machine.read("/proc/net/%s" % table, "") or "").splitlines()[1:]:
            f = line.split()
            if len(f) < 4 or f[3] != ESTABLISHED:
                continue
            local, port = f[1].split(":")
            if int(port, 16) in ports:
                found.add((_address_of(f[2].split(":")[0]), _address_of(local)))
    return found


def logins(machine, pid=None):
    """Interface -> peer of the SSH sessions: the interface that has the session's address, and the one towards its peer."""
    named = _ssh_connections(machine, pid)
    pairs = {(peer, local) for peer, local, _ in named}
    pairs |= _logins_by_socket(machine, {SSH_PORT} | {port for _, _, port in named})
    found = {}
    by_address = {a.get("local"): link.get("ifname") for link in machine.ip("addr", "show")
                  for a in link.get("addr_info", [])}
    for peer, local in sorted(pairs):
        for route in machine.ip("route", "get", peer):
            if route.get("dev"):
                found.setdefault(route["dev"], peer)
        if local in by_address:
            found.setdefault(by_address[local], peer)
    found.pop("lo", None)
    return found


def _below(machine, interface, seen):
    if interface in seen:
        return
    seen.add(interface)
    for name in machine.names("/sys/class/net/%s" % interface):
        if name.startswith("lower_"):
            _below(machine, name[len("lower_"):], seen)


def protected(machine, pid=None):
    """Interface -> why it must stay, for all cards below what is in use."""
    reasons = {}
    for interface in default_routes(machine):
        reasons.setdefault(interface, "carries the default route")
    for interface, peer in logins(machine, pid).items():
        reasons[interface] = "carries the login from %s" % peer
    found = {}
    for interface, why in sorted(reasons.items()):
        below = set()
        _below(machine, interface, below)
        for name in below:
            found.setdefault(name, why if name == interface else "%s (through %s)" % (why, interface))
    return found
