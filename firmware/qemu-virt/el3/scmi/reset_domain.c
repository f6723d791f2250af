/*
 * The Reset domain protocol, version 0x10000: SCMI specification section 4.8. Resets are synchronous,
 * nothing notifies.
 */
#include "scmi.h"

#define LATENCY_UNKNOWN 0xffffffffU

#define RESET_AUTONOMOUS 0x1U
#define RESET_ASSERT 0x2U
#define RESET_ASYNCHRONOUS 0x4U

static bool asserted[SCMI_MAX_RESOURCES];

void scmi_reset_domain_init(void)
{
	for (uint32_t index = 0U; index < SCMI_MAX_RESOURCES; index++) {
		asserted[index] = false;
	}
}

static uint32_t index_of(uint32_t id)
{
	uint32_t index = 0U;

	while ((index < scmi_resets_count) && (scmi_resets[index].id != id)) {
		index++;
	}
	return index;
}

static int32_t protocol_attributes(const struct scmi_request *request, struct scmi_reply *reply)
{
	(void)request;
	scmi_put(reply, scmi_resets_count);
	return SCMI_SUCCESS;
}

static int32_t domain_attributes(const struct scmi_request *request, struct scmi_reply *reply)
{
	uint32_t index = index_of(request->words[0]);

	if (index == scmi_resets_count) {
		return SCMI_NOT_FOUND;
	}
	scmi_put(reply, 0U);
	scmi_put(reply, LATENCY_UNKNOWN);
	scmi_put_name(reply, scmi_resets[index].name, SCMI_NAME_SIZE);
	return SCMI_SUCCESS;
}

static int32_t reset(const struct scmi_request *request, struct scmi_reply *reply)
{
	uint32_t index = index_of(request->words[0]);
	uint32_t flags = request->words[1];
	uint32_t state = request->words[2];

	(void)reply;
	if (index == scmi_resets_count) {
		return SCMI_NOT_FOUND;
	}
	if (!scmi_may_use(request->agent, SCMI_RESOURCE_RESET, request->words[0])) {
		return SCMI_DENIED;
	}
	if (flags > (RESET_AUTONOMOUS | RESET_ASSERT | RESET_ASYNCHRONOUS)) {
		return SCMI_INVALID_PARAMETERS;
	}
	if ((flags & RESET_ASYNCHRONOUS) != 0U) {
		return SCMI_NOT_SUPPORTED;
	}
	if (((flags & RESET_AUTONOMOUS) != 0U) && (state != 0U)) {
		/* Architectural state 0 is the only one. */
		return SCMI_INVALID_PARAMETERS;
	}
	asserted[index] = ((flags & RESET_AUTONOMOUS) == 0U) && ((flags & RESET_ASSERT) != 0U);
	return SCMI_SUCCESS;
}

static const struct scmi_message messages[] = {
	{ 4U, false, domain_attributes },
	{ 12U, false, reset },
};

const struct scmi_protocol scmi_reset_domain = {
	SCMI_PROTOCOL_RESET_DOMAIN,
	protocol_attributes,
	messages,
	sizeof(messages) / sizeof(messages[0]),
};
