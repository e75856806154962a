#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ks-conformance must see every difference: a runner that compares too little looks just like a library without faults.

Takes recorded scenarios, which the library passes, alters one thing in what is expected of each and wants "not ok" with the
name of exactly that thing. Then it spoils the scenarios themselves: what the runner does not know must fail, whatever was
expected. Which scenarios and which places are drawn by KSTREAMS_SEED, which is printed.

Runs the program of KSTREAMS_BIN, else of bin/ in the current folder (a build folder), else of build/bin.
"""
import copy
import json
import math
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCENARIOS = ROOT / "tests/conformance/scenarios"
SEED = int(os.environ.get("KSTREAMS_SEED", "2026"))
DRAWN = 12  # scenarios for each way to alter one


def find_program():
    folders = [os.environ.get("KSTREAMS_BIN"), pathlib.Path.cwd() / "bin", ROOT / "build/bin"]
    for folder in filter(None, folders):
        program = pathlib.Path(folder) / "ks-conformance"
        if program.exists():
            return program.resolve()
    print("ks-conformance is not built: `make programs` builds it (it needs jansson), KSTREAMS_BIN says where it is")
    sys.exit(77)


def load_scenarios():
    """(path below scenarios/, the scenario) of each."""
    paths = sorted(SCENARIOS.rglob("*.json"))
    return [(path.relative_to(SCENARIOS), json.loads(path.read_text())) for path in paths]


def other_character(text, at):
    return text[:at] + ("y" if text[at] == "x" else "x") + text[at + 1:]


def other_text(text):
    """Texts stand for bytes: another character, and of bytes in hex another digit."""
    if text is None:
        return ""
    if text == "":
        return "x"
    if text.startswith("hex:") and len(text) > 4:
        return text[:-1] + ("0" if text[-1] != "0" else "1")
    return other_character(text, 0)


def other_value(value):
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value + 1
    if isinstance(value, (list, dict)):
        return None
    return other_text(value)


# ---- what may be altered in `expect`: each takes it and a random.Random, changes it and gives the place the runner must name; None
# ---- when the scenario has no such thing

def records_of(expect, draw, enough=1):
    topics = [topic for topic, records in expect.get("produced", {}).items() if len(records) >= enough]
    if not topics:
        return None, None
    topic = draw.choice(topics)
    return topic, expect["produced"][topic]


def a_character_of_the_description(expect, draw):
    text = expect.get("description", "")
    if not text:
        return None
    at = draw.randrange(len(text))
    expect["description"] = other_character(text, at)
    return f"description[line {text.count(chr(10), 0, at) + 1}]"


def a_line_at_the_end_of_the_description(expect, _):
    if "description" not in expect:
        return None
    expect["description"] += "more"
    return f"description[line {expect['description'].count(chr(10)) + 1}]"


def altered_record(member, change):
    def alter(expect, draw):
        topic, records = records_of(expect, draw)
        if topic is None:
            return None
        at = draw.randrange(len(records))
        if member == "ts" and records[at][member] is None:  # buffers log records without a time
            return None
        records[at][member] = change(records[at][member])
        return f"produced.{topic}[{at}].{member}"
    return alter


def a_key_that_is_absent(expect, draw):
    topic, records = records_of(expect, draw)
    if topic is None:
        return None
    at = draw.randrange(len(records))
    del records[at]["key"]
    return f"produced.{topic}[{at}].key"


def two_records_in_another_order(expect, draw):
    topic, records = records_of(expect, draw, 2)
    if topic is None:
        return None
    pairs = [at for at in range(len(records) - 1) if records[at] != records[at + 1]]
    if not pairs:
        return None
    at = draw.choice(pairs)
    first = next(name for name in records[at] if records[at][name] != records[at + 1][name])
    records[at], records[at + 1] = records[at + 1], records[at]
    place = f"produced.{topic}[{at}].{first}"
    return place if first != "headers" else f"{place}["


def a_record_more(expect, draw):
    topic, records = records_of(expect, draw)
    if topic is None:
        return None
    records.append(copy.deepcopy(records[-1]))
    return f"produced.{topic}[{len(records) - 1}]"


def a_record_less(expect, draw):
    topic, records = records_of(expect, draw)
    if topic is None:
        return None
    records.pop()
    return f"produced.{topic}[{len(records)}]"


def a_header_more(expect, draw):
    topic, records = records_of(expect, draw)
    if topic is None:
        return None
    at = draw.randrange(len(records))
    records[at]["headers"].append(["h", "1"])
    return f"produced.{topic}[{at}].headers[{len(records[at]['headers']) - 1}]"


def altered_header(side):
    def alter(expect, draw):
        found = [(topic, at, h) for topic, records in expect.get("produced", {}).items()
                 for at, record in enumerate(records) for h, header in enumerate(record["headers"])
                 if not str(header[0]).startswith("__streams.errors.")]
        if not found:
            return None
        topic, at, h = draw.choice(found)
        header = expect["produced"][topic][at]["headers"][h]
        header[side] = other_text(header[side])
        return f"produced.{topic}[{at}].headers[{h}][{side}]"
    return alter


def a_topic_more(expect, _):
    if "produced" not in expect:
        return None
    expect["produced"]["nobody-writes-here"] = []
    return "produced.nobody-writes-here"


def a_topic_less(expect, draw):
    topic, _ = records_of(expect, draw)
    if topic is None:
        return None
    del expect["produced"][topic]
    return f"produced.{topic}"


def rows_of(expect, draw):
    stores = [name for name, rows in expect.get("stores", {}).items() if rows]
    if not stores:
        return None, None
    name = draw.choice(stores)
    return name, expect["stores"][name]


def a_member_of_a_row(expect, draw):
    name, rows = rows_of(expect, draw)
    if name is None:
        return None
    at = draw.randrange(len(rows))
    member = draw.choice(sorted(rows[at]))
    rows[at][member] = other_value(rows[at][member])
    return f"stores.{name}[{at}].{member}"


def a_real_number_of_a_row(change):
    """The runner compares reals by value, not by text: exactly, and with the sign of zero."""
    def alter(expect, draw):
        reals = [(name, at, member) for name, rows in expect.get("stores", {}).items() for at, row in enumerate(rows)
                 for member, value in row.items() if isinstance(value, float)]
        if not reals:
            return None
        zeros = [real for real in reals if expect["stores"][real[0]][real[1]][real[2]] == 0]
        name, at, member = draw.choice(zeros or reals)
        row = expect["stores"][name][at]
        row[member] = change(row[member])
        return f"stores.{name}[{at}].{member}"
    return alter


def a_row_less(expect, draw):
    name, rows = rows_of(expect, draw)
    if name is None:
        return None
    rows.pop()
    return f"stores.{name}[{len(rows)}]"


def a_store_more(expect, _):
    if "stores" not in expect:
        return None
    expect["stores"]["nobody-has-it"] = []
    return "stores.nobody-has-it"


def dropped_by(change):
    def alter(expect, _):
        if "dropped" not in expect:
            return None
        expect["dropped"] = change(expect["dropped"])
        return "dropped"
    return alter


def another_kind_of_error(expect, _):
    if not expect["error"]:
        return None
    expect["error"]["kind"] = "NullPointerException"
    return "error.kind"


def an_error_elsewhere(expect, _):
    if not expect["error"]:
        return None
    expect["error"]["at"] = 999 if expect["error"]["at"] == "build" else "build"
    return "error.at"


def an_error_that_does_not_happen(expect, _):
    if expect["error"]:
        return None
    expect["error"] = {"at": 0, "kind": "StreamsException"}
    return "error"


def an_error_that_nobody_expects(expect, _):
    if not expect["error"]:
        return None
    expect["error"] = None
    return "error"


def an_expectation_more(expect, _):
    expect["committed"] = {}
    return "committed" if expect["error"] is None else None


ALTERATIONS = {
    "a character of the description": a_character_of_the_description,
    "a line at the end of the description": a_line_at_the_end_of_the_description,
    "a produced key": altered_record("key", other_text),
    "a produced value": altered_record("value", other_text),
    "a produced timestamp": altered_record("ts", lambda ts: ts + 1),
    "a produced timestamp that is null": altered_record("ts", lambda _: None),
    "a produced timestamp that is no whole number": altered_record("ts", float),
    "a produced key that is absent": a_key_that_is_absent,
    "two records in another order": two_records_in_another_order,
    "a record more": a_record_more,
    "a record less": a_record_less,
    "a header more": a_header_more,
    "the name of a header": altered_header(0),
    "the value of a header": altered_header(1),
    "a topic more": a_topic_more,
    "a topic less": a_topic_less,
    "a member of a store's row": a_member_of_a_row,
    "a real number of a store's row": a_real_number_of_a_row(lambda real: 2 * real + 1),
    "the last bit of a real number": a_real_number_of_a_row(lambda real: math.nextafter(real, math.inf)),
    "the sign of a real number": a_real_number_of_a_row(lambda real: -real),
    "a store's row less": a_row_less,
    "a store more": a_store_more,
    "one dropped record more": dropped_by(lambda count: count + 1),
    "one dropped record less": dropped_by(lambda count: count - 1),
    "dropped records as a text": dropped_by(str),
    "another kind of error": another_kind_of_error,
    "an error elsewhere": an_error_elsewhere,
    "an error that does not happen": an_error_that_does_not_happen,
    "an error that nobody expects": an_error_that_nobody_expects,
    "an expectation more": an_expectation_more,
}


# ---- what may be wrong with a scenario itself: each changes it and gives the text that the runner must answer with

def with_node(node, said):
    def spoil(scenario):
        scenario["topology"].append(node)
        return said
    return spoil


def with_member(path, value, said):
    """Sets a member, such as topology[0].hue."""
    def spoil(scenario):
        *folders, last = path
        at = scenario
        for name in folders:
            at = at[name] if isinstance(at, list) else at.setdefault(name, {})
        at[last] = value
        return said
    return spoil


def with_step(said, **members):
    """A step more, to the topic of SOURCE; a member that is None is left out."""
    def spoil(scenario):
        step = {"pipe": "odd", "key": "k", "value": "v", "ts": 1, **members}
        scenario.setdefault("steps", []).append({name: value for name, value in step.items() if value is not None})
        return said
    return spoil


def with_function(op, fn, said):
    return with_node({"id": "odd", "op": op, "of": "odd source", "fn": fn}, said)


SOURCE = {"id": "odd source", "op": "stream", "topic": "odd"}
SPOILED = {
    "an unknown op": with_node({"op": "teleport"}, "unknown op `teleport`"),
    "an op of a node of another kind": with_node({"op": "aggregate", "of": "odd source", "init": 0, "fn": "sum"},
                                                 "`aggregate` cannot follow `odd source`"),
    "an op in other letters": with_node({"op": "Filter", "of": "odd source", "fn": "always"}, "unknown op `Filter`"),
    "no op": with_node({"id": "x"}, "field `op` is missing"),
    "a node that is no object": with_node("filter", "expected an object"),
    "an unknown predicate": with_function("filter", "sometimes", "unknown predicate `sometimes`"),
    "an unknown value mapper": with_function("mapValues", "shout", "unknown value mapper `shout`"),
    "an unknown key mapper": with_function("selectKey", ["keyMiddle", 1], "unknown key mapper `keyMiddle`"),
    "an unknown flat function": with_function("flatMapValues", "sentences", "unknown flat function `sentences`"),
    "an argument too few": with_function("filter", "contains", "function `contains` takes 1 argument"),
    "an argument too many": with_function("filter", ["always", 1], "function `always` takes 0 argument"),
    "an argument of another type": with_function("filter", ["greater", "two"], "function `greater` takes a whole number"),
    "no function": with_node({"id": "odd", "op": "filter", "of": "odd source"}, "field `fn` is missing"),
    "a node that is not there": with_node({"op": "to", "of": "nowhere", "topic": "t"}, "no node `nowhere`"),
    "an id used twice": with_node(SOURCE, "id `odd source` is used twice"),
    "an unknown field of a node": with_member(["topology", 0, "hue"], "red", "unknown field `hue`"),
    "an unknown field of a step": with_step("unknown field `vlaue`", vlaue="x"),
    "a step that does nothing": with_step("field `pipe` is missing", pipe=None),
    "a step without a timestamp": with_step("field `ts` is missing", ts=None),
    "a timestamp that is no whole number": with_step("field `ts` must be a whole number", ts=1.5),
    "bytes with half a digit": with_step("no pairs of hex digits: `hex:abc`", value="hex:abc"),
    "a header without a value": with_step("a header must be [name, text or null]", headers=[["h"]]),
    "headers that are no list": with_step("`headers` must be a list", headers={"h": "1"}),
    "an unknown field of a topic": with_member(["topics", "odd", "vlaue"], "string", "unknown field `vlaue`"),
    "an unknown field of the scenario": with_member(["expected"], {}, "unknown field `expected`"),
    "an unknown type": with_member(["topics", "odd"], {"key": "text", "value": "string"}, "unknown type `text`"),
    "an unknown property": with_member(["config", "comit.interval.ms"], "1", "unknown config `comit.interval.ms`"),
    "a property of the runner": with_member(["config", "application.id"], "x", "config `application.id` belongs to the runner"),
    "an unknown class": with_member(["config", "processing.exception.handler"], "LogAndHope", "unknown value `LogAndHope`"),
    "a property that is a list": with_member(["config", "commit.interval.ms"], [1], "config `commit.interval.ms` must be a text"),
    "a topology that is no list": with_member(["topology"], {}, "`topology` must be a list"),
    "a clock that is no number": with_member(["wallClock"], "noon", "`wallClock` must be a whole number"),
    "an expectation that is no object": with_member(["expect"], [], "`expect` must be an object"),
}


class Runner(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def write(self, name, content):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    def run_program(self, *arguments):
        return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, cwd=ROOT, timeout=240, check=False)

    def run_scenarios(self, *paths):
        """(exit status, {path: its line}), after the last line has said what the lines before it show."""
        done = self.run_program(*paths or [self.folder])
        *lines, last = done.stdout.splitlines()
        passed = sum(line.startswith("ok ") for line in lines)
        failed = sum(line.startswith("not ok ") for line in lines)
        self.assertEqual(passed + failed, len(lines), done.stdout)
        self.assertEqual(last, f"{passed} passed, {failed} failed")
        self.assertEqual(done.returncode, 0 if passed > 0 and failed == 0 else 1)
        by_path = {}
        for line in lines:
            path = re.search(rf"({re.escape(str(self.folder))}[^):]*\.json)", line)
            self.assertIsNotNone(path, line)
            by_path[pathlib.Path(path.group(1))] = line
        return done.returncode, by_path

    def refused(self, said, *paths):
        """Each is "not ok" with its text; nothing else ran."""
        status, lines = self.run_scenarios(*paths)
        self.assertEqual(status, 1)
        self.assertEqual(sorted(lines), sorted(said))
        for path, text in said.items():
            self.assertTrue(lines[path].startswith("not ok "), lines[path])
            self.assertIn(text, lines[path])

    def drawn(self, purpose):
        """The scenarios in an order drawn for this purpose, and what draws further; copies."""
        draw = random.Random(f"{SEED} {purpose}")
        for path, scenario in draw.sample(ALL, len(ALL)):
            yield path, copy.deepcopy(scenario), draw


class WhatIsExpected(Runner):
    def test_what_is_not_altered_passes(self):
        paths = [self.write(f"{i}.json", scenario) for i, (_, scenario, _) in zip(range(3 * DRAWN), self.drawn("pass"))]
        status, lines = self.run_scenarios()
        self.assertEqual(status, 0, lines)
        self.assertEqual(list(lines), sorted(paths, key=str))

    def test_every_alteration_is_seen_and_named(self):
        for what, alter in ALTERATIONS.items():
            with self.subTest(what):
                said = {}
                for path, scenario, draw in self.drawn(what):
                    place = alter(scenario["expect"], draw)
                    if place is not None:
                        altered = self.write(f"{what}/{len(said)}-{path.name}", scenario)
                        end = "" if place.endswith("[") else ": want "
                        said[altered] = f"): {place}{end}"
                    if len(said) == DRAWN:
                        break
                self.assertGreaterEqual(len(said), 3, "too few recorded scenarios have such a thing")
                self.refused(said, self.folder / what)

    def test_what_is_wanted_and_what_came_are_both_shown(self):
        _, scenario, _ = next(found for found in self.drawn("both") if found[1]["expect"].get("dropped") == 0)
        scenario["expect"]["dropped"] = 77
        self.refused({self.write("a.json", scenario): "): dropped: want 77, got 0"})

    def test_one_that_fails_does_not_hide_the_others(self):
        good, bad = [], {}
        for i, (_, scenario, draw) in zip(range(8), self.drawn("mixed")):
            if i % 3 == 1:
                an_error_that_does_not_happen(scenario["expect"], draw) or an_error_that_nobody_expects(scenario["expect"], draw)
                bad[self.write(f"{i}.json", scenario)] = "error"
            else:
                good.append(self.write(f"{i}.json", scenario))
        status, lines = self.run_scenarios()
        self.assertEqual(status, 1)
        self.assertEqual({path for path, line in lines.items() if line.startswith("ok ")}, set(good))
        self.assertEqual({path for path, line in lines.items() if line.startswith("not ok ")}, set(bad))


class WhatIsNoScenario(Runner):
    def test_nothing_recorded_is_a_failure(self):
        said = {}
        for i, (_, scenario, _) in zip(range(DRAWN), self.drawn("missing")):
            del scenario["expect"]
            said[self.write(f"{i}.json", scenario)] = "nothing is recorded: `expect` is missing"
        self.refused(said)

    def test_an_empty_expectation_is_a_failure(self):
        said = {}
        for i, (_, scenario, _) in zip(range(DRAWN), self.drawn("empty")):
            scenario["expect"] = {}
            said[self.write(f"{i}.json", scenario)] = "): error: want nothing"
        self.refused(said)

    def test_what_the_runner_does_not_know_is_a_failure_whatever_is_expected(self):
        def succeeds(scenario):
            return scenario["expect"]["error"] is None

        def throws(scenario):
            error = scenario["expect"]["error"]
            return error is not None and error["kind"] == "TopologyException"

        for what, spoil in SPOILED.items():
            for expected in (succeeds, throws):
                with self.subTest(what, expected=expected.__name__):
                    said = {}
                    for path, scenario, _ in self.drawn(what):
                        if not expected(scenario):
                            continue
                        scenario["topology"].append(SOURCE)
                        text = spoil(scenario)
                        scenario["topics"].setdefault("odd", {"key": "string", "value": "string"})
                        said[self.write(f"{what}/{expected.__name__}/{len(said)}-{path.name}", scenario)] = text
                        if len(said) == 3:
                            break
                    self.assertEqual(len(said), 3)
                    self.refused(said, self.folder / what / expected.__name__)

    def test_an_unknown_function_of_every_kind_in_use_is_a_failure(self):
        """Wherever a recorded scenario names a function, another name is refused."""
        said, seen = {}, set()
        for path, scenario, _ in self.drawn("functions"):
            for node in scenario["topology"]:
                if node["op"] not in seen and "fn" in node and scenario["expect"]["error"] is None:
                    seen.add(node["op"])
                    node["fn"] = "frobnicate"
                    said[self.write(f"{node['op']}-{path.name}", scenario)] = " `frobnicate`"
                    break
        self.assertGreater(len(seen), 8)
        self.refused(said)

    def test_a_file_that_cannot_be_parsed_is_a_failure(self):
        text = json.dumps(ALL[0][1])
        self.refused({
            self.write("empty.json", ""): "no JSON",
            self.write("cut.json", text[:-1]): "no JSON: line 1",
            self.write("list.json", "[]"): "scenario: expected an object",
            self.write("nothing.json", "{}"): "field `topology` is missing",
            self.write("twice.json", text[:-1] + ', "name": "again"}'): "no JSON",
            self.write("large.json", '{"topology": [], "wallClock": 9223372036854775808}'): "no JSON",
            self.write("more.json", text + "{}"): "no JSON",
        })

    def test_a_file_that_cannot_be_read_is_a_failure(self):
        if os.geteuid() == 0:
            self.skipTest("root reads everything")
        path = self.write("secret.json", ALL[0][1])
        path.chmod(0)
        self.refused({path: "Permission denied"})

    def test_a_name_cannot_forge_a_line(self):
        _, scenario = ALL[0]
        forged = dict(scenario, name="a\nok b\r\x1b[2J\n9 passed, 0 failed", expect={})
        done = self.run_program(self.write("forged.json", forged))
        self.assertEqual(len(done.stdout.splitlines()), 2, done.stdout)
        self.assertTrue(done.stdout.endswith("\n0 passed, 1 failed\n"), done.stdout)
        self.assertNotIn("\x1b", done.stdout)


class Restarts(Runner):
    """With --restart: what is not compared is said, and what is compared must be equal."""
    COUNTED = {
        "name": "a count", "config": {"statestore.cache.max.bytes": "0"},
        "topics": {"in": {"key": "string", "value": "string"}},
        "topology": [{"id": "s", "op": "stream", "topic": "in"}, {"id": "g", "op": "groupByKey", "of": "s"},
                     {"id": "c", "op": "count", "of": "g", "store": {"name": "n"}}],
        "steps": [{"pipe": "in", "key": "k", "value": "v", "ts": ts} for ts in (1, 2)]}

    def counted(self, **node):
        scenario = copy.deepcopy(self.COUNTED)
        scenario["topology"][-1]["store"].update(node)
        return scenario

    def test_the_run_whose_state_was_lost_is_compared_with_what_is_recorded(self):
        _, recorded, _ = next(found for found in self.drawn("restart") if found[1]["expect"].get("stores")
                              and found[1]["config"] == {"statestore.cache.max.bytes": "0"}
                              and not re.search("punctuate|logging|lru:", json.dumps(found[1])))
        path = self.write("a.json", recorded)
        self.assertEqual(self.run_program("--restart", path).stdout.splitlines()[-1], "1 passed, 0 failed")
        recorded["expect"]["dropped"] += 1
        self.write("a.json", recorded)
        done = self.run_program("--restart", path)
        self.assertIn("): dropped: want ", done.stdout)
        self.assertEqual(done.returncode, 1)

    def test_a_scenario_that_restarts_may_change_is_left_out_and_that_is_said(self):
        for store in ({"logging": False}, {"type": "lru:2"}):
            done = self.run_program("--restart", self.write("a.json", self.counted(**store)))
            self.assertTrue(done.stdout.startswith("left out "), done.stdout)
            self.assertTrue(done.stdout.endswith("\n1 left out\n0 passed, 0 failed\n"), done.stdout)
            self.assertEqual(done.returncode, 1)


class Replays(Runner):
    """With --log: an application on a log leaves what is recorded, or what it may leave otherwise is said."""

    def counted(self, **change):
        count = json.loads(json.dumps(Restarts.COUNTED))
        records = [{"key": "k", "value": f"hex:{number:016x}", "ts": number, "headers": []} for number in (1, 2)]
        expect = {"description": "", "produced": {"app-n-changelog": records}, "stores": {}, "dropped": 0, "error": None}
        return {**count, "expect": expect, **change}

    def test_what_topics_hold_is_compared(self):
        path = self.write("a.json", self.counted())
        self.assertEqual(self.run_program("--log", "embedded:", path).stdout.splitlines()[-1], "1 passed, 0 failed")
        wrong = self.counted()
        wrong["expect"]["produced"]["app-n-changelog"][1]["ts"] = 3
        done = self.run_program("--log", "embedded:", self.write("a.json", wrong))
        self.assertIn("): produced.app-n-changelog[1].ts: want 3, got 2", done.stdout)
        self.assertEqual(done.returncode, 1)

    def test_what_an_application_decides_by_itself_is_left_out_and_that_is_said(self):
        for why, change in (("a record cache", {"config": {}}), ("clock", {"steps": [{"advanceWallClock": 5}]}), ("sends nothing", {"steps": []}),
                            ("no negative timestamp", {"steps": [{"pipe": "in", "key": "k", "value": "v", "ts": -1}]})):
            done = self.run_program("--log", "embedded:", self.write("a.json", self.counted(**change)))
            self.assertRegex(done.stdout, f"^left out .*{why}.*\n1 left out\n0 passed, 0 failed\n$")

    def test_a_log_that_is_not_to_be_had_is_a_failure(self):
        done = self.run_program("--log", f"embedded:{self.write('file', 'no folder')}", self.write("a.json", self.counted()))
        self.assertIn("): the log: ", done.stdout)
        self.assertEqual(done.returncode, 1)


class TheCommandLine(Runner):
    def wrong(self, said, *arguments):
        done = self.run_program(*arguments)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertTrue(done.stderr.startswith("ks-conformance: "), done.stderr)
        self.assertIn(said, done.stderr)

    def test_wrong_arguments_are_status_two_and_nothing_runs(self):
        good = self.write("good.json", ALL[0][1])
        self.wrong("name a scenario file or a folder")
        self.wrong("name a scenario file or a folder", "--")
        self.wrong("unknown option --verbose", "--verbose", good)
        self.wrong("unknown option -x", "-x")
        self.wrong("--restart is for the test driver", "--restart", "--log", "embedded:", good)
        self.wrong("No such file or directory", self.folder / "nowhere.json")
        self.wrong("No such file or directory", good, self.folder / "nowhere")

    def test_an_empty_folder_fails(self):
        self.write("notes.txt", "no scenario")
        (self.folder / "empty").mkdir()
        for folder in (self.folder, self.folder / "empty"):
            done = self.run_program(folder)
            self.assertEqual((done.returncode, done.stdout), (1, "0 passed, 0 failed\n"))
            self.assertIn("no file ends in .json there", done.stderr)

    def test_files_and_folders_are_run_as_they_are_named(self):
        one, two = self.write("a/1.json", ALL[0][1]), self.write("b/c/2.json", ALL[1][1])
        self.write("b/notes.txt", "no scenario")
        status, lines = self.run_scenarios("--", self.folder / "b", one)
        self.assertEqual((status, list(lines)), (0, [two, one]))

    def test_help_and_version_go_to_standard_output(self):
        for option in ("--help", "-h"):
            done = self.run_program(option)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertTrue(done.stdout.startswith("usage: ks-conformance "), done.stdout)
            for text in ("--help", "--version", "not ok NAME", "Exits with 0"):
                self.assertIn(text, done.stdout)
        header = (ROOT / "include/kstreams/common.h").read_text()
        version = ".".join(re.search(rf"KS_VERSION_{part} (\d+)", header).group(1) for part in ("MAJOR", "MINOR", "PATCH"))
        done = self.run_program("--version")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, f"ks-conformance {version}\n", ""))

    @unittest.skipUnless(pathlib.Path("/dev/full").exists(), "/dev/full is not here")
    def test_results_that_cannot_be_written_are_a_failure(self):
        for arguments in (["--help"], ["--version"], [self.write("good.json", ALL[0][1])]):
            with open("/dev/full", "w", encoding="utf-8") as full:
                done = subprocess.run([PROGRAM, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn("could not be written", done.stderr)


if __name__ == "__main__":
    PROGRAM = find_program()
    ALL = load_scenarios()
    print(f"KSTREAMS_SEED={SEED}", file=sys.stderr)
    unittest.main()
