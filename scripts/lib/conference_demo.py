"""scripts/demo --conference N: endpoints with different codecs in one mix, talkers in turn.

Each endpoint plays its own sentences when it is told to, and records what it hears. Afterwards
`sluice-bench hear` looks for every talker in every recording: each must have heard all others and
not itself. The server's events tell who it took for the active speaker, and when.
"""
import json
import os
import signal
import subprocess

import sluice_lab

CLEAR_PORT = 1721
MEMBERS_MAX = 8

# Name, voice, codec, further options of the endpoint, and what it says (each something else, or
# correlation could not tell them apart). The fourth cannot do DTLS and calls a listener that only
# prefers it.
PEOPLE = [
    ("anna", "en-gb+f2", "pcma", ["--setup", "active"],
     "Good morning. The river at the northern station has risen by eleven centimetres."),
    ("bert", "en-us+m3", "pcmu", ["--setup", "passive"],
     "Thank you, Anna. Down here we opened two gates at seven, and closed one of them again."),
    ("cora", "en-gb+f4", "g722", [],
     "My crew is on its way. They will be back before the afternoon shift begins its work."),
    ("dora", "en-us+f1", "pcma", ["--no-dtls"],
     "This old telephone knows nothing about keys. Does anybody mind if I just listen?"),
    ("emil", "en-gb+m7", "opus", [],
     "Nobody does. Please write down what was said about the bridge, and send it around."),
    ("fay", "en-us+f3", "g722", ["--setup", "active"],
     "Five lorries with sand are waiting at the old mill, whoever needs them first."),
    ("gus", "en-gb+m1", "pcmu", [],
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

    def __init__(self, lab, person, number):
        self.name, voice, self.codec, options, text = person
        self.file = sluice_lab.speech(f"hall-{self.name}", text, voice)
        self.recording = lab.path(self.name + ".wav")
        ip = sluice_lab.ENDPOINT_IPS[number % len(sluice_lab.ENDPOINT_IPS)]
        is_clear = "--no-dtls" in options
        self.endpoint = lab.endpoint(
            self.name, "--codec", self.codec, "--play", self.file, "--record", self.recording,
            "--start", "signal", "--stay", "--timeout", "120", *options, ip=ip, call=ALIAS,
            to=f"{sluice_lab.SERVER_IP4}:{CLEAR_PORT}" if is_clear else None)
        self.session = None
        self.heard = {}

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


def is_heard(row):
    """Most of its seconds; a syllable may be lost to a jitter buffer that finds its depth."""
    return row["found"] >= 0.7 * row["seconds"] and row["mean"] > 0.7


def is_silent(row):
    return row["found"] == 0


def join(lab, count, display):
    """All of them, one after the other, until each hears the mix."""
    members = []
    for number in range(count):
        member = Member(lab, PEOPLE[number], number)
        members.append(member)
        member.endpoint.wait_event("first_packet", 15)
        member.session = max(s["id"] for s in lab.sessions())
        display.say(f"  {member.name:6} joins: {member.codec}, "
                    + ("in the clear" if member.endpoint.event("dtls_done") is None
                       else member.endpoint.event("srtp_keys")["detail"]))
    return members


def speaker_after(events, session):
    """Waits until the server says that this session speaks."""
    return events.wait_event("conference.speaker", 10,
                             lambda event: event["data"]["session"] == session)


def talk_in_turn(members, events, display):
    """Who spoke when, and whom the server took for the speaker."""
    turns = []
    for member in members:
        begun, ended = member.talk()
        named = speaker_after(events, member.session)
        turns.append({"talker": member.name, "from_ms": (begun - turns_start(turns, begun)) // 1000,
                      "until_ms": (ended - turns_start(turns, begun)) // 1000,
                      "named_speaker": named is not None, "start_us": begun})
        display.say(f"  {member.name:6} has spoken for {(ended - begun) / 1e6:.1f} s and was the "
                    "active speaker")
    return turns


def turns_start(turns, otherwise):
    return turns[0]["start_us"] if turns else otherwise


def judge(members, turns, reports, left):
    pairs = [(m, o, m.heard[o.name]) for m in members for o in members]
    result = {
        "ok": False, "conference": ALIAS, "members": [
            {"name": m.name, "codec": r["codec"], "secured": r["secured"],
             "srtp_profile": r["srtp_profile"], "packets_in": r["packets_in"], "lost": r["lost"],
             "heard": m.heard, "failure": r["failure"]} for m, r in zip(members, reports)],
        "all_hear_all_others": all(is_heard(row) for m, o, row in pairs if m is not o),
        "nobody_hears_itself": all(is_silent(row) for m, o, row in pairs if m is o),
        "speakers": [{k: v for k, v in t.items() if k != "start_us"} for t in turns],
        "sessions_left": left,
    }
    result["ok"] = (result["all_hear_all_others"] and result["nobody_hears_itself"] and left == 0
                    and all(t["named_speaker"] for t in turns)
                    and all(not r["failure"] for r in reports))
    return result


def summary(display, members, result):
    display.say("\n  correlation of what each member (row) heard with what each talker (column) said\n")
    display.say("          " + "".join(f"{m.name:>8}" for m in members))
    for m in members:
        display.say(f"  {m.name:8}" + "".join(f"{m.heard[o.name]['mean']:8.2f}" for o in members))
    display.say()
    for key in ("all_hear_all_others", "nobody_hears_itself", "sessions_left"):
        display.say(f"  {key:22} {result[key]}")
    display.say("demo: everything holds" if result["ok"] else "demo: FAILED")


def run(count, display, keep):
    """`keep(lab)` is called before the lab's files go. Returns the result as one object."""
    with sluice_lab.Lab("conference", change) as lab:
        try:
            lab.start()
            events = lab.control()
            events.call("events.subscribe")
            display.say(f"sluice-dp and sluiced are ready; {count} endpoints call alias `{ALIAS}`\n")
            members = join(lab, count, display)
            turns = talk_in_turn(members, events, display)
            for m in members:
                m.endpoint.signal(signal.SIGTERM)
            reports = [m.endpoint.report(10) for m in members]
            for m in members:
                m.hear(members)
            result = judge(members, turns, reports, lab.wait_sessions(0))
            result["ok"] = lab.server.stop() == 0 and result["ok"]
        finally:
            keep(lab)
    summary(display, members, result)
    return result
