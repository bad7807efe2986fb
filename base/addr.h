/* Network addresses as plain values.
 *
 * `struct addr` is an IPv4 or IPv6 address with a port. It may be copied, compared with memcmp and
 * sent through shared memory: unused bytes are always zero. Nothing here blocks or looks up names.
 */
#ifndef BASE_ADDR_H
#define BASE_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum addr_family {
    ADDR_NONE = 0, /* no address: what zeroed memory is */
    ADDR_IP4 = 4,
    ADDR_IP6 = 6,
};

struct addr {
    uint8_t family;   /* enum addr_family */
    uint8_t reserved; /* zero */
    uint16_t port;    /* host byte order; 0 = none or any */
    uint32_t scope;   /* interface index of an IPv6 link-local address, else 0 */
    uint8_t ip[16];   /* network byte order; IPv4 uses the first four, the rest are zero */
};

/* Room for the longest text of addr_format with its terminating zero:
 * "[" 45 characters of IPv6 "%" 10 digits "]:65535". */
#define ADDR_TEXT_MAX 72

/* A network: the address (port unused) and how many leading bits count. */
struct addr_prefix {
    struct addr addr;
    uint8_t bits; /* 0..32 or 0..128 */
};

/* An IPv4 address from its four bytes (network order), and an IPv6 one from its sixteen. */
struct addr addr_from_ip4(const uint8_t ip[4], uint16_t port);
struct addr addr_from_ip6(const uint8_t ip[16], uint16_t port);

/* The same address with another port. */
struct addr addr_with_port(struct addr a, uint16_t port);

/* Reads "198.18.0.1", "198.18.0.1:1720", "2001:db8::1" or "[2001:db8::1]:1720" ("%3" after an IPv6
 * address gives a numeric scope). Without a port the port is 0. The whole text must be used.
 * ERR_MALFORMED otherwise; *out is then untouched. */
int addr_parse(const char *text, struct addr *out);

/* Reads "198.18.0.0/24" or "2001:db8::/64"; without "/" the prefix is the whole address.
 * ERR_MALFORMED, or ERR_RANGE when the bits exceed the family's. */
int addr_parse_prefix(const char *text, struct addr_prefix *out);

/* Writes the text that addr_parse reads, without ":port" when the port is 0, and "none" for
 * ADDR_NONE. Returns buf. addr_format_ip never writes the port nor the brackets. */
char *addr_format(const struct addr *a, char buf[ADDR_TEXT_MAX]);
char *addr_format_ip(const struct addr *a, char buf[ADDR_TEXT_MAX]);

/* Equal address and port; equal address whatever the port. */
bool addr_is_equal(const struct addr *a, const struct addr *b);
bool addr_is_same_ip(const struct addr *a, const struct addr *b);

/* All-zero address of its family ("any"); ADDR_NONE counts as unspecified too. */
bool addr_is_unspecified(const struct addr *a);
bool addr_is_loopback(const struct addr *a);
bool addr_is_multicast(const struct addr *a);

/* Is the address within the prefix? False across families. */
bool addr_is_in_prefix(const struct addr *a, const struct addr_prefix *prefix);

/* Total order (family, address, scope, port): negative, 0 or positive as with memcmp. */
int addr_compare(const struct addr *a, const struct addr *b);

/* Hash of address and port under a seed; pick a random seed where a peer chooses the keys. */
uint64_t addr_hash(const struct addr *a, uint64_t seed);

/* Bytes of ip[] in use: 4, 16 or 0. */
size_t addr_ip_size(const struct addr *a);

/* From a socket address: ERR_UNSUPPORTED for other families, ERR_INVAL when len is too short. An
 * IPv4-mapped IPv6 address (a dual-stack socket's view of an IPv4 peer) becomes IPv4. */
int addr_from_sockaddr(const struct sockaddr *sa, socklen_t len, struct addr *out);

/* To a socket address; returns its length, 0 for ADDR_NONE. */
socklen_t addr_to_sockaddr(const struct addr *a, struct sockaddr_storage *out);

#endif
