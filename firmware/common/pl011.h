/*
 * The PL011 (Arm DDI 0183), and what the SBSA's generic UART has of it: data and flags. Its clock and
 * rate are what the boot loader, or nobody, has set.
 */
#ifndef PL011_H
#define PL011_H

#include <stdbool.h>
#include <stdint.h>

/* Where what was received is no character that was sent: an error bit of the data register. */
#define PL011_DAMAGED 0xf00U

/* Turns it on, transmitter and receiver and FIFOs; not for a generic UART, which has none of these registers. */
void pl011_enable(uintptr_t base);
bool pl011_is_enabled(uintptr_t base);
void pl011_put(uintptr_t base, char character);
bool pl011_has_received(uintptr_t base);
/* The data register: a character in the lower 8 bits, errors above. */
uint32_t pl011_get(uintptr_t base);
/* Waits until the last bit has left. */
void pl011_drain(uintptr_t base);

#endif
