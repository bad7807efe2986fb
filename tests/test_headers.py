#!/usr/bin/env python3
"""Every header compiles alone, twice in a row, and without a warning: whoever includes it need not
know what it stands on. Takes the flags of each folder from the build's compile_commands.json.

    test_headers.py SOURCE_ROOT BUILD_ROOT
"""
import concurrent.futures
import json
import os
import shlex
import subprocess
import sys

FOLDERS = ("audio", "base", "bench", "crypto", "dpdk-app", "link", "server", "settings", "signalling", "tests")

# A template wants a word from whoever includes it.
WANTED = {"tests/fuzz/per_fuzz.h": ["-DFUZZ_TYPE=NULL"]}


def flags_by_folder(source, build):
    """{folder: compiler and options}; of several files of a folder the last one counts."""
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
        entries = json.load(file)
    flags = {}
    for entry in entries:
        path = os.path.relpath(os.path.join(entry["directory"], entry["file"]), source)
        command = shlex.split(entry["command"])
        kept, skip = [], False
        for word in command[:-1]:  # the last one is the file
            if skip:
                skip = False
            elif word in ("-o", "-MF", "-MQ"):
                skip = True
            elif word not in ("-c", "-MD", "-fdiagnostics-color=always"):
                kept.append(word)
        flags[os.path.dirname(path)] = kept
    return flags


def find_flags(flags, folder):
    """Of the folder, of one below it, or of the next one above."""
    for other in sorted(flags):
        if other == folder or other.startswith(folder + "/"):
            return flags[other]
    return find_flags(flags, os.path.dirname(folder)) if "/" in folder else None


def headers(root, tops):
    for top in tops:
        for folder, _, names in os.walk(os.path.join(root, top)):
            for name in sorted(names):
                if name.endswith(".h"):
                    yield os.path.relpath(os.path.join(folder, name), root)


def complaint(header, command, build):
    """What the compiler says of the header, or nothing."""
    if command is None:
        return f"{header}: no file of its folder is compiled"
    text = f'#include "{header}"\n#include "{header}"\n'
    command = command + WANTED.get(header, []) + ["-Werror", "-fsyntax-only", "-x", "c", "-"]
    done = subprocess.run(command, cwd=build, text=True, input=text, capture_output=True, check=False)
    return done.stderr if done.returncode else ""


def main():
    source, build = (os.path.abspath(path) for path in sys.argv[1:3])
    flags = flags_by_folder(source, build)
    # What is generated, too.
    found = list(headers(source, FOLDERS)) + list(headers(build, ["signalling/schema"]))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        said = list(pool.map(
            lambda h: complaint(h, find_flags(flags, os.path.dirname(h)), build), found))
    bad = [text for text in said if text]
    print("\n".join(bad))
    print(f"{len(found) - len(bad)} headers compile alone, {len(bad)} do not")
    sys.exit(1 if bad or not found else 0)


main()
