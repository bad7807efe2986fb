/* Frames on a stream (RFC 4571): cut at any place, they are the frames of the whole. */
#include "sctp/frames.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

#define FRAME_MAX 1000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
    uint64_t hash;
    unsigned frames;
    int end;
};

static void run(const uint8_t *data, size_t size, size_t step, struct seen *seen)
{
    struct frames f;
    size_t at = 0;

    if (frames_init(&f, FRAME_MAX) != 0)
        return;
    memset(seen, 0, sizeof(*seen));
    seen->end = ERR_AGAIN;
    while (at < size && seen->end == ERR_AGAIN) {
        const uint8_t *frame;
        size_t room, len, n;
        uint8_t *to = frames_room(&f, &room);

        if (room == 0)
            abort(); /* nothing more could ever come in */
        n = step < room ? step : room;
        n = n < size - at ? n : size - at;
        memcpy(to, data + at, n);
        frames_add(&f, n);
        at += n;
        while ((seen->end = frames_next(&f, &frame, &len)) == 0) {
            if (len == 0 || len > FRAME_MAX)
                abort();
            for (size_t i = 0; i < len; i++)
                seen->hash = seen->hash * 31 + frame[i];
            seen->frames++;
        }
    }
    frames_fini(&f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct seen whole, cut;

    if (size < 1)
        return 0;
    run(data + 1, size - 1, size, &whole);
    run(data + 1, size - 1, (size_t)data[0] + 1, &cut);
    if (whole.hash != cut.hash || whole.frames != cut.frames || whole.end != cut.end)
        abort();
    return 0;
}
