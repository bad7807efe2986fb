/* Intrusive doubly linked list.
 *
 * A `struct list` is either a head or a link embedded in an element. A link that is in no list
 * points at itself, so list_remove is safe to repeat. All operations are O(1) but list_count. */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *next, *prev;
};

#define LIST_INIT(head)  \
    {                    \
        &(head), &(head) \
    }

/* The element of `type` whose `member` is the link `ptr`. */
#define LIST_ENTRY(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* Walks all links. The body must not remove `it`; LIST_FOREACH_SAFE allows that (of `it` only). */
/* NOLINTBEGIN(bugprone-macro-parentheses): `it` is the name that is declared */
#define LIST_FOREACH(it, head) for (struct list *it = (head)->next; it != (head); it = it->next)
#define LIST_FOREACH_SAFE(it, head)                                           \
    for (struct list *it = (head)->next, *it##_next = it->next; it != (head); \
         it = it##_next, it##_next = it->next)
/* NOLINTEND(bugprone-macro-parentheses) */

/* Makes an empty head, or a link that is in no list. */
static inline void list_init(struct list *l)
{
    l->next = l->prev = l;
}

static inline bool list_is_empty(const struct list *head)
{
    return head->next == head;
}

/* Is this link in a list? (The same test seen from the element.) */
static inline bool list_is_linked(const struct list *link)
{
    return link->next != link;
}

static inline void list_insert_after(struct list *pos, struct list *link)
{
    link->prev = pos;
    link->next = pos->next;
    pos->next->prev = link;
    pos->next = link;
}

static inline void list_push_front(struct list *head, struct list *link)
{
    list_insert_after(head, link);
}

static inline void list_push_back(struct list *head, struct list *link)
{
    list_insert_after(head->prev, link);
}

/* Takes the link out of its list; nothing happens when it is in none. */
static inline void list_remove(struct list *link)
{
    link->prev->next = link->next;
    link->next->prev = link->prev;
    list_init(link);
}

/* First link or NULL; list_pop_front also removes it. */
static inline struct list *list_first(const struct list *head)
{
    return list_is_empty(head) ? NULL : head->next;
}

static inline struct list *list_pop_front(struct list *head)
{
    struct list *link = list_first(head);
    if (link != NULL)
        list_remove(link);
    return link;
}

/* Moves every element of `from` to the end of `to`; `from` is empty afterwards. */
static inline void list_splice_back(struct list *to, struct list *from)
{
    if (list_is_empty(from))
        return;
    from->next->prev = to->prev;
    from->prev->next = to;
    to->prev->next = from->next;
    to->prev = from->prev;
    list_init(from);
}

/* Walks the list: O(n). */
static inline size_t list_count(const struct list *head)
{
    size_t n = 0;
    for (const struct list *it = head->next; it != head; it = it->next)
        n++;
    return n;
}

#endif
