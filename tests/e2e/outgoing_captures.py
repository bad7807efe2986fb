#!/usr/bin/env python3
"""Recorded callees (h323plus 1.28.0) are called by the running server: what they answered is answered
again, with addresses, numbers and identifiers of this call. Each has to reach what it reached then:
connected, a channel each way, RTP both ways, and a clean release by either side; or the refusal.

tests/data/captures/callees.txt has a selection; with ../shared/captures all recorded callees play.
"""
# timeout: 240
import json
import os
import random
import socket
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts", "lib"))
sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))
import captures  # noqa: E402
import sluice_lab  # noqa: E402

SELECTION = os.path.join(ROOT, "tests", "data", "captures", "callees.txt")


def recorded_callees():
    """Name: [(protocol, octets)] of what the callee sent. Those that answered fast connect, or were
    reached through a gatekeeper, had another caller than this server."""
    calls = {}
    with open(SELECTION, encoding="utf-8") as file:
        for line in file:
            if not line.startswith("#"):
                name, protocol, text = line.split()
                calls.setdefault(name, []).append((protocol, bytes.fromhex(text)))
    if not os.path.exists(captures.RECORDED):
        return calls
    found = {}
    with open(captures.RECORDED, encoding="utf-8") as file:
        for line in file:
            m = json.loads(line)
            if (m["src"].startswith("198.18.0.2:") and not m.get("tunnelled") and
                    m["proto"] in ("h225", "h245") and m["capture"][0] not in "be"):
                found.setdefault(m["capture"], []).append((m["proto"], bytes.fromhex(m["hex"])))
    for name, items in found.items():
        answers = [captures.Q931(o) for p, o in items if p == "h225"]
        if items[0][0] == "h225" and not any("fastStart" in a.body for a in answers
                                             if isinstance(a.body, dict)):
            calls[name] = items
    return calls


class Callee(captures.Caller):
    """A recorded callee come alive."""

    def __init__(self, items):  # not the caller's: there is no Setup of ours
        self.random = random.Random(repr(items))
        self.messages = [captures.Q931(o) for p, o in items if p == "h225"]
        self.said = self._h245_of([("h225", b"")] + items)
        self.fallback = []
        self.seen, self.signalled, self.rtp_in = {}, {}, []
        self.calling = self.h245 = self.remote = None
        self.is_tunnelled = self.is_early = self.is_fast = False
        self.keys = 0
        self.refuses = False
        with captures.Ends():
            self.rtp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.rtcp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.door = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.listen(1720)

    def listen(self, port):
        self.door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.door.bind((captures.ADDRESS, port))
        self.door.listen(1)

    def rewrite(self, value):
        if isinstance(value, dict):
            return {key: self.rewrite(v) for key, v in value.items()}
        if isinstance(value, list):
            return [self.rewrite(v) for v in value]
        if value in captures.THEN_CALLEE:
            return socket.inet_aton(captures.ADDRESS).hex()
        return (socket.inet_aton(sluice_lab.SERVER_IP4).hex() if value == captures.THEN_CALLER
                else value)

    def message(self, template):
        again = super().message(template)
        again.head = self.prefix + template.head[len(self.prefix):]
        if isinstance(again.body, dict) and "conferenceID" in again.body:
            again.body["conferenceID"] = self.setup.body["conferenceID"]
        return again

    def take_call(self):
        """The server's connection, and Setup on it."""
        self.door.settimeout(5 * sluice_lab.PATIENCE)
        connection, _ = self.door.accept()
        connection.setblocking(True)
        self.door.close()
        self.door = None
        self.calling = captures.Line(connection)
        self.pump("Setup", lambda: hasattr(self, "setup"))

    def on_h225(self, message):
        if message.name != "setup":
            super().on_h225(message)
            return
        self.setup = message
        self.guid = message.body["callIdentifier"]["guid"]
        self.prefix = b"\x08\x02" + bytes([message.head[2] | 0x80, message.head[3]])
        self.answer()

    def answer(self):
        """All up to the recorded Connect or refusal."""
        for template in self.messages:
            if template.name == "releaseComplete" and not self.refuses:
                return
            again = self.message(template)
            if template.name == "connect":
                self.prepare_connect(again)
            self.calling.send(again.octets())
            if template.name == "connect":
                return

    def carrier(self, pdus):
        again = super().carrier(pdus)
        again.head = self.prefix + again.head[len(self.prefix):]
        return again

    def prepare_connect(self, connect):
        self.is_tunnelled = (self.setup.pdu.get("h245Tunnelling", False) and
                             connect.pdu.get("h245Tunnelling", False))
        self.bind_media(False)
        if "h245Address" in connect.body:
            with captures.Ends():
                self.door = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            self.listen(0)
            connect.body["h245Address"] = {"ipAddress": {
                "ip": socket.inet_aton(captures.ADDRESS).hex(),
                "port": self.door.getsockname()[1]}}
        riding = []
        for pdu in connect.tunnelled():  # answers among them were for what that Setup carried
            name, body = captures.read_h245(pdu)
            if name.endswith("Ack"):
                break
            riding.append(pdu.hex())
            self.note_own(name, body)
            self.said.pop(0)
        connect.pdu.pop("h245Control", None)
        if riding and self.is_tunnelled:
            connect.pdu["h245Control"] = riding

    def talk(self):
        self.take_call()
        if not self.is_tunnelled:
            self.pump("H.245 connection", lambda: self.h245)
        for name, body in self.said:
            if name != "endSessionCommand":
                self.step(name, body)
        self.pump("RTP", lambda: self.remote and len(self.rtp_in) >= captures.PACKETS and
                  self.sent >= captures.PACKETS)


def call(lab):
    return lab.call("session.call", to=captures.ADDRESS, conference="demo")["id"]


def ended(control, session):
    return control.wait_event("session.closed", 10, lambda e: e["session"] == session)["data"]


def whole_call(c, lab, control, name, callee):
    try:
        session = call(lab)
        callee.talk()
        detail = lab.call("session.get", id=session)
        has_video = sum(kind == "openLogicalChannel" for kind, _ in callee.said) > 1
        c.equal(f"{name}: a channel of each kind each way is open",
                sorted(ch["direction"] for ch in detail["channels"] if ch["state"] == "open"),
                ["incoming"] * (1 + has_video) + ["outgoing"] * (1 + has_video))
        c.equal(f"{name}: outgoing, tunnelled as both sides said",
                (detail["direction"], detail["h245_tunnelled"]), ("out", callee.is_tunnelled))
        c.check(f"{name}: A-law came", all(p[1] & 0x7f == 8 and len(p) == 172
                                           for p in callee.rtp_in), callee.rtp_in[:1])
        for _ in range(callee.keys):
            control.wait_event("session.user_input")
        by_us = name[0] != "g"
        if by_us:
            lab.call("session.close", id=session)
            callee.pump("ReleaseComplete", lambda: "releaseComplete" in callee.signalled)
            c.check(f"{name}: endSession came", "endSessionCommand" in callee.seen, callee.seen)
        callee.hang_up()
        data = ended(control, session)
        c.check(f"{name}: released cleanly", data["cause"] in (
            ("operator",) if by_us else ("peer_released", "peer_end_session")), data)
        c.check(f"{name}: its RTP arrived", data["packets_in"] >= captures.PACKETS, data)
    finally:
        callee.close()


def refused(c, lab, control, name, callee):
    callee.refuses = True
    try:
        session = call(lab)
        callee.take_call()
        callee.pump("end of the connection", lambda: callee.calling.is_over)
        data = ended(control, session)
        c.check(f"{name}: rejected, and told why", data["cause"] == "rejected" and
                "destinationRejection" in data["text"], data)
    finally:
        callee.close()


def abort(c, lab, control, name, callee):
    """We give up while it rings."""
    try:
        session = call(lab)
        callee.take_call()
        control.wait_event("session.alerting", match=lambda e: e["session"] == session)
        lab.call("session.close", id=session)
        callee.pump("ReleaseComplete", lambda: "releaseComplete" in callee.signalled)
        callee.pump("end of the connection", lambda: callee.calling.is_over)
        c.equal(f"{name}: ended", ended(control, session)["cause"], "operator")
    finally:
        callee.close()


def no_codec(c, lab, control, name, callee):
    """Mu-law is all that the callee takes; the partner in the conference has A-law alone."""
    try:
        session = call(lab)
        try:
            callee.talk()
            c.check(f"{name}: no channel", False, "RTP flows")
        except sluice_lab.LabError:
            pass
        c.equal(f"{name}: cleared by the server", ended(control, session)["cause"],
                "no_common_codec")
    finally:
        callee.close()


SPECIAL = {"g1_reject": refused, "g2_callerAbort": abort, "j1_codecMismatch": no_codec}


def main():
    sluice_lab.enter_network()
    c = sluice_lab.Checks()
    calls = recorded_callees()
    with sluice_lab.Lab("outgoing-captures", captures.settings) as lab:
        lab.start()
        control = lab.control()
        control.call("events.subscribe")
        partner = lab.endpoint("anna", "--play", sluice_lab.tone_pair()[0], "--loop", "--stay",
                               "--start", "now", "--codec", "pcma", "--video", "h261", "--timeout", "110")
        partner.wait_event("connect")
        for name in sorted(calls):
            c.case(name, SPECIAL.get(name, whole_call), c, lab, control, name, Callee(calls[name]))
        c.equal("only the partner is left", lab.wait_sessions(1), 1)
        partner.stop()
    c.finish()


if __name__ == "__main__":
    main()
