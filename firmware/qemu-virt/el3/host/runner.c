/*
 * Runs the SCMI server on the machine that builds it. Standard input, one command per line, numbers
 * hexadecimal:
 *
 *   boot FAULTS
 *   ring FUNCTION-ID SHMEM STATUS LENGTH BYTES   BYTES: header and payload, as they lie in memory
 *
 * Each ring prints `X0 STATUS LENGTH BYTES`: x0 signed, then the channel status word, the length
 * word, and header and payload as far as the length and the area reach; - for no bytes.
 */
#include "../scmi/scmi.h"
#include "../scmi/scmi_platform.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define AREA_WORDS 32U
#define STATUS 1U
#define LENGTH 5U
#define MESSAGE_OFFSET 24U

static volatile uint32_t areas[SCMI_MAX_AGENTS + 1U][AREA_WORDS];

/* An address that no agent has is an area that nobody reads. */
volatile uint32_t *platform_shared_memory(uint64_t address)
{
	for (uint32_t index = 0U; index < scmi_agents_count; index++) {
		if (scmi_agents[index].shmem == address) {
			return areas[index];
		}
	}
	return areas[SCMI_MAX_AGENTS];
}

void platform_log(const char *format, ...)
{
	(void)format;
}

static uint32_t take_bytes(const char *hex, uint8_t *bytes, uint32_t size)
{
	uint32_t count = 0U;
	unsigned int byte;

	while ((count < size) && (sscanf(&hex[2U * count], "%2x", &byte) == 1)) {
		bytes[count] = (uint8_t)byte;
		count++;
	}
	return count;
}

static void ring(uint32_t function_id, uint64_t shmem, uint32_t status, uint32_t length, const char *hex)
{
	volatile uint32_t *area = platform_shared_memory(shmem);
	uint8_t bytes[4U * AREA_WORDS] = { 0U };
	uint32_t shown;

	(void)take_bytes(hex, &bytes[MESSAGE_OFFSET], sizeof(bytes) - MESSAGE_OFFSET);
	(void)memcpy(&bytes[4U * STATUS], &status, sizeof(status));
	(void)memcpy(&bytes[4U * LENGTH], &length, sizeof(length));
	(void)memcpy((void *)(uintptr_t)area, bytes, sizeof(bytes));
	(void)printf("%" PRId32, scmi_smc(function_id));
	(void)memcpy(bytes, (void *)(uintptr_t)area, sizeof(bytes));
	shown = (area[LENGTH] < (sizeof(bytes) - MESSAGE_OFFSET)) ? area[LENGTH] :
								     (uint32_t)(sizeof(bytes) - MESSAGE_OFFSET);
	(void)printf(" %" PRIx32 " %" PRIx32 " ", area[STATUS], area[LENGTH]);
	for (uint32_t at = 0U; at < shown; at++) {
		(void)printf("%02x", bytes[MESSAGE_OFFSET + at]);
	}
	(void)printf("%s\n", (shown == 0U) ? "-" : "");
}

int main(void)
{
	char line[1024];
	char hex[513];
	uint32_t function_id;
	uint32_t word;
	uint32_t length;
	uint64_t shmem;

	while (fgets(line, (int)sizeof(line), stdin) != NULL) {
		if (sscanf(line, "boot %" SCNx32, &word) == 1) {
			if (!scmi_init(word)) {
				(void)fputs("the profile is too large\n", stderr);
				return 1;
			}
		} else if (sscanf(line, "ring %" SCNx32 " %" SCNx64 " %" SCNx32 " %" SCNx32 " %512s", &function_id,
				  &shmem, &word, &length, hex) == 5) {
			ring(function_id, shmem, word, length, hex);
		} else {
			(void)fprintf(stderr, "not understood: %s", line);
			return 2;
		}
	}
	return 0;
}
