#!/usr/bin/env python3
"""How H.245 gets its connection when both sides want to open it (H.323 8.2): each connects to the
address that the other has told, in calls that come in and in calls of the server; one of the two
connections is given up by the rule of 8.2.3, with the server's address the smaller and the greater one,
and a peer that keeps to its own is followed. Media flow sample for sample each time."""
# timeout: 240
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts", "lib"))
import sluice_lab  # noqa: E402

ONE, OTHER = sluice_lab.ENDPOINT_IPS[:2]
GREATER = "198.18.0.200"  # an address of the server's, above those of the endpoints
LISTENERS = {"smaller": f"{sluice_lab.SERVER_IP4}:1720", "greater": f"{sluice_lab.SERVER_IP4}:1721"}


def listeners(config):
    config["signalling"]["h245_in_setup"] = True
    config["signalling"]["tunnelling"] = False
    config["signalling"]["listeners"] = [
        {"name": "smaller", "address": LISTENERS["smaller"]},
        {"name": "greater", "address": LISTENERS["greater"], "h245_address": GREATER}]


def how(report):
    """What the endpoint says of its H.245 connection."""
    return [e["detail"] for e in report["ladder"] if e["event"] == "h245_open"]


def judge(c, what, report):
    who = f"{what}, {report['alias']}"
    c.check(f"{who}: ok, audio equal", report["ok"] and report["audio_match"],
            f"{report['failure']} {[(e['event'], e['detail']) for e in report['ladder']]}")
    c.equal(f"{who}: lost", report["lost"], 0)


def crossed(lab):
    return lab.call("server.stats")["signalling"]["h245_crossed"]


def counted(c, what, count, used):
    """Once. Who uses our connection gives up its own at once, and may have done so before the server has looked: then
    none has crossed."""
    c.check(f"{what}: counted", count == 1 or (count == 0 and used == "the peer's"), count)


def call_in(c, lab, listener, used, *faults):
    what = f"call that comes in, server's address {listener} {' '.join(faults)}"
    before = crossed(lab)
    endpoints = lab.pair(["--h245", "cross", *faults], [], to=(LISTENERS[listener], LISTENERS["smaller"]))
    reports = [e.report() for e in endpoints]
    for report in reports:
        judge(c, what, report)
    c.equal(f"{what}: which", how(reports[0]), [f"crossed, {used} is used"])
    counted(c, what, crossed(lab) - before, used)
    c.equal(f"{what}: none is left", lab.wait_sessions(0), 0)


def call_out(c, lab, listener, used, *faults):
    what = f"call of the server's, its address {listener} {' '.join(faults)}"
    before = crossed(lab)
    up, far_up = sluice_lab.tone_pair()
    callee = lab.endpoint("bert", "--listen", "--h245", "cross", "--play", far_up, "--expect", up,
                          "--timeout", "20", *faults, ip=OTHER, call=None)
    callee.wait_event("listening")
    caller = lab.endpoint("anna", "--play", up, "--expect", far_up, "--timeout", "20", ip=ONE,
                          to=LISTENERS["smaller"])
    caller.wait_event("connect")
    lab.call("session.call", to=f"bert@{OTHER}", conference="demo", listener=listener)
    reports = [e.report() for e in (callee, caller)]
    for report in reports:
        judge(c, what, report)
    c.equal(f"{what}: which", how(reports[0]), [f"crossed, {used} is used"])
    counted(c, what, crossed(lab) - before, used)
    c.equal(f"{what}: none is left", lab.wait_sessions(0), 0)


def early(c, lab):
    """The callee tells its address in CallProceeding: the connection is there when it answers."""
    up, far_up = sluice_lab.tone_pair()
    callee = lab.endpoint("bert", "--listen", "--h245", "early", "--play", far_up, "--expect", up,
                          "--timeout", "20", ip=OTHER, call=None)
    callee.wait_event("listening")
    caller = lab.endpoint("anna", "--play", up, "--expect", far_up, "--timeout", "20", ip=ONE,
                          to=LISTENERS["smaller"])
    caller.wait_event("connect")
    lab.call("session.call", to=f"bert@{OTHER}", conference="demo")
    for report in (callee.report(), caller.report()):
        judge(c, "address told early", report)
    c.equal("address told early: none is left", lab.wait_sessions(0), 0)


def main():
    sluice_lab.enter_network()
    subprocess.run(["ip", "addr", "add", f"{GREATER}/24", "dev", "s0"], check=True)
    c = sluice_lab.Checks()
    with sluice_lab.Lab("h245_start", listeners) as lab:
        lab.start()
        for function in (call_in, call_out):
            # the smaller side gives up what it has opened
            c.case(f"{function.__name__} smaller", function, c, lab, "smaller", "ours")
            c.case(f"{function.__name__} greater", function, c, lab, "greater", "the peer's")
            c.case(f"{function.__name__} stubborn", function, c, lab, "greater", "ours", "--fault",
                   "stubborn")
        c.case("early", early, c, lab)
        for name in ("h245_strangers", "unknown_call", "undecodable"):
            c.equal(f"server: {name}", lab.call("server.stats")["signalling"][name], 0)
    c.finish()


if __name__ == "__main__":
    main()
