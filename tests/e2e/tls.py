#!/usr/bin/env python3
"""Call signalling and H.245 by TLS: calls of OpenSSL endpoints, tunnelled and with an H.245
connection of its own; calls of the server's by TLS; openssl s_client and gnutls-cli; clients that
are refused (no certificate, a stranger's, no TLS, half a handshake, H.245 in the clear); new
certificates without a restart, and bad ones refused."""
# timeout: 240
import json
import os
import shutil
import signal
import socket
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts", "lib"))
import sluice_lab  # noqa: E402

SERVER = sluice_lab.SERVER_IP4
OPEN, CLEAR = f"{SERVER}:1300", f"{SERVER}:1720"
HANDSHAKE_MS = 3000


def sh(directory, script):
    subprocess.run(["sh", "-ec", script], cwd=directory, check=True, capture_output=True)


def certificate(directory, name, authority="ca", key="ec -pkeyopt ec_paramgen_curve:P-256"):
    """NAME.crt and NAME.key, signed by AUTHORITY; with authority == name one of its own."""
    if authority == name:
        sh(directory, f"openssl req -x509 -newkey {key} -nodes -days 3 -subj /CN={name} "
                      f"-keyout {name}.key -out {name}.crt")
        return
    sh(directory, f"""
        echo basicConstraints=CA:FALSE >ext
        openssl req -newkey {key} -nodes -subj /CN={name} -keyout {name}.key -out {name}.csr
        openssl x509 -req -in {name}.csr -CA {authority}.crt -CAkey {authority}.key -CAcreateserial \\
            -days 3 -extfile ext -out {name}.crt""")


def configure(lab):
    config = lab.config
    config["signalling"]["listeners"] = [
        {"name": "tls", "address": f"{SERVER}", "dtls": "required", "tls": True},
        {"name": "clear", "address": f"{SERVER}", "dtls": "required"}]
    config["tls"] = {"certificate": lab.path("server.crt"), "key": lab.path("server.key"),
                     "ca_certificates": lab.path("ca.crt"), "client_certificates": "if_sent",
                     "handshake_timeout_ms": HANDSHAKE_MS}
    # Under TLS fingerprints are believed even where those in the clear are not (L-CERT).
    config["dtls"] = {"cleartext_signalling": "refuse"}


def openssl_client(command):
    return subprocess.run(sluice_lab.in_namespace("ends", command), input="Q\n", text=True,
                          capture_output=True, timeout=20 * sluice_lab.PATIENCE)


def judge_call(c, what, lab, endpoints, h245_tls):
    """The reports of both, and what the server says of its sessions while they run."""
    for endpoint in endpoints:
        endpoint.wait_event("first_packet", 15)
    for session in lab.sessions():
        full = lab.call("session.get", id=session["id"])
        c.equal(f"{what}: secured", full["signalling_secured"], True)
        c.check(f"{what}: version and cipher", full["signalling_tls"]["version"] in ("1.2", "1.3")
                and full["signalling_tls"]["cipher"].startswith("TLS_"), full["signalling_tls"])
        c.equal(f"{what}: H.245 has TLS of its own", full["h245_tls"] is not None, h245_tls)
        c.equal(f"{what}: tunnelled", full["h245_tunnelled"], not h245_tls)
    for endpoint in endpoints:
        endpoint.signal(signal.SIGTERM)
    for endpoint in endpoints:
        report = endpoint.report()
        c.check(f"{what}, {endpoint.name}: SRTP by a verified DTLS",
                report["secured"] and report["fingerprint_verified"], report["failure"])
        c.check(f"{what}, {endpoint.name}: TLS", report["signalling_tls"].startswith("TLSv1."), report)
        c.equal(f"{what}, {endpoint.name}: TLS of H.245", report["h245_tls"] != "", h245_tls)
    c.equal(f"{what}: nothing is left", lab.wait_sessions(0), 0)


def incoming(c, lab):
    ca = lab.path("ca.crt")
    for what, arguments, h245_tls in (
            ("tunnelled", ["--tunnel"], False), ("H.245 by TLS", [], True),
            ("TLS 1.2, own certificates", ["--tls-version", "1.2", "--tls-cert",
                                           lab.path("client.crt"), "--tls-key",
                                           lab.path("client.key")], True)):
        options = ["--tls", "--tls-ca", ca, "--stay", "--loop", *arguments]
        judge_call(c, what, lab, lab.pair(options, options, to=(OPEN, OPEN)), h245_tls)


def on_the_wire(c, lab):
    """Not an octet of H.225.0 or H.245 in the clear: nothing that a decoder would find."""
    capture, path = lab.capture("wire.pcap", namespace="ends", what="tcp")
    options = ["--tls", "--tls-ca", lab.path("ca.crt")]
    endpoints = lab.pair(options, options, to=(OPEN, OPEN))
    for endpoint in endpoints:
        c.check(f"on the wire, {endpoint.name}: ok", endpoint.report()["ok"], endpoint.final)
    capture.stop(5)
    # TPKT's first two octets never begin a segment, and every segment with data is a TLS record's.
    c.equal("on the wire: no TPKT", sluice_lab.tshark(path, "tcp.payload[0:2] == 03:00", "ip.src"), [])
    c.check("on the wire: TLS records", len(sluice_lab.tshark(
        path, "tcp.payload[0:2] == 17:03", "ip.src")) > 20)
    lab.wait_sessions(0)


def outgoing(c, lab):
    """The server calls two endpoints by TLS; the conference is theirs."""
    for what, arguments, parameters, h245_tls in (
            ("call out, tunnelled", ["--tunnel"], {}, False),
            ("call out, H.245 by TLS", [], {"tunnelling": False}, True)):
        endpoints = []
        for number, name in enumerate(("anna", "bert")):
            ip = sluice_lab.ENDPOINT_IPS[number]
            endpoint = lab.endpoint(name, "--listen", "--tls", "--tls-cert", lab.path("client.crt"),
                                    "--tls-key", lab.path("client.key"), "--tls-ca",
                                    lab.path("ca.crt"), "--play", sluice_lab.tone_pair()[number],
                                    "--stay", "--loop", *arguments, ip=ip, call=None)
            endpoint.wait_event("listening")
            endpoints.append(endpoint)
            lab.call("session.call", to=ip, conference="demo", tls=True, **parameters)
        judge_call(c, what, lab, endpoints, h245_tls)


def fast_connect(c, lab):
    """Fingerprints in Setup and Connect: protected by TLS, so that L-CERT's `refuse` lets them be."""
    options = ["--tls", "--tls-ca", lab.path("ca.crt"), "--fast-start", "--no-h245"]
    for endpoint in lab.pair(options, options, to=(OPEN, OPEN)):
        report = endpoint.report()
        c.check(f"fast connect by TLS, {endpoint.name}: audio equal", report["ok"] and
                report["audio_match"], report["failure"])
        c.equal(f"fast connect by TLS, {endpoint.name}: taken, verified",
                (report["fast_start"], report["fingerprint_verified"]), ("taken", True))
    report = lab.endpoint("lone", "--fast-start", "--timeout", "10", to=CLEAR).report()
    c.equal("fast connect in the clear is refused", report["fast_start"], "refused")
    c.check("... and no media", not report["ok"] and report["packets_in"] == 0, report)


def refused_by_us(c, lab):
    """Whoever the server calls must have a certificate of the authority."""
    watch = lab.control()
    watch.call("events.subscribe")
    endpoint = lab.endpoint("stranger", "--listen", "--tls", "--timeout", "20", call=None)
    endpoint.wait_event("listening")
    lab.call("session.call", to=sluice_lab.ENDPOINT_IPS[0], conference="demo", tls=True)
    event = watch.wait_event("session.closed", 15)
    c.check("a callee with a stranger's certificate", event["data"]["cause"] == "unreachable", event)
    endpoint.signal(signal.SIGTERM)
    endpoint.wait_end()


def foreign_clients(c, lab):
    ca, cert, key = (lab.path(n) for n in ("ca.crt", "client.crt", "client.key"))
    for what, extra, good in (
            ("1.2", ["-tls1_2"], True), ("1.1", ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], False),
            ("a weak cipher", ["-tls1_2", "-cipher", "AES128-SHA"], False),
            ("a certificate of ours", ["-cert", cert, "-key", key], True),
            ("a stranger's certificate", ["-tls1_2", "-cert", lab.path("stranger.crt"), "-key",
                                          lab.path("stranger.key")], False)):
        done = openssl_client(["openssl", "s_client", "-connect", OPEN, "-CAfile", ca,
                               "-verify_return_error", *extra])
        c.equal(f"s_client with {what}", done.returncode == 0 and "Verification: OK" in done.stdout
                and "Cipher is (NONE)" not in done.stdout, good)
    done = openssl_client(["gnutls-cli", "--x509cafile", ca, "--verify-hostname=server", "-p", "1300",
                           SERVER])
    c.check("gnutls-cli", "Handshake was completed" in done.stdout, done.stdout[-400:] + done.stderr)


def closes(ip, data, seconds=10):
    """Connects, sends, and waits for the server's end; what it has sent until then."""
    host, port = ip.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=seconds * sluice_lab.PATIENCE) as s:
        s.sendall(data)
        answer = b""
        while True:
            got = s.recv(4096)
            if not got:
                return answer
            answer += got


def wrong_ports(c, lab):
    hello = bytes.fromhex("16030100050100000100")
    before = lab.call("server.stats")["tcp"]
    c.equal("H.225.0 in the clear on the TLS port: closed", closes(OPEN, b"\x03\x00\x00\x08abcd"), b"")
    c.equal("TLS on the clear port: closed", closes(CLEAR, hello), b"")
    c.equal("half a handshake: closed in time", closes(OPEN, hello[:7]), b"")
    after = lab.call("server.stats")["tcp"]
    c.equal("counted: not_tls", after["tls_failed_by"]["not_tls"] - before["tls_failed_by"]["not_tls"], 1)
    c.equal("counted: tls_on_plain", after["tls_on_plain"] - before["tls_on_plain"], 1)
    c.equal("counted: tls_timeout", after["tls_timeout"] - before["tls_timeout"], 1)
    lab.server.wait_line("looks like call signalling in the clear")
    lab.server.wait_line("TLS on a connection that is in the clear")


def gone_in_the_middle(c, lab):
    """Many clients that leave mid-handshake: their connections are all given back."""
    hello = bytes.fromhex("160301020001")
    for _ in range(50):
        with socket.create_connection((SERVER, 1300), timeout=5 * sluice_lab.PATIENCE) as s:
            s.sendall(hello)
    stats = lab.wait_stats(lambda s: s["tcp"]["connections"] == 0)
    c.equal("gone mid-handshake: no connection is left", stats["tcp"]["connections"], 0)


def clear_h245(c, lab):
    """A call by TLS whose H.245 would be in the clear."""
    before = lab.call("server.stats")
    endpoint = lab.endpoint("lone", "--tls", "--fault", "no-h245-tls", "--timeout", "15", to=OPEN)
    report = endpoint.report()
    c.check("no TLS for H.245 offered: refused", not report["ok"] and not report["connected"], report)
    c.equal("no TLS for H.245 offered: reason", report["release"]["reason"], "securityDenied")
    endpoint = lab.endpoint("lone", "--tls", "--fault", "plain-h245", "--timeout", "15", to=OPEN)
    report = endpoint.report()
    c.check("H.245 in the clear after all: no call", not report["ok"], report)
    after = lab.call("server.stats")
    c.equal("counted: h245_clear_refused", after["sessions"]["h245_clear_refused"]
            - before["sessions"]["h245_clear_refused"], 1)
    c.equal("counted: not_tls", after["tcp"]["tls_failed_by"]["not_tls"]
            - before["tcp"]["tls_failed_by"]["not_tls"], 1)
    lab.wait_sessions(0)


def clear_call(c, lab):
    """The same endpoint without TLS: its fingerprints are not believed here (L-CERT)."""
    report = lab.endpoint("lone", "--dtls", "preferred", "--timeout", "15", to=CLEAR).report()
    c.equal("in the clear, policy refuse", report["release"]["reason"], "securityDenied")
    lab.wait_sessions(0)


def shown(lab):
    """SHA-256 fingerprint of the certificate that the server shows now."""
    done = openssl_client(["openssl", "s_client", "-connect", OPEN])
    digest = subprocess.run(["openssl", "x509", "-noout", "-fingerprint", "-sha256"],
                            input=done.stdout, text=True, capture_output=True, check=True)
    return digest.stdout.strip().split("=")[1]


def reload(c, lab):
    first = shown(lab)
    c.equal("server.info shows it", lab.call("server.info")["tls"]["fingerprint"], first)
    options = ["--tls", "--tls-ca", lab.path("ca.crt"), "--stay", "--loop"]
    endpoints = lab.pair(options, options, to=(OPEN, OPEN))
    for endpoint in endpoints:
        endpoint.wait_event("first_packet", 15)

    shutil.copy(lab.path("server.crt"), lab.path("good.crt"))
    shutil.copy(lab.path("server.key"), lab.path("good.key"))
    with open(lab.path("server.key"), "w", encoding="ascii") as file:
        file.write("no key at all\n")
    answer = lab.call("server.reload")
    c.equal("a bad key is refused", answer["taken"], False)
    c.check("and the file named", lab.path("server.key") in answer["problems"][0]["text"], answer)
    c.equal("the old certificate stays", shown(lab), first)
    shutil.copy(lab.path("other.crt"), lab.path("server.crt"))
    shutil.copy(lab.path("good.key"), lab.path("server.key"))
    lines = len(lab.server.lines)
    lab.server.signal(signal.SIGHUP)
    lab.server.wait_line("is not the key of the certificate", after=lines)
    c.equal("a pair that does not fit: the old one stays", shown(lab), first)

    shutil.copy(lab.path("other.key"), lab.path("server.key"))
    lines = len(lab.server.lines)
    lab.server.signal(signal.SIGHUP)
    lab.server.wait_line("configuration read again", after=lines)
    c.check("SIGHUP: a new certificate is shown", shown(lab) != first, first)
    shutil.copy(lab.path("good.crt"), lab.path("server.crt"))
    shutil.copy(lab.path("good.key"), lab.path("server.key"))
    c.equal("server.reload is taken", lab.call("server.reload")["taken"], True)
    c.equal("server.reload: the first is shown again", shown(lab), first)

    for endpoint in endpoints:
        endpoint.signal(signal.SIGTERM)
    for endpoint in endpoints:
        c.check(f"calls went on, {endpoint.name}", endpoint.report()["release"]["reason"] == "normal",
                endpoint.final["failure"])
    lab.wait_sessions(0)


def bad_starts(c, lab):
    """Certificates with which sluiced does not start, each with the file that is at fault."""
    certificate(lab.directory, "short", "short", "rsa:1024")
    for what, section, wanted in (
            ("no such key", {"certificate": lab.path("server.crt"), "key": "/nowhere/x.key"},
             "tls.key: /nowhere/x.key: cannot be read: No such file"),
            ("RSA of 1024 bits", {"certificate": lab.path("short.crt"), "key": lab.path("short.key")},
             "expected at least 2048"),
            ("authorities that are none", {"ca_certificates": lab.path("server.key")},
             "tls.ca_certificates: ")):
        config = dict(lab.config, tls=section)
        config["control"] = dict(config["control"], path=lab.path("other.sock"))
        path = lab.path("bad.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(config, file)
        done = subprocess.run([os.path.join(sluice_lab.BUILD, "server", "sluiced"), "--config", path],
                              capture_output=True, text=True, timeout=20 * sluice_lab.PATIENCE)
        c.check(f"start with {what}: refused", done.returncode == 1 and wanted in done.stderr,
                done.stderr)


def main():
    sluice_lab.enter_network()
    c = sluice_lab.Checks()
    with sluice_lab.Lab("tls") as lab:
        certificate(lab.directory, "ca", "ca")
        for name in ("server", "client", "other"):
            certificate(lab.directory, name)
        certificate(lab.directory, "stranger", "stranger")
        configure(lab)
        lab.start()
        for case in (incoming, on_the_wire, outgoing, fast_connect, refused_by_us, foreign_clients, wrong_ports,
                     gone_in_the_middle, clear_h245, clear_call, reload, bad_starts):
            c.case(case.__name__, case, c, lab)
        c.equal("no session is left", lab.wait_sessions(0), 0)
    c.finish()


if __name__ == "__main__":
    main()
