#include "server/control/control.h"

#include <grp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "tests/server/control_fixture.h"
#include "tests/suite.h"

#define HEAD "{\"jsonrpc\":\"2.0\","

static const struct control_event events[] = {
    {"session.connected", "h"}, {"session.closed", "h"}, {"media.lost", "h"}};

/* Answers with as many bytes as asked for. */
static void on_big(void *ctx, void *peer, const json_t *params, struct rpc_reply *reply)
{
    size_t n = (size_t)rpc_param_uint(params, "bytes", 1);
    char *text = malloc(n + 1);
    (void)ctx;
    (void)peer;
    memset(text, 'x', n);
    text[n] = '\0';
    rpc_reply_result(reply, json_string(text));
    free(text);
}

static const struct rpc_param big_params[] = {{"bytes", RPC_UINT, .max = 1000000, .help = "h"}};
static const struct rpc_method big_method[] = {{"test.big", "h", big_params, 1, on_big}};

static json_t *on_extra(void *ctx)
{
    return json_string(ctx);
}

static void start(struct fixture *f)
{
    fixture_start(f);
    CU_ASSERT_EQUAL(rpc_register(control_rpc(f->control), big_method, 1, NULL), 0);
    CU_ASSERT_EQUAL(control_register_events(f->control, events, 3), 0);
    CU_ASSERT_EQUAL(control_register_info(f->control, "extra", on_extra, "more"), 0);
}

static json_int_t code_of(const json_t *answer)
{
    return json_integer_value(json_object_get(json_object_get(answer, "error"), "code"));
}

static json_int_t id_of(const json_t *answer)
{
    return json_integer_value(json_object_get(answer, "id"));
}

/* Asks and expects a result, which is dropped. */
static void check_lives(struct client *c)
{
    client_say(c, HEAD "\"id\":4711,\"method\":\"log.get\"}");
    json_t *answer = client_hear(c);
    CU_ASSERT_EQUAL(id_of(answer), 4711);
    CU_ASSERT_PTR_NOT_NULL(json_object_get(answer, "result"));
    json_decref(answer);
}

static void info_tells_who_answers(void)
{
    struct fixture f;
    struct client c;
    fixture_init(&f);
    start(&f);
    client_connect(&c, &f, 1);
    client_say(&c, HEAD "\"id\":1,\"method\":\"server.info\"}");
    json_t *answer = client_hear(&c);
    const json_t *result = json_object_get(answer, "result");
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(result, "name")), "test node");
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(result, "version")), SLUICE_VERSION);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(result, "extra")), "more");
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(result, "pid")), getpid());
    json_decref(answer);
    client_close(&c);
    fixture_fini(&f);
}

static void line_in_single_bytes_is_answered_once(void)
{
    static const char line[] = "\r\n\n" HEAD "\"id\":9,\"method\":\"log.get\"}\r\n";
    struct fixture f;
    struct client c;
    fixture_init(&f);
    start(&f);
    client_connect(&c, &f, 1);
    for (size_t i = 0; i + 1 < sizeof(line); i++) {
        client_send(&c, line + i, 1);
        fixture_turn(&f);
    }
    json_t *answer = client_hear(&c);
    CU_ASSERT_EQUAL(id_of(answer), 9);
    json_decref(answer);
    check_lives(&c);
    client_close(&c);
    fixture_fini(&f);
}

static void bad_json_is_answered_and_connection_lives(void)
{
    struct fixture f;
    struct client c;
    fixture_init(&f);
    start(&f);
    client_connect(&c, &f, 1);
    client_say(&c, "{\"jsonrpc\": oops}");
    json_t *answer = client_hear(&c);
    CU_ASSERT_EQUAL(code_of(answer), RPC_PARSE_ERROR);
    json_decref(answer);
    client_send(&c, "\x00\xff\xfe\n", 4);
    answer = client_hear(&c);
    CU_ASSERT_EQUAL(code_of(answer), RPC_PARSE_ERROR);
    json_decref(answer);
    check_lives(&c);
    client_close(&c);
    fixture_fini(&f);
}

static void oversize_line_is_refused_and_skipped(void)
{
    struct fixture f;
    struct client c;
    char *big = malloc(100001);
    memset(big, 'a', 100000);
    big[100000] = '\0';
    fixture_init(&f);
    start(&f);
    client_connect(&c, &f, 1);
    client_say(&c, big);
    json_t *answer = client_hear(&c);
    CU_ASSERT_EQUAL(code_of(answer), RPC_INVALID_REQUEST);
    json_decref(answer);
    check_lives(&c); /* and no second refusal came before this answer */
    CU_ASSERT_EQUAL(control_stats(f.control)->oversize, 1);
    /* exactly the limit is still a line (of bad JSON), one more is not */
    client_send(&c, big, 4096);
    client_send(&c, "\n", 1);
    answer = client_hear(&c);
    CU_ASSERT_EQUAL(code_of(answer), RPC_PARSE_ERROR);
    json_decref(answer);
    client_send(&c, big, 4097);
    client_send(&c, "\n", 1);
    answer = client_hear(&c);
    CU_ASSERT_EQUAL(code_of(answer), RPC_INVALID_REQUEST);
    json_decref(answer);
    check_lives(&c);
    client_close(&c);
    fixture_fini(&f);
    free(big);
}

static int is_incomplete_counted(void *ctx)
{
    const struct control_stats *s = control_stats(((struct fixture *)ctx)->control);
    return s->incomplete == 1 && s->clients == 0;
}

static void half_a_line_then_close_is_counted(void)
{
    struct fixture f;
    struct client c;
    fixture_init(&f);
    start(&f);
    client_connect(&c, &f, 1);
    client_send(&c, "{\"jsonrpc\":\"2.0\",\"id\":1,\"meth", 29);
    client_half_close(&c);
    CU_ASSERT(fixture_run(&f, is_incomplete_counted, &f));
    CU_ASSERT(client_wait_end(&c));
    CU_ASSERT_EQUAL(c.len, 0);
    client_close(&c);
    client_connect(&c, &f, 1);
    check_lives(&c);
    client_close(&c);
    fixture_fini(&f);
}

static void half_closed_client_still_gets_its_answers(void)
{
    struct fixture f;
    struct client c;
    fixture_init(&f);
    start(&f);
    client_connect(&c, &f, 0);
    for (int i = 0; i < 3; i++) /* more than a socket buffer holds: the last waits in the server */
        client_say(&c, HEAD "\"id\":1,\"method\":\"test.big\",\"params\":{\"bytes\":200000}}");
    client_half_close(&c);
    for (int i = 0; i < 10; i++)
        fixture_turn(&f);
    client_read(&c);
    for (int i = 0; i < 3; i++) {
        json_t *answer = client_hear(&c);
        CU_ASSERT_EQUAL(json_string_length(json_object_get(answer, "result")), 200000);
        json_decref(answer);
    }
    CU_ASSERT(client_wait_end(&c));
    client_close(&c);
    fixture_fini(&f);
}

static void thousand_pipelined_requests_are_answered_in_order(void)
{
    struct fixture f;
    struct client c;
    char *text = malloc(1000 * 64), *p = text;
    for (int i = 0; i < 1000; i++)
        p += sprintf(p, HEAD "\"id\":%d,\"method\":\"test.big\"}\n", i);
    fixture_init(&f);
    start(&f);
    client_connect(&c, &f, 1);
    client_send(&c, text, (size_t)(p - text));
    for (int i = 0; i < 1000; i++) {
        json_t *answer = client_hear(&c);
        CU_ASSERT_EQUAL_FATAL(id_of(answer), i);
        json_decref(answer);
    }
    CU_ASSERT_EQUAL(rpc_stats(control_rpc(f.control))->requests, 1000);
    client_close(&c);
    fixture_fini(&f);
    free(text);
}

/* A bucket of 10, 16 requests: 600 ms of waiting, which no machine is slow enough to hide. */
static void requests_over_the_rate_wait_and_none_is_lost(void)
{
    struct fixture f;
    struct client c;
    fixture_init(&f);
    f.settings.requests_per_second = 10;
    start(&f);
    client_connect(&c, &f, 1);
    for (int i = 0; i < 14; i++)
        client_say(&c, HEAD "\"id\":1,\"method\":\"test.big\"}");
    client_say(&c, "[" HEAD "\"id\":2,\"method\":\"test.big\"}," HEAD
                   "\"id\":2,\"method\":\"test.big\"}]");
    for (int i = 0; i < 14; i++) {
        json_t *answer = client_hear(&c);
        CU_ASSERT_EQUAL(id_of(answer), 1);
        json_decref(answer);
    }
    json_t *batch = client_hear(&c);
    CU_ASSERT_EQUAL(json_array_size(batch), 2);
    json_decref(batch);
    CU_ASSERT(control_stats(f.control)->throttled > 0);
    client_close(&c);
    fixture_fini(&f);
}

static void answers_not_read_stop_further_requests(void)
{
    struct fixture f;
    struct client c;
    enum { N = 40 };
    fixture_init(&f);
    start(&f);
    client_connect(&c, &f, 0);
    for (int i = 0; i < N; i++)
        client_say(&c, HEAD "\"id\":1,\"method\":\"test.big\",\"params\":{\"bytes\":60000}}");
    for (int i = 0; i < 200; i++)
        fixture_turn(&f);
    /* what the kernel's buffers and the backlog hold, not all of it */
    CU_ASSERT(rpc_stats(control_rpc(f.control))->requests < N);
    client_read(&c);
    for (int i = 0; i < N; i++) {
        json_t *answer = client_hear(&c);
        CU_ASSERT_EQUAL(json_string_length(json_object_get(answer, "result")), 60000);
        json_decref(answer);
    }
    client_close(&c);
    fixture_fini(&f);
}

static void subscribe(struct client *c, const char *params, json_int_t code)
{
    char line[256];
    snprintf(line, sizeof(line), HEAD "\"id\":1,\"method\":\"events.subscribe\",\"params\":%s}",
             params);
    client_say(c, line);
    json_t *answer = client_hear(c);
    CU_ASSERT_EQUAL(code_of(answer), code);
    json_decref(answer);
}

/* Expects an event of this type and session as the next line. */
static void check_event(struct client *c, const char *type, json_int_t session)
{
    json_t *event = client_hear(c);
    const json_t *params = json_object_get(event, "params");
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(event, "method")), "event");
    CU_ASSERT_PTR_NULL(json_object_get(event, "id"));
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(params, "type")), type);
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(params, "session")), session);
    CU_ASSERT_PTR_NOT_NULL(json_object_get(params, "time"));
    json_decref(event);
}

static void events_reach_whom_they_concern(void)
{
    struct fixture f;
    struct client all, closed, seven;
    fixture_init(&f);
    start(&f);
    client_connect(&all, &f, 1);
    client_connect(&closed, &f, 1);
    client_connect(&seven, &f, 1);
    CU_ASSERT(!control_is_watched(f.control, "session.closed", 7));
    subscribe(&all, "{}", 0);
    subscribe(&closed, "{\"types\":[\"session.closed\"]}", 0);
    subscribe(&seven, "{\"types\":[\"session.*\"],\"session\":7}", 0);
    CU_ASSERT(control_is_watched(f.control, "media.lost", 7));
    control_publish(f.control, "session.connected", 6, NULL);
    control_publish(f.control, "session.connected", 7, json_pack("{s:s}", "alias", "a\nb"));
    control_publish(f.control, "media.lost", 7, NULL);
    control_publish(f.control, "session.closed", 6, NULL);
    control_publish(f.control, "session.closed", 7, NULL);
    control_publish(f.control, "not.registered", 7, json_object());
    check_event(&all, "session.connected", 6);
    check_event(&all, "session.connected", 7);
    check_event(&all, "media.lost", 7);
    check_event(&all, "session.closed", 6);
    check_event(&all, "session.closed", 7);
    check_event(&closed, "session.closed", 6);
    check_event(&closed, "session.closed", 7);
    check_event(&seven, "session.connected", 7);
    check_event(&seven, "session.closed", 7);
    client_close(&all);
    client_close(&closed);
    client_close(&seven);
    fixture_fini(&f);
}

static void subscription_faults_are_told(void)
{
    struct fixture f;
    struct client c;
    fixture_init(&f);
    start(&f);
    client_connect(&c, &f, 1);
    subscribe(&c, "{\"types\":[\"session.closd\"]}", RPC_SERVER_ERROR + ERR_NOTFOUND);
    subscribe(&c, "{\"types\":[]}", RPC_SERVER_ERROR + ERR_INVAL);
    subscribe(&c, "{\"types\":\"session.closed\"}", RPC_INVALID_PARAMS);
    subscribe(&c, "{\"session\":0}", RPC_INVALID_PARAMS);
    for (int i = 0; i < 16; i++)
        subscribe(&c, "{}", 0);
    subscribe(&c, "{}", RPC_SERVER_ERROR + ERR_LIMIT);
    control_publish(f.control, "media.lost", 0, NULL);
    check_event(&c, "media.lost", 0); /* once, however many subscriptions match */
    client_say(&c,
               HEAD "\"id\":1,\"method\":\"events.unsubscribe\",\"params\":{\"subscription\":99}}");
    json_t *answer = client_hear(&c);
    CU_ASSERT_EQUAL(code_of(answer), RPC_SERVER_ERROR + ERR_NOTFOUND);
    json_decref(answer);
    client_say(&c, HEAD "\"id\":1,\"method\":\"events.unsubscribe\"}");
    json_decref(client_hear(&c));
    CU_ASSERT(!control_is_watched(f.control, "media.lost", 0));
    control_publish(f.control, "media.lost", 0, NULL);
    check_lives(&c);
    client_close(&c);
    fixture_fini(&f);
}

static void slow_reader_loses_events_and_is_told_how_many(void)
{
    struct fixture f;
    struct client c;
    const int published = 5000;
    int heard = 0, lost = 0;
    fixture_init(&f);
    start(&f);
    client_connect(&c, &f, 0);
    client_say(&c, HEAD "\"id\":1,\"method\":\"events.subscribe\"}");
    for (int i = 0; i < 10; i++)
        fixture_turn(&f);
    CU_ASSERT_FATAL(control_is_watched(f.control, "media.lost", 0));
    for (int i = 0; i < published; i++)
        control_publish(f.control, "media.lost", 1,
                        json_pack("{s:i, s:s}", "n", i, "pad", "0123456789012345678901234567890"));
    CU_ASSERT(control_stats(f.control)->events_lost > 0);
    client_read(&c);
    json_decref(client_hear(&c)); /* the answer to subscribe */
    while (heard + lost < published) {
        json_t *event = client_hear(&c);
        const json_t *params = json_object_get(event, "params");
        const char *type = json_string_value(json_object_get(params, "type"));
        CU_ASSERT_PTR_NOT_NULL_FATAL(type);
        const json_t *data = json_object_get(params, "data");
        if (strcmp(type, "events.lost") == 0) {
            lost += (int)json_integer_value(json_object_get(data, "count"));
        } else {
            CU_ASSERT_EQUAL_FATAL(json_integer_value(json_object_get(data, "n")), heard);
            heard++;
        }
        json_decref(event);
    }
    CU_ASSERT_EQUAL(heard + lost, published);
    CU_ASSERT_EQUAL((uint64_t)lost, control_stats(f.control)->events_lost);
    control_publish(f.control, "media.lost", 5, NULL);
    check_event(&c, "media.lost", 5); /* the stream goes on */
    client_close(&c);
    fixture_fini(&f);
}

static void client_beyond_the_limit_is_told_and_closed(void)
{
    struct fixture f;
    struct client first, second;
    fixture_init(&f);
    f.settings.max_clients = 1;
    start(&f);
    client_connect(&first, &f, 1);
    check_lives(&first);
    client_connect(&second, &f, 1);
    json_t *answer = client_hear(&second);
    CU_ASSERT_EQUAL(code_of(answer), RPC_SERVER_ERROR + ERR_LIMIT);
    json_decref(answer);
    CU_ASSERT(client_wait_end(&second));
    client_close(&second);
    check_lives(&first);
    client_close(&first);
    client_connect(&first, &f, 1); /* its place is free again */
    check_lives(&first);
    client_close(&first);
    fixture_fini(&f);
}

static int is_foreigner_seen(void *ctx)
{
    const struct control_stats *s = control_stats(((struct fixture *)ctx)->control);
    return s->refused_credentials + s->clients > 0;
}

/* In a child: connects as nobody; the first byte that comes tells the parent that it was refused.
 */
static pid_t connect_as_nobody(const char *path, gid_t group)
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    char byte;
    memcpy(sun.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (setgroups(1, &group) != 0 || setgid(65534) != 0 || setuid(65534) != 0 ||
        connect(fd, (struct sockaddr *)&sun, sizeof(sun)) != 0)
        _exit(99);
    _exit(read(fd, &byte, 1) == 1 ? 1 : 0); /* 0: the server only closed, in fixture_stop */
}

static void check_nobody(int with_list, gid_t group, int expected)
{
    struct fixture f;
    int status = 0;
    fixture_init(&f);
    f.settings.mode = 0666;
    if (with_list) {
        f.settings.allow_gids[0] = 4242;
        f.settings.allow_gid_count = 1;
    }
    start(&f);
    CU_ASSERT_EQUAL(chmod(f.dir, 0755), 0);
    pid_t pid = connect_as_nobody(f.path, group);
    CU_ASSERT(fixture_run(&f, is_foreigner_seen, &f));
    fixture_stop(&f);
    CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
    CU_ASSERT(WIFEXITED(status));
    CU_ASSERT_EQUAL(WEXITSTATUS(status), expected);
    fixture_fini(&f);
}

static void foreign_user_needs_the_list(void)
{
    if (geteuid() != 0) {
        CU_PASS("only root can become another user");
        return;
    }
    check_nobody(0, 65534, 0); /* no list: the file's mode decides */
    check_nobody(1, 65534, 1);
    check_nobody(1, 4242, 0); /* a supplementary group is enough */
}

static void socket_file_has_its_mode_and_goes(void)
{
    struct fixture f;
    struct stat st;
    fixture_init(&f);
    f.settings.mode = 0640;
    start(&f);
    CU_ASSERT_EQUAL(stat(f.path, &st), 0);
    CU_ASSERT_EQUAL(st.st_mode & 0777, 0640);
    fixture_stop(&f);
    CU_ASSERT_NOT_EQUAL(stat(f.path, &st), 0);
    fixture_fini(&f);
}

static void stale_socket_is_replaced_and_living_one_kept(void)
{
    struct fixture f;
    struct control *other;
    struct settings_node node = {.name = "other"};
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    const char *text;
    fixture_init(&f);
    memcpy(sun.sun_path, f.path, strlen(f.path));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    CU_ASSERT_EQUAL(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
    close(fd); /* the file stays, nobody listens */
    start(&f);
    CU_ASSERT_EQUAL_FATAL(control_create(&f.loop, &f.settings, &node, &other), 0);
    CU_ASSERT_EQUAL(control_start(other, &text), ERR_EXISTS);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "another server"));
    control_stop(other, NULL, NULL);
    struct client c;
    client_connect(&c, &f, 1);
    check_lives(&c);
    client_close(&c);
    fixture_fini(&f);
}

static void plain_file_in_the_way_is_kept(void)
{
    struct fixture f;
    struct settings_node node = {.name = "n"};
    const char *text;
    fixture_init(&f);
    fclose(fopen(f.path, "w"));
    CU_ASSERT_EQUAL_FATAL(control_create(&f.loop, &f.settings, &node, &f.control), 0);
    CU_ASSERT_EQUAL(control_start(f.control, &text), ERR_EXISTS);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "no socket"));
    fixture_stop(&f);
    CU_ASSERT_EQUAL(unlink(f.path), 0);
    fixture_fini(&f);
}

static void stop_ends_every_connection(void)
{
    struct fixture f;
    struct client clients[3];
    fixture_init(&f);
    start(&f);
    for (int i = 0; i < 3; i++) {
        client_connect(&clients[i], &f, 1);
        check_lives(&clients[i]);
    }
    fixture_stop(&f);
    for (int i = 0; i < 3; i++) {
        CU_ASSERT(client_wait_end(&clients[i]));
        client_close(&clients[i]);
    }
    fixture_fini(&f);
}

static void log_levels_change_at_run_time(void)
{
    struct fixture f;
    struct client c;
    fixture_init(&f);
    start(&f);
    client_connect(&c, &f, 1);
    client_say(&c, HEAD "\"id\":1,\"method\":\"log.set\",\"params\":{\"area\":\"h245\","
                        "\"level\":\"trace\"}}");
    json_decref(client_hear(&c));
    CU_ASSERT_EQUAL(log_get_level(LOG_AREA_H245), LOG_LEVEL_TRACE);
    CU_ASSERT_EQUAL(log_get_level(LOG_AREA_H225), LOG_LEVEL_OFF);
    static const char *const bad[] = {"{\"level\":\"loud\"}", "{\"level\":\"info\",\"area\":\"x\"}",
                                      "{\"area\":\"h245\"}"};
    for (int i = 0; i < 3; i++) {
        char line[160];
        snprintf(line, sizeof(line), HEAD "\"id\":1,\"method\":\"log.set\",\"params\":%s}", bad[i]);
        client_say(&c, line);
        json_t *answer = client_hear(&c);
        CU_ASSERT_NOT_EQUAL(code_of(answer), 0);
        json_decref(answer);
    }
    client_close(&c);
    fixture_fini(&f);
    log_set_level_all(LOG_LEVEL_OFF);
}

static int quiet(void)
{
    log_set_level_all(LOG_LEVEL_OFF);
    return 0;
}

SUITE_SETUP("server/control", quiet, NULL, TEST(info_tells_who_answers),
            TEST(line_in_single_bytes_is_answered_once),
            TEST(bad_json_is_answered_and_connection_lives),
            TEST(oversize_line_is_refused_and_skipped), TEST(half_a_line_then_close_is_counted),
            TEST(half_closed_client_still_gets_its_answers),
            TEST(thousand_pipelined_requests_are_answered_in_order),
            TEST(requests_over_the_rate_wait_and_none_is_lost),
            TEST(answers_not_read_stop_further_requests), TEST(events_reach_whom_they_concern),
            TEST(subscription_faults_are_told), TEST(slow_reader_loses_events_and_is_told_how_many),
            TEST(client_beyond_the_limit_is_told_and_closed), TEST(foreign_user_needs_the_list),
            TEST(socket_file_has_its_mode_and_goes),
            TEST(stale_socket_is_replaced_and_living_one_kept), TEST(plain_file_in_the_way_is_kept),
            TEST(stop_ends_every_connection), TEST(log_levels_change_at_run_time))
