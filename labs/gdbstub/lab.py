# The lab "gdbstub": the packets of gdb's remote protocol, and its requests for breakpoints.
#
# A student's number decides LONGEST and LIMIT. A run stands for at most LONGEST characters, and gdb
# may hold LIMIT debug registers. In the kernel they are 98 and 4.
from labs import functions

TITLE = "L8 A gdb stub"
HOURS = 8
NEEDS = "first_db"
FILE = "debug/kgdb/stub.c"
KIND = functions
FLAVOUR = "host"
GIVEN = ["judge.py", "protocol.py", "session.py", "answer.c"]
TOGETHER = 5
MAY_USE = ["get_byte", "put", "out", "out_length", "acks", "begun", "slots", "slot_kind",
           "insert_software", "remove_software", "hwbp_stopped_set", "hwbp_stopped_clear",
           "hex_digit", "strchr", "strlen", "snprintf", "vsnprintf"]

PACKET, BREAKS = "debug/kgdb/packet.c", "debug/kgdb/breaks.c"
NEW = {FILE: "stub.c", "debug/kgdb/stub.h": "stub.h"}
TAKEN = {
    PACKET: ["get_data", "packet_get", "acknowledged", "run_length", "put_reply", "reply_send",
             "reply_begin", "reply_add", "reply_text", "reply", "reply_result", "parse_hex",
             "parse_char", "parse_pair", "parse_bytes"],
    "debug/kgdb/session.c": ["change_break"],
    BREAKS: ["find_slot", "free_slot", "insert_hardware", "kgdb_break_insert",
             "kgdb_break_remove"]}
# What the taken functions use must be visible to their new file.
EDITS = [(path, None, "static " + what, what) for path, what in [
    (PACKET, "char out["), (PACKET, "size_t out_length"), (PACKET, "bool acks"),
    (PACKET, "bool begun"), (PACKET, "u8 get_byte("), (PACKET, "void put("),
    (BREAKS, "struct hwbp_stopped slots["), (BREAKS, "enum break_kind slot_kind["),
    (BREAKS, "int insert_software("), (BREAKS, "int remove_software(")]]

# name: (points alone, first hint, what the starter has in its place)
FUNCTIONS = {
    "get_data": (15, "read to '#', then two digits. What is summed, and in how many bits?", """{
    // '$' was read. The data goes into buf, its length into *n. A '$' begins the packet again. At
    // most PACKET_MAX bytes may be stored; a longer packet is read to its end, and is not good.
    // True: good, and the checksum is right.
    (void)buf;
    while (get_byte() != '#')
        ;
    *n = 0;
    return false;
}"""),
    "packet_get": (10, "skip to '$', unless it was read already (begun). Then get_data().", """{
    // Until a packet is good. While `acks`, each one is answered with '+' or '-'.
    while (get_byte() != '$')
        ;
    buf[0] = 0;
}"""),
    "run_length": (10, "count first; then look at which counts may not be sent.", """{
    // How many characters from at[0] on are sent as one run: 1 is no run. `left` characters are
    // there, at[0] is one of them.
    (void)at;
    return left;
}"""),
    "put_reply": (15, "the checksum is the sum of the bytes on the line.", """{
    // "$", out[] with runs, "#", two digits.
    put("$#00", 4);
}"""),
    "reply_text": (5, "which four characters mean something to the protocol?", """{
    // Adds `text` to the reply. Some characters are escaped.
    (void)text;
    reply_add("%zu", n);
}"""),
    "parse_hex": (5, "hex_digit() returns 16 for any other character.", """{
    // *p moves past the digits. False: there is none.
    (void)p;
    *value = 0;
    return false;
}"""),
    "parse_bytes": (10, "a byte is two digits, the high one first.", """{
    // n bytes from 2 * n digits. False: there are fewer digits.
    (void)p;
    (void)to;
    (void)n;
    return false;
}"""),
    "change_break": (10, "three numbers with commas between. An unknown kind is no error: what "
                         "does the manual say of packets that a stub does not know?", """{
    // "kind,address,length". Ends in reply() or in reply_result().
    (void)p;
    (void)insert;
    reply("");
}"""),
    "insert_hardware": (15, "find_slot() and free_slot() do the searching. Which condition of x86 "
                            "belongs to each kind?", """{
    // hwbp_stopped_set() asks for the register: its types are HW_BREAKPOINT_X, _W and _RW. 0 or
    // -errno; -ENOSPC when LIMIT registers are gdb's already.
    (void)kind;
    (void)addr;
    (void)len;
    return -ENOSPC;
}"""),
}

# name: (function, old, new, advice)
MISTAKES = {
    "get-no-restart": (
        "get_data", "            *n = sum = 0;\n", "",
        "gdb gives up a packet and begins again with '$': forget what came before."),
    "get-restart-keeps-sum": (
        "get_data", "            *n = sum = 0;\n", "            *n = 0;\n",
        "When the packet begins again, its sum begins again, too."),
    "get-wide-sum": (
        "get_data", "u8 sum = 0, c;", "u32 sum = 0; u8 c;",
        "The checksum is a sum modulo 256 (gdb manual, E.1)."),
    "get-overflow": (
        "get_data", "        if (*n < PACKET_MAX)\n", "",
        "A packet may be longer than your buffer. Its end is then written over other variables."),
    "get-cut-off": (
        "get_data", "*n <= PACKET_MAX && ", "",
        "A packet that did not fit is not good, though its checksum is right."),
    "get-low-digit": (
        "get_data", "sum == high * 16 + low", "sum % 16 == low",
        "Compare the whole checksum, both digits."),
    "get-any-digit": (
        "get_data", "high < 16 && low < 16 && sum == high * 16 + low",
        "(high > 15 || low > 15 || sum == high * 16 + low)",
        "A character that is no digit makes the checksum wrong."),
    "ack-always-good": (
        "packet_get", 'good ? "+" : "-"', '"+"',
        "After '+' gdb throws the packet away. Ask for it once more with '-'."),
    "ack-always": (
        "packet_get", "        if (acks)\n            put(", "            put(",
        "After QStartNoAckMode nothing is acknowledged: look at `acks`."),
    "ack-never": (
        "packet_get", '        if (acks)\n            put(good ? "+" : "-", 1);\n', "",
        "gdb sends its packet again and again until it is acknowledged."),
    "get-begun-stays": (
        "packet_get", "        begun = false;\n", "",
        "`begun` is true for one packet only. The next one has a '$' of its own."),
    "get-begun-ignored": (
        "packet_get", "!begun && get_byte()", "get_byte()",
        "The '$' was read already (packet_begun()): do not wait for another."),
    "get-bad-returned": (
        "packet_get", "        if (good) {\n", "        {\n",
        "A packet that is not good is not obeyed: wait for the next."),
    "run-of-three": (
        "run_length", "n > RUN_MIN", "n >= RUN_MIN",
        "Three characters, or a run of three characters: which is shorter? (And a count below ' ' "
        "is not printable.)"),
    "run-hash-only": (
        "run_length", " || n - 1 + RUN_BASE == '$'", "",
        "'$' cannot be a count, because it begins a packet."),
    "run-dollar-only": (
        "run_length", "n - 1 + RUN_BASE == '#' || ", "",
        "'#' cannot be a count, because it ends the data."),
    "run-too-long": (
        "run_length", "MIN(left, LONGEST)", "MIN(left, RUN_MAX)",
        "A run stands for at most LONGEST characters."),
    "run-one-more": (
        "run_length", "n < MIN(left, LONGEST)", "n <= MIN(left, LONGEST)",
        "Your run may be one longer than LONGEST, or longer than the text."),
    "reply-sum-of-text": (
        "put_reply", "sum += run[k];", "sum += length > 1 ? out[i] * (k ? 0 : n) : run[k];",
        "The checksum is the sum of the bytes on the line, before gdb expands any run."),
    "reply-count-off": (
        "put_reply", "n - 1 + RUN_BASE", "n + RUN_BASE",
        "The first character stands before the '*': it is not counted again."),
    "reply-short-sum": (
        "put_reply", '"#%02x"', '"#%x"', "The checksum has two digits, also when it is small."),
    "reply-sum-has-dollar": (
        "put_reply", "u8 sum = 0;", "u8 sum = '$';",
        "'$' and '#' do not belong to the checksum."),
    "reply-again": (
        "put_reply", "i += n", "i++",
        "After a run go on with the first character that it does not stand for."),
    "text-no-star": (
        "reply_text", '"$#}*"', '"$#}"', "'*' is the mark of a run: escape it, too."),
    "text-no-escape": (
        "reply_text", '"$#}*"', '"$#*"', "The escape character itself must be escaped."),
    "text-not-changed": (
        "reply_text", "*text ^ ESCAPE_XOR", "*text",
        "After '}' comes the character XOR 0x20, so that no reader finds a '#' there."),
    "hex-decimal": (
        "parse_hex", "*value << 4 | d", "*value * 10 + d", "Numbers of the protocol are "
        "hexadecimal."),
    "hex-nothing-is-0": (
        "parse_hex", "return *p != start;", "(void)start;\n    return true;",
        "Without a digit there is no number, not even 0."),
    "hex-32-bits": (
        "parse_hex", "*value << 4 | d", "(u32)*value << 4 | d",
        "Addresses have 64 bits. Yours lose the upper ones."),
    "bytes-swapped": (
        "parse_bytes", "high * 16 + low", "low * 16 + high", "The high digit comes first."),
    "bytes-half": (
        "parse_bytes", "high < 16 ? hex_digit((*p)[1]) : 16",
        "high < 16 ? hex_digit((*p)[1]) % 16 : 16",
        "Half a byte is no byte: the second character must be a digit, too."),
    "bytes-stay": (
        "parse_bytes", ", *p += 2", "", "Each byte moves *p by two digits."),
    "break-unknown-is-error": (
        "change_break", 'reply("");\n            return;', "reply_result(-EINVAL);\n"
        "            return;",
        "gdb tries packets to learn what a stub can do. The answer to an unknown one is an empty "
        "packet."),
    "break-no-awatch": (
        "change_break", "kind > Z_ACCESS", "kind >= Z_ACCESS",
        "The kinds are 0 to 4: awatch is one of them."),
    "break-z-inserts": (
        "change_break", "insert ? kgdb_break_insert(kind, addr, len) : "
        "kgdb_break_remove(kind, addr, len)", "kgdb_break_insert(kind, addr, len)",
        "'z' takes a breakpoint away."),
    "break-swapped": (
        "change_break", "kgdb_break_insert(kind, addr, len) : kgdb_break_remove(kind, addr, len)",
        "kgdb_break_insert(kind, len, addr) : kgdb_break_remove(kind, len, addr)",
        "The address comes before the length."),
    "break-always-ok": (
        "change_break", "reply_result(err);", "reply_result(0);",
        "gdb believes your OK, and then waits for a breakpoint that is nowhere."),
    "hw-twice": (
        "insert_hardware", "    if (find_slot(kind, addr, len))\n        return 0;\n", "",
        "gdb may ask twice for the same: \"implemented in an idempotent way\" says the manual. "
        "Yours takes another register."),
    "hw-over-limit": (
        "insert_hardware", " || slots_on() >= LIMIT", " || slots_on() > LIMIT",
        "gdb may hold LIMIT registers, not one more."),
    "hw-execute-length": (
        "insert_hardware", "kind == Z_HARDWARE ? sizeof(long) : len", "len",
        "The length of an execute breakpoint is always sizeof(long), whatever gdb says "
        "(docs/hwbp.md; perf_event_open(2), bp_len)."),
    "hw-read-alone": (
        "insert_hardware", "[Z_READ] = HW_BREAKPOINT_RW", "[Z_READ] = HW_BREAKPOINT_R",
        "x86 cannot watch reads alone: R/W = 3 is reads and writes (SDM 18.2.4)."),
    "hw-kind-forgotten": (
        "insert_hardware", "        slot_kind[s - slots] = kind;\n", "        (void)kind;\n",
        "slot_kind says what gdb has asked for. Without it the breakpoint is not found again."),
    "hw-error-lost": (
        "insert_hardware", "return err;", "return 0;",
        "hwbp_stopped_set() may refuse. gdb must hear of it."),
}

PUBLIC = {"LONGEST": 90, "LIMIT": 3}  # the practice set
VARIANTS = [{"LONGEST": 40, "LIMIT": 2}, {"LONGEST": 56, "LIMIT": 3}, {"LONGEST": 73, "LIMIT": 2}]


def edits(params):
    """The rule of these parameters: (file, function, old, new)."""
    longest, limit = params["LONGEST"], params["LIMIT"]
    return [("debug/kgdb/stub.h", None, "#define LONGEST 98 ", f"#define LONGEST {longest} "),
            ("debug/kgdb/stub.h", None, "#define LIMIT   4 ", f"#define LIMIT   {limit} "),
            (FILE, "run_length", "MIN(left, RUN_MAX)", "MIN(left, LONGEST)"),
            (FILE, "insert_hardware", "    if (!s)\n", "    if (!s || slots_on() >= LIMIT)\n")]


def rule(params):
    return (f"**LONGEST = {params['LONGEST']}, LIMIT = {params['LIMIT']}.** A run stands for at "
            f"most {params['LONGEST']} characters, and gdb may hold {params['LIMIT']} debug "
            "registers. In the kernel itself they are 98 and 4.")
