/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kafka_group_offsets.c - OffsetCommit and OffsetFetch over a link, waited for.
 *
 * Both may be repeated without harm: a commit says what is so, not what changes. So a request whose
 * answer was lost is sent once more here, over a new connection: most often the broker had closed
 * an idle one while the request was on its way. A second loss is the caller's, flagged retriable.
 *
 * What is temporary (the coordinator moved, is loading; a transaction is still open) is asked again
 * until the request timeout is over. The member that commits may meanwhile have a newer generation,
 * so its refusal is never repeated here. A transaction may stay open for long, and then a task does
 * not begin for no visible reason; so that, and only that, is told to the log.
 *
 * A broker may not have heard of a topic yet, so a member that is refused for that may commit
 * again; for a tool there is no such topic.
 *
 * Thread rule: any; the lock is held while a call waits.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/thread.h"
#include "membership/kafka/coordinator_link.h"
#include "membership/kafka/kafka_error.h"
#include "membership/kafka/kafka_group.h"
#include "net/address.h"

/* So long an open transaction is nothing special. */
#define UNSTABLE_MS 3000

struct ksi_kafka_group_offsets {
    ksi_mutex lock;
    ksi_logger *logger;
    char *bootstrap_servers;
    char *client_id;
    ksi_kafka_cluster cluster; /* with those texts */
    ksi_coordinator_link *link;
    char *group; /* whose coordinator the link leads to; NULL: there is no link yet */
    ksi_buffer body;
    ks_arena answers;
};

/* A call of a caller's. */
typedef struct offset_call {
    ksi_api api;
    const char *group;
    const char *what; /* "committing offsets" */
    int64_t began_ms;
    int64_t deadline_ms;
    bool lost_before;
    bool has_told;    /* that a transaction is open */
    ks_error refused; /* what was temporary the last time; KS_OK: nothing */
    ks_error ignored; /* in place of an error that the caller does not want */
} offset_call;

static int64_t now(void)
{
    return ksi_monotonic_ms(&ksi_system_clock);
}

ksi_kafka_group_offsets *ksi_kafka_group_offsets_open(const ksi_kafka_cluster *cluster,
                                                      ksi_logger *logger, ks_error *error)
{
    ksi_address_list servers;
    ks_status status = ksi_address_list_parse(&servers, cluster->bootstrap_servers, KSI_KAFKA_PORT,
                                              "bootstrap.servers", error);
    ksi_address_list_destroy(&servers);
    if (status != KS_OK) {
        return NULL;
    }
    ksi_kafka_group_offsets *offsets = ksi_calloc(1, sizeof *offsets);
    ksi_mutex_init(&offsets->lock);
    offsets->logger = logger;
    offsets->bootstrap_servers = ksi_strdup(cluster->bootstrap_servers);
    offsets->client_id = ksi_strdup(cluster->client_id);
    offsets->cluster = *cluster;
    offsets->cluster.bootstrap_servers = offsets->bootstrap_servers;
    offsets->cluster.client_id = offsets->client_id;
    offsets->cluster.request_timeout_ms = ksi_kafka_request_timeout_ms(cluster);
    ksi_arena_init(&offsets->answers, 0);
    return offsets;
}

void ksi_kafka_group_offsets_close(ksi_kafka_group_offsets *offsets)
{
    if (offsets == NULL) {
        return;
    }
    ksi_coordinator_link_free(offsets->link);
    ksi_free(offsets->group);
    ksi_free(offsets->bootstrap_servers);
    ksi_free(offsets->client_id);
    ksi_buffer_destroy(&offsets->body);
    ksi_arena_destroy(&offsets->answers);
    ksi_mutex_destroy(&offsets->lock);
    ksi_free(offsets);
}

/* Groups have coordinators of their own; an application has one group. */
static ks_status link_to(ksi_kafka_group_offsets *offsets, const char *group, ks_error *error)
{
    if (offsets->group != NULL && strcmp(offsets->group, group) == 0) {
        return KS_OK;
    }
    /* Without a logger: whoever calls is told, and the member's link tells the log. */
    ksi_coordinator_link *link = ksi_coordinator_link_new(&offsets->cluster, group, NULL, error);
    if (link == NULL) {
        return KS_E_CONFIG;
    }
    ksi_coordinator_link_free(offsets->link);
    ksi_free(offsets->group);
    offsets->link = link;
    offsets->group = ksi_strdup(group);
    return KS_OK;
}

/*
 * Begins a call, with the lock held from then on; the request goes to `body`. `*error` is one to
 * fill in any case.
 */
static ks_status begin(ksi_kafka_group_offsets *offsets, offset_call *call, ks_error **error)
{
    *error = *error != NULL ? *error : &call->ignored;
    ksi_mutex_lock(&offsets->lock);
    call->began_ms = now();
    call->deadline_ms = call->began_ms + offsets->cluster.request_timeout_ms;
    ksi_buffer_clear(&offsets->body);
    return link_to(offsets, call->group, *error);
}

/* One request with what is in `body`, and its answer. */
static ks_status ask(ksi_kafka_group_offsets *offsets, offset_call *call, ks_slice *answer,
                     ks_error *error)
{
    for (;;) {
        int64_t now_ms = now();
        ksi_coordinator_link_send(offsets->link, call->api, ksi_buffer_slice(&offsets->body),
                                  call->deadline_ms - now_ms, now_ms);
        ksi_link_state state = ksi_coordinator_link_await(offsets->link, answer, error);
        if (state == KSI_LINK_ANSWERED) {
            return KS_OK;
        }
        bool over = now() >= call->deadline_ms;
        if (over && call->refused.code != KS_OK) {
            *error = call->refused; /* the time went by with waiting for that */
            return error->code;
        }
        if (state == KSI_LINK_UNSENT || call->lost_before || over) {
            ksi_error_prefix(error, "%s: ", call->what);
            return error->code;
        }
        call->lost_before = true;
    }
}

/* The first partition that was refused; NULL: none was. */
static const ksi_offset_answer *first_refused(const ksi_offset_answers *answers)
{
    for (size_t i = 0; i < answers->count; i++) {
        if (answers->list[i].error_code != KSI_KAFKA_NONE) {
            return &answers->list[i];
        }
    }
    return NULL;
}

/* An answer's code as an error: where is the group, or a partition. */
static ks_status refusal(const offset_call *call, int16_t code, const ksi_offset_answer *partition,
                         ks_error *error)
{
    char where[160];
    if (partition != NULL) {
        (void)snprintf(where, sizeof where, "group %s, %.*s-%" PRId32, call->group,
                       KS_SLICE_ARGS(partition->topic), partition->partition);
    } else {
        (void)snprintf(where, sizeof where, "group %s", call->group);
    }
    return ksi_kafka_code_error(code, where, call->what, error);
}

/* Once a call. */
static void tell_unstable(ksi_kafka_group_offsets *offsets, offset_call *call)
{
    if (!call->has_told && now() - call->began_ms >= UNSTABLE_MS) {
        call->has_told = true;
        ksi_log(offsets->logger, KS_LOG_LEVEL_INFO, call->refused.where,
                "waiting for the end of a transaction that sent this offset: who began it may have "
                "been killed, and then the broker ends it when its transaction.timeout.ms is over");
    }
}

/*
 * What the answers say; `*again`: it is temporary, so the same is to be asked again.
 */
static ks_status judge(ksi_kafka_group_offsets *offsets, offset_call *call,
                       const ksi_offset_answers *answers, bool *again, ks_error *error)
{
    const ksi_offset_answer *refused = first_refused(answers);
    int16_t code = answers->error_code;
    if (code == KSI_KAFKA_NONE && refused != NULL) {
        code = refused->error_code;
    } else {
        refused = NULL;
    }
    *again = ksi_coordinator_link_heed(offsets->link, code, now());
    if (!*again) {
        return refusal(call, code, refused, error);
    }
    (void)refusal(call, code, refused, &call->refused);
    if (code == KSI_KAFKA_UNSTABLE_OFFSET_COMMIT) {
        tell_unstable(offsets, call);
    }
    return KS_OK;
}

/* ---- commit ---------------------------------------------------------------------------------- */

static ks_status commit(ksi_kafka_group_offsets *offsets, offset_call *call, size_t count,
                        ks_error *error)
{
    for (bool again = true; again;) {
        ks_slice body;
        ksi_offset_answers answers;
        ksi_arena_reset(&offsets->answers);
        KS_TRY(ask(offsets, call, &body, error));
        KS_TRY(ksi_take_offset_commit(body, &offsets->answers, &answers, error));
        KS_TRY(judge(offsets, call, &answers, &again, error));
        if (!again && answers.count != count) {
            return ksi_error_set(error, KS_E_IO, call->group,
                                 "%s: the broker answered for %zu of %zu partitions", call->what,
                                 answers.count, count);
        }
    }
    return KS_OK;
}

/*
 * Whom it is about. A group that has members takes offsets from them only, and knows nobody else. A
 * member read the topic, so it is there: @java ConsumerCoordinator#OffsetCommitResponseHandler
 */
static ks_status judge_by_sender(ks_status status, const char *group, bool is_member,
                                 ks_error *error)
{
    if (is_member) {
        return status == KS_E_UNKNOWN_TOPIC ? ksi_error_flag(error, KS_ERROR_RETRIABLE) : status;
    }
    if (status != KS_E_FENCED) {
        return status;
    }
    return ksi_error_set(error, KS_E_STATE, group,
                         "its offsets cannot be set while it has members: stop all instances of "
                         "the application first");
}

ks_status ksi_kafka_group_offsets_commit(ksi_kafka_group_offsets *offsets, const char *group,
                                         const ksi_generation *generation,
                                         const ksi_kafka_offset *list, size_t count,
                                         ks_error *error)
{
    if (count == 0) {
        return KS_OK;
    }
    offset_call call = {.api = KSI_API_OFFSET_COMMIT, .group = group, .what = "committing offsets"};
    ks_status status = begin(offsets, &call, &error);
    if (status == KS_OK) {
        ksi_put_offset_commit(&offsets->body, group, generation, list, count);
        status = commit(offsets, &call, count, error);
    }
    status = judge_by_sender(status, group, generation != NULL, error);
    ksi_mutex_unlock(&offsets->lock);
    return status;
}

/* ---- fetch ----------------------------------------------------------------------------------- */

static bool answers_for(const ksi_offset_answer *answer, const ksi_kafka_offset *offset)
{
    return answer->partition == offset->partition &&
           ks_slice_equal(answer->topic, ks_slice_cstr(offset->topic));
}

/* Brokers answer in the order of the request, so the answer is looked for from `at` on. */
static const ksi_offset_answer *answer_for(const ksi_offset_answers *answers,
                                           const ksi_kafka_offset *offset, size_t at)
{
    for (size_t i = 0; i < answers->count; i++) {
        const ksi_offset_answer *answer = &answers->list[(at + i) % answers->count];
        if (answers_for(answer, offset)) {
            return answer;
        }
    }
    return NULL;
}

static ks_status fill(const offset_call *call, const ksi_offset_answers *answers,
                      ksi_kafka_offset *list, size_t count, ks_arena *arena, ks_error *error)
{
    for (size_t i = 0; i < count; i++) {
        const ksi_offset_answer *answer = answer_for(answers, &list[i], i);
        if (answer == NULL) {
            return ksi_error_set(error, KS_E_IO, call->group,
                                 "%s: the broker did not answer for %s-%" PRId32, call->what,
                                 list[i].topic, list[i].partition);
        }
        list[i].offset = answer->offset >= 0 ? answer->offset : -1;
        list[i].metadata = ks_arena_copy(arena, answer->metadata);
    }
    return KS_OK;
}

static ks_status fetch(ksi_kafka_group_offsets *offsets, offset_call *call,
                       ksi_offset_answers *answers, ks_error *error)
{
    for (bool again = true; again;) {
        ks_slice body;
        ksi_arena_reset(&offsets->answers);
        KS_TRY(ask(offsets, call, &body, error));
        KS_TRY(ksi_take_offset_fetch(body, &offsets->answers, answers, error));
        KS_TRY(judge(offsets, call, answers, &again, error));
    }
    return KS_OK;
}

ks_status ksi_kafka_group_offsets_fetch(ksi_kafka_group_offsets *offsets, const char *group,
                                        ksi_kafka_offset *list, size_t count, ks_arena *arena,
                                        ks_error *error)
{
    if (count == 0) {
        return KS_OK;
    }
    offset_call call = {
        .api = KSI_API_OFFSET_FETCH, .group = group, .what = "reading committed offsets"};
    ksi_offset_answers answers;
    ks_status status = begin(offsets, &call, &error);
    if (status == KS_OK) {
        ksi_put_offset_fetch(&offsets->body, group, list, count);
        status = fetch(offsets, &call, &answers, error);
    }
    if (status == KS_OK) {
        status = fill(&call, &answers, list, count, arena, error);
    }
    ksi_mutex_unlock(&offsets->lock);
    return status;
}

/* ---- list ------------------------------------------------------------------------------------ */

static ksi_kafka_offset_list copy_answers(const ksi_offset_answers *answers, ks_arena *arena)
{
    ksi_kafka_offset *items = ksi_arena_alloc(arena, (answers->count + 1) * sizeof *items);
    size_t count = 0;
    for (size_t i = 0; i < answers->count; i++) {
        const ksi_offset_answer *answer = &answers->list[i];
        if (answer->offset >= 0) {
            items[count++] = (ksi_kafka_offset){
                .topic = ksi_arena_format(arena, "%.*s", KS_SLICE_ARGS(answer->topic)),
                .partition = answer->partition,
                .offset = answer->offset,
                .metadata = ks_arena_copy(arena, answer->metadata)};
        }
    }
    return (ksi_kafka_offset_list){items, count};
}

ks_status ksi_kafka_group_offsets_list(ksi_kafka_group_offsets *offsets, const char *group,
                                       ks_arena *arena, ksi_kafka_offset_list *list,
                                       ks_error *error)
{
    offset_call call = {
        .api = KSI_API_OFFSET_FETCH, .group = group, .what = "listing committed offsets"};
    ksi_offset_answers answers;
    ks_status status = begin(offsets, &call, &error);
    if (status == KS_OK) {
        ksi_put_offset_fetch_all(&offsets->body, group);
        status = fetch(offsets, &call, &answers, error);
    }
    if (status == KS_OK) {
        *list = copy_answers(&answers, arena);
    }
    ksi_mutex_unlock(&offsets->lock);
    return status;
}
