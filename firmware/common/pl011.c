#include "pl011.h"
#include "registers.h"

#define UART_DR 0x00U
#define UART_FR 0x18U
#define UART_LCR_H 0x2cU
#define UART_CR 0x30U

#define FR_BUSY (1U << 3)
#define FR_RX_EMPTY (1U << 4)
#define FR_TX_FULL (1U << 5)
#define LCR_8_BITS_FIFO 0x70U
#define CR_ENABLE ((1U << 0) | (1U << 8) | (1U << 9))

void pl011_enable(uintptr_t base)
{
	write32(base + UART_CR, 0U);
	write32(base + UART_LCR_H, LCR_8_BITS_FIFO);
	write32(base + UART_CR, CR_ENABLE);
}

bool pl011_is_enabled(uintptr_t base)
{
	return (read32(base + UART_CR) & CR_ENABLE) == CR_ENABLE;
}

void pl011_put(uintptr_t base, char character)
{
	while ((read32(base + UART_FR) & FR_TX_FULL) != 0U) {
	}
	write32(base + UART_DR, (uint8_t)character);
}

bool pl011_has_received(uintptr_t base)
{
	return (read32(base + UART_FR) & FR_RX_EMPTY) == 0U;
}

uint32_t pl011_get(uintptr_t base)
{
	return read32(base + UART_DR);
}

void pl011_drain(uintptr_t base)
{
	while ((read32(base + UART_FR) & FR_BUSY) != 0U) {
	}
}
