/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state_dir.h - directories for the local state of applications under test; all of them are removed
 * when the process exits.
 */
#ifndef TESTS_SUPPORT_STATE_DIR_H
#define TESTS_SUPPORT_STATE_DIR_H

/* A new, empty directory: borrowed until the next call. */
const char *state_dir_new(void);

/* Removes a directory and what is in it; fails the test when it cannot. */
void state_dir_remove(const char *path);

#endif
