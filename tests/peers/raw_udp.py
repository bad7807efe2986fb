#!/usr/bin/env python3
"""Sends UDP datagrams from an address and port that another process has: what an attacker on the
network, or a confused peer, can do.

    raw_udp.py FROM PORT TO PORT [--rate N]     datagrams as lines of hexadecimal on standard input

Needs CAP_NET_RAW, which the test's network namespace gives. IPv4; without UDP checksum, which is
optional there (RFC 768). Prints `sent N`.
"""
import socket
import struct
import sys
import time


def datagram(source, source_port, to, port, payload):
    udp = struct.pack("!HHHH", source_port, port, 8 + len(payload), 0) + payload
    # The kernel fills in length, identification and checksum of the header.
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 0, 0, 0, 64, socket.IPPROTO_UDP, 0,
                         socket.inet_aton(source), socket.inet_aton(to))
    return header + udp


def main():
    source, source_port, to, port = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
    rate = float(sys.argv[6]) if sys.argv[5:6] == ["--rate"] else 0
    sent, began = 0, time.monotonic()
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
        for line in sys.stdin:
            raw.sendto(datagram(source, source_port, to, port, bytes.fromhex(line.strip())), (to, 0))
            sent += 1
            ahead = sent / rate - (time.monotonic() - began) if rate else 0
            if ahead > 0:
                time.sleep(ahead)  # a rate is what was asked for
    print("sent", sent)


if __name__ == "__main__":
    main()
