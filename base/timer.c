/* Timers of one thread in a pairing heap: start and cancel are the common case (a retransmission
 * timer is nearly always cancelled), both O(1) or amortised O(log n) without a table of ticks. The
 * node lies in its owner, so that starting a timer cannot fail. */
#include "base/timer.h"

#include <string.h>

enum {
    TIMER_IDLE = 0,
    TIMER_QUEUED, /* in the heap */
    TIMER_DUE,    /* in the list of the run under way */
};

void timer_set_init(struct timer_set *set)
{
    memset(set, 0, sizeof(*set));
}

void timer_init(struct timer *timer, timer_on_expiry_fn on_expiry, void *ctx)
{
    *timer = (struct timer){.on_expiry = on_expiry, .ctx = ctx};
}

static bool is_before(const struct timer *a, const struct timer *b)
{
    /* Equal deadlines expire in the order in which they were started: protocols rely on it, and a
     * run of a test repeats exactly. */
    return a->deadline != b->deadline ? a->deadline < b->deadline : a->order < b->order;
}

/* Joins two heaps (either may be NULL); the later root becomes first child of the earlier. */
static struct timer *meld(struct timer *a, struct timer *b)
{
    if (a == NULL || b == NULL)
        return a != NULL ? a : b;
    if (is_before(b, a)) {
        struct timer *swap = a;
        a = b;
        b = swap;
    }
    b->next = a->child;
    /* prev is the parent for a first child and the left sibling for all others: that is how a
     * cancel finds the one pointer that leads to the node. */
    b->prev = a;
    if (a->child != NULL)
        a->child->prev = b;
    a->child = b;
    a->next = a->prev = NULL;
    return a;
}

/* Two-pass merge of a list of siblings. Iterative: a chain of 100,000 siblings is common (timers
 * started in order of their deadlines), and must not be 100,000 stack frames. */
static struct timer *merge_siblings(struct timer *first)
{
    struct timer *pairs = NULL, *root = NULL;
    while (first != NULL) {
        struct timer *a = first, *b = a->next;
        first = b != NULL ? b->next : NULL;
        struct timer *pair = meld(a, b);
        /* Pairs are chained newest first and melded from there: the right-to-left second pass is
         * what gives the heap its amortised bound. */
        pair->next = pairs;
        pairs = pair;
    }
    while (pairs != NULL) {
        struct timer *next = pairs->next;
        root = meld(root, pairs);
        pairs = next;
    }
    if (root != NULL)
        root->next = root->prev = NULL;
    return root;
}

static void unlink_queued(struct timer_set *set, struct timer *timer)
{
    /* Its children outlive it: they go back into the heap as one. */
    struct timer *rest = merge_siblings(timer->child);
    if (timer == set->root) {
        set->root = rest;
        return;
    }
    if (timer->prev->child == timer)
        timer->prev->child = timer->next;
    else
        timer->prev->next = timer->next;
    if (timer->next != NULL)
        timer->next->prev = timer->prev;
    set->root = meld(set->root, rest);
}

static void unlink_due(struct timer_set *set, struct timer *timer)
{
    if (timer->prev != NULL)
        timer->prev->next = timer->next;
    else
        set->due_head = timer->next;
    if (timer->next != NULL)
        /* (the list of due timers uses next and prev as an ordinary list) */
        timer->next->prev = timer->prev;
    else
        set->due_tail = timer->prev;
}

void timer_cancel(struct timer_set *set, struct timer *timer)
{
    if (timer->state == TIMER_IDLE)
        return;
    if (timer->state == TIMER_QUEUED)
        unlink_queued(set, timer);
    else
        unlink_due(set, timer);
    timer->child = timer->next = timer->prev = NULL;
    timer->state = TIMER_IDLE;
    set->count--;
}

void timer_start(struct timer_set *set, struct timer *timer, uint64_t deadline)
{
    /* Restarting is starting: an owner need not know whether its timer runs. */
    timer_cancel(set, timer);
    timer->deadline = deadline;
    timer->order = set->starts++; /* 64 bits: does not wrap in the life of a process */
    timer->state = TIMER_QUEUED;
    set->root = meld(set->root, timer);
    set->count++;
}

bool timer_is_running(const struct timer *timer)
{
    return timer->state != TIMER_IDLE;
}

uint64_t timer_set_next(const struct timer_set *set)
{
    if (set->due_head != NULL)
        /* A callback may ask while others are due: they count as the next ones, in the past. */
        return set->due_head->deadline;
    return set->root != NULL ? set->root->deadline : TIMER_NEVER;
}

uint64_t timer_set_wait(const struct timer_set *set, uint64_t now, uint64_t max)
{
    uint64_t next = timer_set_next(set);
    if (next <= now)
        return 0;
    return next - now < max ? next - now : max;
}

/* Moves what has expired from the heap to the due list, so that callbacks may change the heap. */
static void collect_due(struct timer_set *set, uint64_t now)
{
    while (set->root != NULL && set->root->deadline <= now) {
        struct timer *timer = set->root;
        set->root = merge_siblings(timer->child);
        timer->child = timer->next = NULL;
        timer->prev = set->due_tail;
        timer->state = TIMER_DUE;
        if (set->due_tail != NULL)
            set->due_tail->next = timer;
        else
            set->due_head = timer;
        set->due_tail = timer;
    }
}

size_t timer_set_run(struct timer_set *set, uint64_t now)
{
    size_t calls = 0;
    /* A callback that runs the set again would let timers expire in the middle of their owner's
     * work. What it starts for "now" waits for the next run: a timer of 0 ms cannot loop here. */
    if (set->is_running)
        return 0;
    set->is_running = true;
    collect_due(set, now);
    while (set->due_head != NULL) {
        struct timer *timer = set->due_head;
        /* Out of the list before the call: the callback may start it again, or free its owner. */
        timer_cancel(set, timer);
        calls++;
        timer->on_expiry(timer, timer->ctx, now);
    }
    set->is_running = false;
    return calls;
}
