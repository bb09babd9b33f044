/* The command line of isapihost: one table of options with the help text in each row.
 *
 * Pure: strings in, struct host_options out. Strings point into argv, which the caller keeps. */
#ifndef ISAPIHOST_OPTIONS_H
#define ISAPIHOST_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

enum {
    OPTIONS_MAX_SITES = 16,
    OPTIONS_MAX_APPS = 64,
    OPTIONS_MAX_MAPS = 32,
    OPTIONS_MAX_DEFAULT_DOCS = 8,
    OPTIONS_NAME_LEN = 64, /* of one extension or default document, with its NUL */
};

enum completions { COMPLETIONS_THREAD, COMPLETIONS_INLINE, COMPLETIONS_LATE };

/* The version of IIS whose ECB is imitated. */
enum iis_version { IIS_5_1 = 51, IIS_6 = 60, IIS_7 = 75 };

struct host_site {
    unsigned id;         /* INSTANCE_ID */
    unsigned short port; /* 0: a free one */
    const char *root;    /* folder; UTF-8 */
};

struct host_app {
    unsigned site_id; /* 0: in each site */
    const char *url;  /* begins with '/', does not end with one */
    size_t url_len;
    const char *folder; /* NULL: the folder below the site's root */
};

struct host_options {
    char listen_address[64]; /* without brackets */
    struct host_site sites[OPTIONS_MAX_SITES];
    unsigned site_count;
    struct host_app apps[OPTIONS_MAX_APPS]; /* the root application of each site is not listed */
    unsigned app_count;
    const char *extension;                         /* the DLL; NULL: static files only */
    char maps[OPTIONS_MAX_MAPS][OPTIONS_NAME_LEN]; /* ".php" */
    unsigned map_count;
    bool map_all; /* --map '*' */
    char default_docs[OPTIONS_MAX_DEFAULT_DOCS][OPTIONS_NAME_LEN];
    unsigned default_doc_count;
    const char *access_log; /* NULL: none */
    enum completions completions;
    enum iis_version iis;
    unsigned late_ms;
    unsigned threads;
    unsigned timeout_s;      /* a client that neither sends nor reads */
    unsigned keep_alive_s;   /* an idle kept connection */
    unsigned stop_timeout_s; /* for running requests, at the end */
    unsigned preload_bytes;  /* most of cbAvailable */
    bool strict;
    bool allow_path_info;
    bool check_file;
    bool no_async_read;
    bool stop_on_stdin_eof;
    bool stdin_commands;
};

enum options_result { OPTIONS_RUN, OPTIONS_HELP, OPTIONS_VERSION, OPTIONS_ERROR };

/* On OPTIONS_ERROR a sentence without line end stands in message. */
enum options_result options_parse(struct host_options *options, int argc, char *const *argv, char *message,
                                  size_t message_size);

/* Calls line(context, text) for each line of the help, text without line end. */
void options_help(void (*line)(void *context, const char *text), void *context);

/* True if the listening address can be reached from this machine only. */
bool options_is_loopback(const struct host_options *options);

#endif
