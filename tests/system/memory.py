"""Looks for keys in the memory of a process: the octets themselves, and the round keys that AES makes of them."""
import re


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
