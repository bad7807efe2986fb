#!/usr/bin/env python3
"""Members of conferences that send what they should not: no common codec, ten times the rate, clocks that jump, wrong
payload types, SSRCs that others have, everything torn. Whoever does it is heard again as soon as it behaves; the
others hear each other all the time."""
# long
# timeout: 240
import math
import os
import random
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts", "lib"))
import sluice_lab  # noqa: E402
import sluice_leg  # noqa: E402

LOW, HIGH = 440, 1300  # Hz
PACE = 0.8, 1.2        # packets that cora gets, of those that she has to
LATE_S = 0.5           # so late they may be


def settings(config):
    config["signalling"]["listeners"][0]["dtls"] = "preferred"
    config["conferences"] += [{"alias": "hall*", "kind": "mix", "codecs": ["g711-alaw", "g711-ulaw"]},
                              {"alias": "full", "kind": "mix", "codecs": ["g711-alaw"], "max_sessions": 60},
                              {"alias": "each", "kind": "forward", "codecs": ["g711-alaw"]}]
    config["signalling"]["limits"] = {"setups_per_second": 0}


def linear(octet):
    """A-law to 16 bits."""
    octet ^= 0x55
    exponent, value = octet >> 4 & 7, (octet & 15) << 4 | 8
    value = value + 256 << exponent - 1 if exponent else value
    return value if octet & 0x80 else -value


LINEAR = [linear(x) for x in range(256)]


def level(packets, hz):
    """How loud a tone is in what packets of A-law hold (Goertzel), in parts of full scale."""
    samples = [LINEAR[x] for p in packets for x in p.payload]
    if not samples:
        return 0.0
    w = 2 * math.cos(2 * math.pi * hz / 8000)
    a = b = 0.0
    for x in samples:
        a, b = x + w * a - b, a
    return math.sqrt(max(0.0, a * a + b * b - w * a * b)) / len(samples) / 32768


class Room:
    """anna (the low tone) may do wrong, bert (the high tone) never does, cora listens."""

    def __init__(self, c, lab, conference="hall", **anna):
        self.c, self.lab = c, lab
        self.anna = sluice_leg.Leg(lab, conference, "198.18.0.3", **anna)
        self.bert = sluice_leg.Leg(lab, conference, "198.18.0.4")
        self.cora = sluice_leg.Leg(lab, conference, "198.18.0.5")
        self.number = 0
        self.took = 0  # seconds, of what was said last

    def say(self, seconds, anna=None, bert=True):
        """Both talk; `anna(n)` sends her packets in her way. What cora heard in it. (The last of it may
        still be on its way to her when all is said.)"""
        self.cora.take()
        begin, n = time.monotonic(), 0
        while n < seconds * 50:
            self.number += 1
            if anna:
                anna(self.number)
            elif anna is None:
                self.anna.send(payload=sluice_leg.tone(self.number, hz=LOW))
            if bert:
                self.bert.send(payload=sluice_leg.tone(self.number, hz=HIGH))
            n += 1
            ahead = begin + n * 0.02 - time.monotonic()
            if ahead > 0:
                time.sleep(ahead)
        self.cora.wait_untaken(PACE[0] * 50 * seconds, LATE_S)
        self.took = time.monotonic() - begin
        return self.cora.take()

    def judge(self, what, packets, anna, seconds):
        """cora's stream is whole, at its pace, and has the high tone always, the low one as `anna` says."""
        numbers = [p.sequence for p in packets]
        self.c.check(f"{what}: cora's stream is whole",
                     all((b - a) & 0xffff == 1 for a, b in zip(numbers, numbers[1:])), str(numbers))
        self.c.check(f"{what}: at its pace", PACE[0] * 50 * seconds <= len(packets)
                     <= PACE[1] * 50 * max(seconds, self.took) + 3, f"{len(packets)} packets in {self.took:.2f} s")
        self.c.check(f"{what}: cora hears bert", level(packets, HIGH) > 0.01, level(packets, HIGH))
        if anna is not None:
            heard = level(packets, LOW)
            self.c.check(f"{what}: cora hears anna{'' if anna else ' no more'}", (heard > 0.01) == anna, heard)

    def mix_of(self, leg):
        return self.lab.call("session.get", id=leg.id)["transports"][0]

    def good(self, what):
        """As if nothing had been. The first fifth of a second may still be torn."""
        self.say(0.3)
        self.judge(what, self.say(0.6), True, 0.6)

    def leave(self):
        for leg in (self.anna, self.bert, self.cora):
            leg.leave()


def no_common_codec(c, lab):
    room = Room(c, lab)
    events = lab.control()
    events.call("events.subscribe", types=["session.closed"])
    room.good("no common codec, before")
    try:
        sluice_leg.Leg(lab, "hall", "198.18.0.6", offers=(9,))
        c.check("no common codec: a leg by SDP is refused", False)
    except sluice_lab.RpcError as error:
        c.check("no common codec: a leg by SDP is refused", "codec" in str(error), str(error))
    closed = events.wait_event("session.closed", 10)["data"]
    c.equal("no common codec: a leg by SDP, and why", (closed["cause"], closed["text"]),
            ("no_common_codec", "no audio codec in common"))
    e = lab.endpoint("gina", "--codec", "g722", "--timeout", "20", ip="198.18.0.6", call="hall")
    packets = room.say(2)
    closed = events.wait_event("session.closed", 10)["data"]
    c.equal("no common codec: an endpoint, and why", (e.report()["ok"], closed["cause"]), (False, "no_common_codec"))
    room.judge("no common codec: the rest is untouched", packets, True, 2)
    room.leave()


def tenfold_rate(c, lab):
    room = Room(c, lab)
    room.good("tenfold rate, before")

    def ten(n):
        for k in range(10):
            room.anna.send(payload=sluice_leg.tone(10 * n + k, hz=LOW))

    packets = room.say(3, anna=ten)
    room.judge("tenfold rate", packets, None, 3)
    # Who keeps all that came plays it for another 27 s.
    room.say(0.6, anna=False)
    packets = room.say(0.5, anna=False)
    room.judge("tenfold rate: nothing of it is kept", packets, False, 0.5)
    got = room.mix_of(room.anna)["mix"]
    c.check("tenfold rate: what was too much is counted", got["refused"] + got["late"] > 500, str(got))
    room.good("tenfold rate, after")
    room.leave()


def clock_jumps(c, lab):
    room = Room(c, lab)
    room.good("clock jumps, before")
    for what, clock, number in (("an hour ahead", 3600 * 8000, 0), ("an hour back", -3600 * 8000, 0),
                                ("half of the circle", 1 << 31, 0), ("to zero, numbers too", None, None),
                                ("numbers half of their circle", 0, 1 << 15)):
        if clock is None:
            room.anna.timestamp = room.anna.sequence = 0
        else:
            room.anna.timestamp += clock
            room.anna.sequence += number
        packets = room.say(0.4)
        room.judge(f"clock jumps {what}", packets, None, 0.4)
        # One who waits for the time that was told waits for an hour.
        room.good(f"clock jumps {what}, after")

    def shake(_):
        room.anna.timestamp += random.Random(room.number).randrange(1 << 32)
        room.anna.send(payload=sluice_leg.tone(room.number, hz=LOW))

    packets = room.say(1, anna=shake)
    room.judge("clock jumps in every packet", packets, None, 1)
    room.good("clock jumps in every packet, after")
    room.leave()


def wrong_payloads(c, lab):
    room = Room(c, lab)
    room.good("wrong payload type, before")
    before = room.mix_of(room.anna)
    for what, packet in (("a number that was not agreed", {"payload_type": 99}),
                         ("another codec's number", {"payload_type": 9}),
                         ("no payload", {"payload": b""})):
        packet.setdefault("payload", sluice_leg.tone(room.number, hz=LOW))
        room.say(0.3, anna=lambda _, packet=packet: room.anna.send(**packet))
        packets = room.say(0.5, anna=lambda _, packet=packet: room.anna.send(**packet))
        room.judge(f"wrong payload: {what}", packets, False, 0.5)
        room.good(f"wrong payload: {what}, after")
    # Sizes that no frame has, types of events that are none: nobody knows what that sounds like.
    r = random.Random(6)
    packets = room.say(1, anna=lambda _: room.anna.send(payload=r.randbytes(r.randrange(1, 1400))))
    room.judge("wrong payload: any size", packets, None, 1)
    packets = room.say(0.5, anna=lambda _: room.anna.send(payload=r.randbytes(r.randrange(8)), payload_type=101))
    room.judge("wrong payload: broken keys", packets, None, 0.5)
    packets = room.say(0.5, anna=lambda _: room.anna.rtp.sendto(r.randbytes(r.randrange(60)), room.anna.there))
    room.judge("wrong payload: no RTP at all", packets, None, 0.5)
    room.good("wrong payload, after")
    after = room.mix_of(room.anna)
    c.check("wrong payload: counted", sum(after["drops"].values()) + after["mix"]["refused"]
            - sum(before["drops"].values()) - before["mix"]["refused"] > 50, str(after))
    room.leave()


def collisions(c, lab):
    """Who is who is told by the transport: numbers that two have chosen mean nothing across them."""
    for what, conference in (("mix", "hall"), ("forward", "each")):
        room = Room(c, lab, conference)
        room.anna.ssrc = room.bert.ssrc = 0x1234567
        both = room.say(1)
        if what == "mix":
            room.judge("same SSRC in a mix", both, True, 1)
        else:  # a leg by SDP has one stream: that of one of the others, whole, and under a number of ours
            streams = {p.ssrc for p in both}
            c.check("same SSRC, forwarded: streams are told apart", len(streams) == 1 and 0x1234567 not in streams,
                    str(streams))
            c.check("same SSRC, forwarded: they are not woven into one",
                    (level(both, LOW) > 0.01) != (level(both, HIGH) > 0.01), f"{level(both, LOW)} {level(both, HIGH)}")
            numbers = [p.sequence for p in both]
            c.check("same SSRC, forwarded: whole", len(numbers) > 40
                    and all((b - a) & 0xffff == 1 for a, b in zip(numbers, numbers[1:])), str(numbers))
        if what == "mix":  # and the one that the server itself has chosen towards her
            room.anna.ssrc = room.mix_of(room.anna)["ssrc_out"]
            room.good("the server's own SSRC")
            # A new one for each packet: streams are kept in bounds, and nobody else is disturbed.
            packets = room.say(1, anna=lambda n: room.anna.send(payload=sluice_leg.tone(n, hz=LOW), ssrc=n))
            room.judge("a new SSRC in each packet", packets, None, 1)
            room.good("a new SSRC in each packet, after")
        room.leave()
    anna, bert = sluice_leg.Leg(lab, "demo", ssrc=7), sluice_leg.Leg(lab, "demo", "198.18.0.4", ssrc=7)
    sluice_leg.talk([anna, bert], 0.5)
    for name, leg in (("anna", anna), ("bert", bert)):
        got = leg.take()
        c.check(f"same SSRC in a relay: {name} is sent the other's", len(got) >= 20 and {p.ssrc for p in got} == {7},
                f"{len(got)} packets")
        leg.leave()


def sixty(c, lab):
    """A conference as large as may be: two talk, fifty-eight hear them."""
    legs = [sluice_leg.Leg(lab, "full", sluice_lab.ENDPOINT_IPS[n % 4]) for n in range(60)]
    try:
        sluice_leg.Leg(lab, "full")
        c.check("sixty: one more is refused", False)
    except sluice_lab.RpcError as error:
        c.check("sixty: one more is refused", "conference_full" in str(error), str(error))
    begin = time.monotonic()
    for n in range(150):
        if n == 50:
            for leg in legs:
                leg.take()
        legs[0].send(payload=sluice_leg.tone(n, hz=LOW))
        legs[1].send(payload=sluice_leg.tone(n, hz=HIGH))
        ahead = begin + (n + 1) * 0.02 - time.monotonic()
        if ahead > 0:
            time.sleep(ahead)
    for leg in legs:
        leg.wait_untaken(90, LATE_S)
    packets = [leg.take() for leg in legs]
    few = [len(p) for p in packets if len(p) < 90]
    c.equal("sixty: each was sent its stream", few, [])
    deaf = [n for n in range(2, 60) if level(packets[n][:50], LOW) < 0.01 or level(packets[n][:50], HIGH) < 0.01]
    c.equal("sixty: who did not hear both", deaf, [])
    c.check("sixty: who talks hears the other alone", level(packets[0], LOW) < 0.005 < level(packets[0], HIGH)
            and level(packets[1], HIGH) < 0.005 < level(packets[1], LOW), "")
    now = lab.call("conference.get", conference="full")
    c.equal("sixty: they are listed", len(now["sessions"]), 60)
    lab.call("conference.delete", conference="full")
    stats = lab.wait_stats(lambda s: s["sessions_now"] == 0 and s["media"]["ports_open"] == 0, 10)
    c.equal("sixty: nothing is left", (stats["sessions_now"], stats["media"]["ports_open"]), (0, 0))
    for leg in legs:
        leg.vanish()


def main():
    c = sluice_lab.Checks()
    with sluice_lab.Lab("conference-bad-media", settings) as lab:
        lab.start()
        for part in (no_common_codec, tenfold_rate, clock_jumps, wrong_payloads, collisions, sixty):
            c.case(part.__name__, part, c, lab)
        c.equal("nobody is left", lab.sessions(), [])
    c.finish()


if __name__ == "__main__":
    sluice_lab.enter_network()
    main()
