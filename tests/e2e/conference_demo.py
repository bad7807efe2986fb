#!/usr/bin/env python3
"""scripts/demo --conference: five endpoints with four codecs, one of them without DTLS and one by SDP,
hear each other and not themselves in a mix; the server names who speaks, and those with cameras see who
speaks, from a key frame on."""
# long
# timeout: 240
import json
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts", "lib"))
import sluice_lab  # noqa: E402

DEMO = [os.path.join(ROOT, "scripts", "demo"), "--json", "--no-build", "--conference"]


def cameras(c, result):
    """Each turn of one with a camera is seen by all others that have one."""
    video = result["video"]
    names = video["members"]
    c.equal("cameras", names, ["anna", "bert", "cora", "emil"])
    for turn in result["speakers"]:
        viewers = [n for n in names if n != turn["talker"]] if turn["talker"] in names else []
        c.equal(f"who saw {turn['talker']} speak", [v["viewer"] for v in turn["seen_by"]], viewers)
        for view in turn["seen_by"]:
            c.check(f"{view['viewer']}'s picture of {turn['talker']} began with a key frame, in its turn",
                    not view["switched"] or (view["by_key_frame"] and 0 <= view["after_ms"] < 10000),
                    str(view))
    switched = [v for t in result["speakers"] for v in t["seen_by"] if v["switched"]]
    c.check("video was switched", len(switched) >= 6, str(switched))
    c.check("video was switched for each", all(n > 0 for n in video["switches"].values()), str(video))
    c.check("video: follows the speaker on key frames",
            video["follows_the_speaker"] and video["on_key_frames"], str(video))
    c.equal("video: switched without a key frame, damaged, lost",
            (video["without_key_frame"], video["damaged"], video["lost"]), (0, 0, 0))
    c.check("video: key frames were asked for by H.245 and by RTCP",
            video["asked_by_h245"] > 0 and video["asked_by_rtcp"] > 0, str(video))


def main():
    c = sluice_lab.Checks()
    demo = subprocess.run(DEMO + ["5"], capture_output=True, text=True, timeout=60 * sluice_lab.PATIENCE, check=False)
    if not c.equal("exit status", demo.returncode, 0):
        print(demo.stderr, demo.stdout[-3000:])
    c.equal("one object, nothing else, on standard output", demo.stdout.count("\n"), 1)
    result = json.loads(demo.stdout)
    members = result["members"]
    c.equal("members", len(members), 5)
    c.equal("codecs", {m["codec"] for m in members}, {"PCMA", "PCMU", "G722", "opus"})
    c.equal("one in the clear", [m["name"] for m in members if not m["secured"]], ["dora"])
    c.equal("one by SDP", [(m["name"], m["codec"], m["secured"]) for m in members
                           if m["signalling"] == "SDP"], [("emil", "opus", True)])
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
    cameras(c, result)
    c.equal("sessions left", result["sessions_left"], 0)
    refused = subprocess.run(DEMO + ["2"], capture_output=True, text=True, timeout=10 * sluice_lab.PATIENCE, check=False)
    c.equal("two are no conference", refused.returncode, 2)
    c.finish()


if __name__ == "__main__":
    main()
