#!/usr/bin/env python3
"""Data channels over DTLS (L-BIDIR, L-SHARE, D-RECORD, D-CHOICE, M-DEMUX, X-PROFILE): two endpoints with
usrsctp and OpenSSL, the server between them."""
# timeout: 420
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts", "lib"))
import sluice_lab  # noqa: E402


def data_rows(config):
    config["conferences"] += [{"alias": "data-1", "data": "terminate"},
                              {"alias": "data-3", "kind": "forward", "max_sessions": 5, "data": "terminate"}]


def direct(c, lab):
    """Without a server: the measuring tool itself, in both H.245 roles."""
    for what, types in (("the caller is master", ("200", "50")), ("the callee is master", ("50", "200"))):
        callee = lab.endpoint("bert", "--listen", "--data", "echo", "--term-type", types[1], "--timeout", "60",
                              ip="198.18.0.4", call=None)
        callee.wait_event("listening")
        caller = lab.endpoint("anna", "--data", "send", "--data-count", "1000", "--term-type", types[0],
                              "--timeout", "60", ip="198.18.0.3", call="bert", to="198.18.0.4")
        a, b = caller.report(), callee.report()
        c.check(f"direct, {what}: ok", a["ok"] and b["ok"], (a["failure"], b["failure"]))
        c.equal(f"direct, {what}: echoed", [a["data"]["returned"], b["data"]["echoed"]], [1000, 1000])


def pair(lab, first, second, ips=("198.18.0.3", "198.18.0.4"), audio=False, call="demo"):
    """Two endpoints in one conference; with audio, they play to each other meanwhile."""
    files = sluice_lab.tone_pair() if audio else None
    ends = []
    for i, (name, arguments) in enumerate((("anna", first), ("bert", second))):
        play = ["--play", files[i], "--expect", files[1 - i]] if audio else []
        ends.append(lab.endpoint(name, "--timeout", "90", *play, *arguments, ip=ips[i], call=call))
    return ends


def relay(c, lab, what, first=(), second=(), count=1000, audio=True, master=None):
    """Messages from one endpoint to the other and back, through two DTLS connections."""
    size = 300
    ends = pair(lab, ["--data", "send", "--data-count", str(count), "--data-size", str(size), *first],
                ["--data", "echo", *second], audio=audio)
    a, b = (end.report() for end in ends)
    if not c.check(f"{what}: both ok", a["ok"] and b["ok"], (a["failure"], b["failure"])):
        for end in ends:
            print(end.tail())
    c.equal(f"{what}: all came back, whole and in order",
            [a["data"][k] for k in ("returned", "reordered", "corrupted", "foreign")], [count, 0, 0, 0])
    c.equal(f"{what}: the other side echoed them", b["data"]["echoed"], count)
    c.equal(f"{what}: one handshake each", [r["fingerprint_verified"] for r in (a, b)], [True, True])
    if master is not None:
        c.equal(f"{what}: H.245 masters", [a["h245_master"], b["h245_master"]], master)
    if audio:
        c.check(f"{what}: the audio beside it is equal", a["audio_match"] and b["audio_match"])
    lab.wait_sessions(0)


def ends_here(c, lab):
    """SCTP ends in the server: channels of one are opened to the other, the control socket speaks."""
    control = lab.control()
    control.call("events.subscribe", types=["data.*"])
    b = lab.endpoint("bert", "--timeout", "120", "--data", "echo", ip="198.18.0.4", call="data-1")
    b.wait_event("data_up")
    a = lab.endpoint("anna", "--timeout", "120", "--data", "send", "--data-count", "500", "--data-size", "2000",
                     "--data-label", "chat", ip="198.18.0.3", call="data-1")
    opened = control.wait_event("data.opened")["data"]
    c.equal("terminate: the channel that was opened", [opened["label"], opened["protocol"]], ["chat", ""])
    received = control.wait_event("data.received")["data"]
    c.equal("terminate: what was received", [received["label"], received["length"], received["ppid"]],
            ["chat", 2000, 53])
    ra = a.report()
    if not c.check("terminate: sender ok", ra["ok"], ra["failure"]):
        print(a.tail(), b.tail())
    c.equal("terminate: all came back, whole and in order",
            [ra["data"][k] for k in ("returned", "reordered", "corrupted", "foreign")], [500, 0, 0, 0])
    session = lab.sessions()[0]["id"]
    sent = control.call("data.send", id=session, label="news", text="good evening")
    c.equal("data.send: octets", sent["octets"], 12)
    sent = control.call("data.send", conference="data-1", label="news", base64="AAEC")
    c.equal("data.send to a conference: octets", sent["octets"], 3)
    echoed = [control.wait_event("data.received", match=lambda e: e["data"]["label"] == "news")["data"] for _ in (1, 2)]
    c.equal("data.send: echoed by the peer, as it was", [echoed[0].get("text"), echoed[0]["ppid"],
                                                         echoed[1].get("base64", echoed[1].get("text")), echoed[1]["ppid"]],
            ["good evening", 51, "\x00\x01\x02", 53])
    for wrong, reason in (({"id": 999, "text": "x"}, "not found"), ({"id": session}, "invalid"),
                          ({"id": session, "base64": "A"}, "malformed")):
        try:
            control.call("data.send", **wrong)
            c.check(f"data.send {wrong} is refused", False)
        except sluice_lab.RpcError as error:
            c.check(f"data.send {wrong} is refused", True, error)
    b.hang_up()
    lab.wait_sessions(0)


def three(c, lab):
    """A data conference of three: one speaks, each of the others hears it and answers."""
    ends = [lab.endpoint(name, "--timeout", "120", *arguments, ip=ip, call="data-3")
            for name, ip, arguments in (
                ("bert", "198.18.0.4", ["--data", "sink", "--stats"]),
                ("carl", "198.18.0.5", ["--data", "echo"]))]
    for end in ends:
        try:
            end.wait_event("data_up")
        except sluice_lab.LabError:
            print(end.tail())
            raise
    anna = lab.endpoint("anna", "--timeout", "120", "--data", "send", "--data-count", "300", ip="198.18.0.3",
                        call="data-3")
    ra = anna.report()
    ends[0].wait_count("600 messages", lambda stats: stats["data"]["received"] >= 600)
    rb, rc = ends[0].hang_up(), ends[1].hang_up()
    c.check("three: the sender is ok", ra["ok"], ra["failure"])
    c.equal("three: carl's echoes reached anna, and bert heard both",
            [ra["data"]["returned"], rc["data"]["echoed"], rb["data"]["received"]], [300, 300, 600])
    lab.wait_sessions(0)


def alone(c, lab):
    """Data on a connection of their own, without use_srtp (D-RECORD), beside nobody's audio."""
    only = ["--data-only", "--profiles", ""]
    b = lab.endpoint("bert", "--timeout", "120", "--data", "echo", *only, ip="198.18.0.4", call="data-1")
    b.wait_event("data_up")
    a = lab.endpoint("anna", "--timeout", "120", "--data", "send", "--data-count", "300", "--term-type", "240", *only,
                     ip="198.18.0.3", call="data-1")
    ra = a.report()
    c.check("data alone: ok", ra["ok"], ra["failure"])
    c.equal("data alone: back, and by records", [ra["data"]["returned"], ra["srtp_profile"]], [300, "none"])
    b.hang_up()
    lab.wait_sessions(0)


def partial(c, lab):
    """Unordered, and with partial reliability: the channel is opened so to the other side."""
    b = lab.endpoint("bert", "--timeout", "120", "--data", "echo", ip="198.18.0.4", call="data-1")
    b.wait_event("data_up")
    for what in (["--data-unordered"], ["--data-retransmits", "0"], ["--data-lifetime", "500", "--data-unordered"]):
        ra = lab.endpoint("anna", "--timeout", "120", "--data", "send", "--data-count", "100", "--data-window", "10", *what,
                          ip="198.18.0.3", call="data-1").report()
        c.check(f"{what}: ok", ra["ok"], ra["failure"])
        c.equal(f"{what}: all came back where nothing is lost", ra["data"]["returned"], 100)
    b.hang_up()
    lab.wait_sessions(0)


def lossy(c, lab):
    """100,000 messages, there and back, with 2 % of the packets lost on each way of both ends: none is
    missing or out of order."""
    b = lab.endpoint("bert", "--timeout", "300", "--data", "echo", "--data-loss", "2", ip="198.18.0.4",
                     call="data-1")
    b.wait_event("data_up")
    a = lab.endpoint("anna", "--timeout", "300", "--data", "send", "--data-loss", "2", "--data-count", "100000",
                     "--data-size", "100", "--data-window", "2000", ip="198.18.0.3", call="data-1")
    ra = a.report(100)
    c.check("2 % loss: ok", ra["ok"], (ra["failure"], ra["data"]))
    c.equal("2 % loss: all came back, whole and in order",
            [ra["data"][k] for k in ("returned", "reordered", "corrupted", "foreign")], [100000, 0, 0, 0])
    c.check("2 % loss: there was loss", ra["data"]["packets_lost"] > 100, ra["data"])
    b.stop()
    lab.wait_sessions(0, 20)


def hostile(c, lab):
    """What a peer may do wrong with SCTP: the server stays, the next call is served."""
    for fault in ("init-flood", "garbage", "streams"):
        end = lab.endpoint("mallory", "--timeout", "90", "--data", "send", "--data-fault", fault,
                           ip="198.18.0.6", call="data-1")
        end.wait_event("data_up" if fault == "streams" else "data_done")
        r = end.hang_up()
        c.check(f"{fault}: noise was sent", r["data"]["noise"] > 50, r["data"])
        lab.wait_sessions(0)
    deaf = lab.endpoint("dora", "--timeout", "120", "--data", "sink", "--data-fault", "deaf",
                        ip="198.18.0.6", call="data-3")
    deaf.wait_event("data_up")
    b = lab.endpoint("bert", "--timeout", "120", "--data", "echo", ip="198.18.0.4", call="data-3")
    b.wait_event("data_up")
    ra = lab.endpoint("anna", "--timeout", "120", "--data", "send", "--data-count", "3000", "--data-size", "4000",
                      ip="198.18.0.3", call="data-3").report()
    c.check("a deaf third member is given up, the others go on", ra["ok"] and ra["data"]["returned"] == 3000,
            (ra["failure"], ra["data"]))
    for end in (deaf, b):
        end.hang_up()
    lab.wait_sessions(0)
    # Gone in the middle of a transfer, and records where nobody opened a channel.
    b = lab.endpoint("bert", "--timeout", "120", "--data", "echo", ip="198.18.0.4", call="data-1")
    b.wait_event("data_up")
    a = lab.endpoint("anna", "--timeout", "120", "--data", "send", "--data-count", "1000000", "--data-size", "4000",
                     ip="198.18.0.3", call="data-1")
    a.wait_event("data_up")
    a.kill()
    b.hang_up()
    lab.wait_sessions(0, 40)


def reopened(c, lab):
    """The peer has its channel closed; the audio's connection stays."""
    ends = pair(lab, ["--data", "send", "--data-count", "50", "--data-until", "2500", "--stay"],
                ["--data", "echo", "--stay"], audio=True)
    ends[0].wait_event("channel_closed")
    for end in ends:
        end.wait_event("heard")
    ra, rb = (end.hang_up() for end in ends)
    c.equal("closed by the peer: data were there, the audio went on",
            [ra["data"]["returned"], ra["audio_match"], rb["audio_match"]], [50, True, True])
    c.check("closed by the peer: the channel alone", any(e["event"] == "channel_closed" and "data" in e["detail"]
                                                         for e in ra["ladder"]), ra["ladder"])
    lab.wait_sessions(0)


def main():
    sluice_lab.enter_network()
    c = sluice_lab.Checks()
    with sluice_lab.Lab("data-direct") as lab:
        c.case("direct", direct, c, lab)
    with sluice_lab.Lab("data-relay") as lab:
        lab.start()
        c.case("relay", relay, c, lab, "relay", master=[False, False])
        c.case("endpoints are masters", relay, c, lab, "relay, endpoints are masters",
               ["--term-type", "240"], ["--term-type", "240"], master=[True, True])
        c.case("roles", relay, c, lab, "relay, DTLS roles apart", ["--setup", "active"],
               ["--setup", "passive"])
        c.case("reopened", reopened, c, lab)
    with sluice_lab.Lab("data-ends", data_rows) as lab:
        lab.start()
        c.case("terminate", ends_here, c, lab)
        c.case("three", three, c, lab)
        c.case("data alone", alone, c, lab)
        c.case("partial reliability", partial, c, lab)
        c.case("lossy", lossy, c, lab)
        c.case("hostile", hostile, c, lab)
        c.equal("no session is left", lab.sessions(), [])
    c.finish()


if __name__ == "__main__":
    main()
