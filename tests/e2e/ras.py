#!/usr/bin/env python3
"""The server and a gatekeeper: GnuGk's recorded answers, said again with the numbers and the H.235.1
tokens of the moment. Registration, admission before Connect, refusal, disengagement by both sides,
what happens to calls while there is no gatekeeper, and unregistration at the end.
"""
# long
# timeout: 240
import ctypes
import hashlib
import hmac
import json
import os
import socket
import subprocess
import sys
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts", "lib"))
sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))
import captures  # noqa: E402
import sluice_lab  # noqa: E402

RECORDED = os.path.join(ROOT, "tests", "data", "captures", "ras.txt")
ADDRESS = sluice_lab.ENDPOINT_IPS[3]
PASSWORD = "alicepw"
MARK = b"tokenhashmrk"
CLONE_NEWNET = 0x40000000


def per(command, text):
    program = os.path.join(sluice_lab.BUILD, "signalling", "sluice-per")
    done = subprocess.run([program, command, "RasMessage"], input=text, capture_output=True,
                          text=True, timeout=10 * sluice_lab.PATIENCE, check=False)
    if done.returncode != 0:
        raise sluice_lab.LabError(f"sluice-per {command}: {done.stderr.strip()}\n{text}")
    return done.stdout


def decode(octets):
    (name, body), = json.loads(per("decode", octets.hex())).items()
    return name, body


def templates():
    """Kind: recorded answer."""
    found = {}
    with open(RECORDED, encoding="utf-8") as file:
        for line in file:
            words = line.split()
            if words[0].startswith(("e5", "e7")) and words[1] == "gatekeeper":
                found.setdefault(words[2], decode(bytes.fromhex(words[3]))[1])
    return found


def open_socket(address, group=None):
    """UDP where the endpoints are; by a thread of its own, which then is somewhere else. With a
    group what is sent to that (address, port), too."""
    made = []

    def make():
        with open(os.path.join(os.environ["SLUICE_NETNS"], "ends"), encoding="ascii") as there:
            if ctypes.CDLL(None, use_errno=True).setns(there.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")
        made.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        made[0].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made[0].bind(group or (address, 1719))
        if group:
            made[0].setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                               socket.inet_aton(group[0]) + socket.inet_aton(address))

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    return made[0]


class Gatekeeper:
    """Answers by its mood until closed; remembers what was asked.

    lose: so many requests (of kind lose_kind, if that is set) are heard and not answered; copies: each
    answer so often; change: kind of answer → function that gets its fields; before: kind of answer → function called with the
    fields before it is said."""

    def __init__(self, address, password=PASSWORD, group=None):
        self.address, self.password = address, password
        self.lose, self.copies = 0, 1
        self.lose_kind = None
        self.change, self.before = {}, {}
        self.templates = templates()
        self.heard = []  # (kind, body, octets)
        self.changed = threading.Condition()
        self.is_silent = self.refuses_calls = False
        self.random = 0
        self.socket = open_socket(address)
        self.sockets = [self.socket] + ([open_socket(address, group)] if group else [])
        self.peer = None
        for each in self.sockets:
            threading.Thread(target=self._run, args=(each,), daemon=True).start()

    def close(self):
        for each in self.sockets:
            each.close()

    def _run(self, heard_by):
        while True:
            try:
                octets, self.peer = heard_by.recvfrom(4096)
            except OSError:
                return
            kind, body = decode(octets)
            with self.changed:
                self.heard.append((kind, body, octets))
                self.changed.notify_all()
            if self.lose > 0 and kind == (self.lose_kind or kind):
                self.lose -= 1
            elif not self.is_silent:
                self._answer(kind, body)

    def _answer(self, kind, body):
        answers = {"resourcesAvailableIndicate": "resourcesAvailableConfirm"}
        verdict = "Reject" if kind == "admissionRequest" and self.refuses_calls else "Confirm"
        if kind.endswith("Request"):
            answers[kind] = kind.removesuffix("Request") + verdict
        if kind == "infoRequestResponse" and body.get("needResponse"):
            answers[kind] = "infoRequestAck"
        if kind not in answers:
            return
        kind = answers[kind]
        answer = json.loads(json.dumps(self.templates.get(kind, self.plain(kind))))
        answer["requestSeqNum"] = body["requestSeqNum"]
        if kind == "gatekeeperConfirm":
            answer["rasAddress"] = transport(self.address, 1719)
        if kind in self.change:
            self.change[kind](answer)
        if kind in self.before:
            self.before[kind](answer)
        for _ in range(self.copies):
            self.say(kind, answer)

    def plain(self, kind):
        """Answers that nobody has recorded."""
        confirm = {"protocolIdentifier": self.templates["gatekeeperConfirm"]["protocolIdentifier"]}
        return {"resourcesAvailableConfirm": confirm, "bandwidthConfirm": {"bandWidth": 1280}}.get(
            kind, {})

    def say(self, kind, body):
        """With a token of the moment, but for GatekeeperConfirm."""
        self.socket.sendto(self.make(kind, body), self.peer)

    def make(self, kind, body, password=None, seconds=0):
        body.pop("cryptoTokens", None)
        if self.password and kind not in ("gatekeeperConfirm", "gatekeeperReject"):
            donor = json.loads(json.dumps(self.templates["registrationConfirm"]["cryptoTokens"]))
            hashed = donor[0]["nestedcryptoToken"]["cryptoHashedToken"]
            self.random += 1
            hashed["hashedVals"]["timeStamp"] = int(time.time()) + seconds
            hashed["hashedVals"]["random"] = self.random
            hashed["token"]["hash"] = {"bits": "".join(f"{octet:08b}" for octet in MARK)}
            body["cryptoTokens"] = donor
        octets = bytes.fromhex(per("encode", json.dumps({kind: body})).strip())
        if MARK in octets:
            key = hashlib.sha1((password or self.password).encode()).digest()
            blank = octets.replace(MARK, bytes(len(MARK)))
            octets = octets.replace(MARK, hmac.new(key, blank, hashlib.sha1).digest()[:12])
        return octets

    def wait(self, kind, count=1, seconds=15):
        end = time.monotonic() + seconds * sluice_lab.PATIENCE
        with self.changed:
            while True:
                found = [h for h in self.heard if h[0] == kind]
                if len(found) >= count:
                    return found[count - 1]
                left = end - time.monotonic()
                if left <= 0:
                    raise sluice_lab.LabError(f"no {kind}; heard {[h[0] for h in self.heard]}")
                self.changed.wait(left)

    def count(self, kind):
        with self.changed:
            return sum(h[0] == kind for h in self.heard)


    def asked(self, kind):
        """How many requests there were: one that is said again, as to a late answer, is the same one."""
        return len({body["requestSeqNum"] for body in self.all(kind)})

    def once(self, kind):
        """The bodies of all requests, each once."""
        return list({body["requestSeqNum"]: body for body in self.all(kind)}.values())

    def last(self, kind):
        return self.all(kind)[-1]

    def all(self, kind):
        with self.changed:
            return [h[1] for h in self.heard if h[0] == kind]

    def forget(self):
        with self.changed:
            self.heard = []


def transport(ip, port):
    return {"ipAddress": {"ip": socket.inet_aton(ip).hex(), "port": port}}


def use_gatekeeper(config):
    config["gatekeeper"] = {"address": ADDRESS, "aliases": ["alice"], "prefixes": ["77"],
                            "password": PASSWORD, "ttl_s": 60, "retry_ms": 5000}


def registration(c, lab, gatekeeper):
    _, grq, _ = gatekeeper.wait("gatekeeperRequest")
    _, rrq, octets = gatekeeper.wait("registrationRequest")
    lab.wait_info(lambda g: g["state"] == "registered")
    info = lab.call("server.info")["gatekeeper"]
    c.equal("registered with", info["identifier"], "labgk")
    c.check("the endpoint's identifier", info["endpoint"].endswith("_endp"), info)
    c.equal("alias", rrq["terminalAlias"], [{"h323-ID": "alice"}])
    protocols = rrq["terminalType"]["mcu"]["protocol"]
    c.equal("prefix", protocols[0]["h323"]["supportedPrefixes"][0]["prefix"],
            {"dialledDigits": "77"})
    c.check("password offered", "pwdHash" in str(grq["authenticationCapability"]))
    c.check("RRQ is signed", own_token_holds(rrq, octets))


def own_token_holds(body, octets):
    token = body["cryptoTokens"][0]["nestedcryptoToken"]["cryptoHashedToken"]["token"]["hash"]
    said = int(token["bits"], 2).to_bytes(len(MARK), "big")
    key = hashlib.sha1(PASSWORD.encode()).digest()
    blank = octets.replace(said, bytes(len(said)))
    return hmac.new(key, blank, hashlib.sha1).digest()[:12] == said


def admitted(c, lab, gatekeeper):
    reports = [e.report() for e in lab.pair()]
    for report in reports:
        c.check(f"{report['alias']}: ok", report["ok"] and report["audio_match"],
                report["failure"])
    _, arq, octets = gatekeeper.wait("admissionRequest", 2)
    c.equal("answerCall", arq["answerCall"], True)
    c.equal("bandwidth", arq["bandWidth"], 1280)
    c.check("ARQ is signed", own_token_holds(arq, octets))
    _, drq, _ = gatekeeper.wait("disengageRequest", 2)
    c.equal("answeredCall", drq["answeredCall"], True)
    ids = {a[1]["callIdentifier"]["guid"] for a in gatekeeper.heard if a[0] == "admissionRequest"}
    c.check("the call that was asked for is the one that ends",
            drq["callIdentifier"]["guid"] in ids)


def refused(c, lab, gatekeeper):
    gatekeeper.refuses_calls = True
    report = lab.endpoint("refused", "--play", sluice_lab.tone_pair()[0], "--timeout", "10").report()
    gatekeeper.refuses_calls = False
    c.check("no call against the gatekeeper's will", not report["ok"], report["failure"])
    c.equal("its reason", report["release"]["reason"], "noPermission")


def disengaged(c, lab, gatekeeper):
    caller = lab.endpoint("dropped", "--play", sluice_lab.tone_pair()[0], "--timeout", "20")
    caller.wait_event("connect")
    lab.wait_sessions(1)
    arq = [h[1] for h in gatekeeper.heard if h[0] == "admissionRequest"][-1]
    gatekeeper.say("disengageRequest", {
        "requestSeqNum": 4711, "endpointIdentifier": arq["endpointIdentifier"],
        "conferenceID": arq["conferenceID"], "callReferenceValue": arq["callReferenceValue"],
        "disengageReason": {"forcedDrop": None}, "callIdentifier": arq["callIdentifier"],
        "answeredCall": True})
    gatekeeper.wait("disengageConfirm")
    caller.report()
    c.equal("the session ends", lab.wait_sessions(0), 0)


def silence(c, lab, gatekeeper):
    """An admission that nobody answers: refused, and the loss is noticed by asking for life."""
    gatekeeper.is_silent = True
    report = lab.endpoint("unasked", "--play", sluice_lab.tone_pair()[0], "--timeout", "30").report()
    c.check("no call without a gatekeeper", not report["ok"], report["failure"])
    c.equal("the reason", report["release"]["reason"], "unreachableGatekeeper")
    lab.wait_info(lambda g: g["state"] != "registered", "gatekeeper.unregistered", 30)
    c.equal("loss is told", lab.call("server.info")["gatekeeper"]["last_loss"], "no answer")


def again(c, lab, gatekeeper):
    gatekeeper.is_silent = False
    lab.wait_info(lambda g: g["state"] == "registered", seconds=60)
    lab.server.stop()
    gatekeeper.wait("unregistrationRequest")
    c.equal("unregistered once", gatekeeper.asked("unregistrationRequest"), 1)


# Recorded callers whose H.245 comes early or late, while the gatekeeper thinks.
CALLERS = ("a_noFS_noTun", "b1_FS_noTun", "b3_FS_Tun_h245setup", "c_noFS_Tun",
           "f3_simple_h245setup")


def recorded(c, gatekeeper):
    def change(config):
        captures.settings(config)
        use_gatekeeper(config)

    calls = captures.recorded_calls()
    with RasLab("ras-recorded", change) as lab:
        lab.start()
        lab.wait_info(lambda g: g["state"] == "registered")
        control = lab.control()
        control.call("events.subscribe")
        partner = lab.endpoint("anna", "--play", sluice_lab.tone_pair()[0], "--loop", "--stay",
                               "--start", "now", "--codec", "pcma", "--timeout", "160")
        partner.wait_event("connect")
        for name in CALLERS:
            caller = captures.Caller(calls[name], calls[captures.FALLBACK], "demo")
            c.case(name, captures.SPECIAL.get(name, captures.whole_call), c, lab, control, name,
                   caller)
        partner.stop()
        gatekeeper.wait("disengageRequest", 2 + len(CALLERS))


class RasLab(sluice_lab.Lab):
    def wait_gatekeeper(self, predicate, seconds=10):
        """Counters and the like, which have no event: each look is an answer of the socket later."""
        sluice_lab.wait_until(lambda: predicate(self.call("gatekeeper.get")), seconds)
        return self.call("gatekeeper.get")

    def wait_info(self, predicate, event="gatekeeper.registered", seconds=10):
        """server.info again whenever that event comes, until it is as wanted."""
        end = time.monotonic() + seconds * sluice_lab.PATIENCE
        client = self.control()
        client.call("events.subscribe")
        while not predicate(client.call("server.info")["gatekeeper"]):
            client.wait_event(event, max(0, end - time.monotonic()) / sluice_lab.PATIENCE)


def main():
    sluice_lab.enter_network()
    c = sluice_lab.Checks()
    with RasLab("ras", use_gatekeeper) as lab:
        gatekeeper = Gatekeeper(ADDRESS)
        lab.start()
        for case in (registration, admitted, refused, disengaged, silence, again):
            c.case(case.__name__, case, c, lab, gatekeeper)
    c.case("recorded callers", recorded, c, gatekeeper)
    gatekeeper.close()
    c.finish()


if __name__ == "__main__":
    main()
