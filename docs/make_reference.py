#!/usr/bin/python3
"""Makes the pages of docs/reference that are lists in the sources: drop reasons, reason codes, the grammar of the
configuration, the client's commands.

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


def read(path):
    with open(os.path.join(ROOT, path)) as f:
        return f.read().replace("\\\n", " ")


STRING = r'"(?:[^"\\]|\\.)*"'


def macros(*texts):
    """#defines whose value is string literals only, by name."""
    found = {}
    for text in texts:
        found.update(re.findall(r"^#define (\w+)[ \t]+((?:%s\s*)+)$" % STRING, text, re.M))
    return found


def fields(row, known):
    """The fields of one { ... } initialiser: strings joined and unquoted, None for NULL, else the word."""
    out, current = [], None
    for m in re.finditer(r'(%s)|(\w+)|(,)' % STRING, row):
        if m.group(3):
            out.append(current)
            current = None
            continue
        word = m.group(1) or m.group(2)
        if word in known:
            word = "".join(part[1:-1] for part in re.findall(STRING, known[word]))
        elif word.startswith('"'):
            word = word[1:-1].replace('\\"', '"')
        elif word == "NULL":
            continue
        current = (current or "") + word
    return out + [current]


def initialisers(body):
    """The { ... } of an array's body; braces do not nest in these, but strings may hold them."""
    return re.findall(r"\{((?:[^{}\"]|%s)*)\}" % STRING, body)


SECTIONS = (
    ("Global", ("system", "interface_global", "ikev2_global", "ipsec_global", "isakmp_global", "isakmp_peer_global",
                "map_global", "acl_global", "vrf_global", "pki_global", "cert_global")),
    ("platform dataplane", ("platform",)),
    ("interface", ("interface",)),
    ("crypto ikev2 proposal", ("ikev2_proposal",)),
    ("crypto ikev2 policy", ("ikev2_policy",)),
    ("crypto ikev2 keyring", ("ikev2_keyring",)),
    ("peer, in a keyring", ("ikev2_peer",)),
    ("crypto ikev2 profile", ("ikev2_profile",)),
    ("crypto ipsec transform-set", ("transform_set",)),
    ("crypto ipsec profile", ("ipsec_set", "ipsec_profile")),
    ("crypto map and crypto dynamic-map", ("ipsec_set", "map")),
    ("ip access-list extended", ("acl",)),
    ("ipv6 access-list", ("acl6",)),
    ("crypto isakmp policy", ("isakmp_policy",)),
    ("crypto keyring", ("isakmp_keyring",)),
    ("crypto isakmp profile", ("isakmp_profile",)),
    ("crypto isakmp peer", ("isakmp_peer",)),
    ("crypto pki trustpoint", ("trustpoint",)),
    ("crypto pki certificate chain", ("certificate_chain",)),
    ("crypto pki certificate map", ("certmap",)),
    ("vrf definition and ip vrf", ("vrf",)),
    ("address-family, in a VRF", ("vrf_family",)),
)


def command_tables():
    """Rows (syntax, handled, remedy, ignored) by table name."""
    folder = os.path.join(ROOT, "control", "config")
    shared, found = read("control/config/cfg_alg.h"), {}
    for name in sorted(os.listdir(folder)):
        if not re.match(r"cfg_cmds_\w+\.c$", name):
            continue
        text = read("control/config/" + name)
        known = macros(shared, text)
        arrays = dict(re.findall(r"struct cfg_cmd (\w+)\[\] = \{(.*?)\n\};", text, re.S))
        for table_name, array in re.findall(r"cfg_cmds_(\w+) = CFG_ROWS\((\w+)\)", text):
            rows_found = [fields(row, known) for row in initialisers(arrays[array])]
            found[table_name] = [(r[0], r[1] is not None, r[3], r[4] == "true") for r in rows_found]
    return found


def grammar_page():
    tables, out = command_tables(), [
        "# Configuration", "", "<!-- made by docs/make_reference.py from control/config/cfg_cmds_*.c -->", "",
        "Every command that the parser knows, by section. Words abbreviate to a unique prefix; `no` before a command removes",
        "it; `!` begins a comment, at the end of a line, too. In the patterns, `<a|b>` is one of these words, `<10-3600>` a number",
        "of the range, `[ ]` may be left out, `+` is once or more, and `~` marks where the `no` form may end.", ""]
    for title, names in SECTIONS:
        taken = [r for n in names for r in tables[n] if r[1]]
        other = [r for n in names for r in tables[n] if not r[1]]
        out += ["## %s" % title, "", "```"] + [r[0] for r in taken] + ["```", ""]
        if other:
            out += ["Known from IOS, but not done:", "", "| command | what happens |", "|---|---|"]
            out += ["| `%s` | %s: %s |" % (r[0].replace("|", "\\|"), "taken without effect" if r[3] else "refused",
                                         (r[2] or "").replace("|", "\\|")) for r in other]
            out += [""]
    return "\n".join(out).rstrip("\n") + "\n"


def commands_page():
    text = read("control/cli/cli_tree.c")
    body = re.search(r"struct cli_row cli_rows\[\] = \{(.*?)\n\};", text, re.S).group(1)
    out = ["# Commands of the client", "", "<!-- made by docs/make_reference.py from control/cli/cli_tree.c -->", "",
           "`culvert [--run-dir DIR] [--json] COMMAND ...`; without a command, a shell. Words abbreviate to a unique prefix.", "",
           "| command | arguments | options | what it does |", "|---|---|---|---|"]
    for row in initialisers(body):
        words, ident, _, args, options, help_text = fields(row, macros(text))
        if ident == "CLI_NONE":
            continue
        options = ", ".join("`%s`" % o for o in (options or "").split(";") if o)
        out.append("| `%s` | %s | %s | %s |" % (words, "`%s`" % args if args else "", options, help_text or ""))
    return "\n".join(out) + "\n"


def lines_of(about, pairs):
    return [about, "", "| name | meaning |", "|---|---|"] + ["| `%s` | %s |" % p for p in pairs]


def table(title, about, pairs, source):
    lines = ["# %s" % title, "", "<!-- made by docs/make_reference.py from %s -->" % source, ""]
    return "\n".join(lines + lines_of(about, pairs)) + "\n"


def of_interfaces():
    return "\n".join(["", "## At an interface", ""] + lines_of(
        "What an interface has lost, in and out, is told in fewer words: `input drops` and `output drops` of `show interfaces` and `show crypto map`, "
        "`drops` there with `--json`, and `culvert_interface_drops_total`. What is dropped where no interface has it (no route, TTL) stands above "
        "alone, where everything does.", rows("common/contract.h", "CV_IF_DROPS"))) + "\n"


def pages():
    yield "docs/reference/drop-reasons.md", table(
        "Drop reasons",
        "Why the data plane drops a packet: the keys under `drops` in `culvert --json show platform dataplane`.",
        rows("common/contract.h", "CV_DROP_REASONS"), "common/contract.h") + of_interfaces()
    yield "docs/reference/reason-codes.md", table(
        "Reason codes",
        "Why a negotiation failed or a tunnel went down: `last_error.reason` in `culvert --json show crypto session "
        "detail`, the outcome of `culvert up`, and the log. They do not change between releases.",
        rows("control/ike/ike_reason.h", "IKE_REASONS"), "control/ike/ike_reason.h")
    yield "docs/reference/configuration.md", grammar_page()
    yield "docs/reference/commands.md", commands_page()


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
