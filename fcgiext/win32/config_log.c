/* config_log: see config_log.h. */
#include "fcgiext/win32/config_log.h"

#include "fcgiext/core/log_text.h"
#include "fcgiext/win32/engine.h"
#include "fcgiext/win32/event_log.h"

/* One event without diagnostics; `report`: what could not be read, or empty. */
static void write_title(const struct settings *settings, enum event_log_id id, const char *title, struct bytes report)
{
    struct buffer text;
    buffer_init(&text, EVENT_TEXT_MAX_LEN);
    if (buffer_append_str(&text, title) && buffer_append_str(&text, report.len ? ":\r\n  " : ".\r\n") &&
        log_text_append(&text, report, EVENT_TEXT_MAX_LEN / 2) && (!report.len || buffer_append_str(&text, "\r\n")))
        event_log_write_lines(&settings->engine->log, id, buffer_peek(&text));
    buffer_deinit(&text);
}

static void write_all(const struct settings *settings, enum event_log_id id, const char *title)
{
    struct engine *engine = settings->engine;
    struct buffer text;
    size_t next = 0;
    buffer_init(&text, EVENT_TEXT_MAX_LEN);
    if (settings->load_error)
        write_title(settings, id, title, buffer_peek(&settings->report));
    else if (!settings->config->diagnostic_count)
        write_title(settings, id, title, bytes_of(NULL, 0));
    else
        while (event_text_diagnostics(settings->config, title, engine->config_path_utf8, &next, &text)) {
            event_log_write_lines(&engine->log, id, buffer_peek(&text));
            buffer_clear(&text);
        }
    buffer_deinit(&text);
}

void config_log_start(const struct settings *settings)
{
    if (settings_error_count(settings))
        write_all(settings, EVENT_LOG_CONFIG_ERRORS, "fcgiext.ini has errors");
    else if (settings->config->diagnostic_count)
        write_all(settings, EVENT_LOG_CONFIG_WARNINGS, "fcgiext.ini is in force, with warnings");
}

void config_log_reload(const struct settings *settings, bool taken)
{
    if (!taken)
        write_all(settings, EVENT_LOG_CONFIG_REJECTED, "fcgiext.ini was not taken: what was in force stays so");
    else if (settings->config->diagnostic_count || settings->load_error)
        write_all(settings, settings->config->error_count ? EVENT_LOG_CONFIG_ERRORS : EVENT_LOG_CONFIG_WARNINGS,
                  "fcgiext.ini was read again and is in force, with problems");
    else
        write_all(settings, EVENT_LOG_CONFIG_TAKEN, "fcgiext.ini was read again and is in force");
}
