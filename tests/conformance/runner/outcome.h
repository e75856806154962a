/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outcome.h - what a run did, in the form in which Java's recorder writes `expect`.
 *
 * Everything here gives a new reference; a value without a JSON form, or a store that cannot be
 * read, is a problem.
 */
#ifndef CONFORMANCE_OUTCOME_H
#define CONFORMANCE_OUTCOME_H

#include "scenario.h"

#include <kstreams/log.h>
#include <kstreams/testing.h>

/** The text of describe(), with `*` for what names the extractor of a dynamic sink. */
json_t *outcome_description(const ks_topology *topology);

/** A record of a topic. */
json_t *outcome_record(ks_arena *arena, const ks_log_record *record);

/** The records of every topic that got one. */
json_t *outcome_produced(cf_scenario *scenario, const ks_test_driver *driver);

/** The entries of every store but those that only serve an operator. */
json_t *outcome_stores(cf_scenario *scenario, ks_test_driver *driver);

/**
 * {"at": ..., "kind": ...} of an error of the library, whose own words are kept in the scenario's
 * `error_text`.
 *
 * What is not built yet never equals an error of Java: it is a problem and gives NULL, as does an
 * error that has no code.
 * @param at  taken over
 */
json_t *outcome_error(cf_scenario *scenario, json_t *at, const ks_error *error);

#endif
