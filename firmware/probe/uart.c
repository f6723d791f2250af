#include "uart.h"
#include "pl011.h"
#include "scif.h"

static void start_pl011(uintptr_t base)
{
	if (!pl011_is_enabled(base)) {
		pl011_enable(base);
	}
}

/* A generic UART has no registers to turn it on with. */
static void start_generic(uintptr_t base)
{
	(void)base;
}

#define SCIF(name) { name, scif_start, scif_put, scif_has_received, scif_get, scif_drain }

const struct uart_kind uart_kinds[] = {
	{ "arm,pl011", start_pl011, pl011_put, pl011_has_received, pl011_get, pl011_drain },
	{ "arm,sbsa-uart", start_generic, pl011_put, pl011_has_received, pl011_get, pl011_drain },
	SCIF("renesas,rcar-gen3-scif"),
	SCIF("renesas,rcar-gen3-hscif"),
	SCIF("renesas,rcar-gen4-scif"),
	SCIF("renesas,rcar-gen4-hscif"),
};

const size_t uart_kinds_count = sizeof(uart_kinds) / sizeof(uart_kinds[0]);
