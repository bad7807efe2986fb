/* A session's part in its conference (session_seat.c) and the smaller procedures of H.245
 * (session_control.c, session_modes.c).
 * For the session_*.c files and conference.c alone. */
#ifndef SERVER_SESSION_CONTROL_H
#define SERVER_SESSION_CONTROL_H

#include <jansson.h>

#include "signalling/h245/engine.h"
#include "signalling/h245/media.h"

struct session;
struct h243_member;
struct h243_ops;
struct per_octets;

/* NULL: none, or not any more. */
struct h243_member *session_seat(const struct session *s);
/* As many as fit, and a zero octet. */
void session_copy_octets(char *to, size_t cap, const struct per_octets *from);

/* What a conference does with its sessions. */
extern const struct h243_ops session_h243_ops;

/* Of what the peer can do with H.243, H.239 and the rest; a procedure of H.245 that got no answer.
 */
void session_control_on_caps(struct session *s, const struct h245_TerminalCapabilitySet *tcs);
void session_control_on_failed(struct session *s, enum h245_procedure procedure);
json_t *session_terminal_json(const struct session *s); /* null: it has no seat */

/* session_modes.c. The mode of a codec, in parts in the arena. False: H.245 has none. */
struct arena;
struct h245_AudioMode;
bool session_audio_mode(struct arena *a, enum h245_codec codec, struct h245_AudioMode *mode);

/* The conference lets it in now: its number, its name, its presence are told. */
void session_take_seat(struct session *s);

/* Callbacks of the H.245 engine, `arg` is the session. */
void session_control_on_ready(void *arg);
bool session_control_on_conference_request(void *arg, const struct h245_ConferenceRequest *request);
void session_control_on_conference_response(void *arg,
                                            const struct h245_ConferenceResponse *response);
bool session_control_on_conference_command(void *arg, const struct h245_ConferenceCommand *command);
bool session_control_on_generic(void *arg, enum h245_generic_class class,
                                const struct h245_GenericMessage *message);
void session_control_on_indication(void *arg, const struct h245_IndicationMessage *indication);
bool session_control_on_conflict(void *arg, uint16_t ours,
                                 const struct h245_OpenLogicalChannel *theirs, bool usual);
void session_control_on_mode_request(void *arg, const struct h245_RequestMode *request);
void session_control_on_mode_answer(void *arg, enum h245_mode_answer answer);
void session_control_on_flow_control(void *arg, const struct h245_FlowControlCommand *command);
void session_control_on_misc_command(void *arg, const struct h245_MiscellaneousCommand *command);

#endif
