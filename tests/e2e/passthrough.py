#!/usr/bin/env python3
"""Pass-through (C-PASS): an H.323 endpoint (OpenSSL, libsrtp) and a SIP user agent that is not ours
(baresip, with an SRTP stack of its own) are the two ends of one DTLS connection and verify each other's
certificates; so are two H.323 endpoints. The server between them never has a key: no association of its
own, no record that went up to it, transports that refuse keys. A wrong fingerprint is found by the peers,
and the server reports the end."""
# long
# timeout: 300
import os
import re
import shutil
import socket
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts", "lib"))
sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))
import sluice_lab  # noqa: E402
import sdp as sdp_lab  # noqa: E402


class Sip(sdp_lab.Sip):
    """A SIP server whose answers wait until the other side is known."""

    def __init__(self, control, change=lambda body: body, closes=True):
        super().__init__(control)
        self.change = change
        self.closes = closes
        self.waiting = None

    def on_message(self, lines, body, peer):
        if lines[0].startswith("INVITE") and self.session is None:
            result = self.control.call("session.create", conference="demo", sdp=self.change(body),
                                       mode="passthrough")
            if result["sdp"] is not None:
                raise sluice_lab.LabError("answered before the other side was there")
            with self.changed:
                self.session, self.waiting = result["id"], (lines, peer)
                self.changed.notify_all()
        elif lines[0].startswith("INVITE"):  # a retransmission
            return
        else:
            super().on_message(lines, body, peer)

    def end(self, session):
        """A BYE closes the session, unless the server shall see for itself that nothing passes."""
        if self.closes:
            super().end(session)

    def close(self):
        """A datagram to itself wakes the thread, which would keep the port."""
        self.is_closing = True
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wake:
            wake.sendto(b"", self.socket.getsockname())
        self.thread.join(5)
        self.socket.close()

    def answer_with(self, sdp):
        self.reply(*self.waiting, "200 OK", sdp)


def counters(lab):
    """What tells whether anything was opened on the way."""
    stats = lab.call("server.stats")
    plane = stats["data_plane"]
    return {"established": stats["sessions"]["dtls_established"], "up": plane["dtls_up"],
            "dtls": plane["dtls_passed"], "media": plane["media_passed"], "down": plane["dtls_down"]}


def passed(c, lab, what, before, sessions):
    """Nothing but passing has happened since `before`."""
    now = counters(lab)
    grown = {name: now[name] - before[name] for name in now}
    c.equal(f"{what}: no association of the server's, no record up or down",
            (grown["established"], grown["up"], grown["down"]), (0, 0, 0))
    c.check(f"{what}: DTLS and SRTP have passed", grown["dtls"] >= 4 and grown["media"] > 100, grown)
    for session in sessions:
        transport = lab.call("session.get", id=session)["transports"][0]
        seen = transport["association"]
        c.equal(f"{what}: session {session} passes", (transport["mode"], seen["state"], seen["fingerprint_verified"],
                                                      "srtp_profile" in seen), ("pass", "passed", False, False))
        c.equal(f"{what}: session {session}: both directions and DTLS",
                [transport[name] > 0 for name in ("packets_in", "packets_out", "dtls_in", "dtls_out")], [True] * 4)


def h323_session(lab, sip):
    return next(s["id"] for s in lab.sessions() if s["id"] != sip.session)


def setup_of(sdp):
    return next(line[8:] for line in sdp.split("\r\n") if line.startswith("a=setup:"))


def fingerprint_of(sdp):
    return next(line[14:].split(" ")[1] for line in sdp.split("\r\n") if line.startswith("a=fingerprint:"))


def h323_endpoint(lab, direction, *arguments):
    """An endpoint that calls the server, or is called by it."""
    ip = sluice_lab.ENDPOINT_IPS[1]
    if direction == "in":
        return lab.endpoint("anna", *arguments, ip=ip)
    anna = lab.endpoint("anna", "--listen", *arguments, ip=ip, call=None)
    anna.wait_event("listening")
    lab.call("session.call", to=f"anna@{ip}", conference="demo")
    return anna


def sip_calls(c, lab, control, role, direction, h245):
    """Their offer waits for the H.323 endpoint, whose role may be any, whoever is called and master."""
    what = f"SIP calls, H.323 {role}, {direction}, {h245}"
    before = counters(lab)
    sip = Sip(lab.control())
    baresip = sdp_lab.Baresip(lab, "-e", f"/dial sip:demo@{sluice_lab.SERVER_IP4}")
    try:
        sip.wait(lambda: sip.session)
        record = lab.path("anna.wav")
        anna = h323_endpoint(lab, direction, "--play", sdp_lab.steady_tone(lab, 1000), "--loop", "--start", "now",
                             "--record", record, "--stats", "--timeout", "90", "--setup", role,
                             "--term-type", "50" if h245 == "master" else "250")
        event = control.wait_event("session.described", 10, lambda e: e.get("session") == sip.session)
        answer = event["data"]["sdp"]
        c.equal(f"{what}: the answer's role", setup_of(answer), {"actpass": "active"}.get(role, role))
        sip.answer_with(answer)
        control.wait_event("media.passed", 10)
        h323 = h323_session(lab, sip)
        seen = lab.call("session.get", id=h323)
        c.equal(f"{what}: the server's role in H.245", seen["role"], h245)
        association = seen["transports"][0]["association"]
        c.equal(f"{what}: SIP was told the endpoint's own fingerprint",
                association["peer_fingerprint"]["value"], fingerprint_of(answer))
        lab.wait_stats(lambda s: s["data_plane"]["media_passed"] - before["media"] > 200)
        passed(c, lab, what, before, [sip.session, h323])
        report = sdp_lab.after_talk(anna)
        c.check(f"{what}: the endpoint verified the certificate of SIP", report["fingerprint_verified"],
                report["failure"])
        c.check(f"{what}: H.323 hears SIP", sdp_lab.share_of(record, sdp_lab.Baresip.FREQUENCY) > 0.9,
                sdp_lab.share_of(record, sdp_lab.Baresip.FREQUENCY))
        closed = control.wait_event("session.closed", 10, lambda e: e.get("session") == sip.session)
        c.check(f"{what}: one leg ends with the other", "peer" in closed["data"]["cause"], closed)
        sdp_lab.heard(c, what, baresip)
    finally:
        sip.close()
        if baresip.process.is_running():
            baresip.process.stop()
    c.equal(f"{what}: no session is left", lab.wait_sessions(0), 0)


def sip_is_called(c, lab, control):
    """H.323 is there first; an offer with its fingerprint goes out, its OLC waits for the answer."""
    what = "SIP is called"
    before = counters(lab)
    sip = Sip(lab.control())
    baresip = sdp_lab.Baresip(lab)
    try:
        result = control.call("session.create", conference="demo", mode="passthrough")
        c.equal(f"{what}: the offer waits", result["sdp"], None)
        sip.session = result["id"]
        record = lab.path("anna.wav")
        anna = lab.endpoint("anna", "--play", sdp_lab.steady_tone(lab, 1000), "--loop", "--start", "now", "--record",
                            record, "--stats", "--timeout", "90", ip=sluice_lab.ENDPOINT_IPS[1])
        event = control.wait_event("session.described", 10, lambda e: e.get("session") == sip.session)
        c.equal(f"{what}: an offer", event["data"]["type"], "offer")
        sip.invite(sdp_lab.BARESIP_IP, event["data"]["sdp"])
        control.call("session.answer", id=sip.session, sdp=sip.take_answer())
        control.wait_event("media.passed", 10)
        lab.wait_stats(lambda s: s["data_plane"]["media_passed"] - before["media"] > 200)
        passed(c, lab, what, before, [sip.session, h323_session(lab, sip)])
        report = sdp_lab.after_talk(anna)
        c.check(f"{what}: verified", report["fingerprint_verified"], report["failure"])
        c.check(f"{what}: H.323 hears SIP", sdp_lab.share_of(record, sdp_lab.Baresip.FREQUENCY) > 0.9)
        sdp_lab.heard(c, what, baresip)
    finally:
        sip.close()
        if baresip.process.is_running():
            baresip.process.stop()
    c.equal(f"{what}: no session is left", lab.wait_sessions(0), 0)


def h323_meets_h323(c, lab, roles):
    what = f"H.323 {roles[0]} and {roles[1]}"
    before = counters(lab)
    anna, bert = lab.pair(("--setup", roles[0]), ("--setup", roles[1]), call="passed")
    for report in (anna.report(), bert.report()):
        c.check(f"{what}: heard, and verified end to end", report["ok"] and report["fingerprint_verified"],
                report["failure"])
    now = counters(lab)
    c.equal(f"{what}: nothing opened", [now[n] - before[n] for n in ("established", "up", "down")], [0, 0, 0])
    c.check(f"{what}: passed", now["dtls"] - before["dtls"] >= 4 and now["media"] - before["media"] > 50, now)
    c.equal(f"{what}: no session is left", lab.wait_sessions(0), 0)


def roles_that_exclude(c, lab, control):
    """Both active: refused with a clear cause, both legs."""
    anna, bert = lab.pair(("--setup", "active"), ("--setup", "active"), call="passed")
    causes = [control.wait_event("session.closed", 15)["data"] for _ in range(2)]
    c.equal("both active: cause", [d["cause"] for d in causes], ["dtls_required"] * 2)
    c.check("both active: in words", any("exclude each other" in d["text"] for d in causes), causes)
    c.check("both active: no call", not anna.report()["ok"] and not bert.report()["ok"])


def hashes_that_differ(c, lab, control):
    anna, bert = lab.pair(("--hashes", "sha-256"), ("--hashes", "sha-512"), call="passed")
    causes = [control.wait_event("session.closed", 15)["data"] for _ in range(2)]
    c.equal("no hash in common: cause", [d["cause"] for d in causes], ["dtls_required"] * 2)
    c.check("no hash in common: in words", any("hash" in d["text"] for d in causes), causes)
    c.check("no hash in common: no call", not anna.report()["ok"] and not bert.report()["ok"])


def wrong_fingerprint_of_h323(c, lab, control):
    """The SIP side finds it, says so by an alert that passes, and the server reports the end of both legs."""
    what = "wrong fingerprint of H.323"
    before = counters(lab)
    sip = Sip(lab.control(), closes=False)
    baresip = sdp_lab.Baresip(lab, "-e", f"/dial sip:demo@{sluice_lab.SERVER_IP4}")
    try:
        sip.wait(lambda: sip.session)
        anna = lab.endpoint("anna", "--play", sdp_lab.steady_tone(lab, 1000), "--timeout", "20", "--fault",
                            "wrong-fingerprint", ip=sluice_lab.ENDPOINT_IPS[1])
        event = control.wait_event("session.described", 10, lambda e: e.get("session") == sip.session)
        sip.answer_with(event["data"]["sdp"])
        closed = [control.wait_event("session.closed", 20)["data"]["cause"] for _ in range(2)]
        c.check(f"{what}: both legs end", all(cause != "operator" for cause in closed), closed)
        c.check(f"{what}: the endpoint had no call", not anna.report()["ok"])
        c.check(f"{what}: baresip says why", baresip.process.has_line("verif") or
                baresip.process.has_line("fingerprint"), baresip.process.tail())
        c.equal(f"{what}: the server opened nothing", counters(lab)["established"] - before["established"], 0)
    finally:
        sip.close()
        baresip.process.stop()
    c.equal(f"{what}: no session is left", lab.wait_sessions(0), 0)


def wrong_fingerprint_of_sip(c, lab, control):
    """A SIP server that lies about the certificate: the H.323 endpoint finds it."""
    what = "wrong fingerprint of SIP"

    def forge(body):
        at = re.search("a=fingerprint:sha-256 ", body, re.I).end()
        return body[:at] + ("00" if body[at:at + 2] != "00" else "11") + body[at + 2:]

    sip = Sip(lab.control(), forge, closes=False)
    baresip = sdp_lab.Baresip(lab, "-e", f"/dial sip:demo@{sluice_lab.SERVER_IP4}")
    try:
        sip.wait(lambda: sip.session)
        anna = lab.endpoint("anna", "--play", sdp_lab.steady_tone(lab, 1000), "--timeout", "20",
                            ip=sluice_lab.ENDPOINT_IPS[1])
        event = control.wait_event("session.described", 10, lambda e: e.get("session") == sip.session)
        sip.answer_with(event["data"]["sdp"])
        closed = [control.wait_event("session.closed", 20)["data"]["cause"] for _ in range(2)]
        c.check(f"{what}: both legs end", all(cause != "operator" for cause in closed), closed)
        report = anna.report()
        c.check(f"{what}: the endpoint refuses the certificate",
                not report["ok"] and not report["fingerprint_verified"], report)
    finally:
        sip.close()
        baresip.process.stop()
    c.equal(f"{what}: no session is left", lab.wait_sessions(0), 0)


def main():
    sluice_lab.enter_network()
    c = sluice_lab.Checks()
    if shutil.which("baresip") is None:
        sys.exit("baresip is missing: run scripts/setup")
    with sluice_lab.Lab("passthrough") as lab:
        lab.config["dtls"] = dict(lab.config.get("dtls", {}), handshake_timeout_ms=5000)
        lab.config["conferences"].append({"alias": "passed", "kind": "relay", "passthrough": True})
        lab.start()
        control = lab.control()
        control.call("events.subscribe", types=["session.described", "session.closed", "media.passed"])
        for role, direction, h245 in (("actpass", "in", "master"), ("active", "in", "slave"),
                                      ("passive", "out", "master"), ("actpass", "out", "slave")):
            with c.proof("C-PASS", f"H.323 and SIP, end to end: {role}", {"dir": direction, "h245": h245}):
                c.case(f"SIP calls, H.323 {role}", sip_calls, c, lab, control, role, direction, h245)
        c.case("SIP is called", sip_is_called, c, lab, control)
        for roles in (("actpass", "actpass"), ("active", "actpass"), ("actpass", "active"), ("passive", "active")):
            c.case(f"H.323 {roles}", h323_meets_h323, c, lab, roles)
        control.events.clear()
        watch = lab.control()
        watch.call("events.subscribe", types=["session.closed"])
        c.case("roles that exclude each other", roles_that_exclude, c, lab, watch)
        c.case("hashes that differ", hashes_that_differ, c, lab, watch)
        watch = lab.control()
        watch.call("events.subscribe", types=["session.described", "session.closed", "media.passed"])
        c.case("wrong fingerprint of H.323", wrong_fingerprint_of_h323, c, lab, watch)
        c.case("wrong fingerprint of SIP", wrong_fingerprint_of_sip, c, lab, watch)
    c.finish()


if __name__ == "__main__":
    main()
