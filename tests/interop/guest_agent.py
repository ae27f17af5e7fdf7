"""Runs inside a guest: takes one JSON request per line on a serial line, answers each with one line.

{"op":"run","argv":[..],"limit":SECONDS,"stdin":TEXT|null} -> {"rc","out","err"}
{"op":"start","argv":[..],"env":{..},"log":FILE} -> {"id"}
{"op":"poll","id"} -> {"rc"}        {"op":"signal","id","signal"} -> {"rc"}
"""
import json
import os
import subprocess
import sys
import termios
import tty

started = {}


def run(r):
    try:
        done = subprocess.run(r["argv"], input=r.get("stdin") or "", stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, errors="replace", timeout=r["limit"])
        return {"rc": done.returncode, "out": done.stdout, "err": done.stderr}
    except subprocess.TimeoutExpired:
        return {"rc": 124, "out": "", "err": "timeout"}
    except OSError as e:
        return {"rc": 127, "out": "", "err": str(e)}


def start(r):
    environment = dict(os.environ)
    environment.update(r["env"])
    with open(r["log"], "ab", 0) as log:
        process = subprocess.Popen(r["argv"], env=environment, stdin=subprocess.DEVNULL, stdout=log,
                                   stderr=subprocess.STDOUT, start_new_session=True)
    started[process.pid] = process
    return {"id": process.pid}


def answer(r):
    if r["op"] == "run":
        return run(r)
    if r["op"] == "start":
        return start(r)
    process = started[r["id"]]
    if r["op"] == "signal" and process.poll() is None:
        process.send_signal(r["signal"])
    return {"rc": process.poll()}


def main(device):
    os.environ["PATH"] = "/usr/sbin:/usr/bin:/sbin:/bin"
    line = os.open(device, os.O_RDWR | os.O_NOCTTY)
    tty.setraw(line, termios.TCSANOW)
    reader = os.fdopen(line, "rb", buffering=0)
    os.write(line, b'{"hello":1}\n')
    pending = b""
    while True:
        data = reader.read(4096)
        if not data:
            continue
        pending += data
        while b"\n" in pending:
            request, pending = pending.split(b"\n", 1)
            reply = json.dumps(answer(json.loads(request))).encode() + b"\n"
            while reply:
                reply = reply[os.write(line, reply):]


if __name__ == "__main__":
    main(sys.argv[1])
