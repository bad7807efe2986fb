#!/usr/bin/env python3
"""Every fault of a peer costs that peer its own call at most: it is refused alone, counted, and logged
with the reason; a call that runs meanwhile loses nothing, and the next call is served."""
# long
# timeout: 240
import os
import socket
import struct
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts", "lib"))
import sluice_lab  # noqa: E402

SERVER = (sluice_lab.SERVER_IP4, 1720)
THIRD, FOURTH = sluice_lab.ENDPOINT_IPS[2:4]
PATIENT = 8 * sluice_lab.PATIENCE  # seconds

# fault, the counter that must rise, what the log must say.
REFUSED_OLC = [
    ("no-fingerprint", "h235_refused", "fingerprint is missing"),
    ("bad-fingerprint", "h235_refused", "fingerprint is malformed"),
    ("two-hashes", "h235_refused", "more than one hashFunction"),
    ("foreign-hash", "h235_refused", "not one that both sides offered"),
    ("bad-role", "h235_refused", "setupInformation is not"),
    ("undecided-role", "h235_refused", "setup role is still open"),
]
REFUSED_DTLS = [
    ("wrong-fingerprint", "dtls_failed", "fingerprint"),
    ("no-certificate", "dtls_failed", "certificate"),
    ("mute-dtls", "dtls_failed", "time"),
]
HANGS = [
    ("silent", None, "peer sent no capabilities"),
    ("drop-h245", None, "h245_lost"),
    ("drop-h225", None, "signalling_lost"),
]
# fault, counters of which one must rise at least.
HARMLESS = [
    ("garbage-media", ("first_byte", "auth_failed", "rtp_malformed", "stun_in", "no_keys_in")),
    ("third-address", ("remote_mismatch", "dtls_strangers")),
    ("early-media", ("no_keys_in",)),
]


def settings(config):
    """Short patience, and no limits that a test from one address would run into."""
    config["log"]["format"] = "json"
    config["signalling"]["limits"] = {"setups_per_second": 0, "max_connections_per_address": 0}
    config["signalling"]["timers"] = {"setup_ms": 2000, "msd_ms": 1500, "tcs_ms": 1500,
                                      "olc_ms": 1500, "h245_connect_ms": 2000}
    config["dtls"] = {"handshake_timeout_ms": 1500}
    config["conferences"].append({"alias": "probe*", "kind": "relay"})


def counter(lab, name):
    """Sum of every number of that name anywhere in server.stats."""
    def total(value):
        if not isinstance(value, dict):
            return 0
        own = value.get(name, 0)
        return (own if isinstance(own, (int, float)) else 0) + sum(map(total, value.values()))
    return total(lab.call("server.stats"))


def next_call_is_served(c, lab, what):
    reports = [e.report() for e in lab.pair(ips=(THIRD, FOURTH), call="probe-next",
                                            names=("carl", "dora"))]
    c.check(f"{what}: the next call is served", all(r["ok"] for r in reports),
            [r["failure"] for r in reports])


def refused(c, lab, fault, counter_name, log_text):
    before = counter(lab, counter_name) if counter_name else 0
    mark = len(lab.server.lines)
    endpoint = lab.endpoint("mallory", "--fault", fault, "--timeout", "12", ip=THIRD,
                            call=f"probe-{fault}")
    report = endpoint.report()
    c.check(f"{fault}: no media came through", report["packets_in"] == 0, report["packets_in"])
    try:
        line = lab.server.wait_line(log_text, 5, after=mark)
        c.check(f"{fault}: the log says why, with the session", '"session"' in line, line)
    except sluice_lab.LabError:
        c.check(f"{fault}: the log says why ('{log_text}')", False,
                "\n".join(lab.server.lines[mark:]))
    if counter_name:
        after = counter(lab, counter_name)
        c.check(f"{fault}: counted in {counter_name}", after > before, f"{before} -> {after}")
    wait_gone(c, lab, fault)
    return report


def wait_gone(c, lab, what):
    """Only the running call's two sessions remain: told by the events of the others' end."""
    try:
        c.equal(f"{what}: refused alone, its session is gone", lab.wait_sessions(2, 8), 2)
    except sluice_lab.LabError as error:
        c.check(f"{what}: refused alone, its session is gone", False, f"{error}: {lab.sessions()}")


def refused_olc(c, lab, fault, counter_name, log_text):
    report = refused(c, lab, fault, counter_name, log_text)
    c.check(f"{fault}: rejected as securityDenied, or its channel closed",
            report["olc_reject"] == "securityDenied" or
            any("channel_closed" == e["event"] for e in report["ladder"]), report["olc_reject"])


def harmless(c, lab, fault, counters):
    """The fault is noise: the call of the one who makes it goes on."""
    before = {name: counter(lab, name) for name in counters}
    pair = lab.pair(["--fault", fault], ips=(THIRD, FOURTH), call=f"probe-{fault}",
                    names=("noisy", "quiet"))
    noisy, quiet = [e.report() for e in pair]
    for report in (noisy, quiet):
        c.check(f"{fault}, {report['alias']}: the call is fine, audio equal",
                report["ok"] and report["audio_match"], report["failure"])
        c.equal(f"{fault}, {report['alias']}: nothing forged came through",
                [report["counters"][k] for k in ("bad_auth", "malformed", "foreign_address")],
                [0, 0, 0])
    grown = {name: counter(lab, name) - before[name] for name in counters}
    c.check(f"{fault}: sent, dropped and counted by reason (H-SPRAY)",
            noisy["counters"]["faults_out"] > 0 and any(grown.values()),
            f"{noisy['counters']['faults_out']} sent, {grown}")
    c.equal(f"{fault}: an address that was not signalled gets no answer (H-RACE)",
            noisy["counters"]["third_answers"], 0)
    wait_gone(c, lab, fault)


# --- raw bytes -----------------------------------------------------------------------------------

def tpkt(payload, length=None):
    return struct.pack("!BBH", 3, 0, len(payload) + 4 if length is None else length) + payload


def exchange(address, data, seconds=5, finish=True):
    """What the server answers until it closes (None: it did not close in time)."""
    seconds *= sluice_lab.PATIENCE
    with socket.create_connection(address, seconds) as s:
        s.settimeout(seconds)
        answer = b""
        try:
            s.sendall(data)
            if finish:
                s.shutdown(socket.SHUT_WR)
            while chunk := s.recv(65536):
                answer += chunk
        except socket.timeout:
            return None
        except OSError:
            pass  # it was closed while we still wrote
        return answer


def record_messages(lab):
    """A real Setup and the real H.245 messages of a caller, as bytes."""
    capture, path = lab.capture("messages.pcap", "s0", "server", "tcp")
    reports = [e.report() for e in lab.pair(ips=(THIRD, FOURTH), call="probe-record")]
    if not all(r["ok"] for r in reports):
        raise sluice_lab.LabError("the call to record failed: " + reports[0]["failure"])
    # The last messages may reach the file late: look at it while it grows.
    sluice_lab.wait_captured(path, f"ip.src == {THIRD} && h225.releaseComplete_element")
    capture.stop()
    signalling, h245 = [], []
    for port, data in sluice_lab.tshark(path, f"ip.src == {THIRD} && tcp.len > 4", "tcp.dstport",
                                        "tcp.payload"):
        data = bytes.fromhex(data.replace(":", ""))
        while len(data) >= 4:
            length = struct.unpack("!H", data[2:4])[0]
            (signalling if port == "1720" else h245).append(data[4:length])
            data = data[length:]
    return signalling[0], h245


def tpkt_lengths(c, lab):
    for length in (0, 3):
        answer = exchange(SERVER, tpkt(b"", length), finish=False)
        c.check(f"TPKT of length {length}: the connection is closed at once", answer == b"", answer)
    answer = exchange(SERVER, tpkt(b"\x08" * 100, 65535))
    c.check("TPKT of length 65535 that ends early: closed", answer == b"", answer)
    answer = exchange(SERVER, tpkt(b"\x08" * 65531))
    c.check("TPKT of length 65535, all of it there: closed or refused", answer is not None)
    answer = exchange(SERVER, b"GET / HTTP/1.0\r\n\r\n", finish=False)
    c.check("no TPKT at all: closed at once", answer == b"", answer)
    answer = exchange(SERVER, tpkt(b"\x08" * 50)[:20], finish=False)
    c.check("half a TPKT and then silence: closed in time", answer == b"", answer)
    answer = exchange(SERVER, b"", finish=False)
    c.check("a connection without a word: closed in time", answer == b"", answer)


def truncated_setup(c, lab, setup):
    stuck = []
    for cut in range(len(setup)):
        if exchange(SERVER, tpkt(setup[:cut])) is None:
            stuck.append(cut)
    c.equal(f"Setup truncated at each of its {len(setup)} bytes: none keeps a connection", stuck, [])
    flipped = []
    for at in range(len(setup)):
        bad = bytearray(setup)
        bad[at] ^= 0xff
        if exchange(SERVER, tpkt(bytes(bad))) is None:
            flipped.append(at)
    c.equal("Setup with each byte inverted: the same", flipped, [])


def open_h245(setup):
    """Calls by hand up to the H.245 connection: both sockets."""
    call = socket.create_connection(SERVER, PATIENT)
    call.sendall(tpkt(setup))
    seen, mark = b"", socket.inet_aton(sluice_lab.SERVER_IP4)
    at = -1
    while at < 0:
        chunk = call.recv(65536)
        if not chunk:
            raise sluice_lab.LabError("the server hung up on a good Setup")
        seen += chunk
        at = seen.find(mark, 0)
        while at >= 0 and at + 6 <= len(seen):
            port = struct.unpack("!H", seen[at + 4:at + 6])[0]
            if port not in (0, 1720):
                return call, socket.create_connection((sluice_lab.SERVER_IP4, port), PATIENT)
            at = seen.find(mark, at + 1)
    raise sluice_lab.LabError("no H.245 address in the answer")


def h245_lengths(c, setup):
    """The same lengths on an H.245 connection: the call they belong to ends, and no other."""
    for length, body in ((0, b""), (3, b""), (65535, b"\x02" * 65531)):
        call, h245 = open_h245(setup)
        with call, h245:
            h245.sendall(tpkt(body, length))
            try:
                while h245.recv(65536):
                    pass
                gone = True
            except ConnectionError:
                gone = True
            except socket.timeout:
                gone = False
            c.check(f"H.245 TPKT of length {length}: the connection is closed", gone)


def truncated_h245(c, lab, setup, messages):
    """All prefixes of all messages on one connection: each is refused, none ends the server."""
    before = counter(lab, "h245_undecodable")
    call, h245 = open_h245(setup)
    sent = 0
    with call, h245:
        for message in messages:
            for cut in range(1, len(message)):
                try:
                    h245.sendall(tpkt(message[:cut]))
                    sent += 1
                except OSError:  # it may lose patience with us: begin again
                    call.close()
                    h245.close()
                    call, h245 = open_h245(setup)
        try:
            h245.shutdown(socket.SHUT_WR)
            while h245.recv(65536):
                pass
        except OSError:
            pass
    after = counter(lab, "h245_undecodable")
    c.check(f"{sent} truncated H.245 messages: counted", after > before, f"{before} -> {after}")
    wait_gone(c, lab, "truncated H.245")


def raw(c, lab):
    setup, h245 = record_messages(lab)
    c.case("TPKT", tpkt_lengths, c, lab)
    c.case("Setup", truncated_setup, c, lab, setup)
    c.case("H.245 TPKT", h245_lengths, c, setup)
    c.case("H.245", truncated_h245, c, lab, setup, h245)


def main():
    sluice_lab.enter_network()
    c = sluice_lab.Checks()
    with sluice_lab.Lab("bad-input", settings) as lab:
        lab.start()
        running = lab.pair(*[["--stay", "--loop", "--stats", "--timeout", "230"]] * 2)
        for endpoint in running:
            endpoint.wait_event("heard")
        for row in REFUSED_OLC:
            c.case(row[0], refused_olc, c, lab, *row)
        next_call_is_served(c, lab, "after bad OLCs")
        for row in REFUSED_DTLS + HANGS:
            c.case(row[0], refused, c, lab, *row)
        next_call_is_served(c, lab, "after bad DTLS and lost connections")
        for row in HARMLESS:
            c.case(row[0], harmless, c, lab, *row)
        c.case("raw bytes", raw, c, lab)
        c.case("the next call", next_call_is_served, c, lab, "at the end")
        c.check("sluiced and sluice-dp still run", lab.server.is_running() and lab.dp.is_running())
        for endpoint in running:
            c.check(f"{endpoint.name}: the running call still runs", endpoint.is_running()
                    and endpoint.wait_stats(2)["packets_in"] > 0)
        for endpoint in running:
            endpoint.signal(2)
            report = endpoint.report()
            c.equal(f"{endpoint.name}: the running call was ended by us", report["release"]["by_peer"],
                    False)
            c.equal(f"{endpoint.name}: the running call lost nothing", report["lost"], 0)
            c.equal(f"{endpoint.name}: and heard no gap", report["audio"]["gap_samples"], 0)
            c.check(f"{endpoint.name}: nothing forged came through",
                    report["counters"]["bad_auth"] == 0, report["counters"])
        c.case("no session", lambda: c.equal("no session is left", lab.wait_sessions(0), 0))
    c.finish()


if __name__ == "__main__":
    main()
