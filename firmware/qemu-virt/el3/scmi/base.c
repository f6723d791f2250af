/* The Base protocol: SCMI specification section 4.2. Notifications are never sent. */
#include "scmi.h"

/* The agent id that stands for the caller, and the one that the specification keeps for the platform. */
#define AGENT_SELF 0xffffffffU
#define AGENT_PLATFORM 0U

static bool wants_errors[SCMI_MAX_AGENTS];

void scmi_base_init(void)
{
	for (uint32_t index = 0U; index < SCMI_MAX_AGENTS; index++) {
		wants_errors[index] = false;
	}
}

static int32_t attributes(const struct scmi_request *request, struct scmi_reply *reply)
{
	(void)request;
	scmi_put(reply, scmi_protocols_count | (scmi_active.reported_agents << 8));
	return SCMI_SUCCESS;
}

static int32_t discover_vendor(const struct scmi_request *request, struct scmi_reply *reply)
{
	(void)request;
	scmi_put_name(reply, scmi_vendor, SCMI_NAME_SIZE);
	return SCMI_SUCCESS;
}

static int32_t discover_sub_vendor(const struct scmi_request *request, struct scmi_reply *reply)
{
	(void)request;
	scmi_put_name(reply, scmi_sub_vendor, SCMI_NAME_SIZE);
	return SCMI_SUCCESS;
}

static int32_t discover_implementation_version(const struct scmi_request *request,
					       struct scmi_reply *reply)
{
	(void)request;
	scmi_put(reply, scmi_implementation_version);
	return SCMI_SUCCESS;
}

/* A denied protocol is not listed. */
static int32_t discover_list_protocols(const struct scmi_request *request, struct scmi_reply *reply)
{
	uint32_t skip = request->words[0];
	uint32_t listed = 0U;
	uint32_t words[SCMI_MAX_PROTOCOLS / 4U] = { 0U };
	uint32_t seen = 0U;

	for (uint32_t index = 0U; index < scmi_protocols_count; index++) {
		uint32_t id = scmi_protocols[index].id;

		if (scmi_is_protocol_denied(request->agent, id)) {
			continue;
		}
		if (seen >= skip) {
			words[listed / 4U] |= id << (8U * (listed % 4U));
			listed++;
		}
		seen++;
	}
	if (skip > seen) {
		return SCMI_INVALID_PARAMETERS;
	}
	scmi_put(reply, listed);
	for (uint32_t at = 0U; at < listed; at += 4U) {
		scmi_put(reply, words[at / 4U]);
	}
	return SCMI_SUCCESS;
}

static int32_t discover_agent(const struct scmi_request *request, struct scmi_reply *reply)
{
	uint32_t id = (request->words[0] == AGENT_SELF) ? request->agent : request->words[0];
	uint32_t index = scmi_agent_index(id);

	if ((index == scmi_agents_count) && (id != AGENT_PLATFORM)) {
		return SCMI_NOT_FOUND;
	}
	scmi_put(reply, id);
	scmi_put_name(reply, (index < scmi_agents_count) ? scmi_agents[index].name : "platform",
		      SCMI_NAME_SIZE);
	return SCMI_SUCCESS;
}

static int32_t notify_errors(const struct scmi_request *request, struct scmi_reply *reply)
{
	(void)reply;
	if (request->words[0] > 1U) {
		return SCMI_INVALID_PARAMETERS;
	}
	wants_errors[scmi_agent_index(request->agent)] = request->words[0] == 1U;
	return SCMI_SUCCESS;
}

static bool is_privileged(const struct scmi_request *request)
{
	return request->agent == scmi_active.privileged_agent;
}

static bool is_agent(uint32_t id)
{
	return scmi_agent_index(id) < scmi_agents_count;
}

/* Only bit 0 of the flags is defined: allow, or reset the permissions as well. */
static bool has_reserved_flags(uint32_t flags)
{
	return flags > 1U;
}

static int32_t set_device_permissions(const struct scmi_request *request, struct scmi_reply *reply)
{
	uint32_t agent = request->words[0];
	uint32_t device = scmi_device_index(request->words[1]);
	uint32_t flags = request->words[2];

	(void)reply;
	if (!is_privileged(request)) {
		return SCMI_DENIED;
	}
	if (!is_agent(agent) || (device == scmi_devices_count)) {
		return SCMI_NOT_FOUND;
	}
	if (has_reserved_flags(flags)) {
		return SCMI_INVALID_PARAMETERS;
	}
	return scmi_set_device_permission(agent, device, flags == 1U);
}

static int32_t set_protocol_permissions(const struct scmi_request *request, struct scmi_reply *reply)
{
	uint32_t agent = request->words[0];
	uint32_t device = scmi_device_index(request->words[1]);
	uint32_t protocol = scmi_protocol_index(request->words[2] & 0xffU);
	uint32_t flags = request->words[3];

	(void)reply;
	if (!is_privileged(request)) {
		return SCMI_DENIED;
	}
	if (!is_agent(agent) || (device == scmi_devices_count) || (protocol == scmi_protocols_count)) {
		return SCMI_NOT_FOUND;
	}
	if (has_reserved_flags(flags)) {
		return SCMI_INVALID_PARAMETERS;
	}
	scmi_set_protocol_permission(agent, protocol, flags == 1U);
	return SCMI_SUCCESS;
}

static int32_t reset_agent_configuration(const struct scmi_request *request, struct scmi_reply *reply)
{
	uint32_t agent = request->words[0];
	uint32_t flags = request->words[1];

	(void)reply;
	if (!is_privileged(request)) {
		return SCMI_DENIED;
	}
	if (!is_agent(agent)) {
		return SCMI_NOT_FOUND;
	}
	if (has_reserved_flags(flags)) {
		return SCMI_INVALID_PARAMETERS;
	}
	if (flags == 1U) {
		scmi_drop_permissions(agent);
	}
	return SCMI_SUCCESS;
}

static const struct scmi_message messages[] = {
	{ 0U, false, discover_vendor },		 { 0U, false, discover_sub_vendor },
	{ 0U, false, discover_implementation_version }, { 4U, false, discover_list_protocols },
	{ 4U, false, discover_agent },		 { 4U, false, notify_errors },
	{ 12U, false, set_device_permissions },	 { 16U, false, set_protocol_permissions },
	{ 8U, false, reset_agent_configuration },
};

const struct scmi_protocol scmi_base = {
	SCMI_PROTOCOL_BASE,
	attributes,
	messages,
	sizeof(messages) / sizeof(messages[0]),
};
