/* SPDX-License-Identifier: Apache-2.0 */
/*
 * catalogue.c - rows of the catalogue; catalogue.h has their format.
 *
 * Thread rule: the embedded log's lock.
 */
#include "transport/embedded/catalogue.h"

#include "base/endian.h"
#include "base/error.h"
#include "base/memory.h"
#include "storage/rocks.h"

#include <string.h>

#define CATALOGUE_FORMAT 1
#define FAMILY "default"
#define WRITE_BUFFER_BYTES ((int64_t)1024 * 1024)
#define BLOCK_CACHE_BYTES ((int64_t)1024 * 1024)

struct ksi_catalogue {
    char *path;
    ksi_rocks *rocks;
    ksi_family *rows;
    ksi_rocks_batch *changes;
    uint64_t next_id;
    ksi_buffer key; /* scratch */
    ksi_buffer value;
};

/* ---- encoding -------------------------------------------------------------------------------- */

static void put_u32(ksi_buffer *buffer, uint32_t number)
{
    char bytes[4];
    ksi_put_be32(bytes, number);
    ksi_buffer_append(buffer, bytes, sizeof bytes);
}

static void put_u64(ksi_buffer *buffer, uint64_t number)
{
    char bytes[8];
    ksi_put_be64(bytes, number);
    ksi_buffer_append(buffer, bytes, sizeof bytes);
}

static void put_i64(ksi_buffer *buffer, int64_t number)
{
    put_u64(buffer, (uint64_t)number);
}

static void put_text(ksi_buffer *buffer, const char *text)
{
    ksi_buffer_append(buffer, text, strlen(text) + 1);
}

/* Bytes being taken apart; once something was missing, all that follows is missing, too. */
typedef struct row_reader {
    const char *at;
    size_t left;
    bool is_short;
} row_reader;

static row_reader read_row(ks_slice bytes)
{
    return (row_reader){.at = bytes.data, .left = bytes.size};
}

static const char *take(row_reader *row, size_t size)
{
    if (row->left < size) {
        row->is_short = true;
        row->left = 0;
        return NULL;
    }
    const char *at = row->at;
    row->at += size;
    row->left -= size;
    return at;
}

static uint32_t take_u32(row_reader *row)
{
    const char *at = take(row, 4);
    return at != NULL ? ksi_get_be32(at) : 0;
}

static uint64_t take_u64(row_reader *row)
{
    const char *at = take(row, 8);
    return at != NULL ? ksi_get_be64(at) : 0;
}

static int64_t take_i64(row_reader *row)
{
    return (int64_t)take_u64(row);
}

/* A text that ends with NUL. */
static const char *take_text(row_reader *row)
{
    const void *end = row->left > 0 ? memchr(row->at, '\0', row->left) : NULL;
    return take(row, end != NULL ? (size_t)((const char *)end - row->at) + 1 : row->left + 1);
}

static ks_status bad_row(const ksi_catalogue *catalogue, ks_slice key, ks_error *error)
{
    return ksi_error_set(error, KS_E_CORRUPT, catalogue->path,
                         "a row of the catalogue in %s does not read back (kind '%c', %zu bytes of "
                         "key); put the directory of the log back from a copy",
                         catalogue->path, key.size > 0 ? key.data[0] : '?', key.size);
}

/* ---- keys ------------------------------------------------------------------------------------ */

static ks_slice begin_key(ksi_buffer *key, char kind)
{
    ksi_buffer_clear(key);
    ksi_buffer_append(key, &kind, 1);
    return ksi_buffer_slice(key);
}

static ks_slice named_key(ksi_buffer *key, char kind, const char *name)
{
    (void)begin_key(key, kind);
    ksi_buffer_append_text(key, name);
    return ksi_buffer_slice(key);
}

static ks_slice partition_key(ksi_buffer *key, char kind, ksi_partition_key partition)
{
    (void)begin_key(key, kind);
    put_u64(key, partition.topic);
    put_u32(key, (uint32_t)partition.partition);
    return ksi_buffer_slice(key);
}

static ks_slice segment_key(ksi_buffer *key, ksi_partition_key partition, int64_t base_offset)
{
    (void)partition_key(key, 'S', partition);
    put_i64(key, base_offset);
    return ksi_buffer_slice(key);
}

static ks_slice offset_key(ksi_buffer *key, const char *group, ksi_topic_partition partition)
{
    (void)begin_key(key, 'G');
    put_text(key, group);
    put_text(key, partition.topic);
    put_u32(key, (uint32_t)partition.partition);
    return ksi_buffer_slice(key);
}

/* ---- life ------------------------------------------------------------------------------------ */

static ks_status get(ksi_catalogue *catalogue, char kind, bool *found, ks_error *error)
{
    return ksi_family_get(catalogue->rows, begin_key(&catalogue->key, kind), &catalogue->value,
                          found, error);
}

static ks_status check_version(ksi_catalogue *catalogue, ks_error *error)
{
    bool found = false;
    KS_TRY(get(catalogue, 'V', &found, error));
    if (!found) {
        ksi_buffer_clear(&catalogue->value);
        put_u32(&catalogue->value, CATALOGUE_FORMAT);
        ksi_rocks_batch_put(catalogue->changes, catalogue->rows, begin_key(&catalogue->key, 'V'),
                            ksi_buffer_slice(&catalogue->value));
        return ksi_catalogue_write(catalogue, false, error);
    }
    row_reader row = read_row(ksi_buffer_slice(&catalogue->value));
    uint32_t format = take_u32(&row);
    if (row.is_short || format != CATALOGUE_FORMAT) {
        return ksi_error_set(error, KS_E_STATE, catalogue->path,
                             "another version of kstreams wrote this log: its catalogue has format "
                             "%u, this version reads %d; run that version again, or begin a log "
                             "elsewhere",
                             format, CATALOGUE_FORMAT);
    }
    KS_TRY(get(catalogue, 'N', &found, error));
    row = read_row(ksi_buffer_slice(&catalogue->value));
    catalogue->next_id = found ? take_u64(&row) : 0;
    return row.is_short ? bad_row(catalogue, begin_key(&catalogue->key, 'N'), error) : KS_OK;
}

ksi_catalogue *ksi_catalogue_open(const char *path, ksi_logger *logger, ks_error *error)
{
    const ksi_rocks_options options = {.path = path,
                                       .block_cache_bytes = BLOCK_CACHE_BYTES,
                                       .write_buffer_bytes = WRITE_BUFFER_BYTES,
                                       .logger = logger};
    ksi_rocks *rocks = ksi_rocks_open(&options, error);
    if (rocks == NULL) {
        return NULL;
    }
    ksi_catalogue *catalogue = ksi_calloc(1, sizeof *catalogue);
    catalogue->path = ksi_strdup(path);
    catalogue->rocks = rocks;
    catalogue->rows = ksi_rocks_family(rocks, FAMILY, error);
    catalogue->changes = ksi_rocks_batch_new(rocks);
    if (catalogue->rows == NULL || check_version(catalogue, error) != KS_OK) {
        (void)ksi_catalogue_close(catalogue, NULL);
        return NULL;
    }
    return catalogue;
}

ks_status ksi_catalogue_close(ksi_catalogue *catalogue, ks_error *error)
{
    if (catalogue == NULL) {
        return KS_OK;
    }
    ksi_rocks_batch_free(catalogue->changes);
    ks_status status = ksi_rocks_close(catalogue->rocks, error);
    ksi_buffer_destroy(&catalogue->key);
    ksi_buffer_destroy(&catalogue->value);
    ksi_free(catalogue->path);
    ksi_free(catalogue);
    return status;
}

/* ---- reading --------------------------------------------------------------------------------- */

typedef ks_status row_fn(ksi_catalogue *catalogue, ks_slice key, ks_slice value, void *user,
                         ks_error *error);

/* Calls `visit` for the rows that begin with `prefix`, of which the last byte is not 255. */
static ks_status each_row(ksi_catalogue *catalogue, ks_slice prefix, row_fn *visit, void *user,
                          ks_error *error)
{
    ksi_buffer high = {0};
    ksi_buffer_append(&high, prefix.data, prefix.size);
    for (size_t i = high.size; i > 0; i--) {
        high.data[i - 1] = (char)(high.data[i - 1] + 1);
        if (high.data[i - 1] != 0) {
            break; /* else it was 255, and carries */
        }
    }
    ksi_rocks_iterator *rows =
        ksi_rocks_iterator_open(catalogue->rows, prefix, ksi_buffer_slice(&high));
    ks_status status = KS_OK;
    for (ksi_rocks_iterator_seek_first(rows); status == KS_OK && ksi_rocks_iterator_valid(rows);
         ksi_rocks_iterator_next(rows)) {
        status = visit(catalogue, ksi_rocks_iterator_key(rows), ksi_rocks_iterator_value(rows),
                       user, error);
    }
    if (status == KS_OK) {
        status = ksi_rocks_iterator_status(rows, error);
    }
    ksi_rocks_iterator_close(rows);
    ksi_buffer_destroy(&high);
    return status;
}

/* What a row_fn is given for its visitor. */
typedef struct visitor {
    ksi_topic_row_fn *topic;
    ksi_segment_row_fn *segment;
    void *user;
} visitor;

static ks_status visit_topic(ksi_catalogue *catalogue, ks_slice key, ks_slice value, void *user,
                             ks_error *error)
{
    const visitor *to = user;
    row_reader row = read_row(value);
    ksi_buffer name = {0};
    ksi_buffer_append(&name, key.data + 1, key.size - 1);
    ksi_topic_config_set config;
    ksi_topic_config_init(&config);
    ksi_topic_row topic = {.name = ksi_buffer_cstr(&name), .id = take_u64(&row)};
    ks_status status = KS_OK;
    if (key.data[0] == 'T') {
        topic.partitions = (int32_t)take_u32(&row);
        topic.config = &config;
    }
    while (row.left > 0 && status == KS_OK) {
        const char *config_name = take_text(&row);
        const char *text = take_text(&row);
        if (!row.is_short) {
            const ksi_topic_config one = {.name = config_name, .value = text};
            status = ksi_topic_config_put(&config, topic.name, &one, error);
        }
    }
    if (status == KS_OK) {
        status = row.is_short ? bad_row(catalogue, key, error) : to->topic(to->user, &topic, error);
    }
    ksi_topic_config_destroy(&config);
    ksi_buffer_destroy(&name);
    return status;
}

ks_status ksi_catalogue_each_topic(ksi_catalogue *catalogue, ksi_topic_row_fn *visit, void *user,
                                   ks_error *error)
{
    visitor to = {.topic = visit, .user = user};
    return each_row(catalogue, ks_slice_cstr("T"), visit_topic, &to, error);
}

ks_status ksi_catalogue_each_deleted(ksi_catalogue *catalogue, ksi_topic_row_fn *visit, void *user,
                                     ks_error *error)
{
    visitor to = {.topic = visit, .user = user};
    return each_row(catalogue, ks_slice_cstr("D"), visit_topic, &to, error);
}

static ks_status visit_segment(ksi_catalogue *catalogue, ks_slice key, ks_slice value, void *user,
                               ks_error *error)
{
    const visitor *to = user;
    row_reader name = read_row(key);
    (void)take(&name, 1 + 8 + 4);
    row_reader row = read_row(value);
    ksi_segment_row segment = {.base_offset = take_i64(&name)};
    segment.generation = take_u32(&row); /* one after the other: an initializer has no order */
    segment.facts.bytes = take_i64(&row);
    segment.facts.last_batch = take_i64(&row);
    segment.facts.last_offset = take_i64(&row);
    segment.facts.newest_timestamp = take_i64(&row);
    segment.facts.created_ms = take_i64(&row);
    if (name.is_short || row.is_short) {
        return bad_row(catalogue, key, error);
    }
    return to->segment(to->user, &segment, error);
}

ks_status ksi_catalogue_each_segment(ksi_catalogue *catalogue, ksi_partition_key key,
                                     ksi_segment_row_fn *visit, void *user, ks_error *error)
{
    visitor to = {.segment = visit, .user = user};
    ksi_buffer prefix = {0};
    ks_status status =
        each_row(catalogue, partition_key(&prefix, 'S', key), visit_segment, &to, error);
    ksi_buffer_destroy(&prefix);
    return status;
}

ks_status ksi_catalogue_partition(ksi_catalogue *catalogue, ksi_partition_key key, int64_t *begin,
                                  int64_t *end, ks_error *error)
{
    bool found = false;
    KS_TRY(ksi_family_get(catalogue->rows, partition_key(&catalogue->key, 'P', key),
                          &catalogue->value, &found, error));
    row_reader row = read_row(ksi_buffer_slice(&catalogue->value));
    *begin = found ? take_i64(&row) : 0;
    *end = found ? take_i64(&row) : 0;
    if (row.is_short || *begin < 0 || *end < *begin) {
        return bad_row(catalogue, ksi_buffer_slice(&catalogue->key), error);
    }
    return KS_OK;
}

static ks_status load_offset(ksi_catalogue *catalogue, ks_slice key, ks_slice value, void *user,
                             ks_error *error)
{
    row_reader name = read_row(key);
    (void)take(&name, 1);
    const char *group = take_text(&name);
    ksi_group_offset offset = {.partition = {.topic = take_text(&name)}};
    offset.partition.partition = (int32_t)take_u32(&name);
    row_reader row = read_row(value);
    offset.offset = take_i64(&row);
    const char *has_metadata = take(&row, 1);
    if (name.is_short || row.is_short) {
        return bad_row(catalogue, key, error);
    }
    offset.metadata = *has_metadata != 0 ? ks_slice_of(row.at, row.left) : ks_slice_null();
    ksi_group_offsets_put(user, group, &offset);
    return KS_OK;
}

ks_status ksi_catalogue_load_groups(ksi_catalogue *catalogue, ksi_group_offsets *groups,
                                    ks_error *error)
{
    return each_row(catalogue, ks_slice_cstr("G"), load_offset, groups, error);
}

/* ---- changing -------------------------------------------------------------------------------- */

static void put(ksi_catalogue *catalogue, ks_slice key)
{
    ksi_rocks_batch_put(catalogue->changes, catalogue->rows, key,
                        ksi_buffer_slice(&catalogue->value));
}

uint64_t ksi_catalogue_next_id(ksi_catalogue *catalogue)
{
    uint64_t id = catalogue->next_id++;
    ksi_buffer_clear(&catalogue->value);
    put_u64(&catalogue->value, catalogue->next_id);
    put(catalogue, begin_key(&catalogue->key, 'N'));
    return id;
}

static void put_config(void *user, const ksi_topic_config *config, bool is_default)
{
    if (!is_default) {
        put_text(user, config->name);
        put_text(user, config->value);
    }
}

void ksi_catalogue_put_topic(ksi_catalogue *catalogue, const ksi_topic_row *row)
{
    ksi_buffer_clear(&catalogue->value);
    put_u64(&catalogue->value, row->id);
    put_u32(&catalogue->value, (uint32_t)row->partitions);
    ksi_topic_config_each(row->config, put_config, &catalogue->value);
    put(catalogue, named_key(&catalogue->key, 'T', row->name));
}

void ksi_catalogue_delete_topic(ksi_catalogue *catalogue, const char *name, uint64_t id)
{
    ksi_rocks_batch_delete(catalogue->changes, catalogue->rows,
                           named_key(&catalogue->key, 'T', name));
    static const char kinds[] = {'P', 'S'};
    for (size_t i = 0; i < sizeof kinds; i++) {
        ksi_buffer high = {0};
        ks_slice low = partition_key(&catalogue->key, kinds[i], (ksi_partition_key){.topic = id});
        ksi_rocks_batch_delete_range(
            catalogue->changes, catalogue->rows, low,
            partition_key(&high, kinds[i], (ksi_partition_key){.topic = id + 1}));
        ksi_buffer_destroy(&high);
    }
    ksi_buffer_clear(&catalogue->value);
    put_u64(&catalogue->value, id);
    put(catalogue, named_key(&catalogue->key, 'D', name));
}

void ksi_catalogue_forget_deleted(ksi_catalogue *catalogue, const char *name)
{
    ksi_rocks_batch_delete(catalogue->changes, catalogue->rows,
                           named_key(&catalogue->key, 'D', name));
}

void ksi_catalogue_put_partition(ksi_catalogue *catalogue, ksi_partition_key key, int64_t begin,
                                 int64_t end)
{
    ksi_buffer_clear(&catalogue->value);
    put_i64(&catalogue->value, begin);
    put_i64(&catalogue->value, end);
    put(catalogue, partition_key(&catalogue->key, 'P', key));
}

void ksi_catalogue_put_segment(ksi_catalogue *catalogue, ksi_partition_key key,
                               const ksi_segment_row *row)
{
    ksi_buffer_clear(&catalogue->value);
    put_u32(&catalogue->value, row->generation);
    put_i64(&catalogue->value, row->facts.bytes);
    put_i64(&catalogue->value, row->facts.last_batch);
    put_i64(&catalogue->value, row->facts.last_offset);
    put_i64(&catalogue->value, row->facts.newest_timestamp);
    put_i64(&catalogue->value, row->facts.created_ms);
    put(catalogue, segment_key(&catalogue->key, key, row->base_offset));
}

void ksi_catalogue_delete_segment(ksi_catalogue *catalogue, ksi_partition_key key,
                                  int64_t base_offset)
{
    ksi_rocks_batch_delete(catalogue->changes, catalogue->rows,
                           segment_key(&catalogue->key, key, base_offset));
}

void ksi_catalogue_put_offset(ksi_catalogue *catalogue, const char *group,
                              const ksi_group_offset *offset)
{
    const char has_metadata = offset->metadata.data != NULL;
    ksi_buffer_clear(&catalogue->value);
    put_i64(&catalogue->value, offset->offset);
    ksi_buffer_append(&catalogue->value, &has_metadata, 1);
    if (has_metadata) {
        ksi_buffer_append(&catalogue->value, offset->metadata.data, offset->metadata.size);
    }
    put(catalogue, offset_key(&catalogue->key, group, offset->partition));
}

void ksi_catalogue_delete_offset(ksi_catalogue *catalogue, const char *group,
                                 ksi_topic_partition partition)
{
    ksi_rocks_batch_delete(catalogue->changes, catalogue->rows,
                           offset_key(&catalogue->key, group, partition));
}

ks_status ksi_catalogue_write(ksi_catalogue *catalogue, bool synced, ks_error *error)
{
    return ksi_rocks_write_logged(catalogue->changes, synced, error);
}
