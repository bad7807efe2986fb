#!/usr/bin/python3
"""One side of a call made of GStreamer: dtlssrtpenc and dtlssrtpdec (OpenSSL and libsrtp2 behind them)
on one UDP port. Plays a file of A-law octets once the keys are there, writes what it hears.

Prints one JSON object a line: ready, keys, connected (with the certificate of the peer), played,
failed. Ends on SIGTERM; what was heard is whole then. Debian's own interpreter has the bindings.
"""
import argparse
import json
import signal
import sys

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gio, GLib, Gst  # noqa: E402


FRAME_NS = 20000000
FRAME_OCTETS = 160


def say(event, **more):
    print(json.dumps({"event": event, **more}), flush=True)


class Peer:
    def __init__(self, o):
        self.has_keys = False
        self.frames = self.first_ns = 0
        with open(o.play, "rb") as file:
            self.sound = file.read()
        self.pipeline = Gst.parse_launch(
            f"dtlssrtpdec name=dec connection-id=call "
            f"udpsrc name=src ! dec. "
            f"dec.rtp_src ! application/x-rtp,media=audio,clock-rate=8000,encoding-name=PCMA,payload=8 "
            f"! rtppcmadepay ! filesink name=heard location={o.record} sync=false async=false "
            f"dec.rtcp_src ! fakesink sync=false async=false "
            f"appsrc name=mic is-live=true format=time caps=audio/x-alaw,rate=8000,channels=1 "
            f"! rtppcmapay pt=8 min-ptime={FRAME_NS} max-ptime={FRAME_NS} "
            f"! enc.rtp_sink_0 dtlssrtpenc name=enc connection-id=call is-client={'true' if o.client else 'false'} "
            f"enc.src ! udpsink name=sink host={o.remote[0]} port={o.remote[1]} sync=false async=false")
        with open(o.pem, encoding="ascii") as file:
            self.element("dec").set_property("pem", file.read())
        self.share_socket(o.local)
        self.element("enc").connect("on-key-set", self.on_keys)
        self.element("dec").connect("notify::connection-state", self.on_state)
        bus = self.pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message::error", lambda _, m: say("failed", text=" ".join(map(str, m.parse_error()))))
        self.pipeline.set_state(Gst.State.PLAYING)

    def element(self, name):
        return self.pipeline.get_by_name(name)

    def share_socket(self, local):
        """Both directions on one port, as DTLS-SRTP wants it."""
        sock = Gio.Socket.new(Gio.SocketFamily.IPV4, Gio.SocketType.DATAGRAM, Gio.SocketProtocol.UDP)
        sock.bind(Gio.InetSocketAddress.new(Gio.InetAddress.new_from_string(local[0]), local[1]), False)
        for name in ("src", "sink"):
            self.element(name).set_property("socket", sock)
            self.element(name).set_property("close-socket", False)

    def on_keys(self, _enc):
        if not self.has_keys:
            self.has_keys = True
            say("keys")
            GLib.idle_add(self.begin)

    def begin(self):
        """The sound's time begins now."""
        self.first_ns = self.pipeline.get_clock().get_time() - self.pipeline.get_base_time()
        GLib.timeout_add(FRAME_NS // 1000000, self.play_frame)
        return False

    def play_frame(self):
        """20 ms of sound, every 20 ms."""
        octets = self.sound[self.frames * FRAME_OCTETS:(self.frames + 1) * FRAME_OCTETS]
        if len(octets) < FRAME_OCTETS:
            say("played")
            return False
        buffer = Gst.Buffer.new_wrapped(octets)
        buffer.pts = self.first_ns + self.frames * FRAME_NS
        buffer.duration = FRAME_NS
        self.element("mic").emit("push-buffer", buffer)
        self.frames += 1
        return True

    def on_state(self, dec, _property):
        state = dec.get_property("connection-state").value_nick
        say(state, certificate=dec.get_property("peer-pem") if state == "connected" else None)


def address(text):
    host, port = text.rsplit(":", 1)
    return host, int(port)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--local", type=address, required=True)
    parser.add_argument("--remote", type=address, required=True)
    parser.add_argument("--client", action="store_true", help="begin the handshake")
    parser.add_argument("--pem", required=True, help="certificate and key")
    parser.add_argument("--play", required=True, help="A-law octets")
    parser.add_argument("--record", required=True, help="likewise, what is heard")
    Gst.init(None)
    peer = Peer(parser.parse_args())
    loop = GLib.MainLoop()
    GLib.unix_signal_add(GLib.PRIORITY_DEFAULT, signal.SIGTERM, loop.quit)
    say("ready")
    loop.run()
    peer.pipeline.set_state(Gst.State.NULL)


if __name__ == "__main__":
    sys.exit(main())
