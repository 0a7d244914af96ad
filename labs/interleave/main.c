// Looks at pairs of work: interleave NUMBER... (of the table), or all. Prints for each what
// every stop leaves behind, and which stops change the result.
#include "labs/interleave/interleave.h"

#include <sys/mman.h>

extern const struct pair pairs[];

static void show(const struct pair *p, struct memory *m)
{
    int places[PLACES], last = 0;

    printf("pair %s\n", p->name);
    for (struct result r; last < PLACES; last++) {
        r = outcome(p, m, last);
        printf("%d: x %ld, y %ld\n", last, r.x, r.y);
    }
    int found = look(p, m, places);
    printf("%s: %d places change the result:", p->name, found);
    for (int i = 0; i < found && i < PLACES; i++)
        printf(" %d", places[i]);
    printf("\n");
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct memory *m =
        mmap(NULL, sizeof(*m), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (m == MAP_FAILED)
        return 1;
    alarm(600); // ends the wait for a child that never stops
    for (int i = 1; i < argc; i++)
        show(&pairs[atoi(argv[i])], m);
    for (int i = 0; argc < 2 && pairs[i].name; i++)
        show(&pairs[i], m);
    return 0;
}
