#!/usr/bin/env python3
# alone
"""H-RACE: somebody who reads the signalling and can write any address on a packet sends forged DTLS to
every call, 1,000 datagrams a second: hellos that are good, bad, halves and cut off, alerts,
ServerHellos, HelloVerifyRequests, ChangeCipherSpecs, messages of a handshake with made-up bodies,
record numbers far ahead; from the peer's address and from others; before, during and after the
handshake, the server being DTLS server in half of the calls and client in the other half. 500 of 500
calls complete, and a call that runs meanwhile loses no packet.

That the attack is one: the same datagrams against `openssl s_server` in the test's own network, whose
handshakes they do end.
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

RATE = 1000
CALLS = 250       # of each role
AT_ONCE = 6       # pairs
KEYS_MS_P99 = 3000


def race(c, lab, role, setup):
    """250 calls whose endpoints are `setup`, so that the server is the other one."""
    before = attack_lab.counters(lab.call("server.stats"))
    attacker = attack_lab.Attacker("race", "--rate", RATE, "--seed", len(role))
    began = time.monotonic()
    found = attack_lab.calls(lab, CALLS, ["--setup", setup], AT_ONCE)
    result = attack_lab.summary(found, began)
    attack = attacker.finish()
    after = attack_lab.counters(lab.call("server.stats"))
    print(json.dumps({"role": role, **result, "attack_rate": attack["rate"],
                      "attack_sent": attack["sent"]}), flush=True)
    what = f"H-RACE, server {role}"
    parts = [{"part": part} for part in ("before", "during", "after", "spoofed")]
    with c.proof("H-RACE", f"{CALLS} calls complete, server {role}", of=parts):
        judge(c, what, result, attack, after, before)


def judge(c, what, result, attack, after, before):
    c.equal(f"{what}: calls complete, audio equal", (result["complete"], result["failures"]),
            (CALLS, []))
    c.check(f"{what}: p99 to the keys within {KEYS_MS_P99} ms",
            (result["keys_ms_p99"] or 1e9) <= KEYS_MS_P99, result["keys_ms_p99"])
    c.check(f"{what}: the attacker kept his rate", attack["rate"] > 0.8 * RATE, attack["rate"])
    for phase in ("before", "during", "after"):
        sent = attack[phase]
        c.check(f"{what}: every kind of forgery {phase} the handshake", all(sent.values()), sent)
    c.check(f"{what}: by the right address and by others",
            attack["right_address"] > attack["sent"] / 2 and attack["other_address"] > 0)
    c.equal(f"{what}: who was not signalled got no answer", attack["stranger_answers"], 0)
    c.equal(f"{what}: no call's association failed",
            after["dtls_failed"] - before.get("dtls_failed", 0), 0)
    c.check(f"{what}: strangers were counted", after["strangers"] > before.get("strangers", 0))


def shake_hands(lab, key, count):
    """How many clients of OpenSSL get through to the server of OpenSSL, one after the other."""
    done = 0
    for number in range(count):
        client = sluice_lab.in_namespace("ends", [
            "timeout", "3", "openssl", "s_client", "-dtls1_2", "-connect",
            f"{sluice_lab.MEDIA_IP4}:{attack_lab.FIRST_PORT}", "-bind",
            f"{sluice_lab.ENDPOINT_IPS[0]}:{7000 + 2 * number}", "-cert", key[0], "-key", key[1]])
        said = subprocess.run(client, capture_output=True, text=True, input="", check=False)
        done += "Cipher is ECDHE" in said.stdout
    return done


def naive(c):
    """The same attack on a server that believes what comes first."""
    address = [f"{sluice_lab.MEDIA_IP4}/24", "dev", "sluice-dp"]
    subprocess.run(["ip", "-n", "dp", "addr", "add", *address], check=True)
    with sluice_lab.Lab("naive") as lab:
        key = lab.path("c.pem"), lab.path("k.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=x", "-keyout", key[1],
                        "-out", key[0]], check=True, capture_output=True)
        os.mkfifo(lab.path("silence"))
        server = lab.run("s_server", ["sh", "-c", 'exec "$@" <>"$0"', lab.path("silence"), "openssl",
                                      "s_server", "-dtls1_2", "-accept", str(attack_lab.FIRST_PORT),
                                      "-cert", key[0], "-key", key[1], "-quiet"], "dp")
        sluice_lab.wait_until(lambda: shake_hands(lab, key, 1) == 1)
        good = shake_hands(lab, key, 4)
        attacker = attack_lab.Attacker("race", "--rate", RATE)
        bad = shake_hands(lab, key, 4)
        attacker.finish()
        server.kill()
    subprocess.run(["ip", "-n", "dp", "addr", "del", *address], check=True)
    c.check("a naive server: handshakes fail by the same attack, and not without it",
            good >= 3 and bad < good, f"{good} of 4 without, {bad} of 4 with")


def main():
    sluice_lab.enter_network()
    c = sluice_lab.Checks()
    c.case("naive server", naive, c)
    with sluice_lab.Lab("race", attack_lab.settings) as lab:
        lab.start()
        running = lab.pair(*[["--stay", "--loop", "--stats", "--timeout", "170"]] * 2)
        for endpoint in running:
            endpoint.wait_event("heard")
        c.case("passive", race, c, lab, "passive", "active")
        c.case("active", race, c, lab, "active", "passive")
        for endpoint in running:
            c.check(f"{endpoint.name}: the running call still runs", endpoint.is_running())
            endpoint.signal(2)
            report = endpoint.report()
            c.equal(f"{endpoint.name}: it lost no packet and heard no gap",
                    (report["lost"], report["audio"]["gap_samples"]), (0, 0))
        c.equal("no session is left", lab.wait_sessions(0), 0)
    c.finish()


if __name__ == "__main__":
    main()
