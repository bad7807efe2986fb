/* G.711 companding for the test endpoint: one sample at a time, from the definition in ITU-T
 * G.711 (no tables). Values are linear PCM of 16 bits. Pure, any thread. */
#ifndef BENCH_ENDPOINT_G711_H
#define BENCH_ENDPOINT_G711_H

#include <stdint.h>

enum g711_law { G711_ALAW, G711_ULAW };

/* RTP payload types (RFC 3551 table 4). */
#define G711_PT_ULAW 0
#define G711_PT_ALAW 8

uint8_t g711_encode(enum g711_law law, int16_t sample);
int16_t g711_decode(enum g711_law law, uint8_t code);

/* RTP payload type of a law, and back (anything but PCMU counts as A-law). */
uint8_t g711_payload_type(enum g711_law law);

#endif
