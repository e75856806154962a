#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Three instances share the work while everything happens to them: test_instances.py [--seconds N] [--seed N] [--brokers N].

Instances are killed, stopped for longer than their session, closed, started, scaled between one and three; they lose their network, each its
own; a broker is killed or stopped and started again, or stands still: in an order that the seed decides. Under exactly-once each record must
be counted once, in turn; under at-least-once each must leave a result.
Without --seconds each event happens once, for each guarantee; with it events follow each other for so long (a soak).
"""
import argparse
import contextlib
import pathlib
import random
import shutil
import sys
import tempfile
import time

import broker
import cluster
import instances
import java_peer


def show_that_checks_can_fail():
    """A check that finds nothing wrong with a broken result shows nothing with a sound one."""
    written, sound = {"a": 3, "b": 2}, {"a": [1, 2, 3], "b": [1, 2]}
    broken = {"lost": {"a": [1, 2], "b": [1, 2]}, "never came": {"a": [1, 2, 3]}}
    repeated = {"counted twice": {"a": [1, 2, 3, 4], "b": [1, 2]}, "result written twice": {"a": [1, 2, 2, 3], "b": [1, 2]},
                "out of turn": {"a": [1, 3, 2], "b": [1, 2]}, "lost and counted twice": {"a": [1, 2, 2], "b": [1, 2]}}
    for guarantee, check in instances.CHECKS.items():
        assert check(written, sound) == [], guarantee
        for what, counts in broken.items():
            assert check(written, counts), f"{guarantee}: {what}"
        for what, counts in repeated.items():
            assert bool(check(written, counts)) == (guarantee == "exactly_once_v2"), f"{guarantee}: {what}"


@contextlib.contextmanager
def kept_when_it_fails():
    """A folder, and a list for results: where one is not true, the folder stays, with the logs and the state of the instances."""
    folder, results = pathlib.Path(tempfile.mkdtemp(prefix="kstreams-instances-")), []
    try:
        yield folder, results
    except BaseException:
        results.append(False)
        raise
    finally:
        if all(results):
            shutil.rmtree(folder)
        else:
            print(f"# logs and states of the instances are in {folder}", flush=True)


def run(kafka, program, folder, guarantee, options):
    order = random.Random(options.seed)
    with java_peer.TopicTool(kafka.bootstrap) as tool, instances.Instances(kafka, program, folder, guarantee, options.seed) as group:
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
            wrong = instances.wait_for_results(tool, f"{guarantee}-out", instances.CHECKS[guarantee], flow.written, group)
            written = sum(flow.written.values())
        group.close_all()
        wrong = wrong or instances.CHECKS[guarantee](flow.written, instances.counts_by_word(tool.read(f"{guarantee}-out")))
    print(f"{'not ok' if wrong else 'ok'} {guarantee}: {written} records, seed {options.seed}", flush=True)
    for line in wrong[:10]:
        print(f"#   {line}")
    return not wrong and written > 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--seed", type=int, help="of the order of events; 1, and with --seconds another one each time")
    parser.add_argument("--brokers", type=int, default=1)
    parser.add_argument("--guarantee", choices=sorted(instances.CHECKS), action="append")
    options = parser.parse_args()
    if options.seed is None:
        options.seed = random.randrange(1 << 31) if options.seconds else 1
    show_that_checks_can_fail()
    try:
        java_peer.build()
        program = cluster.program("interop_app")
        with kept_when_it_fails() as (folder, results), broker.started(brokers=options.brokers, networks=3) as kafka:
            for guarantee in options.guarantee or sorted(instances.CHECKS):
                results.append(run(kafka, program, folder / guarantee, guarantee, options))
    except (broker.Unavailable, java_peer.Missing) as missing:
        cluster.skip(missing)
    except (java_peer.Failure, broker.BrokerError) as failure:
        print(f"not ok: seed {options.seed}: {failure}")
        return 1
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
