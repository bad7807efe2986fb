#include "base/list.h"

#include "tests/suite.h"

struct item {
    int value;
    struct list link;
};

static void fill(struct list *head, struct item *items, int n)
{
    list_init(head);
    for (int i = 0; i < n; i++) {
        items[i].value = i;
        list_push_back(head, &items[i].link);
    }
}

static int sum_in_order(const struct list *head)
{
    int sum = 0;
    for (const struct list *it = head->next; it != head; it = it->next)
        sum = sum * 10 + LIST_ENTRY(it, const struct item, link)->value;
    return sum;
}

static void push_and_pop_keep_order(void)
{
    struct list head;
    struct item items[4], first = {.value = 9};
    fill(&head, items, 4);
    list_push_front(&head, &first.link);
    CU_ASSERT_EQUAL(sum_in_order(&head), 90123);
    CU_ASSERT_EQUAL(list_count(&head), 5);
    CU_ASSERT_PTR_EQUAL(list_pop_front(&head), &first.link);
    CU_ASSERT(!list_is_linked(&first.link));
    CU_ASSERT_PTR_EQUAL(list_first(&head), &items[0].link);
}

static void remove_twice_is_harmless(void)
{
    struct list head;
    struct item items[3];
    fill(&head, items, 3);
    list_remove(&items[1].link);
    list_remove(&items[1].link);
    CU_ASSERT_EQUAL(sum_in_order(&head), 2);
    CU_ASSERT_EQUAL(list_count(&head), 2);
}

static void walk_with_removal_of_each_empties(void)
{
    struct list head;
    struct item items[3];
    int seen = 0;
    fill(&head, items, 3);
    LIST_FOREACH_SAFE (it, &head) {
        seen++;
        list_remove(it);
    }
    CU_ASSERT_EQUAL(seen, 3);
    CU_ASSERT(list_is_empty(&head));
    CU_ASSERT_PTR_NULL(list_pop_front(&head));
}

static void splice_moves_everything_in_order(void)
{
    struct list a, b;
    struct item first[2], second[3];
    fill(&a, first, 2);
    fill(&b, second, 3);
    list_splice_back(&a, &b);
    CU_ASSERT(list_is_empty(&b));
    CU_ASSERT_EQUAL(sum_in_order(&a), 1012);
    list_splice_back(&a, &b);
    CU_ASSERT_EQUAL(list_count(&a), 5);
    list_splice_back(&b, &a);
    CU_ASSERT_EQUAL(sum_in_order(&b), 1012);
}

SUITE("base/list", TEST(push_and_pop_keep_order), TEST(remove_twice_is_harmless),
      TEST(walk_with_removal_of_each_empties), TEST(splice_moves_everything_in_order))
