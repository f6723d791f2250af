/* The secure PL011: Arm DDI 0183. Its clock and rate are whatever the host's socket or file takes. */
#include "firmware.h"
#include "machine.h"
#include "registers.h"
#include "scmi/scmi_platform.h"

#include <stdarg.h>

#define UART_DR 0x00U
#define UART_FR 0x18U
#define UART_LCR_H 0x2cU
#define UART_CR 0x30U

#define FR_TX_FULL (1U << 5)
#define LCR_8_BITS_FIFO 0x70U
#define CR_TX_ENABLE 0x101U

static struct spinlock console_lock;

void console_init(void)
{
	write32(SECURE_UART_BASE + UART_CR, 0U);
	write32(SECURE_UART_BASE + UART_LCR_H, LCR_8_BITS_FIFO);
	write32(SECURE_UART_BASE + UART_CR, CR_TX_ENABLE);
}

static void put_character(char character)
{
	while ((read32(SECURE_UART_BASE + UART_FR) & FR_TX_FULL) != 0U) {
	}
	write32(SECURE_UART_BASE + UART_DR, (uint8_t)character);
}

static void put_string(const char *string)
{
	while (*string != '\0') {
		put_character(*string);
		string++;
	}
}

static void put_number(uint64_t value, uint32_t base)
{
	char digits[20];
	uint32_t count = 0U;

	do {
		digits[count] = "0123456789abcdef"[value % base];
		value /= base;
		count++;
	} while (value != 0U);
	while (count > 0U) {
		count--;
		put_character(digits[count]);
	}
}

static void put_signed(int32_t value)
{
	if (value < 0) {
		put_character('-');
	}
	put_number((value < 0) ? (uint64_t)(-(int64_t)value) : (uint64_t)value, 10U);
}

static void print(const char *format, va_list *arguments)
{
	for (const char *at = format; *at != '\0'; at++) {
		if (*at != '%') {
			put_character(*at);
			continue;
		}
		at++;
		switch (*at) {
		case 'u':
			put_number(va_arg(*arguments, uint32_t), 10U);
			break;
		case 'd':
			put_signed(va_arg(*arguments, int32_t));
			break;
		case 'x':
			put_number(va_arg(*arguments, uint32_t), 16U);
			break;
		case 'l':
			at++;
			put_number(va_arg(*arguments, uint64_t), 16U);
			break;
		case 's':
			put_string(va_arg(*arguments, const char *));
			break;
		default:
			put_character('%');
			at--;
			break;
		}
	}
}

static void print_line(const char *format, va_list *arguments)
{
	lock(&console_lock);
	print(format, arguments);
	put_string("\r\n");
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
