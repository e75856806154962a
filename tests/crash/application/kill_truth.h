/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kill_truth.h - whether the windowing application (windowed_app.h) wrote what it would have
 * written if nobody had killed it.
 *
 * Thread rule: one thread.
 */
#ifndef TESTS_CRASH_APPLICATION_KILL_TRUTH_H
#define TESTS_CRASH_APPLICATION_KILL_TRUTH_H

#include "kill_facts.h"

/*
 * Whether the outputs in `log` are what its input leads to; else a complaint that names the first
 * fault. `directory` is for the state of the application that is not killed.
 */
bool kill_truth_judge(ks_log *log, bool exactly_once, const char *directory,
                      char complaint[KILL_COMPLAINT]);

#endif
