"""Read schemas and resolve every type; the notation is described in generate.py."""
import re

STRINGS = ('ia5', 'bmp', 'general', 'numeric', 'printable')
SIZED = ('octets', 'bits') + STRINGS
BLOCKS = ('seq', 'choice', 'enum')
PLAIN = ('bool', 'null', 'oid')
BUILTIN = PLAIN + SIZED + BLOCKS + ('int', 'list', 'open')
NUMERIC_ALPHABET = ' 0123456789'
PRINTABLE_ALPHABET = (" '()+,-./0123456789:=?ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                      'abcdefghijklmnopqrstuvwxyz')
INLINE_OCTETS = 16  # fixed OCTET STRINGs up to this size are arrays in the struct
KEYWORDS = set('auto break case char const continue default do double else enum extern float for '
               'goto if inline int long register restrict return short signed sizeof static struct '
               'switch typedef union unsigned void volatile while bool true false asm typeof '
               'unix linux errno'.split())


class SchemaError(Exception):
    def __init__(self, where, text):
        super().__init__('%s:%d: %s' % (where[0], where[1], text))


class Node:
    """A line of a schema with the lines nested below it."""

    def __init__(self, where, words):
        self.where, self.words, self.children = where, words, []


class Type:
    """A type after all names are resolved."""

    def __init__(self, kind, where):
        self.kind, self.where = kind, where
        self.lo = self.hi = None  # value range (int) or size range; None = unbounded
        self.extensible = False
        self.alphabet = None
        self.elem = None          # list, open
        self.label = None         # open: the name of the content as written
        self.members = []         # seq, choice
        self.names = []           # enum
        self.n_root = 0
        self.module = None        # owner of the C name
        self.name = None          # name in the Recommendation, or PARENT_member
        self.emitted = False

    def composite(self):
        return self.kind in ('seq', 'choice')


class Member:
    def __init__(self, name, where):
        self.name, self.where = name, where
        self.type, self.optional, self.addition, self.mark = None, False, False, None


# ---------------------------------------------------------------- reading

WORD = re.compile(r'"[^"]*"|[^\s"#]+|#')


def read_lines(path):
    with open(path, encoding='ascii') as f:
        for number, text in enumerate(f, 1):
            where = (path, number)
            words = []
            for m in WORD.finditer(text):
                if m.group() == '#':
                    break
                words.append(m.group())
            if not words:
                continue
            indent = len(text) - len(text.lstrip(' '))
            if indent % 4 or '\t' in text:
                raise SchemaError(where, 'indentation is not a multiple of four spaces')
            yield where, indent // 4, words


def read_tree(path):
    top, stack = [], []
    for where, depth, words in read_lines(path):
        node = Node(where, words)
        if depth > len(stack):
            raise SchemaError(where, 'indented deeper than its parent allows')
        del stack[depth:]
        (stack[-1].children if stack else top).append(node)
        stack.append(node)
    return top


class Module:
    def __init__(self, path):
        self.path, self.prefix, self.title = path, None, None
        self.defs = {}      # name -> (node, parameter or None)
        self.uses = {}      # name -> prefix
        self.types = {}     # name -> Type, in the order of the schema
        self.named = []     # types that own a C name here
        for node in read_tree(path):
            self.define(node)
        if self.prefix is None:
            raise SchemaError((path, 1), 'no module line')

    def define(self, node):
        words = node.words
        if words[0] == 'module' and len(words) == 3 and self.prefix is None:
            self.prefix, self.title = words[1:]
        elif words[0] == 'use' and len(words) >= 3:
            for name in words[2:]:
                self.uses[name] = words[1]
        elif words[0] in BLOCKS + ('type',) and len(words) >= 2:
            m = re.fullmatch(r'([A-Z][A-Za-z0-9-]*)(?:<([A-Za-z]+)>)?', words[1])
            if not m:
                raise SchemaError(node.where, 'bad type name %s' % words[1])
            if m.group(1) in self.defs:
                raise SchemaError(node.where, '%s is defined twice' % m.group(1))
            self.defs[m.group(1)] = (node, m.group(2))
        else:
            raise SchemaError(node.where, 'expected module, use, type, seq, choice or enum')


# ---------------------------------------------------------------- resolving

RANGE = re.compile(r'(-?\d+)(\.\.(-?\d+)?)?')


def take_range(words, where, what):
    """Remove a leading range from words; (lo, hi) or None."""
    if not words or not RANGE.fullmatch(words[0]):
        return None
    m = RANGE.fullmatch(words.pop(0))
    lo = int(m.group(1))
    hi = lo if m.group(2) is None else int(m.group(3)) if m.group(3) else None
    if hi is not None and hi < lo:
        raise SchemaError(where, 'bad %s: upper bound %d is below %d' % (what, hi, lo))
    if what == 'size' and lo < 0:
        raise SchemaError(where, 'bad size: %d is negative' % lo)
    if lo < -2**63 or (hi is not None and hi >= 2**63):
        raise SchemaError(where, 'bad %s: does not fit 64 bits' % what)
    return lo, hi


class Schema:
    """All modules, with every type resolved."""

    def __init__(self, paths):
        self.modules = {}
        self.pending = set()
        for path in paths:
            m = Module(path)
            if m.prefix in self.modules:
                raise SchemaError((path, 1), 'module %s is read twice' % m.prefix)
            self.modules[m.prefix] = m
        for m in self.modules.values():
            for name, prefix in m.uses.items():
                if prefix not in self.modules or name not in self.modules[prefix].defs:
                    raise SchemaError((m.path, 1), 'use of undefined %s %s' % (prefix, name))
                if name in m.defs:
                    raise SchemaError(m.defs[name][0].where, '%s is also taken by use' % name)
        for m in self.modules.values():
            for name, (node, parameter) in m.defs.items():
                if parameter is None:
                    self.named(m, name, node.where)
        for m in self.modules.values():
            for t in m.named:
                self.check_finite(t, ())

    def check_finite(self, t, above):
        """A struct cannot hold itself by value: on every way round there must be a pointer."""
        if t in above:
            raise SchemaError(t.where, '%s holds itself' % t.name)
        if t.kind == 'open':
            self.check_finite(t.elem, above)
        if t.kind == 'seq':
            for m in t.members:
                if not m.optional and not m.addition:
                    self.check_finite(m.type, above + (t,))

    def named(self, module, name, where):
        """The type called name as seen from module."""
        m = re.fullmatch(r'([A-Za-z0-9-]+)(?:<([A-Za-z0-9-]+)>)?', name)
        if not m:
            raise SchemaError(where, 'cannot read type %s' % name)
        base, argument = m.groups()
        home = module
        if base not in module.defs:
            if base not in module.uses:
                raise SchemaError(where, 'undefined type %s' % base)
            home = self.modules[module.uses[base]]
        node, parameter = home.defs[base]
        if (parameter is None) != (argument is None):
            raise SchemaError(where, '%s: template and argument do not match' % name)
        binding = None
        if argument:
            binding = (parameter, module, argument)
            owner = self.modules[module.uses.get(argument, module.prefix)]
            base = '%s_%s' % (base, argument)
        else:
            owner = home
        if base in owner.types:
            return owner.types[base]
        if (owner.prefix, base) in self.pending:  # nothing but names on the way round
            raise SchemaError(where, '%s is defined by itself' % base)
        return self.build_named(home, owner, base, node, binding)

    def build_named(self, home, owner, name, node, binding):
        kind = node.words[0]
        if kind == 'type':
            words = list(node.words[2:])
            self.pending.add((owner.prefix, name))
            t = self.read_type(home, owner, name, words, node, binding)
            self.pending.discard((owner.prefix, name))
            if t.name is None and t.kind == 'list':
                t.module, t.name = owner, name
                owner.named.append(t)
            owner.types[name] = t
            return t
        t = Type(kind, node.where)
        owner.types[name] = t  # before the members: types may refer to themselves
        self.fill(home, owner, name, t, node, binding)
        return t

    def fill(self, home, owner, name, t, node, binding):
        t.module, t.name = owner, name
        owner.named.append(t)
        if t.kind == 'enum':
            self.fill_enum(t, node)
            return
        for child in node.children:
            if child.words == ['---']:
                if t.extensible:
                    raise SchemaError(child.where, 'second extension marker')
                t.extensible = True
                t.n_root = len(t.members)
                continue
            t.members.append(self.member(home, owner, name, t, child, binding))
        if not t.extensible:
            t.n_root = len(t.members)
        self.check_members(t, node)

    def fill_enum(self, t, node):
        for child in node.children:
            word = child.words[0]
            if len(child.words) != 1 or child.children:
                raise SchemaError(child.where, 'an enumeration holds names only')
            if word == '---':
                t.extensible, t.n_root = True, len(t.names)
            elif word in t.names:
                raise SchemaError(child.where, 'duplicate name %s' % word)
            else:
                t.names.append(word)
        if not t.extensible:
            t.n_root = len(t.names)
        if not t.n_root:
            raise SchemaError(node.where, 'empty enumeration')

    def check_members(self, t, node):
        seen = {}
        for m in t.members:
            key = c_name(m.name)
            if key in seen:
                raise SchemaError(m.where, 'duplicate name %s' % m.name)
            seen[key] = m
        if t.kind == 'choice' and not t.n_root:
            raise SchemaError(node.where, 'empty choice')
        marked = [bool(m.mark) for m in t.members]
        if marked != sorted(marked):
            raise SchemaError(node.where, 'marked additions must come last')

    def member(self, home, owner, parent, t, child, binding):
        words = list(child.words)
        name = words.pop(0)
        m = Member(name.rstrip('?'), child.where)
        m.optional = name.endswith('?')
        m.addition = t.extensible
        if not re.fullmatch(r'[a-z][A-Za-z0-9-]*', m.name):
            raise SchemaError(child.where, 'bad member name %s' % m.name)
        if words and words[-1].startswith('@'):
            m.mark = words.pop()[1:]
            if not m.addition or not m.optional or t.kind != 'seq':
                raise SchemaError(child.where, 'only an optional addition can be marked')
        if m.optional and t.kind == 'choice':
            raise SchemaError(child.where, 'an alternative cannot be optional')
        if not words:
            raise SchemaError(child.where, '%s has no type' % m.name)
        inner = '%s_%s' % (parent, c_name(m.name))
        m.type = self.read_type(home, owner, inner, words, child, binding)
        if m.type.kind == 'null' and t.kind == 'seq' and not m.optional:
            raise SchemaError(child.where, 'a null member must be optional')
        return m

    def read_type(self, home, owner, name, words, node, binding):
        where = node.where
        word = words.pop(0) if words else ''
        if word in BLOCKS:
            if words:
                raise SchemaError(where, 'unexpected %s' % words[0])
            if not node.children:
                raise SchemaError(where, 'no members below %s' % word)
            t = Type(word, where)
            self.fill(home, owner, name, t, node, binding)
            return t
        if node.children and word != 'list':
            raise SchemaError(node.children[0].where, 'members below %s' % word)
        if word == 'list':
            t = Type('list', where)
            t.lo, t.hi = take_range(words, where, 'size') or (0, None)
            t.elem = self.read_type(home, owner, name, words, node, binding)
            return t
        if word == 'open':
            t = Type('open', where)
            t.label = words.pop(0) if words else ''
            t.elem = self.named(home, t.label, where)
        elif word in PLAIN:
            t = Type(word, where)
        elif word == 'int':
            t = self.read_int(words, where)
        elif word in SIZED:
            t = self.read_sized(word, words, where)
        else:
            t = self.reference(home, word, words, where, binding)
        if words:
            raise SchemaError(where, 'unexpected %s' % words[0])
        return t

    def read_int(self, words, where):
        t = Type('int', where)
        t.lo, t.hi = take_range(words, where, 'range') or (None, None)
        if words and words[0] == '...':
            words.pop(0)
            t.extensible = True
        return t

    def read_sized(self, kind, words, where):
        t = Type(kind, where)
        t.lo, t.hi = take_range(words, where, 'size') or (0, None)
        if words and words[0].startswith('"'):
            t.alphabet = ''.join(sorted(words.pop(0)[1:-1]))
            if kind in ('octets', 'bits', 'bmp', 'general') or not t.alphabet:
                raise SchemaError(where, '%s cannot have this alphabet' % kind)
            if len(set(t.alphabet)) != len(t.alphabet):
                raise SchemaError(where, 'a character occurs twice in the alphabet')
        return t

    def reference(self, home, word, words, where, binding):
        if binding and word == binding[0]:
            return self.named(binding[1], binding[2], where)
        t = self.named(home, word, where)
        size = take_range(words, where, 'size')
        if size is None:
            return t
        if t.kind not in SIZED:
            raise SchemaError(where, '%s cannot have a size' % word)
        sized = Type(t.kind, where)
        sized.alphabet = t.alphabet
        sized.lo, sized.hi = size
        return sized


def c_name(name):
    name = name.replace('-', '_')
    return name + '_' if name in KEYWORDS else name
