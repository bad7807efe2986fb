/* Runs a fuzz target over files without libFuzzer: the corpora are ordinary tests.
 *
 *   replay FILE_OR_DIRECTORY...
 *
 * Fails when there is nothing to run: an empty corpus proves nothing. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Exactly the file's size, so that a sanitizer sees a read behind it. */
static int run_file(const char *path, size_t size)
{
    FILE *f = fopen(path, "rb");
    uint8_t *data = malloc(size ? size : 1);
    int rc = -1;

    if (f != NULL && data != NULL && fread(data, 1, size, f) == size) {
        LLVMFuzzerTestOneInput(data, size);
        rc = 0;
    } else {
        perror(path);
    }
    if (f != NULL)
        fclose(f);
    free(data);
    return rc;
}

static int run_path(const char *path, unsigned *count);

static int run_directory(const char *path, unsigned *count)
{
    DIR *d = opendir(path);
    struct dirent *e;
    int rc = 0;

    if (d == NULL) {
        perror(path);
        return -1;
    }
    while (rc == 0 && (e = readdir(d)) != NULL) {
        char name[4096];

        if (e->d_name[0] == '.')
            continue;
        if ((size_t)snprintf(name, sizeof(name), "%s/%s", path, e->d_name) < sizeof(name))
            rc = run_path(name, count);
    }
    closedir(d);
    return rc;
}

static int run_path(const char *path, unsigned *count)
{
    struct stat st;

    if (stat(path, &st) != 0) {
        perror(path);
        return -1;
    }
    if (S_ISDIR(st.st_mode))
        return run_directory(path, count);
    (*count)++;
    return run_file(path, (size_t)st.st_size);
}

int main(int argc, char **argv)
{
    unsigned count = 0;

    for (int i = 1; i < argc; i++)
        if (run_path(argv[i], &count) != 0)
            return 1;
    printf("%u inputs\n", count);
    return count > 0 ? 0 : 1;
}
