/* Faults that the host asks the firmware for: src/model/scmi/faults.ts. */
#include "scmi.h"

struct scmi_active_faults scmi_active;

static bool is_active(uint32_t bit)
{
	return (scmi_active.word & (1U << bit)) != 0U;
}

static void add_fault(const struct scmi_fault *fault)
{
	scmi_active.missing_messages |= fault->missing_messages;
	scmi_active.busy_after |= fault->busy_after;
	scmi_active.busy_after_all = scmi_active.busy_after_all || fault->busy_after_all;
	if (fault->smc_result != 0) {
		scmi_active.smc_result = fault->smc_result;
	}
	if (fault->has_privileged_agent) {
		scmi_active.privileged_agent = fault->privileged_agent;
	}
	if (fault->has_reported_agents) {
		scmi_active.reported_agents = fault->reported_agents;
	}
	if (fault->has_reply_length) {
		scmi_active.has_reply_length = true;
		scmi_active.reply_length = fault->reply_length;
	}
}

void scmi_faults_init(uint32_t word)
{
	scmi_active = (struct scmi_active_faults){
		.word = word,
		.privileged_agent = scmi_privileged_agent,
		.reported_agents = scmi_agents_count,
	};
	/* From the last to the first, so that the lower bit has the last word. */
	for (uint32_t bit = scmi_faults_count; bit > 0U; bit--) {
		if (is_active(bit - 1U)) {
			add_fault(&scmi_faults[bit - 1U]);
		}
	}
}

bool scmi_fault_status(const struct scmi_request *request, int32_t *status)
{
	for (uint32_t bit = 0U; bit < scmi_faults_count; bit++) {
		const struct scmi_fault *fault = &scmi_faults[bit];
		bool towards = !fault->towards_management || (request->agent == scmi_management_agent);

		if (is_active(bit) && fault->has_status && towards &&
		    (fault->status_message == request->message)) {
			*status = fault->status;
			return true;
		}
	}
	return false;
}
