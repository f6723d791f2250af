/*
 * The serial ports of R-Car, SCIF and HSCIF (R-Car Series User's Manual, "Serial Communication Interface with
 * FIFO"): their clock and rate are what the boot loader has set.
 */
#ifndef SCIF_H
#define SCIF_H

#include <stdbool.h>
#include <stdint.h>

/* Transmitter and receiver, where they are off. */
void scif_start(uintptr_t base);
void scif_put(uintptr_t base, char character);
bool scif_has_received(uintptr_t base);
/* A character in the lower 8 bits, UART_DAMAGED above where it is none that was sent, or what came next is lost. */
uint32_t scif_get(uintptr_t base);
/* Waits until the last bit has left. */
void scif_drain(uintptr_t base);

#endif
