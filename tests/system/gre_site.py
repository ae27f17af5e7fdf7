"""One culvert-dp with a GRE tunnel, and scapy as the router at its other end: independent of our code in GRE and in ESP.

    left host -- A -- peer (raw frames; the kernel answers ARP and ND only)
    10.1.0.2     192.0.2.1      192.0.2.2
    fd00:1::2    2001:db8::1    2001:db8::2

Behind the peer lie 10.2.0.0/24 and fd00:2::/64. The left host's kernel answers what comes through the tunnel: one
exchange shows both directions.
"""
import logging
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "interop"))
sys.path.insert(0, HERE)
from case import Skip  # noqa: E402
from dp_site import Gateway, SPI_A, SPI_B  # noqa: E402
from net import Lab  # noqa: E402

logging.getLogger("scapy").setLevel(logging.ERROR)
try:
    from scapy.layers.inet import ICMP, IP, TCP, UDP
    from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6
    from scapy.layers.ipsec import ESP, SecurityAssociation
    from scapy.layers.l2 import GRE, Ether
    from scapy.packet import Raw
except ImportError as e:
    print("SKIP test_gre: %s" % e)
    sys.exit(77)

TUNNEL, KEY = 10, 0xC0FFEE
OUTER = {4: ("192.0.2.1", "192.0.2.2"), 6: ("2001:db8::1", "2001:db8::2")}

# Sends the frames of a file, then prints what came in meanwhile and for some time more.
EXCHANGE = """
import socket, sys, time
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
s.bind((sys.argv[1], 0))
print("ready", flush=True)
for line in open(sys.argv[2]).read().split():
    s.send(bytes.fromhex(line))
    time.sleep(0.002)
end = time.monotonic() + float(sys.argv[3])
while True:
    left = end - time.monotonic()
    if left <= 0:
        break
    s.settimeout(left)
    try:
        data, where = s.recvfrom(65535)
    except socket.timeout:
        break
    if where[2] != socket.PACKET_OUTGOING:
        print(data.hex(), flush=True)
"""


def keys(seed):
    """As dpctl makes them for gcm128."""
    return bytes(seed + k for k in range(16)) + bytes(seed + 100 + k for k in range(4))


class GreSite:
    """protect: "", "tunnel", "transport", "transport-natt". key: the tunnel's, or None."""

    def __init__(self, title, outer=4, key=None, protect="", tunnel="", port=""):
        self.lab = lab = Lab("gre-" + title)
        self.outer, self.key, self.protect = outer, key, protect
        self.left, self.peer = lab.ns("left"), lab.ns("peer")
        self.a = Gateway(lab, "a")
        lab.veth(self.left, "eth0", self.a.ns, "in0")
        lab.veth(self.peer, "eth0", self.a.ns, "out0")
        for name in ("in0", "out0"):
            lab.bare_port(self.a.ns, name)
        self.left.address("eth0", "10.1.0.2/24", "fd00:1::2/64")
        self.left.route("default", "10.1.0.1")
        self.left.run("ip", "-6", "route", "add", "default", "via", "fd00:1::1")
        self.peer.address("eth0", "192.0.2.2/24", "2001:db8::2/64")
        self.a.start()
        self.mac = self.a.ns.run("cat", "/sys/class/net/out0/address").stdout.strip()
        self.left_mac = self.a.ns.run("cat", "/sys/class/net/in0/address").stdout.strip()
        self.a.ctl("""
            if-port 1 Ethernet0/0 Ethernet0/0
            if-port 2 Ethernet0/1 Ethernet0/1 %(port)s
            addr 1 10.1.0.1/24
            addr 1 fd00:1::1/64
            addr 2 192.0.2.1/24
            addr 2 2001:db8::1/64
            %(tunnel)s
            addr 10 172.16.0.1/30
            addr 10 fd00:ff::1/64
            if-loopback 20 Loopback0
            addr 20 10.200.0.1/32
            addr 20 fd00:200::1/128
            route 0 10.2.0.0/24 dev 10
            route 0 fd00:2::/64 dev 10
            """ % dict(port=port, tunnel=self.tunnel_line(tunnel)))
        self.sa_in = self.sa_out = None
        if protect:
            self.sas()

    def tunnel_line(self, options="", protected=None):
        words = ["if-tunnel %d Tunnel1 %s %s %s ttl 255" % ((TUNNEL, "gre" if self.outer == 4 else "gre6") + OUTER[self.outer])]
        if self.key is not None:
            words.append("key %d" % self.key)
        if self.protect if protected is None else protected:
            words.append("protected")
        return " ".join(words + [options])

    def scapy_sa(self, spi, seed, src, dst):
        ip = IP if self.outer == 4 else IPv6
        return SecurityAssociation(ESP, spi=spi, crypt_algo="AES-GCM", crypt_key=keys(seed),
                                   tunnel_header=ip(src=src, dst=dst) if self.protect == "tunnel" else None)

    def sas(self, selectors="hosts 47", interface=TUNNEL, slot=1, activate=True):
        """One SA each way of the tunnel (or of another interface), and scapy's view of them."""
        ours, theirs = OUTER[self.outer]
        mode = " transport" if self.protect.startswith("transport") else ""
        natt = " ports 4500 4500" if self.protect.endswith("natt") else ""
        spi_a, spi_b = SPI_A + slot - 1, SPI_B + slot - 1
        for way, spi, seed in (("in", spi_a, 1), ("out", spi_b, 2)):
            self.a.ctl("sa %s %d %#x %d gcm128 %d %s %s%s%s %s" %
                       (way, slot, spi, interface, seed, ours, theirs, natt, mode, selectors))
        if activate:
            self.a.ctl("activate %d %#x" % (slot, spi_b))
        self.sa_in = self.scapy_sa(spi_a, 1, theirs, ours)
        self.sa_out = self.scapy_sa(spi_b, 2, ours, theirs)
        self.seq = 0

    # frames ----------------------------------------------------------------------------------------------------
    def header(self, **fields):
        ours, theirs = OUTER[self.outer]
        return IP(src=theirs, dst=ours, **fields) if self.outer == 4 else IPv6(src=theirs, dst=ours, **fields)

    def gre(self, inner, key="own", **fields):
        """inner in GRE, as the peer sends it."""
        head = {k: fields.pop(k) for k in ("tos", "tc", "id", "frag", "flags") if k in fields}
        if key == "own":
            key = self.key
        if key is not None:
            fields.update(key_present=1, key=key)
        proto = 0x0800 if isinstance(inner, IP) else 0x86dd
        return self.header(**head) / GRE(**dict(dict(proto=proto), **fields)) / inner

    def sealed(self, packet):
        """By the inbound SA, when there is one."""
        if not self.sa_in:
            return packet
        self.seq += 1
        self.sa_in.seq_num = self.seq
        packet = packet.__class__(bytes(packet))
        if self.protect.startswith("transport") and self.outer == 4:
            del packet.chksum
        packet = self.sa_in.encrypt(packet)
        return self.in_udp(packet) if self.protect.endswith("natt") else packet

    def in_udp(self, packet):
        """RFC 3948 2.1, by hand."""
        packet = packet.__class__(bytes(packet))
        esp = bytes(packet[ESP])
        packet[ESP].underlayer.remove_payload()
        if self.outer == 4:
            packet.proto, packet.len, packet.chksum = 17, None, None
            return packet / UDP(sport=4500, dport=4500, chksum=0) / Raw(esp)
        packet.nh, packet.plen = 17, None
        return packet / UDP(sport=4500, dport=4500) / Raw(esp)

    def out_of_udp(self, packet):
        esp = bytes(packet[UDP].payload)
        packet.remove_payload()
        if self.outer == 4:
            packet.proto, packet.len, packet.chksum = 50, None, None
        else:
            packet.nh, packet.plen = 50, None
        return packet.__class__(bytes(packet / Raw(esp)))

    def exchange(self, packets, seconds=0.6, ns=None):
        """The peer sends; gives the IP packets that came in. packets: IP layers or finished octets."""
        ns = ns or self.peer
        mac = self.mac if ns is self.peer else self.left_mac
        src = ns.run("cat", "/sys/class/net/eth0/address").stdout.strip()
        lines = []
        for p in packets:
            six = (bytes(p)[0] >> 4) == 6
            lines.append(bytes(Ether(dst=mac, src=src, type=0x86dd if six else 0x0800) / Raw(bytes(p))).hex())
        path = self.lab.write("frames.hex", "\n".join(lines))
        done = subprocess.run(ns.argv("/usr/bin/python3", "-c", EXCHANGE, "eth0", path, str(seconds)),
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)
        if done.returncode != 0:
            raise Skip("no raw socket: %s" % done.stderr[-200:])
        return [bytes.fromhex(x) for x in done.stdout.split()[1:]]

    def listen(self, ns, seconds):
        """Starts receiving; stop() of the result gives the frames."""
        path = self.lab.write("none.hex", "")
        process = subprocess.Popen(ns.argv("/usr/bin/python3", "-c", EXCHANGE, "eth0", path, str(seconds)),
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        process.stdout.readline()  # ready
        return process

    def collected(self, process):
        return [bytes.fromhex(x) for x in process.communicate(timeout=60)[0].split()]

    def opened(self, frames):
        """Of frames that A sent: the GRE packets, decrypted by scapy where there is an SA. In clear and protected: none."""
        out = []
        for f in frames:
            p = Ether(f).payload
            if not isinstance(p, (IP, IPv6)) or p.src != OUTER[self.outer][0]:
                continue
            if self.sa_out:
                if self.protect.endswith("natt") and UDP in p and p[UDP].dport == 4500:
                    p = self.out_of_udp(p)
                if ESP not in p or p[ESP].spi != self.sa_out.spi:
                    continue
                p = self.sa_out.decrypt(p)
            if GRE in p:
                out.append(p.__class__(bytes(p)))
        return out

    def close(self):
        self.lab.close()

    def drops(self, *names):
        now = self.a.drops()
        return tuple(now.get(n, 0) for n in names)


def echo(family, seq=1, size=56, **fields):
    """An echo request from behind the peer to the left host."""
    data = Raw(bytes(i & 255 for i in range(size)))
    if family == 4:
        return IP(**dict(dict(src="10.2.0.2", dst="10.1.0.2"), **fields)) / ICMP(id=7, seq=seq) / data
    return IPv6(**dict(dict(src="fd00:2::2", dst="fd00:1::2"), **fields)) / ICMPv6EchoRequest(id=7, seq=seq, data=data.load)


def is_reply(p, to=None, src=None):
    """The inner packet of GRE is an echo reply."""
    inner = p[GRE].payload
    if isinstance(inner, IP):
        return ICMP in inner and inner[ICMP].type == 0 and (src is None or inner.src == src)
    return bytes(inner)[6] == 58 and bytes(inner)[40] == 129 and (src is None or inner.src == src)


__all__ = ["GreSite", "echo", "is_reply", "GRE", "IP", "IPv6", "TCP", "UDP", "ICMP", "ESP", "Raw", "OUTER", "KEY", "TUNNEL", "Ether"]
