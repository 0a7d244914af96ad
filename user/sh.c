// A small shell: words and quotes, $?, pipes, < > >>, &, and a few commands of its own.
//
//   line     = pipeline { ";" pipeline }
//   pipeline = command { "|" command } [ "&" ]
//   command  = { word | "<" word | ">" word | ">>" word }
#include "user/help.h"
#include "user/proc.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

HELP("sh [-c COMMANDS]: the teaching shell: pipes, < > >>, &, $?");

#define MAX_LINE     1024
#define MAX_WORDS    64
#define MAX_COMMANDS 8

struct command {
    char *argv[MAX_WORDS + 1];
    int argc;
    const char *input, *output;
    bool append;
};

static int last_status; // $?
static char prompt[] = "dr7$ ";

// ---- reading: a line becomes words, and each separator is a word ----

struct lexer {
    const char *in;
    char *out; // the place for the next word
    char text[2 * MAX_LINE];
};

// The next word, or NULL at the end of the line or, with *error set, at an open quote. A separator
// has *special set, so that "|" in quotes stays a word.
static char *next_word(struct lexer *lex, bool *special, bool *error)
{
    char *start = lex->out;
    char quote = 0;

    *special = *error = false;
    while (*lex->in == ' ' || *lex->in == '\t')
        lex->in++;
    if (*lex->in == '\0' || *lex->in == '#')
        return NULL;
    if (strchr("|<>&;", *lex->in)) {
        *special = true;
        *lex->out++ = *lex->in++;
        if (*start == '>' && *lex->in == '>')
            *lex->out++ = *lex->in++;
        *lex->out++ = '\0';
        return start;
    }
    for (; *lex->in && (quote || !strchr(" \t|<>&;", *lex->in)); lex->in++) {
        char c = *lex->in;
        size_t room = (size_t)(lex->text + sizeof lex->text - lex->out);
        if (quote ? c == quote : c == '\'' || c == '"')
            quote = quote ? 0 : c;
        else if (c == '$' && lex->in[1] == '?' && quote != '\'' && room > 16)
            lex->out += sprintf(lex->out, "%d", last_status), lex->in++;
        else if (room > 1)
            *lex->out++ = c;
    }
    *error = quote != 0;
    *lex->out++ = '\0';
    return *error ? NULL : start;
}

// ---- running ----

static int redirect(const char *path, int flags, int target)
{
    int fd = open(path, flags, 0644);

    if (fd < 0) {
        fprintf(stderr, "sh: %s: %s\n", path, strerror(errno));
        return -1;
    }
    dup2(fd, target);
    close(fd);
    return 0;
}

static int redirect_all(const struct command *c)
{
    int out = O_WRONLY | O_CREAT | (c->append ? O_APPEND : O_TRUNC);

    if (c->input && redirect(c->input, O_RDONLY, STDIN_FILENO) != 0)
        return -1;
    return c->output ? redirect(c->output, out, STDOUT_FILENO) : 0;
}

static int help(void)
{
    char text[4096];

    printf("Built into the shell: cd DIR, exec COMMAND, exit [STATUS], help,\n"
           "  A | B   A < FILE   A > FILE   A >> FILE   A &   A ; B   'quotes'   $?\n");
    if (read_text("/etc/help", text, sizeof text) > 0)
        fputs(text, stdout);
    return 0;
}

static _Noreturn void execute(char *const *argv)
{
    execvp(argv[0], argv);
    fprintf(stderr, "sh: %s: %s\n", argv[0],
            errno == ENOENT    ? "no such command"
            : errno == ENOEXEC ? "no static program for x86-64 (compile it with -static)"
                               : strerror(errno));
    _exit(errno == ENOENT ? 127 : 126);
}

// Runs a command of the shell itself; false if it is not one.
static bool run_builtin(const struct command *c, int *status)
{
    const char *name = c->argv[0];

    if (strcmp(name, "exit") == 0) {
        fflush(stdout);
        exit(c->argc > 1 ? atoi(c->argv[1]) : last_status);
    }
    if (strcmp(name, "exec") == 0 && c->argc > 1) // how gdbserver starts a program
        execute(c->argv + 1);
    if (strcmp(name, "help") == 0) {
        *status = help();
    } else if (strcmp(name, "cd") == 0) {
        *status = chdir(c->argc > 1 ? c->argv[1] : "/") != 0;
        if (*status)
            fprintf(stderr, "sh: cd: %s\n", strerror(errno));
    } else {
        return false;
    }
    fflush(stdout);
    return true;
}

// In the child: executes the command. ^C and ^\ end it unless it is in the background.
static void become(const struct command *c, bool background)
{
    int status;

    signal(SIGINT, background ? SIG_IGN : SIG_DFL);
    signal(SIGQUIT, background ? SIG_IGN : SIG_DFL);
    if (redirect_all(c) != 0)
        _exit(1);
    if (run_builtin(c, &status))
        _exit(status);
    execute(c->argv);
}

static int status_of(int wait_status)
{
    if (WIFEXITED(wait_status))
        return WEXITSTATUS(wait_status);
    if (WTERMSIG(wait_status) != SIGPIPE)
        fprintf(stderr, "%s\n", strsignal(WTERMSIG(wait_status)));
    return 128 + WTERMSIG(wait_status);
}

// Starts the commands, each with its output piped into the next. Waits for all, unless
// `background`. The status is that of the last command.
static void run_pipeline(struct command *commands, int count, bool background)
{
    pid_t pids[MAX_COMMANDS];
    int started = 0;
    int input = -1;
    bool plain = count == 1 && !background && !commands[0].input && !commands[0].output;

    if (plain && run_builtin(&commands[0], &last_status))
        return;
    for (; started < count; started++) {
        int ends[2] = {-1, -1};
        bool last = started == count - 1;
        if (!last && pipe(ends) != 0)
            break;
        pids[started] = fork();
        if (pids[started] == 0) {
            if (input >= 0)
                dup2(input, STDIN_FILENO), close(input);
            if (!last)
                dup2(ends[1], STDOUT_FILENO), close(ends[0]), close(ends[1]);
            become(&commands[started], background);
        }
        if (input >= 0)
            close(input);
        if (!last)
            close(ends[1]);
        input = ends[0];
        if (pids[started] < 0)
            break;
    }
    if (started < count) {
        fprintf(stderr, "sh: %s\n", strerror(errno));
        last_status = 1;
    }
    if (input >= 0)
        close(input);
    if (background && started == count) {
        printf("[%d]\n", (int)pids[count - 1]);
        fflush(stdout);
        last_status = 0;
        return;
    }
    for (int i = 0; i < started; i++) {
        int status;
        while (waitpid(pids[i], &status, 0) < 0 && errno == EINTR)
            continue;
        if (i == count - 1)
            last_status = status_of(status);
    }
}

// ---- from words to pipelines ----

static void syntax_error(const char *what)
{
    fprintf(stderr, "sh: syntax: %s\n", what);
    last_status = 2;
}

static void run_line(const char *line)
{
    static struct lexer lex;
    bool special, error;
    char *word;

    lex.in = line;
    lex.out = lex.text;
    do {
        static struct command commands[MAX_COMMANDS];
        struct command *c = commands;
        bool background = false;
        memset(commands, 0, sizeof commands);
        for (;;) {
            word = next_word(&lex, &special, &error);
            if (error)
                return syntax_error("a quote is not closed");
            if (!word || (special && (*word == ';' || *word == '&')))
                break;
            if (special && *word == '|') {
                if (c->argc == 0 || c == &commands[MAX_COMMANDS - 1])
                    return syntax_error("no command before |, or too many");
                c++;
            } else if (special) {
                bool out = *word == '>';
                c->append = word[1] == '>';
                char *name = next_word(&lex, &special, &error);
                if (!name || special)
                    return syntax_error("a file name is missing");
                *(out ? &c->output : &c->input) = name;
            } else if (c->argc < MAX_WORDS) {
                c->argv[c->argc++] = word;
            } else {
                return syntax_error("too many words");
            }
        }
        background = word && *word == '&';
        if (c->argc == 0 && (c != commands || background || c->input || c->output))
            return syntax_error("a command is missing");
        if (c->argc > 0)
            run_pipeline(commands, (int)(c - commands) + 1, background);
    } while (word);
}

// Reads one line without its newline, byte by byte, so that a command's input stays. False at the
// end of the input. After ^C (EINTR) a new line begins.
static bool read_line(char *line, size_t size)
{
    size_t n = 0;
    char c;

    for (;;) {
        ssize_t got = read(STDIN_FILENO, &c, 1);
        if (got < 0 && errno == EINTR) {
            write(STDOUT_FILENO, "\n", 1);
            n = 0;
            break;
        }
        if (got <= 0 && n == 0)
            return false;
        if (got <= 0 || c == '\n')
            break;
        if (n + 1 < size)
            line[n++] = c;
    }
    line[n] = '\0';
    return true;
}

static void on_interrupt(int)
{
}

static void reap_background(void)
{
    pid_t pid;

    while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
        printf("[%d] done\n", (int)pid);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    char line[MAX_LINE];
    struct sigaction interrupt = {.sa_handler = on_interrupt}; // no SA_RESTART

    help_if_asked(argc, argv);
    setenv("PATH", "/bin", 0);
    if (argc == 3 && strcmp(argv[1], "-c") == 0) {
        run_line(argv[2]);
        return last_status;
    }
    sigaction(SIGINT, &interrupt, NULL);
    signal(SIGQUIT, SIG_IGN);
    signal(SIGTSTP, SIG_IGN);
    for (;;) {
        reap_background();
        write(STDOUT_FILENO, prompt, sizeof prompt - 1);
        if (!read_line(line, sizeof line))
            break;
        run_line(line);
    }
    write(STDOUT_FILENO, "\n", 1);
    return last_status;
}
