#include "signalling/h225/q931.h"

#include "base/err.h"

#include <string.h>

/* Q.931 messages as H.225.0 uses them: octets to fields and back, no copies. */
#define DISCRIMINATOR 0x08 /* Q.931 §4.2 */
#define UUIE_ASN1     0x05 /* H.225.0 §7.2.2.31: X.208/X.209 coded user information */
#define IE_USER_USER  0x7e
#define IE_SHIFT      0x90 /* high nibble of a code set shift */

/* Ascending identifiers: Q.931 §4.5.1 wants them in this order on the wire. */
static const struct ie_field {
    uint8_t id;
    size_t offset;
} ie_fields[] = {
    {0x04, offsetof(struct q931_msg, bearer)},     {0x08, offsetof(struct q931_msg, cause)},
    {0x14, offsetof(struct q931_msg, call_state)}, {0x1c, offsetof(struct q931_msg, facility)},
    {0x1e, offsetof(struct q931_msg, progress)},   {0x27, offsetof(struct q931_msg, notification)},
    {0x28, offsetof(struct q931_msg, display)},    {0x2c, offsetof(struct q931_msg, keypad)},
    {0x34, offsetof(struct q931_msg, signal)},     {0x4c, offsetof(struct q931_msg, connected)},
    {0x6c, offsetof(struct q931_msg, calling)},    {0x70, offsetof(struct q931_msg, called)},
};
#define IE_FIELDS (sizeof(ie_fields) / sizeof(ie_fields[0]))

struct cursor {
    const uint8_t *at;
    const uint8_t *end;
    unsigned codeset;      /* locked */
    unsigned codeset_next; /* of the element that follows */
};

static size_t left(const struct cursor *c)
{
    return (size_t)(c->end - c->at);
}

static struct q931_bytes *field_of(struct q931_msg *msg, uint8_t id)
{
    /* A dozen: a search costs less than a table of 256. */
    for (size_t i = 0; i < IE_FIELDS; i++)
        if (ie_fields[i].id == id)
            return (struct q931_bytes *)((char *)msg + ie_fields[i].offset);
    return NULL;
}

/* Discriminator, call reference, type: what every Q.931 message begins with. */
static int take_header(struct cursor *c, struct q931_msg *msg)
{
    size_t ref_len;

    if (left(c) < 2)
        return ERR_TRUNCATED;
    /* The upper half of the length octet is spare, and zero. */
    if (c->at[0] != DISCRIMINATOR || (c->at[1] & 0xf0) != 0)
        return ERR_MALFORMED;
    ref_len = c->at[1];
    /* H.225.0: two octets; one is taken as well, zero is a message about no call. */
    if (ref_len > 2)
        return ERR_MALFORMED;
    c->at += 2;
    if (left(c) < ref_len + 1)
        return ERR_TRUNCATED;
    if (ref_len > 0) {
        msg->from_destination = (c->at[0] & 0x80) != 0;
        msg->call_ref = c->at[0] & 0x7f;
        if (ref_len == 2)
            msg->call_ref = (uint16_t)(msg->call_ref << 8 | c->at[1]);
    }
    c->at += ref_len;
    msg->type = *c->at++;
    /* Types with the top bit are extensions that nobody has made. */
    return (msg->type & 0x80) != 0 ? ERR_MALFORMED : 0;
}

/* User-user has two length octets in H.225.0, and the discriminator counts. */
static int take_user_user(struct cursor *c, struct q931_msg *msg)
{
    size_t len;

    if (left(c) < 2)
        return ERR_TRUNCATED;
    len = (size_t)c->at[0] << 8 | c->at[1];
    c->at += 2;
    if (left(c) < len)
        return ERR_TRUNCATED;
    if (len < 1)
        /* The first that is ASN.1; other User-user contents are users' own. */
        return ERR_MALFORMED;
    if (c->at[0] == UUIE_ASN1 && msg->user_user.data == NULL)
        msg->user_user = (struct q931_bytes){c->at + 1, len - 1};
    else
        msg->elements_skipped++;
    c->at += len;
    return 0;
}

/* One information element: its identifier, a length octet, the content. */
static int take_element(struct cursor *c, struct q931_msg *msg, unsigned codeset)
{
    uint8_t id = *c->at++;
    struct q931_bytes *field;
    size_t len;
    /* Only in code set 0: another set may use the number for something else. */

    if (id == IE_USER_USER && codeset == 0)
        return take_user_user(c, msg);
    if (left(c) < 1)
        return ERR_TRUNCATED;
    len = *c->at++;
    if (left(c) < len)
        return ERR_TRUNCATED;
    /* The first of its kind counts (Q.931 5.8.5.2 takes the first as well). */
    field = codeset == 0 ? field_of(msg, id) : NULL;
    if (field != NULL && field->data == NULL)
        *field = (struct q931_bytes){c->at, len};
    else
        msg->elements_skipped++;
    c->at += len;
    return 0;
}

/* Code sets and single octets are stepped over; all else is an element. */
static int take_next(struct cursor *c, struct q931_msg *msg)
{
    uint8_t id = *c->at;
    unsigned codeset = c->codeset_next;

    if ((id & 0xf0) == IE_SHIFT) { /* bit 4 set: for the next element alone */
        c->codeset_next = id & 7u;
        /* Without bit 4 the set stays until the next shift. */
        if ((id & 0x08) == 0)
            c->codeset = c->codeset_next;
        c->at++;
        return 0;
        /* A shift for one element is over. */
    }
    c->codeset_next = c->codeset;
    if ((id & 0x80) == 0)
        return take_element(c, msg, codeset);
    msg->elements_skipped++; /* an element of a single octet: none of them matters here */
    c->at++;
    return 0;
}

int q931_decode(const uint8_t *data, size_t len, struct q931_msg *msg)
{
    struct cursor c = {data, data + len, 0, 0};
    struct q931_msg m = {0};
    int err;

    err = take_header(&c, &m);
    while (err == 0 && left(&c) > 0)
        err = take_next(&c, &m);
    if (err == 0)
        /* All or nothing: half a message is none. */
        *msg = m;
    return err;
}

/* The place that is written to; an error stays, and nothing is written after it. */
struct sink {
    uint8_t *at;
    uint8_t *end;
    int err;
};

static void put(struct sink *s, const void *data, size_t len)
{
    /* After the first error nothing is written, so that callers ask once at the end. */
    if (s->err != 0 || (size_t)(s->end - s->at) < len) {
        s->err = ERR_RANGE;
        return;
    }
    if (len > 0)
        memcpy(s->at, data, len);
    s->at += len;
}

static void put_u8(struct sink *s, unsigned value)
{
    uint8_t octet = (uint8_t)value;

    put(s, &octet, 1);
}

static void put_element(struct sink *s, uint8_t id, const struct q931_bytes *b)
{
    if (b->data == NULL)
        return;
    /* One octet of length; only User-user has two. */
    if (b->len > 255)
        s->err = ERR_RANGE;
    put_u8(s, id);
    put_u8(s, (unsigned)b->len);
    put(s, b->data, b->len);
}

static void put_user_user(struct sink *s, const struct q931_bytes *b)
{
    size_t len = b->len + 1;

    if (b->data == NULL)
        return;
    if (len > 65535)
        s->err = ERR_RANGE;
    put_u8(s, IE_USER_USER);
    put_u8(s, (unsigned)(len >> 8));
    put_u8(s, (unsigned)(len & 0xff));
    put_u8(s, UUIE_ASN1);
    put(s, b->data, b->len);
}

int q931_encode(const struct q931_msg *msg, uint8_t *out, size_t cap, size_t *len)
{
    struct sink s = {out, out + cap, 0};
    unsigned ref = msg->call_ref | (msg->from_destination ? 0x8000u : 0);

    if (msg->call_ref > 0x7fff || (msg->type & 0x80) != 0)
        return ERR_RANGE;
    put_u8(&s, DISCRIMINATOR);
    put_u8(&s, 2);
    put_u8(&s, ref >> 8);
    put_u8(&s, ref & 0xff);
    put_u8(&s, msg->type);
    /* In the order of the table. */
    for (size_t i = 0; i < IE_FIELDS; i++)
        put_element(&s, ie_fields[i].id,
                    (const struct q931_bytes *)((const char *)msg + ie_fields[i].offset));
    put_user_user(&s, &msg->user_user);
    if (s.err != 0)
        return s.err;
    *len = (size_t)(s.at - out);
    return 0;
}

/* Octet 3a (recommendation) may stand between the location and the value. */
unsigned q931_cause_of(const struct q931_msg *msg)
{
    const struct q931_bytes *b = &msg->cause;
    size_t at = 0;

    if (b->data == NULL || b->len < 2)
        return Q931_CAUSE_NONE;
    /* Extension bit clear: octet 3a follows. */
    if ((b->data[0] & 0x80) == 0)
        at = 1;
    return at + 1 < b->len ? b->data[at + 1] & 0x7fu : Q931_CAUSE_NONE;
}

struct q931_bytes q931_cause_make(unsigned cause, uint8_t out[static 2])
{
    out[0] = 0x80; /* ITU-T coding, location: user */
    out[1] = (uint8_t)(0x80 | (cause & 0x7f));
    return (struct q931_bytes){out, 2};
}

/* "Called" and "Calling party number" have the same form (Q.931 4.5.8, 4.5.10). */
int q931_number_of(struct q931_bytes element, char *digits, size_t cap)
{
    size_t at;

    if (element.data == NULL || element.len == 0)
        return ERR_NOTFOUND;
    at = (element.data[0] & 0x80) != 0 ? 1 : 2; /* presentation and screening may be there */
    if (at >= element.len)
        return ERR_NOTFOUND;
    if (element.len - at >= cap)
        return ERR_RANGE;
    for (size_t i = at; i < element.len; i++)
        /* A number that goes into logs and into the dial plan has nothing else in it. */
        if (element.data[i] == 0 || strchr("0123456789*#,+ABCDabcd", element.data[i]) == NULL)
            return ERR_MALFORMED;
    memcpy(digits, element.data + at, element.len - at);
    digits[element.len - at] = '\0';
    return 0;
}

int q931_number_make(const char *digits, uint8_t *out, size_t cap, struct q931_bytes *element)
{
    size_t len = strlen(digits);

    /* One octet of length. */
    if (len + 1 > cap || len > 254)
        return ERR_RANGE;
    out[0] = 0x81; /* unknown type, ISDN numbering plan */
    memcpy(out + 1, digits, len);
    *element = (struct q931_bytes){out, len + 1};
    return 0;
}

const char *q931_type_to_str(unsigned type)
{
    switch (type) {
#define Q931_TYPE_TEXT(name, value, text) \
    case name:                            \
        return text;
        Q931_TYPE_LIST(Q931_TYPE_TEXT)
#undef Q931_TYPE_TEXT
    default:
        return "unknown message";
    }
}

const char *q931_cause_to_str(unsigned cause)
{
    switch (cause) {
#define Q931_CAUSE_TEXT(name, value, text) \
    case name:                             \
        return text;
        Q931_CAUSE_LIST(Q931_CAUSE_TEXT)
#undef Q931_CAUSE_TEXT
    default:
        return "unknown cause";
    }
}
