#!/usr/bin/env python3
"""Two endpoints without a server between them: the measuring tool itself is sound, and its faults do
what they say."""
# timeout: 90
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts", "lib"))
import sluice_lab  # noqa: E402

CALLEE, CALLER = "198.18.0.4", "198.18.0.3"


def direct(lab, caller_args=(), callee_args=(), ips=(CALLER, CALLEE)):
    """A call from one endpoint to the other; both reports, the caller's first."""
    up, far_up = sluice_lab.tone_pair()
    callee = lab.endpoint("bert", "--listen", "--play", far_up, "--expect", up, "--timeout", "15",
                          *callee_args, ip=ips[1], call=None)
    callee.wait_event("listening")
    caller = lab.endpoint("anna", "--play", up, "--expect", far_up, "--timeout", "15", *caller_args,
                          ip=ips[0], call="bert", to=ips[1])
    return caller.report(), callee.report()


def good(c, lab, what, caller_args=(), callee_args=(), ips=(CALLER, CALLEE)):
    for report in direct(lab, caller_args, callee_args, ips):
        who = f"{what}, {report['alias']}"
        c.check(f"{who}: ok, audio equal", report["ok"] and report["audio_match"],
                f"{report['failure']} {[(e['event'], e['detail']) for e in report['ladder']]}")
        c.equal(f"{who}: lost", report["lost"], 0)
        secured = "--no-dtls" not in caller_args
        c.equal(f"{who}: verified", report["fingerprint_verified"], secured)


def bad(c, lab, what, caller_args, callee_args=()):
    reports = direct(lab, caller_args, callee_args)
    for report in reports:
        c.check(f"{what}, {report['alias']}: not ok, and no audio taken",
                not report["ok"] and not report["audio_match"] and report["failure"], report)
    return reports


def main():
    sluice_lab.enter_network()
    c = sluice_lab.Checks()
    with sluice_lab.Lab("endpoint") as lab:
        c.case("plain", good, c, lab, "secured")
        c.case("active", good, c, lab, "caller active", ["--setup", "active"])
        c.case("passive", good, c, lab, "caller passive", ["--setup", "passive"])
        c.case("rtp", good, c, lab, "in the clear", ["--no-dtls"], ["--dtls", "preferred"])
        c.case("six", good, c, lab, "IPv6", ips=("2001:db8:18::3", "2001:db8:18::4"))
        c.case("pcmu", good, c, lab, "mu-law", ["--codec", "pcmu"])
        for fault in ("garbage-media", "third-address", "early-media"):
            c.case(fault, good, c, lab, fault, ["--fault", fault])
        for fault in ("wrong-fingerprint", "no-certificate", "no-fingerprint", "bad-fingerprint",
                      "two-hashes", "foreign-hash", "bad-role", "drop-h245", "drop-h225"):
            c.case(fault, bad, c, lab, fault, ["--fault", fault])
        c.case("both active", bad, c, lab, "both active", ["--setup", "active"],
               ["--setup", "active"])
    c.finish()


if __name__ == "__main__":
    main()
