#!/usr/bin/env python3
"""R-CALL: a thousand calls, and the processes are as large as they were after the first two hundred. Calls
in and out, the server master and slave, ended by the peer, by a lost H.245 or call signalling
connection, by the operator; whatever one of them left behind would be there eight hundred times."""
# long
# timeout: 600
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts", "lib"))
import sluice_lab  # noqa: E402

ENDS = {"peer": [], "h245-lost": ["--fault", "drop-h245"], "h225-lost": ["--fault", "drop-h225"],
        "operator": ["--stay"]}
PAIRS = 3 * 2 * len(ENDS)  # of a batch: thrice each end, as master and as slave
BATCHES, WARM = 21, 5      # WARM of them until tables, pools and arenas have the size that they need
CALM = 5                   # batches in a row
AT_MOST = 2 * BATCHES      # where arenas still grow: a leak does not end
# What a call may leave behind. A leak grows with every batch, arenas in steps, when more calls than before
# happen to overlap: so the calmest stretch tells, and all together may be a tenth of a session's 20 kB.
BYTES_A_CALL, BYTES_WITH_STEPS = 128, 2048


def settings(config):
    config["signalling"]["limits"] = {"setups_per_second": 0}
    config["signalling"]["timers"] = {"end_session_ms": 1000}
    config["conferences"].append({"alias": "room-*", "kind": "relay"})
    # Sessions that are kept for peers that return are no leak; the table is full after the first batch.
    config["dtls"] = {"resumption_sessions": 8}


def memory(process):
    """Octets that are nobody else's: what the two programs share with each other is of a fixed size."""
    with open(f"/proc/{process.child.pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("RssAnon"))


def endpoints(lab, number):
    """The pair of a room: one is called, one calls."""
    ends = list(ENDS)
    role, end = number % 2, ends[number // 2 % len(ends)]
    play = sluice_lab.tone_pair()
    common = ["--timeout", "150", "--term-type", ("50", "240")[role], *ENDS[end]]
    port = 17000 + number
    ips = sluice_lab.ENDPOINT_IPS[number % 4], sluice_lab.ENDPOINT_IPS[(number + 1) % 4]
    called = lab.endpoint(f"b{number}", "--listen", *common, "--play", play[0], "--expect", play[1],
                          "--local", f"{ips[0]}:{port}", ip=f"{ips[0]}:{port}", call=None)
    caller = lab.endpoint(f"a{number}", *common, "--play", play[1], "--expect", play[0], ip=ips[1],
                          call=f"room-{number}")
    return end, caller, called, f"b{number}@{ips[0]}:{port}"


def batch(c, lab, control, what):
    """All pairs at once."""
    rooms = [endpoints(lab, number) for number in range(PAIRS)]
    for number, (_, _, called, address) in enumerate(rooms):
        called.wait_event("listening", 20)
        control.call("session.call", to=address, conference=f"room-{number}")
    for number, (end, caller, called, _) in enumerate(rooms):
        if end != "operator":
            continue
        for e in (caller, called):
            e.wait_event("heard", 30)
        for session in lab.sessions():
            if session["conference"] == f"room-{number}":
                control.call("session.close", id=session["id"])
    bad = []
    for end, caller, called, _ in rooms:
        for e in (caller, called):
            report = e.report(60)
            # Who drops a connection at the first packet hears nothing more.
            good = report["audio_match"] if end in ("peer", "operator") else report["packets_out"] > 0
            if not good or not report["fingerprint_verified"]:
                bad.append((e.name, end, report["failure"]))
            lab.processes.remove(e)
    c.equal(f"{what}: {2 * PAIRS} calls had media", bad, [])
    lab.wait_sessions(0, 20)
    left = lab.wait_stats(lambda s: not any(counters(s)))
    c.equal(f"{what}: counters are zero again", counters(left), [0] * len(counters(left)))


def counters(stats):
    return [stats["sessions_now"], stats["conferences_now"], stats["tcp"]["connections"],
            stats["media"]["ports_open"], stats["media"]["numbers_in_use"],
            stats["media"]["shards"]["associations"], stats["data_plane"]["transports"],
            stats["data_plane"]["streams"]]


def calls(c, lab):
    control = lab.control()
    sizes = []

    def calmest(i):
        """Growth of one of the two in the calmest stretch."""
        return min(sizes[n + CALM][i] - sizes[n][i] for n in range(WARM - 1, len(sizes) - CALM))

    while len(sizes) < BATCHES or (len(sizes) < AT_MOST
                                   and max(calmest(0), calmest(1)) > BYTES_A_CALL * CALM * 2 * PAIRS):
        batch(c, lab, control, f"batch {len(sizes) + 1}")
        sizes.append((memory(lab.server), memory(lab.dp)))
    count = (len(sizes) - WARM) * 2 * PAIRS
    of = [{"dir": way, "h245": role, "part": end} for way in ("in", "out") for role in ("master", "slave")
          for end in ENDS]
    for i, name in enumerate(("sluiced", "sluice-dp")):
        warm, end = sizes[WARM - 1][i], sizes[-1][i]
        print(f"        {name}: {warm // 1024} kB after {WARM * 2 * PAIRS} calls, {end // 1024} kB after "
              f"{len(sizes) * 2 * PAIRS}: {(end - warm) / count:.0f} bytes a call")
        shown = [size[i] // 1024 for size in sizes]
        with c.proof("R-CALL", f"{name} is as large as it was", of):
            c.check(f"{name}: at most {BYTES_A_CALL} bytes a call are left where nothing else grows",
                    calmest(i) <= BYTES_A_CALL * CALM * 2 * PAIRS, shown)
            c.check(f"{name}: at most {BYTES_WITH_STEPS} bytes a call with all that grows",
                    end - warm <= BYTES_WITH_STEPS * count, shown)


def main():
    sluice_lab.enter_network()
    c = sluice_lab.Checks()
    with sluice_lab.Lab("calls-memory", settings) as lab:
        lab.start()
        c.case("calls", calls, c, lab)
    c.finish()


if __name__ == "__main__":
    main()
