/* Keys that a user of the endpoint presses: each is held for 100 ms, and 100 ms later comes the
 * next. How they travel is somebody else's affair: as RFC 4733 events in the audio's stream, for
 * which the payloads are made here, or by H.245. A step is a frame of 20 ms. Sans I/O. */
#ifndef BENCH_ENDPOINT_KEYS_H
#define BENCH_ENDPOINT_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEYS_MAX         64
#define KEYS_HELD_MS     100
#define KEYS_EVENT_BYTES 4

struct keys {
    char text[KEYS_MAX];
    size_t count, at; /* of `text`: how many there are, and which one is next or held */
    unsigned frame;   /* of that key; 0: not begun */
};

struct keys_step {
    char key;
    bool is_begin; /* its first frame */
    bool has_event;
    uint8_t event[KEYS_EVENT_BYTES]; /* payload of this frame's packet instead of the audio's */
    unsigned since_frames;           /* the packet's timestamp is that of so many frames ago */
};

/* Adds to what is to be pressed: 0-9 * # A-D. ERR_INVAL: another character; ERR_LIMIT. */
int keys_press(struct keys *k, const char *text);
bool keys_are_done(const struct keys *k);
size_t keys_waiting(const struct keys *k); /* not pressed yet */
/* One frame later. False: no key is down, nor is there one to press. */
bool keys_step(struct keys *k, struct keys_step *out);

#endif
