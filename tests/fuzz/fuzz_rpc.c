/* JSON-RPC, line by line: each answer is one line of JSON of the right form, and handlers see only
 * parameters that fit their table. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "server/control/rpc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)   \
    do {                  \
        if (!(condition)) \
            abort();      \
    } while (0)

static void on_call(void *ctx, void *peer, const json_t *params, struct rpc_reply *reply)
{
    const char *text = rpc_param_string(params, "text", NULL);
    uint64_t n = rpc_param_uint(params, "n", 1);
    (void)ctx;
    (void)peer;
    MUST(text != NULL && strlen(text) <= 256 && n >= 1 && n <= 10);
    if (n == 10)
        rpc_reply_error(reply, ERR_NOTFOUND, "no \"%s\"", text);
    else if (n != 9)
        rpc_reply_result(reply, json_deep_copy(params));
}

static const struct rpc_param params[] = {
    {"text", RPC_STRING, .is_required = true, .help = "h"},
    {"n", RPC_UINT, .min = 1, .max = 10, .help = "h"},
    {"flag", RPC_BOOL, .help = "h"},
    {"list", RPC_STRINGS, .help = "h"},
    {"lines", RPC_TEXT, .help = "h"},
};
static const struct rpc_method methods[] = {{"test.call", "h", params, 4, on_call}};

static void check_response(const json_t *response)
{
    const json_t *error = json_object_get(response, "error");
    MUST(strcmp(json_string_value(json_object_get(response, "jsonrpc")), "2.0") == 0);
    MUST(json_object_get(response, "id") != NULL);
    MUST((error != NULL) != (json_object_get(response, "result") != NULL));
    if (error != NULL)
        MUST(json_integer_value(json_object_get(error, "code")) < 0 &&
             json_string_value(json_object_get(error, "message")) != NULL);
}

static void check_answer(const char *answer, size_t len)
{
    json_t *o = json_loadb(answer, len, 0, NULL);
    MUST(answer[len - 1] == '\n' && memchr(answer, '\n', len - 1) == NULL && o != NULL);
    if (json_is_array(o)) {
        MUST(json_array_size(o) >= 1 && json_array_size(o) <= RPC_BATCH_MAX);
        for (size_t i = 0; i < json_array_size(o); i++)
            check_response(json_array_get(o, i));
    } else {
        check_response(o);
    }
    json_decref(o);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rpc *rpc;
    MUST(rpc_create(&rpc) == 0 && rpc_register(rpc, methods, 1, NULL) == 0);
    while (size > 0) {
        const uint8_t *end = memchr(data, '\n', size);
        size_t len = end != NULL ? (size_t)(end - data) : size;
        char *answer;
        size_t answer_len;
        MUST(rpc_handle(rpc, NULL, (const char *)data, len, &answer, &answer_len) == 0);
        if (answer != NULL)
            check_answer(answer, answer_len);
        free(answer);
        size -= len + (end != NULL);
        data += len + (end != NULL);
    }
    rpc_destroy(rpc);
    return 0;
}
