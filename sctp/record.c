#include "sctp/record.h"

#include <stdbool.h>

#include "base/err.h"
#include "sctp/sctp.h"

#define VERSION_1_0 0xfeff /* of a ClientHello, whatever it offers */
#define VERSION_1_2 0xfefd

size_t record_first(const uint8_t *data, size_t len, uint8_t *type)
{
    uint16_t version;
    size_t payload;

    if (len < RECORD_HEADER)
        return 0;
    version = (uint16_t)(data[1] << 8 | data[2]);
    payload = (size_t)data[11] << 8 | data[12];
    if (data[0] < RECORD_CHANGE_CIPHER_SPEC || data[0] > RECORD_DATA ||
        (version != VERSION_1_0 && version != VERSION_1_2) || payload == 0 ||
        payload > RECORD_PAYLOAD_MAX || payload > len - RECORD_HEADER)
        return 0;
    *type = data[0];
    return RECORD_HEADER + payload;
}

int record_of_message(const struct sctp_message *message, uint8_t *type)
{
    uint8_t found;

    if (record_first(message->data, message->len, &found) != message->len || message->len == 0)
        return ERR_MALFORMED;
    if (found != RECORD_DATA && (message->stream != 0 || message->is_unordered))
        return ERR_MALFORMED;
    *type = found;
    return 0;
}
