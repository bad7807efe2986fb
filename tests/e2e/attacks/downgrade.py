#!/usr/bin/env python3
"""Somebody on the path of the signalling takes H.235.10 out of it, or puts another fingerprint in
(C-HASH, T-BAD, D-MISMATCH, D-VERIFY), the server calling and being called: with policy `required` the
call ends with a cause that says so and an event, and no media flow; with `preferred` it goes on in the
clear, its JSON says `downgraded`, an event and a counter tell. A wrong fingerprint never gets keys.

That the middlebox does what it says: without it the same calls are secured, and a check for `secured`
alone, as a naive test has it, would call the stripped ones good.
"""
# timeout: 240
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import attack_lab  # noqa: E402
import middlebox  # noqa: E402
import sluice_lab  # noqa: E402

ENDPOINT, OTHER = sluice_lab.ENDPOINT_IPS[:2]
PORTS = {"required": 1720, "preferred": 1721}
DOOR = (sluice_lab.SERVER_IP4, 1730)


def settings(config):
    attack_lab.settings(config)
    config["dtls"] = {"handshake_timeout_ms": 5000}
    config["signalling"]["listeners"] = [
        {"name": policy, "address": f"{sluice_lab.SERVER_IP4}:{port}", "dtls": policy}
        for policy, port in PORTS.items()]
    config["signalling"]["timers"] = {"no_channel_ms": 3000, "olc_ms": 3000, "end_session_ms": 500}


class Call:
    """One leg through a middlebox, and a partner that has a good line."""

    def __init__(self, lab, direction, policy, change):
        self.lab, self.direction = lab, direction
        self.events = lab.control()
        self.events.call("events.subscribe")
        files = sluice_lab.tone_pair()
        name = f"demo-{direction}-{policy}-{change.__name__}"
        to = ((sluice_lab.SERVER_IP4, PORTS[policy]) if direction == "in" else (ENDPOINT, 1720))
        self.box = middlebox.Middlebox(DOOR, to, change)
        self.partner = lab.endpoint("partner", "--play", files[1], "--loop", "--stay", "--start", "now",
                                    "--timeout", "40", ip=OTHER, call=name)
        self.partner.wait_event("connect")
        self.events.wait_event("session.connected")
        options = ["--dtls", "preferred", "--tunnel", "--play", files[0], "--loop", "--stay", "--start",
                   "now", "--timeout", "40"]
        if direction == "in":
            self.leg = lab.endpoint("victim", *options, ip=ENDPOINT, call=name,
                                    to=f"{DOOR[0]}:{DOOR[1]}")
            self.id = self.events.wait_event("session.created")["session"]
        else:
            self.leg = lab.endpoint("victim", "--listen", *options, ip=f"{ENDPOINT}:1720", call=None)
            self.leg.wait_event("listening")
            self.id = lab.call("session.call", to=f"{DOOR[0]}:{DOOR[1]}", conference=name,
                               tunnelling=True, dtls=policy)["id"]

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.box.close()
        for endpoint in (self.leg, self.partner):
            endpoint.kill()
        self.lab.wait_sessions(0)
        self.lab.control_clients.remove(self.events)
        self.events.close()

    def ours(self, event):
        return event.get("session") == self.id

    def wait(self, event, seconds=12):
        return self.events.wait_event(event, seconds, self.ours)

    def wait_heard(self):
        self.leg.wait_event("first_packet", 12)

    def finish(self):
        """The victim's report."""
        for endpoint in (self.leg, self.partner):
            endpoint.signal(2)
        self.partner.report()
        return self.leg.report()


def stripped(c, lab, direction, policy, change):
    what = f"{direction}, {policy}, {change.__name__}"
    before = attack_lab.counters(lab.call("server.stats"))
    with Call(lab, direction, policy, change) as call:
        judge_stripped(c, lab, what, call, policy, change, before)
    c.check(f"{what}: the middlebox did it", call.box.changed and not call.box.errors,
            (call.box.changed, call.box.errors))


def judge_stripped(c, lab, what, call, policy, change, before):
    if change is middlebox.strip_channels:
        # The sets were whole: a channel in the clear is no wish of this peer's, whatever the policy.
        rejected = call.wait("channel.rejected")
        closed = call.wait("session.closed")
        report = call.finish()
        c.equal(f"{what}: the channel is rejected, and why", (rejected["data"]["cause"],
                rejected["data"]["reason"]), ("securityDenied", "media must be protected"))
        c.equal(f"{what}: not a packet of media", (report["packets_in"], closed["data"]["packets_in"]),
                (0, 0))
    elif policy == "required":
        closed = call.wait("session.closed")
        report = call.finish()
        c.equal(f"{what}: the call ends because of security", closed["data"]["cause"],
                "dtls_required")
        c.check(f"{what}: the event says why", closed["data"]["text"], closed)
        c.equal(f"{what}: not a packet of media", (report["packets_in"], closed["data"]["packets_in"]),
                (0, 0))
    else:
        call.wait("session.downgraded")
        call.wait_heard()
        data = lab.call("session.get", id=call.id)
        report = call.finish()
        after = attack_lab.counters(lab.call("server.stats"))
        c.equal(f"{what}: the session says so", data["downgraded"], True)
        c.equal(f"{what}: the counter too", after["downgraded"] - before["downgraded"], 1)
        c.check(f"{what}: media flow, not secured", report["packets_in"] > 0 and not report["secured"],
                report["failure"])


def tampered(c, lab, direction):
    """What the server is told of its peer is wrong; what the peer is told of the server is right."""
    what = f"{direction}, another fingerprint"
    change = middlebox.callers_fingerprint if direction == "in" else middlebox.callees_fingerprint
    with Call(lab, direction, "required", change) as call:
        failed = call.wait("dtls.failed")
        closed = call.wait("channel.closed")
        data = lab.call("session.get", id=call.id)
        report = call.finish()
    with c.proof("D-MISMATCH D-VERIFY", f"{what}: nobody talks", of={"dir": direction}):
        c.equal(f"{what}: the event says so", failed["data"]["reason"], "fingerprint_mismatch")
        c.check(f"{what}: its channels are closed", closed["data"]["lcn"] > 0, closed)
        c.equal(f"{what}: not a packet of media",
                (report["packets_in"], sum(t["packets_in"] for t in data["transports"])), (0, 0))
        c.equal(f"{what}: the server has installed no keys", [t["association"]["state"] == "keyed"
                for t in data["transports"] if t.get("association")].count(True), 0)
        c.check(f"{what}: the middlebox did it", call.box.changed and not call.box.errors,
                call.box.errors)


def untouched(c, lab, direction):
    """The harness's own break: a middlebox that changes nothing, and the same judgement."""
    def nothing(*_):
        return False

    with Call(lab, direction, "preferred", nothing) as call:
        call.wait_heard()
        data = lab.call("session.get", id=call.id)
        report = call.finish()
    c.equal(f"{direction}, nothing changed: not downgraded, secured",
            (data["downgraded"], report["secured"], call.box.errors), (False, True, []))


def main():
    sluice_lab.enter_network()
    c = sluice_lab.Checks()
    with sluice_lab.Lab("downgrade", settings) as lab:
        lab.start()
        for direction in ("in", "out"):
            c.case(f"{direction}, untouched", untouched, c, lab, direction)
            for policy in PORTS:
                for change in (middlebox.strip_set, middlebox.strip_channels, middlebox.strip_all):
                    c.case(f"{direction}, {policy}, {change.__name__}", stripped, c, lab, direction,
                           policy, change)
            c.case(f"{direction}, tampered", tampered, c, lab, direction)
    c.finish()


if __name__ == "__main__":
    main()
