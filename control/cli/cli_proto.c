#include "control/cli/cli_proto.h"

#include "common/secret.h"

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
            head[0] == CLI_QUESTION || (head[0] == CLI_EXIT && *len == 4)) &&
           *len <= CLI_FRAME_MAX;
}

/* JSON, which is taken over, with its length before it. */
static uint8_t *packet(json_t *j, size_t *len)
{
    char *text = json_dumps(j, JSON_COMPACT);
    json_decref(j);
    size_t n = text ? strlen(text) : 0;
    uint8_t *out = n > 0 && n <= CLI_REQUEST_MAX ? malloc(n + 4) : NULL;
    if (out) {
        put_u32(out, (uint32_t)n);
        memcpy(out + 4, text, n);
        *len = n + 4;
    }
    if (text)
        secret_wipe(text, n);
    free(text);
    return out;
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
    return packet(j, len);
}

char *cli_base64(const uint8_t *octets, size_t n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *out = malloc((n + 2) / 3 * 4 + 1), *at = out;
    for (size_t i = 0; out && i < n; i += 3) {
        size_t have = n - i < 3 ? n - i : 3;
        uint32_t v = 0;
        for (size_t k = 0; k < 3; k++)
            v = v << 8 | (k < have ? octets[i + k] : 0u);
        for (size_t k = 0; k < 4; k++)
            *at++ = k <= have ? digits[v >> (18 - 6 * k) & 63] : '=';
    }
    if (out)
        *at = '\0';
    return out;
}

static int digit(char c)
{
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '+'             ? 62
           : c == '/'             ? 63
                                  : -1;
}

bool cli_base64_read(const char *text, uint8_t **octets, size_t *n)
{
    uint8_t *out = malloc(strlen(text) / 4 * 3 + 3);
    uint32_t v = 0;
    unsigned have = 0, pad = 0;
    bool good = out != NULL;
    *n = 0;
    for (; good && *text; text++) {
        int d = digit(*text);
        if (strchr(" \t\r\n", *text))
            continue;
        pad += *text == '=';
        good = pad == 0 ? d >= 0 : *text == '=' && pad <= 2;
        if (!good || pad > 0)
            continue;
        v = v << 6 | (uint32_t)d;
        if (++have % 4 == 0)
            for (int shift = 16; shift >= 0; shift -= 8)
                out[(*n)++] = (uint8_t)(v >> shift);
    }
    unsigned rest = have % 4;
    good = good && rest != 1 && (pad == 0 ? rest == 0 : pad == 4 - rest);
    if (good && rest > 1)
        out[(*n)++] = (uint8_t)(rest == 2 ? v >> 4 : v >> 10);
    if (good && rest > 2)
        out[(*n)++] = (uint8_t)(v >> 2);
    if (!good) {
        free(out);
        out = NULL;
    }
    *octets = out;
    return good;
}

uint8_t *cli_answer_make(const uint8_t *octets, size_t n, size_t *len)
{
    char *text = octets ? cli_base64(octets, n) : NULL;
    json_t *j = text ? json_pack("{s:s}", "answer", text) : json_pack("{s:n}", "answer");
    if (text)
        secret_wipe(text, strlen(text));
    free(text);
    return packet(j, len);
}
