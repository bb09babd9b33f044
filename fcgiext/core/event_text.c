/* event_text: see event_text.h. */
#include "fcgiext/core/event_text.h"

#include "fcgiext/core/log_text.h"
#include "fcgiext/core/text.h"

enum { MAX_FACT_LEN = 1000, MAX_LINE_LEN = 420, MAX_FORMATTED_LEN = 16 * 1024 };

static const struct kind {
    const char *name, *text;
} kinds[EVENT_KIND_COUNT - ERROR_CAUSE_COUNT] = {
    [EVENT_SLOW_REQUEST - ERROR_CAUSE_COUNT] = {"slow_request", "A request took longer than SlowRequestSeconds says"},
    [EVENT_TRACE_INFO - ERROR_CAUSE_COUNT] = {"trace_info", "The program wrote trace text"},
    [EVENT_TRACE_WARNING - ERROR_CAUSE_COUNT] = {"trace_warning", "The program wrote trace text with warnings"},
    [EVENT_TRACE_ERROR - ERROR_CAUSE_COUNT] = {"trace_error", "The program wrote trace text with errors"},
    [EVENT_RAPID_FAIL_OVER - ERROR_CAUSE_COUNT] = {"rapid_fail_over", "The program is tried again"},
};

static bool is_failure(unsigned kind)
{
    return kind < ERROR_CAUSE_COUNT || kind >= EVENT_KIND_COUNT;
}

const char *event_kind_name(unsigned kind)
{
    return is_failure(kind) ? error_cause_name((enum error_cause)kind) : kinds[kind - ERROR_CAUSE_COUNT].name;
}

static const char *text_of(unsigned kind)
{
    return is_failure(kind) ? error_cause_text((enum error_cause)kind) : kinds[kind - ERROR_CAUSE_COUNT].text;
}

/* ---- writing */

struct writer {
    struct buffer *out;
    bool failed;
};

static void put(struct writer *writer, const char *text)
{
    writer->failed = writer->failed || !buffer_append_str(writer->out, text);
}

static void put_number(struct writer *writer, uint64_t number)
{
    writer->failed = writer->failed || !text_append_decimal(writer->out, number);
}

static void put_clean(struct writer *writer, struct bytes text, size_t most)
{
    writer->failed = writer->failed || !log_text_append(writer->out, text, most);
}

static void put_fact(struct writer *writer, const char *label, struct bytes value)
{
    if (value.len == 0)
        return;
    put(writer, label);
    put_clean(writer, value, MAX_FACT_LEN);
    put(writer, "\r\n");
}

static void put_count(struct writer *writer, const char *label, uint64_t number, const char *unit)
{
    if (number == 0)
        return;
    put(writer, label);
    put_number(writer, number);
    put(writer, unit);
    put(writer, "\r\n");
}

static void put_code(struct writer *writer, const struct error_facts *facts)
{
    if (!facts->has_code)
        return;
    put(writer, error_has_exit_code(facts) ? "Exit code: " : "Error number: ");
    put_number(writer, facts->code);
    put(writer, " (0x");
    writer->failed = writer->failed || !text_append_hex(writer->out, facts->code, 8, true);
    put(writer, ")");
    if (facts->system_text.len > 0) {
        put(writer, ": ");
        put_clean(writer, facts->system_text, MAX_FACT_LEN);
    }
    put(writer, "\r\n");
}

/* Lines that end with LF; `label` before the first one. Further ones are counted. */
static void put_lines(struct writer *writer, const char *label, struct bytes lines, uint64_t most, uint64_t more)
{
    if (lines.len == 0)
        return;
    put(writer, label);
    for (uint64_t count = 0; lines.len > 0; count++) {
        const uint8_t *end = memchr(lines.ptr, '\n', lines.len);
        size_t len = end ? (size_t)(end - lines.ptr) : lines.len;
        if (count < most) {
            put(writer, "  ");
            put_clean(writer, bytes_of(lines.ptr, len), MAX_LINE_LEN);
            put(writer, "\r\n");
        } else {
            more++;
        }
        bytes_advance(&lines, end ? len + 1 : len);
    }
    put_count(writer, "  and ", more, " more");
}

static void put_time(struct writer *writer, uint64_t ms)
{
    if (ms == 0)
        return;
    put(writer, "Time: ");
    put_number(writer, ms / 1000);
    put(writer, ".");
    put_number(writer, ms / 100 % 10);
    put(writer, " s\r\n");
}

bool event_text_append(const struct event_facts *facts, struct buffer *out)
{
    struct writer writer = {.out = out};
    const struct error_facts *failure = &facts->failure;
    put(&writer, text_of(facts->kind));
    put(&writer, " (");
    put(&writer, event_kind_name(facts->kind));
    put(&writer, ").\r\n");
    if (facts->answered)
        put(&writer, "The answer of the program was sent all the same.\r\n");
    if (facts->cut)
        put(&writer, "The answer had begun: the connection to the client was closed.\r\n");
    put_fact(&writer, "Details: ", error_detail(failure));
    if (failure->first_cause != ERROR_CAUSE_NONE)
        put_fact(&writer, "First cause: ", bytes_of_str(error_cause_text(failure->first_cause)));
    put_fact(&writer, "Pool: ", failure->pool);
    put_fact(&writer, "Program: ", failure->program);
    put_fact(&writer, "Extension: ", failure->extension);
    put_fact(&writer, "Site: ", failure->site);
    put_fact(&writer, "Address: ", failure->url);
    put_code(&writer, failure);
    put_time(&writer, facts->ran_ms);
    put_count(&writer, "Worker process: ", facts->worker_pid, "");
    put_count(&writer, "Host process: ", facts->host_pid, "");
    put_fact(&writer, "Reference: ", failure->reference);
    put_lines(&writer, "Settings:\r\n", failure->diagnostics, EVENT_MAX_DIAGNOSTICS, 0);
    if (facts->lines)
        put_lines(&writer, "Error output:\r\n", buffer_peek(&facts->lines->lines), UINT64_MAX, facts->lines->dropped);
    put_count(&writer, "Not written since the last event of this kind and pool: ", facts->held, "");
    return !writer.failed;
}

/* ---- fcgiext.ini */

bool event_text_diagnostics(const struct config *config, const char *title, const char *file, size_t *next, struct buffer *out)
{
    struct writer writer = {.out = out};
    struct buffer line;
    if (*next >= config->diagnostic_count)
        return false;
    buffer_init(&line, MAX_FORMATTED_LEN);
    put(&writer, title);
    put(&writer, *next > 0 ? " (continued):\r\n" : ":\r\n");
    for (int i = 0; i < EVENT_MAX_DIAGNOSTICS && *next < config->diagnostic_count; i++, ++*next) {
        buffer_clear(&line);
        if (!config_diagnostic_format(&config->diagnostics[*next], file, &line))
            writer.failed = true;
        put(&writer, "  ");
        put_clean(&writer, buffer_peek(&line), MAX_FACT_LEN);
        put(&writer, "\r\n");
    }
    buffer_deinit(&line);
    return !writer.failed;
}
