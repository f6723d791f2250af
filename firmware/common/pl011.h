/*
 * The PL011 (Arm DDI 0183), and what the SBSA's generic UART has of it: data and flags. Its clock and
 * rate are what the boot loader, or nobody, has set.
 */
#ifndef PL011_H
#define PL011_H

#include <stdbool.h>
#include <stdint.h>

/* Turns it on, transmitter and receiver and FIFOs; not for a generic UART, which has none of these registers. */
void pl011_enable(uintptr_t base);
bool pl011_is_enabled(uintptr_t base);
void pl011_put(uintptr_t base, char character);
bool pl011_has_received(uintptr_t base);
/* The data register: a character in the lower 8 bits; bits 8 to 11 where it is none that was sent. */
uint32_t pl011_get(uintptr_t base);
/* Waits until the last bit has left. */
void pl011_drain(uintptr_t base);

#endif
