/* SPDX-License-Identifier: Apache-2.0 */
/*
 * windowed_app.h - an application of all that waits for time, for tests that disturb applications,
 * and whether what it wrote is what it should have written.
 *
 * It is made of parts, each with a topic of its own: windows that give each update and windows that
 * give their end (emit on close, suppress), sessions, sliding windows, joins of streams whose rows
 * without a partner come out when their window closes, a stream that waits before it asks a
 * versioned table, and a foreign-key join with its subscriptions.
 *
 *     input           "PARTITION:OFFSET" (record_place.h); the keys of a partition are its own
 *     timestamps      four records share one, some are a little late, a few come much too late
 *     aggregates      which offsets are in them, so that one more or less cannot hide
 *     the end         time jumps, so that all windows close: windowed_app_jump_ms()
 *
 * The truth is what the same parts make of the same input when nobody disturbs them: one instance,
 * a log and stores in memory, from the first record to the last. It reads nothing that the
 * disturbed application wrote.
 *
 * Thread rule: one thread; the functions of the topology run on stream threads and keep nothing.
 */
#ifndef TESTS_SUPPORT_WINDOWED_APP_H
#define TESTS_SUPPORT_WINDOWED_APP_H

#include "record_place.h"

/* Each is worth a bit of a set of parts. */
typedef enum windowed_part {
    WINDOWED_HOPPING,
    WINDOWED_CLOSED,
    WINDOWED_SLIDING,
    WINDOWED_CLOSED_SLIDING,
    WINDOWED_SESSIONS,
    WINDOWED_CLOSED_SESSIONS,
    WINDOWED_HELD,
    WINDOWED_HELD_SESSIONS,
    WINDOWED_INNER,
    WINDOWED_LEFT,
    WINDOWED_OUTER,
    WINDOWED_WAITED,
    WINDOWED_FOREIGN,
    WINDOWED_PARTS
} windowed_part;

enum { WINDOWED_ALL_PARTS = (1 << WINDOWED_PARTS) - 1 };

/* Where a part writes. */
extern const char *const windowed_topics[WINDOWED_PARTS];

void windowed_app_build(ks_builder *builder, const char *input, int parts);

/* ---- its input ------------------------------------------------------------------------------- */

/* Of an input record: both follow from where it stands. */
ks_slice windowed_app_key(char text[RECORD_PLACE_TEXT], int32_t partition, int64_t offset);
int64_t windowed_app_time(int64_t offset);

/*
 * The end of the input: so much later is each partition's record of one jump, 1 to
 * WINDOWED_JUMPS. There are several, because not every record gets to both sides of a join.
 */
enum { WINDOWED_JUMPS = 12 };
int64_t windowed_app_jump_ms(int jump);

/* ---- its results ----------------------------------------------------------------------------- */

typedef enum windowed_promise {
    WINDOWED_EACH,    /* for each key the same results, timestamps and order; joins: the same bag */
    WINDOWED_SOME,    /* the same, but an update of a table may stand for those before it */
    WINDOWED_AT_LEAST /* each final result is there; the last update of a key is the same */
} windowed_promise;

enum { WINDOWED_COMPLAINT = 400 };

/* Whether a part's output in `log` is that in `truth`; else a complaint that names a fault. */
bool windowed_results_match(ks_log *log, ks_log *truth, windowed_part part,
                            windowed_promise promise, char complaint[WINDOWED_COMPLAINT]);

#endif
