/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kill_windows.h - the windowing application that is killed, and what its outputs must be.
 *
 * One topology has all that waits for time: windows that give each update and windows that give
 * their end (emit on close, suppress), sessions, sliding windows, joins of streams whose rows
 * without a partner come out when their window closes, a stream that waits before it asks a
 * versioned table, and a foreign-key join with its subscriptions.
 *
 *     input           as of kill_model.h, "PARTITION:OFFSET"; the keys of a partition are its own
 *     timestamps      four records share one, some are a little late, a few come much too late
 *     aggregates      which offsets are in them, so that one more or less cannot hide
 *
 * The truth is what the same topology makes of the same input when nobody kills it: one thread, a
 * log and stores in memory, from the first record to the last. It reads nothing that the killed
 * application wrote.
 *
 *     exactly once    for each key the same results, timestamps and order; joins: the same bag
 *     at least once   each final result is there; the last update of a key is the same
 *
 * Thread rule: one thread; the functions of the topology run on stream threads and keep nothing.
 */
#ifndef TESTS_CRASH_APPLICATION_KILL_WINDOWS_H
#define TESTS_CRASH_APPLICATION_KILL_WINDOWS_H

#include "kill_facts.h"

/* Of an input record: both follow from where it stands. */
ks_slice kill_windows_key(char text[KILL_TEXT], int32_t partition, int64_t offset);
int64_t kill_windows_time(int64_t offset);

/* The topics that it writes, up to NULL. */
extern const char *const kill_windows_outputs[];

void kill_windows_topology(ks_builder *builder);

/*
 * Whether the outputs in `log` are what its input leads to; else a complaint that names the first
 * fault. `directory` is for the state of the application that is not killed.
 */
bool kill_windows_judge(ks_log *log, bool exactly_once, const char *directory,
                        char complaint[KILL_COMPLAINT]);

#endif
