#!/usr/bin/env python3
"""X-6347: handshakes with RSA-3072 certificates over paths of 576 to 9,000 octets, OpenSSL at
the other end, in both roles. Nothing that sluice-dp sends is an IP fragment or larger than the path."""
# timeout: 240
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts", "lib"))
sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))
import foreign_dtls  # noqa: E402
import sluice_lab  # noqa: E402

HEADERS = 28  # IPv4 and UDP
MTUS = (576, 1280, 1500, 9000)


def set_mtu(mtu):
    for namespace, links in (("dp", ["sluice-dp"]), ("ends", ["pdp", "br0"])):
        for link in links:
            subprocess.run(["ip", "-n", namespace, "link", "set", link, "mtu", str(mtu)], check=True)


def counters(namespace, link):
    out = subprocess.run(["nsenter", f"--net={os.environ['SLUICE_NETNS']}/{namespace}", "cat",
                          "/proc/net/snmp"], check=True, capture_output=True, text=True).stdout
    rows = [line.split() for line in out.splitlines() if line.startswith("Ip:")]
    return dict(zip(rows[0][1:], map(int, rows[1][1:])))


def one_path(c, mtu):
    def settings(config):
        config["control"]["lab_methods"] = True
        config["dtls"] = config.get("dtls", {}) | {"mtu": min(mtu - HEADERS, 1452)}

    set_mtu(mtu)
    with sluice_lab.Lab(f"mtu{mtu}", settings) as lab:
        lab.start()
        before = counters("ends", "br0")
        rsa = foreign_dtls.Certificate(lab, "rsa", ["rsa:3072"])
        for i, role in enumerate(("active", "passive")):
            c.case(f"path {mtu}, {role}", foreign_dtls.handshake, c, lab, f"path {mtu}, OpenSSL {role}", role,
                   rsa, 40400 + i, *foreign_dtls.PROFILES[0])
        after = counters("ends", "br0")
        c.equal(f"path {mtu}: IP fragments that came from sluice-dp", after["ReasmReqds"] - before["ReasmReqds"],
                0)
        c.equal(f"path {mtu}: IP fragments that OpenSSL made", after["FragCreates"] - before["FragCreates"], 0)


def main():
    sluice_lab.enter_network()
    c = sluice_lab.Checks()
    for mtu in MTUS:
        one_path(c, mtu)
    c.finish()


if __name__ == "__main__":
    main()
