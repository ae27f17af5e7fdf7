#!/usr/bin/python3
"""Writes tests/vectors/keymat1.txt: IKEv1 key derivation, HASH values, KEYMAT and encrypted chains, computed from the
formulas of RFC 2409 and RFC 3947 with Python's hashlib and hmac and with python3-cryptography.

Published vectors (skeyid1.txt) reach no further than SKEYID_e, so this is a second reading of the RFC, not an outside
authority, for every hash and cipher; ikev1_talk.txt has one talk of another implementation.

Usage: make_keymat1.py > tests/vectors/keymat1.txt"""
import hashlib
import hmac
import random
import struct
import warnings

warnings.simplefilter("ignore")
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes  # noqa: E402

RNG = random.Random(2409)
HASHES = {1: "md5", 2: "sha1", 5: "sha256", 6: "sha384", 7: "sha512"}
# IANA IKEv2 number, key bits attribute, octets of key, block
CIPHERS = [(2, 0, 8, 8), (3, 0, 24, 8), (12, 128, 16, 16), (12, 192, 24, 16), (12, 256, 32, 16)]


def some(n):
    return bytes(RNG.randrange(256) for _ in range(n))


def cbc(encr, key, iv, text):
    if encr == 12:
        algorithm = algorithms.AES(key)
    else:
        algorithm = algorithms.TripleDES(key * 3 if encr == 2 else key)
    run = Cipher(algorithm, modes.CBC(iv)).encryptor()
    return run.update(text) + run.finalize()


def case(prf_id, cipher, sig, dh_len):
    name = HASHES[prf_id]
    encr, bits, key_len, block = cipher

    def digest(b):
        return hashlib.new(name, b).digest()

    def prf(key, b):
        return hmac.new(key, b, name).digest()

    psk, ni, nr = some(RNG.choice([3, 20, 64, 129])), some(RNG.choice([8, 20, 256])), some(RNG.choice([8, 32]))
    cky_i, cky_r, gxi, gxr, gxy = some(8), some(8), some(dh_len), some(dh_len), some(dh_len)
    sa, idi, idr = some(52), some(8), some(19)
    skeyid = prf(ni + nr, gxy) if sig else prf(psk, ni + nr)
    d = prf(skeyid, gxy + cky_i + cky_r + b"\0")
    a = prf(skeyid, d + gxy + cky_i + cky_r + b"\1")
    e = prf(skeyid, a + gxy + cky_i + cky_r + b"\2")
    if len(e) >= key_len:
        key = e[:key_len]
    else:
        block_n = prf(e, b"\0")
        key = block_n
        while len(key) < key_len:
            block_n = prf(e, block_n)
            key += block_n
        key = key[:key_len]
    iv = digest(gxi + gxr)[:block]
    mid = struct.pack("!I", RNG.randrange(1, 1 << 32))
    text1, text2 = some(2 * block), some(3 * block)
    ct1 = cbc(encr, key, iv, text1)
    ct2 = cbc(encr, key, ct1[-block:], text2)
    iv2 = digest(ct2[-block:] + mid)[:block]
    rest, spi, qm = some(77), some(4), some(dh_len)

    def keymat(shared):
        out = last = b""
        while len(out) < 96:  # AES-256 and HMAC-SHA-512: what the test asks for
            last = prf(d, last + shared + b"\3" + spi + ni + nr)
            out += last
        return out[:96]

    address, port = some(4), RNG.randrange(1, 65536)
    phase1 = [
        ("prf", "%d" % prf_id), ("encr", "%d" % encr), ("key_bits", "%d" % bits), ("sig", "%d" % sig),
        ("psk", psk), ("ni", ni), ("nr", nr), ("cky", cky_i + cky_r), ("gx", gxi + gxr), ("gxy", gxy), ("ids", sa + idi + idr),
        ("skeyid", skeyid), ("dae", d + a + e), ("key", key), ("iv", iv),
        ("hashes", prf(skeyid, gxi + gxr + cky_i + cky_r + sa + idi) + prf(skeyid, gxr + gxi + cky_r + cky_i + sa + idr)),
    ]
    phase2 = [
        ("mid", "%d" % struct.unpack("!I", mid)), ("text", text1 + text2), ("ct", ct1 + ct2), ("iv2", iv2), ("rest", rest),
        ("hash123", prf(a, mid + rest) + prf(a, mid + ni + rest) + prf(a, b"\0" + mid + ni + nr)),
        ("spi", spi), ("qm", qm), ("keymat", keymat(b"")), ("keymat_pfs", keymat(qm)),
        ("port", "%d" % port), ("address", address), ("nat_d", digest(cky_i + cky_r + address + struct.pack("!H", port))),
    ]
    for rows in (phase1, phase2):
        for field, value in rows:
            print("%s = %s" % (field, value if isinstance(value, str) else value.hex()))
        print()


if __name__ == "__main__":
    print("# IKEv1 key derivation (RFC 2409 5, 5.5, Appendix B; RFC 3947 3.2), made by make_keymat1.py: recomputed from the")
    print("# formulas in another language, not published vectors. cky, gx, hashes: initiator's, then responder's; ids: SAi_b, IDii_b,")
    print("# IDir_b of 52, 8, 19 octets; dae: SKEYID_d, _a, _e; ct: two messages, the second chained to the first. Each")
    print("# case is two records, phase 1 and what follows it.")
    print()
    for number, prf_id in enumerate(HASHES):
        for c, cipher in enumerate(CIPHERS):
            case(prf_id, cipher, (number + c) % 2, [96, 128, 66, 256][(number + c) % 4])
