#!/usr/bin/env python3
"""Policy of a listener (required, preferred, off) against endpoints with and without H.235.10; a
mixed conference bridges SRTP and RTP, sample for sample."""
# timeout: 240
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts", "lib"))
import sluice_lab  # noqa: E402

PORTS = {"required": 1720, "preferred": 1721, "off": 1722}

# policy, endpoint's mode: what comes of it ("srtp", "rtp" or None: no media).
TABLE = [
    ("required", "required", "srtp"), ("required", "preferred", "srtp"), ("required", "off", None),
    ("preferred", "required", "srtp"), ("preferred", "preferred", "srtp"), ("preferred", "off", "rtp"),
    ("off", "required", None), ("off", "preferred", "rtp"), ("off", "off", "rtp"),
]


def listeners(config):
    config["signalling"]["listeners"] = [
        {"name": policy, "address": f"{sluice_lab.SERVER_IP4}:{port}", "dtls": policy}
        for policy, port in PORTS.items()]


def address(policy):
    return f"{sluice_lab.SERVER_IP4}:{PORTS[policy]}"


def judge_media(c, what, report, outcome):
    if not c.check(f"{what}, {report['alias']}: ok, audio equal",
                   report["ok"] and report["audio_match"], report["failure"]):
        return
    c.equal(f"{what}, {report['alias']}: {outcome}", report["secured"], outcome == "srtp")
    if outcome == "srtp":
        c.equal(f"{what}, {report['alias']}: verified", report["fingerprint_verified"], True)
    c.equal(f"{what}, {report['alias']}: lost", report["lost"], 0)


def pair(c, lab, policy, mode, outcome):
    what = f"policy {policy}, endpoint {mode}"
    if outcome:
        endpoints = lab.pair(["--dtls", mode], ["--dtls", mode], to=(address(policy),) * 2)
        for endpoint in endpoints:
            judge_media(c, what, endpoint.report(), outcome)
        return
    endpoint = lab.endpoint("lone", "--dtls", mode, "--play", sluice_lab.tone_pair()[0],
                            "--timeout", "10", to=address(policy))
    report = endpoint.report()
    c.check(f"{what}: no media", report["packets_in"] == 0 and report["packets_out"] == 0,
            report["packets_out"])
    c.check(f"{what}: the call ends and says why", not report["ok"] and report["failure"],
            report["failure"])
    if policy == "required":
        c.equal(f"{what}: the server releases with a clear cause", report["release"]["reason"],
                "securityDenied")


def mixed(c, lab):
    """One leg SRTP, the other RTP on a port pair."""
    endpoints = lab.pair(["--dtls", "required"], ["--dtls", "off"], to=(address("preferred"),) * 2)
    reports = [e.report() for e in endpoints]
    judge_media(c, "mixed conference", reports[0], "srtp")
    judge_media(c, "mixed conference", reports[1], "rtp")


def main():
    sluice_lab.enter_network()
    c = sluice_lab.Checks()
    with sluice_lab.Lab("policy", listeners) as lab:
        lab.start()
        for policy, mode, outcome in TABLE:
            c.case(f"{policy}/{mode}", pair, c, lab, policy, mode, outcome)
        c.case("mixed", mixed, c, lab)
        c.equal("no session is left", lab.wait_sessions(0), 0)
    c.finish()


if __name__ == "__main__":
    main()
