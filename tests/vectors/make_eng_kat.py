#!/usr/bin/python3
"""Writes dataplane/engine/eng_kat_rows.h: known answers of every ESP transform, from python3-cryptography
(OpenSSL), so that the start-up self test does not check intel-ipsec-mb against itself.

Usage: make_eng_kat.py > dataplane/engine/eng_kat_rows.h
The key, salt, IV and text patterns are those of eng_kat.c."""
import hashlib
import hmac
import struct

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

SPI, SEQ, SEQ_HI = 0x01020304, 0x0A0B0C0D, 0x00000001
KEY = bytes(i + 1 for i in range(32))
INTEG_KEY = bytes(0x80 + i for i in range(64))
SALT = bytes.fromhex("a0a1a2a3")
TEXT = bytes(i * 7 & 0xFF for i in range(48))
AEAD_IV = struct.pack("!Q", 0x1122334455667788)
CBC_IV = bytes(0xC0 + i for i in range(16))
HMACS = {1: ("md5", 16, 12), 2: ("sha1", 20, 12), 12: ("sha256", 32, 16), 13: ("sha384", 48, 24), 14: ("sha512", 64, 32)}


def header(esn, gap=True):
    return struct.pack("!III", SPI, SEQ_HI, SEQ) if esn and gap else struct.pack("!II", SPI, SEQ)


def aead(encr, key_len, esn):
    nonce = SALT + AEAD_IV
    if encr == 20:
        return AEAD_IV + AESGCM(KEY[:key_len]).encrypt(nonce, TEXT, header(esn))
    if encr == 28:
        return AEAD_IV + ChaCha20Poly1305(KEY).encrypt(nonce, TEXT, header(esn))
    tag = AESGCM(KEY[:key_len]).encrypt(nonce, b"", header(esn) + AEAD_IV + TEXT)
    return AEAD_IV + TEXT + tag


def cipher_and_hmac(encr, key_len, integ, esn):
    if encr == 11:
        body = TEXT
    else:
        alg, iv = (algorithms.AES(KEY[:key_len]), CBC_IV) if encr == 12 else (algorithms.TripleDES(KEY[:24]), CBC_IV[:8])
        e = Cipher(alg, modes.CBC(iv)).encryptor()
        body = iv + e.update(TEXT) + e.finalize()
    name, n, icv = HMACS[integ]
    data = header(esn, False) + body + (struct.pack("!I", SEQ_HI) if esn else b"")
    return body + hmac.new(INTEG_KEY[:n], data, getattr(hashlib, name)).digest()[:icv]


def main():
    rows = [(e, k, 0) for e in (20, 21) for k in (16, 24, 32)] + [(28, 32, 0)]
    rows += [(12, k, i) for k in (16, 24, 32) for i in HMACS]
    rows += [(3, 24, i) for i in HMACS] + [(11, 0, i) for i in HMACS]
    print("/* eng_kat_rows: written by tests/vectors/make_eng_kat.py; do not edit. What each transform makes of the")
    print(" * text of eng_kat.c: IV, ciphertext, ICV. Included by eng_kat.c alone. */")
    print("/* clang-format off */")
    for e, k, i in rows:
        for esn in (0, 1):
            out = cipher_and_hmac(e, k, i, esn) if i else aead(e, k, esn)
            print(f'{{{e}, {k}, {i}, {esn}, {len(out)}, "' + "".join(f"\\x{b:02x}" for b in out) + '"},')
    print("    /* clang-format on */")


main()
