#!/usr/bin/env python3
"""What members of a mix share beside their voices: a presentation (H.239) that moves from one to the
other with its token, bit rates that receivers ask for, and a camera that is moved from afar."""
# timeout: 240
import os
import signal
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts", "lib"))
import sluice_lab  # noqa: E402

NAMES = ("anna", "bert", "cora")


def settings(config):
    config["conferences"] += [{"alias": "slides", "kind": "mix", "codecs": ["g711-alaw"]},
                              {"alias": "desk", "kind": "forward", "codecs": ["g711-alaw"], "max_sessions": 4}]


def join(lab, name, *more, ip=0, call="slides"):
    """With a camera, presentations and a tone, until it hears the mix; its session."""
    e = lab.endpoint(name, "--codec", "pcma", "--play", sluice_lab.tone_pair()[0], "--loop", "--start",
                     "now", "--video", "h264", "--h239", "--stats", "--stay", "--timeout", "110", *more,
                     ip=sluice_lab.ENDPOINT_IPS[ip], call=call, fifo=True)
    e.wait_event("first_packet" if call == "slides" else "dtls_done", 15)  # nobody is to be heard at first
    e.video_ssrc()
    return e, max(s["id"] for s in lab.sessions())


def presented(events, session, seconds=15):
    """Waits until this session's presentation is shown (None: nobody's)."""
    return events.wait_event("conference.presentation", seconds,
                             lambda e: e["data"]["source"] == session)


def ssrc_of(e):
    return e.wait_event("presentation_open")["detail"].split(" ")[1]


def seen_by(c, what, viewers, source, after_us=0):
    """All of them see it, from a key frame on."""
    ssrc = ssrc_of(source)
    for viewer in viewers:
        seen = viewer.wait_event("presentation_source", 10, lambda e: e["at_us"] >= after_us
                                 and e["detail"].split(" ")[0] == ssrc)
        c.check(f"{what}: {viewer.name} sees {source.name}'s, from a key frame on",
                seen["detail"].endswith("by key frame"), seen["detail"])


def now_us():
    return time.monotonic_ns() // 1000


def tokens(e):
    return [event["detail"] for event in e.events if event["event"] == "token"]


def wait_token(e, text, count=1):
    e.wait_for(f"{count} x token {text}", lambda: tokens(e).count(text) >= count)


def presents(c, lab, events, people, sessions):
    """The first who asks gets the token; the others see it, in a stream beside the video."""
    anna, bert, cora = (people[n] for n in NAMES)
    anna.tell("present")
    wait_token(anna, "ours")
    presented(events, sessions["anna"])
    seen_by(c, "anna presents", (bert, cora), anna)
    shown = lab.call("conference.get", conference="slides")
    c.equal("anna presents: conference.get", shown["presenting"], sessions["anna"])
    kinds = sorted((ch["kind"], ch["direction"]) for ch in
                   lab.call("session.get", id=sessions["bert"])["channels"])
    c.equal("bert has a second video channel", kinds,
            [("audio", "incoming"), ("audio", "outgoing"), ("presentation", "outgoing"),
             ("video", "incoming"), ("video", "outgoing")])
    for e in (bert, cora):
        c.check(f"{e.name} was told who owns the token", any(t.startswith("owner ") for t in tokens(e)),
                str(tokens(e)))


def moves(c, events, people, sessions):
    """Who asks while another one presents gets it when that one gives way."""
    anna, bert, cora = (people[n] for n in NAMES)
    begun = now_us()
    cora.tell("present")
    wait_token(anna, "given away")
    wait_token(cora, "ours")
    presented(events, sessions["cora"])
    seen_by(c, "cora takes over", (anna, bert), cora, begun)
    bert.tell("present")  # and cora does not give way
    wait_token(bert, "refused")
    wait_token(cora, "kept")
    c.check("who is refused opens no channel", bert.event("presentation_open") is None)


def ends(c, lab, events, people, sessions):
    """Given back, then taken by the next; and released by one who is gone."""
    anna, bert, cora = (people[n] for n in NAMES)
    cora.tell("present-end")
    wait_token(cora, "given back")
    presented(events, None)
    begun = now_us()
    bert.tell("present")
    wait_token(bert, "ours")
    presented(events, sessions["bert"])
    seen_by(c, "bert presents", (anna, cora), bert, begun)
    late, number = join(lab, "dora", ip=3)
    people["dora"], sessions["dora"] = late, number
    ssrc = ssrc_of(bert)
    late.wait_event("presentation_source", 10, lambda e: e["detail"].split(" ")[0] == ssrc)
    c.check("who comes later is told who owns the token",
            any(t.startswith("owner ") for t in tokens(late)), str(tokens(late)))
    bert.kill()
    presented(events, None, 30)
    begun = now_us()
    anna.tell("present")
    wait_token(anna, "ours", 2)
    presented(events, sessions["anna"])
    late.wait_event("presentation_source", 10, lambda e: e["at_us"] >= begun)
    c.check("a dead owner's token is free again", True)


def forwarded(c, lab):
    """The same where every stream goes to all: one more channel to each, and no more."""
    events = lab.control()
    events.call("events.subscribe")
    people, sessions = {}, {}
    for number, name in enumerate(NAMES):
        people[name], sessions[name] = join(lab, name, ip=number, call="desk")
    anna, bert, cora = (people[n] for n in NAMES)
    anna.tell("present")
    wait_token(anna, "ours")
    presented(events, sessions["anna"])
    seen_by(c, "forward: anna presents", (bert, cora), anna)
    c.equal("forward: conference.get", lab.call("conference.get", conference="desk")["presenting"],
            sessions["anna"])
    begun = now_us()
    cora.tell("present")
    wait_token(cora, "ours")
    presented(events, sessions["cora"])
    seen_by(c, "forward: cora takes over", (anna, bert), cora, begun)
    for e in people.values():
        e.signal(signal.SIGTERM)
    for e in people.values():
        c.check(f"forward: {e.name} is fine", e.report(10)["ok"])
    c.equal("forward: sessions left", lab.wait_sessions(0, 15), 0)


def presentation(c, lab):
    events = lab.control()
    events.call("events.subscribe")
    people, sessions = {}, {}
    for number, name in enumerate(NAMES):
        more = ["--keep-token"] if name == "cora" else []
        people[name], sessions[name] = join(lab, name, *more, ip=number)
    presents(c, lab, events, people, sessions)
    moves(c, events, people, sessions)
    ends(c, lab, events, people, sessions)
    here = [(name, e) for name, e in people.items() if e.is_running()]
    for _, e in here:
        e.wait_stats(3)  # some of all streams
    for name, e in here:
        e.signal(signal.SIGTERM)
        report = e.report(10)
        got = report["presentation"]
        c.check(f"{name} got presentations", got["packets_in"] > 0 and got["wrong"] == 0, str(got))
        c.equal(f"{name} was switched on key frames alone", got["source_switches"],
                got["switches_by_key_frame"])
        c.check(f"{name} got video meanwhile",
                report["video"]["packets_in"] > 50 and report["video"]["wrong"] == 0,
                str(report["video"]))
    counters = lab.call("server.stats")["data_plane"]
    c.equal("no switch without a key frame", counters["source_blind"], 0)
    c.equal("sessions left", lab.wait_sessions(0, 30), 0)


# ---- bit rates ----

def limits(e):
    return [event["detail"] for event in e.events if event["event"] == "rate_limit"]


def ask(viewer, source, limit, told):
    """What the viewer says that it takes (100 bit/s; 0: anything), and what the source is told then."""
    before = len(limits(source))
    viewer.tell(f"limit {limit}")
    source.wait_for(f"limit {told}", lambda: limits(source)[before:] == [f"video, {told}"])


def per_second(viewer):
    """Packets of video that it gets in a second: the middle of three."""
    seen = [viewer.wait_stats(1) for _ in range(5)]
    return sorted(sluice_lab.pace(a, b, lambda stats: stats["video"]["packets_in"])
                  for a, b in zip(seen[1:], seen[2:]))[1]


def rate(c, lab):
    """Who can take less than the source sends says so; the source is told the least of all who see it,
    and sends no more."""
    people, sessions = {}, {}
    for number, name in enumerate(NAMES):
        people[name], sessions[name] = join(lab, name, ip=number)
    anna, bert, cora = (people[n] for n in NAMES)
    lab.call("conference.layout", conference="slides", layout="fixed", session=sessions["anna"])
    for viewer in (bert, cora):
        viewer.wait_video_of(anna)
    c.check("bert sees 50 packets a second", per_second(bert) > 40)
    ask(bert, anna, 960, 960)
    ask(cora, anna, 480, 480)
    for viewer in (bert, cora):  # 48 kbit/s are ten packets of 600 octets
        got = per_second(viewer)
        c.check(f"{viewer.name} sees ten", 7 <= got <= 11, got)
    ask(cora, anna, 0, 960)
    got = per_second(cora)
    c.check("cora sees as many as bert takes", 17 <= got <= 21, got)
    lab.call("conference.layout", conference="slides", layout="fixed", session=sessions["cora"])
    bert.wait_video_of(cora)
    anna.wait_for("end of its limit", lambda: limits(anna)[-1] == "video, 0")
    cora.wait_for("limit", lambda: limits(cora) == ["video, 960"])
    c.check("a limit goes with who has it to the next source", True)
    for e in people.values():
        e.signal(signal.SIGTERM)
        e.report(10)
    lab.wait_sessions(0, 15)


# ---- a camera that is moved from afar ----

def moves_of(e):
    return [event["detail"] for event in e.events if event["event"] == "camera"]


def camera(c, lab):
    """Who moves a camera moves that of the member it sees, and no other's (H.224, H.281)."""
    events = lab.control()
    events.call("events.subscribe")
    people, sessions = {}, {}
    for number, name in enumerate(NAMES):
        people[name], sessions[name] = join(lab, name, "--camera", ip=number)
    anna, bert, cora = (people[n] for n in NAMES)
    for e in people.values():
        e.wait_event("camera_open", 15)
    for shown, other, direction in ((bert, cora, "left"), (cora, bert, "up")):
        lab.call("conference.layout", conference="slides", layout="fixed",
                 session=sessions[shown.name])
        begun = now_us()
        anna.wait_video_of(shown)
        before = moves_of(other)
        anna.tell(f"camera {direction}")
        shown.wait_event("camera", 10, lambda e, since=begun: e["at_us"] >= since)
        c.equal(f"{shown.name}'s camera is moved {direction}", moves_of(shown)[-1:], [direction])
        c.equal(f"{other.name}'s is not", moves_of(other), before)
    c.equal("nor is anna's own", moves_of(anna), [])
    for e in people.values():
        e.signal(signal.SIGTERM)
        e.report(10)
    lab.wait_sessions(0, 15)


def main():
    sluice_lab.enter_network()
    c = sluice_lab.Checks()
    for name, part in (("presentation", presentation), ("forward", forwarded), ("rate", rate),
                       ("camera", camera)):
        with sluice_lab.Lab("presentation", settings) as lab:
            lab.start()
            c.case(name, part, c, lab)
    c.finish()


if __name__ == "__main__":
    main()
