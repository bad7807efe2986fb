/* sluice-per: look into and make messages by hand or in batches.
 *
 *   sluice-per decode TYPE < hex         hex to JSON
 *   sluice-per encode TYPE < json        JSON to hex
 *   sluice-per print  TYPE < hex         hex to ASN.1 value notation
 *
 * The whole input is one message; with --batch each line is one and gives one line of output
 * (print: as a JSON string), {"error": ...} for a refused one. */
#include "base/err.h"
#include "signalling/per/json.h"

#include <ctype.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct buffer {
    char *p;
    size_t len;
    size_t room;
};

struct job {
    const struct per_type *type;
    struct arena arena;
    struct buffer out;
    bool batch;
};

/* One message of `text`; the result goes to job->out, or the reason to err. */
typedef int (*command_fn)(struct job *job, const char *text, size_t len, struct per_error *err);

static int append(void *user, const char *text, size_t len)
{
    struct buffer *b = user;

    /* Doubled, so that hex of a large message is not copied for every digit. */
    if (b->len + len + 1 > b->room) {
        size_t room = (b->len + len + 1) * 2;
        char *p = realloc(b->p, room);

        if (p == NULL)
            return ERR_NOMEM;
        b->p = p;
        b->room = room;
    }
    memcpy(b->p + b->len, text, len);
    b->len += len;
    b->p[b->len] = '\0';
    return 0;
}

static int refuse(struct per_error *err, int code, const char *what)
{
    err->code = code;
    snprintf(err->what, sizeof(err->what), "%.*s", (int)sizeof(err->what) - 1, what);
    return code;
}

static int hex_digit(int c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = tolower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Hex with any white space in it, as logs and people write it. */
static int read_hex(struct job *job, const char *text, size_t len, uint8_t **octets, size_t *n,
                    /* As many as there could be digits. */
                    struct per_error *err)
{
    size_t digits = 0;

    *octets = arena_zalloc(&job->arena, len / 2 + 1);
    if (*octets == NULL)
        return refuse(err, ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < len; i++) {
        int v = hex_digit((unsigned char)text[i]);

        if (isspace((unsigned char)text[i]))
            continue;
        if (v < 0)
            return refuse(err, ERR_INVAL, "the input is not hex");
        (*octets)[digits / 2] |= (uint8_t)(digits % 2 ? v : v << 4);
        digits++;
    }
    if (digits % 2 != 0)
        return refuse(err, ERR_INVAL, "an odd number of hex digits");
    *n = digits / 2;
    return 0;
}

static int decode_hex(struct job *job, const char *text, size_t len, void **value,
                      struct per_error *err)
{
    uint8_t *octets;
    size_t n;
    int rc = read_hex(job, text, len, &octets, &n, err);

    return rc != 0 ? rc : per_decode(job->type, octets, n, NULL, &job->arena, value, err);
}

static int append_json(struct job *job, json_t *json, struct per_error *err)
{
    size_t flags = JSON_ENCODE_ANY | (job->batch ? JSON_COMPACT : JSON_INDENT(2));
    char *text = json ? json_dumps(json, flags) : NULL;
    int rc = text ? append(&job->out, text, strlen(text)) : ERR_NOMEM;

    free(text);
    json_decref(json);
    return rc != 0 ? refuse(err, rc, "out of memory") : 0;
}

static int command_decode(struct job *job, const char *text, size_t len, struct per_error *err)
{
    void *value;
    int rc = decode_hex(job, text, len, &value, err);

    return rc != 0 ? rc : append_json(job, per_to_json(job->type, value), err);
}

static int command_print(struct job *job, const char *text, size_t len, struct per_error *err)
{
    struct buffer notation = {0};
    void *value;
    int rc = decode_hex(job, text, len, &value, err);

    if (rc != 0)
        return rc;
    if (!job->batch)
        return per_print(job->type, value, append, &job->out);
    rc = per_print(job->type, value, append, &notation);
    if (rc == 0)
        rc = append_json(job, json_stringn(notation.p, notation.len), err);
    free(notation.p);
    return rc;
}

static int append_hex(struct job *job, const uint8_t *octets, size_t n, struct per_error *err)
{
    for (size_t i = 0; i < n; i++) {
        char digits[3];

        snprintf(digits, sizeof(digits), "%02x", octets[i]);
        if (append(&job->out, digits, 2) != 0)
            return refuse(err, ERR_NOMEM, "out of memory");
    }
    return 0;
}

static int encode_value(struct job *job, const void *value, struct per_error *err)
{
    size_t room = 1 << 16;
    uint8_t *octets = NULL;
    size_t n;
    int rc = ERR_AGAIN;

    /* ERR_AGAIN: too small; four times as large until nobody can mean it any more. */
    for (; rc == ERR_AGAIN && room <= 1 << 26; room *= 4) {
        free(octets);
        octets = malloc(room);
        if (octets == NULL)
            return refuse(err, ERR_NOMEM, "out of memory");
        rc = per_encode(job->type, value, octets, room, &n, err);
    }
    if (rc == 0)
        rc = append_hex(job, octets, n, err);
    free(octets);
    return rc;
}

static int command_encode(struct job *job, const char *text, size_t len, struct per_error *err)
{
    json_error_t why;
    json_t *json = json_loadb(text, len, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &why);
    void *value;
    int rc;

    if (json == NULL)
        return refuse(err, ERR_INVAL, why.text);
    rc = per_from_json(job->type, json, &job->arena, &value, err);
    if (rc == 0)
        rc = encode_value(job, value, err);
    json_decref(json);
    return rc;
}

static const struct command {
    const char *name;
    command_fn run;
    const char *help;
} commands[] = {
    {"decode", command_decode, "hex to JSON"},
    {"encode", command_encode, "JSON to hex"},
    {"print", command_print, "hex to ASN.1 value notation"},
};

static void usage(FILE *to)
{
    fprintf(to, "usage: sluice-per COMMAND TYPE [--batch]\n\n"
                "Reads one message from the standard input; with --batch one from each line.\n\n");
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        fprintf(to, "  %-8s %s\n", commands[i].name, commands[i].help);
    fprintf(to, "\nTYPE is a type of H.245, H.225.0 or H.235, or MODULE:TYPE, such as\n"
                "MultimediaSystemControlMessage, H323-UserInformation, RasMessage,\n"
                "H235-SECURITY-MESSAGES:ClearToken.\n");
}

/* In a batch a refused message is a result like any other. */
static int put_error(struct job *job, const struct per_error *err)
{
    char text[512];
    json_t *json;

    if (!job->batch) {
        fprintf(stderr, "sluice-per: %s\n", per_error_to_str(err, text, sizeof(text)));
        return 1;
    }
    json = json_pack("{s:s, s:s, s:I, s:s}", "error", per_error_to_str(err, text, sizeof(text)),
                     "path", err->path, "bit", (json_int_t)err->bit, "what", err->what);
    /* On stdout: each line of input has one of output. */
    if (json == NULL || json_dumpf(json, stdout, JSON_COMPACT) != 0)
        return 1;
    json_decref(json);
    putchar('\n');
    return 0;
}

static int run_one(struct job *job, command_fn run, const char *text, size_t len)
{
    struct per_error err = {0};
    int rc;

    arena_reset(&job->arena);
    job->out.len = 0;
    rc = run(job, text, len, &err);
    if (rc != 0) {
        if (err.what[0] == '\0')
            refuse(&err, rc, err_to_str(rc));
        return put_error(job, &err);
    }
    fwrite(job->out.p, 1, job->out.len, stdout);
    putchar('\n');
    return 0;
}

static int run_lines(struct job *job, command_fn run)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t n;
    int rc = 0;

    while (rc == 0 && (n = getline(&line, &room, stdin)) >= 0) {
        if (n > 0 && line[n - 1] == '\n')
            n--;
        rc = run_one(job, run, line, (size_t)n);
    }
    free(line);
    return rc;
}

static int run_whole(struct job *job, command_fn run)
{
    struct buffer in = {0};
    char piece[4096];
    size_t n;
    /* Nothing yet, but a string: an empty input is one, too. */
    int rc = append(&in, "", 0);

    while (rc == 0 && (n = fread(piece, 1, sizeof(piece), stdin)) > 0)
        rc = append(&in, piece, n);
    if (rc == 0)
        rc = run_one(job, run, in.p, in.len);
    free(in.p);
    return rc != 0;
}

static int run_job(const struct command *command, const char *type, bool batch)
{
    struct job job = {.type = per_find(type), .batch = batch};
    int rc;

    if (job.type == NULL) {
        fprintf(stderr, "sluice-per: no type %s in H.245, H.225.0 or H.235\n", type);
        return 2;
    }
    arena_init(&job.arena, 1 << 16, 0);
    rc = batch ? run_lines(&job, command->run) : run_whole(&job, command->run);
    arena_fini(&job.arena);
    free(job.out.p);
    /* A full disk is seen here at the latest. */
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "sluice-per: cannot write the output\n");
        return 1;
    }
    return rc;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"batch", no_argument, NULL, 'b'}, {"help", no_argument, NULL, 'h'}, {0}};
    bool batch = false;
    int c;

    while ((c = getopt_long(argc, argv, "bh", options, NULL)) != -1) {
        if (c == 'h') {
            usage(stdout);
            return 0;
        }
        if (c != 'b') {
            usage(stderr);
            return 2;
        }
        batch = true;
    }
    for (size_t i = 0; argc - optind == 2 && i < sizeof(commands) / sizeof(commands[0]); i++)
        if (strcmp(argv[optind], commands[i].name) == 0)
            return run_job(&commands[i], argv[optind + 1], batch);
    usage(stderr);
    return 2;
}
