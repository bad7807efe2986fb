/* The dial plan's rows: which alias means which conference, and what that conference may do. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "settings/table.h"

#define AT   SETTINGS_AT
#define LIST SETTINGS_LIST

/* Sessions of a conference whose row does not say: enough for a meeting; a forwarding one costs
 * each member a channel for every other. */
#define MIX_SESSIONS     64
#define FORWARD_SESSIONS 16

static const struct settings_choice kind_choices[] = {{"relay", SETTINGS_CONFERENCE_RELAY},
                                                      {"mix", SETTINGS_CONFERENCE_MIX},
                                                      {"forward", SETTINGS_CONFERENCE_FORWARD},
                                                      {NULL, 0}};

static const struct settings_choice data_choices[] = {{"auto", SETTINGS_DATA_AUTO},
                                                      {"relay", SETTINGS_DATA_RELAY},
                                                      {"terminate", SETTINGS_DATA_TERMINATE},
                                                      {"off", SETTINGS_DATA_OFF},
                                                      {NULL, 0}};

const struct settings_choice settings_codec_choices[] = {{"g711-alaw", SETTINGS_CODEC_G711_ALAW},
                                                         {"g711-ulaw", SETTINGS_CODEC_G711_ULAW},
                                                         {"g722", SETTINGS_CODEC_G722},
                                                         {"opus", SETTINGS_CODEC_OPUS},
                                                         {NULL, 0}};

static const struct settings_choice record_choices[] = {{"off", SETTINGS_RECORD_OFF},
                                                        {"conference", SETTINGS_RECORD_CONFERENCE},
                                                        {"members", SETTINGS_RECORD_MEMBERS},
                                                        {NULL, 0}};

static const struct settings_choice layout_choices[] = {{"voice", SETTINGS_LAYOUT_VOICE},
                                                        {"fixed", SETTINGS_LAYOUT_FIXED},
                                                        {"lecture", SETTINGS_LAYOUT_LECTURE},
                                                        {NULL, 0}};

static const struct settings_row conference_rows[] = {
    {"alias", SETTINGS_TEXT, AT(settings_conference, alias), .min = 1, .max = 127,
     .help = "Called alias (H.323 id, dialled digits). A `*` at its end stands for any rest, each "
             "rest being a conference of its own; the longest match counts."},
    {"kind", SETTINGS_CHOICE, AT(settings_conference, kind), .choices = kind_choices,
     .fallback = "\"relay\"",
     .help = "`relay`: the packets of each of two sessions go to the other. `mix`: audio is mixed "
             "(each hears all others), video is that of one member at a time. `forward`: every "
             "stream goes to every other session on a channel of its own."},
    {"passthrough", SETTINGS_BOOL, AT(settings_conference, passthrough), .fallback = "false",
     .help = "`relay`: DTLS and SRTP of the two sessions pass unopened. Both have to be protected, "
             "they verify each other, and the server never has a key."},
    {"max_sessions", SETTINGS_UINT, AT(settings_conference, max_sessions), .min = 0, .max = 192,
     .fallback = "0",
     .help = "Sessions that may join. 0 = 2 for `relay` (which has no other), 64 for `mix`, 5 for "
             "`forward` (which has no more than 5)."},
    {"codecs", SETTINGS_CHOICES, LIST(settings_conference, codecs, codec_count), .min = 0,
     .max = SETTINGS_CODECS_MAX, .choices = settings_codec_choices, .fallback = "[]",
     .help = "Codecs, best first; empty = the list `codecs`. `opus` is for `mix`, where each "
             "session has the codec that it likes best."},
    {"forward_to", SETTINGS_TEXT, AT(settings_conference, forward_to), .min = 0, .max = 127,
     .fallback = "\"\"",
     .help = "ADDRESS[:PORT], ALIAS@ADDRESS or ALIAS: callers are sent there (Facility "
             "callForwarded) instead of joining. \"\" = they join."},
    {"data", SETTINGS_CHOICE, AT(settings_conference, data), .choices = data_choices,
     .fallback = "\"auto\"",
     .help = "Data channels (SCTP over DTLS). `terminate`: SCTP ends in the server, messages go to "
             "all other sessions and `data.send` and `data.received` work; `relay`: SCTP passes "
             "from one of two sessions to the other as it is (kind `relay`, else as `terminate`); "
             "`auto`: `relay` for kind `relay` where the two have different DTLS roles, for the "
             "role says who may open which streams, else `terminate`; `off`: none are offered."},
    {"pin", SETTINGS_TEXT, AT(settings_conference, pin), .min = 0, .max = 16, .fallback = "\"\"",
     .help = "Digits that a caller has to press (H.245 user input; in a `mix` RFC 4733 events as "
             "well) before it hears, is heard and is seen, with `#` at the end or not; an H.243 "
             "password counts, too. \"\" = none. Whom the server calls needs none."},
    {"pin_tries", SETTINGS_UINT, AT(settings_conference, pin_tries), .min = 1, .max = 10,
     .fallback = "3", .help = "So many wrong ones end the session."},
    {"pin_timeout_ms", SETTINGS_UINT, AT(settings_conference, pin_timeout_ms), .min = 1000,
     .max = 600000, .unit = "ms", .fallback = "30000",
     .help = "Time for the whole of it, from the first channel; then the session ends."},
    {"loudest", SETTINGS_UINT, AT(settings_conference, loudest), .min = 0, .max = 16,
     .fallback = "3", .help = "`mix`: so many of the loudest talkers are heard. 0 = all."},
    {"sample_rate", SETTINGS_UINT, AT(settings_conference, sample_rate), .min = 8000, .max = 48000,
     .unit = "Hz", .fallback = "8000",
     .help = "`mix`: of the mix, 8000, 16000 or 48000. Above 8000 `g722` and `opus` keep what "
             "they have over G.711, and every talker costs more."},
    {"layout", SETTINGS_CHOICE, AT(settings_conference, layout), .choices = layout_choices,
     .fallback = "\"voice\"",
     .help = "`mix`: whose video the others see. `voice`: that of who speaks (who speaks sees the "
             "one before); `fixed`: that of one session, named by `conference.layout`; `lecture`: "
             "all see the lecturer, who sees who speaks."},
    {"idle_timeout_ms", SETTINGS_UINT, AT(settings_conference, idle_timeout_ms), .min = 0,
     .max = 604800000, .unit = "ms", .fallback = "600000",
     .help = "A conference made by `conference.create` ends when it was without a session for so "
             "long. 0 = never. One that a call has made ends with its last session."},
    {"max_duration_ms", SETTINGS_UINT, AT(settings_conference, max_duration_ms), .min = 0,
     .max = 604800000, .unit = "ms", .fallback = "0",
     .help = "A conference that is so old ends, and its sessions with it. 0 = never."},
    {"record", SETTINGS_CHOICE, AT(settings_conference, record), .choices = record_choices,
     .fallback = "\"off\"",
     .help = "`mix`: what is recorded without being asked for: nothing, the whole conference, or "
             "that and each member in a file of its own."},
};
const struct settings_table settings_conference_table =
    SETTINGS_TABLE("Which sessions meet.", conference_rows);

const char *settings_conference_kind_to_str(enum settings_conference_kind value)
{
    return settings_choice_text(kind_choices, (int)value);
}

const char *settings_codec_to_str(enum settings_codec value)
{
    return settings_choice_text(settings_codec_choices, (int)value);
}

const char *settings_record_to_str(enum settings_record value)
{
    return settings_choice_text(record_choices, (int)value);
}

const char *settings_layout_to_str(enum settings_layout value)
{
    return settings_choice_text(layout_choices, (int)value);
}

/* ---- what reaches over several keys ---- */

/* "conferences[3].pin"; of a row that is in no file "pin" alone. */
#define NO_INDEX UINT32_MAX

/* By value: a path lives as long as the expression that uses it. */
struct key {
    char path[64];
};

static struct key key_of(uint32_t i, const char *name)
{
    struct key k;

    if (i == NO_INDEX)
        snprintf(k.path, sizeof(k.path), "%s", name);
    else
        snprintf(k.path, sizeof(k.path), "conferences[%u].%s", i, name);
    return k;
}

static void check_alias(struct settings_load *load, const struct settings *s, uint32_t i)
{
    const struct settings_conference *c = &s->conferences[i];
    const char *star = strchr(c->alias, '*');

    if (star != NULL && star[1] != '\0')
        settings_problem_at(load, key_of(i, "alias").path, "expected \"*\" only at the end");
    for (uint32_t j = 0; j < i; j++)
        /* Aliases are compared without case (H.323 dialling): so are duplicates. */
        if (strcasecmp(s->conferences[j].alias, c->alias) == 0) /* as calls compare them */
            settings_problem_at(load, key_of(i, "alias").path, "the same alias as conferences[%u]",
                                j);
}

static void check_size(struct settings_load *load, struct settings_conference *c, uint32_t i)
{
    static const uint32_t usual[] = {[SETTINGS_CONFERENCE_RELAY] = 2,
                                     [SETTINGS_CONFERENCE_MIX] = MIX_SESSIONS,
                                     [SETTINGS_CONFERENCE_FORWARD] = FORWARD_SESSIONS};

    /* Filled in here, so that nobody behind has to know what 0 means. */
    if (c->max_sessions == 0)
        c->max_sessions = usual[c->kind];
    if (c->kind == SETTINGS_CONFERENCE_RELAY && c->max_sessions != 2)
        settings_problem_at(load, key_of(i, "max_sessions").path,
                            "expected 2 (kind relay joins two sessions), found %u",
                            c->max_sessions);
    if (c->kind == SETTINGS_CONFERENCE_FORWARD && c->max_sessions > FORWARD_SESSIONS)
        settings_problem_at(load, key_of(i, "max_sessions").path,
                            "expected at most %u (kind forward), found %u", FORWARD_SESSIONS,
                            c->max_sessions);
    if (c->max_sessions < 2)
        settings_problem_at(load, key_of(i, "max_sessions").path, "expected 0 or at least 2");
}

static void check_codecs(struct settings_load *load, const struct settings *s,
                         struct settings_conference *c, uint32_t i)
{
    for (uint32_t k = 0; k < c->codec_count; k++)
        if (c->codecs[k] == SETTINGS_CODEC_OPUS && c->kind != SETTINGS_CONFERENCE_MIX)
            settings_problem_at(load, key_of(i, "codecs").path,
                                "expected no \"opus\": it is for kind mix");
    /* Empty: the list of the whole. */
    if (c->codec_count > 0)
        return;
    memcpy(c->codecs, s->codecs, sizeof(c->codecs));
    c->codec_count = s->codec_count;
}

static void check_mix(struct settings_load *load, const struct settings_conference *c, uint32_t i)
{
    if (c->sample_rate != 8000 && c->sample_rate != 16000 && c->sample_rate != 48000)
        settings_problem_at(load, key_of(i, "sample_rate").path,
                            "expected 8000, 16000 or 48000, found %u", c->sample_rate);
    if (c->kind == SETTINGS_CONFERENCE_MIX)
        /* What only a mix can do is refused elsewhere, and not ignored: the operator would wait for
         * a recording. */
        return;
    if (c->record != SETTINGS_RECORD_OFF)
        settings_problem_at(load, key_of(i, "record").path,
                            "expected \"off\": only kind mix has anything to record");
    if (c->layout != SETTINGS_LAYOUT_VOICE)
        settings_problem_at(load, key_of(i, "layout").path, "expected kind mix");
}

static void check_row(struct settings_load *load, const struct settings *s,
                      struct settings_conference *c, uint32_t i)
{
    check_size(load, c, i);
    check_codecs(load, s, c, i);
    check_mix(load, c, i);
    if (c->passthrough && c->kind != SETTINGS_CONFERENCE_RELAY)
        settings_problem_at(load, key_of(i, "passthrough").path, "expected kind relay");
    if (c->pin[strspn(c->pin, "0123456789")] != '\0') /* it must not be told, even here */
        settings_problem_at(load, key_of(i, "pin").path, "expected digits");
}

void settings_check_conference(struct settings_load *load, struct settings *s, uint32_t i)
{
    check_alias(load, s, i);
    check_row(load, s, &s->conferences[i], i);
}

/* ---- one conference by itself ---- */

/* Only what the object names; all else stays as it is. */
static void take_named(const struct settings_conference *from, json_t *object,
                       struct settings_conference *to)
{
    for (size_t i = 0; i < settings_conference_table.count; i++) {
        /* A list is its elements and its count. */
        const struct settings_row *row = &conference_rows[i];
        size_t size = row->capacity != 0 ? row->size * row->capacity : row->size;

        if (json_object_get(object, row->key) == NULL)
            continue;
        memcpy((uint8_t *)to + row->offset, (const uint8_t *)from + row->offset, size);
        if (row->capacity != 0)
            memcpy((uint8_t *)to + row->count_offset, (const uint8_t *)from + row->count_offset,
                   sizeof(uint32_t));
    }
}

int settings_change_conference(const struct settings *s, json_t *object,
                               struct settings_conference *row, struct settings_report *report)
{
    struct settings_load load = {.text = "", .report = report};
    struct settings_conference read, changed = *row;

    memset(report, 0, sizeof(*report));
    memset(&read, 0, sizeof(read));
    settings_check_object(&load, &settings_conference_table, object, &read);
    if (row->alias[0] == '\0')
        changed = read; /* a new one: what is not said has its default */
    else
        /* A number that was chosen for another kind means nothing for this one. */
        take_named(&read, object, &changed);
    if (changed.kind != row->kind && json_object_get(object, "max_sessions") == NULL)
        changed.max_sessions = 0; /* as many as is usual for the kind */
    if (load.err == 0 && report->count == 0)
        check_row(&load, s, &changed, NO_INDEX);
    if (load.err != 0)
        return load.err;
    if (report->count != 0)
        return ERR_INVAL;
    /* Only when all is well: a refused change leaves no half. */
    *row = changed;
    return 0;
}
