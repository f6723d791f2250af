/*
 * QEMU leaves PSCI out of its device tree when there is EL3 firmware: this puts it in. Flattened
 * format: device tree specification v0.4, chapter 5. Blocks must be in libfdt's order: memory
 * reservations, structure, strings.
 */
#include "firmware.h"

#include <stddef.h>

#define FDT_MAGIC 0xd00dfeedU
#define FDT_LAST_COMPATIBLE 16U

/* Offsets of header fields. */
#define HEADER_MAGIC 0U
#define HEADER_TOTAL_SIZE 4U
#define HEADER_STRUCTURE 8U
#define HEADER_STRINGS 12U
#define HEADER_RESERVATIONS 16U
#define HEADER_LAST_COMPATIBLE 24U
#define HEADER_STRINGS_SIZE 32U
#define HEADER_STRUCTURE_SIZE 36U
#define HEADER_SIZE 40U

#define FDT_BEGIN_NODE 1U
#define FDT_END_NODE 2U
#define FDT_PROP 3U
#define FDT_NOP 4U

#define NOT_FOUND 0xffffffffU

struct tree {
	uint8_t *bytes;
	/* Bytes that it may have. */
	uint32_t space;
	bool failed;
};

static uint32_t get(const struct tree *tree, uint32_t offset)
{
	const uint8_t *at = &tree->bytes[offset];

	return ((uint32_t)at[0] << 24) | ((uint32_t)at[1] << 16) | ((uint32_t)at[2] << 8) | at[3];
}

static void set(struct tree *tree, uint32_t offset, uint32_t value)
{
	for (uint32_t byte = 0U; byte < 4U; byte++) {
		tree->bytes[offset + byte] = (uint8_t)(value >> (24U - (8U * byte)));
	}
}

static uint32_t structure_end(const struct tree *tree)
{
	return get(tree, HEADER_STRUCTURE) + get(tree, HEADER_STRUCTURE_SIZE);
}

static uint32_t strings_end(const struct tree *tree)
{
	return get(tree, HEADER_STRINGS) + get(tree, HEADER_STRINGS_SIZE);
}

static bool is_understood(const struct tree *tree)
{
	uint32_t size;

	if ((get(tree, HEADER_MAGIC) != FDT_MAGIC) ||
	    (get(tree, HEADER_LAST_COMPATIBLE) > FDT_LAST_COMPATIBLE)) {
		return false;
	}
	size = get(tree, HEADER_TOTAL_SIZE);
	return (size <= tree->space) && (get(tree, HEADER_RESERVATIONS) >= HEADER_SIZE) &&
	       (get(tree, HEADER_STRUCTURE) < size) && (get(tree, HEADER_STRUCTURE_SIZE) < size) &&
	       (get(tree, HEADER_STRINGS) < size) && (get(tree, HEADER_STRINGS_SIZE) < size) &&
	       (structure_end(tree) <= get(tree, HEADER_STRINGS)) && (strings_end(tree) <= size);
}

static uint32_t length_of(const char *text)
{
	uint32_t length = 0U;

	while (text[length] != '\0') {
		length++;
	}
	return length;
}

/* Whether the bytes at an offset are this text, with or without what follows it. */
static bool is_text(const struct tree *tree, uint32_t offset, const char *text, bool whole)
{
	uint32_t length = length_of(text) + (whole ? 1U : 0U);

	for (uint32_t at = 0U; at < length; at++) {
		if (tree->bytes[offset + at] != (uint8_t)text[at]) {
			return false;
		}
	}
	return true;
}

/* Makes room at an offset; what is there moves up. */
static bool make_room(struct tree *tree, uint32_t offset, uint32_t size)
{
	uint32_t end = strings_end(tree);

	if ((tree->failed) || ((end + size) > tree->space)) {
		tree->failed = true;
		return false;
	}
	for (uint32_t at = end; at > offset; at--) {
		tree->bytes[at - 1U + size] = tree->bytes[at - 1U];
	}
	if (get(tree, HEADER_TOTAL_SIZE) < (end + size)) {
		set(tree, HEADER_TOTAL_SIZE, end + size);
	}
	return true;
}

static void copy_text(struct tree *tree, uint32_t offset, const char *text, uint32_t size)
{
	for (uint32_t at = 0U; at < size; at++) {
		tree->bytes[offset + at] = (uint8_t)text[at];
	}
}

/* Offset of a property's name in the strings block, where it is added if it is not there. */
static uint32_t name_offset(struct tree *tree, const char *name)
{
	uint32_t strings = get(tree, HEADER_STRINGS);
	uint32_t size = get(tree, HEADER_STRINGS_SIZE);
	uint32_t length = length_of(name) + 1U;

	for (uint32_t at = 0U; (at + length) <= size; at++) {
		if (is_text(tree, strings + at, name, true)) {
			return at;
		}
	}
	if (make_room(tree, strings + size, length)) {
		copy_text(tree, strings + size, name, length);
		set(tree, HEADER_STRINGS_SIZE, size + length);
	}
	return size;
}

static uint32_t aligned(uint32_t size)
{
	return (size + 3U) & ~3U;
}

/* Makes room in the structure block, zeroed. */
static bool grow_structure(struct tree *tree, uint32_t offset, uint32_t size)
{
	if (!make_room(tree, offset, size)) {
		return false;
	}
	for (uint32_t at = 0U; at < size; at++) {
		tree->bytes[offset + at] = 0U;
	}
	set(tree, HEADER_STRUCTURE_SIZE, get(tree, HEADER_STRUCTURE_SIZE) + size);
	set(tree, HEADER_STRINGS, get(tree, HEADER_STRINGS) + size);
	return true;
}

/* Adds a property whose value has `size` bytes; returns the offset behind it. */
static uint32_t add_property(struct tree *tree, uint32_t offset, const char *name, const char *value,
			     uint32_t size)
{
	uint32_t name_at = name_offset(tree, name);
	uint32_t total = 12U + aligned(size);

	if (!grow_structure(tree, offset, total)) {
		return offset;
	}
	set(tree, offset, FDT_PROP);
	set(tree, offset + 4U, size);
	set(tree, offset + 8U, name_at);
	copy_text(tree, offset + 12U, value, size);
	return offset + total;
}

static void add_psci_node(struct tree *tree, uint32_t offset)
{
	static const char compatible[] = "arm,psci-1.0\0arm,psci-0.2";
	uint32_t at = offset;

	if (!grow_structure(tree, at, 4U + 8U)) {
		return;
	}
	set(tree, at, FDT_BEGIN_NODE);
	copy_text(tree, at + 4U, "psci", 4U);
	at = add_property(tree, at + 12U, "compatible", compatible, sizeof(compatible));
	at = add_property(tree, at, "method", "smc", 4U);
	if (grow_structure(tree, at, 4U)) {
		set(tree, at, FDT_END_NODE);
	}
}

/* Offset behind a token and what belongs to it; NOT_FOUND at the end of the tree. */
static uint32_t next_token(const struct tree *tree, uint32_t offset)
{
	uint32_t end = structure_end(tree);
	uint32_t at = offset + 4U;

	switch (get(tree, offset)) {
	case FDT_BEGIN_NODE:
		while ((at < end) && (tree->bytes[at] != 0U)) {
			at++;
		}
		at = aligned(at + 1U);
		break;
	case FDT_PROP:
		at += 8U + aligned(get(tree, at));
		break;
	case FDT_END_NODE:
	case FDT_NOP:
		break;
	default:
		return NOT_FOUND;
	}
	return ((at + 4U) <= end) ? at : NOT_FOUND;
}

static bool has_property(const struct tree *tree, uint32_t offset, const char *name)
{
	uint32_t strings = get(tree, HEADER_STRINGS);
	uint32_t at = offset;

	while ((at != NOT_FOUND) && ((get(tree, at) == FDT_PROP) || (get(tree, at) == FDT_NOP))) {
		if ((get(tree, at) == FDT_PROP) && is_text(tree, strings + get(tree, at + 8U), name, true)) {
			return true;
		}
		at = next_token(tree, at);
	}
	return false;
}

bool device_tree_add_psci(uint8_t *bytes, uint32_t space)
{
	struct tree tree = { bytes, space, false };
	uint32_t depth = 0U;
	bool in_cpus = false;
	bool has_psci = false;
	uint32_t at;

	if (!is_understood(&tree)) {
		return false;
	}
	at = get(&tree, HEADER_STRUCTURE);
	while ((at != NOT_FOUND) && !tree.failed) {
		uint32_t token = get(&tree, at);
		uint32_t next = next_token(&tree, at);

		if (token == FDT_BEGIN_NODE) {
			depth++;
			if (depth == 2U) {
				in_cpus = is_text(&tree, at + 4U, "cpus", true);
				has_psci = has_psci || is_text(&tree, at + 4U, "psci", true);
			}
			if ((depth == 3U) && in_cpus && is_text(&tree, at + 4U, "cpu@", false) &&
			    !has_property(&tree, next, "enable-method")) {
				next = add_property(&tree, next, "enable-method", "psci", 5U);
			}
		} else if (token == FDT_END_NODE) {
			if (depth == 1U) {
				if (!has_psci) {
					add_psci_node(&tree, at);
				}
				return !tree.failed;
			}
			depth--;
		} else {
			/* Properties stay as they are. */
		}
		at = next;
	}
	return false;
}
