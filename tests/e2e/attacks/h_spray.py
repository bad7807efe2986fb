#!/usr/bin/env python3
# alone
"""H-SPRAY and H-LATCH: while calls run, every packet of their peers comes again as it was, cut off,
changed, and by other addresses, and garbage of every first byte comes to every port: 2,000 a second.
Counters rise, each by its reason, and nothing else changes: no packet lost, every sample heard, nothing
forged passed on, and media go where H.245 said and nowhere else. (media.latch,
which lets an address be learnt, is h_latch.py's.)

A relay that believes what comes, which the script brings along, fails the same judgement.
"""
# timeout: 240
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import attack_lab  # noqa: E402
import sluice_lab  # noqa: E402

RATE = 2000
SECONDS = 8


def spray(c, lab):
    pairs = [lab.pair(*[["--stay", "--loop", "--stats", "--timeout", "60"]] * 2, call=f"demo-{n}",
                      ips=sluice_lab.ENDPOINT_IPS[n * 2:n * 2 + 2], names=(f"a{n}", f"b{n}"))
             for n in range(2)]
    ends = [end for pair in pairs for end in pair]
    for end in ends:
        end.wait_event("heard")
    before = attack_lab.counters(lab.call("server.stats"))
    remotes = {s["id"]: [t["remote"] for t in lab.call("session.get", id=s["id"])["transports"]]
               for s in lab.sessions()}
    attacker = attack_lab.Attacker("spray", "--rate", RATE)
    began = time.monotonic()
    lab.wait_stats(lambda s: time.monotonic() - began > SECONDS, SECONDS + 5)
    attack = attacker.finish()
    after = attack_lab.counters(lab.call("server.stats"))
    now = {s["id"]: [t["remote"] for t in lab.call("session.get", id=s["id"])["transports"]]
           for s in lab.sessions()}
    for end in ends:
        end.signal(2)
    reports = [end.report() for end in ends]
    judge(c, attack, before, after, remotes == now, reports)


def judge(c, attack, before, after, is_same, reports):
    grown = {name: after.get(name, 0) - before.get(name, 0)
             for name in ("replayed", "auth_failed", "remote_mismatch", "rtp_malformed",
                          "rtcp_malformed", "first_byte", "no_transport", "stun_in", "rtp_version")}
    for kind, counter in (("replayed", "replayed"), ("forged", "auth_failed"),
                          ("truncated", "auth_failed"), ("garbage", "first_byte")):
        with c.proof("H-SPRAY", f"{kind} packets change counters only", of={"part": kind}):
            c.check(f"H-SPRAY, {kind}: sent, and counted as {counter}",
                    attack[kind] > 500 and grown[counter] > 0, (attack[kind], grown))
            for report in reports:
                what = f"H-SPRAY, {kind}, {report['alias']}"
                c.equal(f"{what}: nothing lost, no gap",
                        (report["lost"], report["audio"]["gap_samples"]), (0, 0))
                c.equal(f"{what}: nothing forged came through",
                        [report["counters"][k] for k in ("bad_auth", "malformed", "replayed")],
                        [0, 0, 0])
    with c.proof("H-LATCH", "media go where H.245 said", of={"part": "off"}):
        c.check("H-LATCH: good packets by other addresses were sent and counted",
                attack["elsewhere"] > 500 and grown["remote_mismatch"] > 500, grown)
        c.check("H-LATCH: the remotes are those of H.245", is_same)
        c.equal("H-LATCH: nothing is sent to other addresses", attack["stranger_answers"], 0)


NAIVE = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], int(sys.argv[2])))
print("ready", flush=True)
while True:
    data, peer = s.recvfrom(2048)
    s.sendto(data, peer)  # learns where to send from whatever came last
"""
TALKER = """
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], 7002))
s.settimeout(0.02)
wrong = 0
for n in range(150):
    s.sendto(bytes([0x80, 8]) + n.to_bytes(2, "big") + bytes(168), (sys.argv[2], int(sys.argv[3])))
    end = time.monotonic() + 0.02
    seen = 0
    while time.monotonic() < end:
        try:
            seen += 1 if s.recvfrom(2048)[0] else 0
        except OSError:
            break
    wrong += seen != 1
print(wrong)
"""


def naive(c):
    """A relay as RTP relays without H-LATCH are: it sends to whom it heard last."""
    device = ["dev", "sluice-dp"]
    address = [f"{sluice_lab.MEDIA_IP4}/24", *device]
    subprocess.run(["ip", "-n", "dp", "addr", "add", *address], check=True)
    subprocess.run(["ip", "-n", "dp", "neigh", "add", attack_lab.STRANGERS, "lladdr",
                    "02:00:00:66:66:66", *device], check=True)
    with sluice_lab.Lab("naive") as lab:
        port = str(attack_lab.FIRST_PORT)
        relay = lab.run("naive", [sys.executable, "-c", NAIVE, sluice_lab.MEDIA_IP4, port], "dp")
        relay.wait_line("ready")
        attacker = attack_lab.Attacker("spray", "--rate", RATE, "--one-stranger")
        talker = subprocess.run(sluice_lab.in_namespace("ends", [
            sys.executable, "-c", TALKER, sluice_lab.ENDPOINT_IPS[0], sluice_lab.MEDIA_IP4, port]),
            capture_output=True, text=True, check=True)
        attack = attacker.finish()
        relay.kill()
    subprocess.run(["ip", "-n", "dp", "neigh", "del", attack_lab.STRANGERS, *device], check=True)
    subprocess.run(["ip", "-n", "dp", "addr", "del", *address], check=True)
    c.check("a naive relay passes forged packets on, and sends to strangers",
            int(talker.stdout) > 0 and attack["stranger_answers"] > 0,
            (talker.stdout, attack["stranger_answers"]))


def main():
    sluice_lab.enter_network()
    c = sluice_lab.Checks()
    c.case("naive relay", naive, c)
    with sluice_lab.Lab("spray", attack_lab.settings) as lab:
        lab.start()
        c.case("spray", spray, c, lab)
        c.equal("no session is left", lab.wait_sessions(0), 0)
    c.finish()


if __name__ == "__main__":
    main()
