/* The control socket as it is (H-CTL): its framing, limits and methods behind a real Unix socket,
 * all on one loop. Input: a byte of choices, then chunks as a client writes them, each behind a
 * byte of length (255: nothing is written, but answers are read). Whatever comes back must be whole
 * lines of JSON, and the server must be there for the next client. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "server/control/control.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ANSWERS_MAX 65536
#define TURNS       64

#define MUST(condition)   \
    do {                  \
        if (!(condition)) \
            abort();      \
    } while (0)

static uv_loop_t loop;
static struct control *control;
static char directory[64];
static struct sockaddr_un address = {.sun_family = AF_UNIX};

static const struct control_event events[] = {{"test.event", "h"}, {"session.closed", "h"}};

static void end(void)
{
    control_stop(control, NULL, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    rmdir(directory);
}

static void begin(void)
{
    struct settings_control settings = {.mode = 0600,
                                        .max_clients = 2,
                                        .max_message_bytes = 512,
                                        .max_backlog_bytes = 4096,
                                        .requests_per_second = 0};
    struct settings_node node = {.name = "fuzz", .product = "Sluice"};

    log_set_level_all(LOG_LEVEL_OFF);
    strcpy(directory, "/tmp/sluice-fuzz-control-XXXXXX");
    MUST(mkdtemp(directory) != NULL);
    snprintf(settings.path, sizeof(settings.path), "%s/c", directory);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", settings.path);
    MUST(uv_loop_init(&loop) == 0);
    MUST(control_create(&loop, &settings, &node, &control) == 0);
    MUST(control_register_events(control, events, 2) == 0);
    MUST(control_start(control, NULL) == 0);
    atexit(end);
}

static void turn(void)
{
    for (int i = 0; i < 4; i++)
        uv_run(&loop, UV_RUN_NOWAIT);
}

struct answers {
    char text[ANSWERS_MAX];
    size_t len;
    bool has_overflown; /* what is there is no beginning any more */
};

/* Takes what has come; false: the server has closed. */
static bool hear(int fd, struct answers *a)
{
    ssize_t n;

    do {
        turn();
        n = recv(fd, a->text + a->len, sizeof(a->text) - a->len, MSG_DONTWAIT);
        if (n > 0)
            a->len += (size_t)n;
        if (a->len == sizeof(a->text)) {
            a->len = 0;
            a->has_overflown = true;
        }
    } while (n > 0);
    return n != 0;
}

static void check_lines(const struct answers *a)
{
    const char *at = a->text, *end_of_all = a->text + a->len, *newline;

    while (!a->has_overflown && at < end_of_all) {
        json_t *o;

        newline = memchr(at, '\n', (size_t)(end_of_all - at));
        MUST(newline != NULL);
        o = json_loadb(at, (size_t)(newline - at), 0, NULL);
        MUST(o != NULL);
        json_decref(o);
        at = newline + 1;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct answers a;
    bool is_open = true, is_quiet;
    int fd;

    if (directory[0] == '\0')
        begin();
    if (size < 1)
        return 0;
    is_quiet = data[0] & 1; /* reads nothing until the end: the backlog's bound */
    a.len = 0;
    a.has_overflown = false;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    MUST(fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0);
    turn();
    for (size_t at = 1, chunk = 0; at < size && is_open; at += chunk) {
        chunk = data[at++];
        if (chunk > size - at)
            chunk = size - at;
        if (chunk > 0 && chunk < 255)
            is_open = send(fd, data + at, chunk, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
        turn();
        if (!is_quiet || chunk == 255)
            is_open = hear(fd, &a) && is_open;
        control_publish(control, "test.event", 0, json_pack("{s:s}", "k", "v"));
    }
    shutdown(fd, SHUT_WR);
    for (int i = 0; i < TURNS && hear(fd, &a); i++)
        ;
    check_lines(&a);
    close(fd);
    turn();
    MUST(control_stats(control)->clients <= 1);
    return 0;
}
