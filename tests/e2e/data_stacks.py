#!/usr/bin/env python3
"""Data channels over the other stacks of H.245: tcp-dtls-sctp (RFC 8841 with the frames of RFC 4571), and
sctp-dtls (RFC 6083 with SCTP in UDP).
The server ends their SCTP, so that each member of a conference may have its own stack."""
# timeout: 240
import ctypes
import os
import socket
import sys
import threading

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts", "lib"))
import sluice_lab  # noqa: E402

ANNA, BERT, CARL = sluice_lab.ENDPOINT_IPS[:3]
UDP, TCP, SCTP = "udp-dtls-sctp", "tcp-dtls-sctp", "sctp-dtls"
COUNT = 300
CLONE_NEWNET = 0x40000000


def rows(config):
    config["media"] = {"data_stacks": [UDP, TCP, SCTP]}
    config["conferences"] += [{"alias": "data-2", "data": "terminate"},
                              {"alias": "data-3", "kind": "forward", "max_sessions": 5, "data": "terminate"}]


def stack(name):
    return ["--data-stack", name]


def pair(c, lab, what, first, second, call="data-2"):
    """anna sends, bert echoes; each with options of its own."""
    b = lab.endpoint("bert", "--timeout", "60", "--data", "echo", "--stay", *second, ip=BERT, call=call)
    b.wait_event("data_up")  # what is said before that nobody hears
    a = lab.endpoint("anna", "--timeout", "60", "--data", "send", "--data-count", COUNT, "--data-label", "chat", "--stay",
                     *first, ip=ANNA, call=call)
    try:
        a.wait_event("data_done", 15)
    except sluice_lab.LabError as error:
        print(error, b.tail(), lab.server.tail(60))
    found = {s["peer"]["signalling"].rsplit(":", 1)[0]: s for s in
             (lab.call("session.get", id=s["id"]) for s in lab.sessions())}
    for end, options in ((a, first), (b, second)):
        if "--play" in options:
            end.wait_event("heard")
    ra, rb = a.hang_up(), b.hang_up()
    c.check(f"{what}: both ok", ra["ok"] and rb["ok"], (ra["failure"], rb["failure"]))
    c.equal(f"{what}: all came back, whole and in order",
            [ra["data"][k] for k in ("returned", "reordered", "corrupted", "foreign")], [COUNT, 0, 0, 0])
    lab.wait_sessions(0)
    return found, ra, rb


def only(name):
    return [*stack(name), "--data-only", "--profiles", ""]


def both_roles(c, lab, name):
    """The server is DTLS server and client, H.245 master and slave."""
    for setup in ("active", "passive"):
        for master, term_type in (("server", "50"), ("peer", "240")):
            what = f"{name}, peers are {setup}, master is the {master}"
            options = [*only(name), "--setup", setup, "--term-type", term_type]
            found, ra, rb = pair(c, lab, what, options, options)
            c.equal(f"{what}: H.245 masters", [ra["h245_master"], rb["h245_master"]], [master == "peer"] * 2)
            c.equal(f"{what}: roles", {s["transports"][0]["association"]["role"] for s in found.values()},
                    {"passive" if setup == "active" else "active"})
            c.equal(f"{what}: transports", {t["mode"] for s in found.values() for t in s["transports"]}, {name})
            c.check(f"{what}: fingerprints verified", all(
                t["association"]["fingerprint_verified"] for s in found.values() for t in s["transports"]))


def mixed(c, lab, names):
    """Each member has another stack, and audio beside it over UDP: messages go from one to the other."""
    up, far = sluice_lab.tone_pair()
    for first in names:
        for second in names:
            if first != second:
                _, ra, rb = pair(c, lab, f"{first} to {second}", [*stack(first), "--play", up, "--expect", far],
                                 [*stack(second), "--play", far, "--expect", up])
                c.check(f"{first} to {second}: the audio beside it is equal", ra["audio_match"] and rb["audio_match"])


def wrong_certificate(c, lab, name):
    """D-MISMATCH: the connection and its channel are closed at once, the event says why."""
    for setup in ("active", "passive"):
        control = lab.control()
        control.call("events.subscribe", types=["dtls.*", "channel.*"])
        end = lab.endpoint("mallory", "--timeout", "20", "--data", "send", *only(name), "--setup", setup, "--fault",
                           "wrong-fingerprint", ip=ANNA, call="data-2")
        failed = control.wait_event("dtls.failed")["data"]
        c.equal(f"{name}, {setup} with another certificate: why it failed", failed["reason"], "fingerprint_mismatch")
        report = end.report()
        c.check(f"{name}, {setup} with another certificate: no data", not report["ok"] and
                report["data"]["ups"] == 0, report["failure"])
        lab.wait_sessions(0)
        control.close()


def connect_from(source, to, count):
    """TCP connections out of the endpoints' namespace: a socket stays in that of the thread that made it."""
    made = []

    def work():
        with open(os.path.join(os.environ["SLUICE_NETNS"], "ends"), encoding="ascii") as there:
            if ctypes.CDLL(None, use_errno=True).setns(there.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")
        for _ in range(count):
            s = socket.socket()
            s.settimeout(5 * sluice_lab.PATIENCE)
            s.bind((source, 0))
            s.connect(to)
            made.append(s)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join(30)
    return made


def wires(lab):
    return lab.call("server.stats")["media"]["data"]["wires"]


def strangers(c, lab):
    """Connections that nobody announced: from elsewhere they are closed, from the peer's address four are
    kept, silent ones make room. The peer itself comes through, and all is given back."""
    before = wires(lab)
    b = lab.endpoint("bert", "--timeout", "90", "--data", "echo", "--stay", *only(TCP), "--setup", "active",
                     ip=BERT, call="data-2")
    b.wait_event("connect")
    # carl says that he will connect, and does not: his port stays open for others.
    quiet = lab.endpoint("carl", "--timeout", "90", "--data", "echo", "--stay", *only(TCP), "--setup", "active",
                         "--fault", "mute-dtls", ip=CARL, call="data-2")
    quiet.wait_event("dtls_start")
    session = next(s for s in (lab.call("session.get", id=s["id"]) for s in lab.sessions())
                   if s["peer"]["signalling"].startswith(CARL))
    port = int(session["transports"][0]["local"].rsplit(":", 1)[1])
    held = []
    for source in (ANNA, CARL):
        held += connect_from(source, (sluice_lab.SERVER_IP4, port), 50)
    c.equal("connections that were tried", len(held), 100)
    stats = lab.wait_stats(lambda s: s["media"]["data"]["wires"]["refused_full"] - before["refused_full"] >= 30)
    now = stats["media"]["data"]["wires"]
    c.check("connections from elsewhere are closed", now["refused_address"] - before["refused_address"] == 50, now)
    c.check("connections kept are bounded", now["links"] <= 5, now)
    # (Those that have said nothing for three seconds make room: how many of 50 stay out is a question of time.)
    c.check("the others are closed, and counted", now["refused_full"] - before["refused_full"] >= 30, now)
    for end in (b, quiet):
        end.stop()
    for s in held:
        s.close()
    lab.wait_sessions(0, 20)
    left = lab.wait_stats(lambda s: s["media"]["data"]["wires"]["links"] == 0)["media"]["data"]["wires"]
    c.equal("all is given back", [left["wires"], left["links"]], [0, 0])
    pair(c, lab, "after strangers", only(TCP), only(TCP))


def main():
    sluice_lab.enter_network()
    c = sluice_lab.Checks()
    with sluice_lab.Lab("data-stacks", rows) as lab:
        lab.start()
        for name in (SCTP, TCP):
            c.case(f"{name}, both roles", both_roles, c, lab, name)
        c.case("mixed", mixed, c, lab, (UDP, TCP, SCTP))
        for name in (TCP, SCTP):
            c.case(f"{name}, wrong certificate", wrong_certificate, c, lab, name)
        c.case("strangers", strangers, c, lab)
        c.equal("no session is left", lab.sessions(), [])
    c.finish()



if __name__ == "__main__":
    main()
