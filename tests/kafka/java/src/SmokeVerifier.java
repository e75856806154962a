/* SPDX-License-Identifier: Apache-2.0 */

import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Set;

import org.apache.kafka.streams.tests.RelationalSmokeTest;
import org.apache.kafka.streams.tests.SmokeTestDriver;

/**
 * Kafka's own verifiers: SmokeVerifier smoke|relational BOOTSTRAP GUARANTEE SECONDS RECORDS.
 *
 * Writes the input of an application over so many seconds (RECORDS a key, or comments), prints WRITTEN, and then looks at the results
 * until they are right or Kafka's patience ends. Says SUCCESS or FAILURE in a line of its own; Kafka's driver of the smoke test
 * does so itself.
 */
public final class SmokeVerifier {
    private static final int KEYS = 20;
    private static final int COMMENTS_PER_ARTICLE = 10;
    private static final Duration PATIENCE = Duration.ofMinutes(5);

    private SmokeVerifier() {
    }

    private static void say(final String line) {
        System.out.println(line);
        System.out.flush();
    }

    private static void smoke(final String bootstrap, final String guarantee, final Duration time, final int records) {
        final Map<String, Set<Integer>> written = SmokeTestDriver.generate(bootstrap, KEYS, records, time);
        say("WRITTEN");
        SmokeTestDriver.verify(bootstrap, written, records, guarantee.equals("exactly_once_v2"));
    }

    private static void relational(final String bootstrap, final Duration time, final int records) throws InterruptedException {
        RelationalSmokeTest.DataSet.generate(records / COMMENTS_PER_ARTICLE, records).produce(bootstrap, time);
        say("WRITTEN");
        say(RelationalSmokeTest.App.verifySync(bootstrap, Instant.now().plus(PATIENCE)) ? "SUCCESS" : "FAILURE");
    }

    public static void main(final String[] args) throws Exception {
        final Duration time = Duration.ofSeconds(Long.parseLong(args[3]));
        final int records = Integer.parseInt(args[4]);
        if (args[0].equals("smoke")) {
            smoke(args[1], args[2], time, records);
        } else {
            relational(args[1], time, records);
        }
        System.exit(0);
    }
}
