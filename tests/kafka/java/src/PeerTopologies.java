/* SPDX-License-Identifier: Apache-2.0 */

import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.KGroupedTable;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.KTable;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.processor.TimestampExtractor;
import org.apache.kafka.streams.tests.RelationalSmokeTest;
import org.apache.kafka.streams.tests.SmokeTestClient;

/** The topologies that both engines run, one after the other; tests/kafka/interop_app.c builds the same ones. */
final class PeerTopologies {
    private static final Serde<String> TEXT = Serdes.String();
    private static final Serde<Long> NUMBER = Serdes.Long();

    private final StreamsBuilder builder = new StreamsBuilder();
    private final String prefix;

    private PeerTopologies(final String prefix) {
        this.prefix = prefix;
    }

    /** The topology of a name; its topics are the prefix and "in", "out" or "lengths". Those of Kafka's smoke tests have topics of their own. */
    static Topology build(final String name, final String prefix) {
        if (name.equals("smoke")) {
            return new SmokeTestClient("java").getTopology();
        }
        if (name.equals("relational")) {
            return RelationalSmokeTest.App.getTopology();
        }
        final PeerTopologies topologies = new PeerTopologies(prefix);
        switch (name) {
            case "count":
                topologies.count();
                break;
            case "repartition":
                topologies.repartition();
                break;
            case "table":
                topologies.table();
                break;
            case "times":
                topologies.times();
                break;
            default:
                throw new IllegalArgumentException("no topology " + name + "; there is count, repartition, table, times, smoke, relational");
        }
        return topologies.builder.build();
    }

    /** Records of each key. */
    private void count() {
        builder.stream(prefix + "in", Consumed.with(TEXT, TEXT))
            .groupByKey()
            .count(Materialized.as("counts"))
            .toStream()
            .to(prefix + "out", Produced.with(TEXT, NUMBER));
    }

    /** Records of each value, and how long the values are that begin with each letter: two sub-topologies behind repartition topics. */
    private void repartition() {
        final KStream<String, String> words = builder.stream(prefix + "in", Consumed.with(TEXT, TEXT));

        words.selectKey((key, word) -> word)
            .groupByKey(Grouped.with("words", TEXT, TEXT))
            .count(Materialized.as("counts"))
            .toStream()
            .to(prefix + "out", Produced.with(TEXT, NUMBER));
        words.groupBy((key, word) -> word.substring(0, 1), Grouped.with("letters", TEXT, TEXT))
            .aggregate(() -> 0L, (letter, word, sum) -> sum + word.length(), Materialized.with(TEXT, NUMBER))
            .toStream()
            .to(prefix + "lengths", Produced.with(TEXT, NUMBER));
    }

    /** Keys that have each value now, and the sum of their lengths: what a table adds to its groups and takes from them. */
    private void table() {
        final KTable<String, String> teams = builder.table(prefix + "in", Consumed.with(TEXT, TEXT), Materialized.as("teams"));
        final KGroupedTable<String, String> members =
            teams.groupBy((member, team) -> KeyValue.pair(team, member), Grouped.with("members", TEXT, TEXT));

        members.count(Materialized.as("counts"))
            .toStream()
            .to(prefix + "out", Produced.with(TEXT, NUMBER));
        members.aggregate(() -> 0L,
                (team, member, sum) -> sum + member.length(),
                (team, member, sum) -> sum - member.length(),
                Materialized.with(TEXT, NUMBER))
            .toStream()
            .to(prefix + "lengths", Produced.with(TEXT, NUMBER));
    }

    /** A record whose value is "untimed" takes the partition time, which after a restart is in the metadata of the committed offset. */
    private void times() {
        builder.stream(prefix + "in", Consumed.with(TEXT, TEXT).withTimestampExtractor(new UntimedExtractor()))
            .to(prefix + "out", Produced.with(TEXT, TEXT));
    }

    private static final class UntimedExtractor implements TimestampExtractor {
        @Override
        public long extract(final ConsumerRecord<Object, Object> record, final long partitionTime) {
            return "untimed".equals(record.value()) ? partitionTime : record.timestamp();
        }
    }
}
