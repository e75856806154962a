/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server_calls.c - what each request of protocol.h does to the log.
 *
 * A call takes all its arguments before it does anything: `KSI_TAKEN` returns when they were not
 * what they have to be, and the connection ends. Results are written as they come; an error
 * replaces them.
 *
 * Thread rule: a session belongs to one thread at a time.
 */
#include "base/check.h"
#include "base/error.h"
#include "base/memory.h"
#include "transport/remote/protocol.h"
#include "transport/remote/server.h"

/* Records that are asked for at once while a page has room. */
#define FETCH_RECORDS 256

typedef ks_status call_fn(ksi_session *session, ksi_frame_reader *request, ksi_buffer *answer,
                          ks_error *error);

static ks_status malformed(ks_error *error)
{
    return ksi_error_set(error, KS_E_ARGUMENT, "log socket",
                         "the request is not understood; are both programs of the same version of "
                         "kstreams?");
}

#define KSI_TAKEN(request_, error_)                \
    do {                                           \
        if (!ksi_frame_reader_is_done(request_)) { \
            (request_)->failed = true;             \
            return malformed(error_);              \
        }                                          \
    } while (0)

/* ---- arguments ------------------------------------------------------------------------------- */

static ksi_topic_partition take_place(ksi_frame_reader *request)
{
    ksi_topic_partition at = {.topic = ksi_take_text(request)};
    at.partition = ksi_take_i32(request);
    return at;
}

typedef struct taken_commit {
    ksi_offset_commit commit;
    ksi_generation generation;
} taken_commit;

/* What `into` points to lives as long as the request and the arena. */
static void take_commit(ksi_session *session, ksi_frame_reader *request, taken_commit *into)
{
    *into = (taken_commit){.commit.group = ksi_take_text(request)};
    if (ksi_take_u8(request) != 0) {
        into->generation.member = ksi_take_text(request);
        into->generation.number = ksi_take_i32(request);
        into->commit.generation = &into->generation;
    }
    uint32_t count = ksi_take_count(request, 20);
    ksi_group_offset *offsets = ksi_arena_alloc(&session->arena, count * sizeof *offsets);
    for (uint32_t i = 0; i < count; i++) {
        offsets[i] = (ksi_group_offset){.partition = take_place(request)};
        offsets[i].offset = ksi_take_i64(request);
        offsets[i].metadata = ksi_take_bytes(request);
    }
    into->commit.offsets = offsets;
    into->commit.count = count;
}

/* ---- topics ---------------------------------------------------------------------------------- */

static ks_status call_hello(ksi_session *session, ksi_frame_reader *request, ksi_buffer *answer,
                            ks_error *error)
{
    const char *magic = ksi_take_text(request);
    uint32_t version = ksi_take_u32(request);
    KSI_TAKEN(request, error);
    if (strcmp(magic, KSI_PROTOCOL_MAGIC) != 0) {
        request->failed = true;
        return malformed(error);
    }
    if (version != KSI_PROTOCOL_VERSION) {
        return ksi_error_set(error, KS_E_NOT_BUILT, "log socket",
                             "the process that holds the log speaks version %d of its protocol, "
                             "this one %u; use programs of the same version of kstreams",
                             KSI_PROTOCOL_VERSION, version);
    }
    session->is_greeted = true;
    ksi_put_u32(answer, KSI_PROTOCOL_VERSION);
    return KS_OK;
}

static ks_status call_create_topic(ksi_session *session, ksi_frame_reader *request,
                                   ksi_buffer *answer, ks_error *error)
{
    (void)answer;
    ksi_topic_spec spec = {.name = ksi_take_text(request)};
    spec.partitions = ksi_take_i32(request);
    uint32_t count = ksi_take_count(request, 8);
    ksi_topic_config *configs = ksi_arena_alloc(&session->arena, count * sizeof *configs);
    for (uint32_t i = 0; i < count; i++) {
        configs[i].name = ksi_take_text(request);
        configs[i].value = ksi_take_optional_text(request);
    }
    KSI_TAKEN(request, error);
    spec.configs = configs;
    spec.config_count = count;
    return session->transport->class->create_topic(session->transport, &spec, error);
}

static ks_status call_delete_topic(ksi_session *session, ksi_frame_reader *request,
                                   ksi_buffer *answer, ks_error *error)
{
    (void)answer;
    const char *topic = ksi_take_text(request);
    KSI_TAKEN(request, error);
    return session->transport->class->delete_topic(session->transport, topic, error);
}

static ks_status call_partition_count(ksi_session *session, ksi_frame_reader *request,
                                      ksi_buffer *answer, ks_error *error)
{
    const char *topic = ksi_take_text(request);
    KSI_TAKEN(request, error);
    int32_t count = 0;
    KS_TRY(session->transport->class->partition_count(session->transport, topic, &count, error));
    ksi_put_i32(answer, count);
    return KS_OK;
}

static void put_name(void *user, const char *name)
{
    ksi_put_u8(user, 1);
    ksi_put_text(user, name);
}

static ks_status call_each_topic(ksi_session *session, ksi_frame_reader *request,
                                 ksi_buffer *answer, ks_error *error)
{
    KSI_TAKEN(request, error);
    KS_TRY(session->transport->class->each_topic(session->transport, put_name, answer, error));
    ksi_put_u8(answer, 0);
    return KS_OK;
}

static void put_config(void *user, const ksi_topic_config *config, bool is_default)
{
    put_name(user, config->name);
    ksi_put_text(user, config->value);
    ksi_put_u8(user, is_default);
}

static ks_status call_each_config(ksi_session *session, ksi_frame_reader *request,
                                  ksi_buffer *answer, ks_error *error)
{
    const char *topic = ksi_take_text(request);
    KSI_TAKEN(request, error);
    KS_TRY(session->transport->class->each_config(session->transport, topic, put_config, answer,
                                                  error));
    ksi_put_u8(answer, 0);
    return KS_OK;
}

static ks_status call_set_config(ksi_session *session, ksi_frame_reader *request,
                                 ksi_buffer *answer, ks_error *error)
{
    (void)answer;
    const char *topic = ksi_take_text(request);
    ksi_topic_config config = {.name = ksi_take_text(request)};
    config.value = ksi_take_optional_text(request);
    KSI_TAKEN(request, error);
    return session->transport->class->set_config(session->transport, topic, &config, error);
}

/* ---- offsets --------------------------------------------------------------------------------- */

static ks_status call_offsets(ksi_session *session, ksi_frame_reader *request, ksi_buffer *answer,
                              ks_error *error)
{
    ksi_topic_partition at = take_place(request);
    int64_t begin = 0;
    int64_t end = 0;
    KSI_TAKEN(request, error);
    KS_TRY(session->transport->class->offsets(session->transport, at, &begin, &end, error));
    ksi_put_i64(answer, begin);
    ksi_put_i64(answer, end);
    return KS_OK;
}

static ks_status call_offset_at(ksi_session *session, ksi_frame_reader *request, ksi_buffer *answer,
                                ks_error *error)
{
    ksi_topic_partition at = take_place(request);
    int64_t timestamp = ksi_take_i64(request);
    int64_t offset = 0;
    KSI_TAKEN(request, error);
    KS_TRY(session->transport->class->offset_at(session->transport, at, timestamp, &offset, error));
    ksi_put_i64(answer, offset);
    return KS_OK;
}

static ks_status call_partition_bytes(ksi_session *session, ksi_frame_reader *request,
                                      ksi_buffer *answer, ks_error *error)
{
    ksi_topic_partition at = take_place(request);
    int64_t bytes = 0;
    KSI_TAKEN(request, error);
    KS_TRY(session->transport->class->partition_bytes(session->transport, at, &bytes, error));
    ksi_put_i64(answer, bytes);
    return KS_OK;
}

static ks_status call_delete_records(ksi_session *session, ksi_frame_reader *request,
                                     ksi_buffer *answer, ks_error *error)
{
    (void)answer;
    ksi_topic_partition at = take_place(request);
    int64_t before = ksi_take_i64(request);
    KSI_TAKEN(request, error);
    return session->transport->class->delete_records(session->transport, at, before, error);
}

/* ---- groups ---------------------------------------------------------------------------------- */

static ks_status call_committed(ksi_session *session, ksi_frame_reader *request, ksi_buffer *answer,
                                ks_error *error)
{
    const char *group = ksi_take_text(request);
    uint32_t count = ksi_take_count(request, 9);
    ksi_group_offset *offsets = ksi_arena_alloc(&session->arena, count * sizeof *offsets);
    for (uint32_t i = 0; i < count; i++) {
        offsets[i] = (ksi_group_offset){.partition = take_place(request)};
    }
    KSI_TAKEN(request, error);
    KS_TRY(session->transport->class->committed(session->transport, group, offsets, count,
                                                &session->arena, error));
    for (uint32_t i = 0; i < count; i++) {
        ksi_put_i64(answer, offsets[i].offset);
        ksi_put_bytes(answer, offsets[i].metadata);
    }
    return KS_OK;
}

static ks_status call_commit_offsets(ksi_session *session, ksi_frame_reader *request,
                                     ksi_buffer *answer, ks_error *error)
{
    (void)answer;
    taken_commit taken;
    take_commit(session, request, &taken);
    KSI_TAKEN(request, error);
    return session->transport->class->commit_offsets(session->transport, &taken.commit, error);
}

static ks_status call_each_group(ksi_session *session, ksi_frame_reader *request,
                                 ksi_buffer *answer, ks_error *error)
{
    KSI_TAKEN(request, error);
    KS_TRY(session->transport->class->each_group(session->transport, put_name, answer, error));
    ksi_put_u8(answer, 0);
    return KS_OK;
}

static void put_offset(void *user, const ksi_group_offset *offset)
{
    put_name(user, offset->partition.topic);
    ksi_put_i32(user, offset->partition.partition);
    ksi_put_i64(user, offset->offset);
    ksi_put_bytes(user, offset->metadata);
}

static ks_status call_each_offset(ksi_session *session, ksi_frame_reader *request,
                                  ksi_buffer *answer, ks_error *error)
{
    const char *group = ksi_take_text(request);
    KSI_TAKEN(request, error);
    KS_TRY(session->transport->class->each_offset(session->transport, group, put_offset, answer,
                                                  error));
    ksi_put_u8(answer, 0);
    return KS_OK;
}

static void put_tasks(ksi_buffer *answer, const ksi_task_id *tasks, size_t count)
{
    ksi_put_u32(answer, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        ksi_put_i32(answer, tasks[i].subtopology);
        ksi_put_i32(answer, tasks[i].partition);
    }
}

static void put_inputs(ksi_buffer *answer, const ksi_topic_partition *inputs, size_t count)
{
    ksi_put_u32(answer, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        ksi_put_text(answer, inputs[i].topic);
        ksi_put_i32(answer, inputs[i].partition);
    }
}

static void put_member(void *user, const ksi_member_info *member)
{
    put_name(user, member->member);
    ksi_put_text(user, member->client_id);
    ksi_put_text(user, member->process_id);
    ksi_put_text(user, member->instance_id);
    ksi_put_text(user, member->endpoint);
    ksi_put_text(user, member->host);
    ksi_put_i32(user, member->generation);
    ksi_put_i32(user, member->capacity);
    ksi_put_i64(user, member->heard_ms);
    ksi_put_i64(user, member->session_timeout_ms);
    put_tasks(user, member->active, member->active_count);
    put_tasks(user, member->standby, member->standby_count);
    put_inputs(user, member->inputs, member->input_count);
}

static ks_status call_each_member(ksi_session *session, ksi_frame_reader *request,
                                  ksi_buffer *answer, ks_error *error)
{
    const char *group = ksi_take_text(request);
    KSI_TAKEN(request, error);
    KS_TRY(session->transport->class->each_member(session->transport, group, put_member, answer,
                                                  error));
    ksi_put_u8(answer, 0);
    return KS_OK;
}

static ks_status call_delete_group(ksi_session *session, ksi_frame_reader *request,
                                   ksi_buffer *answer, ks_error *error)
{
    (void)answer;
    const char *group = ksi_take_text(request);
    KSI_TAKEN(request, error);
    return session->transport->class->delete_group(session->transport, group, error);
}

static ks_status call_remove_members(ksi_session *session, ksi_frame_reader *request,
                                     ksi_buffer *answer, ks_error *error)
{
    (void)answer;
    const char *group = ksi_take_text(request);
    KSI_TAKEN(request, error);
    return session->transport->class->remove_members(session->transport, group, error);
}

/* ---- reading --------------------------------------------------------------------------------- */

static ks_status call_open_consumer(ksi_session *session, ksi_frame_reader *request,
                                    ksi_buffer *answer, ks_error *error)
{
    (void)answer;
    request->failed = request->failed || session->consumer != NULL;
    KSI_TAKEN(request, error);
    session->consumer =
        session->transport->class->open_consumer(session->transport, KSI_READS_LOG, error);
    return session->consumer != NULL ? KS_OK : error->code;
}

static ks_status call_assign(ksi_session *session, ksi_frame_reader *request, ksi_buffer *answer,
                             ks_error *error)
{
    ksi_topic_partition at = take_place(request);
    int64_t offset = ksi_take_i64(request);
    size_t slot = 0;
    request->failed = request->failed || session->consumer == NULL;
    KSI_TAKEN(request, error);
    KSI_CHECK(session->consumer != NULL);
    KS_TRY(session->consumer->class->assign(session->consumer, at, offset, &slot, error));
    size_t had = session->slot_capacity;
    session->slots =
        ksi_grow(session->slots, &session->slot_capacity, slot + 1, sizeof *session->slots);
    if (session->slot_capacity > had) {
        memset(session->slots + had, 0, (session->slot_capacity - had) * sizeof *session->slots);
    }
    session->slots[slot] = true;
    ksi_put_u32(answer, (uint32_t)slot);
    return KS_OK;
}

/* A slot that is assigned, or the request fails. */
static size_t take_slot(ksi_session *session, ksi_frame_reader *request)
{
    size_t slot = ksi_take_u32(request);
    if (session->consumer == NULL || slot >= session->slot_capacity || !session->slots[slot]) {
        request->failed = true;
    }
    return slot;
}

static ks_status call_unassign(ksi_session *session, ksi_frame_reader *request, ksi_buffer *answer,
                               ks_error *error)
{
    (void)answer;
    size_t slot = take_slot(session, request);
    KSI_TAKEN(request, error);
    session->consumer->class->unassign(session->consumer, slot);
    session->slots[slot] = false;
    return KS_OK;
}

/* How many records to ask for next, by the size of those that are there. */
static size_t next_request(const ksi_batch *page)
{
    if (page->count == 0) {
        return 16;
    }
    size_t each = page->size / page->count + 1;
    size_t room = (KSI_PAGE_BYTES - page->size) / each + 1;
    return room < FETCH_RECORDS ? room : FETCH_RECORDS;
}

static ks_status fill_page(ksi_session *session, size_t slot, ks_error *error)
{
    ksi_consumer *consumer = session->consumer;
    ks_log_record records[FETCH_RECORDS];
    size_t count = 1;
    ksi_batch_clear(session->page);
    while (count > 0 && session->page->size < KSI_PAGE_BYTES) {
        ks_status status = consumer->class->poll(consumer, slot, records,
                                                 next_request(session->page), &count, error);
        if (status != KS_OK) {
            /* What was read before is given first; the next request meets the error again. */
            return session->page->count > 0 ? KS_OK : status;
        }
        for (size_t i = 0; i < count; i++) {
            KS_TRY(ksi_batch_append_at(session->page, &records[i], records[i].offset, error));
        }
    }
    return KS_OK;
}

static ks_status call_fetch(ksi_session *session, ksi_frame_reader *request, ksi_buffer *answer,
                            ks_error *error)
{
    size_t slot = take_slot(session, request);
    KSI_TAKEN(request, error);
    KS_TRY(fill_page(session, slot, error));
    ksi_batch *page = session->page;
    if (page->size > KSI_FRAME_MAX_BYTES - 64) {
        return ksi_error_set(error, KS_E_LIMIT, "log socket",
                             "the record at offset %lld has %zu bytes; another process is given at "
                             "most %u at once",
                             (long long)page->base_offset, page->size, KSI_FRAME_MAX_BYTES);
    }
    ksi_put_i64(answer, session->consumer->class->position(session->consumer, slot));
    ksi_put_i64(answer, session->consumer->class->end_offset(session->consumer, slot));
    if (page->count == 0) {
        ksi_put_bytes(answer, ks_slice_null());
        return KS_OK;
    }
    ksi_batch_seal(page);
    ksi_batch_place(page, page->base_offset);
    ksi_put_bytes(answer, ks_slice_of(page->bytes, page->size));
    return KS_OK;
}

static ks_status call_watch(ksi_session *session, ksi_frame_reader *request, ksi_buffer *answer,
                            ks_error *error)
{
    (void)answer;
    size_t slot = take_slot(session, request);
    bool watched = ksi_take_u8(request) != 0;
    KSI_TAKEN(request, error);
    session->consumer->class->watch(session->consumer, slot, watched);
    return KS_OK;
}

/* ---- writing --------------------------------------------------------------------------------- */

static ks_status call_open_producer(ksi_session *session, ksi_frame_reader *request,
                                    ksi_buffer *answer, ks_error *error)
{
    (void)answer;
    const char *id = ksi_take_optional_text(request);
    request->failed = request->failed || session->producer != NULL;
    KSI_TAKEN(request, error);
    const ksi_producer_options options = {.transactional_id = id};
    session->producer =
        session->transport->class->open_producer(session->transport, &options, error);
    return session->producer != NULL ? KS_OK : error->code;
}

static ks_status call_produce(ksi_session *session, ksi_frame_reader *request, ksi_buffer *answer,
                              ks_error *error)
{
    (void)answer;
    ksi_topic_partition at = take_place(request);
    ksi_batch_cursor cursor = {0};
    request->failed = request->failed || session->producer == NULL;
    (void)ksi_take_records(request, &cursor);
    KSI_TAKEN(request, error);
    ks_log_record record = {0};
    ksi_arena_mark mark = ksi_arena_save(&session->arena);
    while (ksi_batch_next(&cursor, &record, &session->arena)) {
        record.partition = at.partition;
        KS_TRY(session->producer->class->send(session->producer, 0, at.topic, &record, error));
        ksi_arena_release(&session->arena, mark);
    }
    return KS_OK;
}

static ks_status call_flush(ksi_session *session, ksi_frame_reader *request, ksi_buffer *answer,
                            ks_error *error)
{
    (void)answer;
    request->failed = request->failed || session->producer == NULL;
    KSI_TAKEN(request, error);
    KSI_CHECK(session->producer != NULL);
    return session->producer->class->flush(session->producer, error);
}

static ks_status call_commit(ksi_session *session, ksi_frame_reader *request, ksi_buffer *answer,
                             ks_error *error)
{
    (void)answer;
    taken_commit taken;
    bool has_offsets = ksi_take_u8(request) != 0;
    if (has_offsets) {
        take_commit(session, request, &taken);
    }
    request->failed = request->failed || session->producer == NULL;
    KSI_TAKEN(request, error);
    KSI_CHECK(session->producer != NULL);
    return session->producer->class->commit(session->producer, has_offsets ? &taken.commit : NULL,
                                            error);
}

static ks_status call_abort(ksi_session *session, ksi_frame_reader *request, ksi_buffer *answer,
                            ks_error *error)
{
    (void)answer;
    request->failed = request->failed || session->producer == NULL;
    KSI_TAKEN(request, error);
    KSI_CHECK(session->producer != NULL);
    return session->producer->class->abort(session->producer, error);
}

static ks_status call_last_offset(ksi_session *session, ksi_frame_reader *request,
                                  ksi_buffer *answer, ks_error *error)
{
    ksi_topic_partition at = take_place(request);
    request->failed = request->failed || session->producer == NULL;
    KSI_TAKEN(request, error);
    KSI_CHECK(session->producer != NULL);
    ksi_put_i64(answer, session->producer->class->last_offset(session->producer, at));
    return KS_OK;
}

/* ---- the session ----------------------------------------------------------------------------- */

static call_fn *const calls[KSI_CALL_COUNT] = {
    [KSI_CALL_HELLO] = call_hello,
    [KSI_CALL_CREATE_TOPIC] = call_create_topic,
    [KSI_CALL_DELETE_TOPIC] = call_delete_topic,
    [KSI_CALL_PARTITION_COUNT] = call_partition_count,
    [KSI_CALL_EACH_TOPIC] = call_each_topic,
    [KSI_CALL_EACH_CONFIG] = call_each_config,
    [KSI_CALL_SET_CONFIG] = call_set_config,
    [KSI_CALL_OFFSETS] = call_offsets,
    [KSI_CALL_OFFSET_AT] = call_offset_at,
    [KSI_CALL_PARTITION_BYTES] = call_partition_bytes,
    [KSI_CALL_DELETE_RECORDS] = call_delete_records,
    [KSI_CALL_COMMITTED] = call_committed,
    [KSI_CALL_COMMIT_OFFSETS] = call_commit_offsets,
    [KSI_CALL_EACH_GROUP] = call_each_group,
    [KSI_CALL_EACH_OFFSET] = call_each_offset,
    [KSI_CALL_EACH_MEMBER] = call_each_member,
    [KSI_CALL_DELETE_GROUP] = call_delete_group,
    [KSI_CALL_REMOVE_MEMBERS] = call_remove_members,
    [KSI_CALL_OPEN_CONSUMER] = call_open_consumer,
    [KSI_CALL_ASSIGN] = call_assign,
    [KSI_CALL_UNASSIGN] = call_unassign,
    [KSI_CALL_FETCH] = call_fetch,
    [KSI_CALL_WATCH] = call_watch,
    [KSI_CALL_OPEN_PRODUCER] = call_open_producer,
    [KSI_CALL_PRODUCE] = call_produce,
    [KSI_CALL_FLUSH] = call_flush,
    [KSI_CALL_COMMIT] = call_commit,
    [KSI_CALL_ABORT] = call_abort,
    [KSI_CALL_LAST_OFFSET] = call_last_offset,
};

void ksi_session_init(ksi_session *session, ksi_transport *transport)
{
    *session = (ksi_session){.transport = transport, .page = ksi_batch_new()};
    ksi_arena_init(&session->arena, 0);
}

void ksi_session_end(ksi_session *session)
{
    if (session->consumer != NULL) {
        session->consumer->class->close(session->consumer);
    }
    if (session->producer != NULL) {
        session->producer->class->close(session->producer);
    }
    ksi_batch_release(session->page);
    ksi_arena_destroy(&session->arena);
    ksi_free(session->slots);
}

bool ksi_session_answer(ksi_session *session, ks_slice request, ksi_buffer *answer)
{
    ksi_frame_reader reader = ksi_frame_reader_of(request);
    ks_error error = {0};
    uint8_t number = ksi_take_u8(&reader);
    call_fn *call = number < KSI_CALL_COUNT ? calls[number] : NULL;
    ksi_frame_begin(answer);
    if (call == NULL || (number != KSI_CALL_HELLO && !session->is_greeted)) {
        (void)malformed(&error);
        ksi_put_error(answer, &error);
        return false;
    }
    ksi_put_u8(answer, 0);
    ks_status status = call(session, &reader, answer, &error);
    if (status != KS_OK) {
        ksi_put_error(answer, &error);
    }
    ksi_arena_reset(&session->arena);
    return !reader.failed;
}
