#include "probe.h"
#include "flat_tree.h"
#include "registers.h"

/* The largest that the boot protocol allows. */
#define DEVICE_TREE_SPACE 0x200000U

/* Errors that nobody has looked at before are not the first command's. */
static void take_pending_errors(void *nothing)
{
	(void)nothing;
	__asm__ volatile("msr daifclr, #4\n\tisb");
}

void probe_main(const uint8_t *tree)
{
	static struct line line;
	struct exception ignored;

	(void)guarded(take_pending_errors, NULL, &ignored);
	if (!fdt_is_understood(tree, DEVICE_TREE_SPACE) || !platform_find(tree)) {
		return;
	}
	console_init();
	line.text[0] = '\0';
	for (;;) {
		obey(&line);
		console_read(&line);
	}
}
