/*
 * QEMU leaves PSCI out of its device tree when there is EL3 firmware: this puts it in. Flattened
 * format: device tree specification v0.4, chapter 5. Blocks must be in libfdt's order: memory
 * reservations, structure, strings.
 */
#include "firmware.h"
#include "flat_tree.h"

#include <stddef.h>

struct tree {
	uint8_t *bytes;
	/* Bytes that it may have. */
	uint32_t space;
	bool failed;
};

static uint32_t get(const struct tree *tree, uint32_t offset)
{
	return fdt_get(tree->bytes, offset);
}

static void set(struct tree *tree, uint32_t offset, uint32_t value)
{
	for (uint32_t byte = 0U; byte < 4U; byte++) {
		tree->bytes[offset + byte] = (uint8_t)(value >> (24U - (8U * byte)));
	}
}

static uint32_t length_of(const char *text)
{
	uint32_t length = 0U;

	while (text[length] != '\0') {
		length++;
	}
	return length;
}

/* Makes room at an offset; what is there moves up. */
static bool make_room(struct tree *tree, uint32_t offset, uint32_t size)
{
	uint32_t end = fdt_strings_end(tree->bytes);

	if ((tree->failed) || ((end + size) > tree->space)) {
		tree->failed = true;
		return false;
	}
	for (uint32_t at = end; at > offset; at--) {
		tree->bytes[at - 1U + size] = tree->bytes[at - 1U];
	}
	if (get(tree, FDT_TOTAL_SIZE) < (end + size)) {
		set(tree, FDT_TOTAL_SIZE, end + size);
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
	uint32_t strings = get(tree, FDT_STRINGS);
	uint32_t size = get(tree, FDT_STRINGS_SIZE);
	uint32_t length = length_of(name) + 1U;

	for (uint32_t at = 0U; (at + length) <= size; at++) {
		if (fdt_is_text(tree->bytes, strings + at, name, true)) {
			return at;
		}
	}
	if (make_room(tree, strings + size, length)) {
		copy_text(tree, strings + size, name, length);
		set(tree, FDT_STRINGS_SIZE, size + length);
	}
	return size;
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
	set(tree, FDT_STRUCTURE_SIZE, get(tree, FDT_STRUCTURE_SIZE) + size);
	set(tree, FDT_STRINGS, get(tree, FDT_STRINGS) + size);
	return true;
}

/* Adds a property whose value has `size` bytes; returns the offset behind it. */
static uint32_t add_property(struct tree *tree, uint32_t offset, const char *name, const char *value,
			     uint32_t size)
{
	uint32_t name_at = name_offset(tree, name);
	uint32_t total = 12U + fdt_aligned(size);

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

bool device_tree_add_psci(uint8_t *bytes, uint32_t space)
{
	struct tree tree = { bytes, space, false };
	uint32_t depth = 0U;
	bool in_cpus = false;
	bool has_psci = false;
	uint32_t at;

	if (!fdt_is_understood(bytes, space)) {
		return false;
	}
	at = get(&tree, FDT_STRUCTURE);
	while ((at != FDT_NOT_FOUND) && !tree.failed) {
		uint32_t token = get(&tree, at);
		uint32_t next = fdt_next_token(bytes, at);

		if (token == FDT_BEGIN_NODE) {
			depth++;
			if (depth == 2U) {
				in_cpus = fdt_is_text(bytes, at + 4U, "cpus", true);
				has_psci = has_psci || fdt_is_text(bytes, at + 4U, "psci", true);
			}
			if ((depth == 3U) && in_cpus && fdt_is_text(bytes, at + 4U, "cpu@", false) &&
			    (fdt_property(bytes, next, "enable-method") == FDT_NOT_FOUND)) {
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
