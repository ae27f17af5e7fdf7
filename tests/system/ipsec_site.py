"""One culvert-dp with an IPsec tunnel (VTI) or a crypto map's flow, and scapy as the gateway at its other end: the site of gre_site
without GRE. `selectors`: words for dpctl's SAs."""
from gre_site import ESP, GreSite, IP, IPv6, OUTER, Raw, TUNNEL


class IpsecSite(GreSite):
    def __init__(self, title, outer=4, selectors=""):
        self.selectors = selectors
        super().__init__("ips-" + title, outer=outer, protect="tunnel")

    def tunnel_line(self, options="", protected=None):
        return "if-tunnel %d Tunnel1 %d %s %s %s" % ((TUNNEL, self.outer) + OUTER[self.outer] + (options,))

    def sas(self, selectors=None, **words):
        super().sas(self.selectors if selectors is None else selectors, **words)

    def inward(self, packets, seconds=0.8):
        """The peer sends ready outer packets; what the left host received of IP, as octets."""
        ears = self.listen(self.left, seconds + 0.6)
        back = self.exchange(packets, seconds)
        return [f[14:] for f in self.collected(ears) if f[12:14] in (b"\x08\x00", b"\x86\xdd")], back

    def outward(self, packets, seconds=0.8):
        """The left host sends; what the peer decrypted, as octets, and everything that the left host received meanwhile."""
        ears = self.listen(self.peer, seconds + 0.6)
        back = self.exchange(packets, seconds, self.left)
        opened = []
        for frame in self.collected(ears):
            head = {b"\x08\x00": IP, b"\x86\xdd": IPv6}.get(frame[12:14])
            p = head(frame[14:]) if head else None
            if p is not None and ESP in p and p[ESP].spi == self.sa_out.spi:
                opened.append(bytes(self.sa_out.decrypt(p)))
        return opened, [f[14:] for f in back]

    def learn_neighbours(self):
        """Both neighbours are known to A afterwards."""
        for ns, targets in ((self.left, ("10.1.0.1", "fd00:1::1")), (self.peer, ("192.0.2.1", "2001:db8::1"))):
            for target in targets:
                ns.run("ping", "-n", "-c", "2", "-i", "0.2", "-W", "1", target, check=False)


def behind(ip6, headers, proto, payload):
    """ip6: 40 octets of an IPv6 header; headers: [(number, octets whose first is to be filled)]; proto and payload follow."""
    out, numbers = b"", [n for n, _ in headers] + [proto]
    for i, (_, octets) in enumerate(headers):
        out += bytes([numbers[i + 1]]) + octets[1:]
    out += payload
    return ip6[:4] + len(out).to_bytes(2, "big") + bytes([numbers[0]]) + ip6[7:40] + out


HBH = (0, b"\0\0\1\4\0\0\0\0")
DEST = (60, b"\0\0\1\4\0\0\0\0")
LONG_DEST = (60, b"\0\1\1\x0c" + bytes(12))
ATOMIC = (44, b"\0\0\0\0\0\0\0\x2a")


def routing(kind, left):
    return (43, bytes([0, 2, kind, left]) + bytes(20))


def option(kind):
    return (60, bytes([0, 0, kind, 2, 9, 9, 0, 0]))


__all__ = ["IpsecSite", "behind", "HBH", "DEST", "LONG_DEST", "ATOMIC", "routing", "option", "IP", "IPv6", "ESP", "Raw", "OUTER", "TUNNEL"]
