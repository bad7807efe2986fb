/* The real program against a real control socket. */
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "tests/server/control_fixture.h"
#include "tests/suite.h"

struct run {
    uv_process_t process;
    uv_pipe_t out, err;
    char text[2][16384]; /* standard output, standard error */
    size_t len[2];
    int status; /* exit status, -1 = runs */
    int open;   /* handles */
};

static void on_list(void *ctx, void *peer, const json_t *params, struct rpc_reply *reply)
{
    (void)ctx;
    (void)peer;
    (void)params;
    rpc_reply_result(reply, json_pack("{s:[{s:i,s:s,s:b},{s:i,s:s,s:{s:i}}]}", "sessions", "id", 7,
                                      "alias", "demo", "secured", 1, "id", 12345, "alias",
                                      "a\x1b[31m long name", "extra", "x", 1));
}

static void on_get(void *ctx, void *peer, const json_t *params, struct rpc_reply *reply)
{
    (void)ctx;
    (void)peer;
    if (rpc_param_uint(params, "session", 0) != 7)
        rpc_reply_error(reply, ERR_NOTFOUND, "no session %llu",
                        (unsigned long long)rpc_param_uint(params, "session", 0));
    else
        rpc_reply_result(reply, json_pack("{s:s,s:{s:i,s:{s:s}},s:[{s:i}],s:[i,i]}", "alias",
                                          rpc_param_string(params, "alias", "none"), "media", "in",
                                          5, "srtp", "profile", "GCM", "channels", "number", 1001,
                                          "ports", 1, 2));
}

static const struct rpc_param get_params[] = {
    {"session", RPC_UINT, .is_required = true, .help = "which"},
    {"alias", RPC_STRING, .help = "text, also of digits"},
};
static const struct rpc_method methods[] = {
    {"session.list", "list them", NULL, 0, on_list},
    {"session.get", "show one", get_params, 2, on_get},
};
static const struct control_event events[] = {{"session.connected", "h"}, {"session.closed", "h"}};

static struct fixture f;
static struct run r;

static void start(void)
{
    fixture_init(&f);
    fixture_start(&f);
    CU_ASSERT_EQUAL(rpc_register(control_rpc(f.control), methods, 2, NULL), 0);
    CU_ASSERT_EQUAL(control_register_events(f.control, events, 2), 0);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    size_t i = (uv_pipe_t *)(void *)handle == &r.err;
    (void)suggested;
    *buf = uv_buf_init(r.text[i] + r.len[i], (unsigned)(sizeof(r.text[i]) - 1 - r.len[i]));
}

static void on_handle_closed(uv_handle_t *handle)
{
    (void)handle;
    r.open--;
}

static void on_text(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    size_t i = (uv_pipe_t *)(void *)stream == &r.err;
    (void)buf;
    if (n < 0)
        uv_close((uv_handle_t *)stream, on_handle_closed);
    else
        r.len[i] += (size_t)n;
}

static void on_exit_status(uv_process_t *process, int64_t status, int signal)
{
    r.status = signal != 0 ? 1000 + signal : (int)status;
    uv_close((uv_handle_t *)process, on_handle_closed);
}

static void spawn(char **args)
{
    uv_stdio_container_t stdio[3] = {{.flags = UV_IGNORE},
                                     {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE},
                                     {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE}};
    uv_process_options_t options = {.file = SLUICECTL,
                                    .args = args,
                                    .stdio = stdio,
                                    .stdio_count = 3,
                                    .exit_cb = on_exit_status};
    memset(&r, 0, sizeof(r));
    r.status = -1;
    uv_pipe_init(&f.loop, &r.out, 0);
    uv_pipe_init(&f.loop, &r.err, 0);
    stdio[1].data.stream = (uv_stream_t *)&r.out;
    stdio[2].data.stream = (uv_stream_t *)&r.err;
    CU_ASSERT_EQUAL_FATAL(uv_spawn(&f.loop, &r.process, &options), 0);
    r.open = 3;
    uv_read_start((uv_stream_t *)&r.out, on_alloc, on_text);
    uv_read_start((uv_stream_t *)&r.err, on_alloc, on_text);
}

static int is_over(void *ctx)
{
    (void)ctx;
    return r.open == 0;
}

/* Runs sluicectl with up to four arguments after the socket; returns its exit status. */
static int ctl(const char *a, const char *b, const char *c, const char *d)
{
    char *args[] = {"sluicectl",
                    "-s",
                    f.path,
                    (char *)(uintptr_t)a,
                    (char *)(uintptr_t)b,
                    (char *)(uintptr_t)c,
                    (char *)(uintptr_t)d,
                    NULL};
    spawn(args);
    CU_ASSERT(fixture_run(&f, is_over, NULL));
    return r.status;
}

static void rows_are_shown_as_an_aligned_table(void)
{
    start();
    CU_ASSERT_EQUAL(ctl("session.list", NULL, NULL, NULL), 0);
    CU_ASSERT_STRING_EQUAL(r.text[0], "id     alias                  secured  extra\n"
                                      "7      demo                   true     -\n"
                                      "12345  a\\u001b[31m long name  -        {\"x\": 1}\n");
    CU_ASSERT_STRING_EQUAL(r.text[1], "");
    fixture_fini(&f);
}

static void object_is_shown_with_dotted_names(void)
{
    start();
    CU_ASSERT_EQUAL(ctl("session.get", "session=7", "alias=0815", NULL), 0);
    CU_ASSERT_STRING_EQUAL(r.text[0], "alias               0815\n"
                                      "media.in            5\n"
                                      "media.srtp.profile  GCM\n"
                                      "ports               [1, 2]\n"
                                      "\nchannels:\nnumber\n1001\n");
    fixture_fini(&f);
}

static void json_is_what_the_server_said(void)
{
    start();
    CU_ASSERT_EQUAL(ctl("session.get", "{\"session\": 7}", "--json", NULL), 0);
    json_t *o = json_loads(r.text[0], 0, NULL);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(o, "alias")), "none");
    json_decref(o);
    fixture_fini(&f);
}

static void refusals_are_told_and_exit_with_one(void)
{
    start();
    CU_ASSERT_EQUAL(ctl("session.get", "session=8", NULL, NULL), 1);
    CU_ASSERT_STRING_EQUAL(r.text[1], "sluicectl: no session 8 (-32008)\n");
    CU_ASSERT_EQUAL(ctl("session.get", "session=x", NULL, NULL), 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(r.text[1], "session: expected integer, found a string"));
    CU_ASSERT_EQUAL(ctl("session.gte", NULL, NULL, NULL), 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(r.text[1], "method not found: session.gte"));
    CU_ASSERT_STRING_EQUAL(r.text[0], "");
    fixture_fini(&f);
}

static void wrong_usage_exits_with_two(void)
{
    start();
    CU_ASSERT_EQUAL(ctl(NULL, NULL, NULL, NULL), 2);
    CU_ASSERT_PTR_NOT_NULL(strstr(r.text[1], "usage: sluicectl"));
    CU_ASSERT_EQUAL(ctl("session.get", "7", NULL, NULL), 2);
    CU_ASSERT_EQUAL(ctl("session.get", "{\"session\"", NULL, NULL), 2);
    CU_ASSERT_EQUAL(ctl("--nonsense", NULL, NULL, NULL), 2);
    CU_ASSERT_EQUAL(ctl("--help", NULL, NULL, NULL), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(r.text[0], "exit status"));
    fixture_fini(&f);
}

static void absent_server_exits_with_three(void)
{
    start();
    fixture_stop(&f);
    CU_ASSERT_EQUAL(ctl("session.list", NULL, NULL, NULL), 3);
    CU_ASSERT_PTR_NOT_NULL(strstr(r.text[1], "cannot connect to /tmp/sluice-control-"));
    CU_ASSERT_PTR_NOT_NULL(strstr(r.text[1], "is sluiced running"));
    fixture_fini(&f);
}

static void help_lists_the_methods_of_the_server(void)
{
    start();
    CU_ASSERT_EQUAL(ctl("help", NULL, NULL, NULL), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(r.text[0], "session.get           show one\n"
                                             "    session=integer (required): which\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(r.text[0], "events.subscribe"));
    fixture_fini(&f);
}

static int is_watched(void *ctx)
{
    (void)ctx;
    return control_is_watched(f.control, "session.closed", 7);
}

static int has_two_lines(void *ctx)
{
    const char *first = strchr(r.text[0], '\n');
    (void)ctx;
    return r.open == 0 || (first != NULL && strchr(first + 1, '\n') != NULL);
}

static void events_are_followed_until_the_server_ends(void)
{
    start();
    char *args[] = {"sluicectl", "-s", f.path, "events", "session.*", "session=7", NULL};
    spawn(args);
    CU_ASSERT_FATAL(fixture_run(&f, is_watched, NULL));
    CU_ASSERT(!control_is_watched(f.control, "session.closed", 8));
    control_publish(f.control, "session.connected", 7, json_pack("{s:s}", "alias", "x\ny"));
    control_publish(f.control, "session.closed", 8, NULL);
    control_publish(f.control, "session.closed", 7, NULL);
    CU_ASSERT(fixture_run(&f, has_two_lines, NULL));
    CU_ASSERT_PTR_NOT_NULL(strstr(r.text[0], "session.connected         session=7  alias=x\\ny\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(r.text[0], "session.closed            session=7\n"));
    CU_ASSERT_PTR_NULL(strstr(r.text[0], "session=8"));
    fixture_stop(&f);
    CU_ASSERT(fixture_run(&f, is_over, NULL));
    CU_ASSERT_EQUAL(r.status, 4);
    CU_ASSERT_PTR_NOT_NULL(strstr(r.text[1], "the server closed the connection"));
    fixture_fini(&f);
}

static int quiet(void)
{
    log_set_level_all(LOG_LEVEL_OFF);
    return 0;
}

SUITE_SETUP("server/sluicectl", quiet, NULL, TEST(rows_are_shown_as_an_aligned_table),
            TEST(object_is_shown_with_dotted_names), TEST(json_is_what_the_server_said),
            TEST(refusals_are_told_and_exit_with_one), TEST(wrong_usage_exits_with_two),
            TEST(absent_server_exits_with_three), TEST(help_lists_the_methods_of_the_server),
            TEST(events_are_followed_until_the_server_ends))
