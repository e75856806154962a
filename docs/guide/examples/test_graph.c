/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_graph.c - a topology made node by node runs like any other.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "graph.h"
#include "rig.h"

static void a_reading_goes_to_the_sink_that_is_named(void **state)
{
    (void)state;
    ks_error error = {0};
    ks_topology *topology = graph_topology(&error);
    assert_non_null(topology);
    ks_test_driver *driver = ks_test_driver_new(topology, NULL, NULL, &error);
    assert_non_null(driver);
    ks_test_input *readings =
        ks_test_driver_input(driver, "readings", &ks_serde_string, &ks_serde_f64, 0, 1);
    ks_test_output *cold =
        ks_test_driver_output(driver, "cold-readings", &ks_serde_string, &ks_serde_f64);
    ks_test_output *warm =
        ks_test_driver_output(driver, "warm-readings", &ks_serde_string, &ks_serde_f64);

    rig_pipe(readings, ks_text_of("cellar"), ks_f64(4));
    rig_pipe(readings, ks_text_of("kitchen"), ks_f64(21));
    rig_expect(cold, ks_text_of("cellar"), ks_f64(4));
    rig_expect(warm, ks_text_of("kitchen"), ks_f64(21));
    rig_expect_end(cold);
    rig_expect_end(warm);
    ks_test_driver_free(driver);
    ks_topology_free(topology);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reading_goes_to_the_sink_that_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
