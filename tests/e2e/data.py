#!/usr/bin/env python3
"""Data channels over DTLS (L-BIDIR, L-SHARE, D-RECORD, D-CHOICE, M-DEMUX, X-PROFILE): two endpoints with
usrsctp and OpenSSL, the server between them."""
# timeout: 240
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts", "lib"))
import sluice_lab  # noqa: E402


def direct(c, lab):
    """Without a server: the measuring tool itself, in both H.245 roles."""
    for what, types in (("the caller is master", ("200", "50")), ("the callee is master", ("50", "200"))):
        callee = lab.endpoint("bert", "--listen", "--data", "echo", "--term-type", types[1], "--timeout", "15",
                              ip="198.18.0.4", call=None)
        callee.wait_event("listening")
        caller = lab.endpoint("anna", "--data", "send", "--data-count", "1000", "--term-type", types[0],
                              "--timeout", "15", ip="198.18.0.3", call="bert", to="198.18.0.4")
        a, b = caller.report(), callee.report()
        c.check(f"direct, {what}: ok", a["ok"] and b["ok"], (a["failure"], b["failure"]))
        c.equal(f"direct, {what}: echoed", [a["data"]["returned"], b["data"]["echoed"]], [1000, 1000])


def pair(lab, first, second, ips=("198.18.0.3", "198.18.0.4"), audio=False, call="demo"):
    """Two endpoints in one conference; with audio, they play to each other meanwhile."""
    files = sluice_lab.tone_pair() if audio else None
    ends = []
    for i, (name, arguments) in enumerate((("anna", first), ("bert", second))):
        play = ["--play", files[i], "--expect", files[1 - i]] if audio else []
        ends.append(lab.endpoint(name, "--timeout", "30", *play, *arguments, ip=ips[i], call=call))
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
    c.finish()


if __name__ == "__main__":
    main()
