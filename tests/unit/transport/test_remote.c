/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_remote.c - the socket of a log: bytes that are no requests, and a holder that goes away.
 * What goes well is in the contract of transports, which runs through the socket, too.
 */
#include "base/thread.h"
#include "state_dir.h"
#include "transport/log_handle.h"
#include "transport/remote/remote_transport.h"
#include "transport/remote/server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct fixture {
    char path[256];
    ks_log *held;
    ksi_transport *holder;
    ksi_log_server *server;
    ks_error error;
} fixture;

static int set_up(void **state)
{
    fixture *self = calloc(1, sizeof *self);
    (void)snprintf(self->path, sizeof self->path, "%s/socket", state_dir_new());
    self->held = ks_log_open("embedded:", &self->error);
    self->holder = ksi_log_transport(self->held);
    self->server = ksi_log_server_start(self->holder, self->path, &self->error);
    assert_non_null(self->server);
    assert_int_equal(ks_log_create_topic(self->held, "topic", 1, &self->error), KS_OK);
    *state = self;
    return 0;
}

static void stop_server(fixture *self)
{
    ksi_log_server_stop(self->server);
    self->server = NULL;
}

static int tear_down(void **state)
{
    fixture *self = *state;
    stop_server(self);
    self->holder->class->release(self->holder);
    ks_log_free(self->held);
    free(self);
    return 0;
}

static ks_log *open_client(fixture *self)
{
    ksi_transport *transport = ksi_remote_transport_open(self->path, &self->error);
    if (transport == NULL) {
        fail_msg("%s", self->error.message);
    }
    return ksi_log_of(transport);
}

static int connect_raw(const fixture *self)
{
    struct sockaddr_un address;
    assert_true(ksi_socket_address(self->path, &address));
    int file = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(connect(file, (const struct sockaddr *)&address, sizeof address), 0);
    return file;
}

/* ---- bytes that are no requests -------------------------------------------------------------- */

/* Sends them, and reads until the other side closes: how many bytes came back. */
static size_t sent_raw(const fixture *self, const void *bytes, size_t size)
{
    int file = connect_raw(self);
    (void)send(file, bytes, size, MSG_NOSIGNAL); /* the other side may have closed by then */
    (void)shutdown(file, SHUT_WR);
    size_t came = 0;
    char answer[4096];
    for (ssize_t now = 1; now > 0; came += now > 0 ? (size_t)now : 0) {
        now = recv(file, answer, sizeof answer, 0);
    }
    (void)close(file);
    return came;
}

static void assert_still_serves(fixture *self)
{
    ks_log *client = open_client(self);
    assert_int_equal(ks_log_partition_count(client, "topic"), 1);
    ks_log_free(client);
}

static void whoever_does_not_greet_is_sent_away(void **state)
{
    fixture *self = *state;
    const char ungreeted[] = {0, 0, 0, 1, KSI_CALL_EACH_TOPIC};
    const char unknown[] = {0, 0, 0, 1, (char)200};
    const char empty[] = {0, 0, 0, 0};
    assert_true(sent_raw(self, ungreeted, sizeof ungreeted) > 20);
    assert_true(sent_raw(self, unknown, sizeof unknown) > 20);
    assert_true(sent_raw(self, empty, sizeof empty) > 20);
    assert_int_equal(sent_raw(self, "GET / HTTP/1.1\r\n\r\n", 18), 0); /* a frame of 1.2 GB */
    assert_int_equal(sent_raw(self, "\0\0", 2), 0);
    const char wait[] = {0, 0, 0, 13, KSI_CALL_WAIT, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0};
    assert_int_equal(sent_raw(self, wait, sizeof wait), 0); /* there is no consumer */
    assert_still_serves(self);
}

static void another_version_is_told_so(void **state)
{
    fixture *self = *state;
    ksi_buffer hello = {0};
    ksi_frame_begin(&hello);
    ksi_put_u8(&hello, KSI_CALL_HELLO);
    ksi_put_text(&hello, KSI_PROTOCOL_MAGIC);
    ksi_put_u32(&hello, KSI_PROTOCOL_VERSION + 1);
    int file = connect_raw(self);
    assert_true(ksi_frame_send(file, &hello));
    assert_true(ksi_frame_receive(file, &hello));
    ksi_frame_reader answer = ksi_frame_reader_of(ksi_buffer_slice(&hello));
    assert_int_equal(ksi_take_answer(&answer, &self->error), KS_E_NOT_BUILT);
    assert_non_null(strstr(self->error.message, "version"));
    (void)close(file);
    ksi_buffer_destroy(&hello);
}

static void random_bytes_end_their_connection_only(void **state)
{
    fixture *self = *state;
    const unsigned seed = (unsigned)time(NULL);
    print_message("seed %u\n", seed);
    srand(seed);
    for (int turn = 0; turn < 300; turn++) {
        ksi_buffer bytes = {0};
        ksi_frame_begin(&bytes);
        ksi_put_u8(&bytes, KSI_CALL_HELLO);
        ksi_put_text(&bytes, KSI_PROTOCOL_MAGIC);
        ksi_put_u32(&bytes, KSI_PROTOCOL_VERSION);
        bytes.data[3] = (char)(bytes.size - 4);
        for (int frame = 0; frame < 4; frame++) {
            size_t size = (size_t)rand() % 60 + 1;
            ksi_put_u32(&bytes, (uint32_t)size);
            ksi_put_u8(&bytes, (uint8_t)(rand() % (KSI_CALL_COUNT + 1)));
            for (size_t i = 1; i < size; i++) {
                ksi_put_u8(&bytes, (uint8_t)(rand() % 4 != 0 ? 0 : rand()));
            }
        }
        assert_true(sent_raw(self, bytes.data, bytes.size) >= 5); /* the greeting was answered */
        ksi_buffer_destroy(&bytes);
    }
    assert_still_serves(self);
}

/* ---- the holder goes away -------------------------------------------------------------------- */

static void note_topic(const char *topic, int32_t partitions, void *user)
{
    (void)topic;
    (void)partitions;
    (*(int *)user)++;
}

static void assert_gone(fixture *self, ks_status status)
{
    assert_int_equal(status, KS_E_IO);
    assert_non_null(strstr(self->error.message, "gone away"));
    self->error = (ks_error){0};
}

static void every_call_says_that_the_holder_is_gone(void **state)
{
    fixture *self = *state;
    ks_log *client = open_client(self);
    const ks_log_record record = {.value = ks_slice_cstr("v"), .timestamp = 1, .partition = 0};
    assert_int_equal(ks_log_produce(client, "topic", &record, &self->error), KS_OK);
    ks_log_reader *reader = ks_log_reader_open(client, "topic", &self->error);
    ks_log_record read = {0};
    assert_true(ks_log_reader_next(reader, &read));
    stop_server(self);
    int topics = 0;
    assert_gone(self, ks_log_create_topic(client, "other", 1, &self->error));
    assert_gone(self, ks_log_each_topic(client, note_topic, &topics, &self->error));
    assert_int_equal(topics, 0);
    assert_gone(self, ks_log_remove_group_members(client, "group", &self->error));
    assert_gone(self, ks_log_produce(client, "topic", &record, &self->error));
    assert_false(ks_log_reader_next(reader, &read));
    assert_gone(self, ks_log_reader_status(reader, &self->error));
    assert_gone(self, ks_log_reader_wait(reader, -1, &self->error));
    assert_null(ks_log_reader_open(client, "topic", &self->error));
    assert_gone(self, self->error.code);
    ks_log_reader_free(reader);
    ks_log_free(client);
    assert_null(ksi_remote_transport_open(self->path, &self->error));
    assert_int_equal(self->error.code, KS_E_IO);
}

static void stop_later(void *user)
{
    stop_server(user);
}

static void a_wait_ends_when_the_holder_goes(void **state)
{
    fixture *self = *state;
    ks_log *client = open_client(self);
    ks_log_reader *reader = ks_log_reader_open(client, "topic", &self->error);
    ksi_thread thread = {0};
    assert_int_equal(ksi_thread_start(&thread, "stopper", stop_later, self), 0);
    assert_gone(self, ks_log_reader_wait(reader, -1, &self->error));
    ksi_thread_join(&thread);
    ks_log_reader_free(reader);
    ks_log_free(client);
}

static void an_unfinished_transaction_is_aborted_with_its_connection(void **state)
{
    fixture *self = *state;
    ks_log *client = open_client(self);
    ksi_transport *transport = ksi_log_transport(client);
    ksi_producer *producer = transport->class->open_producer(
        transport, &(ksi_producer_options){.transactional_id = "id"}, &self->error);
    assert_non_null(producer);
    const ks_log_record record = {.value = ks_slice_cstr("v"), .timestamp = 1};
    assert_int_equal(producer->class->send(producer, 0, "topic", &record, &self->error), KS_OK);
    producer->class->close(producer);
    transport->class->release(transport);
    ks_log_free(client);
    stop_server(self); /* nothing of the connection is left now */
    int64_t begin = 0;
    int64_t end = -1;
    assert_int_equal(ks_log_offsets(self->held, "topic", 0, &begin, &end, &self->error), KS_OK);
    assert_int_equal(end, 0);
}

/* ---- what is not offered --------------------------------------------------------------------- */

static void applications_run_in_the_holder_only(void **state)
{
    fixture *self = *state;
    ks_log *client = open_client(self);
    ksi_transport *transport = ksi_log_transport(client);
    const ksi_member_options options = {.group = "group", .process_id = "p", .capacity = 1};
    assert_null(transport->class->join(transport, &options, 0, &self->error));
    assert_int_equal(self->error.code, KS_E_STATE);
    assert_non_null(strstr(self->error.message, "another process holds the log"));
    transport->class->release(transport);
    ks_log_free(client);
}

static void the_socket_is_the_owners_and_goes_with_the_server(void **state)
{
    fixture *self = *state;
    struct stat there;
    assert_int_equal(stat(self->path, &there), 0);
    assert_int_equal(there.st_mode & 0777, 0600);
    stop_server(self);
    assert_int_not_equal(stat(self->path, &there), 0);
    char longest[300];
    memset(longest, 'a', sizeof longest);
    longest[0] = '/';
    longest[sizeof longest - 1] = '\0';
    assert_null(ksi_log_server_start(self->holder, longest, &self->error));
    assert_int_equal(self->error.code, KS_E_ARGUMENT);
    assert_null(ksi_log_server_start(self->holder, "/dev/null/socket", &self->error));
    assert_int_equal(self->error.code, KS_E_IO);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(whoever_does_not_greet_is_sent_away),
        TEST(another_version_is_told_so),
        TEST(random_bytes_end_their_connection_only),
        TEST(every_call_says_that_the_holder_is_gone),
        TEST(a_wait_ends_when_the_holder_goes),
        TEST(an_unfinished_transaction_is_aborted_with_its_connection),
        TEST(applications_run_in_the_holder_only),
        TEST(the_socket_is_the_owners_and_goes_with_the_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
