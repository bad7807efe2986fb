#!/usr/bin/env python3
"""A WebRTC peer, werift, with a data channel on a leg by SDP: 100,000 messages to an H.323 endpoint that echoes
them, whose side loses 2 % of the packets each way. SCTP ends in the server (RFC 8841, RFC 8832, RFC 8261)."""
# background
# timeout: 900
import json
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts", "lib"))
import sluice_lab  # noqa: E402

PEER = os.path.join(ROOT, "tests", "peers", "werift")
COUNT = 100000


def rows(config):
    config["conferences"].append({"alias": "data-1", "data": "terminate"})


def event(process, name, seconds=20, **fields):
    def find():
        for line in process.lines:
            entry = json.loads(line) if line.startswith("{") else {}
            if entry.get("event") == "error":
                raise sluice_lab.LabError(entry["text"])
            if entry.get("event") == name and all(entry.get(k) == v for k, v in fields.items()):
                return entry
        return None
    return process.wait_for(f"event {name}", find, seconds)


def numbers(c, lab):
    fifo = lab.path("werift.fifo")
    os.mkfifo(fifo)
    bert = lab.endpoint("bert", "--timeout", "880", "--data", "echo", "--data-loss", "2",
                        ip="198.18.0.4", call="data-1")
    bert.wait_event("data_up")
    werift = lab.run("werift", ["node", os.path.join(PEER, "data.js"), str(COUNT), "64", "500", fifo], "ends")
    pipe = open(fifo, "w", encoding="utf-8")
    result = lab.call("session.create", conference="data-1", sdp=event(werift, "offer")["sdp"])
    c.check("the answer has the data channel", "UDP/DTLS/SCTP webrtc-datachannel" in result["sdp"] and
            "a=sctp-port:5000" in result["sdp"] and "m=application 0 " not in result["sdp"], result["sdp"])
    pipe.write(json.dumps({"answer": result["sdp"]}) + "\n")
    pipe.flush()
    event(werift, "channel", state="open")
    report = event(werift, "report", 430)  # one message a packet: loss bounds the rate
    c.equal("all came back, whole and in order", [report[k] for k in ("back", "disorder", "wrong")], [COUNT, 0, 0])
    print(f"        {COUNT} messages there and back in {report['seconds']} s")
    lab.call("session.close", id=result["id"])
    pipe.close()
    bert.stop()
    lab.wait_sessions(0, 20)


def main():
    if not os.path.isdir(os.path.join(PEER, "node_modules", "werift")):
        print("werift is not installed: npm ci in tests/peers/werift")
        sys.exit(77)
    sluice_lab.enter_network()
    c = sluice_lab.Checks()
    with sluice_lab.Lab("werift-data", rows) as lab:
        lab.start()
        c.case("numbers", numbers, c, lab)
    c.finish()


if __name__ == "__main__":
    main()
