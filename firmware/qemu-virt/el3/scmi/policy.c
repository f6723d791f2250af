/*
 * Permissions: a device has one owner at a time, and its owner may use its clocks,
 * resets, power domains and pins. The privileged agent may use everything.
 */
#include "scmi.h"

#define NOBODY 0xffffffffU

struct device_state {
	/* Id of the agent; NOBODY. */
	uint32_t owner;
	/* A bit per position in scmi_agents. */
	uint32_t holders;
};

static struct device_state devices[SCMI_MAX_RESOURCES];
/* A bit per position in scmi_protocols. */
static uint32_t denied_protocols[SCMI_MAX_AGENTS];

uint32_t scmi_agent_index(uint32_t id)
{
	uint32_t index = 0U;

	while ((index < scmi_agents_count) && (scmi_agents[index].id != id)) {
		index++;
	}
	return index;
}

uint32_t scmi_device_index(uint32_t id)
{
	uint32_t index = 0U;

	while ((index < scmi_devices_count) && (scmi_devices[index].id != id)) {
		index++;
	}
	return index;
}

uint32_t scmi_protocol_index(uint32_t id)
{
	uint32_t index = 0U;

	while ((index < scmi_protocols_count) && (scmi_protocols[index].id != id)) {
		index++;
	}
	return index;
}

void scmi_policy_init(void)
{
	for (uint32_t index = 0U; index < scmi_devices_count; index++) {
		const struct scmi_device_profile *device = &scmi_devices[index];

		devices[index] = (struct device_state){ .owner = NOBODY, .holders = 0U };
		if (device->owner == SCMI_OWNER_AGENT) {
			devices[index].owner = device->owner_agent;
			devices[index].holders = 1U << scmi_agent_index(device->owner_agent);
		}
	}
	for (uint32_t index = 0U; index < SCMI_MAX_AGENTS; index++) {
		denied_protocols[index] = 0U;
	}
}

static const struct scmi_id_list *resources_of(const struct scmi_device_profile *device,
					       enum scmi_resource kind)
{
	switch (kind) {
	case SCMI_RESOURCE_CLOCK:
		return &device->clocks;
	case SCMI_RESOURCE_RESET:
		return &device->resets;
	case SCMI_RESOURCE_POWER_DOMAIN:
		return &device->power_domains;
	case SCMI_RESOURCE_PIN:
	default:
		return &device->pins;
	}
}

static bool is_listed(const struct scmi_id_list *list, uint32_t id)
{
	for (uint32_t index = 0U; index < list->count; index++) {
		if (list->ids[index] == id) {
			return true;
		}
	}
	return false;
}

bool scmi_may_use(uint32_t agent, enum scmi_resource kind, uint32_t id)
{
	uint32_t holder = 1U << scmi_agent_index(agent);

	if (agent == scmi_active.privileged_agent) {
		return true;
	}
	for (uint32_t index = 0U; index < scmi_devices_count; index++) {
		const struct scmi_device_profile *device = &scmi_devices[index];
		bool held = (device->owner == SCMI_OWNER_SHARED) || ((devices[index].holders & holder) != 0U);

		if (held && is_listed(resources_of(device, kind), id)) {
			return true;
		}
	}
	return false;
}

int32_t scmi_set_device_permission(uint32_t agent, uint32_t device_index, bool allow)
{
	struct device_state *device = &devices[device_index];
	uint32_t holder = 1U << scmi_agent_index(agent);
	bool others = (device->owner != NOBODY) && (device->owner != agent);

	if (scmi_devices[device_index].owner == SCMI_OWNER_FIRMWARE) {
		return SCMI_DENIED;
	}
	if (scmi_devices[device_index].owner == SCMI_OWNER_SHARED) {
		return SCMI_SUCCESS;
	}
	if (others && allow) {
		return SCMI_DENIED;
	}
	if (allow) {
		device->owner = agent;
		device->holders |= holder;
		return SCMI_SUCCESS;
	}
	device->holders &= ~holder;
	if (!others) {
		device->owner = NOBODY;
	}
	return SCMI_SUCCESS;
}

void scmi_set_protocol_permission(uint32_t agent, uint32_t protocol_index, bool allow)
{
	uint32_t *denied = &denied_protocols[scmi_agent_index(agent)];

	if (allow) {
		*denied &= ~(1U << protocol_index);
	} else {
		*denied |= 1U << protocol_index;
	}
}

bool scmi_is_protocol_denied(uint32_t agent, uint32_t protocol)
{
	uint32_t index = scmi_protocol_index(protocol);

	return (index < scmi_protocols_count) &&
	       ((denied_protocols[scmi_agent_index(agent)] & (1U << index)) != 0U);
}

void scmi_drop_permissions(uint32_t agent)
{
	uint32_t agent_index = scmi_agent_index(agent);

	for (uint32_t index = 0U; index < scmi_devices_count; index++) {
		if (devices[index].owner == agent) {
			devices[index].owner = NOBODY;
			devices[index].holders &= ~(1U << agent_index);
		}
	}
	denied_protocols[agent_index] = 0U;
}
