/* SPDX-License-Identifier: Apache-2.0 */
import com.fasterxml.jackson.databind.JsonNode;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.streams.AutoOffsetReset;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.KTable;
import org.apache.kafka.streams.kstream.Named;
import org.apache.kafka.streams.kstream.Suppressed;
import org.apache.kafka.streams.processor.TimestampExtractor;
import org.apache.kafka.streams.processor.api.ProcessorSupplier;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.StoreBuilder;

import java.util.HashMap;
import java.util.List;
import java.util.regex.Pattern;

/**
 * Processors within the DSL, suppress, and the Processor API proper: sources, processors and sinks added to the finished topology.
 *
 * Here parents and children are known by their node names, as in Java, not by the ids of the scenario.
 */
final class ProcessorApi {
    private final Nodes nodes;
    private final Sources sources;

    ProcessorApi(Nodes nodes, Sources sources) {
        this.nodes = nodes;
        this.sources = sources;
    }

    @SuppressWarnings({"unchecked", "rawtypes"})
    Object suppress(Fields n) {
        KTable<Object, Object> t = Nodes.asTable(nodes.of(n));
        Long limit = n.number("untilTimeLimit");
        boolean windowCloses = Boolean.TRUE.equals(n.bool("untilWindowCloses"));
        if (windowCloses == (limit != null)) {
            throw new ScenarioError("suppress: one of untilWindowCloses and untilTimeLimit");
        }
        Suppressed.BufferConfig buffer = Suppressed.BufferConfig.unbounded();
        Fields b = n.object("buffer");
        if (b != null) {
            Long records = b.number("maxRecords");
            Long bytes = b.number("maxBytes");
            if (records != null) {
                buffer = Suppressed.BufferConfig.maxRecords(records);
            }
            if (bytes != null) {
                buffer = records == null ? Suppressed.BufferConfig.maxBytes(bytes) : buffer.withMaxBytes(bytes);
            }
            String full = b.text("full");
            if (full != null) {
                switch (full) {
                    case "emit": buffer = buffer.emitEarlyWhenFull(); break;
                    case "shutdown": buffer = buffer.shutDownWhenFull(); break;
                    default: throw new ScenarioError("unknown `full`: " + full);
                }
            }
            Boolean logging = b.bool("logging");
            if (logging != null) {
                buffer = logging ? buffer.withLoggingEnabled(new HashMap<>()) : buffer.withLoggingDisabled();
            }
            b.done();
        }
        Suppressed suppressed;
        if (windowCloses) {
            if (!(buffer instanceof Suppressed.StrictBufferConfig)) {
                throw new ScenarioError("untilWindowCloses needs an unbounded buffer or `full`: `shutdown`");
            }
            suppressed = Suppressed.untilWindowCloses((Suppressed.StrictBufferConfig) buffer);
        } else {
            suppressed = Suppressed.untilTimeLimit(StoreSpecs.ms(limit), buffer);
        }
        String name = n.text("name");
        return t.suppress(name == null ? suppressed : suppressed.withName(name));
    }

    Object process(Fields n, String op) {
        KStream<Object, Object> s = Nodes.asStream(nodes.of(n));
        Processors.Spec spec = Functions.processor(n.need("processor"));
        List<String> stores = n.texts("stores");
        String[] names = stores.toArray(new String[0]);
        Named named = Nodes.named(n);
        if (op.equals("process")) {
            ProcessorSupplier<Object, Object, Object, Object> supplier = () -> Processors.free(spec, stores);
            return named == null ? s.process(supplier, names) : s.process(supplier, named, names);
        }
        if (!spec.fixedKey()) {
            throw new ScenarioError("processor `" + spec.name + "` cannot be used by processValues");
        }
        return named == null
            ? s.processValues(() -> Processors.fixed(spec, stores), names)
            : s.processValues(() -> Processors.fixed(spec, stores), named, names);
    }

    // ---- the Processor API ------------------------------------------------------------------------------------------------------

    void add(Topology topology, Fields n) {
        String[] of = n.texts("of").toArray(new String[0]);
        switch (n.needText("op")) {
            case "addSource": addSource(topology, n); break;
            case "addProcessor": {
                Processors.Spec spec = Functions.processor(n.need("processor"));
                List<String> stores = n.texts("stores");
                String name = n.needText("name");
                topology.addProcessor(name, (ProcessorSupplier<Object, Object, Object, Object>) () -> Processors.free(spec, stores), of);
                if (!stores.isEmpty()) {
                    topology.connectProcessorAndStateStores(name, stores.toArray(new String[0]));
                }
                break;
            }
            case "addSink": {
                String name = n.needText("name");
                String topic = n.text("topic");
                JsonNode dynamic = n.get("dynamic");
                Serde<Object> keySerde = Types.serde(nodes.sinkType(n, topic, "key"));
                Serde<Object> valueSerde = Types.serde(nodes.sinkType(n, topic, "value"));
                var key = keySerde == null ? null : keySerde.serializer();
                var value = valueSerde == null ? null : valueSerde.serializer();
                if (dynamic != null) {
                    topology.addSink(name, Stateless.topicOf(dynamic), key, value, of);
                } else {
                    topology.addSink(name, n.needText("topic"), key, value, of);
                }
                break;
            }
            case "addReadOnlyStore": {
                String topic = n.needText("topic");
                String name = n.needText("name");
                String key = nodes.topicType(topic, "key");
                String value = nodes.topicType(topic, "value");
                StoreBuilder<KeyValueStore<Object, Object>> store = StoreSpecs.builder(n, key, value);
                topology.addReadOnlyStateStore(store, name + "-source", Types.serde(key).deserializer(), Types.serde(value).deserializer(),
                    topic, name, () -> Processors.keeper(store.name()));
                break;
            }
            default:
                throw new ScenarioError("unknown op");
        }
    }

    private void addSource(Topology topology, Fields n) {
        String name = n.needText("name");
        String pattern = n.text("pattern");
        List<String> names = Sources.topicNames(n);
        String topic = sources.typesTopic(n, names, pattern);
        var key = Types.serde(nodes.topicType(topic, "key"));
        var value = Types.serde(nodes.topicType(topic, "value"));
        String timestamp = n.text("timestamp");
        TimestampExtractor extractor = timestamp == null ? null : Sources.extractor(timestamp);
        String reset = n.text("reset");
        AutoOffsetReset offsetReset = reset == null ? null : Sources.reset(reset);
        var keyDeserializer = key == null ? null : key.deserializer();
        var valueDeserializer = value == null ? null : value.deserializer();
        if (pattern != null) {
            topology.addSource(offsetReset, name, extractor, keyDeserializer, valueDeserializer, Pattern.compile(pattern));
        } else {
            topology.addSource(offsetReset, name, extractor, keyDeserializer, valueDeserializer, names.toArray(new String[0]));
        }
    }
}
