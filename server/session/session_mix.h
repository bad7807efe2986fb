/* A session's part in a mix, for conferences (conference_mix.c). */
#ifndef SERVER_SESSION_MIX_H
#define SERVER_SESSION_MIX_H

#include <stdbool.h>
#include <stdint.h>

#include "server/media/media.h"

struct session;

/* RFC 4733 events come under this payload type, as our capabilities say. */
#define SESSION_EVENT_PT 101
/* What we send, and offer to receive, as Opus where nobody has given it a number. */
#define SESSION_OPUS_PT 111

/* What its primary audio would be in a mix, and the port for it. The number of the transport, or 0:
 * there is none yet, or nothing flows. Mute, deafness and gain are the conference's. */
uint32_t session_mix_part(const struct session *s, struct media_mix_member *part,
                          struct media_port **port);
/* The port of that transport while it is open; NULL. */
struct media_port *session_port_of(const struct session *s, uint32_t transport);
bool session_has_port(const struct session *s, const struct media_port *port);

/* A key came as a telephone-event. May end the session. */
void session_on_digit(struct session *s, char digit, uint32_t ms);

/* Where all have one codec: can the session be made to change it while its channels are open? Then
 * it shall, by its timer: our capabilities name the new one, our channel is opened anew, and the
 * peer is asked to do the same with its own. */
bool session_may_change_codec(const struct session *s);
void session_change_codec(struct session *s);
/* The peer has not changed its own yet: what it sends is for nobody. */
bool session_is_outdated(const struct session *s);

#endif
