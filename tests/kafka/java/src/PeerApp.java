/* SPDX-License-Identifier: Apache-2.0 */

import java.io.FileReader;
import java.io.IOException;
import java.io.Reader;
import java.time.Duration;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;

import org.apache.kafka.streams.CloseOptions;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;

/**
 * Java's half of an interop test: PeerApp TOPOLOGY PREFIX PROPERTIES.
 *
 * Prints RUNNING when it runs, and on SIGTERM closes, leaves the group and ends with status 0. tests/kafka/interop_app.c is the other
 * half, with the same command line, topologies and properties.
 */
public final class PeerApp {
    private PeerApp() {
    }

    static Properties read(final String path) throws IOException {
        final Properties properties = new Properties();
        try (Reader reader = new FileReader(path)) {
            properties.load(reader);
        }
        return properties;
    }

    public static void main(final String[] args) throws Exception {
        final KafkaStreams streams = new KafkaStreams(PeerTopologies.build(args[0], args[1]), read(args[2]));
        final CountDownLatch ended = new CountDownLatch(1);

        streams.setUncaughtExceptionHandler(failure -> {
            failure.printStackTrace();
            return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
        streams.setStateListener((now, before) -> {
            if (now == KafkaStreams.State.RUNNING) {
                System.out.println("RUNNING");
            } else if (now == KafkaStreams.State.ERROR) {
                Runtime.getRuntime().halt(1);
            }
        });
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            final boolean closed = streams.close(CloseOptions
                .groupMembershipOperation(CloseOptions.GroupMembershipOperation.LEAVE_GROUP)
                .withTimeout(Duration.ofSeconds(30)));
            ended.countDown();
            Runtime.getRuntime().halt(closed ? 0 : 1);
        }));
        streams.start();
        ended.await();
    }
}
