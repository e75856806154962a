/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compaction.c - see compaction.h.
 *
 * Thread rule: see compaction.h.
 */
#include "transport/embedded/compaction.h"

#include "base/crash_point.h"
#include "base/error.h"
#include "base/memory.h"
#include "storage/files.h"
#include "transport/embedded/file_partition.h"

/* What the table of keys may take; with more keys, fewer segments are compacted at once. */
#define TABLE_BYTES ((size_t)64 * 1024 * 1024)
#define TABLE_ROW_BYTES 48

typedef enum source_kind { SOURCE_SETTLED, SOURCE_CLEAN, SOURCE_DIRTY } source_kind;

/* A closed segment, held and open. */
typedef struct source {
    ksi_segment *segment;
    ksi_segment_facts facts;
    source_kind kind;
} source;

typedef struct compaction {
    ksi_embedded_log *log;
    ksi_embedded_topic *topic;
    ksi_file_partition *partition;
    ksi_topic_settings settings;
    int64_t now_ms;
    source *sources;
    size_t count;
    size_t capacity;
    ksi_map *last; /* key -> its last offset + 1, as a pointer */
    size_t table_bytes;
} compaction;

/* ---- what there is to do --------------------------------------------------------------------- */

static source_kind kind_of(const compaction *self, const ksi_segment *segment)
{
    if (segment->generation == 0) {
        return SOURCE_DIRTY;
    }
    bool is_settled =
        self->now_ms - segment->facts.created_ms >= self->settings.delete_retention_ms;
    return is_settled ? SOURCE_SETTLED : SOURCE_CLEAN;
}

/* Holds the closed segments that are old enough. */
static ks_status gather(compaction *self, ks_error *error)
{
    ksi_file_partition *partition = self->partition;
    int64_t lag = self->settings.min_compaction_lag_ms;
    ks_status status = KS_OK;
    ksi_mutex_lock(&partition->lock);
    for (size_t i = 0; i + 1 < partition->count && status == KS_OK; i++) {
        ksi_segment *segment = partition->segments[i];
        if (lag > 0 && segment->facts.newest_timestamp > self->now_ms - lag) {
            break;
        }
        status = ksi_segment_open(segment, error);
        self->sources =
            ksi_grow(self->sources, &self->capacity, self->count + 1, sizeof *self->sources);
        self->sources[self->count++] = (source){.segment = ksi_segment_retain(segment),
                                                .facts = segment->facts,
                                                .kind = kind_of(self, segment)};
    }
    ksi_mutex_unlock(&partition->lock);
    return status;
}

static bool is_worth_while(const compaction *self)
{
    int64_t dirty = 0;
    int64_t total = 0;
    bool is_overdue = false;
    for (size_t i = 0; i < self->count; i++) {
        const source *from = &self->sources[i];
        total += from->facts.bytes;
        if (from->kind == SOURCE_DIRTY) {
            dirty += from->facts.bytes;
            is_overdue = is_overdue || self->now_ms - from->facts.created_ms >
                                           self->settings.max_compaction_lag_ms;
        }
    }
    return dirty > 0 &&
           (is_overdue || (double)dirty / (double)total > self->settings.min_dirty_ratio);
}

/* ---- reading --------------------------------------------------------------------------------- */

typedef ks_status record_fn(void *user, const ks_log_record *record, ks_error *error);

static ks_status read_batch(const source *from, int64_t position, const ksi_batch_header *header,
                            ksi_buffer *buffer, ks_error *error)
{
    ksi_buffer_clear(buffer);
    ksi_buffer_reserve(buffer, (size_t)header->bytes);
    KS_TRY(ksi_segment_read(from->segment, position, buffer->data, (size_t)header->bytes, error));
    if (!ksi_batch_records_intact(header, buffer->data + KSI_BATCH_HEADER_BYTES) ||
        !ksi_batch_is_well_formed(buffer->data, header)) {
        return ksi_segment_corrupt(from->segment, position, "records have a wrong checksum", error);
    }
    return KS_OK;
}

static ks_status each_of_batch(const ksi_buffer *bytes, const ksi_batch_header *header,
                               record_fn *visit, void *user, ks_error *error)
{
    ks_arena headers;
    ksi_arena_init(&headers, 0);
    ksi_batch_cursor cursor = ksi_batch_begin(bytes->data, header);
    ks_log_record record;
    ks_status status = KS_OK;
    while (status == KS_OK && ksi_batch_next(&cursor, &record, &headers)) {
        status = visit(user, &record, error);
    }
    ksi_arena_destroy(&headers);
    return status;
}

static ks_status each_record(const source *from, record_fn *visit, void *user, ks_error *error)
{
    ksi_segment_scan scan;
    ksi_segment_scan_begin(&scan, from->segment, 0, from->facts.bytes);
    ksi_buffer buffer = {0};
    ks_status status = KS_OK;
    bool found = true;
    while (status == KS_OK && found) {
        ksi_batch_header header;
        int64_t position = 0;
        status = ksi_segment_scan_next(&scan, &header, &position, &found, error);
        if (status == KS_OK && found) {
            status = read_batch(from, position, &header, &buffer, error);
        }
        if (status == KS_OK && found) {
            status = each_of_batch(&buffer, &header, visit, user, error);
        }
    }
    ksi_buffer_destroy(&buffer);
    return status;
}

/* ---- the last offset of each key ------------------------------------------------------------- */

static ks_status note_key(void *user, const ks_log_record *record, ks_error *error)
{
    compaction *self = user;
    (void)error;
    if (record->key.data != NULL) {
        void *before = ksi_map_put(self->last, record->key, (void *)(intptr_t)(record->offset + 1));
        self->table_bytes += before == NULL ? record->key.size + TABLE_ROW_BYTES : 0;
    }
    return KS_OK;
}

/* Notes the keys of dirty segments; those that are too many are left for another time. */
static ks_status note_keys(compaction *self, ks_error *error)
{
    size_t covered = 0;
    while (covered < self->count && self->table_bytes < TABLE_BYTES) {
        const source *from = &self->sources[covered++];
        if (from->kind == SOURCE_DIRTY) {
            KS_TRY(each_record(from, note_key, self, error));
        }
    }
    while (self->count > covered) {
        ksi_segment_release(self->sources[--self->count].segment);
    }
    return KS_OK;
}

/* ---- writing --------------------------------------------------------------------------------- */

/* A new segment, from some sources that follow each other. */
typedef struct output {
    const compaction *compaction;
    ksi_segment *segment;
    ksi_batch *batch; /* that grows */
    bool drops_tombstones;
    size_t dropped;
} output;

static ks_status write_batch(output *to, ks_error *error)
{
    ksi_batch *batch = to->batch;
    ksi_segment_facts *facts = &to->segment->facts;
    if (batch->count == 0) {
        return KS_OK;
    }
    ksi_batch_seal(batch);
    ksi_batch_place(batch, batch->base_offset);
    KS_TRY(ksi_segment_write(to->segment, facts->bytes, batch->bytes, batch->size, error));
    facts->last_batch = facts->bytes;
    facts->bytes += (int64_t)batch->size;
    facts->last_offset = batch->last_offset;
    if (batch->newest_timestamp > facts->newest_timestamp) {
        facts->newest_timestamp = batch->newest_timestamp;
    }
    ksi_batch_clear(batch);
    return KS_OK;
}

static bool is_kept(const output *to, const ks_log_record *record)
{
    if (record->key.data == NULL) {
        return true;
    }
    intptr_t last = (intptr_t)ksi_map_get(to->compaction->last, record->key);
    return record->offset + 1 >= last && (record->value.data != NULL || !to->drops_tombstones);
}

static ks_status copy_record(void *user, const ks_log_record *record, ks_error *error)
{
    output *to = user;
    if (!is_kept(to, record)) {
        to->dropped++;
        return KS_OK;
    }
    bool is_full = to->batch->size >= KSI_BATCH_FULL_BYTES ||
                   (to->batch->count > 0 && record->offset - to->batch->base_offset > INT32_MAX);
    if (is_full) {
        KS_TRY(write_batch(to, error));
    }
    return ksi_batch_append_at(to->batch, record, record->offset, error);
}

/* ---- the swap -------------------------------------------------------------------------------- */

static ks_status swap_locked(const compaction *self, size_t first, size_t count,
                             ksi_segment *segment, bool *is_swapped, ks_error *error)
{
    ksi_file_partition *partition = self->partition;
    ksi_log_directory *directory = partition->directory;
    *is_swapped = false;
    KS_TRY(ksi_log_directory_check(directory, error));
    size_t at = 0;
    if (atomic_load(&self->topic->is_deleted) ||
        !ksi_file_partition_find(partition, self->sources[first].segment, count, &at)) {
        return KS_OK; /* deleted meanwhile, by its topic or by offset */
    }
    for (size_t i = first; i < first + count; i++) {
        ksi_catalogue_delete_segment(directory->catalogue, partition->key,
                                     self->sources[i].segment->base_offset);
    }
    if (segment != NULL) {
        const ksi_segment_row row = {.base_offset = segment->base_offset,
                                     .generation = segment->generation,
                                     .facts = segment->facts};
        ksi_catalogue_put_segment(directory->catalogue, partition->key, &row);
    }
    KSI_CRASH_POINT("log.compact.before-swap");
    KS_TRY(ksi_log_directory_write(directory, error));
    KSI_CRASH_POINT("log.compact.swapped");
    ksi_file_partition_replace(partition, at, count, segment);
    *is_swapped = true;
    return KS_OK;
}

static ks_status swap(const compaction *self, size_t first, size_t count, ksi_segment *segment,
                      ks_error *error)
{
    bool is_swapped = false;
    ksi_segment *taken = segment->facts.bytes > 0 ? ksi_segment_retain(segment) : NULL;
    ks_status status = KS_OK;
    if (self->partition->directory->syncs) {
        status = ksi_segment_sync(segment, error);
        if (status == KS_OK && !ksi_directory_sync(self->partition->path)) {
            status = ksi_file_refused("write", self->partition->path, "bootstrap.servers", error);
        }
    }
    if (status == KS_OK) {
        ksi_mutex_lock(&self->log->lock);
        status = swap_locked(self, first, count, taken, &is_swapped, error);
        ksi_mutex_unlock(&self->log->lock);
    }
    for (size_t i = first; i < first + count && is_swapped; i++) {
        ksi_segment_unlink(self->sources[i].segment);
    }
    if (!is_swapped || taken == NULL) {
        ksi_segment_unlink(segment);
    }
    if (!is_swapped) {
        ksi_segment_release(taken);
    }
    return status;
}

/* ---- groups ---------------------------------------------------------------------------------- */

/* How many sources from `first` on become one segment. */
static size_t group_from(const compaction *self, size_t first)
{
    source_kind kind = self->sources[first].kind;
    int64_t bytes = self->sources[first].facts.bytes;
    size_t count = 1;
    while (kind != SOURCE_CLEAN && first + count < self->count &&
           self->sources[first + count].kind == kind) {
        bytes += self->sources[first + count].facts.bytes;
        if (bytes > self->settings.segment_bytes) {
            break;
        }
        count++;
    }
    return count;
}

static ksi_segment *new_segment(const compaction *self, size_t first, size_t count)
{
    uint32_t generation = 0;
    int64_t created_ms = self->sources[first].kind == SOURCE_DIRTY ? self->now_ms : INT64_MIN;
    for (size_t i = first; i < first + count; i++) {
        const ksi_segment *from = self->sources[i].segment;
        generation = from->generation > generation ? from->generation : generation;
        created_ms = self->sources[i].facts.created_ms > created_ms
                         ? self->sources[i].facts.created_ms
                         : created_ms;
    }
    return ksi_segment_new(self->partition->path, self->sources[first].segment->base_offset,
                           generation + 1, created_ms);
}

static ks_status compact_group(const compaction *self, size_t first, size_t count, size_t *segments,
                               ks_error *error)
{
    output to = {.compaction = self,
                 .segment = new_segment(self, first, count),
                 .drops_tombstones = self->sources[first].kind == SOURCE_SETTLED};
    ks_status status = ksi_segment_create(to.segment, error);
    if (status != KS_OK) {
        ksi_segment_release(to.segment);
        return status;
    }
    to.batch = ksi_batch_new();
    for (size_t i = first; i < first + count && status == KS_OK; i++) {
        status = each_record(&self->sources[i], copy_record, &to, error);
    }
    if (status == KS_OK) {
        status = write_batch(&to, error);
    }
    bool is_change = to.dropped > 0 || count > 1 || self->sources[first].kind == SOURCE_DIRTY;
    if (status == KS_OK && is_change) {
        status = swap(self, first, count, to.segment, error);
        *segments += status == KS_OK ? count : 0;
    } else {
        ksi_segment_unlink(to.segment);
    }
    ksi_batch_release(to.batch);
    ksi_segment_release(to.segment);
    return status;
}

static ks_status compact_all(compaction *self, size_t *segments, ks_error *error)
{
    KS_TRY(gather(self, error));
    if (!is_worth_while(self)) {
        return KS_OK;
    }
    KS_TRY(note_keys(self, error));
    for (size_t first = 0; first < self->count;) {
        size_t count = group_from(self, first);
        KS_TRY(compact_group(self, first, count, segments, error));
        first += count;
    }
    return KS_OK;
}

ks_status ksi_compact_partition(ksi_embedded_log *log, ksi_embedded_topic *topic, int32_t number,
                                int64_t now_ms, size_t *segments, ks_error *error)
{
    compaction self = {.log = log, .topic = topic, .now_ms = now_ms};
    ksi_mutex_lock(&log->lock);
    self.settings = topic->config.settings;
    ksi_mutex_unlock(&log->lock);
    if (log->directory == NULL || !self.settings.compacts) {
        return KS_OK;
    }
    self.partition = (ksi_file_partition *)topic->partitions[number];
    self.last = ksi_map_new();
    ks_status status = compact_all(&self, segments, error);
    for (size_t i = 0; i < self.count; i++) {
        ksi_segment_release(self.sources[i].segment);
    }
    ksi_free(self.sources);
    ksi_map_free(self.last, NULL);
    return status;
}
