#!/usr/bin/env python3
"""Two endpoints without a server between them: the measuring tool itself is sound, and its faults do
what they say."""
# timeout: 240
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts", "lib"))
import sluice_lab  # noqa: E402

CALLEE, CALLER = "198.18.0.4", "198.18.0.3"


def direct(lab, caller_args=(), callee_args=(), ips=(CALLER, CALLEE)):
    """A call from one endpoint to the other; both reports, the caller's first."""
    up, far_up = sluice_lab.tone_pair()
    callee = lab.endpoint("bert", "--listen", "--play", far_up, "--expect", up, "--timeout", "30",
                          *callee_args, ip=ips[1], call=None)
    callee.wait_event("listening")
    caller = lab.endpoint("anna", "--play", up, "--expect", far_up, "--timeout", "30", *caller_args,
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


def usage(c):
    program = os.path.join(sluice_lab.BUILD, "bench", "sluice-endpoint")
    for arguments, word in (([], "address"), (["--nonsense"], "--nonsense"),
                            (["nowhere", "demo"], "nowhere"), (["--codec", "g729", "::1", "x"], "g729"),
                            (["--fault", "none", "::1", "x"], "none"), (["--duration"], "--duration"),
                            (["--setup", "sideways", "::1", "x"], "sideways"), (["--listen"], "--local"),
                            (["--open-role", "actpass", "::1", "x"], "--open-role"),
                            (["::1", "x", "y"], "y")):
        done = subprocess.run([program] + arguments, capture_output=True, text=True, timeout=10 * sluice_lab.PATIENCE,
                              check=False)
        c.check(f"usage {arguments}: status 2 and a sentence that names it",
                done.returncode == 2 and word in done.stderr and not done.stdout, done)
    done = subprocess.run([program, "--play", "/nonexistent.wav", "::1", "x"], capture_output=True,
                          text=True, timeout=10 * sluice_lab.PATIENCE, check=False)
    c.check("a file that is not there is named", done.returncode == 1 and
            "/nonexistent.wav" in done.stderr, done)


def main():
    sluice_lab.enter_network()
    c = sluice_lab.Checks()
    with sluice_lab.Lab("endpoint") as lab:
        c.case("usage", usage, c)
        c.case("plain", good, c, lab, "secured")
        c.case("active", good, c, lab, "caller active", ["--setup", "active"])
        c.case("passive", good, c, lab, "caller passive", ["--setup", "passive"])
        c.case("rtp", good, c, lab, "in the clear", ["--no-dtls"], ["--dtls", "preferred"])
        c.case("six", good, c, lab, "IPv6", ips=("2001:db8:18::3", "2001:db8:18::4"))
        c.case("tunnel", good, c, lab, "tunnelled", ["--tunnel"], ["--tunnel"])
        c.case("half a tunnel", good, c, lab, "only one tunnels", ["--tunnel"])
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
