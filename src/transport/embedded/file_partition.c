/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file_partition.c - a partition in files: a chain of segments, of which the last one grows.
 *
 *     stage      pwrite behind the committed bytes, in a new segment when the last one is full
 *     describe   rows for the segments that were written to, and for begin and end
 *     publish    the new facts become those that readers go by
 *     unstage    the bytes stay where they are, and do not count
 *
 * What was staged is kept apart from the segments until it is published, so that unstaging forgets
 * it and nothing else.
 *
 * Thread rule: see partition.h. `lock` guards the chain and the facts, for readers that look for
 * their next segment.
 */
#include "transport/embedded/file_partition.h"

#include "base/crash_point.h"
#include "base/error.h"
#include "base/memory.h"
#include "storage/files.h"

#include <dirent.h>
#include <string.h>
#include <unistd.h>

static ksi_file_partition *partition_of(ksi_partition *self)
{
    return (ksi_file_partition *)self;
}

/* ---- staging --------------------------------------------------------------------------------- */

static int64_t staged_end(const ksi_file_partition *partition)
{
    return partition->staged != NULL && partition->staged_count > 0
               ? partition->staged[partition->staged_count - 1].facts.last_offset + 1
               : ksi_partition_end(&partition->partition);
}

static ksi_staged_segment *push_staged(ksi_file_partition *partition, ksi_segment *segment,
                                       bool is_new)
{
    partition->staged = ksi_grow(partition->staged, &partition->staged_capacity,
                                 partition->staged_count + 1, sizeof *partition->staged);
    ksi_staged_segment *staged = &partition->staged[partition->staged_count++];
    *staged = (ksi_staged_segment){.segment = segment, .facts = segment->facts, .is_new = is_new};
    return staged;
}

/* The segment that grows; NULL when there is none. */
static ksi_staged_segment *last_staged(ksi_file_partition *partition)
{
    if (partition->staged_count > 0) {
        return &partition->staged[partition->staged_count - 1];
    }
    return partition->count > 0
               ? push_staged(partition, partition->segments[partition->count - 1], false)
               : NULL;
}

static bool is_full(const ksi_file_partition *partition, const ksi_segment_facts *facts,
                    size_t more, int64_t now_ms)
{
    const ksi_topic_settings *settings = partition->settings;
    return facts->bytes > 0 && (facts->bytes + (int64_t)more > settings->segment_bytes ||
                                now_ms - facts->created_ms >= settings->segment_ms);
}

static ks_status make_directory(const char *path, ks_error *error)
{
    char *part = NULL;
    if (ksi_directories_make(path, &part)) {
        return KS_OK;
    }
    ks_status status = ksi_file_refused("make directory", part, "bootstrap.servers", error);
    ksi_free(part);
    return status;
}

static ks_status roll(ksi_file_partition *partition, int64_t now_ms, ksi_staged_segment **staged,
                      ks_error *error)
{
    KS_TRY(make_directory(partition->path, error));
    ksi_segment *segment = ksi_segment_new(partition->path, staged_end(partition), 0, now_ms);
    ks_status status = ksi_segment_create(segment, error);
    if (status != KS_OK) {
        ksi_segment_release(segment);
        return status;
    }
    *staged = push_staged(partition, segment, true);
    KSI_CRASH_POINT("log.roll");
    return KS_OK;
}

static ks_status file_stage(ksi_partition *self, ksi_batch *batch, ks_error *error)
{
    ksi_file_partition *partition = partition_of(self);
    int64_t now_ms = ksi_wall_ms(partition->directory->clock);
    ksi_batch_place(batch, staged_end(partition));
    ksi_staged_segment *staged = last_staged(partition);
    if (staged == NULL || is_full(partition, &staged->facts, batch->size, now_ms)) {
        KS_TRY(roll(partition, now_ms, &staged, error));
    }
    ksi_mutex_lock(&partition->lock); /* a reader may be opening it */
    ks_status status = ksi_segment_open(staged->segment, error);
    ksi_mutex_unlock(&partition->lock);
    KS_TRY(status);
    ksi_segment_facts *facts = &staged->facts;
    KS_TRY(ksi_segment_write(staged->segment, facts->bytes, batch->bytes, batch->size, error));
    facts->last_batch = facts->bytes;
    facts->bytes += (int64_t)batch->size;
    facts->last_offset = batch->last_offset;
    if (batch->newest_timestamp > facts->newest_timestamp) {
        facts->newest_timestamp = batch->newest_timestamp;
    }
    staged->last_base = batch->base_offset;
    return KS_OK;
}

static void file_stage_begin(ksi_partition *self, int64_t begin)
{
    partition_of(self)->staged_begin = begin;
}

static ks_status file_sync(ksi_partition *self, ks_error *error)
{
    ksi_file_partition *partition = partition_of(self);
    bool has_new_names = false;
    if (partition->is_synced) {
        return KS_OK;
    }
    for (size_t i = 0; i < partition->staged_count; i++) {
        KS_TRY(ksi_segment_sync(partition->staged[i].segment, error));
        has_new_names = has_new_names || partition->staged[i].is_new;
    }
    partition->is_synced = true;
    if (!has_new_names) {
        return KS_OK;
    }
    /* The names of the file, and of the directories that may have been made for it. */
    char *topic = ksi_log_directory_path_of(partition->directory, partition->topic, -1);
    char *topics = ksi_path_join(partition->directory->path, "topics");
    bool is_durable = ksi_directory_sync(partition->path) && ksi_directory_sync(topic) &&
                      ksi_directory_sync(topics);
    ks_status status =
        is_durable ? KS_OK : ksi_file_refused("write", partition->path, "bootstrap.servers", error);
    ksi_free(topics);
    ksi_free(topic);
    return status;
}

static void file_describe(ksi_partition *self)
{
    ksi_file_partition *partition = partition_of(self);
    ksi_catalogue *catalogue = partition->directory->catalogue;
    if (partition->is_described) {
        return;
    }
    partition->is_described = true;
    for (size_t i = 0; i < partition->staged_count; i++) {
        const ksi_staged_segment *staged = &partition->staged[i];
        const ksi_segment_row row = {.base_offset = staged->segment->base_offset,
                                     .generation = staged->segment->generation,
                                     .facts = staged->facts};
        ksi_catalogue_put_segment(catalogue, partition->key, &row);
    }
    int64_t begin = ksi_partition_begin(self);
    if (partition->staged_begin > begin) {
        begin = partition->staged_begin;
        for (size_t i = 0; i < partition->count; i++) {
            if (partition->segments[i]->facts.last_offset < begin) {
                ksi_catalogue_delete_segment(catalogue, partition->key,
                                             partition->segments[i]->base_offset);
            }
        }
    }
    ksi_catalogue_put_partition(catalogue, partition->key, begin, staged_end(partition));
}

static void push_segment(ksi_file_partition *partition, ksi_segment *segment)
{
    partition->segments = ksi_grow(partition->segments, &partition->capacity, partition->count + 1,
                                   sizeof(ksi_segment *));
    partition->segments[partition->count++] = segment;
}

/* Deletes the segments that lie before `begin` as a whole. */
static void drop_before(ksi_file_partition *partition, int64_t begin)
{
    size_t gone = 0;
    while (gone < partition->count && partition->segments[gone]->facts.last_offset < begin) {
        ksi_segment_unlink(partition->segments[gone]);
        ksi_segment_release(partition->segments[gone++]);
    }
    partition->count -= gone;
    if (gone > 0 && partition->count > 0) {
        memmove(partition->segments, partition->segments + gone,
                partition->count * sizeof(ksi_segment *));
    }
}

static void forget_staged(ksi_file_partition *partition)
{
    partition->staged_count = 0;
    partition->staged_begin = -1;
    partition->is_synced = false;
    partition->is_described = false;
}

static void file_publish(ksi_partition *self)
{
    ksi_file_partition *partition = partition_of(self);
    int64_t end = staged_end(partition);
    ksi_mutex_lock(&partition->lock);
    for (size_t i = 0; i < partition->staged_count; i++) {
        const ksi_staged_segment *staged = &partition->staged[i];
        staged->segment->facts = staged->facts;
        ksi_segment_note(staged->segment, staged->last_base, staged->facts.last_batch);
        if (staged->is_new) {
            if (partition->count > 0) {
                ksi_segment_rest(partition->segments[partition->count - 1]);
            }
            push_segment(partition, staged->segment);
        }
    }
    if (partition->staged_begin >= 0) {
        atomic_store(&self->begin, partition->staged_begin);
        drop_before(partition, partition->staged_begin);
    }
    atomic_store(&self->end, end);
    ksi_mutex_unlock(&partition->lock);
    forget_staged(partition);
}

static void file_unstage(ksi_partition *self)
{
    ksi_file_partition *partition = partition_of(self);
    for (size_t i = 0; i < partition->staged_count; i++) {
        if (partition->staged[i].is_new) {
            ksi_segment_unlink(partition->staged[i].segment);
            ksi_segment_release(partition->staged[i].segment);
        }
    }
    forget_staged(partition);
}

static void file_drop(ksi_partition *self)
{
    ksi_file_partition *partition = partition_of(self);
    ksi_mutex_lock(&partition->lock);
    /* Nobody finds a name here any more: a file of it may soon be another topic's. */
    for (size_t i = 0; i < partition->count; i++) {
        ksi_segment_release(partition->segments[i]);
    }
    partition->count = 0;
    ksi_mutex_unlock(&partition->lock);
}

/* ---- replacing ------------------------------------------------------------------------------- */

bool ksi_file_partition_find(const ksi_file_partition *partition, const ksi_segment *segment,
                             size_t count, size_t *at)
{
    for (*at = 0; *at < partition->count; (*at)++) {
        if (partition->segments[*at] == segment) {
            return partition->count - *at > count; /* the last one grows, and is never among them */
        }
    }
    return false;
}

void ksi_file_partition_replace(ksi_file_partition *partition, size_t at, size_t count,
                                ksi_segment *segment)
{
    ksi_mutex_lock(&partition->lock);
    for (size_t i = at; i < at + count; i++) {
        ksi_segment_release(partition->segments[i]);
    }
    size_t left = segment != NULL ? 1 : 0;
    if (segment != NULL) {
        partition->segments[at] = segment;
    }
    memmove(&partition->segments[at + left], &partition->segments[at + count],
            (partition->count - at - count) * sizeof(ksi_segment *));
    partition->count -= count - left;
    ksi_mutex_unlock(&partition->lock);
}

/* ---- looking --------------------------------------------------------------------------------- */

ks_status ksi_file_partition_segment(ksi_file_partition *partition, int64_t offset,
                                     ksi_segment_view *view, ks_error *error)
{
    *view = (ksi_segment_view){.segment = NULL};
    ks_status status = KS_OK;
    ksi_mutex_lock(&partition->lock);
    for (size_t low = 0, high = partition->count; low < high;) {
        size_t middle = low + (high - low) / 2;
        ksi_segment *segment = partition->segments[middle];
        if (segment->facts.last_offset < offset) {
            low = middle + 1;
        } else {
            view->segment = segment;
            high = middle;
        }
    }
    if (view->segment != NULL) {
        status = ksi_segment_open(view->segment, error);
    }
    if (view->segment != NULL && status == KS_OK) {
        (void)ksi_segment_retain(view->segment);
        view->facts = view->segment->facts;
        view->near = ksi_segment_near(view->segment, offset);
    } else {
        view->segment = NULL;
    }
    ksi_mutex_unlock(&partition->lock);
    return status;
}

void ksi_file_partition_leave(ksi_file_partition *partition, ksi_segment *segment)
{
    if (segment == NULL) {
        return;
    }
    size_t at = 0;
    ksi_mutex_lock(&partition->lock);
    bool is_closed_one = ksi_file_partition_find(partition, segment, 1, &at);
    ksi_segment_release(segment);
    if (is_closed_one) {
        ksi_segment_rest(segment); /* the chain holds it */
    }
    ksi_mutex_unlock(&partition->lock);
}

void ksi_file_partition_note(ksi_file_partition *partition, ksi_segment *segment, int64_t offset,
                             int64_t position)
{
    ksi_mutex_lock(&partition->lock);
    ksi_segment_note(segment, offset, position);
    ksi_mutex_unlock(&partition->lock);
}

static int64_t file_bytes(ksi_partition *self)
{
    ksi_file_partition *partition = partition_of(self);
    int64_t bytes = 0;
    ksi_mutex_lock(&partition->lock);
    for (size_t i = 0; i < partition->count; i++) {
        bytes += partition->segments[i]->facts.bytes;
    }
    ksi_mutex_unlock(&partition->lock);
    return bytes;
}

static int64_t file_retained_from(ksi_partition *self, const ksi_topic_settings *settings,
                                  int64_t now_ms)
{
    ksi_file_partition *partition = partition_of(self);
    int64_t begin = ksi_partition_begin(self);
    int64_t bytes = file_bytes(self);
    ksi_mutex_lock(&partition->lock);
    for (size_t i = 0; i < partition->count; i++) {
        const ksi_segment_facts *facts = &partition->segments[i]->facts;
        bytes -= facts->bytes;
        if (!ksi_topic_settings_expire(settings, facts->newest_timestamp, bytes, now_ms)) {
            break;
        }
        begin = facts->last_offset + 1;
    }
    ksi_mutex_unlock(&partition->lock);
    return begin;
}

/* ---- opening --------------------------------------------------------------------------------- */

static ks_status load_segment(void *user, const ksi_segment_row *row, ks_error *error)
{
    ksi_file_partition *partition = user;
    (void)error;
    ksi_segment *segment =
        ksi_segment_new(partition->path, row->base_offset, row->generation, row->facts.created_ms);
    segment->facts = row->facts;
    push_segment(partition, segment);
    return KS_OK;
}

static bool is_of_a_segment(const ksi_file_partition *partition, const char *path)
{
    for (size_t i = 0; i < partition->count; i++) {
        if (strcmp(partition->segments[i]->path, path) == 0) {
            return true;
        }
    }
    return false;
}

/* Removes files that no row names: made by a commit that did not happen, or deleted. */
static ks_status remove_strays(ksi_file_partition *partition, ks_error *error)
{
    DIR *open = opendir(partition->path);
    if (open == NULL) {
        return KS_OK; /* nothing was written yet; a missing segment shows by itself */
    }
    ks_status status = KS_OK;
    for (struct dirent *entry = readdir(open); entry != NULL && status == KS_OK;
         entry = readdir(open)) {
        size_t size = strlen(entry->d_name);
        if (size < 4 || strcmp(entry->d_name + size - 4, ".log") != 0) {
            continue;
        }
        char *path = ksi_path_join(partition->path, entry->d_name);
        if (!is_of_a_segment(partition, path)) {
            status = unlink(path) == 0
                         ? KS_OK
                         : ksi_file_refused("remove", path, "bootstrap.servers", error);
            ksi_log(&partition->directory->logger, KS_LOG_LEVEL_INFO, path,
                    "removed: no commit has it");
            KSI_CRASH_POINT("log.open.cut");
        }
        ksi_free(path);
    }
    (void)closedir(open);
    return status;
}

static ks_status verify(ksi_file_partition *partition, ks_error *error)
{
    int64_t last = -1;
    for (size_t i = 0; i < partition->count; i++) {
        ksi_segment *segment = partition->segments[i];
        int64_t cut = 0;
        KS_TRY(ksi_segment_verify(segment, &cut, error));
        if (segment->base_offset <= last) {
            return ksi_segment_corrupt(segment, 0, "its offsets overlap with those before it",
                                       error);
        }
        last = segment->facts.last_offset;
        if (cut > 0) {
            KSI_CRASH_POINT("log.open.cut");
            ksi_log(&partition->directory->logger, KS_LOG_LEVEL_INFO, segment->path,
                    "%lld bytes that were written and not committed when the last process ended "
                    "were cut",
                    (long long)cut);
        }
    }
    return KS_OK;
}

static void file_free(ksi_partition *self)
{
    ksi_file_partition *partition = partition_of(self);
    file_unstage(self);
    file_drop(self);
    ksi_free(partition->segments);
    ksi_free(partition->staged);
    ksi_free(partition->path);
    ksi_free(partition->topic);
    ksi_mutex_destroy(&partition->lock);
    ksi_free(partition);
}

static const ksi_partition_class file_partition_class = {
    .stage = file_stage,
    .stage_begin = file_stage_begin,
    .sync = file_sync,
    .describe = file_describe,
    .publish = file_publish,
    .unstage = file_unstage,
    .drop = file_drop,
    .retained_from = file_retained_from,
    .offset_at = ksi_file_partition_offset_at,
    .bytes = file_bytes,
    .open_reader = ksi_file_partition_open_reader,
    .free = file_free,
};

ksi_partition *ksi_file_partition_open(const ksi_partition_home *home, ks_error *error)
{
    ksi_file_partition *partition = ksi_calloc(1, sizeof *partition);
    partition->partition.class = &file_partition_class;
    partition->partition.number = home->number;
    atomic_init(&partition->partition.watchers, 0);
    ksi_mutex_init(&partition->lock);
    partition->directory = home->directory;
    partition->settings = home->settings;
    partition->topic = ksi_strdup(home->topic);
    partition->key = (ksi_partition_key){.topic = home->topic_id, .partition = home->number};
    partition->path = ksi_log_directory_path_of(home->directory, home->topic, home->number);
    partition->staged_begin = -1;
    ksi_catalogue *catalogue = home->directory->catalogue;
    int64_t begin = 0;
    int64_t end = 0;
    ks_status status = ksi_catalogue_partition(catalogue, partition->key, &begin, &end, error);
    atomic_init(&partition->partition.begin, begin);
    atomic_init(&partition->partition.end, end);
    if (status == KS_OK) {
        status =
            ksi_catalogue_each_segment(catalogue, partition->key, load_segment, partition, error);
    }
    if (status == KS_OK) {
        status = verify(partition, error);
    }
    if (status == KS_OK) {
        status = remove_strays(partition, error);
    }
    if (status != KS_OK) {
        file_free(&partition->partition);
        return NULL;
    }
    return &partition->partition;
}
