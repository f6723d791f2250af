/*
 * A SCIF or HSCIF of R-Car as its manual has it, as far as firmware/probe/scif.c touches it. With each access time
 * passes: a character leaves every 8, and one arrives every 4. Arguments: depth of the FIFOs, what arrives (`!`: the
 * next character has a framing error), what is sent. Prints what the other end got, how full the FIFO was, and what
 * was received, with a `!` behind what is damaged.
 */
#include "registers.h"
#include "scif.h"
#include "uart.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPACE 256U

static unsigned int depth;
static uint16_t control;
static unsigned int accesses;

static char sent[SPACE];
static size_t sent_count;
static char going[SPACE];
static size_t going_count;
static size_t fullest;
static unsigned int shifting;
static uint16_t end_flag = 0x40U;
static uint16_t end_was_read;

static const char *arriving;
static struct {
	char character;
	bool is_broken;
} come[SPACE];
static size_t come_count;
static uint16_t overrun;
static uint16_t error_flag;
static uint16_t error_was_read;

static void transmit(void)
{
	if ((control & 0x20U) == 0U) {
		return;
	}
	if (shifting > 0U) {
		shifting--;
		if ((shifting == 0U) && (going_count == 0U)) {
			end_flag = 0x40U;
		}
	}
	if ((shifting == 0U) && (going_count > 0U)) {
		sent[sent_count++] = going[0];
		going_count--;
		memmove(going, &going[1], going_count);
		shifting = 8U;
	}
}

static void arrive(void)
{
	bool is_broken = *arriving == '!';

	if (((control & 0x10U) == 0U) || ((accesses % 4U) != 0U) || (*arriving == '\0')) {
		return;
	}
	arriving += is_broken ? 1 : 0;
	if (overrun != 0U) {
		arriving++;
	} else if (come_count == depth) {
		overrun = 1U;
		arriving++;
	} else {
		come[come_count].character = *arriving++;
		come[come_count].is_broken = is_broken;
		come_count++;
		error_flag |= is_broken ? 0x80U : 0U;
	}
}

static void pass_time(void)
{
	accesses++;
	transmit();
	arrive();
}

uint16_t read16(uintptr_t address)
{
	pass_time();
	switch (address & 0xffU) {
	case 0x08U:
		return control;
	case 0x10U:
		end_was_read = end_flag;
		error_was_read = error_flag;
		return (uint16_t)(end_flag | error_flag | (((come_count > 0U) && come[0].is_broken) ? 0x08U : 0U));
	case 0x1cU:
		return (uint16_t)((going_count << 8) | come_count);
	case 0x24U:
		return overrun;
	default:
		exit(2);
	}
}

void write16(uintptr_t address, uint16_t value)
{
	pass_time();
	switch (address & 0xffU) {
	case 0x08U:
		control = value;
		break;
	case 0x10U:
		end_flag &= (uint16_t)(value | (uint16_t)~end_was_read);
		error_flag &= (uint16_t)(value | (uint16_t)~error_was_read);
		break;
	case 0x24U:
		overrun &= value;
		break;
	default:
		exit(2);
	}
}

uint8_t read8(uintptr_t address)
{
	uint8_t character = (uint8_t)come[0].character;

	if (((address & 0xffU) != 0x14U) || (come_count == 0U)) {
		exit(2);
	}
	come_count--;
	memmove(come, &come[1], come_count * sizeof(come[0]));
	pass_time();
	return character;
}

void write8(uintptr_t address, uint8_t value)
{
	if (((address & 0xffU) != 0x0cU) || (going_count == depth)) {
		exit(2);
	}
	going[going_count++] = (char)value;
	fullest = (going_count > fullest) ? going_count : fullest;
	pass_time();
}

int main(int count, char *arguments[])
{
	const uintptr_t base = 0xe6540000U;

	if (count != 4) {
		return 2;
	}
	depth = (unsigned int)atoi(arguments[1]);
	arriving = arguments[2];
	scif_start(base);
	for (const char *at = arguments[3]; *at != '\0'; at++) {
		scif_put(base, *at);
	}
	scif_drain(base);
	printf("sent %s, at most %zu waiting, %zu left\n", sent, fullest, going_count);
	printf("received ");
	for (unsigned int idle = 0U; idle < 100U; idle++) {
		while (scif_has_received(base)) {
			uint32_t data = scif_get(base);

			printf("%c%s", (int)(data & 0xffU), ((data & UART_DAMAGED) != 0U) ? "!" : "");
		}
	}
	printf("\n");
	return 0;
}
