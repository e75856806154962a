/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.h - a set of properties as the other rooms read it.
 *
 * ks_config_set() has checked every text, so a getter cannot fail: it answers what is set, else the
 * default. The typed getters give what *holds*: a deprecated name counts when it alone is set
 * (`older` of its row), and the two defaults that depend on another property are followed
 * (commit.interval.ms under exactly-once, reconnect.backoff.max.ms). ks_config_get() gives the text
 * of exactly the name that was asked for.
 *
 * Asking for a name that has no row, or for another type than its own, is a mistake of the
 * programmer and aborts.
 *
 * Thread rule: the owner's; a set that nobody changes any more may be read by any thread.
 */
#ifndef KSI_CONFIG_CONFIG_H
#define KSI_CONFIG_CONFIG_H

#include <kstreams/config.h>

#include "config/clients.h"

/* A copy; NULL gives an empty set. Owned: free with ks_config_free(). */
ks_config *ksi_config_copy(const ks_config *config);

/*
 * As ks_config_set(), but takes also what this version has not built: for tools that check a file
 * against Kafka Streams, and for testing rules between properties of which one is not built.
 */
KS_NODISCARD ks_status ksi_config_set_any(ks_config *config, const char *name, const char *value,
                                          ks_error *error);

/*
 * Sets what a properties file says; `source` is its name in messages. Stops at the first line that
 * is refused; what stood before it is set. @return KS_OK, KS_E_CONFIG, KS_E_NOT_BUILT
 */
KS_NODISCARD ks_status ksi_config_parse(ks_config *config, ks_slice text, const char *source,
                                        ks_error *error);

/* Whether a property was set under exactly this name. */
bool ksi_config_is_set(const ks_config *config, const char *name);

int64_t ksi_config_i64(const ks_config *config, const char *name);
int32_t ksi_config_i32(const ks_config *config, const char *name);
bool ksi_config_bool(const ks_config *config, const char *name);

/* The text, of any type; NULL when there is none. Borrowed until it is set again. */
const char *ksi_config_text(const ks_config *config, const char *name);

/*
 * The word of a choice or class ("LogAndFail", "wallclock", "string"), whichever way it was
 * written; NULL when there is none.
 */
const char *ksi_config_choice(const ks_config *config, const char *name);

/*
 * The text of a client's property under its most special prefix, else without one; NULL when it is
 * not set.
 */
const char *ksi_config_client(const ks_config *config, ksi_client client, const char *property);

/*
 * The same for a property whose rule (config/clients.c) says that it is a number: its default when
 * it is not set.
 */
int64_t ksi_config_client_i64(const ks_config *config, ksi_client client, const char *property);

/* Bytes of the record caches of all threads. */
int64_t ksi_config_cache_max_bytes(const ks_config *config);

/* Whether processing.guarantee is exactly_once_v2. */
bool ksi_config_exactly_once(const ks_config *config);

/*
 * Rules between properties. That application.id and bootstrap.servers are there is the
 * application's to check.
 */
KS_NODISCARD ks_status ksi_config_validate(const ks_config *config, ks_error *error);

/*
 * A line for the log about a property that was set: it has no effect, is ignored, or is deprecated.
 */
typedef void ksi_config_notice_fn(const char *name, const char *message, void *user);

/*
 * Calls `notice` for each such property, in the order in which they were set: the application logs
 * them as warnings, once. `has_clients`: the log is a cluster, whose clients take properties, and
 * say themselves what they do not take.
 */
void ksi_config_each_notice(const ks_config *config, bool has_clients, ksi_config_notice_fn *notice,
                            void *user);

/*
 * The set properties in order of their setting: starts with `at` 0; false at the end. Borrowed
 * until the next change.
 */
bool ksi_config_at(const ks_config *config, size_t *at, const char **name, const char **value);

#endif
