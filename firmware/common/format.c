#include "format.h"

#include <stdint.h>

typedef void put_function(char character);

static void put_string(put_function *put, const char *string)
{
	while (*string != '\0') {
		put(*string);
		string++;
	}
}

static void put_number(put_function *put, uint64_t value, uint32_t base, uint32_t width)
{
	char digits[20];
	uint32_t count = 0U;

	do {
		digits[count] = "0123456789abcdef"[value % base];
		value /= base;
		count++;
	} while ((value != 0U) || (count < width));
	while (count > 0U) {
		count--;
		put(digits[count]);
	}
}

static void put_signed(put_function *put, int32_t value)
{
	if (value < 0) {
		put('-');
	}
	put_number(put, (value < 0) ? (uint64_t)(-(int64_t)value) : (uint64_t)value, 10U, 0U);
}

void format_text(put_function *put, const char *format, va_list *arguments)
{
	for (const char *at = format; *at != '\0'; at++) {
		uint32_t width = 0U;

		if (*at != '%') {
			put(*at);
			continue;
		}
		at++;
		if (*at == '0') {
			width = (uint32_t)(at[1] - '0');
			at += 2;
		}
		switch (*at) {
		case 'u':
			put_number(put, va_arg(*arguments, uint32_t), 10U, width);
			break;
		case 'd':
			put_signed(put, va_arg(*arguments, int32_t));
			break;
		case 'x':
			put_number(put, va_arg(*arguments, uint32_t), 16U, width);
			break;
		case 'l':
			at++;
			put_number(put, va_arg(*arguments, uint64_t), 16U, width);
			break;
		case 's':
			put_string(put, va_arg(*arguments, const char *));
			break;
		default:
			put('%');
			at--;
			break;
		}
	}
}
