#!/usr/bin/env python3
# alone
"""H-COOKIE: 50,000 spoofed ClientHellos a second, by the addresses of peers whose handshake is awaited and
by addresses of nobody. sluiced and sluice-dp take no more memory for it; not one answer is larger than
its question, and all that leaves the data plane is less than what came (counted on the wire); calls
are set up meanwhile: how many and how fast is printed as JSON.

That the figures mean something: the same flood, slower, against a server without cookies that the
script brings along.
"""
# timeout: 240
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import attack_lab  # noqa: E402
import sluice_lab  # noqa: E402

RATE = 50000
FLOOD_S = 8           # without calls: memory
CALLS = 40            # while it goes on
GROWTH = 512 * 1024   # bytes that a process may have more, for its allocator's moods
CALLS_AT_LEAST = 0.95


def settings(config):
    attack_lab.settings(config)
    config["dtls"] = {"setup": "passive", "handshake_timeout_ms": 110000}


def wire(interface="pdp"):
    """Frames and bytes on the cable of the data plane: (to it, from it)."""
    shown = subprocess.run(["ip", "-n", "ends", "-j", "-s", "link", "show", interface], check=True,
                           capture_output=True, text=True).stdout
    stats = json.loads(shown)[0]["stats64"]
    return stats["tx"]["bytes"], stats["rx"]["bytes"]


def mute_peers(lab):
    """Two peers whose handshake is awaited for good: what is sent by their address gets an answer."""
    control = lab.control()
    control.call("events.subscribe", types=["channel.opened"])
    ends = lab.pair(*[["--setup", "active", "--fault", "mute-dtls", "--stay", "--timeout", "110"]] * 2,
                    call="demo-mute", names=("mute1", "mute2"))
    for _ in range(4):
        control.wait_event("channel.opened", 15)
    return ends


def flood(c, lab):
    attacker = attack_lab.Attacker("flood", "--rate", RATE)
    mute_peers(lab)  # the attacker reads their addresses from the signalling
    lab.wait_stats(lambda s: attack_lab.counters(s)["dtls_hello_verify_sent"] > 1000)
    before_stats = attack_lab.counters(lab.call("server.stats"))
    before = {p.name: attack_lab.memory(p) for p in (lab.server, lab.dp)}
    to_server, from_server = wire()
    began = time.monotonic()
    lab.wait_stats(lambda s: time.monotonic() - began > FLOOD_S, FLOOD_S + 5)
    into, out = (new - old for new, old in zip(wire(), (to_server, from_server)))
    seconds = time.monotonic() - began
    after = {p.name: attack_lab.memory(p) for p in (lab.server, lab.dp)}
    stats = attack_lab.counters(lab.call("server.stats"))
    grown = {name: after[name] - before[name] for name in before}
    answered = stats["dtls_hello_verify_sent"] - before_stats["dtls_hello_verify_sent"]
    with c.proof("H-COOKIE", "a flood costs no memory", of={"part": "memory"}):
        for name, growth in grown.items():
            c.check(f"{name}: no more memory after {FLOOD_S} s of flood", growth <= GROWTH, growth)
        c.equal("no association more than calls", stats["associations"],
                before_stats["associations"])
    with c.proof("H-COOKIE", "bytes out are fewer than bytes in", of={"part": "amplifier"}):
        c.check("hellos were answered", answered > 1000, answered)
        c.check("less leaves the server than comes", 0 < out < into, f"{out} of {into}")
        result = calls_meanwhile(c, lab)
        attack = attacker.finish()
        c.check("no answer is larger than a question",
                attack["answer_max"] * attack["sent"] <= attack["sent_bytes"], attack)
        c.equal("who was not signalled gets no answer at all", attack["stranger_answers"], 0)
    print(json.dumps({"wanted_rate": RATE, "flooder_rate": attack["rate"],
                      "right_address": attack["right_address"],
                      "answers_per_second": round(answered / seconds),
                      "question_bytes": round(attack["sent_bytes"] / attack["sent"]),
                      "answer_bytes_max": attack["answer_max"], "wire_in": into, "wire_out": out,
                      "grown_bytes": grown, **result}), flush=True)


def calls_meanwhile(c, lab):
    began = time.monotonic()
    result = attack_lab.summary(attack_lab.calls(lab, CALLS, ["--setup", "active"], 3), began)
    with c.proof("H-COOKIE", "new calls are set up", of={"part": "rate"}):
        c.equal(f"{CALLS} calls are set up and heard meanwhile",
                (result["complete"], result["failures"]), (CALLS, []))
    return result


NAIVE = """
import socket, struct, sys
corpus = open(sys.argv[3], "rb").read()
flights, at = [], 1
while at + 2 <= len(corpus):
    size = struct.unpack(">H", corpus[at:at + 2])[0]
    flights.append(corpus[at + 2:at + 2 + size])
    at += 2 + size
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], int(sys.argv[2])))
print("ready", flush=True)
clients = {}
while True:
    hello, client = s.recvfrom(2048)
    clients[client] = bytearray(16384)  # state for whoever says hello
    s.sendto(max(flights, key=len), client)
"""


def naive(c):
    """A server that answers the first hello with its certificate, as servers without cookies do (here
    with the flight of a recorded handshake), judged by the same figures."""
    device = ["dev", "sluice-dp"]
    address = [f"{sluice_lab.MEDIA_IP4}/24", *device]
    subprocess.run(["ip", "-n", "dp", "addr", "add", *address], check=True)
    # Its kernel asks for a neighbour before it sends.
    subprocess.run(["ip", "-n", "dp", "neigh", "add", attack_lab.STRANGERS, "lladdr",
                    "02:00:00:66:66:66", *device], check=True)
    with sluice_lab.Lab("naive") as lab:
        server = lab.run("naive", [
            sys.executable, "-c", NAIVE, sluice_lab.MEDIA_IP4, str(attack_lab.FIRST_PORT),
            os.path.join(attack_lab.ROOT, "tests", "data", "corpus", "dtls", "to_client")], "dp")
        server.wait_line("ready")
        before = attack_lab.memory(server)
        attacker = attack_lab.Attacker("flood", "--rate", 2000, "--seconds", 2, "--from", "other",
                                       "--one-stranger", "--one-port")
        attacker.wait_end(20)
        attack = json.loads(attacker.lines[-1])
        growth = attack_lab.memory(server) - before
        server.kill()
    subprocess.run(["ip", "-n", "dp", "neigh", "del", attack_lab.STRANGERS, *device], check=True)
    subprocess.run(["ip", "-n", "dp", "addr", "del", *address], check=True)
    c.check("the same judge finds a naive server an amplifier",
            attack["answer_max"] * attack["sent"] > attack["sent_bytes"] and attack["answers"] > 1000,
            attack)
    c.check("and sees its memory grow", growth > GROWTH, growth)


def main():
    sluice_lab.enter_network()
    c = sluice_lab.Checks()
    c.case("naive server", naive, c)
    with sluice_lab.Lab("cookie", settings) as lab:
        lab.start()
        # What is allocated once is allocated by the first calls and hellos.
        attack_lab.calls(lab, 12, ["--setup", "active"], 3)
        c.case("flood", flood, c, lab)
    c.finish()


if __name__ == "__main__":
    main()
