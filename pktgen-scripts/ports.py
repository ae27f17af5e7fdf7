"""Which ports a run has: `port` lines of the device and of a second gateway, EAL arguments of the generator, everybody's MAC addresses.

  memif                     generator and device are processes of one machine
  CLEAR,ESP                 PCI addresses; the generator's are --gen-ports, the second gateway's --far-ports
  pcap:CLEAR,ESP            net_pcap on network interfaces, the others' likewise
  pcap, pcap:FILE           no generator: net_pcap replays the scenario's packets, or FILE, without end
"""
import os
import re
import struct

from device import Trouble

CLEAR_MAC, ESP_MAC = "02:00:00:00:00:01", "02:00:00:00:00:02"
GEN_MACS = ["02:00:00:00:01:01", "02:00:00:00:01:02"]
FAR_MACS = ["02:00:00:00:00:03", "02:00:00:00:00:04"]
PCAP_MAC = "02:70:63:61:70:%02x"  # what net_pcap gives its ports, by number


class Ports:
    def __init__(self, near, far, gen, macs, gen_macs, far_macs):
        self.near, self.far, self.gen = near, far, gen  # gen: EAL arguments in common, of the clear side's port, of the ESP side's
        self.macs, self.gen_macs, self.far_macs = macs, gen_macs, far_macs


def kind(ports):
    """memif, pci, interfaces or replay."""
    if ports == "memif":
        return "memif"
    if ports == "pcap" or ports.startswith("pcap:"):
        return "interfaces" if "," in ports else "replay"
    return "pci"


def two(words, option, what):
    found = (words or "").split(",")
    if len(found) != 2 or not all(found):
        raise ValueError("%s CLEAR,ESP: %s of two ports" % (option, what))
    return found


def pci(words, option):
    found = two(words, option, "PCI addresses")
    for word in found:
        if not re.fullmatch(r"([0-9a-fA-F]{4,}:)?[0-9a-fA-F]{2}:[0-9a-fA-F]{2}\.[0-7]", word):
            raise ValueError("%s: %s is no PCI address" % (option, word))
    return found


def check(args):
    """What --ports and its like say, checked for a run of args.scenario. ValueError with one line of what is wrong."""
    how = kind(args.ports)
    others = {"--gen-ports": args.gen_ports, "--far-ports": args.far_ports, "--macs": args.macs, "--gen-macs": args.gen_macs,
              "--far-macs": args.far_macs}
    used = {"memif": (), "replay": (), "interfaces": ("--gen-ports", "--far-ports"), "pci": tuple(others)}[how]
    for option, value in others.items():
        if value and option not in used:
            raise ValueError("%s says nothing with --ports %s" % (option, args.ports))
    if how == "replay" and args.scenario not in ("clear", "imix", "esp"):
        raise ValueError("%s cannot be replayed from a pcap: %s" % (args.scenario, "a replay has no time stamps" if args.scenario == "latency" else
                                                                "without a generator nobody lowers the rate until nothing is lost"))
    if how == "replay" and args.pair:
        raise ValueError("--pair needs a generator: what is replayed is counted by one device")
    if args.tx_pcap and how != "replay":
        raise ValueError("--tx-pcap is for --ports pcap")
    if how in ("memif", "replay"):
        return
    if (args.far_ports or args.far_macs) and not args.pair:
        raise ValueError("--far-ports are those of a second gateway: --pair")
    words = [("--ports", args.ports), ("--gen-ports", args.gen_ports)] + ([("--far-ports", args.far_ports)] if args.pair else [])
    macs = [("--macs", args.macs), ("--gen-macs", args.gen_macs)] + ([("--far-macs", args.far_macs)] if args.pair else [])
    for option, said in words:
        if how == "pci":
            pci(said, option)
        else:
            two((said or "").split(":", 1)[-1], option, "network interfaces")
    for option, said in macs if how == "pci" else ():
        for word in two(said, option, "MAC addresses"):
            if not re.fullmatch(r"([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}", word):
                raise ValueError("%s: %s is no MAC address" % (option, word))


def memif(role, ident, work, mac):
    return "net_memif%%d,role=%s,id=%d,socket=%s/memif.sock,socket-abstract=no,mac=%s,rsize=11" % (role, ident, work, mac)


def over_memif(args, work):
    near = ["vdev " + memif("server", 0, work, CLEAR_MAC) % 0, "vdev " + memif("server", 1, work, ESP_MAC) % 1]
    gen = [["--no-pci"], ["--vdev", memif("client", 0, work, GEN_MACS[0]) % 0]]
    macs = [CLEAR_MAC, ESP_MAC]
    if not args.pair:
        return Ports(near, None, gen + [["--vdev", memif("client", 1, work, GEN_MACS[1]) % 1]], macs, GEN_MACS, None)
    link = work + "/link"
    os.mkdir(link)
    far = ["vdev " + memif("server", 2, link, FAR_MACS[0]) % 0, "vdev " + memif("client", 1, work, FAR_MACS[1]) % 1]
    return Ports(near, far, gen + [["--vdev", memif("client", 2, link, GEN_MACS[1]) % 1]], macs, GEN_MACS, FAR_MACS)


def over_cards(args):
    near, gen = ["pci " + x for x in args.ports.split(",")], [[]] + [["-a", x] for x in args.gen_ports.split(",")]
    far = ["pci " + x for x in args.far_ports.split(",")] if args.pair else None
    return Ports(near, far, gen, args.macs.split(","), args.gen_macs.split(","), args.far_macs.split(",") if args.pair else None)


def mac_of(interface):
    try:
        with open("/sys/class/net/%s/address" % interface) as f:
            return f.read().strip()
    except OSError:
        raise Trouble("there is no network interface %s" % interface)


def over_interfaces(args):
    sets = [args.ports.split(":", 1)[1].split(","), args.gen_ports.split(","), args.far_ports.split(",") if args.pair else None]
    macs = [[mac_of(i) for i in pair] if pair else None for pair in sets]
    vdevs = [["net_pcap%d,iface=%s,phy_mac=1" % (n, i) for n, i in enumerate(pair)] if pair else None for pair in sets]
    far = ["vdev " + v for v in vdevs[2]] if args.pair else None
    return Ports(["vdev " + v for v in vdevs[0]], far, [["--no-pci"]] + [["--vdev", v] for v in vdevs[1]], macs[0], macs[1], macs[2])


def replayed(args, work):
    """One port brings the packets of packets.pcap without end, the other takes what comes out."""
    into = "vdev net_pcap0,rx_pcap=%s,infinite_rx=1" % os.path.join(work, "packets.pcap")
    out = "vdev net_pcap1,tx_pcap=%s" % args.tx_pcap if args.tx_pcap else "vdev net_null1,no-rx=1"
    from_esp = args.scenario == "esp"
    mac, none = PCAP_MAC % (1 if from_esp and args.tx_pcap else 0), "02:00:00:00:00:00"
    macs = [none, mac] if from_esp else [mac, none]
    return Ports([out, into] if from_esp else [into, out], None, None, macs, GEN_MACS, None)


def ports_of(args, work):
    how = kind(args.ports)
    if how == "memif":
        return over_memif(args, work)
    if how == "replay":
        return replayed(args, work)
    return over_cards(args) if how == "pci" else over_interfaces(args)


def pcap_frames(path):
    """The frames of a pcap file of Ethernet, in micro- or nanoseconds, either byte order."""
    with open(path, "rb") as f:
        head = f.read(24)
        order = {b"\xd4\xc3\xb2\xa1": "<", b"\x4d\x3c\xb2\xa1": "<", b"\xa1\xb2\xc3\xd4": ">", b"\xa1\xb2\x3c\x4d": ">"}.get(head[:4])
        if len(head) < 24 or not order or struct.unpack(order + "I", head[20:24])[0] & 0xffff != 1:
            raise Trouble("%s is no pcap file of Ethernet frames" % path)
        while True:
            record = f.read(16)
            if not record:
                return
            length = struct.unpack(order + "8xI4x", record)[0] if len(record) == 16 else 0
            frame = f.read(length)
            if not length or len(frame) < length:
                raise Trouble("%s ends within a packet" % path)
            yield frame
