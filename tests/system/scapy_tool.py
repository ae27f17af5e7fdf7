"""esp_tool, the data plane's ESP and AH on a pipe, and what the tests that compare it with scapy share. A SKIP line and exit 77 where
scapy or the program is missing."""
import logging
import os
import subprocess
import sys

logging.getLogger("scapy").setLevel(logging.ERROR)
ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
BUILD = os.environ.get("CULVERT_BUILD", os.path.join(ROOT, "build"))
SPI = 0x00C0FFEE
ESN = 1  # of the tool's flags
INTEG_KEY = bytes((i * 13 + 5) & 255 for i in range(64))
# name, IANA number, key and ICV octets, scapy's name
INTEG = [("md5", 1, 16, 12, "HMAC-MD5-96"), ("sha1", 2, 20, 12, "HMAC-SHA1-96"), ("sha256", 12, 32, 16, "SHA2-256-128"),
         ("sha384", 13, 48, 24, "SHA2-384-192"), ("sha512", 14, 64, 32, "SHA2-512-256")]
ADDR = {4: ("192.0.2.1", "192.0.2.2"), 6: ("2001:db8::1", "2001:db8::2")}


def skip(what, why):
    print("SKIP %s: %s" % (what, why))
    sys.exit(77)


def path(what):
    """Of the program, which may be named on the command line."""
    found = sys.argv[1] if len(sys.argv) > 1 else os.path.join(BUILD, "tests", "system", "esp_tool")
    if not os.path.exists(found):
        skip(what, "%s is not built" % found)
    return found


class Tool:
    """One process: a line in, a line out."""

    def __init__(self, program, engine=os.environ.get("ESP_TOOL_ENGINE", "auto")):
        self.p = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                  env=dict(os.environ, ESP_TOOL_ENGINE=engine))

    def ask(self, line):
        self.p.stdin.write(line + "\n")
        self.p.stdin.flush()
        answer = self.p.stdout.readline().strip()
        if not answer or answer.startswith("error"):
            raise RuntimeError("esp_tool: %r to %r" % (answer, line[:100]))
        return answer

    def sas(self, outer, args, port=""):
        """The sender's SA and the receiver's, between the addresses of that family."""
        a, b = ADDR[outer]
        for way, local, remote in (("out", a, b), ("in", b, a)):
            assert self.ask("sa %s local=%s%s remote=%s%s %s" % (way, local, port, remote, port, args)) == "ok"

    def close(self):
        self.p.stdin.close()
        return self.p.wait(10)


def told(label, errors):
    """The line of one transform; 1 when it failed."""
    print("%s %s" % ("FAIL" if errors else "PASS", label))
    for e in errors:
        print("  " + e)
    sys.stdout.flush()
    return int(bool(errors))


def closed(tool, what):
    """1 when the tool ended with an error."""
    return told("%s: esp_tool ended with an error" % what, ["see above"]) if tool.close() != 0 else 0
