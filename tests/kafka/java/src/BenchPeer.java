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
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.processor.StateRestoreListener;

/**
 * What the jobs of tools/ks-bench/jobs.c cost in Java: BenchPeer JOB INPUT OUTPUT RECORDS RESTORED PROPERTIES.
 *
 * Runs until all records are processed and RESTORED rows restored, closes, and prints one line of JSON with the fields of ks-bench that are
 * about cost. CPU time is that of the whole process, the virtual machine's start included, until close() returned.
 */
public final class BenchPeer {
    private static final Serde<byte[]> BYTES = Serdes.ByteArray();
    private static final Serde<String> TEXT = Serdes.String();

    private final String input;
    private final String output;
    private final AtomicLong firstRecordNs = new AtomicLong();
    private final AtomicLong words = new AtomicLong();
    private final AtomicLong restored = new AtomicLong();

    private BenchPeer(final String input, final String output) {
        this.input = input;
        this.output = output;
    }

    private void noteFirstRecord() {
        if (firstRecordNs.get() == 0) {
            firstRecordNs.set(System.nanoTime());
        }
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

    private void waitUntilDone(final KafkaStreams streams, final long records, final long rows) throws InterruptedException {
        while (processed(streams) < records + words.get() || restored.get() < rows) {
            if (!streams.state().isRunningOrRebalancing()) {
                throw new IllegalStateException("the application is " + streams.state());
            }
            Thread.sleep(20);
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
        final long records = Long.parseLong(args[3]);
        final BenchPeer peer = new BenchPeer(args[1], args[2]);
        final Properties properties = PeerApp.read(args[5]);
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
        peer.waitUntilDone(streams, records, Long.parseLong(args[4]));
        streams.close(CloseOptions.groupMembershipOperation(CloseOptions.GroupMembershipOperation.LEAVE_GROUP)
            .withTimeout(Duration.ofSeconds(60)));
        peer.print(args[0], records, startNs);
        remove(state);
        System.exit(0);
    }
}
