#!/usr/bin/env python3
"""Legs by SDP (C-PASS, its mode `terminate`): a SIP user agent that is not ours, baresip with its own
SRTP stack, meets an H.323 endpoint with H.235.10 in a relay conference. The SIP server between is a
few lines of this script: it carries INVITE and 200 to session.create and back. Both ways of offering,
hold and resume, and descriptions that must be refused."""
# timeout: 300
import array
import json
import math
import os
import re
import shutil
import socket
import sys
import threading
import wave

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts", "lib"))
import sluice_lab  # noqa: E402

BARESIP_IP = sluice_lab.ENDPOINT_IPS[0]  # it announces the first address that it finds
CONTROL_PORT = 4444
TALK = 150  # packets of 20 ms
MODULES = "/usr/lib/baresip/modules"


class Sip:
    """As much of a SIP server as one call needs (RFC 3261): UDP, no authentication, no retransmission of
    its own. What the user agent says again, as it does after half a second, gets the same answer."""

    def __init__(self, control):
        self.control = control
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((sluice_lab.SERVER_IP4, 5060))
        self.session = self.offer = self.answer = None
        self.refusal = None
        self.said = {}  # what was sent upon a message
        self.changed = threading.Condition()
        self.is_closing = False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.is_closing:
            try:
                data, peer = self.socket.recvfrom(65536)
            except OSError:
                return  # closed
            if not data:
                continue
            text = data.decode(errors="replace")
            head, _, body = text.partition("\r\n\r\n")
            lines = head.split("\r\n")
            if self.name(lines) in self.said:
                self.socket.sendto(self.said[self.name(lines)], peer)
                continue
            try:
                self.on_message(lines, body, peer)
            except (sluice_lab.RpcError, sluice_lab.LabError, OSError) as error:
                with self.changed:
                    self.refusal = error
                    self.changed.notify_all()

    @staticmethod
    def header(lines, name):
        return next((line.split(":", 1)[1].strip() for line in lines[1:]
                     if line.lower().startswith(name + ":")), "")

    def name(self, lines):
        """What one message has in common with its repetitions alone."""
        return (lines[0], *(self.header(lines, field) for field in ("call-id", "cseq", "to")))

    def say(self, lines, out, peer):
        """Sends what a message is answered with, now and whenever it comes again."""
        self.said[self.name(lines)] = "\r\n".join(out).encode()
        self.socket.sendto(self.said[self.name(lines)], peer)

    def reply(self, lines, peer, status, body=""):
        out = [f"SIP/2.0 {status}"]
        out += [line for line in lines[1:] if line.lower().startswith(("via:", "from:", "call-id:", "cseq:"))]
        out += [f"To: {self.header(lines, 'to')};tag=sluice", f"Contact: <sip:{sluice_lab.SERVER_IP4}:5060>"]
        if body:
            out.append("Content-Type: application/sdp")
        out += [f"Content-Length: {len(body)}", "", body]
        self.say(lines, out, peer)

    def on_message(self, lines, body, peer):
        method = lines[0].split(" ")[0]
        if method == "INVITE":
            if self.session is None:
                result = self.control.call("session.create", conference="demo", sdp=body)
            else:  # hold, resume
                result = self.control.call("session.update", id=self.session, sdp=body)
            self.reply(lines, peer, "200 OK", result["sdp"])
            with self.changed:
                self.offer, self.session, self.answer = body, result["id"], result["sdp"]
                self.changed.notify_all()
        elif method in ("BYE", "CANCEL", "OPTIONS"):
            self.reply(lines, peer, "200 OK")
            if method == "BYE":
                session, self.session = self.session, None
                with self.changed:
                    self.changed.notify_all()
                self.end(session)
        elif lines[0].startswith("SIP/2.0 200") and "INVITE" in self.header(lines, "cseq"):
            self.send_ack(lines, peer)
            with self.changed:
                self.answer = body
                self.changed.notify_all()

    def end(self, session):
        """The peer's close alert may have ended it before its BYE."""
        try:
            self.control.call("session.close", id=session)
        except sluice_lab.RpcError as error:
            if "no session" not in str(error):
                raise

    def invite(self, to, body):
        """Calls a user agent with our offer; wait() gives its answer."""
        me = f"{sluice_lab.SERVER_IP4}:5060"
        text = "\r\n".join([
            f"INVITE sip:bert@{to}:5060 SIP/2.0", f"Via: SIP/2.0/UDP {me};branch=z9hG4bK-sluice-1;rport",
            "Max-Forwards: 70", f"From: <sip:sluice@{me}>;tag=1", f"To: <sip:bert@{to}:5060>",
            "Call-ID: sluice-out-1", "CSeq: 1 INVITE", f"Contact: <sip:sluice@{me}>",
            "Content-Type: application/sdp", f"Content-Length: {len(body)}", "", body])
        self.socket.sendto(text.encode(), (to, 5060))

    def send_ack(self, lines, peer):
        to = self.header(lines, "to")
        text = "\r\n".join([
            f"ACK {re.search('<([^>]*)>', self.header(lines, 'contact')).group(1)} SIP/2.0",
            f"Via: SIP/2.0/UDP {sluice_lab.SERVER_IP4}:5060;branch=z9hG4bK-sluice-2;rport", "Max-Forwards: 70",
            f"From: {self.header(lines, 'from')}", f"To: {to}", f"Call-ID: {self.header(lines, 'call-id')}",
            "CSeq: 1 ACK", "Content-Length: 0", "", ""])
        self.say(lines, [text], peer)

    def wait(self, what, seconds=10):
        """Until `what`() is true."""
        with self.changed:
            value = self.changed.wait_for(lambda: self.refusal or what(), seconds * sluice_lab.PATIENCE)
        if self.refusal:
            raise self.refusal
        if not value:
            raise sluice_lab.LabError("the SIP side did not get there in time")

    def take_answer(self):
        """Waits for an answer, whoever made it, and forgets it."""
        self.wait(lambda: self.answer)
        answer, self.answer = self.answer, None
        return answer


class Baresip:
    """A user agent that plays a tone of 440 Hz and records what it hears; it answers by itself."""

    FREQUENCY = 440

    def __init__(self, lab, *arguments):
        self.home = lab.path("baresip")
        shutil.rmtree(self.home, ignore_errors=True)
        os.makedirs(self.home)
        self.write("config", [
            f"sip_listen {BARESIP_IP}:5060", f"ctrl_tcp_listen {BARESIP_IP}:{CONTROL_PORT}",
            f"audio_source ausine,{self.FREQUENCY}", "audio_player aubridge,out", "audio_alert aubridge,alert",
            "ausrc_srate 48000", "auplay_srate 8000", "ausrc_channels 2", "auplay_channels 1",
            "audio_buffer 20-160", "rtcp_mux yes", f"snd_path {self.home}", f"module_path {MODULES}"]
            + [f"module {name}.so" for name in ("g711", "ausine", "aubridge", "sndfile", "dtls_srtp")]
            + [f"module_tmp {name}.so" for name in ("uuid", "account")]
            + [f"module_app {name}.so" for name in ("menu", "ctrl_tcp")])
        self.write("accounts", [f"<sip:bert@{BARESIP_IP}>;regint=0;mediaenc=dtls_srtp;"
                                "audio_codecs=pcma/8000/1;answermode=auto;ptime=20"])
        self.write("contacts", [])
        self.process = lab.run("baresip", ["baresip", "-4", "-v", "-f", self.home, *arguments], "ends")
        self.process.wait_line("baresip is ready", 10)

    def write(self, name, lines):
        with open(os.path.join(self.home, name), "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")

    def command(self, name):
        """One command to its module ctrl_tcp (a netstring of JSON)."""
        text = json.dumps({"command": name})
        with socket.create_connection((BARESIP_IP, CONTROL_PORT), 5 * sluice_lab.PATIENCE) as sock:
            sock.sendall(f"{len(text)}:{text},".encode())
            sock.recv(4096)

    def stop(self):
        """Ends it; its recording is whole then."""
        self.process.stop()
        return [os.path.join(self.home, name) for name in sorted(os.listdir(self.home))
                if name.endswith("dec.wav")]


def steady_tone(lab, frequency):
    """A second of a tone, to be looped without a step."""
    path = lab.path(f"tone-{frequency}.wav")
    with wave.open(path, "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(array.array("h", [int(8000 * math.sin(2 * math.pi * frequency * i / 8000))
                                           for i in range(8000)]).tobytes())
    return path


def share_of(path, frequency):
    """Greatest share of a half second's power that lies at this frequency (Goertzel)."""
    with wave.open(path, "rb") as file:
        samples = array.array("h", file.readframes(file.getnframes()))
    best, block = 0.0, 4000
    for at in range(0, len(samples) - block + 1, block):
        part = samples[at:at + block]
        power = sum(x * x for x in part)
        c, s1, s2 = 2 * math.cos(2 * math.pi * frequency / 8000), 0.0, 0.0
        for x in part:
            s1, s2 = x + c * s1 - s2, s1
        if power:
            best = max(best, 2 * (s1 * s1 + s2 * s2 - c * s1 * s2) / (power * block))
    return best


def association(session):
    return session["transports"][0]["association"]


def after_talk(endpoint):
    """The report of one that has spoken and heard for some seconds."""
    endpoint.wait_count("media both ways",
                        lambda stats: min(stats["packets_in"], stats["packets_out"]) >= TALK)
    return endpoint.hang_up()


def talk(c, lab, what, watch, sip, baresip):
    """An H.323 endpoint joins: both hear each other, protected on both legs."""
    record = lab.path("anna.wav")
    anna = lab.endpoint("anna", "--play", steady_tone(lab, 1000), "--loop", "--start", "now", "--record",
                        record, "--stats", "--timeout", "90", ip=sluice_lab.ENDPOINT_IPS[1])
    report = after_talk(anna)
    session = lab.call("session.get", id=sip.session)
    c.check(f"{what}: the H.323 leg is protected", report["fingerprint_verified"], report["failure"])
    c.equal(f"{what}: the SIP leg is protected", (association(session)["state"],
                                                  association(session)["fingerprint_verified"]), ("keyed", True))
    c.check(f"{what}: H.323 hears SIP", share_of(record, Baresip.FREQUENCY) > 0.9,
            share_of(record, Baresip.FREQUENCY))
    c.equal(f"{what}: nothing was dropped for its keys", session["transports"][0]["drops"]["auth"], 0)
    return session


def heard(c, what, baresip):
    shares = [share_of(path, 1000) for path in baresip.stop()]
    c.check(f"{what}: SIP hears H.323", max(shares, default=0) > 0.9, shares)


def called_by_sip(c, lab, control, sip):
    """Their offer, our answer; then hold, resume, BYE."""
    baresip = Baresip(lab, "-e", f"/dial sip:demo@{sluice_lab.SERVER_IP4}")
    answer = sip.take_answer()
    for line in ("UDP/TLS/RTP/SAVP", "a=setup:", "a=fingerprint:sha-256 ", "a=rtcp-mux", "a=sendrecv"):
        c.check(f"answer has {line}", line in answer, answer)
    talk(c, lab, "called by SIP", control, sip, baresip)
    for command, direction, channels in (("hold", "a=recvonly", ["incoming"]),
                                         ("resume", "a=sendrecv", ["incoming", "outgoing"])):
        baresip.command(command)
        c.check(f"{command}: {direction}", direction in sip.take_answer())
        session = lab.call("session.get", id=sip.session)
        c.equal(f"{command}: channels", sorted(ch["direction"] for ch in session["channels"]), channels)
        c.equal(f"{command}: the association stays", association(session)["state"], "keyed")
    talk(c, lab, "after hold and resume", control, sip, baresip)
    baresip.command("hangup")
    sip.wait(lambda: sip.session is None)
    heard(c, "called by SIP", baresip)


def calls_sip(c, lab, control, sip):
    """Our offer, their answer."""
    baresip = Baresip(lab)
    result = control.call("session.create", conference="demo")
    sip.session = result["id"]
    c.check("our offer leaves the role open", "a=setup:actpass" in result["sdp"], result["sdp"])
    sip.invite(BARESIP_IP, result["sdp"])
    control.call("session.answer", id=sip.session, sdp=sip.take_answer())
    talk(c, lab, "calls SIP", control, sip, baresip)
    control.call("session.close", id=sip.session)
    sip.session = None
    heard(c, "calls SIP", baresip)


FINGERPRINT = "a=fingerprint:sha-256 " + ":".join(["AB"] * 32)


def offer(*lines, proto="UDP/TLS/RTP/SAVP", port=40000, formats="8 0", address=BARESIP_IP):
    """A description that is fine with rtcp-mux, setup and fingerprint in `lines`."""
    return "\r\n".join(["v=0", f"o=- 1 1 IN IP4 {address}", "s=-", f"c=IN IP4 {address}", "t=0 0",
                        f"m=audio {port} {proto} {formats}", *lines, ""])


GOOD = ("a=rtcp-mux", "a=setup:actpass", FINGERPRINT)


def refused(c, control, what, text, sdp, method="session.create", **params):
    params = params or {"conference": "demo"}
    try:
        result = control.call(method, sdp=sdp, **params)
        c.check(f"refused: {what}", False, result)
    except sluice_lab.RpcError as error:
        c.check(f"refused: {what}", text in str(error), error)


def bad_descriptions(c, lab, control):
    rows = [
        ("no SDP at all", "line 1", "hello"),
        ("media in the clear", "must be protected", offer(proto="RTP/AVP")),
        ("SDES", "not one that is served", offer(proto="RTP/SAVP")),
        ("no fingerprint", "a=fingerprint is missing", offer(*GOOD[:2])),
        ("unknown hash only", "a=fingerprint is missing", offer(*GOOD[:2], "a=fingerprint:sha3-256 AB")),
        ("md5", "a=fingerprint is missing", offer(*GOOD[:2], "a=fingerprint:md5 " + ":".join(["AB"] * 16))),
        ("sha-1", "hash that the policy allows",
         offer(*GOOD[:2], "a=fingerprint:sha-1 " + ":".join(["AB"] * 20))),
        ("fingerprint too short", "line 9", offer(*GOOD[:2], "a=fingerprint:sha-256 AB:CD")),
        ("RTCP on its own port", "a=rtcp-mux is missing", offer(*GOOD[1:])),
        ("holdconn", "nobody to begin", offer("a=rtcp-mux", "a=setup:holdconn", FINGERPRINT)),
        ("bad role", "active, passive", offer("a=rtcp-mux", "a=setup:both", FINGERPRINT)),
        ("no common codec", "no audio codec in common", offer(*GOOD, formats="18 3")),
        ("ICE alone", "no address to send to", offer(*GOOD, port=9, address="0.0.0.0")),
        ("a name for an address", "no address to send to", offer(*GOOD, address="media.example.net")),
        ("video alone", "no audio", offer(*GOOD).replace("m=audio", "m=video")),
        ("nine media", "media", offer(*GOOD) + "m=audio 5000 RTP/AVP 0\r\n" * 8),
    ]
    for what, text, sdp in rows:
        refused(c, control, what, text, sdp)
    refused(c, control, "unknown conference", "no conference", offer(*GOOD), conference="nowhere")
    refused(c, control, "unknown listener", "no listener", offer(*GOOD), conference="demo", listener="x")
    result = control.call("session.create", conference="demo")
    refused(c, control, "an offer across ours", "not answered yet", offer(*GOOD), "session.update",
            id=result["id"])
    refused(c, control, "an answer in the clear", "protected", offer(proto="RTP/AVP"), "session.answer",
            id=result["id"])
    control.call("session.answer", id=result["id"], sdp=offer("a=rtcp-mux", "a=setup:active", FINGERPRINT))
    refused(c, control, "a second answer", "no offer", offer(*GOOD), "session.answer", id=result["id"])
    control.call("session.close", id=result["id"])


def port_of(answer, medium="audio"):
    return int(re.search(rf"^m={medium} (\d+) ", answer, re.M).group(1))


def transports(control, session):
    return [t for t in control.call("session.get", id=session)["transports"] if t["open"]]


def wait_transports(c, control, session, count, what, seconds=5):
    """A port is closed when the data plane has answered."""
    sluice_lab.wait_until(lambda: len(transports(control, session)) == count, seconds)
    c.equal(what, len(transports(control, session)), count)


def later_offers(c, lab, control):
    """RFC 8842: another address or certificate begins another association, on a port of its own; the old
    one is gone. Video comes and goes, bundled (RFC 8843) or on its own port; so may data channels."""
    result = control.call("session.create", conference="demo", sdp=offer(*GOOD))
    session, first = result["id"], port_of(result["sdp"])
    same = control.call("session.update", id=session, sdp=offer(*GOOD))["sdp"]
    c.equal("the same offer: the same port", port_of(same), first)
    moved = control.call("session.update", id=session, sdp=offer(*GOOD, port=40002))["sdp"]
    c.check("another address: another port", port_of(moved) != first, moved)
    wait_transports(c, control, session, 1, "one transport")
    c.equal("another address: the remote", transports(control, session)[0]["remote"], f"{BARESIP_IP}:40002")
    other = control.call("session.update", id=session,
                         sdp=offer(*GOOD[:2], FINGERPRINT.replace("AB", "CD"), port=40002))["sdp"]
    c.check("another certificate: another port", port_of(other) != port_of(moved), other)
    video = ("m=video 40004 UDP/TLS/RTP/SAVPF 99", "a=rtpmap:99 H264/90000",
             "a=fmtp:99 profile-level-id=42e01f;packetization-mode=1", "a=rtcp-fb:99 nack pli", *GOOD)
    data = ("m=application 40006 UDP/DTLS/SCTP webrtc-datachannel", "a=sctp-port:5000", *GOOD[1:])
    more = control.call("session.update", id=session, sdp=offer(
        *GOOD[:2], FINGERPRINT.replace("AB", "CD"), *video, *data, port=40002))["sdp"]
    c.check("video is added", port_of(more, "video") not in (0, port_of(more)), more)
    c.check("video: its format and feedback", "a=rtpmap:99 H264/90000" in more and
            "a=rtcp-fb:99 nack pli" in more, more)
    c.check("data channels: a port of their own", port_of(more, "application") != 0 and "a=sctp-port:5000" in more, more)
    wait_transports(c, control, session, 3, "video and data: transports of their own")
    less = control.call("session.update", id=session, sdp=offer(
        *GOOD[:2], FINGERPRINT.replace("AB", "CD"), *video, *data, port=40002).replace("video 40004", "video 0"))
    c.equal("video is gone again", port_of(less["sdp"], "video"), 0)
    wait_transports(c, control, session, 2, "its transport is gone")
    control.call("session.close", id=session)
    bundle = offer(*GOOD, "a=mid:a", *video, "a=mid:v").replace("t=0 0", "t=0 0\r\na=group:BUNDLE a v")
    result = control.call("session.create", conference="demo", sdp=bundle)
    c.check("BUNDLE: one port", "a=group:BUNDLE a v" in result["sdp"] and
            port_of(result["sdp"]) == port_of(result["sdp"], "video"), result["sdp"])
    wait_transports(c, control, result["id"], 1, "BUNDLE: one transport")
    control.call("session.close", id=result["id"])


def our_offer(c, lab, control):
    """Ours has what was asked for: ICE, video; an answer without ICE goes without."""
    result = control.call("session.create", conference="demo", ice=True, video=True)
    sdp = result["sdp"]
    c.check("our offer: ICE", all(text in sdp for text in
                                  ("a=ice-lite", "a=ice-ufrag:", "a=ice-pwd:", " typ host", "UDP/TLS/RTP/SAVPF")), sdp)
    c.check("our offer: video", port_of(sdp, "video") != 0 and "H264/90000" in sdp, sdp)
    answer = offer("a=rtcp-mux", "a=setup:active", FINGERPRINT, "m=video 0 UDP/TLS/RTP/SAVPF 97")
    control.call("session.answer", id=result["id"], sdp=answer)
    wait_transports(c, control, result["id"], 1, "the refused video's port is closed")
    c.equal("our offer: the remote without ICE", transports(control, result["id"])[0]["remote"],
            f"{BARESIP_IP}:40000")
    again = control.call("session.update", id=result["id"])["sdp"]
    c.equal("our next offer: the line stays", port_of(again, "video"), 0)
    c.check("our next offer: no ICE", "ice-" not in again, again)
    control.call("session.close", id=result["id"])


def silent_peer(c, lab, control):
    """A description is no handshake: without one the leg ends, and says why."""
    control.call("events.subscribe", types=["session.closed"])
    result = control.call("session.create", conference="demo", sdp=offer(*GOOD))
    event = control.wait_event("session.closed", 30, lambda e: e.get("session") == result["id"])
    c.equal("no handshake: cause", event["data"]["cause"], "dtls_failed")


def main():
    sluice_lab.enter_network()
    c = sluice_lab.Checks()
    if shutil.which("baresip") is None:
        sys.exit("baresip is missing: run scripts/setup")
    with sluice_lab.Lab("sdp") as lab:
        lab.config["dtls"] = dict(lab.config.get("dtls", {}), handshake_timeout_ms=3000)
        lab.start()
        control = lab.control()
        sip = Sip(lab.control())
        c.case("called by SIP", called_by_sip, c, lab, control, sip)
        c.case("calls SIP", calls_sip, c, lab, control, sip)
        c.case("bad descriptions", bad_descriptions, c, lab, control)
        c.case("later offers", later_offers, c, lab, control)
        c.case("our offer", our_offer, c, lab, control)
        c.case("silent peer", silent_peer, c, lab, control)
        c.equal("no session is left", lab.wait_sessions(0), 0)
    c.finish()


if __name__ == "__main__":
    main()
