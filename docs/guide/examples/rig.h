/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rig.h - what the tests of the guide's examples share: a topology on a test driver, and calls that
 * fail the test themselves.
 */
#ifndef GUIDE_RIG_H
#define GUIDE_RIG_H

#include <kstreams/testing.h>

typedef struct rig {
    ks_builder *builder;
    ks_topology *topology;
    ks_test_driver *driver;
} rig;

/* Builds the topology and opens a driver for it. `config` and `options` may be NULL. */
void rig_open(rig *r, void (*topology)(ks_builder *), const ks_config *config,
              const ks_test_driver_options *options);
void rig_close(rig *r);

/* Pipes a record, which has to be processed without an error. */
void rig_pipe(ks_test_input *input, ks_value key, ks_value value);
void rig_pipe_at(ks_test_input *input, int64_t timestamp, ks_value key, ks_value value);
/* The next record has to be this one. */
void rig_expect(ks_test_output *output, ks_value key, ks_value value);
/* There has to be no further record. */
void rig_expect_end(const ks_test_output *output);

#endif
