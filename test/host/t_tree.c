// link: linux/base/tree.c against a sorted array with linear search, and the number of steps of its
// operations.
#include <string.h>

#include "linux/base/tree.h"
#include "test/host/ktap.h"

#define MAX_ITEMS 300
#define ROUNDS    20000
#define MANY      100000

struct item {
    struct tree_node node;
    u64 value, most; // its own, and the largest of its subtree
};

static struct item items[MAX_ITEMS], *order[MAX_ITEMS]; // order[]: those in the tree
static u32 nr;
static u64 seed = 1;

static u64 draw(u64 below)
{
    seed = seed * 6364136223846793005ull + 1442695040888963407ull;
    return (seed >> 33) % below;
}

static struct item *item_of(struct tree_node *n)
{
    return tree_entry(n, struct item, node);
}

// A bound like the one in the areas of an address space.
static void keep_most(struct tree_node *n, const struct tree_node *old)
{
    item_of(n)->most = container_of(old, struct item, node)->most;
}

static void raise_most(struct item *it)
{
    u64 most = it->value;
    for (; it && it->most < most; it = item_of(it->node.parent))
        it->most = most;
}

// Checks links, balance and the bound. Returns the height.
static u32 check(struct tree_node *n, const struct tree_node *parent, u64 most)
{
    if (!n)
        return 0;
    EXPECT(n->parent == parent);
    const struct item *it = item_of(n);
    EXPECT(it->value <= it->most && it->most <= most);
    u32 left = check(n->child[0], n, it->most), right = check(n->child[1], n, it->most);
    EXPECT(left <= right + 2 && right <= left + 2);
    EXPECT_EQ(n->height, MAX(left, right) + 1);
    return n->height;
}

static void insert(struct tree *t, struct item *it, u64 key)
{
    u32 at = nr++;
    for (; at > 0 && order[at - 1]->node.key > key; at--)
        order[at] = order[at - 1];
    order[at] = it;
    it->value = draw(1000);
    it->most = 0;
    tree_add(t, &it->node, key);
    raise_most(it);
}

static void remove_at(struct tree *t, u32 at)
{
    tree_del(t, &order[at]->node);
    EXPECT(!tree_linked(&order[at]->node));
    memmove(&order[at], &order[at + 1], (--nr - at) * sizeof(order[0]));
}

static void compare(const struct tree *t, u64 key)
{
    struct item *it, *from = NULL, *upto = NULL;
    u32 at = 0;
    for (it = item_of(tree_first(t)); it; it = item_of(tree_next(&it->node))) {
        EXPECT(at < nr && order[at] == it);
        EXPECT(item_of(tree_prev(&it->node)) == (at ? order[at - 1] : NULL));
        if (it->node.key >= key && !from)
            from = it;
        if (it->node.key <= key)
            upto = it;
        at++;
    }
    EXPECT_EQ(at, nr);
    EXPECT(item_of(tree_from(t, key)) == from);
    EXPECT(item_of(tree_upto(t, key)) == upto);
    EXPECT(item_of(tree_find(t, key)) == (from && from->node.key == key ? from : NULL));
}

// Few keys, so that many are equal.
static void random_work(void)
{
    struct tree t = {.takes_place = keep_most};
    nr = 0;
    memset(items, 0, sizeof(items));
    for (int round = 0; round < ROUNDS; round++) {
        struct item *it = &items[draw(MAX_ITEMS)];
        u32 at = 0;
        while (at < nr && order[at] != it)
            at++;
        if (at == nr) {
            insert(&t, it, draw(MAX_ITEMS / 2));
        } else if (draw(3) == 0) {
            it->value = draw(1000);
            raise_most(it);
        } else {
            remove_at(&t, at);
        }
        check(t.root, NULL, UINT64_MAX);
        compare(&t, draw(MAX_ITEMS / 2));
    }
}

static u32 depth_limit(u64 n) // 1.82 log2(n + 2), rounded up
{
    u32 log = 0;
    while (1ull << log < n + 2)
        log++;
    return log * 182 / 100 + 1;
}

// Rising numbers, like tids and times. Then every other one is removed.
static void rising(void)
{
    static struct item many[MANY];
    struct tree t = {0};
    for (u64 i = 0; i < MANY; i++) {
        tree_add(&t, &many[i].node, i);
        EXPECT(t.root->height <= depth_limit(i + 1));
    }
    for (u64 i = 0; i < MANY; i += 2)
        tree_del(&t, &many[i].node);
    EXPECT(check(t.root, NULL, UINT64_MAX) <= depth_limit(MANY / 2));
    EXPECT_EQ(depth_limit(4000), 22);
    for (u64 i = 1; i < MANY; i += 2)
        EXPECT(tree_find(&t, i) == &many[i].node);
    for (u64 i = 1; i < MANY / 2; i += 2)
        tree_del(&t, &many[i].node);
    u64 taken = 0;
    for (struct tree_node *n; (n = tree_take(&t)); taken++)
        EXPECT(!tree_linked(n));
    EXPECT_EQ(taken, MANY / 4);
    EXPECT(!t.root && !tree_first(&t) && !tree_upto(&t, MANY));
}

static const struct ktap_case cases[] = {
    {"tree-random", random_work},
    {"tree-rising", rising},
};

KTAP_MAIN(cases)
