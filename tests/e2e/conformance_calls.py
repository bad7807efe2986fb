#!/usr/bin/env python3
"""H.235.10 with packets, for every combination: the server calls or is called, is H.245 master or slave,
DTLS client or server. Each call is judged by OpenSSL and libsrtp at the far end and by tshark on the
wire: D-SRTP, D-VERIFY, D-ONCE, D-ACTIVE; M-DEMUX with a datagram for every first octet; D-MISMATCH;
R-CLOSE with the packets of a call that is over."""
# long
# timeout: 600
import os
import signal
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts", "lib"))
import sluice_lab  # noqa: E402
from sluice_lab import tshark  # noqa: E402

ANNA, BERT, CARL, DORA = sluice_lab.ENDPOINT_IPS
MEDIA = sluice_lab.MEDIA_IP4
# How long CloseLogicalChannel may be on its way behind the alert: three programs have to be scheduled on
# what may be a busy machine. All timers that could be the reason instead are longer; that none runs
# at all is for the unit tests, which have the clock in their hands.
AT_ONCE = 2.0
MASTER, SLAVE = 240, 40  # terminalType (H.245 B.1.1); the endpoints have 50
HELLO, SERVER_HELLO, CERTIFICATE, REQUEST = 1, 2, 11, 13
USE_SRTP = 14
BAD_CERTIFICATE = 42
# Of DTLS 1.0 or 1.2: tshark takes the datagrams of every_first_octet() for records of other versions.
IS_RECORD = "dtls.record.version in {0xfeff, 0xfefd}"
# Whatever is wrong with an RTP or RTCP packet that is none of the call's.
REFUSALS = ("auth_failed", "streams_full", "rtp_malformed", "rtcp_malformed", "rtp_csrc",
            "rtp_extension", "rtp_padding")
SILENCE = ":".join(["d5"] * 12)  # of G.711 A-law: what nobody may see in the clear


def settings(terminal_type):
    def change(config):
        config.setdefault("node", {})["terminal_type"] = terminal_type
        config["conferences"].append({"alias": "probe*", "kind": "relay"})
        config["signalling"]["limits"] = {"setups_per_second": 0}
    return change


def counters(lab):
    return lab.call("server.stats")["data_plane"]


def grown(lab, before, wanted, seconds=10):
    """How the data plane's counters have grown, once those of `wanted` have as much as is told."""
    stats = lab.wait_stats(lambda s: all(s["data_plane"][k] - before[k] >= n
                                         for k, n in wanted.items()), seconds)["data_plane"]
    return {k: stats[k] - before[k] for k in before if k != "workers"}


def call_both(lab, first, second, conference, names=("anna", "bert"), ips=(ANNA, BERT)):
    """One calls, the other is called; both in one conference."""
    called = lab.endpoint(names[1], "--listen", *second, ip=ips[1], call=None)
    called.wait_event("listening")
    caller = lab.endpoint(names[0], *first, ip=ips[0], call=conference)
    caller.wait_event("connect")
    lab.call("session.call", to=f"{names[1]}@{ips[1]}", conference=conference)
    return caller, called


def sessions_of(lab, conference):
    """Everything about the sessions of a conference, by the peer's address."""
    found = [lab.call("session.get", id=s["id"]) for s in lab.sessions()
             if s["conference"] == conference]
    return {s["peer"]["signalling"].rsplit(":", 1)[0]: s for s in found}


def send_raw(lab, source, to, payloads):
    """Datagrams with the source of somebody else."""
    command = sluice_lab.in_namespace("ends", [
        sys.executable, os.path.join(ROOT, "tests", "peers", "raw_udp.py"),
        *source.rsplit(":", 1), *to.rsplit(":", 1)])
    done = subprocess.run(command, input="\n".join(p.hex() for p in payloads), text=True,
                          capture_output=True, check=True, timeout=20 * sluice_lab.PATIENCE)
    return int(done.stdout.split()[1])


def every_first_octet():
    """256 datagrams. Behind the first octet: payload type 200 of RTCP for every other one, else what
    comes (never one of the call's)."""
    return [bytes([first, 200 if first % 2 else 35]) + bytes((first * 7 + i) % 256 for i in range(58))
            for first in range(256)]


# ---- a good call ----

def judge_wire(c, path, peer, session, side):
    """What tshark sees between the server and one peer."""
    name, mine = f"{side['dir']}, {side['h245']}, {side['dtls']}: {peer}", f"ip.addr == {peer}"
    begins = [row[0] for row in tshark(path, f"{mine} && dtls.handshake.type == {HELLO}", "ip.src")]
    with c.proof("D-ACTIVE D-ONCE", f"{name}: one handshake, begun by its active side", side):
        c.equal(f"{name}: who sends ClientHello", set(begins),
                {MEDIA if side["dtls"] == "client" else peer})
        randoms = tshark(path, f"{mine} && dtls.handshake.type == {HELLO}", "dtls.handshake.random")
        c.equal(f"{name}: one handshake on the wire", len({row[0] for row in randoms}), 1)
    with c.proof("D-VERIFY", f"{name}: a certificate is demanded and shown on both sides", side):
        c.check(f"{name}: CertificateRequest",
                tshark(path, f"{mine} && dtls.handshake.type == {REQUEST}", "frame.number"))
        shown = {row[0] for row in tshark(path, f"{mine} && dtls.handshake.type == {CERTIFICATE}",
                                          "ip.src")}
        c.equal(f"{name}: both show one", shown, {MEDIA, peer})
        association = session["transports"][0]["association"]
        c.equal(f"{name}: verified by the server", association["fingerprint_verified"], True)
    with c.proof("D-SRTP C-EXT", f"{name}: use_srtp, no media in records, none in the clear", side):
        chosen = tshark(path, f"{mine} && dtls.handshake.type == {SERVER_HELLO}",
                        "dtls.handshake.extension.type")
        c.check(f"{name}: use_srtp in ServerHello",
                chosen and all(str(USE_SRTP) in row[0].split(",") for row in chosen), chosen)
        c.equal(f"{name}: no application_data",
                tshark(path, f"{mine} && {IS_RECORD} && dtls.record.content_type == 23", "frame.number"), [])
        c.equal(f"{name}: nothing in the clear",
                tshark(path, f"{mine} && udp.payload contains {SILENCE}", "frame.number"), [])
        rtp = tshark(path, f"{mine} && udp.payload[0] == 80", "ip.src", "udp.srcport", "udp.dstport")
        c.equal(f"{name}: RTP both ways, on the port of DTLS",
                {tuple(sorted(row[1:])) for row in rtp},
                {tuple(sorted(row)) for row in tshark(path, f"{mine} && dtls", "udp.srcport",
                                                      "udp.dstport")})


def spray(c, lab, conference, sides):
    """A datagram for every first octet on both running calls, with the source of the right peer."""
    for peer, session in sessions_of(lab, conference).items():
        transport = session["transports"][0]
        before = counters(lab)
        sent = send_raw(lab, transport["remote"], transport["local"], every_first_octet())
        more = grown(lab, before, {"first_byte": 16, "rtp_version": 128, "stun_in": 4, "dtls_in": 44,
                                   "auth_failed": 1})
        refused = sum(n for k, n in more.items() if k in REFUSALS)
        with c.proof("M-DEMUX", f"every first octet to {peer}", sides[peer]):
            c.equal(f"{peer}: 256 sent", sent, 256)
            c.equal(f"{peer}: 4-19 are no protocol, 64-127 and 192-255 no RTP of version 2",
                    (more["first_byte"], more["rtp_version"]), (16, 128))
            c.equal(f"{peer}: 0-3 is STUN", more["stun_in"], 4)
            c.equal(f"{peer}: 20-63 is DTLS, 128-191 RTP and RTCP, refused each by reason",
                    (more["dtls_in"], refused), (44, 64))
            c.equal(f"{peer}: nothing else came of it", sent - 144 - 4 - 44 - refused, 0, proves="H-SPRAY",
                    of={"part": "garbage"})
            c.equal(f"{peer}: the association has not noticed",
                    lab.call("session.get", id=session["id"])["transports"][0]["association"]["state"],
                    "keyed")


def forge(c, lab, conference, good_ones):
    """The running calls' own packets, once more and spoilt, with the right source; and good ones with
    another's."""
    for peer, session in sessions_of(lab, conference).items():
        transport = session["transports"][0]
        packets = good_ones[peer][-20:]
        flipped = [p[:-1] + bytes([p[-1] ^ 1]) for p in packets]
        cut = [p[:n] for n, p in enumerate(packets)]
        for part, source, payloads, names in (
                ("replayed", transport["remote"], packets, ["replayed"]),
                ("forged", transport["remote"], flipped, ["replayed", "auth_failed"]),
                ("truncated", transport["remote"], cut[2:], ["replayed", *REFUSALS]),
                ("elsewhere", f"{CARL}:40000", packets, ["remote_mismatch"])):
            before = counters(lab)
            sent = send_raw(lab, source, transport["local"], payloads)
            end = lab.wait_stats(lambda s: sum(s["data_plane"][n] - before[n]
                                               for n in names) >= sent, 10)["data_plane"]
            grew = sum(end[n] - before[n] for n in names)
            row, of = ("H-LATCH", {"part": "off"}) if part == "elsewhere" else (
                "H-SPRAY", {"part": part})
            c.equal(f"{peer}: {part} packets change counters only", (sent >= 15, grew), (True, sent),
                    proves=row, of=of)


def good(c, lab, roles, old):
    """Two calls in one conference; `roles`: what each peer offers. Returns some of their SRTP."""
    capture, path = lab.capture("good.pcap", "br0", "ends", "udp")
    control = lab.control()
    control.call("events.subscribe")
    play = sluice_lab.tone_pair()
    common = ["--stay", "--timeout", "180"]  # the calls last until we have done with them
    ends = call_both(lab, [*common, "--play", play[0], "--expect", play[1], "--setup", roles[0]],
                     [*common, "--play", play[1], "--expect", play[0], "--setup", roles[1]], "demo")
    for _ in ends:
        control.wait_event("media.keyed")
    for end in ends:
        end.wait_event("heard")
    found = sessions_of(lab, "demo")
    sides = {peer: sluice_lab.side_of(session) for peer, session in found.items()}
    kept = {peer: srtp_of(path, s["transports"][0]) for peer, s in found.items()}
    spray(c, lab, "demo", sides)
    forge(c, lab, "demo", kept)
    replay_old(c, lab, found, sides, old)
    for end in ends:
        end.signal(signal.SIGTERM)
    for end, peer in zip(ends, (ANNA, BERT)):
        report = end.report()
        with c.proof("D-SRTP D-VERIFY M-DEMUX", f"{peer}: libsrtp hears every sample",
                     sides[peer]):
            c.check(f"{peer}: audio equal, nothing lost or refused",
                    report["ok"] and report["audio_match"] and report["lost"] == 0 and
                    report["counters"]["bad_auth"] == 0, report["failure"])
    lab.wait_sessions(0)
    sluice_lab.wait_captured(path, *[f"ip.addr == {peer} && {IS_RECORD} && dtls.record.content_type == 21"
                                     for peer in (ANNA, BERT)])
    capture.stop()
    for peer, session in found.items():
        judge_wire(c, path, peer, session, sides[peer])
    closed_keys(c, lab, kept, found, sides)
    return kept


# ---- keys that are gone ----

def srtp_of(path, transport, count=40):
    """The newest SRTP packets that the peer of a transport has sent, once there are so many: nobody
    else may have sent any with its address yet."""
    ip, port = transport["remote"].rsplit(":", 1)
    wanted = f"ip.src == {ip} && udp.srcport == {port} && udp.payload[0] == 80"
    rows = sluice_lab.wait_captured(path, wanted, count=count, fields=["udp.payload"])
    return [bytes.fromhex(row[0].replace(":", "")) for row in rows[-count:]]


def closed_keys(c, lab, kept, found, sides):
    """Good packets of a call that is over: dropped, counted, answered by nobody."""
    for peer, session in found.items():
        transport = session["transports"][0]
        packets = kept[peer]
        before = counters(lab)
        sent = send_raw(lab, transport["remote"], transport["local"], packets)
        more = grown(lab, before, {"no_transport": sent})
        with c.proof("R-CLOSE", f"packets to {peer}'s closed port", {**sides[peer], "part": "keys"}):
            c.check(f"{peer}: {sent} packets of the call were kept", sent >= 20, sent)
            c.equal(f"{peer}: dropped as nobody's", (more["no_transport"], more["rtp_out"]),
                    (sent, 0))


def replay_old(c, lab, found, sides, old):
    """The same packets into the next call of the same peer: its keys are others."""
    for peer, packets in (old or {}).items():
        transport = found[peer]["transports"][0]
        before = counters(lab)
        sent = send_raw(lab, transport["remote"], transport["local"], packets)
        more = grown(lab, before, {"auth_failed": sent})
        with c.proof("R-CLOSE", f"the last call's packets to {peer}",
                     {**sides[peer], "part": "keys"}):
            c.equal(f"{peer}: another call's keys authenticate nothing here", more["auth_failed"], sent)


# ---- wrong certificates ----

def side_of_report(direction, report):
    return {"dir": direction, "h245": "slave" if report["h245_master"] else "master",
            "dtls": "server" if report["role"] == "active" else "client"}


def mismatch(c, lab, roles):
    capture, path = lab.capture("mismatch.pcap", "br0", "ends", "udp or tcp")
    control = lab.control()
    control.call("events.subscribe")
    before = lab.call("server.stats")["sessions"]
    fault = ["--fault", "wrong-fingerprint", "--timeout", "60"]
    ends = call_both(lab, [*fault, "--setup", roles[0]], [*fault, "--setup", roles[1]], "probe-wrong",
                     ("carl", "dora"), (CARL, DORA))
    reports = [end.report(60) for end in ends]
    lab.wait_sessions(0)
    for peer in (CARL, DORA):
        sluice_lab.wait_captured(path, f"ip.addr == {peer} && h225.releaseComplete_element")
    capture.stop()
    control.call("session.list")  # the events before its answer have come with it
    failed = [e for e in control.events if e["type"] == "dtls.failed"]
    keyed = [e for e in control.events if e["type"] in ("media.keyed", "dtls.established")]
    after = lab.call("server.stats")["sessions"]
    for direction, peer, report in zip(("in", "out"), (CARL, DORA), reports):
        side = side_of_report(direction, report)
        name = f"wrong fingerprint, {' '.join(side.values())}"
        alerts = tshark(path, f"ip.src == {MEDIA} && ip.dst == {peer} && dtls.alert_message.desc",
                        "frame.time_epoch", "dtls.alert_message.desc")
        closes = tshark(path, f"ip.src == {sluice_lab.SERVER_IP4} && ip.dst == {peer} && "
                        "h245.closeLogicalChannel_element", "frame.time_epoch")
        with c.proof("D-MISMATCH D-VERIFY", name, side):
            c.equal(f"{name}: the alert (RFC 4572 6.2)", [int(a[1]) for a in alerts[:1]],
                    [BAD_CERTIFICATE])
            c.check(f"{name}: CloseLogicalChannel at once", alerts and closes and
                    abs(float(closes[0][0]) - float(alerts[0][0])) < AT_ONCE, (alerts, closes))
            c.equal(f"{name}: no media, no keys, never secured",
                    (report["packets_out"], report["packets_in"], report["srtp_profile"], keyed),
                    (0, 0, "none", []))
            c.equal(f"{name}: an event for each", [e["data"]["reason"] for e in failed],
                    ["fingerprint_mismatch"] * 2)
            c.equal(f"{name}: counted", after["dtls_failed_by"]["fingerprint_mismatch"] -
                    before["dtls_failed_by"]["fingerprint_mismatch"], 2)


def early_calls(lab, roles):
    """Reports of two calls with media before the keys, and how many of them were dropped for that."""
    before = counters(lab)
    play = sluice_lab.tone_pair()
    common = ["--fault", "early-media", "--timeout", "60"]
    ends = call_both(lab, [*common, "--play", play[0], "--expect", play[1], "--setup", roles[0]],
                     [*common, "--play", play[1], "--expect", play[0], "--setup", roles[1]],
                     "probe-early", ("carl", "dora"), (CARL, DORA))
    reports = [end.report() for end in ends]
    early = sum(r["counters"]["faults_out"] for r in reports)
    more = grown(lab, before, {"no_keys_in": min(early, 1)})
    lab.wait_sessions(0)
    return reports, more["no_keys_in"]


def early(c, lab, roles):
    """Media before the certificate was seen are dropped and counted; the call is a good one. (Where the
    keys come before the first packet there is nothing to see: then once more.)"""
    seen = set()
    for _ in range(6):
        reports, dropped = early_calls(lab, roles)
        for direction, report in zip(("in", "out"), reports):
            side = side_of_report(direction, report)
            name = f"early media, {' '.join(side.values())}"
            c.check(f"{name}: the call is fine", report["ok"] and report["audio_match"],
                    report["failure"])
            if report["counters"]["faults_out"] and direction not in seen:
                seen.add(direction)
                c.check(f"{name}: dropped and counted", dropped >= 1, dropped, proves="D-VERIFY",
                        of=side)
        if len(seen) == 2:
            break
    c.check(f"early media was sent in some of the calls {roles}", seen)


def main():
    sluice_lab.enter_network()
    c = sluice_lab.Checks()
    for terminal_type in (MASTER, SLAVE):
        what = "master" if terminal_type == MASTER else "slave"
        with sluice_lab.Lab(f"conformance-{what}", settings(terminal_type)) as lab:
            lab.start()
            old = None
            for roles in (("active", "passive"), ("passive", "active")):
                name = f"{what}, {roles[0]}"
                try:
                    old = good(c, lab, roles, old)
                except (sluice_lab.LabError, sluice_lab.RpcError, KeyError) as error:
                    c.check(f"{name}: good calls", False, f"{type(error).__name__}: {error}")
                c.case(f"{name}: mismatch", mismatch, c, lab, roles)
                c.case(f"{name}: early media", early, c, lab, roles)
    c.finish()


if __name__ == "__main__":
    main()
