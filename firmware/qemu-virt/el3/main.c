/* Each CPU's way from reset to the non-secure world, and the dispatch of its SMCs. */
#include "firmware.h"
#include "machine.h"
#include "registers.h"
#include "scmi/scmi.h"
#include "scmi/scmi_platform.h"

#define SMCCC_VERSION 0x80000000U
#define SMCCC_ARCH_FEATURES 0x80000001U
#define SMCCC_1_2 0x10002
#define SMC_UNKNOWN (-1)

/* Owner of a function: SMCCC section 2.5. */
#define OWNER_MASK 0x3f000000U
#define OWNER_SIP 0x02000000U

/* SCR_EL3: non-secure, HVC and SMC allowed, EL2 is AArch64, pointer authentication is not trapped. */
#define SCR_NON_SECURE ((1U << 0) | (3U << 4) | (1U << 8) | (1U << 10) | (1U << 16) | (1U << 17))
/* SCTLR_EL2 with MMU and caches off, its reserved bits as they must be; HCR_EL2: EL1 is AArch64. */
#define SCTLR_EL2_OFF 0x30c50830U
#define HCR_EL1_IS_AARCH64 (1U << 31)
/* EL1 may use the physical timer and counter. */
#define CNTHCTL_EL1_TIMER 0x3U
/* Hz, of QEMU's generic timer. */
#define TIMER_FREQUENCY 62500000U

static struct entry next_image = { NEXT_IMAGE, DEVICE_TREE };
static struct spinlock scmi_lock;

volatile uint32_t *platform_shared_memory(uint64_t address)
{
	return (volatile uint32_t *)(uintptr_t)address;
}

/* Nothing below EL3 traps to it, and the non-secure world finds its timers usable. */
static void cpu_init(void)
{
	gic_cpu_init();
	write_register("cptr_el3", 0U);
	write_register("mdcr_el3", 0U);
	if (read_register("cntfrq_el0") == 0U) {
		write_register("cntfrq_el0", TIMER_FREQUENCY);
	}
	write_register("scr_el3", SCR_NON_SECURE);
	barrier();
	write_register("sctlr_el2", SCTLR_EL2_OFF);
	write_register("hcr_el2", HCR_EL1_IS_AARCH64);
	write_register("cnthctl_el2", CNTHCTL_EL1_TIMER);
	write_register("cntvoff_el2", 0U);
	barrier();
}

const struct entry *primary_main(void)
{
	uint32_t fault_word = read32(scmi_fault_word);

	console_init();
	gic_distributor_init();
	cpu_init();
	if (!scmi_init(fault_word)) {
		console_line("ERROR:   SCMI: the profile is too large, nothing is served");
	} else {
		console_line("NOTICE:  SCMI: server ready, %u agents, privileged agent %d, faults 0x%x",
			     scmi_agents_count, (int32_t)scmi_active.privileged_agent, fault_word);
	}
	if (!device_tree_add_psci((uint8_t *)DEVICE_TREE, DEVICE_TREE_SPACE)) {
		console_line("WARNING: no device tree at 0x%x, or none that /psci could be added to", DEVICE_TREE);
	}
	console_line("INFO:    Entry point address = 0x%x", NEXT_IMAGE);
	console_line("INFO:    SPSR = 0x3c9");
	return &next_image;
}

const struct entry *secondary_main(void)
{
	const struct entry *entry;

	gic_cpu_init();
	entry = psci_wait();
	cpu_init();
	return entry;
}

static int64_t scmi_call(uint32_t function_id)
{
	int64_t result;

	lock(&scmi_lock);
	result = scmi_smc(function_id);
	unlock(&scmi_lock);
	return result;
}

static int64_t arch_features(uint32_t function_id)
{
	return ((function_id == SMCCC_VERSION) || (function_id == SMCCC_ARCH_FEATURES)) ? 0 : SMC_UNKNOWN;
}

int64_t smc_handler(uint64_t x0, uint64_t x1, uint64_t x2, uint64_t x3)
{
	uint32_t function_id = (uint32_t)x0;

	if (function_id == SMCCC_VERSION) {
		return SMCCC_1_2;
	}
	if (function_id == SMCCC_ARCH_FEATURES) {
		return arch_features((uint32_t)x1);
	}
	if (psci_is_call(function_id)) {
		return psci_call(function_id, x1, x2, x3);
	}
	if (scmi_is_doorbell(function_id)) {
		return scmi_call(function_id);
	}
	if (((function_id & OWNER_MASK) == OWNER_SIP) && (scmi_unknown_service_call[0] != '\0')) {
		console_line("%s%x", scmi_unknown_service_call, function_id);
	}
	return SMC_UNKNOWN;
}

void panic(uint64_t vector, const uint64_t *registers)
{
	console_line("PANIC at EL3: vector %u of CPU %u", (uint32_t)vector, this_cpu());
	console_line("ESR_EL3 0x%lx  ELR_EL3 0x%lx  FAR_EL3 0x%lx  SPSR_EL3 0x%lx", read_register("esr_el3"),
		     read_register("elr_el3"), read_register("far_el3"), read_register("spsr_el3"));
	for (uint32_t number = 0U; number < 31U; number++) {
		console_line("x%u 0x%lx", number, registers[number]);
	}
}
