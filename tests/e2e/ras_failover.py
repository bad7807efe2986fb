#!/usr/bin/env python3
"""Finding gatekeepers and losing them: discovery in a multicast group where one refuses, more names
than one message holds, alternates with and without registration, redirected requests, and the
operator's methods and events.
"""
# timeout: 240
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts", "lib"))
sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))
import ras  # noqa: E402
import sluice_lab  # noqa: E402

FIRST, SECOND = ras.ADDRESS, sluice_lab.ENDPOINT_IPS[2]
GROUP = ("224.0.1.41", 1718)
QUICK = {"request_ms": 400, "tries": 2, "retry_ms": 1000, "ttl_s": 10}


def alternate(ip, need_register):
    return {"rasAddress": ras.transport(ip, 1719), "gatekeeperIdentifier": "othergk",
            "needToRegister": need_register, "priority": 1}


def lives(seconds):
    """RCF with a short life, so that a loss is noticed soon."""
    return lambda rcf: rcf.update(timeToLive=seconds)


class Lab(ras.RasLab):
    """Quick timers and no password."""

    def __init__(self, name, **more):
        def change(config):
            config["gatekeeper"] = {"address": FIRST, "aliases": ["alice"], "prefixes": ["77"],
                                    **QUICK, **more}

        super().__init__(name, change)

    def begin(self):
        """Events from the start of the server on."""
        self.start()
        control = self.control()
        control.call("events.subscribe", types=["gatekeeper.*"])
        self.wait_info(lambda g: g["state"] == "registered")
        return control


def addressed(lab):
    return lab.call("gatekeeper.get")["address"]


def by_group(c):
    """One member of the group refuses at once, the other takes us."""
    sullen = ras.Gatekeeper(SECOND, None, GROUP)
    sullen._answer = lambda kind, body: sullen.say("gatekeeperReject", {
        "requestSeqNum": body["requestSeqNum"],
        "protocolIdentifier": body["protocolIdentifier"],
        "rejectReason": {"terminalExcluded": None}})
    friendly = ras.Gatekeeper(FIRST, None, GROUP)
    friendly.lose = 1  # the first request: the refusal of the other comes alone
    with Lab("ras-group", address="224.0.1.41", local="198.18.0.1") as lab:
        lab.begin()
        c.equal("registered with the one that answered", addressed(lab), f"{FIRST}:1719")
        sullen.wait("gatekeeperRequest")
        c.equal("the group was asked twice", friendly.count("gatekeeperRequest"), 2)
        c.equal("the other was not registered with", sullen.count("registrationRequest"), 0)
        c.equal("the request leaves from our address", friendly.last("gatekeeperRequest")
                ["rasAddress"]["ipAddress"]["ip"], "c6120001")
    sullen.close()
    friendly.close()


def prefixes_of(rrq):
    caps = rrq["terminalType"]["mcu"]["protocol"][0]["h323"]
    return [p["prefix"]["dialledDigits"] for p in caps["supportedPrefixes"]]


def many_names(c):
    names = [str(7000 + i) for i in range(70)]
    gatekeeper = ras.Gatekeeper(FIRST, None)
    gatekeeper.change["registrationConfirm"] = lambda rcf: rcf.update(
        supportsAdditiveRegistration=None)
    with Lab("ras-names", prefixes=names) as lab:
        lab.begin()
        c.equal("all are told", lab.wait_gatekeeper(lambda g: g["names_told"] == 71)["names_told"],
                71)
        told = gatekeeper.once("registrationRequest")[:3]
        c.equal("every prefix once, in order", sum((prefixes_of(r) for r in told), []), names)
        c.equal("two of three are additive", ["additiveRegistration" in r for r in told],
                [False, True, True])
        gatekeeper.forget()
        lab.call("gatekeeper.register", aliases=["carol"], prefixes=["991"])
        _, rrq, _ = gatekeeper.wait("registrationRequest")
        c.equal("added by the operator", (rrq["terminalAlias"], prefixes_of(rrq)),
                ([{"h323-ID": "carol"}], ["991"]))
        c.check("additive", "additiveRegistration" in rrq, rrq)
    gatekeeper.close()


def fail_over(c):
    """The first dies: registered with the second, which dies too: back to the first."""
    first, second = ras.Gatekeeper(FIRST, None), ras.Gatekeeper(SECOND, None)
    for gatekeeper in (first, second):
        gatekeeper.change["registrationConfirm"] = lambda rcf: rcf.update(
            timeToLive=2, alternateGatekeeper=[alternate(SECOND, True)])
    second.change["gatekeeperConfirm"] = lambda gcf: gcf.update(gatekeeperIdentifier="othergk")
    with Lab("ras-fail-over") as lab:
        control = lab.begin()
        c.equal("the configured one first", addressed(lab), f"{FIRST}:1719")
        first.is_silent = True
        c.equal("unregistered", control.wait_event("gatekeeper.unregistered", 10)["data"]["reason"],
                "no answer")
        switched = control.wait_event("gatekeeper.switched", 10)["data"]
        c.equal("the alternate", (switched["from"], switched["address"]),
                (f"{FIRST}:1719", f"{SECOND}:1719"))
        first.is_silent, second.is_silent = False, True
        switched = control.wait_event("gatekeeper.switched", 10)["data"]
        c.equal("back again", switched["address"], f"{FIRST}:1719")
        first.is_silent = True
        control.wait_event("gatekeeper.unreachable", 10)
        c.check("none left: waiting",
                lab.call("gatekeeper.get")["state"] in ("waiting", "discovering"))
        first.is_silent = second.is_silent = False
        control.wait_event("gatekeeper.registered", 10)
    first.close()
    second.close()


def take_over(c):
    """An alternate that needs no registration: calls live on, and the next is asked for there."""
    first, second = ras.Gatekeeper(FIRST, None), ras.Gatekeeper(SECOND, None)
    first.change["registrationConfirm"] = lambda rcf: rcf.update(
        timeToLive=30, alternateGatekeeper=[alternate(SECOND, False)])
    with Lab("ras-take-over") as lab:
        control = lab.begin()
        caller = lab.endpoint("steady", "--play", sluice_lab.tone_pair()[0], "--loop", "--stay",
                              "--start", "now", "--timeout", "60")
        caller.wait_event("connect")
        first.is_silent = True
        later = lab.endpoint("later", "--play", sluice_lab.tone_pair()[1], "--loop", "--stay",
                             "--start", "now", "--timeout", "60", ip=sluice_lab.ENDPOINT_IPS[1])
        later.wait_event("connect")
        c.equal("switched", control.wait_event("gatekeeper.switched", 10)["data"]["identifier"],
                "labgk")  # as its RCF says
        c.equal("the call was asked for there", second.asked("admissionRequest"), 1)
        c.equal("by its name", second.last("admissionRequest")["gatekeeperIdentifier"], "othergk")
        c.equal("both calls live", len(lab.sessions()), 2)
        c.equal("no new registration", second.count("gatekeeperRequest"), 0)
        caller.stop()
        later.stop()
        second.wait("disengageRequest", 2)
    first.close()
    second.close()


def redirected(c):
    """Alternates in an AdmissionReject: for that call, or for good."""
    first, second = ras.Gatekeeper(FIRST, None), ras.Gatekeeper(SECOND, None)

    def refuse(permanent):
        def change(arj):
            arj["rejectReason"] = {"resourceUnavailable": None}
            arj["altGKInfo"] = {"alternateGatekeeper": [alternate(SECOND, False)],
                                "altGKisPermanent": permanent}
        first.refuses_calls = True
        first.change["admissionReject"] = change

    with Lab("ras-redirect") as lab:
        control = lab.begin()
        for permanent in (False, True):
            refuse(permanent)
            caller = lab.endpoint("sent-on", "--play", sluice_lab.tone_pair()[0], "--start", "now",
                                  "--timeout", "20")
            caller.wait_event("connect")
            caller.stop()
            c.equal(f"permanent {permanent}: asked at the other",
                    second.asked("admissionRequest"), 1 + permanent)
            (second if permanent else first).wait("disengageRequest")
            c.equal(f"permanent {permanent}: serves us now", addressed(lab),
                    f"{SECOND if permanent else FIRST}:1719")
            lab.wait_sessions(0)
        control.wait_event("gatekeeper.switched", 5)
        c.equal("redirections", lab.call("gatekeeper.get")["counters"]["ras_redirected"], 2)
    first.close()
    second.close()


def operator(c):
    gatekeeper = ras.Gatekeeper(FIRST, None)
    with Lab("ras-operator") as lab:
        control = lab.begin()
        lab.call("gatekeeper.unregister")
        gatekeeper.wait("unregistrationRequest")
        c.equal("event", control.wait_event("gatekeeper.unregistered", 5)["data"]["reason"],
                "operator")
        c.equal("state", lab.call("gatekeeper.get")["state"], "off")
        report = lab.endpoint("no-gatekeeper", "--play", sluice_lab.tone_pair()[0],
                              "--timeout", "10").report()
        c.equal("no calls meanwhile", report["release"]["reason"], "unreachableGatekeeper")
        gatekeeper.is_silent = True
        lab.call("gatekeeper.register")
        control.wait_event("gatekeeper.unreachable", 10)
        gatekeeper.is_silent = False
        lab.call("gatekeeper.register")  # does not wait for the pause to end
        control.wait_event("gatekeeper.registered", 5)
        try:
            c.check("a prefix is digits", False, lab.call("gatekeeper.register", prefixes=["12a"]))
        except sluice_lab.RpcError as error:
            c.equal("a prefix is digits", error.data["reason"], "invalid argument")
    gatekeeper.close()


def rejected_keep_alive(c):
    """RRJ fullRegistrationRequired and discoveryRequired, and the gatekeeper's own URQ."""
    gatekeeper = ras.Gatekeeper(FIRST, None)
    reasons = ["fullRegistrationRequired", "discoveryRequired"]
    answer = gatekeeper._answer

    def moody(kind, body):
        if kind == "registrationRequest" and body.get("keepAlive") and reasons:
            gatekeeper.say("registrationReject", {
                "requestSeqNum": body["requestSeqNum"],
                "protocolIdentifier": body["protocolIdentifier"],
                "rejectReason": {reasons[0]: None}})
            gatekeeper.forget()
            reasons.pop(0)
        else:
            answer(kind, body)

    gatekeeper._answer = moody
    gatekeeper.change["registrationConfirm"] = lives(2)
    with Lab("ras-rejected", discovery=False) as lab:
        control = lab.begin()
        c.equal("no discovery", gatekeeper.count("gatekeeperRequest"), 0)
        for reason in list(reasons):
            lost = control.wait_event("gatekeeper.unregistered", 10)["data"]
            c.equal("reason", lost["reason"], reason)
            control.wait_event("gatekeeper.registered", 10)
            c.equal(f"{reason}: discovered", gatekeeper.asked("gatekeeperRequest"),
                    int(reason == "discoveryRequired"))
        gatekeeper.say("unregistrationRequest", {
            "requestSeqNum": 99, "callSignalAddress": [ras.transport("198.18.0.1", 1720)],
            "reason": {"maintenance": None}})
        gatekeeper.wait("unregistrationConfirm")
        control.wait_event("gatekeeper.unregistered", 5)
        control.wait_event("gatekeeper.registered", 5)
    gatekeeper.close()


def main():
    sluice_lab.enter_network()
    c = sluice_lab.Checks()
    for case in (by_group, many_names, fail_over, take_over, redirected, operator,
                 rejected_keep_alive):
        c.case(case.__name__, case, c)
    c.finish()


if __name__ == "__main__":
    main()
