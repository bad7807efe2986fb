#!/usr/bin/env python3
"""Audio and video of one session: on one port with one handshake, added and removed in any order
(L-SHARE, D-ONCE, A-ADD, R-CLOSE); in the clear on ports of their own; over a protected and a clear
leg. Packets are compared octet by octet at the far end."""
# timeout: 300
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts", "lib"))
import sluice_lab  # noqa: E402
from sluice_lab import tshark  # noqa: E402

ANNA, BERT = sluice_lab.ENDPOINT_IPS[:2]
CLIENT_HELLO = "dtls.handshake.type == 1"
ENOUGH = 25  # packets


def prefers(config):
    config["signalling"]["listeners"][0]["dtls"] = "preferred"


def both(lab, first=(), second=()):
    """Two endpoints that stay until they are told."""
    return [lab.endpoint(name, "--stay", "--stats", "--timeout", "120", *options, ip=ip)
            for name, ip, options in (("anna", ANNA, first), ("bert", BERT, second))]


def packets(stats, kind):
    return stats["packets_in"] if kind == "audio" else stats["video"]["packets_in"]


def reports_of(ends, *kinds, at_least=2 * ENOUGH):
    """Ends the calls when each has heard and seen something."""
    for end in ends:
        end.wait_count(f"{at_least} packets of {kinds}",
                       lambda stats: all(packets(stats, kind) >= at_least for kind in kinds))
    return [end.hang_up() for end in ends]


def opened(lab, control, count):
    """Waits until so many channels are open; the sessions in full."""
    for _ in range(count):
        control.wait_event("channel.opened", 15)
    return [lab.call("session.get", id=s["id"]) for s in lab.sessions()]


def judge_video(c, what, report, at_least=ENOUGH):
    video = report["video"]
    c.check(f"{what}: {report['alias']} got video", video["packets_in"] >= at_least, video)
    c.equal(f"{what}: {report['alias']}: each as it was sent, none after its channel's end",
            [video["wrong"], video["after_close"]], [0, 0])
    c.equal(f"{what}: {report['alias']}: nothing refused",
            [report["counters"][k] for k in ("bad_auth", "replayed", "malformed", "early")],
            [0, 0, 0, 0])


def handshakes(path, peer):
    """First ClientHello flights (message_seq 0) between a peer and the server, by pair of ports: with
    cookies a handshake has a second one, and a lost one is said again with the same random."""
    rows = tshark(path, f"ip.addr == {peer} && {CLIENT_HELLO}", "udp.srcport", "udp.dstport",
                  "dtls.handshake.random")
    return {tuple(sorted(row[:2])) for row in rows}, {row[2] for row in rows}


def one_port(c, lab, what, options, channels=8):
    control = lab.control()
    control.call("events.subscribe")
    capture, path = lab.capture("one.pcap", "any", "dp", "udp")
    ends = both(lab, options, options)
    for session in opened(lab, control, channels):
        ports = {ch["media"].rsplit(":", 1)[1] for ch in session["channels"]
                 if ch["direction"] == "incoming"}
        c.equal(f"{what}: one transport (L-SHARE)", len(session["transports"]), 1)
        c.equal(f"{what}: all channels on it", {ch["transport"] for ch in session["channels"]}, {1})
        c.equal(f"{what}: one port for what comes", len(ports), 1)
        c.equal(f"{what}: audio and video each way",
                sorted((ch["kind"], ch["direction"], ch["session_id"])
                       for ch in session["channels"]),
                [("audio", "incoming", 1), ("audio", "outgoing", 1), ("video", "incoming", 2),
                 ("video", "outgoing", 2)])
    for report in reports_of(ends, "audio", "video"):
        c.check(f"{what}: {report['alias']} ended well", report["ok"], report["failure"])
        judge_video(c, what, report)
        c.check(f"{what}: {report['alias']} got audio", report["packets_in"] >= ENOUGH, report)
    lab.wait_sessions(0)
    capture.stop()
    for peer in (ANNA, BERT):
        pairs, randoms = handshakes(path, peer)
        c.equal(f"{what}: {peer}: one pair of ports and one handshake on the wire (D-ONCE)",
                [len(pairs), len(randoms)], [1, 1])
    in_clear = tshark(path, "rtp", "frame.number")
    c.equal(f"{what}: (no packet that tshark takes for RTP set up in the clear)", len(in_clear), 0)


def removed(c, lab, what, options, keys):
    """Channels that end while the others go on: `keys` says what has to have stopped early."""
    control = lab.control()
    control.call("events.subscribe")
    ends = both(lab, options, ["--video", "h264"])
    anna, bert = ends
    for _ in keys:
        control.wait_event("channel.closed", 15, lambda e: e["data"]["direction"] == "incoming")
    left = [kind for kind in ("audio", "video") if kind not in keys]
    then = bert.wait_stats(2)  # of a moment behind the close
    bert.wait_count(f"more {left}", lambda stats: stats is not then and all(
        packets(stats, kind) >= packets(then, kind) + 2 * ENOUGH for kind in left))
    reports = reports_of([anna], "video") + [bert.hang_up()]
    for report in reports:
        c.check(f"{what}: {report['alias']} ended well", report["ok"], report["failure"])
    bert = reports[1]
    for kind in keys:
        c.check(f"{what}: {kind} had come", packets(then, kind) > 0, then)
        c.equal(f"{what}: {kind} stopped (R-CLOSE)", packets(bert, kind), packets(then, kind))
    for kind in left:
        c.check(f"{what}: {kind} went on", packets(bert, kind) >= packets(then, kind) + 2 * ENOUGH,
                (packets(then, kind), packets(bert, kind)))
    # Signalling and media do not travel together: on a busy machine the last packet (one is sent
    # each 20 ms) may be read after CloseLogicalChannel.
    c.check(f"{what}: nothing came behind a channel's end", bert["video"]["after_close"] <= 1,
            bert["video"]["after_close"])
    judge_video(c, what, reports[0])
    lab.wait_sessions(0)


def clear(c, lab, what):
    """Ports of their own for audio and video on a leg in the clear, one port on the other."""
    control = lab.control()
    control.call("events.subscribe")
    ends = both(lab, ["--video", "h261", "--no-dtls"], ["--video", "h261"])
    found = {s["peer"]["signalling"].rsplit(":", 1)[0]: s for s in opened(lab, control, 8)}
    c.equal(f"{what}: the clear leg has two transports", len(found[ANNA]["transports"]), 2)
    c.equal(f"{what}: in mode rtp", {t["mode"] for t in found[ANNA]["transports"]}, {"rtp"})
    c.equal(f"{what}: the protected leg has one", len(found[BERT]["transports"]), 1)
    for report in reports_of(ends, "audio", "video"):
        c.check(f"{what}: {report['alias']} ended well", report["ok"], report["failure"])
        judge_video(c, what, report)
        c.check(f"{what}: {report['alias']} got audio", report["packets_in"] >= ENOUGH, report)
    lab.wait_sessions(0)


def without(c, lab):
    """A partner without video: audio works as ever, and nobody opens video."""
    for report in reports_of(both(lab, ["--video", "h264"]), "audio"):
        c.check(f"no video: {report['alias']} ended well", report["ok"], report["failure"])
        c.equal(f"no video: {report['alias']} got none", report["video"]["packets_in"], 0)
        c.check(f"no video: {report['alias']} got audio", report["packets_in"] >= ENOUGH, report)
    lab.wait_sessions(0)


def main():
    sluice_lab.enter_network()
    c = sluice_lab.Checks()
    with sluice_lab.Lab("channels", prefers) as lab:
        lab.start()
        c.case("together", one_port, c, lab, "together", ["--video", "h264"])
        c.case("video first", one_port, c, lab, "video first", ["--video", "h264", "--video-first"])
        c.case("added later", one_port, c, lab, "added later",
               ["--video", "h264", "--video-from", "700"])
        c.case("video removed", removed, c, lab, "video removed",
               ["--video", "h264", "--video-until", "1500"], ["video"])
        c.case("audio removed", removed, c, lab, "audio removed",
               ["--video", "h264", "--audio-until", "1500"], ["audio"])
        c.case("audio, then video removed", removed, c, lab, "audio, then video removed",
               ["--video", "h264", "--audio-until", "1200", "--video-until", "1800"],
               ["audio", "video"])
        c.case("clear and protected", clear, c, lab, "clear and protected")
        c.case("partner without video", without, c, lab)
        stats = lab.wait_stats(lambda s: s["data_plane"]["transports"] == 0)
        c.equal("nothing is left", [stats["data_plane"]["transports"],
                                    stats["media"]["shards"]["associations"]], [0, 0])
        c.equal("as many channels were closed as opened", stats["sessions"]["channels_closed"],
                stats["sessions"]["channels_opened"])
    c.finish()


if __name__ == "__main__":
    main()
