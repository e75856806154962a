#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The applications on Kafka give the results that they give on an embedded log; what differs is one option."""
import pathlib
import re
import subprocess
import tempfile
import unittest

import broker
import cluster

SECONDS = 120
TEXT = broker.ROOT / "apps/word_count/text/harbour.txt"
PAYMENTS = broker.ROOT / "apps/unknown_payment/text/payments.txt"


def count_words(text, times=1):
    counts = {}
    for word in re.findall(r"\w+", text.lower()):
        counts[word] = counts.get(word, 0) + times
    counts.pop("the", None)
    return counts


class Applications(unittest.TestCase):
    """Their topics have fixed names, so each test begins with a cluster without them."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.application = cluster.unique("app")
        self.delete_topics()
        self.addCleanup(self.delete_topics)

    def delete_topics(self):
        names = self.answers("ks", "topics", "list").split()
        for topic in ("text-lines", "word-counts", "payment", "unknown-payment"):
            if topic in names:
                self.answers("ks", "topics", "delete", topic)
        self.answers("ks", "reset", "--application-id", self.application)

    def answers(self, name, *arguments, stdin=""):
        done = subprocess.run([cluster.program(name), *map(str, arguments), "--bootstrap-server", ADDRESS], input=stdin,
                              capture_output=True, text=True, timeout=SECONDS, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def run_app(self, name, *arguments, stdin=""):
        return self.answers(name, "-D", f"application.id={self.application}", "-D", f"state.dir={self.folder}/state", *arguments, stdin=stdin)

    def rows(self, output):
        found = re.findall(r"^ *\d+  (\S+) +([\d,]+)  #", output, re.MULTILINE)
        return [(word, int(count.replace(",", ""))) for word, count in found]

    def expected(self, counts):
        return sorted(counts.items(), key=lambda row: (-row[1], row[0]))[:20]

    def consumed(self):
        """The last count of each word in the topic."""
        lines = self.answers("ks", "consume", "word-counts", "--key-serde", "string", "--value-serde", "long").splitlines()
        return {word: int(count) for word, count in (line.split("\t") for line in lines)}

    def test_word_count_counts_and_goes_on_where_it_was(self):
        text = TEXT.read_text(encoding="utf-8")
        for guarantee in ("at_least_once", "exactly_once_v2"):
            with self.subTest(guarantee=guarantee):
                self.delete_topics()
                property_ = ("-D", f"processing.guarantee={guarantee}")
                first = self.run_app("word_count", "--input", TEXT, *property_)
                self.assertNotIn("continues", first)
                self.assertEqual(self.rows(first), self.expected(count_words(text)))
                second = self.run_app("word_count", "--input", TEXT, *property_)
                self.assertIn("continues: ", second)
                self.assertEqual(self.rows(second), self.expected(count_words(text, 2)))
                self.assertEqual(self.consumed(), count_words(text, 2))
                third = self.run_app("word_count", *property_)
                self.assertIn("nothing is new", third)
                self.assertEqual(self.rows(third), self.expected(count_words(text, 2)))

    def test_word_count_restores_its_counts_from_the_changelog(self):
        self.run_app("word_count", "--input", "-", stdin="a b a\n")
        self.answers("word_count", "-D", f"application.id={self.application}", "-D", f"state.dir={self.folder}/elsewhere", "--input", "-",
                     stdin="a c\n")
        self.assertEqual(self.consumed(), {"a": 3, "b": 1, "c": 1})

    def test_a_large_text_is_counted_as_python_counts_it(self):
        text = subprocess.run([broker.ROOT / "scripts/make-text"], capture_output=True, text=True, check=True).stdout
        path = self.folder / "text.txt"
        path.write_text(text)
        shown = self.run_app("word_count", "--input", path, "-D", "num.stream.threads=2", "-D", "processing.guarantee=exactly_once_v2")
        self.assertEqual(self.rows(shown), self.expected(count_words(text)))
        self.assertEqual(self.consumed(), count_words(text))

    def test_lines_that_ks_produced_are_counted(self):
        self.answers("ks", "topics", "create", "text-lines", "--partitions", "2")
        self.answers("ks", "produce", "text-lines", stdin="b a\na\n")
        self.assertIn("input records                 0\n", self.run_app("word_count"))
        self.assertEqual(self.consumed(), {"a": 2, "b": 1})

    def test_unknown_payment_prints_those_of_unknown(self):
        shown = self.run_app("unknown_payment", "--input", PAYMENTS)
        rows = [line for line in shown.splitlines() if "\t" in line]
        self.assertEqual(rows, ["unknown\t40.00 EUR no reference given", "unknown\t3.10 EUR reference illegible",
                                "unknown\t640.00 EUR, account closed, see note"])
        self.assertRegex(shown, r"unknown payments +3\n")


if __name__ == "__main__":
    ADDRESS = cluster.address()
    cluster.main()
