/* The configuration read again while the server runs: by SIGHUP or server.reload. A file that is
 * refused changes nothing, nor does a certificate that does not load; of a file that is fine, log
 * levels and the certificates of signalling hold at once, the rest after a restart. */
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
    return json_pack("{s:b,s:o}", "taken", 0, "problems", problems);
}

static json_t *take(struct server *s, const struct settings *fresh)
{
    char text[TLS_KEYS_TEXT_MAX] = "";
    int err = tls_keys_reload(s->tls, &fresh->tls, text);
    json_t *problems = json_array();

    if (err != 0) {
        json_array_append_new(problems, problem_json(0, "tls", text));
        return refuse(s, err, problems);
    }
    s->reloads++;
    s->settings->log = fresh->log;
    s->settings->tls = fresh->tls;
    settings_apply_log(&s->settings->log);
    log_info(LOG_AREA_SETTINGS, 0,
             "configuration read again: log levels and certificates of signalling hold now, the "
             "rest after a restart",
             LOG_B("differs", memcmp(fresh, s->settings, sizeof(*fresh)) != 0));
    return json_pack("{s:b,s:o,s:o}", "taken", 1, "problems", problems, "tls",
                     tls_keys_to_json(s->tls));
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
