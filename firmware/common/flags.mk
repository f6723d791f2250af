# What the makefiles of bare-metal programs for arm64 have in common.
CROSS_COMPILE ?= aarch64-linux-gnu-

common := $(dir $(abspath $(lastword $(MAKEFILE_LIST))))
common_headers := $(wildcard $(common)*.h)

warnings := -std=c11 -Wall -Wextra -Werror -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wundef
# Without an MMU all memory is Device memory: no unaligned access, and no FP registers to save.
bare_metal_flags := $(warnings) -O2 -g -ffreestanding -fno-builtin -nostdlib -nostdinc -isystem $(shell $(CROSS_COMPILE)gcc -print-file-name=include 2>/dev/null) \
	-I$(common) -mgeneral-regs-only -mstrict-align -mno-outline-atomics -fno-stack-protector -fno-common \
	-fno-tree-loop-distribute-patterns
