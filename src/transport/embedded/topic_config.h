/* SPDX-License-Identifier: Apache-2.0 */
/*
 * topic_config.h - the configuration of a topic, by Kafka's names and with Kafka's defaults.
 *
 * A broker knows some thirty names. Those that say how long records are kept have the same effect
 * here; the rest are about replicas, compression, tiers and caches that an embedded log does not
 * have. A program that sets those works on both, so they are checked and kept, and
 * ksi_topic_config_has_effect() says which they are. What nobody knows, and what a broker would
 * refuse, is refused.
 *
 * Thread rule: the owner's; the embedded log's lock guards those of its topics.
 */
#ifndef KSI_TRANSPORT_EMBEDDED_TOPIC_CONFIG_H
#define KSI_TRANSPORT_EMBEDDED_TOPIC_CONFIG_H

#include "transport/transport.h"

enum { KSI_TOPIC_CONFIGS = 28 };

/* What a topic does with its records, parsed. */
typedef struct ksi_topic_settings {
    bool deletes;            /* cleanup.policy */
    bool compacts;           /* cleanup.policy */
    int64_t retention_ms;    /* -1: for ever */
    int64_t retention_bytes; /* of a partition; -1: any */
    int64_t segment_bytes;
    int64_t segment_ms;
    int64_t delete_retention_ms;   /* how long compaction keeps a tombstone */
    int64_t min_compaction_lag_ms; /* younger records are not compacted */
    int64_t max_compaction_lag_ms; /* older ones are, whatever the ratio */
    double min_dirty_ratio;        /* share of bytes not compacted yet that makes it worth while */
} ksi_topic_settings;

/*
 * Whether retention lets go of the oldest piece of a partition: of which this is the newest
 * timestamp, and behind which `bytes_left` would be left.
 */
bool ksi_topic_settings_expire(const ksi_topic_settings *settings, int64_t newest_timestamp,
                               int64_t bytes_left, int64_t now_ms);

typedef struct ksi_topic_config_set {
    ksi_topic_settings settings;
    char *values[KSI_TOPIC_CONFIGS]; /* by the table; NULL: the default */
} ksi_topic_config_set;

void ksi_topic_config_init(ksi_topic_config_set *set);
void ksi_topic_config_destroy(ksi_topic_config_set *set);

/* Sets one, NULL: back to the default. KS_E_ARGUMENT for a name or value that no broker takes. */
KS_NODISCARD ks_status ksi_topic_config_put(ksi_topic_config_set *set, const char *topic,
                                            const ksi_topic_config *config, ks_error *error);
/* Whether a name that was accepted does something to an embedded log. */
bool ksi_topic_config_has_effect(const char *name);
/* All of them, by name. */
void ksi_topic_config_each(const ksi_topic_config_set *set, ksi_config_visit_fn *visit, void *user);

#endif
