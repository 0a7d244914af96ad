# The museum of faults. A lab's starter has none.

.PHONY: museum mutants

museum: $(B)/kernel.elf $(BUILD)/rootfs.cpio
	@N='$(N)' ENTRY='$(ENTRY)' $(PYTHON) test/museum/main.py

mutants: $(B)/kernel.elf $(BUILD)/rootfs.cpio
	@N='$(N)' SEED='$(SEED)' $(PYTHON) test/museum/mutants.py
