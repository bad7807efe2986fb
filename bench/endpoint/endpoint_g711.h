/* G.711 companding for the test endpoint: one sample at a time, from the definition in ITU-T
 * G.711 (no tables). Values are linear PCM of 16 bits. Pure, any thread. */
#ifndef BENCH_ENDPOINT_G711_H
#define BENCH_ENDPOINT_G711_H

#include <stdint.h>

enum law { LAW_A, LAW_MU };

/* RTP payload types (RFC 3551 table 4). */
#define G711_PT_ULAW 0
#define G711_PT_ALAW 8

uint8_t law_encode(enum law law, int16_t sample);
int16_t law_decode(enum law law, uint8_t code);

#endif
