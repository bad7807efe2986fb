#include "bench/endpoint/endpoint_keys.h"

#include <string.h>

#include "base/err.h"

#define HELD        5 /* frames */
#define REPEATS     2 /* of the packet that ends a key (RFC 4733 section 2.5.1.4) */
#define GAP         3 /* frames of audio before the next key */
#define FRAME_UNITS 160
#define VOLUME      10 /* -10 dBm0 */
#define END_BIT     0x80

static const char keys_in_order[] = "0123456789*#ABCD"; /* the number of an event is its place */

int keys_press(struct keys *k, const char *text)
{
    size_t n = strlen(text);

    if (n == 0 || strspn(text, keys_in_order) != n)
        return ERR_INVAL;
    if (keys_are_done(k))
        *k = (struct keys){0};
    if (k->count + n > KEYS_MAX)
        return ERR_LIMIT;
    memcpy(k->text + k->count, text, n);
    k->count += n;
    return 0;
}

bool keys_are_done(const struct keys *k)
{
    return k->at == k->count;
}

size_t keys_waiting(const struct keys *k)
{
    return k->count - k->at - (k->frame > 0);
}

/* All packets of an event have the timestamp of its beginning, and tell how long it has lasted. */
static void write_event(const struct keys *k, struct keys_step *out)
{
    unsigned frames = k->frame < HELD ? k->frame : HELD;
    unsigned units = frames * FRAME_UNITS;

    out->has_event = true;
    out->since_frames = k->frame - 1;
    out->event[0] = (uint8_t)(strchr(keys_in_order, k->text[k->at]) - keys_in_order);
    out->event[1] = (uint8_t)(VOLUME | (k->frame >= HELD ? END_BIT : 0));
    out->event[2] = (uint8_t)(units >> 8);
    out->event[3] = (uint8_t)units;
}

bool keys_step(struct keys *k, struct keys_step *out)
{
    memset(out, 0, sizeof(*out));
    if (keys_are_done(k))
        return false;
    k->frame++;
    out->key = k->text[k->at];
    out->is_begin = k->frame == 1;
    if (k->frame <= HELD + REPEATS)
        write_event(k, out);
    if (k->frame == HELD + REPEATS + GAP) {
        k->frame = 0;
        k->at++;
    }
    return true;
}
