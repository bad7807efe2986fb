#!/usr/bin/env python3
"""A WebRTC peer, werift, whose ICE, DTLS and SRTP share no code with ours, through the server with an H.323
endpoint. Terminated: the server answers its checks as an ICE-lite agent and is DTLS server. Passed through: it and
the H.323 endpoint are the ends of one connection, and the endpoint verifies it. As DTLS server werift is
met by nobody here: it sends no renegotiation_info (RFC 5746), without which neither wolfSSL nor OpenSSL 3
go on; what becomes of a leg whose peer is refused so is the last case."""
# long
# timeout: 240
import json
import os
import re
import shutil
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts", "lib"))
sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))
import sluice_lab  # noqa: E402
import sdp as sdp_lab  # noqa: E402

PEER = os.path.join(ROOT, "tests", "peers", "werift")
FREQUENCY = 440


class Werift:
    """peer.js and the pipe to it."""

    def __init__(self, lab, mode, messages=0):
        self.recording = lab.path("werift.wav")
        fifo = lab.path("werift.fifo")
        if os.path.exists(fifo):
            os.unlink(fifo)
        os.mkfifo(fifo)
        self.process = lab.run("werift", ["node", os.path.join(PEER, "peer.js"), mode, str(FREQUENCY),
                                          self.recording, fifo, str(messages)], "ends")
        self.pipe = open(fifo, "w", encoding="utf-8")

    def wait(self, event, seconds=20, **fields):
        def find():
            for line in self.process.lines:
                entry = json.loads(line) if line.startswith("{") else {}
                if entry.get("event") == "error":
                    raise sluice_lab.LabError(entry["text"])
                if entry.get("event") == event and all(entry.get(k) == v for k, v in fields.items()):
                    return entry
            return None
        return self.process.wait_for(f"event {event}", find, seconds)

    def tell(self, **message):
        self.pipe.write(json.dumps(message) + "\n")
        self.pipe.flush()

    def report(self):
        self.pipe.close()
        report = self.wait("report")
        self.process.wait_end(10)
        return report


def heard_both_ways(c, what, werift, anna, record):
    report = sdp_lab.after_talk(anna)
    theirs = werift.report()
    c.check(f"{what}: the H.323 endpoint verified its certificate", report["fingerprint_verified"], report["failure"])
    c.check(f"{what}: werift is connected", theirs["dtls_state"] in ("connected", "closed") and theirs["samples"] > 8000, theirs)
    c.check(f"{what}: H.323 hears werift", sdp_lab.share_of(record, FREQUENCY) > 0.9,
            sdp_lab.share_of(record, FREQUENCY))
    c.check(f"{what}: werift hears H.323", sdp_lab.share_of(werift.recording, 1000) > 0.9,
            sdp_lab.share_of(werift.recording, 1000))
    return theirs


def endpoint(lab, record, *arguments):
    return lab.endpoint("anna", *arguments, "--play", sdp_lab.steady_tone(lab, 1000), "--loop", "--start", "now", "--record",
                        record, "--stats", "--timeout", "90", ip=sluice_lab.ENDPOINT_IPS[1])


def terminated(c, lab, control, offers, role):
    """`offers`: werift does, else the server; `role`: werift's in DTLS."""
    what = f"terminate, {'their' if offers else 'our'} offer, werift is {role}"
    werift = Werift(lab, "offer" if offers else "answer")
    before = lab.call("server.stats")["data_plane"]
    if offers:
        result = control.call("session.create", conference="demo", sdp=werift.wait("offer")["sdp"])
        c.check(f"{what}: the answer is lite", "a=ice-lite" in result["sdp"] and " typ host" in result["sdp"],
                result["sdp"])
        werift.tell(answer=result["sdp"])
    else:
        werift.wait("ready")
        result = control.call("session.create", conference="demo", ice=True)
        werift.tell(offer=result["sdp"])
        control.call("session.answer", id=result["id"], sdp=werift.wait("answer")["sdp"])
    session = result["id"]
    werift.wait("connection", state="connected")
    control.wait_event("media.selected", 10, lambda e: e.get("session") == session)
    record = lab.path("anna.wav")
    anna = endpoint(lab, record)
    control.wait_event("media.keyed", 15, lambda e: e.get("session") == session)
    werift.wait("media")
    seen = lab.call("session.get", id=session)["transports"][0]
    c.equal(f"{what}: keyed, verified", (seen["association"]["state"], seen["association"]["fingerprint_verified"],
                                         seen["association"]["role"]),
            ("keyed", True, "passive" if role == "client" else "active"))
    theirs = heard_both_ways(c, what, werift, anna, record)
    c.equal(f"{what}: its role", theirs["dtls_role"], role)
    now = lab.call("server.stats")["data_plane"]
    c.check(f"{what}: checks answered", now["stun_answered"] > before["stun_answered"] and
            now["ice_selected"] > before["ice_selected"], now)
    drops = seen["drops"]
    c.equal(f"{what}: nothing dropped for its keys or address", (drops["auth"], drops["remote"]), (0, 0))
    close(c, lab, control, what, session)


def close(c, lab, control, what, session):
    try:  # werift's close alert may have ended it
        control.call("session.close", id=session)
    except sluice_lab.RpcError as error:
        if "no session" not in str(error):
            raise
    c.equal(f"{what}: no session is left", lab.wait_sessions(0), 0)


def passed(c, lab, control):
    what = "passthrough"
    werift = Werift(lab, "offer")
    before = lab.call("server.stats")
    result = control.call("session.create", conference="demo", mode="passthrough", sdp=werift.wait("offer")["sdp"])
    record = lab.path("anna.wav")
    anna = endpoint(lab, record, "--setup", "passive")
    event = control.wait_event("session.described", 15, lambda e: e.get("session") == result["id"])
    werift.tell(answer=event["data"]["sdp"])
    control.wait_event("media.passed", 20)
    werift.wait("media")
    heard_both_ways(c, what, werift, anna, record)
    now = lab.call("server.stats")
    grown = {name: now["data_plane"][name] - before["data_plane"][name]
             for name in ("dtls_passed", "media_passed", "stun_answered", "dtls_up", "dtls_down")}
    c.check(f"{what}: DTLS and SRTP passed, checks were answered",
            grown["dtls_passed"] >= 4 and grown["media_passed"] > 100 and grown["stun_answered"] > 0, grown)
    c.equal(f"{what}: nothing was opened",
            (grown["dtls_up"], grown["dtls_down"],
             now["sessions"]["dtls_established"] - before["sessions"]["dtls_established"]), (0, 0, 0))
    close(c, lab, control, what, result["id"])


def passed_data(c, lab, control):
    """Its SCTP and the endpoint's are the ends of one association, in records that nobody opens on the way."""
    what = "passthrough of data"
    werift = Werift(lab, "offer", 50)
    before = lab.call("server.stats")["data_plane"]
    result = control.call("session.create", conference="demo", mode="passthrough", sdp=werift.wait("offer")["sdp"])
    anna = lab.endpoint("anna", "--setup", "passive", "--data", "echo", "--timeout", "90",
                        "--play", sdp_lab.steady_tone(lab, 1000), "--loop", "--start", "now",
                        ip=sluice_lab.ENDPOINT_IPS[1])
    event = control.wait_event("session.described", 15, lambda e: e.get("session") == result["id"])
    answer = event["data"]["sdp"]
    c.check(f"{what}: taken, bundled", "a=sctp-port:5000" in answer and "m=application 0 " not in answer
            and "a=group:BUNDLE 0 1" in answer, answer)
    werift.tell(answer=answer)
    echoed = werift.wait("echoed", 20)
    c.equal(f"{what}: every message came back, as it was", (echoed["echoes"], echoed["wrong"]), (50, 0))
    now = lab.call("server.stats")["data_plane"]
    c.equal(f"{what}: nothing was opened", (now["dtls_up"], now["dtls_down"]), (before["dtls_up"], before["dtls_down"]))
    c.check(f"{what}: records passed", now["dtls_passed"] - before["dtls_passed"] > 100, now["dtls_passed"])
    report = anna.hang_up()
    c.check(f"{what}: the endpoint verified its certificate", report["fingerprint_verified"], report["failure"])
    werift.report()
    close(c, lab, control, what, result["id"])


def data(c, lab, control):
    """SCTP of its own, in the records of the connection that the audio shares (BUNDLE, RFC 8841): an H.323
    endpoint sends back what it says."""
    what = "data channel"
    werift = Werift(lab, "offer", 50)
    result = control.call("session.create", conference="demo", sdp=werift.wait("offer")["sdp"])
    c.check(f"{what}: taken, bundled", "a=sctp-port:5000" in result["sdp"] and "a=max-message-size" in result["sdp"]
            and "m=application 0 " not in result["sdp"] and "a=group:BUNDLE 0 1" in result["sdp"], result["sdp"])
    werift.tell(answer=result["sdp"])
    # SCTP passes to the other side, and there is none yet: werift is connected when that answers.
    control.wait_event("media.selected", 10, lambda e: e.get("session") == result["id"])
    anna = lab.endpoint("anna", "--setup", "passive", "--data", "echo", "--timeout", "90",
                        ip=sluice_lab.ENDPOINT_IPS[1])
    echoed = werift.wait("echoed", 20)
    c.equal(f"{what}: every message came back, as it was", (echoed["echoes"], echoed["wrong"]), (50, 0))
    c.equal(f"{what}: one transport for all", len(sdp_lab.transports(control, result["id"])), 1)
    anna.stop()
    werift.report()
    close(c, lab, control, what, result["id"])


def refused(c, lab, control):
    """The server is DTLS client, and the description's fingerprint not werift's: no keys, the leg ends at once
    and says why."""
    what = "werift with another fingerprint"
    werift = Werift(lab, "offer")
    before = lab.call("server.stats")["sessions"]["dtls_established"]
    offer = re.sub(r"(a=fingerprint:sha-256 )(..)", lambda m: m[1] + f"{int(m[2], 16) ^ 1:02X}", werift.wait("offer")["sdp"])
    result = control.call("session.create", conference="demo", sdp=offer)
    c.check(f"{what}: asked to be DTLS server", "a=setup:active" in result["sdp"], result["sdp"])
    werift.tell(answer=result["sdp"])
    failed = control.wait_event("dtls.failed", 15, lambda e: e.get("session") == result["id"])
    c.equal(f"{what}: reason", failed["data"]["reason"], "fingerprint_mismatch")
    event = control.wait_event("session.closed", 15, lambda e: e.get("session") == result["id"])
    c.equal(f"{what}: cause", event["data"]["cause"], "dtls_failed")
    c.equal(f"{what}: no association came of it", lab.call("server.stats")["sessions"]["dtls_established"], before)
    werift.report()
    c.equal(f"{what}: no session is left", lab.wait_sessions(0), 0)


def with_lab(c, name, setup, cases):
    with sluice_lab.Lab(name) as lab:
        lab.config["dtls"] = dict(lab.config.get("dtls", {}), setup=setup)
        lab.start()
        control = lab.control()
        control.call("events.subscribe",
                     types=["session.described", "session.closed", "media.passed", "media.keyed", "media.selected",
                            "dtls.failed"])
        for what, function, *arguments in cases:
            c.case(what, function, c, lab, control, *arguments)


def main():
    if shutil.which("node") is None or not os.path.isdir(os.path.join(PEER, "node_modules")):
        print("node or werift is missing: run scripts/setup")
        sys.exit(77)
    sluice_lab.enter_network()
    c = sluice_lab.Checks()
    with_lab(c, "werift", "actpass", [
        ("their offer", terminated, True, "client"),
        ("our offer", terminated, False, "client"),
        ("passthrough", passed),
        ("passthrough of data", passed_data),
        ("data channel", data),
    ])
    with_lab(c, "werift-active", "active", [
        ("their offer, DTLS server", terminated, True, "server"),
        ("another fingerprint", refused),
    ])
    c.finish()


if __name__ == "__main__":
    main()
