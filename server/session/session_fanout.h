/* A session's channels in a conference of kind forward (conference_forward.c). */
#ifndef SERVER_SESSION_FANOUT_H
#define SERVER_SESSION_FANOUT_H

struct session;

/* Opens and closes ours as the others open and close theirs. */
void session_fanout_follow(struct session *s);

#endif
