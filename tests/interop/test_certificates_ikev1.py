#!/usr/bin/python3
"""IKEv1 with certificates against strongSwan, both initiators: RSA-SIG and ECDSA-SIG in Main Mode, chains, long messages, refusals, revocation, and
which certificate answers which certificate requests."""
import os
import sys

from capture import Capture, datagrams
from case import add_case, case, check, check_equal, main
from certificates import LEFT, both, site_of
from culvert import AES1, ECP1, OLD1
from net import sh
from pki_files import Authority, available, give


def signatures(kind, suite, says):
    site = site_of("v1", kind, version=1, suite=suite)
    both(site)
    text = site.peer.log_text()
    check("authentication of '%s' with %s" % (LEFT, says) in text, "strongSwan did not verify %s" % says)


for title_, kind_, suite_, says_ in (("RSA-SIG, 3DES, MD5, group 2", "rsa", OLD1, "RSA"), ("RSA-SIG, AES, SHA-1, group 14", "rsa", AES1, "RSA"),
                                     ("RSA-SIG, AES, SHA-256, group 19", "rsa", ECP1, "RSA"),
                                     ("ECDSA-SIG, P-256", "p256", ECP1, "ECDSA"), ("ECDSA-SIG, P-256, SHA-1 in the policy", "p256", AES1, "ECDSA"), ("ECDSA-SIG, P-384", "p384", ECP1, "ECDSA"),
                                     ("ECDSA-SIG, P-521", "p521", ECP1, "ECDSA")):
    add_case("Main Mode, %s, both initiators" % title_, lambda k=kind_, s=suite_, w=says_: signatures(k, s, w))

if __name__ == "__main__":
    if available():
        print(available())
        sys.exit(77)
    main()
