/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_json.c - JSON documents in a whole application: read from a topic, kept in a store with a
 * changelog, restored, aggregated and printed.
 *
 * Nothing here sleeps: tests wait until an application has caught up.
 */
#include <kstreams/kstreams.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "assert_ok.h"
#include "state_dir.h"

/* ---- payments and what a merchant took ------------------------------------------------------- */

typedef struct payment {
    ks_slice merchant;
    int64_t amount;
} payment;

static const ks_json_field payment_fields[] = {
    KS_JSON_STRING(payment, merchant),
    KS_JSON_DECIMAL(payment, amount, 2),
};
static const ks_json_type payment_type = KS_JSON_TYPE(payment, payment_fields);
static const ks_serde payment_serde = KS_JSON_SERDE(payment_type);

typedef struct takings {
    ks_slice merchant;
    int64_t *amounts;
    size_t amount_count;
} takings;

static const ks_json_field takings_fields[] = {
    KS_JSON_STRING(takings, merchant, .is_optional = true),
    KS_JSON_ARRAY(takings, amounts, amount_count, KS_JSON_DECIMALS(2)),
};
static const ks_json_type takings_type = KS_JSON_TYPE(takings, takings_fields);
static const ks_serde takings_serde = KS_JSON_SERDE(takings_type);

static ks_value merchant_of(ks_ctx *ctx, const ks_record *record, void *user)
{
    const payment *p = ks_value_object(record->value, &payment_serde);
    (void)ctx;
    (void)user;
    return ks_text(p->merchant);
}

static ks_value nothing(ks_ctx *ctx, void *user)
{
    ks_value value;
    (void)user;
    ks_object_new(ks_ctx_arena(ctx), &takings_serde, sizeof(takings), &value);
    return value;
}

/* The texts and amounts of what was there before are used as they are: the row keeps them. */
static ks_value add(ks_ctx *ctx, const ks_record *record, ks_value sum, void *user)
{
    const payment *p = ks_value_object(record->value, &payment_serde);
    const takings *before = ks_value_object(sum, &takings_serde);
    ks_value value;
    takings *after = ks_object_new(ks_ctx_arena(ctx), &takings_serde, sizeof *after, &value);
    size_t count = before->amount_count;
    (void)user;
    after->merchant = before->merchant.data != NULL ? before->merchant : p->merchant;
    after->amounts = ks_arena_alloc(ks_ctx_arena(ctx), (count + 1) * sizeof *after->amounts);
    if (count > 0) {
        memcpy(after->amounts, before->amounts, count * sizeof *after->amounts);
    }
    after->amounts[count] = p->amount;
    after->amount_count = count + 1;
    return value;
}

static ks_topology *payments_topology(void)
{
    ks_error error = {0};
    ks_builder *b = ks_builder_new(NULL);
    ks_stream *payments = ks_builder_stream(
        b, "payments", KS_CONSUMED(.key = &ks_serde_string, .value = &payment_serde));
    ks_grouped_stream *grouped = ks_stream_group_by(
        payments, merchant_of, NULL, KS_GROUPED(.key = &ks_serde_string, .value = &payment_serde));
    ks_table *table = ks_grouped_stream_aggregate(
        grouped, nothing, add, NULL,
        KS_MATERIALIZED(.name = "takings", .key = &ks_serde_string, .value = &takings_serde));
    ks_stream_to(ks_table_to_stream(table, NULL), "takings", NULL);
    ks_topology *topology = ks_builder_build(b, &error);
    if (topology == NULL) {
        fail_msg("%s: %s", error.where, error.message);
    }
    ks_builder_free(b);
    return topology;
}

/* ---- an application -------------------------------------------------------------------------- */

typedef struct world {
    ks_log *log;
    ks_config *config;
} world;

static void set(const world *self, const char *name, const char *value)
{
    ks_error error = {0};
    assert_ok(ks_config_set(self->config, name, value, &error), &error);
}

static world new_world(void)
{
    ks_error error = {0};
    world self = {.log = ks_log_open("embedded:", &error), .config = ks_config_new()};
    assert_non_null(self.log);
    assert_ok(ks_log_create_topic(self.log, "payments", 1, &error), &error);
    assert_ok(ks_log_create_topic(self.log, "takings", 1, &error), &error);
    assert_ok(ks_log_create_topic(self.log, "no-payments", 1, &error), &error);
    set(&self, "application.id", "payments");
    set(&self, "bootstrap.servers", "embedded:");
    set(&self, "statestore.cache.max.bytes", "0");
    set(&self, "deserialization.exception.handler", "LogAndContinue");
    set(&self, "errors.dead.letter.queue.topic.name", "no-payments");
    return self;
}

static void free_world(world *self)
{
    ks_config_free(self->config);
    ks_log_free(self->log);
}

static void pay(const world *self, const char *document)
{
    ks_error error = {0};
    ks_log_record record = {.value = ks_slice_cstr(document), .timestamp = 1000, .partition = -1};
    assert_ok(ks_log_produce(self->log, "payments", &record, &error), &error);
}

/* Runs an application until nothing is left to do. */
static void run(const world *self, const char *state_dir)
{
    ks_error error = {0};
    set(self, "state.dir", state_dir);
    ks_topology *topology = payments_topology();
    ks_app *app = ks_app_new(topology, self->config, KS_APP_OPTIONS(.log = self->log), &error);
    assert_ok(app != NULL ? KS_OK : error.code, &error);
    assert_ok(ks_app_start(app, &error), &error);
    assert_ok(ks_app_wait_until_caught_up(app, 60000, &error), &error);
    assert_ok(ks_app_close(app, -1, &error), &error);
    ks_app_free(app);
    ks_topology_free(topology);
}

/* The values of a topic, a line each. */
static void assert_topic(const world *self, const char *topic, const char *wanted)
{
    char found[1024] = "";
    size_t used = 0;
    ks_error error = {0};
    ks_log_record record;
    ks_log_reader *reader = ks_log_reader_open(self->log, topic, &error);
    assert_ok(reader != NULL ? KS_OK : error.code, &error);
    while (ks_log_reader_next(reader, &record)) {
        used += (size_t)snprintf(found + used, sizeof found - used, "%.*s\n",
                                 (int)record.value.size, record.value.data);
        assert_true(used < sizeof found);
    }
    ks_log_reader_free(reader);
    assert_string_equal(found, wanted);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void documents_are_aggregated_in_a_store(void **state)
{
    (void)state;
    world self = new_world();
    pay(&self, "{\"merchant\":\"m-1\",\"amount\":12.5}");
    pay(&self, "{\"merchant\":\"\\u006d-2\",\"amount\":\"0.01\"}");
    pay(&self, "{\"merchant\":\"m-1\",\"amount\":3}");
    run(&self, state_dir_new());
    assert_topic(&self, "takings",
                 "{\"merchant\":\"m-1\",\"amounts\":[12.50]}\n"
                 "{\"merchant\":\"m-2\",\"amounts\":[0.01]}\n"
                 "{\"merchant\":\"m-1\",\"amounts\":[12.50,3.00]}\n");
    free_world(&self);
}

static void documents_that_are_none_become_dead_letters(void **state)
{
    (void)state;
    world self = new_world();
    pay(&self, "{\"merchant\":\"m-1\",\"amount\":1}");
    pay(&self, "{\"merchant\":\"m-1\",\"amount\":1.005}");
    pay(&self, "{\"merchant\":\"m-1\"");
    pay(&self, "{\"merchant\":\"m-1\",\"amount\":2}");
    run(&self, state_dir_new());
    assert_topic(&self, "takings",
                 "{\"merchant\":\"m-1\",\"amounts\":[1.00]}\n"
                 "{\"merchant\":\"m-1\",\"amounts\":[1.00,2.00]}\n");
    assert_topic(&self, "no-payments",
                 "{\"merchant\":\"m-1\",\"amount\":1.005}\n{\"merchant\":\"m-1\"\n");
    free_world(&self);
}

static void objects_are_there_again_after_a_restart_with_and_without_state(void **state)
{
    (void)state;
    world self = new_world();
    char kept[512];
    (void)snprintf(kept, sizeof kept, "%s", state_dir_new());
    pay(&self, "{\"merchant\":\"m-1\",\"amount\":1}");
    run(&self, kept);
    pay(&self, "{\"merchant\":\"m-1\",\"amount\":2}");
    run(&self, kept);
    pay(&self, "{\"merchant\":\"m-1\",\"amount\":3}");
    run(&self, state_dir_new());
    assert_topic(&self, "takings",
                 "{\"merchant\":\"m-1\",\"amounts\":[1.00]}\n"
                 "{\"merchant\":\"m-1\",\"amounts\":[1.00,2.00]}\n"
                 "{\"merchant\":\"m-1\",\"amounts\":[1.00,2.00,3.00]}\n");
    free_world(&self);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documents_are_aggregated_in_a_store),
        cmocka_unit_test(documents_that_are_none_become_dead_letters),
        cmocka_unit_test(objects_are_there_again_after_a_restart_with_and_without_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
