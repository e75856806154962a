/* SPDX-License-Identifier: Apache-2.0 */

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Locale;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;

import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.CloseOptions;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.JoinWindows;
import org.apache.kafka.streams.kstream.Joined;
import org.apache.kafka.streams.kstream.KGroupedStream;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.KTable;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.SessionWindows;
import org.apache.kafka.streams.kstream.StreamJoined;
import org.apache.kafka.streams.kstream.Suppressed;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.processor.StateRestoreListener;

/**
 * What the jobs of tools/ks-bench cost in Java: BenchPeer JOB INPUT INPUT2 OUTPUT RECORDS RESTORED PROPERTIES. RECORDS are those of both
 * inputs; INPUT2 is a name that is not used where a job reads one.
 *
 * Runs until all records are processed and RESTORED rows restored, closes, and prints one line of JSON with the fields of ks-bench that are
 * about cost. CPU time is that of the whole process, the virtual machine's start included, until close() returned.
 */
public final class BenchPeer {
    private static final Serde<byte[]> BYTES = Serdes.ByteArray();
    private static final Serde<String> TEXT = Serdes.String();

    private static final Duration WINDOW = Duration.ofSeconds(5);
    private static final Duration HOP = Duration.ofSeconds(1);
    /** More than a commit interval, behind which more records may come through the topics of a foreign-key join. */
    private static final long SETTLED_NS = 2_000_000_000L;

    private final String input;
    private final String input2;
    private final String output;
    private final AtomicLong firstRecordNs = new AtomicLong();
    private final AtomicLong words = new AtomicLong();
    private final AtomicLong restored = new AtomicLong();

    private BenchPeer(final String input, final String input2, final String output) {
        this.input = input;
        this.input2 = input2;
        this.output = output;
    }

    private void noteFirstRecord() {
        if (firstRecordNs.get() == 0) {
            firstRecordNs.set(System.nanoTime());
        }
    }

    private KGroupedStream<String, byte[]> byKey(final StreamsBuilder builder) {
        return builder.stream(input, Consumed.with(TEXT, BYTES))
            .peek((key, value) -> noteFirstRecord())
            .groupByKey();
    }

    private KStream<String, String> texts(final StreamsBuilder builder) {
        return builder.stream(input, Consumed.with(TEXT, TEXT))
            .peek((key, value) -> noteFirstRecord());
    }

    private KTable<String, String> rows(final StreamsBuilder builder) {
        return builder.table(input2, Consumed.with(TEXT, TEXT), Materialized.as("rows"));
    }

    private static String halfOfEach(final String left, final String right) {
        return left.substring(0, left.length() / 2) + (right == null ? "" : right.substring(0, right.length() / 2));
    }

    private String rowItNames(final String value) {
        noteFirstRecord();
        if (value.length() < 4) {
            return null;
        }
        final StringBuilder row = new StringBuilder("key-00");
        for (int i = 0; i < 4; i++) {
            row.append(Character.digit(value.charAt(i), 16) % 10);
        }
        return row.toString();
    }

    private void build(final StreamsBuilder builder, final String job) {
        switch (job) {
            case "pass" -> builder.stream(input, Consumed.with(BYTES, BYTES))
                .peek((key, value) -> noteFirstRecord())
                .to(output, Produced.with(BYTES, BYTES));
            case "map" -> builder.stream(input, Consumed.with(BYTES, TEXT))
                .filter((key, value) -> {
                    noteFirstRecord();
                    return !value.startsWith("0");
                })
                .mapValues(value -> "#" + value)
                .to(output, Produced.with(BYTES, TEXT));
            case "count" -> builder.stream(input, Consumed.with(TEXT, BYTES))
                .peek((key, value) -> noteFirstRecord())
                .groupByKey()
                .count(Materialized.as("counts"))
                .toStream()
                .to(output, Produced.with(TEXT, Serdes.Long()));
            case "wordcount" -> builder.stream(input, Consumed.with(TEXT, TEXT))
                .flatMapValues(line -> {
                    noteFirstRecord();
                    return Arrays.asList(line.toLowerCase(Locale.ROOT).split("\\W+"));
                })
                .filterNot((key, word) -> {
                    final boolean stop = word.equals("the");
                    words.addAndGet(stop ? 0 : 1);
                    return stop;
                })
                .groupBy((key, word) -> word, Grouped.with(TEXT, TEXT))
                .count(Materialized.as("counts"))
                .toStream()
                .to(output, Produced.with(TEXT, Serdes.Long()));
            default -> buildWindowsOrJoin(builder, job);
        }
    }

    private void buildWindowsOrJoin(final StreamsBuilder builder, final String job) {
        switch (job) {
            case "window" -> byKey(builder)
                .windowedBy(TimeWindows.ofSizeWithNoGrace(WINDOW).advanceBy(HOP))
                .count(Materialized.as("counts"))
                .toStream()
                .to(output);
            case "tumble" -> byKey(builder)
                .windowedBy(TimeWindows.ofSizeWithNoGrace(WINDOW))
                .count(Materialized.as("counts"))
                .toStream()
                .to(output);
            case "session" -> byKey(builder)
                .windowedBy(SessionWindows.ofInactivityGapWithNoGrace(WINDOW))
                .count(Materialized.as("counts"))
                .toStream()
                .to(output);
            case "suppress" -> byKey(builder)
                .windowedBy(TimeWindows.ofSizeWithNoGrace(WINDOW))
                .count(Materialized.as("counts"))
                .suppress(Suppressed.untilWindowCloses(Suppressed.BufferConfig.unbounded()))
                .toStream()
                .to(output);
            case "table" -> texts(builder)
                .leftJoin(rows(builder), BenchPeer::halfOfEach, Joined.with(TEXT, TEXT, TEXT))
                .to(output, Produced.with(TEXT, TEXT));
            case "ssjoin" -> texts(builder)
                .join(builder.stream(input2, Consumed.with(TEXT, TEXT)), BenchPeer::halfOfEach,
                    JoinWindows.ofTimeDifferenceWithNoGrace(HOP), StreamJoined.with(TEXT, TEXT, TEXT))
                .to(output, Produced.with(TEXT, TEXT));
            case "fkjoin" -> builder.table(input, Consumed.with(TEXT, TEXT), Materialized.as("left"))
                .join(rows(builder), this::rowItNames, BenchPeer::halfOfEach)
                .toStream()
                .to(output, Produced.with(TEXT, TEXT));
            default -> throw new IllegalArgumentException("no job " + job);
        }
    }

    /** Records that stream threads have processed, those behind a repartition topic counted again. */
    private static long processed(final KafkaStreams streams) {
        return (long) streams.metrics().values().stream()
            .filter(metric -> metric.metricName().name().equals("process-total")
                && metric.metricName().group().equals("stream-thread-metrics"))
            .mapToDouble(metric -> (Double) metric.metricValue())
            .sum();
    }

    /** `settles`: how many records come through internal topics is not known, so it is waited until no more do. */
    private void waitUntilDone(final KafkaStreams streams, final long records, final long rows, final boolean settles)
        throws InterruptedException {
        long seen = 0;
        long changedNs = System.nanoTime();
        while (seen < records + words.get() || restored.get() < rows || (settles && System.nanoTime() - changedNs < SETTLED_NS)) {
            if (!streams.state().isRunningOrRebalancing()) {
                throw new IllegalStateException("the application is " + streams.state());
            }
            Thread.sleep(20);
            final long now = processed(streams);
            changedNs = now == seen ? changedNs : System.nanoTime();
            seen = now;
        }
    }

    private StateRestoreListener restoreListener() {
        return new StateRestoreListener() {
            @Override
            public void onRestoreStart(final TopicPartition partition, final String store, final long begin, final long end) {
            }

            @Override
            public void onBatchRestored(final TopicPartition partition, final String store, final long end, final long count) {
                restored.addAndGet(count);
            }

            @Override
            public void onRestoreEnd(final TopicPartition partition, final String store, final long total) {
            }
        };
    }

    private void print(final String job, final long records, final long startNs) throws IOException {
        final double wall = (System.nanoTime() - startNs) / 1e9;
        final double cpu =
            ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime() / 1e9;
        final long peakKb = Files.readAllLines(Path.of("/proc/self/status")).stream()
            .filter(line -> line.startsWith("VmHWM:"))
            .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
            .sum();

        System.out.printf(Locale.ROOT, "{\"job\": \"%s\", \"records\": %d, \"restored\": %d, \"wall_s\": %.3f, \"cpu_s\": %.3f, "
            + "\"records_per_cpu_s\": %.0f, \"first_record_s\": %.4f, \"peak_rss_mb\": %.1f}%n", job, records, restored.get(), wall, cpu,
            (records > 0 ? records : restored.get()) / cpu, firstRecordNs.get() == 0 ? 0.0 : (firstRecordNs.get() - startNs) / 1e9,
            peakKb * 1024 / 1e6);
    }

    private static void remove(final Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            for (final Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }

    public static void main(final String[] args) throws Exception {
        final long startNs = System.nanoTime();
        final long records = Long.parseLong(args[4]);
        final BenchPeer peer = new BenchPeer(args[1], args[2], args[3]);
        final Properties properties = PeerApp.read(args[6]);
        final Path state = Files.createTempDirectory("bench-peer");
        final StreamsBuilder builder = new StreamsBuilder();
        final CountDownLatch running = new CountDownLatch(1);

        properties.put("state.dir", state.toString());
        peer.build(builder, args[0]);
        final KafkaStreams streams = new KafkaStreams(builder.build(), properties);
        streams.setGlobalStateRestoreListener(peer.restoreListener());
        streams.setStateListener((now, before) -> {
            if (now == KafkaStreams.State.RUNNING) {
                running.countDown();
            }
        });
        streams.start();
        running.await();
        peer.waitUntilDone(streams, records, Long.parseLong(args[5]), args[0].equals("fkjoin"));
        streams.close(CloseOptions.groupMembershipOperation(CloseOptions.GroupMembershipOperation.LEAVE_GROUP)
            .withTimeout(Duration.ofSeconds(60)));
        peer.print(args[0], records, startNs);
        remove(state);
        System.exit(0);
    }
}
