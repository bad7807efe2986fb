"""Legs by SDP with plain RTP, of sockets of this process: members of conferences that send exactly
what a test wants them to, where sluice-endpoint is too well-behaved.

    leg = sluice_leg.Leg(lab, "hall", "198.18.0.3")
    leg.talk(seconds=2)                    # a tone, packet by packet at its pace
    leg.send(payload_type=99, payload=b"x" * 160)
    leg.wait_packets(50)

Only inside the lab's network: sockets are made in its namespace `ends`."""
import ctypes
import os
import re
import socket
import struct
import threading
import time

import sluice_lab

CLONE_NEWNET = 0x40000000
FRAME = 160  # samples and octets of 20 ms of G.711
NAMES = {0: "PCMU/8000", 8: "PCMA/8000", 9: "G722/8000", 101: "telephone-event/8000", 111: "opus/48000/2"}


def socket_at(ip, port=0, namespace="ends"):
    """A UDP socket in a namespace of the lab: a socket stays in the one that it was made in, so its
    thread goes there for a moment."""
    made = []

    def make():
        with open(os.path.join(os.environ["SLUICE_NETNS"], namespace), "rb") as there:
            if ctypes.CDLL(None, use_errno=True).setns(there.fileno(), CLONE_NEWNET) != 0:
                made.append(OSError(ctypes.get_errno(), "setns"))
                return
        try:
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            s.bind((ip, port))
            made.append(s)
        except OSError as error:
            made.append(error)

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    if isinstance(made[0], OSError):
        raise made[0]
    return made[0]


def pair_at(ip):
    """Sockets on an even port and the one above it (RTP and RTCP)."""
    for _ in range(100):
        rtp = socket_at(ip)
        port = rtp.getsockname()[1]
        if port % 2 == 0:
            try:
                return rtp, socket_at(ip, port + 1)
            except OSError:
                pass
        rtp.close()
    raise sluice_lab.LabError(f"no pair of ports is free at {ip}")


def tone(n, level=3000, hz=400):
    """The n-th frame of 20 ms of a tone that pulses like syllables, in A-law: steady noise would not
    count as speech."""
    import math
    out = bytearray()
    for i in range(n * FRAME, (n + 1) * FRAME):
        swell = 0.5 + 0.5 * math.sin(2 * math.pi * 4 * i / 8000)
        out.append(alaw(int(level * 2 * swell * math.sin(2 * math.pi * hz * i / 8000))))
    return bytes(out)


def alaw(sample):
    """G.711, of 16 bits."""
    sign, x = (0x80, sample) if sample >= 0 else (0, -sample - 1)
    x = min(x, 32767) >> 4
    if x < 32:
        return (sign | x >> 1) ^ 0x55
    exponent = x.bit_length() - 5
    return (sign | exponent << 4 | (x >> exponent & 15)) ^ 0x55


class Packet:
    """An RTP packet as it came."""

    def __init__(self, data):
        first, second, self.sequence, self.timestamp, self.ssrc = struct.unpack("!BBHII", data[:12])
        self.version, self.payload_type, self.marker = first >> 6, second & 127, second >> 7
        self.payload = data[12:]


class Leg:
    """One member. `offers`: payload types in order of preference."""

    def __init__(self, lab, conference, ip=sluice_lab.ENDPOINT_IPS[0], offers=(8,), ssrc=None, control=None):
        self.lab, self.ip = lab, ip
        self.rtp, self.rtcp = pair_at(ip)
        self.port = self.rtp.getsockname()[1]
        self.offer = self.describe(offers)
        call = control.call if control else lab.call
        try:
            made = call("session.create", conference=conference, sdp=self.offer)
        except sluice_lab.RpcError:
            self.rtp.close()
            self.rtcp.close()
            raise
        self.id, self.answer = made["id"], made["sdp"]
        m = re.search(r"^m=audio (\d+) \S+ (.*)$", self.answer, re.M)
        address = re.search(r"^c=IN IP4 (\S+)", self.answer, re.M).group(1)
        self.there = (address, int(m.group(1)))
        self.payload_type = int(m.group(2).split()[0])
        self.sequence, self.timestamp = 1000, 16000
        self.ssrc = ssrc if ssrc is not None else 0x51000000 + self.port
        self.packets, self.changed = [], threading.Condition()
        self.rtp.settimeout(0.2)
        self.is_over = False
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def describe(self, offers):
        lines = ["v=0", f"o=- 1 1 IN IP4 {self.ip}", "s=-", f"c=IN IP4 {self.ip}", "t=0 0",
                 f"m=audio {self.port} RTP/AVP {' '.join(map(str, offers))}"]
        lines += [f"a=rtpmap:{pt} {NAMES[pt]}" for pt in offers]
        return "\r\n".join(lines) + "\r\n"

    def _read(self):
        while not self.is_over:
            try:
                data = self.rtp.recv(2048)
            except socket.timeout:
                continue
            except OSError:
                return
            if len(data) < 12:
                continue
            with self.changed:
                self.packets.append(Packet(data))
                self.changed.notify_all()

    def send(self, payload=None, payload_type=None, ssrc=None, sequence=None, timestamp=None, marker=0):
        """One packet; what is not given goes on from the last one."""
        payload = tone(self.sequence) if payload is None else payload
        head = struct.pack("!BBHII", 0x80, marker << 7 | (self.payload_type if payload_type is None else payload_type),
                           (self.sequence if sequence is None else sequence) & 0xffff,
                           (self.timestamp if timestamp is None else timestamp) & 0xffffffff,
                           self.ssrc if ssrc is None else ssrc)
        self.rtp.sendto(head + payload, self.there)
        self.sequence += 1
        self.timestamp += FRAME

    def talk(self, seconds, speed=1.0, **packet):
        """A tone at its pace (the pace is what is asked for, not a wait for anything)."""
        talk([self], seconds, speed, **packet)

    def wait_packets(self, count, seconds=10, match=lambda p: True):
        """`count` more packets that match, from now on."""
        end = time.monotonic() + seconds * sluice_lab.PATIENCE
        with self.changed:
            start = len(self.packets)
            while True:
                found = [p for p in self.packets[start:] if match(p)]
                if len(found) >= count:
                    return found
                left = end - time.monotonic()
                if left <= 0:
                    raise sluice_lab.LabError(f"leg {self.id}: {len(found)} of {count} packets within {seconds} s")
                self.changed.wait(left)

    def wait_untaken(self, count, seconds):
        """Until so many packets are there to be taken, or the time is over (which is for the caller to judge)."""
        with self.changed:
            return self.changed.wait_for(lambda: len(self.packets) >= count, seconds)

    def take(self):
        """What has come since the last time."""
        with self.changed:
            got, self.packets = self.packets, []
            return got

    def leave(self):
        """Closes the session and the sockets; a session that is over already is none of its affairs."""
        try:
            self.lab.call("session.close", id=self.id)
        except sluice_lab.RpcError:
            pass
        self.vanish()

    def vanish(self):
        """Only the sockets: the server is told nothing."""
        self.is_over = True
        self.rtp.close()
        self.rtcp.close()


def talk(legs, seconds, speed=1.0, **packet):
    """All of them at a time, a frame each 20 ms / speed."""
    begin, n = time.monotonic(), 0
    while n < seconds * 50 * speed:
        for leg in legs:
            leg.send(**packet)
        n += 1
        ahead = begin + n * 0.02 / speed - time.monotonic()
        if ahead > 0:
            time.sleep(ahead)
