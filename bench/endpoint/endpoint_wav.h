/* Reading and writing of the WAV files that the endpoint plays and records: 8 kHz, mono, 16-bit
 * PCM; G.711 files (format tags 6 and 7) are read too. Samples are linear 16-bit in memory. */
#ifndef BENCH_ENDPOINT_WAV_H
#define BENCH_ENDPOINT_WAV_H

#include <stddef.h>
#include <stdint.h>

/* Reads a file; *samples is malloc'ed and the caller's. Returns 0 or a negative enum err; `why`
 * (of `cap` bytes) then says what was wrong with the file. */
int wav_read(const char *path, int16_t **samples, size_t *count, char *why, size_t cap);

/* Writes 8 kHz mono 16-bit PCM. 0 or ERR_IO. */
int wav_write(const char *path, const int16_t *samples, size_t count);

#endif
