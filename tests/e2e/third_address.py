#!/usr/bin/env python3
"""A DTLS handshake from a third address beside the right peer's changes nothing (H-RACE), a peer
without a certificate gets nothing, and the lab methods are not there unless configured. (OpenSSL in
both roles, profiles and fingerprints: foreign_dtls.py.)"""
# timeout: 240
import os
import re
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts", "lib"))
import sluice_lab  # noqa: E402

PEER = sluice_lab.ENDPOINT_IPS[0]
PROFILES = "SRTP_AEAD_AES_128_GCM:SRTP_AEAD_AES_256_GCM:SRTP_AES128_CM_SHA1_80"
EXPORT = ["-keymatexport", "EXTRACTOR-dtls_srtp", "-keymatexportlen", "88"]


def settings(config):
    config["control"]["lab_methods"] = True
    config["dtls"] = {"handshake_timeout_ms": 6000}


def certificate(lab, name):
    """A self-signed certificate; returns (certificate, key, fingerprint)."""
    cert, key = lab.path(name + ".crt"), lab.path(name + ".key")
    new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    subprocess.run(["openssl", "req", "-x509", *new, "-nodes", "-days", "2", "-subj", "/CN=x",
                    "-keyout", key, "-out", cert], check=True, capture_output=True)
    text = subprocess.run(["openssl", "x509", "-in", cert, "-noout", "-fingerprint", "-sha256"],
                          check=True, capture_output=True, text=True).stdout
    return cert, key, text.strip().split("=", 1)[1]


def openssl(lab, name, *arguments):
    """An OpenSSL program with a standard input that neither says anything nor ends."""
    fifo = lab.path("silence")
    if not os.path.exists(fifo):
        os.mkfifo(fifo)
    return lab.run(name, ["sh", "-c", 'exec "$@" <>"$0"', fifo, "openssl", name, *arguments], "ends")


def s_client(lab, port, cert, profiles, bind):
    return openssl(lab, "s_client", "-dtls1_2", "-connect", f"{sluice_lab.MEDIA_IP4}:{port}", "-bind",
                   f"{PEER}:{bind}", "-cert", cert[0], "-key", cert[1], "-use_srtp", profiles,
                   *EXPORT)


def material(process):
    """What OpenSSL exported, in lower case."""
    line = process.wait_line("Keying material: ", 15)
    return re.search("Keying material: ([0-9A-F]+)", line).group(1).lower()


def wait_state(lab, number):
    """Waits until the server has said how the handshake ended; the transport's state then."""
    said = re.compile(f"lab transport (established|failed) id={number} ")
    lab.server.wait_for(f"end of handshake {number}",
                        lambda: any(said.search(line) for line in lab.server.lines), 15)
    return lab.call("lab.transport.get", id=number)


def compare(c, what, lab, opened, process, profile):
    exported = material(process)
    found = wait_state(lab, opened["id"])
    c.equal(f"{what}: established", found["state"], "established")
    c.equal(f"{what}: profile", found.get("srtp_profile"), profile)
    ours = found.get("keying_material", "")
    c.check(f"{what}: the same keying material", len(ours) >= 112 and exported.startswith(ours),
            f"{ours} against {exported}")
    lab.call("lab.transport.close", id=opened["id"])
    process.stop(5)


def no_certificate(c, lab):
    cert = certificate(lab, "unused")
    opened = lab.call("lab.transport.open", role="passive", fingerprint=cert[2],
                      remote=f"{PEER}:7150")
    client = openssl(lab, "s_client", "-dtls1_2", "-connect",
                     f"{sluice_lab.MEDIA_IP4}:{opened['port']}", "-bind", f"{PEER}:7150", "-use_srtp",
                     PROFILES)
    found = wait_state(lab, opened["id"])
    c.equal("no certificate: refused", found["state"], "failed")
    c.check("no certificate: the reason is told", "no_certificate" in found["text"], found["text"])
    client.stop(5)
    lab.call("lab.transport.close", id=opened["id"])


def third_address(c, lab):
    cert = certificate(lab, "third")
    opened = lab.call("lab.transport.open", role="passive", fingerprint=cert[2],
                      remote=f"{PEER}:7200")
    stranger = s_client(lab, opened["port"], cert, PROFILES, 7201)
    lab.server.wait_line("DTLS from a third address dropped", 10)
    client = s_client(lab, opened["port"], cert, PROFILES, 7200)
    compare(c, "beside a stranger", lab, opened, client, "SRTP_AEAD_AES_128_GCM")
    c.check("a stranger gets no handshake", not stranger.has_line("Keying material"))
    stranger.kill()


def refused_unless_configured(c):
    with sluice_lab.Lab("nolab") as lab:
        lab.start()
        try:
            lab.call("lab.transport.open", role="passive", fingerprint="AB", remote="192.0.2.1:1")
            c.check("lab methods are not there unless configured", False)
        except sluice_lab.RpcError as error:
            c.equal("lab methods are not there unless configured", error.code, -32601)


def main():
    if not shutil.which("openssl"):
        print("openssl is missing: run scripts/setup")
        sys.exit(77)
    sluice_lab.enter_network()
    c = sluice_lab.Checks()
    with sluice_lab.Lab("third", settings) as lab:
        lab.start()
        c.case("no certificate", no_certificate, c, lab)
        c.case("third address", third_address, c, lab)
        c.equal("the server has stopped in order", lab.server.stop(10), 0)
    refused_unless_configured(c)
    c.finish()


main()
