/* SPDX-License-Identifier: Apache-2.0 */
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** A JSON object that knows which of its fields were read, so that a misspelt or unknown field is an error and never a silent default. */
final class Fields {
    final ObjectNode node;
    private final String where;
    private final Set<String> read = new HashSet<>();

    Fields(JsonNode node, String where) {
        if (node == null || !node.isObject()) {
            throw new ScenarioError(where + ": expected an object");
        }
        this.node = (ObjectNode) node;
        this.where = where;
    }

    boolean has(String field) {
        return get(field) != null;
    }

    /** The field, or null when absent. An explicit JSON null is returned as a NullNode. */
    JsonNode get(String field) {
        read.add(field);
        return node.get(field);
    }

    JsonNode need(String field) {
        JsonNode value = get(field);
        if (value == null) {
            throw new ScenarioError(where + ": field `" + field + "` is missing");
        }
        return value;
    }

    String text(String field) {
        JsonNode value = get(field);
        if (value == null || value.isNull()) {
            return null;
        }
        if (!value.isTextual()) {
            throw new ScenarioError(where + ": field `" + field + "` must be text");
        }
        return value.textValue();
    }

    String needText(String field) {
        need(field);
        return text(field);
    }

    Long number(String field) {
        JsonNode value = get(field);
        if (value == null || value.isNull()) {
            return null;
        }
        if (!value.isIntegralNumber()) {
            throw new ScenarioError(where + ": field `" + field + "` must be a whole number");
        }
        return value.longValue();
    }

    long needNumber(String field) {
        need(field);
        return number(field);
    }

    Boolean bool(String field) {
        JsonNode value = get(field);
        if (value == null || value.isNull()) {
            return null;
        }
        if (!value.isBoolean()) {
            throw new ScenarioError(where + ": field `" + field + "` must be true or false");
        }
        return value.booleanValue();
    }

    /** A text or a list of texts. */
    List<String> texts(String field) {
        JsonNode value = get(field);
        List<String> list = new ArrayList<>();
        if (value == null) {
            return list;
        }
        if (value.isTextual()) {
            list.add(value.textValue());
            return list;
        }
        for (JsonNode item : value) {
            list.add(item.textValue());
        }
        return list;
    }

    Fields object(String field) {
        JsonNode value = get(field);
        return value == null ? null : new Fields(value, where + "." + field);
    }

    /** Every field must have been asked for. */
    void done() {
        node.fieldNames().forEachRemaining(name -> {
            if (!read.contains(name)) {
                throw new ScenarioError(where + ": unknown field `" + name + "`");
            }
        });
    }
}
