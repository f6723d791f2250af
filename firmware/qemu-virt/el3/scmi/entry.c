/* Finds the handler of a message: SCMI specification section 4.1. */
#include "scmi.h"
#include "scmi_platform.h"

#define BASE_VERSION 0x20000U

#define PROTOCOL_VERSION 0x0U
#define PROTOCOL_ATTRIBUTES 0x1U
#define PROTOCOL_MESSAGE_ATTRIBUTES 0x2U

static const struct scmi_protocol *const served[] = {
	&scmi_base, &scmi_power_domain, &scmi_clock, &scmi_reset_domain, &scmi_pinctrl,
};

static const struct scmi_protocol *find_protocol(uint32_t id)
{
	if ((id != SCMI_PROTOCOL_BASE) && (scmi_protocol_index(id) == scmi_protocols_count)) {
		return NULL;
	}
	for (uint32_t index = 0U; index < (sizeof(served) / sizeof(served[0])); index++) {
		if (served[index]->id == id) {
			return served[index];
		}
	}
	return NULL;
}

bool scmi_has_message(const struct scmi_protocol *protocol, uint32_t message)
{
	if (protocol->id == SCMI_PROTOCOL_BASE) {
		uint32_t there = scmi_base_messages & ~scmi_active.missing_messages;

		if ((message >= 32U) || ((there & (1U << message)) == 0U)) {
			return false;
		}
	}
	return (message < SCMI_FIRST_OWN_MESSAGE) ||
	       ((message - SCMI_FIRST_OWN_MESSAGE) < protocol->message_count);
}

static uint32_t version_of(const struct scmi_protocol *protocol)
{
	return (protocol->id == SCMI_PROTOCOL_BASE) ? BASE_VERSION :
						      scmi_protocols[scmi_protocol_index(protocol->id)].version;
}

static int32_t answer_common(const struct scmi_protocol *protocol, const struct scmi_request *request,
			     struct scmi_reply *reply)
{
	if (request->message == PROTOCOL_VERSION) {
		scmi_put(reply, version_of(protocol));
		return SCMI_SUCCESS;
	}
	if (request->message == PROTOCOL_ATTRIBUTES) {
		return protocol->attributes(request, reply);
	}
	if (!scmi_has_message(protocol, request->words[0])) {
		return SCMI_NOT_FOUND;
	}
	scmi_put(reply, 0U);
	return SCMI_SUCCESS;
}

static bool has_size(const struct scmi_protocol *protocol, const struct scmi_request *request)
{
	const struct scmi_message *message;

	if (request->message < SCMI_FIRST_OWN_MESSAGE) {
		return request->size == ((request->message == PROTOCOL_MESSAGE_ATTRIBUTES) ? 4U : 0U);
	}
	message = &protocol->messages[request->message - SCMI_FIRST_OWN_MESSAGE];
	return (request->size == message->size) || (message->or_more && (request->size > message->size));
}

int32_t scmi_process_message(const struct scmi_request *request, struct scmi_reply *reply)
{
	const struct scmi_protocol *protocol = find_protocol(request->protocol);
	int32_t status = SCMI_SUCCESS;

	if (scmi_unknown_message_is_not_found && (protocol != NULL) &&
	    !scmi_has_message(protocol, request->message)) {
		return SCMI_NOT_FOUND;
	}
	if ((protocol == NULL) || !scmi_has_message(protocol, request->message)) {
		platform_log("ERROR:   Agent %u Protocol 0x%x Message 0x%x: not supported", request->agent,
			     request->protocol, request->message);
		return SCMI_NOT_SUPPORTED;
	}
	if (!has_size(protocol, request)) {
		return SCMI_PROTOCOL_ERROR;
	}
	if (scmi_is_protocol_denied(request->agent, request->protocol)) {
		return SCMI_DENIED;
	}
	if ((request->protocol == SCMI_PROTOCOL_BASE) && scmi_fault_status(request, &status)) {
		return status;
	}
	if (request->message < SCMI_FIRST_OWN_MESSAGE) {
		return answer_common(protocol, request, reply);
	}
	return protocol->messages[request->message - SCMI_FIRST_OWN_MESSAGE].handler(request, reply);
}

void scmi_put(struct scmi_reply *reply, uint32_t word)
{
	if (reply->count < SCMI_REPLY_WORDS) {
		reply->words[reply->count] = word;
		reply->count++;
	}
}

void scmi_put_name(struct scmi_reply *reply, const char *name, uint32_t size)
{
	bool ended = false;
	uint32_t word = 0U;

	for (uint32_t at = 0U; at < size; at++) {
		ended = ended || (at == (size - 1U)) || (name[at] == '\0');
		if (!ended) {
			word |= (uint32_t)(uint8_t)name[at] << (8U * (at % 4U));
		}
		if ((at % 4U) == 3U) {
			scmi_put(reply, word);
			word = 0U;
		}
	}
}
