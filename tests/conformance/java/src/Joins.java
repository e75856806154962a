/* SPDX-License-Identifier: Apache-2.0 */
import com.fasterxml.jackson.databind.JsonNode;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.kstream.GlobalKTable;
import org.apache.kafka.streams.kstream.JoinWindows;
import org.apache.kafka.streams.kstream.Joined;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.KTable;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Named;
import org.apache.kafka.streams.kstream.StreamJoined;
import org.apache.kafka.streams.kstream.TableJoined;
import org.apache.kafka.streams.kstream.ValueJoiner;
import org.apache.kafka.streams.kstream.ValueJoinerWithKey;
import org.apache.kafka.streams.state.BuiltInDslStoreSuppliers;
import org.apache.kafka.streams.state.KeyValueStore;

import java.util.HashMap;
import java.util.List;

/** Joins of streams, tables and global tables; which one is meant follows from what its two inputs are. */
final class Joins {
    private final Nodes nodes;

    Joins(Nodes nodes) {
        this.nodes = nodes;
    }

    @SuppressWarnings("unchecked")
    Object join(Fields n, String op) {
        List<Object> of = nodes.ofMany(n);
        if (of.size() != 2) {
            throw new ScenarioError("a join takes two inputs");
        }
        JsonNode joiner = n.need("joiner");
        if (of.get(0) instanceof KTable) {
            return n.has("fk") ? foreignKeyJoin(n, op, Nodes.asTable(of.get(0)), Nodes.asTable(of.get(1)), joiner)
                : tableTable(n, op, Nodes.asTable(of.get(0)), Nodes.asTable(of.get(1)), joiner);
        }
        KStream<Object, Object> left = Nodes.asStream(of.get(0));
        Functions.Join join = Functions.joiner(joiner);
        ValueJoinerWithKey<Object, Object, Object, Object> withKey = join::apply;
        if (of.get(1) instanceof GlobalKTable) {
            return streamGlobal(n, op, left, (GlobalKTable<Object, Object>) of.get(1), withKey);
        }
        if (of.get(1) instanceof KTable) {
            return streamTable(n, op, left, Nodes.asTable(of.get(1)), withKey);
        }
        return streamStream(n, op, left, Nodes.asStream(of.get(1)), withKey);
    }

    private static ValueJoiner<Object, Object, Object> keyless(JsonNode joiner) {
        if (Functions.joinerNeedsKey(joiner)) {
            throw new ScenarioError("table joins have no joiner with key");
        }
        Functions.Join join = Functions.joiner(joiner);
        return (left, right) -> join.apply(null, left, right);
    }

    private Object streamStream(Fields n, String op, KStream<Object, Object> left, KStream<Object, Object> right,
                                ValueJoinerWithKey<Object, Object, Object, Object> joiner) {
        n.need("window");
        Fields w = n.object("window");
        long before = w.needNumber("before");
        long after = w.needNumber("after");
        Long grace = w.number("grace");
        w.done();
        long both = Math.max(Math.abs(before), Math.abs(after));
        JoinWindows windows = (grace == null
            ? JoinWindows.ofTimeDifferenceWithNoGrace(StoreSpecs.ms(both))
            : JoinWindows.ofTimeDifferenceAndGrace(StoreSpecs.ms(both), StoreSpecs.ms(grace))).before(StoreSpecs.ms(before)).after(StoreSpecs.ms(after));
        StreamJoined<Object, Object, Object> joined =
            StreamJoined.with(Types.serde(n.text("key")), Types.serde(n.text("value")), Types.serde(n.text("otherValue")));
        String name = n.text("name");
        if (name != null) {
            joined = joined.withName(name);
        }
        Fields store = n.object("store");
        if (store != null) {
            String storeName = store.text("name");
            if (storeName != null) {
                joined = joined.withStoreName(storeName);
            }
            String type = store.text("type");
            if (type != null) {
                joined = joined.withDslStoreSuppliers(StoreSpecs.storeType(type) == Materialized.StoreType.IN_MEMORY
                    ? BuiltInDslStoreSuppliers.IN_MEMORY : BuiltInDslStoreSuppliers.ROCKS_DB);
            }
            Boolean logging = store.bool("logging");
            if (logging != null) {
                joined = logging ? joined.withLoggingEnabled(new HashMap<>()) : joined.withLoggingDisabled();
            }
            store.done();
        }
        switch (op) {
            case "join": return left.join(right, joiner, windows, joined);
            case "leftJoin": return left.leftJoin(right, joiner, windows, joined);
            default: return left.outerJoin(right, joiner, windows, joined);
        }
    }

    private Object streamTable(Fields n, String op, KStream<Object, Object> left, KTable<Object, Object> right,
                               ValueJoinerWithKey<Object, Object, Object, Object> joiner) {
        Joined<Object, Object, Object> joined =
            Joined.with(Types.serde(n.text("key")), Types.serde(n.text("value")), Types.serde(n.text("otherValue")));
        String name = n.text("name");
        if (name != null) {
            joined = joined.withName(name);
        }
        Long grace = n.number("grace");
        if (grace != null) {
            joined = joined.withGracePeriod(StoreSpecs.ms(grace));
        }
        switch (op) {
            case "join": return left.join(right, joiner, joined);
            case "leftJoin": return left.leftJoin(right, joiner, joined);
            default: throw new ScenarioError("a stream and a table have no outer join");
        }
    }

    private Object streamGlobal(Fields n, String op, KStream<Object, Object> left, GlobalKTable<Object, Object> right,
                                ValueJoinerWithKey<Object, Object, Object, Object> joiner) {
        Functions.KeyMapper mapper = Functions.keyMapper(n.need("keyFn"));
        Named named = Nodes.named(n);
        switch (op) {
            case "join":
                return named == null ? left.join(right, mapper::key, joiner) : left.join(right, mapper::key, joiner, named);
            case "leftJoin":
                return named == null ? left.leftJoin(right, mapper::key, joiner) : left.leftJoin(right, mapper::key, joiner, named);
            default:
                throw new ScenarioError("a stream and a global table have no outer join");
        }
    }

    private Object tableTable(Fields n, String op, KTable<Object, Object> left, KTable<Object, Object> right, JsonNode joiner) {
        ValueJoiner<Object, Object, Object> j = keyless(joiner);
        Named named = Nodes.named(n);
        Materialized<Object, Object, KeyValueStore<Bytes, byte[]>> m = StoreSpecs.materialized(n);
        switch (op) {
            case "join":
                return m == null ? named == null ? left.join(right, j) : left.join(right, j, named)
                    : named == null ? left.join(right, j, m) : left.join(right, j, named, m);
            case "leftJoin":
                return m == null ? named == null ? left.leftJoin(right, j) : left.leftJoin(right, j, named)
                    : named == null ? left.leftJoin(right, j, m) : left.leftJoin(right, j, named, m);
            default:
                return m == null ? named == null ? left.outerJoin(right, j) : left.outerJoin(right, j, named)
                    : named == null ? left.outerJoin(right, j, m) : left.outerJoin(right, j, named, m);
        }
    }

    private Object foreignKeyJoin(Fields n, String op, KTable<Object, Object> left, KTable<Object, Object> right, JsonNode joiner) {
        ValueJoiner<Object, Object, Object> j = keyless(joiner);
        Functions.KeyMapper fk = Functions.keyMapper(n.need("fk"));
        java.util.function.BiFunction<Object, Object, Object> extractor = fk::key;
        String name = n.text("name");
        TableJoined<Object, Object> joined = name == null ? TableJoined.with(null, null) : TableJoined.as(name);
        Materialized<Object, Object, KeyValueStore<Bytes, byte[]>> m = StoreSpecs.materialized(n);
        switch (op) {
            case "join":
                return m == null ? left.join(right, extractor, j, joined) : left.join(right, extractor, j, joined, m);
            case "leftJoin":
                return m == null ? left.leftJoin(right, extractor, j, joined) : left.leftJoin(right, extractor, j, joined, m);
            default:
                throw new ScenarioError("there is no foreign-key outer join");
        }
    }
}
