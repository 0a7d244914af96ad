# Labs (labs/README.md). In the kernel's own tree: make them, grade them, check them. In a starter,
# which has labs/lab.json: grade one's own work.

LAB_TOOL = $(PYTHON) labs/tool.py
# A function alone, a hand-in's or the staff's, leaves others, and tables, that nobody uses.
LAB_CC   = $(CC) $(CFLAGS) -Wno-unused-function -Wno-unused-const-variable

# While a hand-in is graded: its file in the place of the tree's, and the staff's functions.
ifdef LAB_SOURCE
OBJS += $(LAB_OBJS)
FLOOR_OBJS += $(if $(filter $(B)/obj/$(LAB_FILE).o,$(FLOOR_OBJS)),$(LAB_OBJS))
$(B)/obj/$(LAB_FILE).o: $(LAB_SOURCE)
	$(Q)$(LAB_CC) -c $< -o $@
endif

.PHONY: lab lab-grade labs-check labs-times lab-flags kernel-only labs-kernels grade try zipball

kernel-only: $(B)/kernel.elf $(if $(filter 1,$(CORE)),,$(BUILD)/user/bin/sh)

lab-flags: $(MADE_HEADERS)
	@echo '$(LAB_CC)'

ifeq ($(wildcard labs/lab.json),)
# What the checks run, and what the models of the labs begin with.
labs-kernels: kernel-core $(BUILD)/rootfs.cpio
	+$(Q)$(MAKE) DEBUG=1 kernel-only

lab-grade: | $(BUILD)/user/bin/echo
labs-check labs-times: | labs-kernels
lab lab-grade labs-check labs-times: | $(MADE_HEADERS)
lab lab-grade labs-check labs-times:
	@L='$(L)' F='$(F)' OUT='$(OUT)' ID='$(ID)' FILE='$(FILE)' FORMAT='$(FORMAT)' SEED='$(SEED)' \
	    SECRET='$(SECRET)' $(LAB_TOOL) $@
else
grade try: | $(MADE_HEADERS)
grade try zipball:
	@F='$(F)' SEED='$(SEED)' FORMAT='$(FORMAT)' $(LAB_TOOL) $@
endif
