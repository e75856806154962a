#!/usr/bin/env python3
"""check-layers must fail on a wrong arrow: a checker that accepts everything would look just like a clean tree."""
import pathlib
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]


class CheckLayers(unittest.TestCase):
    def check(self, files, rules=None):
        """Runs check-layers on a tree of these files; returns (exit status, output)."""
        with tempfile.TemporaryDirectory() as folder:
            src = pathlib.Path(folder) / "src"
            for name, text in files.items():
                path = src / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            command = [ROOT / "scripts/check-layers", "--src", src]
            if rules is not None:
                path = pathlib.Path(folder) / "rules.txt"
                path.write_text(rules)
                command += ["--rules", path]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            return done.returncode, done.stdout + done.stderr

    def refused(self, files, *expected, rules=None):
        status, output = self.check(files, rules)
        self.assertEqual(status, 1, output)
        for text in expected:
            self.assertIn(text, output)

    def test_arrows_that_point_down_are_accepted(self):
        status, output = self.check({
            "base/arena.h": "",
            "state/store.h": '#include "base/arena.h"\n',
            "state/store.c": '#include <stdio.h>\n#include <kstreams/store.h>\n#include "store.h"\n',
            "topology/node.h": '#include "state/store.h"\n',
            "runtime/task.c": '#include "topology/node.h"\n#include "base/arena.h"\n',
        })
        self.assertEqual(status, 0, output)
        self.assertIn("5 files", output)

    def test_an_arrow_up_is_refused_with_file_and_line(self):
        self.refused({"topology/node.h": "", "state/store.c": '\n\n#include "topology/node.h"\n'},
                     "state/store.c:3:", "'state' must never include 'topology'")

    def test_an_indented_include_counts(self):
        self.refused({"config/a.h": "", "base/b.c": '  #  include "config/a.h"\n'},
                     "base/b.c:1:", "'base' must not include 'config'")

    def test_a_room_of_the_same_level_is_refused(self):
        self.refused({"metrics/a.h": "", "config/b.c": '#include "metrics/a.h"\n'},
                     "'config' must not include 'metrics'")

    def test_runtime_may_not_see_operations(self):
        self.refused({"ops/map.h": "", "runtime/task.c": '#include "ops/map.h"\n'},
                     "'runtime' must never include 'ops'")

    def test_query_may_not_reach_operations_through_runtime(self):
        self.refused({"dsl/a.h": "", "query/b.c": '#include "dsl/a.h"\n'},
                     "'query' must not include 'dsl'")

    def test_an_unknown_room_is_refused(self):
        self.refused({"utils/a.c": ""}, "utils/a.c:1:", "unknown room 'utils'")

    def test_a_missing_file_is_refused(self):
        self.refused({"base/a.c": '#include "base/gone.h"\n'}, '"base/gone.h" is neither')

    def test_a_way_around_the_rooms_is_refused(self):
        self.refused({"dsl/a.h": "", "base/b.c": '#include "../dsl/a.h"\n'}, 'without ".."')

    def test_the_test_driver_header_is_only_for_testing(self):
        self.refused({"runtime/a.c": "#include <kstreams/testing.h>\n"}, "only for testing")

    def test_a_cycle_between_rooms_is_named(self):
        self.refused({"base/a.h": '#include "serde/b.h"\n', "serde/b.h": '#include "base/a.h"\n'},
                     "cycle between rooms: base -> serde at")

    def test_rules_with_a_cycle_are_refused(self):
        self.refused({"a/x.c": ""}, "the rules have a cycle", rules="room a: b\nroom b: a\n")

    def test_an_empty_tree_is_refused(self):
        self.refused({"base/readme.txt": ""}, "no source files")


if __name__ == "__main__":
    unittest.main()
