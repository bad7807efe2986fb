"""What the attack scripts share: the attacker's programs in the namespace of the endpoints, many calls
at once, counters and memory of the server. Not a test itself."""
import concurrent.futures
import json
import os
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.insert(0, os.path.join(ROOT, "scripts", "lib"))
sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))
import sluice_lab  # noqa: E402

FIRST_PORT, LAST_PORT = 20000, 20199
STRANGERS = "198.18.0.128"


def mac_of(namespace, interface):
    shown = subprocess.run(["ip", "-n", namespace, "-j", "link", "show", interface], check=True,
                           capture_output=True, text=True).stdout
    return json.loads(shown)[0]["address"]


class Attacker(sluice_lab.Process):
    """build/tests/e2e/attacks/attacker beside the endpoints."""

    def __init__(self, mode, *options):
        program = os.path.join(sluice_lab.BUILD, "tests", "e2e", "attacks", "attacker")
        super().__init__("attacker", [
            program, mode, "--media-interface", "pdp", "--signalling-interface", "ps0",
            "--server-mac", mac_of("dp", "sluice-dp"), "--right-mac", mac_of("ends", "br0"),
            "--media-ip", sluice_lab.MEDIA_IP4, "--strangers", STRANGERS,
            "--ports", f"{FIRST_PORT}-{LAST_PORT}", *map(str, options)], "ends")
        self.wait_line("ready")

    def finish(self):
        """Ends it; what it did."""
        self.signal(15)
        if self.wait_end(10) != 0:
            raise sluice_lab.LabError("the attacker ended badly\n" + self.tail())
        return json.loads(self.lines[-1])


def settings(config):
    """Room for many calls from few addresses."""
    config["data_plane"]["ports"] = {"first": FIRST_PORT, "last": LAST_PORT}
    config["signalling"]["limits"] = {"setups_per_second": 0}
    config["conferences"] = [{"alias": "demo*", "kind": "relay"}]


def counters(stats, found=None):
    """Every number of server.stats by its name, summed up."""
    found = {} if found is None else found
    for name, value in stats.items():
        if isinstance(value, dict):
            counters(value, found)
        elif isinstance(value, (int, float)):
            found[name] = found.get(name, 0) + value
    return found


def memory(process):
    """Bytes of a process that are in memory."""
    with open(f"/proc/{process.child.pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmRSS"))


def percentile(values, part):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] if ordered else None


def one_pair(lab, number, options):
    """Two calls that hear each other: their reports and the milliseconds to their keys."""
    ips = sluice_lab.ENDPOINT_IPS[number % 2 * 2:][:2]
    ends = lab.pair(options, options, ips=ips, call=f"demo-{number}",
                    names=(f"a{number}", f"b{number}"))
    found = []
    for end in ends:
        report = end.report(60)
        keys = end.event("srtp_keys")
        begin = end.event("olc_in") or end.event("setup")
        found.append({"ok": report["ok"] and report["audio_match"], "failure": report["failure"],
                      "lost": report["lost"],
                      "keys_ms": (keys["at_us"] - begin["at_us"]) / 1000 if keys else None})
        lab.processes.remove(end)
    return found


def calls(lab, count, options, at_once):
    """`count` calls in pairs, `at_once` pairs at a time: what became of each."""
    found = []
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        for pair in pool.map(lambda n: one_pair(lab, n, options), range(count // 2)):
            found += pair
    return found


def summary(found, began):
    keys = [f["keys_ms"] for f in found if f["keys_ms"] is not None]
    seconds = time.monotonic() - began
    return {"calls": len(found), "complete": sum(f["ok"] for f in found),
            "failures": sorted({f["failure"] or "audio" for f in found if not f["ok"]})[:5],
            "calls_per_second": round(len(found) / seconds, 1),
            "keys_ms_p50": percentile(keys, 0.5), "keys_ms_p99": percentile(keys, 0.99)}
