#include "probe.h"

#define NO_DIGIT 16U

static uint32_t digit_value(char digit)
{
	if ((digit >= '0') && (digit <= '9')) {
		return (uint32_t)(digit - '0');
	}
	if ((digit >= 'a') && (digit <= 'f')) {
		return (uint32_t)(digit - 'a') + 10U;
	}
	if ((digit >= 'A') && (digit <= 'F')) {
		return (uint32_t)(digit - 'A') + 10U;
	}
	return NO_DIGIT;
}

static bool parse_digits(const char *digits, uint32_t base, uint64_t *value)
{
	*value = 0U;
	for (const char *at = digits; *at != '\0'; at++) {
		uint32_t digit = digit_value(*at);

		if ((digit >= base) || (*value > ((UINT64_MAX - digit) / base))) {
			return false;
		}
		*value = (*value * base) + digit;
	}
	return *digits != '\0';
}

bool parse_number(const char *text, uint64_t *value)
{
	if ((text[0] == '0') && (text[1] == 'x')) {
		return parse_digits(&text[2], 16U, value);
	}
	return parse_digits(text, 10U, value);
}

bool parse_bytes(const char *digits, uint8_t *bytes, uint32_t space, uint32_t *size)
{
	uint32_t count = 0U;

	for (const char *at = digits; *at != '\0'; at += 2) {
		uint32_t high = digit_value(at[0]);
		uint32_t low = (high == NO_DIGIT) ? NO_DIGIT : digit_value(at[1]);

		if ((low == NO_DIGIT) || (count == space)) {
			return false;
		}
		bytes[count] = (uint8_t)((high << 4) | low);
		count++;
	}
	*size = count;
	return true;
}

bool is_decimal(const char *text)
{
	uint64_t value;

	return parse_digits(text, 10U, &value);
}

bool is_same(const char *one, const char *other)
{
	while ((*one == *other) && (*one != '\0')) {
		one++;
		other++;
	}
	return *one == *other;
}
