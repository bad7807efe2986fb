/* TerminalCapabilitySet: ours built, the peer's read. */
#include "base/arena.h"
#include "base/err.h"
#include "signalling/h245/h239.h"
#include "signalling/h245/media.h"
#include "signalling/schema/h245.h"

#include <string.h>

#define DEFAULT_JITTER_MS 250

/* A set under construction. */
struct builder {
    struct arena *a;
    struct h245_TerminalCapabilitySet *tcs;
    int err;
};

/* One error for all: a builder that has failed once adds nothing more, and is asked at the end. */
static void *take(struct builder *b, size_t n, size_t size)
{
    void *p = b->err == 0 ? arena_array(b->a, n, size) : NULL;

    if (p == NULL && b->err == 0)
        b->err = ERR_NOMEM;
    return p;
}

static struct h245_Capability *add_entry(struct builder *b, enum h245_Capability_kind kind)
{
    struct h245_CapabilityTableEntry_list *table = &b->tcs->capabilityTable;
    /* Table entries first: alternatives name them. */
    struct h245_Capability *cap = take(b, 1, sizeof(*cap));

    if (cap == NULL)
        return NULL;
    cap->kind = kind;
    /* Numbers from 1, in order: alternatives and the peer's answers name entries by them. */
    table->v[table->n].capabilityTableEntryNumber = (uint16_t)(table->n + 1);
    table->v[table->n].capability = cap;
    table->n++;
    return cap;
}

/* Entries first..last (numbers) become one alternative set of the descriptor. */
static void add_alternatives(struct builder *b, uint32_t first, uint32_t last)
{
    struct h245_CapabilityDescriptor *d = &b->tcs->capabilityDescriptors.v[0];
    struct h245_AlternativeCapabilitySet *set =
        &d->simultaneousCapabilities.v[d->simultaneousCapabilities.n];

    /* An empty alternative set would be no capability at all. */
    if (b->err != 0 || last < first)
        return;
    set->v = take(b, last - first + 1, sizeof(*set->v));
    if (set->v == NULL)
        return;
    for (uint32_t n = first; n <= last; n++)
        set->v[set->n++] = (uint16_t)n;
    d->simultaneousCapabilities.n++;
}

static void add_multiplex(struct builder *b, const struct h245_caps_offer *offer)
{
    struct h245_MultiplexCapability *m = take(b, 1, sizeof(*m));
    struct h245_H2250Capability *h = take(b, 1, sizeof(*h));

    /* Mandatory with H.225.0: an endpoint on packets says how late packets may be. */
    if (m == NULL || h == NULL)
        return;
    m->kind = h245_MultiplexCapability_h2250Capability;
    m->u.h2250Capability = h;
    h->maximumAudioDelayJitter =
        offer->max_jitter_ms != 0 ? offer->max_jitter_ms : DEFAULT_JITTER_MS;
    /* Only an MCU says so; a terminal that claimed an MC would be asked to run the conference. */
    h->mcCapability.centralizedConferenceMC = offer->is_mcu;
    h->has_logicalChannelSwitchingCapability = true;
    h->has_t120DynamicPortCapability = true;
    h->t120DynamicPortCapability = true;
    b->tcs->multiplexCapability = m;
}

/* In the order of the offer, which is that of our preference. */
static void add_audio(struct builder *b, const struct h245_caps_offer *offer)
{
    uint32_t first = b->tcs->capabilityTable.n + 1;

    /* After an error the rest is skipped; h245_build_tcs looks at it once. */
    for (size_t i = 0; i < offer->audio_count && b->err == 0; i++) {
        struct h245_Capability *cap = add_entry(b, h245_Capability_receiveAudioCapability);

        if (cap != NULL)
            b->err = h245_build_audio(b->a, &offer->audio[i], &cap->u.receiveAudioCapability);
    }
    /* All audio is one alternative: one codec at a time. */
    add_alternatives(b, first, b->tcs->capabilityTable.n);
}

static void add_telephone_event(struct builder *b, const struct h245_caps_offer *offer)
{
    struct h245_AudioTelephonyEventCapability *event = take(b, 1, sizeof(*event));
    struct h245_Capability *cap;

    if (event == NULL)
        return;
    event->dynamicRTPPayloadType = offer->telephone_event_pt;
    /* Events 0 to 16, as RFC 4733 has keys and flash. */
    event->audioTelephoneEvent = (struct per_string){4, arena_strdup(b->a, "0-16")};
    if (event->audioTelephoneEvent.p == NULL)
        b->err = ERR_NOMEM;
    cap = add_entry(b, h245_Capability_receiveRTPAudioTelephonyEventCapability);
    if (cap == NULL)
        return;
    cap->u.receiveRTPAudioTelephonyEventCapability = event;
    /* A set of its own: beside audio, not in the place of it. */
    add_alternatives(b, b->tcs->capabilityTable.n, b->tcs->capabilityTable.n);
}

/* Strings for endpoints that know no better, dtmf for those that tell lengths. */
static void add_user_input(struct builder *b)
{
    static const enum h245_UserInputCapability_kind kinds[] = {h245_UserInputCapability_basicString,
                                                               h245_UserInputCapability_dtmf};
    uint32_t first = b->tcs->capabilityTable.n + 1;

    for (size_t i = 0; i < 2; i++) {
        struct h245_UserInputCapability *input = take(b, 1, sizeof(*input));
        /* Two entries, one set: either form is understood. */
        struct h245_Capability *cap = add_entry(b, h245_Capability_receiveUserInputCapability);

        if (input == NULL || cap == NULL)
            return;
        input->kind = kinds[i];
        cap->u.receiveUserInputCapability = input;
    }
    add_alternatives(b, first, b->tcs->capabilityTable.n);
}

/* One alternative set a medium: a peer may send one of its codecs, beside those of the others. */
static void add_relayed(struct builder *b, const struct h245_caps_offer *offer,
                        enum h245_media media)
{
    uint32_t first = b->tcs->capabilityTable.n + 1;

    for (size_t i = 0; i < offer->relayed_count && b->err == 0; i++) {
        struct h245_Capability *cap;

        if (offer->relayed[i].media != media)
            continue;
        cap = add_entry(b, h245_Capability_UNSET);
        if (cap != NULL)
            b->err = h245_relayed_to_capability(b->a, &offer->relayed[i], cap);
    }
    add_alternatives(b, first, b->tcs->capabilityTable.n);
}

/* The stacks stand beside the entries as well: dataChannel has no place for its own, and can be
 * over each of them. */
static void add_data(struct builder *b, const struct h245_caps_offer *offer)
{
    uint32_t first = b->tcs->capabilityTable.n + 1;

    for (size_t i = 0; i < offer->data_count && b->err == 0; i++) {
        struct h245_Capability *cap = add_entry(b, h245_Capability_UNSET);

        if (cap != NULL)
            b->err = h245_data_to_capability(b->a, &offer->data[i], cap);
    }
    add_alternatives(b, first, b->tcs->capabilityTable.n);
    /* The stacks are a property of the whole set (H.245 v16). */
    if (b->err == 0 && offer->data_count > 0)
        b->err = h245_data_to_multiplex(b->a, offer->data, offer->data_count,
                                        b->tcs->multiplexCapability->u.h2250Capability);
}

static void add_chair_control(struct builder *b)
{
    struct h245_ConferenceCapability *conference = take(b, 1, sizeof(*conference));
    struct h245_Capability *cap = add_entry(b, h245_Capability_conferenceCapability);

    if (conference == NULL || cap == NULL)
        return;
    conference->chairControlCapability = true;
    /* In no alternative set: it is about the conference, not about media. */
    cap->u.conferenceCapability = conference;
}

/* H.239 by its control capability; the roles of video are in the video entries. */
static void add_h239(struct builder *b)
{
    struct h245_Capability *control = NULL;
    struct h245_Capability *cap = add_entry(b, h245_Capability_genericControlCapability);

    if (cap == NULL)
        return;
    /* h239_build_control knows the shape; entry and content come together here. */
    b->err = h239_build_control(b->a, &control);
    if (b->err == 0)
        *cap = *control;
}

/* The room for them: taken once, before anything is added. */
#define ALTERNATIVES_MAX \
    7 /* audio, telephone event, user input, video, presentation, data, data over SCTP */
#define OTHERS_MAX 5 /* telephone event, two of user input, chair control, H.239 */

static void prepare(struct builder *b, const struct h245_caps_offer *offer)
{
    struct h245_CapabilityDescriptor *descriptor;

    /* Exactly as many as can be added: nothing here grows later. */
    b->tcs->capabilityTable.v =
        take(b, offer->audio_count + offer->relayed_count + offer->data_count + OTHERS_MAX,
             sizeof(*b->tcs->capabilityTable.v));
    descriptor = take(b, 1, sizeof(*descriptor));
    if (descriptor == NULL)
        return;
    descriptor->simultaneousCapabilities.v =
        take(b, ALTERNATIVES_MAX, sizeof(*descriptor->simultaneousCapabilities.v));
    b->tcs->capabilityDescriptors.v = descriptor;
}

int h245_build_tcs(struct arena *a, const struct h245_caps_offer *offer,
                   struct h245_TerminalCapabilitySet **tcs)
{
    /* zalloc: what is not set is absent for the encoder. */
    struct builder b = {a, arena_zalloc(a, sizeof(**tcs)), 0};

    if (b.tcs == NULL)
        return ERR_NOMEM;
    if (offer->audio_count > H245_CAPS_MAX || offer->relayed_count > H245_RELAYED_CAPS_MAX ||
        offer->data_count > H245_DATA_CAPS_MAX)
        return ERR_RANGE;
    prepare(&b, offer);
    if (b.err == 0) {
        add_multiplex(&b, offer);
        add_audio(&b, offer);
        if (offer->telephone_event_pt != 0)
            add_telephone_event(&b, offer);
        if (offer->user_input)
            add_user_input(&b);
        /* Video before data: in this order peers show them, too. */
        add_relayed(&b, offer, H245_MEDIA_VIDEO);
        add_relayed(&b, offer, H245_MEDIA_PRESENTATION);
        add_relayed(&b, offer, H245_MEDIA_DATA);
        add_data(&b, offer);
        if (offer->has_chair_control)
            add_chair_control(&b);
        if (offer->has_h239)
            add_h239(&b);
    }
    if (b.err != 0)
        return b.err;
    /* A set that has none of these is the empty one, and means "stop". */
    b.tcs->has_capabilityTable = b.tcs->capabilityTable.n > 0;
    b.tcs->has_capabilityDescriptors = b.tcs->has_capabilityTable;
    /* One descriptor: all that we can do at once. */
    b.tcs->capabilityDescriptors.n = 1;
    b.tcs->capabilityDescriptors.v[0].has_simultaneousCapabilities =
        /* An empty list of alternatives is malformed (at least one). */
        b.tcs->capabilityDescriptors.v[0].simultaneousCapabilities.n > 0;
    *tcs = b.tcs;
    return 0;
}

int h245_build_empty_tcs(struct arena *a, struct h245_TerminalCapabilitySet **tcs)
{
    struct h245_TerminalCapabilitySet *empty = arena_zalloc(a, sizeof(*empty));

    if (empty == NULL)
        return ERR_NOMEM;
    /* Number and version are the engine's to fill in. */
    *tcs = empty;
    return 0;
}

static void read_audio_entry(const struct h245_AudioCapability *audio, uint16_t entry,
                             struct h245_peer_caps *caps)
{
    struct h245_peer_audio *to = &caps->audio[caps->audio_count];

    /* More than we can choose from, or unknown: the rest counts. */
    if (caps->audio_count == H245_CAPS_MAX || h245_read_audio(audio, &to->audio) != 0) {
        caps->skipped++;
        return;
    }
    to->entry = entry;
    caps->audio_count++;
}

/* The stacks of the whole set. */
struct stacks {
    enum h245_data_stack v[H245_DATA_STACKS_MAX];
    size_t n;
};

/* What names no stack of its own is one capability for each stack of the set. */
static bool read_data(const struct h245_Capability *cap, const struct stacks *stacks,
                      struct h245_peer_caps *caps)
{
    bool is_read = false;

    for (size_t i = 0; i < stacks->n || i == 0; i++) {
        /* Entries of data without a stack are one for each that the set names. */
        enum h245_data_stack general = i < stacks->n ? stacks->v[i] : H245_DATA_NO_STACK;
        struct h245_data data;

        if (caps->data_count == H245_DATA_CAPS_MAX ||
            h245_data_of_capability(cap, general, &data) != 0)
            continue;
        is_read = true;
        caps->data[caps->data_count++] = data;
        /* Only dataChannel is over each of the stacks. */
        if (data.use != H245_DATA_CHANNEL)
            break;
    }
    return is_read;
}

static void read_relayed(const struct h245_Capability *cap, const struct stacks *stacks,
                         struct h245_peer_caps *caps)
{
    /* H.224, T.140 and data channels first; what is none of these may still be relayed as it is. */
    if (read_data(cap, stacks, caps))
        return;
    if (caps->relayed_count < H245_RELAYED_CAPS_MAX &&
        h245_relayed_of_capability(cap, &caps->relayed[caps->relayed_count]) == 0)
        caps->relayed_count++;
    else
        caps->skipped++;
}

/* Transmit capabilities say what the peer could send; we choose from what it can receive. */
static void read_entry(const struct h245_CapabilityTableEntry *entry, const struct stacks *stacks,
                       struct h245_peer_caps *caps)
{
    const struct h245_Capability *cap = entry->capability;

    if (cap == NULL)
        return; /* removes an entry of an earlier set: ours are whole each time */
    switch (cap->kind) {
    case h245_Capability_receiveAudioCapability:
        read_audio_entry(cap->u.receiveAudioCapability, entry->capabilityTableEntryNumber, caps);
        break;
    /* Both ways: what it can receive is in it. */
    case h245_Capability_receiveAndTransmitAudioCapability:
        read_audio_entry(cap->u.receiveAndTransmitAudioCapability,
                         entry->capabilityTableEntryNumber, caps);
        break;
    case h245_Capability_receiveRTPAudioTelephonyEventCapability:
        caps->telephone_event_pt =
            cap->u.receiveRTPAudioTelephonyEventCapability->dynamicRTPPayloadType;
        break;
    case h245_Capability_receiveUserInputCapability:
    case h245_Capability_receiveAndTransmitUserInputCapability:
        /* Either form is enough for keys. */
        caps->user_input = true;
        break;
    case h245_Capability_h235SecurityCapability:
        break; /* h23510's business */
    case h245_Capability_maxPendingReplacementFor:
        caps->replacements = cap->u.maxPendingReplacementFor;
        break;
    default:
        read_relayed(cap, stacks, caps);
        break;
    }
}

int h245_read_tcs(const struct h245_TerminalCapabilitySet *tcs, struct h245_peer_caps *caps)
{
    const struct h245_MultiplexCapability *m = tcs->multiplexCapability;
    struct stacks stacks = {.n = 0};

    memset(caps, 0, sizeof(*caps));
    /* An absent table leaves what was said before (H.245 C.3.1). */
    caps->has_table = tcs->has_capabilityTable;
    /* Nothing but number and version: "stop sending" (H.323 8.4.6). A set with descriptors or a
     * multiplex capability alone only adds to what was said before. */
    caps->is_empty = !tcs->has_capabilityTable && !tcs->has_capabilityDescriptors &&
                     tcs->multiplexCapability == NULL;
    if (!caps->has_table)
        return 0;
    if (m != NULL && m->kind == h245_MultiplexCapability_h2250Capability)
        stacks.n = h245_data_stacks_of(m->u.h2250Capability, stacks.v);
    for (uint32_t i = 0; i < tcs->capabilityTable.n; i++)
        read_entry(&tcs->capabilityTable.v[i], &stacks, caps);
    return 0;
}

static bool is_same_codec(const struct h245_audio *a, const struct h245_audio *b)
{
    /* By the identifier, too: two generic codecs are different ones. */
    return a->codec == b->codec && strcmp(a->generic_oid, b->generic_oid) == 0;
}

int h245_choose_audio(const struct h245_peer_caps *peer, const struct h245_audio *local,
                      size_t local_count, struct h245_audio *chosen)
{
    /* Our order decides: the peer's is by entry number, which means nothing. */
    for (size_t i = 0; i < local_count; i++) {
        for (size_t k = 0; k < peer->audio_count; k++) {
            const struct h245_audio *theirs = &peer->audio[k].audio;

            if (!is_same_codec(&local[i], theirs))
                continue;
            *chosen = local[i];
            /* The smaller number of frames: neither side gets more in a packet than it takes. */
            if (theirs->frames < chosen->frames)
                chosen->frames = theirs->frames;
            return 0;
        }
    }
    return ERR_NOTFOUND;
}
