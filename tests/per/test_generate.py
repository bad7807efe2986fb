"""The schema generator refuses wrong schemas with file, line and reason."""
import os
import subprocess
import sys
import tempfile
import unittest

GENERATE = sys.argv.pop(1)
GOOD = """module t TEST
seq Foo
    a    int 0..255
    b?   Bar
    ---
    c?   list 1..4 octets
choice Bar
    x null
    y Foo
"""


def run(text):
    with tempfile.TemporaryDirectory() as d:
        path = os.path.join(d, 't.schema')
        with open(path, 'w') as f:
            f.write(text)
        r = subprocess.run([sys.executable, GENERATE, d, path], capture_output=True, text=True)
        made = sorted(n for n in os.listdir(d) if n != 't.schema')
        return r.returncode, r.stderr, made


class Generate(unittest.TestCase):
    def refused(self, text, line, reason):
        code, stderr, made = run(text)
        self.assertEqual(code, 1)
        self.assertIn('t.schema:%d: %s' % (line, reason), stderr)
        self.assertEqual(made, [])

    def test_good_schema_is_written(self):
        self.assertEqual(run(GOOD), (0, '', ['t.c', 't.h']))

    def test_undefined_type_is_refused(self):
        self.refused(GOOD + 'type Baz Nothing\n', 10, 'undefined type Nothing')

    def test_duplicate_type_is_refused(self):
        self.refused(GOOD + 'type Foo int\n', 10, 'Foo is defined twice')

    def test_duplicate_member_is_refused(self):
        self.refused(GOOD + '    x bool\n', 10, 'duplicate name x')

    def test_duplicate_after_hyphens_become_underscores_is_refused(self):
        self.refused('module t T\nseq A\n    a-b int\n    a-b? int\n', 4, 'duplicate name a-b')

    def test_empty_range_is_refused(self):
        self.refused('module t T\ntype A int 5..4\n', 2, 'bad range: upper bound 4 is below 5')

    def test_negative_size_is_refused(self):
        self.refused('module t T\ntype A octets -1..4\n', 2, 'bad size: -1 is negative')

    def test_type_made_of_itself_is_refused(self):
        self.refused('module t T\ntype A B\ntype B A\n', 3, 'A is defined by itself')

    def test_sequence_that_holds_itself_always_is_refused(self):
        self.refused('module t T\nseq A\n    a A\n', 2, 'A holds itself')

    def test_second_extension_marker_is_refused(self):
        self.refused('module t T\nseq A\n    ---\n    ---\n', 4, 'second extension marker')

    def test_words_behind_a_type_are_refused(self):
        self.refused('module t T\ntype A bool 5\n', 2, 'unexpected 5')

    def test_wrong_indentation_is_refused(self):
        self.refused('module t T\nseq A\n   a int\n', 3, 'indentation')

    def test_marked_root_member_is_refused(self):
        self.refused('module t T\nseq A\n    a? int @ours\n', 3, 'only an optional addition')

    def test_use_of_missing_module_is_refused(self):
        self.refused('module t T\nuse h245 Foo\n', 1, 'use of undefined h245 Foo')


if __name__ == '__main__':
    unittest.main()
