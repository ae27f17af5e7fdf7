#!/usr/bin/python3
"""culvert bench offload: what devices advertise, a short run of every kind of engine, and what it writes."""
import json
import os
import subprocess
import sys
import tempfile
import xml.dom.minidom

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "interop"))
from case import case, check, check_equal, main  # noqa: E402
from culvert import BUILD  # noqa: E402


def offload(*args):
    return subprocess.run([os.path.join(BUILD, "culvert"), "bench", "offload", *args], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=400)


def reported(*args):
    """The JSON and the HTML of a run that must succeed."""
    with tempfile.TemporaryDirectory() as d:
        files = [os.path.join(d, n) for n in ("out.json", "out.html")]
        run = offload("--json", files[0], "--html", files[1], *args)
        check_equal(run.returncode, 0, f"exit status; {run.stderr}")
        with open(files[0], encoding="ascii") as f:
            out = json.load(f)
        text = open(files[1], encoding="utf-8").read()
    return out, text, run.stdout


@case("capabilities: algorithms with their ranges, features, and no IPsec where none is advertised")
def capabilities():
    out, _, text = reported("--capabilities", "--device", "net_null0")
    devices = {d["name"]: d for d in out["devices"]}
    port = devices["net_null0"]
    check_equal((port["kind"], port["rte_security"], port["security_rx"], port["ipsec"]), ("port", False, False, []), "a port without")
    check("no inline IPsec" in text, "said so")
    mb, gcm = devices["crypto_aesni_mb"], devices["crypto_aesni_gcm"]
    check("SYM_CPU_CRYPTO" in mb["features"] and "SYM_CPU_CRYPTO" in gcm["features"], f"features: {mb['features']}")
    check("SYM_CPU_CRYPTO" not in devices["crypto_openssl"]["features"], "openssl has no such mode")
    algorithms = {a["name"]: a for a in gcm["algorithms"]}
    check_equal(sorted(algorithms), ["aes-gcm", "aes-gmac"], "algorithms")
    check_equal(algorithms["aes-gcm"]["key"], {"min": 16, "max": 32, "step": 8}, "key sizes")
    check_equal(out["results"], [], "nothing measured")


@case("engines in the call and look-aside, beside ipsec-mb: figures in order, depths swept, plots well-formed")
def engines_side_by_side():
    words = ("ipsec-mb", "cryptodev crypto_openssl look-aside", "cryptodev crypto_aesni_gcm cpu")
    out, page, text = reported("--sizes", "64,512,imix", "--rounds", "2", "--loop", "64", "--transform", "esp-gcm-128,esp-aes-128-sha256", *[w for e in words for w in ("--engine", e)])
    check_equal([e["engine"] for e in out["engines"]], list(words), "engines")
    check(all(e["ran"] for e in out["engines"]), f"all ran: {out['engines']}")
    seen = {}
    for row in out["results"]:
        check(row["cycles_per_packet"] >= row["cpu_cycles_per_packet"] > 0 and row["ipsecmb_cycles_per_packet"] > 0, f"cycles: {row}")
        check(row["cycles_low"] <= row["cycles_per_packet"] <= row["cycles_high"], f"quartiles: {row}")
        ns = row["latency_ns"]
        check(0 < ns["p50"] <= ns["p90"] <= ns["p99"] <= ns["p99_9"] <= ns["max"], f"latency: {row}")
        seen.setdefault((row["engine"], row["transform"]), set()).add((row["direction"], row["size"], row["depth"]))
    both = [(d, z) for d in ("encap", "decap") for z in (64, 512, "imix")]
    for transform in ("esp-gcm-128", "esp-aes-128-sha256"):
        check_equal(seen[(words[0], transform)], {(d, z, 32) for d, z in both}, "ipsec-mb works in the call")
        check_equal(seen[(words[1], transform)], {(d, z, n) for d, z in both for n in (1, 8, 32, 128, 512, 1024)}, "depths")
    check_equal(seen.get((words[2], "esp-aes-128-sha256")), None, "crypto_aesni_gcm does no CBC")
    check("cryptodev crypto_aesni_gcm cpu       does not do it" in text, "said so")
    loops = {(row["engine"], row["transform"], row["direction"]): row for row in out["loop"]}
    check_equal(len(loops), 2 * (2 + 2 + 1), "cells of the loop")
    for key, row in loops.items():
        check(0 < row["mpps_min"] <= row["mpps"] <= row["mpps_max"] and row["size"] == 64, f"loop: {row}")
        # Receive, lookups and transmit are no part of the bare call. Turns on a machine that is busy with other work may say otherwise.
        check(row["share_of_limit"] < 1.5 and row["limit_ipsecmb_mpps"] > 0, f"loop beside the bare call: {row}")
        if key[0] == "ipsec-mb":
            check_equal(row["ratio_ipsecmb"], 1, "ipsec-mb's ratio to itself")
    check("At a glance" in page and page.index("At a glance") < page.index("Through the worker's loop"), "a summary, first")
    check_equal(page.count('class="bar"'), 2 + 1 + 2, "bars")
    check("http://" not in page and "https://" not in page, "nothing from elsewhere")
    root = xml.dom.minidom.parseString(page.replace("<!DOCTYPE html>", "").replace("&nbsp;", " ")).documentElement
    lines = [p for p in root.getElementsByTagName("path") if p.getAttribute("class") == "line"]
    check_equal(len(lines), 2 * 5 * (3 + 2), "a line for each engine in each plot of each way")


@case("an engine that does not run is told, and is the exit status when it was asked for")
def engines_that_do_not_run():
    with tempfile.TemporaryDirectory() as d:
        name = os.path.join(d, "out.json")
        run = offload("--sizes", "64", "--rounds", "1", "--loop", "none", "--json", name, "--engine", "cryptodev crypto_openssl cpu",
                      "--engine", "cryptodev crypto_none", "--engine", "abacus", "--engine", "ipsec-mb")
        check_equal(run.returncode, 1, "exit status")
        with open(name, encoding="ascii") as f:
            engines = json.load(f)["engines"]
    check_equal([e["ran"] for e in engines], [False, False, False, True], "ran")
    check("no synchronous mode" in engines[0]["why"] and "crypto_none" in engines[1]["why"] and "abacus" in engines[2]["why"],
          f"why: {[e['why'] for e in engines]}")


@case("inline without such a NIC has no figure: alone it is the exit status, beside others it says why")
def inline_without_a_nic():
    with tempfile.TemporaryDirectory() as d:
        name = os.path.join(d, "out.json")
        run = offload("--sizes", "64", "--rounds", "1", "--loop", "64", "--json", name, "--engine", "inline", "--device", "net_null0")
        with open(name, encoding="ascii") as f:
            out = json.load(f)
    check_equal(run.returncode, 1, "exit status")
    check_equal([e["ran"] for e in out["engines"]], [False], "ran")
    check("no port with rte_security" in out["engines"][0]["why"], f"why: {out['engines']}")
    check_equal((out["results"], out["loop"]), ([], []), "figures")
    check("no port with rte_security" in run.stdout, "the text says so")


@case("a device that was named and is not there is told, and is the exit status")
def devices_that_are_not_there():
    for name, why in (("0000:99:00.0", "0000:99:00.0 is not there"), ("net_nonsense0", "net_nonsense0 could not be made"), ("crypto_nonsense", "crypto_nonsense could not be made")):
        run = offload("--capabilities", "--device", name)
        check_equal(run.returncode, 1, f"exit status with {name}")
        check(f"Note: {why}" in run.stdout, f"a note: {run.stdout[:300]}")
        check("none named by --device" not in run.stdout, "one was named")
    check_equal(offload("--capabilities", "--device", "crypto_openssl", "--device", "net_null0,size=128").returncode, 0, "with arguments, and one that is there anyway")


@case("--help prints the usage")
def usage():
    for words in (("bench", "offload"), ("bench", "dataplane"), ("doctor",)):
        run = subprocess.run([os.path.join(BUILD, "culvert"), *words, "--help"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)
        check_equal((run.returncode, run.stderr), (0, ""), f"status of {words} --help")
        check("json" in run.stdout, f"usage of {words}: {run.stdout}")


@case("wrong options are refused")
def wrong_options():
    for args in (("--sizes", "9000"), ("--transform", "esp-none"), ("--rounds", "0"), ("--rounds", "many"), ("--loop", "9000"), ("--html", "/nonexistent/x.html"),
                 ("--engine", "x" * 70), ("--nonsense",), ("word",)):
        run = offload(*args)
        check_equal(run.returncode, 2, f"exit status of {args}")
        check(run.stderr.strip(), "a word about it")


if __name__ == "__main__":
    main(needs_strongswan=False)
