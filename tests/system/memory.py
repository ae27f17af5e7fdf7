"""Looks for keys in the memory of a process: the octets themselves, and what is made of them beforehand: AES's round keys, the powers of
GHASH's key, and the states of a hash behind HMAC's padded keys. Each of these serves as well as the key."""
import math
import re
import struct

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes


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


def _primes(n):
    found = [2]
    while len(found) < n:
        found.append(next(c for c in range(found[-1] + 1, found[-1] * 2) if all(c % p for p in found)))
    return found


def _cube_root(n):
    root = int(round(n ** (1 / 3)))
    while root ** 3 > n:
        root -= 1
    while (root + 1) ** 3 <= n:
        root += 1
    return root


def sha256_state(block):
    """The eight words behind one block of 64 octets (FIPS 180-4 6.2.2)."""
    primes, low = _primes(64), 0xffffffff
    rounds = [_cube_root(p << 96) & low for p in primes]
    state = [math.isqrt(p << 64) & low for p in primes[:8]]

    def turn(x, n):
        return (x >> n | x << 32 - n) & low
    w = list(struct.unpack(">16I", block))
    for t in range(16, 64):
        s0, s1 = w[t - 15], w[t - 2]
        w.append(w[t - 16] + w[t - 7] + (turn(s0, 7) ^ turn(s0, 18) ^ s0 >> 3) + (turn(s1, 17) ^ turn(s1, 19) ^ s1 >> 10) & low)
    a, b, c, d, e, f, g, h = state
    for t in range(64):
        one = h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + (e & f ^ ~e & g) + rounds[t] + w[t]
        two = (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + (a & b ^ a & c ^ b & c)
        a, b, c, d, e, f, g, h = one + two & low, a, b, c, d + one & low, e, f, g
    return [x + y & low for x, y in zip(state, (a, b, c, d, e, f, g, h))]


def hmac_sha256_states(key):
    """The inner and the outer one (RFC 2104 4), as words of this machine."""
    return [struct.pack("<8I", *sha256_state(bytes(b ^ pad for b in key.ljust(64, b"\0")))) for pad in (0x36, 0x5c)]


def memory_holds(pid, needles):
    """Names of the needles that are in the memory of a process: heaps, stacks, hugepages, memfds, everything that can be read."""
    found = set()
    with open("/proc/%d/maps" % pid) as maps, open("/proc/%d/mem" % pid, "rb", 0) as mem:
        for line in maps:
            m = re.match(r"([0-9a-f]+)-([0-9a-f]+) r", line)
            if not m or line.rstrip().endswith(("[vvar]", "[vsyscall]", "[vvar_vclock]")):
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
                found |= {name for name, octets_ in needles.items() if octets_ in data}
                at += max(len(data) - 64, 1) if at + len(data) < end else len(data)
    return found
