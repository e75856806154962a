/* SPDX-License-Identifier: Apache-2.0 */
import com.fasterxml.jackson.databind.JsonNode;
import org.apache.kafka.streams.kstream.Aggregator;
import org.apache.kafka.streams.kstream.CogroupedKStream;
import org.apache.kafka.streams.kstream.EmitStrategy;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Initializer;
import org.apache.kafka.streams.kstream.KGroupedStream;
import org.apache.kafka.streams.kstream.KGroupedTable;
import org.apache.kafka.streams.kstream.KTable;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Merger;
import org.apache.kafka.streams.kstream.Named;
import org.apache.kafka.streams.kstream.Reducer;
import org.apache.kafka.streams.kstream.SessionWindowedCogroupedKStream;
import org.apache.kafka.streams.kstream.SessionWindowedKStream;
import org.apache.kafka.streams.kstream.SessionWindows;
import org.apache.kafka.streams.kstream.SlidingWindows;
import org.apache.kafka.streams.kstream.TimeWindowedCogroupedKStream;
import org.apache.kafka.streams.kstream.TimeWindowedKStream;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.kstream.UnlimitedWindows;

import java.util.List;

/**
 * Grouping, windows, cogroups, and what is folded over them: count, reduce, aggregate.
 *
 * The raw types are the price of one method for groups, tables, time windows and sessions, whose overloads are alike but unrelated.
 */
final class Grouping {
    private final Nodes nodes;

    Grouping(Nodes nodes) {
        this.nodes = nodes;
    }

    /** Without name and serdes the plain overload, which alone inherits the serdes of the stream. */
    Object group(Fields n, String op) {
        Object of = nodes.of(n);
        String name = n.text("name");
        String key = n.text("key");
        String value = n.text("value");
        boolean plain = name == null && key == null && value == null;
        Grouped<Object, Object> grouped = Grouped.with(name, Types.serde(key), Types.serde(value));
        if (op.equals("groupByKey")) {
            return plain ? Nodes.asStream(of).groupByKey() : Nodes.asStream(of).groupByKey(grouped);
        }
        Functions.KeyMapper mapper = Functions.keyMapper(n.need("fn"));
        if (of instanceof KTable) {
            return plain ? Nodes.asTable(of).groupBy(mapper::pair) : Nodes.asTable(of).groupBy(mapper::pair, grouped);
        }
        return plain ? Nodes.asStream(of).groupBy(mapper::key) : Nodes.asStream(of).groupBy(mapper::key, grouped);
    }

    Object windowedBy(Fields n) {
        Object of = nodes.of(n);
        Object windows = windows(n);
        String emit = n.text("emit");
        EmitStrategy strategy = emit == null ? null : emitStrategy(emit);
        if (of instanceof CogroupedKStream) {
            @SuppressWarnings("unchecked")
            CogroupedKStream<Object, Object> c = (CogroupedKStream<Object, Object>) of;
            if (strategy != null) {
                throw new ScenarioError("cogroup has no emit strategy");
            }
            if (windows instanceof TimeWindows) {
                return c.windowedBy((TimeWindows) windows);
            }
            if (windows instanceof UnlimitedWindows) {
                return c.windowedBy((UnlimitedWindows) windows);
            }
            if (windows instanceof SlidingWindows) {
                return c.windowedBy((SlidingWindows) windows);
            }
            return c.windowedBy((SessionWindows) windows);
        }
        if (!(of instanceof KGroupedStream)) {
            throw new ScenarioError("windowedBy needs a grouped or cogrouped stream");
        }
        @SuppressWarnings("unchecked")
        KGroupedStream<Object, Object> g = (KGroupedStream<Object, Object>) of;
        if (windows instanceof SessionWindows) {
            SessionWindowedKStream<Object, Object> w = g.windowedBy((SessionWindows) windows);
            return strategy == null ? w : w.emitStrategy(strategy);
        }
        TimeWindowedKStream<Object, Object> w;
        if (windows instanceof TimeWindows) {
            w = g.windowedBy((TimeWindows) windows);
        } else if (windows instanceof UnlimitedWindows) {
            w = g.windowedBy((UnlimitedWindows) windows);
        } else {
            w = g.windowedBy((SlidingWindows) windows);
        }
        return strategy == null ? w : w.emitStrategy(strategy);
    }

    private static EmitStrategy emitStrategy(String emit) {
        switch (emit) {
            case "update": return EmitStrategy.onWindowUpdate();
            case "close": return EmitStrategy.onWindowClose();
            default: throw new ScenarioError("unknown emit `" + emit + "`");
        }
    }

    private static Object windows(Fields n) {
        Fields f;
        Object windows;
        if (n.has("time")) {
            f = n.object("time");
            Long grace = f.number("grace");
            TimeWindows time = grace == null
                ? TimeWindows.ofSizeWithNoGrace(StoreSpecs.ms(f.needNumber("size")))
                : TimeWindows.ofSizeAndGrace(StoreSpecs.ms(f.needNumber("size")), StoreSpecs.ms(grace));
            Long advance = f.number("advance");
            windows = advance == null ? time : time.advanceBy(StoreSpecs.ms(advance));
        } else if (n.has("sliding")) {
            f = n.object("sliding");
            Long grace = f.number("grace");
            windows = grace == null
                ? SlidingWindows.ofTimeDifferenceWithNoGrace(StoreSpecs.ms(f.needNumber("difference")))
                : SlidingWindows.ofTimeDifferenceAndGrace(StoreSpecs.ms(f.needNumber("difference")), StoreSpecs.ms(grace));
        } else if (n.has("session")) {
            f = n.object("session");
            Long grace = f.number("grace");
            windows = grace == null
                ? SessionWindows.ofInactivityGapWithNoGrace(StoreSpecs.ms(f.needNumber("gap")))
                : SessionWindows.ofInactivityGapAndGrace(StoreSpecs.ms(f.needNumber("gap")), StoreSpecs.ms(grace));
        } else {
            n.need("unlimited");
            f = n.object("unlimited");
            Long start = f.number("start");
            windows = start == null ? UnlimitedWindows.of() : UnlimitedWindows.of().startOn(java.time.Instant.ofEpochMilli(start));
        }
        f.done();
        return windows;
    }

    @SuppressWarnings("unchecked")
    Object cogroup(Fields n) {
        List<Object> of = nodes.ofMany(n);
        JsonNode fns = n.need("fns");
        if (of.isEmpty() || fns.size() != of.size()) {
            throw new ScenarioError("cogroup needs one function per group");
        }
        CogroupedKStream<Object, Object> cogrouped = null;
        for (int i = 0; i < of.size(); i++) {
            if (!(of.get(i) instanceof KGroupedStream)) {
                throw new ScenarioError("cogroup needs grouped streams");
            }
            KGroupedStream<Object, Object> group = (KGroupedStream<Object, Object>) of.get(i);
            Functions.Fold fold = Functions.fold(fns.get(i), null);
            Aggregator<Object, Object, Object> aggregator = (k, v, agg) -> fold.apply(agg, v);
            cogrouped = cogrouped == null ? group.cogroup(aggregator) : cogrouped.cogroup(group, aggregator);
        }
        return cogrouped;
    }

    @SuppressWarnings({"unchecked", "rawtypes"})
    Object aggregate(Fields n, String op) {
        Object of = nodes.of(n);
        Named named = Nodes.named(n);
        String type = n.text("value");
        Materialized m = StoreSpecs.materialized(n);
        switch (op) {
            case "count": return count(of, named, m);
            case "reduce": return reduce(n, of, type, named, m);
            default: return aggregateWithInit(n, of, type, named, m);
        }
    }

    @SuppressWarnings({"unchecked", "rawtypes"})
    private static Object count(Object of, Named named, Materialized m) {
        if (of instanceof KGroupedStream) {
            KGroupedStream g = (KGroupedStream) of;
            return m == null ? named == null ? g.count() : g.count(named) : named == null ? g.count(m) : g.count(named, m);
        }
        if (of instanceof KGroupedTable) {
            KGroupedTable g = (KGroupedTable) of;
            return m == null ? named == null ? g.count() : g.count(named) : named == null ? g.count(m) : g.count(named, m);
        }
        if (of instanceof TimeWindowedKStream) {
            TimeWindowedKStream g = (TimeWindowedKStream) of;
            return m == null ? named == null ? g.count() : g.count(named) : named == null ? g.count(m) : g.count(named, m);
        }
        if (of instanceof SessionWindowedKStream) {
            SessionWindowedKStream g = (SessionWindowedKStream) of;
            return m == null ? named == null ? g.count() : g.count(named) : named == null ? g.count(m) : g.count(named, m);
        }
        throw new ScenarioError("count needs a grouped stream or table");
    }

    @SuppressWarnings({"unchecked", "rawtypes"})
    private static Object reduce(Fields n, Object of, String type, Named named, Materialized m) {
        Functions.Fold fold = Functions.fold(n.need("fn"), type);
        Reducer r = (a, b) -> fold.apply(a, b);
        if (of instanceof KGroupedStream) {
            KGroupedStream g = (KGroupedStream) of;
            return m == null && named == null ? g.reduce(r) : named == null ? g.reduce(r, m) : g.reduce(r, named, orEmpty(m));
        }
        if (of instanceof KGroupedTable) {
            KGroupedTable g = (KGroupedTable) of;
            Functions.Fold sub = Functions.fold(n.need("subtract"), type);
            Reducer s = (a, b) -> sub.apply(a, b);
            return m == null && named == null ? g.reduce(r, s) : named == null ? g.reduce(r, s, m) : g.reduce(r, s, named, orEmpty(m));
        }
        if (of instanceof TimeWindowedKStream) {
            TimeWindowedKStream g = (TimeWindowedKStream) of;
            return m == null ? named == null ? g.reduce(r) : g.reduce(r, named) : named == null ? g.reduce(r, m) : g.reduce(r, named, m);
        }
        if (of instanceof SessionWindowedKStream) {
            SessionWindowedKStream g = (SessionWindowedKStream) of;
            return m == null ? named == null ? g.reduce(r) : g.reduce(r, named) : named == null ? g.reduce(r, m) : g.reduce(r, named, m);
        }
        throw new ScenarioError("reduce needs a grouped stream or table");
    }

    /** Java has no overload with only a name here. */
    @SuppressWarnings("rawtypes")
    private static Materialized orEmpty(Materialized m) {
        return m == null ? Materialized.with(null, null) : m;
    }

    @SuppressWarnings({"unchecked", "rawtypes"})
    private static Object aggregateWithInit(Fields n, Object of, String type, Named named, Materialized m) {
        Object first = Types.value(type, n.need("init"));
        Initializer init = () -> first;
        if (of instanceof CogroupedKStream) {
            CogroupedKStream c = (CogroupedKStream) of;
            return m == null ? named == null ? c.aggregate(init) : c.aggregate(init, named)
                : named == null ? c.aggregate(init, m) : c.aggregate(init, named, m);
        }
        if (of instanceof TimeWindowedCogroupedKStream) {
            TimeWindowedCogroupedKStream c = (TimeWindowedCogroupedKStream) of;
            return m == null ? named == null ? c.aggregate(init) : c.aggregate(init, named)
                : named == null ? c.aggregate(init, m) : c.aggregate(init, named, m);
        }
        if (of instanceof SessionWindowedCogroupedKStream) {
            SessionWindowedCogroupedKStream c = (SessionWindowedCogroupedKStream) of;
            Merger merger = merger(n, type);
            return m == null ? named == null ? c.aggregate(init, merger) : c.aggregate(init, merger, named)
                : named == null ? c.aggregate(init, merger, m) : c.aggregate(init, merger, named, m);
        }
        Functions.Fold fold = Functions.fold(n.need("fn"), type);
        Aggregator add = (k, v, agg) -> fold.apply(agg, v);
        if (of instanceof KGroupedStream) {
            KGroupedStream g = (KGroupedStream) of;
            return m == null && named == null ? g.aggregate(init, add)
                : named == null ? g.aggregate(init, add, m) : g.aggregate(init, add, named, orEmpty(m));
        }
        if (of instanceof KGroupedTable) {
            KGroupedTable g = (KGroupedTable) of;
            Functions.Fold sub = Functions.fold(n.need("subtract"), type);
            Aggregator subtract = (k, v, agg) -> sub.apply(agg, v);
            return m == null ? named == null ? g.aggregate(init, add, subtract) : g.aggregate(init, add, subtract, named)
                : named == null ? g.aggregate(init, add, subtract, m) : g.aggregate(init, add, subtract, named, m);
        }
        if (of instanceof TimeWindowedKStream) {
            TimeWindowedKStream g = (TimeWindowedKStream) of;
            return m == null ? named == null ? g.aggregate(init, add) : g.aggregate(init, add, named)
                : named == null ? g.aggregate(init, add, m) : g.aggregate(init, add, named, m);
        }
        if (of instanceof SessionWindowedKStream) {
            SessionWindowedKStream g = (SessionWindowedKStream) of;
            Merger merger = merger(n, type);
            return m == null ? named == null ? g.aggregate(init, add, merger) : g.aggregate(init, add, merger, named)
                : named == null ? g.aggregate(init, add, merger, m) : g.aggregate(init, add, merger, named, m);
        }
        throw new ScenarioError("aggregate needs a grouped or cogrouped stream or table");
    }

    @SuppressWarnings("rawtypes")
    private static Merger merger(Fields n, String type) {
        Functions.Fold fold = Functions.fold(n.need("merge"), type);
        return (k, a, b) -> fold.apply(a, b);
    }
}
