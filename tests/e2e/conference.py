#!/usr/bin/env python3
"""Conferences of kind mix as an operator has them: who is muted is not heard, who is deaf hears nobody;
lock, kick, move, announcement and recording do what they say; wrong requests are answered in words; and
endpoints that come, go and are killed at random leave nothing behind.

    conference.py                  a bounded run: 12 endpoints for 10 s
    conference.py --churn 200 60   only the last part, so many endpoints for so many seconds"""
# long
# timeout: 240
import json
import os
import random
import shutil
import signal
import stat
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts", "lib"))
import sluice_lab  # noqa: E402

TEXTS = {
    "anna": ("en-gb+f2", "The river at the northern station has risen by eleven centimetres."),
    "bert": ("en-us+m3", "Down here we opened two gates at seven, and closed one of them again."),
    "cora": ("en-gb+f4", "My crew will be back before the afternoon shift begins its work."),
    "dora": ("en-us+f1", "Five lorries with sand are waiting at the old mill for somebody."),
}
CODECS = {"anna": "pcma", "bert": "g722", "cora": "pcmu", "dora": "opus"}
CHURN = (12, 10)


def settings(config):
    config["conferences"] += [
        {"alias": "hall*", "kind": "mix", "codecs": ["opus", "g722", "g711-alaw", "g711-ulaw"],
         "sample_rate": 16000},
        {"alias": "each", "kind": "forward", "codecs": ["g711-alaw"]}]
    # Where sluice-dp writes; it runs in the same mount namespace as we do.
    config["data_plane"]["recording"] = {"directory": settings.recordings}
    config["data_plane"]["announcements"] = settings.announcements
    config["signalling"].setdefault("limits", {})["setups_per_second"] = 0


def speech_of(name):
    voice, text = TEXTS[name]
    return sluice_lab.speech(f"conference-{name}", text, voice)


def heard(recording, names):
    """By name: in how many of its seconds a talker was found in the recording, and of how many."""
    at_8k = recording + ".8k.wav"
    subprocess.run(["sox", "-D", recording, "-r", "8000", at_8k], check=True)
    done = subprocess.run(
        [os.path.join(sluice_lab.BUILD, "bench", "sluice-bench"), "hear", "--json", at_8k]
        + [speech_of(n) for n in names], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise sluice_lab.LabError(done.stderr.strip())
    return {n: row for n, row in zip(names, json.loads(done.stdout)["talkers"])}


def is_heard(row):
    """All of its seconds but one at most, which may be torn where the machine was busy."""
    return row["found"] >= row["seconds"] - 1 and row["mean"] > 0.6


class Room:
    """The lab with four people in conference `hall`."""

    def __init__(self, c, lab):
        self.c, self.lab = c, lab
        self.events = lab.control()
        self.events.call("events.subscribe")
        self.people, self.sessions = {}, {}
        for number, name in enumerate(TEXTS):
            self.join(name, number)

    def join(self, name, number):
        e = self.lab.endpoint(
            name, "--codec", CODECS[name], "--play", speech_of(name), "--record",
            self.lab.path(name + ".wav"), "--start", "signal", "--stay", "--timeout", "120",
            ip=sluice_lab.ENDPOINT_IPS[number % len(sluice_lab.ENDPOINT_IPS)], call="hall")
        e.wait_event("first_packet", 15)
        self.people[name] = e
        self.sessions[name] = max(s["id"] for s in self.lab.sessions())

    def call(self, method, name=None, **params):
        if name:
            params["session"] = self.sessions[name]
        return self.lab.call("conference." + method, conference="hall", **params)

    def talk(self, name):
        e = self.people[name]
        have = len([x for x in e.events if x["event"] == "played"])
        e.signal(signal.SIGUSR1)
        e.wait_for("played", lambda: len([x for x in e.events if x["event"] == "played"]) > have, 30)

    def refused(self, what, words, method, **params):
        try:
            self.lab.call(method, **params)
            self.c.check(what, False, "was not refused")
        except sluice_lab.RpcError as error:
            self.c.check(what, words in str(error), str(error))


def events_of_joining(c, room):
    got = room.events.wait_event("conference.created", 5)
    c.equal("created: its kind", got["data"]["kind"], "mix")
    for name in TEXTS:
        event = room.events.wait_event(
            "conference.joined", 5, lambda e: e["session"] == room.sessions[name])
        c.equal(f"{name} joined", event["data"]["conference"], "hall")
    now = room.call("get")
    c.equal("four sessions", len(now["sessions"]), 4)
    c.equal("its numbers", sorted(s["number"] for s in now["sessions"]), [1, 2, 3, 4])


def voices(c, room):
    """anna and bert are heard, cora is muted, dora deaf. All is in one recording of the conference."""
    started = room.call("record_start")
    room.call("mute", "cora")
    room.call("deafen", "dora")
    for name in ("anna", "bert", "cora"):
        room.talk(name)
    speaker = room.events.wait_event("conference.speaker", 5,
                                     lambda e: e["data"]["session"] == room.sessions["bert"])
    c.check("bert was the active speaker", speaker is not None)
    room.call("record_stop")
    ended = room.events.wait_event("conference.recording", 10,
                                   lambda e: e["data"]["state"] == "stopped")
    recorded(c, started["file"], ended["data"])
    now = {s["id"]: s for s in room.call("get")["sessions"]}
    c.equal("cora is shown as muted", now[room.sessions["cora"]]["muted"], True)
    c.equal("dora is shown as deaf", now[room.sessions["dora"]]["deaf"], True)


def recorded(c, name, end):
    path = os.path.join(settings.recordings, name)
    c.equal("recording: the event names it", end["file"], name)
    c.equal("recording: nothing was dropped", end["dropped"], 0)
    c.equal("recording: of as many octets as the event says", os.path.getsize(path), end["bytes"])
    c.equal("recording: for its owner alone", stat.S_IMODE(os.stat(path).st_mode), 0o600)
    rows = heard(path, ["anna", "bert", "cora"])
    c.check("recording: anna and bert are in it", is_heard(rows["anna"]) and is_heard(rows["bert"]),
            str(rows))
    c.equal("recording: muted cora is not", rows["cora"]["found"], 0)


def announcement(c, room):
    sound = speech_of("dora")
    shutil.copy(sound, os.path.join(settings.announcements, "hello.wav"))
    room.call("announce", file="hello.wav")
    end = room.events.wait_event("conference.announcement", 20,
                                 lambda e: e["data"]["state"] in ("ended", "failed"))
    c.equal("announcement: played to its end", (end["data"]["state"], end["data"]["reason"]), ("ended", ""))
    for _ in range(2):
        room.call("announce", file="hello.wav")
    end = room.events.wait_event("conference.announcement", 20, lambda e: e["data"]["state"] in ("ended", "failed"))
    c.equal("announcement: another in its place", (end["data"]["state"], end["data"]["reason"]),
            ("ended", "replaced"))
    room.call("stop_announce")
    end = room.events.wait_event("conference.announcement", 20, lambda e: e["data"]["state"] in ("ended", "failed"))
    c.equal("announcement: stopped", (end["data"]["state"], end["data"]["reason"]), ("ended", "stopped"))
    room.call("announce", file="nobody.wav")
    end = room.events.wait_event("conference.announcement", 20,
                                 lambda e: e["data"]["file"] == "nobody.wav"
                                 and e["data"]["state"] in ("ended", "failed"))
    c.equal("announcement: a file that is not there", end["data"]["state"], "failed")


def door(c, room):
    room.call("lock")
    late = room.lab.endpoint("late", "--timeout", "20", ip=sluice_lab.ENDPOINT_IPS[0], call="hall")
    c.equal("locked: a caller is refused", late.report()["ok"], False)
    closed = room.events.wait_event("session.closed", 5)
    c.equal("locked: why", closed["data"]["cause"], "conference_locked")
    room.refused("locked already", "locked already", "conference.lock", conference="hall")
    room.call("unlock")
    room.call("kick", "dora")
    closed = room.events.wait_event("session.closed", 5,
                                    lambda e: e["session"] == room.sessions["dora"])
    c.equal("kicked: why", closed["data"]["cause"], "kicked")
    room.people["dora"].report(10)
    room.call("move", "bert", to="hall2")
    c.equal("moved: who is left", sorted(s["id"] for s in room.call("get")["sessions"]),
            sorted(room.sessions[n] for n in ("anna", "cora")))
    c.equal("moved: where it is", [s["id"] for s in room.lab.call(
        "conference.get", conference="hall2")["sessions"]], [room.sessions["bert"]])


def wrong_requests(c, room):
    room.refused("no such conference", "expected one that runs", "conference.get", conference="no")
    room.refused("not a member", "is not in it", "conference.mute", conference="hall",
                 session=room.sessions["bert"])
    room.refused("no such session", "does not exist", "conference.kick", conference="hall",
                 session=99999)
    room.refused("no such layout", "expected voice, fixed or lecture", "conference.layout",
                 conference="hall", layout="grid")
    room.refused("a file elsewhere", "without \"/\"", "conference.record_start", conference="hall",
                 file="../x.wav")
    room.refused("a kind that is none", "kind", "conference.create", conference="new", kind="star")
    room.refused("a PIN that is none", "digits", "conference.create", conference="new", pin="12a")
    room.refused("runs already", "runs already", "conference.create", conference="hall")
    room.refused("no such target", "to: expected", "conference.move", conference="hall",
                 session=room.sessions["anna"], to="nowhere")


def created(c, room):
    made = room.lab.call("conference.create", conference="board", like="hall1", pin="4711")
    c.equal("created: kept without sessions", (made["kept"], made["has_pin"], made["sessions"]),
            (True, True, []))
    e = room.lab.endpoint("eve", "--stay", "--timeout", "30", ip=sluice_lab.ENDPOINT_IPS[0],
                          call="board")
    asked = room.events.wait_event("conference.pin", 15)
    c.equal("created: its PIN is asked", asked["data"]["result"], "asked")
    room.lab.call("conference.delete", conference="board")
    e.report(10)
    gone = room.events.wait_event("conference.deleted", 5)
    c.equal("deleted: why", (gone["data"]["conference"], gone["data"]["cause"]),
            ("board", "operator"))


def hearing(c, room):
    """After all of it: what the members have recorded at their ends."""
    for name in ("anna", "bert", "cora"):
        if room.people[name].is_running():
            room.people[name].signal(signal.SIGTERM)
            room.people[name].report(10)
    for name, others in (("anna", ["bert"]), ("bert", ["anna"]), ("cora", ["anna", "bert"])):
        rows = heard(room.lab.path(name + ".wav"), ["anna", "bert", "cora"])
        for talker, row in rows.items():
            if talker in others:
                c.check(f"{name} heard {talker}", is_heard(row), str(row))
            else:
                c.equal(f"{name} did not hear {talker}", row["found"], 0)
    rows = heard(room.lab.path("dora.wav"), ["anna", "bert"])
    c.equal("deaf dora heard nobody", (rows["anna"]["found"], rows["bert"]["found"]), (0, 0))


def members(c, lab):
    room = Room(c, lab)
    events_of_joining(c, room)
    voices(c, room)
    announcement(c, room)
    door(c, room)
    wrong_requests(c, room)
    created(c, room)
    hearing(c, room)


# ---- video ----

def seen_by(c, events, people, sessions, viewer, source, after_us):
    """Waits until the server says that `viewer` sees `source` now, and until it does."""
    event = events.wait_event("conference.video", 15,
                              lambda e: e["session"] == sessions[viewer]
                              and e["data"]["source"] == sessions[source])
    c.check(f"video: {viewer} sees {source}", event is not None)
    seen = people[viewer].wait_video_of(people[source], after_us)
    c.check(f"video: {viewer}'s picture of {source} begins with a key frame",
            seen["detail"].endswith("by key frame"), seen["detail"])


def camera(lab, people, sessions, name, codec, conference):
    """`name` comes in with a camera."""
    e = lab.endpoint(name, "--codec", "pcma", "--play", speech_of(name), "--video", codec,
                     "--start", "signal", "--stay", "--timeout", "90",
                     ip=sluice_lab.ENDPOINT_IPS[len(people)], call=conference)
    e.wait_event("first_packet", 15)
    people[name], sessions[name] = e, max(s["id"] for s in lab.sessions())
    return e


def video_of(c, lab, codec):
    """Three cameras; what each sees follows who speaks, in one stream without a gap."""
    events = lab.control()
    events.call("events.subscribe")
    people, sessions = {}, {}
    for name in ("anna", "bert", "cora"):
        camera(lab, people, sessions, name, codec, "hallv")
    for talker, viewers in (("cora", ("anna", "bert")), ("anna", ("bert",))):
        people[talker].signal(signal.SIGUSR1)
        begun = people[talker].wait_event("play", 5)["at_us"]
        for viewer in viewers:
            seen_by(c, events, people, sessions, viewer, talker, begun)
        people[talker].wait_event("played", 30)
    begun = time.monotonic_ns() // 1000
    lab.call("conference.layout", conference="hallv", layout="lecture", session=sessions["bert"])
    for viewer in ("anna", "cora"):
        seen_by(c, events, people, sessions, viewer, "bert", begun)
    for name, e in people.items():
        e.signal(signal.SIGTERM)
        report = e.report(10)
        c.check(f"video: {name} got it", report["video"]["packets_in"] > 50, str(report["video"]))
        c.equal(f"video: {name}'s stream has no gap over the switches", report["video"]["lost"], 0)
        c.check(f"video: {name} was switched by key frames alone",
                report["video"]["source_switches"] == report["video"]["switches_by_key_frame"] > 0,
                str(report["video"]))
        c.equal(f"video: {name} saw what was sent", report["video"]["wrong"], 0)
        c.check(f"video: {name} was asked for key frames",
                report["video"]["fast_updates"] > 0 and report["video"]["plis"] > 0,
                str(report["video"]))
    counters = lab.call("server.stats")["data_plane"]
    c.equal("video: every switch was to a key frame", counters["source_blind"], 0)
    c.equal("video: sessions left", lab.wait_sessions(0, 15), 0)


def both_codecs(c, lab):
    """anna begins in H.264, bert has H.265 alone: she is asked for that, and has both. cora has H.264
    alone: she hears and is heard, and is told why she sees nobody."""
    events = lab.control()
    events.call("events.subscribe")
    people, sessions = {}, {}
    anna = camera(lab, people, sessions, "anna", "h264,h265", "hallx")
    begun = time.monotonic_ns() // 1000
    bert = camera(lab, people, sessions, "bert", "h265", "hallx")
    followed = anna.wait_event("mode", 15)
    c.equal("both codecs: who has both follows", followed["detail"], "followed")
    for viewer, source in (("bert", anna), ("anna", bert)):
        seen = people[viewer].wait_video_of(source, begun)
        c.check(f"both codecs: {viewer} sees the other", seen is not None)
    camera(lab, people, sessions, "cora", "h264", "hallx")
    excluded = events.wait_event("conference.video", 15,
                                 lambda e: e["session"] == sessions["cora"]
                                 and e["data"].get("reason") == "no_common_codec")
    c.check("both codecs: who has none of it is told why", excluded is not None)
    people["cora"].signal(signal.SIGUSR1)
    speaker = events.wait_event("conference.speaker", 10,
                                lambda e: e["data"]["session"] == sessions["cora"])
    c.check("both codecs: who sees nobody is heard", speaker is not None)
    people["cora"].wait_event("played", 30)
    for name, e in people.items():
        e.signal(signal.SIGTERM)
        report = e.report(10)
        c.equal(f"both codecs: {name} saw what was sent", report["video"]["wrong"], 0)
        c.equal(f"both codecs: {name} saw a picture", report["video"]["packets_in"] > 20,
                name != "cora")
    c.equal("both codecs: sessions left", lab.wait_sessions(0, 15), 0)


def video(c, lab):
    for codec in ("h264", "h265"):
        c.case(codec, video_of, c, lab, codec)
    c.case("both codecs", both_codecs, c, lab)


# ---- forwarding ----

def forwarding(c, lab):
    """Each is sent the streams of both others; which of them it plays is its affair."""
    people = {}
    for number, name in enumerate(("anna", "bert", "cora")):
        e = lab.endpoint(name, "--codec", "pcma", "--play", speech_of(name), "--record",
                         lab.path("each-" + name + ".wav"), "--start", "signal", "--stay",
                         "--timeout", "90", ip=sluice_lab.ENDPOINT_IPS[number], call="each")
        e.wait_event("dtls_done", 15)
        people[name] = e
    for e in people.values():
        e.wait_event("first_packet", 15)
    for name, e in people.items():
        e.signal(signal.SIGUSR1)
        e.wait_event("played", 30)
    rows = lab.sessions()
    c.equal("forward: all are there", len(rows), 3)
    for row in rows:
        c.check(f"forward: session {row['id']} is sent both others",
                row["packets_out"] > 1.5 * row["packets_in"] > 0, str(row))
    for name, e in people.items():
        e.signal(signal.SIGTERM)
        e.report(10)
    # Two streams arrive on one port: an endpoint that plays one takes the first that it sees.
    for name in people:
        rows = heard(lab.path("each-" + name + ".wav"), list(people))
        c.check(f"forward: {name} heard one of the others",
                any(is_heard(row) for other, row in rows.items() if other != name), str(rows))
        c.equal(f"forward: {name} did not hear itself", rows[name]["found"], 0)
    c.equal("forward: sessions left", lab.wait_sessions(0, 15), 0)


# ---- coming and going ----

class Crowd:
    """Endpoints that come and go in a few conferences."""

    def __init__(self, lab, count, seed):
        self.lab, self.count, self.random = lab, count, random.Random(seed)
        self.here, self.seen, self.killed = [], 0, 0
        self.sound = sluice_lab.tone_pair()[0]

    def come(self):
        r, n = self.random, self.seen
        self.seen += 1
        name = f"e{n}"
        e = self.lab.endpoint(
            name, "--codec", r.choice(["pcma", "pcmu", "g722", "opus"]), "--play", self.sound,
            "--loop", "--start", "now", "--stay", "--timeout", "120",
            ip=sluice_lab.ENDPOINT_IPS[n % len(sluice_lab.ENDPOINT_IPS)],
            call="hall" + str(r.randrange(max(1, self.count // 10))))
        self.here.append(e)

    def go(self):
        e = self.here.pop(self.random.randrange(len(self.here)))
        if self.random.random() < 0.5:
            e.kill()
            self.killed += 1
        else:
            e.signal(signal.SIGTERM)

    def step(self):
        if len(self.here) < self.count // 2:
            self.come()
        elif len(self.here) >= self.count or self.random.random() < 0.5:
            self.go()
        else:
            self.come()


def churn(c, lab, count, seconds):
    crowd = Crowd(lab, count, 20261123)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        crowd.step()
        # The pace of the coming and going itself, not a wait for anything.
        time.sleep(seconds / (count * 4))
    for e in crowd.here:
        e.kill()
    c.check("churn: endpoints came and went", crowd.seen > count and crowd.killed > 0,
            f"{crowd.seen} came, {crowd.killed} were killed on their way")
    try:
        lab.wait_sessions(0, 20)
    except sluice_lab.LabError:
        print("still there:", json.dumps(lab.sessions()[:4]))
    c.equal("churn: sessions left", lab.sessions(), [])
    c.equal("churn: conferences left", lab.call("conference.list")["conferences"], [])
    stats = lab.wait_stats(lambda s: s["media"]["ports_open"] == 0
                           and s["media"]["numbers_in_use"] == 0, 15)
    c.equal("churn: ports left", stats["media"]["ports_open"], 0)
    c.equal("churn: port numbers left", stats["media"]["numbers_in_use"], 0)
    st = stats["conferences"]
    c.equal("churn: conferences begun and ended", st["created"], st["deleted"])
    c.equal("churn: joined and left", st["joined"], st["left"])
    print(f"churn: {crowd.seen} endpoints, {crowd.killed} killed while others stayed, "
          f"{st['created']} conferences, {stats['sessions']['closed']} sessions")
    # And it works on.
    reports = [e.report() for e in lab.pair()]
    c.check("churn: the next call is fine", all(r["ok"] and r["audio_match"] for r in reports),
            str([r["failure"] for r in reports]))


def main():
    c = sluice_lab.Checks()
    only_churn = "--churn" in sys.argv
    count, seconds = map(int, sys.argv[sys.argv.index("--churn") + 1:][:2]) if only_churn else CHURN
    settings.recordings = "/run/recordings"
    settings.announcements = "/run/announcements"
    os.makedirs(settings.recordings, exist_ok=True)
    os.makedirs(settings.announcements, exist_ok=True)
    parts = [("churn", lambda lab: churn(c, lab, count, seconds))]
    if not only_churn:
        parts += [("members", lambda lab: members(c, lab)), ("video", lambda lab: video(c, lab)),
                  ("forwarding", lambda lab: forwarding(c, lab))]
    for name, part in parts:  # each with processes of its own: what fails in one is its affair
        with sluice_lab.Lab("conference", settings) as lab:
            lab.start()
            c.case(name, part, lab)
    c.finish()


if __name__ == "__main__":
    sluice_lab.enter_network()
    main()
