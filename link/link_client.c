/* Control's side of the attach: connect, hello, welcome, map, and all that again when the data
 * plane comes back. What crosses threads is the attachment only: the main thread publishes it, each
 * port takes it up at its own next poll. */
#include "link/link.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"
#include "link/link_client_priv.h"

void link_attachment_put(struct link_attachment *attachment)
{
    /* Client and ports each hold one: a port may be in the middle of a ring when the main thread
     * learns that the data plane died, and memory must not vanish under it. */
    if (attachment == NULL || --attachment->references > 0)
        return;
    if (attachment->rings != NULL)
        munmap(attachment->rings, attachment->rings_size);
    if (attachment->stats != NULL)
        munmap((void *)(uintptr_t)attachment->stats, attachment->stats_size);
    for (unsigned i = 0; i < attachment->worker_fds; i++)
        close(attachment->worker_fd[i]);
    free(attachment);
}

/* Put another attachment (or NULL) in place and wake every port to see it. */
static void publish(struct link_client *client, struct link_attachment *attachment)
{
    pthread_mutex_lock(&client->lock);
    if (client->attachment != NULL) {
        /* Before the epoch: a port that does not sync in time must still refuse to send into the
         * past. */
        atomic_store(&client->attachment->dead, true);
        link_attachment_put(client->attachment);
    }
    client->attachment = attachment;
    /* Raised under the lock, so that attachment and epoch change as one for whoever takes both. */
    atomic_fetch_add(&client->epoch, 1);
    pthread_mutex_unlock(&client->lock);
    for (unsigned i = 0; i < client->producers; i++)
        link_wake(client->port[i].fd);
}

static int check_config(const struct link_client_config *config)
{
    unsigned slots = config->ring_slots;

    if (config->path == NULL || strlen(config->path) >= sizeof(((struct sockaddr_un *)0)->sun_path))
        return ERR_INVAL;
    if (config->producers == 0 || config->producers > LINK_PRODUCERS_MAX)
        return ERR_INVAL;
    /* A ring's index is a position and a mask: only powers of two work, and fewer than eight slots
     * leave no reserve for replies (see link_worker). */
    if (slots != 0 && (slots < 8 || slots > LINK_SLOTS_MAX || (slots & (slots - 1)) != 0))
        return ERR_INVAL;
    return 0;
}

static int make_ports(struct link_client *client)
{
    client->port = calloc(client->producers, sizeof(*client->port));
    if (client->port == NULL)
        return ERR_NOMEM;
    /* A failure half-way destroys all ports, also those that were not made yet: 0 would close
     * stdin. */
    for (unsigned i = 0; i < client->producers; i++)
        client->port[i].fd = -1;
    for (unsigned i = 0; i < client->producers; i++)
        if (link_port_init(&client->port[i], client, i) != 0)
            return ERR_IO;
    return 0;
}

int link_client_create(const struct link_client_config *config, struct link_client **out)
{
    struct link_client *client;
    int err = check_config(config);

    if (err != 0)
        return err;
    client = calloc(1, sizeof(*client));
    if (client == NULL)
        return ERR_NOMEM;
    snprintf(client->path, sizeof(client->path), "%s", config->path);
    snprintf(client->program, sizeof(client->program), "%s",
             config->program != NULL ? config->program : "sluiced");
    client->producers = config->producers;
    /* 256: about one burst of calls, a message being 2 KB. */
    client->slots = config->ring_slots != 0 ? config->ring_slots : 256;
    client->queue_max = config->queue_max != 0 ? config->queue_max : 1024;
    client->retry_ms = config->retry_ms != 0 ? config->retry_ms : 500;
    client->on_attached = config->on_attached;
    client->on_detached = config->on_detached;
    client->context = config->context;
    client->sock = -1;
    pthread_mutex_init(&client->lock, NULL);
    client->epoll = epoll_create1(EPOLL_CLOEXEC);
    err = client->epoll < 0 ? ERR_IO : make_ports(client);
    if (err != 0) {
        link_client_destroy(client);
        return err;
    }
    *out = client;
    return 0;
}

void link_client_destroy(struct link_client *client)
{
    if (client == NULL)
        return;
    /* Closing the socket is the only good-bye there is: the data plane sees the end and lets media
     * flow. */
    if (client->sock >= 0)
        close(client->sock);
    if (client->port != NULL)
        for (unsigned i = 0; i < client->producers; i++)
            link_port_fini(&client->port[i]);
    free(client->port);
    pthread_mutex_lock(&client->lock);
    link_attachment_put(client->attachment);
    pthread_mutex_unlock(&client->lock);
    if (client->epoll >= 0)
        close(client->epoll);
    pthread_mutex_destroy(&client->lock);
    free(client);
}

int link_client_fd(const struct link_client *client)
{
    return client->epoll;
}

int link_client_attached(const struct link_client *client, const struct link_info **info)
{
    if (client->state != LINK_ATTACHED)
        return 0;
    if (info != NULL)
        *info = &client->attachment->info;
    return 1;
}

struct link_port *link_client_port(struct link_client *client, unsigned i)
{
    return i < client->producers ? &client->port[i] : NULL;
}

/* Back to idle; says why unless that was the last thing said already. */
static void detach(struct link_client *client, uint64_t now, int error, const char *text)
{
    /* A data plane that is down is tried every half second: one line in the log, not two a
     * second. */
    bool was_attached = client->state == LINK_ATTACHED;
    bool tell = was_attached || error != client->last_error;

    if (client->sock >= 0)
        close(client->sock); /* leaves the epoll by itself */
    client->sock = -1;
    client->state = LINK_IDLE;
    /* A fixed pause without back-off: this is a local socket, and each second without control is a
     * second in which calls fail. */
    client->next_try = now + client->retry_ms;
    client->last_error = error;
    /* Ports learn before the application: what it does in on_detached already finds them closed. */
    if (was_attached)
        publish(client, NULL);
    if (tell && client->on_detached != NULL)
        client->on_detached(client->context, error, text);
}

static void start_attach(struct link_client *client, uint64_t now)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    struct link_hello hello = {.magic = LINK_MAGIC,
                               .sizes = LINK_SIZES_OURS,
                               .producers = client->producers,
                               .slots = client->slots,
                               .pid = getpid()};
    struct epoll_event event = {.events = EPOLLIN};
    int fd[LINK_PRODUCERS_MAX];
    char text[200];

    memcpy(sa.sun_path, client->path, sizeof(sa.sun_path));
    snprintf(hello.program, sizeof(hello.program), "%s", client->program);
    /* SEQPACKET keeps message borders, so that hello and welcome arrive whole or not at all. */
    client->sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (client->sock < 0 || connect(client->sock, (struct sockaddr *)&sa, sizeof(sa)) < 0 ||
        epoll_ctl(client->epoll, EPOLL_CTL_ADD, client->sock, &event) < 0) {
        snprintf(text, sizeof(text), "cannot connect to %s: %s", client->path, strerror(errno));
        detach(client, now, ERR_IO, text);
        return;
    }
    /* The eventfds are made once and go to each data plane anew: event loops watch one fd for
     * ever. */
    for (unsigned i = 0; i < client->producers; i++)
        fd[i] = client->port[i].fd;
    if (link_send_fds(client->sock, &hello, sizeof(hello), fd, client->producers) != 0) {
        detach(client, now, ERR_CLOSED, "the data plane closed before the hello");
        return;
    }
    client->state = LINK_HELLO_SENT;
    /* next_try bounds the wait for an answer in this state */
    client->next_try = now + 5000; /* a data plane that never answers is tried again */
}

/* Take what a welcome brought; on failure the fds are closed by the caller or the attachment. */
static int accept_welcome(struct link_client *client, const struct link_welcome *welcome, int *fd,
                          unsigned fds, struct link_attachment *attachment)
{
    const struct link_info *info = &welcome->info;
    void *stats = NULL;

    /* Checked before anything is mapped: from here on these numbers are trusted as array bounds by
     * each reader of the statistics, on every thread. */
    if (welcome->producers != client->producers || welcome->slots != client->slots ||
        info->locals > LINK_LOCALS_MAX || info->transports == 0 ||
        info->transports > LINK_TRANSPORTS_MAX || info->mixes > LINK_MIXES_MAX ||
        fds != info->workers + 2 ||
        link_layout_make(info->workers, client->producers, client->slots, &attachment->layout) != 0)
        return ERR_MALFORMED;
    attachment->info = *info;
    attachment->info.program[sizeof(info->program) - 1] = '\0';
    /* Rings are written by both, statistics only by the data plane: mapped for reading here, and
     * sealed on the other side, so that no fault of ours can spoil counters that bill somebody. */
    if (link_memfd_map(fd[0], attachment->layout.size, 1, &attachment->rings_size,
                       &attachment->rings) != 0 ||
        link_memfd_map(fd[1], link_stats_size(info->workers, info->transports, info->mixes), 0,
                       &attachment->stats_size, &stats) != 0)
        return ERR_MALFORMED;
    attachment->stats = stats;
    for (unsigned i = 0; i < info->workers; i++) {
        attachment->worker_fd[attachment->worker_fds++] = fd[i + 2];
        fd[i + 2] = -1; /* the attachment closes it from now on */
    }
    return 0;
}

static void refused(struct link_client *client, uint64_t now, struct link_welcome *welcome)
{
    char text[300];

    /* The text comes from another process, maybe of another version: it need not end. */
    welcome->text[sizeof(welcome->text) - 1] = '\0';
    snprintf(text, sizeof(text), "the data plane refused: %s", welcome->text);
    detach(client, now, welcome->error, text);
}

static void finish_attach(struct link_client *client, uint64_t now, struct link_welcome *welcome,
                          int *fd, unsigned fds)
{
    struct link_attachment *attachment = calloc(1, sizeof(*attachment));
    int err = ERR_NOMEM;

    if (attachment != NULL) {
        attachment->references = 1;
        err = accept_welcome(client, welcome, fd, fds, attachment);
    }
    if (err != 0) {
        link_attachment_put(attachment);
        detach(client, now, err, "the data plane's welcome makes no sense");
        return;
    }
    /* The state first: on_attached may send at once through port 0. */
    client->state = LINK_ATTACHED;
    client->last_error = 0;
    publish(client, attachment);
    if (client->on_attached != NULL)
        client->on_attached(client->context, &attachment->info);
}

static void on_hello_answer(struct link_client *client, uint64_t now)
{
    const struct link_sizes ours = LINK_SIZES_OURS;
    struct link_welcome welcome;
    size_t length = sizeof(welcome);
    int fd[LINK_FDS_MAX];
    unsigned fds = LINK_FDS_MAX;
    int err;

    memset(&welcome, 0, sizeof(welcome));
    err = link_recv_fds(client->sock, &welcome, &length, fd, &fds);
    if (err == ERR_AGAIN)
        return;
    if (err != 0) {
        detach(client, now, ERR_CLOSED, "the data plane closed before its welcome");
        return;
    }
    /* Magic, sizes, error and text stay where they are in all versions: even a data plane whose
     * welcome has another length can say why it refuses. */
    if (length < offsetof(struct link_welcome, info) || welcome.magic != LINK_MAGIC)
        detach(client, now, ERR_MALFORMED, "not a data plane on the other side");
    else if (welcome.error != 0)
        refused(client, now, &welcome);
    else if (length != sizeof(welcome) || memcmp(&welcome.sizes, &ours, sizeof(ours)) != 0)
        detach(client, now, ERR_VERSION, "the data plane speaks another link version");
    else
        finish_attach(client, now, &welcome, fd, fds);
    for (unsigned i = 0; i < fds; i++) /* what nobody took over */
        if (fd[i] >= 0)
            close(fd[i]);
}

/* Attached: the data plane says nothing more on the socket; it only ends. */
static void on_attached_input(struct link_client *client, uint64_t now)
{
    char byte[64];
    ssize_t got = recv(client->sock, byte, sizeof(byte), MSG_DONTWAIT);

    /* Input is not expected, yet no reason to end an attachment that carries calls. */
    if (got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR)))
        return;
    detach(client, now, ERR_CLOSED, "the data plane is gone");
}

static bool any_port_broken(const struct link_client *client)
{
    for (unsigned i = 0; i < client->producers; i++)
        /* Set by the port's thread, which must not touch the socket itself: this is the main
         * thread's turn. */
        if (__atomic_load_n(&client->port[i].broken, __ATOMIC_RELAXED))
            return true;
    return false;
}

uint64_t link_client_poll(struct link_client *client, uint64_t now)
{
    if (client->state == LINK_IDLE && now >= client->next_try)
        /* Connecting on a Unix socket is at once; an answer may even be there already. */
        start_attach(client, now);
    if (client->state == LINK_HELLO_SENT)
        on_hello_answer(client, now);
    /* No check of the epoll's events: it may be the socket or a timer that woke us, and asking
     * costs one call. */
    else if (client->state == LINK_ATTACHED)
        on_attached_input(client, now);
    if (client->state == LINK_ATTACHED && any_port_broken(client))
        detach(client, now, ERR_MALFORMED, "the rings of the data plane make no sense");
    if (client->state == LINK_HELLO_SENT && now >= client->next_try)
        detach(client, now, ERR_TIMEOUT, "the data plane does not answer");
    return client->state == LINK_ATTACHED ? UINT64_MAX : client->next_try;
}

int link_client_transports(struct link_client *client, link_on_transport_fn on_transport,
                           void *context)
{
    struct link_attachment *a = client->attachment;
    int shown = 0;

    if (client->state != LINK_ATTACHED)
        return ERR_CLOSED;
    for (unsigned w = 0; w < a->info.workers; w++) {
        for (unsigned t = 0; t < a->info.transports; t++) {
            struct link_transport_info info;
            struct link_transport_stats stats;
            const struct link_entry *entry = link_stats_entry(
                /* The readers' mapping is const, the address computations serve the writer as well;
                 * the cast drops const for them, not for a write. */
                (void *)(uintptr_t)a->stats, a->info.workers, a->info.transports, w, t);

            /* free, or being opened or closed right now */
            if (link_entry_read(entry, &info, &stats) != 0)
                continue;
            shown++;
            if (on_transport(context, &info, &stats) != 0)
                return shown;
        }
    }
    return shown;
}

int link_client_transport(struct link_client *client, struct link_id id,
                          struct link_transport_info *info, struct link_transport_stats *stats)
{
    struct link_attachment *a = client->attachment;
    struct link_transport_info copy;
    unsigned place = id.index & 0xffffffu; /* the top byte is the worker */

    if (client->state != LINK_ATTACHED)
        return ERR_CLOSED;
    if (link_id_worker(id) >= a->info.workers || place >= a->info.transports)
        return ERR_NOTFOUND;
    if (link_entry_read(link_stats_entry((void *)(uintptr_t)a->stats, a->info.workers,
                                         a->info.transports, link_id_worker(id), place),
                        &copy, stats) != 0 ||
        /* A place is used again: without the generation the caller would get its successor's
         * figures. */
        copy.id.generation != id.generation)
        return ERR_NOTFOUND;
    if (info != NULL)
        *info = copy;
    return 0;
}

static struct link_mix_entry *mix_entry(const struct link_attachment *a, unsigned w, unsigned i)
{
    return link_stats_mix((void *)(uintptr_t)a->stats, a->info.workers, a->info.transports,
                          a->info.mixes, w, i);
}

int link_client_mixes(struct link_client *client, link_on_mix_fn on_mix, void *context)
{
    struct link_attachment *a = client->attachment;
    int shown = 0;

    if (client->state != LINK_ATTACHED)
        return ERR_CLOSED;
    for (unsigned w = 0; w < a->info.workers; w++) {
        for (unsigned i = 0; i < a->info.mixes; i++) {
            struct link_mix_info info;
            struct link_mix_stats stats;

            if (link_mix_read(mix_entry(a, w, i), &info, &stats) != 0)
                continue;
            shown++;
            if (on_mix(context, &info, &stats) != 0)
                return shown;
        }
    }
    return shown;
}

int link_client_mix(struct link_client *client, struct link_id id, struct link_mix_info *info,
                    struct link_mix_stats *stats)
{
    struct link_attachment *a = client->attachment;
    struct link_mix_info copy;
    unsigned place = id.index & 0xffffffu;

    if (client->state != LINK_ATTACHED)
        return ERR_CLOSED;
    if (link_id_worker(id) >= a->info.workers || place >= a->info.mixes)
        return ERR_NOTFOUND;
    if (link_mix_read(mix_entry(a, link_id_worker(id), place), &copy, stats) != 0 ||
        copy.id.generation != id.generation)
        return ERR_NOTFOUND;
    if (info != NULL)
        *info = copy;
    return 0;
}

int link_client_counters(struct link_client *client, unsigned worker,
                         struct link_counters *counters)
{
    if (client->state != LINK_ATTACHED)
        return ERR_CLOSED;
    if (worker >= client->attachment->info.workers)
        return ERR_RANGE;
    link_words_load(counters,
                    link_stats_counters((void *)(uintptr_t)client->attachment->stats, worker),
                    sizeof(*counters));
    return 0;
}
