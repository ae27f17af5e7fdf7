#include "control/cli/cli_shell.h"

#include "control/cli/cli_client.h"
#include "control/cli/cli_local.h"
#include "control/cli/cli_proto.h"
#include "control/cli/cli_tree.h"

#include <errno.h>
#include <histedit.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

enum { LINE_MAX_OCTETS = 4096, HISTORY_LINES = 500 };

struct shell {
    const char *run_dir;
    int fd; /* connection, -1 none */
    int status;
    bool leave, interrupted;
};

/* Cuts a line into words in place. */
static int split(char *line, const char *words[CLI_ARGC_MAX])
{
    int n = 0;
    char *save = NULL;
    for (char *w = strtok_r(line, " \t\r\n", &save); w && n < CLI_ARGC_MAX;
         w = strtok_r(NULL, " \t\r\n", &save))
        words[n++] = w;
    return n;
}

static bool is_leave(const char *word)
{
    return strcmp(word, "exit") == 0 || strcmp(word, "quit") == 0 || strcmp(word, "logout") == 0;
}

static void on_interrupt(int sig)
{
    (void)sig;
    cli_client_interrupt();
}

/* Ctrl-C ends the command, not the shell: hanging up is what tells the daemon. */
static int run_interruptible(struct shell *s, int argc, const char *const *argv, bool json)
{
    struct sigaction now = {.sa_handler = on_interrupt}, before;
    sigaction(SIGINT, &now, &before);
    s->interrupted = false;
    int status = cli_client_run(s->fd, argc, argv, CLI_ASK_SHELL | (json ? CLI_ASK_JSON : 0u));
    s->interrupted = cli_client_interrupted();
    sigaction(SIGINT, &before, NULL);
    return status;
}

static void run_remote(struct shell *s, int argc, const char *const *argv, bool json)
{
    if (s->fd < 0)
        s->fd = cli_client_connect(s->run_dir);
    if (s->fd < 0) {
        s->status = CLI_NO_DAEMON;
        return;
    }
    s->status = run_interruptible(s, argc, argv, json);
    if (s->status == CLI_NO_DAEMON || s->interrupted) {
        close(s->fd);
        s->fd = -1; /* a restarted daemon is found by the next command */
    }
}

static void run_line(struct shell *s, char *line)
{
    const char *words[CLI_ARGC_MAX];
    struct cli_parsed p;
    char err[CLI_ERR_MAX];
    int n = split(line, words);
    bool json = n > 1 && strcmp(words[n - 1], "--json") == 0;
    n -= json;
    if (n == 0 || words[0][0] == '!')
        return;
    if (is_leave(words[0])) {
        s->leave = true;
        return;
    }
    if (cli_parse(n, words, &p, err) != CV_OK) {
        printf("%% %s\n", err);
        s->status = CLI_USAGE;
        return;
    }
    if (p.row->id == CLI_BENCH)
        puts("% bench runs from the command line: culvert bench ...");
    else if (p.row->id == CLI_EXPLAIN)
        puts("% explain runs from the command line: culvert explain A.conf B.conf");
    else if (p.row->local)
        s->status = cli_local_run(&p, json);
    else
        run_remote(s, n, words, json);
}

/* ---- waiting for input, printing debug lines meanwhile --------------------------------------------------------- */
static void hang_up(struct shell *s)
{
    fputs("% culvertd hung up\n", stdout);
    fflush(stdout);
    close(s->fd);
    s->fd = -1; /* a restarted daemon is found by the next command */
}

/* Until stdin has something, or its end. before and after each lot of lines: the terminal's prompt makes room. */
static void wait_for_input(struct shell *s, void (*before)(void *), void (*after)(void *), void *ctx)
{
    for (;;) {
        struct pollfd p[2] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = s->fd, .events = POLLIN}};
        if (poll(p, 2, -1) < 0) {
            if (errno != EINTR)
                return;
            if (after)
                after(ctx); /* the window's size may have changed */
            continue;
        }
        if (s->fd >= 0 && p[1].revents) {
            if (before)
                before(ctx);
            if (!cli_client_lines(s->fd))
                hang_up(s);
            if (after)
                after(ctx);
        }
        if (p[0].revents)
            return;
    }
}

/* ---- completion and `?` ---------------------------------------------------------------------------------------------- */
struct begun {
    char line[LINE_MAX_OCTETS];
    const char *words[CLI_ARGC_MAX];
    int count;          /* whole words */
    const char *prefix; /* the begun one, "" none */
};

static void begun_take(struct begun *b, const char *text, size_t len)
{
    snprintf(b->line, sizeof b->line, "%.*s", (int)len, text);
    bool open_word = len > 0 && text[len - 1] != ' ';
    b->count = split(b->line, b->words);
    b->prefix = "";
    if (open_word && b->count > 0)
        b->prefix = b->words[--b->count];
}

static void print_next(void *ctx, const char *word, const char *help)
{
    (void)ctx;
    printf("  %-20s %s\n", word, help);
}

static unsigned char on_question(EditLine *el, int ch)
{
    const LineInfo *li = el_line(el);
    struct begun b;
    (void)ch;
    begun_take(&b, li->buffer, (size_t)(li->cursor - li->buffer));
    puts("?");
    cli_next(b.count, b.words, b.prefix, print_next, NULL);
    fflush(stdout);
    return CC_REDISPLAY;
}

struct completion {
    char common[64];
    unsigned count;
};

static void complete_next(void *ctx, const char *word, const char *help)
{
    struct completion *c = ctx;
    (void)help;
    if (word[0] == '<' || word[0] == '[' || (word[0] >= 'A' && word[0] <= 'Z'))
        return; /* a placeholder */
    if (c->count++ == 0) {
        snprintf(c->common, sizeof c->common, "%s", word);
        return;
    }
    size_t n = 0;
    while (c->common[n] && c->common[n] == word[n])
        n++;
    c->common[n] = '\0';
}

static unsigned char on_tab(EditLine *el, int ch)
{
    const LineInfo *li = el_line(el);
    struct begun b;
    struct completion c = {.count = 0};
    (void)ch;
    begun_take(&b, li->buffer, (size_t)(li->cursor - li->buffer));
    cli_next(b.count, b.words, b.prefix, complete_next, &c);
    size_t typed = strlen(b.prefix);
    if (c.count == 0 || strlen(c.common) < typed)
        return CC_ERROR;
    if (el_insertstr(el, c.common + typed) != 0)
        return CC_ERROR;
    if (c.count == 1 && el_insertstr(el, " ") != 0)
        return CC_ERROR;
    if (c.count > 1 && strlen(c.common) == typed) {
        putchar('\n');
        cli_next(b.count, b.words, b.prefix, print_next, NULL);
        fflush(stdout);
        return CC_REDISPLAY;
    }
    return CC_REFRESH;
}

static char *on_prompt(EditLine *el)
{
    static char prompt[] = "culvert#";
    (void)el;
    return prompt;
}

/* The line under construction is wiped, and drawn anew below what was printed. */
static void line_wipe(void *ctx)
{
    (void)ctx;
    fputs("\r\033[J", stdout);
    fflush(stdout);
}

static void line_draw(void *ctx)
{
    fflush(stdout);
    el_set(ctx, EL_REFRESH);
}

static int on_getc(EditLine *el, wchar_t *out)
{
    struct shell *s = NULL;
    mbstate_t state = {0};
    el_get(el, EL_CLIENTDATA, &s);
    for (;;) {
        char ch;
        wait_for_input(s, line_wipe, line_draw, el);
        ssize_t n = read(STDIN_FILENO, &ch, 1);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n <= 0)
            return (int)n;
        size_t used = mbrtowc(out, &ch, 1, &state);
        if (used == (size_t)-2)
            continue; /* a character of several octets */
        if (used == (size_t)-1)
            *out = L'?';
        return 1;
    }
}

/* ---- loops -------------------------------------------------------------------------------------------------------------- */
static EditLine *editor_new(struct shell *s, History *h)
{
    HistEvent ev;
    EditLine *el = el_init("culvert", stdin, stdout, stderr);
    if (!el)
        return NULL;
    history(h, &ev, H_SETSIZE, HISTORY_LINES);
    history(h, &ev, H_SETUNIQUE, 1);
    el_set(el, EL_PROMPT, on_prompt);
    el_set(el, EL_EDITOR, "emacs");
    el_set(el, EL_HIST, history, h);
    el_set(el, EL_SIGNAL, 1);
    el_set(el, EL_CLIENTDATA, s);
    el_set(el, EL_GETCFN, on_getc);
    el_set(el, EL_ADDFN, "culvert-help", "what may follow", on_question);
    el_set(el, EL_ADDFN, "culvert-complete", "complete the word", on_tab);
    el_set(el, EL_BIND, "?", "culvert-help", NULL);
    el_set(el, EL_BIND, "^I", "culvert-complete", NULL);
    return el;
}

static void loop_terminal(struct shell *s)
{
    History *h = history_init();
    EditLine *el = h ? editor_new(s, h) : NULL;
    HistEvent ev;
    const char *text;
    int n;
    while (el && !s->leave && (text = el_gets(el, &n)) != NULL && n > 0) {
        char line[LINE_MAX_OCTETS];
        snprintf(line, sizeof line, "%s", text);
        if (line[strspn(line, " \t\r\n")])
            history(h, &ev, H_ENTER, text);
        run_line(s, line);
    }
    if (el)
        el_end(el);
    if (h)
        history_end(h);
}

/* One line of stdin, without what stdio would read ahead and poll not see. False at its end. */
static bool plain_line(struct shell *s, char line[LINE_MAX_OCTETS])
{
    size_t n = 0;
    while (n < LINE_MAX_OCTETS - 1) {
        wait_for_input(s, NULL, NULL, NULL);
        ssize_t got = read(STDIN_FILENO, line + n, 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0 || line[n++] == '\n')
            break;
    }
    line[n] = '\0';
    return n > 0;
}

static void loop_plain(struct shell *s)
{
    char line[LINE_MAX_OCTETS];
    while (!s->leave && plain_line(s, line))
        run_line(s, line);
}

int cli_shell(const char *run_dir)
{
    setlocale(LC_CTYPE, "");
    struct shell s = {.run_dir = run_dir, .fd = -1};
    if (isatty(STDIN_FILENO))
        loop_terminal(&s);
    else
        loop_plain(&s);
    if (s.fd >= 0)
        close(s.fd);
    return s.status;
}
