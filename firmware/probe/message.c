#include "probe.h"
#include "registers.h"

/* Offsets in the area: SCMI specification, section "Shared memory area layout". */
#define CHANNEL_STATUS 0x4U
#define CHANNEL_FLAGS 0x10U
#define MESSAGE_LENGTH 0x14U
#define MESSAGE 0x18U

#define CHANNEL_FREE 0x1U
#define CHANNEL_ERROR 0x2U
#define HEADER_SIZE 4U
/* A header, and a payload that begins with the status. */
#define STATUS_WORD 1U
#define SMALLEST_REPLY 8U

/* Of a second. */
#define FREE_WITHIN 10U

bool message_parse(struct message *message, const char *digits)
{
	uint8_t bytes[MESSAGE_SPACE] = { 0U };

	if (!parse_bytes(digits, bytes, sizeof(bytes), &message->size) || (message->size < HEADER_SIZE)) {
		return false;
	}
	for (uint32_t at = 0U; at < MESSAGE_SPACE; at += 4U) {
		message->words[at / 4U] = (uint32_t)bytes[at] | ((uint32_t)bytes[at + 1U] << 8) |
					  ((uint32_t)bytes[at + 2U] << 16) | ((uint32_t)bytes[at + 3U] << 24);
	}
	return true;
}

static bool becomes_free(uintptr_t page)
{
	uint64_t patience = read_register("cntfrq_el0") / FREE_WITHIN;
	uint64_t since = read_register("cntvct_el0");

	while ((read32(page + CHANNEL_STATUS) & CHANNEL_FREE) == 0U) {
		if ((read_register("cntvct_el0") - since) > patience) {
			return false;
		}
	}
	return true;
}

static uint32_t words_of(uint32_t bytes)
{
	return (bytes < MESSAGE_SPACE) ? ((bytes + 3U) / 4U) : (MESSAGE_SPACE / 4U);
}

bool message_send(uintptr_t page, uint64_t function, const struct message *message, struct reply *reply)
{
	uint64_t registers[8] = { function };

	if (!becomes_free(page)) {
		return false;
	}
	write32(page + CHANNEL_STATUS, 0U);
	write32(page + CHANNEL_FLAGS, 0U);
	write32(page + MESSAGE_LENGTH, message->size);
	for (uint32_t word = 0U; word < words_of(message->size); word++) {
		write32(page + MESSAGE + (4U * word), message->words[word]);
	}
	call_by_conduit(registers);
	reply->x0 = registers[0];
	reply->status = read32(page + CHANNEL_STATUS);
	reply->length = read32(page + MESSAGE_LENGTH);
	for (uint32_t word = 0U; word < words_of(reply->length); word++) {
		reply->words[word] = read32(page + MESSAGE + (4U * word));
	}
	return true;
}

bool reply_is_success(const struct reply *reply)
{
	return (reply->x0 == 0U) && ((reply->status & (CHANNEL_FREE | CHANNEL_ERROR)) == CHANNEL_FREE) &&
	       (reply->length >= SMALLEST_REPLY) && (reply->words[STATUS_WORD] == 0U);
}
