/* The data plane's side of the attach. One sluiced at a time. The main thread makes and frees the
 * rings of a session; workers announce which one they use (see link_worker.c), and a session is
 * freed only when none does: no lock, no waiting on either side. */
#include "link/link_server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"
#include "link/link_server_priv.h"

#define HELLO_MS 2000u /* a connection that says nothing makes room for the next one */

static void tell(struct link_server *server, int error, const char *text)
{
    if (server->on_change != NULL)
        server->on_change(server->context, error, text);
}

static void free_session(struct link_session *session)
{
    /* With it goes all that the dead sluiced could still write. */
    munmap(session->rings, session->layout.size);
    close(session->rings_fd);
    for (unsigned p = 0; p < session->layout.producers; p++)
        close(session->producer_fd[p]);
    free(session);
}

/* Free retired sessions that no worker uses any more. */
static void reap(struct link_server *server)
{
    struct link_session **at = &server->retired;

    while (*at != NULL) {
        struct link_session *session = *at;
        bool in_use = false;

        for (unsigned w = 0; w < server->info.workers; w++)
            /* Pairs with sync_worker: it stores `using` before it looks again at what is
             * current. */
            in_use |= atomic_load(&server->worker[w].using) == session;
        if (in_use) {
            at = &session->next;
            continue;
        }
        *at = session->next;
        free_session(session);
    }
}

static void publish(struct link_server *server, struct link_session *session)
{
    struct link_session *old = atomic_exchange(&server->session, session);

    if (old != NULL) {
        old->next = server->retired;
        /* Retired, not freed: a worker may be reading from it this instant. */
        server->retired = old;
    }
    for (unsigned w = 0; w < server->info.workers; w++)
        link_wake(server->worker[w].fd); /* sleepers would hold the old session for ever */
}

/* ---- create, destroy ---- */

static int check_config(const struct link_server_config *config)
{
    /* sun_path is 108 bytes; a longer path would be cut and serve another name. */
    if (config->path == NULL || strlen(config->path) >= sizeof(((struct sockaddr_un *)0)->sun_path))
        return ERR_INVAL;
    if (config->workers == 0 || config->workers > LINK_WORKERS_MAX || config->transports == 0 ||
        config->transports > LINK_TRANSPORTS_MAX || config->mixes > LINK_MIXES_MAX ||
        config->locals > LINK_LOCALS_MAX || config->port_min == 0 ||
        config->port_min > config->port_max)
        return ERR_RANGE;
    return 0;
}

/* Only a socket that nobody serves is removed. */
static int listen_on(struct link_server *server)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    struct epoll_event event = {.events = EPOLLIN};
    int probe, answered;
    mode_t mask;

    memcpy(sa.sun_path, server->path, sizeof(sa.sun_path));
    /* A socket file outlives a process that was killed. Connecting tells a corpse (refused: remove
     * it) from a living server (answered, or its queue is full: leave it alone). */
    probe = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe < 0)
        return ERR_IO;
    answered = connect(probe, (struct sockaddr *)&sa, sizeof(sa));
    answered = answered == 0 || errno == EAGAIN;
    close(probe);
    if (answered)
        return ERR_EXISTS;
    unlink(server->path);
    server->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    /* bind() gives the file its mode: set before it exists, as chmod afterwards would leave a
     * moment in which anybody may connect. */
    mask = umask(0777 & ~(server->mode != 0 ? server->mode : 0600u));
    answered =
        server->listener < 0 ? -1 : bind(server->listener, (struct sockaddr *)&sa, sizeof(sa));
    umask(mask);
    event.data.fd = server->listener;
    if (answered < 0 || listen(server->listener, 8) < 0 ||
        epoll_ctl(server->epoll, EPOLL_CTL_ADD, server->listener, &event) < 0)
        return ERR_IO;
    return 0;
}

static int make_workers(struct link_server *server)
{
    /* Each worker's struct begins a cache line: `using` is written by one core and read by
     * another. */
    server->worker = aligned_alloc(64, server->info.workers * sizeof(*server->worker));
    if (server->worker == NULL)
        return ERR_NOMEM;
    memset(server->worker, 0, server->info.workers * sizeof(*server->worker));
    for (unsigned w = 0; w < server->info.workers; w++) {
        server->worker[w].server = server;
        server->worker[w].number = w;
        server->worker[w].fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (server->worker[w].fd < 0)
            return ERR_IO;
    }
    return 0;
}

static void fill_info(struct link_server *server, const struct link_server_config *config)
{
    struct link_info *info = &server->info;

    info->version = LINK_VERSION;
    info->workers = config->workers;
    /* What sluiced needs to compute addresses and limits; it has no configuration of the data
     * plane. */
    info->locals = config->locals;
    info->port_min = config->port_min;
    info->port_max = config->port_max;
    info->transports = config->transports;
    info->mixes = config->mixes;
    info->orphan_timeout_ms = config->orphan_timeout_ms;
    memcpy(info->local, config->local, sizeof(info->local));
    snprintf(info->program, sizeof(info->program), "%s",
             config->program != NULL ? config->program : "sluice-dp");
    info->pid = getpid();
}

static int set_up(struct link_server *server, bool huge)
{
    int err;

    server->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (server->epoll < 0)
        return ERR_IO;
    server->stats_size =
        link_stats_size(server->info.workers, server->info.transports, server->info.mixes);
    /* Sized once, for the life of the process: readers never have to remap. */
    err = link_memfd_make("sluice-statistics", huge, &server->stats_size, &server->stats_fd,
                          &server->stats);
    if (err == 0)
        /* After our own mapping: that one stays writable, all later ones cannot be. */
        err = link_memfd_protect(server->stats_fd);
    if (err == 0)
        err = make_workers(server);
    return err != 0 ? err : listen_on(server); /* last: whoever connects finds everything made */
}

int link_server_create(const struct link_server_config *config, struct link_server **out)
{
    struct link_server *server;
    int err = check_config(config);

    if (err != 0)
        return err;
    server = calloc(1, sizeof(*server));
    if (server == NULL)
        return ERR_NOMEM;
    fill_info(server, config);
    snprintf(server->path, sizeof(server->path), "%s", config->path);
    /* 0 is a valid fd: what was not opened must not look so to the destructor. */
    server->epoll = server->listener = server->peer = server->stats_fd = -1;
    server->mode = config->mode;
    server->on_change = config->on_change;
    server->context = config->context;
    err = set_up(server, config->huge_pages);
    if (err != 0) {
        link_server_destroy(server);
        return err;
    }
    *out = server;
    return 0;
}

static void close_fd(int fd)
{
    if (fd >= 0)
        close(fd);
}

void link_server_destroy(struct link_server *server)
{
    struct link_session *session;

    if (server == NULL)
        return;
    /* listener >= 0 means that the path is ours: after ERR_EXISTS it belongs to a living server. */
    if (server->listener >= 0)
        unlink(server->path);
    /* No worker runs any more when this is called; nobody needs to be asked. */
    session = atomic_load(&server->session);
    if (session != NULL)
        free_session(session);
    while (server->retired != NULL) {
        session = server->retired;
        server->retired = session->next;
        free_session(session);
    }
    for (unsigned w = 0; server->worker != NULL && w < server->info.workers; w++)
        close_fd(server->worker[w].fd);
    free(server->worker);
    if (server->stats != NULL)
        munmap(server->stats, server->stats_size);
    close_fd(server->stats_fd);
    close_fd(server->peer);
    close_fd(server->listener);
    close_fd(server->epoll);
    free(server);
}

/* ---- attach ---- */

static void refuse(struct link_server *server, int sock, int error, const char *text)
{
    struct link_welcome welcome;
    ssize_t unread;

    /* Closing with unread input would reset the connection and lose the answer. */
    unread = recv(sock, &welcome, sizeof(welcome), MSG_DONTWAIT);
    (void)unread;
    memset(&welcome, 0, sizeof(welcome));
    welcome.magic = LINK_MAGIC;
    welcome.sizes = LINK_SIZES_OURS;
    welcome.error = error;
    snprintf(welcome.text, sizeof(welcome.text), "%s", text);
    /* Best effort: a peer that does not read its refusal has only itself to blame. */
    link_send_fds(sock, &welcome, sizeof(welcome), NULL, 0);
    tell(server, error, text);
}

static void drop_peer(struct link_server *server, const char *text)
{
    bool was = server->attached; /* a peer before its hello leaves without a word */

    close_fd(server->peer);
    server->peer = -1;
    server->attached = false;
    if (was) {
        /* Transports and their media stay: only the way to control ends. Orphans are closed by the
         * workers when nobody claims them in time. */
        publish(server, NULL);
        tell(server, ERR_CLOSED, text);
    }
}

static void on_connection(struct link_server *server, uint64_t now)
{
    struct epoll_event event = {.events = EPOLLIN};
    int sock = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (sock < 0)
        return; /* the peer gave up, or no fds: the backlog keeps it */
    event.data.fd = sock;
    /* Two controllers would fight over the same transports. The one that is attached keeps its
     * place. */
    if (server->peer >= 0) {
        refuse(server, sock, ERR_EXISTS, "another sluiced is attached already");
    } else if (epoll_ctl(server->epoll, EPOLL_CTL_ADD, sock, &event) == 0) {
        server->peer = sock;
        server->hello_until = now + HELLO_MS;
        return;
    }
    close(sock);
}

/* New rings for this hello; takes the fds over when it succeeds. */
static struct link_session *make_session(struct link_server *server, const struct link_hello *hello,
                                         const int *fd)
{
    struct link_session *session = calloc(1, sizeof(*session));

    if (session == NULL)
        return NULL;
    if (link_layout_make(server->info.workers, hello->producers, hello->slots, &session->layout) !=
            0 ||
        link_memfd_make("sluice-rings", false, &session->layout.size, &session->rings_fd,
                        &session->rings) != 0) {
        free(session);
        return NULL;
    }
    memcpy(session->producer_fd, fd, hello->producers * sizeof(int));
    /* Everybody counts as asleep at first: one wake too many is harmless, one too few is a hang. */
    for (unsigned w = 0; w < server->info.workers; w++) /* workers may sleep right now */
        link_sleep_set(link_layout_worker(&session->layout, session->rings, w), 1);
    for (unsigned p = 0; p < hello->producers; p++)
        link_sleep_set(link_layout_producer(&session->layout, session->rings, p), 1);
    if (++server->epoch == 0) /* 0 means "no session" to a worker */
        server->epoch = 1;
    session->epoch = server->epoch;
    return session;
}

static uint32_t open_transports(struct link_server *server)
{
    uint64_t n = 0;

    for (unsigned w = 0; w < server->info.workers; w++)
        /* Counters of the workers, read without stopping them: a transport that opens this instant
         * belongs to nobody's past and may be missed. */
        n += __atomic_load_n(&link_stats_counters(server->stats, w)->value[LINK_COUNTER_transports],
                             __ATOMIC_RELAXED);
    return (uint32_t)n;
}

static int welcome_peer(struct link_server *server, const struct link_session *session)
{
    struct link_welcome welcome;
    int fd[LINK_FDS_MAX];

    memset(&welcome, 0, sizeof(welcome));
    welcome.magic = LINK_MAGIC;
    welcome.sizes = LINK_SIZES_OURS;
    welcome.info = server->info;
    welcome.info.orphans = open_transports(server);
    welcome.producers = session->layout.producers;
    welcome.slots = session->layout.slots;
    fd[0] = session->rings_fd;
    fd[1] = server->stats_fd;
    /* Duplicates go to sluiced: the workers' eventfds stay ours when it dies. */
    for (unsigned w = 0; w < server->info.workers; w++)
        fd[w + 2] = server->worker[w].fd;
    return link_send_fds(server->peer, &welcome, sizeof(welcome), fd, server->info.workers + 2);
}

/* What is wrong with a hello: an error with its text, or 0. */
static int check_hello(const struct link_server *server, const struct link_hello *hello,
                       size_t length, unsigned fds, char *text, size_t size)
{
    const struct link_sizes ours = LINK_SIZES_OURS;
    struct link_layout layout;
    char a[96], b[96];

    /* Magic and sizes first: their place never changes, what follows may. */
    if (length < offsetof(struct link_hello, producers) || hello->magic != LINK_MAGIC) {
        snprintf(text, size, "not a hello of sluiced (%zu bytes)", length);
        return ERR_MALFORMED;
    }
    /* Both sides' numbers in one text: whoever upgraded one package of two sees it from the log
     * alone. */
    if (memcmp(&hello->sizes, &ours, sizeof(ours)) != 0) {
        link_sizes_print(&ours, a, sizeof(a));
        link_sizes_print(&hello->sizes, b, sizeof(b));
        snprintf(text, size, "sluice-dp speaks %s, sluiced speaks %s", a, b);
        return ERR_VERSION;
    }
    if (length != sizeof(*hello) || fds != hello->producers ||
        link_layout_make(server->info.workers, hello->producers, hello->slots, &layout) != 0) {
        snprintf(text, size, "hello asks for %u producers, %u slots, brings %u event fds",
                 hello->producers, hello->slots, fds);
        return ERR_RANGE;
    }
    return 0;
}

static void attach(struct link_server *server, struct link_hello *hello, const int *fd)
{
    struct link_session *session = make_session(server, hello, fd);
    char text[160];

    if (session == NULL) {
        for (unsigned p = 0; p < hello->producers; p++)
            close(fd[p]);
        refuse(server, server->peer, ERR_NOMEM, "no memory for the rings");
        drop_peer(server, "");
        return;
    }
    if (welcome_peer(server, session) != 0) {
        free_session(session);
        drop_peer(server, "");
        return;
    }
    server->attached = true;
    /* After the welcome went out: workers answer only into rings whose address the peer knows. */
    publish(server, session);
    /* The text is the peer's: it need not end. */
    hello->program[sizeof(hello->program) - 1] = '\0';
    snprintf(text, sizeof(text), "%s (pid %d) attached with %u producers", hello->program,
             hello->pid, hello->producers);
    tell(server, 0, text);
}

static void on_hello(struct link_server *server)
{
    struct link_hello hello;
    size_t length = sizeof(hello);
    int fd[LINK_FDS_MAX];
    unsigned fds = LINK_FDS_MAX;
    char text[256];
    int err;

    /* Cleared: a short hello leaves zeros behind it, not the stack. */
    memset(&hello, 0, sizeof(hello));
    err = link_recv_fds(server->peer, &hello, &length, fd, &fds);
    if (err == ERR_AGAIN)
        return;
    if (err != 0) {
        drop_peer(server, "");
        return;
    }
    err = check_hello(server, &hello, length, fds, text, sizeof(text));
    if (err == 0) {
        attach(server, &hello, fd);
        return;
    }
    for (unsigned i = 0; i < fds; i++)
        close(fd[i]);
    refuse(server, server->peer, err, text);
    drop_peer(server, "");
}

static void on_peer(struct link_server *server)
{
    char byte[64];
    ssize_t got;

    /* The hello is the only message on this socket. After it there is only the end of it. */
    if (!server->attached) {
        on_hello(server);
        return;
    }
    got = recv(server->peer, byte, sizeof(byte), MSG_DONTWAIT);
    if (got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR)))
        return;
    drop_peer(server, "sluiced is gone; media keep flowing");
}

static void check_rings(struct link_server *server)
{
    bool broken = false;

    for (unsigned w = 0; w < server->info.workers; w++)
        /* Set by workers that found an impossible position. Detaching is all that helps: sluiced
         * attaches anew and gets new rings. */
        broken |= atomic_exchange(&server->worker[w].broken, false);
    if (broken && server->attached)
        drop_peer(server, "sluiced's rings make no sense; detached");
}

uint64_t link_server_poll(struct link_server *server, uint64_t now)
{
    struct epoll_event event[4];
    int n = epoll_wait(server->epoll, event, 4, 0);

    /* An end before a new connection: a sluiced that restarts fast must not find itself. */
    for (int i = 0; i < n; i++)
        if (event[i].data.fd == server->peer)
            on_peer(server);
    for (int i = 0; i < n; i++)
        if (event[i].data.fd == server->listener)
            on_connection(server, now);
    if (server->peer >= 0 && !server->attached && now >= server->hello_until)
        drop_peer(server, "");
    check_rings(server);
    reap(server);
    if (server->retired != NULL)
        /* A worker that sleeps wakes up within this time anyhow; there is nothing that would tell
         * us. */
        return now + 10;
    return server->peer >= 0 && !server->attached ? server->hello_until : UINT64_MAX;
}

int link_server_fd(const struct link_server *server)
{
    return server->epoll;
}

bool link_server_attached(const struct link_server *server)
{
    return server->attached;
}

void link_server_counters(struct link_server *server, unsigned worker,
                          struct link_counters *counters)
{
    link_words_load(counters, link_stats_counters(server->stats, worker), sizeof(*counters));
}

struct link_worker *link_server_worker(struct link_server *server, unsigned worker)
{
    return worker < server->info.workers ? &server->worker[worker] : NULL;
}

void link_server_wake(struct link_server *server, unsigned worker)
{
    link_wake(server->worker[worker].fd);
}
