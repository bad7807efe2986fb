#!/usr/bin/env python3
"""A-REPLACE on a running call, with packets: session.rekey makes new connections beside those that run, media
go over to them, the old ones end, and neither end loses a packet. Two conferences of one server are connected by
a call of the server to itself, so that both ends of the leg that changes its keys know how; an endpoint listens on
each side of it and judges what it hears, sample by sample."""
# timeout: 240
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts", "lib"))
import sluice_lab  # noqa: E402

ROUNDS = 5
STAY = ["--stay", "--loop", "--stats", "--timeout", "90"]


def settings(config):
    config["conferences"].append(dict(config["conferences"][0], alias="other"))


def hairpin():
    """The server's media port talks to itself: the bridge must send back where frames came from."""
    subprocess.run(sluice_lab.in_namespace("ends", ["bridge", "link", "set", "dev", "pdp", "hairpin", "on"]), check=True)


def connections(lab, session):
    """Those that run: transport, its port, whether the certificate was verified."""
    found = lab.call("session.get", id=session)["transports"]
    return [(t["id"], t["local"], t["association"]["fingerprint_verified"]) for t in found
            if t["association"] and t["association"]["state"] == "keyed"]


def replaced(c, lab, control, session, other, what):
    """One rekey: another transport on both legs, verified again, and the old one gone."""
    before = connections(lab, session) + connections(lab, other)
    c.equal(f"{what}: asked for", lab.call("session.rekey", id=session)["id"], session)
    missing = {session, other}
    while missing:  # in either order
        missing.remove(control.wait_event("dtls.established", 10, lambda e: e.get("session") in missing)["session"])

    def is_done():
        now = connections(lab, session) + connections(lab, other)
        return now if len(now) == 2 and not {n[1] for n in now} & {b[1] for b in before} else None
    now = sluice_lab.wait_until(is_done)
    c.check(f"{what}: one other connection on each side, verified", now is not None and all(n[2] for n in now),
            f"{before} {now}")


def main():
    sluice_lab.enter_network()
    hairpin()
    c = sluice_lab.Checks()
    with sluice_lab.Lab("rekey", settings) as lab:
        lab.start()
        control = lab.control()
        control.call("events.subscribe", types=["session.active", "dtls.established"])
        files = sluice_lab.tone_pair()
        anna = lab.endpoint("anna", "--play", files[0], "--expect", files[1], *STAY)
        bert = lab.endpoint("bert", "--play", files[1], "--expect", files[0], *STAY, ip=sluice_lab.ENDPOINT_IPS[1],
                            call="other")
        for _ in range(2):
            control.wait_event("session.active", 10)
        ends = {s["id"] for s in lab.sessions()}
        out = lab.call("session.call", to=f"other@{sluice_lab.SERVER_IP4}", conference="demo")["id"]
        for endpoint in (anna, bert):
            endpoint.wait_event("heard", 15)
        back = next(s["id"] for s in lab.sessions() if s["id"] not in ends | {out})
        rekeys = lab.call("server.stats")["sessions"]["rekeys"]
        masters = set()
        for i in range(ROUNDS):
            session, other = (out, back) if i % 2 == 0 else (back, out)
            side = sluice_lab.side_of(lab.call("session.get", id=session))
            with c.proof("A-REPLACE", "keys of a running call are replaced, and no packet is lost", of=side):
                masters.add(side["h245"])
                start = [endpoint.wait_stats(1) for endpoint in (anna, bert)]
                replaced(c, lab, control, session, other, f"round {i}")
                for endpoint, first in zip((anna, bert), start):
                    last = endpoint.wait_stats(2)
                    c.check(f"round {i}: {endpoint.name} hears on, some 50 packets a second",
                            sluice_lab.pace(first, last) > 40, f"{first} {last}")
                    c.equal(f"round {i}: {endpoint.name} has lost nothing", last["lost"], 0)
        c.equal("begun by H.245's master and by its slave", masters, {"master", "slave"})
        c.equal("counted", lab.call("server.stats")["sessions"]["rekeys"], rekeys + ROUNDS)
        for endpoint in (anna, bert):
            endpoint.signal(2)
            report = endpoint.report()
            c.check(f"{endpoint.name}: every sample is the other's", report["ok"] and report["audio_match"], report["failure"])
        lab.call("session.close", id=out)  # of a relay one may stay and wait
        c.equal("no session is left", lab.wait_sessions(0), 0)
        stats = lab.wait_stats(lambda s: s["media"]["ports_open"] == 0)
        c.equal("no port is left", stats["media"]["ports_open"], 0)
    c.finish()


if __name__ == "__main__":
    main()
