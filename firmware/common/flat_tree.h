/*
 * Reads a device tree in the flattened format (device tree specification v0.4, chapter 5). Places in
 * it are offsets from its first byte; blocks must be in libfdt's order: memory reservations,
 * structure, strings.
 */
#ifndef FLAT_TREE_H
#define FLAT_TREE_H

#include <stdbool.h>
#include <stdint.h>

/* Offsets of header fields. */
#define FDT_TOTAL_SIZE 4U
#define FDT_STRUCTURE 8U
#define FDT_STRINGS 12U
#define FDT_STRINGS_SIZE 32U
#define FDT_STRUCTURE_SIZE 36U

#define FDT_BEGIN_NODE 1U
#define FDT_END_NODE 2U
#define FDT_PROP 3U
#define FDT_NOP 4U

#define FDT_NOT_FOUND 0xffffffffU

/* Whether this is a tree that can be read, in no more than `space` bytes. */
bool fdt_is_understood(const uint8_t *tree, uint32_t space);

/* The 32-bit number at an offset. */
uint32_t fdt_get(const uint8_t *tree, uint32_t offset);

uint32_t fdt_structure_end(const uint8_t *tree);
uint32_t fdt_strings_end(const uint8_t *tree);

/* Size of what belongs to a token, up to the next one. */
uint32_t fdt_aligned(uint32_t size);

/* Offset behind a token and what belongs to it; FDT_NOT_FOUND at the end of the tree. */
uint32_t fdt_next_token(const uint8_t *tree, uint32_t offset);

/* Whether the bytes at an offset are this text; `whole`: and nothing follows it. */
bool fdt_is_text(const uint8_t *tree, uint32_t offset, const char *text, bool whole);

/* The token of a property of the node whose first token this is; FDT_NOT_FOUND where it has none. */
uint32_t fdt_property(const uint8_t *tree, uint32_t first, const char *name);

/* Of a property by its token: where its value is, and the bytes that it has. */
uint32_t fdt_value(uint32_t property);
uint32_t fdt_value_size(const uint8_t *tree, uint32_t property);

#endif
