#include "control/cli/cli_proto.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static void put_u32(uint8_t *p, uint32_t v)
{
    for (unsigned i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> (24 - 8 * i));
}

void cli_frame_head(uint8_t head[CLI_FRAME_HEAD], enum cli_frame kind, uint32_t len)
{
    head[0] = (uint8_t)kind;
    put_u32(head + 1, len);
}

bool cli_frame_parse(const uint8_t head[CLI_FRAME_HEAD], enum cli_frame *kind, uint32_t *len)
{
    *kind = (enum cli_frame)head[0];
    *len = (uint32_t)head[1] << 24 | (uint32_t)head[2] << 16 | (uint32_t)head[3] << 8 | head[4];
    return (head[0] == CLI_STDOUT || head[0] == CLI_STDERR || head[0] == CLI_LINES ||
            (head[0] == CLI_EXIT && *len == 4)) &&
           *len <= CLI_FRAME_MAX;
}

uint8_t *cli_request_make(int argc, const char *const *argv, unsigned ask, size_t *len)
{
    json_t *words = json_array();
    for (int i = 0; i < argc; i++)
        if (json_array_append_new(words, json_string(argv[i])) != 0) {
            json_decref(words); /* not UTF-8 */
            return NULL;
        }
    json_t *j = json_pack("{s:o, s:b, s:b}", "argv", words, "json", (ask & CLI_ASK_JSON) != 0, "shell",
                          (ask & CLI_ASK_SHELL) != 0);
    char *text = json_dumps(j, JSON_COMPACT);
    json_decref(j);
    size_t n = text ? strlen(text) : 0;
    uint8_t *out = n > 0 && n <= CLI_REQUEST_MAX ? malloc(n + 4) : NULL;
    if (out) {
        put_u32(out, (uint32_t)n);
        memcpy(out + 4, text, n);
        *len = n + 4;
    }
    free(text);
    return out;
}
