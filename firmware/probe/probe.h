/* Functions that the probe's files share. */
#ifndef PROBE_H
#define PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* entrypoint.S. An exception as ESR and FAR tell it. */
struct exception {
	uint64_t syndrome;
	uint64_t address;
};

/* Calls work; false, and which it was, when an exception came instead of its end. */
bool guarded(void (*work)(void *argument), void *argument, struct exception *exception);
void call_smc(uint64_t registers[8]);
void call_hvc(uint64_t registers[8]);
/* main.c */
void probe_main(const uint8_t *tree);

/* platform.c: what the device tree says. */
struct platform {
	uintptr_t uart;
	const struct uart_kind *uart_kind;
	bool conduit_is_hvc;
};

extern struct platform platform;
bool platform_find(const uint8_t *tree);
void call_by_conduit(uint64_t registers[8]);

/* console.c */
struct line {
	char text[1024];
	/* More was sent than the text has room for. */
	bool is_too_long;
	/* The UART lost something of it, or saw an error in it. */
	bool is_damaged;
};

void console_init(void);
/* Waits for a line's end, which is not part of it. */
void console_read(struct line *line);
/* A piece of a line; see format.h. */
void console_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void console_end_line(void);

/* text.c */
/* Hexadecimal with 0x, or decimal; false where the text is no number of 64 bits. */
bool parse_number(const char *text, uint64_t *value);
/* Digits in pairs; false where they are none, or too many. */
bool parse_bytes(const char *digits, uint8_t *bytes, uint32_t space, uint32_t *size);
bool is_decimal(const char *text);
bool is_same(const char *one, const char *other);

/* message.c: one SCMI message through shared memory (SCMI specification, SMC transport). */
#define MESSAGE_SPACE 104U

struct message {
	uint32_t words[MESSAGE_SPACE / 4U];
	uint32_t size;
};

struct reply {
	uint64_t x0;
	uint32_t status;
	uint32_t length;
	uint32_t words[MESSAGE_SPACE / 4U];
};

/* False where the text is no message. */
bool message_parse(struct message *message, const char *digits);
/* False where the channel does not become FREE. */
bool message_send(uintptr_t page, uint64_t function, const struct message *message, struct reply *reply);
/* Whether the call, the transport and the message have all succeeded. */
bool reply_is_success(const struct reply *reply);

/* commands.c: obeys a line, and answers it. */
void obey(struct line *line);

#endif
