#!/usr/bin/env python3
"""Several a=fingerprint lines (RFC 8122 5 and 5.1) of a leg by SDP: of those by the strongest hash that the policy
takes any one lets the peer in, in whichever place and level of the description it stands; by none of
them, or by another hash alone, it gets no keys. The peer is one that never sees what its SIP server has
added."""
# timeout: 120
import json
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts", "lib"))
import sluice_lab  # noqa: E402

LINE = re.compile(r"a=fingerprint:sha-256 ([0-9A-F:]+)\r\n")


def other(value, n):
    """A fingerprint that nobody has."""
    return f"{int(value[:2], 16) ^ n:02X}" + value[2:]


def sha256(value):
    return f"a=fingerprint:sha-256 {value}\r\n"


def before_others(sdp, own):
    return LINE.sub(sha256(own) + sha256(other(own, 1)), sdp)


def behind_others(sdp, own):
    return LINE.sub("".join(sha256(other(own, n)) for n in (1, 2, 3)) + sha256(own), sdp)


def beside_other_hashes(sdp, own):
    """SHA-1 is not taken, and an unknown hash says nothing."""
    return LINE.sub("a=fingerprint:sha-1 " + own[:59] + "\r\na=fingerprint:sha3-256 " + own + "\r\n"
                    + sha256(other(own, 1)) + sha256(own), sdp)


def of_the_session(sdp, own):
    """Two at session level, for a medium that has none."""
    return LINE.sub("", sdp).replace("t=0 0\r\n", "t=0 0\r\n" + sha256(other(own, 1)) + sha256(own))


def of_the_medium(sdp, own):
    """The medium's count, and not the session's."""
    return sdp.replace("t=0 0\r\n", "t=0 0\r\n" + sha256(other(own, 1)) + sha256(other(own, 2)))


def none_of_them(sdp, own):
    return LINE.sub(sha256(other(own, 1)) + sha256(other(own, 2)), sdp)


def the_session_s_alone(sdp, own):
    """Right at session level, but the medium has others."""
    return LINE.sub(sha256(other(own, 1)), sdp).replace("t=0 0\r\n", "t=0 0\r\n" + sha256(own))


def begin(lab, control, name, change):
    peer = lab.endpoint(name, "--sdp", "--play", sluice_lab.tone_pair()[0], "--loop", "--start", "now",
                        "--timeout", "40", call=None, fifo=True)
    offer = peer.wait_event("sdp_offer")["sdp"]
    made = control.call("session.create", conference="demo",
                        sdp=change(offer, LINE.search(offer).group(1)))
    peer.tell("answer " + json.dumps(made["sdp"]))
    return peer, offer, made


def taken(c, lab, control, what, change):
    peer, offer, made = begin(lab, control, what, change)
    control.wait_event("media.keyed", 10, lambda e: e.get("session") == made["id"])
    association = lab.call("session.get", id=made["id"])["transports"][0]["association"]
    own = LINE.search(offer).group(1)
    c.equal(f"{what}: verified, by its own", (association["fingerprint_verified"],
                                              association["peer_fingerprint"]["value"]), (True, own))
    # It has shown its certificate: a description without that is of another association.
    again = control.call("session.update", id=made["id"], sdp=change(offer, own))
    port = re.search("m=audio (\\d+)", made["sdp"]).group(1)
    c.equal(f"{what}: the same offer goes on", re.search("m=audio (\\d+)", again["sdp"]).group(1), port)
    anew = control.call("session.update", id=made["id"], sdp=LINE.sub(sha256(other(own, 1)), offer))
    c.check(f"{what}: one without it begins anew", re.search("m=audio (\\d+)", anew["sdp"]).group(1) != port,
            anew["sdp"])
    control.call("session.close", id=made["id"])
    peer.stop()
    c.equal(f"{what}: no session is left", lab.wait_sessions(0), 0)


def refused(c, lab, control, what, change):
    peer, _, made = begin(lab, control, what, change)
    failed = control.wait_event("dtls.failed", 15, lambda e: e.get("session") == made["id"])
    c.equal(f"{what}: reason", failed["data"]["reason"], "fingerprint_mismatch")
    closed = control.wait_event("session.closed", 15, lambda e: e.get("session") == made["id"])
    c.equal(f"{what}: cause", closed["data"]["cause"], "dtls_failed")
    peer.stop()
    c.equal(f"{what}: no session is left", lab.wait_sessions(0), 0)


def main():
    sluice_lab.enter_network()
    c = sluice_lab.Checks()
    with sluice_lab.Lab("sdp-fingerprints") as lab:
        lab.start()
        control = lab.control()
        control.call("events.subscribe", types=["session.closed", "media.keyed", "dtls.failed"])
        for change in (before_others, behind_others, beside_other_hashes, of_the_session, of_the_medium):
            c.case(change.__name__, taken, c, lab, control, change.__name__, change)
        for change in (none_of_them, the_session_s_alone):
            c.case(change.__name__, refused, c, lab, control, change.__name__, change)
    c.finish()


if __name__ == "__main__":
    main()
