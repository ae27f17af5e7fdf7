"""Captures in a namespace, and the IKE and ESP messages inside them."""
import os
import re
import signal
import struct
import time

from case import check
from net import LabError, wait_for

ANSWERS = 5  # of tcpdump, with nothing read between them


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

    def _counts(self):
        """What tcpdump has told of itself, each time that it was asked: packets captured, received by the filter, dropped by the kernel."""
        with open(self.process.log_path) as f:
            found = re.findall(r"(\d+) packets? captured\D+(\d+) packets? received by filter\D+(\d+) packets? dropped", f.read())
        return [tuple(map(int, counts)) for counts in found]

    def _ask(self):
        """Its counts now; None: it has ended."""
        before = len(self._counts())
        self.process.send_signal(signal.SIGUSR1)
        wait_for("tcpdump to count", lambda: len(self._counts()) > before or self.process.poll() is not None, 10)
        return self._counts()[-1] if self.process.poll() is None else None

    def has_some(self):
        """While it runs: something is in the file."""
        return os.path.exists(self.path) and os.path.getsize(self.path) > 24  # the file's header

    def stop(self):
        """All that the kernel had for it when this was called is in the file: what it still holds when tcpdump ends is lost, which on a busy machine may be
        everything. On a loopback the filter counts packets twice: there it is enough that tcpdump, which answered each time, had no more to read."""
        time.sleep(0.2)
        counts = [self._ask() if self.process.poll() is None else None]

        def has_all():
            counts.append(self._ask())
            if counts[-1] is None or counts[-1][0] >= counts[0][1] - counts[-1][2]:
                return True
            return len(counts) > ANSWERS and len({c[0] for c in counts[-ANSWERS:]}) == 1
        if counts[0]:
            wait_for("tcpdump to have read what came until now: %s" % (counts[0],), has_all, 10)
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


def frames(path):
    """(seconds, frame) of a pcap file, in order."""
    if not os.path.exists(path):
        raise LabError("no capture at %s" % path)
    with open(path, "rb") as f:
        blob = f.read()
    order = "<" if blob[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    at, found = 24, []
    while at + 16 <= len(blob):
        seconds, fraction, kept, _ = struct.unpack(order + "IIII", blob[at:at + 16])
        found.append((seconds + fraction / 1e6, blob[at + 16:at + 16 + kept]))
        at += 16 + kept
    return found


def datagrams(path):
    """UDP over IPv4 over Ethernet in a pcap file, in order; of one in fragments the first, cut."""
    found = []
    for at, frame in frames(path):
        if len(frame) < 42 or frame[12:14] != b"\x08\x00" or frame[23] != 17 or struct.unpack("!H", frame[20:22])[0] & 0x1FFF:
            continue
        ihl = (frame[14] & 15) * 4
        total = struct.unpack("!H", frame[16:18])[0]
        udp = frame[14 + ihl:14 + total]
        sport, dport, length = struct.unpack("!HHH", udp[:6])
        found.append(Datagram(at, (address(frame[26:30]), sport), (address(frame[30:34]), dport), udp[8:length]))
    return found


def ivs_are_single(pcaps, source, iv_len):
    """No sequence number and no IV of an SA of `source` twice in a capture or several; how many packets it looked at."""
    numbers, ivs, count = set(), set(), 0
    for pcap in [pcaps] if isinstance(pcaps, str) else pcaps:
        for d in datagrams(pcap):
            if d.src[0] != source or not d.esp or len(d.esp) < 8 + iv_len:
                continue
            spi, number = struct.unpack("!II", d.esp[:8])
            check((spi, number) not in numbers, "sequence number %d of SPI %#x twice" % (number, spi))
            iv = (spi, d.esp[8:8 + iv_len])
            check(iv not in ivs, "an IV of SPI %#x twice, at number %d" % (spi, number))
            numbers.add((spi, number))
            ivs.add(iv)
            count += 1
    return count


def clear_on_wire(pcap, inside):
    """Frames that show a packet between hosts of `inside` (beginnings of two addresses), wherever in the frame it stands: what was to be encrypted
    and was not has it behind ESP's header. The first few, each as text."""
    ends = [bytes(int(b) for b in net.split(".") if b) for net in inside]
    found = []
    for _, frame in frames(pcap):
        for one, two in (ends, ends[::-1]):
            at = frame.find(one)
            while at >= 0 and frame[at + 4:at + 4 + len(two)] != two:
                at = frame.find(one, at + 1)
            if at >= 0:
                found.append(frame[:at + 8].hex())
                break
    return found[:3]


def address(octets):
    return ".".join(str(b) for b in octets)
