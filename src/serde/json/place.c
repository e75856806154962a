/* SPDX-License-Identifier: Apache-2.0 */
/*
 * place.c - where in a document something is, for messages: "items[3].price".
 *
 * The links go from the inside out, so the text is made from its end. When the room is used up the
 * outer part is left out and "..." says so: the field that is wrong is the part one needs.
 *
 * Thread rule: any.
 */
#include "serde/json/place.h"

#include <stdio.h>

static const char cut_mark[] = "...";

/* What a place adds to the path: ".price", "price" or "[3]". */
static size_t part_of(const ksi_json_place *place, char *part, size_t size)
{
    int length = place->name == NULL    ? snprintf(part, size, "[%zu]", place->index)
                 : place->outer == NULL ? snprintf(part, size, "%s", place->name)
                                        : snprintf(part, size, ".%s", place->name);
    return (size_t)length < size ? (size_t)length : size - 1;
}

char *ksi_json_path(const ksi_json_place *place, char path[KSI_JSON_PATH_SIZE])
{
    size_t begin = KSI_JSON_PATH_SIZE - 1;
    path[begin] = '\0';
    for (; place != NULL; place = place->outer) {
        char part[96];
        size_t size = part_of(place, part, sizeof part);
        if (size + sizeof cut_mark > begin) {
            begin -= sizeof cut_mark - 1;
            memcpy(path + begin, cut_mark, sizeof cut_mark - 1);
            break;
        }
        begin -= size;
        memcpy(path + begin, part, size);
    }
    return memmove(path, path + begin, KSI_JSON_PATH_SIZE - begin);
}
