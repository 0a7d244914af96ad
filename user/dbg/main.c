#include "user/dbg/dbg.h"
#include "user/help.h"
#include <signal.h>
#include <unistd.h>

HELP("dbg PROGRAM [ARGUMENT...]: a debugger; `help` names its commands\n"
     "dbg -p PID: the same for a process that runs");

#define MAX_WORDS 4

static bool quit;

// ---- arguments ----

// A number, a symbol or a register, plus or minus a number: "main+4", "$rsp-8", "0x401000".
static bool parse(const char *text, uint64_t *value)
{
    size_t n = strcspn(text, "+-");
    char name[128], *end;

    if (n >= sizeof name)
        return false;
    memcpy(name, text, n);
    name[n] = '\0';
    struct user_regs_struct r = target ? regs_get() : (struct user_regs_struct){0};
    const unsigned long long *reg = *name == '$' ? reg_named(&r, name + 1) : NULL;
    const struct symbol *s = symbol_named(name);
    if (reg)
        *value = *reg;
    else if (s)
        *value = s->addr;
    else if (*name < '0' || *name > '9' || (*value = strtoull(name, &end, 0), *end))
        return false;
    if (!text[n])
        return true;
    uint64_t offset = strtoull(text + n + 1, &end, 0);
    *value += text[n] == '+' ? offset : -offset;
    return !*end && text[n + 1];
}

static bool expression(const char *text, uint64_t *value)
{
    if (text && parse(text, value))
        return true;
    printf(text ? "no such place: \"%s\"\n" : "an argument is missing (see \"help\")\n", text);
    return false;
}

static uint64_t number_or(const char *text, uint64_t otherwise)
{
    return text ? strtoull(text, NULL, 0) : otherwise;
}

// ---- commands ----

// The kind of point that each command makes.
static void do_point(char **w)
{
    static const char *const names[] = {[SOFT] = "break",
                                        [HARD] = "hbreak",
                                        [WATCH] = "watch",
                                        [RWATCH] = "rwatch",
                                        [AWATCH] = "awatch"};
    enum point_kind kind = SOFT;
    uint64_t addr;

    while (strncmp(names[kind], w[0], strlen(w[0])) != 0)
        kind++;
    if (expression(w[1], &addr))
        point_add(kind, addr, number_or(w[2], 0));
}

static void do_delete(char **w)
{
    point_delete((int)number_or(w[1], 0));
}

static void do_points(char **)
{
    points_list();
}

static void do_continue(char **)
{
    target_continue();
}

static void do_step(char **w)
{
    target_step((long)number_or(w[1], 1));
}

static void do_regs(char **)
{
    static const char *const names[] = {"rax", "rbx", "rcx", "rdx", "rsi", "rdi",
                                        "rbp", "rsp", "r8",  "r9",  "r10", "r11",
                                        "r12", "r13", "r14", "r15", "rip", "eflags"};
    struct user_regs_struct r = regs_get();

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        printf("%-6s %016llx%s", names[i], *reg_named(&r, names[i]), i % 3 == 2 ? "\n" : "   ");
}

static void do_print(char **w)
{
    uint64_t value;

    if (expression(w[1], &value))
        printf("%s = %#llx (%lld) %s\n", w[1], (unsigned long long)value, (long long)value,
               symbol_at(value) ? place_name(value) : "");
}

static void do_memory(char **w)
{
    uint64_t addr, word;

    if (!expression(w[1], &addr))
        return;
    for (uint64_t n = number_or(w[2], 1); n > 0; n--, addr += 8) {
        if (!mem_read(addr, &word, sizeof word)) {
            printf("no memory is at %#llx\n", (unsigned long long)addr);
            return;
        }
        printf("%s: %016llx\n", place_name(addr), (unsigned long long)word);
    }
}

static void set_register(const char *name, uint64_t value)
{
    struct user_regs_struct r = regs_get();
    unsigned long long *reg = reg_named(&r, name);

    if (reg)
        *reg = value;
    if (!reg || !regs_set(&r))
        printf("cannot set $%s to this value\n", name);
}

// Sets a register, or memory of the symbol's size (or the given size).
static void do_set(char **w)
{
    uint64_t addr, value;

    if (!w[1] || !expression(w[2], &value))
        return;
    if (*w[1] == '$') {
        set_register(w[1] + 1, value);
        return;
    }
    if (!expression(w[1], &addr))
        return;
    const struct symbol *s = symbol_at(addr);
    uint64_t len = number_or(w[3], s && s->size <= 8 ? s->size : 8);
    if (len > 8 || !mem_write(addr, &value, len))
        printf("cannot write there\n");
}

static void do_backtrace(char **)
{
    backtrace();
}

static void do_quit(char **)
{
    quit = true;
}

static void do_help(char **);

static const struct command {
    const char *name, *arguments, *text;
    void (*fn)(char **words);
    bool needs_target;
} commands[] = {
    {"break", "PLACE", "stop there (INT3 in the text)", do_point, true},
    {"hbreak", "PLACE", "the same with a debug register", do_point, true},
    {"watch", "PLACE [BYTES]", "stop when it is written", do_point, true},
    {"rwatch", "PLACE [BYTES]", "stop when it is read", do_point, true},
    {"awatch", "PLACE [BYTES]", "stop when it is read or written", do_point, true},
    {"delete", "NUMBER", "delete one", do_delete, true},
    {"points", "", "list all", do_points, false},
    {"continue", "", "go on", do_continue, true},
    {"step", "[N]", "go on for N instructions", do_step, true},
    {"regs", "", "registers", do_regs, true},
    {"print", "PLACE", "a register, a symbol's address", do_print, true},
    {"x", "PLACE [WORDS]", "memory", do_memory, true},
    {"set", "PLACE VALUE [BYTES]", "change memory, or a $register", do_set, true},
    {"bt", "", "backtrace: the callers", do_backtrace, true},
    {"help", "", "this list", do_help, false},
    {"quit", "", "end: kills what dbg has started", do_quit, false},
};
#define NR_COMMANDS (sizeof commands / sizeof commands[0])

static void do_help(char **)
{
    for (const struct command *c = commands; c < commands + NR_COMMANDS; c++)
        printf("%-8s %-20s %s\n", c->name, c->arguments, c->text);
    printf(
        "A PLACE is a number, a symbol or a $register, plus or minus a number. The first letters "
        "of a command suffice.\n");
}

// The first command that begins with this word.
static const struct command *command_named(const char *word)
{
    for (const struct command *c = commands; c < commands + NR_COMMANDS; c++)
        if (strncmp(c->name, word, strlen(word)) == 0)
            return c;
    return NULL;
}

static void run(char *line)
{
    char *words[MAX_WORDS + 1] = {NULL};

    for (int n = 0; n < MAX_WORDS && (words[n] = strtok(n ? NULL : line, " \t\n")); n++)
        ;
    if (!words[0])
        return;
    const struct command *c = command_named(words[0]);
    if (!c)
        printf("no command \"%s\" (\"help\" lists them)\n", words[0]);
    else if (c->needs_target && !target)
        printf("the program has ended\n");
    else
        c->fn(words);
}

static bool begin(int argc, char **argv)
{
    char path[64];

    if (argc == 3 && strcmp(argv[1], "-p") == 0) {
        snprintf(path, sizeof path, "/proc/%s/exe", argv[2]);
        return symbols_load(path) && target_attach(atoi(argv[2]));
    }
    if (argc < 2 || *argv[1] == '-')
        return help_wrong() == 0;
    return symbols_load(argv[1]) && target_start(argv + 1);
}

int main(int argc, char **argv)
{
    char line[256];

    help_if_asked(argc, argv);
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (!begin(argc, argv))
        return 1;
    signal(SIGINT, SIG_IGN); // only the program gets it, and then stops
    printf("process %d stopped at %s\n", (int)target, place_name(regs_get().rip));
    while (!quit) {
        printf("(dbg) ");
        fflush(stdout);
        if (!fgets(line, sizeof line, stdin))
            break;
        if (!isatty(STDIN_FILENO)) // the output of a script shows the commands, too
            printf("%s", line);
        run(line);
    }
    target_leave();
    return 0;
}
