# Which breakpoints may exist: the slots.
from museum.entry import Entry

ENTRIES = [
    Entry("one-slot-lost", 2009,
          "Four registers, and the fourth breakpoint was refused: the comparison with the limit "
          "was off by one.",
          [("hwbp/slots.c", "slots_reserve", "sum(&load) > SLOTS_PER_CPU",
            "sum(&load) >= SLOTS_PER_CPU")],
          "rules-table"),
    Entry("slot-of-a-refused-request", 2010,
          "A slot was reserved, then the request turned out to be invalid, and the slot stayed "
          "reserved. Four wrong requests, and there was no breakpoint left.",
          [("hwbp/pmu.c", "bp_event_init", "        claim_release(claim);", "        ;")],
          "bp-full-says-enospc-first"),
]
