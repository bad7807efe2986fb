#!/usr/bin/env python3
"""scripts/demo --conference: five endpoints with four codecs, one of them without DTLS, hear each other
and not themselves in a mix, and the server names who speaks."""
# timeout: 150
import json
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts", "lib"))
import sluice_lab  # noqa: E402

DEMO = [os.path.join(ROOT, "scripts", "demo"), "--json", "--no-build", "--conference"]


def main():
    c = sluice_lab.Checks()
    demo = subprocess.run(DEMO + ["5"], capture_output=True, text=True, timeout=130, check=False)
    if not c.equal("exit status", demo.returncode, 0):
        print(demo.stderr, demo.stdout[-3000:])
    c.equal("one object, nothing else, on standard output", demo.stdout.count("\n"), 1)
    result = json.loads(demo.stdout)
    members = result["members"]
    c.equal("members", len(members), 5)
    c.equal("codecs", {m["codec"] for m in members}, {"PCMA", "PCMU", "G722", "opus"})
    c.equal("one in the clear", [m["name"] for m in members if not m["secured"]], ["dora"])
    for member in members:
        for name, row in member["heard"].items():
            if name == member["name"]:
                c.equal(f"{name} does not hear itself", row["found"], 0)
            else:
                c.check(f"{member['name']} hears {name}", row["mean"] > 0.7, str(row))
    c.equal("speakers in the order of their turns", [t["talker"] for t in result["speakers"]],
            [m["name"] for m in members])
    c.check("each was named", all(t["named_speaker"] for t in result["speakers"]),
            str(result["speakers"]))
    c.equal("sessions left", result["sessions_left"], 0)
    refused = subprocess.run(DEMO + ["2"], capture_output=True, text=True, timeout=30, check=False)
    c.equal("two are no conference", refused.returncode, 2)
    c.finish()


if __name__ == "__main__":
    main()
