"""Cases of an interop test file: each runs on a site of its own, prints PASS, FAIL or SKIP with its seconds.

    @case("what it shows")
    def name():
        with strongswan_site("title") as site: ...

    if __name__ == "__main__":
        main()

A case fails by raising: check() for a finding, LabError for a step that broke. On a failure the ends of all
logs of the labs still open are printed, then the labs are closed.
"""
import argparse
import sys
import time
import traceback

import culvert
import net
import strongswan

_cases = []


class Skip(Exception):
    """This machine cannot run the case; the text says why."""


class Failed(AssertionError):
    pass


def check(truth, text):
    if not truth:
        raise Failed(text)


def check_equal(got, want, what):
    if got != want:
        raise Failed("%s: got %r, want %r" % (what, got, want))


def case(title):
    def keep(fn):
        _cases.append((title, fn))
        return fn
    return keep


def add_case(title, fn):
    _cases.append((title, fn))


def _run(title, fn, verbose):
    started = time.monotonic()
    try:
        note = fn()
        verdict = "PASS"
    except Skip as e:
        verdict, note = "SKIP", str(e)
    except (Failed, net.LabError) as e:
        verdict, note = "FAIL", str(e)
    except Exception as e:  # a bug in the case itself is a failure of the case
        verdict, note = "FAIL", "%s: %s" % (type(e).__name__, e)
        traceback.print_exc(file=sys.stdout)
    took = time.monotonic() - started
    if verdict == "FAIL" or verbose:
        for lab in list(net._open_labs):
            print(lab.tails(200 if verbose else 60))
    for lab in list(net._open_labs):
        lab.close()
    if verdict == "PASS":
        note = ("%s, %.1f s" % (note, took)) if note else "%.1f s" % took
    print("%s %s (%s)" % (verdict, title, str(note).replace("\n", " ")[:300].replace("(", "[").replace(")", "]")),
          flush=True)
    return verdict


def main(needs_culvert=True, needs_strongswan=True):
    parser = argparse.ArgumentParser()
    parser.add_argument("--list", action="store_true", help="titles of the cases")
    parser.add_argument("-v", "--verbose", action="store_true", help="print the logs of passing cases, too")
    parser.add_argument("only", nargs="*", help="run cases whose title holds one of these texts")
    args = parser.parse_args()
    if args.list:
        print("\n".join(title for title, _ in _cases))
        return
    for reason in ((culvert.available() if needs_culvert else None),
                   (strongswan.available() if needs_strongswan else None)):
        if reason:
            print(reason)
            sys.exit(77 if reason.endswith("installed") else 1)
    # A copy: a case that imports another test file must not run that one's cases, too.
    verdicts = [_run(title, fn, args.verbose) for title, fn in list(_cases)
                if not args.only or any(text in title for text in args.only)]
    sys.exit(1 if "FAIL" in verdicts or not verdicts else 0)
