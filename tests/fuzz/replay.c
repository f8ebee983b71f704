/*
 * Runs a fuzz target without a fuzzer: once with nothing, then over every file of the folders named.
 * So the corpora and old findings are checked by any compiler, under any sanitizer or valgrind.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum { MOST_INPUT_BYTES = 1 << 20 };

/* A block of exactly the input's size, so that a read past its end is seen. */
static int run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        return -1;
    }
    uint8_t *room = malloc(MOST_INPUT_BYTES);
    size_t len = room == NULL ? 0 : fread(room, 1, MOST_INPUT_BYTES, file);
    (void)fclose(file);
    uint8_t *input = room == NULL ? NULL : realloc(room, len > 0 ? len : 1);
    if (input == NULL) {
        free(room);
        return -1;
    }
    (void)LLVMFuzzerTestOneInput(input, len);
    free(input);
    return 0;
}

static int run_folder(const char *folder)
{
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, NULL, alphasort);
    int inputs = 0;
    int failed = 0;

    for (int i = 0; i < count; i++) {
        char path[4096];
        int len = snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.') {
            inputs++;
            failed |= len >= (int)sizeof(path) || run_file(path) != 0;
        }
        free(entries[i]);
    }
    free(entries);
    if (count < 0) {
        perror(folder);
        return -1;
    }
    return failed ? -1 : inputs;
}

int main(int argc, char **argv)
{
    (void)LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    for (int i = 1; i < argc; i++) {
        int inputs = run_folder(argv[i]);
        if (inputs < 0)
            return 1;
        printf("%s: %d inputs\n", argv[i], inputs);
    }
    return 0;
}
