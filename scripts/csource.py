"""Reading C sources for the checks: text without comments and literals, and the functions in it.

Not a parser. It relies on the house style that check-format enforces: a function's closing brace, and no other, stands alone in the first
column, and so does its opening brace.
"""
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDERS = ("include", "src", "apps", "tools", "tests", "bench")

TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)


def sources(*folders, suffixes=(".c", ".h")):
    """Every C source below these folders of the project (all by default) that git does not ignore, sorted."""
    listed = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", *(folders or FOLDERS)],
        capture_output=True, check=False)
    if listed.returncode == 0:
        paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    else:  # an unpacked archive
        paths = [path for folder in folders or FOLDERS for path in (ROOT / folder).rglob("*")]
    return sorted({path for path in paths if path.suffix in suffixes and path.is_file()})


def relative(path):
    return str(pathlib.Path(path).resolve().relative_to(ROOT))


def without_comments(text):
    """The text with comments blanked and the insides of literals removed; lines keep their numbers."""
    def blank(match):
        token = match.group(0)
        if token[0] == "/":
            return " " + "\n" * token.count("\n")
        return token[0] * 2 if token[0] == '"' else "' '"
    return TOKEN.sub(blank, text)


class Function:
    def __init__(self, name, line, parameters, body, first):
        self.name = name              # of the function
        self.line = line              # where its name stands
        self.parameters = parameters  # how many
        self.body = body              # lines between its braces
        self.first = first            # line of the opening brace

    @property
    def length(self):
        return len(self.body)

    def nesting(self):
        """The deepest block inside the body; the braces of initialisers do not count."""
        text = "\n".join(self.body)
        depth, deepest, stack = 0, 0, []
        for match in re.finditer(r"[{}]", text):
            if match.group() == "}":
                depth -= stack.pop() if stack else 0
                continue
            before = text[max(0, match.start() - 200):match.start()].rstrip()
            stack.append(all(stack) and opens_block(before))
            depth += stack[-1]
            deepest = max(deepest, depth)
        return deepest


def opens_block(before):
    """Whether a brace behind this text opens a block; else it opens an initialiser."""
    if re.search(r"(=|\breturn|[(,&?:])\s*\([^()]*\)$", before):
        return False  # a compound literal
    return before[-1:] in (")", ";", "{", "}", ":", "") or re.search(r"\b(else|do)$", before) is not None


def count_parameters(text):
    depth, count = 0, 1
    for char in text:
        depth += (char in "([") - (char in ")]")
        count += char == "," and depth == 0
    return 0 if text.strip() in ("", "void") else count


def functions(text):
    """The function definitions of a source whose comments were blanked."""
    lines = text.split("\n")
    opened = None
    for index, line in enumerate(lines):
        if line.rstrip() == "{" and opened is None:
            opened = index
        elif line.startswith("}") and opened is not None:
            head = find_head(lines, opened)
            if head:
                name, at, parameters = head
                yield Function(name, at + 1, parameters, lines[opened + 1:index], opened + 1)
            opened = None


def find_head(lines, opened):
    """(name, index of its line, number of parameters) of the function whose body opens on this line."""
    start = opened
    while start > 0 and lines[start - 1].strip() and not lines[start - 1].startswith(("}", "#")) \
            and not lines[start - 1].rstrip().endswith((";", "\\")):
        start -= 1
    head = "\n".join(lines[start:opened])
    depth, end = 0, None
    for position in range(len(head) - 1, -1, -1):
        if head[position] == ")":
            if depth == 0:
                end = position
            depth += 1
        elif head[position] == "(":
            depth -= 1
            if depth == 0:
                match = re.search(r"(\w+)\s*$", head[:position])
                if match is None:
                    return None
                return match.group(1), start + head[:match.start()].count("\n"), count_parameters(head[position + 1:end])
    return None
