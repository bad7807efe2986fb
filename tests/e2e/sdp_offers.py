#!/usr/bin/env python3
"""Offers in the words of many user agents (browsers, PBXs, telephones), and offers that are odd or hostile:
each is answered by the rules of RFC 3264, 8843, 5763, 8122, 5761, judged here line by line by a reader of its own, or
refused in words. A call beside them goes on, and in the end nothing is left."""
# timeout: 240
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts", "lib"))
import sluice_lab  # noqa: E402

SHA256 = ":".join(f"{i * 7 % 256:02X}" for i in range(32))
OTHER256 = ":".join(f"{i * 5 % 256:02X}" for i in range(32))
SHA1 = ":".join(f"{i * 3 % 256:02X}" for i in range(20))
SHA384 = ":".join(f"{i * 11 % 256:02X}" for i in range(48))
SHA512 = ":".join(f"{i * 13 % 256:02X}" for i in range(64))
MD5 = ":".join(f"{i * 17 % 256:02X}" for i in range(16))

CHROME = f"""v=0
o=- 4611731400430051336 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1 2
a=extmap-allow-mixed
a=msid-semantic: WMS stream
m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126
c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
a=ice-ufrag:8hhY
a=ice-pwd:asd88fgpdd777uzjYhagZg
a=ice-options:trickle
a=fingerprint:sha-256 {SHA256}
a=setup:actpass
a=mid:0
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time
a=sendrecv
a=msid:stream audio
a=rtcp-mux
a=rtcp-rsize
a=rtpmap:111 opus/48000/2
a=rtcp-fb:111 transport-cc
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:63 red/48000/2
a=fmtp:63 111/111
a=rtpmap:9 G722/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:13 CN/8000
a=rtpmap:110 telephone-event/48000
a=rtpmap:126 telephone-event/8000
a=ssrc:3570614608 cname:4TOk42mSjXCkVIa6
m=video 9 UDP/TLS/RTP/SAVPF 96 97 102 103 104
c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
a=ice-ufrag:8hhY
a=ice-pwd:asd88fgpdd777uzjYhagZg
a=ice-options:trickle
a=fingerprint:sha-256 {SHA256}
a=setup:actpass
a=mid:1
a=sendrecv
a=rtcp-mux
a=rtcp-rsize
a=rtpmap:96 VP8/90000
a=rtcp-fb:96 goog-remb
a=rtcp-fb:96 nack pli
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
a=rtpmap:102 H264/90000
a=rtcp-fb:102 goog-remb
a=rtcp-fb:102 transport-cc
a=rtcp-fb:102 ccm fir
a=rtcp-fb:102 nack
a=rtcp-fb:102 nack pli
a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f
a=rtpmap:103 rtx/90000
a=fmtp:103 apt=102
a=rtpmap:104 H264/90000
a=fmtp:104 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42e01f
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 0.0.0.0
a=ice-ufrag:8hhY
a=ice-pwd:asd88fgpdd777uzjYhagZg
a=fingerprint:sha-256 {SHA256}
a=setup:actpass
a=mid:2
a=sctp-port:5000
a=max-message-size:262144
"""

FIREFOX = f"""v=0
o=mozilla...THIS_IS_SDPARTA-99.0 5129012409358938434 0 IN IP4 0.0.0.0
s=-
t=0 0
a=fingerprint:sha-256 {SHA256}
a=group:BUNDLE 0 1
a=ice-options:trickle
a=msid-semantic:WMS *
m=audio 9 UDP/TLS/RTP/SAVPF 109 9 0 8 101
c=IN IP4 0.0.0.0
a=sendrecv
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=fmtp:109 maxplaybackrate=48000;stereo=1;useinbandfec=1
a=fmtp:101 0-15
a=ice-pwd:3baabd0a3ae6d0a4b1ef0b1b1c28c1c8
a=ice-ufrag:5d0b9d1c
a=mid:0
a=rtcp-mux
a=rtpmap:109 opus/48000/2
a=rtpmap:9 G722/8000/1
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000/1
a=setup:actpass
a=ssrc:1234 cname:{{c8bc3d20-7fbb}}
m=video 0 UDP/TLS/RTP/SAVPF 126 97
c=IN IP4 0.0.0.0
a=bundle-only
a=sendrecv
a=fmtp:126 profile-level-id=42e01f;level-asymmetry-allowed=1;packetization-mode=1
a=fmtp:97 profile-level-id=42e01f;level-asymmetry-allowed=1
a=ice-pwd:3baabd0a3ae6d0a4b1ef0b1b1c28c1c8
a=ice-ufrag:5d0b9d1c
a=mid:1
a=rtcp-fb:126 nack
a=rtcp-fb:97 ccm fir
a=rtcp-mux
a=rtpmap:126 H264/90000
a=rtpmap:97 H264/90000
a=setup:actpass
"""

ASTERISK = f"""v=0
o=- 1502470 1502470 IN IP4 198.18.0.3
s=Asterisk
c=IN IP4 198.18.0.3
t=0 0
m=audio 14326 UDP/TLS/RTP/SAVP 8 0 101
a=connection:new
a=setup:actpass
a=fingerprint:SHA-256 {SHA256}
a=rtpmap:8 PCMA/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16
a=ptime:20
a=maxptime:150
a=sendrecv
a=rtcp-mux
"""

FREESWITCH = f"""v=0
o=FreeSWITCH 1700000000 1700000001 IN IP4 198.18.0.3
s=FreeSWITCH
c=IN IP4 198.18.0.3
t=0 0
a=msid-semantic: WMS aBcD
m=audio 23456 UDP/TLS/RTP/SAVPF 8 0 101 13
a=rtpmap:8 PCMA/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=rtpmap:13 CN/8000
a=fingerprint:sha-256 {SHA256.lower()}
a=setup:actpass
a=rtcp-mux
a=rtcp:23456 IN IP4 198.18.0.3
a=ssrc:1111 cname:xx
a=ssrc:1111 msid:aBcD a0
a=ptime:20
a=sendrecv
"""

PJSIP = f"""v=0
o=- 3912345678 3912345678 IN IP4 198.18.0.3
s=pjmedia
b=AS:117
t=0 0
a=X-nat:0
m=audio 4000 UDP/TLS/RTP/SAVP 96 8 0 120
c=IN IP4 198.18.0.3
b=TIAS:96000
a=setup:active
a=fingerprint:SHA-1 {SHA1}
a=fingerprint:SHA-256 {SHA256}
a=rtcp-mux
a=rtpmap:96 speex/16000
a=rtpmap:8 PCMA/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:120 telephone-event/8000
a=fmtp:120 0-16
a=ssrc:1 cname:aa
"""

BARESIP = f"""v=0
o=- 2890 1 IN IP4 198.18.0.3
s=-
c=IN IP4 198.18.0.3
t=0 0
a=tool:baresip 2.0.1
m=audio 10010 UDP/TLS/RTP/SAVPF 8 0
b=AS:125
a=rtpmap:8 PCMA/8000
a=rtpmap:0 PCMU/8000
a=rtcp:10011
a=rtcp-mux
a=sendrecv
a=label:1
a=rtcp-rsize
a=ssrc:3 cname:sip:a@b
a=ptime:20
a=fingerprint:SHA-256 {SHA256}
a=setup:actpass
"""


def plain(*lines, session=(), address="IN IP4 198.18.0.3", port=40000, proto="UDP/TLS/RTP/SAVP"):
    """A small offer of one audio line: `session` and `lines` are what varies."""
    text = ["v=0", f"o=- 1 1 {address}", "s=-", f"c={address}", "t=0 0", *session,
            f"m=audio {port} {proto} 8 0", *lines]
    return "\n".join(text) + "\n"


def dtls(*fingerprints, setup="actpass", mux=True):
    return [*(f"a=fingerprint:{f}" for f in fingerprints), f"a=setup:{setup}", *(["a=rtcp-mux"] if mux else [])]


GOOD = f"sha-256 {SHA256}"
# name, offer, hash of the answer, its setup
ANSWERED = [
    ("Chrome", CHROME, "sha-256", "passive"),
    ("Firefox", FIREFOX, "sha-256", "passive"),
    ("Asterisk", ASTERISK, "sha-256", "passive"),
    ("FreeSWITCH", FREESWITCH, "sha-256", "passive"),
    ("pjsip", PJSIP, "sha-256", "passive"),
    ("baresip", BARESIP, "sha-256", "passive"),
    ("fingerprint and setup for the session", plain("a=rtcp-mux", session=dtls(GOOD, mux=False)), "sha-256", "passive"),
    ("a medium's own before the session's", plain(*dtls(f"sha-512 {SHA512}"), session=dtls(GOOD, mux=False)), "sha-512", "passive"),
    ("md5 beside a good one", plain(*dtls(f"md5 {MD5}", GOOD)), "sha-256", "passive"),
    ("unknown hash beside a good one", plain(*dtls("sha3-256 " + SHA256, GOOD)), "sha-256", "passive"),
    ("SHA-384 alone", plain(*dtls(f"SHA-384 {SHA384}")), "sha-384", "passive"),
    ("two by one hash", plain(*dtls(f"sha-256 {OTHER256}", GOOD)), "sha-256", "passive"),
    ("setup passive", plain(*dtls(GOOD, setup="passive")), "sha-256", "active"),
    ("setup ACTIVE", plain(*dtls(GOOD, setup="ACTIVE")), "sha-256", "passive"),
    ("no setup", plain(f"a=fingerprint:{GOOD}", "a=rtcp-mux"), "sha-256", "passive"),
    ("IPv6", plain(*dtls(GOOD), address="IN IP6 2001:db8:18::3"), "sha-256", "passive"),
    ("attributes in another order", plain("a=rtcp-mux", "a=ptime:20", "a=sendrecv", "a=rtpmap:0 PCMU/8000", f"a=fingerprint:{GOOD}",
                                          "a=rtpmap:8 pcma/8000", "a=setup:actpass"), "sha-256", "passive"),
    ("a line without end", plain(*dtls(GOOD)).rstrip("\n"), "sha-256", "passive"),
    ("audio second", plain(*dtls(GOOD)).replace("m=audio", "m=image 5000 udptl t38\nm=text 5002 RTP/AVP 98\nm=audio"),
     "sha-256", "passive"),
    ("a second audio, and a third", plain(*dtls(GOOD)) + "m=audio 0 RTP/AVP 8\nm=audio 40004 UDP/TLS/RTP/SAVP 8\n" +
     "\n".join(dtls(GOOD)) + "\n", "sha-256", "passive"),
    ("no mux on video", plain(*dtls(GOOD)) + "m=video 40004 UDP/TLS/RTP/SAVPF 99\na=rtpmap:99 H264/90000\n" +
     "\n".join(dtls(GOOD, mux=False)) + "\n", "sha-256", "passive"),
    ("held", plain("a=inactive", *dtls(GOOD)), "sha-256", "passive"),
]

# name, offer, words of the refusal
REFUSED = [
    ("SHA-1 alone", plain(*dtls(f"sha-1 {SHA1}")), "hash"),
    ("md5 alone", plain(*dtls(f"md5 {MD5}")), "fingerprint"),
    ("no fingerprint", plain("a=setup:actpass", "a=rtcp-mux"), "fingerprint"),
    ("a short fingerprint", plain(*dtls("sha-256 " + SHA256[:-3])), ""),
    ("a long fingerprint", plain(*dtls("sha-256 " + SHA256 + ":AA")), ""),
    ("no rtcp-mux", plain(*dtls(GOOD, mux=False)), "rtcp-mux"),
    ("holdconn", plain(*dtls(GOOD, setup="holdconn")), "holdconn"),
    ("a setup that is none", plain(*dtls(GOOD, setup="maybe")), ""),
    ("port 0", plain(*dtls(GOOD), port=0), "audio"),
    ("port 70000", plain(*dtls(GOOD), port=70000), ""),
    ("multicast", plain(*dtls(GOOD), address="IN IP4 224.2.1.1/127"), "address"),
    ("a name for an address", plain(*dtls(GOOD), address="IN IP4 phone.example.org"), ""),
    ("0.0.0.0 without ICE", plain(*dtls(GOOD), address="IN IP4 0.0.0.0"), "address"),
    ("in the clear", plain(proto="RTP/AVP"), "protected"),
    ("SDES", plain("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz", proto="RTP/SAVP"), ""),
    ("no medium", "v=0\no=- 1 1 IN IP4 198.18.0.3\ns=-\nt=0 0\n", "audio"),
    ("nothing", "", ""),
    ("not SDP", "INVITE sip:x SIP/2.0\n", ""),
    ("NUL inside", plain(*dtls(GOOD)).replace("s=-", "s=\0"), ""),
    ("a thousand lines", plain(*dtls(GOOD)) + "m=audio 40002 UDP/TLS/RTP/SAVP 8\n" * 1000, ""),
    ("a megabyte of attribute", plain("a=x:" + "y" * 1000000, *dtls(GOOD)), ""),
    ("bundle-only without a group", plain("a=bundle-only", *dtls(GOOD), port=0), "audio"),
    ("bundle-only alone in its group", plain("a=bundle-only", "a=mid:a", *dtls(GOOD), port=0,
                                             session=["a=group:BUNDLE a"]), "audio"),
    ("bundle-only with a line that is refused", plain("a=bundle-only", "a=mid:a", *dtls(GOOD), port=0,
                                                      session=["a=group:BUNDLE v a"]).replace(
        "m=audio", "m=text 40002 RTP/AVP 98\na=mid:v\nm=audio"), "audio"),
]


def sections(sdp):
    """Session lines, and the lines of each medium."""
    parts, out = re.split(r"(?m)^(?=m=)", sdp.replace("\r\n", "\n")), []
    for part in parts:
        out.append([line for line in part.split("\n") if line])
    return out[0], out[1:]


def attribute(lines, name):
    return [line.split(":", 1)[1] if ":" in line else "" for line in lines
            if line == f"a={name}" or line.startswith(f"a={name}:")]


def judge_line(c, what, offer, answer, group):
    """One medium of the answer against that of the offer."""
    o, a = offer[0][2:].split(" "), answer[0][2:].split(" ")
    c.equal(f"{what}: medium and protocol", (a[0], a[2]), (o[0], o[2]))
    if a[1] == "0":
        return False
    c.check(f"{what}: formats are some of the offered", set(a[3:]) <= set(o[3:]) and a[3:], answer[0])
    offered_mid = attribute(offer, "mid")
    c.equal(f"{what}: the mid is the offered one", attribute(answer, "mid"), offered_mid)
    maps = {m.split(" ")[0]: m.split(" ", 1)[1].lower() for m in attribute(offer, "rtpmap")}
    for line in attribute(answer, "rtpmap"):
        number, codec = line.split(" ", 1)
        if number in maps:
            c.equal(f"{what}: the codec of {number}", codec.lower().removesuffix("/1"), maps[number].removesuffix("/1"))
    direction = next((d for d in ("sendrecv", "sendonly", "recvonly", "inactive") if attribute(offer, d)), "sendrecv")
    mirror = {"sendonly": "recvonly", "recvonly": "sendonly"}.get(direction, direction)
    if o[0] != "application":
        said = next((d for d in ("sendrecv", "sendonly", "recvonly", "inactive") if attribute(answer, d)), "sendrecv")
        c.equal(f"{what}: direction", said, mirror)
    if offered_mid and offered_mid[0] in group:
        return True
    c.equal(f"{what}: no attribute of the transport twice", [n for n in ("setup", "rtcp-mux", "fingerprint", "ice-ufrag")
                                                            if len(attribute(answer, n)) > 1], [])
    return True


def judge(c, what, offer, answer, wanted_hash, setup):
    offered_session, offered = sections(offer)
    session, media = sections(answer)
    c.equal(f"{what}: as many lines as offered", len(media), len(offered))
    offered_group = (attribute(offered_session, "group") or [""])[0].split(" ")[1:]
    group = (attribute(session, "group") or [""])[0].split(" ")[1:]
    c.check(f"{what}: the group is some of the offered one", set(group) <= set(offered_group), group)
    taken = [judge_line(c, f"{what}, line {i}", o, a, group) for i, (o, a) in enumerate(zip(offered, media))]
    first = next(m for m, is_taken in zip(media, taken) if is_taken)
    everything = session + first
    fingerprints = attribute(everything, "fingerprint")
    c.equal(f"{what}: one fingerprint by the right hash", [f.split(" ")[0] for f in fingerprints], [wanted_hash])
    c.check(f"{what}: as RFC 8122 writes it", re.fullmatch(r"[0-9A-F]{2}(:[0-9A-F]{2})+", fingerprints[0].split(" ")[1]), fingerprints)
    c.equal(f"{what}: the role", attribute(everything, "setup"), [setup])
    c.equal(f"{what}: rtcp-mux", len(attribute(first, "rtcp-mux")), 1)
    ports = {a[0].split(" ")[1] for a, o, t in zip(media, offered, taken)
             if t and attribute(o, "mid") and attribute(o, "mid")[0] in group}
    c.check(f"{what}: the lines of the group share a port", len(ports) <= 1, ports)
    c.equal(f"{what}: ICE where it was offered", bool(attribute(first, "ice-ufrag")), bool(attribute(offered[0], "ice-ufrag")))


def refused(c, what, control, words, method, **params):
    try:
        result = control.call(method, **params)
        c.check(f"refused: {what}", False, result)
    except sluice_lab.RpcError as error:
        c.check(f"refused: {what}", words in str(error), str(error))


def wrong_requests(c, control, h323):
    """What an operator's program may ask that cannot be done; nothing is begun by it."""
    offer = plain(*dtls(GOOD))
    for what, words, params in [
            ("no conference", "conference", {"sdp": offer}),
            ("an unknown conference", "conference", {"conference": "nobody", "sdp": offer}),
            ("an unknown listener", "listener", {"conference": "offers", "listener": "nobody", "sdp": offer}),
            ("a policy that is none", "dtls", {"conference": "offers", "dtls": "perhaps", "sdp": offer}),
            ("a mode that is none", "mode", {"conference": "offers", "mode": "perhaps", "sdp": offer}),
            ("a number for a description", "sdp", {"conference": "offers", "sdp": 17}),
            ("an unknown parameter", "colour", {"conference": "offers", "sdp": offer, "colour": "red"}),
            ("a name with a NUL", "", {"conference": "off\0ers", "sdp": offer}),
            ("pass-through without protection", "", {"conference": "offers", "mode": "passthrough", "dtls": "off", "sdp": offer})]:
        refused(c, what, control, words, "session.create", **params)
    refused(c, "an answer for nobody", control, "no session", "session.answer", id=999999, sdp=offer)
    refused(c, "an update of an H.323 session", control, "", "session.update", id=h323, sdp=offer)
    refused(c, "an answer for an H.323 session", control, "", "session.answer", id=h323, sdp=offer)


def wrong_dialogs(c, lab, control):
    """Descriptions that come out of turn, or that do not fit the one before; each leg is as it was after them."""
    offer = plain(*dtls(GOOD))
    leg = control.call("session.create", conference="offers", sdp=offer)["id"]

    def ports():
        return [t["local"] for t in lab.call("session.get", id=leg)["transports"]
                if t["association"] and t["association"]["state"] != "closed"]
    before = ports()
    refused(c, "an answer without an offer", control, "offer", "session.answer", id=leg, sdp=offer)
    refused(c, "a later offer without a fingerprint", control, "fingerprint", "session.update", id=leg,
            sdp=plain("a=setup:actpass", "a=rtcp-mux"))
    refused(c, "a later offer in the clear", control, "protected", "session.update", id=leg, sdp=plain(proto="RTP/AVP"))
    c.equal("a refused offer changes nothing", ports(), before)
    moved = control.call("session.update", id=leg, sdp=plain(*dtls(f"sha-256 {OTHER256}")))
    judge(c, "another certificate", plain(*dtls(f"sha-256 {OTHER256}")), moved["sdp"], "sha-256", "passive")
    c.check("another certificate is another association", set(ports()).isdisjoint(before), (before, ports()))
    control.call("session.close", id=leg)

    ours = control.call("session.create", conference="offers")
    leg = ours["id"]
    refused(c, "a second offer of ours", control, "offer", "session.update", id=leg)
    refused(c, "their offer while ours is out", control, "offer", "session.update", id=leg, sdp=offer)
    refused(c, "an answer with more lines", control, "media", "session.answer", id=leg,
            sdp=offer + "m=video 40002 UDP/TLS/RTP/SAVPF 97\n")
    refused(c, "an answer with other lines", control, "media", "session.answer", id=leg, sdp=offer.replace("m=audio", "m=video"))
    refused(c, "an answer in the clear", control, "", "session.answer", id=leg, sdp=plain(proto="RTP/AVP"))
    refused(c, "an answer that is actpass and nothing", control, "fingerprint", "session.answer", id=leg,
            sdp=plain("a=setup:actpass", "a=rtcp-mux"))
    control.call("session.answer", id=leg, sdp=plain(*dtls(GOOD, setup="active")))
    c.check("a better answer is taken after them", lab.call("session.get", id=leg)["state"] == "active")
    refused(c, "a second answer", control, "offer", "session.answer", id=leg, sdp=plain(*dtls(GOOD, setup="active")))
    control.call("session.close", id=leg)


def main():
    sluice_lab.enter_network()
    c = sluice_lab.Checks()

    def settings(config):
        config["conferences"].append({"alias": "offers", "data": "terminate"})

    with sluice_lab.Lab("offers", settings) as lab:
        lab.start()
        anna, bert = lab.pair(["--stay", "--loop", "--timeout", "100"], ["--stay", "--loop", "--timeout", "100"])
        anna.wait_event("heard")
        control = lab.control()
        for name, offer, wanted_hash, setup in ANSWERED:
            for end in ("\r\n", "\n"):
                try:
                    created = control.call("session.create", conference="offers", sdp=offer.replace("\n", end))
                except sluice_lab.RpcError as error:
                    c.check(f"{name}: taken", False, str(error))
                    continue
                if end == "\r\n":
                    judge(c, name, offer, created["sdp"], wanted_hash, setup)
                control.call("session.close", id=created["id"])
        for name, offer, words in REFUSED:
            try:
                control.call("session.create", conference="offers", sdp=offer)
                c.check(f"refused: {name}", False)
            except sluice_lab.RpcError as error:
                c.check(f"refused: {name}", words in str(error) and len(str(error)) < 400, str(error))
            except sluice_lab.LabError as error:  # larger than a line of the socket may be: it is closed
                c.check(f"refused: {name}", "megabyte" in name, str(error))
                control = lab.control()
        wrong_requests(c, control, lab.sessions()[0]["id"])
        wrong_dialogs(c, lab, control)
        c.equal("only the call beside them is left", lab.wait_sessions(2), 2)
        for endpoint in (anna, bert):
            endpoint.signal(2)
            report = endpoint.report()
            c.equal(f"{endpoint.name} has lost nothing", report["media"]["lost"] if "media" in report else report.get("lost"), 0)
        c.equal("nothing is left", lab.wait_sessions(0), 0)
        c.equal("no port is left", lab.call("server.stats")["media"]["ports_open"], 0)
    c.finish()


if __name__ == "__main__":
    main()
