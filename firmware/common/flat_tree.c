#include "flat_tree.h"

#define FDT_MAGIC 0xd00dfeedU
#define FDT_LAST_COMPATIBLE 16U

#define HEADER_MAGIC 0U
#define HEADER_RESERVATIONS 16U
#define HEADER_LAST_COMPATIBLE 24U
#define HEADER_SIZE 40U

uint32_t fdt_get(const uint8_t *tree, uint32_t offset)
{
	const uint8_t *at = &tree[offset];

	return ((uint32_t)at[0] << 24) | ((uint32_t)at[1] << 16) | ((uint32_t)at[2] << 8) | at[3];
}

uint32_t fdt_structure_end(const uint8_t *tree)
{
	return fdt_get(tree, FDT_STRUCTURE) + fdt_get(tree, FDT_STRUCTURE_SIZE);
}

uint32_t fdt_strings_end(const uint8_t *tree)
{
	return fdt_get(tree, FDT_STRINGS) + fdt_get(tree, FDT_STRINGS_SIZE);
}

bool fdt_is_understood(const uint8_t *tree, uint32_t space)
{
	uint32_t size;

	if ((fdt_get(tree, HEADER_MAGIC) != FDT_MAGIC) ||
	    (fdt_get(tree, HEADER_LAST_COMPATIBLE) > FDT_LAST_COMPATIBLE)) {
		return false;
	}
	size = fdt_get(tree, FDT_TOTAL_SIZE);
	return (size <= space) && (fdt_get(tree, HEADER_RESERVATIONS) >= HEADER_SIZE) &&
	       (fdt_get(tree, FDT_STRUCTURE) < size) && (fdt_get(tree, FDT_STRUCTURE_SIZE) < size) &&
	       (fdt_get(tree, FDT_STRINGS) < size) && (fdt_get(tree, FDT_STRINGS_SIZE) < size) &&
	       (fdt_structure_end(tree) <= fdt_get(tree, FDT_STRINGS)) && (fdt_strings_end(tree) <= size);
}

uint32_t fdt_aligned(uint32_t size)
{
	return (size + 3U) & ~3U;
}

uint32_t fdt_next_token(const uint8_t *tree, uint32_t offset)
{
	uint32_t end = fdt_structure_end(tree);
	uint32_t at = offset + 4U;

	switch (fdt_get(tree, offset)) {
	case FDT_BEGIN_NODE:
		while ((at < end) && (tree[at] != 0U)) {
			at++;
		}
		at = fdt_aligned(at + 1U);
		break;
	case FDT_PROP:
		at += 8U + fdt_aligned(fdt_get(tree, at));
		break;
	case FDT_END_NODE:
	case FDT_NOP:
		break;
	default:
		return FDT_NOT_FOUND;
	}
	return ((at + 4U) <= end) ? at : FDT_NOT_FOUND;
}

bool fdt_is_text(const uint8_t *tree, uint32_t offset, const char *text, bool whole)
{
	const uint8_t *at = &tree[offset];

	while (*text != '\0') {
		if (*at != (uint8_t)*text) {
			return false;
		}
		at++;
		text++;
	}
	return !whole || (*at == 0U);
}

uint32_t fdt_property(const uint8_t *tree, uint32_t first, const char *name)
{
	uint32_t strings = fdt_get(tree, FDT_STRINGS);
	uint32_t at = first;

	while ((at != FDT_NOT_FOUND) && ((fdt_get(tree, at) == FDT_PROP) || (fdt_get(tree, at) == FDT_NOP))) {
		if ((fdt_get(tree, at) == FDT_PROP) &&
		    fdt_is_text(tree, strings + fdt_get(tree, at + 8U), name, true)) {
			return at;
		}
		at = fdt_next_token(tree, at);
	}
	return FDT_NOT_FOUND;
}

uint32_t fdt_value(uint32_t property)
{
	return property + 12U;
}

uint32_t fdt_value_size(const uint8_t *tree, uint32_t property)
{
	return fdt_get(tree, property + 4U);
}
