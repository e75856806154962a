/* SPDX-License-Identifier: Apache-2.0 */
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.AutoOffsetReset;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.processor.FailOnInvalidTimestamp;
import org.apache.kafka.streams.processor.LogAndSkipOnInvalidTimestamp;
import org.apache.kafka.streams.processor.TimestampExtractor;
import org.apache.kafka.streams.processor.UsePartitionTimeOnInvalidTimestamp;
import org.apache.kafka.streams.processor.api.ProcessorSupplier;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.StoreBuilder;

import java.util.List;
import java.util.regex.Pattern;

/**
 * Where records come in: streams, tables, global tables and stores, with their types, timestamp extractors and reset policies.
 *
 * A source takes its serdes from `topics`; one that reads a pattern takes those of the first topic listed that matches.
 */
final class Sources {
    private final Nodes nodes;

    Sources(Nodes nodes) {
        this.nodes = nodes;
    }

    static TimestampExtractor extractor(String name) {
        switch (name) {
            case "fail": return new FailOnInvalidTimestamp();
            case "skip": return new LogAndSkipOnInvalidTimestamp();
            case "partition": return new UsePartitionTimeOnInvalidTimestamp();
            case "wallclock": return new DriverClock();
            case "embedded-value": return new EmbeddedValue();
            default: throw new ScenarioError("unknown timestamp extractor `" + name + "`");
        }
    }

    /** The mocked wall clock. Java's WallclockTimestampExtractor reads the system clock even under the test driver. */
    public static final class DriverClock implements TimestampExtractor {
        static volatile long now;

        @Override
        public long extract(ConsumerRecord<Object, Object> record, long partitionTime) {
            return now;
        }
    }

    /** The value is the timestamp: a whole number, or a text that is one; -1 for anything else. */
    public static final class EmbeddedValue implements TimestampExtractor {
        @Override
        public long extract(ConsumerRecord<Object, Object> record, long partitionTime) {
            if (record.value() == null) {
                return -1;
            }
            try {
                return Long.parseLong(Functions.text(record.value()));
            } catch (NumberFormatException notANumber) {
                return -1;
            }
        }
    }

    static AutoOffsetReset reset(String reset) {
        switch (reset) {
            case "earliest": return AutoOffsetReset.earliest();
            case "latest": return AutoOffsetReset.latest();
            case "none": return AutoOffsetReset.none();
            default:
                if (reset.startsWith("by_duration:")) {
                    return AutoOffsetReset.byDuration(StoreSpecs.ms(Long.parseLong(reset.substring(12))));
                }
                throw new ScenarioError("unknown reset `" + reset + "`");
        }
    }

    /** topic, topics or pattern; the pattern takes the types of the first entry of `topics` that matches it. */
    String typesTopic(Fields n, List<String> names, String pattern) {
        if (pattern == null) {
            return names.isEmpty() ? "" : names.get(0);
        }
        Pattern compiled = Pattern.compile(pattern);
        var all = nodes.topics.fieldNames();
        while (all.hasNext()) {
            String topic = all.next();
            if (compiled.matcher(topic).matches()) {
                return topic;
            }
        }
        return "";
    }

    static List<String> topicNames(Fields n) {
        return n.has("topic") ? n.texts("topic") : n.texts("topics");
    }

    private Consumed<Object, Object> consumed(Fields n, String topic) {
        Consumed<Object, Object> consumed = Consumed.with(Types.serde(nodes.topicType(topic, "key")), Types.serde(nodes.topicType(topic, "value")));
        String name = n.text("name");
        if (name != null) {
            consumed = consumed.withName(name);
        }
        String timestamp = n.text("timestamp");
        if (timestamp != null) {
            consumed = consumed.withTimestampExtractor(extractor(timestamp));
        }
        String reset = n.text("reset");
        if (reset != null) {
            consumed = consumed.withOffsetResetPolicy(reset(reset));
        }
        return consumed;
    }

    Object stream(Fields n) {
        String pattern = n.text("pattern");
        List<String> names = topicNames(n);
        Consumed<Object, Object> consumed = consumed(n, typesTopic(n, names, pattern));
        return pattern != null ? nodes.builder.stream(Pattern.compile(pattern), consumed) : nodes.builder.stream(names, consumed);
    }

    Object table(Fields n) {
        String topic = n.needText("topic");
        Consumed<Object, Object> consumed = consumed(n, topic);
        Materialized<Object, Object, KeyValueStore<Bytes, byte[]>> m = StoreSpecs.materialized(n);
        return m == null ? nodes.builder.table(topic, consumed) : nodes.builder.table(topic, consumed, m);
    }

    Object globalTable(Fields n) {
        String topic = n.needText("topic");
        Consumed<Object, Object> consumed = consumed(n, topic);
        Materialized<Object, Object, KeyValueStore<Bytes, byte[]>> m = StoreSpecs.materialized(n);
        return m == null ? nodes.builder.globalTable(topic, consumed) : nodes.builder.globalTable(topic, consumed, m);
    }

    Object addStore(Fields n) {
        nodes.builder.addStateStore(StoreSpecs.builder(n, n.text("key"), n.text("value")));
        return null;
    }

    Object addGlobalStore(Fields n) {
        String topic = n.needText("topic");
        String key = nodes.topicType(topic, "key");
        String value = nodes.topicType(topic, "value");
        StoreBuilder<KeyValueStore<Object, Object>> store = StoreSpecs.builder(n, key, value);
        ProcessorSupplier<Object, Object, Void, Void> supplier = () -> Processors.keeper(store.name());
        nodes.builder.addGlobalStore(store, topic, consumed(n, topic), supplier);
        return null;
    }
}
