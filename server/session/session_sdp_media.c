/* What the descriptions of a leg say: codecs of theirs in the words of H.245, and our own lines. */
#include "server/session/session_sdp.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "server/conference/conference.h"
#include "server/session/session_data.h"
#include "server/session/session_mix.h"
#include "signalling/h245/relayed.h"
#include "signalling/h245/video.h"
#include "signalling/sdp/h264.h"
#include "signalling/sdp/h265.h"

#define SDP_EVENT "telephone-event"

int session_sdp_refuse(const char **why, const char *text)
{
    *why = text;
    return ERR_REFUSED;
}

/* ---- theirs: audio ---- */

static enum h245_codec codec_named(const char *name)
{
    enum h245_codec codec;

    return h245_codec_from_str(name, &codec) == 0 ? codec : H245_CODEC_UNKNOWN;
}

static const struct sdp_media *first_of(const struct sdp *sdp, enum sdp_kind kind)
{
    for (size_t i = 0; i < sdp->media_count; i++)
        if (sdp->media[i].kind == kind && (sdp->media[i].port != 0 || sdp->media[i].is_bundle_only))
            return &sdp->media[i];
    return NULL;
}

static void read_audio(struct h245_peer_caps *caps, const struct sdp_media *m)
{
    for (enum h245_codec c = 0; c < H245_CODEC_COUNT && caps->audio_count < H245_CAPS_MAX; c++) {
        const char *name = h245_codec_to_str(c);

        if (codec_named(name) != c || sdp_find_format(m, name, h245_codec_clock(c)) == NULL)
            continue;
        caps->audio[caps->audio_count].entry = (uint16_t)(caps->audio_count + 1);
        caps->audio[caps->audio_count].audio.codec = c;
        caps->audio[caps->audio_count++].audio.frames = 20;
    }
}

/* Payload types cross a relay as they are, so that only codecs whose number the describer keeps to
 * the well-known one can meet an H.323 side that uses it. To a mix each side has its own. */
static const struct sdp_format *usable_format(const struct session *s, const struct sdp_media *m,
                                              enum h245_codec codec)
{
    const struct sdp_format *f =
        sdp_find_format(m, h245_codec_to_str(codec), h245_codec_clock(codec));

    if (f == NULL || conference_has_mix(s->conference) ||
        f->payload_type == h245_codec_payload_type(codec))
        return f;
    return NULL;
}

/* Keys as RFC 4733 packets: a mix takes them from the stream, whoever else gets them in it. They
 * share the timestamps of the codec (section 2.1), so that beside Opus some peers have them by its
 * 48000 alone; that clock beside a codec of 8000 would be nonsense and is not taken. */
static void choose_event(const struct session *s, const struct sdp_media *m,
                         struct sdp_choice *choice)
{
    const struct sdp_format *f = sdp_find_format(m, SDP_EVENT, SESSION_SDP_EVENT_CLOCK);

    if (f == NULL)
        f = sdp_find_format(m, SDP_EVENT, h245_codec_clock(choice->audio.codec));
    choice->has_event = f != NULL && conference_has_mix(s->conference);
    if (!choice->has_event)
        return;
    choice->event_pt = f->payload_type;
    choice->event_clock = (uint16_t)f->clock;
}

static int choose_audio(struct session *s, const struct sdp_media *m, struct sdp_choice *choice)
{
    struct h245_audio offer[SETTINGS_CODECS_MAX];
    size_t n = conference_offer(s->conference, s, offer, SETTINGS_CODECS_MAX);

    for (size_t i = 0; i < n; i++) {
        const struct sdp_format *f = usable_format(s, m, offer[i].codec);

        if (f == NULL)
            continue;
        choice->audio = offer[i];
        choice->format = *f;
        choose_event(s, m, choice);
        return 0;
    }
    return ERR_NOTFOUND;
}

/* ---- theirs: video ---- */

static int h264_to_relayed(struct session *s, const char *fmtp, struct h245_relayed *out)
{
    struct h245_h264 h264;
    int err = sdp_h264_read(fmtp, &h264);

    return err == 0 ? h245_relayed_h264(&s->env->scratch, &h264, out) : ERR_MALFORMED;
}

static int h265_to_relayed(struct session *s, const char *fmtp, struct h245_relayed *out)
{
    struct h245_video_set h265;
    int err = sdp_h265_read(fmtp, &h265);

    return err == 0 ? h245_video_set_build(&s->env->scratch, &h265, out) : ERR_MALFORMED;
}

/* H.264 and H.265 in H.245's words; H.263 and H.261 as we usually offer them, for their parameters
 * in SDP say no more. ERR_NOTFOUND: another codec. */
static int to_relayed(struct session *s, const struct sdp_format *f, struct h245_relayed *out)
{
    static const char *const names[] = {"H264", "H265", "H263", "H261"};
    int err = ERR_NOTFOUND;

    arena_reset(&s->env->scratch);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && err == ERR_NOTFOUND; i++) {
        const char *name = f->name[0] != '\0'      ? f->name
                           : f->payload_type == 34 ? "H263"
                           : f->payload_type == 31 ? "H261"
                                                   : "";

        if (strcasecmp(name, names[i]) != 0)
            continue;
        if (i == 0)
            err = h264_to_relayed(s, f->fmtp, out);
        else if (i == 1)
            err = h265_to_relayed(s, f->fmtp, out);
        else
            err = h245_relayed_usual(&s->env->scratch, names[i], out);
    }
    arena_reset(&s->env->scratch);
    return err;
}

static void read_video(struct session *s, const struct sdp_media *m)
{
    struct h245_peer_caps *caps = &s->peer_caps;

    for (size_t i = 0; i < m->format_count && caps->relayed_count < H245_RELAYED_CAPS_MAX; i++)
        if (to_relayed(s, &m->format[i], &caps->relayed[caps->relayed_count]) == 0)
            caps->relayed_count++;
}

/* While nobody is there to say what it takes it is as much as they offer, and whoever comes is told
 * of it by H.245. */
static bool is_free(const struct session *s)
{
    const struct session *other = conference_other(s->conference, s);

    return !conference_has_mix(s->conference) &&
           (other == NULL || session_peer_caps(other) == NULL);
}

/* How much of H.264 the conference takes from `s`: false, no decoder of theirs. */
static bool h264_limit(struct session *s, const struct h245_h264 *theirs, struct h245_h264 *limit)
{
    struct h245_relayed offer[H245_RELAYED_CAPS_MAX];
    size_t n = conference_offer_relayed(s->conference, s, offer, H245_RELAYED_CAPS_MAX);
    struct arena *a = &s->env->scratch;
    bool is_found = is_free(s);

    *limit = *theirs;
    limit->max_mbps = limit->max_fs = 0;
    for (size_t i = 0; i < n && !is_found; i++) {
        struct h245_video_set set;

        arena_reset(a);
        is_found = h245_video_set_read(a, &offer[i], &set) == 0 && set.codec == H245_VIDEO_H264 &&
                   sdp_h264_fits(theirs, set.profiles) &&
                   h245_relayed_read_h264(a, &offer[i], limit) == 0;
    }
    arena_reset(a);
    return is_found;
}

/* The same of H.265, and the answer at once. */
static int answer_h265(struct session *s, struct sdp_format *f)
{
    struct h245_relayed offer[H245_RELAYED_CAPS_MAX];
    size_t n = conference_offer_relayed(s->conference, s, offer, H245_RELAYED_CAPS_MAX);
    struct arena *a = &s->env->scratch;
    struct h245_video_set ours;
    int err = is_free(s) ? sdp_h265_read(f->fmtp, &ours) : ERR_NOTFOUND;

    for (size_t i = 0; i < n && err != 0; i++) {
        arena_reset(a);
        err = h245_video_set_read(a, &offer[i], &ours);
        if (err == 0 && ours.codec != H245_VIDEO_H265)
            err = ERR_NOTFOUND;
    }
    arena_reset(a);
    return err == 0 ? sdp_h265_answer(f->fmtp, &ours, f->fmtp, sizeof(f->fmtp)) : err;
}

/* One offered format as it would be answered; its codec as channels will name it. ERR_NOTFOUND: not
 * one that the conference takes. */
static int take_format(struct session *s, const struct sdp_format *offered, struct sdp_format *f,
                       struct h245_relayed *relayed, bool *is_single)
{
    struct h245_h264 theirs, limit;

    *f = *offered;
    *is_single = true;
    if (to_relayed(s, f, relayed) != 0 || !conference_relays(s->conference, s, relayed))
        return ERR_NOTFOUND;
    if (strcmp(relayed->name, "H265") == 0) {
        if (answer_h265(s, f) != 0)
            return ERR_NOTFOUND;
        return to_relayed(s, f, relayed);
    }
    if (strcmp(relayed->name, "H264") != 0)
        return 0;
    if (sdp_h264_read(f->fmtp, &theirs) != 0 || !h264_limit(s, &theirs, &limit) ||
        sdp_h264_answer(f->fmtp, &limit, f->fmtp, sizeof(f->fmtp)) != 0)
        return ERR_NOTFOUND;
    *is_single = theirs.packetization == 0;
    return to_relayed(s, f, relayed);
}

/* Single NAL units are what H.241 has without further words; they are taken where they are offered
 * beside the interleaved kinds. */
static int choose_video(struct session *s, const struct sdp_media *m, struct sdp_choice *choice)
{
    bool is_found = false;

    for (size_t i = 0; i < m->format_count; i++) {
        struct h245_relayed relayed;
        struct sdp_format format;
        bool is_single;

        if (take_format(s, &m->format[i], &format, &relayed, &is_single) != 0 ||
            (is_found && !is_single))
            continue;
        choice->relayed = relayed;
        choice->format = format;
        is_found = true;
        if (is_single)
            break;
    }
    return is_found ? 0 : ERR_NOTFOUND;
}

void session_sdp_read_caps(struct session *s, const struct sdp *sdp)
{
    const struct sdp_media *audio = first_of(sdp, SDP_KIND_AUDIO);
    const struct sdp_media *video = first_of(sdp, SDP_KIND_VIDEO);
    const struct sdp_media *data = first_of(sdp, SDP_KIND_APP);

    memset(&s->peer_caps, 0, sizeof(s->peer_caps));
    if (audio != NULL)
        read_audio(&s->peer_caps, audio);
    /* What passes unopened has one connection: what is not on it, nobody is told of. */
    if (session_is_passed(s)) {
        video = video != NULL && session_sdp_is_with_audio(sdp, video) ? video : NULL;
        data = data != NULL && session_sdp_is_with_audio(sdp, data) ? data : NULL;
    }
    if (video != NULL)
        read_video(s, video);
    if (data != NULL && data->proto == SDP_PROTO_DTLS_SCTP)
        s->peer_caps.data[s->peer_caps.data_count++] =
            (struct h245_data){.use = H245_DATA_CHANNEL,
                               .stack = H245_DATA_UDP_DTLS_SCTP,
                               .sctp_port = data->sctp_port,
                               .max_message_size = data->max_message_size};
    s->has_peer_caps = true;
}

int session_sdp_choose(struct session *s, const struct sdp_media *m, struct sdp_choice *choice,
                       const char **why)
{
    if (m->kind == SDP_KIND_AUDIO && choose_audio(s, m, choice) != 0) {
        *why = "no audio codec in common";
        return ERR_UNSUPPORTED;
    }
    if (m->kind == SDP_KIND_VIDEO && choose_video(s, m, choice) != 0)
        return session_sdp_refuse(why, "no video codec in common");
    return 0;
}

bool session_sdp_is_reachable(const struct sdp_media *m)
{
    /* Port 9 and no address: the other side waits for ICE to tell it ours (RFC 8840). */
    return m->address.family != ADDR_NONE && !addr_is_unspecified(&m->address) &&
           !addr_is_multicast(&m->address) && m->port != 9;
}

bool session_sdp_has_ice(const struct sdp *sdp, const struct sdp_media *m)
{
    /* Two lite agents never check: what their descriptions name is it (RFC 8445 section 6.1.1). */
    return m->ice.is_set && !sdp->is_ice_lite && sdp_proto_is_dtls(m->proto);
}

int session_sdp_judge_proto(const struct session *s, const struct sdp_media *m, const char **why)
{
    if (!sdp_proto_is_rtp(m->proto))
        return session_sdp_refuse(why, m->kind == SDP_KIND_AUDIO
                                           ? "audio's protocol is not one that is served"
                                           : "the protocol is not one that is served");
    if (!sdp_proto_is_dtls(m->proto) &&
        (session_mode(s) == H23510_MODE_REQUIRED || session_is_passed(s)))
        return session_sdp_refuse(why, "media must be protected: UDP/TLS/RTP/SAVP or SAVPF");
    if (sdp_proto_is_dtls(m->proto) && session_mode(s) == H23510_MODE_OFF)
        return session_sdp_refuse(why, "media protection is switched off here");
    return 0;
}

/* ---- ours ---- */

void session_sdp_say_ourselves(struct session *s, const struct session_transport *t,
                               struct sdp *sdp)
{
    snprintf(sdp->user, sizeof(sdp->user), "-");
    snprintf(sdp->name, sizeof(sdp->name), "-");
    sdp->id = s->id;
    sdp->version = ++s->leg->version;
    sdp->origin = addr_with_port(t->local, 0);
    sdp->is_ice_lite = t->ice.ufrag[0] != '\0';
}

void session_sdp_say_transport(const struct session_transport *t, struct sdp_media *m)
{
    m->port = t->local.port;
    m->address = t->local;
    m->rtcp_mux = session_transport_is_protected(t);
    m->rtcp = session_transport_control(t);
    m->is_bundle_only = false;
    memset(&m->ice, 0, sizeof(m->ice));
    if (t->ice.ufrag[0] == '\0')
        return;
    m->ice.is_set = true;
    snprintf(m->ice.ufrag, sizeof(m->ice.ufrag), "%s", t->ice.ufrag);
    snprintf(m->ice.password, sizeof(m->ice.password), "%s", t->ice.password);
}

void session_sdp_say_dtls(const struct session *s, struct sdp_media *m, enum fingerprint_hash hash,
                          enum h23510_setup setup)
{
    memset(&m->dtls, 0, sizeof(m->dtls));
    m->dtls.fingerprint[0] = s->env->identity->fingerprints[hash];
    m->dtls.fingerprint_count = 1;
    m->dtls.has_setup = m->dtls.has_connection = true;
    m->dtls.setup = setup;
    m->dtls.connection = H23510_CONNECTION_NEW;
}

void session_sdp_say_codec(const struct h245_audio *audio, struct sdp_media *m)
{
    struct sdp_format *f = &m->format[m->format_count++];
    int payload_type = h245_codec_payload_type(audio->codec);

    memset(f, 0, sizeof(*f));
    f->payload_type = payload_type != H245_PT_DYNAMIC ? (uint8_t)payload_type : SESSION_OPUS_PT;
    f->clock = h245_codec_clock(audio->codec);
    /* RFC 7587 section 7: always 2, whatever is in the packets. */
    f->channels = audio->codec == H245_CODEC_OPUS ? 2 : 1;
    snprintf(f->name, sizeof(f->name), "%s", h245_codec_to_str(audio->codec));
}

void session_sdp_say_event(uint8_t payload_type, uint16_t clock, struct sdp_media *m)
{
    struct sdp_format *f = &m->format[m->format_count++];

    memset(f, 0, sizeof(*f));
    f->payload_type = payload_type;
    f->clock = clock;
    f->channels = 1;
    snprintf(f->name, sizeof(f->name), "%s", SDP_EVENT);
    snprintf(f->fmtp, sizeof(f->fmtp), "0-15");
}

void session_sdp_say_data(struct sdp_media *m)
{
    m->format_count = 0;
    snprintf(m->format_text, sizeof(m->format_text), "webrtc-datachannel");
    m->rtcp_mux = false;
    m->sctp_port = H245_DATA_SCTP_PORT;
    m->max_message_size = SESSION_DATA_MESSAGE_MAX;
}

/* Ours, as the offer says the number and an answer repeats it (RFC 3264 section 6.1). */
#define H264_TYPE 97
#define H265_TYPE 98

/* One codec as a format; false: not one that is offered. */
static bool say_format(struct session *s, const struct h245_relayed *relayed, struct sdp_format *f)
{
    struct h245_video_set h265;
    struct h245_h264 h264;
    bool is_h264 = strcmp(relayed->name, "H264") == 0;
    int err;

    memset(f, 0, sizeof(*f));
    arena_reset(&s->env->scratch);
    err = is_h264 ? h245_relayed_read_h264(&s->env->scratch, relayed, &h264)
                  : h245_video_set_read(&s->env->scratch, relayed, &h265);
    arena_reset(&s->env->scratch);
    if (err != 0 || relayed->media != H245_MEDIA_VIDEO)
        return false;
    f->payload_type = is_h264 ? H264_TYPE : H265_TYPE;
    f->clock = 90000;
    f->channels = 1;
    snprintf(f->name, sizeof(f->name), "%s", is_h264 ? "H264" : "H265");
    if (is_h264)
        sdp_h264_write(&h264, f->fmtp, sizeof(f->fmtp));
    else
        sdp_h265_write(&h265, f->fmtp, sizeof(f->fmtp));
    return true;
}

/* H.264 and H.265: what an H.323 peer has of them, or what we usually offer; of each once. */
int session_sdp_say_video(struct session *s, struct sdp_media *m)
{
    struct h245_relayed offer[H245_RELAYED_CAPS_MAX];
    size_t n = conference_offer_relayed(s->conference, s, offer, H245_RELAYED_CAPS_MAX);
    size_t before = m->format_count;

    for (size_t i = 0; i < n && m->format_count < SDP_FORMATS_MAX; i++) {
        struct sdp_format *f = &m->format[m->format_count];
        bool is_new = say_format(s, &offer[i], f);

        for (size_t k = before; k < m->format_count; k++)
            is_new = is_new && m->format[k].payload_type != f->payload_type;
        m->format_count += is_new;
    }
    return m->format_count > before ? 0 : ERR_NOTFOUND;
}
