# dr7: everything that can be built, run and tested. `make help` lists the targets; all products go
# to build/.

MAKEFLAGS += -rR --no-print-directory
.SUFFIXES:
.DELETE_ON_ERROR:
SHELL := /bin/bash
ifeq ($(filter clean,$(MAKECMDGOALS)),)
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc)
ifneq ($(shell test -d /dev/stdin && echo yes),)
$(error dr7: standard input is a directory)
endif
endif
endif

# ---- What the user may set ----

EMU   ?= qemu
# One in Bochs' debugger, which overlooks breakpoints when there are more (docs/bochs.md), and where
# the clock counts instructions.
SMP   ?= $(if $(filter bochs,$(MAKECMDGOALS))$(filter 1,$(ICOUNT)),1,$(if \
           $(filter fuzz,$(MAKECMDGOALS)),4,2))
MEM   ?= $(if $(filter fuzz,$(MAKECMDGOALS)),512,256)
DEBUG ?= 0
HWBP  ?= 1
CORE  ?= 0
V     ?= 0
export CORE EMU SMP MEM UEFI ICOUNT APPEND QEMU_FLAGS TIMEOUT PROG ARGS FILES OUT T SECS \
       SHELL_PROG CMDS LOG PLOT GROUP BOCHS_SRC HOST LTP

# The values that decide what is built; tools/settings.py checks the others.
$(foreach v,HWBP CORE DEBUG V,$(if $(filter-out 0 1,$($(v)))$(filter-out 1,$(words $($(v)))),\
  $(error dr7: $(v)=$($(v)): it is 0 or 1)))

ifeq ($(CORE)$(HWBP),10)
$(error dr7: CORE=1 HWBP=0: without breakpoints the core has nothing to show)
endif

# The tests always run the debug build, which checks itself at every switch.
ifneq ($(filter test fuzz oom museum mutants,$(MAKECMDGOALS)),)
override DEBUG := 1
endif
ifneq ($(filter test,$(MAKECMDGOALS)),)
# Which configurations to test: all of them, unless the user named some.
NAMED = $(filter command line environment,$(origin $(1)))
export TEST_EMU := $(if $(call NAMED,EMU)$(filter 1,$(ICOUNT)),$(EMU))
export TEST_SMP := $(if $(call NAMED,SMP)$(filter 1,$(ICOUNT)),$(SMP))
export TEST_HWBP := $(if $(call NAMED,HWBP),$(HWBP))
# The kernel without breakpoints is one of them, and the core alone.
WITH_OFF  := $(if $(TEST_EMU)$(TEST_SMP)$(TEST_HWBP),,yes)
WITH_CORE := $(if $(TEST_HWBP),,yes)
endif

GOALS := $(or $(MAKECMDGOALS),all)

# What each target needs besides the compiler, in groups of tools/setup.sh. What is missing is
# installed before anything looks for it.
NEEDS_all     := image uefi
NEEDS_iso     := image uefi
NEEDS_core    := image uefi
NEEDS_fuzz    := image qemu
NEEDS_run     := image $(EMU) $(if $(filter 1,$(UEFI)),uefi) $(if $(filter sh,$(SHELL_PROG)),,shell)
NEEDS_recording := $(NEEDS_run)
NEEDS_exec    := image $(EMU) $(if $(findstring /debian/,$(PROG)),debian)
NEEDS_timeline := image $(EMU)
NEEDS_linux   := image qemu
NEEDS_compare := image qemu test $(if $(LTP),shell)
NEEDS_bench   := image qemu perf
NEEDS_museum  := image qemu
NEEDS_mutants := image qemu
NEEDS_perf-tool := perf
NEEDS_gdb     := image qemu gdb
NEEDS_kgdb    := image $(EMU) gdb
NEEDS_gdbserver := image $(EMU) gdb debian
NEEDS_bochs   := image bochs
NEEDS_test    := image uefi qemu bochs shell gdb test site style
NEEDS_docs-check := all
NEEDS_pictures := image qemu test bochs gdb web
NEEDS_site    := site
NEEDS_web     := image bochs gdb web
NEEDS_web-table := gdb
NEEDS_web-bochs := web
NEEDS_web-test := image bochs gdb web test
NEEDS_lint    := style
NEEDS_format  := style
NEEDS_setup   := $(if $(filter 1,$(ALL)),all,$(NEEDS_run))

ifneq ($(filter-out help clean size console,$(GOALS)),)
NEEDS := $(sort build image $(foreach g,$(GOALS),$(NEEDS_$(g))))
ifneq ($(shell tools/setup.sh $(NEEDS) >&2 || echo failed),)
$(error dr7: set-up failed)
endif
endif

# ---- Tools ----

CROSS_COMPILE ?= $(firstword $(foreach p,x86_64-elf- x86_64-linux-gnu-,\
                   $(if $(shell command -v $(p)gcc),$(p))))
CC      := $(CROSS_COMPILE)gcc
LD      := $(CROSS_COMPILE)ld
NM      := $(CROSS_COMPILE)nm
OBJDUMP := $(CROSS_COMPILE)objdump
STRIP   := $(CROSS_COMPILE)strip
ifneq ($(filter-out help clean lint size format pictures,$(GOALS)),)
ifeq ($(shell command -v $(CC)),)
$(error CROSS_COMPILE=$(CROSS_COMPILE): there is no $(CC))
endif
endif
NASM    := nasm
USERCC  := musl-gcc
HOSTCC  := gcc
PYTHON  := python3 -B

BUILD := build
B     := $(BUILD)$(if $(filter 1,$(CORE)),/core)$(if $(filter 0,$(HWBP)),/nohwbp)$(if \
           $(filter 1,$(DEBUG)),/debug)

Q   := $(if $(filter 1,$(V)),,@)
say  = @printf '  %-5s %s\n' $(1) $(2) >&2

# ---- Sources and flags ----

# The floor, and what stands on it: either the roof, or the few files of the core.
FLOOR  := arch/x86 kernel/base kernel/mm sched perf $(if $(filter 0,$(HWBP)),hwbp/off,hwbp)
# What debug builds look at besides.
CHECKS := $(if $(filter 1,$(DEBUG)),$(filter-out $(if $(filter 0,$(HWBP)),%/breakpoints.c), \
            $(wildcard kernel/checks/*.c)))
ROOF   := arch/x86/user arch/x86/svm kernel linux/* debug debug/*
CSRC   := $(sort $(wildcard $(FLOOR:%=%/*.c)) $(CHECKS))
ASRC   := $(sort $(wildcard boot/*.asm arch/x86/*.asm))
FLOOR_OBJS := $(ASRC:%=$(B)/obj/%.o) $(CSRC:%=$(B)/obj/%.o)
KTESTS := $(sort $(wildcard test/kernel/*.c))
ifeq ($(CORE),1)
# Of the tests, those that include nothing of the roof.
CSRC   += $(wildcard kernel/core/*.c) \
          $(filter-out $(shell grep -lE '"(linux|debug|arch/x86/user)/' $(KTESTS)),$(KTESTS))
else
CSRC   += $(sort $(wildcard $(ROOF:%=%/*.c))) $(KTESTS)
ASRC   += $(wildcard arch/x86/user/*.asm arch/x86/svm/*.asm)
endif
OBJS   := $(ASRC:%=$(B)/obj/%.o) $(CSRC:%=$(B)/obj/%.o)
USRC   := $(sort $(wildcard user/*.c))
UTEST  := $(sort $(wildcard test/user/*.c))
# A folder in user/ with sources is one program.
UDIRS  := $(sort $(patsubst user/%/,%,$(dir $(wildcard user/*/*.c))))
UBIN   := $(addprefix $(BUILD)/user/bin/,$(USRC:user/%.c=%) $(UDIRS) $(if $(UTEST),utest))
HOST   := $(patsubst test/host/%.c,$(BUILD)/host/%,$(sort $(wildcard test/host/t_*.c)))

# The core boots alone.
ARCHIVE := $(if $(filter 1,$(CORE)),,$(BUILD)/rootfs.cpio)

COMPARE := $(patsubst test/compare/%.c,$(BUILD)/compare/%,$(sort $(wildcard test/compare/*.c)))

WARN   := -Wall -Wextra -Werror=implicit $(if $(filter 1,$(WERROR)),-Werror)
# Only the checking build guards its stacks: it costs a call up to 4 % (kernel/checks/guard.h).
GUARD  := $(if $(filter 1,$(DEBUG)),-fstack-protector-strong -mstack-protector-guard=global, \
            -fno-stack-protector)
CFLAGS := -std=gnu17 -O2 -g -ffreestanding -fno-pic -fno-pie -mcmodel=kernel \
          -mno-red-zone -mgeneral-regs-only -fno-omit-frame-pointer -fno-strict-aliasing \
          -fno-asynchronous-unwind-tables -fcf-protection=none $(WARN) -I. \
          -isystem $(BUILD)/include -isystem $(BUILD)/user/include -DHWBP=$(HWBP) \
          $(if $(filter 1,$(DEBUG)),-DDEBUG) $(GUARD)
# No line numbers for boot/: gdb cannot follow code that runs at two addresses.
AFLAGS  = -f elf64 $(if $(filter boot/%,$<),,-g -F dwarf) -Wall -I./
LDFLAGS := -nostdlib -static -z max-page-size=4096 -z noexecstack --build-id=none -T linker.ld
UFLAGS := -static -O2 -g $(WARN) -I. -isystem $(BUILD)/user/include
HFLAGS := -std=gnu17 -O1 -g $(WARN) -Itest/host/fake -I. -isystem $(BUILD)/include \
          -fsanitize=address,undefined -fno-sanitize-recover=all

# Headers that are made, for all kernels. So they are there before one make begins several of them.
MADE_HEADERS := $(addprefix $(BUILD)/include/,syscall_names.h syscall_numbers.h errno_numbers.h \
                  font.h) $(BUILD)/user/include

# For editors: how the usual kernel, the programs and the tests are compiled.
COMMANDS := $(if $(filter 0,$(HWBP))$(filter 1,$(CORE)),,$(BUILD)/compile_commands.json)

# ---- Targets ----

.DEFAULT_GOAL := all
include labs/lab.mk
-include test/museum/museum.mk

.PHONY: kernel-off kernel-core all core setup iso run exec linux compare gdb kgdb gdbserver bochs \
        console decode bench test fuzz oom perf-tool timeline docs-check recording site web \
        web-table web-bochs web-test lint size \
        format pictures clean help FORCE

ifeq ($(CORE),1)
all: $(B)/dr7-core.iso
else
all: $(B)/dr7.iso $(COMMANDS)
endif

help:
	@sed -n 's/^#: \?//p' Makefile

#: make            kernel, programs and boot image (build/dr7.iso)
#: make run        boot with the console on this terminal: demonstration, then shell (Ctrl-A X ends)
#:                 SHELL_PROG=sh (or another static program): it is the shell, not busybox
#:                 make run <file: the file is typed at the shell
#: make core       the kernel without programs, whole in itself (build/core/dr7-core.iso); with
#:                 CORE=1 run, gdb, bochs and test are about it: make run CORE=1
#: make exec       boot one static ELF: PROG=file ARGS="..." FILES="..." TIMEOUT=seconds
#:                 OUT=file gets what it writes to /dev/host
#: make linux      the same on Debian's Linux 6.12 in QEMU, without input
#: make compare    the same programs on Linux 6.12 and on dr7: SEEDS=20 OPS=500 T=name
#:                 HOST=1: on this machine's own Linux, too; LTP=folder: of a built Linux Test
#:                 Project what dr7 is about (docs/compare.md)
#: make timeline   who held which register when: PROG= ARGS= (the demonstration) or CORE=1,
#:                 OUT=folder (build)
#: make gdb        boot in QEMU under gdb, stopped at kernel_main (CMDS=file: its commands;
#:                 PROG=program: its symbols, too; `dr7` in gdb: what the kernel's structures say)
#: make kgdb       boot with gdb attached to the kernel's own stub
#: make gdbserver  gdb on the program PROG=, by Debian's gdbserver (built once): `run` starts it
#: make bochs      boot in Bochs' debugger with the kernel's symbols (CMDS= PROG= as for gdb)
#: make console    in a second terminal: the console of what make gdb, kgdb or bochs runs
#: make decode     adds file and line to the backtraces of a log: LOG=file, or <file
#: make test       all tests; T=? lists them; one case: T=name, one configuration: EMU= SMP=
#:                 TIMEOUT=seconds for each machine; T=together SECS=60
#: make oom        each allocation of the tests oom.* fails once; an error if a place is missed
#: make museum     historical faults, planted: the tests see each one; N=number ENTRY=name
#: make mutants    random faults of one operator: N=40 SEED=n SECS=limit; which live
#: make fuzz       random system calls: SECS=60 SEED=n; a fault is made small (docs/fuzz.md)
#: make bench      the benchmark on dr7 and on Linux, as a table (README=1: also into README.md;
#:                 PLOT=1: as bars in build/bench.svg; GROUP=cpus: only work on 2, 4 and 8 CPUs;
#:                 GROUP=perf: only `perf bench breakpoint`)
#: make perf-tool  Linux's own perf, from Debian's sources: build/perf-tool/perf (docs/perf-tool.md)
#: make lab        the labs (labs/README.md); L=name OUT=folder ID=student: one student's starter
#: make lab-grade  L=name FILE=hand-in.zip ID=student FORMAT=text|gradescope|classroom50|...
#: make labs-check proves that the graders are right: starters, solutions, planted mistakes (L=;
#:                 with F=mistake, or all: the rows of letters alone)
#: make labs-times seconds of a grade of each lab's starter and solution (L=)
#: make lint       formatting, include directions, sizes of files and functions
#: make size       lines of the core and of the whole kernel, by folder
#: make docs-check runs what the pages show, and compares; PAGES=docs/kgdb.md: of these only
#: make format     clang-format on all C files
#: make pictures   draws docs/pictures/*.svg from the .txt beside them; timeline.png and web.png
#:                 by a browser
#: make site       README, docs, hand-outs and sources as one searchable site: build/site
#: make web        the kernel in Bochs' debugger in a browser: build/web, for any file server
#:                 (BOCHS_SRC=path: Bochs 3.0's sources, if Debian has them no longer); make
#:                 web-bochs makes only its Bochs; make web-test tries it in Chromium; make
#:                 web-table: build/kernel.json, which such a page takes together with one's own
#:                 build/kernel.elf
#: make recording  a session at the shell as a file for asciinema: build/session.cast
#: make iso        only the boot image
#: make setup      installs what `make run` needs; ALL=1: what all targets need
#: make clean      remove build/
#:
#: Variables: EMU=qemu|bochs  SMP=cpus  MEM=megabytes  APPEND="kernel words [-- words for init]"
#:            UEFI=1 (instead of a BIOS)  QEMU_FLAGS="..."  DEBUG=1 (checking build)
#:            ICOUNT=1 (QEMU's clock counts instructions, on one CPU: runs that repeat exactly)
#:            HWBP=0 (no breakpoints)  WERROR=1
#:            V=1 (show commands)  CROSS_COMPILE=prefix-
iso: $(B)/dr7.iso

core: | $(MADE_HEADERS)
	+@$(MAKE) CORE=1 $(BUILD)/core$(if $(filter 1,$(DEBUG)),/debug)/dr7-core.iso

setup:
	@echo "dr7: everything is installed" >&2

run: $(B)/kernel.elf $(ARCHIVE)
	@$(PYTHON) tools/boot.py run --build $(B)

TRACED := $(if $(filter 0,$(CORE)),$(BUILD)/user/bin/timeline $(BUILD)/user/bin/demo \
            $(filter $(BUILD)/user/bin/%,$(PROG) $(FILES)))

timeline: $(B)/kernel.elf $(TRACED)
	@$(PYTHON) tools/timeline/make.py --build $(B)

# Programs that make builds itself.
MADE = $(filter $(BUILD)/user/bin/% $(BUILD)/debian/%,$(PROG) $(FILES))

exec: $(B)/kernel.elf $(BUILD)/user/bin/sh $(MADE)
	@$(PYTHON) tools/boot.py exec --build $(B)

linux: $(BUILD)/tools/batch $(MADE)
	@$(PYTHON) tools/linux.py run

compare: $(B)/kernel.elf $(BUILD)/tools/batch $(COMPARE)
	@$(PYTHON) tools/$(if $(LTP),ltp.py $(B)/kernel.elf,compare.py $(B)/kernel.elf $(COMPARE))

gdb: $(B)/kernel.elf $(ARCHIVE)
	@$(PYTHON) tools/debug.py gdb --build $(B)

console:
	@$(PYTHON) tools/console.py

decode: $(B)/kernel.elf
	@$(PYTHON) tools/decode.py $<

kgdb: $(B)/kernel.elf $(ARCHIVE)
	@$(PYTHON) tools/debug.py kgdb --build $(B)

gdbserver: $(B)/kernel.elf $(BUILD)/user/bin/sh $(MADE)
	@$(PYTHON) tools/debug.py gdbserver --build $(B)

bochs: $(B)/kernel.elf $(ARCHIVE)
	@$(PYTHON) tools/debug.py bochs --build $(B)

BENCHES := $(BUILD)/bench/bench $(BUILD)/bench/again $(BUILD)/tools/batch

bench: $(BUILD)/kernel.elf $(BENCHES)
	@$(PYTHON) tools/bench.py $(if $(filter 1,$(README)),--readme)

TESTED := $(B)/kernel.elf
ifneq ($(CORE),1)
TESTED += $(ARCHIVE) $(BENCHES) $(HOST) $(BUILD)/user/utest-glibc $(if $(WITH_OFF),kernel-off) \
          $(if $(WITH_CORE),kernel-core)
endif

test: $(if $(filter ?,$(T)),,$(TESTED))
	@$(PYTHON) test/run.py --build $(B) $(HOST)

perf-tool:
	@$(PYTHON) tools/perf_tool.py

# Debian's debuggers: gdbserver, strace.
$(BUILD)/debian/gdbserver $(BUILD)/debian/strace:
	@$(PYTHON) tools/debian.py $(@F) >/dev/null

fuzz: $(B)/kernel.elf $(BUILD)/fuzz/fuzz
	@$(PYTHON) tools/fuzz.py $^

kernel-core: | $(MADE_HEADERS)
	+@$(MAKE) CORE=1 DEBUG=1 $(BUILD)/core/debug/kernel.elf

oom: $(B)/kernel.elf $(BUILD)/rootfs.cpio
	@$(PYTHON) tools/oom.py $(B)

kernel-off: | $(MADE_HEADERS)
	+@$(MAKE) HWBP=0 DEBUG=1 $(BUILD)/nohwbp/debug/kernel.elf

lint:
	@$(PYTHON) tools/lint.py

docs-check: all
	@$(PYTHON) tools/docs_check.py $(PAGES)

recording: $(B)/kernel.elf $(ARCHIVE)
	@$(PYTHON) tools/recording.py $(BUILD)/session.cast

site:
	@$(PYTHON) tools/site.py $(BUILD)/site

web: web-table $(ARCHIVE)
	@$(PYTHON) tools/web/make.py --build $(B)

web-table: $(B)/kernel.elf
	@$(PYTHON) tools/web/lines.py $< $(B)/kernel.sym $(BUILD)/kernel.json

web-bochs:
	@$(PYTHON) tools/web/bochs.py

web-test: web
	@$(PYTHON) test/web.py

size:
	@$(PYTHON) tools/size.py

pictures:
	@$(PYTHON) tools/pictures.py
	@$(PYTHON) tools/plot.py README.md docs/pictures/bench.svg
	+@$(MAKE) timeline PROG= ARGS= OUT=$(BUILD)/pictures >/dev/null
	@$(PYTHON) test/timeline.py $(BUILD)/pictures docs/pictures/timeline.png
	+@$(MAKE) web
	@$(PYTHON) test/web.py docs/pictures/web.png

format:
	clang-format -i $$(git ls-files '*.[ch]')

clean:
	rm -rf $(BUILD)

# ---- Kernel ----

$(B)/obj:
	@mkdir -p $@

# What a product depends on besides files: flags, and the list of its parts. Each of these files is
# rewritten only when its content changes.
$(B)/flags: content = $(CC) $(CFLAGS)
$(B)/parts: content = $(OBJS)
$(BUILD)/programs: content = $(UBIN) $(UTEST) $(wildcard user/*/*.c)
$(BUILD)/user/flags: content = $(USERCC) $(filter-out -Werror,$(UFLAGS))
$(B)/flags $(B)/parts $(BUILD)/programs $(BUILD)/user/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(content)' | cmp -s - $@ || echo '$(content)' >$@

# Linux's system calls, from its own header: names by number, numbers by name.
$(BUILD)/include/syscall_names.h: line = [\2] = "\1",
$(BUILD)/include/syscall_numbers.h: line = \#define SYS_\1 \2
$(BUILD)/include/syscall_%.h: /usr/include/x86_64-linux-gnu/asm/unistd_64.h
	@mkdir -p $(@D)
	@sed -n 's/^#define __NR_\([a-z0-9_]*\) \([0-9]*\)$$/$(line)/p' $< >$@

# And its error numbers.
$(BUILD)/include/errno_numbers.h: /usr/include/asm-generic/errno-base.h \
                                  /usr/include/asm-generic/errno.h
	@mkdir -p $(@D)
	@sed -nE 's/^#define[[:space:]]+(E[A-Z0-9]+)[[:space:]]+([0-9]+).*/\1 = \2,/p' $^ >$@

$(BUILD)/include/font.h: tools/font.py
	@mkdir -p $(@D)
	@$(PYTHON) $< >$@

$(B)/obj/%.c.o: %.c $(B)/flags | $(MADE_HEADERS)
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -MMD -MP -c $< -o $@

$(B)/obj/%.asm.o: %.asm $(B)/flags
	$(call say,NASM,$<)
	@mkdir -p $(@D)
	$(Q)$(NASM) $(AFLAGS) -MD $@.d -MP $< -o $@

# The kernel carries its own symbol table, made from its own image: link 0 has an empty table, link
# 1 one of the right size, link 2 one with the right addresses; then nothing may have moved.
$(B)/obj/ksyms1.c: $(B)/obj/kernel0.elf
$(B)/obj/ksyms2.c: $(B)/obj/kernel1.elf
$(B)/obj/ksyms0.c $(B)/obj/ksyms1.c $(B)/obj/ksyms2.c: tools/ksyms.py | $(B)/obj
	$(Q)$(if $(filter %.elf,$^),$(NM) -n --print-size $(filter %.elf,$^),:) | \
	    $(PYTHON) tools/ksyms.py >$@

$(B)/obj/ksyms%.o: $(B)/obj/ksyms%.c
	$(Q)$(CC) $(CFLAGS) -c $< -o $@

$(B)/obj/kernel%.elf: $(OBJS) $(B)/obj/ksyms%.o linker.ld $(B)/parts
	$(Q)$(LD) $(LDFLAGS) $(filter %.o,$^) -o $@

# The linker's proof: the floor asks for nothing but its upcalls.
$(B)/obj/floor.o: $(FLOOR_OBJS) $(B)/parts tools/upcalls.py \
                  $(wildcard $(addsuffix /upcalls.h,$(FLOOR)))
	$(Q)$(LD) -r -z noexecstack $(filter %.o,$^) -o $@
	$(Q)$(PYTHON) tools/upcalls.py $(NM) $@

$(B)/kernel.elf: $(B)/obj/kernel2.elf $(B)/obj/floor.o | $(COMMANDS)
	$(call say,LD,$@)
	@cmp <($(NM) -n $(B)/obj/kernel1.elf) <($(NM) -n $<) || \
	    { echo "symbols moved in the last link" >&2; false; }
	@# What the linker script and NASM's macros name would hide functions at the same address.
	$(Q)$(NM) -n $< | grep -vE ' (__[a-z_]+_(start|end)|\.\.@.*)$$' | \
	    sed -nE 's/^([0-9a-f]+) [tTdDbBrR] /\1 /p' >$(B)/kernel.sym
	$(Q)$(OBJDUMP) -d -M intel --no-show-raw-insn $< >$(B)/kernel.asm
	$(Q)cp $< $@

.SECONDARY:

# For each file of $(2) one entry: $(1) compiles it.
entries = for f in $(2); do printf \
          '{"directory":"$(CURDIR)","file":"%s","command":"$(1) -c %s"}\n' $$f $$f; done

$(BUILD)/compile_commands.json: $(B)/flags $(CSRC)
	$(Q){ $(call entries,$(CC) $(CFLAGS),$(CSRC)); \
	    $(call entries,$(USERCC) $(UFLAGS),$(USRC) $(UTEST) $(wildcard user/*/*.c)); \
	    $(call entries,$(HOSTCC) $(HFLAGS),$(wildcard test/host/t_*.c)); } | \
	    sed '1s/^/[/; $$!s/$$/,/; $$s/$$/]/' >$@

# ---- Programs, archive, boot image ----

# Linux's own headers: the kernel takes the ABI's numbers from them, and musl comes without them.
$(BUILD)/user/include:
	@mkdir -p $@
	@ln -s /usr/include/linux /usr/include/asm-generic /usr/include/x86_64-linux-gnu/asm $@

$(BUILD)/user/bin/%: user/%.c $(BUILD)/user/flags | $(BUILD)/user/include
	$(call say,USER,$<)
	@mkdir -p $(@D)
	$(Q)$(USERCC) $(UFLAGS) -MMD -MP -MF $@.d $< -o $@

$(BUILD)/compare/%: test/compare/%.c $(BUILD)/user/flags | $(BUILD)/user/include
	$(call say,USER,$<)
	@mkdir -p $(@D)
	$(Q)$(USERCC) $(UFLAGS) -MMD -MP -MF $@.d $< -o $@

# What runs a list of programs on dr7 and Linux.
$(BUILD)/tools/batch: tools/batch.c $(BUILD)/user/flags | $(BUILD)/user/include
	$(call say,USER,$<)
	@mkdir -p $(@D)
	$(Q)$(USERCC) $(UFLAGS) $< -o $@

# The benchmark, and the small program that it runs.
BENCH := $(sort $(filter-out %/again.c,$(wildcard test/bench/*.c)))
$(BUILD)/bench/bench: $(BENCH)
$(BUILD)/bench/again: test/bench/again.c
$(BUILD)/bench/bench $(BUILD)/bench/again: test/bench/bench.h user/bp.h user/clock.h \
                                           $(BUILD)/user/flags | $(BUILD)/user/include
	$(call say,USER,$@)
	@mkdir -p $(@D)
	$(Q)$(USERCC) $(UFLAGS) $(filter %.c,$^) -o $@

FUZZ := $(sort $(wildcard test/fuzz/*.c))
$(BUILD)/fuzz/fuzz: $(FUZZ) $(wildcard test/fuzz/*.h) user/clock.h user/proc.h \
                    $(BUILD)/user/flags | $(BUILD)/user/include
	$(call say,USER,$@)
	@mkdir -p $(@D)
	$(Q)$(USERCC) $(UFLAGS) $(FUZZ) -o $@

# Programs of several sources: all of test/user, and each folder in user/.
define user_program
$(BUILD)/user/bin/$(1): $(2) $(BUILD)/programs $(BUILD)/user/flags | $(BUILD)/user/include
	$$(call say,USER,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(USERCC) $$(UFLAGS) -MM -MP -MT $$@ $(2) >$$@.d
	@printf '%s:\n' $(2) >>$$@.d
	$$(Q)$$(USERCC) $$(UFLAGS) $(2) -o $$@
endef
$(eval $(call user_program,utest,$(UTEST)))
$(foreach d,$(UDIRS),$(eval $(call user_program,$(d),$(sort $(wildcard user/$(d)/*.c)))))

# The same with the C library of Debian.
$(BUILD)/user/utest-glibc: $(UTEST) $(BUILD)/user/bin/utest
	$(call say,USER,$@)
	$(Q)$(HOSTCC) -static -pthread -O2 $(WARN) -I. $(UTEST) -o $@

# What programs say about themselves, by HELP("...") or in the first line.
HELP_LINES := s,^HELP("\([^"\\]*\).*,\1,p; 1s,^// \([a-z][^:]*: .*\)\.$$,\1,p

$(BUILD)/rootfs.cpio: $(UBIN) $(BUILD)/programs $(wildcard user/etc/*) tools/mkiso.py
	$(call say,CPIO,$@)
	@rm -rf $(BUILD)/rootfs && mkdir -p $(BUILD)/rootfs/bin
	@cp $(UBIN) $(BUILD)/rootfs/bin/ && cp -r user/etc $(BUILD)/rootfs/
	$(Q)$(STRIP) -g $(BUILD)/rootfs/bin/*
	@sed -sn '$(HELP_LINES)' $(USRC) $(wildcard user/*/main.c) test/user/main.c | \
	    sort | sed 's/^/  /' | sed -i '/^Programs/r /dev/stdin' $(BUILD)/rootfs/etc/help
	$(Q)$(PYTHON) tools/mkiso.py archive $@ $(BUILD)/rootfs

$(B)/dr7.iso: $(B)/kernel.elf $(BUILD)/rootfs.cpio boot/grub.cfg
	$(call say,ISO,$@)
	$(Q)$(PYTHON) tools/mkiso.py iso $@ boot/grub.cfg $(B)/kernel.elf $(BUILD)/rootfs.cpio

$(B)/dr7-core.iso: $(B)/kernel.elf boot/core.cfg
	$(call say,ISO,$@)
	$(Q)$(PYTHON) tools/mkiso.py iso $@ boot/core.cfg $(B)/kernel.elf

# ---- Unit tests on the host, linked with the files that the first line, "// link: ...", names ----

linked_with = $(filter %.c,$(shell sed -n '1s,^// link: ,,p' $(1)))

define host_test
$(BUILD)/host/$(1): sources = test/host/$(1).c $(call linked_with,test/host/$(1).c)
$(BUILD)/host/$(1): test/host/$(1).c $(call linked_with,test/host/$(1).c) | \
                    $(BUILD)/include/errno_numbers.h
	$$(call say,HOST,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(HOSTCC) $$(HFLAGS) -MM -MP -MT $$@ $$(sources) >$$@.d
	@printf '%s:\n' $$(sources) >>$$@.d
	$$(Q)$$(HOSTCC) $$(HFLAGS) $$(sources) -o $$@
endef
$(foreach t,$(HOST:$(BUILD)/host/%=%),$(eval $(call host_test,$(t))))

-include $(CSRC:%=$(B)/obj/%.d) $(ASRC:%=$(B)/obj/%.o.d) $(UBIN:=.d) $(COMPARE:=.d) $(HOST:=.d)
