#!/usr/bin/python3
"""Seeded random keyrings and profiles: what control/select chooses, against a literal reading of the rules.

  check_select.py PROGRAM [CASES [SEED]]     PROGRAM: select_cases; CASES: questions asked (default 100000)

The rules are read here once more, word by word and without regard to speed: KR-5 with KR-6 and KR-9, KR-7, PF-2, PF-3 with
PF-4, PF-8. On a difference the configuration, the question and both answers are printed; exit 1.
"""
import random
import subprocess
import sys

QUESTIONS = 10  # for each configuration
BATCH = 500     # configurations for one run of the program
VRFS = (None,) * 8 + ("RED", "BLUE")
LOCALS = ("10.9.0.1", "10.9.0.2")
NAMES = ("a.x.org", "b.x.org", "a.y.x.org", "x.org", "A.X.ORG", "a.z.net")
USERS = ("me@x.org", "you@x.org", "me@y.x.org", "me@X.org")
GROUPS = ("SALES", "sales", "ADMIN")
DOMAINS = ("x.org", "y.x.org", "z.net", "org")


def number(text):
    a, b, c, d = (int(part) for part in text.split("."))
    return a << 24 | b << 16 | c << 8 | d


def dotted(n):
    return "%d.%d.%d.%d" % (n >> 24 & 255, n >> 16 & 255, n >> 8 & 255, n & 255)


def mask(length):
    return 0xffffffff << 32 - length & 0xffffffff


def some_address(r):
    return dotted(number("10.0.0.0") + r.choice((0, 256, 65536)) + r.randint(1, 3))


def some_prefix(r):
    length = r.choice((0, 8, 16, 24, 24, 24, 31, 31, 32, 32))
    return number(some_address(r)) & mask(length), length


def covers(prefix, address):
    network, length = prefix
    return number(address) & mask(length) == network


# ---- the rules -----------------------------------------------------------------------------------------


def here(thing, fvrf, local):
    """The fVRF's own, and G10: a local address filters before anything else."""
    return thing["vrf"] == fvrf and (thing["local"] is None or local is None or thing["local"] == local)


def longest(keys, peer):
    """The longest mask of those that match; of equals the first (KR-6)."""
    best = None
    for ring, key in keys:
        if key["prefix"] is None:
            continue  # KR-5.1: only keys with an IP address
        if covers(key["prefix"], peer) and (best is None or key["prefix"][1] > best[1]["prefix"][1]):
            best = (ring, key)
    return best


def kr5(conf, fvrf, local, peer):
    if fvrf is None:
        best = longest([("default", key) for key in conf["default"]], peer)
        if best:
            return best  # KR-5.3, KR-9
    concatenation = []
    for ring in conf["keyrings"]:
        if here(ring, fvrf, local):
            concatenation += [(ring["name"], key) for key in ring["keys"]]
    return longest(concatenation, peer)


def kr7(profile, keyring):
    """G7: any keyring of the profile; one without a keyring has default."""
    return keyring in (profile["keyrings"] or ["default"])


def specificity(match, kind, text):
    """G5: exact, then the longest mask, then the longest domain, then any; None: no match."""
    what, value = match
    if what == "any":
        return (0, 0)
    if what == "addr" and kind == "addr" and covers(value, text):
        return (3, 0) if value[1] == 32 else (2, value[1])
    if what == "fqdn" and kind == "fqdn" and value.lower() == text.lower():
        return (3, 0)
    if what == "fqdn domain" and kind == "fqdn" and text.lower().endswith("." + value.lower()):
        return (1, len(value))
    if kind == "email":
        user, host = text.split("@")
        if what == "email" and value.split("@")[0] == user and value.split("@")[1].lower() == host.lower():
            return (3, 0)
        if what == "email domain" and host.lower() == value.lower():
            return (1, len(value))
    if what == "key" and kind == "key" and value == text:
        return (3, 0)
    return None


def best_profiles(profiles, fvrf, local, kind, text):
    """All that match best, in configuration order."""
    matching = []
    for p in profiles:
        found = [s for s in (specificity(m, kind, text) for m in p["match"]) if s is not None]
        if here(p, fvrf, local) and found:
            matching.append((max(found), p["name"]))
    top = max((s for s, _ in matching), default=None)
    return [name for s, name in matching if s == top]


def pf3(conf, fvrf, local, kind, text):
    best = best_profiles(conf["profiles1"], fvrf, local, kind, text)
    return best[0] if best else "-"  # PF-4: the first configured


def pf8(conf, fvrf, local, kind, text):
    best = best_profiles([p for p in conf["profiles2"] if p["complete"]], fvrf, local, kind, text)
    return best[-1] if best else "-"  # the last configured


# ---- configurations -----------------------------------------------------------------------------------


def some_key(r):
    if r.random() < 0.15:
        return {"prefix": None, "host": r.choice(NAMES)}
    return {"prefix": some_prefix(r)}


def key_peer(key):
    if key["prefix"] is None:
        return "hostname " + key["host"]
    network, length = key["prefix"]
    return "address %s %s" % (dotted(network), dotted(mask(length)))


def some_match(r, ikev2):
    what = r.choice(["addr"] * 5 + ["fqdn", "fqdn domain", "email", "email domain", "key"] + ["any"] * ikev2)
    value = {"addr": lambda: some_prefix(r), "fqdn": lambda: r.choice(NAMES), "email": lambda: r.choice(USERS),
             "key": lambda: r.choice(GROUPS), "any": lambda: None}.get(what, lambda: r.choice(DOMAINS))()
    return what, value


WORDS1 = {"fqdn": "host", "fqdn domain": "host domain", "email": "user", "email domain": "user domain", "key": "group"}


def match_line(match, ikev2):
    what, value = match
    start = "match identity remote " if ikev2 else "match identity "
    if what == "addr":
        return start + "address %s %s" % (dotted(value[0]), dotted(mask(value[1])))
    if what == "any":
        return start + "any"
    return start + ("key-id" if what == "key" and ikev2 else what if ikev2 else WORDS1[what]) + " " + value


def place(r, thing, lines, local_word):
    thing["vrf"], thing["local"] = r.choice(VRFS), r.choice((None,) * 4 + LOCALS)
    if thing["vrf"]:
        lines.append(" description vrf " + thing["vrf"])
    if thing["local"]:
        lines.append(" %s %s" % (local_word, thing["local"]))


def some_configuration(r):
    lines, conf = [], {"default": [], "keyrings": [], "profiles1": [], "profiles2": [], "tunnels": []}
    todo = ["keyring"] * r.randint(0, 5) + ["profile1"] * r.randint(0, 5) + ["profile2"] * r.randint(0, 5)
    todo += ["global"] * r.choice((0, 0, 1, 2, 3))
    r.shuffle(todo)
    for n, what in enumerate(todo):
        if what == "global":
            key = some_key(r)
            lines.append("crypto isakmp key k%d %s" % (n, key_peer(key)))
            key["line"] = len(lines)
            conf["default"].append(key)
        elif what == "keyring":
            ring = {"name": "K%d" % n, "keys": []}
            lines.append("crypto keyring " + ring["name"])
            place(r, ring, lines, "local-address")
            for _ in range(r.randint(0, 4)):
                key = some_key(r)
                lines.append(" pre-shared-key %s key same" % key_peer(key))
                key["line"] = len(lines)
                ring["keys"].append(key)
            conf["keyrings"].append(ring)
        else:
            ikev2 = what == "profile2"
            p = {"name": "P%d" % n, "match": [], "keyrings": [], "complete": True}
            lines.append("crypto %s profile %s" % ("ikev2" if ikev2 else "isakmp", p["name"]))
            place(r, p, lines, "match address local" if ikev2 else "local-address")
            for _ in range(r.randint(0, 3)):
                p["match"].append(some_match(r, ikev2))
                lines.append(" " + match_line(p["match"][-1], ikev2))
            if ikev2:
                p["complete"] = r.random() < 0.8
                lines.append(" authentication local pre-share")
                if p["complete"]:
                    lines.append(" authentication remote pre-share")
            else:
                names = ["default"] + ["K%d" % i for i, w in enumerate(todo) if w == "keyring"]
                p["keyrings"] = r.sample(names, r.randint(0, min(2, len(names))))
                lines += [" keyring " + name for name in p["keyrings"]]
            conf["profiles2" if ikev2 else "profiles1"].append(p)
    if conf["default"] or conf["keyrings"] or conf["profiles1"]:  # else an unbound tunnel is IKEv2's
        lines.append("crypto ipsec profile OPEN")
        for n in range(2):
            t = {"name": "Tunnel%d" % n, "source": r.choice(LOCALS), "destination": some_address(r)}
            lines += ["interface " + t["name"], " tunnel source " + t["source"],
                      " tunnel destination " + t["destination"], " tunnel protection ipsec profile OPEN"]
            conf["tunnels"].append(t)
    return lines, conf


def some_question(r, conf):
    """The question and the answer that the rules give."""
    fvrf, local = r.choice((None,) * 8 + ("RED", "BLUE", "OTHER")), r.choice((None,) + LOCALS)
    where = "%s %s" % (fvrf or "-", local or "-")
    what = r.choice(("key", "key", "key", "profile1", "profile1", "profile2", "profile2", "agrees", "tunnel"))
    if what == "agrees" and conf["profiles1"]:
        p = r.choice(conf["profiles1"])
        ring = r.choice(["default"] + [k["name"] for k in conf["keyrings"]])
        return "agrees %s %s" % (p["name"], ring), "yes" if kr7(p, ring) else "no"
    if what == "tunnel" and conf["tunnels"]:
        t = r.choice(conf["tunnels"])
        return "tunnel " + t["name"], pf3(conf, None, t["source"], "addr", t["destination"])  # PF-2
    if what.startswith("profile"):
        kind = r.choice(("addr", "addr", "addr", "addr", "fqdn", "email", "key"))
        text = some_address(r) if kind == "addr" else r.choice({"fqdn": NAMES, "email": USERS, "key": GROUPS}[kind])
        rule = pf3 if what == "profile1" else pf8
        return "%s %s %s %s" % (what, where, kind, text), rule(conf, fvrf, local, kind, text)
    peer = some_address(r)
    best = kr5(conf, fvrf, local, peer)
    return "key %s %s" % (where, peer), "%s %d" % (best[0], best[1]["line"]) if best else "-"


def run_batch(program, r, count):
    """Asks `count` questions; how many had an answer, or None after a difference."""
    text, asked = [], []
    while len(asked) < count:
        lines, conf = some_configuration(r)
        text += ["config %d" % len(lines)] + lines
        for _ in range(min(QUESTIONS, count - len(asked))):
            question, want = some_question(r, conf)
            text.append(question)
            asked.append((lines, question, want))
    done = subprocess.run([program], input="\n".join(text) + "\n", stdout=subprocess.PIPE, universal_newlines=True,
                          check=True)
    answers = done.stdout.splitlines()
    if len(answers) != len(asked):
        print("%d questions, %d answers" % (len(asked), len(answers)))
        return None
    for (lines, question, want), got in zip(asked, answers):
        if want != got:
            print("\n".join(lines))
            print("question: %s\nthe rules say: %s\nthe program says: %s" % (question, want, got))
            return None
    return sum(want not in ("-", "no") for _, _, want in asked)


def main():
    program = sys.argv[1]
    cases = int(sys.argv[2]) if len(sys.argv) > 2 else 100000
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 15
    r, asked, chosen = random.Random(seed), 0, 0
    while asked < cases:
        count = min(BATCH * QUESTIONS, cases - asked)
        found = run_batch(program, r, count)
        if found is None:
            return 1
        asked, chosen = asked + count, chosen + found
    print("%d cases agree (seed %d), %d of them with a choice" % (asked, seed, chosen))
    return 0 if chosen > asked // 3 else 1


if __name__ == "__main__":
    sys.exit(main())
