/*
 * GICv3 (Arm IHI 0069), given to the non-secure world: every interrupt is in its group 1, but for one
 * software generated interrupt by which CPU_ON ends the wait of a CPU that is off.
 */
#include "firmware.h"
#include "machine.h"
#include "registers.h"

#define GICD_CTLR 0x0U
#define GICD_TYPER 0x4U
#define GICD_IGROUPR 0x80U
#define GICD_IGRPMODR 0xd00U

#define CTLR_ENABLE_GROUP0 (1U << 0)
#define CTLR_ENABLE_GROUP1_NS (1U << 1)
#define CTLR_ARE_S (1U << 4)
#define CTLR_ARE_NS (1U << 5)
#define CTLR_RWP (1U << 31)

#define GICR_WAKER 0x14U
#define GICR_SGI_BASE 0x10000U
#define GICR_IGROUPR0 (GICR_SGI_BASE + 0x80U)
#define GICR_ISENABLER0 (GICR_SGI_BASE + 0x100U)
#define GICR_IGRPMODR0 (GICR_SGI_BASE + 0xd00U)

#define WAKER_PROCESSOR_SLEEP (1U << 1)
#define WAKER_CHILDREN_ASLEEP (1U << 2)

/* Arm recommends 8 to 15 for secure use: neither Xen nor Linux send them. */
#define WAKE_SGI 15U

#define ICC_SRE_EL3 "S3_6_C12_C12_5"
#define ICC_SRE_EL2 "S3_4_C12_C9_5"
#define ICC_SRE_EL1 "S3_0_C12_C12_5"
#define ICC_IGRPEN0_EL1 "S3_0_C12_C12_6"
#define ICC_PMR_EL1 "S3_0_C4_C6_0"
#define ICC_IAR0_EL1 "S3_0_C12_C8_0"
#define ICC_EOIR0_EL1 "S3_0_C12_C8_1"
#define ICC_SGI0R_EL1 "S3_0_C12_C11_7"

/* System registers, no FIQ or IRQ bypass, and lower ELs may decide for themselves. */
#define SRE_ALL 0xfU
#define SPURIOUS 1020U

static void wait_for_distributor(void)
{
	while ((read32(GICD_BASE + GICD_CTLR) & CTLR_RWP) != 0U) {
	}
}

void gic_distributor_init(void)
{
	uint32_t banks = (read32(GICD_BASE + GICD_TYPER) & 0x1fU) + 1U;

	write32(GICD_BASE + GICD_CTLR, 0U);
	wait_for_distributor();
	write32(GICD_BASE + GICD_CTLR, CTLR_ARE_S | CTLR_ARE_NS);
	wait_for_distributor();
	for (uint32_t bank = 1U; bank < banks; bank++) {
		write32(GICD_BASE + GICD_IGROUPR + (4U * bank), 0xffffffffU);
		write32(GICD_BASE + GICD_IGRPMODR + (4U * bank), 0U);
	}
	write32(GICD_BASE + GICD_CTLR,
		CTLR_ARE_S | CTLR_ARE_NS | CTLR_ENABLE_GROUP0 | CTLR_ENABLE_GROUP1_NS);
	wait_for_distributor();
}

static void wake_redistributor(uintptr_t redistributor)
{
	write32(redistributor + GICR_WAKER, read32(redistributor + GICR_WAKER) & ~WAKER_PROCESSOR_SLEEP);
	while ((read32(redistributor + GICR_WAKER) & WAKER_CHILDREN_ASLEEP) != 0U) {
	}
}

void gic_cpu_init(void)
{
	uintptr_t redistributor = GICR_BASE + ((uintptr_t)this_cpu() * GICR_STRIDE);

	wake_redistributor(redistributor);
	write32(redistributor + GICR_IGROUPR0, ~(1U << WAKE_SGI));
	write32(redistributor + GICR_IGRPMODR0, 0U);
	write32(redistributor + GICR_ISENABLER0, 1U << WAKE_SGI);
	write_register(ICC_SRE_EL3, SRE_ALL);
	barrier();
	write_register(ICC_SRE_EL2, SRE_ALL);
	write_register(ICC_SRE_EL1, SRE_ALL);
	write_register("scr_el3", read_register("scr_el3") | 1U);
	barrier();
	write_register(ICC_SRE_EL1, SRE_ALL);
	write_register("scr_el3", read_register("scr_el3") & ~1ULL);
	barrier();
	write_register(ICC_PMR_EL1, 0xffU);
	write_register(ICC_IGRPEN0_EL1, 1U);
	barrier();
}

void gic_wake(uint32_t cpu)
{
	barrier();
	write_register(ICC_SGI0R_EL1, ((uint64_t)WAKE_SGI << 24) | (1ULL << cpu));
	barrier();
}

void gic_wait(void)
{
	uint64_t interrupt;

	__asm__ volatile("dsb sy\n\twfi" : : : "memory");
	interrupt = read_register(ICC_IAR0_EL1);
	if (interrupt < SPURIOUS) {
		write_register(ICC_EOIR0_EL1, interrupt);
	}
	barrier();
}
