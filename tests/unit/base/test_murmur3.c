/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_murmur3.c - the numbers that Java's Murmur3#hash128 gives for every length of a tail.
 */
#include "base/murmur3.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Of as many bytes as the line's number, from 0; recorded from Java. */
static const ksi_hash128 recorded[] = {
    {0x9d2764a018e32942, 0x8c3cf3b035938518}, {0xc115fef0c63412b8, 0x44a0a3d61cd7d98f},
    {0xff3fd24006708c34, 0xde022ad5835c64ae}, {0x4a6c803703815f4a, 0x985460f5ea9a2608},
    {0x75656a10a5788e73, 0x20bde40238921560}, {0x0b92e76371229c35, 0xcf5bcf3a9f70c3d2},
    {0x94e8bf7c60257c23, 0xcf752b38b7dc2eac}, {0x366555911d0890c5, 0x7ef273fdd851fbad},
    {0xd60e17c3a49473c1, 0x25766d563eee9836}, {0x918627640844fd4e, 0x093f8ebf4b79480f},
    {0x39efc9d0dd8ed037, 0xc02043952600bff4}, {0x68ea21e195d91273, 0x2aca57af6911db8e},
    {0x786b76ee748104c7, 0x67198f3a31468feb}, {0x2447eb4f9f3e3daf, 0x20beb1b5d1e87656},
    {0x7e2b40c249325c2a, 0xcdb377626fa53c66}, {0xbf35c3ecb358de00, 0xd1122af585ad5566},
    {0x62530fd349288dd1, 0xf1688d5808ebb02d}, {0xaed187c5bf951ffc, 0x872ff69ad71e7cc8},
    {0x9812c5c83097c730, 0xf610cf900c653a34}, {0x60fe54d8ee9e4f88, 0x848a94f3a5c0f40c},
    {0x38f0dcf509c2fa06, 0x54414b5f97ce2105}, {0x161aa8b39e87d7b1, 0xf4d5cdd2571e25e1},
    {0xa0f01bb56f408aa1, 0x07223c403cea21c5}, {0x16e1e0bb4c4fb8ed, 0x49d3ff00f39a7fca},
    {0x9f25948746923cb7, 0x5732d714601f6ea6}, {0xb8b09bce10b84cf1, 0x87a447b98772afdb},
    {0x0984402d8eb8ce0d, 0x633fd67e3ceee078}, {0xda2b1ed465d5de48, 0x8ec8a4f942344e85},
    {0xa313d0801dd5291f, 0xa4ccf57313bf577a}, {0x792d15f942f3acd5, 0xf7e039aec59d5f57},
    {0x770e1ee7f77fba47, 0x09b2bd66eab96810}, {0xc831c241b553c94a, 0x9056c7f3046e8d94},
    {0x403a81c6e156a1b6, 0x5fea7c1c2b87ebf6}, {0xdcc603709f52978c, 0xb088bec9a7324cfe},
    {0x95a31a0d9e008f1c, 0x0c372fb83012ae4e}, {0xd41e306b3729c5ce, 0xbd6e37163ea5289d},
    {0x2cedb6d14943d687, 0x8b961935513481d2}, {0x32f5d2443e08ed7c, 0x61b8e492d22023c5},
    {0xba9fca03204f442a, 0xffc0fcb739ec212c}, {0x36896f1b741759dd, 0x06ac753e7175edb8},
    {0x3cd4204b6307ffcb, 0x4f73f96b1670eb7d}, {0xa12184ea71680f7c, 0xceb5769179171d77},
    {0xa19734447b8c9763, 0x6f5db8f58f5bd134}, {0xd953a7f8e64ac29d, 0x230e309e9dde9914},
    {0xc3d5bf39c0d3474e, 0x0015cb396859f03c}, {0x2c9a0165d8123dc7, 0xbd8e07a88864b249},
    {0xf67b67839aa2593e, 0xc0aeaf2e7be143b6}, {0xcbe9111828d71dd5, 0x39e8a069a2108c12},
    {0xbeb2cbf6eade8046, 0x785e947464c5d74b}, {0x1767bc605b3f652e, 0x386a3fc3efaa931b},
};

enum { LENGTHS = sizeof recorded / sizeof recorded[0] };

static void every_length_hashes_as_in_java(void **state)
{
    (void)state;
    for (size_t length = 0; length < LENGTHS; length++) {
        char bytes[LENGTHS];
        for (size_t i = 0; i < length; i++) {
            bytes[i] = (char)(uint8_t)(i * 37 + length * 11 + 200);
        }
        ksi_hash128 hash = ksi_murmur3(ks_slice_of(bytes, length));
        assert_true(hash.high == recorded[length].high);
        assert_true(hash.low == recorded[length].low);
    }
}

static void a_text_hashes_as_in_java(void **state)
{
    (void)state;
    ksi_hash128 hash = ksi_murmur3(ks_slice_cstr("The quick brown fox jumps over the lazy dog"));
    assert_true(hash.high == 0xe74c5921af0f99c8);
    assert_true(hash.low == 0xb7f85ec81df06726);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_length_hashes_as_in_java),
        cmocka_unit_test(a_text_hashes_as_in_java),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
