/*
 * Resources of the SCMI server: tables that generate.ts makes of boards/firmware/qemu-virt.yaml, and
 * of the faults of src/model/scmi/faults.ts.
 */
#ifndef SCMI_PROFILE_H
#define SCMI_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct scmi_id_list {
	const uint16_t *ids;
	uint32_t count;
};

struct scmi_protocol_version {
	uint32_t id;
	uint32_t version;
};

struct scmi_agent_profile {
	uint32_t id;
	const char *name;
	uint32_t function_id;
	/* Physical address of the shared memory. */
	uint64_t shmem;
};

enum scmi_owner {
	SCMI_OWNER_NONE,
	SCMI_OWNER_SHARED,
	SCMI_OWNER_FIRMWARE,
	SCMI_OWNER_AGENT
};

/* A device of SET_DEVICE_PERMISSIONS and the resources that come with it. */
struct scmi_device_profile {
	uint32_t id;
	enum scmi_owner owner;
	/* Agent that has it at boot, where the owner is one. */
	uint32_t owner_agent;
	struct scmi_id_list clocks;
	struct scmi_id_list resets;
	struct scmi_id_list power_domains;
	struct scmi_id_list pins;
};

struct scmi_clock_profile {
	uint32_t id;
	const char *name;
	/* Hz. */
	uint64_t rate;
	uint64_t min;
	uint64_t max;
	uint64_t step;
	bool has_range;
	bool enabled;
	bool always_on;
};

struct scmi_reset_profile {
	uint32_t id;
	const char *name;
};

struct scmi_power_domain_profile {
	uint32_t id;
	const char *name;
	bool on;
	bool always_on;
};

/* A pin and itself, a group and its pins, or a function and its groups; the index is the id. */
struct scmi_pin_profile {
	const char *name;
	struct scmi_id_list elements;
};

/* One bit of the fault word, src/model/scmi/faults.ts. Masks have a bit per message id of Base. */
struct scmi_fault {
	const char *name;
	uint32_t missing_messages;
	uint32_t busy_after;
	bool busy_after_all;
	/* 0: none. */
	int32_t smc_result;
	bool has_privileged_agent;
	uint32_t privileged_agent;
	bool has_reported_agents;
	uint32_t reported_agents;
	bool has_reply_length;
	uint32_t reply_length;
	bool has_status;
	uint32_t status_message;
	int32_t status;
	/* The status goes to the management agent only. */
	bool towards_management;
};

extern const char scmi_vendor[];
extern const char scmi_sub_vendor[];
extern const uint32_t scmi_implementation_version;
/* A bit per message id of Base that exists. */
extern const uint32_t scmi_base_messages;
extern const uint32_t scmi_management_agent;
/* 0xffffffff: nobody. */
extern const uint32_t scmi_privileged_agent;
/* Address of the word that names the faults to have. */
extern const uint64_t scmi_fault_word;
/* A message id that a protocol does not have is NOT_FOUND, as in SCP-firmware; otherwise NOT_SUPPORTED, as in TF-A. */
extern const bool scmi_unknown_message_is_not_found;
/* Text printed before the hexadecimal id of an unknown SiP call; empty: nothing is printed. */
extern const char scmi_unknown_service_call[];
extern const struct scmi_protocol_version scmi_protocols[];
extern const uint32_t scmi_protocols_count;
extern const struct scmi_agent_profile scmi_agents[];
extern const uint32_t scmi_agents_count;
extern const struct scmi_device_profile scmi_devices[];
extern const uint32_t scmi_devices_count;
extern const struct scmi_clock_profile scmi_clocks[];
extern const uint32_t scmi_clocks_count;
extern const struct scmi_reset_profile scmi_resets[];
extern const uint32_t scmi_resets_count;
extern const struct scmi_power_domain_profile scmi_power_domains[];
extern const uint32_t scmi_power_domains_count;
extern const struct scmi_pin_profile scmi_pins[];
extern const uint32_t scmi_pins_count;
extern const struct scmi_pin_profile scmi_pin_groups[];
extern const uint32_t scmi_pin_groups_count;
extern const struct scmi_pin_profile scmi_pin_functions[];
extern const uint32_t scmi_pin_functions_count;
/* A bit per configuration type that the hardware has. */
extern const uint32_t scmi_pin_configurations;
extern const struct scmi_fault scmi_faults[];
extern const uint32_t scmi_faults_count;

#endif
