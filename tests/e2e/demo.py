#!/usr/bin/env python3
"""The demo holds what it promises, twice at the same time, and leaves nothing behind."""
# timeout: 240
import json
import os
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts", "lib"))
import sluice_lab  # noqa: E402

NAMES = ("anna", "bert")
PROFILE = "SRTP_AEAD_AES_128_GCM"  # first in the server's order of preference


def traces():
    """What an unclean demo would leave in this namespace."""
    links = subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=True).stdout
    named = subprocess.run(["ip", "netns"], capture_output=True, text=True, check=True).stdout
    files = [name for name in os.listdir("/tmp") if name.startswith("sluice-demo-")]
    return links, named, files


DEMO = [os.path.join(ROOT, "scripts", "demo"), "--json", "--no-build"]
AS_NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"]


def start(before=(), **env):
    return subprocess.Popen(list(before) + DEMO, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True, env={**os.environ, **env})


def without_privileges(c):
    """Only where user 65534 may read this tree and the kernel lets users make namespaces."""
    if os.geteuid() != 0 or subprocess.run(
            AS_NOBODY + ["unshare", "-Urn", "sh", "-c", f"test -x {DEMO[0]}"],
            stderr=subprocess.DEVNULL, check=False).returncode != 0:
        print("skipped: a demo without privileges cannot run here")
        return
    judge(c, "without privileges", start(AS_NOBODY))


def broken(c):
    """What does not hold is said: by the exit status and in the object."""
    demo = start(SLUICE_BUILD="/nonexistent")
    out, err = demo.communicate(timeout=30 * sluice_lab.PATIENCE)
    c.equal("no programs: exit status", demo.returncode, 1)
    c.equal("no programs: ok", json.loads(out)["ok"], False)
    c.check("no programs: says what is missing", "/nonexistent" in err, err)


def judge(c, which, demo):
    out, err = demo.communicate(timeout=30 * sluice_lab.PATIENCE)
    if not c.equal(f"{which}: exit status", demo.returncode, 0):
        print(err, out[-3000:])
    c.equal(f"{which}: one object, nothing else, on standard output", out.count("\n"), 1)
    result = json.loads(out)
    c.equal(f"{which}: ok", result["ok"], True)
    c.equal(f"{which}: sessions", result["sessions"], 2)
    c.equal(f"{which}: role per leg", result["role"], {"anna": "active", "bert": "passive"})
    c.check(f"{which}: cipher is ECDHE with an AEAD",
            result["cipher"].startswith("ECDHE-ECDSA-") and "GCM" in result["cipher"],
            result["cipher"])
    c.equal(f"{which}: SRTP profile", result["srtp_profile"], PROFILE)
    c.equal(f"{which}: fingerprint verified", result["fingerprint_verified"],
            {name: True for name in NAMES})
    c.check(f"{which}: packets went both ways",
            result["packets_out"] >= 2 * 200 and result["packets_in"] >= 2 * 200,
            f"{result['packets_out']} {result['packets_in']}")
    c.equal(f"{which}: lost", result["lost"], 0)
    c.equal(f"{which}: audio match, sample for sample", result["audio_match"], True)
    c.check(f"{which}: set-up takes a moment, not more", 0 < result["setup_ms"] < 2000 * sluice_lab.PATIENCE,
            result["setup_ms"])
    c.equal(f"{which}: sessions left", result["sessions_left"], 0)
    for leg in result["legs"]:
        c.check(f"{which}: {leg['alias']} heard the whole file without a gap",
                leg["audio"]["heard_all"] and leg["audio"]["gap_samples"] == 0, leg["audio"])
        c.check(f"{which}: {leg['alias']} exchanged SRTCP reports",
                leg["rtcp"]["out"] > 0 and leg["rtcp"]["in"] > 0 and leg["rtcp"]["malformed"] == 0,
                leg["rtcp"])


def main():
    c = sluice_lab.Checks()
    before = traces()
    began = time.monotonic()
    demos = [start(), start()]
    for which, demo in zip(("first", "second"), demos):
        c.case(which, judge, c, which, demo)
    took = time.monotonic() - began
    bound = 20 * sluice_lab.PATIENCE
    c.check(f"two demos at once take less than {bound:.0f} s", took < bound, f"{took:.1f} s")
    c.equal("nothing is left behind", traces(), before)
    c.case("without privileges", without_privileges, c)
    c.case("broken", broken, c)
    cut_short = start()
    cut_short.terminate()
    cut_short.communicate(timeout=20 * sluice_lab.PATIENCE)
    c.equal("nothing is left behind by one that was terminated", traces(), before)
    c.finish()


if __name__ == "__main__":
    main()
