#!/usr/bin/env python3
"""OpenSSL's own s_client and s_server shake hands with a running server's transports, in both roles and
with every profile, and export the same keying material; wrong peers get nothing (D-VERIFY)."""
# timeout: 240
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts", "lib"))
import sluice_lab  # noqa: E402

PEER = sluice_lab.ENDPOINT_IPS[0]
# OpenSSL's name, bytes that RFC 5764 takes for it
PROFILES = [("SRTP_AEAD_AES_128_GCM", 56), ("SRTP_AEAD_AES_256_GCM", 88),
            ("SRTP_AES128_CM_SHA1_80", 60), ("SRTP_AES128_CM_SHA1_32", 60)]


class Certificate:
    """A self-signed certificate as files, and its fingerprint as H.245 would carry it."""

    def __init__(self, lab, name, key):
        self.cert, self.key = lab.path(name + ".crt"), lab.path(name + ".key")
        subprocess.run(["openssl", "req", "-x509", "-nodes", "-subj", "/CN=peer", "-days", "2",
                        "-keyout", self.key, "-out", self.cert, "-newkey"] + key, check=True,
                       capture_output=True)

    def fingerprint(self, digest="sha256"):
        out = subprocess.run(["openssl", "x509", "-in", self.cert, "-noout", "-fingerprint",
                              "-" + digest], check=True, capture_output=True, text=True).stdout
        return out.strip().split("=", 1)[1]


def peer(lab, role, certificate, local_port, remote, profile, length, more=()):
    """s_client (role active) or s_server (passive), whose output can be waited for."""
    command = ["openssl", "s_client" if role == "active" else "s_server", "-dtls1_2", "-use_srtp",
               profile, "-keymatexport", "EXTRACTOR-dtls_srtp", "-keymatexportlen", str(length)]
    if certificate:
        command += ["-cert", certificate.cert, "-key", certificate.key]
    if role == "active":
        command += ["-bind", f"{PEER}:{local_port}", "-connect", remote]
    else:
        command += ["-accept", f"{PEER}:{local_port}", "-Verify", "1"]
    command += more
    # It ends when its standard input does: keep that open by a pipe that nobody writes to.
    shell = ["sh", "-c", 'tail -f /dev/null | exec "$@"', "sh"] + command
    return lab.run("openssl", shell, "ends")


def wait_state(lab, transport, seconds=8):
    """The transport when it is no longer in its handshake."""
    client = lab.control()
    sluice_lab.wait_until(lambda: client.call("lab.transport.get", id=transport)["state"] != "handshake", seconds)
    return client.call("lab.transport.get", id=transport)


def material(process):
    line = process.wait_line("Keying material: ", 10)
    return re.search(r"Keying material: ([0-9A-F]+)", line).group(1).lower()


def handshake(c, lab, what, role, certificate, port, profile, length, digest=("sha-256", "sha256")):
    ours = "passive" if role == "active" else "active"
    if role == "passive":
        process = peer(lab, role, certificate, port, None, profile, length)
        process.wait_line("ACCEPT", 10)
    opened = lab.call("lab.transport.open", role=ours, remote=f"{PEER}:{port}", hash=digest[0],
                      fingerprint=certificate.fingerprint(digest[1]))
    if role == "active":
        process = peer(lab, role, certificate, port, f"{sluice_lab.MEDIA_IP4}:{opened['port']}",
                       profile, length)
    exported = material(process)
    state = wait_state(lab, opened["id"])
    c.equal(f"{what}: established", state["state"], "established")
    c.equal(f"{what}: fingerprint verified", state.get("fingerprint_verified"), True)
    c.equal(f"{what}: profile", state.get("srtp_profile"), profile)
    c.equal(f"{what}: OpenSSL exports {length} bytes", len(exported), 2 * length)
    c.check(f"{what}: both exported the same keying material",
            state.get("keying_material", "").lower() == exported, "they differ")
    lab.call("lab.transport.close", id=opened["id"])
    process.kill()


def refused(c, lab, what, certificate, shown, port, reason):
    """A client that shows another certificate than was signalled, or none."""
    opened = lab.call("lab.transport.open", role="passive", remote=f"{PEER}:{port}",
                      fingerprint=certificate.fingerprint())
    process = peer(lab, "active", shown, port, f"{sluice_lab.MEDIA_IP4}:{opened['port']}",
                   *PROFILES[0])
    state = wait_state(lab, opened["id"])
    c.equal(f"{what}: failed", state["state"], "failed")
    c.check(f"{what}: says why", reason in state["text"], state["text"])
    c.equal(f"{what}: no keys", [state["keyed"], "keying_material" in state], [False, False])
    lab.call("lab.transport.close", id=opened["id"])
    process.kill()


def is_whole(path):
    """Has s_client written its session?"""
    if not os.path.exists(path):
        return False
    with open(path, encoding="ascii") as file:
        return "-----END SSL SESSION PARAMETERS-----" in file.read()


def returning(c, lab, ec, other):
    """X-RESUME: s_client comes back with its session (-sess_out, -sess_in)."""
    session = lab.path("session.pem")
    # what is signalled, what becomes of the handshake
    calls = [("first", ec.fingerprint(), "sha-256", "established", False),
             ("again", ec.fingerprint(), "sha-256", "established", True),
             ("by another hash", ec.fingerprint("sha384"), "sha-384", "established", False),
             ("another peer", other.fingerprint(), "sha-256", "failed", None)]
    exported = []
    before = lab.call("server.stats")["media"]["shards"]
    for i, (what, fingerprint, digest, state, resumed) in enumerate(calls):
        opened = lab.call("lab.transport.open", role="passive", remote=f"{PEER}:{40200 + i}",
                          hash=digest, fingerprint=fingerprint)
        more = ["-sess_out", session] if i == 0 else ["-sess_in", session]
        process = peer(lab, "active", ec, 40200 + i,
                       f"{sluice_lab.MEDIA_IP4}:{opened['port']}", *PROFILES[0], more)
        got = wait_state(lab, opened["id"])
        c.equal(f"X-RESUME, {what}: state", got["state"], state)
        c.equal(f"X-RESUME, {what}: resumed", got.get("resumed"), resumed)
        if state == "established":
            exported.append(material(process))
            c.equal(f"X-RESUME, {what}: both exported the same", got["keying_material"].lower(),
                    exported[-1])
        lab.call("lab.transport.close", id=opened["id"])
        if i == 0:
            sluice_lab.wait_until(lambda: is_whole(session))
        process.kill()
    c.equal("X-RESUME: fresh keys each time", len(set(exported)), len(exported))
    after = lab.call("server.stats")["media"]["shards"]
    c.equal("X-RESUME: abbreviated handshakes counted",
            after["dtls_handshakes_resumed"] - before["dtls_handshakes_resumed"], 1)
    c.equal("X-RESUME: full handshakes counted",
            after["dtls_handshakes_full"] - before["dtls_handshakes_full"], 2)


def settings(config):
    config["control"]["lab_methods"] = True
    # A refusal in the clear is believed when the time is over (H-RACE), which is to be soon here.
    config["dtls"] = config.get("dtls", {}) | {"handshake_timeout_ms": 5000}


def main():
    sluice_lab.enter_network()
    c = sluice_lab.Checks()
    with sluice_lab.Lab("foreign", settings) as lab:
        lab.start()
        ec = Certificate(lab, "ec", ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
        rsa = Certificate(lab, "rsa", ["rsa:2048"])
        port = 40000
        for role, program in (("active", "s_client"), ("passive", "s_server")):
            for profile, length in PROFILES:
                port += 1
                c.case(profile, handshake, c, lab, f"{program}, {profile}", role, ec, port, profile,
                       length)
            for name, certificate, digest in (
                    ("RSA", rsa, ("sha-256", "sha256")), ("SHA-384", ec, ("sha-384", "sha384")),
                    ("SHA-512", ec, ("sha-512", "sha512"))):
                port += 1
                c.case(name, handshake, c, lab, f"{program}, {name}", role, certificate, port,
                       *PROFILES[0], digest)
        c.case("returning", returning, c, lab, ec, rsa)
        c.case("other", refused, c, lab, "another certificate", ec, rsa, 40101, "fingerprint")
        c.case("none", refused, c, lab, "no certificate", ec, None, 40102, "certificate")
        c.case("next", handshake, c, lab, "the next one", "active", ec, 40103, *PROFILES[0])
    c.finish()


if __name__ == "__main__":
    main()
