/* Digits from telephone-events (RFC 4733): one event for each press of a key, whatever is repeated,
 * lost or late. */
#ifndef AUDIO_DIGIT_H
#define AUDIO_DIGIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum audio_digit_news {
    AUDIO_DIGIT_NOTHING, /* a repetition, or an event that is no digit */
    AUDIO_DIGIT_BEGUN,
    AUDIO_DIGIT_ENDED,
};

struct audio_digit {
    bool is_pressed;
    bool has_last;      /* timestamp names an event that was seen */
    uint8_t event;      /* number of the event: 0-9, 10 *, 11 #, 12-15 A-D, 16 flash */
    uint32_t timestamp; /* where it began: what tells one press from the next */
    uint32_t duration;  /* RTP units, the longest that was told */
    uint64_t heard_us;  /* arrival of its last packet */
    uint64_t paid_us;   /* until when the presses so far have used up the rate allowed */
};

/* Takes the payload of a packet. A press of another key that begins while one is held ends that
 * one: *ended is then it, and the news is of the new key. Malformed (false): shorter than four
 * bytes. */
bool audio_digit_packet(struct audio_digit *d, const uint8_t *payload, size_t length,
                        uint32_t timestamp, uint64_t now_us, enum audio_digit_news *news,
                        struct audio_digit *ended);

/* True once when a key is taken for released because nothing more came of it. */
bool audio_digit_expire(struct audio_digit *d, uint64_t now_us);

/* The character of an event: 0-9 * # A-D, '!' for flash, 0 for others. */
char audio_digit_to_char(uint8_t event);

/* What was told of its length, in milliseconds. clock: of the events, Hz; 0 means 8000. */
unsigned audio_digit_ms(const struct audio_digit *d, unsigned clock);

#endif
