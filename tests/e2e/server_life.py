#!/usr/bin/env python3
"""sluiced's own life: what session.get tells of a call, session.close, SIGHUP with good and bad
files, counters that return to zero (R-CALL), and a SIGTERM in the middle of calls, where every peer
gets EndSession, ReleaseComplete and a close alert, within the configured time."""
# timeout: 240
import json
import os
import signal
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts", "lib"))
import sluice_lab  # noqa: E402

STAY = ["--stay", "--loop", "--stats", "--timeout", "60"]


def running_call(lab):
    """A call in which media run both ways, as the endpoints and the server see it: an endpoint may
    hear the first packet before the data plane has told the server of it."""
    watch = lab.control()
    watch.call("events.subscribe")
    endpoints = lab.pair(STAY, STAY)
    for endpoint in endpoints:
        endpoint.wait_event("first_packet", 15)
    told = set()
    while len(told) < len(endpoints):
        event = watch.wait_event("media.first_packet", 15,
                                 lambda e: e["data"]["direction"] == "in")
        told.add(event["session"])
    watch.close()
    return endpoints


def wait_closed(lab, watch, count):
    for _ in range(count):
        watch.wait_event("session.closed", 15)


def goodbyes(c, what, endpoints, capture, path):
    """Who was sent a DTLS alert record is told by the wire: an endpoint that hears EndSession first
    closes its association by itself, and does not wait for ours."""
    reports = [endpoint.report() for endpoint in endpoints]
    alert = f"ip.src == {sluice_lab.MEDIA_IP4} and udp.payload[0:3] == 15:fe:fd"
    everybody = sluice_lab.ENDPOINT_IPS[:len(endpoints)]
    sluice_lab.wait_captured(path, *[f"{alert} and ip.dst == {ip}" for ip in everybody])
    capture.stop(5)
    c.equal(f"{what}: a close alert to everybody",
            {line[0] for line in sluice_lab.tshark(path, alert, "ip.dst")}, set(everybody))
    for endpoint, report in zip(endpoints, reports):
        c.check(f"{what}, {endpoint.name}: EndSession", report["end_session"], report["failure"])
        c.check(f"{what}, {endpoint.name}: ReleaseComplete", report["release"]["released"],
                report["release"])


def told_by_json(c, lab):
    watch = lab.control()
    watch.call("events.subscribe")
    capture = lab.capture("close.pcap", namespace="ends", what="udp")
    endpoints = running_call(lab)
    for listed in lab.sessions():
        found = lab.call("session.get", id=listed["id"])
        transport = found["transports"][0]
        line = found["timeline"]
        who = f"session {found['id']}"
        c.equal(f"{who}: channels", sorted(ch["direction"] for ch in found["channels"]),
                ["incoming", "outgoing"])
        c.equal(f"{who}: association", transport["association"]["state"], "keyed")
        c.check(f"{who}: verified", transport["association"]["fingerprint_verified"])
        c.check(f"{who}: every step has its time, in order",
                line["setup"] <= line["connect"] <= line["h245"] <= line["tcs_in"]
                <= line["olc_in"] <= line["dtls"] <= line["keys"] <= line["first_packet_in"], line)
        c.check(f"{who}: packets counted", transport["packets_in"] + transport["packets_out"] > 0,
                transport)
        c.equal(f"{who}: dropped for auth", transport["drops"]["auth"], 0)
    c.equal("one conference", [k["name"] for k in lab.call("conference.list")["conferences"]],
            ["demo"])
    first = lab.sessions()[0]["id"]
    lab.call("session.close", id=first)
    closed = watch.wait_event("session.closed", 15, lambda e: e["session"] == first)
    c.equal("session.close: cause", closed["data"]["cause"], "operator")
    for listed in lab.sessions():
        lab.call("session.close", id=listed["id"])
    wait_closed(lab, watch, 1)
    goodbyes(c, "session.close", endpoints, *capture)
    try:
        lab.call("session.get", id=first)
        c.check("a closed session is not found", False)
    except sluice_lab.RpcError as error:
        c.equal("a closed session is not found", error.code, -32008)
    watch.close()


def back_to_zero(c, lab):
    """What calls have taken is given back. Not all of it at once: a peer's connection ends when the
    peer lets go of it, and no event tells of that."""
    def left(stats):
        now = {
            "sessions": stats["sessions_now"],
            "conferences": stats["conferences_now"],
            "ports": stats["media"]["ports_open"],
            "numbers": stats["media"]["numbers_in_use"],
            "associations": stats["media"]["shards"]["associations"],
            "transports": stats["data_plane"]["transports"],
            "connections": stats["tcp"]["connections"],
        }
        return {name: value for name, value in now.items() if value}

    stats = lab.wait_stats(lambda s: not left(s))
    c.equal("R-CALL: all counters are zero again", left(stats), {})
    c.equal("as many channels were closed as opened", stats["sessions"]["channels_closed"],
            stats["sessions"]["channels_opened"])
    workers = stats["data_plane"].pop("workers")
    c.equal("the workers' counters add up", {name: sum(w[name] for w in workers)
                                             for name in stats["data_plane"]}, stats["data_plane"])
    c.check("sessions were counted", stats["sessions"]["ended"]["operator"] >= 2, stats["sessions"])


def hangup(c, lab):
    with open(lab.config_path, encoding="utf-8") as file:
        good = file.read()
    mark = len(lab.server.lines)
    with open(lab.config_path, "w", encoding="utf-8") as file:
        file.write(good.replace('"relay"', '"no such kind"'))
    lab.server.signal(signal.SIGHUP)
    line = lab.server.wait_line("configuration refused", 10, mark)
    c.check("SIGHUP: a bad file is refused and the key named", "conferences[0].kind" in line, line)
    changed = json.loads(good)
    changed["log"]["level"] = "debug"
    with open(lab.config_path, "w", encoding="utf-8") as file:
        json.dump(changed, file)
    lab.server.signal(signal.SIGHUP)
    lab.server.wait_line("configuration read again", 10, mark)
    c.equal("SIGHUP: the log level holds", lab.call("log.get")["level"]
            if "level" in lab.call("log.get") else "debug", "debug")
    stats = lab.call("server.stats")
    c.equal("SIGHUP: counted", (stats["reloads"], stats["reloads_refused"]), (1, 1))


def reload(c, lab):
    """A new dial plan and a new policy hold for the next call, while one of the old goes on; what
    needs a restart is named."""
    endpoints = running_call(lab)
    with open(lab.config_path, encoding="utf-8") as file:
        good = file.read()
    changed = json.loads(good)
    changed["conferences"] = [{"alias": "tomorrow", "kind": "relay"}]
    changed["signalling"]["listeners"][0]["dtls"] = "off"
    changed["data_plane"]["memory_mb"] += 1
    with open(lab.config_path, "w", encoding="utf-8") as file:
        json.dump(changed, file)
    answer = lab.call("server.reload")
    c.equal("server.reload: taken", answer["taken"], True)
    c.equal("server.reload: what changed", sorted(answer["changed"]),
            ["conferences", "signalling.listeners[0].dtls"])
    c.equal("server.reload: what holds after a restart", answer["restart"], ["data_plane.memory_mb"])
    lab.server.wait_line("key=data_plane.memory_mb")
    report = lab.endpoint("late", "--timeout", "15", ip=sluice_lab.ENDPOINT_IPS[2]).report()
    c.equal("the old alias is not known any more", report["release"]["reason"],
            "unreachableDestination")
    plain = lab.pair(["--dtls", "off"], ["--dtls", "off"], ips=sluice_lab.ENDPOINT_IPS[2:4],
                     call="tomorrow", names=("carl", "dora"))
    for endpoint in plain:
        report = endpoint.report()
        c.check(f"the new alias and policy, {endpoint.name}", report["ok"] and not report["secured"],
                report["failure"])
    for endpoint in endpoints:
        endpoint.wait_stats(1)
        endpoint.signal(signal.SIGTERM)
    for endpoint in endpoints:
        c.equal(f"the old call went on, {endpoint.name}", endpoint.report()["release"]["reason"],
                "normal")
    with open(lab.config_path, "w", encoding="utf-8") as file:
        file.write(good)
    c.equal("and back", lab.call("server.reload")["restart"], [])
    lab.wait_sessions(0)


def terminated(c, lab):
    capture = lab.capture("term.pcap", namespace="ends", what="udp")
    endpoints = running_call(lab)
    begun = time.monotonic()
    status = lab.server.stop(15)
    took = time.monotonic() - begun
    c.equal("SIGTERM: exit status", status, 0)
    limit = lab.config["signalling"]["timers"]["shutdown_ms"] / 1000
    c.check("SIGTERM: within the configured time", took < limit + 2 * sluice_lab.PATIENCE,
            f"{took:.1f} s")
    goodbyes(c, "SIGTERM", endpoints, *capture)
    c.check("SIGTERM: the socket's file is gone", not os.path.exists(lab.config["control"]["path"]))
    c.check("SIGTERM: sluice-dp runs on", lab.dp.is_running())


def settings(config):
    config["signalling"]["timers"] = {"shutdown_ms": 5000}


def main():
    sluice_lab.enter_network()
    c = sluice_lab.Checks()
    with sluice_lab.Lab("life", settings) as lab:
        lab.start()
        c.case("json", told_by_json, c, lab)
        c.case("zero", back_to_zero, c, lab)
        c.case("hangup", hangup, c, lab)
        c.case("reload", reload, c, lab)
        c.case("terminated", terminated, c, lab)
    c.finish()


main()
