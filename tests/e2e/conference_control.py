#!/usr/bin/env python3
"""What members do in a conference beside talking: the PIN at its door, by keys in the encrypted stream
(RFC 4733) and by H.245; chair, floor, names and lists of H.243;
and what the others are asked to change when somebody comes who can take less, or another codec."""
# timeout: 240
import json
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts", "lib"))
import sluice_lab  # noqa: E402

PIN = "4711"
EVENT_TYPE = 101  # payload type of telephone-events, as the server's capabilities say


def settings(config):
    codecs = ["opus", "g722", "g711-alaw", "g711-ulaw"]
    config["conferences"] += [
        {"alias": "safe", "kind": "mix", "codecs": codecs, "pin": PIN, "pin_tries": 3},
        {"alias": "hall", "kind": "mix", "codecs": codecs},
        {"alias": "pair", "kind": "relay", "codecs": ["g711-alaw", "g711-ulaw"]}]
    config["signalling"].setdefault("limits", {})["setups_per_second"] = 0


class Terminal:
    """An endpoint that stays, and does what it is told through a FIFO."""

    def __init__(self, lab, name, *arguments, ip=0, call="safe"):
        self.fifo = lab.path(name + ".fifo")
        os.mkfifo(self.fifo)
        self.endpoint = lab.endpoint(
            name, "--stay", "--timeout", "90", "--messages", "--commands", self.fifo, *arguments,
            ip=sluice_lab.ENDPOINT_IPS[ip], call=call)

    def tell(self, line):
        with open(self.fifo, "w", encoding="utf-8") as file:
            file.write(line + "\n")

    def say(self, kind, name, value=None):
        """A conference message of H.245: kind request, response, command or indication."""
        names = {"request": "conferenceRequest", "response": "conferenceResponse",
                 "command": "conferenceCommand", "indication": "conferenceIndication"}
        self.tell("say " + json.dumps({kind: {names[kind]: {name: value}}}))

    def hears(self, name, seconds=10):
        """The value of the next message that has `name` in it; each is taken once."""
        def look():
            for event in self.endpoint.events:
                if event["event"] == "message" and name in json.dumps(event["message"]):
                    self.endpoint.events.remove(event)
                    return [value_of(event["message"], name)]
            return None
        return self.endpoint.wait_for(name, look, seconds)[0]

    def end(self):
        self.tell("hang-up")
        return self.endpoint.report(10)


def value_of(message, name):
    """Of the member `name`, wherever it is."""
    if not isinstance(message, dict):
        return None
    if name in message:
        return message[name]
    return next((v for v in (value_of(m, name) for m in message.values()) if v is not None), None)


# ---- the PIN ----

def results(events, session, last):
    """What came of the PIN of a session, until `last`."""
    got = []
    while not got or got[-1] != last:
        got.append(events.wait_event("conference.pin", 20,
                                     lambda e: e["session"] == session)["data"]["result"])
    return got


def newest(lab):
    return max(s["id"] for s in lab.sessions())


def press(lab, events, name, keys, way, last, ip=0, more=()):
    t = Terminal(lab, name, "--keys", keys, "--keys-by", way, *more, ip=ip)
    joined = events.wait_event("conference.joined", 15)
    return t, joined["session"], results(events, joined["session"], last)


def judge_wire(c, path):
    """The keys are packets of their own type, and cannot be read. (Each says its key, 10 and a
    duration of 20 to 100 ms.)"""
    keys = []
    for (text,) in sluice_lab.tshark(path, "udp.length >= 20", "udp.payload"):
        packet = bytes.fromhex(text.replace(":", ""))
        if packet[0] >> 6 == 2 and packet[1] & 0x7f == EVENT_TYPE:
            keys.append(packet[12:])
    plain = [k for k in keys if k[1] & 0x7f == 10 and k[0] < 16
             and int.from_bytes(k[2:4], "big") % 160 == 0]
    # The last one need not have ended: the server takes a key when it is let go of.
    c.check("keys are on the wire, seven packets each", len(keys) > 7 * (len(PIN) - 1), len(keys))
    c.check("all have a tag of SRTP behind the four octets of a key",
            all(len(k) >= 4 + 8 for k in keys), {len(k) for k in keys})
    c.check("none of them can be read", len(plain) < len(keys) / 10, [k.hex() for k in plain[:4]])


def pins(c, lab):
    events = lab.control()
    events.call("events.subscribe")
    capture, path = lab.capture("keys.pcap", "br0", "ends", "udp")
    anna, anna_id, got = press(lab, events, "anna", PIN, "rfc4733", "accepted",
                               more=("--codec", "pcma"))
    c.equal("RFC 4733 over SRTP: the PIN lets in by its length", got, ["asked", "accepted"])
    sluice_lab.wait_captured(path, f"udp.length >= 20 && (udp.payload[1] == {EVENT_TYPE:02x} || "
                             f"udp.payload[1] == {EVENT_TYPE | 0x80:02x})", count=7 * (len(PIN) - 1) + 1)
    capture.stop()
    judge_wire(c, path)
    bert, _, got = press(lab, events, "bert", f"99*1234#{PIN}", "h245", "accepted", ip=1,
                         more=("--codec", "g722"))
    c.equal("H.245 signal: * takes back, a wrong one may be followed by the right one", got,
            ["asked", "wrong", "accepted"])
    cora, _, got = press(lab, events, "cora", PIN, "text", "accepted", ip=2,
                         more=("--codec", "pcmu"))
    c.equal("H.245 alphanumeric", got, ["asked", "accepted"])
    dora, _, got = press(lab, events, "dora", "1#" + PIN, "rfc4733", "accepted", ip=3,
                         more=("--codec", "opus"))
    c.equal("RFC 4733 beside Opus", got, ["asked", "wrong", "accepted"])
    here = lab.call("conference.get", conference="safe")["sessions"]
    c.equal("all four are in", len(here), 4)
    for way, ip in (("rfc4733", 0), ("h245", 1)):
        refused(c, lab, events, way, ip)
    stats = lab.call("server.stats")["conferences"]
    c.equal("counted: accepted, wrong, failed",
            (stats["pin_accepted"], stats["pin_wrong"], stats["pin_failed"]), (4, 2 + 6, 2))
    c.check("no event told a key of a PIN",
            not any(e["type"] == "session.user_input" for e in events.events))
    # An endpoint that a busy machine stops for 300 ms has let go of its key, as far as can be seen.
    for text in "567":
        anna.tell("keys " + text)
        key = events.wait_event("session.user_input", 10)
        c.equal("afterwards keys are told", (key["session"], key["data"]["text"], key["data"]["via"]),
                (anna_id, text, "rtp"))
        is_right = 60 <= key["data"]["duration_ms"] <= 120
        if is_right:
            break
    c.check("... for as long as it was held", is_right, key["data"])
    for t in (anna, bert, cora, dora):
        report = t.end()
        c.check(f"{report['alias']}: its call was fine", report["ok"], report["failure"])
    c.equal("sessions left", lab.wait_sessions(0, 15), 0)


def refused(c, lab, events, way, ip):
    """Three wrong ones: out, with a reason that says why; the others are not touched."""
    before = {s["id"]: s["packets_in"] for s in lab.sessions()}
    mallory, number, got = press(lab, events, "mallory-" + way, "1111222299#", way, "failed", ip=ip)
    c.equal(f"{way}: three wrong PINs", got, ["asked", "wrong", "wrong", "failed"])
    closed = events.wait_event("session.closed", 10, lambda e: e["session"] == number)
    c.equal(f"{way}: cause in the event", closed["data"]["cause"], "wrong_pin")
    report = mallory.endpoint.report(10)
    c.equal(f"{way}: the caller is told why", (report["release"]["by_peer"],
                                               report["release"]["reason"]),
            (True, "securityDenied"))
    now = {s["id"]: s for s in lab.sessions()}
    c.equal(f"{way}: the others are all there", set(now), set(before))


# ---- H.243 ----

def label(number):
    return {"mcuNumber": 1, "terminalNumber": number}


def status(c, anna, lab):
    """What the MC says without being asked."""
    anna.hears("multipointConference")
    anna.hears("multipointModeCommand")
    anna.hears("multipointZeroComm")
    bert = Terminal(lab, "bert", ip=1, call="hall")
    anna.hears("cancelMultipointZeroComm")
    c.equal("who comes is told", anna.hears("terminalJoinedConference"), label(2))
    c.equal("and learns its number", bert.hears("terminalNumberAssign"), label(2))
    bert.endpoint.wait_event("first_packet", 15)
    return bert


def lists(c, anna):
    anna.say("request", "terminalListRequest")
    c.equal("the list of terminals", anna.hears("terminalListResponse"), [label(1), label(2)])
    anna.say("request", "requestTerminalID", label(2))
    name = bytes.fromhex(anna.hears("mCTerminalIDResponse")["terminalID"])
    c.equal("its name", name, b"bert")
    anna.say("request", "requestAllTerminalIDs")
    everybody = anna.hears("requestAllTerminalIDsResponse")["terminalInformation"]
    c.equal("all names", [bytes.fromhex(e["terminalID"]) for e in everybody], [b"anna", b"bert"])


def refusals(c, anna):
    anna.say("request", "remoteMCRequest", {"masterActivate": None})
    c.equal("there is one MC", anna.hears("remoteMCResponse"),
            {"reject": {"functionNotSupported": None}})
    anna.say("request", "requestTerminalCertificate", {})
    c.equal("no certificate by this way", anna.hears("terminalCertificateResponse"), {})
    anna.say("request", "enterH243Password")
    anna.hears("functionNotSupported")
    anna.say("request", "dropTerminal", label(2))
    anna.hears("terminalDropReject")
    anna.say("command", "sendThisSource", label(2))
    anna.hears("videoCommandReject")  # nobody has a camera


def chair(c, lab, anna, bert):
    events = lab.control()
    events.call("events.subscribe")
    anna.say("request", "makeMeChair")
    c.check("the first one is the chair", "grantedChairToken" in anna.hears("makeMeChairResponse"))
    bert.say("request", "makeMeChair")
    c.check("the second is not", "deniedChairToken" in bert.hears("makeMeChairResponse"))
    bert.say("request", "requestChairTokenOwner")
    c.equal("who is", bert.hears("chairTokenOwnerResponse")["terminalLabel"], label(1))
    bert.say("indication", "requestForFloor")
    c.equal("the chair hears who wants to speak", anna.hears("floorRequested"), label(2))
    events.wait_event("conference.floor", 5)
    lab.call("conference.withdraw_chair", conference="hall")
    anna.hears("withdrawChairToken")
    bert.say("request", "makeMeChair")
    c.check("it is free then", "grantedChairToken" in bert.hears("makeMeChairResponse"))
    return events


def names(c, lab, events, anna, bert):
    """The server asks a terminal for its name, and for the conference that it wants."""
    number = min(s["id"] for s in lab.sessions())
    lab.call("session.ask", id=number, what="terminal_id")
    anna.hears("enterH243TerminalID")
    anna.say("response", "terminalIDResponse", {"terminalLabel": label(1),
                                                "terminalID": b"Annas Tisch".hex()})
    told = events.wait_event("session.identified", 5)
    c.equal("its answer", (told["session"], told["data"]["what"], told["data"]["text"]),
            (number, "terminal_id", "Annas Tisch"))
    bert.say("request", "requestTerminalID", label(1))
    c.equal("is what others are told", bytes.fromhex(bert.hears("mCTerminalIDResponse")["terminalID"]),
            b"Annas Tisch")
    lab.call("session.ask", id=number, what="conference_id")
    anna.hears("enterH243ConferenceID")
    anna.say("response", "conferenceIDResponse", {"terminalLabel": label(1),
                                                  "conferenceID": b"board".hex()})
    told = events.wait_event("session.identified", 5)
    c.equal("the conference that it wants", (told["data"]["what"], told["data"]["text"]),
            ("conference_id", "board"))


def control(c, lab):
    anna = Terminal(lab, "anna", call="hall")
    bert = status(c, anna, lab)
    lists(c, anna)
    refusals(c, anna)
    events = chair(c, lab, anna, bert)
    names(c, lab, events, anna, bert)
    bert.say("request", "dropTerminal", label(1))
    closed = events.wait_event("session.closed", 10)
    c.equal("the chair drops one", closed["data"]["cause"], "dropped_by_chair")
    c.equal("the others hear it", bert.hears("terminalLeftConference"), label(1))
    c.check("its call was fine", anna.endpoint.report(10)["ok"])
    bert.hears("multipointZeroComm")
    bert.say("command", "dropConference")
    c.equal("the chair ends it all", bert.endpoint.report(10)["release"]["by_peer"], True)
    c.equal("conferences left", lab.call("conference.list")["conferences"], [])
    c.equal("sessions left, too", lab.wait_sessions(0, 15), 0)


# ---- what is changed for a newcomer ----

def levels(c, lab):
    """H.264: a member of level 2 among those of 3.1; one that follows modes, one that does not."""
    events = lab.control()
    events.call("events.subscribe")
    anna = Terminal(lab, "anna", "--video", "h264", call="hall")
    anna.endpoint.wait_event("first_packet", 15)
    bert = Terminal(lab, "bert", "--video", "h264", "--refuse-modes", ip=1, call="hall")
    bert.endpoint.wait_event("first_packet", 15)
    ids = dict(zip(("anna", "bert"), sorted(s["id"] for s in lab.sessions())))
    shown = {}
    while shown.get(ids["anna"]) != ids["bert"] or shown.get(ids["bert"]) != ids["anna"]:
        event = events.wait_event("conference.video", 15)
        shown[event["session"]] = event["data"]["source"]
    cora = Terminal(lab, "cora", "--video", "h264", "--video-level", "43", ip=2, call="hall")
    c.equal("anna is asked for level 2", level_asked(anna), 43)
    c.equal("bert too", level_asked(bert), 43)
    ids["cora"] = max(s["id"] for s in lab.sessions())
    seen = events.wait_event("conference.video", 15, lambda e: e["session"] == ids["cora"]
                             and e["data"]["source"] is not None)
    c.equal("cora is shown who has followed, not who has refused", seen["data"]["source"],
            ids["anna"])
    cora.endpoint.wait_event("video_source", 15)
    dora = Terminal(lab, "dora", "--video", "h263", ip=3, call="hall")
    none = events.wait_event("conference.video", 15,
                             lambda e: e["session"] not in ids.values()
                             and e["data"].get("reason") is not None)
    c.equal("dora is told why it sees nobody", (none["data"]["source"], none["data"]["reason"]),
            (None, "no_common_codec"))
    dora.endpoint.wait_event("first_packet", 15)  # it hears
    report = cora.end()
    c.check("cora has seen anna", report["video"]["packets_in"] > 0, report["video"])
    c.equal("anna may send more again", level_asked(anna), 71)
    dora.end()
    for t in (anna, bert):
        report = t.end()
        c.check(f"{report['alias']}: fine, and saw the other", report["ok"]
                and report["video"]["packets_in"] > 0, report["video"])
    c.equal("levels: sessions left", lab.wait_sessions(0, 15), 0)


def level_asked(terminal):
    """Of the RequestMode that comes."""
    modes = terminal.hears("requestMode", 15)["requestedModes"][0]
    video = next(e["type"]["videoMode"] for e in modes if "videoMode" in e["type"])
    parameters = video["genericVideoMode"]["collapsing"]
    return next(p["parameterValue"]["unsignedMin"] for p in parameters
                if p["parameterIdentifier"] == {"standard": 42})


def codecs(c, lab):
    """A relay has one codec: who is there alone changes for who comes; who cannot is left alone."""
    files = sluice_lab.tone_pair()
    anna = Terminal(lab, "anna", "--codec", "pcma,pcmu", "--play", files[0], call="pair")
    anna.endpoint.wait_event("dtls_done", 15)
    bert = Terminal(lab, "bert", "--patient", "--codec", "pcmu", "--play", files[1], "--expect", files[0], ip=1,
                    call="pair")
    anna.endpoint.wait_event("mode", 15)
    bert.endpoint.wait_event("heard", 30)
    report = bert.end()
    c.check("every sample of anna's arrives in bert's codec", report["audio_match"],
            report["failure"])
    report = anna.end()
    c.equal("anna sends what bert can hear", report["codec"], "PCMU")
    c.check("and hears bert", report["packets_in"] > 0, report["packets_in"])
    c.equal("codecs: sessions left", lab.wait_sessions(0, 15), 0)


def modes(c, lab):
    """An operator's wish for another codec: all change, or nobody is asked and the answer says who cannot."""
    files = sluice_lab.tone_pair()
    control = lab.control()
    events = lab.control()
    events.call("events.subscribe")
    anna = Terminal(lab, "anna", "--codec", "pcma,pcmu", "--play", files[0], call="pair")
    anna.endpoint.wait_event("dtls_done", 15)
    first = lab.sessions()[0]["id"]
    bert = Terminal(lab, "bert", "--codec", "pcma,pcmu", "--play", files[1], ip=1, call="pair")
    bert.endpoint.wait_event("first_packet", 15)
    control.call("session.request_mode", id=first, codec="PCMU")
    for t in (anna, bert):
        c.equal(f"{t.endpoint.name} follows", t.endpoint.wait_event("mode", 15)["detail"], "followed")
    for _ in range(2):  # the two that were opened instead
        events.wait_event("channel.opened", 15, lambda e: e["data"]["codec"] == "PCMU"
                          and e["data"]["direction"] == "incoming")
    for t in (anna, bert):
        report = t.end()
        c.equal(f"{report['alias']} sends PCMU", report["codec"], "PCMU")
    lab.wait_sessions(0, 15)
    anna = Terminal(lab, "anna2", "--codec", "pcma,pcmu", "--play", files[0], call="pair")
    anna.endpoint.wait_event("dtls_done", 15)
    first = lab.sessions()[0]["id"]
    bert = Terminal(lab, "bert2", "--codec", "pcma", "--play", files[1], ip=1, call="pair")
    bert.endpoint.wait_event("first_packet", 15)
    other = max(s["id"] for s in lab.sessions())
    try:
        refused = control.call("session.request_mode", id=first, codec="PCMU")
    except sluice_lab.RpcError as error:
        refused = str(error)
    c.check("refused, and who is the reason", f"session {other} cannot receive it" in refused, refused)
    c.check("anna was asked for nothing", anna.endpoint.event("mode") is None)
    anna.end()
    bert.end()
    c.equal("modes: sessions left", lab.wait_sessions(0, 15), 0)


def replacements(c, lab):
    """What shall replace a channel is refused: asked again, or the old one closes first."""
    files = sluice_lab.tone_pair()
    control = lab.control()
    events = lab.control()
    events.call("events.subscribe")
    for fault, then in (("busy-decoder", "again"), ("one-channel", "reopened")):
        anna = Terminal(lab, f"anna-{fault}", "--codec", "pcma,pcmu", "--fault", fault, "--play", files[0],
                        call="pair")
        anna.endpoint.wait_event("dtls_done", 15)
        bert = Terminal(lab, f"bert-{fault}", "--codec", "pcma,pcmu", "--play", files[1], ip=1, call="pair")
        bert.endpoint.wait_event("first_packet", 15)
        first = min(s["id"] for s in lab.sessions())
        control.call("session.request_mode", id=first, codec="PCMU")
        event = events.wait_event("channel.not_replaced", 15, lambda e: e["session"] == first)
        c.equal(f"{fault}: {then}", event["data"]["then"], then)
        events.wait_event("channel.opened", 15, lambda e: e["session"] == first and e["data"]["codec"] == "PCMU"
                          and e["data"]["direction"] == "outgoing")
        anna.end()
        report = bert.end()
        c.equal(f"{fault}: PCMU for both", report["codec"], "PCMU")
        c.equal(f"{fault}: sessions left", lab.wait_sessions(0, 15), 0)


def no_codec(c, lab):
    events = lab.control()
    events.call("events.subscribe")
    anna = Terminal(lab, "anna", "--codec", "pcma", call="pair")
    anna.endpoint.wait_event("dtls_done", 15)
    bert = Terminal(lab, "bert", "--patient", "--codec", "pcmu", ip=1, call="pair")
    closed = events.wait_event("session.closed", 15)
    c.equal("no common codec: the cause", closed["data"]["cause"], "no_common_codec")
    c.equal("bert was released", bert.endpoint.report(10)["release"]["by_peer"], True)
    c.check("anna was asked for nothing", anna.endpoint.event("mode") is None
            and anna.endpoint.event("channel_closed") is None)
    c.check("its call goes on", anna.endpoint.is_running())
    anna.end()
    c.equal("no common codec: sessions left", lab.wait_sessions(0, 15), 0)


def main():
    c = sluice_lab.Checks()
    parts = [("pins", pins), ("control", control), ("levels", levels), ("codecs", codecs),
             ("modes", modes), ("replacements", replacements), ("no codec", no_codec)]
    for name, part in parts:
        with sluice_lab.Lab("control", settings) as lab:
            lab.start()
            c.case(name, part, c, lab)
    c.finish()


if __name__ == "__main__":
    sluice_lab.enter_network()
    main()
