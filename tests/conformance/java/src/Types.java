/* SPDX-License-Identifier: Apache-2.0 */
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.kstream.Window;
import org.apache.kafka.streams.kstream.Windowed;
import org.apache.kafka.streams.kstream.WindowedSerdes;
import org.apache.kafka.streams.kstream.internals.SessionWindow;
import org.apache.kafka.streams.kstream.internals.TimeWindow;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.UUID;

/**
 * The types of the vocabulary: their serdes, their JSON forms, and the text form of bytes.
 *
 * Bytes that are printable stand as text, so that a recorded file can be read and two versions of it compared; all others as `hex:`.
 */
final class Types {
    private static final JsonNodeFactory JSON = JsonNodeFactory.instance;

    private Types() {
    }

    /** The serde of a type name; null for null (Java then inherits or uses its default). */
    @SuppressWarnings({"unchecked", "rawtypes"})
    static Serde<Object> serde(String type) {
        return type == null ? null : (Serde) plainSerde(type);
    }

    private static Serde<?> plainSerde(String type) {
        switch (type) {
            case "string": return Serdes.String();
            case "long": return Serdes.Long();
            case "integer": return Serdes.Integer();
            case "double": return Serdes.Double();
            case "short": return Serdes.Short();
            case "float": return Serdes.Float();
            case "bytes": return Serdes.ByteArray();
            case "uuid": return Serdes.UUID();
            case "void": return Serdes.Void();
            case "session-string": return new WindowedSerdes.SessionWindowedSerde<>(Serdes.String());
            default:
                if (type.startsWith("windowed-string:")) {
                    return new WindowedSerdes.TimeWindowedSerde<>(Serdes.String(), windowSize(type));
                }
                throw new ScenarioError("unknown type `" + type + "`");
        }
    }

    private static long windowSize(String type) {
        return Long.parseLong(type.substring("windowed-string:".length()));
    }

    /** A literal of the scenario as a value of the given type (without a type: text, long, double or null as written). */
    static Object value(String type, JsonNode json) {
        if (json == null || json.isNull()) {
            return null;
        }
        if (type == null) {
            if (json.isTextual()) {
                return json.textValue();
            }
            if (json.isIntegralNumber()) {
                return json.longValue();
            }
            if (json.isNumber()) {
                return json.doubleValue();
            }
            throw new ScenarioError("not a literal: " + json);
        }
        switch (type) {
            case "string":
                return needText(type, json);
            case "long":
                return needNumber(type, json).longValue();
            case "integer":
                return needNumber(type, json).intValue();
            case "short":
                return needNumber(type, json).shortValue();
            case "double":
                return needNumber(type, json).doubleValue();
            case "float":
                return needNumber(type, json).floatValue();
            case "bytes":
                return bytes(needText(type, json));
            case "uuid":
                return UUID.fromString(needText(type, json));
            case "void":
                throw new ScenarioError("a void value can only be null");
            default:
                return windowed(type, json);
        }
    }

    private static String needText(String type, JsonNode json) {
        if (!json.isTextual()) {
            throw new ScenarioError("a " + type + " must be written as text: " + json);
        }
        return json.textValue();
    }

    private static Number needNumber(String type, JsonNode json) {
        if (!json.isNumber()) {
            throw new ScenarioError("a " + type + " must be written as a number: " + json);
        }
        return json.numberValue();
    }

    private static Object windowed(String type, JsonNode json) {
        Fields fields = new Fields(json, type);
        String key = fields.needText("key");
        long start = fields.need("window").get(0).longValue();
        long end = fields.need("window").get(1).longValue();
        fields.done();
        if (type.equals("session-string")) {
            return new Windowed<>(key, new SessionWindow(start, end));
        }
        if (type.startsWith("windowed-string:")) {
            return new Windowed<>(key, new TimeWindow(start, end));
        }
        throw new ScenarioError("unknown type `" + type + "`");
    }

    /** A key or value of a step as bytes. A text beginning with `hex:` is raw bytes whatever the type. */
    static byte[] stepBytes(String type, String topic, Headers headers, JsonNode json) {
        if (json == null || json.isNull()) {
            return null;
        }
        if (json.isTextual() && json.textValue().startsWith("hex:")) {
            return bytes(json.textValue());
        }
        return serde(type).serializer().serialize(topic, headers, value(type, json));
    }

    /** `hex:` + hex, or the text itself. */
    static byte[] bytes(String text) {
        if (text == null) {
            return null;
        }
        if (!text.startsWith("hex:")) {
            return text.getBytes(StandardCharsets.UTF_8);
        }
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (int i = 4; i < text.length(); i += 2) {
            out.write(Integer.parseInt(text.substring(i, i + 2), 16));
        }
        return out.toByteArray();
    }

    /** Bytes as text when they are printable ASCII and do not begin with `hex:`, else `hex:` + lower-case hex. */
    static String text(byte[] bytes) {
        boolean printable = true;
        for (byte b : bytes) {
            printable &= b >= 0x20 && b <= 0x7e;
        }
        if (printable) {
            String text = new String(bytes, StandardCharsets.US_ASCII);
            if (!text.startsWith("hex:")) {
                return text;
            }
        }
        StringBuilder hex = new StringBuilder("hex:");
        for (byte b : bytes) {
            hex.append(String.format("%02x", b));
        }
        return hex.toString();
    }

    /** A typed value as JSON, as it stands in `stores`. */
    static JsonNode json(Object value) {
        if (value == null) {
            return JSON.nullNode();
        }
        if (value instanceof String || value instanceof UUID) {
            return JSON.textNode(value.toString());
        }
        if (value instanceof byte[]) {
            return JSON.textNode(text((byte[]) value));
        }
        if (value instanceof Long || value instanceof Integer || value instanceof Short) {
            return JSON.numberNode(((Number) value).longValue());
        }
        if (value instanceof Float || value instanceof Double) {
            return JSON.numberNode(((Number) value).doubleValue());
        }
        throw new ScenarioError("no JSON form for " + value.getClass());
    }

    /** Puts `key`, and `window` when the key is windowed. */
    static void putKey(ObjectNode entry, Object key) {
        if (key instanceof Windowed) {
            Windowed<?> windowed = (Windowed<?>) key;
            entry.set("key", json(windowed.key()));
            entry.set("window", window(windowed.window()));
        } else {
            entry.set("key", json(key));
        }
    }

    private static ArrayNode window(Window window) {
        return JSON.arrayNode().add(window.start()).add(window.end());
    }

    /** The serialized form of a key without its window, for ordering store entries. */
    static byte[] plainKeyBytes(Object key) {
        if (key instanceof Windowed) {
            return plainKeyBytes(((Windowed<?>) key).key());
        }
        if (key instanceof String) {
            return ((String) key).getBytes(StandardCharsets.UTF_8);
        }
        if (key instanceof byte[]) {
            return (byte[]) key;
        }
        if (key instanceof Long) {
            return ByteBuffer.allocate(8).putLong((Long) key).array();
        }
        if (key instanceof Integer) {
            return ByteBuffer.allocate(4).putInt((Integer) key).array();
        }
        if (key instanceof Short) {
            return ByteBuffer.allocate(2).putShort((Short) key).array();
        }
        if (key instanceof Double) {
            return ByteBuffer.allocate(8).putDouble((Double) key).array();
        }
        if (key instanceof Float) {
            return ByteBuffer.allocate(4).putFloat((Float) key).array();
        }
        if (key instanceof UUID) {
            return key.toString().getBytes(StandardCharsets.UTF_8);
        }
        throw new ScenarioError("no key bytes for " + key.getClass());
    }

    static ArrayNode headers(Headers headers) {
        ArrayNode list = JSON.arrayNode();
        for (Header header : headers) {
            ArrayNode pair = list.addArray();
            pair.add(header.key());
            pair.add(header.value() == null ? JSON.nullNode() : JSON.textNode(headerText(header)));
        }
        return list;
    }

    /** What a dead-letter record says about the exception is Java's own text: only its presence is compared. */
    private static String headerText(Header header) {
        switch (header.key()) {
            case "__streams.errors.exception":
            case "__streams.errors.message":
            case "__streams.errors.stacktrace":
                return "*";
            default:
                return text(header.value());
        }
    }
}
