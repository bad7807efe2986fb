#!/usr/bin/env python3
"""kill -9 in the middle of conferences: of a member that speaks, of sluiced (the mix goes on, and ends when nobody
claims it), of sluice-dp (sessions end, conferences that are kept stay and work again)."""
# timeout: 240
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts", "lib"))
import sluice_lab  # noqa: E402
import sluice_leg  # noqa: E402

RECORDINGS = "/run/recordings"


def settings(config):
    config["signalling"]["listeners"][0]["dtls"] = "preferred"
    config["conferences"] += [{"alias": "hall*", "kind": "mix", "codecs": ["g711-alaw"]},
                              {"alias": "each", "kind": "forward", "codecs": ["g711-alaw"]}]
    config["data_plane"]["recording"] = {"directory": RECORDINGS}
    config["link"]["orphan_timeout_ms"] = 3000


def whole(packets):
    numbers = [p.sequence for p in packets]
    return len(numbers) > 0 and all((b - a) & 0xffff == 1 for a, b in zip(numbers, numbers[1:]))


def member(c, lab):
    control = lab.control()
    control.call("events.subscribe", types=["conference.*", "session.closed"])
    anna, bert = sluice_leg.Leg(lab, "hall", "198.18.0.3"), sluice_leg.Leg(lab, "hall", "198.18.0.4")
    talker = lab.endpoint("kate", "--play", sluice_lab.tone_pair()[0], "--loop", "--start", "now", "--stay",
                          "--timeout", "60", ip="198.18.0.5", call="hall")
    speaker = control.wait_event("conference.speaker", 15)
    kate = speaker["data"]["session"]
    c.check("member killed: it was the active speaker", kate not in (None, anna.id, bert.id), str(speaker))
    bert.take()
    talker.kill()
    sluice_leg.talk([anna], 1.5)
    left = control.wait_event("conference.left", 10, lambda e: e["session"] == kate)
    c.equal("member killed: the others stay", left["data"]["sessions"], 2)
    got = bert.take()
    c.check("member killed: the others hear on, without a gap", len(got) > 60 and whole(got), f"{len(got)} packets")
    now = lab.call("conference.get", conference="hall")
    c.equal("member killed: another is the active speaker", now["speaker"], anna.id)
    anna.leave()
    bert.leave()


def recorded():
    """Seconds of sound in the file as sox sees it, and what it says."""
    path = os.path.join(RECORDINGS, "cut.wav")
    done = subprocess.run(["sox", "--i", "-D", path], capture_output=True, text=True, check=False)
    return float(done.stdout) if done.returncode == 0 else 0, done.stdout + done.stderr


def control_process(c, lab):
    """sluiced: whoever talks is not to notice."""
    anna, bert = sluice_leg.Leg(lab, "hall", "198.18.0.3"), sluice_leg.Leg(lab, "hall", "198.18.0.4")
    ida, jan = sluice_leg.Leg(lab, "each", "198.18.0.5"), sluice_leg.Leg(lab, "each", "198.18.0.6")
    sluice_leg.talk([anna, ida], 0.3)
    lab.call("conference.record_start", conference="hall", file="cut.wav")
    sluice_leg.talk([anna, ida], 0.3)
    bert.take()
    jan.take()
    lab.server.kill()
    sluice_leg.talk([anna, ida], 1.5)
    for what, leg in (("mix", bert), ("forward", jan)):
        got = leg.take()
        c.check(f"sluiced killed: the {what} goes on, without a gap", len(got) >= 60 and whole(got),
                f"{len(got)} packets")
    lab.start_server()
    stats = lab.wait_stats(lambda s: s["data_plane"]["transports"] == 0 and s["data_plane"]["mixes"] == 0, 15)
    c.equal("sluiced killed: what nobody claims ends", (stats["data_plane"]["transports"],
                                                       stats["data_plane"]["mixes"]), (0, 0))
    # The mix is gone a moment before the writer has written what it holds.
    sluice_lab.wait_until(lambda: recorded()[0] > 1.5)
    seconds, said = recorded()
    c.check("sluiced killed: the recording is whole", seconds > 1.5, said)
    for leg in (anna, bert, ida, jan):
        leg.vanish()
    again(c, lab, "sluiced killed", "hall")


def again(c, lab, what, conference):
    anna, bert = sluice_leg.Leg(lab, conference, "198.18.0.3"), sluice_leg.Leg(lab, conference, "198.18.0.4")
    sluice_leg.talk([anna], 0.2)
    bert.take()
    sluice_leg.talk([anna], 0.6)
    got = bert.take()
    c.check(f"{what}: the next conference of that name works", len(got) >= 20 and whole(got), f"{len(got)} packets")
    anna.leave()
    bert.leave()


def data_plane(c, lab):
    control = lab.control()
    control.call("events.subscribe", types=["conference.*", "session.closed", "dataplane.*"])
    lab.call("conference.create", conference="kept", like="hall")
    legs = [sluice_leg.Leg(lab, "kept", "198.18.0.3"), sluice_leg.Leg(lab, "kept", "198.18.0.4"),
            sluice_leg.Leg(lab, "hall", "198.18.0.5")]
    sluice_leg.talk(legs, 0.3)
    lab.dp.kill()
    causes = {control.wait_event("session.closed", 10)["data"]["cause"] for _ in legs}
    c.equal("sluice-dp killed: sessions end, and why", causes, {"no_data_plane"})
    rows = {x["name"]: x["sessions"] for x in lab.call("conference.list")["conferences"]}
    c.equal("sluice-dp killed: what is kept is there", rows, {"kept": []})
    for leg in legs:
        leg.vanish()
    try:
        sluice_leg.Leg(lab, "kept")
        c.check("sluice-dp killed: a call meanwhile is refused", False)
    except sluice_lab.RpcError as error:
        c.check("sluice-dp killed: a call meanwhile is refused in words", "data plane" in str(error), str(error))
    lab.start_dp()
    control.wait_event("dataplane.attached", 15)
    again(c, lab, "sluice-dp killed", "kept")
    lab.call("conference.delete", conference="kept")


def main():
    c = sluice_lab.Checks()
    os.makedirs(RECORDINGS, exist_ok=True)
    for name, part in (("member", member), ("control process", control_process), ("data plane", data_plane)):
        with sluice_lab.Lab("conference-crashes", settings) as lab:
            lab.start()
            c.case(name, part, c, lab)
            c.equal(f"{name}: nothing is left", (lab.wait_sessions(0), lab.call("conference.list")["conferences"]),
                    (0, []))
    c.finish()


if __name__ == "__main__":
    sluice_lab.enter_network()
    main()
