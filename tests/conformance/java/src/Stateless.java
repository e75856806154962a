/* SPDX-License-Identifier: Apache-2.0 */
import com.fasterxml.jackson.databind.JsonNode;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.kstream.Branched;
import org.apache.kafka.streams.kstream.BranchedKStream;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.KTable;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Named;
import org.apache.kafka.streams.kstream.Printed;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.Repartitioned;
import org.apache.kafka.streams.kstream.ValueTransformerWithKey;
import org.apache.kafka.streams.kstream.ValueTransformerWithKeySupplier;
import org.apache.kafka.streams.processor.ProcessorContext;
import org.apache.kafka.streams.processor.TopicNameExtractor;
import org.apache.kafka.streams.state.KeyValueStore;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Operators that keep no state of their own: filters, mappers, split, merge, repartition, sinks, and the turns between stream and table.
 *
 * Always the shortest overload that can say what the node says, because generated names depend on the overload.
 */
final class Stateless {
    private final Nodes nodes;

    Stateless(Nodes nodes) {
        this.nodes = nodes;
    }

    Object filter(Fields n, boolean not) {
        Object of = nodes.of(n);
        Functions.Test test = Functions.predicate(n.need("fn"));
        Named named = Nodes.named(n);
        if (of instanceof KTable) {
            KTable<Object, Object> t = Nodes.asTable(of);
            Materialized<Object, Object, KeyValueStore<Bytes, byte[]>> m = StoreSpecs.materialized(n);
            if (m == null) {
                return named == null
                    ? not ? t.filterNot(test::test) : t.filter(test::test)
                    : not ? t.filterNot(test::test, named) : t.filter(test::test, named);
            }
            return named == null
                ? not ? t.filterNot(test::test, m) : t.filter(test::test, m)
                : not ? t.filterNot(test::test, named, m) : t.filter(test::test, named, m);
        }
        KStream<Object, Object> s = Nodes.asStream(of);
        return named == null
            ? not ? s.filterNot(test::test) : s.filter(test::test)
            : not ? s.filterNot(test::test, named) : s.filter(test::test, named);
    }

    Object mapValues(Fields n) {
        Object of = nodes.of(n);
        Functions.Mapper mapper = Functions.valueMapper(n.need("fn"));
        Named named = Nodes.named(n);
        if (of instanceof KTable) {
            KTable<Object, Object> t = Nodes.asTable(of);
            Materialized<Object, Object, KeyValueStore<Bytes, byte[]>> m = StoreSpecs.materialized(n);
            if (m == null) {
                return named == null ? t.mapValues((k, v) -> mapper.apply(k, v)) : t.mapValues((k, v) -> mapper.apply(k, v), named);
            }
            return named == null ? t.mapValues((k, v) -> mapper.apply(k, v), m) : t.mapValues((k, v) -> mapper.apply(k, v), named, m);
        }
        KStream<Object, Object> s = Nodes.asStream(of);
        return named == null ? s.mapValues((k, v) -> mapper.apply(k, v)) : s.mapValues((k, v) -> mapper.apply(k, v), named);
    }

    Object transformValues(Fields n) {
        KTable<Object, Object> t = Nodes.asTable(nodes.of(n));
        Functions.Mapper mapper = Functions.valueMapper(n.need("fn"));
        ValueTransformerWithKeySupplier<Object, Object, Object> supplier = () -> new ValueTransformerWithKey<>() {
            @Override
            public void init(ProcessorContext context) {
            }

            @Override
            public Object transform(Object key, Object value) {
                return mapper.apply(key, value);
            }

            @Override
            public void close() {
            }
        };
        Named named = Nodes.named(n);
        Materialized<Object, Object, KeyValueStore<Bytes, byte[]>> m = StoreSpecs.materialized(n);
        if (m == null) {
            return named == null ? t.transformValues(supplier) : t.transformValues(supplier, named);
        }
        return named == null ? t.transformValues(supplier, m) : t.transformValues(supplier, m, named);
    }

    Object stateless(Fields n, String op) {
        KStream<Object, Object> s = Nodes.asStream(nodes.of(n));
        Named named = Nodes.named(n);
        switch (op) {
            case "map": {
                Functions.KeyMapper mapper = Functions.keyMapper(n.need("fn"));
                return named == null ? s.map(mapper::pair) : s.map(mapper::pair, named);
            }
            case "selectKey": {
                Functions.KeyMapper mapper = Functions.keyMapper(n.need("fn"));
                return named == null ? s.selectKey(mapper::key) : s.selectKey(mapper::key, named);
            }
            case "flatMap": {
                Functions.Flat flat = Functions.flat(n.need("fn"));
                return named == null ? s.flatMap((k, v) -> pairs(k, flat.values(v))) : s.flatMap((k, v) -> pairs(k, flat.values(v)), named);
            }
            case "flatMapValues": {
                Functions.Flat flat = Functions.flat(n.need("fn"));
                return named == null ? s.flatMapValues(v -> flat.values(v)) : s.flatMapValues(v -> flat.values(v), named);
            }
            case "peek":
                return named == null ? s.peek((k, v) -> { }) : s.peek((k, v) -> { }, named);
            case "foreach":
                if (named == null) {
                    s.foreach((k, v) -> { });
                } else {
                    s.foreach((k, v) -> { }, named);
                }
                return null;
            case "print": {
                Printed<Object, Object> printed = Printed.toFile("/dev/null");
                String name = n.text("name");
                s.print(name == null ? printed : printed.withName(name));
                return null;
            }
            default:
                throw new ScenarioError("unknown op `" + op + "`");
        }
    }

    private static List<KeyValue<Object, Object>> pairs(Object key, List<Object> values) {
        List<KeyValue<Object, Object>> pairs = new ArrayList<>();
        for (Object value : values) {
            pairs.add(KeyValue.pair(key, value));
        }
        return pairs;
    }

    Object split(Fields n) {
        KStream<Object, Object> s = Nodes.asStream(nodes.of(n));
        String name = n.text("name");
        BranchedKStream<Object, Object> split = name == null ? s.split() : s.split(Named.as(name));
        int index = 0;
        Nodes.Branches branches = new Nodes.Branches();
        List<String> ids = new ArrayList<>();
        for (JsonNode json : n.need("branches")) {
            Fields b = new Fields(json, "branches[" + index++ + "]");
            Functions.Test test = Functions.predicate(b.need("fn"));
            String branch = b.text("name");
            split = branch == null ? split.branch(test::test) : split.branch(test::test, Branched.as(branch));
            ids.add(branch == null ? Integer.toString(index) : branch);
            b.done();
        }
        JsonNode other = n.get("default");
        Map<String, KStream<Object, Object>> made;
        if (other == null) {
            made = split.noDefaultBranch();
        } else if (other.isTextual()) {
            made = split.defaultBranch(Branched.as(other.textValue()));
            ids.add(other.textValue());
        } else {
            made = split.defaultBranch();
            ids.add("0");
        }
        int prefix = name == null ? "KSTREAM-BRANCH-0000000000".length() : name.length();
        made.forEach((fullName, stream) -> branches.byName.put(fullName.substring(prefix), stream));
        for (String id : ids) {
            if (!branches.byName.containsKey(id)) {
                throw new ScenarioError("branch `" + id + "` not found");
            }
        }
        return branches;
    }

    Object merge(Fields n) {
        List<Object> of = nodes.ofMany(n);
        if (of.size() != 2) {
            throw new ScenarioError("merge takes two streams");
        }
        Named named = Nodes.named(n);
        return named == null ? Nodes.asStream(of.get(0)).merge(Nodes.asStream(of.get(1))) : Nodes.asStream(of.get(0)).merge(Nodes.asStream(of.get(1)), named);
    }

    Object repartition(Fields n) {
        KStream<Object, Object> s = Nodes.asStream(nodes.of(n));
        Repartitioned<Object, Object> r = Repartitioned.with(Types.serde(n.text("key")), Types.serde(n.text("value")));
        String topicName = n.text("topicName");
        String name = n.text("name");
        if (topicName != null && name != null) {
            throw new ScenarioError("repartition: Java has one name, give `name` or `topicName`");
        }
        if (topicName != null || name != null) {
            r = r.withName(topicName != null ? topicName : name);
        }
        Long partitions = n.number("partitions");
        if (partitions != null) {
            r = r.withNumberOfPartitions(partitions.intValue());
        }
        return s.repartition(r);
    }

    Object to(Fields n) {
        KStream<Object, Object> s = Nodes.asStream(nodes.of(n));
        String topic = n.text("topic");
        JsonNode dynamic = n.get("dynamic");
        Produced<Object, Object> produced =
            Produced.with(Types.serde(nodes.sinkType(n, topic, "key")), Types.serde(nodes.sinkType(n, topic, "value")));
        String name = n.text("name");
        if (name != null) {
            produced = produced.withName(name);
        }
        if (dynamic != null) {
            s.to(topicOf(dynamic), produced);
        } else {
            s.to(n.needText("topic"), produced);
        }
        return null;
    }

    /** The topic a record goes to: a value mapper applied to it. */
    static TopicNameExtractor<Object, Object> topicOf(JsonNode fn) {
        Functions.Mapper mapper = Functions.valueMapper(fn);
        return (key, value, context) -> Functions.text(mapper.apply(key, value));
    }

    Object toTable(Fields n) {
        KStream<Object, Object> s = Nodes.asStream(nodes.of(n));
        Named named = Nodes.named(n);
        Materialized<Object, Object, KeyValueStore<Bytes, byte[]>> m = StoreSpecs.materialized(n);
        if (m == null) {
            return named == null ? s.toTable() : s.toTable(named);
        }
        return named == null ? s.toTable(m) : s.toTable(named, m);
    }

    Object toStream(Fields n) {
        KTable<Object, Object> t = Nodes.asTable(nodes.of(n));
        Named named = Nodes.named(n);
        JsonNode fn = n.get("fn");
        if (fn == null) {
            return named == null ? t.toStream() : t.toStream(named);
        }
        Functions.KeyMapper mapper = Functions.keyMapper(fn);
        return named == null ? t.toStream((k, v) -> mapper.key(k, v)) : t.toStream((k, v) -> mapper.key(k, v), named);
    }
}
