#!/usr/bin/env python3
"""Pass-through (C-PASS) of all media between a peer by SDP and one by H.323: audio, video (H.264) and data channels
share the one connection between the two, whichever side offers and is DTLS client, by IPv4 or IPv6. The
server opens nothing. What cannot pass is refused in its place, and the rest goes on."""
# timeout: 300
import json
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts", "lib"))
sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))
import sluice_lab  # noqa: E402
import passthrough  # noqa: E402

MESSAGES = 300
SDP_IP, H323_IP = sluice_lab.ENDPOINT_IPS[:2]
SDP_IP6 = "2001:db8:18::3"
H323_VIDEO_TYPE, SDP_VIDEO_TYPE = 96, 97  # as the endpoints have them: each side another


def medium(sdp, kind):
    """The section of a medium; "" when there is none."""
    found = re.search(rf"m={kind} .*?(?=\r\nm=|\Z)", sdp, re.S)
    return found.group(0) if found else ""


def port(sdp, kind):
    return int(medium(sdp, kind).split(" ")[1]) if medium(sdp, kind) else None


def endpoints(lab, sdp_extra, h323_extra, sdp_ip=SDP_IP):
    if os.path.exists(lab.path("bert.fifo")):
        os.unlink(lab.path("bert.fifo"))
    media = ["--video", "h264", "--loop", "--start", "now", "--stats", "--timeout", "60", "--stay"]
    files = sluice_lab.tone_pair()
    bert = lab.endpoint("bert", "--sdp", "--play", files[0], *media, "--data", "send", "--data-count", MESSAGES,
                        "--data-size", 200, *sdp_extra, ip=sdp_ip, call=None, fifo=True)
    offer = bert.wait_event("sdp_offer")["sdp"]

    def call():
        return lab.endpoint("anna", "--play", files[1], *media, "--data", "echo", *h323_extra, ip=H323_IP)
    return bert, offer, call


def seen_both_ways(c, lab, what, bert, anna, before, sessions):
    def flows(stats):
        return stats["packets_in"] > 50 and stats["video"]["packets_in"] > 50
    for end in (bert, anna):
        end.wait_count("audio and video", flows)
    bert.wait_event("data_done", 30)
    for session in sessions:
        got = lab.call("session.get", id=session)
        c.equal(f"{what}: session {session}: one transport, passed",
                [(t["mode"], t["association"]["state"]) for t in got["transports"]], [("pass", "passed")])
    now = passthrough.counters(lab)
    grown = {name: now[name] - before[name] for name in now}
    c.equal(f"{what}: the server opened nothing", (grown["established"], grown["up"], grown["down"]), (0, 0, 0))
    c.check(f"{what}: records of data passed, too", grown["dtls"] > MESSAGES and grown["media"] > 200, grown)
    bert.tell("hang-up")
    theirs = bert.report()
    ours = anna.hang_up()
    for name, report in (("SDP", theirs), ("H.323", ours)):
        c.check(f"{what}: {name} has verified the other", report["fingerprint_verified"], report["failure"])
        c.check(f"{what}: {name} saw the other's video, whole",
                report["video"]["packets_in"] > 50 and report["video"]["wrong"] == 0, report["video"])
    c.equal(f"{what}: every message came back, whole and in order",
            [theirs["data"][k] for k in ("returned", "reordered", "corrupted", "foreign")], [MESSAGES, 0, 0, 0])
    c.equal(f"{what}: H.323 echoed them", ours["data"]["echoed"], MESSAGES)


def close(c, lab, control, what, session):
    try:  # the other side may have ended it
        control.call("session.close", id=session)
    except sluice_lab.RpcError as error:
        if "no session" not in str(error):
            raise
    c.equal(f"{what}: no session is left", lab.wait_sessions(0), 0)


def h323_session(lab, session):
    return next(s["id"] for s in lab.sessions() if s["id"] != session)


def they_offer(c, lab, control, what, sdp_role="actpass", h323_role="actpass", term="50", sdp_ip=SDP_IP):
    before = passthrough.counters(lab)
    bert, offer, call = endpoints(lab, ["--setup", sdp_role], ["--setup", h323_role, "--term-type", term],
                                  sdp_ip)
    made = control.call("session.create", conference="demo", mode="passthrough", sdp=offer)
    c.equal(f"{what}: the answer waits", made["sdp"], None)
    anna = call()
    event = control.wait_event("session.described", 10, lambda e: e.get("session") == made["id"])
    answer = event["data"]["sdp"]
    c.equal(f"{what}: one port for all", (port(answer, "video"), port(answer, "application")),
            (port(answer, "audio"),) * 2)
    c.check(f"{what}: all in the group", "a=group:BUNDLE a v d" in answer, answer)
    c.check(f"{what}: the number of the offer", f"UDP/TLS/RTP/SAVPF {SDP_VIDEO_TYPE}" in medium(answer, "video"), answer)
    c.check(f"{what}: the endpoint's SCTP port", "a=sctp-port:5000" in medium(answer, "application"), answer)
    roles = {"active": "passive", "passive": "active"}
    if sdp_role in roles:
        c.equal(f"{what}: the role", passthrough.setup_of(answer), roles[sdp_role])
    bert.tell("answer " + json.dumps(answer))
    control.wait_event("media.passed", 15)
    seen_both_ways(c, lab, what, bert, anna, before, [made["id"], h323_session(lab, made["id"])])
    close(c, lab, control, what, made["id"])


def we_offer(c, lab, control, what, sdp_role="actpass", h323_role="actpass", term="50"):
    before = passthrough.counters(lab)
    bert, _, call = endpoints(lab, ["--setup", sdp_role], ["--setup", h323_role, "--term-type", term])
    made = control.call("session.create", conference="demo", mode="passthrough", video=True, data=True)
    c.equal(f"{what}: the offer waits", made["sdp"], None)
    anna = call()
    event = control.wait_event("session.described", 10, lambda e: e.get("session") == made["id"])
    offer = event["data"]["sdp"]
    for kind in ("video", "application"):
        c.check(f"{what}: {kind} in the group alone", port(offer, kind) == 0
                and "a=bundle-only" in medium(offer, kind), offer)
    bert.tell("offer " + json.dumps(offer))
    control.call("session.answer", id=made["id"], sdp=bert.wait_event("sdp_answer")["sdp"])
    control.wait_event("media.passed", 15)
    seen_both_ways(c, lab, what, bert, anna, before, [made["id"], h323_session(lab, made["id"])])
    close(c, lab, control, what, made["id"])


def audio_alone(c, lab, control, what, change, h323_extra, refused):
    """Some lines cannot pass: port 0 in their place, and audio goes on."""
    bert, offer, call = endpoints(lab, [], h323_extra)
    made = control.call("session.create", conference="demo", mode="passthrough", sdp=change(offer))
    anna = call()
    event = control.wait_event("session.described", 10, lambda e: e.get("session") == made["id"])
    answer = event["data"]["sdp"]
    for kind in ("video", "application"):
        c.equal(f"{what}: {kind}", port(answer, kind) == 0, kind in refused)
    bert.tell("answer " + json.dumps(answer))
    control.wait_event("media.passed", 15)
    for end in (bert, anna):
        end.wait_count("audio", lambda stats: stats["packets_in"] > 50)
    notes = lab.call("session.get", id=made["id"])
    bert.tell("hang-up")
    c.check(f"{what}: SDP has verified", bert.report()["fingerprint_verified"])
    report = anna.hang_up()
    c.check(f"{what}: H.323 has verified", report["fingerprint_verified"], report["failure"])
    if "video" in refused:
        c.equal(f"{what}: no video came", report["video"]["packets_in"], 0)
    c.check(f"{what}: the session says why", any("line" in e["text"] for e in notes["errors"]), notes["errors"])
    close(c, lab, control, what, made["id"])


def not_bundled(sdp):
    return re.sub(r"a=group:BUNDLE [^\r]*\r\n", "", sdp)


def wrong_fingerprint(c, lab, control, what):
    """Found by the H.323 endpoint, and not by the server: it has no part in it."""
    def forge(sdp):
        return re.sub(r"(a=fingerprint:sha-256 )(..)", lambda m: m[1] + f"{int(m[2], 16) ^ 1:02X}", sdp)
    before = passthrough.counters(lab)
    bert, offer, call = endpoints(lab, [], [])
    made = control.call("session.create", conference="demo", mode="passthrough", sdp=forge(offer))
    anna = call()
    event = control.wait_event("session.described", 10, lambda e: e.get("session") == made["id"])
    bert.tell("answer " + json.dumps(event["data"]["sdp"]))
    closed = control.wait_event("session.closed", 20, lambda e: e.get("session") == made["id"])
    c.check(f"{what}: the leg ends", closed["data"]["cause"] != "operator", closed)
    report = anna.report()
    c.check(f"{what}: the endpoint refuses the certificate",
            not report["ok"] and not report["fingerprint_verified"], report["failure"])
    c.equal(f"{what}: the server opened nothing", passthrough.counters(lab)["established"], before["established"])
    bert.stop()
    close(c, lab, control, what, made["id"])


def main():
    sluice_lab.enter_network()
    c = sluice_lab.Checks()
    with sluice_lab.Lab("passthrough-media") as lab:
        lab.config["dtls"] = dict(lab.config.get("dtls", {}), handshake_timeout_ms=5000)
        lab.start()
        control = lab.control()
        control.call("events.subscribe", types=["session.described", "session.closed", "media.passed"])
        for name, arguments in (("SDP active, H.323 slave", ("active", "actpass", "50")),
                                ("SDP passive, H.323 master", ("passive", "actpass", "250")),
                                ("H.323 passive", ("actpass", "passive", "250"))):
            with c.proof("C-PASS", f"audio, video, data: their offer, {name}", {}):
                c.case(name, they_offer, c, lab, control, f"their offer, {name}", *arguments)
        for name, arguments in (("SDP passive, H.323 master", ("passive", "actpass", "250")),
                                ("H.323 passive, slave", ("actpass", "passive", "50"))):
            with c.proof("C-PASS", f"audio, video, data: our offer, {name}", {}):
                c.case(name, we_offer, c, lab, control, f"our offer, {name}", *arguments)
        c.case("IPv6", they_offer, c, lab, control, "SDP by IPv6, H.323 by IPv4", sdp_ip=SDP_IP6)
        c.case("not bundled", audio_alone, c, lab, control, "not bundled", not_bundled, [],
               ("video", "application"))
        c.case("wrong fingerprint", wrong_fingerprint, c, lab, control, "wrong fingerprint")
    c.finish()


if __name__ == "__main__":
    main()
