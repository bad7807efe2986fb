#!/usr/bin/env python3
# alone
"""Call signalling from peers that are odd, careless or hostile, while a call runs that must not notice:
TCP octet by octet and several messages at once, several calls on one connection, references used
twice, identifiers of other calls, every message in every state, twice; 10,000 connections that say
nothing, and tens of thousands of channels asked for in one call, with the memory that they cost.
"""
# timeout: 240
import json
import os
import resource
import socket
import struct
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts", "lib"))
sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))
import captures  # noqa: E402
import outgoing_captures  # noqa: E402
import sluice_lab  # noqa: E402

SERVER = (sluice_lab.SERVER_IP4, 1720)
IDLE = 10000            # connections that say nothing
IDLE_BYTES = 4096       # of sluiced's memory for each of them, at most
FLOOD = 10000           # channels that one call asks for
FLOOD_BYTES = 1 << 20   # of sluiced's memory for that, at most
PER_ADDRESS = 64        # in the lab of the limits
TYPES = {"setup": 0x05, "callProceeding": 0x02, "alerting": 0x01, "connect": 0x07,
         "progress": 0x03, "facility": 0x62, "information": 0x7b, "notify": 0x6e,
         "status": 0x7d, "statusInquiry": 0x75, "setupAcknowledge": 0x0d, "releaseComplete": 0x5a}


# --- messages by hand ----------------------------------------------------------------------------

TEMPLATE = captures.Q931(captures.recorded_calls()["a_noFS_noTun"][0][1])


def message(kind, reference, body, from_destination=False, **pdu):
    """A Q.931 message with one User-user element."""
    flag = 0x8000 if from_destination else 0
    contents = captures.encode("H323-UserInformation", {"h323-uu-pdu": {
        "h323-message-body": {kind: body}, **pdu}})
    head = b"\x08\x02" + struct.pack(">H", reference | flag) + bytes([TYPES[kind]])
    if kind == "facility":
        head += b"\x1c\x00"
    if kind == "status":
        head += b"\x08\x02\x80\x90\x14\x01\x0a"
    return head + b"\x7e" + struct.pack(">H", len(contents) + 1) + b"\x05" + contents


def setup(reference, guid, alias="pair", maintain=False, goal="create"):
    body = json.loads(json.dumps(TEMPLATE.body))
    body["callIdentifier"]["guid"] = guid.hex()
    body["conferenceID"] = guid[::-1].hex()
    body["destinationAddress"] = [{"h323-ID": alias}]
    body["conferenceGoal"] = {goal: None}
    body["multipleCalls"] = body["maintainConnection"] = maintain
    return message("setup", reference, body)


def other(kind, reference, guid, **more):
    """The least that a message of this kind must have."""
    identifier = {"protocolIdentifier": TEMPLATE.body["protocolIdentifier"],
                  "callIdentifier": {"guid": guid.hex()}}
    endpoint = {"destinationInfo": TEMPLATE.body["sourceInfo"]}
    conference = {"conferenceID": guid[::-1].hex()}
    bodies = {"callProceeding": endpoint, "alerting": endpoint, "progress": endpoint,
              "connect": {**endpoint, **conference}, "facility": {"reason": {"undefinedReason": None}},
              "releaseComplete": {}}
    return message(kind, reference, {**identifier, **bodies.get(kind, {}), **more})


def tpkt(octets):
    return struct.pack(">BBH", 3, 0, len(octets) + 4) + octets


class Wire:
    """A signalling connection by hand."""

    def __init__(self):
        self.socket = socket.create_connection(SERVER, 5 * sluice_lab.PATIENCE)
        self.line = captures.Line(self.socket)
        self.socket.settimeout(5 * sluice_lab.PATIENCE)
        self.heard = []  # (type, reference, cause)

    def send(self, *messages):
        """All in one segment."""
        self.socket.sendall(b"".join(tpkt(m) for m in messages))

    @staticmethod
    def _read(octets):
        kind, cause, at = octets[4], None, 5
        while at < len(octets) and octets[at] != 0x7e:
            if octets[at] == 0x08:
                cause = octets[at + 3] & 0x7f
            at += 1 if octets[at] & 0x80 else 2 + octets[at + 1]
        return kind, struct.unpack_from(">H", octets, 2)[0], cause

    def wait(self, kind, reference):
        """The message of that type from the callee's side of that call; None: closed before it."""
        wanted = TYPES[kind], reference | 0x8000
        while True:
            for item in self.heard:
                if item[:2] == wanted:
                    self.heard.remove(item)
                    return item
            if self.line.is_over:
                return None
            self.heard += [self._read(o) for o in self.line.read()]

    def is_closed(self):
        """By the server, in time."""
        try:
            while not self.line.is_over:
                self.heard += [self._read(o) for o in self.line.read()]
        except ConnectionError:
            pass
        except socket.timeout:
            return False
        return True

    def close(self):
        self.socket.close()


def guid(number):
    return struct.pack(">QQ", 0x5a5a, number)


def stats(lab):
    return lab.call("server.stats")


def settings(config):
    captures.settings(config)
    config["signalling"]["limits"] = {"setups_per_second": 0, "max_connections": IDLE + 200}
    config["signalling"].update(maintain_connection=True)
    config["signalling"]["timers"].update(setup_ms=6000, h245_connect_ms=60000,
                                          idle_connection_ms=1500, end_session_ms=500)
    config["conferences"] += [{"alias": "pair*", "kind": "relay"}]


# --- segments ------------------------------------------------------------------------------------

class OctetLine(captures.Line):
    def send(self, octets):
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for octet in tpkt(octets):
            self.socket.sendall(bytes([octet]))


def octet_by_octet(c, lab, control):
    """A whole tunnelled call, each octet a segment of its own."""
    whole, captures.Line = captures.Line, OctetLine
    try:
        calls = captures.recorded_calls()
        caller = captures.Caller(calls["c_noFS_Tun"], calls[captures.FALLBACK], "demo-octets")
        partner = lab.endpoint("anna", "--play", sluice_lab.tone_pair()[0], "--loop", "--stay",
                               "--start", "now", "--codec", "pcma", "--timeout", "60",
                               call="demo-octets", ip=sluice_lab.ENDPOINT_IPS[3])
        partner.wait_event("connect")
        try:
            caller.talk()
            caller.hang_up()
            data = captures.ended(control, "demo-octets")
            c.check("octet by octet: a whole call", data["packets_in"] >= captures.PACKETS, data)
        finally:
            caller.close()
        partner.stop()
    finally:
        captures.Line = whole


def coalesced(c, lab, _):
    """Two Setups and a StatusInquiry in one segment are three messages."""
    wire = Wire()
    wire.send(setup(1, guid(1), "pair-c"), setup(2, guid(2), "pair-c"),
              other("statusInquiry", 1, guid(1)))
    c.check("coalesced: the first is answered", wire.wait("connect", 1))
    c.check("coalesced: the second is answered", wire.wait("connect", 2))
    c.equal("coalesced: the third is answered", wire.wait("status", 1)[2], 30)
    wire.close()
    lab.wait_sessions(2)


# --- several calls of a connection ---------------------------------------------------------------

def several_calls(c, lab, _):
    wire = Wire()
    for reference in (5, 6):
        wire.send(setup(reference, guid(reference), "pair-s"))
        c.check(f"several: call {reference} is connected", wire.wait("connect", reference))
    c.equal("several: two sessions", len(lab.sessions()), 4)
    wire.send(other("releaseComplete", 5, guid(5)))
    lab.wait_sessions(3)
    wire.send(other("statusInquiry", 6, guid(6)))
    c.equal("several: the other call stays on the connection", wire.wait("status", 6)[2], 30)
    wire.send(other("releaseComplete", 6, guid(6)))
    c.check("several: the last one takes the connection along", wire.is_closed())
    wire.close()
    lab.wait_sessions(2)


def lost_together(c, lab, control):
    wire = Wire()
    for reference in (1, 2):
        wire.send(setup(reference, guid(reference), "pair-l"))
        wire.wait("connect", reference)
    wire.close()
    ends = [captures.ended(control, "pair-l")["cause"] for _ in range(2)]
    c.equal("lost: both calls end", ends, ["signalling_lost"] * 2)


def kept(c, lab, _):
    """maintainConnection of both sides: further calls, then the idle timer."""
    before = stats(lab)["signalling"]["idle_closed"]
    wire = Wire()
    for number in range(3):
        reference = 7 if number == 2 else number + 1  # a reference may be used again
        wire.send(setup(reference, guid(100 + number), "pair-k", maintain=True))
        c.check(f"kept: call {number} on the same connection", wire.wait("connect", reference))
        began = time.monotonic()
        wire.send(other("releaseComplete", reference, guid(100 + number)))
        lab.wait_sessions(2)
    c.check("kept: closed when idle", wire.is_closed())
    c.check("kept: but not at once", time.monotonic() - began > 1, time.monotonic() - began)
    c.equal("kept: counted", stats(lab)["signalling"]["idle_closed"], before + 1)
    wire.close()


def references(c, lab, _):
    """The same Setup again, another one on its reference, a message of another call."""
    before = stats(lab)["sessions"]
    wire = Wire()
    wire.send(setup(9, guid(9), "pair-r"), setup(9, guid(9), "pair-r"))
    c.check("references: Setup twice is one call", wire.wait("connect", 9))
    wire.send(setup(9, guid(10), "pair-r"))
    c.equal("references: another Setup there is refused", wire.wait("status", 9)[2], 81)
    wire.send(other("releaseComplete", 9, guid(10)), other("statusInquiry", 9, guid(9)))
    c.equal("references: another call's release changes nothing", wire.wait("status", 9)[2], 30)
    wire.send(other("facility", 77, guid(9)))
    answer = wire.wait("releaseComplete", 77)
    c.equal("references: an unknown reference is told so", answer and answer[2], 81)
    after = stats(lab)["sessions"]
    c.equal("references: counted", [after[k] - before[k] for k in
                                    ("h225_repeated", "h225_foreign_id", "created")], [1, 2, 1])
    c.equal("references: one session", len(lab.sessions()), 3)
    wire.close()
    lab.wait_sessions(2)


def noise(c, lab, control):
    """Messages for calls that are not there: answered one by one, up to a bound."""
    wire = Wire()
    wire.send(setup(1, guid(500), "pair-n"))
    wire.wait("connect", 1)
    try:
        for _ in range(12):
            wire.send(*[other("facility", 99, guid(500))] * 100)
    except ConnectionError:
        pass
    c.check("noise: the connection is closed", wire.is_closed())
    c.equal("noise: its call ends", captures.ended(control, "pair-n")["cause"], "signalling_lost")
    c.equal("noise: counted", stats(lab)["signalling"]["noisy"], 1)
    wire.close()


def dead_connection(c, lab, control, callee):
    """The callee closes the kept connection when the third Setup is on its way."""
    with captures.Ends():
        callee.door = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    callee.listen(1720)
    session = lab.call("session.call", to=captures.ADDRESS, conference="pair-o")["id"]
    callee.calling.socket.close()
    del callee.setup
    callee.take_call()
    data = outgoing_captures.ended(control, session)
    c.equal("shared: once more on a fresh connection", data["cause"], "rejected")


def our_calls_share(c, lab, control):
    """Calls of ours: the second goes out on the connection that the first has left."""
    recorded = outgoing_captures.recorded_callees()["g1_reject"]
    callee = outgoing_captures.Callee(recorded)
    callee.refuses = True
    for m in callee.messages:
        if isinstance(m.body, dict) and "maintainConnection" in m.body:
            m.body["maintainConnection"] = m.body["multipleCalls"] = True
    before = stats(lab)["signalling"]
    try:
        for number in range(2):
            session = lab.call("session.call", to=captures.ADDRESS, conference="pair-o")["id"]
            if number == 0:
                callee.take_call()
            else:
                del callee.setup
                callee.pump("Setup", lambda: hasattr(callee, "setup"))
            data = outgoing_captures.ended(control, session)
            c.equal(f"shared: call {number} got its answer", data["cause"], "rejected")
        after = stats(lab)["signalling"]
        dead_connection(c, lab, control, callee)
        c.equal("shared: one connection for both", [after[k] - before[k] for k in
                                                    ("dialled", "reused")], [1, 1])
    finally:
        callee.close()


# --- channels without end ------------------------------------------------------------------------

class Flooder(captures.Caller):
    def say(self, name, body):
        super().say(name, body)
        if name == "openLogicalChannel":
            self.asked = body

    def requests(self, numbers):
        """The channel that it has opened, once more under each of these numbers. (Encoding takes a process:
        two are enough to find the octets of the number.)"""
        one, two = (captures.write_h245("openLogicalChannel", {**self.asked,
                                                              "forwardLogicalChannelNumber": n})
                    for n in (0x0102, 0x0304))  # on the wire less one
        at = one.index(b"\x01\x01")
        if one[:at] + b"\x03\x03" + one[at + 2:] != two:
            raise sluice_lab.LabError("the number of a channel is not where it seemed")
        return [one[:at] + struct.pack(">H", n - 1) + one[at + 2:] for n in numbers]

    def hear_out(self, wait):
        """How many messages of H.245 have come; what they say is of no interest."""
        count = 0
        self.h245.socket.settimeout(wait)
        try:
            while not self.h245.is_over:
                count += len(list(self.h245.read()))
        except (BlockingIOError, socket.timeout):
            pass
        return count


def flood(c, lab, count, listens):
    what = f"{count} channels, " + ("answers read" if listens else "answers not read")
    calls = captures.recorded_calls()
    caller = Flooder(calls["a_noFS_noTun"], calls[captures.FALLBACK], "demo-flood")
    partner = lab.endpoint("anna", "--play", sluice_lab.tone_pair()[0], "--loop", "--stay", "--start", "now",
                           "--codec", "pcma", "--timeout", "160", call="demo-flood",
                           ip=sluice_lab.ENDPOINT_IPS[3])
    partner.wait_event("connect")
    running = lab.sessions()
    before, answers, sizes = stats(lab)["sessions"]["channels_rejected"], 0, []

    def is_judged(now):
        sizes.append(memory(lab.server) - size)
        return caller_is_gone() or now["sessions"]["channels_rejected"] - before >= count

    def caller_is_gone():
        return len(lab.sessions()) <= len(running)

    try:
        caller.talk()
        requests = caller.requests(range(1000, 1000 + count))
        size = memory(lab.server)
        try:
            for at in range(0, count, 100):
                caller.h245.socket.settimeout(10 * sluice_lab.PATIENCE)
                caller.h245.socket.sendall(b"".join(map(tpkt, requests[at:at + 100])))
                answers += caller.hear_out(0) if listens else 0
                sizes.append(memory(lab.server) - size)
            while listens and answers < count and not caller.h245.is_over:
                answers += caller.hear_out(1)
        except (ConnectionError, socket.timeout):
            pass  # the server's right
        rejected = lab.wait_stats(is_judged)["sessions"]["channels_rejected"] - before
        print(f"        {what}: {rejected} refused, {answers} answers heard, the call is "
              f"{'over' if caller_is_gone() else 'up'}; sluiced had {max(sizes)} bytes more at most", flush=True)
        with c.proof("H-H245", what, [{"part": "flood"}, {"part": "channels"}]):
            c.check(f"{what}: memory is bounded", max(sizes) <= FLOOD_BYTES, max(sizes))
            c.check(f"{what}: each is refused, or the call is over", rejected >= count or caller_is_gone(),
                    rejected)
            open_now = [len(lab.call("session.get", id=s["id"])["channels"]) for s in lab.sessions()]
            c.check(f"{what}: nobody has more channels than before", max(open_now) <= 2, open_now)
    finally:
        caller.close()
        partner.stop()
    lab.wait_sessions(len(running) - 1)


def channel_flood(c):
    """One call asks for channels without end (H-H245), beside one that must not notice."""
    with sluice_lab.Lab("hostile-channels", settings) as lab:
        lab.config["conferences"] += [{"alias": "demo*", "kind": "relay"}]
        lab.start()
        running = lab.pair(*[["--stay", "--loop", "--timeout", "170"]] * 2)
        for endpoint in running:
            endpoint.wait_event("heard")
        for count, listens in ((FLOOD, True), (6 * FLOOD, False)):  # more than the system holds for a peer
            c.case(f"flood of channels, {listens}", flood, c, lab, count, listens)
        for endpoint in running:
            report = endpoint.hang_up()
            c.equal(f"flood of channels: {endpoint.name} beside it lost nothing, and heard no gap",
                    (report["lost"], report["audio"]["gap_samples"]), (0, 0))
        c.equal("flood of channels: no session is left", lab.wait_sessions(0), 0)


# --- every message in every state ----------------------------------------------------------------

def in_state(wire, state, number):
    """Brings a call there; what its peer may have said meanwhile is dropped."""
    if state == "nothing":
        return
    wire.send(setup(3, guid(number), "nobody" if state == "released" else "pair-e"))
    wire.wait("releaseComplete" if state == "released" else "connect", 3)


def every_message(c, lab, _):
    number, answers = 1000, {}
    for state in ("nothing", "connected", "released"):
        for kind in TYPES:
            number += 1
            wire = Wire()
            in_state(wire, state, number)
            octets = (setup(3, guid(number), "pair-e") if kind == "setup"
                      else other(kind, 3, guid(number)))
            try:
                wire.send(octets, octets)
                wire.send(other("statusInquiry", 3, guid(number)))
                wire.heard += [wire._read(o) for o in wire.line.read()]
            except ConnectionError:
                pass  # it had its ReleaseComplete
            answers[state, kind] = bool(wire.heard) or wire.line.is_over
            wire.close()
    c.equal("every message in every state, twice: answered or closed",
            [key for key, good in answers.items() if not good], [])
    c.equal("and no session is left of it", lab.wait_sessions(2), 2)


# --- many ----------------------------------------------------------------------------------------

def memory(process):
    with open(f"/proc/{process.child.pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmRSS"))


def connect_many(count):
    found = []
    for _ in range(count):
        s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        s.connect(SERVER)
        found.append(s)
    return found


def idle_connections(c, lab, _):
    before = stats(lab)
    rss = memory(lab.server)
    many = connect_many(IDLE)
    try:
        open_now = lab.wait_stats(lambda s: s["tcp"]["connections"] - before["tcp"]["connections"] >=
                                  IDLE)["tcp"]["connections"] - before["tcp"]["connections"]
        growth = (memory(lab.server) - rss) / IDLE
        c.equal(f"{IDLE} idle connections: all open at once", open_now, IDLE)
        c.check(f"{IDLE} idle connections: at most {IDLE_BYTES} bytes each", growth <= IDLE_BYTES,
                f"{growth:.0f} bytes")
        print(f"        {growth:.0f} bytes of sluiced for each idle connection", flush=True)
        wire = Wire()
        wire.send(setup(1, guid(1), "pair-i"))
        c.check("meanwhile a call is answered", wire.wait("connect", 1))
        wire.close()
        after = lab.wait_stats(lambda s: s["signalling"]["silent"] - before["signalling"]["silent"]
                               >= IDLE, 20)
        c.equal("they are closed when no Setup comes", after["signalling"]["silent"] -
                before["signalling"]["silent"], IDLE)
        left = lab.wait_stats(lambda s: s["tcp"]["connections"] < 20)["tcp"]["connections"]
        c.check("and none is kept", left < 20, left)
    finally:
        for s in many:
            s.close()


def limits(c):
    def change(config):
        settings(config)
        config["signalling"]["limits"].update(max_connections=PER_ADDRESS + 8,
                                              max_connections_per_address=PER_ADDRESS)
        config["signalling"].update(multiple_calls=False, maintain_connection=False)

    def closed_at_once(s):
        s.settimeout(3 * sluice_lab.PATIENCE)
        try:
            return s.recv(1) == b""
        except ConnectionError:
            return True
        except socket.timeout:
            return False

    with sluice_lab.Lab("hostile-limits", change) as lab:
        lab.start()
        many = connect_many(PER_ADDRESS)
        lab.wait_stats(lambda s: s["tcp"]["accepted"] >= PER_ADDRESS)
        c.check("one more of an address is closed", all(map(closed_at_once, connect_many(3))))
        with captures.Ends():
            makers = [socket.socket(socket.AF_INET, socket.SOCK_STREAM) for _ in range(12)]
        for s in makers:
            s.connect(SERVER)
        lab.wait_stats(lambda s: s["tcp"]["refused_limit"] >= 4)
        tcp = stats(lab)["tcp"]
        c.equal("counted by reason", (tcp["refused_address"], tcp["refused_limit"]), (3, 4))
        for s in many + makers:
            s.close()
        lab.wait_stats(lambda s: s["tcp"]["connections"] == 0)
        wire = Wire()
        wire.send(setup(1, guid(1), "pair-1"), setup(2, guid(2), "pair-1"))
        answer = wire.wait("releaseComplete", 2)
        c.equal("multiple_calls off: newConnectionNeeded", answer and answer[2], 47)
        c.check("and the first call is served", wire.wait("connect", 1))
        c.equal("counted", stats(lab)["signalling"]["refused_shared"], 1)
        wire.close()


def main():
    sluice_lab.enter_network()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))
    c = sluice_lab.Checks()
    with sluice_lab.Lab("hostile", settings) as lab:
        lab.config["conferences"] += [{"alias": "demo*", "kind": "relay"}]
        lab.start()
        control = lab.control()
        control.call("events.subscribe")
        running = lab.pair(*[["--stay", "--loop", "--stats", "--timeout", "170"]] * 2)
        for endpoint in running:
            endpoint.wait_event("heard")
        # The idle ones first: afterwards the heap has room that would hide what they cost.
        for case in (idle_connections, octet_by_octet, coalesced, several_calls, lost_together,
                     kept, references, our_calls_share, noise, every_message):
            c.case(case.__name__, case, c, lab, control)
        for endpoint in running:
            c.check(f"{endpoint.name}: the running call still runs", endpoint.is_running())
            endpoint.signal(2)
            report = endpoint.report()
            c.equal(f"{endpoint.name}: it lost nothing, and heard no gap",
                    (report["lost"], report["audio"]["gap_samples"]), (0, 0))
        c.equal("no session is left", lab.wait_sessions(0), 0)
    c.case("limits", limits, c)
    c.case("channel_flood", channel_flood, c)
    c.finish()


if __name__ == "__main__":
    main()
