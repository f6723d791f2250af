/* The Clock protocol, version 0x20000: SCMI specification section 4.6. */
#include "scmi.h"

/* DESCRIBE_RATES: the three rates are minimum, maximum and step. */
#define RANGE_FORMAT (1U << 12)
/* RATE_SET: asynchronous, ignore response, round up, round automatically. */
#define RATE_FLAGS 0xfU

struct clock_state {
	bool enabled;
	uint64_t rate;
};

static struct clock_state clocks[SCMI_MAX_RESOURCES];

void scmi_clock_init(void)
{
	for (uint32_t index = 0U; index < scmi_clocks_count; index++) {
		clocks[index].enabled = scmi_clocks[index].enabled;
		clocks[index].rate = scmi_clocks[index].rate;
	}
}

static uint32_t index_of(uint32_t id)
{
	uint32_t index = 0U;

	while ((index < scmi_clocks_count) && (scmi_clocks[index].id != id)) {
		index++;
	}
	return index;
}

static bool is_permitted(const struct scmi_request *request, uint32_t id)
{
	return scmi_may_use(request->agent, SCMI_RESOURCE_CLOCK, id);
}

static void put_rate(struct scmi_reply *reply, uint64_t rate)
{
	scmi_put(reply, (uint32_t)rate);
	scmi_put(reply, (uint32_t)(rate >> 32));
}

/* One asynchronous rate change at a time. */
static int32_t protocol_attributes(const struct scmi_request *request, struct scmi_reply *reply)
{
	(void)request;
	scmi_put(reply, scmi_clocks_count | (1U << 16));
	return SCMI_SUCCESS;
}

static int32_t clock_attributes(const struct scmi_request *request, struct scmi_reply *reply)
{
	uint32_t index = index_of(request->words[0]);

	if (index == scmi_clocks_count) {
		return SCMI_NOT_FOUND;
	}
	if (!is_permitted(request, request->words[0])) {
		return SCMI_DENIED;
	}
	scmi_put(reply, clocks[index].enabled ? 1U : 0U);
	scmi_put_name(reply, scmi_clocks[index].name, SCMI_NAME_SIZE);
	return SCMI_SUCCESS;
}

static int32_t describe_rates(const struct scmi_request *request, struct scmi_reply *reply)
{
	uint32_t index = index_of(request->words[0]);

	if (index == scmi_clocks_count) {
		return SCMI_NOT_FOUND;
	}
	if (request->words[1] > 0U) {
		return SCMI_OUT_OF_RANGE;
	}
	if (!scmi_clocks[index].has_range) {
		scmi_put(reply, 1U);
		put_rate(reply, clocks[index].rate);
		return SCMI_SUCCESS;
	}
	scmi_put(reply, 3U | RANGE_FORMAT);
	put_rate(reply, scmi_clocks[index].min);
	put_rate(reply, scmi_clocks[index].max);
	put_rate(reply, scmi_clocks[index].step);
	return SCMI_SUCCESS;
}

static int32_t rate_set(const struct scmi_request *request, struct scmi_reply *reply)
{
	uint32_t index = index_of(request->words[1]);
	uint64_t rate = ((uint64_t)request->words[3] << 32) | request->words[2];
	const struct scmi_clock_profile *clock;

	(void)reply;
	if (index == scmi_clocks_count) {
		return SCMI_NOT_FOUND;
	}
	if (!is_permitted(request, request->words[1])) {
		return SCMI_DENIED;
	}
	if ((request->words[0] & ~RATE_FLAGS) != 0U) {
		return SCMI_INVALID_PARAMETERS;
	}
	clock = &scmi_clocks[index];
	if ((rate < clock->min) || (rate > clock->max)) {
		return SCMI_INVALID_PARAMETERS;
	}
	clocks[index].rate = clock->min + (((rate - clock->min) / clock->step) * clock->step);
	return SCMI_SUCCESS;
}

static int32_t rate_get(const struct scmi_request *request, struct scmi_reply *reply)
{
	uint32_t index = index_of(request->words[0]);

	if (index == scmi_clocks_count) {
		return SCMI_NOT_FOUND;
	}
	if (!is_permitted(request, request->words[0])) {
		return SCMI_DENIED;
	}
	put_rate(reply, clocks[index].rate);
	return SCMI_SUCCESS;
}

static int32_t config_set(const struct scmi_request *request, struct scmi_reply *reply)
{
	uint32_t index = index_of(request->words[0]);

	(void)reply;
	if (index == scmi_clocks_count) {
		return SCMI_NOT_FOUND;
	}
	if (!is_permitted(request, request->words[0])) {
		return SCMI_DENIED;
	}
	if (request->words[1] > 1U) {
		return SCMI_INVALID_PARAMETERS;
	}
	if (!scmi_clocks[index].always_on) {
		clocks[index].enabled = request->words[1] == 1U;
	}
	return SCMI_SUCCESS;
}

static const struct scmi_message messages[] = {
	{ 4U, false, clock_attributes }, { 8U, false, describe_rates }, { 16U, false, rate_set },
	{ 4U, false, rate_get },	 { 8U, false, config_set },
};

const struct scmi_protocol scmi_clock = {
	SCMI_PROTOCOL_CLOCK,
	protocol_attributes,
	messages,
	sizeof(messages) / sizeof(messages[0]),
};
