#!/usr/bin/env python3
"""Recorded callers (h323plus 1.28.0) call the running server as they would live: what they said is
said again in the same order, each message when what it answers has come, with addresses, numbers and
answers rewritten. Each has to reach what it reached then: connected, a channel each way, RTP both
ways, and a clean release. The other end of the conference is a sluice-endpoint with SRTP.

tests/data/captures/callers.txt has a selection; with ../shared/captures all recorded calls are played.
"""
# long
# timeout: 240
import ctypes
import json
import os
import random
import select
import socket
import struct
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts", "lib"))
import sluice_lab  # noqa: E402

SELECTION = os.path.join(ROOT, "tests", "data", "captures", "callers.txt")
RECORDED = os.path.join(ROOT, "..", "shared", "captures", "messages.jsonl")
ADDRESS = sluice_lab.ENDPOINT_IPS[2]
THEN_CALLER, THEN_CALLEE = "c6120001", ("c6120002", "c6120003")
PACKETS = 25     # of RTP that have to come, and that are sent
FALLBACK = "c_noFS_Tun"  # what such an endpoint says in H.245 when fast start is refused
CLONE_NEWNET = 0x40000000


class Ends:
    """with Ends(): sockets are made where the endpoints are."""

    def __enter__(self):
        self.home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        self._enter(os.open(os.path.join(os.environ["SLUICE_NETNS"], "ends"), os.O_RDONLY))

    def __exit__(self, *exc):
        self._enter(self.home)

    @staticmethod
    def _enter(descriptor):
        if ctypes.CDLL(None, use_errno=True).setns(descriptor, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")
        os.close(descriptor)


def per(command, kind, text):
    program = os.path.join(sluice_lab.BUILD, "signalling", "sluice-per")
    done = subprocess.run([program, command, kind], input=text, capture_output=True, text=True,
                          timeout=10 * sluice_lab.PATIENCE, check=False)
    if done.returncode != 0:
        raise sluice_lab.LabError(f"sluice-per {command} {kind}: {done.stderr.strip()}\n{text}")
    return done.stdout


def decode(kind, octets):
    return json.loads(per("decode", kind, octets.hex()))


def encode(kind, value):
    return bytes.fromhex(per("encode", kind, json.dumps(value)).strip())


def read_h245(octets):
    """Name and body of a PDU: ("openLogicalChannel", {...})."""
    (_, choice), = decode("MultimediaSystemControlMessage", octets).items()
    (name, body), = choice.items()
    return name, body


GROUPS = {"request": ("terminalCapabilitySet", "masterSlaveDetermination", "openLogicalChannel",
                      "roundTripDelayRequest", "closeLogicalChannel"),
          "response": ("terminalCapabilitySetAck", "masterSlaveDeterminationAck",
                       "openLogicalChannelAck", "roundTripDelayResponse"),
          "command": ("endSessionCommand", "miscellaneousCommand"),
          "indication": ("userInput",)}


def write_h245(name, body):
    group = next(g for g, names in GROUPS.items() if name in names)
    return encode("MultimediaSystemControlMessage", {group: {name: body}})


class Q931:
    """A message: the octets before the User-user element's contents, and those decoded."""

    def __init__(self, octets):
        at = 3 + octets[1]
        while octets[at] != 0x7e:
            at += 1 if octets[at] & 0x80 else 2 + octets[at + 1]
        self.head = octets[:at]
        length, = struct.unpack_from(">H", octets, at + 1)
        self.info = decode("H323-UserInformation", octets[at + 4:at + 3 + length])
        self.type = octets[2 + octets[1]]

    @property
    def pdu(self):
        return self.info["h323-uu-pdu"]

    @property
    def name(self):
        return next(iter(self.pdu["h323-message-body"]))

    @property
    def body(self):
        return self.pdu["h323-message-body"][self.name]

    def tunnelled(self):
        return [bytes.fromhex(p) for p in self.pdu.get("h245Control", [])]

    def octets(self):
        contents = encode("H323-UserInformation", self.info)
        return self.head + b"\x7e" + struct.pack(">H", len(contents) + 1) + b"\x05" + contents


def recorded_calls():
    """Name: [(protocol, octets)] of what the caller sent."""
    calls = {}
    with open(SELECTION, encoding="utf-8") as file:
        for line in file:
            if not line.startswith("#"):
                name, protocol, text = line.split()
                calls.setdefault(name, []).append((protocol, bytes.fromhex(text)))
    if not os.path.exists(RECORDED):
        return calls
    found = {}
    with open(RECORDED, encoding="utf-8") as file:
        for line in file:
            m = json.loads(line)
            own = m["src"].startswith("198.18.0.1:") and not m.get("tunnelled")
            if own and m["proto"] in ("h225", "h245"):
                found.setdefault(m["capture"], []).append((m["proto"], bytes.fromhex(m["hex"])))
    calls.update({name: items for name, items in found.items() if items[0][0] == "h225"})
    return calls


class Line:
    """TPKT on a TCP connection."""

    def __init__(self, connection):
        self.socket = connection
        self.buffer = b""
        self.is_over = False

    def send(self, octets):
        self.socket.sendall(struct.pack(">BBH", 3, 0, len(octets) + 4) + octets)

    def read(self):
        data = self.socket.recv(65536)  # a reset is an error: nobody is cut off in a clean release
        self.is_over = not data
        self.buffer += data
        while len(self.buffer) >= 4:
            length, = struct.unpack_from(">H", self.buffer, 2)
            if len(self.buffer) < length:
                break
            packet, self.buffer = self.buffer[4:length], self.buffer[length:]
            yield packet


class Caller:
    """A recorded caller come alive."""

    def __init__(self, items, fallback, alias):
        self.random = random.Random(repr(items))
        self.messages = [Q931(o) for p, o in items if p == "h225"]
        self.setup = self.messages[0]
        self.said = self._h245_of(items)
        self.fallback = self._h245_of(fallback)
        self.alias = alias
        self.seen = {}       # names of H.245 messages from the server: bodies
        self.signalled = {}  # names of H.225.0 messages: Q931
        self.calling = self.h245 = self.door = None
        self.is_tunnelled = self.is_early = self.is_fast = False
        self.remote = None  # where our RTP goes
        self.rtp_in = []
        self.keys = 0  # pressed
        self.audio_lcn = None

    @staticmethod
    def _h245_of(items):
        """[(name, body)] of all H.245 but that in the Setup, whatever carried it."""
        found = []
        for index, (protocol, octets) in enumerate(items):
            pdus = [octets] if protocol == "h245" else Q931(octets).tunnelled() if index else []
            found += [read_h245(pdu) for pdu in pdus]
        return found

    # --- rewriting

    def rewrite(self, value):
        """Their addresses become ours; nothing else changes."""
        if isinstance(value, dict):
            return {key: self.rewrite(v) for key, v in value.items()}
        if isinstance(value, list):
            return [self.rewrite(v) for v in value]
        if value == THEN_CALLER:
            return socket.inet_aton(ADDRESS).hex()
        if value in THEN_CALLEE:
            return socket.inet_aton(sluice_lab.SERVER_IP4).hex()
        return value

    def message(self, template):
        """A recorded H.225.0 message for this call."""
        again = Q931.__new__(Q931)
        again.head, again.type = template.head, template.type
        again.info = self.rewrite(template.info)
        if isinstance(again.body, dict) and "callIdentifier" in again.body:
            again.body["callIdentifier"]["guid"] = self.guid
        return again

    def make_setup(self):
        self.guid = self.random.randbytes(16).hex()
        again = self.message(self.setup)
        body = again.body
        body["conferenceID"] = self.random.randbytes(16).hex()
        body["destinationAddress"] = [{"h323-ID": self.alias}]
        if "sourceCallSignalAddress" in body:
            body["sourceCallSignalAddress"]["ipAddress"]["port"] = self.calling.socket.getsockname()[1]
        if "fastStart" in body:
            body["fastStart"] = [
                encode("OpenLogicalChannel", self.rewrite(decode("OpenLogicalChannel",
                                                                 bytes.fromhex(olc)))).hex()
                for olc in body["fastStart"]]
        early = again.tunnelled() + [bytes.fromhex(p) for p in body.get("parallelH245Control", [])]
        self.is_early = bool(early)
        for name, value in map(read_h245, early):
            self.note_own(name, value)
        return again

    # --- talking

    def bind_media(self, is_fast):
        port = 5000 if is_fast else self.acknowledged_port()
        self.rtp.bind((ADDRESS, port))
        self.rtcp.bind((ADDRESS, port + 1))

    def acknowledged_port(self):
        """What its acknowledgement named; who made none offered the first in fastStart."""
        for name, body in self.said:
            if name == "openLogicalChannelAck":
                media = body["forwardMultiplexAckParameters"]["h2250LogicalChannelAckParameters"]
                if media["sessionID"] == 1:
                    return media["mediaChannel"]["unicastAddress"]["iPAddress"]["tsapIdentifier"]
        return 5000

    def begin(self):
        with Ends():
            self.rtp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.rtcp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        connection.bind((ADDRESS, 0))
        connection.connect((sluice_lab.SERVER_IP4, 1720))
        self.calling = Line(connection)
        self.calling.send(self.make_setup().octets())

    def close(self):
        for s in (self.rtp, self.rtcp, self.door, self.calling and self.calling.socket,
                  self.h245 and self.h245.socket):
            if s:
                s.close()

    def pump(self, what, predicate, seconds=5):
        """Handles what comes until predicate() is true."""
        end = time.monotonic() + seconds * sluice_lab.PATIENCE
        while not predicate():
            lines = [l for l in (self.calling, self.h245) if l and not l.is_over]
            left = end - time.monotonic()
            if left <= 0 or not lines:
                raise sluice_lab.LabError(f"no {what}; heard {list(self.signalled)}, "
                                          f"{list(self.seen)}")
            sources = lines + [self.rtp] + ([self.door] if self.door else [])
            for source in select.select([getattr(s, "socket", s) for s in sources], [], [],
                                        min(left, 0.02) if self.remote else left)[0]:
                self.hear(source)
            self.speak()

    def hear(self, source):
        if source is self.rtp:
            self.rtp_in.append(source.recv(2048))
        elif source is self.door:
            self.h245 = Line(source.accept()[0])
            source.close()
            self.door = None
        elif self.h245 and source is self.h245.socket:
            for pdu in self.h245.read():
                self.on_h245(pdu)
        else:
            for octets in self.calling.read():
                self.on_h225(Q931(octets))

    def on_h225(self, message):
        self.signalled[message.name] = message
        if message.name == "connect":
            wants = self.setup.pdu.get("h245Tunnelling", False)
            self.is_tunnelled = wants and message.pdu.get("h245Tunnelling", False)
            self.is_fast = "fastStart" in message.body
            self.bind_media(self.is_fast)
        for pdu in message.tunnelled():
            self.on_h245(pdu)

    def on_h245(self, octets):
        name, body = read_h245(octets)
        self.seen.setdefault(name, []).append(body)
        if name == "roundTripDelayRequest":
            self.say("roundTripDelayResponse", {"sequenceNumber": body["sequenceNumber"]})
        elif name == "openLogicalChannelAck":
            media = body["forwardMultiplexAckParameters"]["h2250LogicalChannelAckParameters"]
            if body["forwardLogicalChannelNumber"] == self.audio_lcn:
                self.media_is_at(media["mediaChannel"])

    def media_is_at(self, address):
        ip = address["unicastAddress"]["iPAddress"]
        self.remote = (socket.inet_ntoa(bytes.fromhex(ip["network"])), ip["tsapIdentifier"])
        self.sent = 0

    def speak(self):
        """One packet of A-law silence for each that came, and one to begin with."""
        while self.remote and self.sent <= len(self.rtp_in) and self.sent < 2 * PACKETS:
            header = struct.pack(">BBHII", 0x80, 8, self.sent, 160 * self.sent, 0x5eed)
            self.rtp.sendto(header + b"\xd5" * 160, self.remote)
            self.sent += 1

    def note_own(self, name, body):
        if name == "masterSlaveDetermination":
            self.own_msd = body

    def say(self, name, body):
        self.note_own(name, body)
        octets = write_h245(name, body)
        if self.is_tunnelled:
            self.calling.send(self.carrier([octets]).octets())
        elif not self.h245.is_over:
            self.h245.send(octets)

    def carrier(self, pdus):
        """Facility(empty), as recorded ones."""
        again = Q931.__new__(Q931)
        again.head = self.setup.head[:2 + self.setup.head[1]] + b"\x62\x1c\x00"
        again.info = {"h323-uu-pdu": {"h323-message-body": {"empty": None}, "h245Tunnelling": True,
                                      "h245Control": [p.hex() for p in pdus]}}
        return again

    # --- the steps of H.245

    def decision(self):
        """H.245 C.2; names the role of who hears it."""
        theirs = self.seen["masterSlaveDetermination"][-1]
        types = self.own_msd["terminalType"], theirs["terminalType"]
        difference = (theirs["statusDeterminationNumber"] -
                      self.own_msd["statusDeterminationNumber"]) % (1 << 24)
        is_master = types[0] > types[1] if types[0] != types[1] else 0 < difference < 1 << 23
        return {"decision": {"slave" if is_master else "master": None}}

    def open_channel(self, body):
        """As the endpoint does that finds no H.235.6 in the server's capabilities."""
        parameters = body["forwardLogicalChannelParameters"]
        kind = parameters["dataType"]
        if "h235Media" in kind:
            (media, value), = kind["h235Media"]["mediaType"].items()
            parameters["dataType"] = {media: value}
            body.pop("encryptionSync", None)
            parameters["multiplexParameters"]["h2250LogicalChannelParameters"].pop(
                "dynamicRTPPayloadType", None)
        if "audioData" in parameters["dataType"]:
            self.audio_lcn = body["forwardLogicalChannelNumber"]
        for name in ("terminalCapabilitySet", "terminalCapabilitySetAck",
                     "masterSlaveDeterminationAck"):
            self.pump(name, lambda n=name: n in self.seen)
        self.say("openLogicalChannel", body)

    def acknowledge(self, body):
        media = body["forwardMultiplexAckParameters"]["h2250LogicalChannelAckParameters"]
        body["forwardLogicalChannelNumber"] = self.channel_of(media["sessionID"])
        body.pop("encryptionSync", None)
        self.say("openLogicalChannelAck", body)

    def channel_of(self, session_id):
        """The server's channel of an RTP session, when it is asked for."""
        def asked():
            return next((olc["forwardLogicalChannelNumber"]
                         for olc in self.seen.get("openLogicalChannel", [])
                         if olc["forwardLogicalChannelParameters"]["multiplexParameters"]
                         ["h2250LogicalChannelParameters"]["sessionID"] == session_id), None)
        self.pump(f"OLC of session {session_id}", asked)
        return asked()

    def step(self, name, body):
        body = self.rewrite(body)
        if name == "terminalCapabilitySetAck":
            self.pump("TCS", lambda: "terminalCapabilitySet" in self.seen)
            body["sequenceNumber"] = self.seen["terminalCapabilitySet"][-1]["sequenceNumber"]
            self.say(name, body)
        elif name == "masterSlaveDeterminationAck":
            self.pump("MSD", lambda: "masterSlaveDetermination" in self.seen or
                      "masterSlaveDeterminationAck" in self.seen)
            if "masterSlaveDetermination" in self.seen:
                body = self.decision()
            self.say(name, body)
        elif name == "openLogicalChannel":
            self.open_channel(body)
        elif name == "openLogicalChannelAck":
            self.acknowledge(body)
        elif name == "miscellaneousCommand":
            body["logicalChannelNumber"] = self.channel_of(2)
            self.say(name, body)
        elif name == "roundTripDelayRequest":
            self.say(name, body)
            self.pump("roundTripDelayResponse", lambda: "roundTripDelayResponse" in self.seen)
        elif name in ("terminalCapabilitySet", "masterSlaveDetermination", "userInput"):
            self.say(name, body)
            self.keys += name == "userInput"

    def h245_carrier(self):
        """Tunnel, or the server's address; where fast start has the media, the address is ours."""
        connect = self.signalled["connect"].body
        own = next((m for m in self.messages if m.name == "facility" and
                    "h245Address" in m.body), None)
        if self.is_tunnelled:
            return
        if self.is_fast:
            if own:
                self.start_h245(self.message(own))
            return
        at = connect["h245Address"]["ipAddress"]
        with Ends():
            connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        connection.bind((ADDRESS, 0))
        connection.connect((socket.inet_ntoa(bytes.fromhex(at["ip"])), at["port"]))
        self.h245 = Line(connection)

    def start_h245(self, facility):
        with Ends():
            self.door = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.door.bind((ADDRESS, 0))
        self.door.listen(1)
        facility.body["h245Address"] = {"ipAddress": {
            "ip": socket.inet_aton(ADDRESS).hex(), "port": self.door.getsockname()[1]}}
        self.calling.send(facility.octets())
        self.pump("H.245 connection from the server", lambda: self.h245 is not None)

    def talk(self):
        """From Setup to channels both ways."""
        self.begin()
        self.pump("Connect", lambda: "connect" in self.signalled)
        connect = self.signalled["connect"].body
        self.h245_carrier()
        steps = self.said
        if self.is_fast:
            self.fast_start(connect["fastStart"])
            if not self.is_tunnelled and not self.h245:
                steps = []  # what it said had another server's refusal before it
        elif "fastStart" in self.setup.body and not any(n == "openLogicalChannel" for n, _ in steps):
            early = ("terminalCapabilitySet", "masterSlaveDetermination") if self.is_early and self.is_tunnelled else ()
            steps = [s for s in self.fallback if s[0] not in early]
        for name, body in steps:
            if name != "endSessionCommand":
                self.step(name, body)
        for m in self.messages:
            if m.name == "information":
                self.calling.send(self.message(m).octets())
                self.keys += 1
        self.pump("RTP", lambda: self.remote and len(self.rtp_in) >= PACKETS and
                  self.sent >= PACKETS)

    def fast_start(self, channels):
        """The answer names our reverse and our forward channel, the latter with an address."""
        for olc in channels:
            body = decode("OpenLogicalChannel", bytes.fromhex(olc))
            forward = body["forwardLogicalChannelParameters"]["multiplexParameters"]
            media = forward.get("h2250LogicalChannelParameters", {}).get("mediaChannel")
            if media:
                self.media_is_at(media)

    def say_goodbye(self):
        """EndSession and ReleaseComplete at once, as these endpoints do."""
        last = self.message(self.messages[-1])
        said = any(name == "endSessionCommand" for name, _ in self.said)
        goodbye = write_h245("endSessionCommand", {"disconnect": None})
        last.pdu.pop("h245Control", None)
        last.pdu["h245Tunnelling"] = self.is_tunnelled
        if self.is_tunnelled and said:
            last.pdu["h245Control"] = [goodbye.hex()]
        elif self.h245 and not self.h245.is_over and said:
            self.h245.send(goodbye)
        self.calling.send(last.octets())

    def hang_up(self):
        self.say_goodbye()
        self.pump("end of the connections", lambda: self.calling.is_over and
                  (self.h245 is None or self.h245.is_over))


def settings(config):
    config["signalling"]["listeners"][0]["dtls"] = "preferred"
    config["signalling"]["timers"] = {"no_channel_ms": 3000}
    config["conferences"].append({"alias": "mu-law", "kind": "relay", "codecs": ["g711-ulaw"]})


def ended(control, alias):
    return control.wait_event("session.closed", 10,
                              lambda e: e["data"]["conference"] == alias)["data"]


def whole_call(c, lab, control, name, caller):
    """The rule: everything works."""
    try:
        caller.talk()
        session = next(s for s in lab.sessions() if ADDRESS in json.dumps(s["peer"]))
        detail = lab.call("session.get", id=session["id"])
        directions = sorted(ch["direction"] for ch in detail["channels"] if ch["state"] == "open")
        has_video = sum(kind == "openLogicalChannel" for kind, _ in caller.said) > 1
        c.equal(f"{name}: a channel each way is open for each medium", directions,
                ["incoming"] * (1 + has_video) + ["outgoing"] * (1 + has_video))
        c.equal(f"{name}: each medium on ports of its own",
                len({ch["transport"] for ch in detail["channels"]}), 1 + has_video)
        c.equal(f"{name}: tunnelled as both sides said", detail["h245_tunnelled"],
                caller.is_tunnelled)
        c.equal(f"{name}: fast connect as both sides said", detail["fast_connect"], caller.is_fast)
        c.check(f"{name}: A-law came", all(p[1] & 0x7f == 8 and len(p) == 172
                                           for p in caller.rtp_in), caller.rtp_in[:1])
        for _ in range(caller.keys):
            control.wait_event("session.user_input")
        if name == "g3_calleeHangup":
            lab.call("session.close", id=session["id"])
            caller.pump("ReleaseComplete", lambda: "releaseComplete" in caller.signalled)
            c.check(f"{name}: endSession came", "endSessionCommand" in caller.seen, caller.seen)
        caller.hang_up()
        data = ended(control, "demo")
        c.check(f"{name}: released cleanly", data["cause"] in
                ("peer_released", "peer_end_session", "operator"), data)
        c.check(f"{name}: its RTP arrived", data["packets_in"] >= PACKETS, data)
    finally:
        caller.close()


def abort(c, _, control, name, caller):
    """The caller gives up at once."""
    caller.begin()
    try:
        caller.pump("CallProceeding", lambda: "callProceeding" in caller.signalled)
        caller.hang_up()
        c.equal(f"{name}: the session ends with it", ended(control, "demo")["cause"],
                "peer_released")
    finally:
        caller.close()


def refused(c, _, control, name, caller):
    """Nobody of that name is here."""
    caller.alias = "nobody"
    caller.begin()
    try:
        caller.pump("ReleaseComplete", lambda: "releaseComplete" in caller.signalled)
        c.check(f"{name}: told why", "unreachableDestination" in
                caller.signalled["releaseComplete"].body["reason"], caller.signalled)
        caller.hang_up()
    finally:
        caller.close()


def no_codec(c, _, control, name, caller):
    """A-law only calls mu-law only: the server must not keep such a call."""
    caller.alias = "mu-law"
    try:
        caller.talk()
        c.check(f"{name}: no channel", False, "RTP flows")
    except sluice_lab.LabError:
        pass
    try:
        data = ended(control, "mu-law")
        c.equal(f"{name}: cleared by the server", data["cause"], "no_common_codec")
    finally:
        caller.close()


SPECIAL = {"g1_reject": refused, "g2_callerAbort": abort, "j1_codecMismatch": no_codec}


def plain_settings(config):
    """A server that neither tunnels nor does fast connect: callers fall back."""
    settings(config)
    config["signalling"].update(tunnelling=False, fast_connect=False)


def play(c, calls, change, has_fast):
    with sluice_lab.Lab("captures", change) as lab:
        lab.start()
        control = lab.control()
        control.call("events.subscribe")
        partner = lab.endpoint("anna", "--play", sluice_lab.tone_pair()[0], "--loop", "--stay",
                               "--start", "now", "--codec", "pcma", "--video", "h261",
                               "--timeout", "160")
        partner.wait_event("connect")
        for name in sorted(calls):
            caller = Caller(calls[name], recorded_calls()[FALLBACK], "demo")
            c.case(name, SPECIAL.get(name, whole_call), c, lab, control, name, caller)
            offered = "fastStart" in caller.setup.body and "connect" in caller.signalled
            c.equal(f"{name}: fast connect where it was offered and is served", caller.is_fast,
                    offered and has_fast)
        c.equal("only the partner is left", len(lab.sessions()), 1)
        partner.stop()


def main():
    sluice_lab.enter_network()
    c = sluice_lab.Checks()
    calls = recorded_calls()
    play(c, calls, settings, True)
    play(c, {name: items for name, items in calls.items() if name[0] in "bch"}, plain_settings, False)
    c.finish()


if __name__ == "__main__":
    main()
