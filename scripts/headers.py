"""Reading the public headers: their essays, sections, declarations and docstrings.

A docstring is a `/** */` comment in front of a declaration or, for one on a line, behind it. Its tags are @param NAME, @return, @thread,
@since and @java; each goes on to the next tag or an empty line. `@thread` in the essay at the top of a header holds for every function of it that
says nothing else. Not a parser of C: it relies on the layout that check-format enforces.
"""
import re

TAG = re.compile(r"@(param|return|thread|since|java)\b")
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
NOISE = re.compile(r"\bKS_(?:API|NODISCARD|NORETURN)\b\s*|\s*\bKS_PRINTF\([^)]*\)|\bextern\s+")


def comment_text(comment):
    """The text of a comment without its stars; lines keep their indent."""
    body = re.sub(r"^/\*+<?|\*+/$", "", comment.strip())
    lines = [re.sub(r"^\s*\* ?", "", line) if number else line.lstrip() for number, line in enumerate(body.split("\n"))]
    return "\n".join(line.rstrip() for line in lines).strip("\n")


class Doc:
    """A docstring: its prose, and its tags."""
    def __init__(self, text):
        parts = TAG.split(text)
        prose = [parts[0].strip("\n")]
        self.params, self.tags = [], {}
        for tag, value in zip(parts[1::2], parts[2::2]):
            value, _, further = value.partition("\n\n")
            value = " ".join(value.split())
            prose.append(further.strip("\n"))
            if tag == "param":
                name, _, value = value.partition(" ")
                self.params.append((name, value))
            else:
                self.tags.setdefault(tag, []).append(value)
        self.prose = "\n\n".join(part.rstrip() for part in prose if part.strip())

    def tag(self, name):
        return " ".join(self.tags.get(name, []))


class Item:
    """One declaration: kind is function, callback, struct, enum, handle or variable."""
    def __init__(self, kind, name, code, doc, line):
        self.kind, self.name, self.code, self.doc, self.line = kind, name, code, doc, line
        self.extras = []        # of an options struct: its macro and its _init
        self.members = []       # (name, Doc) of commented members and enumerators

    def is_options(self):
        return self.kind == "struct" and "ks_options_head head;" in self.code

    def parameters(self):
        match = re.search(r"\b" + self.name + r"\s*\((.*)\)", " ".join(self.code.split()))
        text = COMMENT.sub("", match.group(1)) if match else ""
        names = re.findall(r"(\w+)\s*(?:\[\])?\s*(?:,|$)", text)
        return [name for name in names if name not in ("void",)]


class Header:
    def __init__(self, path):
        self.path, self.name = path, path.name
        self.items, self.sections = [], []   # sections: (title, [items])
        text = path.read_text()
        essay = re.search(r"/\*(?!\*)(?! SPDX).*?\*/", text, re.DOTALL)
        self.essay = Doc(comment_text(essay.group(0))) if essay else Doc("")
        self._read(text, essay.end() if essay else 0)

    def thread(self, item):
        """The rule of a function: its own, else that of the header."""
        return (item.doc and item.doc.tag("thread")) or self.essay.tag("thread")

    def _read(self, text, at):
        doc = None
        self.sections.append(("", []))
        while at < len(text):
            rest = text[at:]
            skipped = re.match(r'\s+|extern "C" \{|\}\s*\n#endif', rest)
            comment = COMMENT.match(rest)
            directive = re.match(r"#(?:[^\n]*\\\n)*[^\n]*\n", rest)
            if skipped:
                at += skipped.end()
            elif comment:
                at += comment.end()
                title = re.match(r"/\* ---- (.*?) -+ \*/", comment.group(0))
                if title:
                    self.sections.append((title.group(1), []))
                doc = Doc(comment_text(comment.group(0))) if comment.group(0).startswith("/**") else None
            elif directive:
                at += directive.end()
                self._macro(directive.group(0), doc, text.count("\n", 0, at))
                doc = None
            else:
                end = self._declaration_end(text, at)
                behind = re.match(r"[ \t]*(/\*\*<.*?\*/)", text[end:], re.DOTALL)
                if behind:
                    doc = Doc(comment_text(behind.group(1)))
                self._declared(text[at:end], doc, text.count("\n", 0, at) + 1)
                at, doc = end + (behind.end() if behind else 0), None
        self.sections = [section for section in self.sections if section[1]]

    @staticmethod
    def _declaration_end(text, at):
        """Behind the `;` of the declaration at this place, or behind the body of an inline function."""
        inline, depth = text.startswith("static inline", at), 0
        for match in re.compile(r"/\*.*?\*/|[{};]", re.DOTALL).finditer(text, at):
            token = match.group(0)
            depth += (token == "{") - (token == "}")
            if depth == 0 and (token == ";" or token == "}" and inline):
                return match.end()
        return len(text)

    def _macro(self, directive, doc, line):
        match = re.match(r"#define (KS_[A-Z_]+)\(([^)]*)\)", directive)
        last = self.items[-1] if self.items else None
        if match and last is not None and last.is_options():
            last.extras.append(f"{match.group(1)}({match.group(2)})")
        elif doc is not None and re.match(r"#define KS_", directive):
            name, parameters = re.match(r"#define (\w+)(\([^)]*\))?", directive).groups()
            # What a macro with parameters becomes is its own affair; of a constant it is all there is.
            self._add(Item("macro", name, name + parameters if parameters else directive.rstrip(), doc, line))

    def _declared(self, code, doc, line):
        if code.startswith("static inline"):
            code = code[:code.index("\n{")] + ";"
        flat = " ".join(COMMENT.sub("", code).split())
        struct = re.match(r"(?:typedef )?(struct|enum) (\w+) \{", flat)
        handle = re.match(r"typedef struct (\w+) \1;", flat)
        callback = re.match(r"typedef [^(]*?(\w+)\(", flat)
        variable = re.match(r"KS_API extern [^(]*?(\w+);", flat)
        function = re.match(r"[^(=]*?(\w+)\(", flat)
        if struct:
            item = Item(struct.group(1), struct.group(2), code, doc, line)
            item.members = list(members(code))
        elif handle:
            if doc is None:
                return          # a forward declaration
            item = Item("handle", handle.group(1), code, doc, line)
        elif callback:
            item = Item("callback", callback.group(1), code, doc, line)
        elif variable:
            item = Item("variable", variable.group(1), NOISE.sub("", code), doc, line)
        elif function:
            options = function.group(1).removesuffix("_init")
            for earlier in self.items:
                if earlier.name == options and earlier.is_options() and doc_is_short(doc):
                    earlier.extras.append(NOISE.sub("", code))
                    return
            item = Item("function", function.group(1), NOISE.sub("", code), doc, line)
        else:
            return
        self._add(item)

    def _add(self, item):
        self.items.append(item)
        self.sections[-1][1].append(item)


def doc_is_short(doc):
    """Whether an _init has nothing to say that not every _init says."""
    return doc is None or not doc.params


def members(code):
    """(name, Doc) of every member of a struct or enum that has a docstring."""
    tokens = re.compile(r"/\*\*(<?).*?\*/|([A-Za-z_]\w*)\s*(?:\[\w*\])?\s*(?:=[^,/]*)?(?=[,;}\n])", re.DOTALL)
    waiting, last = None, None
    for match in tokens.finditer(code, code.index("{")):
        token = match.group(0)
        if token.startswith("/**<"):
            if last:
                yield last, Doc(comment_text(token))
        elif token.startswith("/**"):
            waiting = Doc(comment_text(token))
        else:
            last = match.group(2)
            if waiting is not None:
                yield last, waiting
                waiting = None


def headers(root):
    """All public headers of a source tree but the umbrella, in the order of their names."""
    return [Header(path) for path in sorted((root / "include/kstreams").glob("*.h")) if path.name != "kstreams.h"]
