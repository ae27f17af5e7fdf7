#!/usr/bin/python3
"""Checks on the sources that a compiler does not make. Looks at files that git tracks, and at nothing else.

  lint.py             every check; one line per finding; exit 1 if there is any
  lint.py --list      the checks' names
  lint.py CHECK ...   only these

Prints `PASS lint-NAME` or `FAIL lint-NAME (N findings)` per check, as tests/run_tests.py expects.
"""
import fnmatch
import os
import re
import subprocess
import sys

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
MAX_LINES = 800
SOURCE_DIRS = ("common/", "dataplane/", "control/")


def tracked():
    """Tracked files that exist in the work tree."""
    out = subprocess.run(["git", "-c", "safe.directory=*", "ls-files", "-z"], cwd=ROOT, stdout=subprocess.PIPE,
                         check=True).stdout
    return [p for p in out.decode().split("\0") if p and os.path.isfile(os.path.join(ROOT, p))]


def read(path):
    with open(os.path.join(ROOT, path), errors="replace") as f:
        return f.read()


def sources(files):
    return [p for p in files if p.endswith((".c", ".h"))]


def product(files):
    return [p for p in sources(files) if p.startswith(SOURCE_DIRS)]


def without_comments(text):
    """Comments and string contents blanked, line structure kept, so that words in them do not count."""
    def blank(m):
        return re.sub(r"[^\n]", " ", m.group(0)) if m.group(0)[0] == "/" else '""' + "\n" * m.group(0).count("\n")
    return re.sub(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])+'", blank, text, flags=re.S)


# ---- the include table -------------------------------------------------------------------------------


def load_table():
    libraries, rows, section = {}, {}, None
    for line in read("tests/lint/includes.txt").splitlines():
        line = line.split("#", 1)[0].rstrip()
        if not line:
            continue
        if not line.startswith(" "):
            section = line.rstrip(":")
        elif section == "libraries":
            name, *patterns = line.split()
            libraries[name] = patterns
        else:
            path, allowed = line.strip().split(":", 1)
            rows[path] = allowed.split()
    return libraries, rows


def row_of(path, rows):
    at = path
    while at:
        if at in rows:
            return at
        at = os.path.dirname(at)
    return None


def library_of(header, libraries):
    """Every library that the header may belong to, the narrowest first; empty for libc."""
    return [name for name, patterns in libraries.items() if any(fnmatch.fnmatch(header, p) for p in patterns)]


def include_allowed(path, header, row, allowed, libraries):
    libs = library_of(header, libraries)
    if libs:
        return any(lib in allowed for lib in libs) or "lib:*" in allowed
    if not os.path.exists(os.path.join(ROOT, header)):
        return True  # libc or the kernel's headers
    folder = os.path.dirname(header)
    if folder == os.path.dirname(path) or header == path or (row != path and folder == row):
        return True
    for word in allowed:
        if word == header or word == folder:
            return True
        if word.endswith("/*") and header.startswith(word[:-1]):
            return True
    return False


def check_includes(files):
    """The include table: who may include whom"""
    libraries, rows = load_table()
    for path in sources(files):
        row = row_of(path, rows)
        if row is None:
            yield path, 1, "no row of tests/lint/includes.txt covers this file"
            continue
        for number, line in enumerate(read(path).splitlines(), 1):
            m = re.match(r"\s*#\s*include\s*([<\"])([^>\"]+)[>\"]", line)
            if not m:
                continue
            quoted, header = m.group(1) == '"', m.group(2)
            if quoted and not os.path.exists(os.path.join(ROOT, header)):
                yield path, number, "include from the root of the repository: \"%s\" is no file there" % header
            elif not include_allowed(path, header, row, rows[row], libraries):
                yield path, number, "%s may not include %s (row of tests/lint/includes.txt: %s)" % (
                    row, header, " ".join(rows[row]) or "nothing")


# ---- single rules ------------------------------------------------------------------------------------

BANNED = (
    # (function, where, why)
    (r"strcpy|strcat|stpcpy|gets", None, "has no bound"),
    (r"sprintf|vsprintf", None, "has no bound; use snprintf"),
    (r"strtok|asctime|ctime|gmtime|localtime", None, "keeps state between calls; use the _r form"),
    (r"rand|srand|random|srandom|drand48", None, "is no source of secrets or tests that can be repeated"),
    (r"alloca|__builtin_alloca", None, "takes stack by the caller's leave"),
    (r"system|popen", None, "runs a shell"),
    (r"atoi|atol|atoll|atof", None, "cannot say that its input is no number; use strtoul with checks"),
    # A copy whose length is sizeof, a number or a named constant cannot be led astray by a peer; arrays of own structs are no wire data.
    (r"memcpy|memmove", ("control/codec/", "control/ike/", "control/ikev1/", "control/ikev2/"),
     "copies of a length that came from outside go through buf_reader and buf_writer"),
    (r"memcmp", ("control/crypto/", "control/ike/", "control/ikev1/", "control/ikev2/", "dataplane/esp/",
               "dataplane/engine/"),
     "MACs and keys are compared in constant time"),
)
FIXED_LENGTH = re.compile(r",\s*(?:[\w.>-]+ \* )?(sizeof\b[^,]*|[A-Z][A-Z0-9_]*|\d+)\s*\)\s*;")
SECRET_WORD = re.compile(r"mac|icv|tag|digest|auth|key|psk|secret", re.I)


def harmless(name, statement):
    if name in ("memcpy", "memmove"):
        return bool(FIXED_LENGTH.search(statement))
    return name == "memcmp" and not SECRET_WORD.search(statement)
# `lint: allow NAME, reason` on the line or the line before lifts a ban where the reason holds.
ALLOW = re.compile(r"lint: allow ([a-z_0-9]+), \S")


def check_banned(files):
    """Calls that this house does without"""
    for path in product(files):
        raw = read(path).splitlines()
        for number, line in enumerate(without_comments(read(path)).splitlines(), 1):
            for names, where, why in BANNED:
                if where and not path.startswith(where):
                    continue
                m = re.search(r"(?<![\w.>])(%s)\s*\(" % names, line)
                if not m or harmless(m.group(1), line[m.start():]):
                    continue
                around = "\n".join(raw[max(0, number - 2):number])
                if m.group(1) not in ALLOW.findall(around):
                    yield path, number, "%s: %s" % (m.group(1), why)


def check_length(files):
    """Files stay short enough to be read in one go"""
    for path in sources(files):
        lines = read(path).count("\n")
        if lines > MAX_LINES:
            yield path, lines, "%d lines; %d is where a file wants to be two" % (lines, MAX_LINES)


def check_headers(files):
    """Every .c has its .h or stands in its folder's; headers are guarded and say what they are for"""
    have = set(files)
    for path in product(files):
        folder = os.path.dirname(path)
        if path.endswith(".c"):
            shared = "%s/%s.h" % (folder, PREFIXES.get(folder, os.path.basename(folder)))
            if path[:-2] + ".h" not in have and os.path.basename(path) != "main.c" and shared not in have:
                yield path, 1, "has no header"
            continue
        text = read(path)
        if not text.lstrip().startswith("/*"):
            yield path, 1, "does not say what it is for"
        if path.endswith("_rows.h"):
            continue  # a table of macro calls, included more than once
        guard = re.sub(r"[^A-Z0-9]", "_", path.upper())
        m = re.search(r"^#ifndef (\w+)\n#define (\w+)$", text, re.M)
        if not m or m.group(1) != m.group(2) or not guard.endswith(m.group(1)):
            yield path, 1, "has no include guard named for the path (%s)" % guard


PREFIXES = {
    "dataplane": "dp", "dataplane/io": "io", "dataplane/ip": "ip", "dataplane/esp": "esp",
    "dataplane/engine": "eng", "control/runtime": "rt", "control/codec": "pld", "control/crypto": "cr",
    "control/pki": "pki", "control/config": "cfg", "control/select": "sel", "control/ike": "ike",
    "control/ikev1": "v1", "control/ikev2": "v2", "control/sa": "sam", "control/cli": "cli",
    "control/metrics": "met", "control/tools": "exp", "control/doctor": "doc",
}


def check_names(files):
    """Prefix = folder: a file's name says which room it stands in"""
    for path in product(files):
        prefix = PREFIXES.get(os.path.dirname(path))
        stem = os.path.splitext(os.path.basename(path))[0]
        # pld1 is pld for IKEv1
        if prefix and stem != "main" and stem.split("_")[0] not in (prefix, prefix + "1"):
            yield path, 1, "a file of %s is named %s_*" % (os.path.dirname(path), prefix)


# Words put together here so that this file does not hold them itself.
FORBIDDEN = [
    (re.compile("(?<![\\w.])/" + "(work|home|root)" + "/"), "a path of somebody's machine"),
    (re.compile("\\b(" + "TO" + "DO|FIX" + "ME|X" + "XX)\\b"), "unfinished business"),
]
TEXT = (".c", ".h", ".py", ".md", ".txt", ".build", ".conf", ".sh", ".yml", ".json")


def check_words(files):
    """No paths of a developer's machine, no unfinished business"""
    for path in files:
        if not (path.endswith(TEXT) or "." not in os.path.basename(path)):
            continue
        if path == "tests/lint/lint.py":
            continue
        for number, line in enumerate(read(path).splitlines(), 1):
            for pattern, what in FORBIDDEN:
                if pattern.search(line):
                    yield path, number, "%s: %s" % (what, line.strip()[:80])


def check_format(files):
    """Layout is what clang-format makes of it"""
    todo = sources(files)
    for at in range(0, len(todo), 50):
        done = subprocess.run(["clang-format", "--dry-run", "--ferror-limit=1"] + todo[at:at + 50], cwd=ROOT,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for m in re.finditer(r"^(\S+?):(\d+):\d+: (?:warning|error): .*clang-format-violations", done.stdout, re.M):
            yield m.group(1), int(m.group(2)), "run ./run format"
        if done.returncode not in (0, 1):
            yield "clang-format", 0, done.stdout.strip()[:200]


def check_links(files):
    """Links between the documents lead somewhere"""
    for path in [p for p in files if p.endswith(".md")]:
        for number, line in enumerate(read(path).splitlines(), 1):
            for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", line):
                if "://" in target or target.startswith("mailto:"):
                    continue
                if not os.path.exists(os.path.join(ROOT, os.path.dirname(path), target)):
                    yield path, number, "link to %s leads nowhere" % target


def check_map(files):
    """docs/MAP.md names only what exists, and every folder of the sources"""
    if "docs/MAP.md" not in files:
        yield "docs/MAP.md", 0, "is missing"
        return
    text = read("docs/MAP.md")
    for number, line in enumerate(text.splitlines(), 1):
        for name in re.findall(r"`((?:common|dataplane|control|tests|docs|demo|drivers-config)/[\w/.\-]*)`", line):
            if not os.path.exists(os.path.join(ROOT, name)):
                yield "docs/MAP.md", number, "%s does not exist" % name
    for folder in sorted({os.path.dirname(p) for p in product(files)}):
        if "`%s/" % folder not in text:
            yield "docs/MAP.md", 0, "folder %s/ is not on the map" % folder


# Documents that several hands add lines to: what a line is about.
SUBJECTS = {"docs/MAP.md": r"\| ([^:;|]*[^:;| ])", "CHANGELOG.md": r"- ([^:]*)"}


def check_doubled(files):
    """No two rows of the map, no two entries of CHANGELOG.md are about the same: a merge keeps what both sides had"""
    for path in [p for p in SUBJECTS if p in files]:
        told = []
        for number, line in enumerate(read(path).splitlines(), 1):
            m = re.match(SUBJECTS[path], line)
            if not m or not re.search(r"\w", m.group(1)):
                continue
            subject = m.group(1).strip().lower()
            for other, at in told:
                short, long = sorted((subject, other), key=len)
                if long == short or (path == "docs/MAP.md" and re.match(re.escape(short) + r"(,| and\b)", long)):
                    yield path, number, "begins as line %d does: one row for both, or other words" % at
            told.append((subject, number))


def check_reference(files):
    """Generated pages of docs/reference agree with the sources"""
    maker = os.path.join(ROOT, "docs", "make_reference.py")
    if not os.path.exists(maker):
        return
    done = subprocess.run([sys.executable, maker, "--check"], cwd=ROOT, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        for line in done.stdout.strip().splitlines():
            yield "docs/reference", 0, line


def check_shell(files):
    """Shell scripts parse, and stop at the first failure"""
    for path in files:
        text = read(path) if "." not in os.path.basename(path) or path.endswith(".sh") else ""
        if not re.match(r"#!.*\b(ba)?sh\b", text):
            continue
        done = subprocess.run(["bash", "-n", path], cwd=ROOT, stderr=subprocess.PIPE, text=True)
        if done.returncode != 0:
            yield path, 0, done.stderr.strip()
        if not re.search(r"^set -e", text, re.M):
            yield path, 1, "does not stop at the first failure: set -euo pipefail"


def check_python(files):
    """Python files compile, and name nothing that they do not have (pyflakes)"""
    scripts = [p for p in files if "." not in os.path.basename(p) and re.match(r"#!.*\bpython3\b", read(p))]
    done = subprocess.run(["pyflakes3"] + [p for p in files if p.endswith(".py")] + scripts, cwd=ROOT, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    for line in done.stdout.splitlines():
        place = re.match(r"([^:]+):(\d+):\d+:? (.*)", line)
        if place:
            yield place[1], int(place[2]), place[3]
        elif done.returncode != 0:
            yield "tests/lint/lint.py", 0, line


def check_executable(files):
    """Files with a first line for the shell can be run, and tests of system and interop have one: others are left out without a word"""
    for path in files:
        if read(path).startswith("#!"):
            if not os.access(path, os.X_OK):
                yield path, 1, "begins with #! and is not executable: chmod +x"
        elif re.match(r"tests/(system|interop)/test_[^/]*\.py$", path):
            yield path, 1, "a test that cannot be run: it needs #!/usr/bin/python3 and chmod +x"


CHECKS = [(name[len("check_"):], fn) for name, fn in list(globals().items()) if name.startswith("check_")]


def main(argv):
    os.chdir(ROOT)
    if argv == ["--list"]:
        for name, fn in CHECKS:
            print("%-10s %s" % (name, fn.__doc__))
        return 0
    unknown = set(argv) - {name for name, _ in CHECKS}
    if unknown:
        print("lint.py: no check named %s; see --list" % ", ".join(sorted(unknown)), file=sys.stderr)
        return 2
    files, bad = tracked(), 0
    for name, fn in CHECKS:
        if argv and name not in argv:
            continue
        findings = list(fn(files))
        for path, line, text in findings:
            print("  %s:%d: %s" % (path, line, text))
        print("%s lint-%s%s" % ("FAIL" if findings else "PASS", name,
                                " (%d findings)" % len(findings) if findings else ""))
        sys.stdout.flush()
        bad += len(findings)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
