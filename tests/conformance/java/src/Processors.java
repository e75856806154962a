/* SPDX-License-Identifier: Apache-2.0 */
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.StateStore;
import org.apache.kafka.streams.processor.api.ContextualFixedKeyProcessor;
import org.apache.kafka.streams.processor.api.ContextualProcessor;
import org.apache.kafka.streams.processor.api.FixedKeyProcessor;
import org.apache.kafka.streams.processor.api.FixedKeyProcessorContext;
import org.apache.kafka.streams.processor.api.FixedKeyRecord;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.ProcessingContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.TimestampedKeyValueStore;
import org.apache.kafka.streams.state.ValueAndTimestamp;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * The built-in processors, for process and addProcessor (free key) and for processValues (fixed key).
 *
 * Both kinds share values(), so that a processor does the same under either context.
 */
final class Processors {
    private Processors() {
    }

    /** A processor as the scenario names it. */
    static final class Spec {
        final String name;
        final long number;
        final String text;

        Spec(String name, long number, String text) {
            this.name = name;
            this.number = number;
            this.text = text;
        }

        boolean fixedKey() {
            return !name.startsWith("punctuate");
        }
    }

    /** A key-value store, plain or timestamped, seen as key -> value. */
    private static final class Store {
        private final KeyValueStore<Object, Object> plain;
        private final TimestampedKeyValueStore<Object, Object> timestamped;

        @SuppressWarnings("unchecked")
        Store(StateStore store) {
            boolean hasTime = store instanceof TimestampedKeyValueStore;
            timestamped = hasTime ? (TimestampedKeyValueStore<Object, Object>) store : null;
            plain = hasTime ? null : (KeyValueStore<Object, Object>) store;
        }

        Object get(Object key) {
            return plain != null ? plain.get(key) : ValueAndTimestamp.getValueOrNull(timestamped.get(key));
        }

        void put(Object key, Object value, long timestamp) {
            if (plain != null) {
                plain.put(key, value);
            } else {
                timestamped.put(key, ValueAndTimestamp.make(value, timestamp));
            }
        }
    }

    /** What a processor does with one record: the values it forwards, in order. A null key never reaches a store. */
    private static List<Object> values(Spec spec, Store store, Object key, Object value, long timestamp, ProcessingContext context) {
        List<Object> out = new ArrayList<>();
        switch (spec.name) {
            case "forward":
            case "headers":
            case "punctuateStream":
            case "punctuateWall":
                out.add(value);
                break;
            case "fail":
                if (value != null && Functions.text(value).equals(spec.text)) {
                    throw new IllegalStateException("processor `fail` met " + spec.text);
                }
                out.add(value);
                break;
            case "fanOut":
                for (long i = 0; i < spec.number; i++) {
                    out.add(value);
                }
                break;
            case "metadata":
                out.add(context.recordMetadata().map(m -> m.topic() + "/" + m.partition() + "/" + m.offset()).orElse("//") + "/" + timestamp);
                break;
            case "countStore":
                if (key != null) {
                    Object before = store.get(key);
                    long count = before == null ? 1 : (Long) before + 1;
                    store.put(key, count, timestamp);
                    out.add(count);
                }
                break;
            case "dedupe":
                if (key != null && store.get(key) == null) {
                    store.put(key, value, timestamp);
                    out.add(value);
                }
                break;
            default:
                throw new ScenarioError("unknown processor `" + spec.name + "`");
        }
        return out;
    }

    /** A copy with one more header for `headers`, so that the other children of the parent do not see it. */
    private static Headers headers(Spec spec, Headers headers) {
        return spec.name.equals("headers") ? new RecordHeaders(headers).add("seen", "1".getBytes(StandardCharsets.UTF_8)) : headers;
    }

    private static Store storeOf(Spec spec, List<String> stores, ProcessingContext context) {
        if (!spec.name.equals("countStore") && !spec.name.equals("dedupe")) {
            return null;
        }
        if (stores.isEmpty()) {
            throw new ScenarioError("processor `" + spec.name + "` needs a store");
        }
        return new Store(context.getStateStore(stores.get(0)));
    }

    static Processor<Object, Object, Object, Object> free(Spec spec, List<String> stores) {
        return new ContextualProcessor<>() {
            private Store store;

            @Override
            public void init(ProcessorContext<Object, Object> context) {
                super.init(context);
                store = storeOf(spec, stores, context);
                if (!spec.fixedKey()) {
                    PunctuationType type = spec.name.equals("punctuateWall") ? PunctuationType.WALL_CLOCK_TIME : PunctuationType.STREAM_TIME;
                    context.schedule(Duration.ofMillis(spec.number), type,
                        time -> context.forward(new Record<>("p", Long.toString(time), time)));
                }
            }

            @Override
            public void process(Record<Object, Object> record) {
                Headers headers = headers(spec, record.headers());
                for (Object value : values(spec, store, record.key(), record.value(), record.timestamp(), context())) {
                    context().forward(record.withValue(value).withHeaders(headers));
                }
            }
        };
    }

    static FixedKeyProcessor<Object, Object, Object> fixed(Spec spec, List<String> stores) {
        if (!spec.fixedKey()) {
            throw new ScenarioError("processor `" + spec.name + "` cannot be used by processValues");
        }
        return new ContextualFixedKeyProcessor<>() {
            private Store store;

            @Override
            public void init(FixedKeyProcessorContext<Object, Object> context) {
                super.init(context);
                store = storeOf(spec, stores, context);
            }

            @Override
            public void process(FixedKeyRecord<Object, Object> record) {
                Headers headers = headers(spec, record.headers());
                for (Object value : values(spec, store, record.key(), record.value(), record.timestamp(), context())) {
                    context().forward(record.withValue(value).withHeaders(headers));
                }
            }
        };
    }

    /** The maintainer of a global or read-only store: puts every record, deletes on a null value; skips null keys. */
    static Processor<Object, Object, Void, Void> keeper(String storeName) {
        return new ContextualProcessor<>() {
            private Store store;

            @Override
            public void init(ProcessorContext<Void, Void> context) {
                super.init(context);
                store = new Store(context.getStateStore(storeName));
            }

            @Override
            public void process(Record<Object, Object> record) {
                if (record.key() != null) {
                    store.put(record.key(), record.value(), record.timestamp());
                }
            }
        };
    }
}
