#include "bench/endpoint/endpoint_options.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/err.h"
#include "bench/endpoint/endpoint_keys.h"
#include "signalling/h225/q931.h"
#include "signalling/h245/video.h"

#define DEFAULT_PROFILES \
    "SRTP_AEAD_AES_128_GCM:SRTP_AEAD_AES_256_GCM:SRTP_AES128_CM_SHA1_80:SRTP_AES128_CM_SHA1_32"
#define DEFAULT_PORT     1720
#define DEFAULT_TLS_PORT 1300

/* Takes the value; errors of its kind (ERR_RANGE, ERR_NOTFOUND, ERR_INVAL …) are told by name. */
typedef int (*option_fn)(struct endpoint_options *o, const char *value);

static int set_number(unsigned *out, const char *value, unsigned long max)
{
    char *end;
    unsigned long n = strtoul(value, &end, 10);
    if (*value == '\0' || *end != '\0' || n > max)
        return ERR_RANGE;
    *out = (unsigned)n;
    return 0;
}

static int find_word(const char *const *words, size_t count, const char *value, unsigned *out)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(words[i], value) == 0) {
            *out = (unsigned)i;
            return 0;
        }
    return ERR_NOTFOUND;
}

/* Calls `each` for every comma-separated word. */
static int for_words(const char *value, struct endpoint_options *o,
                     int (*each)(struct endpoint_options *, const char *))
{
    char text[256], *save = NULL;
    if (strlen(value) >= sizeof(text))
        return ERR_RANGE;
    strcpy(text, value);
    for (char *w = strtok_r(text, ",", &save); w; w = strtok_r(NULL, ",", &save)) {
        int rc = each(o, w);
        if (rc)
            return rc;
    }
    return 0;
}

static int add_codec(struct endpoint_options *o, const char *word)
{
    if (o->codec_count == ENDPOINT_CODECS_MAX)
        return ERR_LIMIT;
    enum h245_codec codec;
    if (strcasecmp(word, "pcma") == 0)
        codec = H245_CODEC_PCMA;
    else if (strcasecmp(word, "pcmu") == 0)
        codec = H245_CODEC_PCMU;
    else if (strcasecmp(word, "g722") == 0)
        codec = H245_CODEC_G722;
    else if (strcasecmp(word, "opus") == 0)
        codec = H245_CODEC_OPUS;
    else
        return ERR_NOTFOUND;
    o->codecs[o->codec_count++] = (struct h245_audio){.codec = codec, .frames = 20};
    return 0;
}

static int opt_codec(struct endpoint_options *o, const char *value)
{
    o->codec_count = 0;
    return for_words(value, o, add_codec);
}

static int opt_start(struct endpoint_options *o, const char *value)
{
    static const char *const names[] = {"mutual", "heard", "now", "signal"};
    unsigned n = 0;
    int rc = find_word(names, sizeof(names) / sizeof(names[0]), value, &n);
    o->start = (enum endpoint_start)n;
    return rc;
}

static int opt_keys(struct endpoint_options *o, const char *value)
{
    struct keys k = {0};

    o->keys = value;
    return keys_press(&k, value);
}

static int opt_keys_by(struct endpoint_options *o, const char *value)
{
    static const char *const names[] = {"h245", "text", "rfc4733"};
    unsigned n = 0;
    int rc = find_word(names, sizeof(names) / sizeof(names[0]), value, &n);
    o->keys_by = (enum endpoint_keys_by)n;
    return rc;
}

static int find_video(const char *name, size_t len, struct h245_relayed *out)
{
    static const char *const known[] = {"H261", "H263", "H264", "H265"};
    struct arena a;
    int rc = ERR_INVAL;

    arena_init(&a, 1024, 0);
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strlen(known[i]) == len && strncasecmp(known[i], name, len) == 0)
            rc = h245_relayed_usual(&a, known[i], out);
    arena_fini(&a);
    return rc;
}

static int opt_video(struct endpoint_options *o, const char *value)
{
    size_t first = strcspn(value, ",");
    int rc = find_video(value, first, &o->video);

    if (rc == 0 && value[first] == ',')
        rc = find_video(value + first + 1, strlen(value + first + 1), &o->video_second);
    return rc == 0 && h245_relayed_is_same(&o->video, &o->video_second) ? ERR_INVAL : rc;
}

static int opt_data(struct endpoint_options *o, const char *value)
{
    return data_mode_parse(value, &o->data.mode);
}

static int opt_data_size(struct endpoint_options *o, const char *value)
{
    int rc = set_number(&o->data.size, value, 262144);
    return rc == 0 && o->data.size < 20 ? ERR_RANGE : rc;
}

static int opt_data_retransmits(struct endpoint_options *o, const char *value)
{
    o->data.has_retransmits = true;
    return set_number(&o->data.retransmits, value, 65535);
}

static int opt_data_stream(struct endpoint_options *o, const char *value)
{
    o->data.no_dcep = true;
    return set_number(&o->data.stream, value, 63);
}

static int opt_data_fault(struct endpoint_options *o, const char *value)
{
    return data_fault_parse(value, &o->data.fault);
}

static int opt_data_use(struct endpoint_options *o, const char *value)
{
    for (unsigned i = 0; i < H245_DATA_USE_COUNT; i++)
        if (strcasecmp(value, h245_data_use_to_str((enum h245_data_use)i)) == 0) {
            o->data_use = (enum h245_data_use)i;
            return 0;
        }
    return ERR_NOTFOUND;
}

static int opt_data_stack(struct endpoint_options *o, const char *value)
{
    for (unsigned i = H245_DATA_UDP_DTLS_SCTP; i <= H245_DATA_SCTP; i++)
        if (strcmp(value, h245_data_stack_to_str((enum h245_data_stack)i)) == 0) {
            o->data_stack = (enum h245_data_stack)i;
            return 0;
        }
    return ERR_NOTFOUND;
}

static int opt_dtls(struct endpoint_options *o, const char *value)
{
    static const char *const names[] = {"off", "preferred", "required"};
    unsigned n = 0;
    int rc = find_word(names, sizeof(names) / sizeof(names[0]), value, &n);
    o->policy.mode = (enum h23510_mode)n; /* in the order of the enum */
    return rc;
}

static int opt_no_dtls(struct endpoint_options *o, const char *value)
{
    (void)value;
    o->policy.mode = H23510_MODE_OFF;
    return 0;
}

static int opt_setup(struct endpoint_options *o, const char *value)
{
    return h23510_setup_parse(value, strlen(value), &o->policy.setup);
}

static int opt_open_role(struct endpoint_options *o, const char *value)
{
    int rc = h23510_setup_parse(value, strlen(value), &o->policy.open_role);
    if (rc == 0 && o->policy.open_role != H23510_SETUP_ACTIVE &&
        o->policy.open_role != H23510_SETUP_PASSIVE)
        rc = ERR_RANGE;
    return rc;
}

static int add_hash(struct endpoint_options *o, const char *word)
{
    if (o->policy.hash_count == FINGERPRINT_HASH_COUNT)
        return ERR_LIMIT;
    return fingerprint_hash_parse(word, strlen(word), &o->policy.hashes[o->policy.hash_count++]);
}

static int opt_hashes(struct endpoint_options *o, const char *value)
{
    o->policy.hash_count = 0;
    return for_words(value, o, add_hash);
}

static int opt_profiles(struct endpoint_options *o, const char *value)
{
    if (strlen(value) >= sizeof(o->profiles))
        return ERR_RANGE;
    for (size_t i = 0; i <= strlen(value); i++)
        o->profiles[i] = value[i] == ',' ? ':' : value[i];
    return 0;
}

static int opt_fault(struct endpoint_options *o, const char *value)
{
    enum endpoint_fault fault;
    int rc = endpoint_fault_parse(value, &fault);
    if (rc == 0)
        o->faults |= 1u << fault;
    return rc;
}

#define WORD(name, text) [name] = (text),

static int opt_answer(struct endpoint_options *o, const char *value)
{
    static const char *const words[] = {ENDPOINT_ANSWER_LIST(WORD)};
    unsigned n = 0;
    int rc = find_word(words, ENDPOINT_ANSWER_COUNT, value, &n);
    o->answer = (enum endpoint_answer)n;
    return rc;
}

static int opt_h245(struct endpoint_options *o, const char *value)
{
    static const char *const words[] = {ENDPOINT_H245_LIST(WORD)};
    unsigned n = 0;
    int rc = find_word(words, ENDPOINT_H245_COUNT, value, &n);
    o->h245 = (enum endpoint_h245)n;
    return rc;
}

static int opt_fast_answer(struct endpoint_options *o, const char *value)
{
    if (strcmp(value, "proceeding") == 0)
        o->fast_answer = Q931_CALL_PROCEEDING;
    else if (strcmp(value, "alerting") == 0)
        o->fast_answer = Q931_ALERTING;
    else if (strcmp(value, "connect") == 0)
        o->fast_answer = Q931_CONNECT;
    else
        return ERR_NOTFOUND;
    return 0;
}

enum option_kind {
    OPTION_SWITCH,  /* sets a bool */
    OPTION_TEXT,    /* keeps the word itself */
    OPTION_NUMBER,  /* unsigned, at most `max` */
    OPTION_ADDRESS, /* struct addr */
    OPTION_CALL,    /* what does more than that */
};

/* How most rows say what they set. _Generic: a member of another type than the kind's is no row,
 * which an offset alone would not tell. */
#define AT(kind, type, member, most)                           \
    (kind),                                                    \
        _Generic(((struct endpoint_options *)0)->member, type  \
                 : offsetof(struct endpoint_options, member)), \
        (most), NULL
#define SWITCH(member)       AT(OPTION_SWITCH, bool, member, 0)
#define TEXT(member)         AT(OPTION_TEXT, const char *, member, 0)
#define NUMBER(member, most) AT(OPTION_NUMBER, unsigned, member, most)
#define ADDRESS(member)      AT(OPTION_ADDRESS, struct addr, member, 0)
#define CALL(function)       OPTION_CALL, 0, 0, (function)

static const struct option_row {
    const char *name, *value; /* value NULL: a switch */
    enum option_kind kind;
    size_t offset;
    unsigned max;
    option_fn set;
    const char *help;
} option_rows[] = {
    {"listen", NULL, SWITCH(listen), "wait for one call instead of making one"},
    {"local", "ADDR[:PORT]", ADDRESS(local),
     "local address (and port, with --listen; default 1720)"},
    {"media", "ADDR", ADDRESS(media), "local address for media; default: that of signalling"},
    {"alias", "NAME", TEXT(alias), "our own H.323 alias"},
    {"codec", "LIST", CALL(opt_codec),
     "pcma, pcmu, g722, opus, in order of preference (default pcma,pcmu)"},
    {"play", "FILE", TEXT(play), "WAV file to send (8 kHz mono: PCM of 16 bits, or G.711)"},
    {"loop", NULL, SWITCH(loop), "play it again and again"},
    {"expect", "FILE", TEXT(expect), "WAV file that the far side plays: compare what is heard"},
    {"record", "FILE", TEXT(record), "write what is heard to this WAV file"},
    {"record-each", "PREFIX", TEXT(record_each),
     "and each stream (SSRC) of G.711 to one of its own, PREFIX-SSRC.wav"},
    {"start", "WHEN", CALL(opt_start),
     "play when: mutual (both hear, default), heard, now, or at each SIGUSR1 (signal)"},
    {"keys", "DIGITS", CALL(opt_keys), "press these keys when the media flow"},
    {"keys-by", "WAY", CALL(opt_keys_by), "h245 (signal, default), text (alphanumeric) or rfc4733"},
    {"commands", "FIFO", TEXT(commands),
     "lines that say what to do: keys DIGITS, play, present, present-end, limit RATE, camera "
     "WHERE, say JSON (an "
     "H.245 message), answer JSON, offer JSON (a string: SDP), hang-up"},
    {"sdp", NULL, SWITCH(sdp),
     "no H.323: the offer is an event (sdp_offer), the answer comes by --commands"},
    {"messages", NULL, SWITCH(messages), "a line for each H.245 message that comes, with --json"},
    {"duration", "S", NUMBER(duration_s, 86400), "hang up this long after Connect"},
    {"stay", NULL, SWITCH(stay), "do not hang up when the files were played and heard"},
    {"video", "CODEC", CALL(opt_video),
     "h261, h263, h264 or h265: made-up packets beside the audio; two with a comma: the second "
     "where the first is not wanted"},
    {"h239", NULL, SWITCH(h239), "presentations in the same codec; only with protected media"},
    {"camera", NULL, SWITCH(camera),
     "far-end camera control (H.224, H.281); only with protected media"},
    {"keep-token", NULL, SWITCH(keep_token),
     "whoever asks for the presentation's token is refused"},
    {"video-level", "N", NUMBER(video_level, 255),
     "H.264's, as H.241 counts: 43 is 2, 71 (default) is 3.1; H.265's: 63 is 2.1, 93 is 3.1"},
    {"patient", NULL, SWITCH(patient), "without a codec in common, wait for other capabilities"},
    {"refuse-modes", NULL, SWITCH(refuse_modes), "send what we send, whatever mode is asked for"},
    {"video-first", NULL, SWITCH(video_first), "video's channel is opened before the audio's"},
    {"video-from", "MS", NUMBER(video_from_ms, 86400000), "video begins this long after the media"},
    {"video-until", "MS", NUMBER(video_until_ms, 86400000), "video's channel is closed then"},
    {"audio-until", "MS", NUMBER(audio_until_ms, 86400000), "audio's channel is closed then"},
    {"data", "MODE", CALL(opt_data),
     "a data channel: send (numbered messages, to be echoed), echo, sink"},
    {"data-count", "N", NUMBER(data.count, 100000000), "messages to send (default 100)"},
    {"data-size", "N", CALL(opt_data_size), "octets each, from 20 (default 64)"},
    {"data-window", "N", NUMBER(data.window, 1000000),
     "of them on their way at a time (default: all)"},
    {"data-unordered", NULL, SWITCH(data.is_unordered), "they may overtake each other"},
    {"data-retransmits", "N", CALL(opt_data_retransmits), "each is sent again at most so often"},
    {"data-lifetime", "MS", NUMBER(data.lifetime_ms, 3600000), "each is given up after so long"},
    {"data-label", "TEXT", TEXT(data.label), "of the channel (RFC 8832; default: sluice)"},
    {"data-proto", "TEXT", TEXT(data.protocol), "its subprotocol"},
    {"data-stream", "N", CALL(opt_data_stream), "use this stream, open nothing by RFC 8832"},
    {"data-ppid", "N", NUMBER(data.ppid, UINT32_MAX), "payload protocol identifier (default 53)"},
    {"data-until", "MS", NUMBER(data.until_ms, 86400000),
     "H.245's channel is closed so long after it is up"},
    {"data-use", "WHAT", CALL(opt_data_use), "dataChannel (default), t140 or h224 in H.245"},
    {"data-stack", "STACK", CALL(opt_data_stack),
     "udp-dtls-sctp (default), tcp-dtls-sctp, sctp-dtls, sctp"},
    {"data-loss", "PERCENT", NUMBER(data.loss_percent, 90), "of SCTP packets, each way"},
    {"data-fault", "NAME", CALL(opt_data_fault), "init-flood, garbage, streams, deaf"},
    {"data-only", NULL, SWITCH(data_only), "no audio channel of ours"},
    {"data-slave", NULL, SWITCH(data_by_slave),
     "ask for data even as slave, which is not ours to do"},
    {"term-type", "N", NUMBER(terminal_type, 255),
     "H.245 terminal type: the greater one is master"},
    {"answer", "HOW", CALL(opt_answer),
     "with --listen: connect (default), busy, reject, ring, silent, drop"},
    {"h245", "HOW", CALL(opt_h245),
     "with --listen, H.245 address in: connect (default), early, facility, never; setup: use "
     "the caller's; cross (also without --listen): both sides connect at once"},
    {"tunnel", NULL, SWITCH(tunnel), "H.245 inside call signalling where the peer takes it"},
    {"tls", NULL, SWITCH(tls), "call signalling and H.245 by TLS (default port 1300)"},
    {"tls-cert", "FILE", TEXT(tls_cert),
     "own certificate, PEM; default: none, with --listen a new one"},
    {"tls-key", "FILE", TEXT(tls_key), "its key, PEM"},
    {"tls-ca", "FILE", TEXT(tls_ca), "the peer's certificate must come from these, PEM"},
    {"tls-version", "N", TEXT(tls_version), "1.2 or 1.3; default: both"},
    {"fast-start", NULL, SWITCH(fast_start),
     "fast connect: propose it, and accept it with --listen"},
    {"fast-answer", "WHERE", CALL(opt_fast_answer), "proceeding, alerting or connect (default)"},
    {"no-h245", NULL, SWITCH(no_h245), "after fast connect, leave H.245 to the peer"},
    {"survive", NULL, SWITCH(survive), "media go on when signalling is lost, until a signal comes"},
    {"timeout", "S", NUMBER(timeout_s, 86400), "give up the whole run after this (default 60)"},
    {"dtls", "MODE", CALL(opt_dtls), "off, preferred or required (default)"},
    {"no-dtls", NULL, CALL(opt_no_dtls), "the same as --dtls off: plain RTP on a port pair"},
    {"setup", "ROLE", CALL(opt_setup), "actpass (default), active, passive or holdconn"},
    {"open-role", "ROLE", CALL(opt_open_role), "active (default) or passive when both say actpass"},
    {"hashes", "LIST", CALL(opt_hashes), "sha-256,sha-384,sha-512 (default), sha-1"},
    {"allow-sha1", NULL, SWITCH(policy.allow_sha1), "let a sha-1 in --hashes count"},
    {"profiles", "LIST", CALL(opt_profiles), "SRTP profiles by OpenSSL's names, best first"},
    {"fault", "NAME", CALL(opt_fault), "misbehave on purpose (repeatable), see below"},
    {"sequence", "N", NUMBER(sequence, UINT16_MAX),
     "of the first RTP packet, else at random below 32768"},
    {"seed", "N", NUMBER(seed, UINT32_MAX), "of the random bytes of faults"},
    {"stats", NULL, SWITCH(stats), "a line of statistics each second"},
    {"json", NULL, SWITCH(json), "one JSON object a line: events, then the report"},
};

#define OPTION_COUNT (sizeof(option_rows) / sizeof(option_rows[0]))

void endpoint_options_help(FILE *out)
{
    fprintf(out,
            "usage: sluice-endpoint [options] ADDRESS[:PORT] ALIAS\n"
            "       sluice-endpoint [options] --listen\n"
            "       sluice-endpoint [options] --sdp --local ADDRESS --commands FIFO\n"
            "An H.323 endpoint with H.235.10 media (OpenSSL and libsrtp). Exit status: 0 when\n"
            "the call did what was asked, 1 when not, 2 on wrong arguments.\n\n");
    for (size_t i = 0; i < OPTION_COUNT; i++)
        fprintf(out, "  --%-11s %-12s %s\n", option_rows[i].name,
                option_rows[i].value ? option_rows[i].value : "", option_rows[i].help);
    fprintf(out, "\nfaults:\n");
    for (unsigned i = 0; i < ENDPOINT_FAULT_COUNT; i++)
        fprintf(out, "  %-18s %s\n", endpoint_fault_to_str((enum endpoint_fault)i),
                endpoint_fault_help((enum endpoint_fault)i));
}

static const struct option_row *find_option(const char *name)
{
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (strcmp(option_rows[i].name, name) == 0)
            return &option_rows[i];
    return NULL;
}

static int set_option(struct endpoint_options *o, const struct option_row *row, const char *value)
{
    void *member = (char *)o + row->offset;

    switch (row->kind) {
    case OPTION_SWITCH:
        *(bool *)member = true;
        return 0;
    case OPTION_TEXT:
        *(const char **)member = value;
        return 0;
    case OPTION_NUMBER:
        return set_number(member, value, row->max);
    case OPTION_ADDRESS:
        return addr_parse(value, member);
    case OPTION_CALL:
        return row->set(o, value);
    }
    return ERR_INVAL;
}

/* One argument (and its value); the number of words used, or ERR_INVAL. */
static int take_option(struct endpoint_options *o, int left, char **argv)
{
    const struct option_row *row = find_option(argv[0] + 2);
    if (!row) {
        fprintf(stderr, "sluice-endpoint: unknown option %s (see --help)\n", argv[0]);
        return ERR_INVAL;
    }
    if (row->value && left < 2) {
        fprintf(stderr, "sluice-endpoint: --%s needs %s\n", row->name, row->value);
        return ERR_INVAL;
    }
    int rc = set_option(o, row, row->value ? argv[1] : NULL);
    if (rc) {
        fprintf(stderr, "sluice-endpoint: --%s %s: %s\n", row->name, row->value ? argv[1] : "",
                err_to_str(rc));
        return ERR_INVAL;
    }
    return row->value ? 2 : 1;
}

/* Baseline (H.265: Main) of just this level, instead of what is usual. */
static int limit_video(struct endpoint_options *o)
{
    struct h245_video_set set = {.profiles = 64, .level = (uint16_t)o->video_level};
    struct arena a;
    int rc = 0;

    if (o->video_level == 0)
        return 0;
    arena_init(&a, 1024, 0);
    if (strcmp(o->video.name, "H265") == 0)
        set.codec = H245_VIDEO_H265;
    if (strcmp(o->video.name, "H264") == 0 || set.codec == H245_VIDEO_H265)
        rc = h245_video_set_build(&a, &set, &o->video);
    arena_fini(&a);
    return rc;
}

static int check(struct endpoint_options *o)
{
    if (o->sdp && (o->local.family == ADDR_NONE || o->commands == NULL)) {
        fprintf(stderr, "sluice-endpoint: --sdp needs --local and --commands\n");
        return ERR_INVAL;
    }
    if (!o->listen && !o->sdp && (o->target.family == ADDR_NONE || !o->called)) {
        fprintf(stderr,
                "sluice-endpoint: an address and an alias to call are needed, or --listen\n");
        return ERR_INVAL;
    }
    if (o->target.family != ADDR_NONE && o->target.port == 0)
        o->target.port = o->tls ? DEFAULT_TLS_PORT : DEFAULT_PORT;
    if (o->listen && o->local.family == ADDR_NONE) {
        fprintf(stderr, "sluice-endpoint: --listen needs --local\n");
        return ERR_INVAL;
    }
    if (o->listen && o->local.port == 0)
        o->local.port = o->tls ? DEFAULT_TLS_PORT : DEFAULT_PORT;
    if (o->codec_count == 0)
        opt_codec(o, "pcma,pcmu");
    return limit_video(o);
}

int endpoint_options_parse(int argc, char **argv, struct endpoint_options *out)
{
    int positional = 0;
    *out = (struct endpoint_options){
        .alias = "endpoint",
        .timeout_s = 60,
        .seed = 1,
        .sequence = UINT16_MAX + 1u,
        .profiles = DEFAULT_PROFILES,
        .data = {.count = 100, .size = 64, .label = "sluice", .protocol = ""},
        .data_stack = H245_DATA_UDP_DTLS_SCTP,
        .data_port = H245_DATA_SCTP_PORT,
        .fast_answer = Q931_CONNECT,
        .policy = {.mode = H23510_MODE_REQUIRED,
                   .setup = H23510_SETUP_ACTPASS,
                   .open_role = H23510_SETUP_ACTIVE}};
    for (int i = 1; i < argc;) {
        if (strcmp(argv[i], "--help") == 0) {
            endpoint_options_help(stdout);
            return 1;
        }
        if (strncmp(argv[i], "--", 2) == 0) {
            int used = take_option(out, argc - i, argv + i);
            if (used < 0)
                return used;
            i += used;
            continue;
        }
        if (positional == 0 && addr_parse(argv[i], &out->target) != 0) {
            fprintf(stderr, "sluice-endpoint: %s is not an address\n", argv[i]);
            return ERR_INVAL;
        }
        if (positional == 1)
            out->called = argv[i];
        if (positional++ > 1) {
            fprintf(stderr, "sluice-endpoint: one address and one alias are enough: %s\n", argv[i]);
            return ERR_INVAL;
        }
        i++;
    }
    return check(out);
}
