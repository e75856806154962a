#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two short runs of Kafka's smoke test, and one of its relational one; smoke.py has the others and says what they show."""
import argparse
import unittest

import cluster
import smoke

RECORDS_PER_KEY = 100
COMMENTS = 1000


class Smoke(unittest.TestCase):
    def passes(self, name, records):
        options = argparse.Namespace(seconds=4, records=records)
        self.assertEqual(smoke.run_all([smoke.all_runs()[name]], cluster.address(), options), [])

    def test_at_least_once_an_instance_is_closed_and_started_again(self):
        self.passes("alos-1-close", RECORDS_PER_KEY)

    def test_exactly_once_three_instances_are_killed_in_turn(self):
        self.passes("eos-3-kill", RECORDS_PER_KEY)

    def test_tables_are_joined_by_foreign_key_exactly_once(self):
        self.passes("relational-eos", COMMENTS)


if __name__ == "__main__":
    cluster.main()
