#!/usr/bin/python3
"""Sends seeded mutations of captured datagrams, from inside a namespace.

  flood.py SAMPLES.json COUNT RATE SEED SOURCE TARGET

SAMPLES.json is a list of {"sport","dport","hex","marker","esp"}; each datagram goes out as raw IPv4 from SOURCE with the ports
of its sample, so that it may claim to come from a port that another program holds. Prints the number sent.
"""
import json
import random
import socket
import struct
import sys
import time


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def packet(source, target, sport, dport, data):
    udp = struct.pack("!HHHH", sport, dport, 8 + len(data), 0) + data
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, socket.inet_aton(source),
                       socket.inet_aton(target))
    return head + udp


def payload_headers(data):
    """Offsets of the generic payload headers outside SK, as far as they can be followed."""
    found, at, kind = [], 28, data[16] if len(data) > 28 else 0
    while kind and at + 4 <= len(data):
        found.append(at)
        length = struct.unpack("!H", data[at + 2:at + 4])[0]
        if length < 4 or kind in (46, 53):
            break
        kind, at = data[at], at + length
    return found


def truncate(r, d):
    return d[:r.randrange(0, len(d))]


def extend(r, d):
    return d + r.randbytes(r.choice((1, 3, 4, 16, 200, 900)))


def flip_bits(r, d):
    d = bytearray(d)
    for _ in range(r.choice((1, 1, 2, 8))):
        d[r.randrange(len(d))] ^= 1 << r.randrange(8)
    return bytes(d)


def set_octets(r, d):
    d = bytearray(d)
    for _ in range(r.choice((1, 2, 4))):
        d[r.randrange(len(d))] = r.choice((0, 1, 0x7F, 0x80, 0xFF, r.randrange(256)))
    return bytes(d)


def break_a_length(r, d):
    """A payload's length, or the message's own."""
    d = bytearray(d)
    heads = payload_headers(bytes(d))
    value = r.choice((0, 1, 3, 4, 5, 8, len(d), len(d) + 1, 0xFFFF, r.randrange(65536)))
    if heads and r.random() < 0.8:
        at = r.choice(heads) + 2
        d[at:at + 2] = struct.pack("!H", value)
    elif len(d) >= 28:
        d[24:28] = struct.pack("!I", r.choice((value, 0xFFFFFFFF, 28, 27)))
    return bytes(d)


def break_a_type(r, d):
    """A next-payload octet, the exchange type, the version or the flags."""
    d = bytearray(d)
    heads = payload_headers(bytes(d))
    places = [16, 17, 18, 19] + heads
    d[r.choice([p for p in places if p < len(d)] or [0])] = r.randrange(256)
    return bytes(d)


def break_ids(r, d):
    """SPIs and the message number."""
    d = bytearray(d)
    if len(d) >= 28:
        choice = r.randrange(4)
        if choice == 0:
            d[0:8] = r.randbytes(8)
        elif choice == 1:
            d[8:16] = r.choice((bytes(8), r.randbytes(8), d[0:8]))
        else:
            d[20:24] = struct.pack("!I", r.choice((0, 1, 2, 0xFFFFFFFF, r.randrange(10))))
    return bytes(d)


def splice(r, d):
    """A piece of the message put elsewhere."""
    if len(d) < 32:
        return d
    a, n, b = r.randrange(len(d)), r.randrange(1, 64), r.randrange(28, len(d))
    return d[:b] + d[a:a + n] + d[b:]


MUTATIONS = (truncate, extend, flip_bits, flip_bits, set_octets, break_a_length, break_a_length, break_a_type, break_ids,
             splice)


def main(samples_file, count, rate, seed, source, target):
    with open(samples_file) as f:
        samples = json.load(f)
    r = random.Random(seed)
    s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    start = time.monotonic()
    sent = 0
    for i in range(count):
        sample = r.choice(samples)
        data = bytes.fromhex(sample["hex"])
        if sample.get("esp") and r.random() < 0.5:  # a sequence number that the replay window takes for new
            data = data[:4] + struct.pack("!I", r.randrange(1 << 20, 1 << 32)) + data[8:]
        for _ in range(r.choice((1, 1, 1, 2, 3))):
            if data:
                data = r.choice(MUTATIONS)(r, data)
        data = bytes.fromhex(sample["marker"]) + data
        due = start + i / rate
        delay = due - time.monotonic()
        if delay > 0:
            time.sleep(delay)
        try:
            s.sendto(packet(source, target, sample["sport"], sample["dport"], data[:1400]), (target, 0))
            sent += 1
        except OSError:
            time.sleep(0.001)
    print(sent)


if __name__ == "__main__":
    if len(sys.argv) != 7:
        sys.exit(__doc__)
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]), sys.argv[5], sys.argv[6])
