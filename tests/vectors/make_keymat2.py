#!/usr/bin/python3
"""Writes keymat2_sha2.txt: the IKEv2 key derivation with HMAC-SHA2-384 and -512, in the form of keymat2.txt.

These are no published vectors: they are computed here from RFC 7296 2.13, 2.14, 2.17 and 2.18 with Python's hmac and
hashlib, independently of the code under test. Before it writes, the script computes NIST's vectors of keymat2.txt, too,
and fails when it does not arrive at them."""
import hashlib
import hmac
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
HASH = {2: hashlib.sha1, 5: hashlib.sha256, 6: hashlib.sha384, 7: hashlib.sha512}


def prf(number, key, data):
    return hmac.new(key, data, HASH[number]).digest()


def prf_plus(number, key, seed, length):
    out, block, i = b"", b"", 1
    while len(out) < length:
        block = prf(number, key, block + seed + bytes([i]))
        out += block
        i += 1
    return out[:length]


def derive(number, v, lengths):
    """The values of one case; lengths: octets of dkm, child and child_dh."""
    nonces = v["ni"] + v["nr"]
    skeyseed = prf(number, nonces, v["gir"])
    dkm = prf_plus(number, skeyseed, nonces + v["spi_i"] + v["spi_r"], lengths["dkm"])
    sk_d = dkm[:HASH[number]().digest_size]
    return {"skeyseed": skeyseed, "rekey": prf(number, sk_d, v["gir_new"] + nonces), "dkm": dkm,
            "child": prf_plus(number, sk_d, nonces, lengths["child"]),
            "child_dh": prf_plus(number, sk_d, v["gir_new"] + nonces, lengths["child_dh"])}


def cases(path):
    case = {}
    for line in open(path).read().splitlines() + [""]:
        if line.startswith("#"):
            continue
        if " = " in line:
            name, value = line.split(" = ")
            case[name] = int(value) if name == "prf" else bytes.fromhex(value)
        elif case:
            yield case
            case = {}


def check():
    for case in cases(os.path.join(HERE, "keymat2.txt")):
        got = derive(case["prf"], case, {n: len(case.get(n, b"")) for n in ("dkm", "child", "child_dh")})
        for name, value in got.items():
            if name in case and case[name] != value:
                sys.exit("make_keymat2.py: NIST's %s of prf %d comes out otherwise" % (name, case["prf"]))


def octets(label, length):
    return hashlib.shake_256(label.encode()).digest(length)


def main():
    check()
    with open(os.path.join(HERE, "keymat2_sha2.txt"), "w") as f:
        f.write("# IKEv2 key derivation with HMAC-SHA2-384 (6) and -512 (7), computed by make_keymat2.py with Python's hmac,\n"
                "# independently of the code under test; no published vectors. The form is that of keymat2.txt.\n")
        for number in (6, 7):
            v = {name: octets("culvert keymat2 %d %s" % (number, name), length)
                 for name, length in (("ni", 32), ("nr", 48), ("gir", 256), ("gir_new", 66), ("spi_i", 8), ("spi_r", 8))}
            v.update(derive(number, v, {"dkm": 3 * 64 + 4 * 64, "child": 192, "child_dh": 192}))
            f.write("\nprf = %d\n" % number)
            for name, value in v.items():
                f.write("%s = %s\n" % (name, value.hex()))


if __name__ == "__main__":
    main()
