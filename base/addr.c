/* Addresses as values: text to and from, prefixes, order and hash. What people type in a
 * configuration and what peers write into signalling passes here, so that the parsers take one
 * spelling each and refuse all that inet_aton would guess at ("10.1", octal bytes, blanks). */
#include "base/addr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"

/* Hash and comparison run over all bytes, hence no hole may appear: a padding byte with rubbish in
 * it would make two equal addresses differ. Every constructor starts from a zeroed struct for the
 * same reason (an IPv4 address keeps twelve zero bytes behind its four). */
_Static_assert(sizeof(struct addr) == 24, "struct addr travels through shared memory");

struct addr addr_from_ip4(const uint8_t ip[4], uint16_t port)
{
    struct addr a = {.family = ADDR_IP4, .port = port};
    memcpy(a.ip, ip, 4);
    return a;
}

struct addr addr_from_ip6(const uint8_t ip[16], uint16_t port)
{
    struct addr a = {.family = ADDR_IP6, .port = port};
    memcpy(a.ip, ip, 16);
    return a;
}

struct addr addr_with_port(struct addr a, uint16_t port)
{
    a.port = port;
    return a;
}

/* Decimal digits only, up to max; no sign, no blank, no empty text (strtoul allows all of them). */
static int parse_number(const char *text, size_t len, uint64_t max, uint64_t *out)
{
    uint64_t n = 0;
    /* Ten digits hold UINT32_MAX, the largest that anybody asks for, and can never overflow n. */
    if (len == 0 || len > 10)
        return ERR_MALFORMED;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return ERR_MALFORMED;
        n = n * 10 + (uint64_t)(text[i] - '0');
    }
    if (n > max)
        return ERR_RANGE;
    *out = n;
    return 0;
}

/* One address without brackets and port: text[0..len). */
static int parse_ip(const char *text, size_t len, struct addr *out)
{
    char copy[ADDR_TEXT_MAX];
    struct addr a = {0};
    if (len == 0 || len >= sizeof(copy))
        return ERR_MALFORMED;
    memcpy(copy, text, len);
    copy[len] = '\0';
    /* The scope is a number only: a name ("%eth0") would mean a system call here, and another thing
     * on each of the two machines of a link. */
    char *percent = strchr(copy, '%');
    if (percent != NULL) {
        uint64_t scope = 0;
        if (parse_number(percent + 1, strlen(percent + 1), UINT32_MAX, &scope) != 0)
            return ERR_MALFORMED;
        *percent = '\0';
        a.scope = (uint32_t)scope;
    }
    /* IPv4 has no scope; inet_pton wants all four parts in decimal. */
    if (inet_pton(AF_INET, copy, a.ip) == 1 && percent == NULL)
        a.family = ADDR_IP4;
    else if (inet_pton(AF_INET6, copy, a.ip) == 1)
        a.family = ADDR_IP6;
    else
        return ERR_MALFORMED;
    *out = a;
    return 0;
}

int addr_parse(const char *text, struct addr *out)
{
    struct addr a;
    uint64_t port = 0;
    const char *ip = text, *ip_end = text + strlen(text), *port_text = NULL;
    if (*text == '[') {
        ip = text + 1;
        ip_end = strchr(ip, ']');
        if (ip_end == NULL || (ip_end[1] != '\0' && ip_end[1] != ':'))
            return ERR_MALFORMED;
        port_text = ip_end[1] == ':' ? ip_end + 2 : NULL;
    } else {
        const char *colon = strchr(text, ':');
        /* One colon is "address:port"; two and more are a bare IPv6 address, whose port would be
         * ambiguous and therefore needs the brackets. */
        if (colon != NULL && strchr(colon + 1, ':') == NULL) {
            ip_end = colon;
            port_text = colon + 1;
        }
    }
    if (parse_ip(ip, (size_t)(ip_end - ip), &a) != 0)
        return ERR_MALFORMED;
    /* "[198.18.0.1]:5" is no form of any RFC */
    if (*text == '[' && a.family != ADDR_IP6)
        return ERR_MALFORMED;
    if (port_text != NULL && parse_number(port_text, strlen(port_text), UINT16_MAX, &port) != 0)
        return ERR_MALFORMED;
    a.port = (uint16_t)port;
    *out = a;
    return 0;
}

int addr_parse_prefix(const char *text, struct addr_prefix *out)
{
    struct addr_prefix p = {0};
    uint64_t bits;
    const char *slash = strchr(text, '/');
    size_t len = slash != NULL ? (size_t)(slash - text) : strlen(text);
    if (parse_ip(text, len, &p.addr) != 0)
        return ERR_MALFORMED;
    bits = addr_ip_size(&p.addr) * 8;
    if (slash != NULL) {
        int err = parse_number(slash + 1, strlen(slash + 1), bits, &bits);
        if (err != 0)
            return err;
    }
    p.bits = (uint8_t)bits;
    *out = p;
    return 0;
}

char *addr_format_ip(const struct addr *a, char buf[ADDR_TEXT_MAX])
{
    int af = a->family == ADDR_IP4 ? AF_INET : AF_INET6;
    if (addr_ip_size(a) == 0 || inet_ntop(af, a->ip, buf, ADDR_TEXT_MAX) == NULL) {
        memcpy(buf, "none", 5);
        return buf;
    }
    if (a->scope != 0) {
        size_t len = strlen(buf);
        snprintf(buf + len, ADDR_TEXT_MAX - len, "%%%u", a->scope);
    }
    return buf;
}

char *addr_format(const struct addr *a, char buf[ADDR_TEXT_MAX])
{
    char ip[ADDR_TEXT_MAX];
    if (a->port == 0 || addr_ip_size(a) == 0)
        return addr_format_ip(a, buf);
    addr_format_ip(a, ip);
    /* 57 = the longest that addr_format_ip makes: 45 of IPv6, "%", 10 digits, zero */
    if (a->family == ADDR_IP6)
        snprintf(buf, ADDR_TEXT_MAX, "[%.57s]:%u", ip, a->port);
    else
        snprintf(buf, ADDR_TEXT_MAX, "%.57s:%u", ip, a->port);
    return buf;
}

bool addr_is_same_ip(const struct addr *a, const struct addr *b)
{
    /* All sixteen bytes although IPv4 uses four: the rest is zero by construction (see the
     * assertion at the top), and one memcmp without a branch is what the data path wants. */
    return a->family == b->family && a->scope == b->scope && memcmp(a->ip, b->ip, 16) == 0;
}

bool addr_is_equal(const struct addr *a, const struct addr *b)
{
    return a->port == b->port && addr_is_same_ip(a, b);
}

bool addr_is_unspecified(const struct addr *a)
{
    static const uint8_t zero[16];
    return memcmp(a->ip, zero, 16) == 0;
}

bool addr_is_loopback(const struct addr *a)
{
    static const uint8_t one[16] = {[15] = 1};
    if (a->family == ADDR_IP4)
        return a->ip[0] == 127;
    return a->family == ADDR_IP6 && memcmp(a->ip, one, 16) == 0;
}

bool addr_is_multicast(const struct addr *a)
{
    if (a->family == ADDR_IP4)
        return (a->ip[0] & 0xf0) == 0xe0;
    return a->family == ADDR_IP6 && a->ip[0] == 0xff;
}

bool addr_is_in_prefix(const struct addr *a, const struct addr_prefix *prefix)
{
    size_t whole = prefix->bits / 8;
    if (a->family != prefix->addr.family || whole > addr_ip_size(a) ||
        memcmp(a->ip, prefix->addr.ip, whole) != 0)
        return false;
    /* whole bytes are settled; from here on bits are left */
    if (prefix->bits % 8 == 0)
        return true;
    if (whole >= addr_ip_size(a))
        return false;
    uint8_t mask = (uint8_t)(0xff00u >> (prefix->bits % 8));
    return ((a->ip[whole] ^ prefix->addr.ip[whole]) & mask) == 0;
}

int addr_compare(const struct addr *a, const struct addr *b)
{
    if (a->family != b->family)
        return a->family < b->family ? -1 : 1;
    int order = memcmp(a->ip, b->ip, 16);
    if (order != 0)
        return order;
    if (a->scope != b->scope)
        return a->scope < b->scope ? -1 : 1;
    return (a->port > b->port) - (a->port < b->port);
}

/* Finaliser of splitmix64: every input bit reaches every output bit. */
static uint64_t mix64(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

uint64_t addr_hash(const struct addr *a, uint64_t seed)
{
    /* Three words and no loop over bytes: the data path hashes a source address per packet. The
     * seed keeps a peer who chooses its own address from choosing its bucket too. */
    uint64_t word[3];
    memcpy(word, a, sizeof(*a));
    uint64_t h = mix64(seed ^ word[0]);
    h = mix64(h + word[1]);
    return mix64(h + word[2]);
}

size_t addr_ip_size(const struct addr *a)
{
    if (a->family == ADDR_IP4)
        return 4;
    return a->family == ADDR_IP6 ? 16 : 0;
}

int addr_from_sockaddr(const struct sockaddr *sa, socklen_t len, struct addr *out)
{
    /* copied, because the caller's storage may be aligned for sockaddr only */
    if (len >= sizeof(struct sockaddr_in) && sa->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, sa, sizeof(in));
        *out = addr_from_ip4((const uint8_t *)&in.sin_addr, ntohs(in.sin_port));
        return 0;
    }
    if (len >= sizeof(struct sockaddr_in6) && sa->sa_family == AF_INET6) {
        struct sockaddr_in6 in;
        memcpy(&in, sa, sizeof(in));
        /* A dual-stack socket shows IPv4 peers as ::ffff:a.b.c.d. Kept in that form, the same peer
         * would differ from itself as signalling wrote it, and prefixes of IPv4 would not hold for
         * it. */
        if (IN6_IS_ADDR_V4MAPPED(&in.sin6_addr)) {
            *out = addr_from_ip4(in.sin6_addr.s6_addr + 12, ntohs(in.sin6_port));
            return 0;
        }
        *out = addr_from_ip6(in.sin6_addr.s6_addr, ntohs(in.sin6_port));
        out->scope = in.sin6_scope_id;
        return 0;
    }
    /* Right family and too short is the caller's fault, another family (AF_UNIX) is not. */
    if (len >= sizeof(sa_family_t) && (sa->sa_family == AF_INET || sa->sa_family == AF_INET6))
        return ERR_INVAL;
    return ERR_UNSUPPORTED;
}

socklen_t addr_to_sockaddr(const struct addr *a, struct sockaddr_storage *out)
{
    memset(out, 0, sizeof(*out));
    if (a->family == ADDR_IP4) {
        struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(a->port)};
        memcpy(&in.sin_addr, a->ip, 4);
        memcpy(out, &in, sizeof(in));
        return sizeof(in);
    }
    if (a->family == ADDR_IP6) {
        struct sockaddr_in6 in = {.sin6_family = AF_INET6, .sin6_port = htons(a->port)};
        memcpy(&in.sin6_addr, a->ip, 16);
        in.sin6_scope_id = a->scope;
        memcpy(out, &in, sizeof(in));
        return sizeof(in);
    }
    return 0;
}
