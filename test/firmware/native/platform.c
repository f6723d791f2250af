/* Prints the UART, its kind and the conduit that firmware/probe/platform.c finds in a device tree's blob. */
#include "flat_tree.h"
#include "probe.h"
#include "uart.h"

#include <stdio.h>

static uint8_t tree[0x200000];

void call_smc(uint64_t registers[8])
{
	(void)registers;
}

void call_hvc(uint64_t registers[8])
{
	(void)registers;
}

int main(int count, char *arguments[])
{
	FILE *file = (count == 2) ? fopen(arguments[1], "rb") : NULL;

	if ((file == NULL) || (fread(tree, 1U, sizeof(tree), file) == 0U)) {
		return 2;
	}
	if (!fdt_is_understood(tree, sizeof(tree)) || !platform_find(tree)) {
		printf("nothing\n");
		return 0;
	}
	printf("0x%lx %s %s\n", (unsigned long)platform.uart, platform.uart_kind->compatible,
	       platform.conduit_is_hvc ? "hvc" : "smc");
	return 0;
}
