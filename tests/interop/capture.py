"""Captures in a namespace, and the IKE and ESP messages inside them."""
import os
import struct
import time

from net import LabError, wait_for


class Capture:
    """tcpdump on an interface from construction to stop()."""

    def __init__(self, ns, interface, name="capture", what="udp port 500 or udp port 4500 or esp"):
        self.ns = ns
        self.path = ns.lab.path(name + ".pcap")
        self.process = ns.start(name, "tcpdump", "--immediate-mode", "-ni", interface, "-U", "-s", "0", "-w", self.path, *what.split())
        log = self.process.log_path

        def listening():
            with open(log) as f:
                return "listening on" in f.read()
        wait_for("tcpdump to listen", listening, 10)

    def stop(self):
        time.sleep(0.2)
        self.ns.lab.stop(self.process)
        return self.path


class Datagram:
    """One UDP datagram of a capture: at (s), src, dst (address, port), data."""

    def __init__(self, at, src, dst, data):
        self.at, self.src, self.dst, self.data = at, src, dst, data

    @property
    def ike(self):
        """The IKE message without the non-ESP marker, or None."""
        if 500 in (self.src[1], self.dst[1]):
            return self.data
        if len(self.data) >= 32 and self.data[:4] == b"\0\0\0\0":
            return self.data[4:]
        return None

    @property
    def esp(self):
        """The ESP packet inside UDP (RFC 3948), or None."""
        if 500 in (self.src[1], self.dst[1]) or len(self.data) < 8 or self.data[:4] == b"\0\0\0\0":
            return None
        return self.data


def datagrams(path):
    """UDP over IPv4 over Ethernet in a pcap file, in order."""
    if not os.path.exists(path):
        raise LabError("no capture at %s" % path)
    with open(path, "rb") as f:
        blob = f.read()
    order = "<" if blob[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    at, found = 24, []
    while at + 16 <= len(blob):
        seconds, fraction, kept, _ = struct.unpack(order + "IIII", blob[at:at + 16])
        frame = blob[at + 16:at + 16 + kept]
        at += 16 + kept
        if len(frame) < 42 or frame[12:14] != b"\x08\x00" or frame[23] != 17:
            continue
        ihl = (frame[14] & 15) * 4
        total = struct.unpack("!H", frame[16:18])[0]
        udp = frame[14 + ihl:14 + total]
        sport, dport, length = struct.unpack("!HHH", udp[:6])
        found.append(Datagram(seconds + fraction / 1e6, (address(frame[26:30]), sport), (address(frame[30:34]), dport),
                              udp[8:length]))
    return found


def address(octets):
    return ".".join(str(b) for b in octets)
