/* SPDX-License-Identifier: Apache-2.0 */
/*
 * relational_topology.c - the application of Kafka's RelationalSmokeTest: articles, comments on
 * them, and each enriched with the other.
 *
 *     article        key i32 | time i64 | size i32 | text
 *     comment        key i32 | time i64 | size i32 | text | article i32
 *     out-augmented-article    the article's bytes | count of its comments i64
 *     out-augmented-comment    the comment's bytes | size i32 | the first ten characters of the
 *                              article's text
 *
 * Numbers are big-endian. What is passed on is not taken apart: values are bytes. Texts are of one
 * byte a character.
 *
 * Thread rule: built by one thread; the functions run on stream threads and keep nothing.
 */
#include "topologies.h"

#include <string.h>

enum { TEXT_SIZE_AT = 12, TEXT_AT = 16, I32_SIZE = 4, I64_SIZE = 8, PREFIX_SIZE = 10 };

#define BYTES (&ks_serde_bytes)
#define I32 (&ks_serde_i32)

static uint32_t read_u32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* The text of an article or a comment; null, and the record failed, where the bytes are neither. */
static ks_slice text_of(ks_ctx *ctx, ks_slice bytes)
{
    size_t size = bytes.size >= TEXT_AT
                      ? read_u32((const uint8_t *)(const void *)bytes.data + TEXT_SIZE_AT)
                      : 0;
    if (bytes.size < TEXT_AT + size) {
        ks_ctx_fail(ctx, "%zu bytes are neither an article nor a comment", bytes.size);
        return ks_slice_null();
    }
    return ks_slice_of((const uint8_t *)(const void *)bytes.data + TEXT_AT, size);
}

/* The bytes, and `size` more behind them, which are to be filled. */
static uint8_t *extend(ks_ctx *ctx, ks_slice bytes, size_t size, ks_value *whole)
{
    uint8_t *copy = ks_arena_alloc(ks_ctx_arena(ctx), bytes.size + size);
    memcpy(copy, bytes.data, bytes.size);
    *whole = ks_bytes(ks_slice_of(copy, bytes.size + size));
    return copy + bytes.size;
}

static ks_value article_of(ks_ctx *ctx, const ks_record *comment, void *user)
{
    (void)user;
    ks_slice bytes = ks_value_bytes(comment->value);
    ks_slice text = text_of(ctx, bytes);
    if (text.data == NULL || bytes.size < TEXT_AT + text.size + I32_SIZE) {
        return ks_null();
    }
    return ks_i32((int32_t)read_u32((const uint8_t *)text.data + text.size));
}

static ks_pair by_article(ks_ctx *ctx, const ks_record *comment, void *user)
{
    return (ks_pair){.key = article_of(ctx, comment, user), .value = ks_i16(1)};
}

static ks_value add_count(ks_ctx *ctx, ks_value key, ks_value article, ks_value count, void *user)
{
    (void)key;
    (void)user;
    ks_value whole;
    uint64_t number = ks_value_is_null(count) ? 0 : (uint64_t)ks_value_i64(count);
    uint8_t *end = extend(ctx, ks_value_bytes(article), I64_SIZE, &whole);
    for (int i = I64_SIZE - 1; i >= 0; i--, number >>= 8) {
        end[i] = (uint8_t)number;
    }
    return whole;
}

static ks_value add_prefix(ks_ctx *ctx, ks_value key, ks_value comment, ks_value article,
                           void *user)
{
    (void)key;
    (void)user;
    ks_value whole;
    ks_slice text = text_of(ctx, ks_value_bytes(article));
    uint8_t size = (uint8_t)(text.size < PREFIX_SIZE ? text.size : PREFIX_SIZE);
    uint8_t *end = extend(ctx, ks_value_bytes(comment), I32_SIZE + (size_t)size, &whole);
    memcpy(end, (const uint8_t[]){0, 0, 0, size}, I32_SIZE);
    if (size > 0) {
        memcpy(end + I32_SIZE, text.data, size);
    }
    return whole;
}

void build_relational(ks_builder *builder)
{
    ks_table *articles =
        ks_builder_table(builder, "in-article", KS_CONSUMED(.key = I32, .value = BYTES), NULL);
    ks_table *comments =
        ks_builder_table(builder, "in-comment", KS_CONSUMED(.key = I32, .value = BYTES), NULL);
    ks_grouped_table *of_article = ks_table_group_by(
        comments, by_article, NULL, KS_GROUPED(.key = I32, .value = &ks_serde_i16));
    ks_table *counts = ks_grouped_table_count(of_article, NULL);

    ks_table *augmented_articles =
        ks_table_left_join(articles, counts, add_count, NULL, KS_MATERIALIZED(.value = BYTES));
    ks_stream_to(ks_table_to_stream(augmented_articles, NULL), "out-augmented-article", NULL);

    ks_table *augmented_comments =
        ks_table_join_foreign_key(comments, articles, article_of, add_prefix, NULL,
                                  KS_TABLE_JOINED(.materialized = KS_MATERIALIZED(.value = BYTES)));
    ks_stream_to(ks_table_to_stream(augmented_comments, NULL), "out-augmented-comment", NULL);
}
