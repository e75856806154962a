/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch.c - two processors and the store that they share: how long a thermometer took to send its
 * next reading, and an alarm when it has sent none for an hour.
 */
#include "watch.h"

#include <stdatomic.h>

enum { MINUTE_MS = 60 * 1000, HOUR_MS = 60 * MINUTE_MS };

/* ---- how long it took ------------------------------------------------------------------------ */

static void measure_pause(ks_ctx *ctx, const ks_record *reading, void *state, void *user)
{
    ks_key_value_store *seen = ks_ctx_key_value_store(ctx, "last-seen");
    ks_value last = ks_key_value_store_value(seen, reading->key);

    (void)state;
    (void)user;
    if (!ks_value_is_null(last)) {
        ks_record pause = *reading;
        pause.value = ks_i64(ks_ctx_wall_clock(ctx) - ks_value_i64(last));
        ks_ctx_forward(ctx, &pause);
    }
}

static const ks_processor pauses = {.struct_size = sizeof pauses, .process = measure_pause};

/* ---- who is silent --------------------------------------------------------------------------- */

/* What a task knows besides the store. */
typedef struct watch {
    ks_key_value_store *seen;
    int64_t alarms;
} watch;

static void look_around(ks_ctx *ctx, int64_t now_ms, void *user)
{
    watch *w = user;
    ks_key_value_iterator *all = ks_key_value_store_all(w->seen);
    ks_key_value last;
    bool found = false;

    while (ks_key_value_iterator_next(all, &last, &found, NULL) == KS_OK && found) {
        if (now_ms - ks_value_i64(last.value) >= HOUR_MS) {
            ks_record alarm = {.key = last.key, .value = last.value, .timestamp = now_ms};
            ks_ctx_forward(ctx, &alarm);
            ks_key_value_store_put(w->seen, last.key, ks_null(), NULL); /* told of once */
            w->alarms++;
        }
    }
    ks_key_value_iterator_free(all);
}

static void begin_watch(ks_ctx *ctx, void *state, void *user)
{
    watch *w = state;

    (void)user;
    w->seen = ks_ctx_key_value_store(ctx, "last-seen");
    (void)ks_ctx_schedule(ctx, look_around, w,
                          KS_SCHEDULE(.interval_ms = MINUTE_MS, .type = KS_PUNCTUATION_WALL_CLOCK));
}

static void remember(ks_ctx *ctx, const ks_record *reading, void *state, void *user)
{
    watch *w = state;

    (void)user;
    ks_key_value_store_put(w->seen, reading->key, ks_i64(ks_ctx_wall_clock(ctx)), NULL);
}

static const ks_processor silence = {
    .struct_size = sizeof silence,
    .state_size = sizeof(watch),
    .init = begin_watch,
    .process = remember,
};

/* ---- the topology ---------------------------------------------------------------------------- */

void watch_topology(ks_builder *b)
{
    const ks_serde *text = &ks_serde_string;
    const ks_serde *number = &ks_serde_i64;

    ks_builder_add_store(b, KS_STORE_BUILDER(.name = "last-seen", .key = text, .value = number));

    ks_stream *readings =
        ks_builder_stream(b, "readings", KS_CONSUMED(.key = text, .value = &ks_serde_f64));
    ks_stream *took = ks_stream_process_values(readings, &pauses, NULL,
                                               KS_CONNECTED(.stores = KS_NAMES("last-seen")));
    ks_stream *alarms = ks_stream_process(
        readings, &silence, NULL, KS_CONNECTED(.name = "watch", .stores = KS_NAMES("last-seen")));

    ks_stream_to(took, "pauses", KS_PRODUCED(.value = number));
    ks_stream_to(alarms, "silent", KS_PRODUCED(.key = text, .value = number));
}

/* ---- around every processor ------------------------------------------------------------------ */

static atomic_llong counted;

static bool has_our_name(const char *node, void *user)
{
    (void)user;
    return strncmp(node, "KSTREAM-", strlen("KSTREAM-")) != 0;
}

static void count(ks_ctx *ctx, const ks_record *record, ks_wrapped *wrapped, void *state,
                  void *user)
{
    (void)state;
    (void)user;
    atomic_fetch_add(&counted, 1);
    ks_wrapped_process(ctx, wrapped, record);
}

static const ks_processor_wrapper counting = {
    .struct_size = sizeof counting, .wraps = has_our_name, .process = count};

void counted_watch_topology(ks_builder *b)
{
    watch_topology(b);
    ks_builder_wrap_processors(b, &counting, NULL, NULL);
}

int64_t watch_counted(void)
{
    return atomic_load(&counted);
}
