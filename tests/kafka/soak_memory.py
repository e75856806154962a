#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Does an application's memory stop growing: soak_memory.py [--minutes N] [--guarantee G].

One instance counts words at a steady rate for ten minutes. Its resident memory is looked at every second; over the time from minute three on the
line that fits it best must rise by less than 2 % of the mean. Key space and rate are constant, so what still grows then grows for ever.
"""
import argparse
import pathlib
import sys
import tempfile
import time

import broker
import cluster
import instances
import java_peer

SETTLED_AFTER, LIMIT = 0.3, 0.02


def resident_kb(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise java_peer.Failure(f"process {pid} has no memory")


def rise(samples):
    """By how much the best line rises from the first to the last of (time, memory), as a part of the mean."""
    count = len(samples)
    mean_time, mean_memory = sum(at for at, _ in samples) / count, sum(memory for _, memory in samples) / count
    slope = (sum((at - mean_time) * (memory - mean_memory) for at, memory in samples) /
             sum((at - mean_time) ** 2 for at, _ in samples))
    return slope * (samples[-1][0] - samples[0][0]) / mean_memory


def measure(kafka, program, folder, options):
    with java_peer.TopicTool(kafka.bootstrap) as tool, instances.Instances(kafka, program, folder, options.guarantee, 1) as group:
        for topic in ("in", "out", "lengths"):
            tool.create(f"{options.guarantee}-{topic}", instances.PARTITIONS)
        with instances.Flow(kafka.bootstrap, f"{options.guarantee}-in", 1) as flow:
            group.start(1)
            group.running[1].wait_until_running()
            samples, begin = [], time.monotonic()
            while time.monotonic() < begin + options.minutes * 60:
                group.pause_for(1)
                samples.append((time.monotonic() - begin, resident_kb(group.running[1].process.pid)))
            flow.stop()
        group.close_all()
        return sum(flow.written.values()), samples


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--guarantee", choices=sorted(instances.CHECKS), default="exactly_once_v2")
    options = parser.parse_args()
    assert rise([(0, 100), (1, 110), (2, 120)]) > LIMIT > rise([(0, 100), (1, 101), (2, 100)])
    try:
        java_peer.build()
        with broker.started() as kafka, tempfile.TemporaryDirectory() as folder:
            written, samples = measure(kafka, cluster.program("interop_app"), pathlib.Path(folder), options)
    except (broker.Unavailable, java_peer.Missing) as missing:
        cluster.skip(missing)
    settled = [(at, memory) for at, memory in samples if at >= SETTLED_AFTER * options.minutes * 60]
    found = rise(settled)
    for at, memory in samples[::max(1, len(samples) // 20)]:
        print(f"# {at:4.0f} s  {memory / 1024:6.1f} MB")
    print(f"{'ok' if found < LIMIT else 'not ok'} {options.guarantee}: {written} records in {options.minutes:g} minutes, "
          f"{settled[-1][1] / 1024:.1f} MB; from minute {SETTLED_AFTER * options.minutes:g} on the line rises by {100 * found:.2f} %")
    return 0 if found < LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
