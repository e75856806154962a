/* SPDX-License-Identifier: Apache-2.0 */
/*
 * readme.c - the example of README.md: the topology of word count, and what it looks like.
 */
#include <stdio.h>
#include <stdlib.h>

#include <kstreams/kstreams.h>

static void split_words(ks_ctx *ctx, const ks_record *line, void *user)
{
    ks_slice rest = ks_value_text(line->value);
    ks_slice word;

    (void)user;
    while (ks_text_next_word(&rest, &word)) {
        ks_emit_value(ctx, ks_text(ks_text_lower(ks_ctx_arena(ctx), word))); /* nothing to free */
    }
}

static ks_value word_as_key(ks_ctx *ctx, const ks_record *word, void *user)
{
    (void)ctx;
    (void)user;
    return word->value;
}

static void word_count(ks_builder *b)
{
    const ks_serde *text = &ks_serde_string;

    ks_stream *lines = ks_builder_stream(b, "text-lines", KS_CONSUMED(.key = text, .value = text));
    ks_stream *words = ks_stream_flat_map_values(lines, split_words, NULL, NULL);
    ks_grouped_stream *by_word =
        ks_stream_group_by(words, word_as_key, NULL, KS_GROUPED(.key = text, .value = text));
    ks_table *counts = ks_grouped_stream_count(by_word, KS_MATERIALIZED(.name = "word-counts"));

    ks_stream_to(ks_table_to_stream(counts, NULL), "word-counts", NULL);
}

int main(void)
{
    ks_error error = {0};
    int exit_status = EXIT_SUCCESS;
    ks_builder *builder = ks_builder_new(NULL);

    word_count(builder);
    ks_topology *topology = ks_builder_build(builder, &error);
    if (topology != NULL) {
        fputs(ks_topology_describe(topology), stdout);
    } else {
        ks_error_print("readme", &error);
        exit_status = EXIT_FAILURE;
    }
    ks_topology_free(topology);
    ks_builder_free(builder);
    return exit_status;
}
