/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transport_client.c - what the transport costs on top of librdkafka: the loops of raw_client.c,
 * through transport.h.
 *
 *     transport_client consume SERVERS TOPIC COUNT [PROPERTY=VALUE]...
 *     transport_client pass SERVERS INPUT OUTPUT COUNT [PROPERTY=VALUE]...
 *
 * The records go the way that those of an application go, in batches of the size a stream thread
 * polls, and no further: no task, no node. So the distance to raw_client is the transport's, and
 * that of ks-bench to this the runtime's.
 *
 * Prints one line of JSON with the fields of raw_client.
 *
 * Thread rule: one thread, beside librdkafka's own.
 */
#include "base/error.h"
#include "transport/kafka/kafka_transport.h"

#include "cost.h"

#include <stdio.h>
#include <stdlib.h>

enum { BATCH = 256, PARTITIONS_AT_MOST = 64, WAIT_MS = 100 };

static _Noreturn void give_up(const ks_error *error)
{
    ks_error_print("transport_client", error);
    exit(EXIT_FAILURE);
}

typedef struct loop {
    ks_config *config;
    ksi_transport *transport;
    ksi_consumer *consumer;
    ksi_producer *producer; /* NULL: records are read and forgotten */
    const char *output;
    size_t slots[PARTITIONS_AT_MOST];
    int32_t partitions;
    ks_error error;
} loop;

static void check(loop *self, ks_status status)
{
    if (status != KS_OK) {
        give_up(&self->error);
    }
}

/* "producer.linger.ms=20" ... */
static void set_properties(loop *self, char **properties, int count)
{
    self->config = ks_config_new();
    for (int i = 0; i < count; i++) {
        char *equals = strchr(properties[i], '=');
        if (equals != NULL) {
            *equals = '\0';
            check(self, ks_config_set(self->config, properties[i], equals + 1, &self->error));
        }
    }
}

static void open_loop(loop *self, const char *servers, const char *input)
{
    const ksi_kafka_options options = {.bootstrap_servers = servers, .config = self->config};
    self->transport = ksi_kafka_transport_open(&options, &self->error);
    check(self, self->error.code);
    const ksi_transport_class *class = self->transport->class;
    check(self, class->partition_count(self->transport, input, &self->partitions, &self->error));
    self->consumer = class->open_consumer(self->transport, KSI_READS_INPUT, &self->error);
    check(self, self->error.code);
    for (int32_t p = 0; p < self->partitions && p < PARTITIONS_AT_MOST; p++) {
        const ksi_topic_partition at = {.topic = input, .partition = p};
        check(self,
              self->consumer->class->assign(self->consumer, at, 0, &self->slots[p], &self->error));
    }
    if (self->output != NULL) {
        self->producer = class->open_producer(self->transport, NULL, &self->error);
        check(self, self->error.code);
    }
}

static size_t turn(loop *self, int32_t partition)
{
    ks_log_record records[BATCH];
    size_t count = 0;
    check(self, self->consumer->class->poll(self->consumer, self->slots[partition], records, BATCH,
                                            &count, &self->error));
    for (size_t i = 0; self->producer != NULL && i < count; i++) {
        check(self, self->producer->class->send(self->producer, 0, self->output, &records[i],
                                                &self->error));
    }
    return count;
}

static void run(loop *self, uint64_t wanted)
{
    uint64_t seen = 0;
    while (seen < wanted) {
        uint64_t before = seen;
        for (int32_t p = 0; p < self->partitions; p++) {
            seen += turn(self, p);
        }
        if (self->producer != NULL) {
            int64_t next_ns = 0;
            check(self, self->producer->class->poll(self->producer, bench_now_ns(), &next_ns,
                                                    &self->error));
        }
        if (seen == before) {
            self->consumer->class->wait(self->consumer, WAIT_MS);
        }
    }
    if (self->producer != NULL) {
        check(self, self->producer->class->flush(self->producer, &self->error));
    }
}

static void close_loop(loop *self)
{
    if (self->producer != NULL) {
        self->producer->class->close(self->producer);
    }
    self->consumer->class->close(self->consumer);
    self->transport->class->release(self->transport);
    ks_config_free(self->config);
}

int main(int argc, char **argv)
{
    bool passes = argc >= 6 && strcmp(argv[1], "pass") == 0;
    int fixed = passes ? 6 : 5;
    if (argc < fixed || !(passes || strcmp(argv[1], "consume") == 0)) {
        fprintf(stderr, "transport_client consume SERVERS TOPIC COUNT | pass SERVERS INPUT OUTPUT "
                        "COUNT, then PROPERTY=VALUE ...\n");
        return EXIT_FAILURE;
    }
    int64_t begin_ns = bench_now_ns();
    uint64_t count = strtoull(argv[fixed - 1], NULL, 10);
    loop self = {.output = passes ? argv[4] : NULL};
    set_properties(&self, argv + fixed, argc - fixed);
    open_loop(&self, argv[2], argv[3]);
    run(&self, count);
    close_loop(&self);
    bench_print_cost(argv[1], count, begin_ns);
    return EXIT_SUCCESS;
}
