/* The kinds of UART that the probe can speak on. */
#ifndef UART_H
#define UART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The received value is no character that was sent: above the character, as in the PL011's data register. */
#define UART_DAMAGED 0xf00U

struct uart_kind {
	/* The kind that a node of the device tree names. */
	const char *compatible;
	/* The boot loader has set the rate that the listener knows. */
	void (*start)(uintptr_t base);
	void (*put)(uintptr_t base, char character);
	bool (*has_received)(uintptr_t base);
	uint32_t (*get)(uintptr_t base);
	void (*drain)(uintptr_t base);
};

extern const struct uart_kind uart_kinds[];
extern const size_t uart_kinds_count;

#endif
