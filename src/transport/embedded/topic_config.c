/* SPDX-License-Identifier: Apache-2.0 */
/*
 * topic_config.c - the table of topic_config.h, in the order of names. @java TopicConfig, LogConfig
 *
 * Thread rule: see topic_config.h.
 */
#include "transport/embedded/topic_config.h"

#include "base/error.h"
#include "base/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MOST INT64_MAX
#define MOST_TEXT "9223372036854775807"

typedef enum config_kind {
    KIND_TEXT, /* anything */
    KIND_NUMBER,
    KIND_RATIO,
    KIND_CHOICE /* one word of `words` */
} config_kind;

typedef struct config_row {
    const char *name;
    const char *fallback;
    config_kind kind;
    bool has_effect;
    int64_t least;
    int64_t most;
    const char *words; /* of KIND_CHOICE, each between spaces */
} config_row;

#define NUMBER(name_, fallback_, has_effect_, least_, most_)            \
    {                                                                   \
        name_, fallback_, KIND_NUMBER, has_effect_, least_, most_, NULL \
    }
#define CHOICE(name_, fallback_, has_effect_, words_)            \
    {                                                            \
        name_, fallback_, KIND_CHOICE, has_effect_, 0, 0, words_ \
    }
#define TEXT(name_, fallback_)                         \
    {                                                  \
        name_, fallback_, KIND_TEXT, false, 0, 0, NULL \
    }

static const config_row table[] = {
    CHOICE("cleanup.policy", "delete", true, " delete compact compact,delete delete,compact "),
    NUMBER("compression.gzip.level", "-1", false, -1, 9),
    NUMBER("compression.lz4.level", "9", false, 1, 17),
    CHOICE("compression.type", "producer", false, " uncompressed zstd lz4 snappy gzip producer "),
    NUMBER("compression.zstd.level", "3", false, -131072, 22),
    NUMBER("delete.retention.ms", "86400000", true, 0, MOST),
    NUMBER("file.delete.delay.ms", "60000", false, 0, MOST),
    NUMBER("flush.messages", MOST_TEXT, false, 1, MOST),
    NUMBER("flush.ms", MOST_TEXT, false, 0, MOST),
    TEXT("follower.replication.throttled.replicas", ""),
    NUMBER("index.interval.bytes", "4096", false, 0, INT32_MAX),
    TEXT("leader.replication.throttled.replicas", ""),
    NUMBER("local.retention.bytes", "-2", false, -2, MOST),
    NUMBER("local.retention.ms", "-2", false, -2, MOST),
    NUMBER("max.compaction.lag.ms", MOST_TEXT, true, 1, MOST),
    NUMBER("max.message.bytes", "1048588", false, 0, INT32_MAX),
    NUMBER("message.timestamp.after.max.ms", "3600000", false, 0, MOST),
    NUMBER("message.timestamp.before.max.ms", MOST_TEXT, false, 0, MOST),
    CHOICE("message.timestamp.type", "CreateTime", true, " CreateTime "),
    {"min.cleanable.dirty.ratio", "0.5", KIND_RATIO, true, 0, 1, NULL},
    NUMBER("min.compaction.lag.ms", "0", true, 0, MOST),
    NUMBER("min.insync.replicas", "1", false, 1, INT32_MAX),
    CHOICE("preallocate", "false", false, " false true "),
    NUMBER("retention.bytes", "-1", true, -1, MOST),
    NUMBER("retention.ms", "604800000", true, -1, MOST),
    NUMBER("segment.bytes", "1073741824", true, 1024, INT32_MAX),
    NUMBER("segment.ms", "604800000", true, 1, MOST),
    CHOICE("unclean.leader.election.enable", "false", false, " false true "),
};

_Static_assert(sizeof table / sizeof table[0] == KSI_TOPIC_CONFIGS, "a value for each row");

/* ---- values ---------------------------------------------------------------------------------- */

static const config_row *find_row(const char *name)
{
    for (size_t i = 0; i < KSI_TOPIC_CONFIGS; i++) {
        if (strcmp(table[i].name, name) == 0) {
            return &table[i];
        }
    }
    return NULL;
}

static const char *value_of(const ksi_topic_config_set *set, const char *name)
{
    const config_row *row = find_row(name);
    const char *value = set->values[row - table];
    return value != NULL ? value : row->fallback;
}

static bool read_number(const char *text, int64_t *number)
{
    char *end = NULL;
    errno = 0;
    *number = strtoll(text, &end, 10);
    return errno == 0 && end != text && *end == '\0';
}

static bool is_word_of(const char *words, const char *value)
{
    size_t size = strlen(value);
    for (const char *at = strchr(words, ' '); at != NULL && at[1] != '\0';
         at = strchr(at + 1, ' ')) {
        if (strncmp(at + 1, value, size) == 0 && at[1 + size] == ' ' && size > 0) {
            return true;
        }
    }
    return false;
}

static ks_status check_value(const config_row *row, const char *topic, const char *value,
                             ks_error *error)
{
    int64_t number = 0;
    if (row->kind == KIND_NUMBER &&
        (!read_number(value, &number) || number < row->least || number > row->most)) {
        return ksi_error_set(error, KS_E_ARGUMENT, topic,
                             "%s must be a number from %lld to %lld; it is '%s'", row->name,
                             (long long)row->least, (long long)row->most, value);
    }
    if (row->kind == KIND_RATIO) {
        char *end = NULL;
        double ratio = strtod(value, &end);
        if (end == value || *end != '\0' || !(ratio >= 0 && ratio <= 1)) {
            return ksi_error_set(error, KS_E_ARGUMENT, topic,
                                 "%s must be a number from 0 to 1; it is '%s'", row->name, value);
        }
    }
    if (row->kind == KIND_CHOICE && !is_word_of(row->words, value)) {
        return ksi_error_set(error, KS_E_ARGUMENT, topic, "%s must be one of:%s; it is '%s'",
                             row->name, row->words, value);
    }
    return KS_OK;
}

/* ---- the set --------------------------------------------------------------------------------- */

static int64_t number_of(const ksi_topic_config_set *set, const char *name)
{
    int64_t number = 0;
    (void)read_number(value_of(set, name), &number);
    return number;
}

static void parse(ksi_topic_config_set *set)
{
    const char *policy = value_of(set, "cleanup.policy");
    set->settings = (ksi_topic_settings){
        .deletes = strstr(policy, "delete") != NULL,
        .compacts = strstr(policy, "compact") != NULL,
        .retention_ms = number_of(set, "retention.ms"),
        .retention_bytes = number_of(set, "retention.bytes"),
        .segment_bytes = number_of(set, "segment.bytes"),
        .segment_ms = number_of(set, "segment.ms"),
        .delete_retention_ms = number_of(set, "delete.retention.ms"),
        .min_compaction_lag_ms = number_of(set, "min.compaction.lag.ms"),
        .max_compaction_lag_ms = number_of(set, "max.compaction.lag.ms"),
        .min_dirty_ratio = strtod(value_of(set, "min.cleanable.dirty.ratio"), NULL),
    };
}

void ksi_topic_config_init(ksi_topic_config_set *set)
{
    *set = (ksi_topic_config_set){0};
    parse(set);
}

void ksi_topic_config_destroy(ksi_topic_config_set *set)
{
    for (size_t i = 0; i < KSI_TOPIC_CONFIGS; i++) {
        ksi_free(set->values[i]);
        set->values[i] = NULL;
    }
}

ks_status ksi_topic_config_put(ksi_topic_config_set *set, const char *topic,
                               const ksi_topic_config *config, ks_error *error)
{
    const config_row *row = config->name != NULL ? find_row(config->name) : NULL;
    if (row == NULL) {
        return ksi_error_set(error, KS_E_ARGUMENT, topic,
                             "'%s' is no configuration of a topic; the names are Kafka's, such as "
                             "retention.ms or cleanup.policy",
                             config->name != NULL ? config->name : "");
    }
    if (config->value != NULL) {
        KS_TRY(check_value(row, topic, config->value, error));
    }
    char **value = &set->values[row - table];
    ksi_free(*value);
    *value = ksi_strdup(config->value);
    parse(set);
    return KS_OK;
}

bool ksi_topic_config_has_effect(const char *name)
{
    const config_row *row = find_row(name);
    return row != NULL && row->has_effect;
}

void ksi_topic_config_each(const ksi_topic_config_set *set, ksi_config_visit_fn *visit, void *user)
{
    for (size_t i = 0; i < KSI_TOPIC_CONFIGS; i++) {
        const char *value = set->values[i];
        ksi_topic_config config = {.name = table[i].name,
                                   .value = value != NULL ? value : table[i].fallback};
        visit(user, &config, value == NULL);
    }
}

bool ksi_topic_settings_expire(const ksi_topic_settings *settings, int64_t newest_timestamp,
                               int64_t bytes_left, int64_t now_ms)
{
    bool is_old = settings->retention_ms >= 0 && newest_timestamp < now_ms - settings->retention_ms;
    bool is_much = settings->retention_bytes >= 0 && bytes_left >= settings->retention_bytes;
    return settings->deletes && (is_old || is_much);
}
