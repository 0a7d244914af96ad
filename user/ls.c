#include "user/help.h"
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <sys/stat.h>

HELP("ls [-l] [FILE...]: names in a directory; -l: type, mode, size");

#define MAX_NAMES 1024

static bool long_format;

static char type_letter(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFDIR:
        return 'd';
    case S_IFCHR:
        return 'c';
    case S_IFLNK:
        return 'l';
    case S_IFIFO:
        return 'p';
    default:
        return '-';
    }
}

static void show(const char *path, const char *name)
{
    struct stat st;

    if (!long_format) {
        printf("%s\n", name);
    } else if (lstat(path, &st) != 0) {
        printf("?              ? %s: %s\n", name, strerror(errno));
    } else {
        const char letters[] = "rwxrwxrwx";
        char mode[10] = "---------";
        for (int bit = 0; bit < 9; bit++)
            if (st.st_mode & (0400u >> bit))
                mode[bit] = letters[bit];
        printf("%c%s %8lld %s\n", type_letter(st.st_mode), mode, (long long)st.st_size, name);
    }
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list(const char *path)
{
    struct stat st;
    char *names[MAX_NAMES];
    size_t count = 0;

    if (stat(path, &st) != 0) {
        fprintf(stderr, "ls: %s: %s\n", path, strerror(errno));
        return 1;
    }
    if (!S_ISDIR(st.st_mode)) {
        show(path, path);
        return 0;
    }
    DIR *dir = opendir(path);
    if (!dir) {
        fprintf(stderr, "ls: %s: %s\n", path, strerror(errno));
        return 1;
    }
    for (struct dirent *d; count < MAX_NAMES && (d = readdir(dir));)
        if (d->d_name[0] != '.')
            names[count++] = strdup(d->d_name);
    closedir(dir);
    qsort(names, count, sizeof names[0], by_name);
    for (size_t i = 0; i < count; i++) {
        char full[512];
        snprintf(full, sizeof full, "%s/%s", path, names[i]);
        show(full, names[i]);
        free(names[i]);
    }
    return 0;
}

int main(int argc, char **argv)
{
    int first = 1;
    int failed = 0;

    help_if_asked(argc, argv);
    if (argc > 1 && strcmp(argv[1], "-l") == 0) {
        long_format = true;
        first = 2;
    }
    if (first == argc)
        return list(".");
    for (int i = first; i < argc; i++)
        failed |= list(argv[i]);
    return failed;
}
