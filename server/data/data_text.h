/* Octets as text for JSON (RFC 4648 base64), both ways. Pure functions. */
#ifndef SERVER_DATA_TEXT_H
#define SERVER_DATA_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* To be freed; NULL: out of memory. */
char *data_base64(const uint8_t *data, size_t len);

/* Octets to be freed. ERR_MALFORMED: a character that is none, a wrong length; ERR_NOMEM. */
int data_unbase64(const char *text, uint8_t **data, size_t *len);

#endif
