/* Lines on the UART: PROTOCOL.md. */
#include "probe.h"
#include "format.h"
#include "uart.h"

#include <stdarg.h>

void console_init(void)
{
	platform.uart_kind->start(platform.uart);
}

static void put(char character)
{
	platform.uart_kind->put(platform.uart, character);
}

void console_say(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	format_text(put, format, &arguments);
	va_end(arguments);
}

void console_end_line(void)
{
	put('\r');
	put('\n');
	platform.uart_kind->drain(platform.uart);
}

static uint32_t receive(void)
{
	while (!platform.uart_kind->has_received(platform.uart)) {
	}
	return platform.uart_kind->get(platform.uart);
}

void console_read(struct line *line)
{
	static bool after_carriage_return;
	uint32_t length = 0U;

	line->is_too_long = false;
	line->is_damaged = false;
	for (;;) {
		uint32_t data = receive();
		char character = (char)(data & 0xffU);
		bool ends_before = after_carriage_return && (character == '\n');

		after_carriage_return = character == '\r';
		line->is_damaged = line->is_damaged || ((data & UART_DAMAGED) != 0U);
		if (ends_before) {
			continue;
		}
		if ((character == '\r') || (character == '\n')) {
			line->text[length] = '\0';
			return;
		}
		if (length < (sizeof(line->text) - 1U)) {
			line->text[length] = character;
			length++;
		} else {
			line->is_too_long = true;
		}
	}
}
