#!/usr/bin/env python3
"""Data channels that end in the server, as an operator may misuse them: data.send with everything that may be wrong,
empty, binary and as long as allowed, to channels that are closed, full or not there, to peers that have gone; T.140
and H.224; and conferences whose members move: what is said in one is not heard in the other."""
# timeout: 240
import base64
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts", "lib"))
import sluice_lab  # noqa: E402
import sluice_leg  # noqa: E402


def settings(config):
    config["signalling"]["listeners"][0]["dtls"] = "preferred"
    config["conferences"] += [{"alias": "room*", "kind": "forward", "max_sessions": 5, "data": "terminate"},
                              {"alias": "relayed", "data": "relay"}, {"alias": "none", "data": "off"}]


class Room:
    def __init__(self, c, lab):
        self.c, self.lab = c, lab
        self.control = lab.control()
        self.control.call("events.subscribe", types=["data.*", "session.closed"])

    def join(self, name, ip, *arguments, call="room"):
        before = {s["id"] for s in self.lab.sessions()}
        e = self.lab.endpoint(name, "--timeout", "100", "--duration", "90", *arguments, ip=ip, call=call)
        e.wait_event("data_up", 15)
        return e, next(s["id"] for s in self.lab.sessions() if s["id"] not in before)

    def send(self, **params):
        return self.control.call("data.send", **params)["octets"]

    def refused(self, what, words, **params):
        try:
            self.control.call("data.send", **params)
            self.c.check(f"data.send {what}: refused", False, "it was not")
        except sluice_lab.RpcError as error:
            self.c.check(f"data.send {what}: refused", any(w in str(error) for w in words.split(" | ")), str(error))

    def received(self, session, label):
        return self.control.wait_event("data.received", 10, lambda e: e["session"] == session
                                       and e["data"]["label"] == label)["data"]


def wrong(c, room, peer):
    room.refused("to nobody", "id or conference, one of them", text="x")
    room.refused("to two", "id or conference, one of them", id=peer, conference="room", text="x")
    room.refused("of nothing", "text or base64, one of them", id=peer)
    room.refused("of two", "text or base64, one of them", id=peer, text="x", base64="AA==")
    for text in ("A", "AA=A", "====", "AAAA====", "A===", "AA=", "AA-_"):
        room.refused(f"of base64 {text}", "base64: expected RFC 4648", id=peer, base64=text)
    room.refused("by label and stream", "label or stream, one of them", id=peer, text="x", label="a", stream=1)
    room.refused("partly reliable in two ways", "one of them (RFC 8832 5.1)", id=peer, text="x", max_retransmits=1,
                 lifetime_ms=5)
    room.refused("in the place of RFC 8832", "ppid: 50", id=peer, text="x", ppid=50)
    room.refused("beyond the limit", "base64: expected at most 65536 octets, found 65537", id=peer,
                 base64=base64.b64encode(bytes(65537)).decode())
    room.refused("beyond the limit, text", "text: expected string of 0..65536", id=peer, text="x" * 65537)
    room.refused("beyond the line", "longer than max_message_bytes", id=peer, text="x" * 140000)
    room.refused("on a stream that cannot be", "stream: expected integer 0..63", id=peer, text="x", stream=64)
    room.refused("with a label that is too long", "label: expected string of 0..255", id=peer, text="x",
                 label="l" * 256)
    room.refused("to a session that is none", "no such session", id=987654, text="x")
    room.refused("to a conference that is none", "no such session or conference", conference="nowhere", text="x")


def right(c, room, peer):
    """What is allowed, to its ends: each comes back from the peer as it was."""
    for what, octets, params in (
            ("text", 12, {"text": "good evening"}), ("nothing", 1, {"text": ""}), ("no octets", 1, {"base64": ""}),
            ("every octet", 256, {"base64": base64.b64encode(bytes(range(256))).decode()}),
            ("65,536 octets", 65536, {"base64": base64.b64encode(bytes(65536)).decode()}),
            ("65,536 of text", 65536, {"text": "x" * 65536}), ("lines", 7, {"text": "a\n\u20ac\tb"}),
            ("unordered", 1, {"text": "u", "unordered": True}), ("not sent again", 1, {"text": "r", "max_retransmits": 0}),
            ("for a while", 1, {"text": "w", "lifetime_ms": 1000}), ("foreign ppid", 1, {"text": "p", "ppid": 4294967295})):
        c.equal(f"data.send {what}", room.send(id=peer, label="way", **params), octets)
        back = room.received(peer, "way")
        c.equal(f"data.send {what}: came back", back["length"], octets)
        if "ppid" in params:
            c.equal(f"data.send {what}: as it was", back["ppid"], params["ppid"])
    c.equal("data.send: a label of 255 octets", room.send(id=peer, label="l" * 255, text="x"), 1)
    room.received(peer, "l" * 255)
    many(c, room, peer)


def many(c, room, peer):
    """32 channels and no more: two are there."""
    for n in range(40):
        room.send(id=peer, label=f"n{n}", text="x")
    seen = {}
    while len(seen) < 40:
        event = room.control.wait_any(lambda e: e["type"] in ("data.received", "data.unsent"))
        seen[event["data"]["label"]] = event["data"].get("reason", "came back")
    c.equal("40 channels: 30 more are there", [n for n in range(40) if seen[f"n{n}"] == "came back"], list(range(30)))
    c.equal("40 channels: which were too many is told", {seen[f"n{n}"] for n in range(30, 40)},
            {"no channel has this label, and no more can be opened"})
    c.equal("40 channels: the first still work", room.send(id=peer, label="way", text="x"), 1)
    room.received(peer, "way")


def closed(c, lab, room):
    leg = sluice_leg.Leg(lab, "room7")
    room.refused("to one without data", "no data channel that ends here", id=leg.id, text="x")
    room.refused("to a conference where nobody has data", "nobody in it has a data channel", conference="room7",
                 text="x")
    leg.leave()
    for call, words in (("relayed", "no data channel that ends here"),):
        ends = [lab.endpoint(n, "--timeout", "60", "--duration", "50", "--data", "echo", ip=ip, call=call)
                for n, ip in (("ida", "198.18.0.3"), ("jan", "198.18.0.4"))]
        for e in ends:
            e.wait_event("data_up", 15)
        room.refused("to a relayed conference", words, conference=call, text="x")
        room.refused("to one whose data are relayed", words, id=max(s["id"] for s in lab.sessions()), text="x")
        for e in ends:
            e.kill()
    e, peer = room.join("dora", "198.18.0.5", "--data", "echo", "--data-until", "600", "--stay", call="room8")
    room.send(id=peer, label="a", text="x")
    room.received(peer, "a")
    e.wait_for("the end of its channel", lambda: any(
        x["event"] == "channel_closed" and "data" in x.get("detail", "") for x in e.events), 10)
    room.refused("to a channel that the peer has closed", "no data channel that ends here", id=peer, text="x")
    e.kill()
    room.control.wait_event("session.closed", 15, lambda x: x["session"] == peer)
    room.refused("to one who has been killed", "no such session | no data channel", id=peer, text="x")


def uses(c, room):
    """T.140 and H.224 need no word of RFC 8832: a stream is a channel."""
    for use, octets in (("t140", "typed"), ("h224", "\x7e frames")):
        first, one = room.join("tina", "198.18.0.3", "--data", "echo", "--data-use", use, "--data-stream", "0",
                               call="room-" + use)
        room.send(id=one, stream=0, base64=base64.b64encode(octets.encode()).decode())
        opened = room.control.wait_event("data.opened", 10, lambda e: e["session"] == one)["data"]
        c.equal(f"{use}: a channel by its stream", (opened["stream"], opened["label"]), (0, use))
        back = room.received(one, use)
        c.equal(f"{use}: and what is said on it", back.get("text"), octets)
        first.kill()


def moved(c, lab, room):
    """bert goes from one conference to another, which begins beside the first for his sake."""
    anna, a = room.join("anna", "198.18.0.3", "--data", "sink", call="room1")
    bert, b = room.join("bert", "198.18.0.4", "--data", "echo", call="room1")
    room.send(conference="room1", label="one", text="both")
    room.received(b, "one")
    lab.call("conference.move", conference="room1", session=b, to="room2")
    room.send(conference="room2", label="two", text="bert alone")
    c.equal("moved: hears the new conference", room.received(b, "two")["text"], "bert alone")
    room.send(conference="room1", label="three", text="anna alone")
    room.send(conference="room2", label="four", text="bert again")  # later than what he must not hear
    told = []
    while not told or told[-1] != "four":
        told.append(room.control.wait_event("data.received", 10, lambda e: e["session"] == b)["data"]["label"])
    c.equal("moved: does not hear the old one", [x for x in told if x == "three"], [])
    c.equal("moved: its association is what it was", bert.event("data_down"), None)
    for e in (anna, bert):
        e.kill()


def main():
    c = sluice_lab.Checks()
    with sluice_lab.Lab("data-requests", settings) as lab:
        lab.start()

        def operator():
            room = Room(c, lab)
            e, peer = room.join("berta", "198.18.0.6", "--data", "echo")
            wrong(c, room, peer)
            right(c, room, peer)
            e.kill()
        c.case("operator", operator)
        c.case("closed", lambda: closed(c, lab, Room(c, lab)))
        c.case("uses", lambda: uses(c, Room(c, lab)))
        c.case("moved", lambda: moved(c, lab, Room(c, lab)))
        c.equal("nobody is left", lab.wait_sessions(0, 20), 0)
    c.finish()


if __name__ == "__main__":
    sluice_lab.enter_network()
    main()
