/*
 * The Power domain protocol, version 0x20000: SCMI specification section 4.3. State changes are
 * synchronous, nothing notifies, there are no statistics.
 */
#include "scmi.h"

/* Bit 30 of a power state: context is lost, the domain is off. */
#define POWER_STATE_ON 0U
#define POWER_STATE_OFF 0x40000000U

#define STATE_SET_ASYNCHRONOUS 0x1U

static bool is_on[SCMI_MAX_RESOURCES];

void scmi_power_domain_init(void)
{
	for (uint32_t index = 0U; index < scmi_power_domains_count; index++) {
		is_on[index] = scmi_power_domains[index].on;
	}
}

static uint32_t index_of(uint32_t id)
{
	uint32_t index = 0U;

	while ((index < scmi_power_domains_count) && (scmi_power_domains[index].id != id)) {
		index++;
	}
	return index;
}

static int32_t protocol_attributes(const struct scmi_request *request, struct scmi_reply *reply)
{
	(void)request;
	scmi_put(reply, scmi_power_domains_count);
	for (uint32_t statistics = 0U; statistics < 3U; statistics++) {
		scmi_put(reply, 0U);
	}
	return SCMI_SUCCESS;
}

static int32_t domain_attributes(const struct scmi_request *request, struct scmi_reply *reply)
{
	uint32_t index = index_of(request->words[0]);

	if (index == scmi_power_domains_count) {
		return SCMI_NOT_FOUND;
	}
	scmi_put(reply, 0U);
	scmi_put_name(reply, scmi_power_domains[index].name, SCMI_NAME_SIZE);
	return SCMI_SUCCESS;
}

static int32_t state_set(const struct scmi_request *request, struct scmi_reply *reply)
{
	uint32_t flags = request->words[0];
	uint32_t index = index_of(request->words[1]);
	uint32_t state = request->words[2];

	(void)reply;
	if (index == scmi_power_domains_count) {
		return SCMI_NOT_FOUND;
	}
	if (!scmi_may_use(request->agent, SCMI_RESOURCE_POWER_DOMAIN, request->words[1])) {
		return SCMI_DENIED;
	}
	if (flags == STATE_SET_ASYNCHRONOUS) {
		return SCMI_NOT_SUPPORTED;
	}
	if ((flags > STATE_SET_ASYNCHRONOUS) || ((state != POWER_STATE_ON) && (state != POWER_STATE_OFF))) {
		return SCMI_INVALID_PARAMETERS;
	}
	if ((state == POWER_STATE_OFF) && scmi_power_domains[index].always_on) {
		return SCMI_DENIED;
	}
	is_on[index] = state == POWER_STATE_ON;
	return SCMI_SUCCESS;
}

static int32_t state_get(const struct scmi_request *request, struct scmi_reply *reply)
{
	uint32_t index = index_of(request->words[0]);

	if (index == scmi_power_domains_count) {
		return SCMI_NOT_FOUND;
	}
	scmi_put(reply, (is_on[index] || scmi_power_domains[index].always_on) ? POWER_STATE_ON :
										POWER_STATE_OFF);
	return SCMI_SUCCESS;
}

static const struct scmi_message messages[] = {
	{ 4U, false, domain_attributes },
	{ 12U, false, state_set },
	{ 4U, false, state_get },
};

const struct scmi_protocol scmi_power_domain = {
	SCMI_PROTOCOL_POWER_DOMAIN,
	protocol_attributes,
	messages,
	sizeof(messages) / sizeof(messages[0]),
};
