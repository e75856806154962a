/* SPDX-License-Identifier: Apache-2.0 */
/** The scenario itself is wrong: an unknown op, field, function, type or a value of the wrong shape. Never recorded as an `error`. */
final class ScenarioError extends RuntimeException {
    ScenarioError(String message) {
        super(message);
    }

    /** The ScenarioError in the chain of causes (Kafka Streams wraps what user code throws), or null. */
    static ScenarioError in(Throwable thrown) {
        for (Throwable t = thrown; t != null; t = t.getCause()) {
            if (t instanceof ScenarioError) {
                return (ScenarioError) t;
            }
        }
        return null;
    }
}
