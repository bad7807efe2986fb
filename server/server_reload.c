/* The configuration read again while the server runs: by SIGHUP or server.reload. A file that is
 * refused changes nothing, nor does one whose certificates of signalling do not load. Of a file
 * that is fine, what the table of settings marks so holds at once; what else differs is named. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "server/server.h"

static json_t *problem_json(int line, const char *path, const char *text)
{
    return json_pack("{s:i,s:s,s:s}", "line", line, "path", path, "text", text);
}

static json_t *report_json(const struct settings_report *report)
{
    json_t *list = json_array();

    for (size_t i = 0; i < report->count && i < SETTINGS_PROBLEMS_MAX; i++)
        json_array_append_new(list, problem_json(report->problems[i].line, report->problems[i].path,
                                                 report->problems[i].text));
    return list;
}

static json_t *refuse(struct server *s, int err, json_t *problems)
{
    const json_t *first = json_array_get(problems, 0);

    s->reloads_refused++;
    log_error(LOG_AREA_SETTINGS, 0, "configuration refused, the old one stays",
              LOG_S("file", s->settings_path), LOG_U("problems", json_array_size(problems)),
              LOG_S("path", json_string_value(json_object_get(first, "path"))),
              LOG_S("first", json_string_value(json_object_get(first, "text"))),
              LOG_E("error", err));
    return json_pack("{s:b,s:o,s:[],s:[]}", "taken", 0, "problems", problems, "changed", "restart");
}

struct difference {
    json_t *changed, *restart;
};

static void on_difference(void *ctx, const char *path, bool is_taken)
{
    struct difference *d = ctx;

    json_array_append_new(is_taken ? d->changed : d->restart, json_string(path));
    if (is_taken)
        log_info(LOG_AREA_SETTINGS, 0, "setting changed", LOG_S("key", path));
    else
        log_warn(LOG_AREA_SETTINGS, 0, "setting differs, it holds after a restart",
                 LOG_S("key", path));
}

static json_t *take(struct server *s, const struct settings *fresh)
{
    struct difference d = {NULL, NULL};
    char text[TLS_KEYS_TEXT_MAX] = "";
    /* First what can fail. Files may be other ones though their names are the same. */
    int err = tls_keys_reload(s->tls, &fresh->tls, text);
    json_t *problems = json_array();
    struct tcp_config tcp;

    if (err != 0) {
        json_array_append_new(problems, problem_json(0, "tls", text));
        return refuse(s, err, problems);
    }
    s->reloads++;
    d.changed = json_array();
    d.restart = json_array();
    settings_take(s->settings, fresh, on_difference, &d);
    settings_apply_log(&s->settings->log);
    tcp = server_tcp_config(s);
    tcp_set_limits(s->tcp, &tcp);
    log_info(LOG_AREA_SETTINGS, 0, "configuration read again",
             LOG_U("changed", json_array_size(d.changed)),
             LOG_U("after_restart", json_array_size(d.restart)));
    return json_pack("{s:b,s:o,s:o,s:o,s:o}", "taken", 1, "problems", problems, "changed",
                     d.changed, "restart", d.restart, "tls", tls_keys_to_json(s->tls));
}

json_t *server_reload(struct server *s)
{
    struct settings *fresh = malloc(sizeof(*fresh));
    struct settings_report *report = malloc(sizeof(*report));
    json_t *result = NULL;
    int err = fresh != NULL && report != NULL ? settings_load_file(s->settings_path, fresh, report)
                                              : ERR_NOMEM;

    if (err == 0)
        result = take(s, fresh);
    else
        result = refuse(s, err, err != ERR_NOMEM ? report_json(report) : json_array());
    free(fresh);
    free(report);
    return result;
}
