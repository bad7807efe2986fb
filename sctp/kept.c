#include "sctp/kept.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

int sctp_keep(struct list *list, const struct sctp_message *message)
{
    struct sctp_kept *kept = malloc(sizeof(*kept) + message->len);

    if (kept == NULL)
        return ERR_NOMEM;
    kept->message = *message;
    memcpy(kept + 1, message->data, message->len);
    kept->message.data = (const uint8_t *)(kept + 1);
    list_push_back(list, &kept->link);
    return 0;
}

struct sctp_kept *sctp_kept_first(const struct list *list)
{
    struct list *first = list_first(list);

    return first != NULL ? LIST_ENTRY(first, struct sctp_kept, link) : NULL;
}

void sctp_kept_drop(struct sctp_kept *kept)
{
    list_remove(&kept->link);
    free(kept);
}
