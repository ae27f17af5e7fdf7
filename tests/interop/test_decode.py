#!/usr/bin/python3
"""tshark, as a second reader: decodes every IKE packet without an expert warning, and decrypts it with the keys."""
import os

from capture import Capture
from case import add_case, check, check_equal, main
from culvert import TRANSFORMS
from net import sh, wait_for
from topology import strongswan_site
from traffic import ping_until

INITS = 34
DECRYPTS = ("gcm", "cbc-sha256")  # tshark 4.0 has no ChaCha20-Poly1305 for IKEv2


def expert(path, options):
    """Lines of tshark's expert information from warning upwards about IKE."""
    out = sh("tshark", "-n", "-r", path, *options, "-Y", "isakmp && _ws.expert.severity >= 0x600000", "-T", "fields", "-e",
             "frame.number", "-e", "_ws.expert.message", timeout=60).stdout
    return out.strip()


def fields(path, options, *names, where="isakmp"):
    argv = ["tshark", "-n", "-r", path, *options, "-Y", where, "-T", "fields"]
    for n in names:
        argv += ["-e", n]
    out = sh(*argv, timeout=60).stdout
    return [line.split("\t") for line in out.splitlines()]


def decode(transform):
    site = strongswan_site("decode", transform, 19, keylog=True)
    with site.lab:
        capture = Capture(site.peer_ns, "out0", "ike")
        for initiator in ("culvert", "strongswan"):
            if initiator == "culvert":
                site.culvert.up()
            else:
                site.peer.initiate()
            site.culvert.wait_up()
            ping_until(site.left, site.right_address, 5)
            flow = site.culvert.flow()["inbound"]["spi"]
            site.peer.rekey(child="site")
            wait_for("the rekeyed child", lambda: site.culvert.flow()["inbound"]["spi"] != flow, 5)
            site.peer.rekey(ike="site")
            wait_for("one IKE SA", lambda: len(site.peer.established()) == 1, 5)
            site.culvert.down()
            wait_for("both ends down", lambda: not site.peer.sas(), 5)
        path = capture.stop()
        keys = []
        if transform.name in DECRYPTS:
            check(os.path.exists(site.culvert.keylog), "culvertd wrote no key file")
            with open(site.culvert.keylog) as f:
                keys = [line.strip() for line in f if line.strip() and not line.startswith("#")]
        check(len(keys) >= 4 or transform.name not in DECRYPTS, "keys of %d IKE SAs, of 2 set up and 2 rekeyed" % len(keys))
        options = []
        for line in keys:
            options += ["-o", "uat:ikev2_decryption_table:%s" % line]
        plain = fields(path, [], "isakmp.exchangetype", "isakmp.typepayload")
        check(len(plain) >= 20, "only %d IKE packets were captured" % len(plain))
        check_equal(expert(path, []), "", "expert warnings without keys")
        if transform.name not in DECRYPTS:
            return "%d packets; this tshark does not decrypt %s" % (len(plain), transform.label)
        check_equal(expert(path, options), "", "expert warnings with keys")
        seen = fields(path, options, "frame.number", "isakmp.exchangetype", "isakmp.typepayload")
        for number, exchange, payloads in seen:
            kinds = payloads.split(",")
            if int(exchange.split(",")[0]) == INITS:
                continue
            # SK (46) must have opened. An empty INFORMATIONAL has nothing inside.
            check("46" in kinds, "packet %s is not encrypted: payloads %s" % (number, payloads))
            if int(exchange.split(",")[0]) == 35:
                check("39" in kinds, "packet %s of IKE_AUTH did not decrypt to AUTH: payloads %s" % (number, payloads))
            if int(exchange.split(",")[0]) == 36:
                check("33" in kinds and "40" in kinds, "packet %s of CREATE_CHILD_SA did not decrypt: payloads %s" % (
                    number, payloads))
        return "%d packets" % len(seen)


for name, transform in TRANSFORMS.items():
    add_case("tshark decodes %s every IKE packet: %s" % ("and decrypts" if name in DECRYPTS else "without a warning", name), lambda t=transform: decode(t))

if __name__ == "__main__":
    main()
