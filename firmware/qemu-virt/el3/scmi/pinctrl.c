/*
 * The Pin control protocol, version 0x10000: SCMI specification section 4.11 (v3.2). SET_PERMISSIONS
 * exists and answers NOT_SUPPORTED: pins come with devices.
 */
#include "scmi.h"

enum selector {
	SELECTOR_PIN = 0,
	SELECTOR_GROUP = 1,
	SELECTOR_FUNCTION = 2
};

/* Selectors of SETTINGS_GET: one configuration, all of them, or the function alone. */
#define WANTED_ONE 0U
#define WANTED_ALL 1U
#define WANTED_FUNCTION 2U

#define EXTENDED_NAME (1U << 31)

/* Most 16-bit elements, and most configurations, that a reply has room for. */
#define ASSOCIATION_LIMIT 42U
#define CONFIGURATION_LIMIT 10U

/* SETTINGS_CONFIGURE: function id that is none, and the bit that says that there is one. */
#define NO_FUNCTION 0xffffffffU
#define SELECTS_FUNCTION (1U << 10)

/* Configuration types 1 to 6 are biases and exclude each other. */
#define LAST_BIAS 6U
#define MAX_TYPES 32U

#define NOBODY 0xffffffffU

struct setting {
	uint32_t type;
	uint32_t value;
};

struct pin_state {
	uint32_t function;
	/* Id of the agent that requested it; NOBODY. */
	uint32_t requested_by;
	/* In the order in which they were made. */
	struct setting settings[MAX_TYPES];
	uint32_t setting_count;
};

static struct pin_state pins[SCMI_MAX_RESOURCES];

void scmi_pinctrl_init(void)
{
	for (uint32_t pin = 0U; pin < SCMI_MAX_RESOURCES; pin++) {
		pins[pin].function = 0U;
		pins[pin].requested_by = NOBODY;
		pins[pin].setting_count = 0U;
	}
}

/* The pin, group or function with this id; NULL where there is none. */
static const struct scmi_pin_profile *find(uint32_t selector, uint32_t id)
{
	switch (selector) {
	case SELECTOR_PIN:
		return (id < scmi_pins_count) ? &scmi_pins[id] : NULL;
	case SELECTOR_GROUP:
		return (id < scmi_pin_groups_count) ? &scmi_pin_groups[id] : NULL;
	case SELECTOR_FUNCTION:
		return (id < scmi_pin_functions_count) ? &scmi_pin_functions[id] : NULL;
	default:
		return NULL;
	}
}

static int32_t unknown(uint32_t selector)
{
	return (selector > (uint32_t)SELECTOR_FUNCTION) ? SCMI_INVALID_PARAMETERS : SCMI_NOT_FOUND;
}

static uint32_t length_of(const char *name)
{
	uint32_t length = 0U;

	while (name[length] != '\0') {
		length++;
	}
	return length;
}

static int32_t protocol_attributes(const struct scmi_request *request, struct scmi_reply *reply)
{
	(void)request;
	scmi_put(reply, (scmi_pin_groups_count << 16) | scmi_pins_count);
	scmi_put(reply, scmi_pin_functions_count);
	return SCMI_SUCCESS;
}

static int32_t pinctrl_attributes(const struct scmi_request *request, struct scmi_reply *reply)
{
	const struct scmi_pin_profile *found = find(request->words[1], request->words[0]);

	if (found == NULL) {
		return unknown(request->words[1]);
	}
	scmi_put(reply, found->elements.count |
				((length_of(found->name) >= SCMI_NAME_SIZE) ? EXTENDED_NAME : 0U));
	scmi_put_name(reply, found->name, SCMI_NAME_SIZE);
	return SCMI_SUCCESS;
}

static int32_t list_associations(const struct scmi_request *request, struct scmi_reply *reply)
{
	const struct scmi_pin_profile *found = find(request->words[1], request->words[0]);
	uint32_t index = request->words[2];
	uint32_t listed;

	if ((found == NULL) || (request->words[1] == (uint32_t)SELECTOR_PIN)) {
		return unknown(request->words[1]);
	}
	if (index > found->elements.count) {
		return SCMI_OUT_OF_RANGE;
	}
	listed = found->elements.count - index;
	if (listed > ASSOCIATION_LIMIT) {
		listed = ASSOCIATION_LIMIT;
	}
	scmi_put(reply, ((found->elements.count - index - listed) << 16) | listed);
	for (uint32_t at = 0U; at < listed; at += 2U) {
		uint32_t low = found->elements.ids[index + at];
		uint32_t high = ((at + 1U) < listed) ? found->elements.ids[index + at + 1U] : 0U;

		scmi_put(reply, (high << 16) | low);
	}
	return SCMI_SUCCESS;
}

/* Types of specification table 22 that have a meaning of their own. */
static bool is_type(uint32_t type)
{
	return ((type >= 1U) && (type <= 12U)) || ((type >= 15U) && (type <= 20U));
}

static bool has_type(uint32_t type)
{
	return (scmi_pin_configurations & (1U << type)) != 0U;
}

static uint32_t value_of(const struct pin_state *pin, uint32_t type)
{
	for (uint32_t at = 0U; at < pin->setting_count; at++) {
		if (pin->settings[at].type == type) {
			return pin->settings[at].value;
		}
	}
	return 0U;
}

static void put_all_settings(const struct pin_state *pin, uint32_t skip, struct scmi_reply *reply)
{
	uint32_t left = (pin->setting_count > skip) ? (pin->setting_count - skip) : 0U;
	uint32_t count = (left > CONFIGURATION_LIMIT) ? CONFIGURATION_LIMIT : left;

	scmi_put(reply, ((left - count) << 24) | count);
	for (uint32_t at = 0U; at < count; at++) {
		scmi_put(reply, pin->settings[skip + at].type);
		scmi_put(reply, pin->settings[skip + at].value);
	}
}

/* The settings of a group are those of its first pin. */
static int32_t settings_get(const struct scmi_request *request, struct scmi_reply *reply)
{
	uint32_t word = request->words[1];
	uint32_t wanted = (word >> 18) & 0x3U;
	uint32_t selector = (word >> 16) & 0x3U;
	uint32_t skip = (word >> 8) & 0xffU;
	uint32_t type = word & 0xffU;
	const struct scmi_pin_profile *found = find(selector, request->words[0]);
	const struct pin_state *pin;

	if ((selector > (uint32_t)SELECTOR_GROUP) || (wanted > WANTED_FUNCTION)) {
		return SCMI_INVALID_PARAMETERS;
	}
	if ((found == NULL) || (found->elements.count == 0U)) {
		return SCMI_NOT_FOUND;
	}
	pin = &pins[found->elements.ids[0]];
	if (wanted == WANTED_ONE) {
		if (!is_type(type)) {
			return SCMI_INVALID_PARAMETERS;
		}
		if (!has_type(type)) {
			return SCMI_NOT_SUPPORTED;
		}
	}
	scmi_put(reply, pin->function);
	if (wanted == WANTED_ALL) {
		put_all_settings(pin, skip, reply);
	} else if (wanted == WANTED_ONE) {
		scmi_put(reply, 1U);
		scmi_put(reply, type);
		scmi_put(reply, value_of(pin, type));
	} else {
		scmi_put(reply, 0U);
	}
	return SCMI_SUCCESS;
}

static void remove_biases(struct pin_state *pin)
{
	uint32_t kept = 0U;

	for (uint32_t at = 0U; at < pin->setting_count; at++) {
		if (pin->settings[at].type > LAST_BIAS) {
			pin->settings[kept] = pin->settings[at];
			kept++;
		}
	}
	pin->setting_count = kept;
}

static void configure(struct pin_state *pin, uint32_t type, uint32_t value)
{
	if (type <= LAST_BIAS) {
		remove_biases(pin);
		value = 1U;
	}
	for (uint32_t at = 0U; at < pin->setting_count; at++) {
		if (pin->settings[at].type == type) {
			pin->settings[at].value = value;
			return;
		}
	}
	/* A type is there once, and there are fewer types than room for them. */
	pin->settings[pin->setting_count] = (struct setting){ type, value };
	pin->setting_count++;
}

static bool may_use_all(const struct scmi_request *request, const struct scmi_id_list *elements)
{
	for (uint32_t at = 0U; at < elements->count; at++) {
		if (!scmi_may_use(request->agent, SCMI_RESOURCE_PIN, elements->ids[at])) {
			return false;
		}
	}
	return true;
}

static int32_t configure_all(const struct scmi_request *request, const struct scmi_id_list *elements,
			     uint32_t count)
{
	for (uint32_t setting = 0U; setting < count; setting++) {
		uint32_t type = request->words[3U + (2U * setting)];
		uint32_t value = request->words[4U + (2U * setting)];

		if (!is_type(type)) {
			return SCMI_INVALID_PARAMETERS;
		}
		if (!has_type(type)) {
			return SCMI_NOT_SUPPORTED;
		}
		for (uint32_t at = 0U; at < elements->count; at++) {
			configure(&pins[elements->ids[at]], type, value);
		}
	}
	return SCMI_SUCCESS;
}

static int32_t settings_configure(const struct scmi_request *request, struct scmi_reply *reply)
{
	uint32_t function = request->words[1];
	uint32_t word = request->words[2];
	uint32_t selector = word & 0x3U;
	uint32_t count = (word >> 2) & 0xffU;
	const struct scmi_pin_profile *found = find(selector, request->words[0]);

	(void)reply;
	if (selector > (uint32_t)SELECTOR_GROUP) {
		return SCMI_INVALID_PARAMETERS;
	}
	if (found == NULL) {
		return SCMI_NOT_FOUND;
	}
	if (request->size < (12U + (8U * count))) {
		return SCMI_PROTOCOL_ERROR;
	}
	if (!may_use_all(request, &found->elements)) {
		return SCMI_DENIED;
	}
	if ((word & SELECTS_FUNCTION) != 0U) {
		if (function == NO_FUNCTION) {
			return SCMI_PROTOCOL_ERROR;
		}
		if (function >= scmi_pin_functions_count) {
			return SCMI_NOT_FOUND;
		}
		for (uint32_t at = 0U; at < found->elements.count; at++) {
			pins[found->elements.ids[at]].function = function;
		}
	}
	return configure_all(request, &found->elements, count);
}

/* The pins that REQUEST or RELEASE names, if the caller may have them. */
static int32_t requested_pins(const struct scmi_request *request, const struct scmi_id_list **elements)
{
	uint32_t selector = request->words[1] & 0x3U;
	const struct scmi_pin_profile *found = find(selector, request->words[0]);

	if (selector > (uint32_t)SELECTOR_GROUP) {
		return SCMI_INVALID_PARAMETERS;
	}
	if (found == NULL) {
		return SCMI_NOT_FOUND;
	}
	*elements = &found->elements;
	return may_use_all(request, &found->elements) ? SCMI_SUCCESS : SCMI_DENIED;
}

static int32_t request_pins(const struct scmi_request *request, struct scmi_reply *reply)
{
	const struct scmi_id_list *elements = NULL;
	int32_t status = requested_pins(request, &elements);

	(void)reply;
	if (status != SCMI_SUCCESS) {
		return status;
	}
	for (uint32_t at = 0U; at < elements->count; at++) {
		uint32_t by = pins[elements->ids[at]].requested_by;

		if ((by != NOBODY) && (by != request->agent)) {
			return SCMI_IN_USE;
		}
	}
	for (uint32_t at = 0U; at < elements->count; at++) {
		pins[elements->ids[at]].requested_by = request->agent;
	}
	return SCMI_SUCCESS;
}

static int32_t release_pins(const struct scmi_request *request, struct scmi_reply *reply)
{
	const struct scmi_id_list *elements = NULL;
	int32_t status = requested_pins(request, &elements);

	(void)reply;
	if (status != SCMI_SUCCESS) {
		return status;
	}
	for (uint32_t at = 0U; at < elements->count; at++) {
		struct pin_state *pin = &pins[elements->ids[at]];

		if (pin->requested_by == request->agent) {
			pin->requested_by = NOBODY;
		}
	}
	return SCMI_SUCCESS;
}

static int32_t name_get(const struct scmi_request *request, struct scmi_reply *reply)
{
	const struct scmi_pin_profile *found = find(request->words[1], request->words[0]);

	if (found == NULL) {
		return unknown(request->words[1]);
	}
	scmi_put(reply, 0U);
	scmi_put_name(reply, found->name, SCMI_EXTENDED_NAME_SIZE);
	return SCMI_SUCCESS;
}

static int32_t set_permissions(const struct scmi_request *request, struct scmi_reply *reply)
{
	(void)request;
	(void)reply;
	return SCMI_NOT_SUPPORTED;
}

static const struct scmi_message messages[] = {
	{ 8U, false, pinctrl_attributes },
	{ 12U, false, list_associations },
	{ 8U, true, settings_get },
	{ 12U, true, settings_configure },
	{ 8U, false, request_pins },
	{ 8U, false, release_pins },
	{ 8U, false, name_get },
	{ 0U, true, set_permissions },
};

const struct scmi_protocol scmi_pinctrl = {
	SCMI_PROTOCOL_PINCTRL,
	protocol_attributes,
	messages,
	sizeof(messages) / sizeof(messages[0]),
};
