/* Texts with values in them, a character at a time. */
#ifndef FORMAT_H
#define FORMAT_H

#include <stdarg.h>

/*
 * %u, %d and %x take 32 bits, %lx 64, %s a text; %02x and %08x (any one digit after the 0) fill up
 * with zeroes.
 */
void format_text(void (*put)(char character), const char *format, va_list *arguments);

#endif
