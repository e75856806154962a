/* SPDX-License-Identifier: Apache-2.0 */
/*
 * remote_transport.c - the calls of a transport, asked of the process that holds the log.
 *
 * Visitors are called after the whole answer has been taken, and without the lock: they may ask for
 * more. So lists are copied first.
 *
 * Thread rule: any thread; `lock` makes the calls take turns.
 */
#include "transport/remote/remote_transport.h"

#include "base/error.h"
#include "base/memory.h"

static ksi_remote *remote_of(ksi_transport *transport)
{
    return (ksi_remote *)transport;
}

/* Takes the connection for a request; end() gives it back. */
static ksi_buffer *begin(ksi_remote *remote, ksi_call call)
{
    ksi_mutex_lock(&remote->lock);
    return ksi_remote_begin(remote->connection, call);
}

static ks_status end(ksi_remote *remote, ks_status status)
{
    ksi_mutex_unlock(&remote->lock);
    return status;
}

static ks_status tell(ksi_remote *remote, ks_error *error)
{
    return end(remote, ksi_remote_tell(remote->connection, error));
}

/* For an answer of up to two numbers; `second` may be NULL. */
static ks_status ask_numbers(ksi_remote *remote, int64_t *first, int64_t *second, ks_error *error)
{
    ksi_frame_reader answer;
    ks_status status = ksi_remote_ask(remote->connection, &answer, error);
    if (status == KS_OK) {
        int64_t one = ksi_take_i64(&answer);
        int64_t two = second != NULL ? ksi_take_i64(&answer) : 0;
        status = ksi_remote_done(remote->connection, &answer, error);
        if (status == KS_OK) {
            *first = one;
        }
        if (status == KS_OK && second != NULL) {
            *second = two;
        }
    }
    return end(remote, status);
}

/* ---- lists ----------------------------------------------------------------------------------- */

/* Asks for a list and copies the answer, so that the connection is free while it is visited. */
static ks_status ask_list(ksi_remote *remote, ksi_buffer *copy, ks_error *error)
{
    ksi_frame_reader answer;
    ks_status status = ksi_remote_ask(remote->connection, &answer, error);
    if (status == KS_OK) {
        ksi_buffer_append(copy, answer.at, (size_t)(answer.end - answer.at));
    }
    return end(remote, status);
}

typedef void take_item_fn(ksi_frame_reader *list, void *visit, void *user);

typedef struct visited {
    take_item_fn *take; /* takes an item and, unless it is malformed, visits it */
    void *visit;        /* a pointer to the visitor's function */
    void *user;
} visited;

/* An answer that ends in its middle ends the visits; the holder is of another version then. */
static ks_status visit_list(ksi_remote *remote, const visited *by, ks_error *error)
{
    ksi_buffer copy = {0};
    ks_status status = ask_list(remote, &copy, error);
    if (status == KS_OK) {
        ksi_frame_reader list = ksi_frame_reader_of(ksi_buffer_slice(&copy));
        while (ksi_take_u8(&list) != 0) {
            by->take(&list, by->visit, by->user);
        }
        ksi_mutex_lock(&remote->lock);
        status = end(remote, ksi_remote_done(remote->connection, &list, error));
    }
    ksi_buffer_destroy(&copy);
    return status;
}

static void take_topic(ksi_frame_reader *list, void *visit, void *user)
{
    const char *name = ksi_take_text(list);
    if (!list->failed) {
        (*(ksi_topic_visit_fn **)visit)(user, name);
    }
}

static ks_status remote_each_topic(ksi_transport *transport, ksi_topic_visit_fn *visit, void *user,
                                   ks_error *error)
{
    ksi_remote *remote = remote_of(transport);
    const visited by = {.take = take_topic, .visit = (void *)&visit, .user = user};
    (void)begin(remote, KSI_CALL_EACH_TOPIC);
    return visit_list(remote, &by, error);
}

static ks_status remote_each_group(ksi_transport *transport, ksi_group_visit_fn *visit, void *user,
                                   ks_error *error)
{
    ksi_remote *remote = remote_of(transport);
    ksi_topic_visit_fn *same = visit;
    const visited by = {.take = take_topic, .visit = (void *)&same, .user = user};
    (void)begin(remote, KSI_CALL_EACH_GROUP);
    return visit_list(remote, &by, error);
}

static void take_config(ksi_frame_reader *list, void *visit, void *user)
{
    ksi_topic_config config = {.name = ksi_take_text(list)};
    config.value = ksi_take_text(list);
    bool is_default = ksi_take_u8(list) != 0;
    if (!list->failed) {
        (*(ksi_config_visit_fn **)visit)(user, &config, is_default);
    }
}

static ks_status remote_each_config(ksi_transport *transport, const char *topic,
                                    ksi_config_visit_fn *visit, void *user, ks_error *error)
{
    ksi_remote *remote = remote_of(transport);
    const visited by = {.take = take_config, .visit = (void *)&visit, .user = user};
    ksi_put_text(begin(remote, KSI_CALL_EACH_CONFIG), topic);
    return visit_list(remote, &by, error);
}

static void take_offset(ksi_frame_reader *list, void *visit, void *user)
{
    ksi_group_offset offset = {.partition.topic = ksi_take_text(list)};
    offset.partition.partition = ksi_take_i32(list);
    offset.offset = ksi_take_i64(list);
    offset.metadata = ksi_take_bytes(list);
    if (!list->failed) {
        (*(ksi_offset_visit_fn **)visit)(user, &offset);
    }
}

static ks_status remote_each_offset(ksi_transport *transport, const char *group,
                                    ksi_offset_visit_fn *visit, void *user, ks_error *error)
{
    ksi_remote *remote = remote_of(transport);
    const visited by = {.take = take_offset, .visit = (void *)&visit, .user = user};
    ksi_put_text(begin(remote, KSI_CALL_EACH_OFFSET), group);
    return visit_list(remote, &by, error);
}

static ksi_task_id *take_tasks(ksi_frame_reader *list, size_t *count)
{
    *count = ksi_take_count(list, 8);
    ksi_task_id *tasks = ksi_calloc(*count + 1, sizeof *tasks);
    for (size_t i = 0; i < *count; i++) {
        tasks[i].subtopology = ksi_take_i32(list);
        tasks[i].partition = ksi_take_i32(list);
    }
    return tasks;
}

static ksi_topic_partition *take_inputs(ksi_frame_reader *list, size_t *count)
{
    *count = ksi_take_count(list, 9);
    ksi_topic_partition *inputs = ksi_calloc(*count + 1, sizeof *inputs);
    for (size_t i = 0; i < *count; i++) {
        inputs[i].topic = ksi_take_text(list);
        inputs[i].partition = ksi_take_i32(list);
    }
    return inputs;
}

static void take_member(ksi_frame_reader *list, void *visit, void *user)
{
    ksi_member_info member = {.member = ksi_take_text(list)};
    member.client_id = ksi_take_text(list);
    member.process_id = ksi_take_optional_text(list);
    member.instance_id = ksi_take_optional_text(list);
    member.endpoint = ksi_take_optional_text(list);
    member.host = ksi_take_optional_text(list);
    member.generation = ksi_take_i32(list);
    member.capacity = ksi_take_i32(list);
    member.heard_ms = ksi_take_i64(list);
    member.session_timeout_ms = ksi_take_i64(list);
    ksi_task_id *active = take_tasks(list, &member.active_count);
    ksi_task_id *standby = take_tasks(list, &member.standby_count);
    ksi_topic_partition *inputs = take_inputs(list, &member.input_count);
    member.active = active;
    member.standby = standby;
    member.inputs = inputs;
    if (!list->failed) {
        (*(ksi_member_visit_fn **)visit)(user, &member);
    }
    ksi_free(active);
    ksi_free(standby);
    ksi_free(inputs);
}

static ks_status remote_each_member(ksi_transport *transport, const char *group,
                                    ksi_member_visit_fn *visit, void *user, ks_error *error)
{
    ksi_remote *remote = remote_of(transport);
    const visited by = {.take = take_member, .visit = (void *)&visit, .user = user};
    ksi_put_text(begin(remote, KSI_CALL_EACH_MEMBER), group);
    return visit_list(remote, &by, error);
}

/* ---- topics ---------------------------------------------------------------------------------- */

static ks_status remote_create_topic(ksi_transport *transport, const ksi_topic_spec *spec,
                                     ks_error *error)
{
    ksi_remote *remote = remote_of(transport);
    ksi_buffer *request = begin(remote, KSI_CALL_CREATE_TOPIC);
    ksi_put_text(request, spec->name);
    ksi_put_i32(request, spec->partitions);
    ksi_put_u32(request, (uint32_t)spec->config_count);
    for (size_t i = 0; i < spec->config_count; i++) {
        ksi_put_text(request, spec->configs[i].name);
        ksi_put_text(request, spec->configs[i].value);
    }
    return tell(remote, error);
}

static ks_status remote_delete_topic(ksi_transport *transport, const char *topic, ks_error *error)
{
    ksi_remote *remote = remote_of(transport);
    ksi_put_text(begin(remote, KSI_CALL_DELETE_TOPIC), topic);
    return tell(remote, error);
}

static ks_status remote_partition_count(ksi_transport *transport, const char *topic, int32_t *count,
                                        ks_error *error)
{
    ksi_remote *remote = remote_of(transport);
    ksi_frame_reader answer;
    ksi_put_text(begin(remote, KSI_CALL_PARTITION_COUNT), topic);
    ks_status status = ksi_remote_ask(remote->connection, &answer, error);
    if (status == KS_OK) {
        *count = ksi_take_i32(&answer);
        status = ksi_remote_done(remote->connection, &answer, error);
    }
    return end(remote, status);
}

static ks_status remote_set_config(ksi_transport *transport, const char *topic,
                                   const ksi_topic_config *config, ks_error *error)
{
    ksi_remote *remote = remote_of(transport);
    ksi_buffer *request = begin(remote, KSI_CALL_SET_CONFIG);
    ksi_put_text(request, topic);
    ksi_put_text(request, config->name);
    ksi_put_text(request, config->value);
    return tell(remote, error);
}

/* ---- offsets --------------------------------------------------------------------------------- */

static ks_status remote_offsets(ksi_transport *transport, ksi_topic_partition at, int64_t *first,
                                int64_t *last, ks_error *error)
{
    ksi_remote *remote = remote_of(transport);
    ksi_put_place(begin(remote, KSI_CALL_OFFSETS), at);
    return ask_numbers(remote, first, last, error);
}

static ks_status remote_offset_at(ksi_transport *transport, ksi_topic_partition at,
                                  int64_t timestamp, int64_t *offset, ks_error *error)
{
    ksi_remote *remote = remote_of(transport);
    ksi_buffer *request = begin(remote, KSI_CALL_OFFSET_AT);
    ksi_put_place(request, at);
    ksi_put_i64(request, timestamp);
    return ask_numbers(remote, offset, NULL, error);
}

static ks_status remote_partition_bytes(ksi_transport *transport, ksi_topic_partition at,
                                        int64_t *bytes, ks_error *error)
{
    ksi_remote *remote = remote_of(transport);
    ksi_put_place(begin(remote, KSI_CALL_PARTITION_BYTES), at);
    return ask_numbers(remote, bytes, NULL, error);
}

static ks_status remote_delete_records(ksi_transport *transport, ksi_topic_partition at,
                                       int64_t before, ks_error *error)
{
    ksi_remote *remote = remote_of(transport);
    ksi_buffer *request = begin(remote, KSI_CALL_DELETE_RECORDS);
    ksi_put_place(request, at);
    ksi_put_i64(request, before);
    return tell(remote, error);
}

/* ---- groups ---------------------------------------------------------------------------------- */

static ks_status remote_committed(ksi_transport *transport, const char *group,
                                  ksi_group_offset *offsets, size_t count, ks_arena *arena,
                                  ks_error *error)
{
    ksi_remote *remote = remote_of(transport);
    ksi_buffer *request = begin(remote, KSI_CALL_COMMITTED);
    ksi_put_text(request, group);
    ksi_put_u32(request, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        ksi_put_place(request, offsets[i].partition);
    }
    ksi_frame_reader answer;
    ks_status status = ksi_remote_ask(remote->connection, &answer, error);
    for (size_t i = 0; status == KS_OK && i < count; i++) {
        offsets[i].offset = ksi_take_i64(&answer);
        offsets[i].metadata = ksi_arena_copy(arena, ksi_take_bytes(&answer));
    }
    if (status == KS_OK) {
        status = ksi_remote_done(remote->connection, &answer, error);
    }
    return end(remote, status);
}

static ks_status remote_commit_offsets(ksi_transport *transport, const ksi_offset_commit *commit,
                                       ks_error *error)
{
    ksi_remote *remote = remote_of(transport);
    ksi_put_commit(begin(remote, KSI_CALL_COMMIT_OFFSETS), commit);
    return tell(remote, error);
}

static ks_status remote_delete_group(ksi_transport *transport, const char *group, ks_error *error)
{
    ksi_remote *remote = remote_of(transport);
    ksi_put_text(begin(remote, KSI_CALL_DELETE_GROUP), group);
    return tell(remote, error);
}

static ks_status remote_remove_members(ksi_transport *transport, const char *group, ks_error *error)
{
    ksi_remote *remote = remote_of(transport);
    ksi_put_text(begin(remote, KSI_CALL_REMOVE_MEMBERS), group);
    return tell(remote, error);
}

static ksi_membership *remote_join(ksi_transport *transport, const ksi_member_options *options,
                                   int64_t now_ms, ks_error *error)
{
    (void)now_ms;
    (void)ksi_error_set(error, KS_E_STATE, options->group,
                        "another process holds the log (its socket is %s), and applications run "
                        "in that process only; run this one there, or stop that one first",
                        remote_of(transport)->path);
    return NULL;
}

/* ---- life ------------------------------------------------------------------------------------ */

static void remote_retain(ksi_transport *transport)
{
    atomic_fetch_add(&remote_of(transport)->references, 1);
}

static void remote_release(ksi_transport *transport)
{
    ksi_remote *remote = remote_of(transport);
    if (atomic_fetch_sub(&remote->references, 1) > 1) {
        return;
    }
    ksi_remote_disconnect(remote->connection);
    ksi_mutex_destroy(&remote->lock);
    ksi_free(remote->path);
    ksi_free(remote);
}

static const ksi_transport_class remote_class = {
    .commits_at_once = true,
    .retain = remote_retain,
    .release = remote_release,
    .create_topic = remote_create_topic,
    .delete_topic = remote_delete_topic,
    .partition_count = remote_partition_count,
    .each_topic = remote_each_topic,
    .each_config = remote_each_config,
    .set_config = remote_set_config,
    .offsets = remote_offsets,
    .offset_at = remote_offset_at,
    .partition_bytes = remote_partition_bytes,
    .delete_records = remote_delete_records,
    .committed = remote_committed,
    .commit_offsets = remote_commit_offsets,
    .each_group = remote_each_group,
    .each_offset = remote_each_offset,
    .each_member = remote_each_member,
    .delete_group = remote_delete_group,
    .remove_members = remote_remove_members,
    .join = remote_join,
    .open_consumer = ksi_remote_consumer_open,
    .open_producer = ksi_remote_producer_open,
};

ksi_transport *ksi_remote_transport_open(const char *path, ks_error *error)
{
    ksi_remote_connection *connection = ksi_remote_connect(path, error);
    if (connection == NULL) {
        return NULL;
    }
    ksi_remote *remote = ksi_calloc(1, sizeof *remote);
    remote->transport.class = &remote_class;
    atomic_init(&remote->references, 1);
    remote->path = ksi_strdup(path);
    remote->connection = connection;
    ksi_mutex_init(&remote->lock);
    return &remote->transport;
}
