#include "base/log.h"

#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/clock.h"
#include "base/err.h"
#include "tests/suite.h"

static char captured[3 * LOG_LINE_MAX];
static size_t captured_len;
static size_t lines;

static void on_line(void *ctx, const char *line, size_t len)
{
    CU_ASSERT_FATAL(ctx == captured && len <= LOG_LINE_MAX && line[len - 1] == '\n');
    CU_ASSERT_PTR_NULL(memchr(line, '\n', len - 1)); /* one line is one line */
    memcpy(captured, line, len);
    captured[len] = '\0';
    captured_len = len;
    lines++;
}

static void begin(enum log_format format)
{
    log_set_sink(on_line, captured);
    log_set_format(format);
    log_set_level_all(LOG_LEVEL_INFO);
    captured[0] = '\0';
    captured_len = lines = 0;
}

static int end(void)
{
    log_set_sink(NULL, NULL);
    return 0;
}

/* The text after time, level and area. */
static const char *body(void)
{
    const char *p = strstr(captured, " session ");
    return p != NULL ? p + strcspn(p + 1, " ") + 1 + strspn(p + strcspn(p + 1, " ") + 1, " ")
                     : captured;
}

static void text_line_has_all_fields(void)
{
    struct addr a;
    addr_parse("[2001:db8::1]:1720", &a);
    begin(LOG_TEXT);
    log_info(LOG_AREA_SESSION, 17, "call came in", LOG_S("alias", "demo"), LOG_U("n", 5),
             LOG_I("offset", -3), LOG_B("secured", true), LOG_ADDR("peer", &a),
             LOG_HEX("id", "\x01\xfe", 2), LOG_E("error", ERR_TIMEOUT), LOG_N("part", "abcdef", 3));
    CU_ASSERT_STRING_EQUAL(body(),
                           "session=17 call came in alias=demo n=5 offset=-3 secured=true "
                           "peer=[2001:db8::1]:1720 id=01fe error=\"timed out\" part=abc\n");
    CU_ASSERT_PTR_NOT_NULL(strstr(captured, "Z info "));
}

static void json_line_parses_and_has_all_fields(void)
{
    struct addr a;
    json_error_t error;
    addr_parse("198.18.0.1:5", &a);
    begin(LOG_JSON);
    log_warn(LOG_AREA_H245, 17, "say \"hi\"", LOG_S("alias", "d\"e\\mo\n"), LOG_U("n", UINT64_MAX),
             LOG_I("low", INT64_MIN), LOG_B("ok", false), LOG_ADDR("peer", &a), LOG_S("no", NULL));
    json_t *o = json_loads(captured, JSON_DECODE_INT_AS_REAL, &error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(o);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(o, "level")), "warning");
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(o, "area")), "h245");
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(o, "message")), "say \"hi\"");
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(o, "alias")), "d\"e\\mo\n");
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(o, "peer")), "198.18.0.1:5");
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(o, "no")), "");
    CU_ASSERT_EQUAL(json_number_value(json_object_get(o, "session")), 17);
    CU_ASSERT(json_is_false(json_object_get(o, "ok")));
    json_decref(o);
}

static void hostile_values_cannot_forge_lines_or_fields(void)
{
    begin(LOG_TEXT);
    log_info(LOG_AREA_SESSION, 1, "m",
             LOG_S("alias", "x\n2026-01-01T00:00:00Z error main hacked a=\"1\" \x1b[31m\x7f"));
    CU_ASSERT_STRING_EQUAL(body(), "session=1 m alias=\"x\\n2026-01-01T00:00:00Z error main hacked "
                                   "a=\\\"1\\\" \\u001b[31m\\u007f\"\n");
    log_info(LOG_AREA_SESSION, 1, "m", LOG_S("alias", "a b=c"));
    CU_ASSERT_STRING_EQUAL(body(), "session=1 m alias=\"a b=c\"\n");
    /* C1 control, line separator, right-to-left override, overlong NUL, surrogate, cut sequence */
    log_info(LOG_AREA_SESSION, 1, "m",
             LOG_S("alias", "\xc2\x9b|\xe2\x80\xa8|\xe2\x80\xae|\xc0\x80|\xed\xa0\x80|\xe2\x80"));
    CU_ASSERT_STRING_EQUAL(body(), "session=1 m alias=\"\\u009b|\\u2028|\\u202e|\\ufffd\\ufffd|"
                                   "\\ufffd\\ufffd\\ufffd|\\ufffd\\ufffd\"\n");
    log_info(LOG_AREA_SESSION, 1, "m", LOG_S("alias", "Jos\xc3\xa9 \xf0\x9f\x98\x80"));
    CU_ASSERT_STRING_EQUAL(body(), "session=1 m alias=\"Jos\xc3\xa9 \xf0\x9f\x98\x80\"\n");
}

static void every_byte_value_stays_valid_json(void)
{
    char all[256];
    for (int i = 0; i < 256; i++)
        all[i] = (char)i;
    begin(LOG_JSON);
    log_info(LOG_AREA_SESSION, 0, "m", LOG_N("bytes", all, sizeof(all)));
    json_error_t error;
    json_t *o = json_loads(captured, JSON_ALLOW_NUL, &error);
    CU_ASSERT_PTR_NOT_NULL(o);
    json_decref(o);
}

static void long_lines_are_cut_between_fields(void)
{
    char big[3000];
    memset(big, 'x', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    for (int format = LOG_TEXT; format <= LOG_JSON; format++) {
        begin((enum log_format)format);
        log_info(LOG_AREA_SESSION, 1, "m", LOG_S("a", big), LOG_S("b", big), LOG_S("c", big),
                 LOG_S("d", big), LOG_S("e", big));
        CU_ASSERT(captured_len <= LOG_LINE_MAX);
        CU_ASSERT_PTR_NOT_NULL(strstr(captured, "xxx..."));
        CU_ASSERT_PTR_NOT_NULL(strstr(captured, "truncated"));
        if (format == LOG_JSON) {
            json_t *o = json_loads(captured, 0, NULL);
            CU_ASSERT(json_is_true(json_object_get(o, "truncated")));
            CU_ASSERT_EQUAL(strlen(json_string_value(json_object_get(o, "a"))), LOG_VALUE_MAX + 3);
            json_decref(o);
        }
    }
}

static void levels_hold_per_area(void)
{
    begin(LOG_TEXT);
    log_debug(LOG_AREA_H245, 0, "hidden");
    CU_ASSERT_EQUAL(lines, 0);
    log_set_level(LOG_AREA_H245, LOG_LEVEL_DEBUG);
    log_debug(LOG_AREA_H245, 0, "seen");
    log_debug(LOG_AREA_H225, 0, "hidden");
    CU_ASSERT_EQUAL(lines, 1);
    log_set_level_all(LOG_LEVEL_OFF);
    log_error(LOG_AREA_H245, 0, "hidden");
    CU_ASSERT_EQUAL(lines, 1);
    CU_ASSERT_EQUAL(log_get_level(LOG_AREA_H245), LOG_LEVEL_OFF);
}

static void names_round_trip(void)
{
    for (int i = 0; i < LOG_LEVEL_COUNT; i++) {
        enum log_level level;
        CU_ASSERT_EQUAL(log_level_from_str(log_level_to_str((enum log_level)i), &level), 0);
        CU_ASSERT_EQUAL((int)level, i);
    }
    for (int i = 0; i < LOG_AREA_COUNT; i++) {
        enum log_area area;
        CU_ASSERT_EQUAL(log_area_from_str(log_area_to_str((enum log_area)i), &area), 0);
        CU_ASSERT_EQUAL((int)area, i);
    }
    enum log_area area;
    CU_ASSERT_EQUAL(log_area_from_str("nonsense", &area), ERR_NOTFOUND);
}

static void limit_suppresses_and_tells_how_many(void)
{
    struct log_limit limit = LOG_LIMIT_INIT(3, 1000);
    begin(LOG_TEXT);
    for (int i = 0; i < 10; i++)
        log_limited(&limit, 5000, LOG_AREA_SESSION, LOG_LEVEL_WARN, 4, "bad packet", LOG_U("i", i));
    CU_ASSERT_EQUAL(lines, 3);
    log_limited(&limit, 5999, LOG_AREA_SESSION, LOG_LEVEL_WARN, 4, "bad packet");
    CU_ASSERT_EQUAL(lines, 3);
    log_limited(&limit, 6000, LOG_AREA_SESSION, LOG_LEVEL_WARN, 4, "bad packet");
    CU_ASSERT_EQUAL(lines, 4);
    CU_ASSERT_STRING_EQUAL(body(), "session=4 bad packet suppressed=8\n");
    log_limited(&limit, 6000, LOG_AREA_SESSION, LOG_LEVEL_WARN, 4, "bad packet");
    CU_ASSERT_STRING_EQUAL(body(), "session=4 bad packet\n");
}

static void *log_a_lot(void *ctx)
{
    for (int i = 0; i < 2000; i++)
        log_info(LOG_AREA_SESSION, 1, "thread", LOG_S("name", ctx), LOG_I("i", i));
    return NULL;
}

static void threads_never_mix_lines(void)
{
    pthread_t threads[3];
    begin(LOG_JSON);
    for (int i = 0; i < 3; i++)
        CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, log_a_lot, "worker"), 0);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    CU_ASSERT_EQUAL(lines, 6000);
}

static void stuck_reader_loses_lines_and_stops_nobody(void)
{
    int fds[2], before = dup(STDERR_FILENO);
    char buf[LOG_LINE_MAX];
    size_t whole = 0;
    ssize_t n;
    CU_ASSERT_EQUAL_FATAL(pipe2(fds, O_CLOEXEC), 0);
    log_set_sink(NULL, NULL);
    log_set_format(LOG_TEXT);
    log_set_level_all(LOG_LEVEL_INFO);
    uint64_t lost = log_lost();
    CU_ASSERT_EQUAL_FATAL(dup2(fds[1], STDERR_FILENO), STDERR_FILENO);
    for (int i = 0; i < 5000; i++) /* far more than a pipe holds, and nobody reads */
        log_info(LOG_AREA_TEST, 0, "line", LOG_I("i", i));
    dup2(before, STDERR_FILENO);
    close(before);
    close(fds[1]);
    lost = log_lost() - lost;
    CU_ASSERT(lost > 0 && lost < 5000);
    while ((n = read(fds[0], buf, sizeof(buf))) > 0)
        for (ssize_t i = 0; i < n; i++)
            whole += buf[i] == '\n';
    CU_ASSERT_EQUAL(whole + lost, 5000);
    close(fds[0]);
}

static void wall_clock_text_is_rfc3339(void)
{
    char buf[CLOCK_TEXT_MAX];
    CU_ASSERT_STRING_EQUAL(clock_wall_format(1795421292123456, buf), "2026-11-23T08:08:12.123456Z");
    CU_ASSERT_STRING_EQUAL(clock_wall_format(0, buf), "1970-01-01T00:00:00.000000Z");
    CU_ASSERT(strlen(clock_wall_format(UINT64_MAX, buf)) < CLOCK_TEXT_MAX);
    uint64_t a = clock_mono_us(), b = clock_mono_us();
    CU_ASSERT(b >= a);
}

SUITE_SETUP("base/log", NULL, end, TEST(text_line_has_all_fields),
            TEST(json_line_parses_and_has_all_fields),
            TEST(hostile_values_cannot_forge_lines_or_fields),
            TEST(every_byte_value_stays_valid_json), TEST(long_lines_are_cut_between_fields),
            TEST(levels_hold_per_area), TEST(names_round_trip),
            TEST(limit_suppresses_and_tells_how_many), TEST(threads_never_mix_lines),
            TEST(stuck_reader_loses_lines_and_stops_nobody), TEST(wall_clock_text_is_rfc3339))
