"""C types and codec tables of resolved schemas (see generate.py; per/per.h describes the result)."""

from resolve import INLINE_OCTETS, NUMERIC_ALPHABET, PRINTABLE_ALPHABET, STRINGS, c_name

LIST_OF = {'bool': 'bool', 'oid': 'oid', 'bits': 'bits', 'bmp': 'bmp'}


def int_type(t):
    """(C type, width, signed) of an INTEGER."""
    if t.extensible or t.lo is None or t.hi is None:
        return 'int64_t', 8, True
    for width in (1, 2, 4):
        if t.lo >= 0 and t.hi < 1 << (8 * width):
            return 'uint%d_t' % (8 * width), width, False
    if t.lo >= -2**31 and t.hi < 2**31:
        return 'int32_t', 4, True
    return 'int64_t', 8, True


def is_inline(t):
    return t.kind == 'octets' and t.lo == t.hi and 0 < t.lo <= INLINE_OCTETS


def tag(t):
    return '%s_%s' % (t.module.prefix, c_name(t.name))


def list_tag(t):
    """Name after `struct` of a list."""
    if t.name:
        return tag(t)
    e = t.elem
    while e.kind == 'open':
        e = e.elem
    if e.name:
        return tag(e) + '_list'
    if e.kind == 'int':
        name, width, signed = int_type(e)
        return 'per_%s%d_list' % ('i' if signed else 'u', 8 * width)
    if is_inline(e):
        return 'per_octets%d_list' % e.lo
    if e.kind in STRINGS and e.kind != 'bmp':
        return 'per_string_list'
    return 'per_%s_list' % e.kind


def storage(t):
    """C type of a value of t; an inline OCTET STRING is an array and handled by declare()."""
    if t.kind == 'open':
        return storage(t.elem)
    if t.kind in ('seq', 'choice'):
        return 'struct ' + tag(t)
    if t.kind == 'enum':
        return 'enum ' + tag(t)
    if t.kind == 'list':
        return 'struct ' + list_tag(t)
    if t.kind == 'int':
        return int_type(t)[0]
    if t.kind in ('bool',):
        return 'bool'
    if t.kind in STRINGS and t.kind != 'bmp':
        return 'struct per_string'
    return 'struct per_' + t.kind


def declare(t, name, pointer):
    if is_inline(t):
        return 'uint8_t %s[%d]' % (name, t.lo)
    return '%s %s%s' % (storage(t), '*' if pointer else '', name)


def is_composite(t):
    return t.composite() or (t.kind == 'open' and is_composite(t.elem))


def remark(t):
    """The range, for people who read the header."""
    if t.kind not in ('int', 'list', 'octets', 'bits') + STRINGS or is_inline(t):
        return ''
    if t.lo in (None, 0) and t.hi is None:
        return ' /* octets */' if t.kind == 'octets' else ''
    lo = '' if t.lo is None else t.lo
    hi = '' if t.hi is None else t.hi
    text = str(lo) if t.lo == t.hi else '%s..%s' % (lo, hi)
    if t.extensible:
        text += ', ...'
    return ' /* %s */' % (text if t.kind in ('int',) else 'SIZE ' + text)


# ---------------------------------------------------------------- the header

def emit_enum(out, t):
    out.append('enum %s {' % tag(t))
    for i, name in enumerate(t.names):
        out.append('    %s_%s = %d,' % (tag(t), name.replace('-', '_'), i))
    out.append('};')


def emit_seq(out, t):
    out.append('struct %s {' % tag(t))
    for i, m in enumerate(t.members):
        if m.addition and i == t.n_root:
            out.append('    /* extension additions */')
        name = c_name(m.name)
        absent = m.optional or m.addition
        pointer = is_composite(m.type) and absent
        if absent and not pointer:
            out.append('    bool has_%s;' % m.name.replace('-', '_'))
        if m.type.kind != 'null':
            out.append('    %s;%s' % (declare(m.type, name, pointer), remark(m.type)))
    if t.extensible:
        out.append('    struct per_ext *ext_;')
    out.append('};')


def emit_choice(out, t):
    out.append('enum %s_kind {' % tag(t))
    out.append('    %s_UNSET,' % tag(t))
    for m in t.members:
        out.append('    %s_%s,' % (tag(t), m.name.replace('-', '_')))
    if t.extensible:
        out.append('    %s_UNKNOWN,' % tag(t))
    out.append('};')
    out.append('struct %s {' % tag(t))
    out.append('    enum %s_kind kind;' % tag(t))
    valued = [m for m in t.members if m.type.kind != 'null']
    if valued or t.extensible:
        out.append('    union {')
        for m in valued:
            pointer = is_composite(m.type)
            out.append('        %s;%s' % (declare(m.type, c_name(m.name), pointer), remark(m.type)))
        if t.extensible:
            out.append('        struct per_unknown *unknown_;')
        out.append('    } u;')
    out.append('};')


def emit_struct(out, t):
    """t after everything that it holds by value."""
    if t.emitted or not t.composite():
        return
    t.emitted = True
    if t.kind == 'seq':
        for m in t.members:
            if m.type.composite() and not m.optional and not m.addition:
                emit_struct(out, m.type)
            if m.type.kind == 'open' and is_composite(m.type):
                emit_struct(out, m.type.elem)
    out.append('')
    (emit_seq if t.kind == 'seq' else emit_choice)(out, t)


def all_lists(schema):
    """Anonymous lists of named things, by the module of the thing: {prefix: {tag: element}}."""
    found = {prefix: {} for prefix in schema.modules}
    seen = set()

    def visit(t):
        if id(t) in seen:
            return
        seen.add(id(t))
        if t.kind == 'list' and not t.name and list_tag(t).startswith('per_') is False:
            e = t.elem
            while e.kind == 'open':
                e = e.elem
            found[e.module.prefix][list_tag(t)] = e
        if t.elem:
            visit(t.elem)
        for m in t.members:
            visit(m.type)

    for module in schema.modules.values():
        for t in list(module.types.values()) + module.named:
            visit(t)
    return found


def header(schema, module, lists):
    guard = 'SIGNALLING_SCHEMA_%s_H' % module.prefix.upper()
    out = ['/* %s: generated from %s.schema by generate.py, do not edit.' %
           (module.title, module.prefix),
           ' * How the types represent values is told in signalling/per/per.h. */',
           '#ifndef ' + guard, '#define ' + guard, '', '#include "signalling/per/value.h"']
    for prefix in sorted(set(module.uses.values())):
        out.append('#include "signalling/schema/%s.h"' % prefix)
    out += ['', 'struct per_type;', 'struct per_module;', '',
            '/* Every type by name: for per_find. */',
            'extern const struct per_module %s_module;' % module.prefix, '']
    for t in module.named:
        if t.composite():
            out.append('struct %s;' % tag(t))
    for t in module.named:
        if t.kind == 'enum':
            out.append('')
            emit_enum(out, t)
    out.append('')
    for name in sorted(lists):
        out += ['struct %s {' % name, '    uint32_t n;', '    %s *v;' % storage(lists[name]), '};']
    for t in module.named:
        if t.kind == 'list':
            out += ['struct %s {%s' % (tag(t), remark(t)), '    uint32_t n;',
                    '    %s *v;' % storage(t.elem), '};']
    for t in module.named:
        emit_struct(out, t)
    out.append('')
    for t in module.named:
        out.append('extern const struct per_type %s_type;' % tag(t))
    out += ['', '#endif', '']
    return '\n'.join(out)


# ---------------------------------------------------------------- the tables

def bits_for(count):
    """Bits that number `count` values."""
    return (count - 1).bit_length()


def bound(lo, hi):
    """struct per_bound: how a whole number between lo and hi is encoded (X.691 clause 11.5)."""
    if lo is None:
        return '{.form = PER_FORM_UNBOUND}'
    if hi is None:
        return '{.form = PER_FORM_SEMI, .lo = %s}' % number(lo)
    count = hi - lo + 1
    if count == 1:
        form, bits = 'FIXED', 0
    elif count <= 255:
        form, bits = 'BITS', bits_for(count)
    elif count == 256:
        form, bits = 'ONE', 8
    elif count <= 65536:
        form, bits = 'TWO', 16
    else:
        form, bits = 'LONG', bits_for(((count - 1).bit_length() + 7) // 8)
    return '{.form = PER_FORM_%s, .bits = %d, .lo = %s, .hi = %s}' % (
        form, bits, number(lo), number(hi))


def size_bound(t):
    """Bound of a length; without a bound below 64K the general form is used and only checked."""
    if t.hi is None or t.hi >= 65536:
        return '{.form = PER_FORM_LENGTH, .lo = %d, .hi = %s}' % (
            t.lo, 'INT64_MAX' if t.hi is None else number(t.hi))
    return bound(t.lo, t.hi)


def number(n):
    if n == -2**63:
        return 'INT64_MIN'
    return '%dLL' % n if abs(n) >= 2**31 else str(n)


def c_string(s):
    return '"%s"' % s.replace('\\', '\\\\').replace('"', '\\"')


def number_bits(lo, hi):
    """Bits of the shortest whole number within bounds, padding not counted."""
    if lo is None or hi is None:
        return 16
    count = hi - lo + 1
    if count <= 255:
        return bits_for(count)
    return 8 if count == 256 else 16 if count <= 65536 else 9


def length_bits(t):
    return 8 if t.hi is None or t.hi >= 65536 else number_bits(t.lo, t.hi)


def min_bits(t, above=()):
    """A lower bound of the encoding's size: how many values can a given input hold at most?"""
    if t in above:
        return 0
    above = above + (t,)
    if t.kind == 'bool':
        return 1
    if t.kind == 'int':
        return t.extensible + number_bits(t.lo, t.hi)
    if t.kind == 'enum':
        return t.extensible + bits_for(t.n_root)
    if t.kind == 'choice':
        least = min(min_bits(m.type, above) for m in t.members[:t.n_root])
        return t.extensible + bits_for(t.n_root) + least
    if t.kind == 'seq':
        root = t.members[:t.n_root]
        return t.extensible + sum(1 if m.optional else min_bits(m.type, above) for m in root)
    if t.kind == 'list':
        return length_bits(t) + t.lo * min_bits(t.elem, above)
    if t.kind in ('octets', 'bmp'):
        return length_bits(t) + 8 * t.lo
    if t.kind in ('open', 'oid'):
        return 16
    return 0 if t.kind == 'null' else length_bits(t) + t.lo


class Tables:
    def __init__(self, module):
        self.module, self.out, self.known, self.defs = module, [], {}, []

    def ref(self, t):
        """C expression that points to the descriptor of t."""
        if t.name:
            return '&%s_type' % tag(t)
        fields = self.fields(t) + self.minimum(t)
        if fields not in self.known:
            name = 't%d' % len(self.known)
            self.known[fields] = name
            self.out.append('static const struct per_type %s = {%s};' % (name, fields))
        return '&' + self.known[fields]

    def fields(self, t):
        kind = t.kind
        if kind == 'open':
            return '.name = %s, .kind = PER_OPEN, .size = sizeof(%s), .elem = %s' % (
                c_string(t.label), storage(t), self.ref(t.elem))
        if kind == 'list':
            return '.name = %s, .kind = PER_LIST, .size = sizeof(%s), .bound = %s, .elem = %s' % (
                c_string(t.name or 'list'), storage(t), size_bound(t), self.ref(t.elem))
        if kind == 'int':
            _, width, signed = int_type(t)
            return ('.name = "INTEGER", .kind = PER_INT, .size = %d, .is_signed = %s, '
                    '.extensible = %s, .bound = %s') % (
                        width, flag(signed), flag(t.extensible), bound(t.lo, t.hi))
        if kind == 'octets':
            size = t.lo if is_inline(t) else 'sizeof(struct per_octets)'
            return '.name = "OCTET STRING", .kind = PER_%s, .size = %s, .bound = %s' % (
                'INLINE' if is_inline(t) else 'OCTETS', size, size_bound(t))
        if kind == 'bits':
            return ('.name = "BIT STRING", .kind = PER_BITS, .size = sizeof(struct per_bits), '
                    '.bound = %s') % size_bound(t)
        if kind in STRINGS:
            return self.string_fields(t)
        simple = {'bool': ('BOOLEAN', 'BOOL', 'bool'), 'null': ('NULL', 'NULL', None),
                  'oid': ('OBJECT IDENTIFIER', 'OID', 'struct per_oid')}[kind]
        return '.name = "%s", .kind = PER_%s, .size = %s' % (
            simple[0], simple[1], 'sizeof(%s)' % simple[2] if simple[2] else 0)

    def string_fields(self, t):
        title = {'ia5': 'IA5String', 'bmp': 'BMPString', 'general': 'GeneralString',
                 'numeric': 'NumericString', 'printable': 'PrintableString'}[t.kind]
        if t.kind == 'bmp':
            return ('.name = "%s", .kind = PER_BMP, .size = sizeof(struct per_bmp), .width = 16, '
                    '.bound = %s') % (title, size_bound(t))
        alphabet = t.alphabet or {'numeric': NUMERIC_ALPHABET,
                                  'printable': PRINTABLE_ALPHABET}.get(t.kind)
        width, indexed = 8, False
        if alphabet:
            width = 1
            while 1 << width < len(alphabet):
                width *= 2  # the aligned variant rounds up to a power of two
            indexed = ord(max(alphabet)) > (1 << width) - 1
        top = 255 if t.kind == 'general' else 127
        text = ('.name = "%s", .kind = PER_STRING, .size = sizeof(struct per_string), '
                '.width = %d, .indexed = %s, .top = %d, .bound = %s') % (
                    title, width, flag(indexed), top, size_bound(t))
        return text + (', .alphabet = %s' % c_string(alphabet) if alphabet else '')

    def minimum(self, t):
        return ', .min_bits = %d' % min(min_bits(t), 65535)

    def named(self, t):
        name = tag(t)
        if t.kind == 'list':
            body = self.fields(t)
        elif t.kind == 'enum':
            body = self.enum_body(t, name)
        else:
            body = self.composite_body(t, name)
        self.out.append('const struct per_type %s_type = {%s};' % (name, body + self.minimum(t)))

    def enum_body(self, t, name):
        self.out.append('static const char *const %s_names[] = {%s};' % (
            name, ', '.join(c_string(n) for n in t.names)))
        return ('.name = %s, .kind = PER_ENUM, .size = sizeof(enum %s), .extensible = %s, '
                '.bound = %s, .n_root = %d, .n_members = %d, .names = %s_names') % (
                    c_string(t.name), name, flag(t.extensible), bound(0, t.n_root - 1), t.n_root,
                    len(t.names), name)

    def composite_body(self, t, name):
        rows = [self.member_row(t, m, name) for m in t.members]
        rows = rows or ['{0}']  # a table to point to, even if nobody looks into it
        self.out.append('static const struct per_member %s_members[] = {\n    %s};' % (
            name, ',\n    '.join(rows)))
        body = '.name = %s, .kind = PER_%s, .size = sizeof(struct %s), .extensible = %s' % (
            c_string(t.name), t.kind.upper(), name, flag(t.extensible))
        body += ', .n_root = %d, .n_members = %d, .n_published = %d' % (
            t.n_root, len(t.members), len([m for m in t.members if not m.mark]) - t.n_root)
        if t.kind == 'choice':
            body += ', .bound = ' + bound(0, t.n_root - 1)
        else:
            body += ', .n_optional = %d' % len([m for m in t.members[:t.n_root] if m.optional])
        if t.extensible:
            body += ', .ext = offsetof(struct %s, %s)' % (
                name, 'ext_' if t.kind == 'seq' else 'u')
        return body + ', .members = %s_members' % name

    def member_row(self, t, m, name):
        absent = t.kind == 'seq' and (m.optional or m.addition)
        pointer = is_composite(m.type) and (absent or t.kind == 'choice')
        row = '{.name = %s, .type = %s' % (c_string(m.name), self.ref(m.type))
        if m.type.kind != 'null':
            where = 'u' if t.kind == 'choice' else c_name(m.name)
            row += ', .offset = offsetof(struct %s, %s)' % (name, where)
        if absent:
            row += ', .optional = true'
            if not pointer:
                row += ', .has = offsetof(struct %s, has_%s)' % (name, m.name.replace('-', '_'))
        return row + (', .pointer = true}' if pointer else '}')


def flag(b):
    return 'true' if b else 'false'


def source(schema, module):
    tables = Tables(module)
    for t in module.named:
        tables.named(t)
    rows = ['    {%s, %s},' % (c_string(name), tables.ref(t)) for name, t in module.types.items()
            if '_' not in name]
    out = ['/* Generated from %s.schema by generate.py, do not edit. */' % module.prefix,
           '#include "signalling/schema/%s.h"' % module.prefix, '',
           '#include "signalling/per/type.h"', '', '#include <stddef.h>', '']
    out += tables.out
    out += ['static const struct per_named names[] = {'] + rows + ['};']
    out += ['const struct per_module %s_module = {.prefix = %s, .title = %s, .n = %d, '
            '.types = names};' % (module.prefix, c_string(module.prefix), c_string(module.title),
                                  len(rows)), '']
    return '\n'.join(out)
