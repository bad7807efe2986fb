#!/usr/bin/env python3
"""tshark, which shares no code with us, decodes every H.225.0 and H.245 message of a call without an
error, and sees the sequence that H.323 asks for; a clean shutdown is seen on the wire too."""
# timeout: 240
import os
import re
import signal
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts", "lib"))
import sluice_lab  # noqa: E402
from sluice_lab import tshark  # noqa: E402

# What has to be there, in this order, in one call; other messages may stand between.
CALL = ["setup", "connect", "terminalCapabilitySet", "terminalCapabilitySetAck",
        "openLogicalChannel", "openLogicalChannelAck", "endSessionCommand", "releaseComplete"]
ERROR = 8388608  # tshark's PI_ERROR
FINGERPRINT = re.compile(rb"(?:[0-9A-F]{2}:){31}[0-9A-F]{2}")
ALERT = "dtls.record.content_type == 21"


def in_order(wanted, seen):
    at = iter(seen)
    return all(any(w.lower() == s.lower() for s in at) for w in wanted)


def words_of(path, display_filter):
    lines = tshark(path, f"({display_filter}) && (h225 || h245)", "_ws.col.Info")
    return [word for line in lines for word in line[0].replace(",", " ").split()]


def finish_capture(captures, peers):
    """tcpdump drops what it has not read yet when it is stopped: wait for the last messages first."""
    sluice_lab.wait_captured(captures[0][1], *[f"ip.addr == {peer} && h225.releaseComplete_element"
                                               for peer in peers])
    sluice_lab.wait_captured(captures[1][1], *[f"ip.addr == {peer} && {ALERT}" for peer in peers])
    for process, _ in captures:
        process.stop()


def judge_signalling(c, path, peers):
    bad = tshark(path, f"(h225 || h245) && (_ws.malformed || _ws.expert.severity >= {ERROR})",
                 "frame.number", "_ws.col.Info", "_ws.expert.message")
    c.equal("no H.225.0 or H.245 message has an error", bad, [])
    unread = tshark(path, "tcp.len > 0 && !h225 && !h245 && !q931", "frame.number", "_ws.col.Info")
    c.equal("every TCP segment with data was understood as H.225.0 or H.245", unread, [])
    for peer in peers:
        words = words_of(path, f"ip.addr == {peer}")
        c.check(f"{peer}: the sequence of a call", in_order(CALL, words), words)
        c.check(f"{peer}: master and slave are determined",
                "masterSlaveDeterminationAck" in words, words)
        both = [words_of(path, f"ip.{side} == {peer}").count("openLogicalChannel")
                for side in ("src", "dst")]
        c.check(f"{peer}: a unidirectional channel in each direction (L-UNI)", min(both) >= 1, both)


def judge_h23510(c, path):
    """tshark's H.245 is older than dtlsSecurityCapability: it skips the addition without an error, as
    a peer of that age would. IA5 strings stand as they are in PER, so the bytes tell."""
    def bare(kind):
        return [FINGERPRINT.findall(bytes.fromhex(line[0].replace(":", "")))
                for line in tshark(path, f"h245.{kind}_element", "tcp.payload")]
    for kind in ("openLogicalChannel", "openLogicalChannelAck"):
        found = bare(kind)
        c.check(f"each {kind} carries one bare upper-case fingerprint (P-FP, T-OLC, T-ACK)",
                len(found) >= 4 and all(len(f) >= 1 for f in found), found)
    offers = tshark(path, "h245.terminalCapabilitySet_element", "tcp.payload")
    offers = [bytes.fromhex(line[0].replace(":", "")) for line in offers]
    c.check("each TerminalCapabilitySet carries hash names (T-TCS)",
            len(offers) >= 4 and all(b"sha-256" in o for o in offers), offers)
    alone = tshark(path, "h245.terminalCapabilitySet_element && !h245.openLogicalChannel_element && "
                   "!h245.openLogicalChannelAck_element", "tcp.payload")
    c.check("no TerminalCapabilitySet carries a fingerprint (T-NOFP)",
            alone and not any(FINGERPRINT.search(bytes.fromhex(line[0].replace(":", "")))
                              for line in alone), alone)


def judge_media(c, path):
    """On the data plane's link: DTLS with cookies and alerts, and no audio in the clear."""
    ports = {line[0] for line in tshark(path, "dtls", "udp.dstport")}
    c.check("DTLS runs on the media ports", len(ports) >= 2, ports)
    verify = tshark(path, "dtls.handshake.type == 3", "frame.number")
    c.check("cookies are exchanged (H-COOKIE)", len(verify) >= 1,
            tshark(path, "frame.number <= 20", "_ws.col.Protocol", "_ws.col.Info"))
    alerts = tshark(path, ALERT, "frame.number")
    c.check("close alerts are on the wire (R-CLOSE)", len(alerts) >= 1, alerts)
    idle = ":".join(["d5"] * 12)
    plain = tshark(path, f"udp.payload contains {idle}", "frame.number")
    c.equal("no silence of G.711 is seen in the clear (D-SRTP)", plain, [])


def capture(lab, name):
    return [lab.capture(name + ".pcap", "s0", "server", "tcp"),
            lab.capture(name + "-media.pcap", "pdp", "ends", "udp")]


def one_call(c, lab):
    captures = capture(lab, "call")
    endpoints = lab.pair(["--setup", "active"], ["--setup", "passive"])
    reports = [e.report() for e in endpoints]
    c.check("the call is fine", all(r["ok"] for r in reports), [r["failure"] for r in reports])
    finish_capture(captures, sluice_lab.ENDPOINT_IPS[:2])
    judge_signalling(c, captures[0][1], sluice_lab.ENDPOINT_IPS[:2])
    judge_h23510(c, captures[0][1])
    judge_media(c, captures[1][1])


def shutdown(c, lab):
    """SIGTERM: every peer is told, on every layer."""
    captures = capture(lab, "shutdown")
    endpoints = lab.pair(["--stay", "--loop"], ["--stay", "--loop"])
    for endpoint in endpoints:
        endpoint.wait_event("heard")
    lab.server.signal(signal.SIGTERM)
    c.equal("sluiced ends with status 0", lab.server.wait_end(10), 0)
    for report in [e.report() for e in endpoints]:
        who = report["alias"]
        c.equal(f"{who}: endSession came", report["end_session"], True)
        c.equal(f"{who}: ReleaseComplete came from the server",
                report["release"]["released"] and report["release"]["by_peer"], True)
    finish_capture(captures, sluice_lab.ENDPOINT_IPS[:2])
    for peer in sluice_lab.ENDPOINT_IPS[:2]:
        told = words_of(captures[0][1], f"ip.dst == {peer}")
        for word in ("endSessionCommand", "releaseComplete"):
            c.check(f"{peer}: {word} on the wire", word in told, told)
        alerts = tshark(captures[1][1], f"{ALERT} && ip.dst == {peer}", "frame.number")
        c.check(f"{peer}: close alert on the wire", len(alerts) >= 1, alerts)


def main():
    sluice_lab.enter_network()
    c = sluice_lab.Checks()
    with sluice_lab.Lab("wire") as lab:
        lab.start()
        c.case("call", one_call, c, lab)
        c.case("shutdown", shutdown, c, lab)
    c.finish()


if __name__ == "__main__":
    main()
