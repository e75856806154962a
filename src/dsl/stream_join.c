/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream_join.c - joins of two streams within a window. @java KStreamImpl#doJoin, KStreamImplJoin
 *
 *     left --> window --> join --+--> merge        each window and each join has its own name, and
 *     right -> window --> join --+                 the stores are those of the windows
 *
 * A join of a stream with itself can do with one store, when topology.optimization asks for it:
 * then one join stands in the place of the merge, behind the window of the left side. Whether both
 * sides are one is known when the plan is complete, because sources of the same topics, or
 * repartition points, may become one until then.
 *
 * Thread rule: the builder's thread.
 */
#include "dsl/builder.h"

typedef enum join_kind { JOIN_INNER, JOIN_LEFT, JOIN_OUTER } join_kind;

typedef struct join_call {
    const char *name;
    join_kind kind;
    ks_stream *sides[KSI_JOIN_SIDES];
    ks_joiner_fn *join;
    void *user;
    ks_join_windows windows;
    const ks_stream_joined *options; /* never NULL */
    const ks_options_head *head;     /* NULL: no options were given */
    ks_builder *builder;
} join_call;

/* What a side and the store of its records are called. */
typedef struct side_names {
    const char *window;
    const char *generated; /* of the join, which the store is named after */
    const char *join;
    const char *store;
} side_names;

typedef struct join_names {
    side_names sides[KSI_JOIN_SIDES];
    const char *merge;
    const char *outer_store; /* NULL: an inner join */
} join_names;

/* ---- checks ---------------------------------------------------------------------------------- */

/* What makes no sense in the windows; NULL: nothing. */
static const char *contradiction(const ks_join_windows *windows)
{
    int64_t size = 0;
    int64_t retention = 0;
    if (windows->grace_ms < 0) {
        return "grace_ms is negative; give at least 0";
    }
    if (__builtin_add_overflow(windows->before_ms, windows->after_ms, &size) ||
        __builtin_add_overflow(size, windows->grace_ms, &retention)) {
        return "before_ms, after_ms and grace_ms add up to more than time has";
    }
    return size < 0 ? "before_ms and after_ms add up to less than 0, so no record is in between"
                    : NULL;
}

static bool check_windows(const join_call *call)
{
    const char *wrong = contradiction(&call->windows);
    ks_store_type type = call->options->type;
    if (wrong == NULL && type != KS_STORE_DEFAULT && type != KS_STORE_ROCKSDB &&
        type != KS_STORE_IN_MEMORY) {
        wrong = "the stores of a join are of type KS_STORE_ROCKSDB or KS_STORE_IN_MEMORY";
    }
    if (wrong != NULL) {
        ksi_builder_fail(call->builder, call->head, KS_E_ARGUMENT, call->name, "%s", wrong);
    }
    return wrong == NULL;
}

/* False: the builder failed. */
static bool begin(const join_call *call)
{
    ks_builder *builder = call->builder;
    const ks_stream *other = call->sides[KSI_JOIN_RIGHT];
    ksi_builder_own(builder, call->user, call->options->user_free);
    return ksi_builder_ready(builder, call->head, call->name,
                             other != NULL && call->join != NULL) &&
           ksi_is_of_builder(builder, call->head, other->builder, call->name) &&
           check_windows(call);
}

/* ---- names ----------------------------------------------------------------------------------- */

static const char *suffix_of(const join_call *call, ksi_join_side side)
{
    if (side == KSI_JOIN_LEFT) {
        return call->kind == JOIN_OUTER ? "-outer-this-join" : "-this-join";
    }
    return call->kind == JOIN_INNER ? "-other-join" : "-outer-other-join";
}

static const char *prefix_of(const join_call *call, ksi_join_side side)
{
    if (side == KSI_JOIN_LEFT) {
        return call->kind == JOIN_OUTER ? "KSTREAM-OUTERTHIS-" : "KSTREAM-JOINTHIS-";
    }
    return call->kind == JOIN_INNER ? "KSTREAM-JOINOTHER-" : "KSTREAM-OUTEROTHER-";
}

static void name_side(const join_call *call, ksi_join_side side, side_names *names)
{
    ks_arena *arena = &call->builder->arena;
    const char *name = call->options->name;
    const char *suffix = suffix_of(call, side);
    names->generated = ksi_new_processor_name(call->builder, prefix_of(call, side));
    names->join = name != NULL ? ksi_arena_format(arena, "%s%s", name, suffix) : names->generated;
    names->store = call->options->store_name != NULL
                       ? ksi_arena_format(arena, "%s%s-store", call->options->store_name, suffix)
                       : ksi_arena_format(arena, "%s-store", names->generated);
}

static const char *name_outer_store(const join_call *call, const join_names *names)
{
    ks_arena *arena = &call->builder->arena;
    if (call->kind == JOIN_INNER) {
        return NULL;
    }
    if (call->options->store_name != NULL) {
        return ksi_arena_format(arena, "%s-%s-shared-join-store", call->options->store_name,
                                call->kind == JOIN_OUTER ? "outer" : "left");
    }
    const char *number =
        names->sides[KSI_JOIN_LEFT].generated + strlen(prefix_of(call, KSI_JOIN_LEFT));
    return ksi_arena_format(arena, "KSTREAM-OUTERSHARED-%s-store", number);
}

/* In the order in which Java counts. False: the builder failed. */
static bool name_all(const join_call *call, join_names *names)
{
    static const char *const windows[] = {"-this-windowed", "-other-windowed"};
    ks_builder *builder = call->builder;
    const char *name = call->options->name;
    ks_error error = {0};
    for (int i = 0; i < KSI_JOIN_SIDES; i++) {
        names->sides[i].window =
            ksi_suffixed_or_new(builder, call->head, name, windows[i], "KSTREAM-WINDOWED-");
    }
    name_side(call, KSI_JOIN_LEFT, &names->sides[KSI_JOIN_LEFT]);
    name_side(call, KSI_JOIN_RIGHT, &names->sides[KSI_JOIN_RIGHT]);
    names->merge = ksi_suffixed_or_new(builder, call->head, name, "-merge", "KSTREAM-MERGE-");
    names->outer_store = name_outer_store(call, names);
    if (ksi_name_check(names->sides[KSI_JOIN_RIGHT].join, &error) != KS_OK ||
        ksi_name_check(names->sides[KSI_JOIN_RIGHT].store, &error) != KS_OK) {
        ksi_builder_fail_error(builder, call->head, &error);
    }
    return !builder->failed;
}

/* ---- stores ---------------------------------------------------------------------------------- */

/* What the stores of a join have in common. */
static ksi_store_spec store_spec(const join_call *call, const char *name)
{
    ks_builder *builder = call->builder;
    const ks_stream_joined *options = call->options;
    if (options->store_name == NULL) {
        ksi_note_unnamed_store(builder, name, !options->logging_disabled);
    }
    return (ksi_store_spec){
        .name = name,
        .type = options->type != KS_STORE_DEFAULT ? options->type : builder->store_type,
        .logging = !options->logging_disabled,
        .changelog_config = ksi_topic_configs_copy(&builder->arena, options->changelog_config)};
}

/*
 * Each row of a window is a record of its own, so nothing is to be compacted: Java says so over
 * what the program says.
 */
static const ks_topic_config *window_configs(const join_call *call, const ks_topic_config *own)
{
    size_t count = 0;
    while (own != NULL && own[count].name != NULL) {
        count++;
    }
    ks_topic_config *configs =
        ksi_arena_zalloc(&call->builder->arena, (count + 2) * sizeof *configs);
    for (size_t i = 0; i < count; i++) {
        configs[i] = own[i];
    }
    configs[count] = (ks_topic_config){.name = "cleanup.policy", .value = "delete"};
    return configs;
}

static ksi_store_spec window_spec(const join_call *call, ksi_join_side side, const char *name)
{
    const ks_join_windows *windows = &call->windows;
    ksi_store_spec spec = store_spec(call, name);
    spec.kind = KSI_STORE_WINDOW;
    spec.window_size_ms = windows->before_ms + windows->after_ms;
    spec.retention_ms = spec.window_size_ms + windows->grace_ms;
    spec.changelog_config = window_configs(call, spec.changelog_config);
    spec.retain_duplicates = true;
    spec.logs_headers = true;
    spec.key = call->options->key;
    spec.value = side == KSI_JOIN_LEFT ? call->options->value : call->options->other_value;
    return spec;
}

static ksi_store_spec outer_spec(const join_call *call, const char *name)
{
    ksi_store_spec spec = store_spec(call, name);
    spec.kind = KSI_STORE_KEY_VALUE;
    spec.key = &ks_serde_bytes;
    spec.value = &ks_serde_bytes;
    return spec;
}

/* ---- nodes ----------------------------------------------------------------------------------- */

static const ksi_stream_join *configure(const join_call *call, const join_names *names)
{
    ks_arena *arena = &call->builder->topology->arena;
    ksi_stream_join *config = ksi_arena_alloc(arena, sizeof *config);
    *config = (ksi_stream_join){.join = call->join,
                                .user = call->user,
                                .windows = call->windows,
                                .outer_store = ksi_arena_strdup(arena, names->outer_store)};
    for (int i = 0; i < KSI_JOIN_SIDES; i++) {
        bool is_left = i == KSI_JOIN_LEFT;
        config->sides[i] = (ksi_stream_join_side){
            .join = config,
            .side = (ksi_join_side)i,
            .store = ksi_arena_strdup(arena, names->sides[i].store),
            .value = is_left ? call->options->value : call->options->other_value,
            .emits_unmatched = is_left ? call->kind != JOIN_INNER : call->kind == JOIN_OUTER};
    }
    return config;
}

static ksi_plan_node *add_processor(ks_builder *builder, const char *name, ksi_processor processor)
{
    ksi_plan_node *node = ksi_add_plan_node(builder, name, ksi_plan_write_processor);
    node->processor = processor;
    return node;
}

static void add_windows(const join_call *call, const join_names *names,
                        const ksi_stream_join *config, ksi_plan_stream_join *nodes)
{
    ks_builder *builder = call->builder;
    for (int i = 0; i < KSI_JOIN_SIDES; i++) {
        const side_names *side = &names->sides[i];
        const ksi_store_spec spec = window_spec(call, (ksi_join_side)i, side->store);
        nodes->windows[i] =
            add_processor(builder, side->window, ksi_op_stream_join_window(&config->sides[i]));
        ksi_plan_add_store(nodes->windows[i], &builder->arena, &spec);
        ksi_attach(builder, call->sides[i]->node, nodes->windows[i]);
    }
}

static void add_joins(const join_call *call, const join_names *names, const ksi_stream_join *config,
                      ksi_plan_stream_join *nodes)
{
    ks_builder *builder = call->builder;
    for (int i = 0; i < KSI_JOIN_SIDES; i++) {
        bool is_left = i == KSI_JOIN_LEFT;
        const side_names *other = &names->sides[is_left ? KSI_JOIN_RIGHT : KSI_JOIN_LEFT];
        ksi_plan_node *node =
            add_processor(builder, names->sides[i].join, ksi_op_stream_join(&config->sides[i]));
        ksi_plan_connect_store(node, &builder->arena, other->store);
        if (names->outer_store != NULL && is_left) {
            const ksi_store_spec spec = outer_spec(call, names->outer_store);
            ksi_plan_add_store(node, &builder->arena, &spec);
        } else if (names->outer_store != NULL) {
            ksi_plan_connect_store(node, &builder->arena, names->outer_store);
        }
        nodes->joins[i] = node;
    }
}

static ks_stream *add_nodes(const join_call *call, const join_names *names)
{
    ks_builder *builder = call->builder;
    const ksi_stream_join *config = configure(call, names);
    ksi_plan_stream_join *nodes = ksi_arena_zalloc(&builder->arena, sizeof *nodes);
    add_windows(call, names, config, nodes);
    add_joins(call, names, config, nodes);
    nodes->self_join = ksi_op_self_join(config);
    nodes->store = names->sides[KSI_JOIN_LEFT].store;
    ksi_plan_node *join = ksi_add_plan_node(builder, names->merge, ksi_plan_write_stream_join);
    join->processor = ksi_op_pass_through();
    join->joins_null_keys = call->kind != JOIN_INNER;
    join->stream_join = nodes;
    ksi_attach(builder, call->sides[KSI_JOIN_LEFT]->node, join);
    ksi_attach(builder, call->sides[KSI_JOIN_RIGHT]->node, join);
    return ksi_stream_new(
        builder, &(ks_stream){.name = names->merge, .key = call->options->key, .node = join});
}

/* ---- the calls ------------------------------------------------------------------------------- */

/* The stream as a side of the join, repartitioned if need be. */
static ks_stream *side_of(const join_call *call, ksi_join_side side)
{
    const ks_stream_joined *options = call->options;
    bool is_left = side == KSI_JOIN_LEFT;
    const char *base = options->name != NULL
                           ? ksi_arena_format(&call->builder->arena, "%s%s", options->name,
                                              is_left ? "-left" : "-right")
                           : NULL;
    return ksi_stream_for_join(call->sides[side], base, options->key,
                               is_left ? options->value : options->other_value);
}

static ks_stream *join_streams(join_call *call, ks_stream *stream, const ks_stream_joined *options)
{
    static const ks_stream_joined none;
    join_names names = {0};
    call->builder = stream->builder;
    call->sides[KSI_JOIN_LEFT] = stream;
    call->options = options != NULL ? options : &none;
    call->head = KSI_HEAD_OF(options);
    if (!begin(call)) {
        return &call->builder->inert_stream;
    }
    call->sides[KSI_JOIN_LEFT] = side_of(call, KSI_JOIN_LEFT);
    call->sides[KSI_JOIN_RIGHT] = side_of(call, KSI_JOIN_RIGHT);
    ksi_copartition_with(call->builder, call->sides[KSI_JOIN_LEFT]->node,
                         call->sides[KSI_JOIN_RIGHT]->node);
    return name_all(call, &names) ? add_nodes(call, &names) : &call->builder->inert_stream;
}

ks_stream *ks_stream_join(ks_stream *stream, ks_stream *other, ks_joiner_fn *join, void *user,
                          ks_join_windows windows, const ks_stream_joined *options)
{
    join_call call = {.name = "ks_stream_join",
                      .kind = JOIN_INNER,
                      .sides = {NULL, other},
                      .join = join,
                      .user = user,
                      .windows = windows};
    return join_streams(&call, stream, options);
}

ks_stream *ks_stream_left_join(ks_stream *stream, ks_stream *other, ks_joiner_fn *join, void *user,
                               ks_join_windows windows, const ks_stream_joined *options)
{
    join_call call = {.name = "ks_stream_left_join",
                      .kind = JOIN_LEFT,
                      .sides = {NULL, other},
                      .join = join,
                      .user = user,
                      .windows = windows};
    return join_streams(&call, stream, options);
}

ks_stream *ks_stream_outer_join(ks_stream *stream, ks_stream *other, ks_joiner_fn *join, void *user,
                                ks_join_windows windows, const ks_stream_joined *options)
{
    join_call call = {.name = "ks_stream_outer_join",
                      .kind = JOIN_OUTER,
                      .sides = {NULL, other},
                      .join = join,
                      .user = user,
                      .windows = windows};
    return join_streams(&call, stream, options);
}
