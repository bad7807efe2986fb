#!/usr/bin/env python3
"""Files of conferences where something is wrong with them, or with the disk: announcements that are missing or
no WAV that we read; recordings without a directory, on a read-only and on a full disk, twice, of members that
leave; captures of decrypted media. Each end is told once, with the file, whose it was, and why; nobody's audio
suffers."""
# timeout: 240
import os
import stat
import struct
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts", "lib"))
import sluice_lab  # noqa: E402
import sluice_leg  # noqa: E402

RECORDINGS, ANNOUNCEMENTS = "/run/recordings", "/run/announcements"


def settings(config):
    config["signalling"]["listeners"][0]["dtls"] = "preferred"
    config["conferences"] += [{"alias": "hall*", "kind": "mix", "codecs": ["g711-alaw", "g711-ulaw"],
                               "sample_rate": 16000},
                              {"alias": "pass", "passthrough": True}]
    config["data_plane"]["recording"] = {"directory": RECORDINGS, "captures": True}
    config["data_plane"]["announcements"] = ANNOUNCEMENTS


def no_files(config):
    settings(config)
    del config["data_plane"]["recording"], config["data_plane"]["announcements"]


def wav(name, tag=1, channels=1, rate=8000, bits=16, samples=800, data=None, length=None):
    data = b"\x01\x02" * (samples * channels * bits // 16) if data is None else data
    block = channels * bits // 8
    length = len(data) if length is None else length
    with open(os.path.join(ANNOUNCEMENTS, name), "wb") as file:
        file.write(b"RIFF" + struct.pack("<I", 36 + length) + b"WAVEfmt "
                   + struct.pack("<IHHIIHH", 16, tag, channels, rate, rate * block, block, bits)
                   + b"data" + struct.pack("<I", length) + data)


def refused(c, what, words, call, method, **params):
    try:
        call(method, **params)
        c.check(what, False, "was not refused")
    except sluice_lab.RpcError as error:
        c.check(what, words in str(error), str(error))


class Hall:
    """Conference `hall` with two members whose audio flows, and a listener to its events."""

    def __init__(self, c, lab):
        self.c, self.lab = c, lab
        self.events = lab.control()
        self.events.call("events.subscribe", types=["conference.*", "session.capture"])
        self.anna = sluice_leg.Leg(lab, "hall", "198.18.0.3")
        self.bert = sluice_leg.Leg(lab, "hall", "198.18.0.4")
        self.anna.talk(0.2)
        self.bert.wait_packets(5)

    def call(self, method, **params):
        return self.events.call("conference." + method, conference="hall", **params)

    def end_of(self, kind, file, seconds=10):
        """What is told of the end of a file: state, session, reason, and the whole event."""
        data = self.events.wait_event(kind, seconds, lambda e: e["data"]["file"] == file
                                      and e["data"]["state"] != "started")["data"]
        return data

    def flows(self, what):
        """bert still hears anna, in packets without a gap."""
        self.bert.take()
        self.anna.talk(0.4)
        self.bert.wait_untaken(15, sluice_lab.PATIENCE)
        numbers = [p.sequence for p in self.bert.take()]
        self.c.check(what + ": the audio of the conference goes on",
                     len(numbers) >= 15 and all((b - a) & 0xffff == 1 for a, b in zip(numbers, numbers[1:])),
                     str(numbers))


# ---- announcements ----

GOOD = {"stereo.wav": dict(channels=2, rate=44100), "cd.wav": dict(rate=48000), "alaw.wav": dict(tag=6, bits=8),
        "ulaw.wav": dict(tag=7, bits=8), "cut.wav": dict(samples=200, length=1000000),
        "wide.wav": dict(rate=192000, samples=4000)}
BAD = {"missing.wav": (None, "No such file"),
       "float.wav": (dict(tag=3, bits=32), "32 bits of format 3"),
       "eight.wav": (dict(bits=8), "8 bits of format 1"),
       "24.wav": (dict(bits=24), "24 bits of format 1"),
       "silent.wav": (dict(samples=0), "no samples"),
       "rate.wav": (dict(rate=0), "0 Hz"),
       "nine.wav": (dict(channels=9), "9 channels")}


def announcements(c, lab):
    hall = Hall(c, lab)
    for name, how in GOOD.items():
        wav(name, **how)
        hall.call("announce", file=name)
        c.equal(f"announce {name}: played to its end", hall.end_of("conference.announcement", name)["state"], "ended")
    for name, (how, words) in BAD.items():
        if how is not None:
            wav(name, **how)
        hall.call("announce", file=name)
        end = hall.end_of("conference.announcement", name)
        c.check(f"announce {name}: failed, and why", end["state"] == "failed" and words in end["reason"], str(end))
    path = os.path.join(ANNOUNCEMENTS, "")
    with open(path + "text.wav", "wb") as file:
        file.write(b"ID3" + bytes(2000))
    with open(path + "empty.wav", "wb"):
        pass
    os.mkdir(path + "folder")
    os.mkfifo(path + "pipe")
    os.symlink("/etc/passwd", path + "link")
    for name, words in (("text.wav", "no RIFF/WAVE file"), ("empty.wav", "no RIFF/WAVE file"),
                        ("folder", "no regular file"), ("pipe", "no regular file"), ("link", "symbolic links")):
        hall.call("announce", file=name)
        end = hall.end_of("conference.announcement", name)
        c.check(f"announce {name}: failed, and why", end["state"] == "failed" and words in end["reason"], str(end))
    for name in ("../x.wav", "a/b", ".hidden"):
        refused(c, f"announce {name}: refused", 'without "/" and not beginning with "."', hall.call, "announce",
                file=name)
    hall.flows("announcements")
    # One takes the place of the other; stopped where none plays; to one who leaves.
    wav("long.wav", samples=80000)
    hall.call("announce", file="long.wav")
    hall.call("announce", file="stereo.wav")
    c.equal("announce: the new one ends the old one", hall.end_of("conference.announcement", "long.wav")["state"],
            "ended")
    hall.end_of("conference.announcement", "stereo.wav")
    refused(c, "stop_announce without an announcement", "nothing is being played", hall.call, "stop_announce")
    cora = sluice_leg.Leg(lab, "hall", "198.18.0.5")
    cora.talk(0.1)
    hall.call("announce", file="long.wav", session=cora.id)
    refused(c, "stop_announce of all while one hears one", "nothing is being played", hall.call, "stop_announce")
    cora.leave()
    end = hall.end_of("conference.announcement", "long.wav")
    c.equal("announce: whoever it was for has left", (end["session"], end["state"]), (cora.id, "ended"))
    hall.flows("after announcements")


# ---- recordings ----

def recordings(c, lab):
    hall = Hall(c, lab)
    refused(c, "record_stop without record_start", "not being recorded", hall.call, "record_stop")
    hall.call("record_start", file="all.wav")
    refused(c, "record_start twice", "already", hall.call, "record_start", file="more.wav")
    hall.call("record_start", file="anna.wav", session=hall.anna.id)
    refused(c, "record_start of a member twice", "already", hall.call, "record_start", session=hall.anna.id)
    hall.flows("two recordings")
    hall.call("record_stop", session=hall.anna.id)
    end = hall.end_of("conference.recording", "anna.wav")
    c.equal("a member's recording", (end["state"], end["session"], end["dropped"]), ("stopped", hall.anna.id, 0))
    c.equal("a member's recording: as many octets as told",
            os.path.getsize(os.path.join(RECORDINGS, "anna.wav")), end["bytes"])
    # Whoever is recorded leaves: its file ends and says whose it was; the conference's goes on.
    cora = sluice_leg.Leg(lab, "hall", "198.18.0.5")
    cora.talk(0.2)
    hall.call("record_start", file="cora.wav", session=cora.id)
    cora.talk(0.2)
    cora.leave()
    end = hall.end_of("conference.recording", "cora.wav")
    c.equal("whoever was recorded has left", (end["state"], end["session"]), ("stopped", cora.id))
    c.check("whoever was recorded has left: what was said is there", end["bytes"] > 44 and end["ms"] > 0, str(end))
    c.equal("the conference is still recorded", hall.call("get")["recording"], True)
    hall.call("record_stop")
    c.equal("recording of the conference", hall.end_of("conference.recording", "all.wav")["state"], "stopped")
    hall.call("record_start", file="all.wav")
    end = hall.end_of("conference.recording", "all.wav")
    c.check("no file is overwritten", end["state"] == "failed" and "exists" in end["reason"], str(end))
    c.equal("... and the conference is not recorded", hall.call("get")["recording"], False)
    disks(c, hall)


def disks(c, hall):
    """A disk that is read-only, full, or not there."""
    def run(*command):
        subprocess.run(command, check=True)

    run("mount", "--bind", RECORDINGS, RECORDINGS)
    run("mount", "-o", "remount,bind,ro", RECORDINGS)
    hall.call("record_start", file="ro.wav")
    end = hall.end_of("conference.recording", "ro.wav")
    c.check("read-only disk: told", end["state"] == "failed" and "Read-only" in end["reason"], str(end))
    run("umount", RECORDINGS)
    run("mount", "-t", "tmpfs", "-o", "size=64k", "full", RECORDINGS)
    hall.call("record_start", file="full.wav")
    hall.anna.talk(3)
    end = hall.end_of("conference.recording", "full.wav")
    path = os.path.join(RECORDINGS, "full.wav")
    c.check("full disk: told", end["state"] == "failed" and "No space" in end["reason"], str(end))
    c.equal("full disk: what fits is there", (os.path.getsize(path), end["bytes"]), (65536, 65536))
    done = subprocess.run(["sox", "--i", "-D", path], capture_output=True, text=True, check=False)
    c.check("full disk: and can be read", abs(float(done.stdout) - end["ms"] / 1000) < 0.02, done.stdout + done.stderr)
    hall.flows("full disk")
    run("umount", RECORDINGS)
    os.rename(RECORDINGS, RECORDINGS + ".away")
    hall.call("record_start", file="away.wav")
    end = hall.end_of("conference.recording", "away.wav")
    c.check("no directory any more: told", end["state"] == "failed" and "directory" in end["reason"], str(end))
    os.rename(RECORDINGS + ".away", RECORDINGS)
    hall.call("record_start", file="again.wav")
    hall.flows("disk is back")
    hall.call("record_stop")
    c.equal("disk is back: recorded", hall.end_of("conference.recording", "again.wav")["state"], "stopped")


def unconfigured(c, lab):
    hall = Hall(c, lab)
    hall.call("record_start", file="x.wav")
    end = hall.end_of("conference.recording", "x.wav")
    c.check("recording without a directory: told which key is missing",
            end["state"] == "failed" and "data_plane.recording.directory" in end["reason"], str(end))
    hall.call("record_start", file="y.wav", session=hall.anna.id)
    end = hall.end_of("conference.recording", "y.wav")
    c.equal("... of a member: whose", (end["state"], end["session"]), ("failed", hall.anna.id))
    hall.call("announce", file="x.wav")
    end = hall.end_of("conference.announcement", "x.wav")
    c.check("announcement without a directory: told which key is missing",
            end["state"] == "failed" and "data_plane.announcements" in end["reason"], str(end))
    refused(c, "capture that the configuration does not allow", "data_plane.recording.captures", hall.events.call,
            "session.capture_start", id=hall.anna.id)
    hall.flows("without directories")


# ---- captures ----

def packets_of(path):
    """(is from the server, RTP) of a pcap file of raw IP."""
    with open(path, "rb") as file:
        data = file.read()
    at, out = 24, []
    while at + 16 <= len(data):
        size = struct.unpack_from("<I", data, at + 8)[0]
        ip = data[at + 16:at + 16 + size]
        out.append((ip[12:16] == bytes(map(int, sluice_lab.MEDIA_IP4.split("."))), ip[28:]))
        at += 16 + size
    return out


def captures(c, lab):
    hall = Hall(c, lab)
    call = hall.events.call
    secured = lab.endpoint("sina", "--play", sluice_lab.tone_pair()[0], "--loop", "--start", "now", "--stay",
                           "--timeout", "60", ip="198.18.0.6", call="hall")
    secured.wait_event("first_packet", 15)
    session = next(s for s in lab.sessions() if s["srtp_profile"])
    started = call("session.capture_start", id=session["id"])
    refused(c, "capture twice", "already", call, "session.capture_start", id=session["id"])
    refused(c, "capture of a transport that is none", "transport: expected", call, "session.capture_start",
            id=session["id"], transport=77)
    refused(c, "capture of nobody", "no session", call, "session.capture_start", id=9999)
    refused(c, "capture elsewhere", "file: expected", call, "session.capture_start", id=hall.anna.id, file="../x")
    refused(c, "capture_stop without capture_start", "not being captured", call, "session.capture_stop",
            id=hall.anna.id)
    hall.flows("capture")
    call("session.capture_stop", id=session["id"])
    end = hall.end_of("session.capture", started["file"])
    path = os.path.join(RECORDINGS, started["file"])
    c.equal("capture: its end", (end["state"], end["transport"], end["bytes"]),
            ("stopped", started["transport"], os.path.getsize(path)))
    c.equal("capture: for its owner alone", stat.S_IMODE(os.stat(path).st_mode), 0o600)
    seen = packets_of(path)
    rtp = [(out, p) for out, p in seen if p[1] & 0x7f == 8]
    c.check("capture: both ways", {out for out, _ in rtp} == {True, False}, f"{len(seen)} packets")
    c.equal("capture: decrypted, without tags", {len(p) for _, p in rtp}, {172})
    # Whoever is captured leaves: the end is told all the same, before that of the session.
    call("session.capture_start", id=hall.bert.id, file="bert.pcap")
    hall.bert.talk(0.2)
    hall.bert.leave()
    end = hall.end_of("session.capture", "bert.pcap")
    c.equal("capture of one who leaves", (end["state"], os.path.getsize(os.path.join(RECORDINGS, "bert.pcap"))),
            ("stopped", end["bytes"]))
    call("session.capture_start", id=hall.anna.id, file="bert.pcap")
    end = hall.end_of("session.capture", "bert.pcap")
    c.check("capture: nothing is overwritten", end["state"] == "failed" and "exists" in end["reason"], str(end))
    lost(c, hall)


def lost(c, hall):
    """sluice-dp is killed in the middle: all that was open is told to have failed, once."""
    hall.call("record_start", file="lost.wav")
    hall.call("record_start", file="lost-anna.wav", session=hall.anna.id)
    hall.events.call("session.capture_start", id=hall.anna.id, file="lost.pcap")
    hall.anna.talk(0.2)
    hall.lab.dp.kill()
    ends = [hall.end_of(kind, name) for kind, name in (
        ("conference.recording", "lost.wav"), ("conference.recording", "lost-anna.wav"))]
    c.equal("sluice-dp killed: recordings are told", [(e["state"], e["session"]) for e in ends],
            [("failed", None), ("failed", hall.anna.id)])
    c.equal("sluice-dp killed: the capture is told", hall.end_of("session.capture", "lost.pcap")["state"], "failed")
    c.check("sluice-dp killed: what was written stays", os.path.exists(os.path.join(RECORDINGS, "lost.wav")))


def main():
    c = sluice_lab.Checks()
    for directory in (RECORDINGS, ANNOUNCEMENTS):
        os.makedirs(directory, exist_ok=True)
    for name, part, change in (("announcements", announcements, settings), ("recordings", recordings, settings),
                               ("unconfigured", unconfigured, no_files), ("captures", captures, settings)):
        with sluice_lab.Lab("conference-files", change) as lab:
            lab.start()
            c.case(name, part, c, lab)
    c.finish()


if __name__ == "__main__":
    sluice_lab.enter_network()
    main()
