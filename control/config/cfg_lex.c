#include "control/config/cfg_lex.h"

#include <string.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static int indent_of(const char *s)
{
    int at = 0;
    for (; is_blank(*s); s++)
        at = *s == '\t' ? (at / 8 + 1) * 8 : at + 1;
    return at;
}

/* Length of the quoted word at s with both quotes; 0 when the quote is not closed before a blank or the end. */
static size_t quoted_len(const char *s)
{
    if (*s != '"')
        return 0;
    for (size_t i = 1; s[i]; i++)
        if (s[i] == '"')
            return s[i + 1] == '\0' || is_blank(s[i + 1]) ? i + 1 : 0;
    return 0;
}

static bool fail(int at, const char *text, int *column, const char **why)
{
    *column = at;
    *why = text;
    return false;
}

static bool copy_line(const char *text, size_t n, struct cfg_line *out, int *column, const char **why)
{
    if (n > 0 && text[n - 1] == '\r')
        n--;
    if (n >= sizeof out->raw)
        return fail((int)sizeof out->raw, "line is too long; at most 1023 octets", column, why);
    for (size_t i = 0; i < n; i++)
        if (((unsigned char)text[i] < ' ' && text[i] != '\t') || text[i] == 0x7f)
            return fail((int)i + 1, "control character", column, why);
    memcpy(out->raw, text, n);
    out->raw[n] = '\0';
    return true;
}

bool cfg_lex(const char *text, size_t n, int number, struct cfg_line *out, int *column, const char **why)
{
    out->number = number;
    out->any_interface = false;
    out->count = 0;
    out->raw[0] = '\0';
    if (!copy_line(text, n, out, column, why))
        return false;
    out->indent = indent_of(out->raw);
    char *s = out->raw, *end = out->raw, *to = out->store;
    for (;;) {
        s += strspn(s, " \t");
        if (*s == '\0' || *s == '!')
            break;
        if (out->count == CFG_TOKENS_MAX)
            return fail((int)(s - out->raw) + 1, "too many words in a line; at most 48", column, why);
        size_t quoted = quoted_len(s), len = quoted ? quoted : strcspn(s, " \t");
        struct cfg_token *t = &out->tokens[out->count++];
        *t = (struct cfg_token){.text = to, .column = (int)(s - out->raw) + 1, .quoted = quoted != 0};
        memcpy(to, quoted ? s + 1 : s, quoted ? len - 2 : len);
        to += quoted ? len - 2 : len;
        *to++ = '\0';
        s += len;
        end = s;
    }
    *end = '\0';
    return true;
}

const char *cfg_lex_rest(const struct cfg_line *l, unsigned i)
{
    return i < l->count ? l->raw + l->tokens[i].column - 1 : "";
}
