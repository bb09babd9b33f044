/* terminal_win32: see terminal_win32.h. A console gets UTF-16 and its colours by the console's functions: before Windows 10 it knows no
 * escape sequences, and under Wine it prints them. All else gets UTF-8 as it is. */
#include "tools/fcgictl/terminal_win32.h"

#include <windows.h>

#include <stdlib.h>
#include <string.h>

#include "tools/fcgictl/clock_win32.h"
#include "tools/fcgictl/text_win32.h"

enum { CONSOLE_CHUNK = 4000 }; /* an old console takes no more than 64 KiB at a time */

struct stream {
    HANDLE handle;
    bool console;
    WORD attributes; /* before us */
};

static struct {
    struct stream streams[2];
    HANDLE interrupt; /* set by Ctrl-C */
    size_t shown;     /* columns of the line of progress */
} self;

static volatile LONG catching;

/* The second Ctrl-C ends the program, whatever it is at. */
static BOOL WINAPI on_control(DWORD event)
{
    if ((event != CTRL_C_EVENT && event != CTRL_BREAK_EVENT) || InterlockedExchange(&catching, 0) == 0)
        return FALSE;
    SetEvent(self.interrupt);
    return TRUE;
}

static WORD attributes_of(const struct stream *stream, enum style style)
{
    WORD background = stream->attributes & 0xf0, foreground = stream->attributes & 0x0f;
    switch (style) {
    case STYLE_STRONG: return background | foreground | FOREGROUND_INTENSITY;
    case STYLE_GOOD: return background | FOREGROUND_GREEN | FOREGROUND_INTENSITY;
    case STYLE_WARNING: return background | FOREGROUND_RED | FOREGROUND_GREEN | FOREGROUND_INTENSITY;
    case STYLE_BAD: return background | FOREGROUND_RED | FOREGROUND_INTENSITY;
    case STYLE_FAINT: return background | FOREGROUND_INTENSITY;
    default: return stream->attributes;
    }
}

static void write_file(HANDLE file, const char *bytes, size_t len)
{
    while (len > 0) {
        DWORD written = 0;
        if (!WriteFile(file, bytes, len > 65536 ? 65536 : (DWORD)len, &written, NULL) || written == 0)
            return;
        bytes += written;
        len -= written;
    }
}

static void write_console(const struct stream *stream, const char *utf8, size_t len)
{
    size_t wide_len = 0;
    wchar_t *wide = text_win32_wide(utf8, len, &wide_len);
    for (size_t at = 0; wide && at < wide_len;) {
        size_t count = wide_len - at < CONSOLE_CHUNK ? wide_len - at : CONSOLE_CHUNK;
        DWORD written = 0;
        if (!WriteConsoleW(stream->handle, wide + at, (DWORD)count, &written, NULL) || written == 0)
            break;
        at += written;
    }
    free(wide);
}

static void write_text(void *context, enum fcgictl_stream which, enum style style, const char *utf8, size_t len)
{
    const struct stream *stream = &self.streams[which];
    (void)context;
    if (!stream->console) {
        write_file(stream->handle, utf8, len);
        return;
    }
    if (style != STYLE_NONE)
        SetConsoleTextAttribute(stream->handle, attributes_of(stream, style));
    write_console(stream, utf8, len);
    if (style != STYLE_NONE)
        SetConsoleTextAttribute(stream->handle, stream->attributes);
}

static size_t width_of(const struct stream *stream)
{
    CONSOLE_SCREEN_BUFFER_INFO info;
    if (!stream->console || !GetConsoleScreenBufferInfo(stream->handle, &info))
        return 0;
    return (size_t)(info.srWindow.Right - info.srWindow.Left + 1);
}

/* The line is written over: cut to the window, and filled up with spaces to the end of what stood there. */
static void show_progress(void *context, const char *line)
{
    const struct stream *stream = &self.streams[FCGICTL_OUT];
    size_t width = width_of(stream), columns = line ? text_columns(line) : 0;
    struct text text = {0};
    (void)context;
    text_add(&text, "\r");
    if (columns >= width && width > 0)
        columns = width - 1;
    if (line)
        text_add_len(&text, line, text_fitting(line, columns));
    text_add_spaces(&text, self.shown > columns ? self.shown - columns : 0);
    if (!line)
        text_add(&text, "\r");
    write_console(stream, text_str(&text), text.len);
    text_deinit(&text);
    self.shown = columns;
}

static void clear(void *context)
{
    const struct stream *stream = &self.streams[FCGICTL_OUT];
    CONSOLE_SCREEN_BUFFER_INFO info;
    (void)context;
    if (!GetConsoleScreenBufferInfo(stream->handle, &info))
        return;
    COORD home = {0, info.srWindow.Top};
    DWORD cells = (DWORD)info.dwSize.X * (DWORD)(info.srWindow.Bottom - info.srWindow.Top + 1), written;
    FillConsoleOutputCharacterW(stream->handle, L' ', cells, home, &written);
    FillConsoleOutputAttribute(stream->handle, stream->attributes, cells, home, &written);
    SetConsoleCursorPosition(stream->handle, home);
}

static uint64_t now_ms(void *context)
{
    (void)context;
    return clock_win32_ms();
}

static void catch_interrupt(void *context)
{
    (void)context;
    if (WaitForSingleObject(self.interrupt, 0) == WAIT_TIMEOUT)
        InterlockedExchange(&catching, 1);
}

static bool wait_ms(void *context, unsigned ms)
{
    (void)context;
    return WaitForSingleObject(self.interrupt, ms) == WAIT_TIMEOUT;
}

static bool interrupted(void *context)
{
    return !wait_ms(context, 0);
}

static void open_stream(struct stream *stream, DWORD id)
{
    CONSOLE_SCREEN_BUFFER_INFO info;
    DWORD mode;
    stream->handle = GetStdHandle(id);
    stream->console = GetConsoleMode(stream->handle, &mode) && GetConsoleScreenBufferInfo(stream->handle, &info);
    if (stream->console)
        stream->attributes = info.wAttributes;
}

void terminal_win32_init(struct fcgictl_terminal *terminal)
{
    open_stream(&self.streams[FCGICTL_OUT], STD_OUTPUT_HANDLE);
    open_stream(&self.streams[FCGICTL_ERR], STD_ERROR_HANDLE);
    self.interrupt = CreateEventW(NULL, TRUE, FALSE, NULL);
    SetConsoleCtrlHandler(on_control, TRUE);
    wchar_t value[2];
    bool no_color = GetEnvironmentVariableW(L"NO_COLOR", value, ARRAYSIZE(value)) > 0;
    *terminal = (struct fcgictl_terminal){
        .out_is_terminal = self.streams[FCGICTL_OUT].console,
        .colours = !no_color,
        .width = width_of(&self.streams[FCGICTL_OUT]),
        .write = write_text,
        .show_progress = show_progress,
        .clear = clear,
        .now_ms = now_ms,
        .catch_interrupt = catch_interrupt,
        .interrupted = interrupted,
        .wait = wait_ms,
    };
}
