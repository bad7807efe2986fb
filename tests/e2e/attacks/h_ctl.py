#!/usr/bin/env python3
"""H-CTL: the control socket against whoever is on the machine: who may connect (file mode, SO_PEERCRED),
size and rate of messages, JSON that is none, readers that are slow, a thousand connections. (There is
no control socket on TCP, hence no token and no TLS for it: the product listens on a Unix socket only.)

Each probe says what it found; a server without these bounds, which the script brings along, fails every
one of them.
"""
# long
# timeout: 240
import json
import os
import resource
import select
import socket
import stat
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import attack_lab  # noqa: E402
import sluice_lab  # noqa: E402

NOBODY = 65534
LIMIT = 4096            # max_message_bytes
RATE = 50               # requests_per_second
CLIENTS = 16
BACKLOG = 65536
CONNECTIONS = 1000
GROWTH = 8 << 20        # of memory, for all of a probe


def settings(config):
    config["control"].update(mode="0666", allow_uids=[12345], max_clients=CLIENTS,
                             max_message_bytes=LIMIT, requests_per_second=RATE,
                             max_backlog_bytes=BACKLOG)


class Line:
    """A client that writes what it likes."""

    patience = 5

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        seconds = int(self.patience * sluice_lab.PATIENCE)
        # A queue of connections that is full is waited for, as connect(2) does it: not with a timeout
        # of Python's, which asks without blocking.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", seconds, 0))
        self.socket.connect(path)
        self.socket.settimeout(seconds)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.socket.close()

    def say(self, data):
        self.socket.sendall(data)

    def hear(self):
        """The next line; None: closed, or nothing in time."""
        try:
            while b"\n" not in self.buffer:
                data = self.socket.recv(65536)
                if not data:
                    return None
                self.buffer += data
        except OSError:
            return None
        line, self.buffer = self.buffer.split(b"\n", 1)
        try:
            return json.loads(line)
        except ValueError:
            return None

    def ask(self, data):
        self.say(data)
        return self.hear()


def request(method, number=1, **params):
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}).encode() + b"\n"


def code_of(answer):
    return (answer or {}).get("error", {}).get("code")


# --- probes: each tells (held, what was seen) ---------------------------------------------------

def stranger(path, _):
    """Another user, whom the mode of the file lets through, is told off and closed."""
    script = ("import os,socket,sys\nos.setgroups([])\nos.setgid(%d)\nos.setuid(%d)\n"
              "s=socket.socket(socket.AF_UNIX)\ns.settimeout(15)\ns.connect(sys.argv[1])\n"
              "s.sendall(b'%s')\nd=b''\n"
              "while b'\\n' not in d:\n  n=s.recv(65536)\n  if not n: break\n  d+=n\n"
              "print(d.decode())") % (NOBODY, NOBODY, request("server.info").decode().replace("\n", "\\n"))
    done = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True,
                          timeout=20 * sluice_lab.PATIENCE, check=False)
    said = done.stdout + done.stderr
    return "result" not in done.stdout and ("may not connect" in said or "Broken pipe" in said
                                            or "reset" in said), said[-300:]


def positions(path, _):
    """Bad JSON is answered with -32700 and where it is bad; the connection lives on."""
    wrong = []
    cases = [(b'{"jsonrpc": oops}', 16), (b'{"a":1,}', 8), (b'\xff\xfe', 1), (b'{"a":"\x01"}', 6),
             (b'[1,2', 4), (b'{"a":1}}', 8), (b'[' * 3000, 2048), (b'nul', 3), (b'"\\ud800"', 8)]
    with Line(path) as line:
        for text, at in cases:
            answer = line.ask(text + b"\n")
            error = (answer or {}).get("error", {})
            position = (error.get("data") or {}).get("position")
            if error.get("code") != -32700 or position is None or abs(position - at) > 8:
                wrong.append((text[:20], answer))
            if answer is None:
                return False, wrong
        good = line.ask(request("server.info"))
    return not wrong and "result" in (good or {}), wrong


def requests_of_wrong_form(path, _):
    """JSON that is no request: -32600, -32601, -32602, and never a result."""
    wrong = []
    cases = [(b"[]", -32600), (b"1", -32600), (b"{}", -32600), (b'{"jsonrpc":"1.0","id":1,"method":"x"}', -32600),
             (b'{"jsonrpc":"2.0","id":{},"method":"server.info"}', -32600),
             (b'{"jsonrpc":"2.0","id":1,"method":"nobody.knows"}', -32601),
             (b'{"jsonrpc":"2.0","id":1,"method":"session.get","params":{"id":-1}}', -32602),
             (b'{"jsonrpc":"2.0","id":1,"method":"session.get","params":{"id":1e400}}', -32700),
             (b'{"jsonrpc":"2.0","id":1,"method":"session.get","params":{"id":18446744073709551616}}', -32700),
             (b'{"jsonrpc":"2.0","id":1,"method":"session.get","params":{"id":1,"x":2}}', -32602),
             (b'{"jsonrpc":"2.0","id":1,"method":"log.set","params":{"level":"a\\u0000b"}}', -32700)]
    with Line(path) as line:
        for text, code in cases:
            answer = line.ask(text + b"\n")
            answer = answer[0] if isinstance(answer, list) else answer
            if code_of(answer) not in (code, -32602 if code == -32700 else code):
                wrong.append((text, answer))
            if answer is None:
                break
    return not wrong, wrong


def too_long(path, server):
    """A line of 64 MB: refused once, skipped, no memory kept for it, the next line is served."""
    before = attack_lab.memory(server)
    with Line(path) as line:
        try:
            for _ in range(64):
                line.say(b"x" * (1 << 20))
            grown = attack_lab.memory(server) - before
            line.say(b"\n")
            first, second = line.hear(), line.ask(request("server.info"))
        except OSError as error:
            return False, str(error)
    return (code_of(first) == -32600 and "result" in (second or {}) and grown < GROWTH,
            (grown, first, second))


def rate(path, _):
    """Three times what a second allows takes two seconds more; nothing is lost."""
    began = time.monotonic()
    with Line(path) as line:
        line.say(b"".join(request("server.info", n) for n in range(3 * RATE)))
        for number in range(3 * RATE):
            if (line.hear() or {}).get("id") != number:
                return False, f"no answer to request {number}"
    spent = time.monotonic() - began
    return spent > 1.5, spent


def slow_reader(path, server):
    """Who asks and does not read is not read either: the backlog is bounded."""
    before = attack_lab.memory(server)
    sent = 0
    with Line(path) as line:
        line.socket.setblocking(False)
        chunk = request("rpc.methods") * 20
        end = time.monotonic() + 4
        while time.monotonic() < end and sent < 32 << 20:
            try:
                sent += line.socket.send(chunk)
            except BlockingIOError:
                if not select.select([], [line.socket], [], 1)[1]:
                    break  # the server has stopped reading
        grown = attack_lab.memory(server) - before
    return sent < 8 << 20 and grown < GROWTH, (sent, grown)


def crowd(path, server):
    """A thousand connections: those beyond max_clients are told so and closed; then one is served."""
    before = attack_lab.memory(server)
    told = 0
    many = []
    for _ in range(CONNECTIONS):
        line = Line(path)
        many.append(line)
    for line in many[CLIENTS:]:
        if code_of(line.hear()) is None:
            break
        told += 1
    grown = attack_lab.memory(server) - before
    for line in many:
        line.socket.close()
    end, served = time.monotonic() + 10 * sluice_lab.PATIENCE, None
    while time.monotonic() < end and "result" not in (served or {}):
        with Line(path) as line:
            try:
                served = line.ask(request("server.info"))
            except OSError:
                pass
    return told >= CONNECTIONS - 2 * CLIENTS and "result" in (served or {}) and grown < GROWTH, (
        told, grown, served)


PROBES = [("peer", stranger), ("errors", positions), ("errors", requests_of_wrong_form),
          ("size", too_long), ("rate", rate), ("size", slow_reader), ("peer", crowd)]


def event_flood(c, lab):
    """Subscribers that never read, while events come in numbers: bounded, and calls go on."""
    before = attack_lab.memory(lab.server)
    deaf = []
    for _ in range(CLIENTS - 4):
        line = Line(lab.config["control"]["path"])
        line.say(request("events.subscribe"))
        line.hear()
        deaf.append(line)
    found = attack_lab.calls(lab, 40, ["--setup", "active"], 4)
    grown = attack_lab.memory(lab.server) - before
    c.equal("calls beside deaf subscribers complete", sum(f["ok"] for f in found), 40)
    c.check("deaf subscribers: bounded memory", grown < GROWTH + BACKLOG * CLIENTS, grown)
    with Line(lab.config["control"]["path"]) as line:
        c.check("and others are served", "result" in (line.ask(request("server.info")) or {}))
    for line in deaf:
        line.socket.close()


# --- the naive server --------------------------------------------------------------------------

NAIVE = """
import json, os, socket, sys, threading
path = sys.argv[1]
listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
os.chmod(path, 0o666)
listener.listen(2000)
print("ready", flush=True)
def serve(s):
    buffer = b""
    replies = []
    try:
        while True:
            data = s.recv(1 << 20)
            if not data:
                return
            buffer += data
            while b"\\n" in buffer:
                line, buffer = buffer.split(b"\\n", 1)
                try:
                    number = json.loads(line).get("id")
                except Exception:
                    continue
                replies.append(json.dumps({"jsonrpc": "2.0", "id": number, "result": "x" * 9000}))
                try:
                    s.setblocking(False)
                    while replies:
                        s.send((replies[0] + "\\n").encode())
                        replies.pop(0)
                except BlockingIOError:
                    pass
                finally:
                    s.setblocking(True)
    except OSError:
        pass
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"""


def naive(c, lab):
    path = lab.path("naive.sock")
    server = lab.run("naive", [sys.executable, "-c", NAIVE, path])
    server.wait_line("ready")
    Line.patience = 1  # it does not answer where it should: that is known soon
    for _, probe in PROBES:
        try:
            held, seen = probe(path, server)
        except (OSError, AttributeError) as error:
            held, seen = False, error
        c.check(f"{probe.__name__}: fails against a naive server", not held, seen)
    server.kill()


def file_mode(c):
    with sluice_lab.Lab("mode") as lab:
        lab.start()
        mode = stat.S_IMODE(os.stat(lab.config["control"]["path"]).st_mode)
        os.chmod(lab.directory, 0o755)
        held, seen = stranger(lab.config["control"]["path"], lab.server)
        with c.proof("H-CTL", "the file's mode keeps others out", of={"part": "peer"}):
            c.equal("the file has the mode of the configuration", oct(mode), "0o600")
            c.check("another user cannot even connect", not held and "Permission denied" in seen, seen)


def main():
    sluice_lab.enter_network()
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, max(4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))
    c = sluice_lab.Checks()
    c.case("file mode", file_mode, c)
    with sluice_lab.Lab("ctl", lambda config: (attack_lab.settings(config), settings(config))) as lab:
        lab.start()
        os.chmod(lab.directory, 0o755)
        for part, probe in PROBES:
            try:
                held, seen = probe(lab.config["control"]["path"], lab.server)
            except OSError as error:
                held, seen = False, error
            c.check(f"H-CTL: {probe.__doc__.splitlines()[0]}", held, seen, proves="H-CTL",
                    of={"part": part})
        c.case("events", event_flood, c, lab)
        c.case("naive", naive, c, lab)
    c.finish()


if __name__ == "__main__":
    main()
