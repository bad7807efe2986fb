"""bench/peers compares with a peer: both columns are there, and nothing is left behind."""
import json
import os
import subprocess
import sys
import unittest

SCRIPT, BENCH = sys.argv.pop(1), os.path.abspath(sys.argv.pop(1))
SKIPPED = 77


class Rtpengine(unittest.TestCase):
    def test_both_columns_in_one_run(self):
        env = dict(os.environ, SLUICE_BUILD=os.path.dirname(os.path.dirname(BENCH)))
        r = subprocess.run([SCRIPT, '--json', '--quick', '--calls', '3', '--seconds', '0.2',
                            '--highest', '8000'], capture_output=True, text=True, timeout=200,
                           env=env)
        if r.returncode == SKIPPED:
            print(r.stderr)
            sys.exit(SKIPPED)
        self.assertEqual(r.returncode, 0, r.stderr)
        result = json.loads(r.stdout)
        for column in ('rtpengine', 'sluice', 'sluice_memif'):
            figures = result[column]
            self.assertGreater(figures['mpps'], 0)
            self.assertGreater(figures['verified']['packets'], 0)
            self.assertEqual(figures['verified']['wrong'], 0)
            self.assertIn('recovery_ms', figures['overload'])
        self.assertGreater(result['ratios']['veth'], 0)


if __name__ == '__main__':
    unittest.main()
