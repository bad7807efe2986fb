#!/usr/bin/env python3
"""Data channels by H.235.10, for both directions of a call and both H.245 roles: who opens them and how
(L-BIDIR), on which connection (T-SAME, L-SHARE, A-ADD, D-ONCE), in records or not (D-RECORD, D-CHOICE),
and that what is in the records is SCTP as RFC 8261 has it (X-PROFILE). Endpoints have OpenSSL and
usrsctp; tshark reads the wire, with the server's key log also inside of it."""
# long
# timeout: 400
import os
import struct
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts", "lib"))
import sluice_lab  # noqa: E402
from sluice_lab import DTLS_ANYWHERE, tshark  # noqa: E402

ANNA, BERT = sluice_lab.ENDPOINT_IPS[:2]
SERVER, MEDIA = sluice_lab.SERVER_IP4, sluice_lab.MEDIA_IP4
MASTER, SLAVE = 240, 40  # terminalType; the endpoints have 50
COUNT = 200              # messages
SCTP_INIT, SCTP_DATA = 1, 0
WEBRTC_PORT = 5000       # RFC 8841 5.1: the usual number of a data channel's SCTP


def settings(terminal_type):
    def change(config):
        config.setdefault("node", {})["terminal_type"] = terminal_type
        config["control"]["lab_methods"] = True  # the key log needs them
        config["media"] = {"data_stacks": ["udp-dtls-sctp", "tcp-dtls-sctp", "sctp-dtls"]}
        config["signalling"]["timers"] = {"mirror_ms": 20000}  # who opens no audio gets none
    return change


def calls(lab, options=()):
    """One in, one out, in one conference; anna sends and bert echoes."""
    bert = lab.endpoint("bert", "--listen", "--data", "echo", "--timeout", "90", *options[1], ip=BERT,
                        call=None)
    bert.wait_event("listening")
    anna = lab.endpoint("anna", "--data", "send", "--data-count", COUNT, "--timeout", "90",
                        *options[0], ip=ANNA)
    anna.wait_event("connect")
    lab.call("session.call", to=f"bert@{BERT}", conference="demo")
    return anna, bert


def sessions(lab):
    found = [lab.call("session.get", id=s["id"]) for s in lab.sessions()]
    return {s["peer"]["signalling"].rsplit(":", 1)[0]: s for s in found}


def side_of(session):
    return {"dir": session["direction"], "h245": session["role"]}


def judge_signalling(c, path, peer, session):
    """L-BIDIR: the OLC of the data channel has a reverse part, and the H.245 master has sent it."""
    name = f"{' '.join(side_of(session).values())}: {peer}"
    both = tshark(path, f"ip.addr == {peer} && h245.openLogicalChannel_element && "
                  "h245.reverseLogicalChannelParameters_element", "ip.src")
    master = SERVER if session["role"] == "master" else peer
    with c.proof("L-BIDIR", f"{name}: opened by the master, both ways in one", side_of(session)):
        c.equal(f"{name}: who sent it, once", [row[0] for row in both], [master])
        c.check(f"{name}: OpenLogicalChannelConfirm", tshark(
            path, f"ip.src == {master} && ip.addr == {peer} && h245.openLogicalChannelConfirm_element",
            "frame.number"))
        data = [ch for ch in session["channels"] if ch["kind"] == "data"]
        c.equal(f"{name}: one channel for both directions", [ch["state"] for ch in data], ["open"])


def records(path, peer):
    """application_data of either side: {source: how many}."""
    rows = tshark(path, f"ip.addr == {peer} && dtls.record.content_type == 23", "ip.src")
    return {ip: sum(row[0] == ip for row in rows) for ip in (peer, MEDIA)}


def judge_media(c, path, peer, session):
    """Audio in SRTP and data in records, on one pair of ports, by one handshake."""
    name, mine = f"{' '.join(side_of(session).values())}: {peer}", f"ip.addr == {peer}"
    ports = {tuple(sorted(row)) for row in tshark(path, f"{mine} && dtls", "udp.srcport",
                                                  "udp.dstport")}
    rtp = {tuple(sorted(row)) for row in tshark(path, f"{mine} && udp.payload[0] == 80", "udp.srcport",
                                                "udp.dstport")}
    with c.proof("D-CHOICE D-RECORD L-SHARE D-ONCE A-ADD T-SAME M-DEMUX",
                 f"{name}: records and SRTP on one connection", side_of(session)):
        sent = records(path, peer)
        c.check(f"{name}: data in application_data, both ways", min(sent.values()) >= 20, sent)
        c.equal(f"{name}: one pair of ports, for both", (len(ports), rtp), (1, ports))
        randoms = tshark(path, f"{mine} && dtls.handshake.type == 1", "dtls.handshake.random")
        c.equal(f"{name}: one handshake", len({row[0] for row in randoms}), 1)
        c.equal(f"{name}: one transport, all channels on it",
                (len(session["transports"]), {ch["transport"] for ch in session["channels"]}),
                (1, {session["transports"][0]["id"]}))


def inside(path, keys, peer):
    """What the records between server and peer carry, decrypted: SCTP packets."""
    port = tshark(path, f"ip.src == {MEDIA} && ip.dst == {peer} && dtls", "udp.srcport")[0][0]
    done = subprocess.run(
        ["tshark", "-r", path, *DTLS_ANYWHERE, "-o", f"tls.keylog_file:{keys}", "-d",
         f"dtls.port=={port},data", "-Y", f"ip.addr == {peer} && dtls.record.content_type == 23 && data", "-T", "fields", "-e",
         "data.data"], capture_output=True, text=True, check=True)
    return [bytes.fromhex(part) for line in done.stdout.split() for part in line.split(",")]


def crc32c(data):
    """RFC 4960 appendix B."""
    crc = 0xffffffff
    for octet in data:
        crc ^= octet
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


def judge_profile(c, path, keys, peer, session):
    """RFC 8261: SCTP packets, one a record, whole: ports, an INIT first, checksums that add up (or are
    zero where RFC 9653 lets them)."""
    name = f"{' '.join(side_of(session).values())}: {peer}"
    packets = inside(path, keys, peer)
    with c.proof("X-PROFILE", f"{name}: the records carry SCTP",
                 {**side_of(session), "part": "udp-dtls-sctp"}):
        c.check(f"{name}: tshark decrypts them", len(packets) >= 40, len(packets))
        heads = [struct.unpack("!HHII", p[:12]) for p in packets if len(p) >= 16]
        c.equal(f"{name}: SCTP ports", {h[:2] for h in heads}, {(WEBRTC_PORT, WEBRTC_PORT)})
        c.check(f"{name}: an INIT with verification tag 0 is first",
                heads and heads[0][2] == 0 and packets[0][12] == SCTP_INIT, packets[:1])
        c.check(f"{name}: DATA chunks", any(p[12] == SCTP_DATA for p in packets))
        bad = [p for p in packets[:40] if p[8:12] != bytes(4) and
               crc32c(p[:8] + bytes(4) + p[12:]) != struct.unpack("<I", p[8:12])[0]]
        c.equal(f"{name}: checksums", bad, [])


def beside_audio(c, lab, keys):
    capture, path = lab.capture("both.pcap", "br0", "ends", "udp or tcp")
    # tshark that has read H.245 takes the media ports for RTP: the records need a file of their own.
    media, media_path = lab.capture("media.pcap", "br0", "ends", "udp")
    up, far = sluice_lab.tone_pair()
    stay = ["--stay"]
    ends = calls(lab, ([*stay, "--play", up, "--expect", far, "--setup", "active"],
                       [*stay, "--play", far, "--expect", up, "--setup", "passive"]))
    ends[0].wait_event("data_done", 15)
    for end in ends:
        end.wait_event("heard")
    found = sessions(lab)
    reports = [end.hang_up() for end in ends]
    lab.wait_sessions(0)
    for peer in (ANNA, BERT):
        sluice_lab.wait_captured(path, f"ip.addr == {peer} && h225.releaseComplete_element")
    capture.stop()
    media.stop()
    sides = [side_of(found[peer]) for peer in (ANNA, BERT)]
    with c.proof("D-RECORD D-CHOICE D-SRTP", f"{sides}: every message and every sample", sides):
        c.check("audio equal at both ends", all(r["ok"] and r["audio_match"] for r in reports),
                [r["failure"] for r in reports])
        c.equal("each message came back once, whole, in order",
                [reports[0]["data"][k] for k in ("returned", "reordered", "corrupted", "foreign")],
                [COUNT, 0, 0, 0])
    for peer, session in found.items():
        judge_signalling(c, path, peer, session)
        judge_media(c, media_path, peer, session)
        judge_profile(c, media_path, keys, peer, session)


def alone(c, lab):
    """D-RECORD: a connection without use_srtp carries data, and nothing else. (As master the server
    opens its audio before the data, and that asks for use_srtp.)"""
    capture, path = lab.capture("alone.pcap", "br0", "ends", "udp")
    only = ["--data-only", "--profiles", "", "--stay"]
    ends = calls(lab, (only, only))
    ends[0].wait_event("data_done", 15)
    found = sessions(lab)
    reports = [end.hang_up() for end in ends]
    lab.wait_sessions(0)
    sluice_lab.wait_captured(path, *[f"ip.addr == {peer} && dtls.record.content_type == 21" for peer in (ANNA, BERT)])
    capture.stop()
    sides = [side_of(found[peer]) for peer in (ANNA, BERT)]
    with c.proof("D-RECORD", f"{sides}: no use_srtp, data in records alone", sides):
        c.equal("each message came back", reports[0]["data"]["returned"], COUNT)
        c.equal("no SRTP profile", {s["transports"][0]["association"]["srtp_profile"]
                                    for s in found.values()}, {"none"})
        for peer in (ANNA, BERT):
            sent = records(path, peer)
            c.check(f"{peer}: application_data both ways", min(sent.values()) >= 20, sent)
            c.equal(f"{peer}: nothing else behind the handshake", tshark(
                path, f"ip.addr == {peer} && udp && !dtls && udp.payload[0] >= 80", "frame.number"),
                    [])


def records_of_stream(path, port, peer):
    """RFC 4571 and RFC 8841: the TCP streams between server and peer, cut by their lengths; first octets of
    the DTLS records that come out, by direction."""
    found = {}
    for mine, filter_ in (("server", f"ip.src == {SERVER} && ip.dst == {peer}"),
                          ("peer", f"ip.src == {peer} && ip.dst == {SERVER}")):
        rows = tshark(path, f"{filter_} && tcp.port == {port} && tcp.len > 0 && !tcp.analysis.retransmission",
                      "tcp.payload")
        octets = bytes.fromhex("".join(row[0] for row in rows))
        found[mine] = frames = []
        while len(octets) >= 2:
            length = int.from_bytes(octets[:2], "big")
            frames.append(octets[2:2 + length])
            octets = octets[2 + length:]
    return found


def judge_tcp(c, path, peer, session):
    name = f"{' '.join(side_of(session).values())}: {peer}"
    transport = next(t for t in session["transports"] if t["mode"] == "tcp-dtls-sctp")
    role = transport["association"]["role"]
    port = int(transport["local" if role == "passive" else "remote"].rsplit(":", 1)[1])
    with c.proof("X-PROFILE", f"{name}: DTLS records in frames of RFC 4571",
                 {**side_of(session), "part": "tcp-dtls-sctp"}):
        opened = tshark(path, f"ip.addr == {peer} && tcp.dstport == {port} && tcp.flags.syn == 1 && tcp.flags.ack == 0",
                        "ip.src")
        c.equal(f"{name}: the active side has connected", {row[0] for row in opened},
                {SERVER if role == "active" else peer})
        for side, frames in records_of_stream(path, port, peer).items():
            c.check(f"{name}: {side}'s frames are DTLS 1.x records and whole",
                    len(frames) >= 10 and all(f[0] in (20, 21, 22, 23) and f[1] == 0xfe for f in frames), frames[:2])
            first = [f for f in frames if f[0] == 22 and f[13] == 1]
            c.equal(f"{name}: ClientHellos of {side}", bool(first), (side == "server") == (role == "active"))
            c.check(f"{name}: {side} has sent data", sum(f[0] == 23 for f in frames) >= 5)


def sctp_packets(path, port, peer):
    """RFC 6951: (from the server?, SCTP packet) of the UDP port."""
    rows = tshark(path, f"ip.addr == {peer} && udp.port == {port}", "ip.src", "udp.payload")
    return [(row[0] == SERVER, bytes.fromhex(row[1])) for row in rows if len(row) > 1 and row[1]]


def chunks(packet):
    at = 12
    while at + 4 <= len(packet):
        length = int.from_bytes(packet[at + 2:at + 4], "big")
        if length < 4:
            return
        yield packet[at], packet[at:at + length]
        at += (length + 3) & ~3


def judge_sctp(c, path, peer, session):
    """RFC 6083: records are SCTP's messages, the handshake on stream 0; data only behind AUTH (RFC 4895), by key 0
    until Finished, by key 1 from then on."""
    name = f"{' '.join(side_of(session).values())}: {peer}"
    transport = next(t for t in session["transports"] if t["mode"] == "sctp-dtls")
    packets = sctp_packets(path, int(transport["local"].rsplit(":", 1)[1]), peer)
    with c.proof("X-PROFILE", f"{name}: SCTP carries the records", {**side_of(session), "part": "sctp-dtls"}):
        c.check(f"{name}: packets of SCTP, with check sums that add up", len(packets) >= 30 and all(
            crc32c(p[:8] + bytes(4) + p[12:]) == struct.unpack("<I", p[8:12])[0] for _, p in packets[:30]), len(packets))
        for mine in (True, False):
            who = "server" if mine else "peer"
            naked, keys, streams, epochs, whole, messages = 0, [], {}, [], 0, 0
            for _, packet in (p for p in packets if p[0] == mine):
                key = None
                for kind, chunk in chunks(packet):
                    if kind == 15:
                        key = int.from_bytes(chunk[4:6], "big")
                    elif kind == SCTP_DATA:
                        naked += key is None
                        keys.append(key)
                        record, stream = chunk[16:], int.from_bytes(chunk[8:10], "big")
                        if chunk[1] & 3 == 3:  # a whole message
                            whole += len(record) == 13 + int.from_bytes(record[11:13], "big")
                            messages += 1
                            streams.setdefault(record[0], set()).add(stream)
                            epochs.append((record[0], record[3:5] != b"\0\0", key))
            c.check(f"{name}: {who}'s messages are one record each", messages > 10 and whole == messages, (messages, whole))
            c.equal(f"{name}: {who}'s data without AUTH", naked, 0)
            c.equal(f"{name}: {who}'s keys, in order", sorted(set(keys)), [0, 1])
            c.check(f"{name}: {who}'s Finished and all behind it bear the key of the handshake", all(
                key == 1 for _, is_new, key in epochs if is_new) and any(is_new for _, is_new, _ in epochs), epochs[:12])
            c.check(f"{name}: {who}'s ChangeCipherSpec and what is before it bear the empty one", all(
                key == 0 for _, is_new, key in epochs if not is_new))
            c.equal(f"{name}: {who}'s handshake is on stream 0", {n for t in (20, 21, 22) for n in streams.get(t, {0})},
                    {0})
            c.check(f"{name}: {who}'s data are on others", streams.get(23) and 0 not in streams[23], streams)


def own_stack(c, lab, name, judge):
    """A stack of its own for the data of both, in both DTLS roles."""
    capture, path = lab.capture(f"{name}.pcap", "br0", "ends", "udp or tcp")
    up, far = sluice_lab.tone_pair()
    own = ["--data-stack", name, "--stay"]
    ends = calls(lab, ([*own, "--play", up, "--expect", far, "--setup", "active"],
                       [*own, "--play", far, "--expect", up, "--setup", "passive"]))
    ends[0].wait_event("data_done", 15)
    for end in ends:
        end.wait_event("heard")
    found = sessions(lab)
    reports = [end.hang_up() for end in ends]
    lab.wait_sessions(0)
    for peer in (ANNA, BERT):
        sluice_lab.wait_captured(path, f"ip.addr == {peer} && h225.releaseComplete_element")
    capture.stop()
    c.equal(f"{name}: each message came back once, whole, in order",
            [reports[0]["data"][k] for k in ("returned", "reordered", "corrupted", "foreign")], [COUNT, 0, 0, 0])
    c.check(f"{name}: audio beside them, equal at both ends", all(r["ok"] and r["audio_match"] for r in reports),
            [r["failure"] for r in reports])
    for peer, session in found.items():
        # Whoever has got the OLC has read the stack's element in it: the server, or the endpoint.
        named = [e["detail"] for r, ip in zip(reports, (ANNA, BERT)) for e in r["ladder"]
                 if ip == peer and e["event"] == "olc_in" and "data" in e["detail"]]
        c.check(f"{name}: {peer}: the element of H.245", (session["role"] == "slave") or any(
            f"over {name}" in d for d in named), named)
        c.equal(f"{name}: {peer}: one transport for it", [t["mode"] for t in session["transports"]].count(name), 1)
        judge(c, path, peer, session)


def main():
    sluice_lab.enter_network()
    c = sluice_lab.Checks()
    for terminal_type in (MASTER, SLAVE):
        what = "master" if terminal_type == MASTER else "slave"
        with sluice_lab.Lab(f"conformance-data-{what}", settings(terminal_type)) as lab:
            keys = lab.path("keys.log")
            lab.config["dtls"] = {"key_log": keys}
            lab.start()
            c.case(f"{what}: beside audio", beside_audio, c, lab, keys)
            c.case(f"{what}: tcp-dtls-sctp", own_stack, c, lab, "tcp-dtls-sctp", judge_tcp)
            c.case(f"{what}: sctp-dtls", own_stack, c, lab, "sctp-dtls", judge_sctp)
            if terminal_type == SLAVE:
                c.case(f"{what}: alone", alone, c, lab)
    c.finish()


if __name__ == "__main__":
    main()
