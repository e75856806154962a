/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.h - the properties of an application, under Kafka's exact names.
 *
 * Every property that Kafka Streams 4.3 knows is known here too. One that this version does not act
 * on yet is accepted with a logged reason, or refused when going on without it would change
 * results; an unknown name is refused with the nearest known one. docs/reference/configuration.md
 * is generated from the same table.
 */
#ifndef KSTREAMS_CONFIG_H
#define KSTREAMS_CONFIG_H

#include <kstreams/common.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A set of properties. A builder or an application copies what it needs. @java StreamsConfig */
typedef struct ks_config ks_config;

/** An empty set: all defaults. Owned: free with ks_config_free(). @thread any */
KS_API ks_config *ks_config_new(void);
/** Frees the set and the texts that were borrowed from it. @thread the owner's */
KS_API void ks_config_free(ks_config *config);

/**
 * Sets a property from its text, as in a properties file; a later call replaces an earlier one.
 *
 * @return KS_OK; KS_E_CONFIG when the name is unknown (the message suggests the nearest), the text
 *         is no value of the property's type, or it is out of range; KS_E_NOT_BUILT when this
 *         version cannot honour it and must not ignore it
 * @thread the owner's
 */
KS_NODISCARD KS_API ks_status ks_config_set(ks_config *config, const char *name, const char *value,
                                            ks_error *error);

/**
 * Reads a properties file: `name=value` lines, `#` comments, `\` at the end of a line continues it.
 *
 * @return KS_OK; KS_E_IO when it cannot be read; KS_E_CONFIG naming file and line
 * @thread the owner's
 */
KS_NODISCARD KS_API ks_status ks_config_load(ks_config *config, const char *path, ks_error *error);

/**
 * The text of a property: as set, else its default; NULL when it has neither or the name is
 * unknown. Borrowed until it is set again. @thread the owner's
 */
KS_API const char *ks_config_get(const ks_config *config, const char *name);

#ifdef __cplusplus
}
#endif
#endif
