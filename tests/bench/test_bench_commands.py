"""sluice-bench as a user runs it: the shape of what it prints, never its speed."""
import glob
import html.parser
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest

BENCH, SLUICE_DP = sys.argv.pop(1), sys.argv.pop(1)
os.environ['SLUICE_DP'] = SLUICE_DP


def run(*args):
    r = subprocess.run([BENCH, *args], capture_output=True, text=True, timeout=200)
    return r.returncode, r.stdout, r.stderr


def left_behind():
    """Directories of benchmarks, running ones and such as forgot theirs."""
    return set(glob.glob('/tmp/sluice-bench-*'))


class Relay(unittest.TestCase):
    def relay(self, *args):
        code, out, err = run('relay', '--json', '--quick', '--calls', '5', *args)
        self.assertEqual(code, 0, err)
        return json.loads(out)

    def check(self, r):
        self.assertGreater(r['mpps'], 0)
        # CPU time comes in the kernel's ticks: a short run on a busy machine may see none.
        self.assertGreaterEqual(r['ns_per_packet'], 0)
        self.assertGreater(r['verified']['packets'], 0)
        self.assertEqual(r['verified']['wrong'], 0)
        for load in ('load_50', 'load_90'):
            delay = r['latency_us'][load]
            self.assertGreater(delay['p50'], 0)
            self.assertLessEqual(delay['p50'], delay['p99'])
            self.assertLessEqual(delay['p99'], delay['p99_9'])
        self.assertGreater(r['overload']['offered_mpps'], 0)
        self.assertIn('recovery_ms', r['targets'])

    def test_plain_path_is_its_own_ceiling(self):
        r = self.relay('--path', 'rtp-rtp')
        self.check(r)
        self.assertEqual((r['path'], r['suite'], r['calls']), ('rtp-rtp', 'none', 5))
        self.assertEqual(r['ceiling_mpps'], r['mpps'])
        self.assertIsNone(r['crypto_only_mpps'])

    def test_secure_path_has_its_limits_beside_it(self):
        r = self.relay('--path', 'srtp-srtp', '--suite', 'AEAD_AES_128_GCM')
        self.check(r)
        limit = 1 / (1 / r['ceiling_mpps'] + 1 / r['crypto_only_mpps'])
        self.assertAlmostEqual(r['composite_mpps'] / limit, 1, places=3)
        self.assertAlmostEqual(r['targets']['of_composite_limit']['value'],
                               r['mpps'] / r['composite_mpps'], places=3)

    def test_mixed_path_without_the_limits(self):
        r = self.relay('--path', 'rtp-srtp', '--alone', '--bytes', '1212')
        self.check(r)
        self.assertIsNone(r['ceiling_mpps'])
        self.assertIsNone(r['composite_mpps'])

    def test_legs_with_different_suites(self):
        """Frames of two lengths share the buffers of one ring."""
        self.check(self.relay('--alone', '--other-suite', 'AES128_CM_SHA1_32'))

    def test_one_rate_instead_of_a_search(self):
        r = self.relay('--alone', '--rate', '2000', '--overload')
        self.assertGreater(r['mpps'], 0)
        self.assertGreater(r['latency_us']['at_rate']['p99'], 0)
        self.assertGreater(r['overload']['after_mpps'], 0)
        self.assertNotIn('targets', r)

    def test_interrupt_ends_all_that_was_started(self):
        before = left_behind()
        bench = subprocess.Popen([BENCH, 'relay', '--seconds', '30', '--calls', '5'],
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            # Ready when its sluice-dp has made the memif: from then on traffic runs.
            end = time.monotonic() + 60
            while bench.poll() is None and time.monotonic() < end:
                mine = [d for d in left_behind() - before
                        if os.path.exists(d + '/memif.sock')]
                if mine and children(bench.pid):
                    break
            dp = children(bench.pid)
            bench.send_signal(signal.SIGINT)
            _, err = bench.communicate(timeout=60)
        finally:
            bench.kill()
        self.assertEqual(bench.returncode, 1)
        self.assertIn('interrupted', err)
        self.assertTrue(dp)
        for pid in dp:
            self.assertFalse(os.path.exists('/proc/%d' % pid))
        for directory in mine:
            self.assertFalse(os.path.exists(directory))

    def test_missing_program_is_told(self):
        code, out, err = run('relay', '--quick', '--sluice-dp', '/nowhere/sluice-dp')
        self.assertEqual((code, out), (1, ''))
        self.assertIn('/nowhere/sluice-dp', err)


class Fanout(unittest.TestCase):
    def test_each_receiver_gets_its_own(self):
        code, out, err = run('fanout', '--json', '--quick', '--receivers', '1', '--receivers', '8')
        self.assertEqual(code, 0, err)
        result = json.loads(out)
        self.assertEqual([r['receivers'] for r in result['rows']], [1, 8])
        for r in result['rows']:
            self.assertEqual(r['groups'], 16 // r['receivers'])
            self.assertGreater(r['ns_per_copy'], 0)
            self.assertAlmostEqual(r['out_mpps'] / r['in_mpps'], r['receivers'], places=3)
            self.assertGreater(r['verified']['packets'], 0)
            self.assertEqual(r['verified']['wrong'], 0)


class Data(unittest.TestCase):
    def test_rows_have_sctp_over_dtls_and_alone(self):
        code, out, err = run('data', '--json', '--quick')
        self.assertEqual(code, 0, err)
        r = json.loads(out)
        self.assertEqual([(x['associations'], x['size']) for x in r['rows']],
                         [(1, 64), (1, 16384), (20, 64), (20, 16384)])
        for row in r['rows']:
            for part in ('dtls', 'alone'):
                self.assertEqual(row[part]['up'], row['associations'])
                self.assertGreater(row[part]['messages_s'], 0)
                self.assertGreater(row[part]['p99_ms'], 0)
            self.assertAlmostEqual(row['ratio'], row['dtls']['messages_s'] / row['alone']['messages_s'],
                                   places=3)
        self.assertTrue(all(x['records_s'] > 0 for x in r['relay']))

    def test_records_cross_a_real_data_plane_and_the_link(self):
        before = left_behind()
        code, out, err = run('data', '--link', '--json', '--quick')
        self.assertEqual(code, 0, err)
        rows = json.loads(out)['rows']
        self.assertEqual([x['size'] for x in rows], [100, 1160])
        for x in rows:
            self.assertGreater(x['records'], 0)
            self.assertGreater(x['checked'], 0)
            self.assertLess(x['lost'], 0.5)  # a busy machine may stall it, a broken link loses all
            self.assertGreaterEqual(x['shard_ns'], 0)
        self.assertEqual(left_behind() - before, set())

    def test_link_without_a_data_plane_is_told(self):
        os.environ['SLUICE_DP'] = '/nowhere/sluice-dp'
        try:
            code, out, err = run('data', '--link', '--quick')
        finally:
            os.environ['SLUICE_DP'] = SLUICE_DP
        self.assertEqual((code, out), (1, ''))
        self.assertIn('/nowhere/sluice-dp', err)


class Dtls(unittest.TestCase):
    def test_full_and_resumed_handshakes_complete(self):
        for args, resumed in (((), 0), (('--resumed',), 19)):
            code, out, err = run('dtls', '--json', '--handshakes', '20', *args)
            self.assertEqual(code, 0, err)
            r = json.loads(out)
            self.assertEqual((r['completed'], r['resumed']), (20, resumed))
            both = 1 / (1 / r['server_per_s'] + 1 / r['client_per_s'])
            self.assertGreaterEqual(both, r['handshakes_per_s'] * 0.99)


class Figures(unittest.TestCase):
    def test_report_has_those_of_data_and_dtls(self):
        with tempfile.TemporaryDirectory() as directory:
            prefix = os.path.join(directory, 'r')
            steps = ('data', 'data-link', 'dtls', 'dtls-resumed')
            only = [word for step in steps for word in ('--only', step)]
            code, _, err = run('report', '--quick', '--out', prefix, *only)
            self.assertEqual(code, 0, err)
            with open(prefix + '.json') as f:
                report = json.load(f)
            self.assertEqual(set(report['results']), set(steps))
            names = [f['name'] for f in report['figures']]
            self.assertEqual(len(names), len(set(names)))
            self.assertEqual(len(names), 8 + 2 + 4 + 4)


class InMemory(unittest.TestCase):
    def test_demux_has_every_kind_and_the_mixture(self):
        code, out, err = run('demux', '--json', '--quick')
        self.assertEqual(code, 0, err)
        rows = {r['kind']: r for r in json.loads(out)['rows']}
        for kind in ('rtp', 'srtp', 'srtcp', 'dtls', 'stun', 'garbage', 'mixed'):
            self.assertGreater(rows[kind]['ns_per_frame'], 0)
            self.assertGreater(rows[kind]['classify_ns'], 0)

    def test_scale_tells_measured_from_predicted(self):
        code, out, err = run('scale', '--json', '--quick', '--workers', '2')
        self.assertEqual(code, 0, err)
        r = json.loads(out)
        measured = [m['workers'] for m in r['measured']]
        self.assertEqual(measured, list(range(1, len(measured) + 1)))
        self.assertEqual(r['model']['points'], len(measured))
        for p in r['predicted']:
            self.assertGreater(p['workers'], measured[-1])
            self.assertGreater(p['mpps'], 0)


class Report(unittest.TestCase):
    def report(self, directory, *args):
        prefix = os.path.join(directory, 'r')
        code, out, err = run('report', '--quick', '--out', prefix, '--only', 'demux', '--only',
                             'scale', '--only', 'relay-cm-10', *args)
        self.assertEqual(code, 0, err)
        with open(prefix + '.json') as f, open(prefix + '.html') as page:
            return json.load(f), page.read(), out

    def test_one_page_one_file_and_a_comparison(self):
        with tempfile.TemporaryDirectory() as directory:
            report, page, _ = self.report(directory)
            self.assertEqual(set(report['results']), {'demux', 'scale', 'relay-cm-10'})
            self.assertTrue(report['machine']['system'])
            names = [f['name'] for f in report['figures']]
            self.assertEqual(len(names), len(set(names)))
            self.assertGreater(len(names), 20)
            # Whole, and nothing from elsewhere: no script, no link, every plot closed.
            Page().feed(page)
            self.assertNotIn('http', page)
            self.assertNotIn('<script', page)
            self.assertEqual(page.count('<svg'), page.count('</svg>'))
            self.assertGreaterEqual(page.count('<svg'), 2)
            self.assertNotRegex(page, r'\b(nan|inf)\b')

            old = os.path.join(directory, 'old.json')
            os.rename(os.path.join(directory, 'r.json'), old)
            again, page, out = self.report(directory, '--against', old)
            self.assertEqual([r['name'] for r in again['against']], names)
            self.assertIn('Against the older report', page)
            self.assertIn('ratio', out)

    def test_what_fails_is_told(self):
        with tempfile.TemporaryDirectory() as directory:
            prefix = os.path.join(directory, 'r')
            code, _, err = run('report', '--quick', '--out', prefix, '--only', 'peers', '--peers',
                               '/nowhere')
            self.assertEqual(code, 0)  # not everybody has the peer
            self.assertIn('peers did not run', err)
            code, _, err = run('report', '--only', 'nothing')
            self.assertEqual(code, 2)
            code, _, err = run('report', '--against', '/nowhere.json')
            self.assertEqual(code, 1)
            self.assertIn('/nowhere.json', err)


class Page(html.parser.HTMLParser):
    """Every element that is opened is closed."""

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attrs):
        if tag != 'meta':
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, tag


class Options(unittest.TestCase):
    def test_nonsense_is_refused_with_the_usage(self):
        for args in (['relay', '--path', 'up'], ['relay', '--suite', 'ROT13'],
                     ['relay', '--calls', '0'], ['relay', '--bytes', '9000'],
                     ['relay', '--seconds', 'nan'], ['relay', '--interface', 'lo'],
                     ['relay', '--legs', 'x'], ['fanout', '--receivers', '2000'],
                     ['fanout', '--path', 'up'], ['nothing']):
            code, out, err = run(*args)
            self.assertEqual((code, out), (2, ''), args)
            self.assertIn('usage', err)

    def test_help_names_every_command(self):
        code, out, _ = run('--help')
        self.assertEqual(code, 0)
        for command in ('demux', 'fanout', 'per', 'pipeline', 'relay', 'report', 'scale', 'srtp'):
            self.assertIn('  %s ' % command, out)
            self.assertEqual(run(command, '--help')[0], 0)


class Legs(unittest.TestCase):
    def test_malformed_files_are_refused(self):
        good = {'near': '198.18.1.1', 'near_port': 2000, 'far': '198.18.0.2', 'far_port': 3000,
                'ssrc': 1}
        for text in ('', '{}', '[]', '[1, 2]', json.dumps([good]),
                     json.dumps([good, dict(good, near_port=70000)]),
                     json.dumps([good, dict(good, near='there')]),
                     json.dumps([good, dict(good, suite='AES_CM_128_HMAC_SHA1_80', send='00',
                                            receive='00')])):
            with tempfile.NamedTemporaryFile('w') as f:
                f.write(text)
                f.flush()
                code, _, err = run('relay', '--rate', '1000', '--interface', 'lo', '--legs',
                                   f.name)
            self.assertEqual(code, 1, text)
            self.assertIn('sluice-bench', err)


def children(pid):
    path = '/proc/%d/task/%d/children' % (pid, pid)
    with open(path) as f:
        return [int(p) for p in f.read().split()]


if __name__ == '__main__':
    unittest.main()
