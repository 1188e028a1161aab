// Where a fuzzer's bytes come in.
//
// Built with -fsanitize=fuzzer and TORO_LIBFUZZER, main is the fuzzer's: the environment variable TORO_FUZZ names the target, and
// TORO_FUZZ_SEEDS a directory to write its seeds to instead. Built without, the program runs files through a target.

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *toro_fuzz_name(long number);
bool toro_fuzz_choose(const char *name);
void toro_fuzz_run(const uint8_t *data, size_t size);
void toro_fuzz_seeds(void (*take)(const uint8_t *data, size_t size));

static const char *directory;
static int seed_number;

static void write_seed(const uint8_t *data, size_t size)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/seed-%03d", directory, seed_number++);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(data, 1, size, file) != size || fclose(file) != 0) {
        fprintf(stderr, "ToroFuzz: %s: %s\n", path, strerror(errno));
        exit(1);
    }
}

static void list(FILE *file, const char *before)
{
    const char *name;
    for (long number = 0; (name = toro_fuzz_name(number)); number++)
        fprintf(file, "%s%s\n", before, name);
}

#ifdef TORO_LIBFUZZER

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    const char *name = getenv("TORO_FUZZ");
    if (!name || !toro_fuzz_choose(name)) {
        fprintf(stderr, "ToroFuzz: TORO_FUZZ has to name one of these targets:\n");
        list(stderr, "  ");
        exit(64);
    }
    if ((directory = getenv("TORO_FUZZ_SEEDS"))) {
        toro_fuzz_seeds(write_seed);
        exit(0);
    }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    toro_fuzz_run(data, size);
    return 0;
}

#else

static const char usage[] =
    "usage: ToroFuzz list             what targets there are\n"
    "       ToroFuzz seeds TARGET DIRECTORY\n"
    "                                 write what a fuzzer begins with, a file each\n"
    "       ToroFuzz run TARGET FILE...\n"
    "                                 run the bytes of files; it stops where something is wrong\n";

static void run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = NULL;
    size_t size = 0, room = 0;
    while (file && !ferror(file) && !feof(file)) {
        if (size == room && !(data = realloc(data, room = room ? 2 * room : 4096)))
            abort();
        size += fread(data + size, 1, room - size, file);
    }
    if (!file || ferror(file)) {
        fprintf(stderr, "ToroFuzz: %s: %s\n", path, strerror(errno));
        exit(1);
    }
    fclose(file);
    toro_fuzz_run(data, size);
    free(data);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "list") == 0) {
        list(stdout, "");
        return 0;
    }
    bool runs = argc > 3 && strcmp(argv[1], "run") == 0;
    bool seeds = argc == 4 && strcmp(argv[1], "seeds") == 0;
    if (!runs && !seeds) {
        bool helps = argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);
        fputs(usage, helps ? stdout : stderr);
        return helps ? 0 : 64;
    }
    if (!toro_fuzz_choose(argv[2])) {
        fprintf(stderr, "ToroFuzz: no target is called %s; see ToroFuzz list\n", argv[2]);
        return 64;
    }
    if (seeds) {
        directory = argv[3];
        toro_fuzz_seeds(write_seed);
        return 0;
    }
    for (int i = 3; i < argc; i++) {
        fprintf(stderr, "%s\n", argv[i]);
        run_file(argv[i]);
    }
    return 0;
}

#endif
