#!/usr/bin/env python3
"""Calls that the server makes (session.call): to endpoints with required H.235.10, tunnelled and not,
with the H.245 connection opened by either side and both DTLS roles; media flow both ways between a
call that came in and one that went out. Then whatever can go wrong, each with a cause of its own.
"""
# timeout: 240
import os
import socket
import struct
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts", "lib"))
sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))
import captures  # noqa: E402
import sluice_lab  # noqa: E402

CALLER, CALLEE = sluice_lab.ENDPOINT_IPS[:2]
NOBODY = "198.18.0.77"  # of the network, and not there
PER_ADDRESS = 12        # connections


def settings(config):
    config["signalling"]["timers"] = {"call_response_ms": 2000, "call_alerting_ms": 2000,
                                      "tcp_connect_ms": 1500}
    config["signalling"]["limits"] = {"max_connections_per_address": PER_ADDRESS}
    config["conferences"] += [
        {"alias": "away", "forward_to": f"bert@{CALLEE}"},
        {"alias": "round", "forward_to": f"round@{sluice_lab.SERVER_IP4}:1720"}]
    config["signalling"]["listeners"].append({"name": "six", "address": "[2001:db8:18::1]:1720"})


def listen(lab, name, *arguments, ip=CALLEE):
    callee = lab.endpoint(name, "--listen", *arguments, ip=ip, call=None)
    callee.wait_event("listening")
    return callee


def ladder(control, session):
    """Types of the session's events up to its end; the data of the last."""
    types = []
    while True:
        event = control.wait_event_of(session)
        types.append(event["type"])
        if event["type"] == "session.closed":
            return types, event["data"]


class Watch(sluice_lab.Control):
    def wait_event_of(self, session, seconds=10):
        while True:
            while self.events:
                event = self.events.pop(0)
                if event.get("session") == session:
                    return event
            self.events.append(self._line(sluice_lab.time.monotonic() +
                                          seconds * sluice_lab.PATIENCE).get("params", {}))


def watch(lab):
    client = Watch(lab.config["control"]["path"])
    lab.control_clients.append(client)
    client.call("events.subscribe")
    return client


def good(c, lab, what, callee_arguments=(), ip=CALLEE, caller_arguments=(), role=None, **params):
    """One comes in, the other is called."""
    up, far_up = sluice_lab.tone_pair()
    control = watch(lab)
    callee = listen(lab, "bert", "--play", far_up, "--expect", up, "--timeout", "20",
                    *callee_arguments, ip=ip)
    caller = lab.endpoint("anna", "--play", up, "--expect", far_up, "--timeout", "20",
                          *caller_arguments, ip=CALLER)
    caller.wait_event("connect")
    to = f"bert@[{ip}]" if ":" in ip else f"bert@{ip}"
    session = lab.call("session.call", to=to, conference="demo", **params)["id"]
    control.wait_event("media.keyed", match=lambda e: e["session"] == session)
    detail = lab.call("session.get", id=session)
    for report in (callee.report(), caller.report()):
        c.check(f"{what}, {report['alias']}: ok, audio equal", report["ok"] and
                report["audio_match"], f"{report['failure']} {report['ladder']}")
        c.equal(f"{what}, {report['alias']}: verified, none lost",
                (report["fingerprint_verified"], report["lost"]), (True, 0))
        if role and report["alias"] == "bert":
            c.equal(f"{what}: DTLS role of the callee", report["role"], role)
    c.equal(f"{what}: direction, tunnel", (detail["direction"], detail["h245_tunnelled"]),
            ("out", "--tunnel" in callee_arguments and params.get("tunnelling", True)))
    c.equal(f"{what}: a channel each way, protected",
            sorted((ch["direction"], ch["protected"]) for ch in detail["channels"]),
            [("incoming", True), ("outgoing", True)])
    c.equal(f"{what}: none is left", lab.wait_sessions(0), 0)
    return detail


def events(c, lab):
    """The same events as for a call that comes in, and session.alerting."""
    control = watch(lab)
    callee = listen(lab, "bert", "--play", sluice_lab.tone_pair()[1], "--start", "now")
    session = lab.call("session.call", to=f"bert@{CALLEE}", conference="demo", display="Sluice calls",
                       alias="4711")["id"]
    types, data = ladder(control, session)
    callee.report()
    wanted = ["session.created", "session.alerting", "session.connected", "session.active",
              "dtls.established", "media.keyed", "media.first_packet", "session.closed"]
    c.equal("events in order", [t for t in types if t in wanted], wanted)
    c.equal("its end", data["cause"], "peer_end_session")
    setup = callee.event("setup")
    c.equal("the callee sees our alias", setup["detail"], "from 4711")


def failing(c, lab, what, cause, callee_arguments=None, text="", to=None):
    """A call that must not come about; its events and its cause."""
    control = watch(lab)
    callee = listen(lab, "bert", *callee_arguments, "--timeout", "20") if callee_arguments else None
    session = lab.call("session.call", to=to or f"bert@{CALLEE}", conference="demo")["id"]
    types, data = ladder(control, session)
    c.equal(f"{what}: cause", data["cause"], cause)
    c.check(f"{what}: text", text in data["text"], data)
    c.check(f"{what}: never connected", "session.connected" not in types, types)
    ended = lab.call("server.stats")["sessions"]["ended"][cause]
    c.check(f"{what}: counted", ended >= 1, ended)
    if callee:
        callee.stop()
    return callee


def resets(c, lab):
    """A callee that resets each connection: none of them counts against its address for ever."""
    control = watch(lab)
    with captures.Ends():
        door = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    door.bind((CALLEE, 1720))
    door.listen(PER_ADDRESS)
    causes = set()
    for _ in range(2 * PER_ADDRESS):
        session = lab.call("session.call", to=CALLEE, conference="demo")["id"]
        connection, _ = door.accept()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
        causes.add(ladder(control, session)[1]["cause"])
    door.close()
    c.check("resets: each call ends for it", causes <= {"signalling_lost", "unreachable"}, causes)
    failing(c, lab, "after the resets", "busy", ["--answer", "busy"])


def hang_up_while_ringing(c, lab):
    control = watch(lab)
    callee = listen(lab, "bert", "--answer", "ring", "--timeout", "10")
    session = lab.call("session.call", to=CALLEE, conference="demo")["id"]
    control.wait_event("session.alerting", match=lambda e: e["session"] == session)
    lab.call("session.close", id=session)
    report = callee.report()
    c.equal("ringing, and hung up: the callee hears it",
            (report["release"]["by_peer"], report["release"]["cause"]), (True, 16))
    c.equal("cause", ladder(control, session)[1]["cause"], "operator")


def gone(c, lab):
    """The callee is killed while media flow; the other one stays."""
    control = watch(lab)
    up, far_up = sluice_lab.tone_pair()
    callee = listen(lab, "bert", "--play", far_up, "--loop", "--stay", "--start", "now")
    caller = lab.endpoint("anna", "--play", up, "--loop", "--stay", "--start", "now", ip=CALLER)
    caller.wait_event("connect")
    session = lab.call("session.call", to=CALLEE, conference="demo")["id"]
    control.wait_event("media.first_packet", match=lambda e: e["session"] == session and
                       e["data"]["direction"] == "out")
    callee.kill()
    _, data = ladder(control, session)
    c.check("killed: cause", data["cause"] in ("signalling_lost", "h245_lost"), data)
    c.equal("killed: the other call stays", [s["direction"] for s in lab.sessions()], ["in"])
    caller.stop()
    c.equal("none is left", lab.wait_sessions(0), 0)


def forwarded(c, lab):
    """The server calls itself: a conference that sends its callers away answers callForwarded, and the
    calling half follows it to the endpoint."""
    control = watch(lab)
    up, far_up = sluice_lab.tone_pair()
    callee = listen(lab, "bert", "--play", far_up, "--expect", up, "--timeout", "20")
    caller = lab.endpoint("anna", "--play", up, "--expect", far_up, "--timeout", "20", ip=CALLER)
    caller.wait_event("connect")
    session = lab.call("session.call", to=f"away@{sluice_lab.SERVER_IP4}", conference="demo")["id"]
    event = control.wait_event("session.forwarded", match=lambda e: e["session"] == session)["data"]
    c.equal("forwarded: where to", (event["reason"], event["address"], event["alias"]),
            ("callForwarded", f"{CALLEE}:1720", "bert"))
    for endpoint in (callee, caller):
        report = endpoint.report()
        c.check(f"forwarded, {endpoint.name}: ok, audio equal", report["ok"] and
                report["audio_match"], report["failure"])
    c.equal("forwarded: none is left", lab.wait_sessions(0), 0)
    counted = lab.call("server.stats")["sessions"]
    c.equal("forwarded: counted", (counted["forwards"], counted["forwarded_away"],
                                   counted["ended"]["forwarded"]), (1, 1, 1))

    session = lab.call("session.call", to=f"round@{sluice_lab.SERVER_IP4}", conference="demo")["id"]
    types, data = ladder(control, session)
    c.equal("forwarded in a circle: given up", (data["cause"], types.count("session.forwarded")),
            ("rejected", 3))
    c.equal("forwarded in a circle: none is left", lab.wait_sessions(0), 0)


def refused_requests(c, lab):
    for what, params, code in (
            ("no address behind @", {"to": "bert@nowhere", "conference": "demo"}, -32005),
            ("nothing to call", {"to": "h323:", "conference": "demo"}, -32005),
            ("unknown conference", {"to": CALLEE, "conference": "nothing"}, -32008),
            ("unknown listener", {"to": CALLEE, "conference": "demo", "listener": "x"}, -32008),
            ("unknown policy", {"to": CALLEE, "conference": "demo", "dtls": "maybe"}, -32002),
            ("no conference", {"to": CALLEE}, -32602)):
        try:
            lab.call("session.call", **params)
            c.check(f"refused: {what}", False, "was taken")
        except sluice_lab.RpcError as error:
            c.equal(f"refused: {what}", error.code, code)
    pair = [lab.endpoint(n, "--stay", ip=ip) for n, ip in (("anna", CALLER), ("carl", CALLEE))]
    for endpoint in pair:
        endpoint.wait_event("connect")
    try:
        lab.call("session.call", to=NOBODY, conference="demo")
        c.check("refused: full", False, "was taken")
    except sluice_lab.RpcError as error:
        c.equal("refused: a full conference", (error.code, str(error)), (-32007, "conference is full"))
    for endpoint in pair:
        endpoint.stop()
    c.equal("none is left", lab.wait_sessions(0), 0)


def by_sluicectl(c, lab):
    callee = listen(lab, "bert", "--play", sluice_lab.tone_pair()[1], "--start", "now")
    done = subprocess.run([os.path.join(sluice_lab.BUILD, "server", "sluicectl"), "-s",
                           lab.config["control"]["path"], "session.call", f"to=bert@{CALLEE}",
                           "conference=demo", "dtls=required"], capture_output=True, text=True,
                          timeout=10 * sluice_lab.PATIENCE, check=False)
    c.check("sluicectl session.call", done.returncode == 0 and "id" in done.stdout, done)
    c.check("sluicectl: the call is good", callee.report()["ok"])
    c.equal("none is left", lab.wait_sessions(0), 0)


def policy(c, lab):
    """dtls=... of one call goes above the listener's."""
    control = watch(lab)
    callee = listen(lab, "bert", "--no-dtls", "--play", sluice_lab.tone_pair()[1], "--start", "now")
    session = lab.call("session.call", to=CALLEE, conference="demo", dtls="preferred")["id"]
    types, _ = ladder(control, session)
    c.check("preferred, callee without: in the clear", "session.downgraded" in types and
            "media.first_packet" in types, types)
    c.check("the callee is content", callee.report()["ok"])
    callee = listen(lab, "bert", "--no-dtls", "--timeout", "8")
    session = lab.call("session.call", to=CALLEE, conference="demo")["id"]
    c.equal("required, callee without", ladder(control, session)[1]["cause"], "dtls_required")
    callee.report()


def main():
    sluice_lab.enter_network()
    c = sluice_lab.Checks()
    with sluice_lab.Lab("outgoing", settings) as lab:
        lab.start()
        c.case("good", good, c, lab, "H.245 of its own")
        c.case("tunnelled", good, c, lab, "tunnelled", ["--tunnel"])
        c.case("half a tunnel", good, c, lab, "callee tunnels, we do not", ["--tunnel"],
               tunnelling=False)
        c.case("facility", good, c, lab, "H.245 address in a Facility", ["--h245", "facility"])
        c.case("never", good, c, lab, "the callee opens H.245", ["--h245", "never"])
        c.case("active", good, c, lab, "callee active", ["--setup", "active"], role="active")
        c.case("passive", good, c, lab, "callee passive", ["--setup", "passive"], role="passive")
        c.case("IPv6", good, c, lab, "IPv6", ip="2001:db8:18::4")
        c.case("events", events, c, lab)
        c.case("policy", policy, c, lab)
        c.case("busy", failing, c, lab, "busy", "busy", ["--answer", "busy"], "inConf (cause 17")
        c.case("reject", failing, c, lab, "rejected", "rejected", ["--answer", "reject"],
               "destinationRejection (cause 21")
        c.case("ring", failing, c, lab, "nobody answers", "no_answer", ["--answer", "ring"])
        c.case("silent", failing, c, lab, "no word", "no_response", ["--answer", "silent"])
        c.case("drop", failing, c, lab, "gone while ringing", "signalling_lost",
               ["--answer", "drop"])
        c.case("refused", failing, c, lab, "nobody listens", "unreachable", None,
               "connection refused")
        c.case("unreachable", failing, c, lab, "nobody there", "unreachable", to=NOBODY)
        c.case("no gatekeeper", failing, c, lab, "alias alone", "no_gatekeeper", to="bert")
        c.case("resets", resets, c, lab)
        c.case("hang up", hang_up_while_ringing, c, lab)
        c.case("gone", gone, c, lab)
        c.case("forwarded", forwarded, c, lab)
        c.case("requests", refused_requests, c, lab)
        c.case("sluicectl", by_sluicectl, c, lab)
        stats = lab.call("server.stats")
        c.equal("nothing unexpected was said", stats["sessions"]["h225_undecodable"], 0)

    def early(config):
        settings(config)
        config["signalling"]["h245_in_setup"] = True

    with sluice_lab.Lab("outgoing-early", early) as lab:
        lab.start()
        c.case("setup", good, c, lab, "H.245 address in Setup", ["--h245", "setup"])
        c.case("both", good, c, lab, "H.245 address in Setup and Connect")
        c.case("tunnel all the same", good, c, lab, "H.245 address in Setup, tunnelled",
               ["--tunnel"])
    c.finish()


if __name__ == "__main__":
    main()
