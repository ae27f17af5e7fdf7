"""Looks for keys in the memory of a process: the octets themselves, and what is made of them beforehand: AES's and DES's round keys, the powers
of GHASH's key, and the states of a hash behind HMAC's padded keys. Each of these serves as well as the key."""
import ctypes
import re
import struct

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

LONGEST = 64  # octets of a needle, at most
FEW = 15  # zeroes; no needle has more in a row
_ZEROES = re.compile(rb"\0{%d,}" % (FEW + 1))  # of which most of a data plane's memory is


def sbox():
    """FIPS 197 5.1.1: the inverse in GF(2^8), then the affine map."""
    table, p, q = [0] * 256, 1, 1
    while True:
        p = p ^ (p << 1) & 0xff ^ (0x1b if p & 0x80 else 0)
        q ^= q << 1
        q ^= q << 2
        q ^= q << 4
        q &= 0xff
        q ^= 0x09 if q & 0x80 else 0
        x = q ^ (q << 1 | q >> 7) & 0xff ^ (q << 2 | q >> 6) & 0xff ^ (q << 3 | q >> 5) & 0xff ^ (q << 4 | q >> 4) & 0xff
        table[p] = x ^ 0x63
        if p == 1:
            break
    table[0] = 0x63
    return table


def round_keys(key):
    """FIPS 197 5.2."""
    s, n = sbox(), len(key) // 4
    words, rcon = [list(key[4 * i:4 * i + 4]) for i in range(n)], 1
    for i in range(n, 4 * (n + 7)):
        t = words[-1]
        if i % n == 0:
            t = [s[b] for b in t[1:] + t[:1]]
            t[0] ^= rcon
            rcon = rcon << 1 ^ (0x11b if rcon & 0x80 else 0)
        elif n == 8 and i % n == 4:
            t = [s[b] for b in t]
        words.append([a ^ b for a, b in zip(words[i - n], t)])
    flat = bytes(b for w in words for b in w)
    return [flat[16 * i:16 * i + 16] for i in range(n + 7)]


def _by(a, b):
    """In GF(2^8), FIPS 197 4.2."""
    product = 0
    while b:
        product ^= a if b & 1 else 0
        a, b = (a << 1 ^ (0x11b if a & 0x80 else 0)), b >> 1
    return product


def decryption_key(round_key):
    """As it is for the equivalent inverse cipher: InvMixColumns of it (FIPS 197 5.3.5)."""
    return bytes(_by(round_key[c], 14) ^ _by(round_key[c & 12 | c + 1 & 3], 11) ^ _by(round_key[c & 12 | c + 2 & 3], 13)
                 ^ _by(round_key[c & 12 | c + 3 & 3], 9) for c in range(16))


def _times(x, y):
    """In GF(2^128), SP 800-38D 6.3."""
    z = 0
    for i in range(127, -1, -1):
        z ^= x if y >> i & 1 else 0
        x = x >> 1 ^ (0xe1 << 120 if x & 1 else 0)
    return z


def ghash_powers(key, count=4):
    """H, then H^k x^-1 in reversed octet order for k from 1, as every kernel without a shift per product has it."""
    cipher = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    h = int.from_bytes(cipher.update(bytes(16)), "big")
    found, power = [h.to_bytes(16, "big")], h
    for _ in range(count):
        shifted = power << 1
        found.append((shifted ^ (1 << 128 | 0xc2 << 120 | 1) if shifted >> 128 else shifted).to_bytes(16, "little"))
        power = _times(power, h)
    return found


# FIPS 46-3, Appendix 1.
_PC1 = (57, 49, 41, 33, 25, 17, 9, 1, 58, 50, 42, 34, 26, 18, 10, 2, 59, 51, 43, 35, 27, 19, 11, 3, 60, 52, 44, 36,
        63, 55, 47, 39, 31, 23, 15, 7, 62, 54, 46, 38, 30, 22, 14, 6, 61, 53, 45, 37, 29, 21, 13, 5, 28, 20, 12, 4)
_PC2 = (14, 17, 11, 24, 1, 5, 3, 28, 15, 6, 21, 10, 23, 19, 12, 4, 26, 8, 16, 7, 27, 20, 13, 2,
        41, 52, 31, 37, 47, 55, 30, 40, 51, 45, 33, 48, 44, 49, 39, 56, 34, 53, 46, 42, 50, 36, 29, 32)


def des_round_keys(key):
    """The sixteen, each as the six bits of its eight S-boxes, the first bit lowest."""
    bits = [key[i // 8] >> 7 - i % 8 & 1 for i in range(64)]
    halves, found = [[bits[p - 1] for p in _PC1[:28]], [bits[p - 1] for p in _PC1[28:]]], []
    for r in range(16):
        n = 1 if r in (0, 1, 8, 15) else 2
        halves = [h[n:] + h[:n] for h in halves]
        k = [(halves[0] + halves[1])[p - 1] for p in _PC2]
        found.append([sum(k[6 * box + i] << i for i in range(6)) for box in range(8)])
    return found


def des_schedules(key):
    """Two round keys, the first and the last, of each DES key in a 3DES key, as intel-ipsec-mb and as OpenSSL keep them."""
    found = {}
    for n in range(len(key) // 8):
        keys = des_round_keys(key[8 * n:8 * n + 8])
        for where, two in (("first", keys[:2]), ("last", keys[-2:])):
            found["%s round keys of DES key %d" % (where, n + 1)] = b"".join(map(bytes, two))
            found["%s round keys of DES key %d, OpenSSL's" % (where, n + 1)] = b"".join(map(_openssl_des, two))
    return found


def _openssl_des(boxes):
    """The odd S-boxes in one word, the even ones in another, which is turned by four bits."""
    odd, even = (struct.unpack("<I", bytes(b << 2 for b in boxes[i::2]))[0] for i in (0, 1))
    return struct.pack("<II", odd, (even << 4 | even >> 28) & 0xffffffff)


_libcrypto = ctypes.CDLL("libcrypto.so.3")
# Functions of OpenSSL, octets of a block, and of the state behind it, with which each of their contexts begins.
HASHES = {"md5": ("MD5_Init", "MD5_Transform", 64, 16), "sha1": ("SHA1_Init", "SHA1_Transform", 64, 20),
          "sha256": ("SHA256_Init", "SHA256_Transform", 64, 32), "sha384": ("SHA384_Init", "SHA512_Transform", 128, 64),
          "sha512": ("SHA512_Init", "SHA512_Transform", 128, 64)}


def hash_state(name, block):
    """The chaining values behind one block, as words of this machine."""
    start, step, _, size = HASHES[name]
    ctx = ctypes.create_string_buffer(512)
    getattr(_libcrypto, start)(ctx)
    getattr(_libcrypto, step)(ctx, block)
    return ctx.raw[:size]


def padded_keys(name, key):
    """The blocks that the inner and the outer hash of HMAC begin with (RFC 2104 2)."""
    return [bytes(b ^ pad for b in key.ljust(HASHES[name][2], b"\0")) for pad in (0x36, 0x5c)]


def hmac_states(name, key):
    """The inner and the outer one (RFC 2104 4)."""
    return [hash_state(name, block) for block in padded_keys(name, key)]


def memory_holds(pid, needles):
    """Names of the needles that are in the memory of a process: heaps, stacks, hugepages, memfds, everything that can be written."""
    found = set()
    if any(len(v) > LONGEST or _ZEROES.search(v) for v in needles.values()):
        raise ValueError("a needle that would be missed")
    with open("/proc/%d/maps" % pid) as maps, open("/proc/%d/mem" % pid, "rb", 0) as mem:
        for line in maps:
            m = re.match(r"([0-9a-f]+)-([0-9a-f]+) rw", line)
            if not m:
                continue
            at, end = int(m.group(1), 16), int(m.group(2), 16)
            while at < end:
                try:
                    mem.seek(at)
                    data = mem.read(min(end - at, 64 << 20))
                except (OSError, ValueError, OverflowError):
                    break
                if not data:
                    break
                filled = _ZEROES.sub(bytes(FEW), data)
                found |= {name for name, octets_ in needles.items() if octets_ in filled}
                at += max(len(data) - LONGEST, 1) if at + len(data) < end else len(data)
    return found
