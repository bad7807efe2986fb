/* Messages that wait in a list: copies of struct sctp_message, each with its octets in one piece of
 * memory. No thread of its own: a list belongs to whoever holds it. */
#ifndef SCTP_KEPT_H
#define SCTP_KEPT_H

#include "base/list.h"
#include "sctp/sctp.h"

struct sctp_kept {
    struct list link;
    struct sctp_message message; /* its data stand behind this struct */
};

/* A copy of the message at the end of the list. ERR_NOMEM. */
int sctp_keep(struct list *list, const struct sctp_message *message);
/* The oldest; NULL: none waits. */
struct sctp_kept *sctp_kept_first(const struct list *list);
/* Out of its list, and freed. */
void sctp_kept_drop(struct sctp_kept *kept);

#endif
