/* SPDX-License-Identifier: Apache-2.0 */
/*
 * foreign_key_join.c - joins of two tables by a key that the rows of one name. @java
 * KTableImpl#doJoinOnForeignKey
 *
 * One call adds ten plan nodes and two internal topics; ops/foreign_key.h has the picture. The
 * topic of subscriptions is read together with the right table, that of responses together with the
 * left one, so each of the two has the partitions of its table, and the tables may differ.
 *
 * A name in the options names all of it; every name uses up its number all the same. The result is
 * a table like that of a topic: it has a store when it was named, or when a later operation asks.
 */
#include "dsl/builder.h"
#include "ops/foreign_key.h"

#define PREFIX "KTABLE-FK-JOIN-"
#define REGISTRATION PREFIX "SUBSCRIPTION-REGISTRATION-"
#define PROCESSOR PREFIX "SUBSCRIPTION-PROCESSOR-"
#define RESPONSE PREFIX "SUBSCRIPTION-RESPONSE-"
#define OUTPUT PREFIX "OUTPUT-"
#define SINK "KTABLE-SINK-"

/* The tables and what the call says, while its nodes are made. */
typedef struct joining {
    ks_builder *builder;
    ks_table *left;
    ks_table *right;
    const ks_options_head *head; /* of what the call was given; NULL: nothing */
    const ks_table_joined *options;
    ksi_foreign_key_join *config;
    ksi_store_spec store; /* of the subscriptions */
    /* the nodes that others hang on */
    ksi_plan_node *subscriptions;
    ksi_plan_node *answer;
    ksi_plan_node *tell;
    ksi_plan_node *responses;
} joining;

/* ---- parts ----------------------------------------------------------------------------------- */

/* NULL: the builder failed. */
static const char *name_part(const joining *j, const char *suffix, const char *prefix)
{
    return ksi_suffixed_or_new(j->builder, j->head, j->options->name, suffix, prefix);
}

/* The topic's name, without the application id; NULL: the builder failed. */
static const char *add_topic(const joining *j, const char *suffix, const char *prefix)
{
    const char *base = name_part(j, suffix, prefix);
    if (base == NULL) {
        return NULL;
    }
    const char *topic = ksi_arena_format(&j->builder->topology->arena, "%s-topic", base);
    ksi_topology_add_internal_topic(j->builder->topology, topic, 0);
    return topic;
}

/* A node for one of the processors; NULL: the builder failed. */
static ksi_plan_node *add_processor(const joining *j, ksi_plan_node *parent, const char *suffix,
                                    const char *prefix, ksi_processor processor)
{
    const char *name = name_part(j, suffix, prefix);
    if (name == NULL) {
        return NULL;
    }
    ksi_plan_node *node = ksi_add_plan_node(j->builder, name, ksi_plan_write_processor);
    node->processor = processor;
    ksi_attach(j->builder, parent, node);
    return node;
}

/* How a topic is written and read; both ends have the serdes of one sink. */
typedef struct passage {
    const char *sink_suffix;
    const char *source_suffix;
    ksi_plan_node *parents[2]; /* NULL: one only */
    ksi_sink sink;
} passage;

/* The source; NULL: the builder failed. */
static ksi_plan_node *add_passage(const joining *j, const passage *how)
{
    ks_builder *builder = j->builder;
    const char *sink_name = name_part(j, how->sink_suffix, SINK);
    if (sink_name == NULL) {
        return NULL;
    }
    ksi_plan_node *sink = ksi_add_plan_node(builder, sink_name, ksi_plan_write_sink);
    sink->sink = how->sink;
    ksi_attach(builder, how->parents[0], sink);
    if (how->parents[1] != NULL) {
        ksi_attach(builder, how->parents[1], sink);
    }
    const char *source_name = name_part(j, how->source_suffix, KSI_TABLE_SOURCE);
    if (source_name == NULL) {
        return NULL;
    }
    ksi_plan_node *source = ksi_add_plan_node(builder, source_name, ksi_plan_write_source);
    const char **topics = ksi_arena_alloc(&builder->arena, sizeof *topics);
    topics[0] = how->sink.topic;
    source->source = (ksi_source){.topics = topics,
                                  .topic_count = 1,
                                  .key = how->sink.key,
                                  .value = how->sink.value,
                                  .envelope = how->sink.envelope};
    ksi_attach(builder, sink, source);
    return source;
}

/* ---- from left to right ---------------------------------------------------------------------- */

static void name_serde_topics(const joining *j, const char *topic)
{
    ks_arena *arena = &j->builder->topology->arena;
    j->config->primary_key_topic = ksi_arena_format(arena, "%s-pk", topic);
    j->config->foreign_key_topic = ksi_arena_format(arena, "%s-fk", topic);
    j->config->hash_topic = ksi_arena_format(arena, "%s-vh", topic);
}

static const ksi_envelope *subscription_envelope(const joining *j)
{
    ksi_row_subscription_envelope *made =
        ksi_arena_alloc(&j->builder->topology->arena, sizeof *made);
    *made = ksi_row_subscription_envelope_of(j->config->primary_key_topic);
    return &made->envelope;
}

/* Up to the source of the subscriptions. False: the builder failed. */
static bool add_registration(joining *j)
{
    const char *topic = add_topic(j, "-subscription-registration", REGISTRATION);
    if (topic == NULL) {
        return false;
    }
    name_serde_topics(j, topic);
    ksi_plan_node *node = add_processor(j, j->left->node, "-subscription-registration-processor",
                                        REGISTRATION, ksi_op_foreign_key_register(j->config));
    if (node == NULL) {
        return false;
    }
    const ks_partitioner *partitioner = ksi_foreign_key_subscription_partitioner(
        &j->builder->topology->arena, j->options->other_partitioner);
    j->subscriptions =
        add_passage(j, &(passage){.sink_suffix = "-subscription-registration-sink",
                                  .source_suffix = "-subscription-registration-source",
                                  .parents = {node},
                                  .sink = {.topic = topic,
                                           .key = j->right->key,
                                           .value = j->left->key,
                                           .envelope = subscription_envelope(j),
                                           .partitioner = partitioner}});
    if (j->subscriptions == NULL) {
        return false;
    }
    ksi_copartition_with(j->builder, j->right->node, j->subscriptions);
    return true;
}

/* ---- on the right ---------------------------------------------------------------------------- */

/* Two nodes have it, and either may be written first. */
static bool name_store(joining *j)
{
    const char *name = name_part(j, "-subscription-store", PREFIX "SUBSCRIPTION-STATE-STORE-");
    j->config->store = ksi_arena_strdup(&j->builder->topology->arena, name);
    j->store = (ksi_store_spec){.name = name,
                                .kind = KSI_STORE_KEY_VALUE,
                                .type = j->builder->store_type,
                                .timestamped = true,
                                .logging = true,
                                .logs_headers = true,
                                .key = &ks_serde_bytes,
                                .value = &ks_serde_bytes,
                                .origin = j->config};
    return name != NULL;
}

static bool add_right_side(joining *j)
{
    ks_arena *arena = &j->builder->arena;
    if (!name_store(j)) {
        return false;
    }
    ksi_plan_node *receive = add_processor(j, j->subscriptions, "-subscription-receive", PROCESSOR,
                                           ksi_op_foreign_key_receive(j->config));
    if (receive == NULL) {
        return false;
    }
    ksi_plan_add_store(receive, arena, &j->store);
    j->config->right = ksi_table_read(j->right);
    j->answer = add_processor(j, receive, "-subscription-join-foreign", PROCESSOR,
                              ksi_op_foreign_key_answer(j->config));
    if (j->answer == NULL) {
        return false;
    }
    ksi_connect_view(j->answer, arena, j->config->right);
    j->tell = add_processor(j, j->right->node, "-foreign-join-subscription", PROCESSOR,
                            ksi_op_foreign_key_tell(j->config));
    if (j->tell == NULL) {
        return false;
    }
    ksi_plan_add_store(j->tell, arena, &j->store);
    return true;
}

/* ---- and back -------------------------------------------------------------------------------- */

static bool add_responses(joining *j)
{
    const char *topic = add_topic(j, "-subscription-response", RESPONSE);
    if (topic == NULL) {
        return false;
    }
    const ks_partitioner *partitioner =
        ksi_foreign_key_response_partitioner(&j->builder->topology->arena, j->options->partitioner);
    j->responses = add_passage(j, &(passage){.sink_suffix = "-subscription-response-sink",
                                             .source_suffix = "-subscription-response-source",
                                             .parents = {j->answer, j->tell},
                                             .sink = {.topic = topic,
                                                      .key = j->left->key,
                                                      .value = j->right->value,
                                                      .envelope = &ksi_row_response_envelope,
                                                      .partitioner = partitioner}});
    if (j->responses == NULL) {
        return false;
    }
    ksi_copartition_with(j->builder, j->left->node, j->responses);
    return true;
}

/* NULL: the builder failed. */
static ks_table *add_result(joining *j)
{
    ks_builder *builder = j->builder;
    j->config->left = ksi_table_read(j->left);
    ksi_plan_node *resolve =
        add_processor(j, j->responses, "-subscription-response-resolver",
                      RESPONSE "RESOLVER-PROCESSOR-", ksi_op_foreign_key_resolve(j->config));
    if (resolve == NULL) {
        return NULL;
    }
    ksi_connect_view(resolve, &builder->arena, j->config->left);
    const char *name = name_part(j, "-result", OUTPUT);
    ksi_materialized store;
    if (name == NULL || !ksi_materialize(builder, j->options->materialized, OUTPUT, &store)) {
        return NULL;
    }
    store.spec.key = store.spec.key != NULL ? store.spec.key : j->left->key;
    ksi_plan_node *node = ksi_add_plan_node(builder, name, ksi_plan_write_processor);
    ks_table *table = ksi_new_source_table(
        builder, node, &store, &(ks_table){.key = j->left->key, .value = store.spec.value});
    ksi_attach(builder, resolve, node);
    return table;
}

/* ---- the calls ------------------------------------------------------------------------------- */

/* What does not go together; false: the builder failed. */
static bool check(const joining *j, const char *call)
{
    const ks_partitioner *given[] = {j->options->partitioner, j->options->other_partitioner};
    if (!ksi_is_of_builder(j->builder, j->head, j->right->builder, call)) {
        return false;
    }
    for (size_t i = 0; i < sizeof given / sizeof given[0]; i++) {
        if (given[i] != NULL && given[i]->partition == NULL) {
            ksi_builder_fail(j->builder, j->head, KS_E_ARGUMENT, call,
                             "its partitioner has no function; give it one");
            return false;
        }
    }
    return true;
}

static ks_table *join(ks_table *left, ks_table *right, const ksi_foreign_key_join *how,
                      const ks_table_joined *options)
{
    static const ks_table_joined none = {0};
    ks_builder *builder = left->builder;
    const char *call =
        how->is_left_join ? "ks_table_left_join_foreign_key" : "ks_table_join_foreign_key";
    joining j = {.builder = builder,
                 .left = left,
                 .right = right,
                 .head = KSI_HEAD_OF(options),
                 .options = options != NULL ? options : &none};
    const bool is_complete = right != NULL && how->foreign_key != NULL && how->join != NULL;
    ksi_builder_own(builder, how->user, j.options->user_free);
    if (!ksi_builder_ready(builder, j.head, call, is_complete) || !check(&j, call)) {
        return &builder->inert_table;
    }
    j.config = ksi_arena_alloc(&builder->topology->arena, sizeof *j.config);
    *j.config = *how;
    j.config->left_is_versioned = left->is_versioned;
    j.config->right_is_versioned = right->is_versioned;
    j.config->primary_key_serde = left->key;
    j.config->left_value_serde = left->value;
    j.config->foreign_key_serde = right->key;
    (void)ksi_table_send_old_values(right, true);
    (void)ksi_table_send_old_values(left, true);
    ks_table *result = NULL;
    if (add_registration(&j) && add_right_side(&j) && add_responses(&j)) {
        result = add_result(&j);
    }
    return result != NULL ? result : &builder->inert_table;
}

ks_table *ks_table_join_foreign_key(ks_table *table, ks_table *other, ks_mapper_fn *foreign_key,
                                    ks_joiner_fn *joiner, void *user,
                                    const ks_table_joined *options)
{
    return join(table, other,
                &(ksi_foreign_key_join){.foreign_key = foreign_key, .join = joiner, .user = user},
                options);
}

ks_table *ks_table_left_join_foreign_key(ks_table *table, ks_table *other,
                                         ks_mapper_fn *foreign_key, ks_joiner_fn *joiner,
                                         void *user, const ks_table_joined *options)
{
    return join(table, other,
                &(ksi_foreign_key_join){
                    .foreign_key = foreign_key, .join = joiner, .user = user, .is_left_join = true},
                options);
}
