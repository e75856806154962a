#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test_bytes: recorded scenarios as applications on a real broker. What is then in sinks, repartition topics, changelogs and dead letters is what
Java's engine left when they were recorded, byte for byte.

A selection that holds every kind of changelog and internal topic, because each scenario joins a group and makes its topics; KSTREAMS_SOAK=1 takes
all. The broker is one of its own that deletes nothing for its age: the scenarios' timestamps are of 1970.
"""
import os
import re
import subprocess
import unittest

import broker
import cluster

SCENARIOS = broker.ROOT / "tests/conformance/scenarios"
# As in the memory where they were recorded, nothing grows old or is compacted, and any time may come.
AS_RECORDED = {"log.retention.ms": "-1", "log.cleaner.enable": "false", "log.message.timestamp.after.max.ms": str(2**63 - 1)}

# How many of each folder, the first by name. Some of them are left out, as runner/replay.c says and prints.
SELECTION = {"aggregation": 16, "dead-letters": 4, "grouping": 6, "headers": 4, "merge": 2, "optimizer": 6, "processor": 6, "repartition": 8,
             "serdes": 5, "sinks": 5, "sources": 6, "split": 2, "stateless": 4, "stores": 10, "tables": 12, "timestamps": 4, "versioned": 5}
LEAST = 50


class Bytes(unittest.TestCase):
    def test_topics_hold_the_bytes_that_were_recorded(self):
        chosen = [SCENARIOS] if os.environ.get("KSTREAMS_SOAK") else [
            path for folder, count in SELECTION.items() for path in sorted((SCENARIOS / folder).glob("*.json"))[:count]]
        with broker.started(properties=AS_RECORDED) as kafka:
            done = subprocess.run([cluster.program("ks-conformance"), "--log", kafka.bootstrap, *map(str, chosen)], capture_output=True,
                                  text=True, check=False)
        failures = "\n".join(line for line in done.stdout.splitlines() if line.startswith("not ok"))
        self.assertEqual(done.returncode, 0, f"{failures}\n{done.stderr[-3000:]}")
        passed = int(re.search(r"^(\d+) passed, 0 failed$", done.stdout, re.MULTILINE).group(1))
        print(f"{passed} scenarios on Kafka")
        self.assertGreaterEqual(passed, LEAST)


if __name__ == "__main__":
    cluster.main()
