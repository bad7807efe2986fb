#include "tests/conformance/calls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "signalling/per/per.h"
#include "tests/suite.h"

const struct side sides[SIDES] = {{false, true}, {false, false}, {true, true}, {true, false}};

#define PEER_TYPE   50 /* terminalType of the fake peers (H.245 B.1.1: a terminal without MC) */
#define HEARD_MAX   8192
#define SERVER_HIGH 240 /* an active MC of a conference that runs */
#define SERVER_LOW  40

/* Everything that one world's wires carried. */
static struct {
    struct arena arena;
    struct {
        const struct peer *peer;
        bool from_server;
        const struct h245_MultimediaSystemControlMessage *message;
    } v[HEARD_MAX];
    size_t n;
} heard;

const char *side_text(const struct side *side, const char *more)
{
    static char text[96];

    snprintf(text, sizeof(text), "dir=%s h245=%s%s%s", side->is_out ? "out" : "in",
             side->is_master ? "master" : "slave", more[0] != '\0' ? " " : "", more);
    return text;
}

static void tap(struct peer *p, bool to_server, const uint8_t *data, size_t len)
{
    void *message = NULL;

    CU_ASSERT_EQUAL(per_decode(&h245_MultimediaSystemControlMessage_type, data, len, NULL,
                               &heard.arena, &message, NULL),
                    0);
    CU_ASSERT_TRUE_FATAL(heard.n < HEARD_MAX);
    if (message == NULL)
        return;
    heard.v[heard.n].peer = p;
    heard.v[heard.n].from_server = !to_server;
    heard.v[heard.n++].message = message;
}

struct world *calls_begin(const struct side *side, enum settings_dtls dtls)
{
    struct world *w = world_create(dtls);

    w->settings->node.terminal_type = side->is_master ? SERVER_HIGH : SERVER_LOW;
    w->tap = tap;
    arena_init(&heard.arena, 65536, 0);
    heard.n = 0;
    return w;
}

void calls_end(struct world *w)
{
    for (size_t i = 0; i < w->peer_count; i++)
        if (session_state(w->peers[i].session) != SESSION_CLOSED && w->peers[i].call != NULL &&
            w->peers[i].h245 != NULL)
            calls_hang_up(w, &w->peers[i]);
    CU_ASSERT_EQUAL(world_open_ports(w), 0);
    arena_fini(&heard.arena);
    heard.n = 0;
    world_destroy(w); /* asserts that no timer and no conference is left */
}

struct peer *calls_peer(struct world *w, const struct side *side)
{
    return side->is_out ? world_callee(w) : world_peer(w);
}

void calls_settle(struct world *w)
{
    world_run(w);
    world_pass(w, 10);
}

void calls_try(struct world *w, const struct side *side, struct peer *p)
{
    if (side->is_out) {
        CU_ASSERT_EQUAL_FATAL(world_dial(w, p), 0);
    } else {
        peer_call(p, "demo");
    }
    calls_settle(w);
}

void calls_start(struct world *w, const struct side *side, struct peer *p)
{
    calls_try(w, side, p);
    CU_ASSERT_TRUE_FATAL(p->is_connected);
    CU_ASSERT_TRUE_FATAL(p->msd_done);
    CU_ASSERT_EQUAL_FATAL(p->is_master, !side->is_master);
    CU_ASSERT_EQUAL(session_is_caller(p->session), side->is_out);
}

struct peer *calls_make(struct world *w, const struct side *side)
{
    struct peer *p = calls_peer(w, side);

    calls_start(w, side, p);
    return p;
}

void calls_hang_up(struct world *w, struct peer *p)
{
    peer_hang_up(p);
    calls_settle(w);
    world_pass(w, w->settings->signalling.timers.end_session_ms + 10);
    CU_ASSERT_EQUAL(session_state(p->session), SESSION_CLOSED);
}

/* ---- the wire ---- */

static const struct h245_MultimediaSystemControlMessage *
find(const struct peer *p, bool from_server,
     bool (*is)(const struct h245_MultimediaSystemControlMessage *), size_t n)
{
    for (size_t i = 0; i < heard.n; i++)
        if (heard.v[i].peer == p && heard.v[i].from_server == from_server &&
            is(heard.v[i].message) && n-- == 0)
            return heard.v[i].message;
    return NULL;
}

static bool is_request(const struct h245_MultimediaSystemControlMessage *m, unsigned kind)
{
    return m->kind == h245_MultimediaSystemControlMessage_request && m->u.request->kind == kind;
}

static bool is_response(const struct h245_MultimediaSystemControlMessage *m, unsigned kind)
{
    return m->kind == h245_MultimediaSystemControlMessage_response && m->u.response->kind == kind;
}

static bool is_tcs(const struct h245_MultimediaSystemControlMessage *m)
{
    return is_request(m, h245_RequestMessage_terminalCapabilitySet);
}

static bool is_olc(const struct h245_MultimediaSystemControlMessage *m)
{
    return is_request(m, h245_RequestMessage_openLogicalChannel);
}

static bool is_ack(const struct h245_MultimediaSystemControlMessage *m)
{
    return is_response(m, h245_ResponseMessage_openLogicalChannelAck);
}

static bool is_reject(const struct h245_MultimediaSystemControlMessage *m)
{
    return is_response(m, h245_ResponseMessage_openLogicalChannelReject);
}

static bool is_close(const struct h245_MultimediaSystemControlMessage *m)
{
    return is_request(m, h245_RequestMessage_closeLogicalChannel);
}

const struct h245_TerminalCapabilitySet *wire_tcs(const struct peer *p, bool from_server, size_t n)
{
    const struct h245_MultimediaSystemControlMessage *m = find(p, from_server, is_tcs, n);

    return m != NULL ? m->u.request->u.terminalCapabilitySet : NULL;
}

const struct h245_OpenLogicalChannel *wire_olc(const struct peer *p, bool from_server, size_t n)
{
    const struct h245_MultimediaSystemControlMessage *m = find(p, from_server, is_olc, n);

    return m != NULL ? m->u.request->u.openLogicalChannel : NULL;
}

const struct h245_OpenLogicalChannelAck *wire_ack(const struct peer *p, bool from_server, size_t n)
{
    const struct h245_MultimediaSystemControlMessage *m = find(p, from_server, is_ack, n);

    return m != NULL ? m->u.response->u.openLogicalChannelAck : NULL;
}

const struct h245_OpenLogicalChannelReject *wire_reject(const struct peer *p, bool from_server,
                                                        size_t n)
{
    const struct h245_MultimediaSystemControlMessage *m = find(p, from_server, is_reject, n);

    return m != NULL ? m->u.response->u.openLogicalChannelReject : NULL;
}

const struct h245_CloseLogicalChannel *wire_close(const struct peer *p, bool from_server, size_t n)
{
    const struct h245_MultimediaSystemControlMessage *m = find(p, from_server, is_close, n);

    return m != NULL ? m->u.request->u.closeLogicalChannel : NULL;
}

const struct h245_DTLSSecurityCapability *olc_dtls(const struct h245_OpenLogicalChannel *olc)
{
    const struct h245_DataType *type = &olc->forwardLogicalChannelParameters.dataType;

    if (type->kind != h245_DataType_h235Media)
        return NULL;
    return type->u.h235Media->encryptionAuthenticationAndIntegrity.dtlsSecurityCapability;
}

bool string_is(const struct per_string *s, const char *text)
{
    return s->len == strlen(text) && memcmp(s->p, text, s->len) == 0;
}

void string_set(struct per_string *s, const char *text)
{
    s->p = (char *)(uintptr_t)text;
    s->len = strlen(text);
}

bool errors_say(const struct peer *p, const char *part)
{
    json_t *j = session_to_json(p->session, p->world->now);
    char *text = json_dumps(json_object_get(j, "errors"), JSON_COMPACT);
    bool says = text != NULL && strstr(text, part) != NULL;

    if (!says)
        printf("\n    errors are %s, not \"%s\"", text, part);
    free(text);
    json_decref(j);
    return says;
}
