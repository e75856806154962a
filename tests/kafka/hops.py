# SPDX-License-Identifier: Apache-2.0
"""What became of each record on its way through the application of instances.py, hop by hop; and what must be true of it.

    PREFIX-in --> words-repartition   --> PREFIX-out       the counts of a word: 1, 2, 3 ...
              \\-> letters-repartition --> PREFIX-lengths   the lengths of the words with a letter: 3, 6, 9 ...

Final results that are wrong do not say who was: the test's own producer may have written a record twice, a task may have sent it twice, or one
may have counted it twice. So the judge is what the input holds, each record of which has a key of its own, and each topic is compared with the
one before it. Records keep their value and their timestamp up to the repartition topics; results are told apart by what they say.

A record is (partition, offset, timestamp, key, value, headers), as TopicTool.read() has it. A check answers with a list of texts, which is empty
when nothing is wrong.
"""
import collections
import struct
import time

NAMED_AT_MOST = 5
WORD_LENGTH = 3


def time_of(timestamp):
    return time.strftime("%H:%M:%S", time.localtime(timestamp / 1000)) + f".{timestamp % 1000:03}"


def place(record):
    return f"partition {record[0]}, offset {record[1]}, {time_of(record[2])}"


def few(texts):
    """The first of them, and how many more there are."""
    return texts[:NAMED_AT_MOST] + ([f"... and {len(texts) - NAMED_AT_MOST} more of these"] if len(texts) > NAMED_AT_MOST else [])


# ---- the input -----------------------------------------------------------------------------------------------------------------------

def written_twice(records):
    """What the test's producer wrote more than once: no fault of who reads it."""
    places = collections.defaultdict(list)
    for record in records:
        places[record[3]].append(record)
    return few([f"in: {key.decode()} is there {len(found)} times: {'; '.join(map(place, found))}"
                for key, found in places.items() if len(found) > 1])


def check_input(acknowledged, records):
    """Each record that the brokers said to have."""
    keys = {record[3] for record in records}
    return few([f"in: key {number} was acknowledged, and is not there" for number in range(acknowledged)
                if f"key {number}".encode() not in keys])


def count_words(records):
    return collections.Counter(record[4].decode() for record in records)


def count_letters(records):
    return collections.Counter(record[4].decode()[0] for record in records)


# ---- repartition topics --------------------------------------------------------------------------------------------------------------

def check_repartition(topic, sent, found, exactly):
    """Each record of the input, and under exactly-once no more often than there."""
    wanted, places = collections.Counter((record[4], record[2]) for record in sent), collections.defaultdict(list)
    for record in found:
        places[record[4], record[2]].append(record)
    twice, lost = [], []
    for value, timestamp in sorted(wanted.keys() | places.keys()):
        expected, there = wanted[value, timestamp], places[value, timestamp]
        text = f"{topic}: {value.decode()} of {time_of(timestamp)} was written {expected} times, and is there {len(there)} times"
        if len(there) > expected and (exactly or expected == 0):
            twice.append(f"{text}: {'; '.join(map(place, there))}")
        if len(there) < expected:
            lost.append(text)
    return few(twice) + few(lost)


# ---- results -------------------------------------------------------------------------------------------------------------------------

def results_by_key(records):
    """In the order of the topic: a key has one partition."""
    results = collections.defaultdict(list)
    for record in sorted(records, key=lambda record: record[:2]):
        results[record[3].decode()].append(record)
    return results


def number(record, unit):
    return struct.unpack(">q", record[4])[0] / unit


def check_exactly_once(topic, written, records, unit=1):
    """Each record of the input was counted once, in turn: the results of a key are 1, 2, 3 ... times the unit."""
    wrong, results = [], results_by_key(records)
    for key in sorted(written.keys() | results.keys()):
        expected, found = range(1, written.get(key, 0) + 1), results.get(key, [])
        if [number(record, unit) for record in found] == list(expected):
            continue
        at = next((i for i, (a, b) in enumerate(zip(expected, found)) if a != number(b, unit)), min(len(expected), len(found)))
        is_now = f"result {at + 1} is {number(found[at], unit):g} ({place(found[at])})" if at < len(found) else "then nothing"
        wrong.append(f"{topic}: {key}: {len(expected)} records, {len(found)} results; {is_now}")
    return few(wrong)


def check_at_least_once(topic, written, records, _unit=1):
    """Each record left a result, or several.

    What the results say is not looked at, for no producer is fenced: who dies when a count is in the changelog and not yet in the results
    counts its record again, from there; and who had no network for longer than its session writes old counts over newer ones when it has it
    back.
    """
    results = results_by_key(records)
    wrong = [f"{topic}: {key}: {written[key]} records, and {len(results.get(key, []))} results"
             for key in sorted(written) if len(results.get(key, [])) < written[key]]
    return few(wrong + [f"{topic}: {key}: was never written" for key in sorted(results.keys() - written.keys())])


CHECKS = {"exactly_once_v2": check_exactly_once, "at_least_once": check_at_least_once}


# ---- all of them ---------------------------------------------------------------------------------------------------------------------

class Hops:
    """The topics of one application, and what its input holds, which nobody adds to any more."""

    def __init__(self, tool, guarantee, application_id, acknowledged):
        self.tool, self.guarantee, self.acknowledged = tool, guarantee, acknowledged
        self.input, self.out, self.lengths = (f"{guarantee}-{topic}" for topic in ("in", "out", "lengths"))
        self.repartition = [f"{application_id}-{name}-repartition" for name in ("words", "letters")]
        self.records = tool.read(self.input)

    def results(self):
        """What is wrong with the results."""
        check = CHECKS[self.guarantee]
        return (check("out", count_words(self.records), self.tool.read(self.out)) +
                check("lengths", count_letters(self.records), self.tool.read(self.lengths), WORD_LENGTH))

    def all(self):
        """What is wrong, from the first hop on."""
        wrong = check_input(self.acknowledged, self.records)
        for topic in self.repartition:
            name = topic.split("-", 1)[1] if "-" in topic else topic
            wrong += check_repartition(name, self.records, self.tool.read(topic), self.guarantee == "exactly_once_v2")
        return wrong + self.results()

    def open_transactions(self):
        """None may be left when nobody runs any more: readers would wait for its end for ever."""
        return few([f"{topic}: partition {partition}: the transaction of producer {producer}, epoch {epoch}, is open from offset {offset} on"
                    for topic in self.topics() for partition, offset, producer, epoch in sorted(self.tool.open_transactions(topic))])

    def topics(self):
        return sorted(topic for topic in self.tool.topics() if self.guarantee in topic)

    def keep(self, folder):
        """Writes down what the topics hold, for who has to find out what went wrong."""
        folder.mkdir(parents=True, exist_ok=True)
        for topic in self.topics():
            committed = {record[:2] for record in self.tool.read(topic)}
            with open(folder / topic, "w", encoding="utf-8") as file:
                for record in sorted(self.tool.read(topic, "read_uncommitted"), key=lambda record: record[:2]):
                    mark = "committed" if record[:2] in committed else "-"
                    file.write(f"{record[0]} {record[1]} {time_of(record[2])} {mark} {record[3]} {record[4]}\n")
        with open(folder / "transactions", "w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in self.open_transactions() + sorted(map(str, self.tool.transactions())))
