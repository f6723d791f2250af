/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks a flattened device tree with libfdt, every node and property, and prints megabytes a second. Built by
 * bench/device-tree.ts where a compiler and libfdt-dev are there.
 */
#include <libfdt.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

/* The length of all that is there, so that no look-up can be left out by the compiler. */
static long walk(const void *fdt)
{
	long sum = 0;
	int depth = 0;

	for (int node = 0; node >= 0 && depth >= 0; node = fdt_next_node(fdt, node, &depth)) {
		int property, length;

		fdt_get_name(fdt, node, &length);
		sum += length;
		fdt_for_each_property_offset(property, fdt, node) {
			const char *name;

			fdt_getprop_by_offset(fdt, property, &name, &length);
			sum += length + name[0];
		}
	}
	return sum;
}

int main(int argc, char **argv)
{
	FILE *file = argc > 1 ? fopen(argv[1], "rb") : NULL;
	static char fdt[64 << 20];
	volatile long sum = 0;
	double best = 0;
	size_t size;

	if (file == NULL)
		return 2;
	size = fread(fdt, 1, sizeof(fdt), file);
	fclose(file);
	if (fdt_check_full(fdt, size) != 0)
		return 1;
	for (int round = 0; round < 5; round++) {
		double start = seconds();
		double rate;

		sum += walk(fdt);
		rate = size / 1e6 / (seconds() - start);
		if (rate > best)
			best = rate;
	}
	printf("%.1f\n", best);
	return sum == 0;
}
