/* SPDX-License-Identifier: Apache-2.0 */
/*
 * topology.c - word count: how often does each word occur in a stream of lines?
 *
 * A line becomes many records, one for each of its words in lower case. "the" says nothing about a
 * text and is dropped. Grouping by the word makes the word the key, so the records travel through a
 * repartition topic: equal words meet in the same task, however many partitions and processes share
 * the work. There they are counted in the store word-counts.
 *
 * The functions below keep nothing between calls, so any number of stream threads may run them at
 * once.
 */
#include "word_count/topology.h"

#include <kstreams/kstreams.h>

static void split_words(ks_ctx *ctx, const ks_record *line, void *user)
{
    ks_slice rest = ks_value_text(line->value);
    ks_slice word;

    (void)user;
    while (ks_text_next_word(&rest, &word)) {
        ks_slice lower = ks_text_lower(ks_ctx_arena(ctx), word); /* arena memory: nothing to free */
        ks_emit_value(ctx, ks_text(lower));
    }
}

static bool is_stop_word(ks_ctx *ctx, const ks_record *word, void *user)
{
    (void)ctx;
    (void)user;
    return ks_value_equal(word->value, ks_text_of("the"));
}

static ks_value word_as_key(ks_ctx *ctx, const ks_record *word, void *user)
{
    (void)ctx;
    (void)user;
    return word->value;
}

void word_count_topology(ks_builder *b)
{
    const ks_serde *text = &ks_serde_string;

    ks_stream *lines =
        ks_builder_stream(b, WORD_COUNT_INPUT, KS_CONSUMED(.key = text, .value = text));
    ks_stream *words = ks_stream_flat_map_values(lines, split_words, NULL, NULL);
    ks_stream *kept = ks_stream_filter_not(words, is_stop_word, NULL, NULL);
    ks_grouped_stream *by_word =
        ks_stream_group_by(kept, word_as_key, NULL, KS_GROUPED(.key = text, .value = text));
    ks_table *counts = ks_grouped_stream_count(by_word, KS_MATERIALIZED(.name = "word-counts"));

    /* The table knows its serdes, string and i64: the sink has nothing to repeat. */
    ks_stream_to(ks_table_to_stream(counts, NULL), WORD_COUNT_OUTPUT, NULL);
}
