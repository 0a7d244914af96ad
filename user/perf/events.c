// Translates -e to attrs of perf_event_open(2), and back.
#include "user/perf/perf.h"
#include <ctype.h>
#include <stdlib.h>

#define DEFAULT_LEN 4 // watched bytes; an execute breakpoint has the size of a long

static const struct {
    const char *name;
    uint64_t config;
} software[] = {
    {"cpu-clock", PERF_COUNT_SW_CPU_CLOCK},
    {"task-clock", PERF_COUNT_SW_TASK_CLOCK},
    {"page-faults", PERF_COUNT_SW_PAGE_FAULTS},
    {"context-switches", PERF_COUNT_SW_CONTEXT_SWITCHES},
    {"cpu-migrations", PERF_COUNT_SW_CPU_MIGRATIONS},
    {"minor-faults", PERF_COUNT_SW_PAGE_FAULTS_MIN},
    {"major-faults", PERF_COUNT_SW_PAGE_FAULTS_MAJ},
    {"dummy", PERF_COUNT_SW_DUMMY},
};
#define NR_SOFTWARE (sizeof software / sizeof *software)

// ADDR: a number or NAME[+OFFSET], of the program or, with the modifier k, of the kernel.
static bool parse_address(const char *text, const char *program, bool kernel, uint64_t *addr)
{
    char name[256], *end;
    uint64_t offset = 0;
    size_t len = strcspn(text, "+");

    *addr = strtoull(text, &end, 0);
    if (isdigit((unsigned char)*text) && !*end)
        return true;
    if (len >= sizeof name)
        return false;
    memcpy(name, text, len);
    name[len] = '\0';
    if (text[len]) {
        offset = strtoull(text + len + 1, &end, 0);
        if (*end || !text[len + 1])
            return false;
    }
    if (!symbol_named(kernel ? symbols_of_kernel() : symbols_of_file(program), name, addr))
        return false;
    *addr += offset;
    return true;
}

// Without modifiers both modes count; u is only user mode, k only kernel mode.
static bool parse_modifiers(struct perf_event_attr *attr, const char *mods)
{
    bool user = strchr(mods, 'u'), kernel = strchr(mods, 'k');

    attr->exclude_guest = 1;
    attr->pinned = strchr(mods, 'D') != NULL;
    attr->exclusive = strchr(mods, 'e') != NULL;
    if (user || kernel) {
        attr->exclude_user = !user;
        attr->exclude_kernel = !kernel;
        attr->exclude_hv = 1;
    }
    return mods[strspn(mods, "ukDe")] == '\0';
}

// "w", "rw", "x" and other combinations: the kernel checks if it supports them.
static bool parse_type(const char *text, uint32_t *type)
{
    *type = 0;
    for (const char *c = text; *c; c++) {
        uint32_t bit = *c == 'r'   ? HW_BREAKPOINT_R
                       : *c == 'w' ? HW_BREAKPOINT_W
                       : *c == 'x' ? HW_BREAKPOINT_X
                                   : 0;
        if (!bit || (*type & bit))
            return false;
        *type |= bit;
    }
    return *type != 0;
}

// ADDR[/LEN][:TYPE[:MODIFIERS]]
static bool parse_breakpoint(struct perf_event_attr *attr, char *text, const char *program)
{
    char *addr = strsep(&text, ":");
    char *type = strsep(&text, ":");
    char *mods = text ? text : "";
    char *len = strchr(addr, '/'), *end = "";

    attr->type = PERF_TYPE_BREAKPOINT;
    attr->sample_period = 1;
    if (!parse_type(type ? type : "rw", &attr->bp_type) || !parse_modifiers(attr, mods))
        return false;
    attr->bp_len = attr->bp_type & HW_BREAKPOINT_X ? sizeof(long) : DEFAULT_LEN;
    if (len) {
        *len++ = '\0';
        attr->bp_len = strtoull(len, &end, 0);
    }
    bool kernel = strchr(mods, 'k') && !strchr(mods, 'u');
    uint64_t where;
    if (*end || (len && !*len) || !parse_address(addr, program, kernel, &where))
        return false;
    attr->bp_addr = where;
    return true;
}

// NAME[:MODIFIERS]
static bool parse_software(struct perf_event_attr *attr, char *text)
{
    char *name = strsep(&text, ":");

    attr->type = PERF_TYPE_SOFTWARE;
    for (size_t i = 0; i < NR_SOFTWARE; i++) {
        if (strcmp(name, software[i].name) == 0) {
            attr->config = software[i].config;
            attr->sample_period = attr->config <= PERF_COUNT_SW_TASK_CLOCK ? 4000000 : 1; // ns
            return parse_modifiers(attr, text ? text : "");
        }
    }
    return false;
}

static bool parse_one(struct event *e, char *text, const char *program)
{
    memset(e, 0, sizeof *e);
    e->attr.size = sizeof e->attr;
    snprintf(e->name, sizeof e->name, "%s", text);
    if (strncmp(text, "mem:", 4) == 0 ? parse_breakpoint(&e->attr, text + 4, program)
                                      : parse_software(&e->attr, text))
        return true;
    fprintf(stderr, "perf: -e %s: no such event, or no such symbol\n", e->name);
    return false;
}

// Appends the events of one -e, which has commas between them.
static bool parse_list(struct events *events, char *list, const char *program)
{
    char *one;

    while ((one = strsep(&list, ","))) {
        if (events->n == MAX_EVENTS) {
            fprintf(stderr, "perf: more than %d events\n", MAX_EVENTS);
            return false;
        }
        if (!parse_one(&events->list[events->n], one, program))
            return false;
        events->n++;
    }
    return true;
}

bool events_parse(struct events *events, char **options, int n, const char *program)
{
    bool ok = true;

    events->n = 0;
    for (int i = 0; ok && i < n; i++) {
        char *list = strdup(options[i]);
        ok = list && parse_list(events, list, program);
        free(list);
    }
    return ok;
}

void event_name(const struct perf_event_attr *a, char name[EVENT_NAME])
{
    const char *mode = a->exclude_kernel ? ":u" : a->exclude_user ? ":k" : "";

    if (a->type == PERF_TYPE_BREAKPOINT) {
        snprintf(name, EVENT_NAME, "mem:0x%llx/%llu:%s%s%s%s", (unsigned long long)a->bp_addr,
                 (unsigned long long)a->bp_len, a->bp_type & HW_BREAKPOINT_R ? "r" : "",
                 a->bp_type & HW_BREAKPOINT_W ? "w" : "", a->bp_type & HW_BREAKPOINT_X ? "x" : "",
                 mode);
        return;
    }
    snprintf(name, EVENT_NAME, "%u:%llu%s", a->type, (unsigned long long)a->config, mode);
    for (size_t i = 0; a->type == PERF_TYPE_SOFTWARE && i < NR_SOFTWARE; i++)
        if (a->config == software[i].config)
            snprintf(name, EVENT_NAME, "%s%s", software[i].name, mode);
}
