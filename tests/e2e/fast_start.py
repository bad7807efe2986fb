#!/usr/bin/env python3
"""Fast connect (H.323 8.1.7) with H.235.10 in it: proposals in the Setup, DTLS as soon as the answer is
there, media both ways sample for sample; tunnelled, separate or no H.245 behind it; each policy; broken
proposals, which are refused and go on by H.245."""
# long
# timeout: 240
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts", "lib"))
import sluice_lab  # noqa: E402

CALLER, CALLEE = "198.18.0.3", "198.18.0.4"


def ladder(report):
    return [(e["event"], e["detail"]) for e in report["ladder"]]


def judge(c, what, report, secured=True, state="taken", h245=None):
    """A call that has to be good in every respect."""
    who = f"{what}, {report['alias']}"
    c.check(f"{who}: ok, audio equal", report["ok"] and report["audio_match"],
            f"{report['failure']} {ladder(report)}")
    c.equal(f"{who}: fast start", report["fast_start"], state)
    c.equal(f"{who}: secured", report["secured"], secured)
    c.equal(f"{who}: verified", report["fingerprint_verified"], secured)
    c.equal(f"{who}: lost", report["lost"], 0)
    if h245 is not None:
        c.equal(f"{who}: H.245 {'was opened' if h245 else 'was never opened'}", report["h245_open"],
                h245)


# --- endpoint to endpoint: the tool itself -------------------------------------------------------

def direct(lab, caller_args=(), callee_args=()):
    up, far_up = sluice_lab.tone_pair()
    callee = lab.endpoint("bert", "--listen", "--play", far_up, "--expect", up, "--timeout", "15",
                          *callee_args, ip=CALLEE, call=None)
    callee.wait_event("listening")
    caller = lab.endpoint("anna", "--play", up, "--expect", far_up, "--timeout", "15", *caller_args,
                          ip=CALLER, call="bert", to=CALLEE)
    return caller.report(), callee.report()


def direct_good(c, lab, what, caller_args, callee_args=("--fast-start",), secured=True,
                state="taken", h245=None):
    reports = direct(lab, ["--fast-start", *caller_args], list(callee_args))
    judge(c, what, reports[0], secured, state, h245)
    judge(c, what, reports[1], secured, state if "--fast-start" in callee_args else "none", h245)
    return reports


def direct_cases(c, lab):
    for answer in ("proceeding", "alerting", "connect"):
        reports = direct_good(c, lab, f"direct, answer in {answer}", ["--no-h245"],
                              ["--fast-start", "--fast-answer", answer], h245=False)
        events = [e["event"] for e in reports[0]["ladder"]]
        first = {"proceeding": "proceeding", "alerting": "alerting", "connect": "connect"}[answer]
        c.check(f"direct: channels open at {answer}",
                events.index(first) < events.index("fast_start") and
                (answer == "connect" or events.index("fast_start") < events.index("connect")), events)
    direct_good(c, lab, "direct, tunnelled H.245", ["--tunnel"], ["--fast-start", "--tunnel"], h245=True)
    direct_good(c, lab, "direct, separate H.245", [], h245=True)
    direct_good(c, lab, "direct, refused, tunnelled", ["--tunnel"], ["--tunnel"], state="refused")
    direct_good(c, lab, "direct, refused, separate", [], [], state="refused")
    direct_good(c, lab, "direct, clear", ["--no-dtls", "--no-h245"],
                ["--fast-start", "--dtls", "preferred"], secured=False, h245=False)
    direct_good(c, lab, "direct, caller prefers", ["--dtls", "preferred", "--no-h245"],
                ["--fast-start", "--dtls", "off"], secured=False, h245=False)
    for role in ("active", "passive"):
        direct_good(c, lab, f"direct, caller {role}", ["--setup", role, "--no-h245"])
        direct_good(c, lab, f"direct, callee {role}", ["--no-h245"],
                    ["--fast-start", "--setup", role])
    direct_good(c, lab, "direct, callee knows sha-256 alone", ["--hashes", "sha-512,sha-256"],
                ["--fast-start", "--hashes", "sha-256"], state="refused")
    direct_good(c, lab, "direct, broken", ["--fault", "broken-fast-start"], state="refused")


# --- endpoints to the server ---------------------------------------------------------------------

PORTS = {"required": 1720, "preferred": 1721, "off": 1722}
CARRIERS = {"tunnelled": ["--tunnel"], "separate": [], "no H.245": ["--no-h245"]}

# policy, endpoint's mode: what comes of it ("srtp", "rtp" or None: no media), what of fast connect.
TABLE = [
    ("required", "required", "srtp", "taken"), ("required", "preferred", "srtp", "taken"),
    ("required", "off", None, "refused"), ("preferred", "required", "srtp", "taken"),
    ("preferred", "preferred", "srtp", "taken"), ("preferred", "off", "rtp", "taken"),
    ("off", "required", None, "refused"), ("off", "preferred", "rtp", "taken"),
    ("off", "off", "rtp", "taken"),
]
KEYS_MS = {}  # way: times from Setup to keys


def listeners(config):
    config["signalling"]["listeners"] = [
        {"name": policy, "address": f"{sluice_lab.SERVER_IP4}:{port}", "dtls": policy}
        for policy, port in PORTS.items()]


def address(policy):
    return f"{sluice_lab.SERVER_IP4}:{PORTS[policy]}"


def calls(c, lab, policy, carrier, mode, outcome, state):
    what = f"policy {policy}, endpoint {mode}, {carrier}"
    arguments = ["--fast-start", "--dtls", mode, *CARRIERS[carrier]]
    if outcome:
        for endpoint in lab.pair(arguments, arguments, to=(address(policy),) * 2):
            report = endpoint.report()
            judge(c, what, report, outcome == "srtp", state, carrier != "no H.245")
            if outcome == "srtp":
                KEYS_MS.setdefault(f"fast connect, {carrier}", []).append(report["keys_ms"])
        return
    report = lab.endpoint("lone", *arguments, "--play", sluice_lab.tone_pair()[0], "--timeout", "10",
                          to=address(policy)).report()
    c.equal(f"{what}: fast start", report["fast_start"], state)
    c.check(f"{what}: no media", report["packets_in"] == 0 and report["packets_out"] == 0, report)
    c.check(f"{what}: the call ends and says why", not report["ok"] and report["failure"],
            report["failure"])


def server_cases(c, lab):
    for row in TABLE:
        policy, mode, outcome, state = row
        for carrier in CARRIERS:
            if outcome or carrier != "no H.245":
                c.case(str((carrier, *row)), calls, c, lab, policy, carrier, mode, outcome, state)


def session_of(lab, alias):
    """What the server says of the endpoint's session; waits until its media are keyed."""
    for session in lab.sessions():
        whole = lab.call("session.get", id=session["id"])
        if alias in whole["peer"]["aliases"]:
            return whole
    raise sluice_lab.LabError(f"no session of {alias}")


def once(c, lab):
    """H.245 that follows finds the connection as it is: one handshake, no other channel."""
    for carrier in CARRIERS:
        arguments = ["--fast-start", *CARRIERS[carrier], "--stay"]
        endpoints = lab.pair(arguments, arguments, to=(address("required"),) * 2)
        for endpoint in endpoints:
            endpoint.wait_event("heard")
            endpoint.wait_event("played")
        for name in ("anna", "bert"):
            session = session_of(lab, name)
            c.equal(f"{carrier}, {name}: fast connect", session["fast_connect"], True)
            c.equal(f"{carrier}, {name}: channels", sorted(
                (ch["direction"], ch["state"], ch["protected"]) for ch in session["channels"]),
                [("incoming", "open", True), ("outgoing", "open", True)])
            c.equal(f"{carrier}, {name}: transports", [
                (t["association"]["state"], t["association"]["fingerprint_verified"])
                for t in session["transports"]], [("keyed", True)])
            c.equal(f"{carrier}, {name}: nothing went wrong", session["errors"], [])
        for endpoint in endpoints:
            endpoint.signal(2)
            report = endpoint.report()
            judge(c, f"one connection, {carrier}", report)
            starts = [e for e, _ in ladder(report) if e == "dtls_start"]
            c.equal(f"{carrier}, {report['alias']}: handshakes", len(starts), 1)


def mixed(c, lab):
    """One by fast connect, the other by H.245 alone; and one SRTP, the other RTP."""
    endpoints = lab.pair(["--fast-start", "--no-h245"], [], to=(address("required"),) * 2)
    reports = [e.report() for e in endpoints]
    judge(c, "fast connect and H.245", reports[0], True, "taken", False)
    judge(c, "fast connect and H.245", reports[1], True, "none", True)
    KEYS_MS.setdefault("H.245 separate", []).append(reports[1]["keys_ms"])
    endpoints = lab.pair(["--fast-start"], ["--fast-start", "--dtls", "off"],
                         to=(address("preferred"),) * 2)
    reports = [e.report() for e in endpoints]
    judge(c, "SRTP and RTP", reports[0], True, "taken")
    judge(c, "SRTP and RTP", reports[1], False, "taken")


# fault: the reason that the server has to count, and what becomes of the call afterwards.
BROKEN = {
    "no-fingerprint": "fingerprint is missing",
    "bad-fingerprint": "fingerprint is malformed",
    "two-hashes": "more than one hashFunction beside a fingerprint",
    "bad-role": "setupInformation is not active, passive, actpass or holdconn",
}


def refusals(lab):
    stats = lab.call("server.stats")
    return stats["sessions"]


def broken(c, lab):
    """T-BAD in a fastStart: refused, counted by reason; H.245 opens. (These faults are in the OLC of
    H.245 as well, so that the call fails there; the one below is not.)"""
    for fault, reason in BROKEN.items():
        before = refusals(lab)
        report = lab.endpoint("lone", "--fast-start", "--fault", fault, "--timeout", "10",
                              to=address("required")).report()
        after = refusals(lab)
        c.equal(f"{fault}: fast start", report["fast_start"], "refused")
        c.equal(f"{fault}: H.245 was opened", report["h245_open"], True)
        c.equal(f"{fault}: refused by the server in H.245 too", report["olc_reject"], "securityDenied")
        c.equal(f"{fault}: counted", after["fast_refused"] - before["fast_refused"], 1)
        c.check(f"{fault}: reason counted", after["h235_refused_by"].get(reason, 0) >=
                before["h235_refused_by"].get(reason, 0) + 4, after["h235_refused_by"])
    for endpoint in lab.pair(["--fast-start", "--fault", "broken-fast-start"], ["--fast-start"],
                             to=(address("required"),) * 2):
        report = endpoint.report()
        state = "refused" if report["alias"] == "anna" else "taken"
        judge(c, "broken fast start goes on by H.245", report, True, state)


def mismatch(c, lab):
    """Another certificate than the one in fastStart: no key, the call ends at once, with or without an
    H.245 to close the channels by."""
    for carrier in CARRIERS:
        report = lab.endpoint("lone", "--fast-start", *CARRIERS[carrier], "--fault",
                              "wrong-fingerprint", "--timeout", "10", to=address("required")).report()
        c.equal(f"mismatch, {carrier}: fast start", report["fast_start"], "taken")
        c.check(f"mismatch, {carrier}: no media", not report["ok"] and report["packets_in"] == 0,
                report)
    c.equal("the calls end", lab.wait_sessions(0), 0)


def wire(c, lab):
    """What tshark makes of the Setup and the Connect."""
    capture, path = lab.capture("fast.pcap", what="tcp port 1720")
    endpoints = lab.pair(["--fast-start", "--no-h245"], ["--fast-start", "--no-h245"],
                         to=(address("required"),) * 2)
    for endpoint in endpoints:
        judge(c, "captured", endpoint.report())
    sluice_lab.wait_captured(path, "h225.setup_element && h225.fastStart",
                             "h225.connect_element && h225.fastStart")
    capture.stop()
    for message, count in (("setup", 4), ("connect", 2)):
        rows = sluice_lab.tshark(path, f"h225.{message}_element && h225.fastStart", "h225.fastStart",
                                 "h245.dataType", "_ws.malformed")
        c.equal(f"tshark: {message}s with fastStart", len(rows), 2)
        for olcs, types, malformed in rows:
            c.equal(f"tshark: {message}, OLCs", olcs, str(count))
            # 7: h235Media, once an OLC; 1: nullData of those towards the caller
            c.equal(f"tshark: {message}, protected ones", types.split(",").count("7"), count)
            c.equal(f"tshark: {message}, malformed", malformed, "")


# --- calls of the server's -----------------------------------------------------------------------

def called(c, lab, what, policy, callee_arguments, secured=True, state="taken", tunnelling=True):
    """One comes in by H.245 alone, the other is called with proposals in the Setup."""
    up, far_up = sluice_lab.tone_pair()
    callee = lab.endpoint("bert", "--listen", "--play", far_up, "--expect", up, "--timeout", "20",
                          *callee_arguments, ip=CALLEE, call=None)
    callee.wait_event("listening")
    caller = lab.endpoint("anna", "--play", up, "--expect", far_up, "--timeout", "20", "--dtls",
                          "preferred", ip=CALLER, to=address("preferred"))
    caller.wait_event("connect")
    lab.call("session.call", to=f"bert@{CALLEE}", conference="demo", listener=policy, dtls=policy,
             fast_connect=True, tunnelling=tunnelling)
    report = callee.report()
    judge(c, what, report, secured, state)
    judge(c, what, caller.report(), True, "none")
    if state == "taken" and secured:
        KEYS_MS.setdefault("fast connect of the server", []).append(report["keys_ms"])
    c.equal(f"{what}: none is left", lab.wait_sessions(0), 0)


def server_calls(c, lab):
    for carrier in CARRIERS:
        for policy in ("required", "preferred"):
            called(c, lab, f"called, {policy}, {carrier}", policy,
                   ["--fast-start", *CARRIERS[carrier]], tunnelling=carrier == "tunnelled")
    called(c, lab, "called, off", "off", ["--fast-start", "--no-h245", "--dtls", "off"],
           secured=False)
    for answer in ("proceeding", "alerting"):
        called(c, lab, f"called, answer in {answer}", "required",
               ["--fast-start", "--no-h245", "--fast-answer", answer])
    for role in ("active", "passive"):
        called(c, lab, f"called, callee {role}", "required",
               ["--fast-start", "--no-h245", "--setup", role])
    # Refused: H.245 opens, and finds what the policy allows.
    called(c, lab, "called, callee without fast connect", "required", [], state="none")
    called(c, lab, "called, tunnelling callee without fast connect", "required", ["--tunnel"],
           state="none")
    called(c, lab, "called, no DTLS there", "preferred", ["--fast-start", "--dtls", "off"],
           secured=False, state="refused")


def server_calls_bad(c, lab):
    """Answers that break T-BAD end the call, and say why; no packet is sent."""
    for fault in ("no-fingerprint", "two-hashes", "undecided-role", "wrong-fingerprint"):
        before = lab.call("server.stats")["sessions"]["ended"]["dtls_failed"]
        callee = lab.endpoint("bert", "--listen", "--fast-start", "--no-h245", "--fault", fault,
                              "--timeout", "10", ip=CALLEE, call=None)
        callee.wait_event("listening")
        lab.call("session.call", to=f"bert@{CALLEE}", conference="demo", listener="required",
                 fast_connect=True)
        report = callee.report()
        c.equal(f"called, {fault}: no media", report["packets_in"], 0)
        if fault == "wrong-fingerprint":  # both sides notice, and either may release first
            continue
        c.equal(f"called, {fault}: released by the server", (report["release"]["by_peer"],
                report["release"]["reason"]), (True, "securityDenied"))
        after = lab.wait_stats(lambda st: st["sessions"]["ended"]["dtls_failed"] > before)
        c.equal(f"called, {fault}: counted", after["sessions"]["ended"]["dtls_failed"], before + 1)


def early(c):
    """signalling.fast_connect_early: keys before Connect."""
    def change(config):
        config["signalling"]["fast_connect_early"] = True
    with sluice_lab.Lab("fast_early", change) as lab:
        lab.start()
        for endpoint in lab.pair(["--fast-start", "--no-h245"], ["--fast-start", "--no-h245"]):
            report = endpoint.report()
            judge(c, "early answer", report, True, "taken", False)
            events = [e for e, _ in ladder(report)]
            order = [e for e in events if e in ("alerting", "fast_start", "srtp_keys", "connect")]
            c.equal(f"early answer, {report['alias']}: order", order,
                    ["alerting", "fast_start", "srtp_keys", "connect"])


def main():
    sluice_lab.enter_network()
    c = sluice_lab.Checks()
    with sluice_lab.Lab("fast_start", listeners) as lab:
        c.case("direct", direct_cases, c, lab)
        lab.start()
        for case in (server_cases, once, mixed, broken, mismatch, wire,
                     server_calls, server_calls_bad):
            c.case(case.__name__, case, c, lab)
        c.equal("no session is left", lab.wait_sessions(0), 0)
    c.case("early", early, c)
    for way, times in sorted(KEYS_MS.items()):
        times.sort()
        print(f"Setup to keys, {way}: median {times[len(times) // 2]:.1f} ms, "
              f"{times[0]:.1f} to {times[-1]:.1f} ms, of {len(times)}")
    c.finish()


if __name__ == "__main__":
    main()
