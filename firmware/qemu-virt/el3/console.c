/* The secure PL011, which only this firmware can reach. */
#include "firmware.h"
#include "format.h"
#include "machine.h"
#include "pl011.h"
#include "scmi/scmi_platform.h"

#include <stdarg.h>

static struct spinlock console_lock;

void console_init(void)
{
	pl011_enable(SECURE_UART_BASE);
}

static void put_character(char character)
{
	pl011_put(SECURE_UART_BASE, character);
}

static void print_line(const char *format, va_list *arguments)
{
	lock(&console_lock);
	format_text(put_character, format, arguments);
	put_character('\r');
	put_character('\n');
	unlock(&console_lock);
}

void console_line(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	print_line(format, &arguments);
	va_end(arguments);
}

void platform_log(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	print_line(format, &arguments);
	va_end(arguments);
}
