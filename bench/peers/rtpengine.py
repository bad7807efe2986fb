#!/usr/bin/env python3
"""Sluice and rtpengine on the same work, both columns in one run.

  bench/peers/rtpengine.py [--calls N] [--bytes B] [--seconds T] [--highest R]
                           [--plain] [--json] [--quick]

SRTP in, SRTP out, decrypted and encrypted again: the two ends of a call have different suites
(AES_CM_128_HMAC_SHA1_80 and _32), since rtpengine passes packets on untouched where it can. --plain
compares RTP alone. The topology is the same for both: a generator on one end of a veth, the server
on the other in a network namespace of its own, one thread that moves media, pinned to one CPU, the
generator on another. Then Sluice over memif, where no kernel is in between.

rtpengine is Debian's package rtpengine-daemon, in userspace; `scripts/setup --peers` installs it.
Everything runs in namespaces that vanish with this script: it needs root, or a kernel that lets
users make namespaces. Exit status 77: one of these is missing.
"""
import argparse
import base64
import ctypes
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get('SLUICE_BUILD', os.path.join(ROOT, 'build'))
BENCH = os.path.join(BUILD, 'bench', 'sluice-bench')
NEAR_MAC, FAR_MAC = '02:53:4c:00:00:01', '02:53:4c:00:00:02'  # as sluice-bench has them
FAR_IP, NEAR_IP = '198.18.0.2', '198.18.1.10'
NG_PORT = 2223
SUITES = ('AES_CM_128_HMAC_SHA1_80', 'AES_CM_128_HMAC_SHA1_32')
OURS = ('AES128_CM_SHA1_80', 'AES128_CM_SHA1_32')


def sh(*args):
    subprocess.run(args, check=True, stdout=subprocess.DEVNULL)


# ---- rtpengine's control protocol -----------------------------------------------------------------

def bencode(value):
    if isinstance(value, int):
        return b'i%de' % value
    if isinstance(value, str):
        value = value.encode()
        return b'%d:%s' % (len(value), value)
    if isinstance(value, list):
        return b'l' + b''.join(bencode(v) for v in value) + b'e'
    return b'd' + b''.join(bencode(k) + bencode(value[k]) for k in sorted(value)) + b'e'


def bdecode(data, at=0):
    kind = data[at:at + 1]
    if kind == b'i':
        end = data.index(b'e', at)
        return int(data[at + 1:end]), end + 1
    if kind in (b'l', b'd'):
        items, at = [], at + 1
        while data[at:at + 1] != b'e':
            item, at = bdecode(data, at)
            items.append(item)
        if kind == b'd':
            items = dict(zip((k.decode() for k in items[::2]), items[1::2]))
        return items, at + 1
    colon = data.index(b':', at)
    end = colon + 1 + int(data[at:colon])
    return data[colon + 1:end], end


class Ng:
    def __init__(self):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.connect(('127.0.0.1', NG_PORT))
        self.cookie = 0

    def ask(self, timeout=5, **command):
        self.cookie += 1
        self.sock.settimeout(timeout)
        self.sock.send(b'%d %s' % (self.cookie, bencode(
            {k.replace('_', '-'): v for k, v in command.items()})))
        answer = self.sock.recv(65536)
        reply = bdecode(answer, answer.index(b' ') + 1)[0]
        if reply['result'] not in (b'ok', b'pong'):
            raise RuntimeError('rtpengine: %r' % reply)
        return reply


def sdp(port, tag=None, suite=None, key=None):
    crypto = 'a=crypto:%d %s inline:%s\r\n' % (tag, suite, base64.b64encode(key).decode()) \
        if suite else ''
    return ('v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\n'
            'm=audio %d %s 8\r\na=rtpmap:8 PCMA/8000\r\n%sa=sendrecv\r\n'
            % (NEAR_IP, NEAR_IP, port, 'RTP/SAVP' if suite else 'RTP/AVP', crypto))


def parse_sdp(data):
    """Port, and of each suite its tag and key."""
    port, crypto = None, {}
    for line in data.decode().splitlines():
        if line.startswith('m=audio '):
            port = int(line.split()[1])
        elif line.startswith('a=crypto:'):
            tag, suite, key = line[len('a=crypto:'):].split()[:3]
            key = base64.b64decode(key[len('inline:'):].split('|')[0] + '==')
            crypto[suite] = (int(tag), key)
    return port, crypto


def set_up_call(ng, i, plain):
    """Offer, answer; returns the two legs for the generator."""
    a_port, b_port = 2000 + 4 * i, 2002 + 4 * i
    a_key, b_key = os.urandom(30), os.urandom(30)
    a_suite, b_suite = (None, None) if plain else SUITES
    common = {'call_id': 'call-%d' % i, 'from_tag': 'a%d' % i, 'replace': ['origin'],
              'ICE': 'remove', 'flags': ['trust address'], 'rtcp_mux': ['demux']}
    offer = ng.ask(command='offer', sdp=sdp(a_port, 1, a_suite, a_key), **common)
    to_b_port, to_b = parse_sdp(offer['sdp'])
    tag = to_b[b_suite][0] if b_suite else None
    answer = ng.ask(command='answer', to_tag='b%d' % i,
                    sdp=sdp(b_port, tag, b_suite, b_key), **common)
    to_a_port, to_a = parse_sdp(answer['sdp'])
    legs = []
    for port, far_port, suite, send, offered in ((a_port, to_a_port, a_suite, a_key, to_a),
                                                 (b_port, to_b_port, b_suite, b_key, to_b)):
        leg = {'near': NEAR_IP, 'near_port': port, 'far': FAR_IP, 'far_port': far_port,
               'ssrc': 0x5eed0000 + len(legs) + 2 * i}
        if suite:
            leg.update(suite=suite, send=send.hex(), receive=offered[suite][1].hex())
        legs.append(leg)
    return legs


# ---- the network and the servers ------------------------------------------------------------------

def wire_up():
    """veth: gen0 here, dp0 in the namespace of the server."""
    sh('mount', '-t', 'tmpfs', '-o', 'mode=755', 'sluice', '/run')
    os.makedirs('/run/netns')
    sh('ip', 'netns', 'add', 'server')
    sh('ip', 'link', 'set', 'lo', 'up')
    sh('ip', 'link', 'add', 'gen0', 'address', NEAR_MAC, 'type', 'veth', 'peer', 'name', 'dp0',
       'address', FAR_MAC, 'netns', 'server')
    # Finished checksums: the generator makes them, and sluice-dp reads them.
    sh('ethtool', '-K', 'gen0', 'tx', 'off')
    sh('nsenter', '--net=/run/netns/server', 'ethtool', '-K', 'dp0', 'tx', 'off')
    sh('ip', 'link', 'set', 'gen0', 'up')
    sh('ip', '-n', 'server', 'link', 'set', 'lo', 'up')
    sh('ip', '-n', 'server', 'link', 'set', 'dp0', 'up')


class Rtpengine:
    def __init__(self, cpu, directory):
        # The kernel has the address only while rtpengine uses it: sluice-dp answers for its own.
        sh('ip', '-n', 'server', 'addr', 'add', FAR_IP + '/15', 'dev', 'dp0')
        sh('ip', '-n', 'server', 'neigh', 'replace', NEAR_IP, 'lladdr', NEAR_MAC, 'dev', 'dp0',
           'nud', 'permanent')
        self.log = open(os.path.join(directory, 'rtpengine.log'), 'w+')
        self.process = subprocess.Popen(
            ['nsenter', '--net=/run/netns/server', 'taskset', '-c', str(cpu), 'rtpengine',
             '--foreground', '--log-stderr', '--log-level=3', '--table=-1', '--num-threads=1',
             '--interface=' + FAR_IP, '--listen-ng=127.0.0.1:%d' % NG_PORT,
             '--port-min=10000', '--port-max=60000', '--timeout=3600', '--silent-timeout=3600'],
            stderr=self.log, stdout=self.log, preexec_fn=limits)

    def calls(self, n, plain):
        """In the server's namespace, where its control port is."""
        ns = os.open('/run/netns/server', os.O_RDONLY)
        mine = os.open('/proc/self/ns/net', os.O_RDONLY)
        setns(ns)
        ng = Ng()
        setns(mine)
        os.close(ns)
        os.close(mine)
        end = time.monotonic() + 20
        while True:
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError('rtpengine does not start:\n' + self.tail())
            try:
                ng.ask(timeout=0.1, command='ping')
                break
            except (ConnectionRefusedError, socket.timeout):
                time.sleep(0.02)  # nothing tells when it listens
        legs = []
        for i in range(n):
            legs += set_up_call(ng, i, plain)
        return legs

    def tail(self):
        self.log.seek(0)
        return self.log.read()[-2000:]

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        sh('ip', '-n', 'server', 'addr', 'flush', 'dev', 'dp0')


def setns(fd):
    if ctypes.CDLL(None, use_errno=True).setns(fd, 0x40000000) != 0:  # CLONE_NEWNET
        raise OSError(ctypes.get_errno(), 'setns')


def limits():
    """Four sockets a call."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


# ---- measuring ------------------------------------------------------------------------------------

LOSS = 0.001  # what a rate may lose
CHANCE = 0.02 # with less than this it is tried again: something else may have run
STEPS = 6     # of the search, which halves what lies between two rates


def relay(args, *more):
    command = [BENCH, 'relay', '--json', '--alone', '--bytes', str(args.bytes),
               '--seconds', str(args.seconds), *more]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        raise RuntimeError('%s: status %d\n%s' % (' '.join(command), done.returncode,
                                                  done.stderr))
    return json.loads(done.stdout)


def our_work(args):
    if args.plain:
        return ['--calls', str(args.calls), '--path', 'rtp-rtp']
    return ['--calls', str(args.calls), '--suite', OURS[0], '--other-suite', OURS[1]]


class Column:
    """A server over veth. It is started anew for each rate: userspace rtpengine stops listening to a
    socket for good once it has found too much in it, and would fail every later rate too."""

    def __init__(self, name, run):
        self.name, self.run = name, run

    def search(self, args):
        """The highest rate that loses next to nothing. Where the generator cannot send more, that
        is told: the server may be able to do more."""
        low, high, best, r = 0, args.highest, None, None
        for _ in range(2 if args.quick else STEPS):
            rate = (low + high) / 2
            r = self.run(rate)
            if LOSS <= r['loss'] < CHANCE:
                r = self.run(rate)
            good, limited = r['loss'] < LOSS, r['generator']['limited']
            self.say('%.0f pps: %.0f relayed, loss %.3f %%%s' % (
                rate, r['mpps'] * 1e6, 100 * r['loss'],
                ', the generator sends no more' if limited else ''))
            if good and (best is None or r['mpps'] > best['mpps']):
                best = dict(r, generator_limited=limited)
            if good and not limited:
                low = rate
            else:
                high = rate
        return best or dict(r, generator_limited=False)  # nothing held: the loss tells

    def measure(self, args):
        r = self.search(args)
        for name, share in (('load_50', 0.5), ('load_90', 0.9)):
            at = self.run(r['mpps'] * 1e6 * share)
            r['latency_us'][name] = at['latency_us']['at_rate']
            r['latency_us'][name]['busy'] = at['busy']
        r['overload'] = self.run(r['mpps'] * 1e6, '--overload')['overload']
        return r

    def say(self, text):
        if sys.stderr.isatty():
            print('%s: %s' % (self.name, text), file=sys.stderr)


def measure_veth(args, directory, cpu):
    def rtpengine(rate, *more):
        server = Rtpengine(cpu, directory)
        try:
            legs = os.path.join(directory, 'legs.json')
            with open(legs, 'w') as f:
                json.dump(server.calls(args.calls, args.plain), f)
            return relay(args, '--rate', str(rate), '--legs', legs, '--interface', 'gen0',
                         '--pid', str(server.process.pid), *more)
        except RuntimeError as error:
            raise RuntimeError('%s\n%s' % (error, server.tail()))
        finally:
            server.end()

    def sluice(rate, *more):
        return relay(args, *our_work(args), '--rate', str(rate), '--interface', 'gen0',
                     '--dp-interface', 'dp0', '--dp-netns', '/run/netns/server', *more)

    return (Column('rtpengine', rtpengine).measure(args), Column('sluice', sluice).measure(args))


def measure(args):
    wire_up()
    with tempfile.TemporaryDirectory(prefix='sluice-peers-') as directory:
        theirs, ours = measure_veth(args, directory, max(os.sched_getaffinity(0)))
    memif = relay(args, *our_work(args), *(['--quick'] if args.quick else []))
    version = subprocess.run(['rtpengine', '--version'], capture_output=True, text=True)
    return {
        'benchmark': 'peers',
        'work': 'rtp-rtp' if args.plain else 'srtp-srtp, ' + ' to '.join(SUITES),
        'calls': args.calls, 'bytes': args.bytes, 'seconds': args.seconds, 'quick': args.quick,
        'rtpengine_version': (version.stdout + version.stderr).strip().replace('Version: ', ''),
        'rtpengine': theirs, 'sluice': ours, 'sluice_memif': memif,
        'ratios': {
            'veth': ours['mpps'] / theirs['mpps'] if theirs['mpps'] else None,
            'veth_cpu': theirs['ns_per_packet'] / ours['ns_per_packet'],
            'memif': memif['mpps'] / theirs['mpps'] if theirs['mpps'] else None,
        },
        'targets': {'veth': 2.5, 'memif': 20},
    }


def generator_limited(r):
    return 'yes' if r.get('generator_limited', r['generator']['limited']) else 'no'


def recovery(r):
    ms = r['overload']['recovery_ms']
    return '%.0f' % ms if ms >= 0 else 'never'


ROWS = (('highest rate, kpps', lambda r: '%.1f' % (r['mpps'] * 1000)),
        ('loss at it, %', lambda r: '%.3f' % (r['loss'] * 100)),
        ('generator is the limit', generator_limited),
        ('CPU a packet, us', lambda r: '%.2f' % (r['ns_per_packet'] / 1000)),
        ('share of a core then', lambda r: '%.2f' % r['busy']),
        ('delay at 50 %, p50, us', lambda r: '%.0f' % r['latency_us']['load_50']['p50']),
        ('delay at 50 %, p99, us', lambda r: '%.0f' % r['latency_us']['load_50']['p99']),
        ('delay at 90 %, p99, us', lambda r: '%.0f' % r['latency_us']['load_90']['p99']),
        ('overload: offered, kpps', lambda r: '%.0f' % (r['overload']['offered_mpps'] * 1000)),
        ('overload: loss ends after, ms', recovery),
        ('packets verified', lambda r: '%d' % r['verified']['packets']))


def print_table(result):
    print('%s, %d calls, %d bytes' % (result['work'], result['calls'], result['bytes']))
    print('%-30s %14s %14s %14s' % ('', 'rtpengine', 'sluice', 'sluice, memif'))
    for name, value in ROWS:
        print('%-30s %14s %14s %14s' % (name, *(value(result[k]) for k in
                                                ('rtpengine', 'sluice', 'sluice_memif'))))
    for name, ratio in result['ratios'].items():
        target = result['targets'].get(name)
        print('%-30s %14s times%s' % (name, '%.1f' % ratio if ratio else 'no',
                                      ' (target %g)' % target if target else ''))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--calls', type=int, default=1000)
    parser.add_argument('--bytes', type=int, default=172)
    parser.add_argument('--seconds', type=float, default=1, help='of a trial')
    parser.add_argument('--highest', type=float, default=600000,
                        help='packets a second where the search begins')
    parser.add_argument('--plain', action='store_true', help='RTP without SRTP')
    parser.add_argument('--json', action='store_true')
    parser.add_argument('--quick', action='store_true')
    parser.add_argument('--inside', action='store_true', help=argparse.SUPPRESS)
    args = parser.parse_args()
    if not shutil.which('rtpengine'):
        print('rtpengine is not installed: scripts/setup --peers', file=sys.stderr)
        return 77
    if not args.inside:
        user = [] if os.getuid() == 0 else ['--user', '--map-root-user']
        space = ['unshare', *user, '--net', '--mount', '--pid', '--fork', '--kill-child',
                 '--mount-proc']
        if subprocess.run([*space, 'true'], stderr=subprocess.DEVNULL).returncode != 0:
            print('no namespaces for this user here: run it as root', file=sys.stderr)
            return 77
        os.execvp('unshare', [*space, sys.executable, *sys.argv, '--inside'])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        result = measure(args)
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print('interrupted', file=sys.stderr)
        return 1
    if args.json:
        print(json.dumps(result, indent=2))
    else:
        print_table(result)
    return 0


if __name__ == '__main__':
    sys.exit(main())
