#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The tools around the scenarios: coverage counts what is there, cached makes siblings, generate draws the same every time."""
import importlib.machinery
import importlib.util
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "tests/conformance"


def load(name):
    """A program without a suffix, as a module."""
    loader = importlib.machinery.SourceFileLoader(name, str(FOLDER / name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module


def scenario(**more):
    return {"name": "a count", "topology": [{"id": "t", "op": "table", "topic": "in", "store": {"name": "kept"}},
                                            {"id": "g", "op": "groupBy", "of": "t", "fn": "value"},
                                            {"id": "c", "op": "count", "of": "g"}],
            "expect": {"error": None, "stores": {"kept": []}}, **more}


class InAFolder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def write(self, name, content):
        path = self.folder / name
        path.write_text(json.dumps(content))
        return path

    def run_tool(self, name, *arguments):
        return subprocess.run([sys.executable, "-B", FOLDER / name, *map(str, arguments)], capture_output=True, text=True,
                              check=False, timeout=120)


class Coverage(InAFolder):
    def test_what_a_scenario_may_leave_out_is_no_trouble(self):
        self.write("a.json", scenario())  # neither config nor topics nor steps
        done = self.run_tool("coverage", self.folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(done.stdout.startswith("1 recorded scenarios"), done.stdout)

    def test_an_operation_on_a_table_and_on_its_group_is_told_from_that_on_a_stream(self):
        self.write("a.json", scenario())
        found = self.run_tool("coverage", self.folder).stdout
        self.assertIn("table-count 1", found)
        self.assertIn("table-groupBy 1", found)

    def test_a_feature_leads_to_its_scenarios(self):
        path = self.write("a.json", scenario())
        self.write("b.json", scenario(topology=[{"id": "s", "op": "stream", "topic": "in"}]))
        found = self.run_tool("coverage", "--find", "op table-count", self.folder).stdout.splitlines()
        self.assertEqual([pathlib.Path(line).resolve() for line in found], [path.resolve()])

    def test_what_is_not_recorded_shows_nothing(self):
        unrecorded = scenario()
        del unrecorded["expect"]
        self.write("a.json", unrecorded)
        self.assertTrue(self.run_tool("coverage", self.folder).stdout.startswith("0 recorded scenarios"))


class Cached(unittest.TestCase):
    tool = load("cached")

    def test_a_sibling_is_the_same_scenario_with_caches(self):
        with_caches = self.tool.sibling_of(scenario(config={"statestore.cache.max.bytes": "0", "max.task.idle.ms": "1"}))
        self.assertEqual(with_caches["name"], "a count, cached")
        self.assertEqual(with_caches["config"], {"max.task.idle.ms": "1"})
        self.assertEqual(with_caches["topology"], scenario()["topology"])
        self.assertNotIn("expect", with_caches)

    def test_only_stores_without_caches_have_one(self):
        off = {"statestore.cache.max.bytes": "0"}
        self.assertTrue(self.tool.has_sibling(scenario(config=off)))
        self.assertTrue(self.tool.has_sibling(scenario(config={"statestore.cache.max.bytes": 0})))
        self.assertFalse(self.tool.has_sibling(scenario()))
        self.assertFalse(self.tool.has_sibling(scenario(config=off, expect={"error": None, "stores": {}})))
        self.assertFalse(self.tool.has_sibling(scenario(config=off, expect={"error": {"at": "build"}})))


class Generate(InAFolder):
    def generate(self, profile, folder, count):
        done = self.run_tool("generate", "--profile", profile, 7, count, self.folder / folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        return [path.read_text() for path in sorted((self.folder / folder).iterdir())]

    def test_a_seed_gives_the_same_scenarios_every_time(self):
        for profile in ("stateless-and-grouping", "tables-and-processors"):
            self.assertEqual(self.generate(profile, f"{profile}-1", 20), self.generate(profile, f"{profile}-2", 20))

    def test_every_operation_of_its_profile_is_drawn(self):
        drawn = {node["op"] for text in self.generate("tables-and-processors", "drawn", 300)
                 for node in json.loads(text)["topology"]}
        of_tables = {f"table-{op}" for op in ("filter", "filterNot", "mapValues", "groupBy", "count", "reduce", "aggregate")}
        vocabulary = set(load("coverage").VOCABULARY["tables-and-processors"]["op"].split()) - of_tables
        self.assertEqual(vocabulary - drawn, set())


if __name__ == "__main__":
    unittest.main(verbosity=1)
