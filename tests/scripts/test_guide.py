#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The programs and sessions of the guide do what its pages say.

Needs guide/ in the current folder, a build folder, or in the one that KSTREAMS_BUILD names; and the programs of KSTREAMS_BIN, else of bin/
in that folder, else of build/bin.
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs/guide"
BUILD = pathlib.Path(os.environ.get("KSTREAMS_BUILD", ".")).resolve()


def find_programs():
    folders = [os.environ.get("KSTREAMS_BIN"), BUILD / "bin", ROOT / "build/bin"]
    return next((folder for folder in map(pathlib.Path, filter(None, folders)) if (folder / "ks").exists()), None)


def text_block(page, first):
    """The lines of the block of a page that begins with this line."""
    text = (GUIDE / page).read_text()
    match = re.search(r"^```\n(" + re.escape(first) + r"\n.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert match, f"{page} has no block that begins with: {first}"
    return match.group(1)


class Guide(unittest.TestCase):
    def run_program(self, *command, **more):
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, **more)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def test_the_first_program_prints_what_its_chapter_says(self):
        printed = self.run_program(BUILD / "guide/thermometers")
        told = text_block("your-first-topology.md", "highest-readings: kitchen 21.5")
        self.assertEqual(sorted(printed.splitlines()), sorted(told.splitlines()))

    def test_the_example_of_the_readme_describes_itself(self):
        self.assertIn("word-counts", self.run_program(BUILD / "guide/readme"))

    def test_a_service_is_used_from_other_processes_and_goes_on_where_it_was(self):
        with tempfile.TemporaryDirectory() as folder:
            path = f"{BUILD / 'guide'}:{find_programs()}:{os.environ['PATH']}"
            environment = {**os.environ, "PATH": path, "GUIDE_LOG": f"{folder}/log", "GUIDE_STATE": f"{folder}/state",
                           "GUIDE_PROPERTIES": str(GUIDE / "examples/thermometers.properties")}
            printed = self.run_program("sh", GUIDE / "examples/service.sh", env=environment)
        self.assertIn("kitchen\t21.5\n", printed)
        self.assertIn("balcony\t-3\n", printed)
        self.assertIn("would delete topic thermometers-highest-changelog\n", printed)
        self.assertIn("\ndeleted topic thermometers-highest-changelog\n", printed)


if __name__ == "__main__":
    if not (BUILD / "guide/service").exists() or find_programs() is None:
        print("the programs of the guide are not built: build the tests, and run this in the build folder")
        sys.exit(77)
    unittest.main()
