#!/usr/bin/env python3
"""RTCP that ends at the data plane (media.own_rtcp), as others see it: tshark decodes every report of a
call in the clear and finds nothing wrong, and its fields agree with the media that passed; in a secured
call the endpoint's libsrtp opens them. The round trip that session.get shows is that of the path."""
# timeout: 240
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts", "lib"))
import sluice_lab  # noqa: E402

INTERVAL = 800
SECONDS = 6


def settings(config):
    config["signalling"]["listeners"] = [
        {"name": "any", "address": f"{sluice_lab.SERVER_IP4}:1720", "dtls": "preferred"}]
    config["media"] = {"own_rtcp": True, "rtcp_interval_ms": INTERVAL, "dscp": 34, "ttl": 77}


def files():
    return (sluice_lab.tone("sweep-long-up", 0.09, SECONDS),
            sluice_lab.tone("sweep-long-far-up", 0.17, SECONDS))


def numbers(text):
    """A field that occurs several times in a frame: tshark separates with commas."""
    return [int(n, 0) for n in text.split(",") if n != ""]


def decode(path, ports, display_filter, *fields):
    """tshark told which ports are RTP (even) and RTCP (odd): no heuristics."""
    command = ["tshark", "-r", path, "-Y", display_filter, "-T", "fields"]
    for port in ports:
        command += ["-d", f"udp.port=={port},rtp", "-d", f"udp.port=={port + 1},rtcp"]
    for field in fields:
        command += ["-e", field]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [line.split("\t") for line in done.stdout.splitlines()]


def media_ports(path):
    """Even ports of the data plane that RTP left from."""
    rows = sluice_lab.tshark(path, f"udp && ip.src == {sluice_lab.MEDIA_IP4}", "udp.srcport")
    return sorted({int(r[0]) & ~1 for r in rows})


def judge_leg(c, path, ports, port, who):
    """All that the data plane sent to one peer."""
    ours = f"ip.src == {sluice_lab.MEDIA_IP4} && udp.srcport == "
    rtp = decode(path, ports, f"{ours}{port} && rtp", "rtp.ssrc", "rtp.seq", "rtp.timestamp", "rtp.marker",
                 "frame.time_epoch", "ip.dsfield.dscp", "ip.ttl")
    rtcp = decode(path, ports, f"{ours}{port + 1} && rtcp", "rtcp.pt", "rtcp.senderssrc",
                  "rtcp.timestamp.rtp", "rtcp.sender.packetcount", "rtcp.sender.octetcount",
                  "rtcp.ssrc.identifier", "rtcp.ssrc.fraction", "rtcp.ssrc.cum_nr", "rtcp.ssrc.lsr",
                  "rtcp.ssrc.dlsr", "rtcp.sdes.text", "frame.time_epoch")
    if not c.check(f"{who}: media and reports were sent", len(rtp) > 100 and len(rtcp) >= 4,
                   f"{len(rtp)}, {len(rtcp)}"):
        return None
    ssrcs = {int(r[0], 0) for r in rtp}
    c.equal(f"{who}: one SSRC", len(ssrcs), 1)
    sequence = [int(r[1]) for r in rtp]
    c.check(f"{who}: no gap in sequence numbers",
            all((b - a) % 65536 == 1 for a, b in zip(sequence, sequence[1:])), sequence[:5])
    c.equal(f"{who}: DSCP and TTL", {(r[5], r[6]) for r in rtp}, {("34", "77")})
    reports = [r for r in rtcp if "200" in r[0].split(",")]
    c.check(f"{who}: sender reports", len(reports) >= 3, len(reports))
    c.equal(f"{who}: of the stream that was sent", {n for r in reports for n in numbers(r[1])}, ssrcs)
    c.check(f"{who}: each with SDES", all("202" in r[0].split(",") for r in rtcp), [r[0] for r in rtcp])
    c.equal(f"{who}: one CNAME of 16", {len(r[10].split(",")[0]) for r in rtcp}, {16})
    for r in reports:
        at = float(r[11])
        sent = sum(1 for x in rtp if float(x[4]) < at)
        if not c.check(f"{who}: packet count is right", abs(numbers(r[3])[0] - sent) <= 2,
                       f"{r[3]} of {sent}"):
            break
        c.equal(f"{who}: octets are those packets'", numbers(r[4])[0], numbers(r[3])[0] * 160)
        # The clock of the report and that of the packet before it: as far apart as their times.
        before = [x for x in rtp if float(x[4]) < at][-1]
        ticks = (numbers(r[2])[0] - int(before[2])) % 2**32
        c.check(f"{who}: timestamp is that of the media's clock",
                min(ticks, 2**32 - ticks) < 8 * 120, ticks)
    blocks = [r for r in rtcp if r[5] != ""]
    c.check(f"{who}: blocks on what it sent, nothing lost",
            len(blocks) >= 3 and all(numbers(r[6])[0] == 0 and numbers(r[7])[0] == 0 for r in blocks),
            [(r[6], r[7]) for r in blocks])
    # The peer's reports were heard: their NTP time comes back (it reports each second).
    c.check(f"{who}: LSR and DLSR", any(numbers(r[8])[0] != 0 and 0 < numbers(r[9])[0] < 3 * 65536
                                        for r in blocks), [(r[8], r[9]) for r in blocks])
    return ssrcs


def judge_gaps(c, path, ports):
    """The interval is random, from T / 2 / 1.218 on (RFC 3550 6.3.1); BYE may come sooner."""
    for port in ports:
        rows = decode(path, ports, f"ip.src == {sluice_lab.MEDIA_IP4} && udp.srcport == {port + 1} && "
                      "rtcp && !(rtcp.pt == 203)", "frame.time_epoch")
        times = [float(r[0]) for r in rows]
        gaps = [b - a for a, b in zip(times, times[1:])]
        c.check(f"port {port}: intervals are spread as they shall be",
                gaps and min(gaps) >= INTERVAL / 2000 / 1.218 - 0.05 and
                max(gaps) <= 1.5 * INTERVAL / 1000 / 1.218 + 0.25, gaps)


def stats_meanwhile(lab, ends):
    """session.get of both sessions, when both have measured a round trip (or the call ends)."""
    seen = {}
    ends[0].wait_event("play")

    def look():
        for session in lab.sessions():
            try:
                t = lab.call("session.get", id=session["id"])["transports"]
            except sluice_lab.RpcError:
                continue  # it ended meanwhile
            if t and t[0]["rtt_us"] > 0:
                seen[session["id"]] = t[0]
        return len(seen) == 2 or not all(e.is_running() for e in ends)

    sluice_lab.wait_until(look, 2 * SECONDS)
    return list(seen.values())


def counter(lab, name):
    """Sum of all workers."""
    return lab.call("server.stats")["data_plane"][name]


def clear(c, lab):
    capture, path = lab.capture("clear.pcap", "pdp", "ends", "udp")
    ends = lab.pair(["--no-dtls"], ["--no-dtls"], files=files())
    measured = stats_meanwhile(lab, ends)
    reports = [e.report() for e in ends]
    c.check("clear: both ok, audio equal", all(r["ok"] and r["audio_match"] for r in reports),
            [r["failure"] for r in reports])
    c.equal("clear: both round trips are measured", len(measured), 2)
    for t in measured:
        c.check("clear: a round trip of a virtual wire", 0 < t["rtt_us"] < 100000 * sluice_lab.PATIENCE, t["rtt_us"])
        c.check("clear: reports both ways", t["reports_in"] > 0 and t["reports_out"] > 0, t)
        c.equal("clear: the peer misses nothing", (t["peer_lost"], t["peer_fraction"]), (0, 0))
    lab.wait_sessions(0)
    # BYEs of ours, to both. (Which ports are RTCP's tshark sees by their packets: good enough to wait.)
    sluice_lab.wait_captured(path, f"rtcp.pt == 203 && ip.src == {sluice_lab.MEDIA_IP4}", count=2)
    capture.stop()
    ports = media_ports(path)
    c.equal("clear: two ports", len(ports), 2)
    bad = decode(path, ports, "_ws.malformed || rtcp.length_check == 0", "frame.number")
    c.equal("clear: tshark finds no malformed packet", bad, [])
    sent = [judge_leg(c, path, ports, port, f"port {port}") for port in ports]
    heard = decode(path, ports, f"rtp && ip.dst == {sluice_lab.MEDIA_IP4}", "rtp.ssrc")
    theirs = {int(r[0], 0) for r in heard}
    c.check("clear: SSRCs of ours, not the other's", all(s and not s & theirs for s in sent),
            (sent, theirs))
    judge_gaps(c, path, ports)
    bye = decode(path, ports, f"rtcp.pt == 203 && ip.src == {sluice_lab.MEDIA_IP4}", "rtcp.pt")
    c.equal("clear: we take our leave of both", len(bye), 2)


def secured(c, lab, what, first, second):
    ends = lab.pair(first, second, files=files())
    measured = stats_meanwhile(lab, ends)
    for report in [e.report() for e in ends]:
        who = f"{what}, {report['alias']}"
        c.check(f"{who}: ok, audio equal", report["ok"] and report["audio_match"], report["failure"])
        rtcp = report["rtcp"]
        c.check(f"{who}: sender reports were opened", rtcp["sr_in"] >= 3 and rtcp["malformed"] == 0, rtcp)
        c.equal(f"{who}: lost", (report["lost"], rtcp["reported_lost"]), (0, 0))
        # One in three is a report of theirs that came through; all are ours.
        c.check(f"{who}: at our pace, not the peer's",
                rtcp["in"] <= SECONDS * 1000 / (INTERVAL / 2 / 1.218) + 3, rtcp)
    c.equal(f"{what}: both round trips are measured", len(measured), 2)
    lab.wait_sessions(0)


def main():
    sluice_lab.enter_network()
    c = sluice_lab.Checks()
    with sluice_lab.Lab("rtcp", settings) as lab:
        lab.start()
        c.case("clear", clear, c, lab)
        c.case("secured", secured, c, lab, "SRTP", (), ())
        c.case("mixed", secured, c, lab, "SRTP and RTP", (), ["--no-dtls"])
        told = counter(lab, "rtcp_reports"), counter(lab, "rtcp_taken")
        c.check("reports were counted", min(told) > 20, told)
        wrong = ("rtcp_malformed", "rtcp_failed", "index_reused", "source_late")
        c.equal("none went wrong", {n: counter(lab, n) for n in wrong}, dict.fromkeys(wrong, 0))
    c.finish()


if __name__ == "__main__":
    main()
