#include "server/control/rpc.h"

#include <stdlib.h>

#include "base/err.h"
#include "tests/suite.h"

static struct rpc *rpc;
static int calls;
static int peer_value = 7;

static void on_echo(void *ctx, void *peer, const json_t *params, struct rpc_reply *reply)
{
    CU_ASSERT_PTR_EQUAL(peer, &peer_value);
    CU_ASSERT_STRING_EQUAL(ctx, "context");
    calls++;
    rpc_reply_result(reply, json_deep_copy(params));
}

static void on_fail(void *ctx, void *peer, const json_t *params, struct rpc_reply *reply)
{
    (void)ctx;
    (void)peer;
    rpc_reply_error(reply, ERR_NOTFOUND, "no session %d", (int)rpc_param_uint(params, "n", 17));
}

static void on_silent(void *ctx, void *peer, const json_t *params, struct rpc_reply *reply)
{
    (void)ctx;
    (void)peer;
    (void)params;
    (void)reply;
    calls++;
}

static void on_null(void *ctx, void *peer, const json_t *params, struct rpc_reply *reply)
{
    (void)ctx;
    (void)peer;
    (void)params;
    rpc_reply_result(reply, NULL);
}

static const struct rpc_param echo_params[] = {
    {"text", RPC_STRING, .is_required = true, .min = 1, .max = 8, .help = "h"},
    {"n", RPC_UINT, .min = 1, .max = 10, .help = "h"},
    {"flag", RPC_BOOL, .help = "h"},
    {"list", RPC_STRINGS, .max = 2, .help = "h"},
    {"lines", RPC_TEXT, .max = 8, .help = "h"},
};
static const struct rpc_method methods[] = {
    {"test.echo", "answers its parameters", echo_params, 5, on_echo},
    {"test.fail", "fails", NULL, 0, on_fail},
    {"test.silent", "says nothing", NULL, 0, on_silent},
    {"test.null", "runs out of memory", NULL, 0, on_null},
};

static int setup(void)
{
    return rpc_create(&rpc) != 0 || rpc_register(rpc, methods, 4, "context") != 0;
}

static int teardown(void)
{
    rpc_destroy(rpc);
    rpc_destroy(NULL);
    return 0;
}

/* The parsed answer to a line; NULL for silence. */
static json_t *ask(const char *line)
{
    char *answer;
    size_t len;
    CU_ASSERT_EQUAL_FATAL(rpc_handle(rpc, &peer_value, line, strlen(line), &answer, &len), 0);
    if (answer == NULL)
        return NULL;
    CU_ASSERT_EQUAL(answer[len - 1], '\n');
    CU_ASSERT_PTR_NULL(memchr(answer, '\n', len - 1));
    json_t *o = json_loadb(answer, len, 0, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(o);
    free(answer);
    return o;
}

static void check_answer(const char *line, const char *expected)
{
    json_t *answer = ask(line), *wanted = json_loads(expected, 0, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(wanted);
    if (!json_equal(answer, wanted)) {
        char *text = json_dumps(answer, JSON_COMPACT);
        printf("\n    %s\n    answered %s", line, text);
        free(text);
        CU_FAIL("answer");
    }
    json_decref(answer);
    json_decref(wanted);
}

/* Expects an error of this code, for this id (JSON), whose message holds `part`. */
static void check_error(const char *line, int code, const char *id, const char *part)
{
    json_t *answer = ask(line), *wanted_id = json_loads(id, JSON_DECODE_ANY, NULL);
    const json_t *error = json_object_get(answer, "error");
    const char *message = json_string_value(json_object_get(error, "message"));
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(error, "code")), code);
    CU_ASSERT(json_equal(json_object_get(answer, "id"), wanted_id));
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(answer, "jsonrpc")), "2.0");
    CU_ASSERT_PTR_NULL(json_object_get(answer, "result"));
    CU_ASSERT_PTR_NOT_NULL_FATAL(message);
    if (strstr(message, part) == NULL) {
        printf("\n    %s: \"%s\" lacks \"%s\"", line, message, part);
        CU_FAIL("message");
    }
    json_decref(wanted_id);
    json_decref(answer);
}

#define HEAD "{\"jsonrpc\":\"2.0\","

static void request_is_answered_with_its_id(void)
{
    check_answer(HEAD "\"id\":1,\"method\":\"test.echo\",\"params\":{\"text\":\"hi\",\"n\":3}}",
                 HEAD "\"id\":1,\"result\":{\"text\":\"hi\",\"n\":3}}");
    check_answer(HEAD "\"id\":\"a\\u00e9\",\"method\":\"test.silent\"}",
                 HEAD "\"id\":\"a\\u00e9\",\"result\":null}");
    check_answer(HEAD "\"id\":null,\"method\":\"test.silent\",\"params\":{}}",
                 HEAD "\"id\":null,\"result\":null}");
    check_answer(HEAD "\"id\":1.5,\"method\":\"test.silent\",\"params\":[]}",
                 HEAD "\"id\":1.5,\"result\":null}");
}

static void positional_params_follow_the_table(void)
{
    check_answer(HEAD "\"id\":1,\"method\":\"test.echo\",\"params\":[\"hi\",2,true,[\"a\",\"b\"]]}",
                 HEAD "\"id\":1,\"result\":{\"text\":\"hi\",\"n\":2,\"flag\":true,"
                      "\"list\":[\"a\",\"b\"]}}");
    check_error(HEAD "\"id\":1,\"method\":\"test.silent\",\"params\":[1]}", RPC_INVALID_PARAMS, "1",
                "more than the method has");
}

static void notification_runs_and_gets_no_answer(void)
{
    calls = 0;
    CU_ASSERT_PTR_NULL(ask(HEAD "\"method\":\"test.silent\"}"));
    CU_ASSERT_PTR_NULL(ask(HEAD "\"method\":\"test.fail\"}"));
    CU_ASSERT_PTR_NULL(ask(HEAD "\"method\":\"no.such\"}"));
    CU_ASSERT_PTR_NULL(ask(HEAD "\"method\":\"test.echo\",\"params\":{\"text\":5}}"));
    CU_ASSERT_EQUAL(calls, 1);
}

static void bad_json_gets_parse_error_with_position(void)
{
    static const char *const bad[] = {
        "{",          "",     "nonsense", "{\"a\":1,}",
        "{\"a\":1}x", "\xff", "[1,",      "{\"jsonrpc\":\"2.0\",\"jsonrpc\":\"2.0\"}"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        check_error(bad[i], RPC_PARSE_ERROR, "null", "parse error at byte");
    json_t *answer = ask("{\"jsonrpc\":\"2.0\", oops}");
    const json_t *data = json_object_get(json_object_get(answer, "error"), "data");
    CU_ASSERT(json_integer_value(json_object_get(data, "position")) >= 17);
    CU_ASSERT(json_integer_value(json_object_get(data, "position")) <= 22);
    json_decref(answer);
}

static void request_cut_at_every_byte_gets_one_error(void)
{
    static const char whole[] = HEAD "\"id\":1,\"method\":\"test.silent\",\"params\":{}}";
    for (size_t n = 0; n + 1 < sizeof(whole); n++) {
        char *copy = malloc(n > 0 ? n : 1), *answer; /* no room behind it to read */
        size_t len;
        memcpy(copy, whole, n);
        CU_ASSERT_EQUAL(rpc_handle(rpc, &peer_value, copy, n, &answer, &len), 0);
        CU_ASSERT_PTR_NOT_NULL_FATAL(answer);
        CU_ASSERT_PTR_NOT_NULL(memmem(answer, len, "-32700", 6)); /* a line, no string */
        free(answer);
        free(copy);
    }
}

static void malformed_request_is_invalid(void)
{
    check_error("1", RPC_INVALID_REQUEST, "null", "object");
    check_error("{}", RPC_INVALID_REQUEST, "null", "jsonrpc");
    check_error("{\"jsonrpc\":2.0,\"id\":5,\"method\":\"x\"}", RPC_INVALID_REQUEST, "5", "jsonrpc");
    check_error("{\"jsonrpc\":\"1.0\",\"id\":5,\"method\":\"x\"}", RPC_INVALID_REQUEST, "5", "2.0");
    check_error(HEAD "\"id\":5}", RPC_INVALID_REQUEST, "5", "method");
    check_error(HEAD "\"id\":5,\"method\":7}", RPC_INVALID_REQUEST, "5", "method");
    check_error(HEAD "\"id\":[5],\"method\":\"x\"}", RPC_INVALID_REQUEST, "null", "\"id\"");
    check_error(HEAD "\"id\":true,\"method\":\"x\"}", RPC_INVALID_REQUEST, "null", "\"id\"");
    check_error(HEAD "\"id\":5,\"method\":\"x\",\"params\":3}", RPC_INVALID_REQUEST, "5", "params");
    check_error("[]", RPC_INVALID_REQUEST, "null", "empty");
}

static void unknown_method_is_named(void)
{
    check_error(HEAD "\"id\":1,\"method\":\"test.ech\"}", RPC_METHOD_NOT_FOUND, "1", "test.ech");
    /* 100 two-byte characters: the cut must not fall into the middle of one */
    char line[400], name[201];
    for (int i = 0; i < 100; i++)
        memcpy(name + 2 * i, "\xc3\xa9", 2);
    name[200] = '\0';
    snprintf(line, sizeof(line), HEAD "\"id\":1,\"method\":\"x%s\"}", name);
    check_error(line, RPC_METHOD_NOT_FOUND, "1", "method not found: x");
}

static void wrong_params_are_named(void)
{
#define ECHO(params) HEAD "\"id\":1,\"method\":\"test.echo\",\"params\":{" params "}}"
    static const struct {
        const char *line, *part;
    } rows[] = {
        {ECHO(""), "text: required: expected string of 1..8 printable bytes"},
        {ECHO("\"text\":\"a\",\"txet\":1"), "txet: unknown to this method"},
        {ECHO("\"text\":5"), "text: expected string of 1..8 printable bytes, found an integer"},
        {ECHO("\"text\":\"\""), "out of range"},
        {ECHO("\"text\":\"123456789\""), "out of range"},
        {ECHO("\"text\":\"a\\nb\""), "printable"},
        {ECHO("\"text\":null"), "found null"},
        {ECHO("\"text\":\"a\",\"n\":0"),
         "n: expected integer 1..10, found an integer out of range"},
        {ECHO("\"text\":\"a\",\"n\":11"), "1..10"},
        {ECHO("\"text\":\"a\",\"n\":-1"), "1..10"},
        {ECHO("\"text\":\"a\",\"n\":1.0"), "found a number"},
        {ECHO("\"text\":\"a\",\"n\":\"1\""), "found a string"},
        {ECHO("\"text\":\"a\",\"flag\":1"), "flag: expected boolean, found an integer"},
        {ECHO("\"text\":\"a\",\"list\":[1]"), "list: expected array of strings"},
        {ECHO("\"text\":\"a\",\"list\":[\"a\",\"b\",\"c\"]"), "list: expected"},
        {ECHO("\"text\":\"a\",\"list\":{}"), "found an object"},
    };
    calls = 0;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        check_error(rows[i].line, RPC_INVALID_PARAMS, "1", rows[i].part);
    CU_ASSERT_EQUAL(calls, 0);
}

static void handler_errors_carry_code_and_reason(void)
{
    check_answer(HEAD "\"id\":1,\"method\":\"test.fail\"}",
                 HEAD "\"id\":1,\"error\":{\"code\":-32008,\"message\":\"no session 17\","
                      "\"data\":{\"reason\":\"not found\"}}}");
    check_error(HEAD "\"id\":1,\"method\":\"test.null\"}", RPC_INTERNAL_ERROR, "1", "memory");
}

static void batch_answers_what_has_an_id(void)
{
    calls = 0;
    json_t *answer = ask("[" HEAD "\"id\":1,\"method\":\"test.silent\"}," HEAD
                         "\"method\":\"test.silent\"},5," HEAD "\"id\":2,\"method\":\"nope\"}]");
    CU_ASSERT_EQUAL(json_array_size(answer), 3);
    CU_ASSERT_EQUAL(calls, 2);
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(json_array_get(answer, 0), "id")), 1);
    const json_t *error = json_object_get(json_array_get(answer, 1), "error");
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(error, "code")), RPC_INVALID_REQUEST);
    json_decref(answer);
    CU_ASSERT_PTR_NULL(ask("[" HEAD "\"method\":\"test.silent\"}]"));
}

static void batch_too_long_is_refused_whole(void)
{
    char line[RPC_BATCH_MAX * 48 + 64], *p = line;
    calls = 0;
    *p++ = '[';
    for (int i = 0; i <= RPC_BATCH_MAX; i++)
        p += sprintf(p, "%s" HEAD "\"method\":\"test.silent\"}", i > 0 ? "," : "");
    strcpy(p, "]");
    check_error(line, RPC_INVALID_REQUEST, "null", "too many");
    CU_ASSERT_EQUAL(calls, 0);
}

static void methods_describe_themselves(void)
{
    json_t *answer = ask(HEAD "\"id\":1,\"method\":\"rpc.methods\"}");
    const json_t *list = json_object_get(json_object_get(answer, "result"), "methods");
    CU_ASSERT_EQUAL(json_array_size(list), 5);
    const json_t *echo = json_array_get(list, 1);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(echo, "name")), "test.echo");
    const json_t *text = json_array_get(json_object_get(echo, "params"), 0);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(text, "type")), "string");
    CU_ASSERT(json_is_true(json_object_get(text, "required")));
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(text, "max")), 8);
    json_decref(answer);
}

static void same_name_twice_is_refused(void)
{
    CU_ASSERT_EQUAL(rpc_register(rpc, methods + 1, 1, NULL), ERR_EXISTS);
}

static void statistics_count_what_came(void)
{
    struct rpc_stats before = *rpc_stats(rpc);
    json_decref(ask("{"));
    json_decref(ask("{}"));
    json_decref(ask(HEAD "\"id\":1,\"method\":\"nope\"}"));
    json_decref(ask(HEAD "\"id\":1,\"method\":\"test.echo\"}"));
    json_decref(ask(HEAD "\"id\":1,\"method\":\"test.fail\"}"));
    (void)ask(HEAD "\"method\":\"test.silent\"}");
    const struct rpc_stats *after = rpc_stats(rpc);
    CU_ASSERT_EQUAL(after->parse_errors - before.parse_errors, 1);
    CU_ASSERT_EQUAL(after->invalid_requests - before.invalid_requests, 1);
    CU_ASSERT_EQUAL(after->unknown_methods - before.unknown_methods, 1);
    CU_ASSERT_EQUAL(after->invalid_params - before.invalid_params, 1);
    CU_ASSERT_EQUAL(after->failures - before.failures, 1);
    CU_ASSERT_EQUAL(after->requests - before.requests, 4);
    CU_ASSERT_EQUAL(after->notifications - before.notifications, 1);
}

SUITE_SETUP("server/rpc", setup, teardown, TEST(request_is_answered_with_its_id),
            TEST(positional_params_follow_the_table), TEST(notification_runs_and_gets_no_answer),
            TEST(bad_json_gets_parse_error_with_position),
            TEST(request_cut_at_every_byte_gets_one_error), TEST(malformed_request_is_invalid),
            TEST(unknown_method_is_named), TEST(wrong_params_are_named),
            TEST(handler_errors_carry_code_and_reason), TEST(batch_answers_what_has_an_id),
            TEST(batch_too_long_is_refused_whole), TEST(methods_describe_themselves),
            TEST(same_name_twice_is_refused), TEST(statistics_count_what_came))
