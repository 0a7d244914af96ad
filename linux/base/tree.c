// Balanced search trees: see tree.h.
#include "linux/base/tree.h"

// How much the two subtrees of a node may differ in height. With one, the ways would be a little
// shorter. With two, there are only a quarter of the rotations when nodes come and go.
#define LEAN 2

static u32 height(const struct tree_node *n)
{
    return n ? n->height : 0;
}

// The pointer that points to node n.
static struct tree_node **link_of(struct tree *t, const struct tree_node *n)
{
    return n->parent ? &n->parent->child[n->parent->child[1] == n] : &t->root;
}

static void hang(struct tree_node **link, struct tree_node *parent, struct tree_node *n)
{
    *link = n;
    if (n)
        n->parent = parent;
}

static void hang_instead(struct tree *t, struct tree_node *old, struct tree_node *n)
{
    if (t->takes_place)
        t->takes_place(n, old);
    hang(link_of(t, old), old->parent, n);
}

static u32 height_by_children(const struct tree_node *n)
{
    return MAX(height(n->child[0]), height(n->child[1])) + 1;
}

// The child on `side` takes the place of n, which becomes its other child. Order stays:
//
//        n            c
//       / \          / \        side 0; side 1 is its mirror image
//      c   C   ->   A   n
//     / \              / \         .
//    A   B            B   C
static struct tree_node *rotate(struct tree *t, struct tree_node *n, int side)
{
    struct tree_node *c = n->child[side];
    hang_instead(t, n, c);
    hang(&n->child[side], n, c->child[!side]);
    hang(&c->child[!side], c, n);
    n->height = height_by_children(n);
    c->height = height_by_children(c);
    return c;
}

// The subtree is too high on one side. Balances it, and returns its new root.
static __attribute__((noinline)) struct tree_node *balance(struct tree *t, struct tree_node *n,
                                                           int side)
{
    struct tree_node *c = n->child[side];
    if (height(c->child[!side]) > height(c->child[side]))
        rotate(t, c, !side);
    return rotate(t, n, side);
}

// Goes from n upwards, as far as heights change.
static void settle(struct tree *t, struct tree_node *n)
{
    while (n) {
        u32 before = n->height, left = height(n->child[0]), right = height(n->child[1]);
        if (unlikely(left > right + LEAN || right > left + LEAN))
            n = balance(t, n, right > left);
        else
            n->height = MAX(left, right) + 1;
        if (n->height == before)
            break;
        n = n->parent;
    }
}

void tree_add(struct tree *t, struct tree_node *n, u64 key)
{
    struct tree_node *parent = NULL, **link = &t->root;
    while (*link) {
        parent = *link;
        link = &parent->child[key >= parent->key];
    }
    *n = (struct tree_node){.key = key, .height = 1};
    hang(link, parent, n);
    settle(t, parent);
}

// A node with two children first gives its place to the next node in order, which has at most one
// child.
void tree_del(struct tree *t, struct tree_node *n)
{
    struct tree_node *next = n->child[0] && n->child[1] ? tree_next(n) : NULL;
    struct tree_node *out = next ? next : n, *from = out->parent;
    hang(link_of(t, out), from, out->child[!out->child[0]]);
    if (next) {
        from = from == n ? next : from;
        hang_instead(t, n, next);
        hang(&next->child[0], next, n->child[0]);
        hang(&next->child[1], next, n->child[1]);
        next->height = n->height;
    }
    n->height = 0;
    settle(t, from);
}

struct tree_node *tree_take(struct tree *t)
{
    struct tree_node *n = t->root, *below = n;
    while (below) {
        n = below;
        below = n->child[!n->child[0]];
    }
    if (n) {
        *link_of(t, n) = NULL;
        n->height = 0;
    }
    return n;
}

struct tree_node *tree_from(const struct tree *t, u64 key)
{
    struct tree_node *n = t->root, *found = NULL;
    while (n) {
        bool reached = n->key >= key;
        found = reached ? n : found;
        n = n->child[!reached];
    }
    return found;
}

struct tree_node *tree_upto(const struct tree *t, u64 key)
{
    struct tree_node *n = t->root, *found = NULL;
    while (n) {
        bool reached = n->key <= key;
        found = reached ? n : found;
        n = n->child[reached];
    }
    return found;
}

static struct tree_node *step(const struct tree_node *n, int side)
{
    struct tree_node *at = n->child[side];
    if (!at) { // up, until the way was from the other side
        while (n->parent && n->parent->child[side] == n)
            n = n->parent;
        return n->parent;
    }
    while (at->child[!side])
        at = at->child[!side];
    return at;
}

struct tree_node *tree_next(const struct tree_node *n)
{
    return step(n, 1);
}

struct tree_node *tree_prev(const struct tree_node *n)
{
    return step(n, 0);
}
