#!/usr/bin/env python3
"""sluicectl against a real server: every method it is asked for, tables and JSON, exit statuses, and
usage errors that name what is wrong."""
# timeout: 240
import json
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts", "lib"))
import sluice_lab  # noqa: E402

PROGRAM = os.path.join(sluice_lab.BUILD, "server", "sluicectl")
DONE, REFUSED, USAGE, NOBODY = 0, 1, 2, 3


def ctl(lab, *arguments, socket=True):
    command = [PROGRAM] + (["-s", lab.config["control"]["path"]] if socket else [])
    return subprocess.run(command + list(arguments), capture_output=True, text=True, timeout=20 * sluice_lab.PATIENCE,
                          check=False)


def usage(c, lab):
    for what, arguments in (("no method", []), ("unknown option", ["--nonsense", "server.info"]),
                            ("a time-out that is none", ["-t", "soon", "server.info"])):
        done = ctl(lab, *arguments)
        c.equal(f"{what}: status {USAGE}", done.returncode, USAGE)
        c.check(f"{what}: usage on standard error", "usage: sluicectl" in done.stderr, done.stderr)
        c.equal(f"{what}: nothing on standard output", done.stdout, "")
    done = ctl(lab, "--help")
    c.check("--help: status 0, on standard output",
            done.returncode == DONE and "usage: sluicectl" in done.stdout, done)
    done = ctl(lab, "-s", lab.path("nobody.sock"), "server.info")
    c.equal(f"no server there: status {NOBODY}", done.returncode, NOBODY)
    c.check("no server there: the path is named", "nobody.sock" in done.stderr, done.stderr)


def refusals(c, lab):
    for what, arguments in (("unknown method", ["no.such.method"]),
                            ("unknown parameter", ["session.get", "ident=1"]),
                            ("missing parameter", ["session.get"]),
                            ("wrong type", ["session.get", "id=abc"]),
                            ("no such session", ["session.get", "id=999999"]),
                            ("close of no session", ["session.close", "id=999999"])):
        done = ctl(lab, *arguments)
        c.check(f"{what}: refused with a sentence",
                done.returncode in (REFUSED, USAGE) and done.stderr.strip(), done)


def methods(c, lab):
    info = ctl(lab, "--json", "server.info")
    c.equal("server.info: status 0", info.returncode, DONE)
    c.check("server.info: one JSON object", isinstance(json.loads(info.stdout), dict), info.stdout)
    for method in ("server.info", "server.stats", "session.list", "conference.list", "rpc.methods"):
        table, as_json = ctl(lab, method), ctl(lab, "--json", method)
        c.check(f"{method}: as text", table.returncode == DONE, table.stderr)
        c.check(f"{method}: as JSON", as_json.returncode == DONE and json.loads(as_json.stdout)
                is not None, as_json.stderr)
    done = ctl(lab, "help")
    for method in ("server.info", "server.stats", "session.list", "session.get", "session.close",
                   "conference.list", "events.subscribe"):
        c.check(f"help lists {method}", method in done.stdout, done.stdout)


def speech(c, lab, events, session):
    """A session says something in H.245; the endpoint's engine denies the mode that it is asked for."""
    this = f"id={session['id']}"
    lcn = session["channels"][0]["lcn"]
    for what, status, arguments in (
            ("keys", DONE, ["session.send_user_input", "text=12#"]),
            ("one key of 100 ms", DONE, ["session.send_user_input", "text=5", "duration_ms=100"]),
            ("two keys of 100 ms", REFUSED, ["session.send_user_input", "text=12", "duration_ms=100"]),
            ("a command", DONE, ["session.misc_command", "command=zeroDelay", f"lcn={lcn}"]),
            ("a command for no channel", REFUSED,
             ["session.misc_command", "command=zeroDelay", "lcn=65000"]),
            ("no command", REFUSED, ["session.misc_command", "command=jump", f"lcn={lcn}"]),
            ("a mode", DONE, ["session.request_mode", "codec=PCMU"]),
            ("no mode", REFUSED, ["session.request_mode", "codec=generic"])):
        done = ctl(lab, arguments[0], this, *arguments[1:])
        c.equal(f"{arguments[0]}, {what}: status", done.returncode, status)
    c.check("session.mode_answer: denied", "requestDenied" in events.wait_line("session.mode_answer", 10))


def a_session(c, lab):
    events = lab.run("sluicectl", [PROGRAM, "-s", lab.config["control"]["path"], "--json", "events"])
    # It and we who ask: it is there before the first call is.
    stats = lab.wait_stats(lambda s: s["control"]["clients"] == 2)
    c.equal("events is connected", stats["control"]["clients"], 2)
    endpoints = lab.pair(*[["--stay", "--loop", "--refuse-modes"]] * 2)
    for endpoint in endpoints:
        endpoint.wait_event("heard")
    listed = lab.sessions()
    c.equal("session.list shows both", len(listed), 2)
    numbers = set()
    for row in listed:
        table = ctl(lab, "session.get", f"id={row['id']}")
        c.equal(f"session.get id={row['id']}: status 0", table.returncode, DONE)
        session = json.loads(ctl(lab, "--json", "session.get", f"id={row['id']}").stdout)
        c.equal("session.get: the same session", session["id"], row["id"])
        numbers.add(session["terminal"]["number"])
        c.equal("session.get: nobody is chair", session["terminal"]["chair"], False)
    c.equal("session.get: terminal numbers of the conference", numbers, {1, 2})
    speech(c, lab, events, session)
    table = ctl(lab, "session.list")
    c.check("session.list: a row for each", table.stdout.count("demo") >= 2, table.stdout)
    done = ctl(lab, "session.close", f"id={listed[0]['id']}")
    c.equal("session.close: status 0", done.returncode, DONE)
    events.wait_line("session.closed", 10)
    c.check("events shows the end of the session", True)
    done = ctl(lab, "session.close", f"id={listed[1]['id']}")
    reports = [e.report() for e in endpoints]
    c.check("both peers were released by the server", all(r["release"]["by_peer"] for r in reports),
            [r["release"] for r in reports])


def main():
    sluice_lab.enter_network()
    c = sluice_lab.Checks()
    with sluice_lab.Lab("sluicectl") as lab:
        lab.start()
        c.case("usage", usage, c, lab)
        c.case("refusals", refusals, c, lab)
        c.case("methods", methods, c, lab)
        c.case("a session", a_session, c, lab)
    c.finish()


if __name__ == "__main__":
    main()
