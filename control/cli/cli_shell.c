#include "control/cli/cli_shell.h"

#include "control/cli/cli_client.h"
#include "control/cli/cli_local.h"
#include "control/cli/cli_proto.h"
#include "control/cli/cli_tree.h"

#include <histedit.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
    int status = cli_client_run(s->fd, argc, argv, json);
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
    else if (p.row->local)
        s->status = cli_local_run(&p, json);
    else
        run_remote(s, n, words, json);
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

/* ---- loops -------------------------------------------------------------------------------------------------------------- */
static EditLine *editor_new(History *h)
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
    el_set(el, EL_ADDFN, "culvert-help", "what may follow", on_question);
    el_set(el, EL_ADDFN, "culvert-complete", "complete the word", on_tab);
    el_set(el, EL_BIND, "?", "culvert-help", NULL);
    el_set(el, EL_BIND, "^I", "culvert-complete", NULL);
    return el;
}

static void loop_terminal(struct shell *s)
{
    History *h = history_init();
    EditLine *el = h ? editor_new(h) : NULL;
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

static void loop_plain(struct shell *s)
{
    char line[LINE_MAX_OCTETS];
    while (!s->leave && fgets(line, sizeof line, stdin))
        run_line(s, line);
}

int cli_shell(const char *run_dir)
{
    struct shell s = {.run_dir = run_dir, .fd = -1};
    if (isatty(STDIN_FILENO))
        loop_terminal(&s);
    else
        loop_plain(&s);
    if (s.fd >= 0)
        close(s.fd);
    return s.status;
}
