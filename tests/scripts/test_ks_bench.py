#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ks-bench: its jobs answer what scripts/bench-digest counts without it, and what it says about arguments that are wrong.

Runs the program of KSTREAMS_BIN, else of bin/ in the current folder (a build folder), else of build/bin. No figure is judged here: a slow
machine is no failure.
"""
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
JOINS = ("table", "ssjoin", "fkjoin")
WINDOWS = ("window", "tumble", "session", "suppress")
JOBS = ("pass", "map", "count", "wordcount", *WINDOWS, *JOINS)
FIELDS = ["job", "records", "results", "outputs", "changelog_records", "bytes_out", "digest", "wall_s", "cpu_s", "records_per_s",
          "records_per_cpu_s", "first_record_s", "peak_rss_mb"]


def find_program():
    folders = [os.environ.get("KSTREAMS_BIN"), pathlib.Path.cwd() / "bin", ROOT / "build/bin"]
    for folder in filter(None, folders):
        if (pathlib.Path(folder) / "ks-bench").exists():
            return (pathlib.Path(folder) / "ks-bench").resolve()
    print("ks-bench is not built: `make programs` builds it, KSTREAMS_BIN says where it is")
    sys.exit(77)


class KsBench(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def run_program(self, *arguments):
        environment = {**os.environ, "TMPDIR": str(self.folder)}
        return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, env=environment, timeout=200,
                              check=False)

    def answers(self, *arguments):
        """The line of JSON. A log or guarantee that this version does not have skips the test."""
        done = self.run_program(*arguments)
        if "KS_E_NOT_BUILT" in done.stderr:
            self.skipTest(done.stderr.strip())
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.count("\n"), 1)
        return json.loads(done.stdout)

    def run_job(self, job, records, *arguments):
        second = ["--input2", "in2"] if job in JOINS else []
        return self.answers(job, "--input", "in", "--output", "out", "--records", records, *second, *arguments)

    def refused(self, status, expected, *arguments):
        done = self.run_program(*arguments)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertTrue(done.stderr.startswith("ks-bench: "), done.stderr)
        for text in expected:
            self.assertIn(text, done.stderr)


class Command(KsBench):
    def expect(self, job, records, *generated):
        """What the independent count says."""
        done = subprocess.run([ROOT / "scripts/bench-digest", job, "--records", str(records), *map(str, generated)],
                              capture_output=True, text=True, check=True)
        return json.loads(done.stdout)

    def check(self, job, records, generated=(), options=()):
        got = self.run_job(job, records, "--fill", *generated, *options)
        expected = self.expect(job, records, *generated)
        self.assertEqual({name: got[name] for name in expected}, expected)
        return got

    def test_every_job_answers_what_was_counted_without_it(self):
        for job in JOBS:
            self.check(job, 3000)
            self.check(job, 2000, ["--seed", 7, "--partitions", 3], ["--threads", 2])

    def test_the_shape_of_the_input_can_be_chosen(self):
        for job in ("pass", "map", "count"):
            for value_bytes in (1, 16, 33):
                self.check(job, 500, ["--keys", 17, "--value-bytes", value_bytes])
            self.check(job, 500, ["--keys", 2_000_000])
        self.check("wordcount", 300, ["--words", 3, "--vocabulary", 1_000_000])
        self.check("wordcount", 100, ["--words", 1, "--vocabulary", 1])

    def test_windows_and_joins_of_few_keys_have_many_records_in_each(self):
        for job in (*WINDOWS, *JOINS):
            self.check(job, 6000, ["--keys", 40, "--start-ms", 1_700_000_003_000], ["--cache-bytes", 0])

    def test_without_a_cache_every_window_of_a_record_is_emitted(self):
        for job, windows in (("tumble", 1), ("window", 5)):
            got = self.check(job, 4000, ["--keys", 50], ["--cache-bytes", 0])
            self.assertEqual((got["outputs"], got["changelog_records"]), (4000 * windows, 4000 * windows))

    def test_final_results_are_emitted_once(self):
        got = self.check("suppress", 7000, ["--keys", 50], ["--cache-bytes", 0])
        self.assertEqual(got["outputs"], got["results"])

    def test_rates_count_the_records_of_both_topics(self):
        for job, others in (("ssjoin", 5000), ("table", 1000)):
            got = self.check(job, 5000, ["--keys", 1000])
            self.assertAlmostEqual(got["records_per_s"] * got["wall_s"] / (5000 + others), 1, delta=0.1)

    def test_without_a_cache_every_update_is_emitted(self):
        got = self.check("count", 4000, ["--keys", 50], ["--cache-bytes", 0])
        self.assertEqual((got["outputs"], got["changelog_records"], got["bytes_out"]), (4000, 4000, 4000 * (10 + 8)))
        got = self.check("count", 4000, ["--keys", 50], ["--cache-bytes", 10_000_000, "--commit-ms", 600_000])
        self.assertEqual((got["outputs"], got["changelog_records"], got["bytes_out"]), (50, 50, 50 * (10 + 8)))

    def test_exactly_once_answers_the_same(self):
        for job in JOBS:
            self.check(job, 3000, (), ["--guarantee", "eos"])

    def test_the_line_has_every_field_and_its_rates_agree(self):
        got = self.check("map", 20_000)
        self.assertEqual(list(got), FIELDS)
        self.assertEqual((got["job"], got["records"], got["changelog_records"]), ("map", 20_000, 0))
        self.assertAlmostEqual(got["records_per_s"] * got["wall_s"] / 20_000, 1, delta=0.1)
        self.assertAlmostEqual(got["records_per_cpu_s"] * got["cpu_s"] / 20_000, 1, delta=0.1)
        self.assertLess(0, got["first_record_s"])
        self.assertLess(got["first_record_s"], got["wall_s"])
        self.assertLess(1, got["peak_rss_mb"])

    def test_nothing_is_left_behind(self):
        self.check("count", 100)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_a_signal_ends_it_without_a_result(self):
        environment = {**os.environ, "TMPDIR": str(self.folder)}
        command = [PROGRAM, "count", "--input", "in", "--output", "out", "--records", "3000000", "--value-bytes", "1", "--fill"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
        deadline = time.monotonic() + 60
        while not list(self.folder.iterdir()) and time.monotonic() < deadline:
            time.sleep(0.001)
        process.send_signal(signal.SIGINT)
        output, said = process.communicate(timeout=200)
        self.assertEqual((process.returncode, output), (128 + signal.SIGINT, ""), said)
        self.assertIn("stopped by signal 2", said)
        self.assertEqual(list(self.folder.iterdir()), [])


class Directory(KsBench):
    def setUp(self):
        super().setUp()
        self.log = ["--bootstrap-server", f"embedded:{self.folder / 'log'}"]

    def test_a_topic_is_filled_once_and_read_by_runs_of_their_own(self):
        filled = self.answers("fill", "--topic", "in", "--records", 1000, "--partitions", 3, *self.log)
        self.assertEqual((filled["records"], filled["partitions"], filled["bytes"]), (1000, 3, 1000 * 110))
        self.refused(1, ["in", "has records already"], "fill", "--topic", "in", "--records", 5, "--partitions", 3, *self.log)

        first = self.run_job("count", 1000, *self.log)
        self.refused(1, ["out", "has records already"], "count", "--input", "in", "--output", "out", "--records", 1000, *self.log)
        again = self.answers("count", "--input", "in", "--output", "out2", "--records", 1000, *self.log)
        self.assertEqual(first["digest"], again["digest"])
        self.refused(1, ["in", "has 1000 records", "--records says 999"], "pass", "--input", "in", "--output", "out3", "--records",
                     999, *self.log)

    def test_what_a_job_restores_is_measured_when_it_ran_before(self):
        self.answers("fill", "--topic", "in", "--records", 1000, "--keys", 1_000_000, *self.log)
        first = self.run_job("count", 1000, *self.log)
        rows = first["changelog_records"]
        self.refused(1, [f"{rows} rows", "--records says 5"], "count", "--input", "in", "--output", "out", "--records", 5, "--restore", *self.log)
        again = self.run_job("count", rows, "--restore", *self.log)
        self.assertEqual({name: first[name] for name in ("results", "outputs", "digest")},
                         {name: again[name] for name in ("results", "outputs", "digest")})
        self.assertEqual(again["first_record_s"], 0)
        self.refused(2, ["pass has no store"], "pass", "--input", "in", "--output", "out", "--records", 5, "--restore", *self.log)
        self.refused(2, ["--restore", "--fill"], "count", "--input", "in", "--output", "o", "--records", 5, "--restore", "--fill")

    def test_a_second_topic_is_filled_with_the_first(self):
        filled = self.answers("fill", "--topic", "in", "--twin", "in2", "--records", 1000, "--keys", 20, *self.log)
        self.assertEqual(filled["records"], 2000)
        self.assertEqual(self.run_job("ssjoin", 1000, *self.log)["digest"], self.run_job("ssjoin", 1000, "--fill", "--keys", 20)["digest"])
        filled = self.answers("fill", "--topic", "left", "--rows", "rows", "--records", 1000, "--keys", 20, *self.log)
        self.assertEqual(filled["records"], 1020)
        got = self.answers("table", "--input", "left", "--input2", "rows", "--output", "out2", "--records", 1000, *self.log)
        self.assertEqual((got["outputs"], got["changelog_records"]), (1000, 20))
        self.assertEqual(got["digest"], self.run_job("table", 1000, "--fill", "--keys", 20)["digest"])

    def test_lines_are_filled_and_counted(self):
        self.answers("fill-lines", "--topic", "in", "--lines", 200, "--words", 4, *self.log)
        self.assertEqual(self.run_job("wordcount", 200, *self.log)["digest"],
                         self.run_job("wordcount", 200, "--fill", "--words", 4)["digest"])

    def test_a_topic_that_is_not_there_is_named_with_what_makes_it(self):
        self.answers("fill", "--topic", "other", "--records", 1, *self.log)
        self.refused(1, ["topic in", "ks-bench fill --topic in"], "pass", "--input", "in", "--output", "out", "--records", 1,
                     *self.log)
        self.refused(1, ["topic in2", "ks-bench fill --topic other --rows in2"], "table", "--input", "other", "--input2", "in2", "--output",
                     "out", "--records", 1, *self.log)
        self.refused(1, ["topic in2", "ks-bench fill --topic other --twin in2"], "ssjoin", "--input", "other", "--input2", "in2", "--output",
                     "out", "--records", 1, *self.log)


class Arguments(KsBench):
    RUN = ("count", "--input", "in", "--output", "out", "--records", 10)

    def test_help_names_every_job_and_option(self):
        for option in ("--help", "-h"):
            done = self.run_program(option)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertTrue(done.stdout.startswith("Usage: ks-bench "), done.stdout)
            for word in (*JOBS, "fill", "fill-lines", "--input", "--output", "--records", "--input2", "--rows", "--twin", "--cache-bytes", "--guarantee",
                         "--threads", "--bootstrap-server", "--commit-ms", "--fill", "--seed"):
                self.assertRegex(done.stdout, rf"(?m)(^|\s){re.escape(word)}\s")

    def test_version_is_that_of_the_library(self):
        self.assertRegex(self.run_program("--version").stdout, r"^ks-bench \d+\.\d+\.\d+\n$")

    def test_an_unknown_word_is_named_with_the_right_ones(self):
        self.refused(2, ["which job?"])
        self.refused(2, ["no job or command 'cuont'", *JOBS, "fill-lines"], "cuont")
        self.refused(2, ["no option '--inptu'"], "count", "--inptu", "x")
        self.refused(2, ["unexpected argument 'in'"], "count", "in")

    def test_what_is_missing_is_named(self):
        self.refused(2, ["count needs --input"], "count")
        self.refused(2, ["count needs --records"], *self.RUN[:-2])
        self.refused(2, ["fill needs --topic"], "fill", "--records", 1)
        self.refused(2, ["fill-lines needs --lines"], "fill-lines", "--topic", "t")
        self.refused(2, ["a value is missing after --records"], *self.RUN[:-1])
        self.refused(2, ["a value is missing after --input"], "count", "--input=")

    def test_numbers_are_checked(self):
        for wrong in ("0", "-1", "ten", "1e6", "99999999999999999999", ""):
            self.refused(2, ["--records", "" if wrong == "" else f"not '{wrong}'"], *self.RUN[:-1], wrong)
        self.refused(2, ["--threads takes a whole number from 1 to"], *self.RUN, "--threads", 0)
        self.refused(2, ["--partitions"], "fill", "--topic", "t", "--records", 1, "--partitions", 0)

    def test_what_would_measure_something_else_is_refused(self):
        self.refused(2, ["--threads is given twice"], *self.RUN, "--threads", 1, "--threads=2")
        self.refused(2, ["--guarantee is alos or eos, not 'once'"], *self.RUN, "--fill", "--guarantee", "once")
        self.refused(2, ["count reads one topic", "--input2"], *self.RUN, "--fill", "--input2", "x")
        self.refused(2, ["table reads two topics", "--input2"], "table", *self.RUN[1:], "--fill")
        self.refused(2, ["'in' is both inputs"], "table", *self.RUN[1:], "--input2", "in", "--fill")
        self.refused(2, ["'out' is both input and output"], "table", *self.RUN[1:], "--input2", "out", "--fill")
        self.refused(2, ["--rows and --twin"], "fill", "--topic", "t", "--records", 1, "--rows", "r", "--twin", "w")
        self.refused(2, ["--twin is not for fill-lines"], "fill-lines", "--topic", "t", "--lines", 1, "--twin", "w")
        self.refused(2, ["--keys", "needs --fill"], *self.RUN, "--keys", 5)
        self.refused(2, ["--words is not for the input of count"], *self.RUN, "--fill", "--words", 5)
        self.refused(2, ["--cache-bytes is not for fill"], "fill", "--topic", "t", "--records", 1, "--cache-bytes", 5)
        self.refused(2, ["both input and output"], "count", "--input", "t", "--output", "t", "--records", 1, "--fill")
        self.refused(2, ["--fill takes no value"], *self.RUN, "--fill=yes")

    def test_a_log_in_memory_has_to_be_filled_by_the_run(self):
        self.refused(2, ["'embedded:'", "--fill"], *self.RUN)
        self.refused(2, ["'embedded:'", "embedded:DIRECTORY"], "fill", "--topic", "t", "--records", 1)

    def test_names_that_are_no_topics_are_refused(self):
        self.refused(1, ["a b"], "count", "--input", "a b", "--output", "out", "--records", 1, "--fill")
        self.refused(1, ["x/y"], "count", "--input", "in", "--output", "x/y", "--records", 1, "--fill")


if __name__ == "__main__":
    PROGRAM = find_program()
    unittest.main()
