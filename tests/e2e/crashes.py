#!/usr/bin/env python3
"""Whoever dies in the middle of a call: an endpoint, sluiced, sluice-dp. Media outlive sluiced; what
remains is cleaned up; a restart serves the next call."""
# timeout: 240
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts", "lib"))
import sluice_lab  # noqa: E402

LONG = ["--stay", "--loop", "--stats", "--timeout", "60"]


def settings(config):
    config["link"]["orphan_timeout_ms"] = 30000
    config["signalling"]["timers"] = {"round_trip_interval_ms": 1000, "round_trip_timeout_ms": 2000}


def running_call(lab, *more):
    endpoints = lab.pair(LONG + list(more), LONG + list(more))
    for endpoint in endpoints:
        endpoint.wait_event("heard")
    return endpoints


def good_call(c, lab, what):
    reports = [e.report() for e in lab.pair()]
    c.check(f"{what}: the next call is fine", all(r["ok"] and r["audio_match"] for r in reports),
            [r["failure"] for r in reports])


def endpoint_killed(c, lab):
    victim, other = running_call(lab)
    victim.kill()
    c.equal("endpoint killed: its session ends, the other's does not", lab.wait_sessions(1), 1)
    other.signal(2)
    c.equal("endpoint killed: the other one hangs up in order",
            other.report()["release"]["released"], True)
    c.equal("endpoint killed: no session is left", lab.wait_sessions(0), 0)
    good_call(c, lab, "endpoint killed")


def server_killed(c, lab):
    """Media go on while there is no sluiced."""
    endpoints = running_call(lab, "--survive")
    lab.server.kill()
    for endpoint in endpoints:
        endpoint.wait_event("connection_lost")
        before = endpoint.wait_stats(1)
        after = endpoint.wait_stats(2)
        c.check(f"sluiced killed: {endpoint.name} hears on, some 50 packets a second",
                sluice_lab.pace(before, after) > 40, f"{before} {after}")
        c.equal(f"sluiced killed: {endpoint.name} loses nothing", after["lost"], 0)
    c.check("sluiced killed: sluice-dp runs on", lab.dp.is_running())
    lab.start_server()
    c.equal("sluiced restarted: no session", lab.sessions(), [])
    for endpoint in endpoints:
        endpoint.signal(2)
        endpoint.report()
    good_call(c, lab, "sluiced restarted")


def data_plane_killed(c, lab):
    endpoints = running_call(lab)
    mark = len(lab.server.lines)
    lab.dp.kill()
    lab.start_dp()
    lab.server.wait_line("data plane attached", 15, after=mark)
    for endpoint in endpoints:
        endpoint.report(20)
    c.equal("sluice-dp killed: no session is left", lab.wait_sessions(0), 0)
    c.check("sluice-dp killed: sluiced runs on", lab.server.is_running())
    good_call(c, lab, "sluice-dp restarted")


def everything_released(c, lab):
    def left(stats):
        return {
            "sessions": stats["sessions_now"],
            "conferences": stats["conferences_now"],
            "ports": [stats["media"][k] for k in ("ports_open", "numbers_in_use")],
            "transports and streams": [stats["data_plane"][k] for k in ("transports", "streams")],
            "connections": stats["tcp"]["connections"],
        }

    nothing = {"sessions": 0, "conferences": 0, "ports": [0, 0], "transports and streams": [0, 0],
               "connections": 0}
    c.equal("no session is listed", lab.wait_sessions(0), 0)
    now = left(lab.wait_stats(lambda s: left(s) == nothing))
    for what, count in nothing.items():
        c.equal(f"left of {what}", now[what], count)


def clean_end(c, lab):
    c.equal("sluiced: SIGTERM, status 0", lab.server.stop(), 0)
    c.equal("sluice-dp: SIGTERM, status 0", lab.dp.stop(), 0)
    c.check("the control socket is gone", not os.path.exists(lab.config["control"]["path"]))


def main():
    sluice_lab.enter_network()
    c = sluice_lab.Checks()
    with sluice_lab.Lab("crashes", settings) as lab:
        lab.start()
        c.case("endpoint", endpoint_killed, c, lab)
        c.case("sluiced", server_killed, c, lab)
        c.case("sluice-dp", data_plane_killed, c, lab)
        c.case("released", everything_released, c, lab)
        c.case("end", clean_end, c, lab)
    c.finish()


if __name__ == "__main__":
    main()
