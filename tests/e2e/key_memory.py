#!/usr/bin/env python3
"""H-KEYS, R-CLOSE, R-CALL: no secret of a DTLS connection is left in the memory of sluiced or sluice-dp when
the connection is over: neither the master secret nor the SRTP master keys that came of it, nor the session
keys that came of those. While it runs they are found in the process that has them, so that the search is known
to work. The key log and OpenSSL's exporter tell what to look for; both processes are read through
/proc/PID/mem. At the end both are killed in the middle of calls, and the core files are looked at."""
# timeout: 240
import glob
import os
import re
import resource
import signal
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts", "lib"))
import sluice_lab  # noqa: E402

PEER = sluice_lab.ENDPOINT_IPS[0]
PROFILE, KEY_BYTES, SALT_BYTES, LENGTH = "SRTP_AES128_CM_SHA1_80", 16, 14, 60
CALLS = 4


def memory_has(pid, secrets):
    """Names of the secrets that are somewhere in the process, with the mapping they are in."""
    found = {}
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as mem:
        for line in maps:
            fields = line.split()
            if "r" not in fields[1] or "[v" in line:
                continue
            start, end = (int(x, 16) for x in fields[0].split("-"))
            at, before = start, b""
            while at < end:
                try:
                    mem.seek(at)
                    chunk = mem.read(min(16 << 20, end - at))
                except OSError:
                    break
                if not chunk:
                    break
                for name, secret in secrets.items():
                    if secret in before + chunk:
                        found[name] = " ".join(fields[0:1] + fields[5:6])
                before = chunk[-64:]
                at += len(chunk)
    return found


def undumped(pid):
    """Mappings that no core file would have (MADV_DONTDUMP)."""
    found, name = set(), None
    with open(f"/proc/{pid}/smaps") as smaps:
        for line in smaps:
            fields = line.split()
            if not fields[0].endswith(":"):
                name = fields[0]
            elif fields[0] == "VmFlags:" and "dd" in fields[1:]:
                found.add(name)
    return found


def core_limit(pid):
    with open(f"/proc/{pid}/limits") as limits:
        return next(line.split()[4:6] for line in limits if line.startswith("Max core file size"))


def session_keys(master, salt):
    """What RFC 3711 §4.3 derives of a master key for AES-CM: the cipher keys of RTP and RTCP. Their first round
    key is the key itself, so that they stand in the data plane's key schedules as they are."""
    keys = {}
    for name, label in (("RTP", 0), ("RTCP", 3)):
        iv = bytearray(salt + b"\0\0")
        iv[7] ^= label
        keys[name] = subprocess.run(["openssl", "enc", "-aes-128-ctr", "-nosalt", "-K", master.hex(), "-iv", iv.hex()],
                                    input=bytes(KEY_BYTES), capture_output=True, check=True).stdout
    return keys


def no_core(c, lab, secrets):
    """While calls run: sluiced writes no core file at all, and one of sluice-dp has no keys in it. The keys
    are in sluice-dp: the search finds them, and all of them in memory that is not dumped."""
    held = {name: secret for name, secret in secrets.items() if " session " in name}
    with c.proof("H-KEYS", "no key in what would be a core file", of={"part": "core"}):
        c.equal("sluiced writes no core file", core_limit(lab.server.child.pid), ["0", "0"])
        pid = lab.dp.child.pid
        kept_out = undumped(pid)
        c.check("sluice-dp keeps memory out of its core files", kept_out)
        in_dp = memory_has(pid, secrets)
        c.equal("the session keys of running calls are found in sluice-dp", sorted(set(held) - set(in_dp)), [])
        c.equal("sluice-dp has no master secret", [name for name in in_dp if "secret" in name], [])
        seen = {name: where for name, where in in_dp.items() if where.split()[0] not in kept_out}
        c.equal("no key of a running call is in what would be in one", seen, {})


def abort_for_core(process, directory):
    """Kills a process as a fault would, with as large a core file as may be; the file, None: none."""
    pid = process.child.pid
    hard = resource.prlimit(pid, resource.RLIMIT_CORE)[1]
    try:
        resource.prlimit(pid, resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    except (PermissionError, ValueError):
        resource.prlimit(pid, resource.RLIMIT_CORE, (hard, hard))
    process.was_killed = True
    process.signal(signal.SIGABRT)
    process.child.wait(30)
    found = glob.glob(os.path.join(directory, "core*"))
    return found[0] if found else None


def real_cores(c, lab, secrets):
    """Both processes die in the middle of calls. Where the kernel writes core files to the directory of the
    process, sluice-dp's is searched; sluiced leaves none though its limit is taken away."""
    with open("/proc/sys/kernel/core_pattern") as pattern:
        pattern = pattern.read().strip()
    if pattern.startswith("|") or "/" in pattern:
        print(f"core files go to {pattern}: not looked at")
        lab.server.kill()
        lab.dp.kill()
        return
    with c.proof("H-KEYS", "a real core file has no keys", of={"part": "core"}):
        c.equal("sluiced died and left no core file", abort_for_core(lab.server, lab.directory), None)
        core = abort_for_core(lab.dp, lab.directory)
        if core is None:
            print("sluice-dp may not write a core file here: not looked at")
            return
        with open(core, "rb") as file:
            octets = file.read()
        os.unlink(core)
        c.check("the core file of sluice-dp is one: its command line is in it",
                octets[:4] == b"\x7fELF" and lab.config_path.encode() in octets, len(octets))
        c.equal("none of the keys is in it", [name for name, secret in secrets.items() if secret in octets], [])


def no_core_of_libsrtp(c):
    """That back end's memory is not ours to leave out."""
    with sluice_lab.Lab("keylib", lambda config: config["data_plane"].update(srtp_engine="libsrtp")) as lab:
        os.chdir(lab.directory)
        lab.start()
        c.equal("sluice-dp with libsrtp died and left no core file", abort_for_core(lab.dp, lab.directory), None)


def make_certificate(lab):
    cert, key = lab.path("peer.crt"), lab.path("peer.key")
    subprocess.run(["openssl", "req", "-x509", "-nodes", "-subj", "/CN=peer", "-days", "2", "-keyout", key,
                    "-out", cert, "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"], check=True,
                   capture_output=True)
    out = subprocess.run(["openssl", "x509", "-in", cert, "-noout", "-fingerprint", "-sha256"], check=True,
                         capture_output=True, text=True).stdout
    return cert, key, out.strip().split("=", 1)[1]


def call(lab, certificate, port, number):
    """One transport with OpenSSL at the other end: its id, the process, the secrets."""
    cert, key, fingerprint = certificate
    known = set(master_secrets(lab))
    opened = lab.call("lab.transport.open", role="passive", remote=f"{PEER}:{port}", fingerprint=fingerprint)
    command = ["openssl", "s_client", "-dtls1_2", "-use_srtp", PROFILE, "-keymatexport",
               "EXTRACTOR-dtls_srtp", "-keymatexportlen", str(LENGTH), "-cert", cert, "-key", key, "-bind",
               f"{PEER}:{port}", "-connect", f"{sluice_lab.MEDIA_IP4}:{opened['port']}"]
    process = lab.run("openssl", ["sh", "-c", 'tail -f /dev/null | exec "$@"', "sh"] + command, "ends")
    line = process.wait_line("Keying material: ", 10)
    material = bytes.fromhex(re.search(r"Keying material: ([0-9A-F]+)", line).group(1))
    sluice_lab.wait_until(lambda: lab.call("lab.transport.get", id=opened["id"])["keyed"])
    new = [m for m in master_secrets(lab) if m not in known]
    secrets = {}
    for side, name in enumerate(("client", "server")):
        master = material[side * KEY_BYTES:(side + 1) * KEY_BYTES]
        at = 2 * KEY_BYTES + side * SALT_BYTES
        secrets[f"{name} key {number}"] = master
        for use, key in session_keys(master, material[at:at + SALT_BYTES]).items():
            secrets[f"{name} session key of {use} {number}"] = key
    secrets.update({f"master secret {number}": bytes.fromhex(m) for m in new})
    return opened["id"], process, secrets


def master_secrets(lab):
    try:
        with open(lab.path("keys.log")) as log:
            return [line.split()[2] for line in log if line.startswith("CLIENT_RANDOM")]
    except FileNotFoundError:
        return []


def main():
    sluice_lab.enter_network()
    c = sluice_lab.Checks()

    def settings(config):
        config["control"]["lab_methods"] = True
        config["dtls"] = config.get("dtls", {}) | {"key_log": lab_path, "park_after_ms": 600000}

    lab_path = ""
    with sluice_lab.Lab("keymem", lambda config: None) as lab:
        lab_path = lab.path("keys.log")
        settings(lab.config)
        os.chdir(lab.directory)  # where core files are written
        lab.start()
        certificate = make_certificate(lab)
        calls = [call(lab, certificate, 41000 + i, i) for i in range(CALLS)]
        secrets = {name: secret for _, _, s in calls for name, secret in s.items()}
        c.equal("secrets to look for", len(secrets), 7 * CALLS)
        while_on = memory_has(lab.server.child.pid, secrets)
        c.check("H-KEYS: a running connection's master secret is found in sluiced",
                any("master" in name for name in while_on), while_on)
        no_core(c, lab, secrets)
        for transport, process, _ in calls:
            lab.call("lab.transport.close", id=transport)
            process.kill()
        stats = lab.wait_stats(lambda s: s["media"]["ports_open"] == 0)
        c.equal("R-CALL: nothing is open", stats["media"]["ports_open"], 0)
        with c.proof("H-KEYS", "keys that were in memory are in none any more", of={"part": "wiped"}):
            c.equal("H-KEYS, R-CLOSE: none is left in sluiced",
                    memory_has(lab.server.child.pid, secrets), {})
            c.equal("H-KEYS, R-CLOSE: none is left in sluice-dp",
                    memory_has(lab.dp.child.pid, secrets), {})
        told = [name for name, secret in secrets.items()
                for line in lab.server.lines + lab.dp.lines if secret.hex() in line.lower()]
        c.equal("H-KEYS: no log line has one", told, [], proves="H-KEYS", of={"part": "log"})
        c.equal("X-RESUME: the sessions are kept all the same",
                lab.call("server.stats")["media"]["shards"]["dtls_sessions_kept"], CALLS)
        last = call(lab, certificate, 41000 + CALLS, CALLS)[2]
        c.equal("a call for the core files", len(last), 7)
        real_cores(c, lab, secrets | last)
    no_core_of_libsrtp(c)
    c.finish()


if __name__ == "__main__":
    main()
