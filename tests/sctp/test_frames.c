/* Frames of RFC 4571, in whatever pieces the stream brings them. */
#include "sctp/frames.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "tests/suite.h"

#define FRAME_MAX 300

/* Gives the stream in pieces of `step`; the frames that came out, one after the other. */
static int feed(struct frames *f, const uint8_t *stream, size_t len, size_t step, uint8_t *out,
                size_t *out_len, unsigned *count)
{
    const uint8_t *data;
    size_t n, room, at = 0;
    int err = ERR_AGAIN;

    *out_len = 0;
    *count = 0;
    while (at < len && err == ERR_AGAIN) {
        uint8_t *to = frames_room(f, &room);

        CU_ASSERT(room > 0);
        n = step < len - at ? step : len - at;
        n = n < room ? n : room;
        memcpy(to, stream + at, n);
        frames_add(f, n);
        at += n;
        while ((err = frames_next(f, &data, &n)) == 0) {
            memcpy(out + *out_len, data, n);
            *out_len += n;
            ++*count;
        }
    }
    return err;
}

static void frames_in_any_pieces_come_out_whole(void)
{
    uint8_t stream[4 * (FRAME_MAX + 2)], wanted[4 * FRAME_MAX], out[4 * FRAME_MAX];
    const size_t lengths[] = {1, 0, FRAME_MAX, 7, 299};
    size_t at = 0, all = 0, len;
    unsigned count;

    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        frames_header(stream + at, (uint16_t)lengths[i]);
        at += FRAMES_HEADER;
        for (size_t k = 0; k < lengths[i]; k++)
            stream[at++] = wanted[all++] = (uint8_t)(i * 50 + k);
    }
    for (size_t step = 1; step < at + 5; step++) {
        struct frames f;

        CU_ASSERT_EQUAL_FATAL(frames_init(&f, FRAME_MAX), 0);
        CU_ASSERT_EQUAL(feed(&f, stream, at, step, out, &len, &count), ERR_AGAIN);
        CU_ASSERT_EQUAL(count, 4); /* the empty one is none */
        CU_ASSERT_EQUAL(len, all);
        CU_ASSERT_EQUAL(memcmp(out, wanted, all), 0);
        frames_fini(&f);
    }
}

static void frame_too_long_is_refused_before_its_octets_come(void)
{
    const uint8_t stream[] = {0, 2, 'a', 'b', (FRAME_MAX + 1) >> 8, (FRAME_MAX + 1) & 0xff};
    uint8_t out[FRAME_MAX];
    struct frames f;
    size_t len;
    unsigned count;

    CU_ASSERT_EQUAL_FATAL(frames_init(&f, FRAME_MAX), 0);
    CU_ASSERT_EQUAL(feed(&f, stream, sizeof(stream), 3, out, &len, &count), ERR_RANGE);
    CU_ASSERT_EQUAL(count, 1);
    CU_ASSERT_EQUAL(len, 2);
    frames_fini(&f);
}

static void header_is_network_order(void)
{
    uint8_t head[FRAMES_HEADER];

    frames_header(head, 0x1234);
    CU_ASSERT_EQUAL(head[0], 0x12);
    CU_ASSERT_EQUAL(head[1], 0x34);
}

SUITE("sctp/frames", TEST(frames_in_any_pieces_come_out_whole),
      TEST(frame_too_long_is_refused_before_its_octets_come), TEST(header_is_network_order))
