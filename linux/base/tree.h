// Balanced search trees. A node has a number, its key. The nodes are in the order of their keys,
// and are found by them. Nodes with the same key are in the order in which they came. A node is
// embedded in the structure that it links, as in lists. The caller does the locking.
//
// The two subtrees of a node differ in height by at most two (an AVL tree allows one). So in a tree
// of n nodes no function below looks at more than 1.82 log2(n + 2) of them. That is 22 of 4,000,
// and 37 of a million.
#pragma once

#include "arch/x86/types.h"

struct tree_node {
    u64 key; // first: structures may give it a name of their own
    struct tree_node *parent, *child[2];
    u32 height; // of the subtree; 0: in no tree
};

struct tree {
    struct tree_node *root;
    // For users that keep something about the subtree of each node. Called when `n` has taken the
    // place of `old`. All nodes below `n` now were below `old` before. NULL: nothing is kept.
    void (*takes_place)(struct tree_node *n, const struct tree_node *old);
};

void tree_add(struct tree *t, struct tree_node *n, u64 key);
void tree_del(struct tree *t, struct tree_node *n);
// Unlinks some node, or returns NULL when there is none. The tree loses its balance, so this is for
// a caller who takes all nodes.
struct tree_node *tree_take(struct tree *t);

// tree_from() gives the first node whose key is at least `key`. tree_upto() gives the last node
// whose key is at most `key`. NULL: there is none.
struct tree_node *tree_from(const struct tree *t, u64 key);
struct tree_node *tree_upto(const struct tree *t, u64 key);
// The neighbours in order, or NULL.
struct tree_node *tree_next(const struct tree_node *n);
struct tree_node *tree_prev(const struct tree_node *n);

static inline struct tree_node *tree_first(const struct tree *t)
{
    return tree_from(t, 0);
}

// The first node with just this key, or NULL.
static inline struct tree_node *tree_find(const struct tree *t, u64 key)
{
    struct tree_node *n = tree_from(t, key);
    return n && n->key == key ? n : NULL;
}

static inline bool tree_linked(const struct tree_node *n)
{
    return n->height;
}

// The structure that holds the node. NULL for NULL.
#define tree_entry(ptr, type, member)                                                              \
    ({                                                                                             \
        struct tree_node *__n = (ptr);                                                             \
        __n ? container_of(__n, type, member) : NULL;                                              \
    })
