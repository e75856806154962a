/* SPDX-License-Identifier: Apache-2.0 */

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.function.Consumer;
import java.util.stream.IntStream;

import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.ListTopicsOptions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * What a test asks a cluster, through Java's clients: TopicTool BOOTSTRAP.
 *
 * Reads commands, one a line, fields between tabs, and answers each with lines of fields and then "ok", or with "error" and a text. Bytes are
 * hexadecimal digits; "-" is null. tests/kafka/java_peer.py speaks it. It shares nothing with the library, so it may be its judge.
 */
public final class TopicTool implements AutoCloseable {
    private static final HexFormat HEX = HexFormat.of();
    /** Brokers are down for a while in some tests, and slow to start on a busy machine. */
    private static final int PATIENCE_MS = 300_000;

    private final String bootstrap;
    private final Admin admin;
    private final KafkaProducer<byte[], byte[]> producer;
    private final List<String> answer = new ArrayList<>();
    private volatile Exception refused;

    private TopicTool(final String bootstrap) {
        this.bootstrap = bootstrap;
        admin = Admin.create(Map.of("bootstrap.servers", bootstrap));
        producer = new KafkaProducer<>(Map.of("bootstrap.servers", bootstrap, "linger.ms", 50, "max.block.ms", PATIENCE_MS,
            "delivery.timeout.ms", PATIENCE_MS), new ByteArraySerializer(),
            new ByteArraySerializer());
    }

    @Override
    public void close() {
        producer.close();
        admin.close();
    }

    private static byte[] bytes(final String field) {
        return field.equals("-") ? null : HEX.parseHex(field);
    }

    private static String field(final byte[] bytes) {
        return bytes == null ? "-" : HEX.formatHex(bytes);
    }

    private void line(final Object... fields) {
        answer.add(String.join("\t", Arrays.stream(fields).map(String::valueOf).toList()));
    }

    /** create TOPIC PARTITIONS [NAME=VALUE]...; answers when the partitions' leaders do, which is later than the topic is made */
    private void create(final String[] fields) throws Exception {
        final Map<String, String> configs = new HashMap<>();
        for (int i = 3; i < fields.length; i++) {
            final String[] config = fields[i].split("=", 2);
            configs.put(config[0], config[1]);
        }
        final int partitions = Integer.parseInt(fields[2]);
        final Map<TopicPartition, OffsetSpec> ends = new HashMap<>();
        for (int partition = 0; partition < partitions; partition++) {
            ends.put(new TopicPartition(fields[1], partition), OffsetSpec.latest());
        }
        admin.createTopics(List.of(new NewTopic(fields[1], partitions, (short) -1).configs(configs))).all().get();
        awaitLeaders(ends);
    }

    private void awaitLeaders(final Map<TopicPartition, OffsetSpec> ends) throws Exception {
        final long end = System.nanoTime() + Duration.ofSeconds(30).toNanos();
        while (true) {
            try {
                admin.listOffsets(ends).all().get();
                return;
            } catch (final ExecutionException failure) {
                if (!(failure.getCause() instanceof RetriableException) || System.nanoTime() > end) {
                    throw failure;
                }
            }
            Thread.sleep(20);
        }
    }

    /** topics: NAME PARTITIONS for each, internal ones of the broker left out */
    private void topics() throws Exception {
        final var names = admin.listTopics().names().get();
        new TreeMap<>(admin.describeTopics(names).allTopicNames().get())
            .forEach((name, topic) -> line(name, topic.partitions().size()));
    }

    /** configs TOPIC: NAME VALUE of those that the topic itself has */
    private void configs(final String topic) throws Exception {
        final ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        admin.describeConfigs(List.of(resource)).all().get().get(resource).entries().stream()
            .filter(entry -> entry.source() == ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG)
            .forEach(entry -> line(entry.name(), entry.value()));
    }

    /** produce TOPIC PARTITION TIMESTAMP KEY VALUE; partition -1: by the key. Answers nothing: `flush` does. */
    private void produce(final String[] fields) {
        final int partition = Integer.parseInt(fields[2]);
        try {
            producer.send(new ProducerRecord<>(fields[1], partition < 0 ? null : partition, Long.parseLong(fields[3]), bytes(fields[4]),
                bytes(fields[5])), (metadata, failure) -> refused = failure != null ? failure : refused);
        } catch (final RuntimeException failure) {
            refused = failure;
        }
    }

    private void flush() throws Exception {
        producer.flush();
        final Exception failure = refused;
        refused = null;
        if (failure != null) {
            throw failure;
        }
    }

    private void eachRecord(final String topic, final String isolation, final Consumer<ConsumerRecord<byte[], byte[]>> visit) {
        final Map<String, Object> config = Map.of("bootstrap.servers", bootstrap, "isolation.level", isolation, "enable.auto.commit", false,
            "fetch.max.wait.ms", 20);
        try (KafkaConsumer<byte[], byte[]> consumer =
                 new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            final List<TopicPartition> partitions =
                consumer.partitionsFor(topic).stream().map(info -> new TopicPartition(topic, info.partition())).toList();
            final Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            while (partitions.stream().anyMatch(partition -> consumer.position(partition) < ends.get(partition))) {
                consumer.poll(Duration.ofMillis(100)).forEach(visit);
            }
        }
    }

    /** read TOPIC ISOLATION: PARTITION OFFSET TIMESTAMP KEY VALUE [HEADER=VALUE]... of each record */
    private void read(final String topic, final String isolation) {
        eachRecord(topic, isolation, record -> {
            final List<Object> fields = new ArrayList<>(
                List.of(record.partition(), record.offset(), record.timestamp(), field(record.key()), field(record.value())));
            for (final Header header : record.headers()) {
                fields.add(header.key() + "=" + field(header.value()));
            }
            line(fields.toArray());
        });
    }

    /** open TOPIC: PARTITION OFFSET PRODUCER EPOCH of each transaction that is not over, OFFSET being that of its first record there */
    private void open(final String topic) throws Exception {
        final int count = admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).partitions().size();
        final List<TopicPartition> partitions =
            IntStream.range(0, count).mapToObj(partition -> new TopicPartition(topic, partition)).toList();
        admin.describeProducers(partitions).all().get().forEach((partition, producers) -> producers.activeProducers().stream()
            .filter(producer -> producer.currentTransactionStartOffset().isPresent())
            .forEach(producer -> line(partition.partition(), producer.currentTransactionStartOffset().getAsLong(), producer.producerId(),
                producer.producerEpoch())));
    }

    /** lagging: TOPIC PARTITION of each, internal topics too, that has fewer replicas in sync than replicas, or no leader */
    private void lagging() throws Exception {
        final var names = admin.listTopics(new ListTopicsOptions().listInternal(true)).names().get();
        admin.describeTopics(names).allTopicNames().get().forEach((name, topic) -> topic.partitions().stream()
            .filter(partition -> partition.isr().size() < partition.replicas().size() || partition.leader() == null)
            .forEach(partition -> line(name, partition.partition())));
    }

    /** transactions: ID STATE PRODUCER of all that the coordinators know */
    private void transactions() throws Exception {
        admin.listTransactions().all().get()
            .forEach(transaction -> line(transaction.transactionalId(), transaction.state(), transaction.producerId()));
    }

    private static long fnv(final long hash, final byte[] bytes) {
        long mixed = hash;
        for (final byte one : bytes) {
            mixed = (mixed ^ (one & 0xff)) * 1099511628211L;
        }
        return mixed;
    }

    /** digest TOPIC: RESULTS OUTPUTS BYTES DIGEST, as tools/ks-bench/result.h defines them */
    private void digest(final String topic) {
        final Map<String, byte[]> last = new HashMap<>();
        final long[] sums = new long[3];
        eachRecord(topic, "read_committed", record -> {
            sums[0]++;
            sums[1] += (record.key() == null ? 0 : record.key().length) + (record.value() == null ? 0 : record.value().length);
            if (record.key() != null) {
                last.put(new String(record.key(), StandardCharsets.ISO_8859_1), record.value());
            }
        });
        last.values().removeIf(value -> value == null);
        last.forEach((key, value) -> sums[2] += fnv(
            fnv(fnv(0xcbf29ce484222325L, key.getBytes(StandardCharsets.ISO_8859_1)), new byte[1]), value));
        line(last.size(), sums[0], sums[1], String.format("%016x", sums[2]));
    }

    /** offsets GROUP: TOPIC PARTITION OFFSET METADATA */
    private void offsets(final String group) throws Exception {
        admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().forEach((partition, offset) -> {
            if (offset != null) {
                line(partition.topic(), partition.partition(), offset.offset(), offset.metadata());
            }
        });
    }

    /** members GROUP: how many there are, and the group's state */
    private void members(final String group) throws Exception {
        final var description = admin.describeConsumerGroups(List.of(group)).all().get().get(group);
        line(description.members().size(), description.groupState());
    }

    private void obey(final String[] fields) throws Exception {
        switch (fields[0]) {
            case "create" -> create(fields);
            case "delete" -> admin.deleteTopics(List.of(fields).subList(1, fields.length)).all().get();
            case "topics" -> topics();
            case "configs" -> configs(fields[1]);
            case "flush" -> flush();
            case "read" -> read(fields[1], fields[2]);
            case "open" -> open(fields[1]);
            case "lagging" -> lagging();
            case "transactions" -> transactions();
            case "digest" -> digest(fields[1]);
            case "offsets" -> offsets(fields[1]);
            case "members" -> members(fields[1]);
            default -> throw new IllegalArgumentException("no command " + fields[0]);
        }
    }

    private void answer(final String command) {
        answer.clear();
        try {
            obey(command.split("\t"));
            answer.add("ok");
        } catch (final Exception failure) {
            final Throwable cause = failure instanceof ExecutionException ? failure.getCause() : failure;
            answer.clear();
            answer.add("error\t" + cause.getClass().getSimpleName() + ": " + cause.getMessage());
        }
        System.out.println(String.join("\n", answer));
    }

    public static void main(final String[] args) throws Exception {
        try (TopicTool tool = new TopicTool(args[0]);
             BufferedReader commands = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
            for (String command = commands.readLine(); command != null; command = commands.readLine()) {
                if (command.startsWith("produce\t")) {
                    tool.produce(command.split("\t"));
                } else {
                    tool.answer(command);
                }
            }
        }
    }
}
