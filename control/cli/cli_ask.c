#include "control/cli/cli_ask.h"

#include "common/secret.h"
#include "control/cli/cli_proto.h"
#include "control/cli/cli_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

void cli_ask_open(struct cli_ask *a, int argc, const char *const *argv, bool json)
{
    struct cli_parsed p;
    char err[CLI_ERR_MAX];
    memset(a, 0, sizeof *a);
    a->out = stdout;
    a->json = json;
    if (cli_parse(argc, argv, &p, err) != CV_OK)
        return;
    const char *url = cli_opt(&p, "url");
    if (!url)
        return;
    if (strncmp(url, "file:", 5) == 0)
        url += 5;
    if (p.row->id != CLI_PKI_EXPORT && p.row->id != CLI_KEY_EXPORT) {
        a->in_file = url;
        return;
    }
    a->decode = p.arg_count > 1 && strncasecmp(p.args[1], "pk", 2) == 0;
    FILE *memory = open_memstream(&a->text, &a->len);
    if (memory) {
        a->out = memory;
        a->out_file = url;
    }
}

/* ---- reading ------------------------------------------------------------------------------------------------------------ */
static uint8_t *read_file(const char *file, size_t *n)
{
    uint8_t *p = malloc(CLI_INPUT_MAX + 1);
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    ssize_t got = 0;
    *n = 0;
    while (p && fd >= 0 && *n <= CLI_INPUT_MAX && (got = read(fd, p + *n, CLI_INPUT_MAX + 1 - *n)) > 0)
        *n += (size_t)got;
    if (fd < 0 || got < 0)
        fprintf(stderr, "culvert: %s: %s\n", file, strerror(errno));
    else if (*n > CLI_INPUT_MAX)
        fprintf(stderr, "culvert: %s: longer than %d octets\n", file, CLI_INPUT_MAX);
    bool good = p && fd >= 0 && got >= 0 && *n <= CLI_INPUT_MAX;
    if (fd >= 0)
        close(fd);
    if (good)
        return p;
    if (p)
        secret_wipe(p, *n);
    free(p);
    return NULL;
}

/* One line with its end, octet by octet: what follows is the shell's. 0: the input has ended, or was interrupted. */
static size_t next_line(char *out, size_t room)
{
    size_t n = 0;
    while (n + 1 < room) {
        char c;
        if (read(STDIN_FILENO, &c, 1) != 1)
            break;
        out[n++] = c;
        if (c == '\n')
            break;
    }
    out[n] = '\0';
    return n;
}

/* Lines up to `quit` alone on one, or the end of the input. */
static uint8_t *read_lines(size_t *n)
{
    char *p = calloc(1, CLI_INPUT_MAX + 2);
    size_t got;
    *n = 0;
    while (p && *n < CLI_INPUT_MAX && (got = next_line(p + *n, CLI_INPUT_MAX + 1 - *n)) > 0) {
        if (strcasecmp(p + *n, "quit\n") == 0 || strcasecmp(p + *n, "quit") == 0)
            break;
        *n += got;
    }
    if (p && *n > 0)
        return (uint8_t *)p;
    free(p);
    return NULL;
}

static uint8_t *read_line(bool secret, size_t *n)
{
    struct termios was, now;
    char line[512];
    bool hide = secret && isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &was) == 0;
    if (hide) {
        now = was;
        now.c_lflag &= ~(tcflag_t)ECHO;
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &now);
    }
    bool got = next_line(line, sizeof line) > 0;
    if (hide) {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &was);
        fputs("\n", stderr);
    }
    *n = got ? strcspn(line, "\r\n") : 0;
    uint8_t *out = got ? malloc(*n + 1) : NULL;
    if (out)
        memcpy(out, line, *n);
    secret_wipe(line, sizeof line);
    return out;
}

static uint8_t *confirmed(size_t *n)
{
    uint8_t *line = read_line(false, n);
    bool yes = line && *n > 0 && strncasecmp((const char *)line, "yes", *n) == 0;
    free(line);
    *n = 3;
    return (uint8_t *)strdup(yes ? "yes" : "no");
}

uint8_t *cli_ask_answer(struct cli_ask *a, const char *question, size_t *len)
{
    json_t *j = json_loads(question, JSON_REJECT_DUPLICATES, NULL);
    const char *kind = json_string_value(json_object_get(j, "kind"));
    const char *prompt = json_string_value(json_object_get(j, "prompt"));
    uint8_t *octets = NULL, *packet = NULL;
    size_t n = 0;
    bool input = kind && strcmp(kind, "input") == 0;
    if (kind && prompt) {
        if (!(input && a->in_file))
            fputs(prompt, stderr); /* stdout may be JSON, or go to a file */
        fflush(stderr);
        octets = input && a->in_file            ? read_file(a->in_file, &n)
                 : input                        ? read_lines(&n)
                 : strcmp(kind, "confirm") == 0 ? confirmed(&n)
                                                : read_line(true, &n);
        packet = cli_answer_make(octets, n, len);
    }
    if (octets)
        secret_wipe(octets, n);
    free(octets);
    json_decref(j);
    return packet;
}

/* ---- writing -------------------------------------------------------------------------------------------------------------- */
static bool write_file(const char *file, const uint8_t *p, size_t n)
{
    int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    ssize_t put = 0;
    while (fd >= 0 && n > 0 && (put = write(fd, p, n)) > 0) {
        p += put;
        n -= (size_t)put;
    }
    bool good = fd >= 0 && fchmod(fd, 0600) == 0 && n == 0;
    if (!good)
        fprintf(stderr, "culvert: %s: %s\n", file, strerror(errno));
    if (fd >= 0)
        close(fd);
    return good;
}

int cli_ask_close(struct cli_ask *a, int status)
{
    uint8_t *octets = NULL;
    size_t n = 0;
    if (!a->out_file)
        return status;
    fclose(a->out);
    bool good = status == CLI_OK && a->text;
    if (good && a->decode)
        good = cli_base64_read(a->text, &octets, &n) && write_file(a->out_file, octets, n);
    else if (good)
        good = write_file(a->out_file, (const uint8_t *)a->text, a->len);
    if (octets)
        secret_wipe(octets, n);
    free(octets);
    if (a->text)
        secret_wipe(a->text, a->len);
    free(a->text);
    if (good)
        printf("written to %s\n", a->out_file);
    return status == CLI_OK && !good ? CLI_NOT_SO : status;
}
