/*
 * The shared memory transport: SCMI specification section 5.1, one channel per agent, its doorbell an
 * SMC. A channel that its caller did not mark busy, or a length out of range, ends in ERROR|FREE with
 * nothing answered; the next message is served again.
 */
#include "scmi.h"
#include "scmi_platform.h"

/* Words of the area, by index. */
#define SHMEM_STATUS 1U
#define SHMEM_LENGTH 5U
#define SHMEM_HEADER 6U
#define SHMEM_PAYLOAD 7U

#define CHANNEL_FREE 0x1U
#define CHANNEL_ERROR 0x2U

/* Bytes that the length counts before the payload. */
#define HEADER_SIZE 4U

#define SMC_NOT_SUPPORTED (-1)

static uint32_t header_message(uint32_t header)
{
	return header & 0xffU;
}

static uint32_t header_protocol(uint32_t header)
{
	return (header >> 10) & 0xffU;
}

static bool tables_fit(void)
{
	return (scmi_agents_count <= SCMI_MAX_AGENTS) && (scmi_protocols_count <= SCMI_MAX_PROTOCOLS) &&
	       (scmi_devices_count <= SCMI_MAX_RESOURCES) && (scmi_clocks_count <= SCMI_MAX_RESOURCES) &&
	       (scmi_resets_count <= SCMI_MAX_RESOURCES) &&
	       (scmi_power_domains_count <= SCMI_MAX_RESOURCES) &&
	       (scmi_pins_count <= SCMI_MAX_RESOURCES);
}

bool scmi_init(uint32_t fault_word)
{
	if (!tables_fit()) {
		return false;
	}
	scmi_faults_init(fault_word);
	scmi_policy_init();
	scmi_base_init();
	scmi_clock_init();
	scmi_reset_domain_init();
	scmi_power_domain_init();
	scmi_pinctrl_init();
	for (uint32_t index = 0U; index < scmi_agents_count; index++) {
		volatile uint32_t *area = platform_shared_memory(scmi_agents[index].shmem);

		for (uint32_t word = 0U; word < SHMEM_PAYLOAD; word++) {
			area[word] = 0U;
		}
		area[SHMEM_STATUS] = CHANNEL_FREE;
	}
	return true;
}

static const struct scmi_agent_profile *agent_of(uint32_t function_id)
{
	for (uint32_t index = 0U; index < scmi_agents_count; index++) {
		if (scmi_agents[index].function_id == function_id) {
			return &scmi_agents[index];
		}
	}
	return NULL;
}

bool scmi_is_doorbell(uint32_t function_id)
{
	return agent_of(function_id) != NULL;
}

/* Copies the payload out of the area before anything looks at it: the caller may change it any time. */
static void take_request(struct scmi_request *request, uint32_t agent, volatile const uint32_t *area,
			 uint32_t header, uint32_t size)
{
	*request = (struct scmi_request){
		.agent = agent,
		.protocol = header_protocol(header),
		.message = header_message(header),
		.size = size,
	};
	for (uint32_t at = 0U; at < size; at += 4U) {
		uint32_t word = area[SHMEM_PAYLOAD + (at / 4U)];
		uint32_t left = size - at;

		request->words[at / 4U] = (left >= 4U) ? word : (word & ((1U << (8U * left)) - 1U));
	}
}

static void put_reply(volatile uint32_t *area, uint32_t agent, int32_t status,
		      const struct scmi_reply *reply)
{
	uint32_t count = (status == SCMI_SUCCESS) ? reply->count : 0U;

	area[SHMEM_PAYLOAD] = (uint32_t)status;
	for (uint32_t index = 0U; index < count; index++) {
		area[SHMEM_PAYLOAD + 1U + index] = reply->words[index];
	}
	area[SHMEM_LENGTH] = ((agent == scmi_management_agent) && scmi_active.has_reply_length) ?
				     scmi_active.reply_length :
				     (HEADER_SIZE + (4U * (1U + count)));
}

static bool stays_busy(const struct scmi_request *request)
{
	if (request->agent != scmi_management_agent) {
		return false;
	}
	return scmi_active.busy_after_all ||
	       ((request->protocol == SCMI_PROTOCOL_BASE) && (request->message < 32U) &&
		((scmi_active.busy_after & (1U << request->message)) != 0U));
}

static void process_channel(uint32_t agent, volatile uint32_t *area, uint32_t header, uint32_t length)
{
	struct scmi_request request;
	struct scmi_reply reply = { .count = 0U };
	int32_t status;

	if (((area[SHMEM_STATUS] & (CHANNEL_FREE | CHANNEL_ERROR)) != 0U) || (length < HEADER_SIZE) ||
	    ((length - HEADER_SIZE) > SCMI_PAYLOAD_MAX)) {
		area[SHMEM_STATUS] |= CHANNEL_FREE | CHANNEL_ERROR;
		return;
	}
	take_request(&request, agent, area, header, length - HEADER_SIZE);
	status = scmi_process_message(&request, &reply);
	put_reply(area, agent, status, &reply);
	if (!stays_busy(&request)) {
		/* The reply must be seen before the channel is. */
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		area[SHMEM_STATUS] |= CHANNEL_FREE;
	}
}

int32_t scmi_smc(uint32_t function_id)
{
	const struct scmi_agent_profile *agent = agent_of(function_id);
	volatile uint32_t *area;
	uint32_t header;
	uint32_t length;
	uint32_t argument;

	if (agent == NULL) {
		return SMC_NOT_SUPPORTED;
	}
	if ((scmi_active.smc_result != 0) && (agent->id == scmi_management_agent)) {
		return scmi_active.smc_result;
	}
	area = platform_shared_memory(agent->shmem);
	header = area[SHMEM_HEADER];
	length = area[SHMEM_LENGTH];
	argument = (length > HEADER_SIZE) ? area[SHMEM_PAYLOAD] : 0U;
	process_channel(agent->id, area, header, length);
	platform_log("NOTICE:  SCMI: smc 0x%x agent %u proto 0x%x msg 0x%x len %u arg0 0x%x"
		     " -> status %d chan 0x%x rlen %u",
		     function_id, agent->id, header_protocol(header), header_message(header), length,
		     argument, (int32_t)area[SHMEM_PAYLOAD], area[SHMEM_STATUS], area[SHMEM_LENGTH]);
	return 0;
}
