#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The manual pages name the options, commands and headers that there are, and none besides; mandoc has nothing to say about them.

Runs the programs of KSTREAMS_BIN, else of bin/ in the current folder (a build folder), else of build/bin.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = ROOT / "docs/man"
# Options of the commands of ks that no --help of theirs explains, because every command has them.
EVERYWHERE = {"--help", "-h", "--version"}
OPTION = re.compile(r"(?<![\w-])(--?[A-Za-z][\w-]*)")


def find_programs():
    folders = [os.environ.get("KSTREAMS_BIN"), pathlib.Path.cwd() / "bin", ROOT / "build/bin"]
    for folder in filter(None, folders):
        if (pathlib.Path(folder) / "ks").exists():
            return pathlib.Path(folder).resolve()
    print("the programs are not built: `make programs` builds them, KSTREAMS_BIN says where they are")
    sys.exit(77)


def help_of(program, *arguments):
    done = subprocess.run([BIN / program, *arguments, "--help"], capture_output=True, text=True, timeout=60, check=True)
    return done.stdout


def options_of(text):
    """Options named by a text of --help: those of its usage and of the lines that explain them."""
    # What stands in backquotes or behind "Example:" is an argument of something else.
    text = re.sub(r"`[^`]*`|^Example:.*$", "", text, flags=re.MULTILINE)
    return set(OPTION.findall(text))


def page_options(page):
    """Options of a page: the arguments of its Fl macros."""
    options = set()
    for line in re.sub(r"\.Bd.*?\.Ed", "", page, flags=re.DOTALL).splitlines():
        if not line.startswith("."):
            continue
        words = line[1:].split()
        for index, word in enumerate(words):
            if word != "Fl":
                continue
            for name in words[index + 1:]:
                if re.fullmatch(r"[,|]|Fl", name):
                    continue
                if not re.fullmatch(r"-?[a-zA-Z][\w-]*", name) or name in ("Ar", "Cm", "Oc", "Oo", "Op", "Ns"):
                    break
                options.add("-" + name)
    return options


class ManPages(unittest.TestCase):
    def same(self, program, told, page):
        self.assertEqual(sorted(told - page), [], f"{program}: --help names them and docs/man/{program}.1 does not")
        self.assertEqual(sorted(page - told), [], f"{program}: docs/man/{program}.1 names them and --help does not")

    def test_every_program_has_a_page(self):
        programs = {"ks", "ks-bench", *(path.parent.name for path in ROOT.glob("apps/*/main.c"))}
        self.assertEqual(programs, {path.stem for path in PAGES.glob("*.1")})

    def test_pages_of_programs_name_the_options_of_their_help(self):
        for page in sorted(PAGES.glob("*.1")):
            if page.stem == "ks":
                continue
            self.same(page.stem, options_of(help_of(page.stem)) | {"--help"}, page_options(page.read_text()))

    def test_the_page_of_ks_has_all_commands_and_each_its_options(self):
        text = (PAGES / "ks.1").read_text()
        commands = re.findall(r"^  ([a-z]+) ", help_of("ks"), re.MULTILINE)
        self.assertEqual(sorted(set(commands) - {"help"}), sorted(re.findall(r"^\.Ss ks (\w+)", text, re.MULTILINE)))
        common, log = text.split("\n.Ss ks ")[0], {"--bootstrap-server", "--command-config", "--json"}
        self.assertTrue(log <= page_options(common))
        for part in text.split("\n.Sh ENVIRONMENT")[0].split("\n.Ss ks ")[1:]:
            command = part.split()[0]
            told = options_of(help_of("ks", command))
            shared = log if "--bootstrap-server" in told else set()
            self.same(f"ks {command}", told - EVERYWHERE, page_options(part) - EVERYWHERE | shared)

    def test_the_page_of_ks_has_all_actions(self):
        text = (PAGES / "ks.1").read_text()
        for command in ("topics", "groups", "state"):
            actions = re.findall(r"^  ([a-z]+) (?: |[A-Z])", help_of("ks", command), re.MULTILINE)
            part = text.split(f"\n.Ss ks {command}\n")[1].split("\n.Ss ")[0].split("\n.Sh ")[0]
            self.assertTrue(actions)
            self.assertEqual(actions, re.findall(r"^\.It Cm (\w+)", part, re.MULTILINE))

    def test_the_overview_has_every_header(self):
        text = (PAGES / "kstreams.7").read_text()
        headers = {path.name for path in (ROOT / "include/kstreams").glob("*.h")} - {"kstreams.h"}
        self.assertEqual(headers, set(re.findall(r"^\.It Pa (\w+\.h)$", text, re.MULTILINE)))

    def test_the_program_of_the_overview_compiles(self):
        text = (PAGES / "kstreams.7").read_text()
        program = re.search(r"\.Bd -literal -offset indent\n(#include.*?)\.Ed", text, re.DOTALL).group(1).replace("\\e", "\\")
        with tempfile.TemporaryDirectory() as folder:
            source = pathlib.Path(folder) / "program.c"
            source.write_text(program)
            command = ["cc", "-std=c17", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-O1", "-c", "-o", "/dev/null", f"-I{ROOT / 'include'}", source]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_mandoc_has_nothing_to_say(self):
        if shutil.which("mandoc") is None:
            self.skipTest("mandoc is not installed (scripts/install-deps test installs it)")
        for page in sorted(PAGES.iterdir()):
            done = subprocess.run(["mandoc", "-Tlint", "-W", "warning", page], capture_output=True, text=True, check=False)
            self.assertEqual(done.stdout, "")


if __name__ == "__main__":
    BIN = find_programs()
    unittest.main()
