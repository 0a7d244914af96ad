# The museum of faults. A lab's starter has none.

.PHONY: museum

museum: $(B)/kernel.elf $(BUILD)/rootfs.cpio
	@N='$(N)' ENTRY='$(ENTRY)' $(PYTHON) test/museum/main.py
