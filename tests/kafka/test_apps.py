#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The applications on Kafka give the results that they give on an embedded log; what differs is one option."""
import json
import pathlib
import re
import subprocess
import tempfile
import time
import unittest

import broker
import cluster

SECONDS = 120
TEXT = broker.ROOT / "apps/word_count/text/harbour.txt"
CLICKS = broker.ROOT / "apps/click_enrich/text/clicks.txt"
PAYMENTS = broker.ROOT / "apps/unknown_payment/text/payments.txt"


def count_words(text, times=1):
    counts = {}
    for word in re.findall(r"\w+", text.lower()):
        counts[word] = counts.get(word, 0) + times
    counts.pop("the", None)
    return counts


def last_windows(trades):
    """{ticker: (start, trades, lowest, average)} of the last window of each share; of (time, trade) pairs of which none is late."""
    windows = {}
    for at, trade in trades:
        for start in range(at // 1000 * 1000 - 4000, at + 1, 1000):
            windows.setdefault((trade["ticker"], start), []).append(trade["price"])
    return {ticker: (start, len(prices), f"{min(prices):.2f}", f"{sum(prices) / len(prices):.2f}")
            for (ticker, start), prices in sorted(windows.items())}


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
        for topic in ("text-lines", "word-counts", "payment", "unknown-payment", "stocks", "stockstats-output", "clicks.pages.views",
                      "clicks.search", "clicks.user.profile", "clicks.user.activity"):
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

    def trades(self):
        """What is in the topic stocks."""
        records = map(json.loads, self.answers("ks", "consume", "stocks", "--json").splitlines())
        return [(record["timestamp"], json.loads(record["value"])) for record in records]

    def printed_stats(self, output):
        found = re.findall(r"^(\S+) +(\d{13}) +\d{13} +([\d,]+) +([\d.]+) +([\d.]+)$", output, re.MULTILINE)
        return {ticker: (int(start), int(count.replace(",", "")), lowest, average) for ticker, start, count, lowest, average in found}

    def test_stock_stats_counts_in_windows_and_goes_on_where_it_was(self):
        for guarantee in ("at_least_once", "exactly_once_v2"):
            with self.subTest(guarantee=guarantee):
                self.delete_topics()
                property_ = ("-D", f"processing.guarantee={guarantee}")
                first = self.run_app("stock_stats", "--generate", "2000", *property_)
                self.assertNotIn("continues", first)
                made_up = self.trades()
                self.assertEqual(len(made_up), 2000)
                self.assertEqual(self.printed_stats(first), last_windows(made_up))
                later = max(at for at, _ in made_up) + 500
                more = "".join(f"{later}\t{json.dumps({**trade, 'price': 0.5})}\n" for _, trade in made_up[-1:])
                second = self.run_app("stock_stats", "--input", "-", *property_, stdin=more)
                self.assertIn("continues: 2,000 records of stocks", second)
                self.assertEqual(self.printed_stats(second), last_windows(self.trades()))
                third = self.run_app("stock_stats", *property_)
                self.assertIn("nothing is new", third)
                self.assertEqual(self.printed_stats(third), self.printed_stats(second))

    def test_two_instances_of_stock_stats_share_the_work(self):
        self.run_app("stock_stats", "--generate", "20000", "-D", f"application.id={self.application}-maker")
        self.addCleanup(self.answers, "ks", "reset", "--application-id", f"{self.application}-maker")
        self.answers("ks", "topics", "delete", "stockstats-output")
        self.answers("ks", "topics", "create", "stockstats-output", "--partitions", "4")
        command = [cluster.program("stock_stats"), "--bootstrap-server", ADDRESS, "-D", f"application.id={self.application}",
                   "-D", "processing.guarantee=exactly_once_v2"]
        instances = [subprocess.Popen([*command, "-D", f"state.dir={self.folder}/{name}"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                      text=True) for name in ("one", "two")]
        for instance in instances:
            said = instance.communicate(timeout=SECONDS)[1]
            self.assertEqual(instance.returncode, 0, said)
        last = self.run_app("stock_stats")
        self.assertIn("nothing is new", last)
        self.assertEqual(self.printed_stats(last), last_windows(self.trades()))

    def activities(self):
        """(time, user name, what was searched for, page) of all results."""
        records = map(json.loads, self.answers("ks", "consume", "clicks.user.activity", "--json").splitlines())
        values = [(record["timestamp"], json.loads(record["value"])) for record in records]
        return sorted((at, value["userName"], value["searchTerm"], value["page"]) for at, value in values)

    def test_click_enrich_joins_and_a_view_that_waits_survives_the_run(self):
        for guarantee in ("at_least_once", "exactly_once_v2"):
            with self.subTest(guarantee=guarantee):
                self.delete_topics()
                for topic in ("clicks.pages.views", "clicks.search", "clicks.user.profile"):
                    self.answers("ks", "topics", "create", topic, "--partitions", "1")
                property_ = ("-D", f"processing.guarantee={guarantee}")
                now = int(time.time() * 1000)
                shift = now - 60_000 - 1767225609000  # what is old a cluster may delete
                lines = [line.split("\t") for line in CLICKS.read_text(encoding="utf-8").splitlines() if line[:1].isdigit()]
                recent = "".join(f"{int(at) + shift}\t{kind}\t{value}\n" for at, kind, value in lines)
                self.run_app("click_enrich", "--input", "-", *property_, stdin=recent)
                found = [(1767225601400, "Ann", "surfboard", "/surfboards/long"), (1767225601900, "Ann", "surfboard", "/surfboards/short"),
                         (1767225602500, "Ann", "", "/wetsuits"), (1767225603000, "Bo", "", "/home"),
                         (1767225603600, "Bo", "chess clock", "/clocks"), (1767225604500, "", "tent", "/tents")]
                found = [(at + shift, *rest) for at, *rest in found]
                self.assertEqual(self.activities(), found)
                again = self.run_app("click_enrich", *property_)
                self.assertIn("continues: 15 records", again)
                self.assertIn("nothing is new", again)
                later = f'{now}\tview\t{{"userId":1,"page":"/later"}}\n'
                self.run_app("click_enrich", "--input", "-", "-D", f"state.dir={self.folder}/elsewhere-{guarantee}", *property_, stdin=later)
                last = [(1767225609000 + shift, name, "", "/home") for name in ("", "Ann", "Bo")]
                self.assertEqual(self.activities(), found + last)

    def test_unknown_payment_prints_those_of_unknown(self):
        shown = self.run_app("unknown_payment", "--input", PAYMENTS)
        rows = [line for line in shown.splitlines() if "\t" in line]
        self.assertEqual(rows, ["unknown\t40.00 EUR no reference given", "unknown\t3.10 EUR reference illegible",
                                "unknown\t640.00 EUR, account closed, see note"])
        self.assertRegex(shown, r"unknown payments +3\n")


if __name__ == "__main__":
    ADDRESS = cluster.address()
    cluster.main()
