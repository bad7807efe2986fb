#!/usr/bin/env python3
"""A conference of kind forward with nine members: each hears all eight others, every one on a channel and in
a stream of its own, and never itself; three of them see each other; who leaves and who comes in the middle
changes nothing for the others; a tenth is refused with its cause."""
# timeout: 240
import array
import glob
import math
import os
import signal
import sys
import wave

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts", "lib"))
import sluice_lab  # noqa: E402

MEMBERS = 9
CAMERAS = 3
RATE = 8000
WINDOW = RATE // 10
TONES = [300 + 150 * i for i in range(MEMBERS + 1)]  # the last is of who comes late


def settings(config):
    config["conferences"].append({"alias": "nine", "kind": "forward", "codecs": ["g711-alaw"],
                                  "max_sessions": MEMBERS})
    config["signalling"].setdefault("limits", {})["setups_per_second"] = 0


def tone_file(lab, number):
    path = lab.path(f"tone-{number}.wav")
    with wave.open(path, "wb") as w:
        w.setnchannels(1)
        w.setsampwidth(2)
        w.setframerate(RATE)
        w.writeframes(array.array("h", (
            int(8000 * math.sin(2 * math.pi * TONES[number] * i / RATE))
            for i in range(2 * RATE))).tobytes())
    return path


def tones_in(path):
    """Numbers of the tones that are in the recording for three windows at least, by zero crossings."""
    with wave.open(path, "rb") as w:
        samples = array.array("h", w.readframes(w.getnframes()))
    seen = {}
    for at in range(0, len(samples) - WINDOW, WINDOW):
        part = samples[at:at + WINDOW]
        if max(part) < 4000:
            continue
        crossings = sum(1 for a, b in zip(part, part[1:]) if (a < 0) != (b < 0))
        frequency = crossings / 2 * RATE / WINDOW
        for number, tone in enumerate(TONES):
            if abs(frequency - tone) < 30:
                seen[number] = seen.get(number, 0) + 1
    return {number for number, count in seen.items() if count >= 3}


class Nine:
    def __init__(self, c, lab):
        self.c, self.lab, self.members = c, lab, {}
        self.events = lab.control()
        self.events.call("events.subscribe")

    def come(self, number):
        e = self.lab.endpoint(
            f"m{number}", "--codec", "pcma", "--play", tone_file(self.lab, number), "--start", "signal",
            "--record-each", self.lab.path(f"heard-{number}"), "--stay", "--timeout", "200",
            *(["--video", "h264"] if number < CAMERAS else []),
            ip=sluice_lab.ENDPOINT_IPS[number % len(sluice_lab.ENDPOINT_IPS)], call="nine")
        e.wait_event("dtls_done", 30)
        self.members[number] = e
        return e

    def streams_of(self, number, count):
        e = self.members[number]
        return e.wait_for(f"{count} streams to m{number}", lambda: len(
            [x for x in e.events if x["event"] == "stream"]) >= count, 60)

    def talk(self):
        """All at a time, each its tone from its beginning to its end."""
        def played(e):
            return len([x for x in e.events if x["event"] == "played"])

        before = {n: played(e) for n, e in self.members.items()}
        for e in self.members.values():
            e.signal(signal.SIGUSR1)
        for n, e in self.members.items():
            e.wait_for("played", lambda e=e, n=n: played(e) > before[n], 30)

    def leave(self, number):
        e = self.members.pop(number)
        e.signal(signal.SIGTERM)
        return e.report(15)


def channels_in(e, kind):
    return len([x for x in e.events if x["event"] == "olc_in" and x["detail"].startswith(kind)])


def check_heard(c, lab, number, others):
    """Each stream of one member alone (whose place somebody else took: of those two), none of two."""
    heard = [tones_in(path) for path in glob.glob(lab.path(f"heard-{number}-*.wav"))]
    everything = set().union(*heard)
    c.equal(f"m{number}: heard all others and not itself", sorted(everything), sorted(others))
    c.equal(f"m{number}: each in one stream", sum(len(h) for h in heard), len(everything))


def nine(c, lab):
    room = Nine(c, lab)
    for number in range(MEMBERS):
        room.come(number)
    for number in range(MEMBERS):
        room.streams_of(number, MEMBERS - 1)
        c.equal(f"m{number}: channels of audio", channels_in(room.members[number], "PCMA"),
                MEMBERS - 1)
    for number in range(CAMERAS):
        e = room.members[number]
        e.wait_for(f"video to m{number}", lambda e=e: channels_in(e, "video") == CAMERAS - 1, 30)
    tenth = lab.endpoint("tenth", "--timeout", "20", call="nine")
    c.equal("the tenth is refused", tenth.report()["ok"], False)
    closed = room.events.wait_event("session.closed", 10)
    c.equal("the tenth: why", closed["data"]["cause"], "conference_full")
    room.talk()
    first = room.leave(4)
    c.equal("who leaves in the middle had eight streams", len(first["streams"]), MEMBERS - 1)
    closes = {n: len([x for x in e.events if x["event"] == "channel_closed"])
              for n, e in room.members.items()}
    late = room.come(MEMBERS)
    room.streams_of(MEMBERS, MEMBERS - 1)
    room.talk()
    c.equal("who comes late: channels of audio", channels_in(late, "PCMA"), MEMBERS - 1)
    for n, e in room.members.items():
        if n != MEMBERS:
            now = len([x for x in e.events if x["event"] == "channel_closed"])
            c.check(f"m{n}: at most one channel was closed for it", now - closes[n] <= 1,
                    f"{now - closes[n]}")
    for number in list(room.members):
        report = room.leave(number)
        c.check(f"m{number}: report", report["counters"]["bad_auth"] == 0, str(report["counters"]))
    everybody = set(range(MEMBERS + 1))
    for number in everybody:
        others = everybody - {number} - ({4} if number == MEMBERS else set())
        check_heard(c, lab, number, others - ({MEMBERS} if number == 4 else set()))
    c.equal("sessions left", lab.wait_sessions(0, 20), 0)
    stats = lab.wait_stats(lambda s: s["media"]["ports_open"] == 0, 15)
    c.equal("ports left", stats["media"]["ports_open"], 0)


def main():
    c = sluice_lab.Checks()
    with sluice_lab.Lab("conference_forward", settings) as lab:
        lab.start()
        c.case("nine", nine, c, lab)
    c.finish()


if __name__ == "__main__":
    sluice_lab.enter_network()
    main()
