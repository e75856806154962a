/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record_queue.c - see record_queue.h.
 *
 * Records are laid one behind the other into blocks of 64 KiB, a bigger one into a block of its
 * own. They leave in the order in which they came, so a block only counts how many of its records
 * are still needed; the last one out frees it, and one empty block is kept, so that a queue that is
 * filled and drained in turns allocates nothing.
 */
#include "runtime/record_queue.h"

#include "base/error.h"
#include "base/memory.h"
#include "serde/convert.h"
#include "serde/headers.h"
#include "topology/envelope.h"

#define BLOCK_BYTES ((size_t)64 * 1024)

struct ksi_queue_block {
    ksi_queue_block *next;
    size_t capacity;
    size_t used;
    size_t live;      /* records that are not released */
    ks_arena headers; /* copies of the records' headers */
    _Alignas(16) char data[];
};

/* A record in a block: this, the key's bytes, the value's bytes. */
typedef struct queued_record {
    ksi_raw_record raw;
    size_t bytes; /* of all of it: where the next one begins */
    char payload[];
} queued_record;

void ksi_record_queue_init(ksi_record_queue *queue)
{
    *queue = (ksi_record_queue){.partition_time = -1, .next_offset = -1, .idle_deadline_ms = -1};
    ksi_arena_init(&queue->arenas[0], 0);
    ksi_arena_init(&queue->arenas[1], 0);
}

static void free_block(ksi_queue_block *block)
{
    if (block != NULL) {
        ksi_arena_destroy(&block->headers);
        ksi_free(block);
    }
}

void ksi_record_queue_destroy(ksi_record_queue *queue)
{
    for (ksi_queue_block *block = queue->first; block != NULL;) {
        ksi_queue_block *next = block->next;
        free_block(block);
        block = next;
    }
    free_block(queue->spare);
    ksi_arena_destroy(&queue->arenas[0]);
    ksi_arena_destroy(&queue->arenas[1]);
}

/* ---- blocks ---------------------------------------------------------------------------------- */

static ksi_queue_block *new_block(ksi_record_queue *queue, size_t bytes)
{
    ksi_queue_block *block = queue->spare;
    if (block != NULL && bytes <= block->capacity) {
        queue->spare = NULL;
        return block;
    }
    size_t capacity = bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES;
    block = ksi_alloc(sizeof *block + capacity);
    *block = (ksi_queue_block){.capacity = capacity};
    ksi_arena_init(&block->headers, 0);
    return block;
}

static ksi_queue_block *block_with_room(ksi_record_queue *queue, size_t bytes)
{
    ksi_queue_block *last = queue->last;
    if (last != NULL && last->capacity - last->used >= bytes) {
        return last;
    }
    ksi_queue_block *block = new_block(queue, bytes);
    if (last != NULL) {
        last->next = block;
    } else {
        queue->first = block;
        queue->next_block = block;
        queue->next_position = 0;
    }
    queue->last = block;
    return block;
}

/* One record of the oldest block is not needed any more. */
static void release_oldest(ksi_record_queue *queue)
{
    ksi_queue_block *block = queue->first;
    KSI_ASSERT(block != NULL && block->live > 0);
    block->live--;
    if (block->live > 0) {
        return;
    }
    if (block->next == NULL) { /* the only one: filled again from its beginning */
        block->used = 0;
        ksi_arena_reset(&block->headers);
        queue->next_block = block;
        queue->next_position = 0;
        return;
    }
    queue->first = block->next;
    if (queue->next_block == block) {
        queue->next_block = block->next;
        queue->next_position = 0;
    }
    if (queue->spare == NULL && block->capacity == BLOCK_BYTES) {
        block->next = NULL;
        block->used = 0;
        ksi_arena_reset(&block->headers);
        queue->spare = block;
    } else {
        free_block(block);
    }
}

static ks_slice copy_bytes(char **at, ks_slice bytes)
{
    if (bytes.data == NULL) {
        return bytes;
    }
    char *copy = *at;
    if (bytes.size > 0) {
        memcpy(copy, bytes.data, bytes.size);
    }
    *at += bytes.size;
    return ks_slice_of(copy, bytes.size);
}

void ksi_record_queue_add(ksi_record_queue *queue, const char *topic, const ks_log_record *record)
{
    size_t bytes = sizeof(queued_record) + record->key.size + record->value.size;
    bytes = (bytes + 15u) & ~(size_t)15u;
    ksi_queue_block *block = block_with_room(queue, bytes);
    queued_record *queued = (queued_record *)(void *)(block->data + block->used);
    char *payload = queued->payload;
    queued->bytes = bytes;
    queued->raw = (ksi_raw_record){.topic = topic, .record = *record};
    queued->raw.record.key = copy_bytes(&payload, record->key);
    queued->raw.record.value = copy_bytes(&payload, record->value);
    queued->raw.record.headers = ksi_headers_copy(&block->headers, record->headers);
    block->used += bytes;
    block->live++;
    queue->waiting++;
}

static const ksi_raw_record *next_raw(ksi_record_queue *queue)
{
    if (queue->waiting == 0) {
        return NULL;
    }
    if (queue->next_position == queue->next_block->used) {
        queue->next_block = queue->next_block->next;
        queue->next_position = 0;
    }
    const void *at = queue->next_block->data + queue->next_position;
    const queued_record *queued = at;
    queue->next_position += queued->bytes;
    queue->waiting--;
    queue->in_hand++;
    return &queued->raw;
}

/* ---- the head -------------------------------------------------------------------------------- */

static ks_status read_record(ksi_record_queue *queue, const ksi_raw_record *raw, ks_record *record,
                             ks_error *error)
{
    ks_arena *arena = &queue->arenas[queue->head_arena];
    ks_serde_ctx where = {.topic = raw->topic, .is_key = true, .headers = raw->record.headers};
    if (ksi_deserialize(queue->key, &where, raw->record.key, arena, &record->key, error) != KS_OK) {
        ksi_error_prefix(error, "the key: ");
        return error->code;
    }
    where.is_key = false;
    if (ksi_kind_is_enveloped(queue->value->kind) && raw->record.value.data == NULL) {
        return ksi_error_set(error, KS_E_SERDE, raw->topic,
                             "a record without value says nothing on a topic between operations; "
                             "does another program write to it?");
    }
    if (ksi_deserialize(queue->value, &where, raw->record.value, arena, &record->value, error) !=
        KS_OK) {
        ksi_error_prefix(error, "the value: ");
        return error->code;
    }
    return KS_OK;
}

static ks_status extract_timestamp(ksi_record_queue *queue, const ksi_raw_record *raw,
                                   ks_record *record, ks_error *error)
{
    const ks_source_record source = {.topic = raw->topic,
                                     .partition = raw->record.partition,
                                     .offset = raw->record.offset,
                                     .record = *record,
                                     .wall_clock_ms =
                                         queue->needs_clock ? ksi_wall_ms(queue->ctx->clock) : -1};
    ks_status status = queue->extractor->extract(queue->extractor, &source, queue->partition_time,
                                                 &record->timestamp, error);
    if (status != KS_OK) {
        return ksi_error_complete(error, status, "timestamp extractor", queue->extractor->name);
    }
    if (ksi_ctx_failed(queue->ctx)) { /* it asked a value for another kind */
        *error = queue->ctx->error;
        return error->code;
    }
    return KS_OK;
}

/*
 * Fills the head from `raw`; `*skipped` when the handler or the extractor does not want the record.
 */
static ks_status make_head(ksi_record_queue *queue, const ksi_raw_record *raw, bool *skipped,
                           ks_error *error)
{
    ks_error reason;
    ks_record record = {.timestamp = raw->record.timestamp, .headers = raw->record.headers};
    ksi_error_begin(&reason);
    *skipped = false;
    if (read_record(queue, raw, &record, &reason) != KS_OK) {
        *skipped = true;
        return ksi_handle_deserialization_error(queue->handlers, queue->source, raw->topic,
                                                &raw->record, &reason, error);
    }
    KS_TRY(extract_timestamp(queue, raw, &record, error));
    if (record.timestamp < 0) {
        ksi_log(queue->ctx->logger, KS_LOG_LEVEL_WARN, queue->source->node->name,
                "task %s drops the record at topic %s partition %d offset %lld: the timestamp "
                "extractor %s gave it the negative timestamp %lld",
                queue->ctx->task_id, raw->topic, (int)raw->record.partition,
                (long long)raw->record.offset, queue->extractor->name, (long long)record.timestamp);
        ksi_ctx_count_drop(queue->ctx, KS_DROP_TIMESTAMP);
        *skipped = true;
        return KS_OK;
    }
    queue->head = (ksi_stamped_record){.raw = raw, .record = record};
    queue->has_head = true;
    return KS_OK;
}

ks_status ksi_record_queue_update_head(ksi_record_queue *queue, ks_error *error)
{
    const ksi_raw_record *skipped_last = NULL;
    while (!queue->has_head) {
        ksi_arena_reset(&queue->arenas[queue->head_arena]);
        const ksi_raw_record *raw = next_raw(queue);
        if (raw == NULL) {
            break;
        }
        bool skipped;
        KS_TRY(make_head(queue, raw, &skipped, error));
        skipped_last = skipped ? raw : NULL;
    }
    if (!queue->has_head && skipped_last != NULL) {
        queue->head = (ksi_stamped_record){.raw = skipped_last, .corrupted = true};
        queue->has_head = true;
    }
    return KS_OK;
}

ks_status ksi_record_queue_poll(ksi_record_queue *queue, ksi_stamped_record *record,
                                ks_error *error)
{
    KSI_ASSERT(queue->has_head);
    *record = queue->head;
    queue->has_head = false;
    queue->head_arena ^= 1u;
    if (!record->corrupted && record->record.timestamp > queue->partition_time) {
        queue->partition_time = record->record.timestamp;
    }
    queue->next_offset = record->raw->record.offset + 1;
    return ksi_record_queue_update_head(queue, error);
}

void ksi_record_queue_release(ksi_record_queue *queue)
{
    size_t needed = queue->has_head ? 1 : 0;
    while (queue->in_hand > needed) {
        release_oldest(queue);
        queue->in_hand--;
    }
}
