#!/usr/bin/env python3
"""H-LATCH: with media.latch a transport's remote moves once, and by an authentic packet alone. Forged packets and
replays of good ones move nothing, nor does a second authentic packet; without the setting nothing moves at all.
OpenSSL is the peer and tells the keys; its SRTP is made here (RFC 3711), and sent by any address."""
# timeout: 240
import hashlib
import hmac
import os
import re
import struct
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import attack_lab  # noqa: E402, F401
import sluice_lab  # noqa: E402

PEER, PORT = sluice_lab.ENDPOINT_IPS[0], 41000
OTHER = sluice_lab.ENDPOINT_IPS[1]
SSRC = 0x51ce1a7c


def keystream(key, iv, length):
    return subprocess.run(["openssl", "enc", "-aes-128-ctr", "-nosalt", "-K", key.hex(), "-iv", bytes(iv).hex()],
                          input=bytes(length), capture_output=True, check=True).stdout


class Sender:
    """SRTP by AES128_CM_SHA1_80 with a client's keys."""

    def __init__(self, material):
        self.key, self.salt = (self.derive(material, label, length) for label, length in ((0, 16), (2, 14)))
        self.auth = self.derive(material, 1, 20)

    @staticmethod
    def derive(material, label, length):
        iv = bytearray(material[32:46] + bytes(2))
        iv[7] ^= label
        return keystream(material[:16], iv, length)

    def packet(self, sequence):
        header = struct.pack("!BBHII", 0x80, 8, sequence, 160 * sequence, SSRC)
        iv = int.from_bytes(self.salt, "big") << 16 ^ SSRC << 64 ^ sequence << 16
        payload = bytes(a ^ b for a, b in zip(bytes([0xd5]) * 160, keystream(self.key, iv.to_bytes(16, "big"), 160)))
        tag = hmac.new(self.auth, header + payload + bytes(4), hashlib.sha1).digest()[:10]
        return header + payload + tag


def certificate(lab):
    cert, key = lab.path("peer.crt"), lab.path("peer.key")
    subprocess.run(["openssl", "req", "-x509", "-nodes", "-subj", "/CN=peer", "-days", "2", "-keyout", key, "-out", cert,
                    "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"], check=True, capture_output=True)
    out = subprocess.run(["openssl", "x509", "-in", cert, "-noout", "-fingerprint", "-sha256"], check=True,
                         capture_output=True, text=True).stdout
    return cert, key, out.strip().split("=", 1)[1]


def connect(lab):
    """A transport with OpenSSL at the other end: its id and port, and who sends with its keys."""
    cert, key, fingerprint = certificate(lab)
    opened = lab.call("lab.transport.open", role="passive", remote=f"{PEER}:{PORT}", fingerprint=fingerprint)
    process = lab.run("openssl", ["sh", "-c", 'tail -f /dev/null | exec "$@"', "sh", "openssl", "s_client", "-dtls1_2",
                                  "-use_srtp", "SRTP_AES128_CM_SHA1_80", "-keymatexport", "EXTRACTOR-dtls_srtp",
                                  "-keymatexportlen", "60", "-cert", cert, "-key", key, "-bind", f"{PEER}:{PORT}",
                                  "-connect", f"{sluice_lab.MEDIA_IP4}:{opened['port']}"], "ends")
    line = process.wait_line("Keying material: ", 15)
    material = bytes.fromhex(re.search(r"Keying material: ([0-9A-F]+)", line).group(1))
    lab.server.wait_line(f"lab transport established id={opened['id']} ", 10)
    sluice_lab.wait_until(lambda: lab.call("lab.transport.get", id=opened["id"])["keyed"])
    # What is the client's: the first key, the first salt (RFC 5764 section 4.2).
    return opened["id"], opened["port"], Sender(material[:16] + bytes(16) + material[32:46])


def send(ip, port, to, packet):
    tool = os.path.join(sluice_lab.ROOT, "tests", "peers", "raw_udp.py")
    subprocess.run(sluice_lab.in_namespace("ends", [tool, ip, str(port), sluice_lab.MEDIA_IP4, str(to)]),
                   input=packet.hex() + "\n", text=True, check=True, capture_output=True)


def counted(lab, name, before):
    """Has the counter of the data plane risen above `before`?"""
    return lab.wait_stats(lambda s: s["data_plane"][name] > before)["data_plane"][name] > before


def attack(c, is_on):
    what = "on" if is_on else "off"

    def settings(config):
        config["control"]["lab_methods"] = True
        config.setdefault("media", {})["latch"] = is_on

    with sluice_lab.Lab("latch", settings) as lab:
        lab.start()
        number, port, sender = connect(lab)

        def step(name, ip, source, packet, counter, remote):
            before = lab.call("server.stats")["data_plane"][counter]
            send(ip, source, port, packet)
            c.check(f"{what}, {name}: counted as {counter}", counted(lab, counter, before))
            if remote.split(":")[1] == str(PORT + 1) and counter == COUNTED:
                lab.server.wait_line("latched", 5)
            c.equal(f"{what}, {name}: the remote", lab.call("lab.transport.get", id=number)["remote"], remote)

        at_first, moved = f"{PEER}:{PORT}", f"{PEER}:{PORT + 1}"
        forged = bytearray(sender.packet(9))
        forged[-1] ^= 1
        with c.proof("H-LATCH", f"media.latch {what}: who moves the remote", of={"part": "once" if is_on else "off"}):
            step("as signalled", PEER, PORT, sender.packet(1), COUNTED, at_first)
            if is_on:
                step("forged, from elsewhere", OTHER, 5000, bytes(forged), "auth_failed", at_first)
                step("a replay, from elsewhere", OTHER, 5000, sender.packet(1), "replayed", at_first)
                step("authentic, from another port", PEER, PORT + 1, sender.packet(2), COUNTED, moved)
                step("authentic, from a third", OTHER, 5000, sender.packet(3), "remote_mismatch", moved)
                step("authentic, from the first again", PEER, PORT, sender.packet(4), "remote_mismatch", moved)
                step("and on", PEER, PORT + 1, sender.packet(5), COUNTED, moved)
            else:
                step("authentic, from another port", PEER, PORT + 1, sender.packet(2), "remote_mismatch", at_first)
                step("and on", PEER, PORT, sender.packet(3), COUNTED, at_first)


COUNTED = "no_route"  # accepted, and nobody is there to get it


def main():
    sluice_lab.enter_network()
    c = sluice_lab.Checks()
    c.case("off", attack, c, False)
    c.case("on", attack, c, True)
    c.finish()


if __name__ == "__main__":
    main()
