/* Callbacks of a fake peer's H.245 engine that only write down what came (peer.heard). */
#ifndef TESTS_SERVER_FAKE_HEARD_H
#define TESTS_SERVER_FAKE_HEARD_H

#include "signalling/h245/engine.h"

void peer_on_indication(void *arg, const struct h245_IndicationMessage *m);
bool peer_on_conference_request(void *arg, const struct h245_ConferenceRequest *request);
void peer_on_conference_response(void *arg, const struct h245_ConferenceResponse *r);
bool peer_on_generic(void *arg, enum h245_generic_class class,
                     const struct h245_GenericMessage *message);
void peer_on_mode_answer(void *arg, enum h245_mode_answer answer);
void peer_on_mode_request(void *arg, const struct h245_RequestMode *request);
void peer_on_keys(void *arg, const struct h245_user_input *input);

#endif
