// link: arch/x86/debugreg.c arch/x86/svm/debugreg_guest.c kernel/checks/registers.c
// The debug-register file on the host: encoding, the commit algorithm, and the decoding of #DBs, in
// chosen cases and in random sequences.
#include "arch/x86/svm/debugreg_guest.h"
#include "test/host/dr_model.h"

#define RANDOM_OPS 1000000

static void encode_decode(void)
{
    static const u8 lens[] = {1, 2, 4, 8}, len_field[] = {0, 1, 3, 2}; // SDM vol. 3, 18.2.4
    static const u8 types[] = {DR_EXECUTE, DR_WRITE, DR_READ_WRITE};
    for (int n = 0; n < HBP_NUM; n++) {
        for (size_t t = 0; t < ARRAY_SIZE(types); t++) {
            for (size_t l = 0; l < (types[t] == DR_EXECUTE ? 1 : ARRAY_SIZE(lens)); l++) {
                u64 field = types[t] | len_field[l] << 2;
                u64 dr7 = dr7_encode(n, types[t], lens[l]);
                u8 type, len;
                EXPECT_EQ(dr7, 2ull << 2 * n | field << (16 + 4 * n));
                EXPECT(dr7_decode(dr7, n, &type, &len) && type == types[t] && len == lens[l]);
                EXPECT(!dr7_decode(dr7, (n + 1) % HBP_NUM, &type, &len));
                EXPECT(dr7_decode((dr7 & ~0xffull) | 1ull << 2 * n, n, &type, &len)); // L alone
                EXPECT(!dr7_decode(dr7 & ~0xffull, n, &type, &len));
            }
        }
    }
    EXPECT_EQ(dr7_encode(1, DR_WRITE, 4) | DR7_FIXED_1, 0x00d00408);
    EXPECT_EQ(dr7_encode(2, DR_EXECUTE, 1), 2ull << 4); // LEN must be 0
}

// A random condition within the window, aligned as the hardware needs it.
static u64 random_state = 0x18024;

static u32 random_below(u32 n)
{
    random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
    return (random_state >> 33) % n;
}

static struct dr_slot condition(u32 kind)
{
    static const u8 types[] = {DR_WRITE, DR_READ_WRITE, DR_EXECUTE};
    u8 type = types[kind % 3], len = type == DR_EXECUTE ? 1 : 1 << kind / 3 % 4;
    return (struct dr_slot){
        .addr = BASE + ALIGN_DOWN(kind / 12 % WINDOW, len), .type = type, .len = len};
}

#define NR_CONDITIONS (3 * 4 * WINDOW)

// dr_implies(a, b) against its definition: no access hits a, but not b.
static void implication(void)
{
    for (u32 i = 0; i < NR_CONDITIONS; i++) {
        for (u32 j = 0; j < NR_CONDITIONS; j++) {
            struct dr_slot a = condition(i), b = condition(j);
            bool proves = true;
            for (int kind = READ; kind <= FETCH; kind++) {
                for (u64 addr = BASE; addr < BASE + WINDOW; addr++) {
                    struct access x = {kind, addr, 1};
                    proves &= !hits(&a, &x) || hits(&b, &x);
                }
            }
            EXPECT_EQ(dr_implies(&a, &b), proves);
        }
    }
}

// Owner 0 has DR0.
static void install_one(void)
{
    reset();
    own(0, BASE, DR_WRITE, 8);
    begin();
    install(0);
    commit();
}

static void expect_writes(u32 addr, u32 control)
{
    commit();
    EXPECT_EQ(hw.addr_writes, addr);
    EXPECT_EQ(hw.control_writes, control);
}

static void commit_by_hand(void)
{
    reset();
    for (int i = 0; i < 3; i++) { // two tasks with the same three conditions
        own(i, BASE + 8 * i, DR_WRITE, 8);
        own(3 + i, BASE + 8 * i, DR_WRITE, 8);
    }
    own(6, BASE + 4, DR_WRITE, 1);
    begin();
    install(0);
    expect_writes(1, 1);
    begin();
    install(1);
    install(2);
    expect_writes(2, 1); // both registers were off
    begin();             // a switch to the other task, which has its events in another order
    for (int i = 0; i < 3; i++)
        evict(i);
    for (int i = 5; i >= 3; i--)
        install(i);
    expect_writes(0, 0);
    begin();
    evict(4);
    expect_writes(0, 1); // the address may stay
    begin();
    install(4); // the address is found again
    expect_writes(0, 1);
    begin();
    evict(5);
    commit();
    begin(); // a register that is off is better than one just freed
    evict(3);
    install(6);
    expect_writes(1, 1);
    begin();
    evict(6);
    install(3);
    commit();
    begin();
    install(6);
    begin();
    evict(4);
    commit();
    commit();
    EXPECT_EQ(file.edited, 0);                     // the next commit has nothing to do
    EXPECT(file.live.slot[0].owner == &owners[6]); // D4: below the wider one, which was there first
    EXPECT_PANIC(dr_commit());
    struct dr_file before;
    memcpy(&before, &file, sizeof(file));
    EXPECT(!dr_evict(&owners[7])); // this owner has no register
    EXPECT_EQ(memcmp(&before, &file, sizeof(file)), 0);
}

static void check_finds_faults(void)
{
    install_one();
    EXPECT(dr_check() == NULL);
    for (int n = 0; n < 8; n++) {
        if (n >= HBP_NUM && n != 7)
            continue;
        hw.dr[n] ^= 4;
        EXPECT(dr_check() != NULL);
        hw.dr[n] ^= 4;
    }
    EXPECT(dr_check() == NULL);
}

static void random_edit(void)
{
    int i = random_below(NR_OWNERS);
    struct dr_slot s = condition(random_below(NR_CONDITIONS));
    if (random_below(8) == 0)
        change(i, s.addr, s.type, s.len);
    if (wanted[i] && random_below(2))
        evict(i);
    else if (!wanted[i])
        install(i);
}

// The owners of a hit may edit inside #DB, with begin and commit or without.
static void editing_handler(void)
{
    if (random_below(4))
        return;
    begin();
    random_edit();
    dr_commit();
    open_begins--;
    EXPECT_EQ(hw.dr[7], DR7_FIXED_1);
}

static void random_access(void)
{
    struct access a = {random_below(3), BASE + random_below(WINDOW), 1 << random_below(4)};
    take_db(random_below(2) ? QEMU : REAL, &a, random_below(16), editing_handler);
}

static void set_wanted(const struct dr_image *image, bool value)
{
    for (int n = 0; n < HBP_NUM; n++)
        if (image->used & BIT(n))
            wanted[(struct dr_slot *)image->slot[n].owner - owners] = value;
}

// The owners of some registers leave together, and come back if enough registers are free.
static void exchange(void)
{
    struct dr_image image;
    u32 regs = random_below(BIT(HBP_NUM)), used = file.want.used;
    dr_take_out(regs, &image);
    set_wanted(&image, false);
    EXPECT_EQ(image.used, used & regs);
    EXPECT_EQ(file.want.used, used & ~regs);
    commit();
    begin();
    int other = random_below(NR_OWNERS);
    bool in_image = false;
    for (int n = 0; n < HBP_NUM; n++)
        in_image |= image.used & BIT(n) && image.slot[n].owner == &owners[other];
    if (!wanted[other] && !in_image && random_below(2))
        install(other);
    u32 back = __builtin_popcount(image.used), installs = file.stats.installs;
    bool fits = __builtin_popcount(file.want.used) + back <= HBP_NUM;
    EXPECT_EQ(dr_put_back(&image), fits);
    EXPECT_EQ((u32)file.stats.installs, installs + (fits ? back : 0));
    if (fits)
        set_wanted(&image, true);
}

// Owner 1 leaves DR1 alone. Then owner 2 has DR1, and DR0 is free.
static void leave_dr1(struct dr_image *image)
{
    reset();
    for (int i = 0; i < 3; i++)
        own(i, BASE + 8 * i, DR_WRITE, 8);
    own(3, BASE + 8, DR_WRITE, 8);
    begin();
    install(0);
    install(1);
    commit();
    begin();
    dr_take_out(BIT(1), image);
    set_wanted(image, false);
    commit();
    begin();
    evict(0);
    install(2);
    commit();
    EXPECT_EQ(hw.dr[1], BASE + 16); // DR0 was freed later
}

// An owner that comes back has its old register, unless another register still has the address.
static void come_back(void)
{
    struct dr_image image;
    leave_dr1(&image);
    begin();
    evict(2);
    commit();
    begin();
    EXPECT(dr_put_back(&image));
    set_wanted(&image, true);
    EXPECT(file.want.slot[1].owner == &owners[1]); // though DR0 is free, too
    expect_writes(1, 1);

    leave_dr1(&image);
    begin();
    install(3);
    commit();
    EXPECT_EQ(hw.dr[0], BASE + 8);
    begin();
    evict(2);
    evict(3);
    commit();
    begin();
    EXPECT(dr_put_back(&image));
    set_wanted(&image, true);
    EXPECT(file.want.slot[0].owner == &owners[1]);
    expect_writes(0, 1);
}

// Of several registers with the address the one with the whole condition is taken.
static void best_of_several(void)
{
    reset();
    own(0, BASE, DR_WRITE, 8);
    own(1, BASE, DR_READ_WRITE, 8);
    own(2, BASE, DR_READ_WRITE, 4);
    own(3, BASE, DR_READ_WRITE, 8);
    begin();
    for (int i = 0; i < 3; i++)
        install(i);
    commit();
    begin();
    int at = 0;
    while (file.want.slot[at].owner != &owners[1])
        at++;
    for (int i = 0; i < 3; i++)
        evict(i);
    install(3);
    EXPECT(file.want.slot[at].owner == &owners[3]);
    expect_writes(0, 1);
}

static void writes_of_a_db(void)
{
    struct dr_hits h;
    install_one();
    u64 writes = file.stats.db_writes, exceptions = file.stats.exceptions;
    hw.dr[6] = DR6_ACTIVE_LOW | BIT(0);
    dr_db_enter(&h);
    dr_db_exit();
    EXPECT_EQ(file.stats.db_writes, writes + 3); // DR7 off, DR6, DR7 on
    EXPECT_EQ(file.stats.exceptions, exceptions + 1);
    u64 found = dr_pause();
    EXPECT_EQ(found, file.live_dr7);
    EXPECT_EQ(hw.dr[7], DR7_FIXED_1);
    dr_unpause(found);
    check_registers();
    u64 evictions = file.stats.evictions;
    begin();
    evict(0);
    commit();
    EXPECT_EQ(file.stats.evictions, evictions + 1);
}

static void random_walk(void)
{
    reset();
    for (int op = 0; op < RANDOM_OPS; op++) {
        if (op % 64 == 0) { // new conditions, from an empty file
            reset();
            for (int i = 0; i < NR_OWNERS; i++) {
                struct dr_slot s = condition(random_below(NR_CONDITIONS));
                own(i, s.addr, s.type, s.len);
            }
        }
        begin();
        for (u32 n = random_below(6); n > 0; n--)
            random_edit();
        if (random_below(8) == 0)
            random_access(); // a #DB between begin and commit
        if (random_below(4) == 0) {
            begin();
            random_edit();
            commit();
        }
        if (random_below(4) == 0)
            exchange();
        commit();
        random_access();
    }
}

static void single_step_and_noise(void)
{
    struct dr_hits h;
    install_one();
    hw.dr[6] = DR6_ACTIVE_LOW | DR6_BS | BIT(0) | BIT(2);
    dr_db_enter(&h);
    EXPECT_EQ(h.dr6, DR6_BS | BIT(0)); // register 2 is off
    EXPECT(h.slot[0].owner == &owners[0]);
    dr_db_exit();
    own(1, 0, DR_EXECUTE, 1); // the slot of a free register is all zero, but is no breakpoint at 0
    begin();
    install(1);
    commit();
    hw.dr[6] = DR6_ACTIVE_LOW | BIT(3);
    dr_db_enter(&h);
    EXPECT_EQ(h.slots, 0);
    dr_db_exit();
    hw.dr[6] = DR6_ACTIVE_LOW | BIT(1);
    dr_db_enter(&h);
    EXPECT_EQ(h.slots, BIT(1));
    dr_db_exit();
    hw.dr[6] = DR6_ACTIVE_LOW | DR6_BS | BIT(1); // a step that ends at this owner's instruction
    dr_db_enter(&h);
    EXPECT_EQ(h.slots, 0);
    EXPECT_EQ(h.dr6, DR6_BS);
    dr_db_exit();
    hw.dr[6] = DR6_ACTIVE_LOW | BIT(0) | BIT(1); // a write by the instruction before
    dr_db_enter(&h);
    EXPECT_EQ(h.slots, BIT(0));
    dr_db_exit();
    u64 spurious = file.stats.spurious;
    hw.dr[6] = DR6_ACTIVE_LOW; // INT1 has no cause, but is not spurious
    dr_db_enter(&h);
    EXPECT_EQ(h.dr6, 0);
    EXPECT_EQ(file.stats.spurious, spurious);
    dr_db_exit();
    hw.dr[6] = DR6_ACTIVE_LOW | BIT(3);
    dr_db_enter(&h);
    EXPECT_EQ(h.dr6, 0);
    EXPECT_EQ(file.stats.spurious, spurious + 1);
    dr_db_exit();
    file.nested_dr6 = DR6_ACTIVE_LOW | DR6_BS; // one half came in a nested #DB
    hw.dr[6] = DR6_ACTIVE_LOW | BIT(0);
    dr_db_enter(&h);
    EXPECT_EQ(h.dr6, DR6_BS | BIT(0));
    EXPECT_PANIC(dr_db_enter(&h));
    dr_db_exit();
    hw.dr[6] = DR6_ACTIVE_LOW | BIT(0);
    dr_db_enter(&h);
    EXPECT_EQ(h.dr6, BIT(0)); // that half was told once
    dr_db_exit();
}

// After a guest and #VMEXIT the registers are restored, without a needless write.
static void around_a_guest(void)
{
    static const u64 theirs[HBP_NUM] = {1, 2, 3, 4};
    install_one();

    u64 before = file.stats.guest_writes;
    hw_breakpoint_restore(); // nothing differs
    EXPECT_EQ(file.stats.guest_writes, before);
    hw.dr[7] = DR7_FIXED_1; // a guest without its own registers
    hw_breakpoint_restore();
    EXPECT_EQ(file.stats.guest_writes, before + 1);
    check_registers();

    hw.addr_writes = 0;
    dr_lend(theirs);
    EXPECT_EQ(hw.addr_writes, HBP_NUM);
    EXPECT_EQ(hw.dr[7], DR7_FIXED_1);
    for (int i = 0; i < HBP_NUM; i++)
        EXPECT_EQ(hw.dr[i], theirs[i]);
    hw.dr[2] = file.live_addr[2]; // by chance the guest ends with the host's value
    hw.dr[6] = DR6_ACTIVE_LOW | BIT(1);
    hw.addr_writes = 0;
    hw_breakpoint_restore();
    EXPECT_EQ(hw.addr_writes, HBP_NUM - 1);
    EXPECT_EQ(hw.dr[6], DR6_ACTIVE_LOW);
    check_registers();

    dr_lend(NULL);
    EXPECT_EQ(hw.dr[7], DR7_FIXED_1);
    EXPECT_EQ(hw.addr_writes, HBP_NUM - 1);
    hw_breakpoint_restore();
    check_registers();
}

static const struct ktap_case cases[] = {
    {"dr-guest", around_a_guest},     {"dr7-encode-decode", encode_decode},
    {"dr-implies", implication},      {"dr-commit", commit_by_hand},
    {"dr-check", check_finds_faults}, {"dr-db-causes", single_step_and_noise},
    {"dr-come-back", come_back},      {"dr-best-of-several", best_of_several},
    {"dr-writes", writes_of_a_db},    {"dr-random", random_walk},
};
KTAP_MAIN(cases)
