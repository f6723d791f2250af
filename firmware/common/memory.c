/* Functions that GCC may call of its own accord, also without a C library ("Standards" of its manual). */
#include <stddef.h>
#include <stdint.h>

void *memset(void *bytes, int value, size_t size);
void *memcpy(void *restrict to, const void *restrict from, size_t size);

void *memset(void *bytes, int value, size_t size)
{
	uint8_t *at = bytes;

	for (size_t index = 0U; index < size; index++) {
		at[index] = (uint8_t)value;
	}
	return bytes;
}

void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
	uint8_t *at = to;
	const uint8_t *source = from;

	for (size_t index = 0U; index < size; index++) {
		at[index] = source[index];
	}
	return to;
}
