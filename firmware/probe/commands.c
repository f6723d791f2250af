/* The commands of PROTOCOL.md. */
#include "probe.h"
#include "registers.h"

#define VERSION 1U
#define MAX_WORDS 64U
/* A tag, a command, an address and the most words. */
#define MAX_LINE_WORDS (3U + MAX_WORDS)
/* Digits of a tag. */
#define MAX_TAG 10U

#define PSCI_SYSTEM_OFF 0x84000008U

/* Exception classes of ESR for aborts and misaligned program counters. */
#define CLASS_FIRST_WITH_ADDRESS 0x20U
#define CLASS_LAST_WITH_ADDRESS 0x25U

/* A command being carried out. Nothing of it is told before it is complete: an exception may end it. */
struct task {
	const struct command *command;
	/* Text after the command's name. */
	char **words;
	uint32_t count;
	/* The mistake; NULL: none. */
	const char *problem;
	/* Arguments and results of the call. */
	uint64_t registers[8];
	uint32_t memory[MAX_WORDS];
	uint32_t memory_count;
	struct message message;
	struct reply reply;
	uint64_t loops;
	uint64_t failed;
	uint64_t ticks;
};

struct command {
	const char *name;
	/* Words after the name. */
	uint32_t least;
	uint32_t most;
	void (*carry_out)(struct task *task);
	void (*tell)(const struct task *task);
	/* The machine is gone after it, so it is answered before. */
	bool is_last;
};

/* The number that a word is; 0 and a problem where it is none. */
static uint64_t number(struct task *task, uint32_t word)
{
	uint64_t value;

	if (parse_number(task->words[word], &value)) {
		return value;
	}
	task->problem = "number: hexadecimal with 0x, or decimal, of 64 bits at most";
	return 0U;
}

static uint32_t number32(struct task *task, uint32_t word)
{
	uint64_t value = number(task, word);

	if (value > UINT32_MAX) {
		task->problem = "number: a word has 32 bits";
	}
	return (uint32_t)value;
}

/* Of a 32-bit word: without an MMU, no other access is allowed. */
static uintptr_t address(struct task *task, uint32_t word)
{
	uint64_t value = number(task, word);

	if ((value % 4U) != 0U) {
		task->problem = "address: a multiple of 4";
	}
	return value;
}

static bool take_registers(struct task *task)
{
	for (uint32_t word = 0U; word < task->count; word++) {
		task->registers[word] = number(task, word);
	}
	return task->problem == NULL;
}

static void smc(struct task *task)
{
	if (take_registers(task)) {
		call_smc(task->registers);
	}
}

static void hvc(struct task *task)
{
	if (take_registers(task)) {
		call_hvc(task->registers);
	}
}

static void tell_registers(const struct task *task)
{
	console_say(" x0=0x%lx x1=0x%lx x2=0x%lx x3=0x%lx", task->registers[0], task->registers[1],
		    task->registers[2], task->registers[3]);
}

static void read_words(struct task *task)
{
	uintptr_t start = address(task, 0U);
	uint64_t count = number(task, 1U);

	if ((task->problem == NULL) && ((count == 0U) || (count > MAX_WORDS))) {
		task->problem = "count: 1 to 64";
	}
	if (task->problem != NULL) {
		return;
	}
	task->memory_count = (uint32_t)count;
	for (uint32_t word = 0U; word < count; word++) {
		task->memory[word] = read32(start + (4U * word));
	}
}

static void tell_words(const struct task *task)
{
	for (uint32_t word = 0U; word < task->memory_count; word++) {
		console_say(" 0x%08x", task->memory[word]);
	}
}

static void write_words(struct task *task)
{
	uintptr_t start = address(task, 0U);

	task->memory_count = task->count - 1U;
	for (uint32_t word = 0U; word < task->memory_count; word++) {
		task->memory[word] = number32(task, word + 1U);
	}
	for (uint32_t word = 0U; (word < task->memory_count) && (task->problem == NULL); word++) {
		write32(start + (4U * word), task->memory[word]);
	}
}

static void take_message(struct task *task, uint32_t word)
{
	if (!message_parse(&task->message, task->words[word])) {
		task->problem = "message: 4 to 104 bytes in hexadecimal digits";
	}
}

static void scmi(struct task *task)
{
	uintptr_t page = address(task, 0U);
	uint64_t function = number(task, 1U);

	take_message(task, 2U);
	if ((task->problem == NULL) && !message_send(page, function, &task->message, &task->reply)) {
		task->problem = "channel busy";
	}
}

static void tell_reply(const struct task *task)
{
	const struct reply *reply = &task->reply;
	uint32_t size = (reply->length < MESSAGE_SPACE) ? reply->length : MESSAGE_SPACE;

	console_say(" x0=0x%lx status=0x%x length=%u reply=", reply->x0, reply->status, reply->length);
	for (uint32_t at = 0U; at < size; at++) {
		console_say("%02x", (reply->words[at / 4U] >> (8U * (at % 4U))) & 0xffU);
	}
}

static void loop(struct task *task)
{
	uintptr_t page;
	uint64_t function;
	uint64_t since;

	task->loops = number32(task, 0U);
	page = address(task, 1U);
	function = number(task, 2U);
	take_message(task, 3U);
	since = read_register("cntvct_el0");
	for (uint64_t turn = 0U; (turn < task->loops) && (task->problem == NULL); turn++) {
		if (!message_send(page, function, &task->message, &task->reply)) {
			task->problem = "channel busy";
		} else if (!reply_is_success(&task->reply)) {
			task->failed++;
		} else {
			/* One more that went well. */
		}
	}
	barrier();
	task->ticks = read_register("cntvct_el0") - since;
}

static void tell_loop(const struct task *task)
{
	console_say(" count=%u failed=%u ticks=0x%lx frequency=%u", (uint32_t)task->loops, (uint32_t)task->failed,
		    task->ticks, (uint32_t)read_register("cntfrq_el0"));
}

static void off(struct task *task)
{
	task->registers[0] = PSCI_SYSTEM_OFF;
	call_by_conduit(task->registers);
	task->problem = "psci: the call came back";
}

static const struct command commands[] = {
	{ "smc", 1U, 8U, smc, tell_registers, false },
	{ "hvc", 1U, 8U, hvc, tell_registers, false },
	{ "read", 2U, 2U, read_words, tell_words, false },
	{ "write", 2U, 1U + MAX_WORDS, write_words, NULL, false },
	{ "scmi", 3U, 3U, scmi, tell_reply, false },
	{ "loop", 4U, 4U, loop, tell_loop, false },
	{ "off", 0U, 0U, off, NULL, true },
};

static const struct command *command_of(const char *name)
{
	for (uint32_t index = 0U; index < (sizeof(commands) / sizeof(commands[0])); index++) {
		if (is_same(commands[index].name, name)) {
			return &commands[index];
		}
	}
	return NULL;
}

/* Splits at each space; more words than there is room for are counted, no more. */
static uint32_t split(char *text, char *words[MAX_LINE_WORDS])
{
	uint32_t count = 1U;

	words[0] = text;
	for (char *at = text; *at != '\0'; at++) {
		if (*at == ' ') {
			*at = '\0';
			if (count < MAX_LINE_WORDS) {
				words[count] = at + 1;
			}
			count++;
		}
	}
	return count;
}

static bool is_tag(const char *word)
{
	uint32_t length = 0U;

	while ((word[length] != '\0') && (length <= (MAX_TAG + 1U))) {
		length++;
	}
	return (word[0] == '#') && (length <= (MAX_TAG + 1U)) && is_decimal(&word[1]);
}

/* Finds a mistake in the line itself, before anything is done; NULL: none. */
static const char *find_command(struct task *task, const struct line *line, uint32_t count,
				char *words[MAX_LINE_WORDS])
{
	if (line->is_damaged) {
		return "line: the UART lost characters";
	}
	if (line->is_too_long) {
		return "line: 1023 characters at most";
	}
	task->command = (count > 1U) ? command_of(words[1]) : NULL;
	if (task->command == NULL) {
		return "words: unknown command";
	}
	task->words = &words[2];
	task->count = count - 2U;
	if (task->count < task->command->least) {
		return "words: too few";
	}
	return (task->count > task->command->most) ? "words: too many" : NULL;
}

static void carry_out(void *argument)
{
	struct task *task = argument;

	task->command->carry_out(task);
}

/* The exception's address; 0 where ESR's class has none, and the register is left from another. */
static uint64_t fault_address(const struct exception *exception)
{
	uint32_t class = (uint32_t)(exception->syndrome >> 26) & 0x3fU;

	return ((class >= CLASS_FIRST_WITH_ADDRESS) && (class <= CLASS_LAST_WITH_ADDRESS)) ? exception->address : 0U;
}

static void answer(struct task *task, const char *tag)
{
	struct exception exception;
	bool is_done = (task->problem == NULL) && guarded(carry_out, task, &exception);

	console_say("probe: %s ", tag);
	if (task->problem != NULL) {
		console_say("error %s", task->problem);
	} else if (!is_done) {
		console_say("fault esr=0x%lx far=0x%lx", exception.syndrome, fault_address(&exception));
	} else {
		console_say("ok");
		if (task->command->tell != NULL) {
			task->command->tell(task);
		}
	}
	console_end_line();
}

static void say_ready(void)
{
	console_say("probe: ready version=%u el=%u uart=0x%lx conduit=%s", VERSION,
		    (uint32_t)(read_register("CurrentEL") >> 2), platform.uart,
		    platform.conduit_is_hvc ? "hvc" : "smc");
	console_end_line();
}

void obey(struct line *line)
{
	static char *words[MAX_LINE_WORDS];
	static struct task task;
	uint32_t count;

	if ((line->text[0] == '\0') && !line->is_damaged) {
		say_ready();
		return;
	}
	count = split(line->text, words);
	if (!is_tag(words[0])) {
		console_say("probe: error tag: # and up to %u decimal digits", MAX_TAG);
		console_end_line();
		return;
	}
	task = (struct task){ .command = NULL };
	task.problem = find_command(&task, line, count, words);
	if ((task.problem == NULL) && task.command->is_last) {
		console_say("probe: %s ok", words[0]);
		console_end_line();
	}
	answer(&task, words[0]);
}
