/* One line about an H.245 PDU for logs and call ladders: message, channel, what matters in it. */
#ifndef SIGNALLING_H245_SUMMARY_H
#define SIGNALLING_H245_SUMMARY_H

#include <stddef.h>

struct h245_MultimediaSystemControlMessage;

#define H245_SUMMARY_MAX 160

/* Writes the line, cut to `cap` octets with its terminating zero. Returns `text`. Nothing in it
 * but printable ASCII, whatever the peer sent. */
const char *h245_summary(const struct h245_MultimediaSystemControlMessage *pdu, char *text,
                         size_t cap);

/* The message's name alone, as the Recommendation spells it ("openLogicalChannelAck"). */
const char *h245_message_name(const struct h245_MultimediaSystemControlMessage *pdu);

#endif
