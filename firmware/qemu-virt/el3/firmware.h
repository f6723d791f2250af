/* Functions that the firmware's files share. */
#ifndef FIRMWARE_H
#define FIRMWARE_H

#include <stdbool.h>
#include <stdint.h>

/* Where a CPU enters the non-secure world, and what it finds in x0. entrypoint.S knows the order. */
struct entry {
	uint64_t address;
	uint64_t argument;
};

struct spinlock {
	uint32_t taken;
};

/* lock.c */
void lock(struct spinlock *spinlock);
void unlock(struct spinlock *spinlock);

/* console.c: one line on the secure UART, without its end. %u, %d, %x of 32 bits, %lx of 64, %s. */
void console_init(void);
void console_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* gicv3.c */
void gic_distributor_init(void);
void gic_cpu_init(void);
/* Ends the wfi of a CPU that waits in gic_wait. */
void gic_wake(uint32_t cpu);
void gic_wait(void);

/* device_tree.c: adds /psci and the CPUs' enable-method; false where the tree is none or has no room. */
bool device_tree_add_psci(uint8_t *tree, uint32_t space);

/* psci.c */
bool psci_is_call(uint32_t function_id);
int64_t psci_call(uint32_t function_id, uint64_t x1, uint64_t x2, uint64_t x3);
bool psci_has(uint32_t function_id);
/* Waits until this CPU is turned on. */
const struct entry *psci_wait(void);

/* entrypoint.S and what it calls. */
_Noreturn void cpu_wait_again(void);
const struct entry *primary_main(void);
const struct entry *secondary_main(void);
int64_t smc_handler(uint64_t x0, uint64_t x1, uint64_t x2, uint64_t x3);
void panic(uint64_t vector, const uint64_t *registers);

#endif
