/* SPDX-License-Identifier: Apache-2.0 */
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.TopologyTestDriver;
import org.apache.kafka.streams.kstream.Windowed;
import org.apache.kafka.streams.processor.StateStore;
import org.apache.kafka.streams.query.ResultOrder;
import org.apache.kafka.streams.state.AggregationWithHeaders;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.SessionStore;
import org.apache.kafka.streams.state.StateSerdes;
import org.apache.kafka.streams.state.ValueAndTimestamp;
import org.apache.kafka.streams.state.ValueTimestampHeaders;
import org.apache.kafka.streams.state.VersionedKeyValueStore;
import org.apache.kafka.streams.state.VersionedRecord;
import org.apache.kafka.streams.state.VersionedRecordIterator;
import org.apache.kafka.streams.state.WindowStore;
import org.apache.kafka.streams.state.internals.CachedStateStore;
import org.apache.kafka.streams.state.internals.RocksDBVersionedStore;
import org.apache.kafka.streams.state.internals.WrappedStateStore;

import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;

/**
 * The state stores at the end of a scenario.
 *
 * Window and session stores promise no order over several keys (RocksDB goes by segment, the in-memory stores by time), so entries are
 * sorted by serialized key, window start, window end; rows that are equal in all three keep the store's order.
 * Record caches are dropped first: they are clean after the last commit and would show rows that the store itself has expired.
 */
final class StoreReader {
    private static final JsonNodeFactory JSON = JsonNodeFactory.instance;
    private static final Pattern INTERNAL = Pattern.compile(
        "KSTREAM-(JOINTHIS|JOINOTHER|OUTERTHIS|OUTEROTHER|OUTERSHARED)-\\d{10}-store|.*-join-store"
            + "|KTABLE-FK-JOIN-SUBSCRIPTION-STATE-STORE-\\d{10}|.*-subscription-store");

    private final TopologyTestDriver driver;
    private final TreeSet<Bytes> keys;

    StoreReader(TopologyTestDriver driver, TreeSet<Bytes> keys) {
        this.driver = driver;
        this.keys = keys;
    }

    ObjectNode read() {
        ObjectNode stores = JSON.objectNode();
        new TreeMap<>(driver.getAllStateStores()).forEach((name, store) -> {
            ArrayNode entries = store == null || isInternal(name) ? null : entries(store);
            if (entries != null) {
                stores.set(name, entries);
            }
        });
        return stores;
    }

    /** The stores of a stream-stream join and the subscriptions of a foreign-key join: visible by their changelogs only. */
    private static boolean isInternal(String name) {
        return INTERNAL.matcher(name).matches();
    }

    @SuppressWarnings("unchecked")
    private ArrayNode entries(StateStore store) {
        clearCaches(store);
        if (store instanceof VersionedKeyValueStore) {
            return versioned(store);
        }
        if (store instanceof KeyValueStore) {
            return sorted(((KeyValueStore<Object, Object>) store).all());
        }
        if (store instanceof WindowStore) {
            return sorted(((WindowStore<Object, Object>) store).all());
        }
        if (store instanceof SessionStore) {
            return sorted(((SessionStore<Object, Object>) store).fetch(null, null));
        }
        return null; // suppress buffers and the buffer of a stream-table join with grace
    }

    private static void clearCaches(StateStore store) {
        for (StateStore s = store; s instanceof WrappedStateStore; s = ((WrappedStateStore<?, ?, ?>) s).wrapped()) {
            if (s instanceof CachedStateStore && ((WrappedStateStore<?, ?, ?>) s).wrapped() != null && isCache(s)) {
                ((CachedStateStore<?, ?>) s).clearCache();
            }
        }
    }

    /** The wrappers above a cache implement CachedStateStore too. */
    private static boolean isCache(StateStore store) {
        return store.getClass().getSimpleName().contains("Caching");
    }

    private static final class Row {
        final Object key;
        final byte[] keyBytes;
        final long start;
        final long end;
        final Object value;

        Row(Object key, Object value) {
            this.key = key;
            this.keyBytes = Types.plainKeyBytes(key);
            this.start = key instanceof Windowed ? ((Windowed<?>) key).window().start() : 0;
            this.end = key instanceof Windowed ? ((Windowed<?>) key).window().end() : 0;
            this.value = value;
        }

        int compare(Row other) {
            int byKey = Arrays.compareUnsigned(keyBytes, other.keyBytes);
            int byStart = Long.compare(start, other.start);
            return byKey != 0 ? byKey : byStart != 0 ? byStart : Long.compare(end, other.end);
        }
    }

    private static ArrayNode sorted(KeyValueIterator<?, ?> iterator) {
        List<Row> rows = new ArrayList<>();
        try (iterator) {
            while (iterator.hasNext()) {
                KeyValue<?, ?> next = iterator.next();
                rows.add(new Row(next.key, next.value));
            }
        }
        rows.sort(Row::compare);
        ArrayNode entries = JSON.arrayNode();
        for (Row row : rows) {
            ObjectNode entry = entries.addObject();
            Types.putKey(entry, row.key);
            putValue(entry, row.value);
        }
        return entries;
    }

    private static void putValue(ObjectNode entry, Object stored) {
        if (stored instanceof ValueTimestampHeaders) {
            ValueTimestampHeaders<?> value = (ValueTimestampHeaders<?>) stored;
            entry.set("value", Types.json(value.value()));
            entry.put("ts", value.timestamp());
            putHeaders(entry, value.headers());
        } else if (stored instanceof AggregationWithHeaders) {
            AggregationWithHeaders<?> value = (AggregationWithHeaders<?>) stored;
            entry.set("value", Types.json(value.aggregation()));
            putHeaders(entry, value.headers());
        } else if (stored instanceof ValueAndTimestamp) {
            ValueAndTimestamp<?> value = (ValueAndTimestamp<?>) stored;
            entry.set("value", Types.json(value.value()));
            entry.put("ts", value.timestamp());
        } else {
            entry.set("value", Types.json(stored));
        }
    }

    private static void putHeaders(ObjectNode entry, Headers headers) {
        if (headers != null && headers.iterator().hasNext()) {
            entry.set("headers", Types.headers(headers));
        }
    }

    // ---- versioned --------------------------------------------------------------------------------------------------------------

    /**
     * All versions that are valid at or after (observed stream time - history retention), newest first. Older ones may or may not be in
     * a segment that is still there, which is nobody's promise.
     */
    @SuppressWarnings({"unchecked", "deprecation"})
    private ArrayNode versioned(StateStore store) {
        try {
            Object internal = field(store, "internal");
            StateSerdes<Object, Object> serdes = (StateSerdes<Object, Object>) field(internal, "plainValueSerdes");
            StateStore inner = store;
            while (inner instanceof WrappedStateStore) {
                inner = ((WrappedStateStore<?, ?, ?>) inner).wrapped();
            }
            while (!(inner instanceof RocksDBVersionedStore)) {
                inner = (StateStore) field(inner, "inner");
            }
            long from = (long) field(inner, "observedStreamTime") - (long) field(inner, "historyRetention");
            Method get = RocksDBVersionedStore.class.getDeclaredMethod("get", Bytes.class, long.class, long.class, ResultOrder.class);
            get.setAccessible(true);
            ArrayNode entries = JSON.arrayNode();
            for (Bytes key : keys) {
                ArrayNode versions = JSON.arrayNode();
                try (VersionedRecordIterator<byte[]> records =
                         (VersionedRecordIterator<byte[]>) get.invoke(inner, key, from, Long.MAX_VALUE, ResultOrder.DESCENDING)) {
                    while (records.hasNext()) {
                        VersionedRecord<byte[]> record = records.next();
                        ObjectNode version = versions.addObject();
                        version.set("value", Types.json(serdes.valueFrom(record.value())));
                        version.put("ts", record.timestamp());
                        record.validTo().ifPresent(validTo -> version.put("validTo", validTo));
                    }
                }
                if (!versions.isEmpty()) {
                    ObjectNode entry = entries.addObject();
                    Types.putKey(entry, serdes.keyFrom(key.get()));
                    entry.set("versions", versions);
                }
            }
            return entries;
        } catch (ReflectiveOperationException e) {
            throw new ScenarioError("cannot read a versioned store: " + e);
        }
    }

    private static Object field(Object object, String name) throws ReflectiveOperationException {
        for (Class<?> c = object.getClass(); c != null; c = c.getSuperclass()) {
            for (Field field : c.getDeclaredFields()) {
                if (field.getName().equals(name)) {
                    field.setAccessible(true);
                    return field.get(object);
                }
            }
        }
        throw new NoSuchFieldException(object.getClass() + "." + name);
    }
}
