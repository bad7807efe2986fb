#include "bench/endpoint/endpoint_g711.h"

#define ULAW_BIAS 132
#define ULAW_CLIP 32635

/* Position of the highest set bit of `v` above bit `base`: the segment number, 0..7. */
static unsigned segment_of(unsigned v, unsigned base)
{
    unsigned seg = 0;
    while (seg < 7 && (v >> (base + seg)) > 1)
        seg++;
    return seg;
}

static uint8_t alaw_encode(int sample)
{
    /* Even bits are inverted on the line (G.711 §3.1); the sign bit is set for positive values. */
    uint8_t mask = 0xd5;
    int v = sample >> 3;
    if (v < 0) {
        mask = 0x55;
        v = -v - 1;
    }
    unsigned mag = (unsigned)v;
    unsigned seg = segment_of(mag, 4);
    /* Segments 0 and 1 share one step size, so segment 0 starts below bit 5. */
    unsigned code = seg == 0 ? (mag >> 1) & 0x0f : (mag >> seg) & 0x0f;
    return (uint8_t)((seg << 4 | code) ^ mask);
}

static int alaw_decode(uint8_t code)
{
    code ^= 0x55;
    unsigned seg = (code >> 4) & 7;
    int v = (code & 0x0f) << 4;
    v += seg == 0 ? 8 : 0x108;
    if (seg > 1)
        v <<= seg - 1;
    return code & 0x80 ? v : -v;
}

static uint8_t ulaw_encode(int sample)
{
    unsigned sign = sample < 0 ? 0x80 : 0;
    int v = sample < 0 ? -sample : sample;
    if (v > ULAW_CLIP)
        v = ULAW_CLIP;
    unsigned mag = (unsigned)(v + ULAW_BIAS);
    unsigned seg = segment_of(mag, 7);
    unsigned code = (mag >> (seg + 3)) & 0x0f;
    return (uint8_t) ~(sign | seg << 4 | code);
}

static int ulaw_decode(uint8_t code)
{
    code = (uint8_t)~code;
    int v = (((code & 0x0f) << 3) + ULAW_BIAS) << ((code >> 4) & 7);
    return code & 0x80 ? ULAW_BIAS - v : v - ULAW_BIAS;
}

uint8_t law_encode(enum law law, int16_t sample)
{
    return law == LAW_MU ? ulaw_encode(sample) : alaw_encode(sample);
}

int16_t law_decode(enum law law, uint8_t code)
{
    return (int16_t)(law == LAW_MU ? ulaw_decode(code) : alaw_decode(code));
}
