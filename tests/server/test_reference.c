/* docs/control.md against the server's own description of its methods and events. */
#include <stdlib.h>

#include "base/log.h"
#include "server/server.h"
#include "tests/suite.h"

#define DOCUMENT SOURCE_ROOT "/docs/control.md"
#define MARK     "<!-- reference -->\n"

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text != NULL ? text : "";
}

static void print_param(FILE *out, const json_t *param)
{
    fprintf(out, "| `%s` | %s%s | %s |\n", text_of(param, "name"), text_of(param, "type"),
            json_is_true(json_object_get(param, "required")) ? ", required" : "",
            text_of(param, "help"));
}

static void print_method(FILE *out, const json_t *method)
{
    const json_t *params = json_object_get(method, "params");
    fprintf(out, "\n### %s\n\n%s\n", text_of(method, "name"), text_of(method, "help"));
    if (json_array_size(params) > 0)
        fprintf(out, "\n| parameter | type | meaning |\n|---|---|---|\n");
    for (size_t i = 0; i < json_array_size(params); i++)
        print_param(out, json_array_get(params, i));
}

/* The result of a method without parameters, a new reference. */
static json_t *ask(struct control *control, const char *method)
{
    char line[128], *answer = NULL;
    size_t len;
    snprintf(line, sizeof(line), "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\"}", method);
    CU_ASSERT_EQUAL_FATAL(rpc_handle(control_rpc(control), NULL, line, strlen(line), &answer, &len),
                          0);
    json_t *o = json_loadb(answer, len, 0, NULL);
    json_t *result = json_incref(json_object_get(o, "result"));
    json_decref(o);
    free(answer);
    return result;
}

static char *make_reference(struct control *control)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    json_t *methods = ask(control, "rpc.methods"), *events = ask(control, "events.types");
    const json_t *list = json_object_get(methods, "methods");
    for (size_t i = 0; i < json_array_size(list); i++)
        print_method(out, json_array_get(list, i));
    fprintf(out, "\n### Event types\n\n| type | when; `data` |\n|---|---|\n");
    list = json_object_get(events, "types");
    for (size_t i = 0; i < json_array_size(list); i++)
        fprintf(out, "| `%s` | %s |\n", text_of(json_array_get(list, i), "type"),
                text_of(json_array_get(list, i), "help"));
    fclose(out);
    json_decref(methods);
    json_decref(events);
    return text;
}

static char *read_document(void)
{
    FILE *file = fopen(DOCUMENT, "r");
    char *text = calloc(1, 1 << 18);
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT(fread(text, 1, (1 << 18) - 1, file) > 0);
    fclose(file);
    return text;
}

static void write_document(const char *document, size_t head, const char *reference)
{
    FILE *file = fopen(DOCUMENT, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fwrite(document, 1, head, file);
    fputs(reference, file);
    fclose(file);
}

static void document_says_what_the_server_says(void)
{
    struct settings_control settings = {0};
    struct settings_node node = {0};
    struct server server = {0};
    uv_loop_t loop;
    CU_ASSERT_EQUAL_FATAL(uv_loop_init(&loop), 0);
    CU_ASSERT_EQUAL_FATAL(control_create(&loop, &settings, &node, &server.control), 0);
    CU_ASSERT_EQUAL(server_rpc_register(&server), 0);
    CU_ASSERT_EQUAL(control_register_events(server.control, server_events, server_event_count), 0);
    char *reference = make_reference(server.control), *document = read_document();
    char *mark = strstr(document, MARK);
    CU_ASSERT_PTR_NOT_NULL_FATAL(mark);
    char *kept = mark + strlen(MARK);
    if (getenv("SLUICE_REGENERATE") != NULL)
        write_document(document, (size_t)(kept - document), reference);
    else
        CU_ASSERT_STRING_EQUAL(kept, reference);
    free(document);
    free(reference);
    control_stop(server.control, NULL, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    CU_ASSERT_EQUAL(uv_loop_close(&loop), 0);
}

SUITE("server/reference", TEST(document_says_what_the_server_says))
