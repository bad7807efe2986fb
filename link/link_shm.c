/* Layout of the shared memory, the versioned entries of the statistics, memfds and fd passing.
 * Offsets are computed from the same three numbers on both sides, never sent. */
#include "link/link_shm.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"

#define PAGE      4096u /* alignment of parts; right for larger pages too */
#define HUGE_PAGE (2u * 1024 * 1024)

static size_t round_page(size_t n)
{
    return (n + PAGE - 1) & ~(size_t)(PAGE - 1);
}

int link_layout_make(uint32_t workers, uint32_t producers, uint32_t slots, struct link_layout *out)
{
    size_t pairs = (size_t)workers * producers * 2;

    if (workers == 0 || workers > LINK_WORKERS_MAX || producers == 0 ||
        producers > LINK_PRODUCERS_MAX || slots < 8 || slots > LINK_SLOTS_MAX ||
        /* Bounds first of all: the products below then fit a size_t many times over. */
        (slots & (slots - 1)) != 0)
        return ERR_RANGE;
    out->workers = workers;
    out->producers = producers;
    out->slots = slots;
    /* Sleep flags, ring heads, slots: each part on lines of its own, so that no two writers share
     * one. */
    out->rings = (workers + producers) * sizeof(struct link_sleep);
    out->slot = round_page(out->rings + pairs * sizeof(struct link_ring_shared));
    out->size = out->slot + pairs * slots * sizeof(struct link_msg);
    return 0;
}

struct link_sleep *link_layout_worker(const struct link_layout *layout, void *base, unsigned w)
{
    (void)layout;
    return (struct link_sleep *)base + w;
}

struct link_sleep *link_layout_producer(const struct link_layout *layout, void *base, unsigned p)
{
    return (struct link_sleep *)base + layout->workers + p;
}

void link_layout_ring(const struct link_layout *layout, void *base, unsigned worker,
                      unsigned producer, enum link_way way, struct link_ring *ring)
{
    size_t n = ((size_t)worker * layout->producers + producer) * 2 + (way == LINK_UP);
    unsigned char *at = base;

    link_ring_init(ring, (struct link_ring_shared *)(void *)(at + layout->rings) + n,
                   (struct link_msg *)(void *)(at + layout->slot) + n * layout->slots,
                   layout->slots);
}

/* The fence stands between "I sleep" and the sleeper's last look at the rings, here; and between
 * the message and the look at the flag, in link_sleep_take. One of the two sees the other. */
void link_sleep_set(struct link_sleep *sleep, uint32_t sleeping)
{
    atomic_store_explicit(&sleep->sleeping, sleeping, memory_order_relaxed);
    atomic_thread_fence(memory_order_seq_cst);
}

_Bool link_sleep_take(struct link_sleep *sleep)
{
    atomic_thread_fence(memory_order_seq_cst);
    if (atomic_load_explicit(&sleep->sleeping, memory_order_relaxed) == 0)
        return 0;
    /* Exchange: of several producers that see a sleeper one pays the system call. */
    return atomic_exchange_explicit(&sleep->sleeping, 0, memory_order_relaxed) != 0;
}

size_t link_stats_size(uint32_t workers, uint32_t transports, uint32_t mixes)
{
    /* Counters are a power of two in size and stand first: every entry behind them keeps its
     * alignment. */
    return round_page(workers * sizeof(struct link_counters) +
                      (size_t)workers * transports * sizeof(struct link_entry) +
                      (size_t)workers * mixes * sizeof(struct link_mix_entry));
}

struct link_counters *link_stats_counters(void *base, unsigned worker)
{
    return (struct link_counters *)base + worker;
}

struct link_entry *link_stats_entry(void *base, uint32_t workers, uint32_t transports,
                                    unsigned worker, unsigned transport)
{
    unsigned char *at = base;

    at += workers * sizeof(struct link_counters);
    return (struct link_entry *)(void *)at + (size_t)worker * transports + transport;
}

struct link_mix_entry *link_stats_mix(void *base, uint32_t workers, uint32_t transports,
                                      uint32_t mixes, unsigned worker, unsigned mix)
{
    unsigned char *at = base;

    at += workers * sizeof(struct link_counters) +
          (size_t)workers * transports * sizeof(struct link_entry);
    return (struct link_mix_entry *)(void *)at + (size_t)worker * mixes + mix;
}

void link_words_load(void *to, const void *from, size_t bytes)
{
    uint64_t *t = to;
    const uint64_t *f = from;

    for (size_t i = 0; i < bytes / sizeof(*t); i++)
        /* Word by word and atomic: no lock, yet no half of a counter can be seen, and it is no data
         * race by the letter of C11. On the machines that we run on it is a plain load. */
        t[i] = __atomic_load_n(&f[i], __ATOMIC_RELAXED);
}

void link_words_store(void *to, const void *from, size_t bytes)
{
    uint64_t *t = to;
    const uint64_t *f = from;

    for (size_t i = 0; i < bytes / sizeof(*t); i++)
        __atomic_store_n(&t[i], f[i], __ATOMIC_RELAXED);
}

/* What guards an entry: a version that is odd while its info changes. */
struct guarded {
    _Atomic uint32_t *version;
    uint32_t *used;
    void *info;
    size_t info_size;
    const void *stats;
    size_t stats_size;
};

static int read_guarded(const struct guarded *g, void *info, void *stats)
{
    /* A writer needs well under a microsecond; one that died half-way must not hold us. */
    for (int tries = 0; tries < 1000; tries++) {
        /* A sequence lock: the writer is a packet loop and must never wait for a reader. */
        uint32_t before = atomic_load_explicit(g->version, memory_order_acquire);
        uint32_t used = __atomic_load_n(g->used, __ATOMIC_RELAXED);

        if (before & 1)
            continue;
        link_words_load(info, g->info, g->info_size);
        if (stats != NULL)
            link_words_load(stats, g->stats, g->stats_size);
        /* The loads above must be done before the version is read again. */
        atomic_thread_fence(memory_order_acquire);
        if (atomic_load_explicit(g->version, memory_order_relaxed) != before)
            continue;
        return used ? 0 : ERR_NOTFOUND;
    }
    return ERR_NOTFOUND; /* nobody writes that long: a dead writer */
}

static void write_guarded(const struct guarded *g, const void *info)
{
    uint32_t version = atomic_load_explicit(g->version, memory_order_relaxed);

    atomic_store_explicit(g->version, version + 1, memory_order_relaxed);
    /* The odd version must be visible before the first changed word. */
    atomic_thread_fence(memory_order_release);
    __atomic_store_n(g->used, info != NULL, __ATOMIC_RELAXED);
    if (info != NULL)
        link_words_store(g->info, info, g->info_size);
    /* release: a reader that sees it sees all words */
    atomic_store_explicit(g->version, version + 2, memory_order_release);
}

static struct guarded guard_entry(const struct link_entry *entry)
{
    /* Readers have const mappings; they go through the same struct and never write. */
    struct link_entry *e = (struct link_entry *)(uintptr_t)entry;

    return (struct guarded){&e->version,     &e->used,  &e->info,
                            sizeof(e->info), &e->stats, sizeof(e->stats)};
}

static struct guarded guard_mix(const struct link_mix_entry *entry)
{
    struct link_mix_entry *e = (struct link_mix_entry *)(uintptr_t)entry;

    return (struct guarded){&e->version,     &e->used,  &e->info,
                            sizeof(e->info), &e->stats, sizeof(e->stats)};
}

int link_entry_read(const struct link_entry *entry, struct link_transport_info *info,
                    struct link_transport_stats *stats)
{
    struct guarded g = guard_entry(entry);
    int err = read_guarded(&g, info, stats);

    /* Also after an error: then it is the caller's own stack that gets its zero. */
    info->session[LINK_TAG_SIZE - 1] = '\0';
    info->conference[LINK_TAG_SIZE - 1] = '\0';
    return err;
}

void link_entry_write(struct link_entry *entry, const struct link_transport_info *info)
{
    struct guarded g = guard_entry(entry);

    write_guarded(&g, info);
}

int link_mix_read(const struct link_mix_entry *entry, struct link_mix_info *info,
                  struct link_mix_stats *stats)
{
    struct guarded g = guard_mix(entry);
    int err = read_guarded(&g, info, stats);

    info->conference[LINK_TAG_SIZE - 1] = '\0';
    return err;
}

void link_mix_write(struct link_mix_entry *entry, const struct link_mix_info *info)
{
    struct guarded g = guard_mix(entry);

    write_guarded(&g, info);
}

static int make_memfd(const char *name, size_t size, unsigned flags, int *fd, void **base)
{
    /* Sealed against shrinking: a process that truncates the file under a mapping kills whoever
     * touches it next (SIGBUS). And against growing, since nobody needs it. */
    int f = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | flags);
    void *at;

    if (f < 0)
        return ERR_IO;
    if (ftruncate(f, (off_t)size) < 0 || fcntl(f, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) < 0)
        goto failed;
    at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, f, 0);
    if (at == MAP_FAILED)
        goto failed;
    madvise(at, size, MADV_DONTDUMP); /* keys pass through */
    *fd = f;
    *base = at;
    return 0;
failed:
    close(f);
    return ERR_IO;
}

/* Statistics of tens of thousands of transports are walked by workers: in 4 KB pages they would
 * push media out of the TLB. */
int link_memfd_make(const char *name, bool huge, size_t *size, int *fd, void **base)
{
    size_t rounded = (*size + HUGE_PAGE - 1) & ~(size_t)(HUGE_PAGE - 1);

    /* The pages are reserved by mmap: when there are not enough, small ones do as well. */
    if (huge && make_memfd(name, rounded, MFD_HUGETLB | MFD_HUGE_2MB, fd, base) == 0) {
        *size = rounded;
        return 0;
    }
    return make_memfd(name, *size, 0, fd, base);
}

int link_memfd_protect(int fd)
{
    /* FUTURE_WRITE spares mappings that exist. Linux 5.1 and later; without it there is no start,
     * as the promise that control only reads would be empty. */
    return fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE) < 0 ? ERR_IO : 0;
}

int link_memfd_map(int fd, size_t wanted, int writable, size_t *size, void **base)
{
    struct stat st;
    int seals = fcntl(fd, F_GET_SEALS);
    void *at;

    /* The seal is checked here, not trusted: without it a dying sluice-dp could take sluiced
     * along. */
    if (seals < 0 || !(seals & F_SEAL_SHRINK) || fstat(fd, &st) < 0 || st.st_size < 0 ||
        (size_t)st.st_size < wanted)
        return ERR_MALFORMED;
    /* All of it: huge pages cannot be unmapped in part. */
    *size = (size_t)st.st_size;
    at = mmap(NULL, *size, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED)
        return ERR_IO;
    madvise(at, *size, MADV_DONTDUMP);
    *base = at;
    return 0;
}

void link_sizes_print(const struct link_sizes *sizes, char *out, size_t size)
{
    snprintf(out, size, "link version %u (message %u, info %u, stats %u, counters %u)",
             sizes->version, sizes->msg, sizes->info, sizes->stats, sizes->counters);
}

int link_send_fds(int sock, const void *data, size_t length, const int *fd, unsigned fds)
{
    union {
        char space[CMSG_SPACE(sizeof(int) * LINK_FDS_MAX)];
        struct cmsghdr align;
    } control = {0};
    struct iovec iov = {.iov_base = (void *)(uintptr_t)data, .iov_len = length};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    ssize_t sent;

    if (fds > LINK_FDS_MAX)
        return ERR_IO;
    if (fds > 0) {
        struct cmsghdr *c;

        msg.msg_control = control.space;
        msg.msg_controllen = CMSG_SPACE(sizeof(int) * fds);
        c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int) * fds);
        memcpy(CMSG_DATA(c), fd, sizeof(int) * fds);
    }
    /* NOSIGNAL: the other process may just have died. DONTWAIT: nobody waits for a peer, local as
     * it is. */
    sent = sendmsg(sock, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent == (ssize_t)length)
        return 0;
    return sent < 0 && (errno == EPIPE || errno == ECONNRESET) ? ERR_CLOSED : ERR_IO;
}

/* Take the fds out of a control message; those beyond the room are closed. */
static void take_fds(struct msghdr *msg, int *fd, unsigned room, unsigned *n)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
        size_t count;

        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int f;

            memcpy(&f, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
            if (*n < room)
                fd[(*n)++] = f;
            else
                close(f); /* else every such message costs fds until none is left */
        }
    }
}

int link_recv_fds(int sock, void *data, size_t *length, int *fd, unsigned *fds)
{
    union {
        char space[CMSG_SPACE(sizeof(int) * LINK_FDS_MAX)];
        struct cmsghdr align;
    } control;
    struct iovec iov = {.iov_base = data, .iov_len = *length};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = control.space,
                         .msg_controllen = sizeof(control.space)};
    unsigned n = 0;
    /* CLOEXEC at once: a fork elsewhere must not inherit rings with keys. */
    ssize_t got = recvmsg(sock, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return ERR_AGAIN;
    if (got <= 0)
        return got == 0 || errno == ECONNRESET ? ERR_CLOSED : ERR_IO;
    take_fds(&msg, fd, *fds, &n);
    *fds = n;
    *length = (size_t)got;
    return 0;
}

void link_wake(int fd)
{
    /* A full counter (EAGAIN) is readable already, and that is all that was wanted. */
    uint64_t one = 1;
    ssize_t r = write(fd, &one, sizeof(one));

    (void)r;
}

void link_wake_clear(int fd)
{
    uint64_t value;
    ssize_t r = read(fd, &value, sizeof(value));

    (void)r;
}
