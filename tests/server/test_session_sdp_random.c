/* Legs by SDP: dialogs of offers that are put together at random, from parts that stacks use and
 * from some that they should not. Whatever comes, it is answered by the rules or refused, and the
 * end gives everything back. */
#include "fake_world.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "server/session/session_priv.h"
#include "server/session/session_sdp.h"
#include "signalling/sdp/sdp.h"
#include "tests/suite.h"

#define FP1                                                                       \
    "4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB:3E:4B:65:2E:7D:" \
    "46:3F:54:42:CD:54:F1"
#define FP2                                                                       \
    "5A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB:3E:4B:65:2E:7D:" \
    "46:3F:54:42:CD:54:F1"
#define DIALOGS 1500
#define OFFERS  8

static uint32_t state;

static uint32_t draw(uint32_t below)
{
    state = state * 1664525u + 1013904223u;
    return (state >> 8) % below;
}

#define PICK(list) (list)[draw(sizeof(list) / sizeof((list)[0]))]

static const char *const session_lines[] = {
    "",
    "a=group:BUNDLE 0 1 2\r\n",
    "a=group:BUNDLE 0 1 2\r\n",
    "a=group:BUNDLE 1 0\r\n",
    "a=group:BUNDLE 2\r\na=group:BUNDLE 0 1\r\n",
    "a=fingerprint:sha-256 " FP1 "\r\na=setup:actpass\r\n",
    "a=ice-lite\r\n",
    "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n",
    "a=setup:holdconn\r\n",
};
static const char *const kinds[] = {"audio", "audio", "video", "application", "text"};
static const char *const protocols[] = {"UDP/TLS/RTP/SAVP",  "UDP/TLS/RTP/SAVPF",
                                        "UDP/TLS/RTP/SAVPF", "RTP/AVP",
                                        "RTP/SAVP",          "UDP/DTLS/SCTP"};
static const unsigned ports[] = {40000, 40000, 40002, 40004, 9, 0, 65535};
static const char *const media_lines[] = {
    "a=rtcp-mux\r\n",
    "a=rtcp-mux\r\n",
    "a=bundle-only\r\n",
    "a=setup:active\r\n",
    "a=setup:passive\r\n",
    "a=setup:actpass\r\n",
    "a=setup:holdconn\r\n",
    "a=connection:existing\r\n",
    "a=fingerprint:sha-256 " FP1 "\r\n",
    "a=fingerprint:sha-256 " FP1 "\r\n",
    "a=fingerprint:sha-256 " FP2 "\r\n",
    "a=fingerprint:sha-1 4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB\r\n",
    "a=inactive\r\n",
    "a=sendonly\r\n",
    "a=recvonly\r\n",
    "a=tls-id:abcdefghijklmnopqrstuvwxyz\r\n",
    "a=tls-id:zyxwvutsrqponmlkjihgfedcba\r\n",
    "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n",
    "a=ice-ufrag:efgh\r\na=ice-pwd:0123456789012345678902\r\n",
    "a=rtcp:40021 IN IP4 192.0.2.51\r\n",
    "a=rtpmap:97 H264/90000\r\na=fmtp:97 profile-level-id=42e01f\r\n",
    "a=rtpmap:8 opus/48000/2\r\n",
    "a=sctp-port:5000\r\na=max-message-size:1000\r\n",
    "a=sctp-port:0\r\n",
    "c=IN IP4 0.0.0.0\r\n",
    "c=IN IP6 2001:db8::50\r\n",
    "c=IN IP4 224.0.0.1\r\n",
};

static void compose(char *text, size_t room)
{
    unsigned lines = 1 + draw(4);
    size_t n = (size_t)snprintf(
        text, room,
        "v=0\r\no=- 1 1 IN IP4 192.0.2.50\r\ns=-\r\nc=IN IP4 192.0.2.50\r\nt=0 0\r\n%s%s",
        PICK(session_lines), PICK(session_lines));

    for (unsigned i = 0; i < lines; i++) {
        const char *kind = i == 0 && draw(4) != 0 ? "audio" : PICK(kinds);
        bool is_data = strcmp(kind, "application") == 0 && draw(8) != 0;

        n += (size_t)snprintf(text + n, room - n, "m=%s %u %s %s\r\n", kind, PICK(ports),
                              is_data ? "UDP/DTLS/SCTP" : PICK(protocols),
                              is_data ? "webrtc-datachannel" : "8 97 0");
        if (draw(3) != 0)
            n += (size_t)snprintf(text + n, room - n, "a=mid:%u\r\n", draw(8) ? i : draw(4));
        if (draw(3) != 0)
            n += (size_t)snprintf(text + n, room - n,
                                  "a=rtcp-mux\r\na=setup:actpass\r\na=fingerprint:sha-256 %s\r\n",
                                  draw(4) ? FP1 : FP2);
        for (unsigned k = draw(5); k > 0; k--)
            n += (size_t)snprintf(text + n, room - n, "%s", PICK(media_lines));
    }
}

struct tally {
    unsigned taken, refused, updated, waiting, accepted;
};

/* RFC 3264 section 6, RFC 8843 section 7.3: what holds of every answer. */
static bool is_lawful(const struct sdp *offer, const struct sdp *answer, bool is_passed)
{
    bool has_media = false;

    if (answer->media_count != offer->media_count)
        return false;
    for (size_t i = 0; i < answer->media_count; i++) {
        const struct sdp_media *o = &offer->media[i], *a = &answer->media[i];

        if (a->kind != o->kind || a->proto != o->proto)
            return false;
        if (a->port == 0)
            continue;
        has_media = true;
        if (a->is_bundled && !o->is_bundled)
            return false;
        if (sdp_proto_is_dtls(a->proto) && !a->is_silent && !is_passed &&
            (a->dtls.fingerprint_count != 1 || a->dtls.setup == H23510_SETUP_ACTPASS))
            return false;
        if (o->port == 0 && !(o->is_bundle_only && o->is_bundled))
            return false;
    }
    return has_media;
}

/* Our own offer, at whatever time, and something for an answer. */
static void step_of_ours(struct world *w, struct peer *leg, struct tally *tally)
{
    static char text[16384];
    static struct sdp sdp;
    struct sdp_error error;
    const char *why = NULL;
    int err = draw(2) == 0 ? session_sdp_offer(leg->session, &sdp, &why, w->now) : ERR_AGAIN;

    CU_ASSERT_TRUE(err != 0 || sdp.media_count > 0);
    CU_ASSERT_TRUE(err == 0 || err == ERR_AGAIN || why != NULL);
    world_run(w);
    compose(text, sizeof(text));
    if (draw(3) == 0 || sdp_parse(text, strlen(text), &sdp, &error) != 0 ||
        !session_is_alive(leg->session))
        return;
    why = NULL;
    err = session_sdp_accept(leg->session, &sdp, &why, w->now);
    tally->accepted += err == 0;
    CU_ASSERT_TRUE(err == 0 || why != NULL);
    world_run(w);
}

static void step(struct world *w, struct peer *leg, struct tally *tally)
{
    static char text[16384], written[SDP_TEXT_MAX];
    static struct sdp offer, sdp;
    struct sdp_error error;
    const char *why = NULL;
    size_t len;
    bool was_active = session_state(leg->session) == SESSION_ACTIVE;
    int err;

    compose(text, sizeof(text));
    if (sdp_parse(text, strlen(text), &offer, &error) != 0)
        return;
    sdp = offer;
    err = session_sdp_answer(leg->session, &sdp, &why, w->now);
    if (err == 0) {
        CU_ASSERT_TRUE(is_lawful(&offer, &sdp, session_is_passed(leg->session)));
        if (!is_lawful(&offer, &sdp, session_is_passed(leg->session)))
            printf("%s", text);
        CU_ASSERT_EQUAL(sdp_write(&sdp, written, sizeof(written), &len), 0);
        CU_ASSERT_EQUAL(sdp_parse(written, len, &offer, &error), 0);
        tally->taken++;
        tally->updated += was_active;
    } else if (err == ERR_AGAIN) {
        tally->waiting++; /* for the other side of what passes */
    } else {
        CU_ASSERT_PTR_NOT_NULL(why);
        tally->refused++;
    }
    if (session_transport_live(leg->session) != NULL && draw(3) == 0)
        world_selected(w, leg, "192.0.2.77:5678");
    world_run(w);
    if (draw(3) == 0)
        world_pass(w, draw(3000));
}

static void dialog(enum settings_dtls dtls, bool has_peer, struct tally *tally)
{
    struct session_config config = {.is_by_sdp = true, .peer = {.family = ADDR_IP4}};
    const struct session_sdp_options options = {.mode =
                                                    draw(4) ? SESSION_SDP_ANY : SESSION_SDP_PASS};
    struct world *w = world_create(dtls);
    struct peer *leg = world_callee(w), *p = NULL;
    const char *why;

    w->settings->conferences[0].data = (enum settings_data)draw(4);
    session_destroy(leg->session);
    config.listener = &w->settings->signalling.listeners[0];
    config.owner = leg;
    CU_ASSERT_EQUAL_FATAL(session_create(&w->env, &config, w->now, &leg->session), 0);
    CU_ASSERT_EQUAL(session_sdp_begin(leg->session, "demo", &options, &why),
                    options.mode == SESSION_SDP_PASS && dtls == SETTINGS_DTLS_OFF ? ERR_REFUSED
                                                                                  : 0);
    if (has_peer) {
        p = world_peer(w);
        peer_add_video(p, "H264");
        peer_call(p, "demo");
        world_run(w);
    }
    for (unsigned i = 0; i < OFFERS && session_is_alive(leg->session); i++) {
        if (draw(4) == 0)
            step_of_ours(w, leg, tally);
        else
            step(w, leg, tally);
    }
    session_close(leg->session, SESSION_END_OPERATOR, w->now);
    if (p != NULL)
        peer_hang_up(p);
    world_run(w);
    CU_ASSERT_EQUAL(session_state(leg->session), SESSION_CLOSED);
    CU_ASSERT_EQUAL(world_open_ports(w), 0);
    world_destroy(w);
}

static void dialogs_at_random_are_answered_or_refused(void)
{
    static const enum settings_dtls modes[] = {SETTINGS_DTLS_REQUIRED, SETTINGS_DTLS_REQUIRED,
                                               SETTINGS_DTLS_PREFERRED, SETTINGS_DTLS_OFF};
    struct tally tally = {0};

    for (uint32_t i = 0; i < DIALOGS; i++) {
        state = i * 2654435761u + 1;
        dialog(PICK(modes), draw(2) == 0, &tally);
    }
    printf("\n    %u answered, %u of them anew, %u refused, %u waiting, %u of ours accepted ",
           tally.taken, tally.updated, tally.refused, tally.waiting, tally.accepted);
    /* Both happen often, or nothing is tried here. */
    CU_ASSERT_TRUE(tally.taken > DIALOGS / 2 && tally.updated > DIALOGS / 4);
    CU_ASSERT_TRUE(tally.refused > DIALOGS / 2 && tally.accepted > DIALOGS / 100);
}

SUITE("server/session_sdp_random", TEST(dialogs_at_random_are_answered_or_refused))
