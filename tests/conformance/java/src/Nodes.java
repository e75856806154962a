/* SPDX-License-Identifier: Apache-2.0 */
import com.fasterxml.jackson.databind.JsonNode;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.KTable;
import org.apache.kafka.streams.kstream.Named;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What the nodes of a scenario refer to each other by: ids and their streams, tables and groups, and the types of topics.
 *
 * A node names its inputs by id (`of`); a branch is named `ID.branch`. An unknown id is an error of the scenario, never of Java.
 */
final class Nodes {
    /** What split gives: its branches, by the name a scenario refers to them with. */
    static final class Branches {
        final Map<String, KStream<Object, Object>> byName = new HashMap<>();
    }

    final StreamsBuilder builder;
    final JsonNode topics;
    private final Map<String, Object> handles = new HashMap<>();

    Nodes(StreamsBuilder builder, JsonNode topics) {
        this.builder = builder;
        this.topics = topics;
    }

    void put(String id, Object handle) {
        if (handles.put(id, handle) != null) {
            throw new ScenarioError("id `" + id + "` is used twice");
        }
    }

    private Object handle(String id) {
        Object handle = handles.get(id);
        if (handle == null && id != null && id.contains(".")) {
            int dot = id.indexOf('.');
            Object branches = handles.get(id.substring(0, dot));
            if (branches instanceof Branches) {
                handle = ((Branches) branches).byName.get(id.substring(dot + 1));
            }
        }
        if (handle == null) {
            throw new ScenarioError("no node `" + id + "`");
        }
        return handle;
    }

    Object of(Fields n) {
        return handle(n.needText("of"));
    }

    List<Object> ofMany(Fields n) {
        List<Object> list = new ArrayList<>();
        for (String id : n.texts("of")) {
            list.add(handle(id));
        }
        return list;
    }

    @SuppressWarnings("unchecked")
    static KStream<Object, Object> asStream(Object handle) {
        if (!(handle instanceof KStream)) {
            throw new ScenarioError("a stream is needed here");
        }
        return (KStream<Object, Object>) handle;
    }

    @SuppressWarnings("unchecked")
    static KTable<Object, Object> asTable(Object handle) {
        if (!(handle instanceof KTable)) {
            throw new ScenarioError("a table is needed here");
        }
        return (KTable<Object, Object>) handle;
    }

    static Named named(Fields n) {
        String name = n.text("name");
        return name == null ? null : Named.as(name);
    }

    String topicType(String topic, String side) {
        JsonNode type = topics.path(topic).path(side);
        return type.isTextual() ? type.textValue() : null;
    }

    /** A sink takes its types from `topics`; its own `key` and `value` go first (a dynamic sink has no topic). */
    String sinkType(Fields n, String topic, String side) {
        String own = n.text(side);
        return own != null || topic == null ? own : topicType(topic, side);
    }
}
