/* Functions that the server needs of its program: the firmware, or the host's test runner. */
#ifndef SCMI_PLATFORM_H
#define SCMI_PLATFORM_H

#include <stdint.h>

/* Where the shared memory with this physical address is accessed: 128 bytes of 32-bit words. */
volatile uint32_t *platform_shared_memory(uint64_t address);

/* Prints one line, without its end. Conversions: %u, %d, %x, %s. */
void platform_log(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
