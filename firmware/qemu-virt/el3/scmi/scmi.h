/*
 * The SCMI server: what its files share. src/model/scmi is the same server in TypeScript; the vectors of
 * test/fixtures/scmi hold the two together.
 */
#ifndef SCMI_H
#define SCMI_H

#include "scmi_profile.h"

/* Status codes: SCMI specification section 4.1.4. */
#define SCMI_SUCCESS 0
#define SCMI_NOT_SUPPORTED (-1)
#define SCMI_INVALID_PARAMETERS (-2)
#define SCMI_DENIED (-3)
#define SCMI_NOT_FOUND (-4)
#define SCMI_OUT_OF_RANGE (-5)
#define SCMI_PROTOCOL_ERROR (-10)
#define SCMI_IN_USE (-11)

#define SCMI_PROTOCOL_BASE 0x10U
#define SCMI_PROTOCOL_POWER_DOMAIN 0x11U
#define SCMI_PROTOCOL_CLOCK 0x14U
#define SCMI_PROTOCOL_RESET_DOMAIN 0x16U
#define SCMI_PROTOCOL_PINCTRL 0x19U

/* Bytes of payload that a command may have, and words that a reply has room for after its status. */
#define SCMI_PAYLOAD_MAX 92U
#define SCMI_REPLY_WORDS 24U

/* Bytes of a name in a reply, the zero at its end included. */
#define SCMI_NAME_SIZE 16U
#define SCMI_EXTENDED_NAME_SIZE 64U

/* The most of each table that there is state for; scmi_init refuses more. */
#define SCMI_MAX_AGENTS 32U
#define SCMI_MAX_PROTOCOLS 32U
#define SCMI_MAX_RESOURCES 64U

/* A command as the transport hands it over. */
struct scmi_request {
	/* Id of the caller, by its channel. */
	uint32_t agent;
	uint32_t protocol;
	uint32_t message;
	/* Bytes of the payload. */
	uint32_t size;
	/* The payload, filled up with zeroes. */
	uint32_t words[SCMI_PAYLOAD_MAX / 4U];
};

/* Payload after the status of a successful reply. */
struct scmi_reply {
	uint32_t count;
	uint32_t words[SCMI_REPLY_WORDS];
};

/* Answers one message; returns its status. */
typedef int32_t (*scmi_handler)(const struct scmi_request *request, struct scmi_reply *reply);

struct scmi_message {
	/* Bytes that the payload must have; with or_more at least. */
	uint32_t size;
	bool or_more;
	scmi_handler handler;
};

/* A protocol: its messages from 0x3 up. 0x0 to 0x2 are the same for all, in entry.c. */
struct scmi_protocol {
	uint32_t id;
	scmi_handler attributes;
	const struct scmi_message *messages;
	uint32_t message_count;
};

#define SCMI_FIRST_OWN_MESSAGE 3U

extern const struct scmi_protocol scmi_base;
extern const struct scmi_protocol scmi_clock;
extern const struct scmi_protocol scmi_reset_domain;
extern const struct scmi_protocol scmi_power_domain;
extern const struct scmi_protocol scmi_pinctrl;

/* The faults of the fault word, together; of two that contradict, the lower bit counts. */
struct scmi_active_faults {
	uint32_t word;
	uint32_t missing_messages;
	uint32_t busy_after;
	bool busy_after_all;
	int32_t smc_result;
	bool has_reply_length;
	uint32_t reply_length;
	uint32_t privileged_agent;
	uint32_t reported_agents;
};

/* smt.c: the transport, and what the rest of the firmware calls. */

/* A cold boot of the server: state as the profile says, channels free. False: tables too large. */
bool scmi_init(uint32_t fault_word);

/* Whether an agent has this function id. */
bool scmi_is_doorbell(uint32_t function_id);

/* Rings a doorbell; returns x0. */
int32_t scmi_smc(uint32_t function_id);

/* entry.c */
int32_t scmi_process_message(const struct scmi_request *request, struct scmi_reply *reply);
bool scmi_has_message(const struct scmi_protocol *protocol, uint32_t message);
void scmi_put(struct scmi_reply *reply, uint32_t word);
/* A name as zero-padded words; at most size - 1 characters of it, so that it ends. */
void scmi_put_name(struct scmi_reply *reply, const char *name, uint32_t size);

/* fault.c */
extern struct scmi_active_faults scmi_active;
void scmi_faults_init(uint32_t word);
/* The status that a fault gives this message of Base, whatever it says; false: none does. */
bool scmi_fault_status(const struct scmi_request *request, int32_t *status);

/* policy.c: who may use what. */
enum scmi_resource {
	SCMI_RESOURCE_CLOCK,
	SCMI_RESOURCE_RESET,
	SCMI_RESOURCE_POWER_DOMAIN,
	SCMI_RESOURCE_PIN
};

void scmi_policy_init(void);
/* Position in scmi_agents; scmi_agents_count for an unknown id. */
uint32_t scmi_agent_index(uint32_t id);
/* Position in scmi_devices; scmi_devices_count for an unknown id. */
uint32_t scmi_device_index(uint32_t id);
/* Position in scmi_protocols; scmi_protocols_count where it is not offered. */
uint32_t scmi_protocol_index(uint32_t id);
bool scmi_may_use(uint32_t agent, enum scmi_resource kind, uint32_t id);
int32_t scmi_set_device_permission(uint32_t agent, uint32_t device_index, bool allow);
void scmi_set_protocol_permission(uint32_t agent, uint32_t protocol_index, bool allow);
bool scmi_is_protocol_denied(uint32_t agent, uint32_t protocol);
void scmi_drop_permissions(uint32_t agent);

/* Each protocol's state as at boot. */
void scmi_base_init(void);
void scmi_clock_init(void);
void scmi_reset_domain_init(void);
void scmi_power_domain_init(void);
void scmi_pinctrl_init(void);

#endif
