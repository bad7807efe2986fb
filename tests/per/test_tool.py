"""sluice-per as an operator runs it."""
import json
import subprocess
import sys
import unittest

TOOL, VECTORS = sys.argv.pop(1), sys.argv.pop(1)


def run(args, text):
    r = subprocess.run([TOOL] + args, input=text, capture_output=True, text=True, timeout=60)
    return r.returncode, r.stdout, r.stderr


def lines(name):
    with open('%s/%s.jsonl' % (VECTORS, name)) as f:
        return [json.loads(line) for line in f]


class Tool(unittest.TestCase):
    def test_batch_decode_and_encode_agree_with_vectors(self):
        for kind in ('MultimediaSystemControlMessage', 'H323-UserInformation', 'RasMessage'):
            vectors = [v for v in lines('realistic') + lines(kind) if v['type'] == kind]
            code, out, _ = run(['decode', '--batch', kind],
                               ''.join(v['hex'] + '\n' for v in vectors))
            self.assertEqual(code, 0)
            self.assertEqual([json.loads(s) for s in out.splitlines()],
                             [v['value'] for v in vectors])
            code, out, _ = run(['encode', kind, '--batch'],
                               ''.join(json.dumps(v['value']) + '\n' for v in vectors))
            self.assertEqual(code, 0)
            self.assertEqual(out.splitlines(), [v['hex'] for v in vectors])

    def test_batch_error_is_a_result_with_path_and_bit(self):
        code, out, err = run(['decode', '--batch', 'MultimediaSystemControlMessage'],
                             '01003c80ab\n20a0\nxyz\n\n')
        results = [json.loads(s) for s in out.splitlines()]
        self.assertEqual((code, err, len(results)), (0, '', 4))
        self.assertEqual(results[0]['path'],
                         'request.masterSlaveDetermination.statusDeterminationNumber')
        self.assertEqual(results[0]['bit'], 32)
        self.assertIn('(bit 32): the input ends too early', results[0]['error'])
        self.assertIn('response', results[1])
        self.assertIn('not hex', results[2]['error'])
        self.assertIn('ends too early', results[3]['error'])

    def test_single_message_may_be_split_by_white_space(self):
        code, out, _ = run(['decode', 'MultimediaSystemControlMessage'], '20\n a0\n')
        self.assertEqual(code, 0)
        self.assertEqual(json.loads(out), {
            'response': {'masterSlaveDeterminationAck': {'decision': {'slave': None}}}})

    def test_single_refused_message_fails_with_reason(self):
        code, out, err = run(['encode', 'MasterSlaveDetermination'],
                             '{"terminalType": 300, "statusDeterminationNumber": 1}')
        self.assertEqual((code, out), (1, ''))
        self.assertIn('terminalType', err)
        self.assertIn('300 is not within 0..255', err)

    def test_print_writes_value_notation(self):
        code, out, _ = run(['print', 'MultimediaSystemControlMessage'], '01003c80abcdef')
        self.assertEqual(code, 0)
        self.assertEqual(out, 'request : masterSlaveDetermination : {\n  terminalType 60,\n'
                              '  statusDeterminationNumber 11259375\n}\n')

    def test_print_in_batch_is_one_line_each(self):
        code, out, _ = run(['print', '--batch', 'MultimediaSystemControlMessage'],
                           '01003c80abcdef\n20a0\n')
        self.assertEqual(code, 0)
        self.assertEqual(json.loads(out.splitlines()[1]),
                         'response : masterSlaveDeterminationAck : {\n  decision slave : NULL\n}')

    def test_qualified_type_is_found(self):
        code, out, _ = run(['encode', 'H235-SECURITY-MESSAGES:Params'], '{}')
        self.assertEqual((code, out), (0, '00\n'))

    def test_unknown_type_or_command_is_refused(self):
        self.assertEqual(run(['decode', 'Nothing'], '')[0], 2)
        self.assertEqual(run(['explode', 'RasMessage'], '')[0], 2)
        self.assertEqual(run(['decode'], '')[0], 2)
        self.assertEqual(run(['--nonsense'], '')[0], 2)
        self.assertIn('TYPE', run(['--help'], '')[1])

    def test_malformed_vectors_are_refused_in_batch(self):
        vectors = [v for v in lines('malformed') if v['expect'] == 'reject' and
                   v['type'] == 'MultimediaSystemControlMessage']
        code, out, _ = run(['decode', '--batch', 'MultimediaSystemControlMessage'],
                           ''.join(v['hex'] + '\n' for v in vectors))
        self.assertEqual(code, 0)
        results = [json.loads(s) for s in out.splitlines()]
        self.assertEqual(len(results), len(vectors))
        self.assertTrue(all('error' in r for r in results))


if __name__ == '__main__':
    unittest.main()
