/*
 * Finds the UART and the conduit in the device tree: the device tree specification v0.4, chapters 2
 * and 3, and Linux Documentation/devicetree/bindings/arm/psci.yaml.
 */
#include "probe.h"
#include "flat_tree.h"
#include "uart.h"

#define MAX_DEPTH 16U
#define PATH_SPACE 256U

struct platform platform;

/* How a node's children are addressed. */
struct bus {
	uint32_t address_cells;
	uint32_t size_cells;
	/* Its property `ranges`. */
	uint32_t ranges;
};

/* A walk over the nodes, in their order. */
struct walk {
	const uint8_t *tree;
	uint32_t at;
	/* Nodes that are open: the root, ..., the one at hand. */
	uint32_t depth;
	/* First token of the node at hand. */
	uint32_t first;
	/* By depth: of the node at hand and those above it. */
	struct bus buses[MAX_DEPTH];
	uint32_t path_ends[MAX_DEPTH];
	char path[PATH_SPACE];
};

static uint32_t cells(const struct walk *walk, const char *name, uint32_t otherwise)
{
	uint32_t property = fdt_property(walk->tree, walk->first, name);

	return (property == FDT_NOT_FOUND) ? otherwise : fdt_get(walk->tree, fdt_value(property));
}

static void append_name(struct walk *walk, uint32_t level, uint32_t name)
{
	uint32_t end = (level == 0U) ? 0U : walk->path_ends[level - 1U];

	if (level > 0U) {
		walk->path[end] = '/';
		end++;
		for (uint32_t at = name; (walk->tree[at] != 0U) && (end < (PATH_SPACE - 2U)); at++) {
			walk->path[end] = (char)walk->tree[at];
			end++;
		}
	}
	walk->path[end] = '\0';
	walk->path_ends[level] = end;
}

static void enter_node(struct walk *walk, uint32_t level, uint32_t name)
{
	append_name(walk, level, name);
	walk->buses[level] = (struct bus){
		.address_cells = cells(walk, "#address-cells", 2U),
		.size_cells = cells(walk, "#size-cells", 1U),
		.ranges = fdt_property(walk->tree, walk->first, "ranges"),
	};
}

static void walk_start(struct walk *walk, const uint8_t *tree)
{
	walk->tree = tree;
	walk->at = fdt_get(tree, FDT_STRUCTURE);
	walk->depth = 0U;
}

/* Goes to the next node; false where there is none. */
static bool walk_on(struct walk *walk)
{
	while (walk->at != FDT_NOT_FOUND) {
		uint32_t here = walk->at;
		uint32_t token = fdt_get(walk->tree, here);

		walk->at = fdt_next_token(walk->tree, here);
		if ((token == FDT_END_NODE) && (walk->depth > 0U)) {
			walk->depth--;
		} else if (token == FDT_BEGIN_NODE) {
			walk->depth++;
			walk->first = walk->at;
			if ((walk->depth <= MAX_DEPTH) && (walk->first != FDT_NOT_FOUND)) {
				enter_node(walk, walk->depth - 1U, here + 4U);
				return true;
			}
		} else {
			/* Properties are looked at from their node. */
		}
	}
	return false;
}

/* Property of the node with a path; FDT_NOT_FOUND where there is none. */
static uint32_t property_at(const uint8_t *tree, const char *path, const char *name)
{
	static struct walk walk;

	walk_start(&walk, tree);
	while (walk_on(&walk)) {
		if (is_same(walk.path, path)) {
			return fdt_property(tree, walk.first, name);
		}
	}
	return FDT_NOT_FOUND;
}

/* A text up to its end, or to the colon after which the console's options are. */
static void copy_path(const uint8_t *tree, uint32_t property, char path[PATH_SPACE])
{
	uint32_t size = (property == FDT_NOT_FOUND) ? 0U : fdt_value_size(tree, property);
	uint32_t length = 0U;

	while ((length < size) && (length < (PATH_SPACE - 1U))) {
		char character = (char)tree[fdt_value(property) + length];

		if ((character == '\0') || (character == ':')) {
			break;
		}
		path[length] = character;
		length++;
	}
	path[length] = '\0';
}

/* The path that /chosen/stdout-path means; empty where it means none. */
static void find_stdout(const uint8_t *tree, char path[PATH_SPACE])
{
	static char alias[PATH_SPACE];

	copy_path(tree, property_at(tree, "/chosen", "stdout-path"), path);
	if ((path[0] != '/') && (path[0] != '\0')) {
		copy_path(tree, property_at(tree, "/aliases", path), alias);
		for (uint32_t at = 0U; at < PATH_SPACE; at++) {
			path[at] = alias[at];
		}
	}
}

static bool is_compatible(const struct walk *walk, const char *wanted)
{
	uint32_t property = fdt_property(walk->tree, walk->first, "compatible");
	uint32_t at;
	uint32_t end;

	if (property == FDT_NOT_FOUND) {
		return false;
	}
	at = fdt_value(property);
	end = at + fdt_value_size(walk->tree, property);
	while (at < end) {
		if (fdt_is_text(walk->tree, at, wanted, true)) {
			return true;
		}
		while ((at < end) && (walk->tree[at] != 0U)) {
			at++;
		}
		at++;
	}
	return false;
}

static bool is_enabled(const struct walk *walk)
{
	uint32_t property = fdt_property(walk->tree, walk->first, "status");

	return (property == FDT_NOT_FOUND) || fdt_is_text(walk->tree, fdt_value(property), "ok", false);
}

/* A number of some cells; of more than two the last two count. */
static uint64_t number_at(const uint8_t *tree, uint32_t at, uint32_t count)
{
	uint64_t number = 0U;

	for (uint32_t cell = 0U; cell < count; cell++) {
		number = (number << 32) | fdt_get(tree, at + (4U * cell));
	}
	return number;
}

/* An address of a bus's children as the bus above has it. */
static bool translate(const struct walk *walk, uint32_t level, uint64_t *address)
{
	const struct bus *bus = &walk->buses[level];
	uint32_t above = walk->buses[level - 1U].address_cells;
	uint32_t entry = 4U * (bus->address_cells + above + bus->size_cells);
	uint32_t at;
	uint32_t end;

	if (bus->ranges == FDT_NOT_FOUND) {
		return false;
	}
	at = fdt_value(bus->ranges);
	end = at + fdt_value_size(walk->tree, bus->ranges);
	if (at == end) {
		return true;
	}
	for (; (at + entry) <= end; at += entry) {
		uint64_t child = number_at(walk->tree, at, bus->address_cells);
		uint32_t parent_at = at + (4U * bus->address_cells);
		uint64_t parent = number_at(walk->tree, parent_at, above);
		uint64_t size = number_at(walk->tree, parent_at + (4U * above), bus->size_cells);

		if ((*address >= child) && ((*address - child) < size)) {
			*address = (*address - child) + parent;
			return true;
		}
	}
	return false;
}

/* The node's first address as the CPU has it. */
static bool find_address(const struct walk *walk, uint64_t *address)
{
	uint32_t property = fdt_property(walk->tree, walk->first, "reg");
	uint32_t level = walk->depth - 1U;

	if ((property == FDT_NOT_FOUND) || (level == 0U) ||
	    (fdt_value_size(walk->tree, property) < (4U * walk->buses[level - 1U].address_cells))) {
		return false;
	}
	*address = number_at(walk->tree, fdt_value(property), walk->buses[level - 1U].address_cells);
	for (level--; level > 0U; level--) {
		if (!translate(walk, level, address)) {
			return false;
		}
	}
	return true;
}

/* The UART that a node describes; NULL if it is of an unknown kind. */
static const struct uart_kind *kind_of(const struct walk *walk)
{
	for (size_t index = 0U; index < uart_kinds_count; index++) {
		if (is_compatible(walk, uart_kinds[index].compatible)) {
			return &uart_kinds[index];
		}
	}
	return NULL;
}

static bool find_uart(const uint8_t *tree, const char *preferred)
{
	static struct walk walk;
	bool is_found = false;
	uint64_t address;

	walk_start(&walk, tree);
	while (walk_on(&walk)) {
		const struct uart_kind *kind = kind_of(&walk);
		bool is_preferred = is_same(walk.path, preferred);

		if ((kind != NULL) && is_enabled(&walk) && (is_preferred || !is_found) && find_address(&walk, &address)) {
			platform.uart = address;
			platform.uart_kind = kind;
			is_found = true;
			if (is_preferred) {
				return true;
			}
		}
	}
	return is_found;
}

bool platform_find(const uint8_t *tree)
{
	static char preferred[PATH_SPACE];
	uint32_t method = property_at(tree, "/psci", "method");

	platform.conduit_is_hvc = (method != FDT_NOT_FOUND) && fdt_is_text(tree, fdt_value(method), "hvc", true);
	find_stdout(tree, preferred);
	return find_uart(tree, preferred);
}

void call_by_conduit(uint64_t registers[8])
{
	if (platform.conduit_is_hvc) {
		call_hvc(registers);
	} else {
		call_smc(registers);
	}
}
