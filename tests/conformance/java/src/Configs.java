/* SPDX-License-Identifier: Apache-2.0 */
import com.fasterxml.jackson.databind.JsonNode;
import org.apache.kafka.streams.StreamsConfig;

/**
 * Properties of a scenario: Kafka's own names; a value that is a class in Java is written by its short name.
 *
 * A key that Java does not know is an error here, although Java would only warn: a misspelt property must not be recorded as if it did
 * nothing.
 */
final class Configs {
    private static final String ERRORS = "org.apache.kafka.streams.errors.";
    private static final String SUPPLIERS = "org.apache.kafka.streams.state.BuiltInDslStoreSuppliers$";

    private Configs() {
    }

    static Object value(String key, JsonNode json) {
        if (!json.isValueNode()) {
            throw new ScenarioError("config `" + key + "` must be a text, a number or a truth value");
        }
        String value = json.asText();
        if (!StreamsConfig.configDef().names().contains(key) && !key.startsWith("__")) {
            throw new ScenarioError("unknown config `" + key + "`");
        }
        switch (key) {
            case "application.id":
            case "bootstrap.servers":
            case "state.dir":
                throw new ScenarioError("config `" + key + "` belongs to the runner");
            case "deserialization.exception.handler":
            case "default.deserialization.exception.handler":
                return pick(key, value, ERRORS, "LogAndFailExceptionHandler", "LogAndContinueExceptionHandler");
            case "processing.exception.handler":
                return pick(key, value, ERRORS, "LogAndFailProcessingExceptionHandler", "LogAndContinueProcessingExceptionHandler");
            case "production.exception.handler":
            case "default.production.exception.handler":
                return pick(key, value, ERRORS, "DefaultProductionExceptionHandler");
            case "dsl.store.suppliers.class":
                return pick(key, value, SUPPLIERS, "RocksDBDslStoreSuppliers", "InMemoryDslStoreSuppliers");
            case "default.timestamp.extractor":
                return Sources.extractor(value).getClass().getName();
            case "default.key.serde":
            case "default.value.serde":
                return Types.serde(value).getClass().getName();
            default:
                return value;
        }
    }

    private static String pick(String key, String value, String prefix, String... names) {
        for (String name : names) {
            if (name.equals(value)) {
                return prefix + name;
            }
        }
        throw new ScenarioError("config `" + key + "`: unknown value `" + value + "`");
    }
}
