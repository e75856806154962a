#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Three instances share the work while everything happens to them: test_instances.py [--seconds N] [--seed N] [--brokers N].

Instances are killed, stopped for longer than their session, closed, started, scaled between one and three; they lose their network, each its
own; a broker is killed or stopped and started again, or stands still: in an order that the seed decides. Under exactly-once each record of the
input must be counted once, in turn; under at-least-once each must leave a result. What is wrong is said of the topic where it begins.
Without --seconds each event happens once, for each guarantee; with it events follow each other for so long (a soak).
"""
import argparse
import contextlib
import pathlib
import random
import shutil
import struct
import sys
import tempfile
import time

import broker
import cluster
import hops
import instances
import java_peer

# Transactions want partitions that always have a leader: see broker.FORGOTTEN.
BROKERS = {"at_least_once": 1, "exactly_once_v2": 3}
ATTEMPTS = 2


def input_of(words):
    """Records of an input, a millisecond apart."""
    return [(0, i, i, f"key {i}".encode(), word.encode(), []) for i, word in enumerate(words)]


def results_of(numbers):
    return [(0, i, i, key.encode(), struct.pack(">q", number), []) for key in numbers for i, number in enumerate(numbers[key])]


def show_that_checks_can_fail():
    """A check that finds nothing wrong with a broken topic shows nothing with a sound one."""
    written, sound = {"a": 3, "b": 2}, {"a": [1, 2, 3], "b": [1, 2]}
    broken = {"lost": {"a": [1, 2], "b": [1, 2]}, "never came": {"a": [1, 2, 3]}, "never written": {**sound, "c": [1]}}
    repeated = {"counted twice": {"a": [1, 2, 3, 4], "b": [1, 2]}, "result written twice": {"a": [1, 2, 2, 3], "b": [1, 2]},
                "out of turn": {"a": [1, 3, 2], "b": [1, 2]}, "lost and counted twice": {"a": [1, 2, 2], "b": [1, 2]}}
    for guarantee, check in hops.CHECKS.items():
        is_exact = guarantee == "exactly_once_v2"
        assert check("out", written, results_of(sound)) == [], guarantee
        assert check("out", written, results_of({key: [3 * n for n in sound[key]] for key in sound}), 3) == [], guarantee
        for what, counts in broken.items():
            assert check("out", written, results_of(counts)), f"{guarantee}: {what}"
        for what, counts in repeated.items():
            assert bool(check("out", written, results_of(counts))) == is_exact, f"{guarantee}: {what}"
        records = input_of(["a", "b", "a"])
        assert hops.check_repartition("words", records, records, is_exact) == [], guarantee
        assert hops.check_repartition("words", records, records[1:], is_exact), f"{guarantee}: lost"
        assert hops.check_repartition("words", records[1:], records, is_exact), f"{guarantee}: never written"
        assert bool(hops.check_repartition("words", records, records + records[:1], is_exact)) == is_exact, f"{guarantee}: sent twice"
    assert hops.check_input(3, records) == [] and hops.check_input(4, records) and not hops.written_twice(records)
    assert len(hops.written_twice(records + [(1, 7, 0, b"key 1", b"b", [])])) == 1


@contextlib.contextmanager
def kept_when_it_fails(brokers):
    """A cluster, a folder, and a list for results: where one is not true, the folder stays, with what instances and brokers wrote."""
    folder, results = pathlib.Path(tempfile.mkdtemp(prefix="kstreams-instances-")), []
    with broker.started(brokers=brokers, networks=3) as kafka:
        try:
            yield kafka, folder, results
        except BaseException:
            results.append(False)
            raise
        finally:
            if all(results):
                shutil.rmtree(folder)
            else:
                shutil.copytree(kafka.folder, folder / "kafka")
                print(f"# what instances and brokers wrote is in {folder}", flush=True)


def run(kafka, program, folder, guarantee, options):
    order = random.Random(options.seed)
    with java_peer.TopicTool(kafka.bootstrap) as tool, \
         instances.Instances(kafka, tool, program, folder, guarantee, options.seed) as group:
        for topic in ("in", "out", "lengths"):
            tool.create(f"{guarantee}-{topic}", instances.PARTITIONS)
        with instances.Flow(kafka.bootstrap, f"{guarantee}-in", options.seed) as flow:
            for slot in (1, 2, 3):
                group.start(slot)
            for application in group.running.values():
                application.wait_until_running()
            events, end = [], time.monotonic() + (options.seconds or 0)
            while events or options.seconds is None or time.monotonic() < end:
                events = events or order.sample(group.EVENTS, len(group.EVENTS))
                events.pop(0)(group)
                group.pause_for(order.uniform(0.5, 3))
                if not events and options.seconds is None:
                    break
            flow.stop()
            passed = hops.Hops(tool, guarantee, group.application_id, flow.acknowledged)
            wrong = instances.wait_for_results(passed, group)
        if wrong:
            passed.keep(folder / "topics")
        group.close_all()
        wrong = passed.all() + passed.open_transactions()
        forgotten = kafka.forgotten_transactions() if wrong else []
        if wrong:
            passed.keep(folder / "topics-at-the-end")
    verdict = "void" if forgotten else "not ok" if wrong else "ok"
    print(f"{verdict} {guarantee}: {len(passed.records)} records, seed {options.seed}", flush=True)
    for line in hops.written_twice(passed.records) + wrong + forgotten[:3]:
        print(f"#   {line}", flush=True)
    return verdict


def judge(program, guarantee, options):
    """True when all was right. What a broker forgot says nothing of who relied on it: then it is done again, with other brokers."""
    for _ in range(ATTEMPTS):
        with kept_when_it_fails(options.brokers or BROKERS[guarantee]) as (kafka, folder, results):
            verdict = run(kafka, program, folder / guarantee, guarantee, options)
            results.append(verdict == "ok")
        if verdict != "void":
            return verdict == "ok"
    return False


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--seed", type=int, help="of the order of events; 1, and with --seconds another one each time")
    parser.add_argument("--brokers", type=int, help="1 at least once, 3 exactly once")
    parser.add_argument("--guarantee", choices=sorted(hops.CHECKS), action="append")
    options = parser.parse_args()
    if options.seed is None:
        options.seed = random.randrange(1 << 31) if options.seconds else 1
    show_that_checks_can_fail()
    try:
        java_peer.build()
        program = cluster.program("interop_app")
        is_right = all([judge(program, guarantee, options) for guarantee in options.guarantee or sorted(hops.CHECKS)])
    except (broker.Unavailable, java_peer.Missing) as missing:
        cluster.skip(missing)
    except (java_peer.Failure, broker.BrokerError) as failure:
        print(f"not ok: seed {options.seed}: {failure}")
        return 1
    return 0 if is_right else 1


if __name__ == "__main__":
    sys.exit(main())
