"""scripts/demo --conference N: endpoints with different codecs in one mix, talkers in turn.

Each endpoint plays its own sentences when it is told to, and records what it hears. Afterwards
`sluice-bench hear` looks for every talker in every recording: each must have heard all others and
not itself. The server's events tell who it took for the active speaker, and when. Those with a camera
tell whose pictures they saw, since when, and whether these began with a key frame: it has to be who
speaks (who speaks himself sees who spoke before).
"""
import json
import os
import signal
import subprocess

import sluice_lab

CLEAR_PORT = 1721
MEMBERS_MAX = 8
CAMERA = ["--video", "h264"]

# Name, voice, codec, further options of the endpoint, and what it says (each something else, or
# correlation could not tell them apart). The fourth cannot do DTLS and calls a listener that only
# prefers it; the fifth knows no H.323, but SDP.
PEOPLE = [
    ("anna", "en-gb+f2", "pcma", ["--setup", "active", *CAMERA],
     "Good morning. The river at the northern station has risen by eleven centimetres."),
    ("bert", "en-us+m3", "pcmu", ["--setup", "passive", *CAMERA],
     "Thank you, Anna. Down here we opened two gates at seven, and closed one of them again."),
    ("cora", "en-gb+f4", "g722", CAMERA,
     "My crew is on its way. They will be back before the afternoon shift begins its work."),
    ("dora", "en-us+f1", "pcma", ["--no-dtls"],
     "This old telephone knows nothing about keys. Does anybody mind if I just listen?"),
    ("emil", "en-gb+m7", "opus", ["--sdp", *CAMERA],
     "Nobody does. Please write down what was said about the bridge, and send it around."),
    ("fay", "en-us+f3", "g722", ["--setup", "active"],
     "Five lorries with sand are waiting at the old mill, whoever needs them first."),
    ("gus", "en-gb+m1", "pcmu", CAMERA,
     "Then I shall take three of those, and leave the others for the harbour."),
    ("hana", "en-us+f5", "opus", ["--setup", "passive"],
     "Agreed by everyone, so let us meet again tomorrow at a quarter past nine."),
]

ALIAS = "hall"


def change(config):
    """A mix of all codecs, and a listener for whoever has no DTLS."""
    config["signalling"]["listeners"].append(
        {"name": "clear", "address": f"{sluice_lab.SERVER_IP4}:{CLEAR_PORT}", "dtls": "preferred"})
    config["conferences"].append(
        {"alias": ALIAS, "kind": "mix", "codecs": ["opus", "g722", "g711-alaw", "g711-ulaw"],
         "sample_rate": 16000})


class Member:
    """One of PEOPLE: its endpoint, and what came of it."""

    def __init__(self, lab, control, person, number):
        self.name, voice, self.codec, options, text = person
        self.file = sluice_lab.speech(f"hall-{self.name}", text, voice)
        self.recording = lab.path(self.name + ".wav")
        self.is_by_sdp = "--sdp" in options
        self.has_video = "--video" in options
        self.session = None
        self.heard = {}
        ip = sluice_lab.ENDPOINT_IPS[number % len(sluice_lab.ENDPOINT_IPS)]
        arguments = ["--codec", self.codec, "--play", self.file, "--record", self.recording, "--start",
                     "signal", "--stay", "--timeout", "120"]
        if self.is_by_sdp:
            self.endpoint, self.session = lab.endpoint_by_sdp(
                control, self.name, *arguments, *CAMERA, ip=ip, conference=ALIAS)
            return
        self.endpoint = lab.endpoint(
            self.name, *arguments, *options, ip=ip, call=ALIAS,
            to=f"{sluice_lab.SERVER_IP4}:{CLEAR_PORT}" if "--no-dtls" in options else None)

    def signalling(self):
        return "SDP" if self.is_by_sdp else "H.323"

    def talk(self):
        """Says its sentences once; from when to when, in microseconds of the machine's clock."""
        self.endpoint.signal(signal.SIGUSR1)
        begun = self.endpoint.wait_event("play", 5)["at_us"]
        return begun, self.endpoint.wait_event("played", 30)["at_us"]

    def hear(self, members):
        """Who is in the recording, by name."""
        done = subprocess.run(
            [os.path.join(sluice_lab.BUILD, "bench", "sluice-bench"), "hear", "--json",
             self.recording] + [m.file for m in members], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise sluice_lab.LabError(f"{self.name}: {done.stderr.strip()}")
        for member, row in zip(members, json.loads(done.stdout)["talkers"]):
            self.heard[member.name] = {key: row[key] for key in ("seconds", "found", "mean", "best")}

    def pictures(self, until_us):
        """What it has seen so far: when each source began, whose it is, and how it began."""
        return [(e["at_us"], int(e["detail"].split(" ")[0]), e["detail"].endswith("by key frame"))
                for e in list(self.endpoint.events)
                if e["event"] == "video_source" and e["at_us"] <= until_us]


def is_heard(row):
    """Most of its seconds; a syllable may be lost to a jitter buffer that finds its depth."""
    return row["found"] >= 0.7 * row["seconds"] and row["mean"] > 0.7


def is_silent(row):
    return row["found"] == 0


def join(lab, control, count, display):
    """All of them, one after the other, until each hears the mix."""
    members = []
    for number in range(count):
        member = Member(lab, control, PEOPLE[number], number)
        members.append(member)
        member.endpoint.wait_event("first_packet", 15)
        if member.session is None:
            member.session = max(s["id"] for s in lab.sessions())
        if member.has_video:
            member.endpoint.video_ssrc()
        if member.has_video and any(m.has_video for m in members[:-1]):
            member.endpoint.wait_event("video_source", 10)  # whoever is shown while nobody speaks
        display.say(f"  {member.name:6} joins by {member.signalling()}: {member.codec}, "
                    + ("in the clear" if member.endpoint.event("dtls_done") is None
                       else member.endpoint.event("srtp_keys")["detail"])
                    + (", with a camera" if member.has_video else ""))
    return members


def speaker_after(events, session):
    """Waits until the server says that this session speaks."""
    return events.wait_event("conference.speaker", 10,
                             lambda event: event["data"]["session"] == session)


def watch(members, talker, begun):
    """Waits until all others with a camera see the talker. Who saw it before it began to speak (it was
    the last one that spoke with a camera) is not switched."""
    views = []
    for viewer in members:
        if viewer is talker or not viewer.has_video or not talker.has_video:
            continue
        ssrc = talker.endpoint.video_ssrc()
        before = viewer.pictures(begun)
        if before and before[-1][1] == ssrc:
            views.append({"viewer": viewer.name, "source": talker.name, "switched": False})
            continue
        event = viewer.endpoint.wait_video_of(talker.endpoint, begun)
        views.append({"viewer": viewer.name, "source": talker.name, "switched": True,
                      "after_ms": (event["at_us"] - begun) // 1000,
                      "by_key_frame": event["detail"].endswith("by key frame")})
    return views


def told(views):
    """A turn's pictures in words."""
    switched = [v for v in views if v["switched"]]
    if not views:
        return ""
    if not switched:
        return "; seen by all before"
    how = "from a key frame on" if all(v["by_key_frame"] for v in switched) else "NOT from a key frame on"
    return (f"; after {max(v['after_ms'] for v in switched) / 1000:.1f} s seen by "
            f"{', '.join(v['viewer'] for v in switched)}, {how}")


def talk_in_turn(members, events, display):
    """Who spoke when, whom the server took for the speaker, and who saw it since when."""
    turns = []
    for member in members:
        begun, ended = member.talk()
        named = speaker_after(events, member.session)
        views = watch(members, member, begun)
        start = turns[0]["start_us"] if turns else begun
        turns.append({"talker": member.name, "from_ms": (begun - start) // 1000,
                      "until_ms": (ended - start) // 1000, "named_speaker": named is not None,
                      "seen_by": views, "start_us": begun})
        display.say(f"  {member.name:6} has spoken for {(ended - begun) / 1e6:.1f} s and was the "
                    f"active speaker{told(views)}")
    return turns


def video_of(members, turns, reports, counters):
    """What the cameras' owners say, and the data plane."""
    rows = {m.name: r["video"] for m, r in zip(members, reports) if m.has_video}
    views = [v for t in turns for v in t["seen_by"]]
    switched = [v for v in views if v["switched"]]
    return {
        "members": list(rows),
        "switches": {name: row["source_switches"] for name, row in rows.items()},
        "follows_the_speaker": len(switched) > 0,  # watch() has waited for each of them
        "on_key_frames": (all(v["by_key_frame"] for v in switched)
                          and all(row["source_switches"] == row["switches_by_key_frame"] > 0
                                  for row in rows.values())),
        "without_key_frame": counters["source_blind"],
        "asked_by_h245": sum(row["fast_updates"] for row in rows.values()),
        "asked_by_rtcp": sum(row["plis"] for row in rows.values()),
        "damaged": sum(row["wrong"] for row in rows.values()),
        "lost": sum(row["lost"] for row in rows.values()),
    }


def judge(members, turns, reports, left, counters):
    pairs = [(m, o, m.heard[o.name]) for m in members for o in members]
    result = {
        "ok": False, "conference": ALIAS, "members": [
            {"name": m.name, "signalling": m.signalling(), "codec": r["codec"],
             "secured": r["secured"], "srtp_profile": r["srtp_profile"], "video": m.has_video,
             "packets_in": r["packets_in"], "lost": r["lost"], "heard": m.heard,
             "failure": r["failure"]} for m, r in zip(members, reports)],
        "all_hear_all_others": all(is_heard(row) for m, o, row in pairs if m is not o),
        "nobody_hears_itself": all(is_silent(row) for m, o, row in pairs if m is o),
        "speakers": [{k: v for k, v in t.items() if k != "start_us"} for t in turns],
        "video": video_of(members, turns, reports, counters),
        "sessions_left": left,
    }
    video = result["video"]
    result["ok"] = (result["all_hear_all_others"] and result["nobody_hears_itself"] and left == 0
                    and all(t["named_speaker"] for t in turns)
                    and video["follows_the_speaker"] and video["on_key_frames"]
                    and video["without_key_frame"] == video["damaged"] == video["lost"] == 0
                    and all(not r["failure"] for r in reports))
    return result


def summary(display, members, result):
    display.say("\n  correlation of what each member (row) heard with what each talker (column) said\n")
    display.say("          " + "".join(f"{m.name:>8}" for m in members))
    for m in members:
        display.say(f"  {m.name:8}" + "".join(f"{m.heard[o.name]['mean']:8.2f}" for o in members))
    display.say()
    for key in ("all_hear_all_others", "nobody_hears_itself"):
        display.say(f"  {key.replace('_', ' '):26} {result[key]}")
    video = result["video"]
    display.say(f"  {'video switches':26} "
                + ", ".join(f"{name}: {n}" for name, n in video["switches"].items()))
    for key in ("follows_the_speaker", "on_key_frames", "damaged", "lost"):
        display.say(f"  {'video ' + key.replace('_', ' '):26} {video[key]}")
    display.say(f"  {'sessions left':26} {result['sessions_left']}")
    display.say("demo: everything holds" if result["ok"] else "demo: FAILED")


def leave(lab, control, members):
    """All hang up; for who knows no H.323 this says so, unless its DTLS has said it already."""
    for m in members:
        m.endpoint.signal(signal.SIGTERM)
    reports = [m.endpoint.report(10) for m in members]
    for m in members:
        try:
            if m.is_by_sdp:
                control.call("session.close", id=m.session)
        except sluice_lab.RpcError as error:
            if "no session" not in str(error):
                raise
    return reports


def run(count, display, keep):
    """`keep(lab)` is called before the lab's files go. Returns the result as one object."""
    with sluice_lab.Lab("conference", change) as lab:
        try:
            lab.start()
            events, control = lab.control(), lab.control()
            events.call("events.subscribe")
            display.say(f"sluice-dp and sluiced are ready; {count} endpoints call alias `{ALIAS}`\n")
            members = join(lab, control, count, display)
            turns = talk_in_turn(members, events, display)
            reports = leave(lab, control, members)
            for m in members:
                m.hear(members)
            counters = lab.call("server.stats")["data_plane"]
            result = judge(members, turns, reports, lab.wait_sessions(0), counters)
            result["ok"] = lab.server.stop() == 0 and result["ok"]
        finally:
            keep(lab)
    summary(display, members, result)
    return result
