#include "scif.h"
#include "registers.h"
#include "uart.h"

#define SCSCR 0x08U
#define SCFTDR 0x0cU
#define SCFSR 0x10U
#define SCFRDR 0x14U
#define SCFDR 0x1cU
#define SCLSR 0x24U

#define SCSCR_TE (1U << 5)
#define SCSCR_RE (1U << 4)

#define SCFSR_ER (1U << 7)
#define SCFSR_TEND (1U << 6)
#define SCFSR_TDFE (1U << 5)
#define SCFSR_BRK (1U << 4)
#define SCFSR_FER (1U << 3)
#define SCFSR_PER (1U << 2)
#define SCFSR_RDF (1U << 1)
#define SCFSR_DR (1U << 0)

#define SCLSR_ORER (1U << 0)

/* An HSCIF has room for 128. */
#define SMALLEST_FIFO 16U

void scif_start(uintptr_t base)
{
	write16(base + SCSCR, (uint16_t)(read16(base + SCSCR) | SCSCR_TE | SCSCR_RE));
}

/* A flag is cleared by writing 0 once it was read as 1; writing 1 does nothing. */
static void clear(uintptr_t base, uint32_t flags)
{
	(void)read16(base + SCFSR);
	write16(base + SCFSR, (uint16_t)~flags);
}

static uint32_t untransmitted(uintptr_t base)
{
	return (uint32_t)read16(base + SCFDR) >> 8;
}

void scif_put(uintptr_t base, char character)
{
	while (untransmitted(base) >= SMALLEST_FIFO) {
	}
	write8(base + SCFTDR, (uint8_t)character);
	clear(base, SCFSR_TEND | SCFSR_TDFE);
}

bool scif_has_received(uintptr_t base)
{
	return (read16(base + SCFDR) & 0xffU) != 0U;
}

uint32_t scif_get(uintptr_t base)
{
	/* Of the errors only these are those of the character that is next. */
	bool is_damaged = (read16(base + SCFSR) & (SCFSR_FER | SCFSR_PER)) != 0U;
	uint32_t character = read8(base + SCFRDR);

	clear(base, SCFSR_ER | SCFSR_BRK | SCFSR_RDF | SCFSR_DR);
	if (((read16(base + SCLSR) & SCLSR_ORER) != 0U) && !scif_has_received(base)) {
		/* Later characters are lost until this is cleared. */
		write16(base + SCLSR, 0U);
		is_damaged = true;
	}
	return is_damaged ? (character | UART_DAMAGED) : character;
}

void scif_drain(uintptr_t base)
{
	while ((read16(base + SCFSR) & SCFSR_TEND) == 0U) {
	}
}
