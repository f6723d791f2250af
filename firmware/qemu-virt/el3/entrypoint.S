/* Reset, the waiting room of the second CPU, exceptions, and the way out of EL3. */
#include "machine.h"

	.macro function name
	.global \name
	.type \name, %function
\name:
	.endm

	/* Every CPU starts here, MMU and caches off. */
	.section .text.reset, "ax"
function reset
	adr	x0, vectors
	msr	vbar_el3, x0
	isb
	bl	set_stack
	mrs	x0, mpidr_el1
	and	x0, x0, #0xff
	cbnz	x0, secondary

	ldr	x0, =data_start
	ldr	x1, =data_end
	ldr	x2, =data_load
1:	cmp	x0, x1
	b.hs	2f
	ldr	x3, [x2], #8
	str	x3, [x0], #8
	b	1b
2:	ldr	x0, =bss_start
	ldr	x1, =bss_end
3:	cmp	x0, x1
	b.hs	4f
	str	xzr, [x0], #8
	b	3b
4:	bl	primary_main
	b	enter_non_secure

	/*
	 * A CPU that PSCI has not turned on. CPU_ON raises the pending interrupt that ends wfi; whatever
	 * else ends it finds nothing to do.
	 */
secondary:
	bl	secondary_main
	b	enter_non_secure

	/* A CPU that turns itself off comes here from the middle of an SMC: its stack is used no more. */
function cpu_wait_again
	bl	set_stack
	b	secondary

	/* sp = top of this CPU's stack; changes x0 and x1. */
set_stack:
	mrs	x0, mpidr_el1
	and	x0, x0, #0xff
	add	x0, x0, #1
	mov	x1, #STACK_SIZE
	mul	x0, x0, x1
	ldr	x1, =stacks_start
	add	x0, x0, x1
	mov	sp, x0
	ret

	/* x0: struct entry { address, argument }. Registers that are no argument are zero. */
enter_non_secure:
	ldp	x1, x0, [x0]
	msr	elr_el3, x1
	/* EL2h, all interrupts masked. */
	mov	x1, #0x3c9
	msr	spsr_el3, x1
	bl	set_stack_keeping_x0
	mov	x1, xzr
	mov	x2, xzr
	mov	x3, xzr
	isb
	eret

set_stack_keeping_x0:
	mov	x2, x0
	mov	x3, x30
	bl	set_stack
	mov	x0, x2
	mov	x30, x3
	ret

	/*
	 * 16 vectors of 128 bytes. Only a synchronous exception from a lower EL in AArch64 state is one
	 * that may happen: an SMC. The number in x0 tells a panic which vector it was.
	 */
	.macro unexpected number
	.balign 128
	stp	x0, x1, [sp, #-16]!
	mov	x0, #\number
	b	panic_entry
	.endm

	.text
	.balign 2048
vectors:
	unexpected 0
	unexpected 1
	unexpected 2
	unexpected 3
	unexpected 4
	unexpected 5
	unexpected 6
	unexpected 7
	.balign 128
	stp	x0, x1, [sp, #-16]!
	mrs	x0, esr_el3
	lsr	x0, x0, #26
	cmp	x0, #0x17
	b.eq	smc_entry
	mov	x0, #8
	b	panic_entry
	unexpected 9
	unexpected 10
	unexpected 11
	unexpected 12
	unexpected 13
	unexpected 14
	unexpected 15
	.balign 128

	/*
	 * SMCCC 1.1: x4 to x30 are the caller's. C keeps x19 to x29 itself; EL3 has no use for FP registers
	 * (-mgeneral-regs-only). x0 to x3 carry the result: x1 to x3 come back as they were.
	 */
smc_entry:
	ldp	x0, x1, [sp], #16
	stp	x1, x2, [sp, #-160]!
	stp	x3, x4, [sp, #16]
	stp	x5, x6, [sp, #32]
	stp	x7, x8, [sp, #48]
	stp	x9, x10, [sp, #64]
	stp	x11, x12, [sp, #80]
	stp	x13, x14, [sp, #96]
	stp	x15, x16, [sp, #112]
	stp	x17, x18, [sp, #128]
	stp	x29, x30, [sp, #144]
	bl	smc_handler
	ldp	x3, x4, [sp, #16]
	ldp	x5, x6, [sp, #32]
	ldp	x7, x8, [sp, #48]
	ldp	x9, x10, [sp, #64]
	ldp	x11, x12, [sp, #80]
	ldp	x13, x14, [sp, #96]
	ldp	x15, x16, [sp, #112]
	ldp	x17, x18, [sp, #128]
	ldp	x29, x30, [sp, #144]
	ldp	x1, x2, [sp], #160
	eret

	/* x0: vector; x0 and x1 of the moment on the stack. Leaves x0 to x30 in memory, as an array. */
panic_entry:
	sub	sp, sp, #256
	stp	x2, x3, [sp, #16]
	stp	x4, x5, [sp, #32]
	stp	x6, x7, [sp, #48]
	stp	x8, x9, [sp, #64]
	stp	x10, x11, [sp, #80]
	stp	x12, x13, [sp, #96]
	stp	x14, x15, [sp, #112]
	stp	x16, x17, [sp, #128]
	stp	x18, x19, [sp, #144]
	stp	x20, x21, [sp, #160]
	stp	x22, x23, [sp, #176]
	stp	x24, x25, [sp, #192]
	stp	x26, x27, [sp, #208]
	stp	x28, x29, [sp, #224]
	str	x30, [sp, #240]
	ldp	x2, x3, [sp, #256]
	stp	x2, x3, [sp, #0]
	mov	x1, sp
	bl	panic
1:	wfi
	b	1b
