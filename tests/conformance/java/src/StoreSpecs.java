/* SPDX-License-Identifier: Apache-2.0 */
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.processor.StateStore;
import org.apache.kafka.streams.state.KeyValueBytesStoreSupplier;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;

import java.time.Duration;
import java.util.HashMap;

/**
 * The field `store` of a node as Java wants it: a Materialized for the DSL, a StoreBuilder for stores of processors.
 *
 * A node that says nothing about its store and serdes gets no Materialized at all, because Java numbers generated names differently
 * with and without one: count() takes one number where count(Materialized) takes none for its store.
 */
final class StoreSpecs {
    private StoreSpecs() {
    }

    static Duration ms(Long millis) {
        return Duration.ofMillis(millis);
    }

    /** What a node says about its store and serdes; null when it says nothing, so that the overload without Materialized is used. */
    @SuppressWarnings({"unchecked", "rawtypes"})
    static <S extends StateStore> Materialized<Object, Object, S> materialized(Fields n) {
        String key = n.text("key");
        String value = n.text("value");
        Fields store = n.object("store");
        if (store == null && key == null && value == null) {
            return null;
        }
        Materialized m;
        if (store == null) {
            m = Materialized.with(Types.serde(key), Types.serde(value));
        } else {
            String name = store.text("name");
            String type = store.text("type");
            if (type != null && type.startsWith("lru:")) {
                m = Materialized.as(Stores.lruMap(name, Integer.parseInt(type.substring(4))));
            } else if (type != null && type.startsWith("versioned:")) {
                m = Materialized.as(Stores.persistentVersionedKeyValueStore(name, ms(Long.parseLong(type.substring(10)))));
            } else {
                m = name == null ? Materialized.with(null, null) : Materialized.as(name);
                if (type != null) {
                    m.withStoreType(storeType(type));
                }
            }
            m.withKeySerde(Types.serde(key));
            m.withValueSerde(Types.serde(value));
            Long retention = store.number("retention");
            if (retention != null) {
                m.withRetention(ms(retention));
            }
            Boolean caching = store.bool("caching");
            if (caching != null) {
                m = caching ? m.withCachingEnabled() : m.withCachingDisabled();
            }
            Boolean logging = store.bool("logging");
            if (logging != null) {
                m = logging ? m.withLoggingEnabled(new HashMap<>()) : m.withLoggingDisabled();
            }
            store.done();
        }
        return m;
    }

    static Materialized.StoreType storeType(String type) {
        switch (type) {
            case "rocksdb": return Materialized.StoreType.ROCKS_DB;
            case "memory": return Materialized.StoreType.IN_MEMORY;
            default: throw new ScenarioError("unknown store type `" + type + "`");
        }
    }

    /** The store builder of addStore, addGlobalStore, addReadOnlyStore: key-value, plain unless `timestamped`. */
    @SuppressWarnings({"unchecked", "rawtypes"})
    static StoreBuilder<KeyValueStore<Object, Object>> builder(Fields n, String keyType, String valueType) {
        n.need("store");
        Fields store = n.object("store");
        String name = store.needText("name");
        String type = store.text("type");
        boolean timestamped = Boolean.TRUE.equals(store.bool("timestamped"));
        KeyValueBytesStoreSupplier supplier;
        if (type == null || type.equals("rocksdb")) {
            supplier = timestamped ? Stores.persistentTimestampedKeyValueStore(name) : Stores.persistentKeyValueStore(name);
        } else if (type.equals("memory")) {
            supplier = Stores.inMemoryKeyValueStore(name);
        } else if (type.startsWith("lru:")) {
            supplier = Stores.lruMap(name, Integer.parseInt(type.substring(4)));
        } else {
            throw new ScenarioError("unknown type `" + type + "` for a processor's store");
        }
        StoreBuilder b = timestamped
            ? Stores.timestampedKeyValueStoreBuilder(supplier, Types.serde(keyType), Types.serde(valueType))
            : Stores.keyValueStoreBuilder(supplier, Types.serde(keyType), Types.serde(valueType));
        Boolean caching = store.bool("caching");
        if (caching != null) {
            b = caching ? b.withCachingEnabled() : b.withCachingDisabled();
        }
        Boolean logging = store.bool("logging");
        if (logging != null) {
            b = logging ? b.withLoggingEnabled(new HashMap<>()) : b.withLoggingDisabled();
        }
        store.done();
        return b;
    }
}
