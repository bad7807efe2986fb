#!/usr/bin/env python3
"""Conferences on the build with the address and undefined behaviour sanitizers: endpoints that come, go and are
killed at random, operators that do everything at a time, disks that fail, data that nobody should send. A sanitizer's
finding, a leak too, is an exit status of sluiced or sluice-dp other than 0, and fails the script that ran."""
# long
# timeout: 600
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, "build-asan")
RUNS = (("conference.py", "--churn", "60", "20"), ("conference_requests.py",), ("conference_files.py",),
        ("data_requests.py",))
PROGRAMS = ("server/sluiced", "dpdk-app/sluice-dp", "bench/sluice-endpoint")


def main():
    for program in PROGRAMS:
        path = os.path.join(BUILD, program)
        if not os.path.exists(path):
            print(f"{path} is missing: scripts/test without --e2e builds it")
            sys.exit(77)
        with open(path, "rb") as file:
            if b"__asan_init" not in file.read():
                print(f"{path} has no address sanitizer")
                sys.exit(1)
    env = dict(os.environ, SLUICE_BUILD=BUILD, SLUICE_PATIENCE="4")
    env.setdefault("ASAN_OPTIONS", "detect_stack_use_after_return=1:strict_string_checks=1")
    env.setdefault("UBSAN_OPTIONS", "print_stacktrace=1:halt_on_error=1")
    failed = 0
    for run in RUNS:
        print("==", *run, flush=True)
        done = subprocess.run([os.path.join(ROOT, "tests", "e2e", run[0]), *run[1:]], env=env, check=False)
        failed += done.returncode != 0
        print(f"{'FAILED ' if done.returncode else 'ok     '} {' '.join(run)}", flush=True)
    print(f"{len(RUNS) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
