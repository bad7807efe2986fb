/* sluicectl: calls the methods of the control socket from a shell.
 *
 * It knows no method by itself: names, parameters and their types come from rpc.methods. */
#include "server/control/sluicectl.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"

enum {
    EXIT_DONE = 0,
    EXIT_REFUSED = 1, /* the server answered with an error */
    EXIT_USAGE = 2,
    EXIT_ABSENT = 3, /* nobody listens there, or not for us */
    EXIT_LOST = 4,   /* no answer in time, or the connection ended */
};

#define SOCKET_DEFAULT "/run/sluice/control.sock"
#define LINE_MAX_BYTES (64 * 1024 * 1024)

struct connection {
    int fd;
    const char *path;
    int timeout_ms;
    char *in;
    size_t len, size;
    int last_id;
};

static int connect_server(struct connection *c)
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    size_t n = strlen(c->path);
    if (n >= sizeof(sun.sun_path)) {
        fprintf(stderr, "sluicectl: %s: the path is too long for a socket\n", c->path);
        return EXIT_USAGE;
    }
    memcpy(sun.sun_path, c->path, n);
    /* Blocking, as nothing else waits; poll() watches the time of an answer. */
    c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd >= 0 && connect(c->fd, (struct sockaddr *)&sun, sizeof(sun)) == 0)
        return EXIT_DONE;
    const char *hint = errno == ENOENT         ? " (is sluiced running, and with this socket?)"
                       : errno == ECONNREFUSED ? " (sluiced has ended)"
                       : errno == EACCES       ? " (the socket's mode or group does not let you)"
                                               : "";
    fprintf(stderr, "sluicectl: cannot connect to %s: %s%s\n", c->path, strerror(errno), hint);
    return EXIT_ABSENT;
}

static int send_all(const struct connection *c, const char *text, size_t len)
{
    while (len > 0) {
        /* No SIGPIPE: a server that has ended is an exit status. */
        ssize_t n = send(c->fd, text, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            fprintf(stderr, "sluicectl: cannot send: %s\n", strerror(errno));
            return EXIT_LOST;
        }
        text += n;
        len -= (size_t)n;
    }
    return EXIT_DONE;
}

/* More bytes into the buffer; waits until `deadline` (0 = for ever). */
static int receive_more(struct connection *c, uint64_t deadline)
{
    if (c->len == c->size) {
        size_t size = c->size == 0 ? 65536 : c->size * 2;
        /* Counters of a large server are some hundred KiB; what is more than this is no answer. */
        char *in = size <= LINE_MAX_BYTES ? realloc(c->in, size) : NULL;
        if (in == NULL) {
            fprintf(stderr, "sluicectl: the answer is too long\n");
            return EXIT_LOST;
        }
        c->in = in;
        c->size = size;
    }
    struct pollfd p = {.fd = c->fd, .events = POLLIN};
    uint64_t now = clock_mono_ms();
    int wait = deadline == 0 ? -1 : deadline > now ? (int)(deadline - now) : 0;
    int ready = poll(&p, 1, wait);
    if (ready < 0 && errno == EINTR)
        return EXIT_DONE;
    if (ready == 0) {
        fprintf(stderr, "sluicectl: no answer within %d ms\n", c->timeout_ms);
        return EXIT_LOST;
    }
    ssize_t n = recv(c->fd, c->in + c->len, c->size - c->len, 0);
    if (n > 0)
        c->len += (size_t)n;
    if (n > 0 || (n < 0 && errno == EINTR))
        return EXIT_DONE;
    fprintf(stderr, "sluicectl: %s\n",
            n == 0 ? "the server closed the connection" : strerror(errno));
    return EXIT_LOST;
}

/* The next line as JSON; new reference in *out. */
static int receive_json(struct connection *c, uint64_t deadline, json_t **out)
{
    json_error_t error;
    char *end;
    while ((end = c->len > 0 ? memchr(c->in, '\n', c->len) : NULL) == NULL) {
        int status = receive_more(c, deadline);
        if (status != EXIT_DONE)
            return status;
    }
    *out = json_loadb(c->in, (size_t)(end - c->in), 0, &error);
    c->len -= (size_t)(end + 1 - c->in);
    memmove(c->in, end + 1, c->len);
    if (*out != NULL)
        return EXIT_DONE;
    fprintf(stderr, "sluicectl: the answer is no JSON: %s\n", error.text);
    return EXIT_LOST;
}

static int report_error(const json_t *error)
{
    const char *message = json_string_value(json_object_get(error, "message"));
    fprintf(stderr, "sluicectl: %s (%d)\n", message != NULL ? message : "refused without a reason",
            (int)json_integer_value(json_object_get(error, "code")));
    return EXIT_REFUSED;
}

/* Takes over params (NULL = none); *result is a new reference on EXIT_DONE. */
static int call(struct connection *c, const char *method, json_t *params, json_t **result)
{
    json_t *answer = NULL;
    int id = ++c->last_id;
    /* O*: without params the member is left out. */
    json_t *request = json_pack("{s:s, s:i, s:s, s:o*}", "jsonrpc", "2.0", "id", id, "method",
                                method, "params", params);
    char *text = request != NULL ? json_dumps(request, JSON_COMPACT) : NULL;
    json_decref(request);
    if (text == NULL) {
        fprintf(stderr, "sluicectl: out of memory, or a parameter that is not UTF-8\n");
        return EXIT_USAGE;
    }
    size_t len = strlen(text);
    text[len] = '\n';
    int status = send_all(c, text, len + 1);
    free(text);
    uint64_t deadline = clock_mono_ms() + (uint64_t)c->timeout_ms;
    while (status == EXIT_DONE) {
        status = receive_json(c, deadline, &answer);
        if (status != EXIT_DONE)
            return status;
        const json_t *answered = json_object_get(answer, "id");
        const json_t *error = json_object_get(answer, "error");
        /* an error with id null is about a connection that was refused */
        if (error != NULL && (json_is_null(answered) || json_integer_value(answered) == id))
            status = report_error(error);
        else if (json_is_integer(answered) && json_integer_value(answered) == id)
            /* Whatever has another id: an answer that came too late for a call before. */
            break;
        json_decref(answer);
        answer = NULL;
    }
    if (status == EXIT_DONE)
        *result = json_incref(json_object_get(answer, "result"));
    json_decref(answer);
    return status;
}

static const json_t *find_named(const json_t *list, const char *name)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        const char *text = json_string_value(json_object_get(item, "name"));
        if (text != NULL && strcmp(text, name) == 0)
            return item;
    }
    return NULL;
}

static json_t *split_strings(const char *text)
{
    json_t *list = json_array();
    while (*text != '\0') {
        size_t n = strcspn(text, ",");
        json_array_append_new(list, json_stringn(text, n));
        text += n + (text[n] == ',');
    }
    return list;
}

/* A value typed as the method wants it; what does not parse goes as text, and the server says no.
 */
static json_t *make_value(const json_t *param, const char *text)
{
    const char *type = json_string_value(json_object_get(param, "type"));
    json_t *value = NULL;
    if (type != NULL && strcmp(type, "string") == 0)
        return json_string(text);
    /* A list in JSON may have commas in its strings. */
    if (type != NULL && strcmp(type, "array of strings") == 0 && text[0] != '[')
        return split_strings(text);
    /* A number, true, or an object as it stands. */
    value = json_loads(text, JSON_DECODE_ANY, NULL);
    return value != NULL ? value : json_string(text);
}

static void print_method(const json_t *method)
{
    const json_t *params = json_object_get(method, "params");
    printf("%-20s  %s\n", json_string_value(json_object_get(method, "name")),
           json_string_value(json_object_get(method, "help")));
    for (size_t i = 0; i < json_array_size(params); i++) {
        const json_t *p = json_array_get(params, i);
        printf("    %s=%s%s: %s\n", json_string_value(json_object_get(p, "name")),
               json_string_value(json_object_get(p, "type")),
               json_is_true(json_object_get(p, "required")) ? " (required)" : "",
               json_string_value(json_object_get(p, "help")));
    }
}

static int list_methods(struct connection *c, json_t **methods)
{
    json_t *result = NULL;
    int status = call(c, "rpc.methods", NULL, &result);
    if (status == EXIT_DONE)
        *methods = json_incref(json_object_get(result, "methods"));
    json_decref(result);
    return status;
}

static int show_methods(struct connection *c)
{
    json_t *methods = NULL;
    int status = list_methods(c, &methods);
    for (size_t i = 0; i < json_array_size(methods); i++)
        print_method(json_array_get(methods, i));
    json_decref(methods);
    return status;
}

/* key=value arguments, or one argument with the whole object. */
static int make_params(const json_t *method, int argc, char **argv, json_t **out)
{
    json_error_t error;
    json_t *params;
    if (argc == 1 && (argv[0][0] == '{' || argv[0][0] == '[')) {
        *out = json_loads(argv[0], 0, &error);
        if (*out == NULL)
            fprintf(stderr, "sluicectl: parameters at column %d: %s\n", error.column, error.text);
        return *out != NULL ? EXIT_DONE : EXIT_USAGE;
    }
    params = json_object();
    for (int i = 0; i < argc; i++) {
        char *equals = strchr(argv[i], '=');
        if (equals == NULL) {
            fprintf(stderr, "sluicectl: \"%s\": expected name=value or one JSON object\n", argv[i]);
            json_decref(params);
            return EXIT_USAGE;
        }
        *equals = '\0';
        const json_t *known = json_object_get(method, "params");
        json_object_set_new(params, argv[i], make_value(find_named(known, argv[i]), equals + 1));
    }
    *out = params;
    return EXIT_DONE;
}

static int call_method(struct connection *c, int argc, char **argv, bool is_json)
{
    json_t *methods = NULL, *params = NULL, *result = NULL;
    int status = EXIT_DONE;
    if (argc > 1) /* the types of parameters matter only where there are some */
        status = list_methods(c, &methods);
    if (status == EXIT_DONE)
        /* An unknown method has no types: the server is the one to say that there is none. */
        status = make_params(find_named(methods, argv[0]), argc - 1, argv + 1, &params);
    json_decref(methods);
    if (status != EXIT_DONE)
        return status;
    status = call(c, argv[0], params, &result);
    if (status == EXIT_DONE && is_json) {
        json_dumpf(result, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
        putchar('\n');
    } else if (status == EXIT_DONE) {
        sluicectl_print(stdout, result);
    }
    json_decref(result);
    return status;
}

/* sluicectl events [TYPE | session=N]...: subscribes and prints until interrupted. */
static int follow_events(struct connection *c, int argc, char **argv, bool is_json)
{
    json_t *params = json_object(), *types = json_array(), *result = NULL, *event;
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "session=", 8) == 0)
            json_object_set_new(params, "session", make_value(NULL, argv[i] + 8));
        else
            json_array_append_new(types, json_string(argv[i]));
    }
    if (json_array_size(types) > 0)
        json_object_set(params, "types", types);
    json_decref(types);
    int status = call(c, "events.subscribe", params, &result);
    json_decref(result);
    /* By the line, so that `sluicectl events | grep` shows each as it comes. */
    setvbuf(stdout, NULL, _IOLBF, 0);
    while (status == EXIT_DONE && (status = receive_json(c, 0, &event)) == EXIT_DONE) {
        json_t *body = json_object_get(event, "params");
        if (is_json) {
            json_dumpf(body, stdout, JSON_COMPACT);
            putchar('\n');
        } else {
            sluicectl_print_event(stdout, body);
        }
        json_decref(event);
        /* The reader of a pipe has gone. */
        if (ferror(stdout))
            status = EXIT_LOST;
    }
    return status;
}

static void print_usage(FILE *out)
{
    fprintf(out, "usage: sluicectl [options] METHOD [NAME=VALUE ... | JSON]\n"
                 "       sluicectl [options] events [TYPE | session=N] ...\n"
                 "       sluicectl [options] help\n"
                 "\n"
                 "  -s, --socket PATH   control socket of sluiced (else $SLUICE_CONTROL, else\n"
                 "                      " SOCKET_DEFAULT ")\n"
                 "  -j, --json          print the result as JSON\n"
                 "  -t, --timeout MS    longest wait for an answer (5000)\n"
                 "  -h, --help          this text; `sluicectl help` lists the methods of a server\n"
                 "  -V, --version\n"
                 "\n"
                 "exit status: 0 done, 1 refused by the server, 2 wrong usage, 3 no server there,\n"
                 "4 no answer\n");
}

static int run(struct connection *c, int argc, char **argv, bool is_json)
{
    int status = connect_server(c);
    if (status != EXIT_DONE)
        return status;
    if (strcmp(argv[0], "help") == 0)
        return show_methods(c);
    if (strcmp(argv[0], "events") == 0)
        return follow_events(c, argc, argv, is_json);
    return call_method(c, argc, argv, is_json);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"socket", required_argument, NULL, 's'},  {"json", no_argument, NULL, 'j'},
        {"timeout", required_argument, NULL, 't'}, {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},       {NULL, 0, NULL, 0}};
    const char *path = getenv("SLUICE_CONTROL");
    struct connection c = {
        .fd = -1, .path = path != NULL ? path : SOCKET_DEFAULT, .timeout_ms = 5000};
    bool is_json = false;
    int option;
    while ((option = getopt_long(argc, argv, "s:jt:hV", options, NULL)) != -1) {
        if (option == 's')
            c.path = optarg;
        else if (option == 'j')
            is_json = true;
        else if (option == 't')
            c.timeout_ms = atoi(optarg);
        else if (option == 'V')
            return puts("sluicectl " SLUICE_VERSION) < 0;
        else {
            print_usage(option == 'h' ? stdout : stderr);
            return option == 'h' ? EXIT_DONE : EXIT_USAGE;
        }
    }
    if (optind == argc || c.timeout_ms <= 0) {
        print_usage(stderr);
        return EXIT_USAGE;
    }
    int status = run(&c, argc - optind, argv + optind, is_json);
    if (c.fd >= 0)
        close(c.fd);
    free(c.in);
    return status;
}
