/* Telephone events (RFC 4733): from packets to presses. A press is told once at its beginning and
 * once at its end, whatever is lost or doubled between. */
#include "audio/digit.h"

#include <string.h>

#define PAYLOAD_BYTES 4
#define END_BIT       0x80
#define EVENTS        17 /* 0-16: RFC 4733 3.2 */
/* Updates come every 50 ms or less often than packets of audio (2.5.1.3); three ends in a row. */
#define EXPIRE_US   300000
#define PRESS_US    50000
#define BURST       15
#define EVENT_CLOCK 8000 /* that of the audio beside it, RFC 4733 2.1 */

char audio_digit_to_char(uint8_t event)
{
    return event < EVENTS ? "0123456789*#ABCD!"[event] : '\0';
}

/* The duration is in the event's own clock, which signalling may name. */
unsigned audio_digit_ms(const struct audio_digit *d, unsigned clock)
{
    return (unsigned)((uint64_t)d->duration * 1000 / (clock > 0 ? clock : EVENT_CLOCK));
}

/* Each press is an event that somebody has to deal with: a peer must not make thousands. */
static bool may_press(uint64_t *paid_us, uint64_t now_us)
{
    uint64_t from = *paid_us > now_us ? *paid_us : now_us;

    if (from - now_us > BURST * PRESS_US)
        return false;
    *paid_us = from + PRESS_US;
    return true;
}

static void begin(struct audio_digit *d, uint8_t event, uint32_t timestamp)
{
    *d = (struct audio_digit){.is_pressed = true,
                              .has_last = true,
                              .event = event,
                              .timestamp = timestamp,
                              .paid_us = d->paid_us};
}

bool audio_digit_packet(struct audio_digit *d, const uint8_t *payload, size_t length,
                        uint32_t timestamp, uint64_t now_us, enum audio_digit_news *news,
                        struct audio_digit *ended)
{
    uint32_t duration;
    bool is_end;

    *news = AUDIO_DIGIT_NOTHING;
    memset(ended, 0, sizeof(*ended));
    /* Four octets an event; what follows are further ones, which nobody sends. */
    if (length < PAYLOAD_BYTES)
        return false;
    if (payload[0] >= EVENTS)
        return true;
    is_end = payload[1] & END_BIT;
    duration = (uint32_t)payload[2] << 8 | payload[3];
    /* The timestamp is the press's name: all its packets have the same (RFC 4733 §2.5.1.2). */
    if (d->has_last && timestamp == d->timestamp) {
        if (!d->is_pressed)
            return true; /* a repetition of its end */
    } else if ((d->has_last && (int32_t)(timestamp - d->timestamp) < 0) ||
               !may_press(&d->paid_us, now_us)) {
        return true; /* of a key before this one, and late; or of one too many */
    } else {
        if (d->is_pressed)
            *ended = *d; /* its end was lost */
        begin(d, payload[0], timestamp);
        *news = AUDIO_DIGIT_BEGUN;
    }
    d->heard_us = now_us;
    /* Durations only grow; an overtaken packet tells a shorter one. */
    if (duration > d->duration)
        d->duration = duration;
    if (is_end) {
        d->is_pressed = false;
        *news = AUDIO_DIGIT_ENDED;
    }
    return true;
}

bool audio_digit_expire(struct audio_digit *d, uint64_t now_us)
{
    /* Three updates missing: the end was lost, the key is up. */
    if (!d->is_pressed || now_us - d->heard_us < EXPIRE_US)
        return false;
    d->is_pressed = false;
    return true;
}
