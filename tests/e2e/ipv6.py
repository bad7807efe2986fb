#!/usr/bin/env python3
"""Signalling and media over IPv6, and a conference of an IPv4 and an IPv6 endpoint."""
# timeout: 240
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts", "lib"))
import sluice_lab  # noqa: E402

FOUR = sluice_lab.ENDPOINT_IPS[0]
SIX = ["2001:db8:18::3", "2001:db8:18::4"]


def listeners(config):
    config["signalling"]["listeners"] = [
        {"name": "four", "address": f"{sluice_lab.SERVER_IP4}:1720", "dtls": "preferred"},
        {"name": "six", "address": f"[{sluice_lab.SERVER_IP6}]:1720", "dtls": "preferred"}]


def call(c, lab, what, ips, first=(), second=()):
    for endpoint in lab.pair(first, second, ips=ips):
        report = endpoint.report()
        who = f"{what}, {report['alias']}"
        if not c.check(f"{who}: ok, audio equal", report["ok"] and report["audio_match"],
                       report["failure"]):
            print(endpoint.tail())
            continue
        media = endpoint.event("olc_acked")["detail"]
        wanted = sluice_lab.MEDIA_IP6 if ":" in ips[0 if report["alias"] == "anna" else 1] \
            else sluice_lab.MEDIA_IP4
        c.check(f"{who}: media at {wanted}", wanted in media, media)
        c.equal(f"{who}: lost", report["lost"], 0)


def main():
    sluice_lab.enter_network()
    c = sluice_lab.Checks()
    with sluice_lab.Lab("ipv6", listeners) as lab:
        lab.start()
        c.case("six", call, c, lab, "IPv6", SIX)
        c.case("six, roles", call, c, lab, "IPv6, roles", SIX, ["--setup", "active"],
               ["--setup", "passive"])
        c.case("mixed", call, c, lab, "IPv4 and IPv6", [FOUR, SIX[1]])
        c.case("six, rtp", call, c, lab, "IPv6, RTP in the clear", SIX, ["--no-dtls"], ["--no-dtls"])
        c.case("mixed, rtp", call, c, lab, "IPv4 SRTP and IPv6 RTP", [FOUR, SIX[1]], [],
               ["--no-dtls"])
        c.equal("no session is left", lab.wait_sessions(0), 0)
    c.finish()


if __name__ == "__main__":
    main()
