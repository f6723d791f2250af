/* PSCI 1.1 (Arm DEN0022) for the CPUs of one cluster, and the machine's power by its secure GPIO. */
#include "firmware.h"
#include "machine.h"
#include "registers.h"

#define PSCI_VERSION 0x84000000U
#define PSCI_CPU_SUSPEND 0x84000001U
#define PSCI_CPU_OFF 0x84000002U
#define PSCI_CPU_ON 0x84000003U
#define PSCI_AFFINITY_INFO 0x84000004U
#define PSCI_MIGRATE_INFO_TYPE 0x84000006U
#define PSCI_SYSTEM_OFF 0x84000008U
#define PSCI_SYSTEM_RESET 0x84000009U
#define PSCI_FEATURES 0x8400000aU
#define SMCCC_VERSION 0x80000000U

/* The 64-bit form of a function; only those that take addresses or MPIDRs have one. */
#define SMC64 0x40000000U

#define PSCI_SUCCESS 0
#define PSCI_NOT_SUPPORTED (-1)
#define PSCI_INVALID_PARAMETERS (-2)
#define PSCI_ALREADY_ON (-4)
#define PSCI_ON_PENDING (-5)

#define VERSION_1_1 0x00010001
#define MIGRATE_NOT_NEEDED 2

/* PL061 lines of hw/arm/virt.c: a rising edge acts. */
#define GPIO_DIRECTION 0x400U
#define GPIO_POWER_OFF 0U
#define GPIO_RESET 1U

#define MPIDR_AFFINITY 0xff00ffffffULL

enum cpu_state {
	CPU_ON = 0,
	CPU_OFF = 1,
	CPU_ON_PENDING = 2
};

struct cpu {
	enum cpu_state state;
	struct entry entry;
};

static struct spinlock cpus_lock;
static struct cpu cpus[CPU_COUNT] = { [0] = { .state = CPU_ON }, [1 ... CPU_COUNT - 1] = { .state = CPU_OFF } };

static const uint32_t functions[] = {
	PSCI_VERSION,	     PSCI_CPU_SUSPEND,	       PSCI_CPU_SUSPEND | SMC64, PSCI_CPU_OFF,
	PSCI_CPU_ON,	     PSCI_CPU_ON | SMC64,      PSCI_AFFINITY_INFO,	 PSCI_AFFINITY_INFO | SMC64,
	PSCI_MIGRATE_INFO_TYPE, PSCI_SYSTEM_OFF,       PSCI_SYSTEM_RESET,	 PSCI_FEATURES,
};

bool psci_is_call(uint32_t function_id)
{
	for (uint32_t index = 0U; index < (sizeof(functions) / sizeof(functions[0])); index++) {
		if (functions[index] == function_id) {
			return true;
		}
	}
	return false;
}

bool psci_has(uint32_t function_id)
{
	return psci_is_call(function_id) || (function_id == SMCCC_VERSION);
}

static _Noreturn void pulse(uint32_t line)
{
	uintptr_t data = SECURE_GPIO_BASE + ((1U << line) << 2);

	write32(SECURE_GPIO_BASE + GPIO_DIRECTION, (1U << GPIO_POWER_OFF) | (1U << GPIO_RESET));
	write32(data, 0U);
	write32(data, 0xffU);
	barrier();
	for (;;) {
		__asm__ volatile("wfi");
	}
}

static int64_t cpu_on(uint64_t mpidr, uint64_t address, uint64_t argument)
{
	struct cpu *cpu;
	int64_t result = PSCI_SUCCESS;

	if ((mpidr & MPIDR_AFFINITY) >= CPU_COUNT) {
		return PSCI_INVALID_PARAMETERS;
	}
	cpu = &cpus[mpidr & MPIDR_AFFINITY];
	lock(&cpus_lock);
	if (cpu->state == CPU_OFF) {
		cpu->entry = (struct entry){ address, argument };
		cpu->state = CPU_ON_PENDING;
	} else {
		result = (cpu->state == CPU_ON) ? PSCI_ALREADY_ON : PSCI_ON_PENDING;
	}
	unlock(&cpus_lock);
	if (result == PSCI_SUCCESS) {
		gic_wake((uint32_t)(mpidr & MPIDR_AFFINITY));
	}
	return result;
}

const struct entry *psci_wait(void)
{
	struct cpu *cpu = &cpus[this_cpu()];
	bool is_on = false;

	while (!is_on) {
		lock(&cpus_lock);
		is_on = cpu->state == CPU_ON_PENDING;
		if (is_on) {
			cpu->state = CPU_ON;
		}
		unlock(&cpus_lock);
		if (!is_on) {
			gic_wait();
		}
	}
	return &cpu->entry;
}

static _Noreturn void cpu_off(void)
{
	lock(&cpus_lock);
	cpus[this_cpu()].state = CPU_OFF;
	unlock(&cpus_lock);
	cpu_wait_again();
}

static int64_t affinity_info(uint64_t mpidr, uint64_t level)
{
	if ((level != 0U) || ((mpidr & MPIDR_AFFINITY) >= CPU_COUNT)) {
		return PSCI_INVALID_PARAMETERS;
	}
	return (int64_t)__atomic_load_n(&cpus[mpidr & MPIDR_AFFINITY].state, __ATOMIC_ACQUIRE);
}

int64_t psci_call(uint32_t function_id, uint64_t x1, uint64_t x2, uint64_t x3)
{
	bool wide = (function_id & SMC64) != 0U;
	uint64_t first = wide ? x1 : (uint32_t)x1;
	uint64_t second = wide ? x2 : (uint32_t)x2;
	uint64_t third = wide ? x3 : (uint32_t)x3;

	switch (function_id & ~SMC64) {
	case PSCI_VERSION:
		return VERSION_1_1;
	case PSCI_CPU_SUSPEND:
		/* A standby state, whatever is asked for: returns when there is something to do. */
		__asm__ volatile("dsb sy\n\twfi" : : : "memory");
		return PSCI_SUCCESS;
	case PSCI_CPU_OFF:
		cpu_off();
	case PSCI_CPU_ON:
		return cpu_on(first, second, third);
	case PSCI_AFFINITY_INFO:
		return affinity_info(first, second);
	case PSCI_MIGRATE_INFO_TYPE:
		return MIGRATE_NOT_NEEDED;
	case PSCI_SYSTEM_OFF:
		console_line("NOTICE:  PSCI: system off");
		pulse(GPIO_POWER_OFF);
	case PSCI_SYSTEM_RESET:
		console_line("NOTICE:  PSCI: system reset");
		pulse(GPIO_RESET);
	case PSCI_FEATURES:
		return psci_has((uint32_t)first) ? PSCI_SUCCESS : PSCI_NOT_SUPPORTED;
	default:
		return PSCI_NOT_SUPPORTED;
	}
}
