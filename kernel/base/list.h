// Circular doubly linked lists; a node is embedded in what it links. No locking of its own.
#pragma once

#include "arch/x86/types.h"

struct list {
    struct list *next, *prev;
};

#define LIST_INIT(name)                                                                            \
    {                                                                                              \
        &(name), &(name)                                                                           \
    }

static inline void list_init(struct list *l)
{
    l->next = l->prev = l;
}

static inline bool list_empty(const struct list *l)
{
    return l->next == l;
}

static inline void list_add(struct list *node, struct list *after)
{
    struct list *next = after->next;
    node->next = next;
    node->prev = after;
    next->prev = node;
    after->next = node;
}

static inline void list_add_tail(struct list *node, struct list *head)
{
    list_add(node, head->prev);
}

// Unlinks and leaves the node empty, so that list_empty(node) tells whether it is linked.
static inline void list_del(struct list *node)
{
    struct list *prev = node->prev, *next = node->next;
    prev->next = next;
    next->prev = prev;
    list_init(node);
}

#define list_entry(ptr, type, member)  container_of(ptr, type, member)
#define list_first(head, type, member) list_entry((head)->next, type, member)

#define list_for_each(pos, head, member)                                                           \
    for (pos = list_first(head, __typeof__(*pos), member); &pos->member != (head);                 \
         pos = list_first(&pos->member, __typeof__(*pos), member))

// The same when the loop's body may unlink pos.
#define list_for_each_safe(pos, tmp, head, member)                                                 \
    for (pos = list_first(head, __typeof__(*pos), member),                                         \
        tmp = list_first(&pos->member, __typeof__(*pos), member);                                  \
         &pos->member != (head);                                                                   \
         pos = tmp, tmp = list_first(&tmp->member, __typeof__(*tmp), member))
