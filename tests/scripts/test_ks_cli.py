#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The command lines of ks and of the applications: what they answer, and what they say about arguments that are wrong.

Runs the programs of KSTREAMS_BIN, else of bin/ in the current folder (a build folder), else of build/bin.
"""
import fcntl
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
APPS = sorted(path.parent.name for path in ROOT.glob("apps/*/topology.c"))
FULL = pathlib.Path("/dev/full")


def find_programs():
    folders = [os.environ.get("KSTREAMS_BIN"), pathlib.Path.cwd() / "bin", ROOT / "build/bin"]
    for folder in filter(None, folders):
        if all((pathlib.Path(folder) / name).exists() for name in ["ks", *APPS]):
            return pathlib.Path(folder).resolve()
    print("the programs are not built: `make programs` builds them, KSTREAMS_BIN says where they are")
    sys.exit(77)


def version():
    text = (ROOT / "include/kstreams/common.h").read_text()
    return ".".join(re.search(rf"KS_VERSION_{part} (\d+)", text).group(1) for part in ("MAJOR", "MINOR", "PATCH"))


class Programs(unittest.TestCase):
    def run_program(self, name, *arguments, stdin="", env=None):
        return subprocess.run([BIN / name, *map(str, arguments)], input=stdin, capture_output=True, text=True, cwd=ROOT,
                              env=env, timeout=120, check=False)

    def answers(self, name, *arguments, stdin=""):
        done = self.run_program(name, *arguments, stdin=stdin)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def refused(self, status, expected, name, *arguments, stdin=""):
        """The program ends with this status, prints no result, and its message has all of the expected texts."""
        done = self.run_program(name, *arguments, stdin=stdin)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertTrue(done.stderr.startswith(f"{name}: "), done.stderr)
        for text in expected:
            self.assertIn(text, done.stderr)


class EveryProgram(Programs):
    def test_version_is_that_of_the_headers(self):
        for name in ["ks", *APPS]:
            self.assertEqual(self.answers(name, "--version").stdout, f"{name} {version()}\n")

    def test_help_goes_to_standard_output(self):
        for name in ["ks", *APPS]:
            for option in ("--help", "-h"):
                done = self.answers(name, option)
                self.assertTrue(done.stdout.startswith(f"Usage: {name} "), done.stdout)
                self.assertEqual(done.stderr, "")

    @unittest.skipUnless(FULL.exists(), "/dev/full is not here")
    def test_a_full_disk_is_a_failure(self):
        for name in ["ks", *APPS]:
            with FULL.open("w") as full:
                done = subprocess.run([BIN / name, "--help"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn("No space left", done.stderr)


class Ks(Programs):
    def test_every_application_can_be_described(self):
        help_text = self.answers("ks", "describe", "--help").stdout
        for app in APPS:
            self.assertIn(app, help_text)
            text = self.answers("ks", "describe", app).stdout
            self.assertTrue(text.startswith("Topologies:\n   Sub-topology: 0\n    Source: "), text)

    def test_the_graph_has_every_node_of_the_text(self):
        for app in APPS:
            text = self.answers("ks", "describe", app).stdout
            graph = self.answers("ks", "describe", app, "--dot").stdout
            self.assertTrue(graph.startswith("digraph "), graph)
            nodes = re.findall(r"(?:Source|Processor|Sink): (\S+)", text)
            self.assertGreater(len(nodes), 2)
            for node in nodes:
                self.assertIn(f'"{node}" [label=', graph)

    def test_the_drawing_in_the_readme_has_every_node_and_topic(self):
        for app in APPS:
            text = self.answers("ks", "describe", app).stdout
            readme = (ROOT / "apps" / app / "README.md").read_text()
            names = re.findall(r"(?:Source|Processor|Sink): (\S+)", text) + re.findall(r"topics?: \[?([^\])]+)", text)
            for name in names:
                self.assertIn(name, readme)

    def draws(self, script):
        """Runs `ks describe --svg` with this shell script as the only program on the PATH; None: with no program."""
        with tempfile.TemporaryDirectory() as folder:
            if script is not None:
                dot = pathlib.Path(folder) / "dot"
                dot.write_text(f"#!/bin/sh\n{script}\n")
                dot.chmod(0o755)
            return self.run_program("ks", "describe", "word_count", "--svg", env={**os.environ, "PATH": folder})

    def test_the_picture_is_drawn_by_dot_from_the_graph(self):
        done = self.draws("echo \"<svg $*>\"; while read -r line; do echo \"$line\"; done")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(done.stdout.startswith("<svg -Tsvg>\ndigraph "), done.stdout)

    def test_a_dot_that_fails_is_a_failure(self):
        for script in ("exit 3", "kill -9 $$"):
            done = self.draws(script)
            self.assertEqual(done.returncode, 1)
            self.assertIn("`dot` did not draw the graph", done.stderr)

    def test_without_dot_it_says_what_to_install(self):
        done = self.draws(None)
        self.assertEqual(done.returncode, 1)
        self.assertIn("install the package graphviz, or use --dot", done.stderr)

    def test_a_word_that_is_nearly_right_gets_a_suggestion(self):
        self.refused(2, ["no command 'decsribe'; did you mean 'describe'?"], "ks", "decsribe")
        self.refused(2, ["no option '--versoin'; did you mean '--version'?"], "ks", "--versoin")
        self.refused(2, ["no application 'wordcount'; did you mean 'word_count'?"], "ks", "describe", "wordcount")
        self.refused(2, ["no option '--dott'; did you mean '--dot'?"], "ks", "describe", "word_count", "--dott")

    def test_a_word_that_is_far_from_all_gets_a_list(self):
        self.refused(2, ["no command 'frobnicate'; there is describe, topics"], "ks", "frobnicate")
        self.refused(2, ["no application 'x'; there is ", *APPS], "ks", "describe", "x")

    def test_missing_and_superfluous_arguments_are_named(self):
        self.refused(2, ["which command?", "ks --help"], "ks")
        self.refused(2, ["which application?"], "ks", "describe")
        self.refused(2, ["--dot or --svg"], "ks", "describe", "word_count", "--dot", "--svg")
        self.refused(2, ["one application, not word_count and unknown_payment"], "ks", "describe", "word_count",
                     "unknown_payment")


class KsOnALog(Programs):
    """The commands of ks that work on a log in a directory."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.server = f"--bootstrap-server=embedded:{self.folder / 'log'}"

    def ks(self, *arguments, stdin=""):
        """What a command prints."""
        return self.answers("ks", *arguments, self.server, stdin=stdin).stdout

    def ks_refused(self, status, expected, *arguments, stdin=""):
        self.refused(status, expected, "ks", *arguments, self.server, stdin=stdin)

    def json(self, *arguments):
        return json.loads(self.ks(*arguments, "--json"))

    def records(self, *arguments):
        return [json.loads(line) for line in self.ks("consume", *arguments, "--json").splitlines()]

    def test_topics_are_made_listed_described_configured_and_deleted(self):
        self.assertEqual(self.ks("topics", "create", "orders", "--partitions", "3", "--config", "retention.ms=1000"),
                         "created orders with 3 partitions\n")
        self.assertIn("is there already", self.ks("topics", "create", "orders", "--partitions", "3"))
        self.assertRegex(self.ks("topics", "list"), r"^TOPIC +PARTITIONS +OFFSETS +BYTES\norders +3 +0 +0\n$")
        described = self.json("topics", "describe", "orders")
        self.assertEqual(described["configs"], [{"config": "retention.ms", "value": "1000"}])
        self.assertEqual(len(described["partitions"]), 3)
        configs = {row["config"]: row for row in self.json("topics", "config", "orders", "cleanup.policy=compact", "retention.ms=")}
        self.assertEqual(configs["cleanup.policy"]["source"], "set")
        self.assertEqual(configs["retention.ms"]["source"], "default")
        self.assertEqual(self.ks("topics", "delete", "orders"), "deleted orders\n")
        self.assertIn("no topics", self.ks("topics", "list"))
        self.assertEqual(self.json("topics", "list"), [])

    def test_what_was_produced_is_consumed(self):
        self.ks("topics", "create", "t")
        self.assertEqual(self.ks("produce", "t", "--key-separator", ":", "--null", "-", "--header", "h=1", "--header", "n",
                                 "--timestamp", "2026-11-21T09:30:00", stdin="a:1\nb:\n-:-\n"), "3 records produced to t\n")
        records = self.records("t")
        self.assertEqual([(r["key"], r["value"], r["offset"]) for r in records], [("a", "1", 0), ("b", "", 1), (None, None, 2)])
        self.assertEqual(records[0]["headers"], [["h", "1"], ["n", None]])
        self.assertEqual(records[0]["timestamp"], 1795253400000)
        self.assertEqual(self.ks("consume", "t", "--print-key", "--print-offset", "--separator", "|"), "0|a|1\n1|b|\n2|null|null\n")

    def test_reading_begins_and_ends_where_it_is_told_to(self):
        self.ks("topics", "create", "t", "--partitions", "2")
        for partition, timestamp, values in (("0", "1000", "a\nb\n"), ("1", "2000", "c\nd\n")):
            self.ks("produce", "t", "--partition", partition, "--timestamp", timestamp, stdin=values)
        self.assertEqual(self.ks("consume", "t", "--offset", "1"), "b\nd\n")
        self.assertEqual(self.ks("consume", "t", "--since", "1500"), "c\nd\n")
        self.assertEqual(self.ks("consume", "t", "--partition", "1", "--max-messages", "1"), "c\n")
        self.assertEqual(self.ks("consume", "t", "--from-end"), "")
        self.ks_refused(1, ["KS_E_OUT_OF_RANGE", "0 to 2"], "consume", "t", "--offset", "3")
        self.ks_refused(1, ["there is no partition 2"], "consume", "t", "--partition", "2")
        self.ks_refused(2, ["begins in one place"], "consume", "t", "--from-end", "--offset", "1")

    def test_values_go_through_the_serde_that_is_named(self):
        for serde, good, wrong in (("long", ["-9223372036854775808", "7"], "7.5"), ("integer", ["2147483647"], "2147483648"),
                                   ("short", ["-32768"], "40000"), ("double", ["0.1", "-1e+300"], "x"), ("float", ["0.1"], "1e40"),
                                   ("boolean", ["true", "false"], "yes"), ("bytes", ["00ff7e", ""], "0g"),
                                   ("uuid", ["123e4567-e89b-12d3-a456-426614174000"], "123e4567"), ("string", ["h\u00e4"], None)):
            topic = f"of-{serde}"
            self.ks("topics", "create", topic)
            text = "".join(f"{value}\n" for value in good)
            self.ks("produce", topic, "--value-serde", serde, stdin=text)
            self.assertEqual(self.ks("consume", topic, "--value-serde", serde), text)
            if wrong is not None:
                self.ks_refused(1, ["standard input:2", wrong, "1 records before it"], "produce", topic, "--value-serde", serde,
                                stdin=f"{good[0]}\n{wrong}\n")
        done = self.run_program("ks", "consume", "of-string", "--value-serde", "integer", self.server)
        self.assertEqual(done.returncode, 1)
        self.assertIn("of-string, partition 0, offset 0", done.stderr)

    def test_a_group_is_moved_and_forgotten(self):
        self.ks("topics", "create", "t")
        self.ks("produce", "t", stdin="a\nb\nc\n")
        self.assertIn("no groups", self.ks("groups", "list"))
        self.ks("groups", "reset", "app", "--topic", "t", "--to-offset", "1")
        self.assertEqual(self.json("groups", "list"), [{"group": "app", "members": 0, "partitions": 1, "lag": 2}])
        self.ks("groups", "reset", "app", "--topic", "t", "--to-latest")
        described = self.json("groups", "describe", "app")
        self.assertEqual(described["offsets"], [{"topic": "t", "partition": 0, "offset": 3, "end": 3, "lag": 0, "member": "-"}])
        self.ks_refused(2, ["where to?"], "groups", "reset", "app", "--topic", "t")
        self.ks("groups", "delete", "app")
        self.ks_refused(1, ["there is no group app"], "groups", "describe", "app")

    def test_a_group_goes_where_it_is_told_to(self):
        self.ks("topics", "create", "t", "--partitions", "2")
        for timestamp, values in ((1795253400000, "a\nb\n"), (1795253400500, "c\nd\n")):
            self.ks("produce", "t", "--partition", "0", "--timestamp", timestamp, stdin=values)
        for where, expected in ((["--to-latest"], 4), (["--shift-by", "-3"], 1), (["--to-earliest"], 0), (["--shift-by", "9"], 4),
                                (["--to-datetime", "2026-11-21T09:30:00.500"], 2), (["--to-offset", "99"], 4),
                                (["--to-datetime", "2026-11-21T11:30:00.001+02:00"], 2), (["--by-duration", "P90000D"], 0)):
            self.ks("groups", "reset", "app", "--topic", "t", *where)
            self.assertEqual([row["offset"] for row in self.json("groups", "describe", "app")["offsets"]], [expected, 0], where)
        self.ks_refused(2, ["goes to one place"], "groups", "reset", "app", "--topic", "t", "--to-latest", "--to-offset", "1")
        self.ks_refused(2, ["such as PT1H30M", "an hour"], "groups", "reset", "app", "--topic", "t", "--by-duration", "an hour")
        self.ks_refused(1, ["there is no topic u"], "groups", "reset", "app", "--topic", "u", "--to-latest")

    def reset(self, *arguments):
        return self.ks("reset", "--application-id", "app", *arguments)

    def has_topics(self, *topics):
        self.assertEqual([row["topic"] for row in self.json("topics", "list")], sorted(topics))

    def committed(self, group="app"):
        listed = [row for row in self.json("groups", "list") if row["group"] == group]
        return [(row["topic"], row["partition"], row["offset"]) for row in self.json("groups", "describe", group)["offsets"]
                ] if listed else []

    def make_application(self):
        """What an application leaves behind; an application of a similar name, too."""
        for topic in ("app-counts-changelog", "app-counts-repartition", "app-KTABLE-FK-JOIN-SUBSCRIPTION-REGISTRATION-0000000006-topic",
                      "app-prices-subscription-response-topic", "app-out", "apple-changelog", "app-eu-counts-changelog", "out"):
            self.ks("topics", "create", topic)
        for topic in ("in", "other"):
            self.ks("topics", "create", topic, "--partitions", "2")
            self.ks("produce", topic, "--partition", "0", stdin="a\nb\nc\n")
            self.ks("groups", "reset", "app", "--topic", topic, "--to-latest")
        self.ks("groups", "reset", "app-eu", "--topic", "in", "--to-latest")

    INTERNAL = ("app-KTABLE-FK-JOIN-SUBSCRIPTION-REGISTRATION-0000000006-topic", "app-counts-changelog", "app-counts-repartition",
                "app-prices-subscription-response-topic")
    OTHERS = ("app-out", "apple-changelog", "app-eu-counts-changelog", "out", "in", "other")

    def test_a_reset_deletes_internal_topics_and_begins_the_input_anew(self):
        self.make_application()
        shown = self.reset("--input-topics", "in,other")
        self.assertEqual(shown.splitlines()[:4], [f"deleted topic {topic}" for topic in self.INTERNAL])
        self.assertIn("set the offsets of app\n", shown)
        self.assertRegex(shown, r"\nin +0 +3 +0\n")
        self.assertIn("left alone: topic app-eu-counts-changelog, which is of app-eu", shown)
        self.assertIn("left alone: local state", shown)
        self.has_topics(*self.OTHERS)
        self.assertEqual(self.committed(), [("in", 0, 0), ("in", 1, 0), ("other", 0, 0), ("other", 1, 0)])
        self.assertEqual(self.committed("app-eu"), [("in", 0, 3), ("in", 1, 0)])

    def test_a_dry_run_says_what_a_reset_does_and_changes_nothing(self):
        self.make_application()
        state = self.folder / "state"
        (state / "app").mkdir(parents=True)
        arguments = ("--input-topics", "in", "--input-topics", "other", "--state-dir", state)
        before = self.committed()
        planned = self.reset(*arguments, "--dry-run")
        self.assertEqual(self.committed(), before)
        self.has_topics(*self.OTHERS, *self.INTERNAL)
        as_json = json.loads(self.reset(*arguments, "--dry-run", "--json"))
        self.assertEqual((as_json["topics"], as_json["state"], as_json["dry_run"]), (list(self.INTERNAL), f"{state}/app", True))
        self.assertEqual(as_json["offsets"][0], {"topic": "in", "partition": 0, "committed": 3, "offset": 0})
        done = self.reset(*arguments)
        planned = re.sub("^would set", "set", re.sub("^would delete", "deleted", planned, flags=re.MULTILINE), flags=re.MULTILINE)
        self.assertEqual(planned, f"dry run: nothing is changed\n{done}")

    def test_a_reset_takes_offsets_from_a_file_or_a_rule(self):
        self.make_application()
        plan = self.folder / "plan.csv"
        plan.write_text("in,0,2\n\n")
        self.reset("--input-topics", "in", "--from-file", plan)
        self.assertEqual(self.committed()[:2], [("in", 0, 2), ("in", 1, 0)])
        self.reset("--input-topics", "in", "--shift-by", "-1")
        self.assertEqual(self.committed()[0], ("in", 0, 1))
        done = self.answers("ks", "reset", "--application-id", "new", "--input-topics", "in", "--shift-by", "1", self.server)
        self.assertIn("nothing is committed for in, partition 0", done.stderr)
        self.assertIn("there is nothing of new to reset", done.stdout)
        for text, problem in (("in,0\n", "plan.csv:1: a line is"), ("in,0,1\nout,0,0\n", "plan.csv:2: out is none of"),
                              ("in,2,0\n", "no partition 2: in has 2"), ("in,0,1\nin,0,2\n", "twice"), ("", "has no offset"),
                              ("in,0,-1\n", "a line is"), ("in,x,1\n", "a line is")):
            plan.write_text(text)
            self.ks_refused(2, [problem], "reset", "--application-id", "app", "--input-topics", "in", "--from-file", plan)
        self.assertEqual(self.committed()[0], ("in", 0, 1))

    def test_a_reset_deletes_only_the_internal_topics_that_are_named(self):
        self.make_application()
        self.ks_refused(2, ["in is no internal topic"], "reset", "--application-id", "app", "--internal-topics", "app-counts-changelog,in")
        self.has_topics(*self.OTHERS, *self.INTERNAL)
        self.reset("--internal-topics", "app-counts-changelog,app-eu-counts-changelog")
        self.has_topics(*(topic for topic in self.OTHERS + self.INTERNAL if not topic.endswith("counts-changelog")))
        self.assertEqual(self.committed()[0], ("in", 0, 3))

    def test_an_input_topic_that_is_named_like_an_internal_one_is_kept(self):
        self.make_application()
        self.reset("--input-topics", "app-counts-changelog")
        self.has_topics(*self.OTHERS, "app-counts-changelog")

    def test_a_reset_of_what_makes_no_sense_changes_nothing(self):
        self.make_application()
        at = ("reset", "--application-id", "app")
        self.ks_refused(2, ["which application?"], "reset")
        self.ks_refused(2, ["options only, not app"], "reset", "app")
        self.ks_refused(2, ["of which topics?"], *at, "--to-latest")
        self.ks_refused(2, ["goes to one place"], *at, "--input-topics", "in", "--to-latest", "--to-earliest")
        self.ks_refused(2, ["not from both"], *at, "--input-topics", "in", "--to-latest", "--from-file", "x")
        self.ks_refused(1, ["there is no topic nothing", "nothing was changed"], *at, "--input-topics", "in,nothing")
        self.ks_refused(1, ["nowhere.csv cannot be read"], *at, "--input-topics", "in", "--from-file", "nowhere.csv")
        self.has_topics(*self.OTHERS, *self.INTERNAL)
        self.assertEqual(self.committed()[0], ("in", 0, 3))

    def test_a_directory_of_somebody_else_is_left_alone(self):
        (self.folder / "log").mkdir()
        (self.folder / "log/letter.txt").write_text("dear")
        self.ks_refused(1, ["there is no log in"], "topics", "list")
        self.ks_refused(1, ["there is no log in"], "produce", "t", stdin="a\n")
        self.assertEqual([path.name for path in (self.folder / "log").iterdir()], ["letter.txt"])

    def test_a_file_says_where_the_log_is(self):
        path = self.folder / "client.properties"
        path.write_text(f"bootstrap.servers=embedded:{self.folder / 'log'}\nrequest.timeout.ms=5000\n")
        self.answers("ks", "topics", "create", "t", "--command-config", path)
        self.assertIn("t ", self.ks("topics", "list"))
        path.write_text(f"bootstrap.servers=embedded:{self.folder / 'elsewhere'}\n")
        self.assertIn("t ", self.ks("topics", "list", "--command-config", path))
        path.write_text("bootstrap.server=here\n")
        self.refused(2, ["bootstrap.servers"], "ks", "topics", "list", "--command-config", path)
        self.refused(2, ["nowhere.properties"], "ks", "topics", "list", "--command-config", "nowhere.properties")

    def test_what_is_missing_or_misspelt_is_named(self):
        self.ks_refused(1, ["there is no log in"], "topics", "list")
        self.assertFalse((self.folder / "log").exists())
        self.refused(2, ["which log?"], "ks", "topics", "list")
        self.refused(2, ["no action 'lists'; did you mean 'list'?"], "ks", "topics", "lists")
        self.refused(2, ["topics does what?"], "ks", "topics")
        self.ks("topics", "create", "t")
        self.ks_refused(1, ["there is no topic u"], "consume", "u")
        self.ks_refused(1, ["there is no topic u"], "produce", "u", stdin="a\n")
        self.ks_refused(1, ["there is no topic u"], "produce", "u", stdin="")
        self.ks_refused(2, ["from 1 to 100000"], "topics", "create", "v", "--partitions", "99999999999999")
        self.ks_refused(1, ["KS_E_UNKNOWN_TOPIC"], "topics", "delete", "u")
        self.ks_refused(1, ["KS_E_ARGUMENT", "retention"], "topics", "config", "t", "retention=1")
        self.ks_refused(2, ["no option '--partitons'; did you mean '--partitions'?"], "topics", "create", "v", "--partitons", "2")
        self.refused(2, ["a value is missing after --config"], "ks", "topics", "create", "v", self.server, "--config")
        self.ks_refused(2, ["whole number, not 'two'"], "topics", "create", "v", "--partitions", "two")
        self.ks_refused(2, ["no serde 'strnig'; did you mean 'string'?"], "consume", "t", "--value-serde", "strnig")
        self.ks_refused(2, ["a date such as"], "consume", "t", "--since", "yesterday")
        self.ks_refused(1, ["standard input:1", "no separator '='"], "produce", "t", "--key-separator", "=", stdin="a\n")
        self.ks_refused(1, ["nowhere.txt cannot be read"], "produce", "t", "--file", "nowhere.txt")

    def test_help_tells_about_each_command(self):
        for command in ("topics", "produce", "consume", "groups", "reset", "state", "describe"):
            text = self.answers("ks", command, "--help").stdout
            self.assertEqual(text, self.answers("ks", "help", command).stdout)
            self.assertTrue(text.startswith(f"Usage: ks {command} "), text)
        self.assertEqual(self.answers("ks", "help").stdout, self.answers("ks", "--help").stdout)

    def test_another_process_works_on_a_log_that_is_held(self):
        self.ks("topics", "create", "t", "--partitions", "2")
        self.ks("produce", "t", "--partition", "0", stdin="first\n")
        with subprocess.Popen([BIN / "ks", "consume", "t", "--follow", self.server], stdout=subprocess.PIPE, text=True,
                              cwd=ROOT) as holder:
            try:
                self.assertEqual(holder.stdout.readline(), "first\n") # it has the log now
                self.assertTrue((self.folder / "log/socket").is_socket())
                self.ks("produce", "t", "--partition", "1", stdin="second\n")
                self.assertEqual(holder.stdout.readline(), "second\n")
                self.assertEqual(self.ks("consume", "t"), "first\nsecond\n")
                self.ks("topics", "create", "u")
                self.assertEqual([row["topic"] for row in self.json("topics", "list")], ["t", "u"])
                with subprocess.Popen([BIN / "ks", "consume", "t", "--follow", self.server], stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE, text=True, cwd=ROOT) as guest:
                    self.assertEqual(guest.stdout.readline(), "first\n")
                    holder.kill()
                    said = guest.communicate(timeout=60)[1]
                    self.assertEqual(guest.returncode, 1)
                    self.assertIn("the process that holds the log has gone away", said)
            finally:
                holder.kill()
        self.assertEqual(self.ks("consume", "t"), "first\nsecond\n")


class KsState(Programs):
    """ks state, on what a run of word_count left."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.state = pathlib.Path(folder.name) / "word_count"
        self.answers("word_count", "--input", "-", "-D", f"state.dir={folder.name}", stdin="a b a\n")

    def test_stores_and_rows_are_shown(self):
        stores = json.loads(self.answers("ks", "state", "list", f"{self.state}/", "--json").stdout)
        self.assertEqual([(store["store"], store["rows"]) for store in stores], [("word-counts", 2)])
        shown = self.answers("ks", "state", "range", self.state, "word-counts", "--value-serde", "long").stdout
        self.assertEqual(sorted(line.split("\t")[1::2] for line in shown.splitlines()), [["a", "2"], ["b", "1"]])
        shown = self.answers("ks", "state", "range", self.state, "word-counts", "--from", "b", "--value-serde", "long").stdout
        self.assertEqual([line.split("\t")[1::2] for line in shown.splitlines()], [["b", "1"]])
        shown = self.answers("ks", "state", "get", self.state, "word-counts", "a", "--value-serde", "long").stdout
        self.assertEqual([line.split("\t")[1::2] for line in shown.splitlines()], [["a", "2"]])

    def test_what_is_missing_is_named(self):
        self.refused(1, ["no row of the key c"], "ks", "state", "get", self.state, "word-counts", "c")
        self.refused(1, ["there is no store counts"], "ks", "state", "range", self.state, "counts")
        self.refused(1, ["there is no state in", "<application.id>"], "ks", "state", "list", self.state.parent)
        self.refused(2, ["a directory, a store and a key"], "ks", "state", "get", self.state, "word-counts")

    def test_state_that_is_held_is_left_alone(self):
        with (self.state / "lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.refused(1, ["KS_E_STATE", "held by"], "ks", "state", "list", self.state)


class Applications(Programs):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def file(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return path

    def refused_by_all(self, status, expected, *arguments, stdin=""):
        for app in APPS:
            self.refused(status, expected, app, *arguments, stdin=stdin)

    def test_wrong_options_are_named_with_the_right_ones(self):
        self.refused_by_all(2, ["nothing to read: give --input FILE", "build/bin/"])
        self.refused_by_all(2, ["unknown option --inptu", "--input FILE", "--config FILE"], "--inptu", "x")
        self.refused_by_all(2, ["unknown option --help=yes"], "--help=yes")
        self.refused_by_all(2, ["unexpected argument text.txt", "--input text.txt"], "text.txt")
        self.refused_by_all(2, ["a value is missing after --input"], "--input")
        self.refused_by_all(2, ["--input is given twice", "b"], "--input", "a", "--input=b")

    def test_how_many_records_to_make_up_is_checked(self):
        for app in ("stock_stats", "click_enrich"):
            for wrong in ("0", "-3", "ten", "1e3", "", "1000000001", "99999999999999999999"):
                self.refused(2, ["--generate takes how many records", wrong], app, "--generate", wrong)
            self.refused(2, ["--input or --generate, not both"], app, "--generate", "10", "--input", "-")
        for app in ("word_count", "unknown_payment"):
            self.refused(2, ["unknown option --generate"], app, "--generate", "10")

    def test_a_signal_while_input_is_read_ends_the_run_and_leaves_nothing(self):
        scratch = self.folder / "tmp"
        scratch.mkdir()
        for app in APPS:
            for number in (signal.SIGINT, signal.SIGTERM):
                with subprocess.Popen([BIN / app, "--input", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                      cwd=ROOT, env={**os.environ, "TMPDIR": str(scratch)}) as run:
                    run.stdin.write(b"# comment\n" * 50_000)  # more than a pipe holds: when it is gone the program reads
                    run.stdin.flush()
                    run.send_signal(number)
                    shown = run.stdout.read().decode()
                    self.assertEqual(run.wait(timeout=120), 128 + number, run.stderr.read())
                self.assertIn(f"stopped by signal {number} before the end", shown)
                self.assertEqual(list(scratch.iterdir()), [])

    def test_a_property_is_checked_where_it_stands(self):
        for wrong in ("commit.interval.ms", "=5", ""):
            self.refused_by_all(2, ["-D takes NAME=VALUE"], "-D", wrong)
        self.refused_by_all(2, ["KS_E_CONFIG", "comit.interval.ms", "commit.interval.ms"], "-Dcomit.interval.ms=5")
        self.refused_by_all(2, ["KS_E_CONFIG", "commit.interval.ms", "-1"], "-D", "commit.interval.ms=-1")
        self.refused_by_all(2, ["KS_E_CONFIG", "commit.interval.ms", "soon"], "-D", "commit.interval.ms=soon")

    def test_a_properties_file_is_checked_by_file_and_line(self):
        self.refused_by_all(2, ["KS_E_IO", "nowhere.properties", "No such file"], "--config", "nowhere.properties")
        bad = self.file("bad.properties", "# fine\ncommit.interval.ms=100\ncomit.interval.ms=100\n")
        self.refused_by_all(2, ["bad.properties:3", "commit.interval.ms"], "--config", bad, "--input", "-")

    def test_a_later_property_wins(self):
        text = self.file("a.properties", "commit.interval.ms=-5\n")
        self.refused_by_all(2, ["-5"], "-D", "commit.interval.ms=10", "--config", text, "--input", "-")
        good = self.file("b.properties", "application.id=from-file\n")
        self.answers("word_count", "--config", good, "-D", "application.id=later", "--input", "-", stdin="a\n")

    def test_input_that_cannot_be_read_is_an_error_that_names_it(self):
        self.refused_by_all(1, ["KS_E_IO", "nowhere.txt", "No such file", "- for standard input"], "--input", "nowhere.txt")
        self.refused_by_all(1, ["KS_E_IO", str(self.folder), "Is a directory"], "--input", self.folder)
        if os.geteuid() != 0:
            secret = self.file("secret.txt", "a\n")
            secret.chmod(0)
            self.refused_by_all(1, ["KS_E_IO", "secret.txt", "Permission denied"], "--input", secret)

    def test_a_log_of_kafka_is_refused_and_not_guessed(self):
        self.refused_by_all(1, ["KS_E_IO", "127.0.0.1:1"], "-D", "bootstrap.servers=127.0.0.1:1", "--input", "-")

    def counted(self, stdin, *arguments, env=None):
        """The counts that word_count prints, and what it says beside them."""
        done = self.run_program("word_count", "--input", "-", *arguments, stdin=stdin, env=env)
        self.assertEqual(done.returncode, 0, done.stderr)
        return re.findall(r"^ +\d+ +(\S+) +(\d+)  #", done.stdout, re.MULTILINE), done.stderr

    def test_every_run_counts_its_own_text_and_leaves_nothing(self):
        scratch = self.folder / "tmp"
        scratch.mkdir()
        for _ in range(2):
            counts, said = self.counted("a b a\n", env={**os.environ, "TMPDIR": str(scratch)})
            self.assertEqual(counts, [("a", "2"), ("b", "1")])
            self.assertNotIn("wiped", said)
            self.assertEqual(list(scratch.iterdir()), [])

    def test_state_of_a_run_before_is_kept_and_not_mixed_with_the_next(self):
        state = f"state.dir={self.folder / 'state'}"
        self.assertEqual(self.counted("a b a\n", "-D", state)[0], [("a", "2"), ("b", "1")])
        self.assertTrue((self.folder / "state/word_count/rocksdb").is_dir())
        counts, said = self.counted("a c\n", "-D", state)
        self.assertEqual(counts, [("a", "1"), ("c", "1")])
        self.assertIn("store word-counts of task 1_", said)
        self.assertIn("was wiped", said)

    def test_a_state_directory_that_cannot_be_made_is_named(self):
        self.refused(1, ["KS_E_IO", "/dev/null/state", "word_count"], "word_count", "-D", "state.dir=/dev/null/state",
                     "--input", "-", stdin="a\n")

    def test_empty_input_is_no_error_and_is_said(self):
        for app in APPS:
            done = self.answers(app, "--input", "-")
            self.assertIn("the input is empty", done.stdout)

    def rows(self, output):
        """(word, count) of each row of word_count's table."""
        found = re.findall(r"^ *\d+  (\S+) +([\d,]+)  #", output, re.MULTILINE)
        return [(word, int(count.replace(",", ""))) for word, count in found]

    def test_after_a_reset_everything_is_counted_anew(self):
        at = ("--bootstrap-server", f"embedded:{self.folder}/log")
        self.answers("word_count", "--input", "-", *at, stdin="a b a\n")
        self.answers("word_count", "--input", "-", *at, stdin="b\nc\n")
        shown = self.answers("ks", "reset", "--application-id", "word_count", "--input-topics", "text-lines", "--state-dir",
                             f"{self.folder}/log-state", *at).stdout
        self.assertRegex(shown, r"deleted the stores in \S+log-state/word_count\n")
        self.assertEqual(len(re.findall(r"^deleted topic word_count-", shown, re.MULTILINE)), 2)
        again = self.answers("word_count", *at).stdout
        self.assertNotIn("continues", again)
        self.assertEqual(self.rows(again), [("a", 2), ("b", 2), ("c", 1)])

    def test_a_log_in_a_directory_is_continued_and_the_run_says_so(self):
        log = f"embedded:{self.folder}/log/"
        for guarantee in ("at_least_once", "exactly_once_v2"):
            with self.subTest(guarantee=guarantee):
                arguments = ("--bootstrap-server", log, "-D", f"processing.guarantee={guarantee}", "-D",
                             f"application.id={guarantee}")
                first = self.answers("word_count", "--input", "-", *arguments, stdin="a b a\n")
                self.assertNotIn("continues", first.stdout)
                second = self.answers("word_count", "--input", "-", *arguments, stdin="b\nc\n")
                before = 1 if guarantee == "at_least_once" else 4  # the second application reads what the first was given, too
                self.assertIn(f"continues: {before} records of text-lines were processed before this run\n", second.stdout)
                expected = [("a", 2), ("b", 2), ("c", 1)] if before == 1 else [("a", 4), ("b", 4), ("c", 2)]
                self.assertEqual(self.rows(second.stdout), expected)
                third = self.answers("word_count", *arguments)
                self.assertIn(f"continues: {before + 2} records", third.stdout)
                self.assertIn("nothing is new", third.stdout)
                self.assertEqual(self.rows(third.stdout), expected)
        self.assertTrue((self.folder / "log-state/at_least_once/rocksdb").is_dir())
        self.assertFalse((self.folder / "log/-state").exists())

    def test_a_run_that_is_killed_is_continued_and_counts_every_line_once(self):
        text = subprocess.run([ROOT / "scripts/make-text", "6000"], capture_output=True, text=True, check=True).stdout
        log = self.folder / "log"
        command = [BIN / "word_count", "--bootstrap-server", f"embedded:{log}", "-D", "processing.guarantee=exactly_once_v2", "-D",
                   "commit.interval.ms=5", "-D", "statestore.cache.max.bytes=0"]
        killed = subprocess.Popen([*command, "--input", self.file("text.txt", text)], stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL)
        while killed.poll() is None and not list(log.glob("topics/word-counts/*/*.log")):
            pass  # until its first results are there
        killed.kill()
        killed.wait()
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
        expected = {}
        for word in re.findall(r"\w+", text.lower()):
            expected[word] = expected.get(word, 0) + 1
        del expected["the"]
        shown = self.rows(done.stdout)
        self.assertEqual(shown, sorted(expected.items(), key=lambda row: (-row[1], row[0]))[:20])
        self.assertRegex(done.stdout, rf"different words +{len(expected):,}\n")

    def test_lines_that_ks_produced_are_counted_and_ks_consumes_the_counts(self):
        at = ("--bootstrap-server", f"embedded:{self.folder}/log")
        self.answers("ks", "topics", "create", "text-lines", "--partitions", "2", *at)
        self.answers("ks", "produce", "text-lines", *at, stdin="b a\na\n")
        self.assertIn("input records                 0\n", self.answers("word_count", *at).stdout)
        counts = self.answers("ks", "consume", "word-counts", "--key-serde", "string", "--value-serde", "long", *at).stdout
        self.assertEqual(sorted(counts.splitlines()), ["a\t2", "b\t1"])

    def test_word_count_counts_standard_input(self):
        done = self.answers("word_count", "--input", "-", stdin="To be, or NOT to be\r\nthe THE\n\nbe")
        self.assertEqual(self.rows(done.stdout), [("be", 3), ("to", 2), ("not", 1), ("or", 1)])
        self.assertRegex(done.stdout, r"input records +4\n")
        self.assertRegex(done.stdout, r"throughput +[\d,]+ records/s\n")
        self.assertRegex(done.stdout, r"peak memory +\d+\.\d MB")
        self.assertRegex(done.stderr, r"word_count: 11 records processed, 0 waiting")

    def test_word_count_agrees_with_counting_in_python(self):
        text = subprocess.run([ROOT / "scripts/make-text", "400"], capture_output=True, text=True, check=True).stdout
        counts = {}
        for word in re.findall(r"\w+", text.lower()):
            counts[word] = counts.get(word, 0) + 1
        del counts["the"]
        expected = sorted(counts.items(), key=lambda row: (-row[1], row[0]))[:20]
        path = self.file("text.txt", text)
        for properties in ([], ["-D", "statestore.cache.max.bytes=0"], ["-D", "commit.interval.ms=1"]):
            done = self.answers("word_count", "--input", path, *properties)
            rows = [(word, int(count.replace(",", "")))
                    for word, count in re.findall(r"^ *\d+  (\S+) +([\d,]+)  #*$", done.stdout, re.MULTILINE)]
            self.assertEqual(rows, expected)
            self.assertRegex(done.stdout, rf"different words +{len(counts):,}\n")

    def test_the_text_of_the_demo_is_the_same_every_time(self):
        texts = {subprocess.run([ROOT / "scripts/make-text"], capture_output=True, check=True).stdout for _ in range(2)}
        self.assertEqual(len(texts), 1)
        self.assertGreater(len(texts.pop()), 500_000)

    def test_unknown_payment_prints_those_of_unknown(self):
        done = self.answers("unknown_payment", "--input", ROOT / "apps/unknown_payment/text/payments.txt")
        rows = [line for line in done.stdout.splitlines() if "\t" in line]
        self.assertEqual(rows, ["unknown\t40.00 EUR no reference given", "unknown\t3.10 EUR reference illegible",
                                "unknown\t640.00 EUR, account closed, see note"])
        self.assertRegex(done.stdout, r"unknown payments +3\n")
        self.assertRegex(done.stdout, r"input records +12\n")

    def test_a_payment_without_separator_is_named_by_file_and_line(self):
        path = self.file("payments.txt", "# payments\nunknown,1\nnothing to see\n")
        self.refused(1, ["payments.txt:3", "no tab and no comma"], "unknown_payment", "--input", path)
        self.refused(1, ["standard input:1"], "unknown_payment", "--input", "-", stdin="oops\n")

def printed_stats(output):
    """{ticker: (start, end, trades, lowest, average)} of the table that stock_stats prints."""
    found = re.findall(r"^(\S+) +(\d{13}) +(\d{13}) +([\d,]+) +([\d.]+) +([\d.]+)$", output, re.MULTILINE)
    return {ticker: (int(start), int(end), int(trades.replace(",", "")), lowest, average)
            for ticker, start, end, trades, lowest, average in found}


def last_windows(trades):
    """The same, of (time, trade) pairs of which none is late; and how many windows there are."""
    windows = {}
    for time, trade in trades:
        for start in range(time // 1000 * 1000 - 4000, time + 1, 1000):
            windows.setdefault((trade["ticker"], start), []).append(trade["price"])
    last = {}
    for (ticker, start), prices in sorted(windows.items()):
        last[ticker] = (start, start + 5000, len(prices), f"{min(prices):.2f}", f"{sum(prices) / len(prices):.2f}")
    return last, len(windows)


class StockStats(Programs):
    """stock_stats, against windows that are counted in Python."""

    TRADES = ROOT / "apps/stock_stats/text/trades.txt"
    TRADE = '{"type":"ASK","ticker":"A","price":1,"size":1}'

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.at = ("--bootstrap-server", f"embedded:{self.folder}/log")

    def trades(self, text):
        lines = [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]
        return [(int(time), json.loads(trade)) for time, trade in lines]

    def produced(self):
        """The trades in the topic."""
        lines = self.answers("ks", "consume", "stocks", "--json", *self.at).stdout.splitlines()
        return [(record["timestamp"], json.loads(record["value"])) for record in map(json.loads, lines)]

    def test_a_file_of_trades_gives_the_last_window_of_each_share(self):
        last, count = last_windows(self.trades(self.TRADES.read_text()))
        shown = self.answers("stock_stats", "--input", self.TRADES).stdout
        self.assertIn("KSTREAM-AGGREGATE-0000000001 (stores: [trade-aggregates])", shown)
        self.assertEqual(printed_stats(shown), last)
        self.assertRegex(shown, rf"\nwindows +{count}\n")

    def test_made_up_trades_are_counted_as_python_counts_them_and_a_second_run_continues(self):
        for guarantee in ("at_least_once", "exactly_once_v2"):
            with self.subTest(guarantee=guarantee):
                self.at = ("--bootstrap-server", f"embedded:{self.folder}/{guarantee}")
                run = ("stock_stats", *self.at, "-D", f"processing.guarantee={guarantee}")
                first = self.answers(*run, "--generate", "3000").stdout
                self.assertNotIn("continues", first)
                made_up = self.produced()
                self.assertEqual(len(made_up), 3000)
                last, count = last_windows(made_up)
                self.assertEqual(printed_stats(first), last)
                self.assertRegex(first, rf"\nwindows +{count:,}\n")
                again = self.answers(*run).stdout
                self.assertIn("continues: 3,000 records of stocks were processed before this run\n", again)
                self.assertIn("nothing is new", again)
                self.assertEqual(printed_stats(again), last)
                later = max(time for time, _ in made_up) + 500
                more = "".join(f"{later}\t{json.dumps({**trade, 'price': 0.5})}\n" for _, trade in made_up[-1:])
                self.assertEqual(printed_stats(self.answers(*run, "--input", "-", stdin=more).stdout),
                                 last_windows(made_up + self.trades(more))[0])

    def test_made_up_trades_are_not_late_for_those_of_an_earlier_run(self):
        self.answers("stock_stats", *self.at, "--generate", "2000")
        shown = self.answers("stock_stats", *self.at, "--generate", "1000")
        trades = self.produced()
        self.assertEqual(len(trades), 3000)
        self.assertEqual(printed_stats(shown.stdout), last_windows(trades)[0])
        self.assertNotIn("drops", shown.stdout + shown.stderr)

    def test_late_trades_are_dropped_and_the_closing_lines_say_so(self):
        times = (20000, 1000)
        done = self.answers("stock_stats", "--input", "-", stdin="".join(f"{time}\t{self.TRADE}\n" for time in times))
        self.assertRegex(done.stdout, r"\nwindows +5\n")
        self.assertRegex(done.stdout, r"\ndrops +2 ")
        self.assertIn("its window has closed", done.stderr)

    def test_a_wrong_trade_is_named_by_file_and_line(self):
        path = self.folder / "trades.txt"
        for wrong, said in (("oops", "TIME<TAB>JSON"), (f"-5\t{self.TRADE}", "TIME<TAB>JSON"), (f"9999999999999999999\t{self.TRADE}", "TIME"),
                            ("5\t", "the document is empty"), ("5\t{bad", "malformed JSON"), ('5\t{"type":"ASK"}', "ticker"),
                            (f"5\t{self.TRADE} x", "something follows"), ("5\t" + self.TRADE.replace("1", '"1"'), "price")):
            path.write_text(f"# trades\n1\t{self.TRADE}\n{wrong}\n")
            done = self.run_program("stock_stats", "--input", path)
            self.assertEqual(done.returncode, 1, wrong)
            self.assertIn(f"{path}:3", done.stderr)
            self.assertIn(said, done.stderr)

    def test_trades_of_another_kind_under_one_key_stop_the_application(self):
        done = self.run_program("stock_stats", "--input", "-", stdin=f"5\t{self.TRADE}\n6\t{self.TRADE.replace('ASK', 'BID')}\n")
        self.assertEqual(done.returncode, 1)
        self.assertIn("a trade of type BID and ticker A came under the key of ASK A", done.stderr)


class ClickEnrich(Programs):
    """click_enrich, on topics of one partition: all users share one time."""

    CLICKS = ROOT / "apps/click_enrich/text/clicks.txt"
    TOPICS = ("clicks.pages.views", "clicks.search", "clicks.user.profile")
    FOUND = [(1767225601400, "Ann", "surfboard", "/surfboards/long"), (1767225601900, "Ann", "surfboard", "/surfboards/short"),
             (1767225602500, "Ann", "", "/wetsuits"), (1767225603000, "Bo", "", "/home"),
             (1767225603600, "Bo", "chess clock", "/clocks"), (1767225604500, "", "tent", "/tents")]
    LAST = [(1767225609000, "", "", "/home"), (1767225609000, "Ann", "", "/home"), (1767225609000, "Bo", "", "/home")]

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.at = ("--bootstrap-server", f"embedded:{self.folder}/log")

    def make_topics(self, *partitions):
        for topic, count in zip(self.TOPICS, partitions):
            self.answers("ks", "topics", "create", topic, "--partitions", count, *self.at)

    def rows(self, output):
        """(time, user, what was searched for, page) of each view that is printed."""
        found = re.findall(r"^(\d{13})  (.{12}) (.{16}) (.*)$", output, re.MULTILINE)
        return sorted((int(time), user.strip(), terms.strip(), page) for time, user, terms, page in found)

    def test_views_find_users_and_searches_and_the_next_run_what_was_still_open(self):
        for guarantee in ("at_least_once", "exactly_once_v2"):
            with self.subTest(guarantee=guarantee):
                self.at = ("--bootstrap-server", f"embedded:{self.folder}/{guarantee}")
                run = ("click_enrich", *self.at, "-D", f"processing.guarantee={guarantee}")
                self.make_topics(1, 1, 1)
                first = self.answers(*run, "--input", self.CLICKS).stdout
                self.assertNotIn("continues", first)
                self.assertEqual(self.rows(first), self.FOUND)
                self.assertRegex(first, r"\nviews +6\nof known users +5\nafter a search +4\n")
                again = self.answers(*run).stdout
                self.assertIn("continues: 15 records of the input topics were processed before this run\n", again)
                self.assertIn("nothing is new", again)
                self.assertEqual(self.rows(again), self.FOUND)
                later = '1767225700000\tview\t{"userId":1,"page":"/later"}\n'
                self.assertEqual(self.rows(self.answers(*run, "--input", "-", stdin=later).stdout), self.FOUND + self.LAST)

    def test_made_up_clicks_are_all_views_but_the_last(self):
        shown = self.answers("click_enrich", "--generate", "20000").stdout
        views, known, after = (int(re.search(rf"\n{what} +([\d,]+)\n", shown).group(1).replace(",", ""))
                               for what in ("views", "of known users", "after a search"))
        self.assertTrue(19_900 < views, shown)  # and one for each search of those with several
        self.assertTrue(0 < after < known < views, shown)
        self.assertIn("... the first 20\n", shown)

    def test_topics_of_different_widths_are_refused_and_named(self):
        self.make_topics(3, 2, 3)
        done = self.run_program("click_enrich", "--input", self.CLICKS, *self.at)
        self.assertEqual(done.returncode, 1)
        for text in ("KS_E_TOPOLOGY", "clicks.pages.views 3", "clicks.search 2"):
            self.assertIn(text, done.stderr)

    def test_a_wrong_record_is_named_by_file_and_line(self):
        path = self.folder / "clicks.txt"
        for wrong, said in (("view", "TIME<TAB>KIND<TAB>JSON"), ('-5\tview\t{"userId":1,"page":"/"}', "TIME<TAB>KIND"),
                            ('5\tvisit\t{"userId":1,"page":"/"}', "profile, search or view"), ('5\t\t{"userId":1}', "profile, search or view"),
                            ("5\tview\t{bad", "malformed JSON"), ('5\tview\t{"userId":1}', "page"), ("5\tview\tnull", "page_view"),
                            ('5\tview\t{"userId":3000000000,"page":"/"}', "range"), ('5\tsearch\t{"userId":1.5,"searchTerms":""}', "userId"),
                            ('5\tprofile\t{"userId":1,"userName":"A","zipcode":"1","interests":[1]}', "interests[0]")):
            path.write_text(f'\n1\tview\t{{"userId":1,"page":"/"}}\n{wrong}\n')
            done = self.run_program("click_enrich", "--input", path)
            self.assertEqual(done.returncode, 1, wrong)
            self.assertIn(f"{path}:3", done.stderr)
            self.assertIn(said, done.stderr)



if __name__ == "__main__":
    BIN = find_programs()
    unittest.main()
