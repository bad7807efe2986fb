/* One line about a call signalling message for logs and call ladders. */
#ifndef SIGNALLING_H225_SUMMARY_H
#define SIGNALLING_H225_SUMMARY_H

#include <stddef.h>
#include <stdint.h>

#define H225_SUMMARY_MAX 200

/* Writes "Setup ref=7590 to=demo tunnelling h245=1" and the like for an encoded Q.931 message,
 * cut to `cap` octets with its terminating zero. What cannot be decoded is said so. Returns
 * `text`, which holds nothing but printable characters (aliases may be UTF-8). */
const char *h225_summary(const uint8_t *message, size_t len, char *text, size_t cap);

#endif
