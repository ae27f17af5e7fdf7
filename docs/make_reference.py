#!/usr/bin/python3
"""Makes the pages of docs/reference that are lists in the sources: drop reasons and reason codes.

  make_reference.py           writes them
  make_reference.py --check   says which are out of date; exit 1 if any
"""
import os
import re
import sys

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), ".."))


def rows(path, macro):
    with open(os.path.join(ROOT, path)) as f:
        text = f.read()
    body = re.search(r"#define %s\(X\)(.*?)\n\n" % macro, text, re.S).group(1)
    found = re.findall(r'X\(\w+,\s*"([^"]*)",\s*"([^"]*)"\)', body.replace("\\\n", " "))
    if not found:
        sys.exit("%s: no rows of %s" % (path, macro))
    return [r for r in found if r[0] != "none"]


def table(title, about, pairs, source):
    lines = ["# %s" % title, "", "<!-- made by docs/make_reference.py from %s -->" % source, "", about, "",
             "| name | meaning |", "|---|---|"]
    return "\n".join(lines + ["| `%s` | %s |" % p for p in pairs]) + "\n"


def pages():
    yield "docs/reference/drop-reasons.md", table(
        "Drop reasons",
        "Why the data plane drops a packet: the keys under `drops` in `culvert --json show platform dataplane`.",
        rows("common/contract.h", "CV_DROP_REASONS"), "common/contract.h")
    yield "docs/reference/reason-codes.md", table(
        "Reason codes",
        "Why a negotiation failed or a tunnel went down: `last_error.reason` in `culvert --json show crypto session "
        "detail`, the outcome of `culvert up`, and the log. They do not change between releases.",
        rows("control/ike/ike_reason.h", "IKE_REASONS"), "control/ike/ike_reason.h")


def main():
    stale = []
    for path, text in pages():
        full = os.path.join(ROOT, path)
        have = open(full).read() if os.path.exists(full) else None
        if have == text:
            continue
        if "--check" in sys.argv:
            stale.append(path)
            continue
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w") as f:
            f.write(text)
        print("wrote", path)
    for path in stale:
        print("%s is out of date: ./run docs makes it again" % path)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
