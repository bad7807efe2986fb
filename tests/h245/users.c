#include "tests/h245/users.h"

#include <CUnit/CUnit.h>
#include <string.h>

struct peer a, b;
static struct h245_engine_ops ops;

struct users_seen seen;

static void on_mode_request(void *arg, const struct h245_RequestMode *request)
{
    (void)arg;
    CU_ASSERT_EQUAL(request->requestedModes.n, 1);
    seen.mode_requests++;
}

static void on_mode_withdrawn(void *arg)
{
    (void)arg;
    seen.mode_withdrawn++;
}

static void on_mode_answer(void *arg, enum h245_mode_answer answer)
{
    (void)arg;
    seen.mode_answers++;
    seen.mode_answer = answer;
}

static void on_loop_request(void *arg, enum h245_loop loop, uint16_t lcn)
{
    (void)arg;
    seen.loop_requests++;
    seen.loop = loop;
    seen.loop_lcn = lcn;
}

static void on_loop_ended(void *arg, enum h245_loop loop, uint16_t lcn)
{
    (void)arg;
    (void)loop;
    (void)lcn;
    seen.loops_ended++;
}

static void on_loop(void *arg, enum h245_loop loop, uint16_t lcn, bool is_on)
{
    (void)arg;
    (void)loop;
    (void)lcn;
    if (is_on)
        seen.loops_on++;
    else
        seen.loops_off++;
}

static void on_rate_request(void *arg, uint16_t lcn, enum h245_direction direction, uint32_t rate)
{
    (void)arg;
    seen.rate_requests++;
    seen.rate_lcn = lcn;
    seen.rate_direction = direction;
    seen.rate = rate;
}

static void on_rate_answer(void *arg, uint16_t lcn, enum h245_direction direction, bool is_granted,
                           uint32_t rate)
{
    (void)arg;
    seen.rate_answers++;
    seen.rate_lcn = lcn;
    seen.rate_direction = direction;
    seen.is_granted = is_granted;
    seen.rate = rate;
}

static bool on_communication_mode_request(void *arg)
{
    (void)arg;
    seen.communication_mode_requests++;
    return seen.takes;
}

static bool on_communication_mode(void *arg,
                                  const struct h245_CommunicationModeTableEntry_list *table,
                                  bool is_command)
{
    (void)arg;
    (void)is_command;
    seen.communication_modes++;
    seen.table_size = table->n;
    return seen.takes;
}

static bool on_conference_request(void *arg, const struct h245_ConferenceRequest *request)
{
    (void)arg;
    seen.conference_requests++;
    seen.conference_kind = request->kind;
    return seen.takes;
}

static bool on_conference_command(void *arg, const struct h245_ConferenceCommand *command)
{
    (void)arg;
    seen.conference_commands++;
    seen.conference_kind = command->kind;
    return seen.takes;
}

static void on_conference_response(void *arg, const struct h245_ConferenceResponse *response)
{
    (void)arg;
    seen.conference_responses++;
    seen.conference_kind = response->kind;
}

static bool on_generic(void *arg, enum h245_generic_class class,
                       const struct h245_GenericMessage *message)
{
    (void)arg;
    seen.generic[class]++;
    (void)h239_read(message, &seen.h239);
    return seen.takes;
}

static void on_indication(void *arg, const struct h245_IndicationMessage *indication)
{
    (void)arg;
    seen.indications++;
    seen.indication_kind = indication->kind;
}

static void on_not_supported(void *arg, const struct h245_MultimediaSystemControlMessage *ours)
{
    (void)arg;
    (void)ours;
    seen.not_supported++;
}

void users_start(void)
{
    memset(&seen, 0, sizeof(seen));
    seen.takes = true;
    ops = peer_ops;
    ops.on_mode_request = on_mode_request;
    ops.on_mode_withdrawn = on_mode_withdrawn;
    ops.on_mode_answer = on_mode_answer;
    ops.on_loop_request = on_loop_request;
    ops.on_loop_ended = on_loop_ended;
    ops.on_loop = on_loop;
    ops.on_rate_request = on_rate_request;
    ops.on_rate_answer = on_rate_answer;
    ops.on_communication_mode_request = on_communication_mode_request;
    ops.on_communication_mode = on_communication_mode;
    ops.on_conference_request = on_conference_request;
    ops.on_conference_command = on_conference_command;
    ops.on_conference_response = on_conference_response;
    ops.on_generic = on_generic;
    ops.on_indication = on_indication;
    ops.on_not_supported = on_not_supported;
    peer_init_with(&a, NULL, 1, &ops);
    peer_init_with(&b, NULL, 2, &ops);
}

void users_start_plain(void)
{
    memset(&seen, 0, sizeof(seen));
    peer_init(&a, NULL, 1);
    peer_init(&b, NULL, 2);
}

void users_stop(void)
{
    peer_fini(&a);
    peer_fini(&b);
}

struct h245_RequestMode *users_mode(void)
{
    static struct h245_AudioMode audio = {.kind = h245_AudioMode_g711Alaw64k};
    static struct h245_ModeElement element = {
        .type = {.kind = h245_ModeElementType_audioMode, .u.audioMode = &audio}};
    static struct h245_ModeDescription description = {1, &element};
    static struct h245_RequestMode mode;

    mode = (struct h245_RequestMode){.requestedModes = {1, &description}};
    return &mode;
}

uint64_t users_refused(const struct peer *p, enum h245_refusal what)
{
    return h245_engine_stats(p->engine)->refused[what];
}
