/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_address.c - lists of brokers, and what is none.
 */
#include "net/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void parse(ksi_address_list *addresses, const char *text)
{
    ks_error error = {0};
    ks_status status = ksi_address_list_parse(addresses, text, 9092, "bootstrap.servers", &error);
    assert_string_equal(error.message, "");
    assert_int_equal(status, KS_OK);
}

static void assert_refused(const char *text)
{
    ks_error error = {0};
    ksi_address_list addresses;
    assert_int_equal(ksi_address_list_parse(&addresses, text, 9092, "bootstrap.servers", &error),
                     KS_E_CONFIG);
    assert_string_equal(error.where, "bootstrap.servers");
    ksi_address_list_destroy(&addresses);
}

static void a_list_has_hosts_with_and_without_ports(void **state)
{
    (void)state;
    ksi_address_list addresses;
    parse(&addresses, "one:9093, two ,10.0.0.3:65535,");
    assert_int_equal(addresses.count, 3);
    assert_string_equal(addresses.list[0].host, "one");
    assert_int_equal(addresses.list[0].port, 9093);
    assert_string_equal(addresses.list[1].host, "two");
    assert_int_equal(addresses.list[1].port, 9092);
    assert_string_equal(addresses.list[2].host, "10.0.0.3");
    assert_int_equal(addresses.list[2].port, 65535);
    ksi_address_list_destroy(&addresses);
}

static void an_ipv6_address_may_stand_in_brackets(void **state)
{
    (void)state;
    ksi_address_list addresses;
    parse(&addresses, "[::1]:9093,[fe80::1],::1,[fe80::1%eth0]:9094,::ffff:10.0.0.3");
    assert_int_equal(addresses.count, 5);
    assert_string_equal(addresses.list[3].host, "fe80::1%eth0");
    assert_int_equal(addresses.list[3].port, 9094);
    assert_string_equal(addresses.list[4].host, "::ffff:10.0.0.3");
    assert_string_equal(addresses.list[0].host, "::1");
    assert_int_equal(addresses.list[0].port, 9093);
    assert_string_equal(addresses.list[1].host, "fe80::1");
    assert_string_equal(addresses.list[2].host, "::1");
    assert_int_equal(addresses.list[2].port, 9092);
    ksi_address_list_destroy(&addresses);
}

static void what_is_no_address_is_refused(void **state)
{
    (void)state;
    const char *const texts[] = {"",
                                 " , ",
                                 "host:",
                                 "host:0",
                                 "host:65536",
                                 "host:9x",
                                 ":9092",
                                 "[::1",
                                 "[]:9092",
                                 "[::1]9092",
                                 "ho st:1",
                                 "one,two:x",
                                 "http://h",
                                 "host:-1",
                                 "host:99999999999",
                                 "host:9092:9092",
                                 "10.0.0.3:9092:1",
                                 "[host]:9092",
                                 "[::1%]:9092",
                                 "1:2:3:4:5:6:7:8:9092",
                                 "[fe80::1::2]"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_refused(texts[i]);
    }
    assert_refused(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_has_hosts_with_and_without_ports),
        cmocka_unit_test(an_ipv6_address_may_stand_in_brackets),
        cmocka_unit_test(what_is_no_address_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
