/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rig.c - a topology on a test driver, for the tests of the guide's examples.
 */
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

void rig_open(rig *r, void (*topology)(ks_builder *), const ks_config *config,
              const ks_test_driver_options *options)
{
    ks_error error = {0};

    r->builder = ks_builder_new(config);
    topology(r->builder);
    r->topology = ks_builder_build(r->builder, &error);
    if (r->topology == NULL) {
        fail_msg("%s: %s", error.where, error.message);
    }
    r->driver = ks_test_driver_new(r->topology, config, options, &error);
    if (r->driver == NULL) {
        fail_msg("%s: %s", error.where, error.message);
    }
}

void rig_close(rig *r)
{
    ks_test_driver_free(r->driver);
    ks_topology_free(r->topology);
    ks_builder_free(r->builder);
}

void rig_pipe(ks_test_input *input, ks_value key, ks_value value)
{
    ks_error error = {0};

    if (ks_test_input_pipe(input, key, value, &error) != KS_OK) {
        fail_msg("%s: %s", error.where, error.message);
    }
}

void rig_pipe_at(ks_test_input *input, int64_t timestamp, ks_value key, ks_value value)
{
    ks_error error = {0};
    ks_record record = {.key = key, .value = value, .timestamp = timestamp};

    if (ks_test_input_pipe_record(input, &record, &error) != KS_OK) {
        fail_msg("%s: %s", error.where, error.message);
    }
}

static const char *text_of(ks_arena *arena, ks_value value)
{
    return ks_text_cstr(arena, ks_value_to_text(arena, value));
}

void rig_expect(ks_test_output *output, ks_value key, ks_value value)
{
    ks_error error = {0};
    ks_arena *arena = ks_arena_new();
    ks_record record;

    if (!ks_test_output_read(output, &record, &error)) {
        fail_msg("%s = %s did not come. %s", text_of(arena, key), text_of(arena, value),
                 error.message);
    }
    if (!ks_value_equal(record.key, key) || !ks_value_equal(record.value, value)) {
        fail_msg("%s = %s came, not %s = %s", text_of(arena, record.key),
                 text_of(arena, record.value), text_of(arena, key), text_of(arena, value));
    }
    ks_arena_free(arena);
}

void rig_expect_end(const ks_test_output *output)
{
    assert_int_equal(ks_test_output_size(output), 0);
}
