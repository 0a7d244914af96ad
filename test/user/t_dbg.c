// The debugger dbg as a whole: a session from a script. It debugs debuggee.c, a part of this
// binary.
#include "test/user/utest.h"
#include <sys/wait.h>

// The input, and the output that must follow in this order. The rest of each line may be anything.
static const char script[] = "break dbg_add\ncontinue\nbt\nx dbg_total\ndelete 1\n"
                             "watch dbg_total\ncontinue\ncontinue\ndelete 2\n"
                             "hbreak dbg_add\nrwatch dbg_total 4\ncontinue\nprint $rdi\n"
                             "set dbg_total 100\nset $rdi 50\npoints\ndelete 3\ndelete 4\nstep\n"
                             "watch dbg_total 3\nbreak nowhere\nnonsense\n"
                             "continue\ncontinue\nquit\n";

static const char *const answers[] = {
    "stopped at _start\n",
    "breakpoint 1 at dbg_add\n",
    "breakpoint 1 at dbg_add\n", // hit
    "#0  dbg_add\n",
    "#1  dbg_loop+0x",
    "#2  debuggee+0x",
    "dbg_total: 0000000000000000\n",
    "watchpoint 2 at dbg_total, 8 bytes\n",
    "watchpoint 2 at dbg_total: 0 -> 0x1, before dbg_",
    "watchpoint 2 at dbg_total: 0x1 -> 0x3, before dbg_",
    "hardware breakpoint 3 at dbg_add\n",
    "read watchpoint 4 at dbg_total, 4 bytes\n",
    "hardware breakpoint 3 at dbg_add\n", // hit
    "$rdi = 0x3 (3)",
    "hardware breakpoint 3 at dbg_add, 1 hits\n",
    "read watchpoint 4 at dbg_total, 4 bytes, 0 hits\n",
    "(dbg) step\ndbg_add+0x",
    "a register watches 1, 2, 4 or 8 bytes, not 3\n",
    "no such place: \"nowhere\"\n",
    "no command \"nonsense\"",
    "program exited with status 154\n", // 100 + 50 + 4
    "the program has ended\n",
};

static void program_beside(char *path, size_t size, const char *name)
{
    const char *slash = strrchr(utest_self, '/');

    snprintf(path, size, "%.*s%s", slash ? (int)(slash + 1 - utest_self) : 0, utest_self, name);
}

// Runs dbg with the script as its input, and stores its whole output.
static void run_dbg(const char *path, char *out, size_t size)
{
    int in[2], back[2];
    size_t len = 0;
    ssize_t n;

    REQUIRE(pipe(in) == 0 && pipe(back) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(in[0], 0);
        dup2(back[1], 1);
        close(in[1]);
        close(back[0]);
        execl(path, "dbg", utest_self, EXEC_MARK, "debuggee", NULL);
        no_exec("dbg");
    }
    close(in[0]);
    close(back[1]);
    CHECK_EQ(write(in[1], script, sizeof script - 1), sizeof script - 1);
    close(in[1]);
    while (len < size - 1 && (n = read(back[0], out + len, size - 1 - len)) > 0)
        len += (size_t)n;
    out[len] = '\0';
    CHECK_EQ(wait_for(pid), 0);
}

UTEST_HWBP(dbg_session, "dbg.session")
{
    static char out[16384];
    char path[256];

    program_beside(path, sizeof path, "dbg");
    run_dbg(path, out, sizeof out);
    const char *at = out;
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        const char *found = strstr(at, answers[i]);
        if (!found) {
            utest_fail(__FILE__, __LINE__, "no \"%s\" after: %s", answers[i], at);
            return;
        }
        at = found + strlen(answers[i]);
    }
}
