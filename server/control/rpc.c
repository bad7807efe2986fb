#include "server/control/rpc.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

/* JSON-RPC 2.0 over lines: what is in a request is checked against the method's table before any
 * handler sees it, so that handlers read parameters without a test. Knows nothing of sockets. */
#define STRING_BYTES_DEFAULT 256
#define STRINGS_DEFAULT      64

struct entry {
    const struct rpc_method *method;
    void *ctx;
};

struct rpc {
    struct entry *entries;
    size_t count;
    struct rpc_stats stats;
};

struct rpc_reply {
    json_t *result;
    json_t *error;
    bool is_set;
};

/* A message may have been cut within a character; then only its ASCII is kept. */
static json_t *make_text(const char *message)
{
    char copy[512];
    json_t *text = json_string(message);
    if (text != NULL)
        return text;
    /* jansson takes UTF-8 only, and an answer must be had in any case. */
    snprintf(copy, sizeof(copy), "%s", message);
    for (char *p = copy; *p != '\0'; p++)
        if ((unsigned char)*p >= 0x80)
            *p = '?';
    return json_string(copy);
}

static json_t *make_error(int code, const char *message, json_t *data)
{
    json_t *error = json_pack("{s:i, s:o}", "code", code, "message", make_text(message));
    if (data != NULL && json_object_set_new(error, "data", data) != 0) {
        json_decref(error);
        return NULL;
    }
    return error;
}

void rpc_reply_result(struct rpc_reply *reply, json_t *result)
{
    /* A handler that answers twice has the last word, and nothing leaks. */
    json_decref(reply->result);
    json_decref(reply->error);
    reply->result = result;
    reply->error = result == NULL
                       ? make_error(RPC_INTERNAL_ERROR, "internal error: out of memory", NULL)
                       : NULL;
    reply->is_set = true;
}

void rpc_reply_error(struct rpc_reply *reply, int err, const char *format, ...)
{
    char message[256];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    json_decref(reply->result);
    json_decref(reply->error);
    reply->result = NULL;
    reply->error =
        make_error(RPC_SERVER_ERROR + err, message, json_pack("{s:s}", "reason", err_to_str(err)));
    reply->is_set = true;
}

uint64_t rpc_param_uint(const json_t *params, const char *name, uint64_t missing)
{
    const json_t *v = json_object_get(params, name);
    /* Types were checked by the table: the question is only whether it is there. */
    return json_is_integer(v) ? (uint64_t)json_integer_value(v) : missing;
}

int64_t rpc_param_int(const json_t *params, const char *name, int64_t missing)
{
    const json_t *v = json_object_get(params, name);

    return v != NULL ? (int64_t)json_integer_value(v) : missing;
}

bool rpc_param_bool(const json_t *params, const char *name, bool missing)
{
    const json_t *v = json_object_get(params, name);
    return json_is_boolean(v) ? json_is_true(v) : missing;
}

const char *rpc_param_string(const json_t *params, const char *name, const char *missing)
{
    const json_t *v = json_object_get(params, name);
    return json_is_string(v) ? json_string_value(v) : missing;
}

static const char *type_to_str(enum rpc_type type)
{
    static const char *const names[] = {
        [RPC_BOOL] = "boolean",  [RPC_UINT] = "integer", [RPC_INT] = "integer",
        [RPC_STRING] = "string", [RPC_TEXT] = "string",  [RPC_STRINGS] = "array of strings",
    };
    return names[type];
}

/* Only what was set: max 0 means the type's own limit. */
static json_t *describe_param(const struct rpc_param *p)
{
    json_t *d = json_pack("{s:s, s:s, s:b, s:s}", "name", p->name, "type", type_to_str(p->type),
                          "required", p->is_required, "help", p->help);
    if (p->type == RPC_INT)
        json_object_set_new(d, "min", json_integer(-(json_int_t)p->min));
    else if (p->min != 0)
        json_object_set_new(d, "min", json_integer((json_int_t)p->min));
    if (p->max != 0)
        json_object_set_new(d, "max", json_integer((json_int_t)p->max));
    return d;
}

static json_t *describe_method(const struct rpc_method *m)
{
    json_t *params = json_array();
    for (size_t i = 0; i < m->param_count; i++)
        json_array_append_new(params, describe_param(&m->params[i]));
    return json_pack("{s:s, s:s, s:o}", "name", m->name, "help", m->help, "params", params);
}

static void on_rpc_methods(void *ctx, void *peer, const json_t *params, struct rpc_reply *reply)
{
    const struct rpc *rpc = ctx;
    json_t *list = json_array();
    (void)peer;
    (void)params;
    for (size_t i = 0; i < rpc->count; i++)
        json_array_append_new(list, describe_method(rpc->entries[i].method));
    rpc_reply_result(reply, json_pack("{s:o}", "methods", list));
}

static const struct rpc_method own_methods[] = {
    {"rpc.methods", "describe every method and its parameters", NULL, 0, on_rpc_methods},
};

static const struct entry *find_method(const struct rpc *rpc, const char *name)
{
    for (size_t i = 0; i < rpc->count; i++)
        if (strcmp(rpc->entries[i].method->name, name) == 0)
            return &rpc->entries[i];
    return NULL;
}

int rpc_register(struct rpc *rpc, const struct rpc_method *methods, size_t n, void *ctx)
{
    /* Names first, so that a clash leaves the table as it was. */
    for (size_t i = 0; i < n; i++)
        if (find_method(rpc, methods[i].name) != NULL)
            return ERR_EXISTS;
    /* Grows by a handful of calls at the start. */
    struct entry *entries = realloc(rpc->entries, (rpc->count + n) * sizeof(*entries));
    if (entries == NULL)
        return ERR_NOMEM;
    rpc->entries = entries;
    for (size_t i = 0; i < n; i++)
        entries[rpc->count++] = (struct entry){.method = &methods[i], .ctx = ctx};
    return 0;
}

int rpc_create(struct rpc **out)
{
    struct rpc *rpc = calloc(1, sizeof(*rpc));
    if (rpc == NULL)
        return ERR_NOMEM;
    int err = rpc_register(rpc, own_methods, 1, rpc);
    if (err != 0) {
        rpc_destroy(rpc);
        return err;
    }
    *out = rpc;
    return 0;
}

void rpc_destroy(struct rpc *rpc)
{
    if (rpc == NULL)
        return;
    free(rpc->entries);
    free(rpc);
}

const struct rpc_stats *rpc_stats(const struct rpc *rpc)
{
    return &rpc->stats;
}

static bool is_line_end(char c)
{
    return c == '\r' || c == '\n' || c == '\t';
}

static bool is_string_ok(const json_t *v, uint64_t min, uint64_t max, bool has_lines)
{
    const char *text = json_string_value(v);
    /* Octets, not characters: what is copied into arrays later is limited by octets. */
    if (text == NULL || strlen(text) < min || strlen(text) > max)
        return false;
    for (; *text != '\0'; text++)
        /* No control characters: texts go into logs, into H.323 fields and to terminals. */
        if (((unsigned char)*text < 0x20 && !(has_lines && is_line_end(*text))) || *text == 0x7f)
            return false;
    return true;
}

static bool is_param_ok(const struct rpc_param *p, const json_t *v)
{
    uint64_t max = p->max;
    switch (p->type) {
    case RPC_BOOL:
        return json_is_boolean(v);
    case RPC_UINT:
        if (!json_is_integer(v) || json_integer_value(v) < 0)
            /* JSON has no unsigned numbers; what is above INT64_MAX is refused by the parser. */
            return false;
        return (uint64_t)json_integer_value(v) >= p->min &&
               (max == 0 || (uint64_t)json_integer_value(v) <= max);
    case RPC_INT:
        return json_is_integer(v) && json_integer_value(v) >= -(json_int_t)p->min &&
               json_integer_value(v) <= (json_int_t)p->max;
    case RPC_STRING:
    case RPC_TEXT:
        return is_string_ok(v, p->min, max != 0 ? max : STRING_BYTES_DEFAULT, p->type == RPC_TEXT);
    case RPC_STRINGS:
        if (!json_is_array(v) || json_array_size(v) > (max != 0 ? max : STRINGS_DEFAULT))
            return false;
        for (size_t i = 0; i < json_array_size(v); i++)
            if (!is_string_ok(json_array_get(v, i), 1, STRING_BYTES_DEFAULT, false))
                return false;
        return true;
    }
    return false;
}

static const char *found_type(const json_t *v)
{
    static const char *const names[] = {
        [JSON_OBJECT] = "an object",   [JSON_ARRAY] = "an array", [JSON_STRING] = "a string",
        [JSON_INTEGER] = "an integer", [JSON_REAL] = "a number",  [JSON_TRUE] = "true",
        [JSON_FALSE] = "false",        [JSON_NULL] = "null",
    };
    return names[json_typeof(v)];
}

/* "integer 1..10", "string of at most 64 bytes" */
static void format_expected(const struct rpc_param *p, char *buf, size_t size)
{
    int n = snprintf(buf, size, "%s", type_to_str(p->type));
    size_t len = n > 0 ? (size_t)n : 0;
    if (p->type == RPC_UINT && p->max != 0)
        snprintf(buf + len, size - len, " %" PRIu64 "..%" PRIu64, p->min, p->max);
    else if (p->type == RPC_UINT && p->min != 0)
        snprintf(buf + len, size - len, " of at least %" PRIu64, p->min);
    else if (p->type == RPC_INT)
        snprintf(buf + len, size - len, " -%" PRIu64 "..%" PRIu64, p->min, p->max);
    else if (p->type == RPC_STRING || p->type == RPC_TEXT)
        snprintf(buf + len, size - len, " of %" PRIu64 "..%" PRIu64 " printable bytes", p->min,
                 p->max != 0 ? p->max : STRING_BYTES_DEFAULT);
}

static json_t *bad_param(const char *name, const char *text)
{
    char message[512];
    snprintf(message, sizeof(message), "invalid params: %.64s: %s", name, text);
    return make_error(RPC_INVALID_PARAMS, message, json_pack("{s:s}", "param", name));
}

static json_t *check_param(const struct rpc_param *p, const json_t *v)
{
    char expected[96], text[192];
    if (v == NULL && !p->is_required)
        return NULL;
    format_expected(p, expected, sizeof(expected));
    if (v == NULL) {
        snprintf(text, sizeof(text), "required: expected %s", expected);
        return bad_param(p->name, text);
    }
    if (is_param_ok(p, v))
        return NULL;
    snprintf(text, sizeof(text), "expected %s, found %s%s", expected, found_type(v),
             ((p->type == RPC_UINT || p->type == RPC_INT) && json_is_integer(v)) ||
                     ((p->type == RPC_STRING || p->type == RPC_TEXT) && json_is_string(v))
                 ? " out of range"
                 : "");
    return bad_param(p->name, text);
}

static bool is_known_param(const struct rpc_method *m, const char *name)
{
    for (size_t i = 0; i < m->param_count; i++)
        if (strcmp(m->params[i].name, name) == 0)
            return true;
    return false;
}

/* Error object, or NULL when the parameters fit the table. */
static json_t *check_params(const struct rpc_method *m, json_t *params)
{
    for (void *it = json_object_iter(params); it != NULL; it = json_object_iter_next(params, it))
        /* Unknown ones are errors: a misspelt option would be a default otherwise. */
        if (!is_known_param(m, json_object_iter_key(it)))
            return bad_param(json_object_iter_key(it), "unknown to this method");
    /* In the table's order, so that the first fault is the same each time. */
    for (size_t i = 0; i < m->param_count; i++) {
        json_t *error = check_param(&m->params[i], json_object_get(params, m->params[i].name));
        if (error != NULL)
            return error;
    }
    return NULL;
}

/* Positional parameters by the table's order. NULL: too many (or out of memory). */
static json_t *name_params(const struct rpc_method *m, const json_t *array)
{
    json_t *object = json_object();
    if (json_array_size(array) > m->param_count) {
        json_decref(object);
        return NULL;
    }
    for (size_t i = 0; i < json_array_size(array); i++)
        json_object_set(object, m->params[i].name, json_array_get(array, i));
    return object;
}

/* Runs a method whose request is in order. One of *result and *error is set. */
static void run_method(struct rpc *rpc, const struct entry *e, void *peer, const json_t *given,
                       json_t **result, json_t **error)
{
    struct rpc_reply reply = {0};
    /* A reference in every case, given back below. */
    json_t *params = json_is_array(given)    ? name_params(e->method, given)
                     : json_is_object(given) ? json_incref((json_t *)(uintptr_t)given)
                                             : json_object();
    *error = params != NULL
                 ? check_params(e->method, params)
                 : make_error(RPC_INVALID_PARAMS, "invalid params: more than the method has", NULL);
    if (*error != NULL) {
        rpc->stats.invalid_params++;
        json_decref(params);
        return;
    }
    e->method->handler(e->ctx, peer, params, &reply);
    json_decref(params);
    /* A handler without a word has done what it was asked. */
    if (!reply.is_set)
        reply.result = json_null();
    rpc->stats.failures += reply.error != NULL;
    *result = reply.result;
    *error = reply.error;
}

static json_t *make_answer(const json_t *id, json_t *result, json_t *error)
{
    json_t *answer = json_pack("{s:s}", "jsonrpc", "2.0");
    if (answer == NULL) {
        json_decref(result);
        json_decref(error);
        return NULL;
    }
    /* Exactly one of the two (JSON-RPC 2.0 section 5). */
    if (error != NULL)
        json_object_set_new(answer, "error", error);
    else
        json_object_set_new(answer, "result", result);
    if (id != NULL)
        json_object_set(answer, "id", (json_t *)(uintptr_t)id);
    /* An id that could not be read is null. */
    else
        json_object_set_new(answer, "id", json_null());
    return answer;
}

static bool is_id_ok(const json_t *id)
{
    return id == NULL || json_is_string(id) || json_is_number(id) || json_is_null(id);
}

/* What is wrong with a request's form; NULL when nothing is. */
static const char *find_fault(const json_t *request)
{
    const json_t *params = json_object_get(request, "params");
    const char *version = json_string_value(json_object_get(request, "jsonrpc"));
    if (!json_is_object(request))
        return "a request is an object";
    if (version == NULL || strcmp(version, "2.0") != 0)
        return "member \"jsonrpc\" must be \"2.0\"";
    /* No objects: they would be sent back as they are. */
    if (!is_id_ok(json_object_get(request, "id")))
        return "member \"id\" must be a string, a number or null";
    if (!json_is_string(json_object_get(request, "method")))
        return "member \"method\" must be a string";
    if (params != NULL && !json_is_object(params) && !json_is_array(params))
        return "member \"params\" must be an object or an array";
    return NULL;
}

static json_t *invalid_request(struct rpc *rpc, const json_t *id, const char *fault)
{
    char message[160];
    rpc->stats.invalid_requests++;
    snprintf(message, sizeof(message), "invalid request: %s", fault);
    return make_answer(is_id_ok(id) ? id : NULL, NULL,
                       make_error(RPC_INVALID_REQUEST, message, NULL));
}

/* Answer to one request; NULL for a notification. */
static json_t *handle_one(struct rpc *rpc, void *peer, const json_t *request)
{
    const json_t *id = json_object_get(request, "id");
    json_t *result = NULL, *error = NULL;
    const char *fault = find_fault(request);
    if (fault != NULL)
        return invalid_request(rpc, id, fault);
    rpc->stats.requests++;
    /* No id is a notification: it is run, and nobody is told how it went. */
    rpc->stats.notifications += id == NULL;
    const char *name = json_string_value(json_object_get(request, "method"));
    const struct entry *e = find_method(rpc, name);
    if (e != NULL) {
        run_method(rpc, e, peer, json_object_get(request, "params"), &result, &error);
    } else {
        char message[128];
        rpc->stats.unknown_methods++;
        snprintf(message, sizeof(message), "method not found: %.64s", name);
        error = make_error(RPC_METHOD_NOT_FOUND, message, json_pack("{s:s}", "see", "rpc.methods"));
    }
    if (id == NULL) {
        json_decref(result);
        json_decref(error);
        return NULL;
    }
    return make_answer(id, result, error);
}

static json_t *handle_batch(struct rpc *rpc, void *peer, const json_t *batch)
{
    size_t n = json_array_size(batch);
    /* Bounded: a batch is handled in one turn of the loop, and calls wait meanwhile. */
    if (n == 0 || n > RPC_BATCH_MAX)
        return invalid_request(rpc, NULL,
                               n == 0 ? "the batch is empty" : "too many requests in the batch");
    json_t *answers = json_array();
    for (size_t i = 0; i < n; i++) {
        json_t *answer = handle_one(rpc, peer, json_array_get(batch, i));
        if (answer != NULL)
            json_array_append_new(answers, answer);
    }
    if (json_array_size(answers) == 0) { /* notifications only */
        json_decref(answers);
        return NULL;
    }
    return answers;
}

/* Writes an answer as a line; drops the reference. */
static int print_line(json_t *answer, char **line, size_t *len)
{
    /* Twice, first for the length: no buffer of jansson's is copied. */
    size_t n = json_dumpb(answer, NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY);
    char *text = n > 0 ? malloc(n + 1) : NULL;
    if (text != NULL)
        (void)json_dumpb(answer, text, n, JSON_COMPACT | JSON_ENCODE_ANY);
    json_decref(answer);
    if (text == NULL)
        return ERR_NOMEM;
    text[n] = '\n';
    *line = text;
    *len = n + 1;
    return 0;
}

static json_t *parse_error(const json_error_t *e)
{
    char message[256];
    snprintf(message, sizeof(message), "parse error at byte %d: %s", e->position, e->text);
    return make_answer(
        NULL, NULL,
        make_error(RPC_PARSE_ERROR, message,
                   json_pack("{s:i, s:i}", "position", e->position, "column", e->column)));
}

int rpc_handle(struct rpc *rpc, void *peer, const char *line, size_t len, char **answer,
               size_t *answer_len)
{
    json_error_t error;
    json_t *reply;
    *answer = NULL;
    *answer_len = 0;
    /* Duplicates: whoever checks a request before us may have seen the other one. */
    json_t *request = json_loadb(line, len, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &error);
    if (request == NULL) {
        rpc->stats.parse_errors++;
        return print_line(parse_error(&error), answer, answer_len);
    }
    reply =
        json_is_array(request) ? handle_batch(rpc, peer, request) : handle_one(rpc, peer, request);
    json_decref(request);
    return reply != NULL ? print_line(reply, answer, answer_len) : 0;
}

int rpc_refuse(int code, const char *message, char **answer, size_t *answer_len)
{
    return print_line(make_answer(NULL, NULL, make_error(code, message, NULL)), answer, answer_len);
}
