#!/usr/bin/env python3
"""Both DTLS roles and every SRTP profile, against OpenSSL and libsrtp: C-ROLE, D-ACTIVE, D-SRTP,
C-HASH, L-UNI, M-RTCPMUX."""
# timeout: 240
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts", "lib"))
import sluice_lab  # noqa: E402

PROFILES = ["SRTP_AEAD_AES_128_GCM", "SRTP_AEAD_AES_256_GCM", "SRTP_AES128_CM_SHA1_80",
            "SRTP_AES128_CM_SHA1_32"]


def call(c, lab, what, first, second, roles, profile=PROFILES[0]):
    endpoints = lab.pair(first, second)
    for endpoint, role in zip(endpoints, roles):
        r = endpoint.report()
        who = f"{what}, {endpoint.name}"
        if not c.check(f"{who}: ok, audio equal", r["ok"] and r["audio_match"], r["failure"]):
            print(endpoint.tail())
        if role:
            c.equal(f"{who}: role", r["role"], role)
        c.equal(f"{who}: fingerprint verified", r["fingerprint_verified"], True)
        if profile:
            c.equal(f"{who}: profile", r["srtp_profile"], profile)
        c.equal(f"{who}: nothing lost, nothing refused",
                [r["lost"]] + [r["counters"][k] for k in ("bad_auth", "replayed", "malformed")],
                [0, 0, 0, 0])


def one_role_server(c, server_role):
    """A server that insists on a role: the complement is fine, the same one is impossible, and
    `holdconn` opens no DTLS (C-ROLE)."""
    other = "passive" if server_role == "active" else "active"
    with sluice_lab.Lab("role", lambda config: config.update(dtls={"setup": server_role})) as lab:
        lab.start()
        what = f"server {server_role}"
        c.case(what, call, c, lab, f"{what}, endpoints {other}", ["--setup", other],
               ["--setup", other], [other, other])
        c.case(what, call, c, lab, f"{what}, endpoints actpass", [], [], [other, other])
        for impossible in (server_role, "holdconn"):
            r = lab.endpoint("lone", "--setup", impossible, "--duration", "2").report()
            c.check(f"{what}, endpoint {impossible}: no handshake, no media",
                    not r["ok"] and r["counters"]["dtls_in"] == 0 and r["packets_out"] == 0, r)
        c.case(what, call, c, lab, f"{what}, the next call", [], [], [other, other])


def main():
    sluice_lab.enter_network()
    c = sluice_lab.Checks()
    for server_role in ("active", "passive"):
        c.case(server_role, one_role_server, c, server_role)
    with sluice_lab.Lab("roles") as lab:
        lab.start()
        c.case("active and passive", call, c, lab, "active and passive", ["--setup", "active"],
               ["--setup", "passive"], ["active", "passive"])
        c.case("passive and active", call, c, lab, "passive and active", ["--setup", "passive"],
               ["--setup", "active"], ["passive", "active"])
        c.case("both actpass", call, c, lab, "actpass", [], [], [None, None])
        for name in PROFILES:
            c.case(name, call, c, lab, name, ["--profiles", name, "--setup", "active"],
                   ["--profiles", name, "--setup", "passive"], ["active", "passive"], name)
        # The server's order of preference decides, not the endpoint's.
        reverse = ",".join(reversed(PROFILES))
        c.case("server's preference", call, c, lab, "server's preference",
               ["--profiles", reverse, "--setup", "active"], ["--setup", "active"],
               ["active", "active"])
        c.case("different profiles", call, c, lab, "a profile for each leg",
               ["--profiles", PROFILES[3]], ["--profiles", PROFILES[1]], [None, None], None)
        for hashes in ("sha-512,sha-256", "sha-384", "sha-512"):
            c.case(hashes, call, c, lab, f"hashes {hashes}", ["--hashes", hashes], [], [None, None])
        c.case("tunnels", call, c, lab, "H.245 tunnelled", ["--tunnel", "--setup", "active"],
               ["--tunnel", "--setup", "passive"], ["active", "passive"])
        c.case("one tunnel", call, c, lab, "H.245 tunnelled on one leg", ["--tunnel"], [],
               [None, None])
        # In the middle of the call, and with it the roll-over counter of SRTP.
        c.case("wrap", call, c, lab, "sequence numbers wrap", ["--sequence", "65520"], ["--sequence", "65500"], [None, None])
        for codec in ("pcmu", "pcma"):
            c.case(codec, call, c, lab, codec, ["--codec", codec], ["--codec", codec], [None, None])
        c.equal("no session is left", lab.wait_sessions(0), 0)
    c.finish()


if __name__ == "__main__":
    main()
