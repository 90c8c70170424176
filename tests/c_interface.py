"""Reads declarations, of C headers and of the .pxd files that repeat them, so that a test can compare the two.

It reads what our own headers hold: #define with a number, enum, struct, pointers to functions, and functions.
"""

import re

INTEGERS = {"short", "int", "long", "unsigned", "signed", "char"}
PRIMITIVES = INTEGERS | {"float", "double", "void"}


class _Declaration:
    """A declaration in C's syntax, taken apart from left to right."""

    def __init__(self, text):
        self.tokens = re.findall(r"\w+|[*()\[\],]", text)

    def next_is(self, *wanted):
        return bool(self.tokens) and self.tokens[0] in wanted

    def names(self):
        """Yield the name (None if there is none) and the type of each thing that is declared."""
        base, found = set(), []
        while self.tokens and re.match(r"\w", self.tokens[0]):
            token = self.tokens[0]
            if token != "const":
                if base and not (base <= INTEGERS and token in INTEGERS | {"double"}):
                    break
                base.add(token)
            # Cython has another name for it.
            found.append("ptrdiff_t" if token == "Py_ssize_t" else token)
            self.tokens.pop(0)
        specifiers = " ".join(sorted(found))
        while True:
            yield self.declarator(specifiers)
            if not self.next_is(","):
                return
            self.tokens.pop(0)

    def declarator(self, kind):
        while self.next_is("*", "const"):
            kind = f"{kind} {self.tokens.pop(0)}"
        name = inner = None
        if self.tokens[:2] == ["(", "*"]:  # what is in parentheses is read once it is known what it points to
            depth, length = 1, 1
            while depth:
                depth += {"(": 1, ")": -1}.get(self.tokens[length], 0)
                length += 1
            inner, self.tokens = self.tokens[1 : length - 1], self.tokens[length:]
        elif self.tokens and re.match(r"[A-Za-z_]", self.tokens[0]):
            name = self.tokens.pop(0)
        if self.next_is("["):
            kind, self.tokens = f"{kind} [{self.tokens[1]}]", self.tokens[3:]
        elif self.next_is("("):
            self.tokens.pop(0)
            parameters = []
            while not self.next_is(")"):
                parameters.append(self.parameter())
                if self.next_is(","):
                    self.tokens.pop(0)
            self.tokens.pop(0)
            kind = f"{kind} ({', '.join(parameters if parameters != ['void'] else [])})"
        if inner is not None:
            rest, self.tokens = self.tokens, inner
            name, kind = self.declarator(kind)
            self.tokens = rest
        return name, kind

    def parameter(self):
        return next(self.names())[1]


def _declared(text, constants):
    for name, value in constants.items():
        text = re.sub(rf"\b{name}\b", str(value), text)
    return _Declaration(text).names()


def read_header(text):
    """What a C header declares: constants, structs (name to fields) and everything else (name to type)."""
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.S)
    constants = {name: int(value) for name, value in re.findall(r"^#define (\w+) (\d+)\s*$", text, flags=re.M)}
    text = re.sub(r"^#(?:.*\\\n)*.*$", "", text, flags=re.M)
    for body in re.findall(r"enum\s*\{(.*?)\}", text, flags=re.S):
        constants |= {name: number for number, name in enumerate(re.findall(r"\w+", body))}
    structs, others = {}, {}
    for body, name in re.findall(r"typedef struct \{(.*?)\}\s*(\w+);", text, flags=re.S):
        structs[name] = [each for line in body.split(";")[:-1] for each in _declared(line, constants)]
    text = re.sub(r"typedef (struct|enum) \{.*?\}\s*\w+;", "", text, flags=re.S)
    for line in text.split(";")[:-1]:
        others |= dict(_declared(re.sub(r"\b(typedef|extern)\b", "", line), constants))
    return constants, structs, others


def read_pxd(text, header):
    """What the extern block of a .pxd file says of a header: names of constants, structs and everything else."""
    (block,) = re.findall(rf'^cdef extern from "{header}" nogil:\n((?:[ ].*\n|\n)*)', text, flags=re.M)
    block = re.sub(r"#.*|\b(noexcept|nogil)\b", "", block)
    block = re.sub(r"\(([^()]|\([^()]*\))*\)", lambda found: " ".join(found[0].split()), block)
    constants, structs, others, fields = [], {}, {}, None
    for line in filter(str.strip, block.splitlines()):
        if found := re.match(r"    ctypedef struct (\w+):", line):
            fields = structs[found[1]] = []
        elif line.startswith("        "):
            fields += _declared(line, {})
        elif found := re.match(r"    const int (\w+)\s*$", line):
            constants.append(found[1])
        else:
            others |= dict(_declared(line.strip().removeprefix("ctypedef "), {}))
    return constants, structs, others


def contradictions(pxd, text):
    """Whatever a .pxd file's block says that the header does not."""
    (constants, structs, others), (named, copied, repeated) = read_header(text), pxd
    yield from (f"{name} is no constant of the header" for name in named if name not in constants)
    for name, fields in copied.items():
        if fields != structs.get(name):
            yield f"{name} is {structs.get(name)}, not {fields}"
    for name, kind in repeated.items():
        if kind != others.get(name):
            yield f"{name} is {others.get(name)}, not {kind}"
