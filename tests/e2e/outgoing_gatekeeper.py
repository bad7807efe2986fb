#!/usr/bin/env python3
"""Calls that the server makes through a gatekeeper: an alias that it resolves, direct and routed;
what it changes in Setup; its refusals with their reasons; and its silence.
"""
# timeout: 240
import json
import os
import socket
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts", "lib"))
sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))
import ras  # noqa: E402
import sluice_lab  # noqa: E402

CALLEE = sluice_lab.ENDPOINT_IPS[1]


def signalling(ip, port=1720):
    return {"ipAddress": {"ip": socket.inet_aton(ip).hex(), "port": port}}


class Gatekeeper(ras.Gatekeeper):
    """Answers admissions of calls that the server makes as a test wants it."""

    def __init__(self, address):
        self.model, self.destination, self.reason = "direct", CALLEE, None
        self.more = {}
        super().__init__(address)

    def _answer(self, kind, body):
        if kind != "admissionRequest" or body["answerCall"]:
            super()._answer(kind, body)
            return
        if self.reason:
            answer = json.loads(json.dumps(self.templates["admissionReject"]))
            answer["rejectReason"] = {self.reason: None}
            answer["requestSeqNum"] = body["requestSeqNum"]
            self.say("admissionReject", answer)
            return
        answer = json.loads(json.dumps(self.templates["admissionConfirm"]))
        answer["requestSeqNum"] = body["requestSeqNum"]
        answer["callModel"] = {self.model: None}
        answer["destCallSignalAddress"] = signalling(self.destination)
        answer.update(self.more)
        self.say("admissionConfirm", answer)

    def last(self, kind):
        with self.changed:
            return [h[1] for h in self.heard if h[0] == kind][-1]


def listen(lab, name, ip=CALLEE, *arguments):
    callee = lab.endpoint(name, "--listen", "--play", sluice_lab.tone_pair()[1], "--start", "now",
                          *arguments, ip=ip, call=None)
    callee.wait_event("listening")
    return callee


def ended(control, session):
    return control.wait_event("session.closed", 15, lambda e: e["session"] == session)["data"]


def direct(c, lab, gatekeeper, control):
    callee = listen(lab, "bert")
    session = lab.call("session.call", to="bert", conference="demo")["id"]
    report = callee.report()
    c.check("direct: the call is good", report["ok"], report["failure"])
    ended(control, session)
    arq = gatekeeper.last("admissionRequest")
    c.equal("ARQ: a call of ours", arq["answerCall"], False)
    c.equal("ARQ: who is called", arq["destinationInfo"], [{"h323-ID": "bert"}])
    c.equal("ARQ: who calls", arq["srcInfo"], [{"h323-ID": "alice"}])
    c.check("ARQ: no address is known", "destCallSignalAddress" not in arq, arq)
    gatekeeper.wait("disengageRequest", 1)
    drq = gatekeeper.last("disengageRequest")
    c.equal("DRQ: that call", (drq["callIdentifier"], drq["answeredCall"]),
            (arq["callIdentifier"], False))


def routed(c, lab, gatekeeper, control):
    """Signalling goes to the gatekeeper's address; the listener there is what it routes to."""
    gatekeeper.model, gatekeeper.destination = "gatekeeperRouted", sluice_lab.ENDPOINT_IPS[2]
    gatekeeper.more = {"destinationInfo": [{"dialledDigits": "4711"}]}
    callee = listen(lab, "router", sluice_lab.ENDPOINT_IPS[2])
    process, path = lab.capture("routed.pcap", what="tcp port 1720")
    session = lab.call("session.call", to=f"bert@{CALLEE}", conference="demo")["id"]
    report = callee.report()
    c.check("routed: the call is good", report["ok"], report["failure"])
    ended(control, session)
    arq = gatekeeper.last("admissionRequest")
    c.equal("ARQ: the address that was asked for", arq["destCallSignalAddress"], signalling(CALLEE))
    sluice_lab.wait_captured(path, "q931.message_type == 0x05")
    process.stop()
    setups = sluice_lab.tshark(path, "q931.message_type == 0x05", "ip.dst",
                               "h225.dialledDigits", "h225.destCallSignalAddress")
    c.equal("Setup: to the gatekeeper, with its number, without an address behind it", setups,
            [[sluice_lab.ENDPOINT_IPS[2], "4711", ""]])
    gatekeeper.model, gatekeeper.destination, gatekeeper.more = "direct", CALLEE, {}


def refused(c, lab, gatekeeper, control):
    for reason in ("calledPartyNotRegistered", "requestDenied", "resourceUnavailable",
                   "callerNotRegistered"):
        gatekeeper.reason = reason
        session = lab.call("session.call", to="bert", conference="demo")["id"]
        data = ended(control, session)
        c.equal(f"refused: {reason}", (data["cause"], data["text"]), ("not_admitted", reason))
    gatekeeper.reason = None
    lab.wait_info(lambda g: g["state"] == "registered")  # again, after the last reason


def unreachable(c, lab, gatekeeper, control):
    """Admitted, and nobody is there: the gatekeeper hears of the end."""
    before = gatekeeper.count("disengageRequest")
    session = lab.call("session.call", to="bert", conference="demo")["id"]
    c.equal("admitted, unreachable", ended(control, session)["cause"], "unreachable")
    gatekeeper.wait("disengageRequest", before + 1)


def silent(c, lab, gatekeeper, control):
    gatekeeper.is_silent = True
    session = lab.call("session.call", to="bert", conference="demo")["id"]
    c.equal("hung up while the gatekeeper thinks", lab.call("session.close", id=session)["state"],
            "closed")
    c.equal("its cause", ended(control, session)["cause"], "operator")
    session = lab.call("session.call", to=CALLEE, conference="demo")["id"]
    c.equal("no answer of the gatekeeper", ended(control, session)["cause"], "no_gatekeeper")


def main():
    sluice_lab.enter_network()
    c = sluice_lab.Checks()
    with ras.RasLab("outgoing-gk", ras.use_gatekeeper) as lab:
        gatekeeper = Gatekeeper(ras.ADDRESS)
        lab.start()
        lab.wait_info(lambda g: g["state"] == "registered")
        control = lab.control()
        control.call("events.subscribe")
        for case in (direct, routed, refused, unreachable, silent):
            c.case(case.__name__, case, c, lab, gatekeeper, control)
    gatekeeper.close()
    c.finish()


if __name__ == "__main__":
    main()
