"""A whole Sluice to play with: sluice-dp, sluiced and endpoints in private namespaces.

    import sluice_lab
    sluice_lab.enter_network()                # runs this script again inside netns.sh
    with sluice_lab.Lab("name") as lab:
        lab.start()
        caller = lab.endpoint("--play", wav, ip="198.18.0.3")
        caller.wait_event("connect")
        print(lab.call("session.list"))

Used by scripts/demo and the end-to-end tests. Whoever waits is woken by a line of the process
it waits for, and gives up after a bound; counters that no event tells of are looked at again and again. Python's standard library only.
"""
import atexit
import contextlib
import json
import math
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import wave

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("SLUICE_BUILD", os.path.join(ROOT, "build"))
NETNS_SCRIPT = os.path.join(ROOT, "scripts", "lib", "netns.sh")

# What every bound of a wait is stretched by. Nobody waits for as long unless something is wrong, so
# there is room for a machine that does other things as well; a sanitizer's build may want more.
PATIENCE = float(os.environ.get("SLUICE_PATIENCE", "3"))

PAUSE_S = 0.02  # between two looks at what nobody tells of

SERVER_IP4, SERVER_IP6 = "198.18.0.1", "2001:db8:18::1"
MEDIA_IP4, MEDIA_IP6 = "198.18.0.2", "2001:db8:18::2"
ENDPOINT_IPS = ["198.18.0.3", "198.18.0.4", "198.18.0.5", "198.18.0.6"]


class LabError(Exception):
    """Something of the lab itself did not work: not started, not ready in time, gone."""


class RpcError(Exception):
    """The control socket answered with an error object."""

    def __init__(self, error):
        super().__init__(error.get("message", "?"))
        self.code = error.get("code")
        self.data = error.get("data")


def wait_until(look, seconds=10):
    """Looks until look() is true, or the time is over; what it said last. For what no line and no event tells of
    alone. The pause leaves the processor to those who are waited for."""
    end = time.monotonic() + seconds * PATIENCE
    while True:
        found = look()
        if found or time.monotonic() >= end:
            return found
        time.sleep(PAUSE_S)


def enter_network():
    """Runs the calling script again in namespaces of its own, unless it is there already."""
    if "SLUICE_NETNS" not in os.environ:
        sys.stdout.flush()
        os.execv(NETNS_SCRIPT, [NETNS_SCRIPT, sys.executable] + sys.argv)


def in_namespace(name, command):
    """The command as it has to be run to be in a namespace; "server" is where we are."""
    if name == "server":
        return command
    return ["nsenter", "--net=" + os.path.join(os.environ["SLUICE_NETNS"], name)] + command


class Process:
    """A child whose output lines can be waited for."""

    def __init__(self, name, command, namespace="server", env=None):
        self.name = name
        self.lines = []
        self.changed = threading.Condition()
        self.open_pipes = 2
        self.was_killed = False
        self.child = subprocess.Popen(
            in_namespace(namespace, command), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, errors="replace", env=env, start_new_session=True)
        for pipe in (self.child.stdout, self.child.stderr):
            threading.Thread(target=self._read, args=(pipe,), daemon=True).start()

    def _read(self, pipe):
        for line in pipe:
            with self.changed:
                self.lines.append(line.rstrip("\n"))
                self.on_line(self.lines[-1])
                self.changed.notify_all()
        with self.changed:
            self.open_pipes -= 1
            self.changed.notify_all()

    def on_line(self, line):
        """For subclasses; called with the lock held."""

    def wait_for(self, what, predicate, seconds=10, even_if_ended=False):
        """Waits until predicate() is true (looked at after every line); LabError otherwise."""
        end = time.monotonic() + seconds * PATIENCE
        with self.changed:
            while True:
                value = predicate()
                if value:
                    return value
                left = end - time.monotonic()
                if left <= 0:
                    raise LabError(f"{self.name}: no {what} within {seconds} s\n" + self.tail())
                if self.open_pipes == 0 and not even_if_ended:
                    raise LabError(f"{self.name}: ended before {what}\n" + self.tail())
                self.changed.wait(left)

    def wait_line(self, text, seconds=10, after=0):
        """The first line from number `after` that has `text` in it."""
        return self.wait_for(f"line '{text}'", lambda: next(
            (line for line in self.lines[after:] if text in line), None), seconds)

    def has_line(self, text):
        with self.changed:
            return any(text in line for line in self.lines)

    def tail(self, count=25):
        return "\n".join(f"    {self.name}: {line}" for line in self.lines[-count:])

    def is_running(self):
        return self.child.poll() is None

    def wait_end(self, seconds=10):
        """Exit status; its output is complete then."""
        try:
            status = self.child.wait(seconds * PATIENCE)
        except subprocess.TimeoutExpired:
            raise LabError(f"{self.name}: still running after {seconds} s\n" + self.tail()) from None
        self.wait_for("end of output", lambda: self.open_pipes == 0, 5)
        return status

    def signal(self, number):
        if self.is_running():
            self.child.send_signal(number)

    def stop(self, seconds=10):
        """SIGTERM, to its children too (one that went on would keep the pipes open); then SIGKILL. Returns the
        exit status."""
        if self.is_running():
            os.killpg(self.child.pid, signal.SIGTERM)
        try:
            return self.wait_end(seconds)
        except LabError:
            self.kill()
            self.was_killed = False  # it had its chance: the status counts
            return None

    def kill(self):
        """SIGKILL, to its children too."""
        self.was_killed = True
        try:
            os.killpg(self.child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.child.wait()


class Endpoint(Process):
    """One sluice-endpoint --json."""

    def __init__(self, name, arguments, namespace="ends"):
        self.events = []
        self.stats = []
        self.final = None
        command = [os.path.join(BUILD, "bench", "sluice-endpoint"), "--json", "--alias", name]
        super().__init__(name, command + arguments, namespace)

    def on_line(self, line):
        try:
            entry = json.loads(line)
        except ValueError:
            return
        if entry.get("event") == "report":
            self.final = entry
        elif entry.get("event") == "stats":
            self.stats.append(entry)
        else:
            self.events.append(entry)

    def event(self, name, match=lambda event: True):
        return next((e for e in self.events if e["event"] == name and match(e)), None)

    def wait_event(self, name, seconds=10, match=lambda event: True):
        return self.wait_for(f"event {name}", lambda: self.event(name, match), seconds)

    def tell(self, line):
        """A line for its --commands."""
        with open(self.fifo, "w", encoding="utf-8") as file:
            file.write(line + "\n")

    def video_ssrc(self, seconds=10):
        """What its video is known by at the other ends (their events video_source)."""
        return int(self.wait_event("video_open", seconds)["detail"].split(" ")[1])

    def wait_video_of(self, other, after_us=0, seconds=10):
        """Until it sees the video of this endpoint; the event that says how it began."""
        wanted = str(other.video_ssrc())
        return self.wait_event("video_source", seconds, lambda e: e["at_us"] >= after_us
                               and e["detail"].split(" ")[0] == wanted)

    def wait_stats(self, count, seconds=10):
        """`count` more lines of statistics; the newest."""
        have = len(self.stats)
        self.wait_for("statistics", lambda: len(self.stats) >= have + count, seconds)
        return self.stats[-1]

    def wait_count(self, what, predicate, seconds=20):
        """Waits for statistics (--stats) of which the predicate holds."""
        return self.wait_for(what, lambda: self.stats and predicate(self.stats[-1]), seconds)

    def report(self, seconds=30):
        """Waits for the end; the report."""
        status = self.wait_end(seconds)
        if self.final is None or status != (0 if self.final["ok"] else 1):
            raise LabError(f"{self.name}: ended with status {status}, which is not its report's\n"
                           + self.tail())
        return self.final


    def hang_up(self, seconds=30):
        """Has it end its call as its user would, unless it has ended already; the report. For calls that
        last until a test has done with them: with --duration a busy machine may take longer to see
        what is to be seen."""
        self.signal(signal.SIGTERM)
        return self.report(seconds)


def pace(first, last, count=lambda stats: stats["packets_in"]):
    """Packets a second between two lines of --stats. They are printed each second, or later on a busy machine: by
    the times that they tell."""
    return (count(last) - count(first)) * 1e6 / (last["at_us"] - first["at_us"])


class Control:
    """A connection to the control socket. Events are kept and can be waited for."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(path)
        self.buffer = b""
        self.number = 0
        self.events = []

    def close(self):
        self.socket.close()

    def _line(self, deadline):
        while b"\n" not in self.buffer:
            left = deadline - time.monotonic()
            if left <= 0:
                raise LabError("control socket: no line in time")
            self.socket.settimeout(left)
            try:
                data = self.socket.recv(65536)
            except socket.timeout:
                raise LabError("control socket: no line in time") from None
            if not data:
                raise LabError("control socket: closed by the server")
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        return json.loads(line)

    def call(self, method, seconds=10, parameters=None, **params):
        """`parameters`: those that are called as ours are."""
        params.update(parameters or {})
        self.number += 1
        request = {"jsonrpc": "2.0", "id": self.number, "method": method}
        if params:
            request["params"] = params
        self.socket.sendall(json.dumps(request).encode() + b"\n")
        deadline = time.monotonic() + seconds * PATIENCE
        while True:
            answer = self._line(deadline)
            if "method" in answer:
                self.events.append(answer["params"])
            elif "error" in answer:
                raise RpcError(answer["error"])
            else:
                return answer["result"]

    def wait_event(self, name, seconds=10, match=lambda event: True):
        """The first event of that type that was not waited for yet; earlier ones are dropped."""
        return self.wait_any(lambda event: event.get("type") == name and match(event), seconds)

    def wait_any(self, match, seconds=10):
        """The same of any type."""
        deadline = time.monotonic() + seconds * PATIENCE
        while True:
            while self.events:
                event = self.events.pop(0)
                if match(event):
                    return event
            answer = self._line(deadline)
            if "method" in answer:
                self.events.append(answer["params"])


class Lab:
    """A directory, a configuration, and the processes. Ends everything on leaving."""

    def __init__(self, name, change=None):
        # In the private network /run is a file system of its own: gone even after a SIGKILL.
        private = "/run" if "SLUICE_NETNS" in os.environ else None
        self.directory = tempfile.mkdtemp(prefix=f"sluice-{name}-", dir=private)
        self.processes = []
        self.control_clients = []
        self.dp = self.server = None
        with open(os.path.join(ROOT, "configs", "demo.json"), encoding="utf-8") as file:
            self.config = json.load(file)
        self.config["$schema"] = os.path.join(ROOT, "configs", "sluice.schema.json")
        self.config["control"]["path"] = os.path.join(self.directory, "control.sock")
        self.config["link"]["path"] = os.path.join(self.directory, "link.sock")
        if change:
            change(self.config)
        self.config_path = os.path.join(self.directory, "sluice.json")

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def close(self):
        for client in self.control_clients:
            client.close()
        for process in reversed(self.processes):
            if process.is_running():
                process.stop(10 if process in (self.server, self.dp) else 5)
        self.judge_ends()
        shutil.rmtree(self.directory, ignore_errors=True)

    def judge_ends(self):
        """sluiced and sluice-dp must have ended with status 0 (a sanitizer's finding is another one),
        unless a test killed them."""
        for process in self.processes:
            if process.name not in ("sluiced", "sluice-dp") or process.was_killed:
                continue
            status = process.child.returncode
            if Checks.current:
                if not Checks.current.equal(f"{process.name} ended well", status, 0):
                    print(process.tail(200))
            elif status != 0:
                raise LabError(f"{process.name} ended with status {status}\n" + process.tail())

    def path(self, name):
        return os.path.join(self.directory, name)

    def run(self, name, command, namespace="server"):
        """A process of the lab's: it ends with it."""
        process = Process(name, command, namespace)
        self.processes.append(process)
        return process

    def write_config(self):
        with open(self.config_path, "w", encoding="utf-8") as file:
            json.dump(self.config, file, indent=2)

    def start(self):
        self.write_config()
        self.start_dp()
        self.start_server()

    def start_dp(self):
        command = [os.path.join(BUILD, "dpdk-app", "sluice-dp"), "--config", self.config_path]
        self.dp = self.run("sluice-dp", command, "dp")
        self.dp.wait_line("ready", 20)

    def start_server(self):
        command = [os.path.join(BUILD, "server", "sluiced"), "--config", self.config_path]
        self.server = self.run("sluiced", command)
        self.server.wait_line("data plane attached", 20)

    def control(self):
        """A new connection to the control socket."""
        client = Control(self.config["control"]["path"])
        self.control_clients.append(client)
        return client

    def call(self, method, **params):
        """One call on a connection of its own."""
        client = Control(self.config["control"]["path"])
        try:
            return client.call(method, **params)
        finally:
            client.close()

    def sessions(self):
        """What the server lists."""
        result = self.call("session.list")
        return result if isinstance(result, list) else result["sessions"]

    def wait_sessions(self, count, seconds=10):
        """Waits until no more than `count` sessions are left: a peer that was released has ended
        before the server has put everything away. How many there are."""
        watch = self.control()
        watch.call("events.subscribe")
        try:
            while len(self.sessions()) > count:
                watch.wait_event("session.closed", seconds)
        finally:
            self.control_clients.remove(watch)
            watch.close()
        return len(self.sessions())

    def wait_stats(self, predicate, seconds=10):
        """Asks for server.stats until the predicate holds, or the time is over: the last answer. (Some
        counters are reported once a second, and no event tells of them.)"""
        client = self.control()
        try:
            last = []

            def look():
                last[:] = [client.call("server.stats")]
                return predicate(last[0])
            wait_until(look, seconds)
            return last[0]
        finally:
            self.control_clients.remove(client)
            client.close()

    def endpoint(self, name, *arguments, ip=ENDPOINT_IPS[0], call="demo", to=None, fifo=False):
        """An endpoint that calls alias `call` (None: only the given arguments). With `fifo` it can be
        told what to do."""
        arguments = [str(a) for a in arguments] + ["--local", ip]
        if fifo:
            os.mkfifo(self.path(name + ".fifo"))
            arguments += ["--commands", self.path(name + ".fifo")]
        if call:
            arguments += [to or (SERVER_IP6 if ":" in ip else SERVER_IP4), call]
        endpoint = Endpoint(name, arguments)
        endpoint.fifo = self.path(name + ".fifo") if fifo else None
        self.processes.append(endpoint)
        return endpoint

    def endpoint_by_sdp(self, control, name, *arguments, ip=ENDPOINT_IPS[0], conference="demo"):
        """An endpoint without H.323; this carries its offer to the server and the answer back, as a SIP
        server would. Returns it and its session."""
        endpoint = self.endpoint(name, "--sdp", *arguments, ip=ip, call=None, fifo=True)
        offer = endpoint.wait_event("sdp_offer")["sdp"]
        made = control.call("session.create", conference=conference, sdp=offer)
        endpoint.tell("answer " + json.dumps(made["sdp"]))
        return endpoint, made["id"]

    def pair(self, first=(), second=(), files=None, ips=ENDPOINT_IPS[:2], call="demo", to=(None, None),
             names=("anna", "bert")):
        """Two endpoints in one conference that play `files` (two short tones) to each other."""
        files = files or tone_pair()
        heard = (files[1], files[0])
        return [self.endpoint(names[i], "--play", files[i], "--expect", heard[i], "--timeout", "25",
                              *(first, second)[i], ip=ips[i], call=call, to=to[i])
                for i in range(2)]

    def capture(self, name, interface="any", namespace="server", what=""):
        """tcpdump into a file; stop() it before reading. Returns (process, path)."""
        path = self.path(name)
        # -U and --immediate-mode: the file is complete up to the last packet at any time.
        # -s, -B: room for some 1,800 packets; by default it is 8, as each takes the largest one's.
        command = ["tcpdump", "-i", interface, "-U", "--immediate-mode", "-s", "9000", "-B", "16384",
                   "-Z", "root", "-w", path] + what.split()
        process = self.run("tcpdump", command, namespace)
        process.wait_line("listening on", 10)
        return process, path


# Media ports are any ports. To tshark some are those of other protocols (15 of the 10,000 that an endpoint
# picks from), which it then sees there and no DTLS. Told that all are DTLS's it still leaves alone what is not.
DTLS_ANYWHERE = ("-d", "udp.port==1024-65535,dtls")


def tshark(path, display_filter, *fields):
    """Lists of field values of the frames of a capture that pass."""
    command = ["tshark", "-r", path, *(DTLS_ANYWHERE if "dtls" in display_filter else ()), "-Y",
               display_filter, "-T", "fields"]
    for field in fields:
        command += ["-e", field]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [line.split("\t") for line in done.stdout.splitlines()]


def wait_captured(path, *display_filters, seconds=10, count=1, fields=("frame.number",)):
    """Waits until a capture that is still being written has `count` frames for each filter: on a busy
    machine tcpdump gets the last packets late, and drops them when it is told to stop. What has not
    come in time is for the caller to judge. The last filter's frames as of the last look, as of
    tshark(). (Each look takes tshark a while, so this is no tight loop.)"""
    end = time.monotonic() + seconds * PATIENCE
    rows = []
    for display_filter in display_filters:
        while True:
            try:
                rows = tshark(path, display_filter, *fields)
            except subprocess.CalledProcessError:
                rows = []  # its last packet is half written
            if len(rows) >= count or time.monotonic() >= end:
                break
    return rows


def audio_path(name):
    """Where an audio file is or is to be made: in the build directory, once for all runs; where that
    belongs to somebody else, in a directory that goes when we go."""
    path = os.path.join(BUILD, "speech", name + ".wav")
    if os.path.exists(path):
        return path
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if os.access(os.path.dirname(path), os.W_OK):
            return path
    except OSError:
        pass
    if not audio_path.scratch:
        audio_path.scratch = tempfile.mkdtemp(prefix="sluice-speech-")
        atexit.register(shutil.rmtree, audio_path.scratch, ignore_errors=True)
    return os.path.join(audio_path.scratch, name + ".wav")


audio_path.scratch = None


def work_directory(path):
    """Beside `path`, for a file that is renamed to it when it is whole. Process numbers would not do
    for a name: in namespaces of their own, two runs have the same."""
    return tempfile.mkdtemp(prefix=".making-", dir=os.path.dirname(path))


def speech(name, text, voice="en-gb"):
    """A WAV file of spoken text, 8 kHz mono."""
    path = audio_path(name)
    if os.path.exists(path):
        return path
    for tool in ("espeak-ng", "sox"):
        if not shutil.which(tool):
            raise LabError(f"{tool} is missing: run scripts/setup")
    work = work_directory(path)
    raw, done = os.path.join(work, "raw.wav"), os.path.join(work, "done.wav")
    subprocess.run(["espeak-ng", "-v", voice, "-s", "160", "-w", raw, text], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    # -D: no dither, the same text gives the same file.
    subprocess.run(["sox", "-D", raw, "-r", "8000", "-c", "1", "-b", "16", done, "gain", "-n", "-3"],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.rename(done, path)
    shutil.rmtree(work)
    return path


def tone(name, step, seconds=0.5):
    """A short WAV file for tests that want audio, not speech: a sweep, so that no part of it repeats."""
    path = audio_path(name)
    if not os.path.exists(path):
        samples, phase = [], 0.0
        for i in range(int(8000 * seconds)):
            phase += 0.05 + step * i / 8000
            samples.append(int(8000 * math.sin(phase)))
        work = work_directory(path)
        done = os.path.join(work, "done.wav")
        with wave.open(done, "wb") as file:
            file.setparams((1, 2, 8000, 0, "NONE", ""))
            file.writeframes(struct.pack(f"<{len(samples)}h", *samples))
        os.rename(done, path)
        shutil.rmtree(work)
    return path


def tone_pair():
    return tone("sweep-up", 0.9), tone("sweep-far-up", 1.7)


def speech_pair():
    """What the two endpoints of a demo say to each other, some three seconds each."""
    return (speech("ask", "Hello. This line is keyed by D T L S. Do you hear me well?"),
            speech("answer", "Yes, every single sample. Sluice carries it in S R T P.", "en-us"))


def side_of(session, dtls=None):
    """The server's side of a call, as scripts/conformance counts it, from an answer of session.get or
    .list; `dtls`: client or server, by default as its newest association says."""
    side = {"dir": session["direction"], "h245": session["role"]}
    if dtls is None and session.get("transports"):
        role = (session["transports"][0]["association"] or {}).get("role")
        dtls = {"active": "client", "passive": "server"}.get(role)
    if dtls:
        side["dtls"] = dtls
    return {name: value for name, value in side.items() if value}


class Checks:
    """Counts what an end-to-end test proves."""

    current = None

    def __init__(self):
        Checks.current = self
        self.passed = self.failed = 0

    def check(self, name, good, detail="", proves="", of=None):
        """`proves`: requirements of tests/conformance/requirements.txt that this shows by itself, `of`
        the combinations (dictionaries, or one) that it shows them for."""
        if good:
            self.passed += 1
            print(f"ok      {name}", flush=True)
        else:
            self.failed += 1
            print(f"FAILED  {name}  {detail}", flush=True)
        self._claim(bool(good), proves, of, name)
        return bool(good)

    def equal(self, name, got, wanted, proves="", of=None):
        return self.check(name, got == wanted, f"got {got!r}, wanted {wanted!r}", proves, of)

    @staticmethod
    def _claim(good, ids, combinations, name):
        if isinstance(combinations, dict) or combinations is None:
            combinations = [combinations or {}]
        script = os.path.basename(sys.argv[0])
        for one in ids.split():
            for values in combinations:
                words = "".join(f" {key}={value}" for key, value in values.items())
                print(f"{'proves' if good else 'disproves'}: {one}{words} | {script}: {name}",
                      flush=True)

    @contextlib.contextmanager
    def proof(self, ids, name, of=None):
        """What is inside proves the requirements together, if every check in it holds and there was one.
        `of` may be a list that is filled inside."""
        passed, failed = self.passed, self.failed
        try:
            yield
        except BaseException:
            self._claim(False, ids, of, name)
            raise
        self._claim(self.failed == failed and self.passed > passed, ids, of, name)

    def case(self, name, function, *arguments, **named):
        """Runs a part of a test; an exception is a failure of that part alone."""
        try:
            function(*arguments, **named)
        except (LabError, RpcError, OSError, KeyError, subprocess.SubprocessError) as error:
            self.check(name, False, f"{type(error).__name__}: {error}")

    def finish(self):
        print(f"{self.passed} passed, {self.failed} failed", flush=True)
        sys.exit(0 if self.passed and not self.failed else 1)
