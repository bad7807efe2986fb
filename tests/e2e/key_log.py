#!/usr/bin/env python3
"""dtls.key_log: tshark decrypts a call's DTLS with the file, and does not without it; the file is
its owner's alone, one that others can read is refused, and without lab methods there is none."""
# timeout: 240
import json
import os
import stat
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts", "lib"))
import sluice_lab  # noqa: E402

FINISHED = "dtls.handshake.type == 20"


def finished(path, *options):
    """Frames with a Finished message: it travels encrypted, so only who has the secret sees it."""
    done = subprocess.run(["tshark", "-r", path, *sluice_lab.DTLS_ANYWHERE, *options, "-Y", FINISHED,
                           "-T", "fields", "-e", "frame.number"], capture_output=True, text=True, check=True)
    return done.stdout.split()


def refused(c, lab, what, change, wanted, status):
    config = json.loads(json.dumps(lab.config))
    config["control"]["path"] = lab.path("other.sock")
    change(config)
    path = lab.path("bad.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(config, file)
    done = subprocess.run([os.path.join(sluice_lab.BUILD, "server", "sluiced"), "--config", path],
                          capture_output=True, text=True, timeout=20 * sluice_lab.PATIENCE)
    c.check(f"{what}: refused", done.returncode == status and wanted in done.stderr, done.stderr)


def main():
    sluice_lab.enter_network()
    c = sluice_lab.Checks()
    with sluice_lab.Lab("key-log") as lab:
        keys = lab.path("keys.log")
        lab.config["control"]["lab_methods"] = True
        lab.config["dtls"] = {"key_log": keys, "shards": 2}
        lab.start()
        lab.server.wait_line("THE SECRETS OF ALL DTLS CONNECTIONS ARE WRITTEN TO A FILE")
        c.equal("the file is its owner's alone", stat.S_IMODE(os.stat(keys).st_mode), 0o600)
        capture, path = lab.capture("dtls.pcap", interface="pdp", namespace="ends", what="udp")
        for endpoint in lab.pair():
            report = endpoint.report()
            c.check(f"{endpoint.name}: ok", report["ok"], report["failure"])
        lab.wait_sessions(0)
        sluice_lab.wait_captured(path, "dtls.record.content_type == 21")
        capture.stop(5)
        with open(keys, encoding="ascii") as file:
            lines = file.read().splitlines()
        c.equal("a line a connection", [len(line) for line in lines], [14 + 64 + 1 + 96] * 2)
        c.equal("without the file nothing is decrypted", finished(path), [])
        c.equal("with it both Finished of both connections are",
                len(finished(path, "-o", f"tls.keylog_file:{keys}")), 4)

        os.chmod(keys, 0o644)
        refused(c, lab, "a file that others can read", lambda config: None,
                "dtls.key_log cannot be written", 1)
        refused(c, lab, "no lab methods",
                lambda config: config["control"].update(lab_methods=False),
                "dtls.key_log: expected", 2)
    c.finish()


if __name__ == "__main__":
    main()
