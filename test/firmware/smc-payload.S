/*
 * Runs a list of operations at EL2 and prints each result as 8 hexadecimal digits and a line end on
 * the non-secure PL011. The list follows the code; an operation is five words:
 *
 *   0 x0 x1 x2 x3       SMC with these registers, prints w0
 *   1 address value 0 0 writes a word
 *   2 address 0 0 0     prints a word
 *   3 address value 0 0 waits until a word has this value
 *   4 x0 x1 x2 value    SMC with these registers until w0 is the value, prints it
 */
	.text
	adr	x20, list
	mov	x21, #0x09000000
next:	ldp	w22, w0, [x20], #8
	ldp	w1, w2, [x20], #8
	ldr	w3, [x20], #4
	cbz	w22, call
	cmp	w22, #2
	b.lo	write
	b.eq	read
	cmp	w22, #4
	b.eq	again
wait:	ldr	w4, [x0]
	cmp	w4, w1
	b.ne	wait
	b	next
write:	str	w1, [x0]
	b	next
read:	ldr	w0, [x0]
	b	print
again:	mov	w23, w0
	mov	w24, w3
1:	mov	w0, w23
	smc	#0
	cmp	w0, w24
	b.ne	1b
	b	print
call:	smc	#0
print:	mov	w4, #8
digit:	ror	w0, w0, #28
	and	w5, w0, #0xf
	cmp	w5, #10
	add	w6, w5, #'0'
	add	w7, w5, #'a' - 10
	csel	w5, w6, w7, lo
	str	w5, [x21]
	subs	w4, w4, #1
	b.ne	digit
	mov	w5, #'\n'
	str	w5, [x21]
	b	next
	.balign 8
list:
