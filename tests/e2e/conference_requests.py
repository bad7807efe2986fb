#!/usr/bin/env python3
"""The control socket in hands that make mistakes: every conference.*, session.* and data.* method with parameters
that are missing, foreign, of the wrong type and out of range, in the wrong order, on what has ended, twice, and by
two clients at a time. Each answer says what was expected; nothing is half done."""
# timeout: 240
import json
import os
import random
import sys
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts", "lib"))
import sluice_lab  # noqa: E402
import sluice_leg  # noqa: E402

INVALID_PARAMS = -32602


def settings(config):
    config["signalling"]["listeners"][0]["dtls"] = "preferred"
    config["conferences"] += [
        {"alias": "hall*", "kind": "mix", "codecs": ["g711-alaw", "g711-ulaw"], "sample_rate": 16000},
        {"alias": "wide*", "kind": "mix", "codecs": ["g722"]},
        {"alias": "each*", "kind": "forward", "codecs": ["g711-alaw"]},
        {"alias": "small", "kind": "mix", "max_sessions": 2, "codecs": ["g711-alaw"]},
        {"alias": "pin", "kind": "mix", "pin": "1234", "codecs": ["g711-alaw"]}]
    config["signalling"]["limits"] = {"max_conferences": 40, "setups_per_second": 0}
    config["control"]["requests_per_second"] = 100000


def error_of(call, method, **params):
    """The error of a request; None: it was carried out."""
    try:
        call(method, **params)
    except sluice_lab.RpcError as error:
        return error
    return None


def refused(c, what, words, call, method, **params):
    error = error_of(call, method, **params)
    c.check(what, error is not None and words in str(error), str(error))


# ---- forms: what the server says of its methods is what it checks ----

def fitting(p):
    """A value that the description allows."""
    if p["type"] == "boolean":
        return True
    if p["type"] == "integer":
        return max(p.get("min", 0), 1) if p.get("max", 1) else 0
    if p["type"] == "string":
        return "x" * max(p.get("min", 0), 1)
    return ["x"]


def unfit(p):
    """(what, value) that it does not allow."""
    wrong = {"boolean": 1, "integer": "1", "string": 1, "array of strings": "x"}[p["type"]]
    yield "of another type", wrong
    yield "null", None
    yield "an object", {}
    if p["type"] == "integer":
        yield "no whole number", 1.5
        yield "below", p.get("min", 0) - 1
        if "max" in p:
            yield "above", p["max"] + 1
    elif p["type"] == "string":
        yield "with a control character", "a\x01b"
        if p.get("min"):
            yield "empty", ""
        if p.get("max", 0) <= 4096:
            yield "too long", "x" * (p.get("max", 256) + 1)
    elif p["type"] == "array of strings":
        yield "of numbers", [1]
        yield "too long", ["x"] * (p.get("max", 64) + 1)


def forms(c, lab):
    control = lab.control()
    methods = [m for m in control.call("rpc.methods")["methods"]
               if m["name"].split(".")[0] in ("conference", "session", "data")]
    c.check("forms: methods are described", len(methods) > 30, str(len(methods)))
    for m in methods:
        name, wrong = m["name"], []

        def judge(what, param, params):
            error = error_of(control.call, name, parameters=params)
            if error is None or error.code != INVALID_PARAMS or (error.data or {}).get("param") != param:
                wrong.append(f"{param} {what}: {error}")

        required = {p["name"]: fitting(p) for p in m["params"] if p["required"]}
        judge("is foreign", "nonsense", {**required, "nonsense": 1})
        for p in m["params"]:
            if p["required"]:
                judge("is missing", p["name"], {k: v for k, v in required.items() if k != p["name"]})
            for what, value in unfit(p):
                judge(what, p["name"], {**required, p["name"]: value})
        c.check(f"forms: {name}", not wrong, "; ".join(wrong))
    c.equal("forms: nothing came of it", lab.call("conference.list")["conferences"], [])


# ---- what was asked for is not there, or is another kind ----

def states(c, lab):
    control = lab.control()
    call = control.call
    call("events.subscribe")
    anna = sluice_leg.Leg(lab, "hall1", "198.18.0.3")
    bert = sluice_leg.Leg(lab, "hall1", "198.18.0.4")
    relay, each = sluice_leg.Leg(lab, "demo"), sluice_leg.Leg(lab, "each1")
    anna.talk(0.2)
    # On kinds that have none of it.
    for kind, leg, conference in (("relay", relay, "demo"), ("forward", each, "each1")):
        for method, more in (("gain", {"gain_db": 3, "session": leg.id}), ("layout", {"layout": "voice"}),
                             ("announce", {"file": "x.wav"}), ("stop_announce", {}), ("record_start", {}),
                             ("record_stop", {})):
            refused(c, f"{method} in a {kind}", "expected a conference of kind mix", call,
                    "conference." + method, conference=conference, **more)
    # Where nobody is, or another is.
    call("conference.create", conference="kept")
    for method, more in (("announce", {"file": "x.wav"}), ("record_start", {}), ("record_stop", {})):
        refused(c, f"{method} where nobody is", "that somebody is in", call, "conference." + method,
                conference="kept", **more)
    for method in ("mute", "unmute", "deafen", "undeafen", "kick"):
        refused(c, f"{method} of one who is elsewhere", "is not in it", call, "conference." + method,
                conference="hall1", session=relay.id)
        refused(c, f"{method} of nobody", "does not exist", call, "conference." + method, conference="hall1",
                session=123456)
        refused(c, f"{method} in a conference that is none", "expected one that runs", call,
                "conference." + method, conference="hall2", session=anna.id)
    refused(c, "layout fixed without whom", "expected a session for layouts fixed", call, "conference.layout", conference="hall1",
            layout="fixed")
    # Twice.
    for method in ("mute", "mute", "unmute", "unmute", "deafen", "deafen", "undeafen", "undeafen"):
        now = call("conference." + method, conference="hall1", session=anna.id)
    c.equal("mute and deafen twice are no faults", (now["muted"], now["deaf"]), (False, False))
    call("conference.lock", conference="hall1")
    refused(c, "lock twice", "locked already", call, "conference.lock", conference="hall1")
    refused(c, "locked: a leg", "conference_locked", call, "session.create", conference="hall1", sdp=anna.offer)
    cora = sluice_leg.Leg(lab, "hall3")
    refused(c, "locked: a move", "conference_locked", call, "conference.move", conference="hall3", session=cora.id,
            to="hall1")
    cora.leave()
    call("conference.unlock", conference="hall1")
    refused(c, "unlock twice", "unlocked already", call, "conference.unlock", conference="hall1")
    refused(c, "create twice", "runs already", call, "conference.create", conference="kept")
    call("conference.kick", conference="hall1", session=bert.id)
    refused(c, "kick twice", "session: expected", call, "conference.kick", conference="hall1", session=bert.id)
    # On what has ended.
    call("conference.delete", conference="kept")
    for method, more in (("get", {}), ("delete", {}), ("lock", {}), ("record_start", {}),
                         ("mute", {"session": anna.id}), ("layout", {"layout": "voice"})):
        refused(c, f"{method} of one that has ended", 'expected one that runs (conference.list), found "kept"', call,
                "conference." + method, conference="kept", **more)
    moves(c, call, anna, relay, each)
    for leg in (anna, bert, relay, each):
        leg.leave()
    c.equal("states: nothing is left", lab.call("conference.list")["conferences"], [])


def moves(c, call, anna, relay, each):
    for leg, here, to, words in (
            (anna, "hall1", "hall1", "it is there already"), (anna, "hall1", "demo", "of the same kind"),
            (anna, "hall1", "each1", "of the same kind"), (relay, "demo", "hall1", "of the same kind"),
            (each, "each1", "demo", "of the same kind"), (anna, "hall1", "nowhere", "to: expected"),
            (anna, "hall1", "wide1", "codec"), (anna, "hall1", "hall*", "to: expected")):
        refused(c, f"move from {here} to {to}", words, call, "conference.move", conference=here, session=leg.id, to=to)
    call("conference.move", conference="hall1", session=anna.id, to="hall7")
    c.equal("move: where it is then", [s["id"] for s in call("conference.get", conference="hall7")["sessions"]],
            [anna.id])
    refused(c, "move: nobody is left", "expected one that runs", call, "conference.get", conference="hall1")
    call("conference.move", conference="hall7", session=anna.id, to="hall1")


# ---- limits ----

def limits(c, lab):
    call = lab.call
    legs = [sluice_leg.Leg(lab, "small"), sluice_leg.Leg(lab, "small")]
    refused(c, "limits: a third in a mix of two", "conference_full", sluice_leg.Leg, lab, conference="small")
    legs += [sluice_leg.Leg(lab, "demo"), sluice_leg.Leg(lab, "demo")]
    refused(c, "limits: a third in a relay", "conference_full", sluice_leg.Leg, lab, conference="demo")
    legs += [sluice_leg.Leg(lab, "each") for _ in range(16)]
    refused(c, "limits: a seventeenth where media are forwarded", "conference_full", sluice_leg.Leg, lab,
            conference="each")
    c.equal("limits: nobody stayed at the door", lab.wait_sessions(len(legs)), len(legs))
    for n in range(40 - 3):
        call("conference.create", conference=f"c{n}")
    refused(c, "limits: too many conferences", "signalling.limits.max_conferences (40)", call, "conference.create",
            conference="more")
    refused(c, "limits: ... by a call", "too_many_conferences", sluice_leg.Leg, lab, conference="hall9")
    call("conference.delete", conference="c0")
    call("conference.create", conference="more", idle_timeout_ms=300)
    control = lab.control()
    control.call("events.subscribe", types=["conference.deleted", "session.closed"])
    call("conference.delete", conference="c1")
    call("conference.create", conference="short", max_duration_ms=700)
    leg = sluice_leg.Leg(lab, "short")
    gone = control.wait_event("conference.deleted", 5, lambda e: e["data"]["conference"] == "more")
    c.equal("limits: idle", gone["data"]["cause"], "idle")
    gone = control.wait_event("conference.deleted", 5, lambda e: e["data"]["conference"] == "short")
    c.equal("limits: total time", gone["data"]["cause"], "max_duration")
    closed = control.wait_event("session.closed", 5, lambda e: e["session"] == leg.id)
    c.equal("limits: ... and its session", closed["data"]["cause"], "conference_ended")
    leg.vanish()
    for leg in legs:
        leg.leave()
    for n in range(2, 40 - 3):
        call("conference.delete", conference=f"c{n}")
    c.equal("limits: nothing is left", call("conference.list")["conferences"], [])


# ---- dialling ----

def dialling(c, lab):
    control = lab.control()
    call = control.call
    call("events.subscribe", types=["session.closed"])
    for to in ("198.18.0.999", "198.18.0.3:99999", ":", "1.2.3", "198.18.0.3:", "a@b@c", "anna@", "@198.18.0.3:x",
               "[::1", "224.0.0.1", "255.255.255.255", "0.0.0.0", "[::]:1720", "[ff02::1]:1720"):
        refused(c, f"dial {to}", "to: expected", call, "conference.call", to=to, conference="hall")
    refused(c, "dial an address family without a listener", "address family", call, "conference.call",
            to="[2001:db8:18::3]:1720", conference="hall")
    refused(c, "dial into no conference", "conference: expected", call, "conference.call", to="198.18.0.3",
            conference="nowhere")
    refused(c, "dial with a policy that is none", "dtls: expected required, preferred or off", call,
            "conference.call", to="198.18.0.3", conference="hall", dtls="maybe")

    def outcome(to):
        dialled = call("conference.call", to=to, conference="hall")
        closed = control.wait_event("session.closed", 20, lambda e: e["session"] == dialled["id"])["data"]
        return closed["cause"], closed["text"]

    c.equal("dial where nobody listens", outcome("198.18.0.3:9"), ("unreachable", "connection refused"))
    c.equal("dial a host that is not there", outcome("anna@198.18.0.77"), ("unreachable", "host is unreachable"))
    c.equal("dial an alias without a gatekeeper", outcome("anna")[0], "no_gatekeeper")
    busy = lab.endpoint("busy", "--listen", "--answer", "busy", "--timeout", "20", ip="198.18.0.5", call=None)
    busy.wait_event("listening")
    c.equal("dial one who is busy", outcome("198.18.0.5")[0], "busy")
    c.equal("dialling: nothing is left", call("conference.list")["conferences"], [])


# ---- two clients at a time ----

OPERATIONS = (
    ("lock", {}), ("unlock", {}), ("get", {}), ("layout", {"layout": "voice"}), ("record_start", {}),
    ("record_stop", {}), ("announce", {"file": "none.wav"}), ("stop_announce", {}), ("mute", None), ("unmute", None),
    ("deafen", None), ("undeafen", None), ("gain", {"gain_db": 3}), ("kick", None), ("move", {"to": "hall2"}),
    ("delete", {}), ("create", {}))
# What may be said when somebody else was faster.
EXPECTED = ("expected one that runs", "session: expected", "already", "nothing is being played", "not being recorded",
            "that somebody is in", "whose audio is open", "conference_", "expected an active session", "kind mix")


class Operator(threading.Thread):
    """A client that does everything to one conference."""

    def __init__(self, lab, seed, until):
        super().__init__(daemon=True)
        self.control, self.random, self.until = lab.control(), random.Random(seed), until
        self.done, self.refused, self.strange = 0, 0, []

    def run(self):
        while time.monotonic() < self.until and not self.strange:
            method, more = self.random.choice(OPERATIONS)
            params = {"conference": self.random.choice(("hall", "hall", "hall2")), **(more or {})}
            try:
                if more is None or method in ("gain", "move"):
                    rows = self.control.call("session.list")["sessions"]
                    params["session"] = self.random.choice(rows)["id"] if rows else 1
                self.control.call("conference." + method, **params)
                self.done += 1
            except sluice_lab.RpcError as error:
                self.refused += 1
                if not any(words in str(error) for words in EXPECTED):
                    self.strange.append(f"{method} {params}: {error}")
            except (sluice_lab.LabError, OSError) as error:
                self.strange.append(f"{method} {params}: {error}")


def together(c, lab):
    until = time.monotonic() + 6
    operators = [Operator(lab, seed, until) for seed in (1, 2)]
    for operator in operators:
        operator.start()
    r, legs, came = random.Random(3), [], 0
    while time.monotonic() < until:
        if len(legs) < 5:
            try:
                legs.append(sluice_leg.Leg(lab, r.choice(("hall", "hall2"))))
                came += 1
            except sluice_lab.RpcError:
                pass  # locked, or ending
        for leg in legs:
            leg.send()
        if len(legs) == 5:
            legs.pop(r.randrange(5)).leave()
    for operator in operators:
        operator.join()
        c.equal("together: every answer is one that was to be expected", operator.strange, [])
        c.check("together: much was done, some refused", operator.done > 50 and operator.refused > 5,
                f"{operator.done} done, {operator.refused} refused")
    for leg in legs:
        leg.leave()
    for name in [x["name"] for x in lab.call("conference.list")["conferences"]]:
        lab.call("conference.delete", conference=name)
    c.check("together: members came", came > 10, str(came))
    stats = lab.wait_stats(lambda s: s["sessions_now"] + s["conferences_now"] + s["media"]["ports_open"]
                           + s["media"]["numbers_in_use"] == 0, 15)
    c.equal("together: nothing is left", (stats["sessions_now"], stats["conferences_now"], stats["media"]["ports_open"],
                                          stats["media"]["numbers_in_use"]), (0, 0, 0, 0))
    st = stats["conferences"]
    c.equal("together: begun and ended, joined and left", (st["created"], st["joined"]), (st["deleted"], st["left"]))


def main():
    c = sluice_lab.Checks()
    with sluice_lab.Lab("conference-requests", settings) as lab:
        lab.start()
        for part in (forms, states, limits, dialling, together):
            c.case(part.__name__, part, c, lab)
        c.check("the control socket is as ever", json.dumps(lab.call("server.info")) != "")
    c.finish()


if __name__ == "__main__":
    sluice_lab.enter_network()
    main()
