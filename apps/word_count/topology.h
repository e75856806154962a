/* SPDX-License-Identifier: Apache-2.0 */
/*
 * topology.h - the topology of word_count, and the topics on either end of it.
 *
 * main.c, the driver test and `ks describe word_count` all build it with this one function.
 */
#ifndef APPS_WORD_COUNT_TOPOLOGY_H
#define APPS_WORD_COUNT_TOPOLOGY_H

#include <kstreams/stream.h>

#define WORD_COUNT_INPUT "text-lines"
#define WORD_COUNT_OUTPUT "word-counts"

/*
 * Topic text-lines (value: a line of text) -> topic word-counts (key: a word, value: how often it
 * was seen, i64).
 */
void word_count_topology(ks_builder *b);

#endif
