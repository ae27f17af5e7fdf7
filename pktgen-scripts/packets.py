"""Packets of the scenarios as pcap files: UDP of given sizes, and ESP made from it by another implementation (scapy)."""
import logging
import struct


def imix_sizes():
    """7 of 64, 4 of 570, 1 of 1420 octets, spread."""
    return [64, 570, 64, 64, 570, 64, 1420, 64, 570, 64, 570, 64]


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def address(text):
    return bytes(int(x) for x in text.split("."))


def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def udp_packet(size, src, dst, n):
    """An IPv4 packet of `size` octets in all."""
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, size, n & 0xffff, 0, 64, 17, 0, address(src), address(dst))
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    return head + struct.pack("!HHHH", 1024 + n % 60000, 9, size - 20, 0) + bytes((n + i) & 255 for i in range(size - 28))


def write_pcap(path, frames):
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for frame in frames:
            f.write(struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame)


def ether(src_mac, dst_mac, packet):
    return (mac(dst_mac) + mac(src_mac) + b"\x08\x00" + packet).ljust(60, b"\0")


def imix_flows(hosts):
    """(size, destination) of every packet of a round: each host gets each place of the mix once."""
    sizes = imix_sizes()
    return [(size, hosts[(n + turn) % len(hosts)]) for turn in range(len(hosts)) for n, size in enumerate(sizes)]


def even_flows(size, hosts, least=64):
    """Of one size, the destinations in turn, all equally often, `least` packets or more."""
    return [(size, host) for _ in range(-(-least // len(hosts))) for host in hosts]


def clear_pcap(path, flows, src_mac, dst_mac, src):
    write_pcap(path, [ether(src_mac, dst_mac, udp_packet(size, src, dst, n)) for n, (size, dst) in enumerate(flows)])


def run_of(first, count):
    return bytes((first + i) & 255 for i in range(count))


def esp_pcap(path, size, src_mac, dst_mac, outer, inner, seed, algorithm, least=256):
    """ESP packets from outer[0] to outer[1], `least` or more, the SAs in turn. inner: of every SA its SPI, and source and destination of
    the packets of `size` octets within. Keys are as those of dpctl's `sa ... SEED`: octets SEED, SEED + 1, ..."""
    logging.getLogger("scapy").setLevel(logging.ERROR)
    from scapy.layers.inet import IP
    from scapy.layers.ipsec import ESP, SecurityAssociation
    # algorithm: scapy's names, octets of cipher key, salt and integrity key
    known = {"gcm128": ("AES-GCM", 16, 4, None, 0), "gcm256": ("AES-GCM", 32, 4, None, 0),
             "chacha": ("CHACHA20-POLY1305", 32, 4, None, 0), "cbc128-sha1": ("AES-CBC", 16, 0, "HMAC-SHA1-96", 20),
             "cbc128-sha256": ("AES-CBC", 16, 0, "SHA2-256-128", 32)}
    if algorithm not in known:
        raise OSError("no packets of %s can be made here: choose another --transform" % algorithm)
    cipher, length, salt, auth, auth_length = known[algorithm]
    crypt_key = run_of(seed, length) + run_of(seed + 100, salt)
    auth_key = run_of(seed + 150, auth_length) or None
    sas = [SecurityAssociation(ESP, spi=spi, crypt_algo=cipher, crypt_key=crypt_key, auth_algo=auth, auth_key=auth_key,
                               tunnel_header=IP(src=outer[0], dst=outer[1])) for spi, _, _ in inner]
    frames = []
    for turn in range(-(-least // len(inner))):
        for sa, (_, src, dst) in zip(sas, inner):
            packet = bytes(sa.encrypt(IP(udp_packet(size, src, dst, len(frames))), seq_num=turn + 1))
            frames.append(ether(src_mac, dst_mac, packet))
    write_pcap(path, frames)
