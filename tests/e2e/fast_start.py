#!/usr/bin/env python3
"""Fast connect (H.323 8.1.7) with H.235.10 in it: proposals in the Setup, DTLS as soon as the answer is
there, media both ways sample for sample; tunnelled, separate or no H.245 behind it; each policy; broken
proposals, which are refused and go on by H.245."""
# timeout: 170
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


def main():
    sluice_lab.enter_network()
    c = sluice_lab.Checks()
    with sluice_lab.Lab("fast_start") as lab:
        c.case("direct", direct_cases, c, lab)
    c.finish()


if __name__ == "__main__":
    main()
