/* cmdline: the command line by table: what it may say, and what it has said. */
#ifndef FCGICTL_CMDLINE_H
#define FCGICTL_CMDLINE_H

#include <stdint.h>

#include "tools/fcgictl/text.h"

enum { OPTIONS_MAX_ARGUMENTS = 2, OPTIONS_MAX_LIMITS = 16 };

/* From OPENMETRICS on: of `metrics` only. */
enum format {
    FORMAT_TABLE,
    FORMAT_WIDE,
    FORMAT_JSON,
    FORMAT_NDJSON,
    FORMAT_CSV,
    FORMAT_OPENMETRICS,
    FORMAT_OPENMETRICS_STRICT
};

/* Bits: which options a command takes, and which have been given. */
enum {
    OPTION_HELP = 1,
    OPTION_HOST = 2,
    OPTION_OUTPUT = 4,
    OPTION_TIMEOUT = 8,
    OPTION_WATCH = 16,
    OPTION_ALL = 32,
    OPTION_NOW = 64,
    OPTION_WAIT = 128,
    OPTION_DRY_RUN = 256,
    OPTION_TTL = 512,
    OPTION_PERSIST = 1024,
    OPTION_LIMITS = 2048,
    OPTION_MARKDOWN = 4096,
    OPTION_VERSION = 8192,
    OPTION_TEXTFILE = 16384,
    OPTION_LISTEN = 32768,
    OPTION_ALLOW_REMOTE = 65536,
    OPTION_SERVICE = 131072,
    OPTIONS_COMMON = OPTION_HELP | OPTION_HOST | OPTION_OUTPUT | OPTION_TIMEOUT,
};

struct options {
    unsigned given;      /* OPTION_... */
    const char *command; /* NULL: none */
    const char *arguments[OPTIONS_MAX_ARGUMENTS];
    size_t argument_count; /* may be larger than the array: too many */
    uint32_t host;
    enum format format;
    double watch_s;
    double timeout_s;
    double ttl_s;
    const char *warn[OPTIONS_MAX_LIMITS]; /* NAME=VALUE[,NAME=VALUE] */
    size_t warn_count;
    const char *crit[OPTIONS_MAX_LIMITS];
    size_t crit_count;
    const char *textfile; /* NULL: none */
    const char *listen;   /* ADDRESS:PORT */
    const char *names;    /* of --allow-remote; NULL: none */
};

struct option {
    const char *name;  /* "--host" */
    char letter;       /* 0: none */
    const char *value; /* NULL: a switch; "[=SECONDS]": one that may have a value */
    unsigned bit;
    bool (*take)(struct options *options, const char *value);
    const char *help;
};

extern const struct option cmdline_options[];
extern const size_t cmdline_option_count;

/* false: `message` says what is wrong. Strings of `arguments` stay referenced. */
bool cmdline_parse(struct options *options, size_t count, const char *const *arguments, struct text *message);

#endif
