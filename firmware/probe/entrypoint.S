/* The Image header, the way into C, exceptions, and calls from a higher exception level. */

	.macro function name
	.global \name
	.type \name, %function
\name:
	.endm

	/* Of the exception level that this runs at, EL2 or EL1. */
	.macro at_el2_or_el1 instruction, register2, register1, general
	mrs	x9, CurrentEL
	tbz	x9, #3, 1f
	.ifc	\instruction, mrs
	mrs	\general, \register2
	b	2f
1:	mrs	\general, \register1
	.else
	msr	\register2, \general
	b	2f
1:	msr	\register1, \general
	.endif
2:
	.endm

	/* Linux Documentation/arch/arm64/booting.rst, section 4. */
	.section .text.head, "ax"
	.global image_start
image_start:
	b	start
	.long	0
	.quad	0				/* from a 2 MiB boundary */
	.quad	image_end - image_start
	.quad	0xa				/* little endian, 4 KiB pages, anywhere in memory */
	.quad	0, 0, 0
	.ascii	"ARM\x64"
	.long	0

	/* x0: device tree. MMU off; interrupts stay masked. */
start:
	mov	x20, x0
	adr	x1, image_start
	adrp	x2, relocations_start
	add	x2, x2, :lo12:relocations_start
	adrp	x3, relocations_end
	add	x3, x3, :lo12:relocations_end
1:	cmp	x2, x3
	b.hs	2f
	/* All of them are R_AARCH64_RELATIVE: offset, type, addend. */
	ldp	x4, x5, [x2], #16
	ldr	x5, [x2], #8
	add	x5, x5, x1
	str	x5, [x4, x1]
	b	1b
2:	adrp	x2, stack_top
	add	x2, x2, :lo12:stack_top
	mov	sp, x2
	adr	x2, vectors
	at_el2_or_el1 msr, vbar_el2, vbar_el1, x2
	mrs	x9, CurrentEL
	tbz	x9, #3, 3f
	/* An SError is taken here, at EL2, and not left for EL1: HCR_EL2.AMO. */
	mrs	x2, hcr_el2
	orr	x2, x2, #(1 << 5)
	msr	hcr_el2, x2
3:	isb
	mov	x0, x20
	bl	probe_main
park:
	wfi
	b	park

	.text
	.balign 2048
vectors:
	.rept	16
	.balign	128
	b	exception
	.endr
	.balign	128

function guarded
	adr	x3, guard
	stp	x19, x20, [x3, #0]
	stp	x21, x22, [x3, #16]
	stp	x23, x24, [x3, #32]
	stp	x25, x26, [x3, #48]
	stp	x27, x28, [x3, #64]
	stp	x29, x30, [x3, #80]
	mov	x4, sp
	stp	x4, x2, [x3, #96]
	mov	x2, x0
	mov	x0, x1
	blr	x2
	dsb	sy
	isb
	mov	w0, #1
leave_guard:
	adr	x3, guard
	ldp	x29, x30, [x3, #80]
	str	xzr, [x3, #104]
	ret

	/* An exception outside of guarded leaves nothing to answer with. */
exception:
	adr	x3, guard
	ldp	x4, x2, [x3, #96]
	cbz	x2, park
	mov	sp, x4
	at_el2_or_el1 mrs, esr_el2, esr_el1, x5
	at_el2_or_el1 mrs, far_el2, far_el1, x6
	stp	x5, x6, [x2]
	ldp	x19, x20, [x3, #0]
	ldp	x21, x22, [x3, #16]
	ldp	x23, x24, [x3, #32]
	ldp	x25, x26, [x3, #48]
	ldp	x27, x28, [x3, #64]
	mov	w0, #0
	adr	x7, leave_guard
	at_el2_or_el1 msr, elr_el2, elr_el1, x7
	eret

	/* x19 to x30, sp, and where to put the exception: 0 outside of guarded. */
	.data
	.balign 16
guard:	.skip	112
	.text

	/* SMCCC: x0 to x7 go in, x0 to x3 come back. */
	.macro call name, instruction
function \name
	stp	x0, x30, [sp, #-16]!
	mov	x9, x0
	ldp	x0, x1, [x9]
	ldp	x2, x3, [x9, #16]
	ldp	x4, x5, [x9, #32]
	ldp	x6, x7, [x9, #48]
	dsb	sy
	\instruction #0
	ldp	x9, x30, [sp], #16
	stp	x0, x1, [x9]
	stp	x2, x3, [x9, #16]
	ret
	.endm

	call	call_smc, smc
	call	call_hvc, hvc
