#!/usr/bin/env python3
# alone
"""What a carrier does on the first day: other orders of starting, several workers, fifty endpoints at
once, his own certificates, hash functions and profiles; everything is released again."""
# timeout: 240
import copy
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts", "lib"))
import sluice_lab  # noqa: E402

ENDPOINTS = 50


def good_call(c, what, lab, *arguments):
    reports = [e.report() for e in lab.pair(*([list(arguments)] * 2))]
    c.check(f"{what}: both hear each other", all(r["ok"] and r["audio_match"] for r in reports),
            [r["failure"] for r in reports])
    return reports


def server_with(lab, change, run):
    """run() with a sluiced of its own settings on the sluice-dp that is there."""
    before = lab.config
    lab.config = copy.deepcopy(before)
    change(lab.config)
    lab.write_config()
    lab.start_server()
    try:
        run()
    finally:
        lab.server.stop()
        lab.config = before


def start_late(c, lab):
    """sluiced first: calls are refused with a reason until there is a data plane."""
    lab.write_config()
    lab.server = lab.run("sluiced", [os.path.join(sluice_lab.BUILD, "server", "sluiced"), "--config",
                                     lab.config_path])
    lab.server.wait_line("no data plane", 20)
    report = lab.endpoint("early", "--timeout", "10").report()
    c.check("no data plane: the call is released with a reason",
            not report["ok"] and report["release"]["by_peer"] and report["release"]["reason"],
            report["release"])
    lab.start_dp()
    lab.server.wait_line("data plane attached", 20)
    good_call(c, "sluice-dp after sluiced", lab)


def crowd(c, lab):
    tones = sluice_lab.tone_pair()
    endpoints = [lab.endpoint(f"e{i}", "--play", tones[i % 2], "--expect", tones[1 - i % 2],
                              "--timeout", "60", ip=sluice_lab.ENDPOINT_IPS[i % 4],
                              call=f"room-{i // 2}") for i in range(ENDPOINTS)]
    bad = [(r["alias"], r["failure"]) for r in (e.report(90) for e in endpoints)
           if not r["ok"] or not r["audio_match"]]
    c.equal(f"{ENDPOINTS} endpoints at once: all hear what was played", bad, [])
    watch = lab.control()
    watch.call("events.subscribe", types=["session.closed"])
    while lab.sessions():
        watch.wait_event("session.closed", 10)
    def left(stats):
        return [stats["sessions_now"], stats["conferences_now"], stats["tcp"]["connections"],
                stats["media"]["ports_open"], stats["media"]["numbers_in_use"],
                stats["media"]["shards"]["associations"], stats["data_plane"]["transports"],
                stats["data_plane"]["streams"]]

    stats = lab.wait_stats(lambda s: not any(left(s)))
    c.equal("counters are zero again", left(stats), [0] * 8)
    c.check("both workers had work: packets were handed over", stats["data_plane"]["handed_over"] > 0,
            stats["data_plane"]["handed_over"])


def certificates(c, lab):
    for kind, new in (("EC", ["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]), ("RSA", ["rsa:2048"])):
        cert, key = lab.path(kind + ".crt"), lab.path(kind + ".key")
        subprocess.run(["openssl", "req", "-x509", "-nodes", "-newkey", *new, "-keyout", key, "-out",
                        cert, "-subj", "/CN=carrier"], check=True, capture_output=True)
        server_with(lab, lambda config: config.update(dtls={"certificate": cert, "key": key}),
                    lambda: good_call(c, f"own {kind} certificate", lab))


def choices(c, lab):
    def hashes():
        for names in ("sha-384", "sha-512"):
            good_call(c, f"{names} alone", lab, "--hashes", names)
        good_call(c, "sha-1 where policy allows it", lab, "--hashes", "sha-1", "--allow-sha1")

    def profile(name):
        reports = good_call(c, f"profile {name} alone", lab)
        c.equal(f"profile {name} is what they got", [r["srtp_profile"] for r in reports],
                ["SRTP_" + name] * 2)

    server_with(lab, lambda config: config.update(dtls={"allow_sha1": True}), hashes)
    for name in ("AEAD_AES_256_GCM", "AES128_CM_SHA1_32"):
        server_with(lab, lambda config: config.update(dtls={"profiles": [name]}),
                    lambda: profile(name))


def identity(c, lab):
    """What node.* says is what peers are told."""
    capture, path = lab.capture("identity.pcap", "s0")
    good_call(c, "a server with a name", lab)
    for peer in sluice_lab.ENDPOINT_IPS[:2]:
        sluice_lab.wait_captured(path, f"ip.addr == {peer} && h225.releaseComplete_element")
    capture.stop()
    shown = subprocess.run(["tshark", "-r", path, "-V", "-Y", "h225"], capture_output=True, text=True,
                           check=True).stdout
    for text in ("(181)", "t35Extension: 7", "manufacturerCode: 43981", "productId: Product X",
                 "versionId: 9.9.9"):
        c.check(f"peers are told '{text}'", text in shown)


def main():
    sluice_lab.enter_network()
    c = sluice_lab.Checks()

    def settings(config):
        # `queues` below the number of workers: af_packet must be read in full all the same.
        config["data_plane"]["workers"] = 2
        config["signalling"]["limits"] = {"setups_per_second": 0}
        config["conferences"].append({"alias": "room-*"})

    with sluice_lab.Lab("carrier", settings) as lab:
        c.case("start", start_late, c, lab)
        c.case("crowd", crowd, c, lab)
        lab.server.stop()
        c.case("certificates", certificates, c, lab)
        c.case("choices", choices, c, lab)
        node = {"product": "Product X", "version": "9.9.9", "t35_country": 181, "t35_extension": 7,
                "manufacturer": 43981}
        c.case("identity", server_with, lab, lambda config: config.update(node=node),
               lambda: identity(c, lab))
    c.finish()


if __name__ == "__main__":
    main()
