/* Access to system registers and devices. */
#ifndef REGISTERS_H
#define REGISTERS_H

#include <stdint.h>

#define read_register(name)                                            \
	({                                                              \
		uint64_t read_value;                                    \
		__asm__ volatile("mrs %0, " name : "=r"(read_value));   \
		read_value;                                             \
	})

#define write_register(name, value) \
	__asm__ volatile("msr " name ", %0" : : "r"((uint64_t)(value)) : "memory")

static inline void barrier(void)
{
	__asm__ volatile("dsb sy\n\tisb" : : : "memory");
}

static inline uint32_t read32(uintptr_t address)
{
	return *(volatile uint32_t *)address;
}

static inline void write32(uintptr_t address, uint32_t value)
{
	*(volatile uint32_t *)address = value;
}

static inline uint16_t read16(uintptr_t address)
{
	return *(volatile uint16_t *)address;
}

static inline void write16(uintptr_t address, uint16_t value)
{
	*(volatile uint16_t *)address = value;
}

static inline uint8_t read8(uintptr_t address)
{
	return *(volatile uint8_t *)address;
}

static inline void write8(uintptr_t address, uint8_t value)
{
	*(volatile uint8_t *)address = value;
}

static inline uint32_t this_cpu(void)
{
	return (uint32_t)(read_register("mpidr_el1") & 0xffU);
}

#endif
