#!/usr/bin/env python3
"""GStreamer's dtlssrtpenc and dtlssrtpdec as a media peer in both DTLS roles (D-SRTP, D-VERIFY, C-PASS):
what it plays reaches an H.323 endpoint sample for sample, and the other way round; one that shows
another certificate than it signalled gets no keys (D-MISMATCH)."""
# timeout: 240
import hashlib
import json
import os
import ssl
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts", "lib"))
import sluice_lab  # noqa: E402

PEER = os.path.join(ROOT, "tests", "peers", "gst_peer.py")
PEER_IP = sluice_lab.ENDPOINT_IPS[1]

# What GStreamer itself makes by default, and what else certificates are made of.
KEYS = [("RSA 2048", ["rsa:2048"]), ("P-256", ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"])]


class GstPeer(sluice_lab.Process):
    def __init__(self, lab, name, *arguments):
        self.events = []
        super().__init__(name, ["/usr/bin/python3", PEER, *arguments], "ends")
        lab.processes.append(self)

    def on_line(self, line):
        try:
            self.events.append(json.loads(line))
        except ValueError:
            pass

    def wait_event(self, name, seconds=15):
        return self.wait_for(f"event {name}", lambda: next(
            (e for e in self.events if e["event"] == name), None), seconds)


def fingerprint(pem):
    digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest().upper()
    return ":".join(digest[i:i + 2] for i in range(0, 64, 2))


def certificate(lab, name, kind):
    """A file with key and certificate; its fingerprint."""
    path = lab.path(name + ".pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", *kind, "-nodes", "-days", "30", "-subj", f"/CN={name}",
                    "-keyout", path + ".key", "-out", path], check=True, stderr=subprocess.DEVNULL)
    with open(path, encoding="ascii") as file:
        pem = file.read()
    with open(path + ".key", encoding="ascii") as file:
        key = file.read()
    with open(path, "w", encoding="ascii") as file:
        file.write(pem + key)
    return path, fingerprint(pem)


def alaw_decode(octet):
    """ITU-T G.711, 16-bit samples."""
    octet ^= 0x55
    value, exponent = (octet & 0x0f) << 4, (octet & 0x70) >> 4
    value += 8 if exponent == 0 else 0x108
    value <<= max(exponent - 1, 0)
    return value if octet & 0x80 else -value


def sounds(lab, name, step):
    """The same sound as A-law octets and as a WAV file that any encoder turns into these octets."""
    sluice_lab.tone(name, step)
    wav, raw = lab.path(name + ".wav"), lab.path(name + ".alaw")
    subprocess.run(["sox", "-D", sluice_lab.tone(name, step), "-t", "al", raw], check=True)
    with open(raw, "rb") as file:
        octets = file.read()
    octets = octets[:len(octets) // 160 * 160]
    with open(raw, "wb") as file:
        file.write(octets)
    with sluice_lab.wave.open(wav, "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(sluice_lab.struct.pack(f"<{len(octets)}h", *map(alaw_decode, octets)))
    return raw, wav, octets


def offer(setup, fp, port):
    return "\r\n".join(["v=0", f"o=- 1 1 IN IP4 {PEER_IP}", "s=-", f"c=IN IP4 {PEER_IP}", "t=0 0",
                        f"m=audio {port} UDP/TLS/RTP/SAVPF 8", "a=rtcp-mux", f"a=setup:{setup}",
                        f"a=fingerprint:sha-256 {fp}", ""])


def answer_of(sdp):
    """Port, role and fingerprint of our answer."""
    lines = sdp.split("\r\n")
    value = lambda start: next(line[len(start):] for line in lines if line.startswith(start))  # noqa: E731
    return (value("c=IN IP4 "), value("m=audio ").split(" ")[0], value("a=setup:"),
            value("a=fingerprint:sha-256 "))


def start_peer(lab, control, name, setup, pem, fp, play, port):
    result = control.call("session.create", conference="demo", sdp=offer(setup, fp, port))
    host, remote, role, ours = answer_of(result["sdp"])
    record = lab.path(name + ".heard")
    peer = GstPeer(lab, name, "--local", f"{PEER_IP}:{port}", "--remote", f"{host}:{remote}", "--pem", pem,
                   "--play", play, "--record", record, *(["--client"] if setup == "active" else []))
    return peer, result["id"], role, ours, record


def both_roles(c, lab, control, what, kind, setup, port):
    pem, fp = certificate(lab, f"peer{port}", kind)
    far, far_wav, _ = sounds(lab, "gst-up", 0.9)
    _, near_wav, near = sounds(lab, "gst-far-up", 1.7)
    # The endpoint first: what GStreamer plays when it has its keys finds somebody.
    anna = lab.endpoint("anna", "--play", near_wav, "--expect", far_wav, "--start", "heard", "--timeout", "25")
    anna.wait_event("connect")
    peer, session, role, ours, record = start_peer(lab, control, f"gst{port}", setup, pem, fp, far, port)
    c.equal(f"{what}: our role", role, {"active": "passive", "passive": "active"}[setup])
    c.equal(f"{what}: our certificate", fingerprint(peer.wait_event("connected")["certificate"]), ours)
    report = anna.report()
    if not c.check(f"{what}: every sample of GStreamer's was heard", report["ok"] and report["audio_match"],
                   report["failure"]):
        print(peer.tail(), anna.tail())
    a = lab.call("session.get", id=session)["transports"][0]["association"]
    c.equal(f"{what}: verified", (a["state"], a["fingerprint_verified"]), ("keyed", True))
    control.call("session.close", id=session)
    peer.stop()
    with open(record, "rb") as file:
        c.check(f"{what}: GStreamer heard every sample of the endpoint's", near in file.read())


def wrong_certificate(c, lab, control, port):
    pem, _ = certificate(lab, "liar", KEYS[1][1])
    _, other = certificate(lab, "somebody", KEYS[1][1])
    raw, _, _ = sounds(lab, "gst-up", 0.9)
    control.call("events.subscribe", types=["session.closed", "dtls.failed"])
    _, session, _, _, _ = start_peer(lab, control, "liar", "active", pem, other, raw, port)
    event = control.wait_event("dtls.failed", 15, lambda e: e.get("session") == session)
    c.equal("another certificate: reason", event["data"]["reason"], "fingerprint_mismatch")
    event = control.wait_event("session.closed", 15, lambda e: e.get("session") == session)
    c.equal("another certificate: cause", event["data"]["cause"], "dtls_failed")


def main():
    sluice_lab.enter_network()
    c = sluice_lab.Checks()
    with sluice_lab.Lab("gstreamer") as lab:
        lab.start()
        control = lab.control()
        port = 41000
        for name, kind in KEYS:
            for setup in ("active", "passive"):
                what = f"GStreamer {setup}, {name}"
                c.case(what, both_roles, c, lab, control, what, kind, setup, port)
                port += 2
        c.case("another certificate", wrong_certificate, c, lab, control, port)
        c.equal("no session is left", lab.wait_sessions(0), 0)
    c.finish()


if __name__ == "__main__":
    main()
