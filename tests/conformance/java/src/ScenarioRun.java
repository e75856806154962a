/* SPDX-License-Identifier: Apache-2.0 */
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.TestInputTopic;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.TopologyTestDriver;
import org.apache.kafka.streams.test.TestRecord;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;

/**
 * Runs one scenario through TopologyTestDriver and gives the `expect` object.
 *
 * Records go in and come out as bytes: the driver's own serdes would hide what stands in a topic. Whatever Java throws before the first
 * step is an error at "build", later one at the index of its step; after an error nothing but its place and class is worth comparing,
 * because Java promises nothing about a task that failed. RECORDER_TRACE=1 in the environment prints what was thrown.
 */
final class ScenarioRun {
    private static final JsonNodeFactory JSON = JsonNodeFactory.instance;

    private final ObjectNode scenario;
    private final Path stateDir;
    private final ObjectNode expect = JSON.objectNode();
    private final Map<String, TestInputTopic<byte[], byte[]>> inputs = new HashMap<>();
    private final TreeSet<Bytes> keys = new TreeSet<>();

    private ScenarioRun(ObjectNode scenario, Path stateDir) {
        this.scenario = scenario;
        this.stateDir = stateDir;
    }

    static ObjectNode run(ObjectNode scenario) throws IOException {
        Path stateDir = Files.createTempDirectory("kstreams-recorder");
        try {
            new Fields(scenario, "scenario").node.fieldNames().forEachRemaining(ScenarioRun::checkTopField);
            ScenarioRun runner = new ScenarioRun(scenario, stateDir);
            runner.run();
            return runner.expect;
        } finally {
            delete(stateDir);
        }
    }

    private static void checkTopField(String field) {
        switch (field) {
            case "name": case "about": case "differs": case "config": case "topics":
            case "wallClock": case "topology": case "steps": case "expect":
                return;
            default:
                throw new ScenarioError("unknown field `" + field + "`");
        }
    }

    private void run() {
        TopologyTestDriver driver = null;
        try {
            try {
                Sources.DriverClock.now = scenario.path("wallClock").asLong(0);
                Properties properties = properties();
                Topology topology = Topologies.build(scenario, properties);
                expect.put("description", description(topology));
                driver = new TopologyTestDriver(topology, properties, Instant.ofEpochMilli(scenario.path("wallClock").asLong(0)));
            } catch (RuntimeException thrown) {
                expect.removeAll();
                failed(JSON.textNode("build"), thrown);
                return;
            }
            int index = 0;
            for (JsonNode step : scenario.path("steps")) {
                try {
                    step(driver, new Fields(step, "steps[" + index + "]"));
                } catch (RuntimeException thrown) {
                    failed(JSON.numberNode(index), thrown);
                    return;
                }
                index++;
            }
            Map<String, List<TestRecord<byte[], byte[]>>> records = output(driver);
            expect.set("produced", produced(records));
            keys(records);
            expect.set("stores", new StoreReader(driver, keys).read());
            expect.put("dropped", dropped(driver));
            expect.set("error", JSON.nullNode());
        } finally {
            close(driver);
        }
    }

    /** The text of describe(); the class of a topic extractor is a lambda whose name differs from run to run. */
    private static String description(Topology topology) {
        return topology.describe().toString().replaceAll("\\(extractor class: [^)]*\\)", "(extractor class: *)");
    }

    private void failed(JsonNode at, RuntimeException thrown) {
        ScenarioError wrong = ScenarioError.in(thrown);
        if (wrong != null) {
            throw wrong;
        }
        if (System.getenv("RECORDER_TRACE") != null) {
            thrown.printStackTrace();
        }
        ObjectNode error = JSON.objectNode();
        error.set("at", at);
        error.put("kind", thrown.getClass().getSimpleName());
        expect.set("error", error);
    }

    private Properties properties() {
        Properties p = new Properties();
        p.put(StreamsConfig.APPLICATION_ID_CONFIG, "app");
        p.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, "none:1");
        p.put(StreamsConfig.STATE_DIR_CONFIG, stateDir.toString());
        for (Map.Entry<String, JsonNode> entry : scenario.path("config").properties()) {
            p.put(entry.getKey(), Configs.value(entry.getKey(), entry.getValue()));
        }
        return p;
    }

    // ---- steps ------------------------------------------------------------------------------------------------------------------

    private void step(TopologyTestDriver driver, Fields step) {
        if (step.has("advanceWallClock")) {
            long millis = step.needNumber("advanceWallClock");
            step.done();
            Sources.DriverClock.now += millis;
            driver.advanceWallClockTime(Duration.ofMillis(millis));
            return;
        }
        String topic = step.needText("pipe");
        Headers headers = new RecordHeaders();
        if (step.has("headers")) {
            for (JsonNode header : step.get("headers")) {
                headers.add(header.get(0).textValue(), Types.bytes(header.get(1).isNull() ? null : header.get(1).textValue()));
            }
        }
        JsonNode types = scenario.path("topics").path(topic);
        byte[] key = Types.stepBytes(types.path("key").asText("string"), topic, headers, step.get("key"));
        byte[] value = Types.stepBytes(types.path("value").asText("string"), topic, headers, step.get("value"));
        if (key != null) {
            keys.add(Bytes.wrap(key));
        }
        long timestamp = step.needNumber("ts");
        step.done();
        inputs.computeIfAbsent(topic, name -> driver.createInputTopic(name, new ByteArraySerializer(), new ByteArraySerializer()))
            .pipeInput(new TestRecord<>(key, value, headers, Instant.ofEpochMilli(timestamp)));
    }

    // ---- results ----------------------------------------------------------------------------------------------------------------

    private static Map<String, List<TestRecord<byte[], byte[]>>> output(TopologyTestDriver driver) {
        Map<String, List<TestRecord<byte[], byte[]>>> records = new TreeMap<>();
        for (String topic : driver.producedTopicNames()) {
            records.put(topic, driver.createOutputTopic(topic, new ByteArrayDeserializer(), new ByteArrayDeserializer()).readRecordsToList());
        }
        return records;
    }

    private static ObjectNode produced(Map<String, List<TestRecord<byte[], byte[]>>> records) {
        ObjectNode produced = JSON.objectNode();
        records.forEach((topic, list) -> {
            ArrayNode entries = produced.putArray(topic);
            for (TestRecord<byte[], byte[]> record : list) {
                ObjectNode entry = entries.addObject();
                entry.set("key", bytes(record.key()));
                entry.set("value", bytes(record.value()));
                entry.put("ts", record.timestamp());
                entry.set("headers", Types.headers(record.headers()));
            }
        });
        return produced;
    }

    /** Every key seen so far: a versioned store cannot be iterated, so it is asked for these. */
    private void keys(Map<String, List<TestRecord<byte[], byte[]>>> records) {
        records.values().forEach(list -> list.forEach(record -> {
            if (record.key() != null) {
                keys.add(Bytes.wrap(record.key()));
            }
        }));
    }

    private static JsonNode bytes(byte[] bytes) {
        return bytes == null ? JSON.nullNode() : JSON.textNode(Types.text(bytes));
    }

    /** The sum over the task and the global task. */
    private static long dropped(TopologyTestDriver driver) {
        double[] sum = {0};
        driver.metrics().forEach((name, metric) -> {
            if (name.name().equals("dropped-records-total") && name.group().equals("stream-task-metrics")) {
                sum[0] += ((Number) metric.metricValue()).doubleValue();
            }
        });
        return (long) sum[0];
    }

    private static void close(TopologyTestDriver driver) {
        if (driver == null) {
            return;
        }
        try {
            driver.close();
        } catch (RuntimeException ignored) {
            // after an error the task cannot close cleanly; what happens at close is not part of a scenario
        }
    }

    static void delete(Path dir) throws IOException {
        if (!Files.exists(dir)) {
            return;
        }
        try (Stream<Path> all = Files.walk(dir)) {
            for (Path path : (Iterable<Path>) all.sorted(Comparator.reverseOrder())::iterator) {
                Files.deleteIfExists(path);
            }
        }
    }
}
