#!/usr/bin/env python3
"""Check the schemas and write their C types and codec tables.

usage: generate.py OUTDIR SCHEMA...        (writes OUTDIR/NAME.h and OUTDIR/NAME.c per schema)

The notation. One thing a line, `#` starts a comment, nesting is four spaces.

    module PREFIX NAME          C prefix and the module's name in the Recommendation
    use PREFIX NAME...          names taken from another schema
    type NAME TYPE              a name for a type
    seq NAME, choice NAME, enum NAME, each followed by its members, one level deeper
    seq NAME<P>                 a template: P stands for the type given in NAME<OTHER>

A member is `name TYPE`, or `name? TYPE` if it may be absent. `---` is the extension marker: what
stands below it are extension additions. A TYPE is one of

    bool  null  oid
    int, int LO..HI, int LO.., int LO..HI ...   (the last may hold values outside its range)
    octets, bits, ia5, bmp, general, numeric, printable, each with an optional size N or LO..HI
                                and, for character strings, an optional "alphabet"
    list TYPE, list LO..HI TYPE
    open NAME                   an encoding of NAME carried as an open type
    NAME, NAME LO..HI           another type, perhaps with a size of its own
    seq, choice, enum           whose members follow one level deeper

`@WORD` at the end of an addition marks one that the published version of the module lacks (`@ours`,
`@v8`): decoded as any other; a value without it is encoded as the published module says.
"""
import os
import sys

sys.dont_write_bytecode = True  # the source tree may be read-only

import emit
import resolve


def write(path, text):
    with open(path, 'w', encoding='ascii') as f:
        f.write(text)


def main(argv):
    if len(argv) < 3:
        sys.exit(__doc__.split('\n\n')[1])
    try:
        schema = resolve.Schema(argv[2:])
    except (resolve.SchemaError, OSError, UnicodeDecodeError) as e:
        sys.exit('generate.py: %s' % e)
    lists = emit.all_lists(schema)
    for module in schema.modules.values():
        base = os.path.join(argv[1], module.prefix)
        write(base + '.h', emit.header(schema, module, lists[module.prefix]))
        write(base + '.c', emit.source(schema, module))


if __name__ == '__main__':
    main(sys.argv)
