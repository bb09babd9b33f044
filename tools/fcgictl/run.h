/* run: what one run of fcgictl holds, and the services that all commands share: hosts, messages, output, the sum of successes and
 * failures that makes the exit code. */
#ifndef FCGICTL_RUN_H
#define FCGICTL_RUN_H

#include "tools/fcgictl/client.h"
#include "tools/fcgictl/cmdline.h"
#include "tools/fcgictl/fcgictl.h"

struct command;

struct run {
    const struct fcgictl_environment *environment;
    const struct fcgictl_terminal *terminal;
    const struct command *command;
    struct options options;
    struct text out;
    struct fcgictl_host hosts[FCGICTL_MAX_HOSTS];
    size_t host_count;
    unsigned done;   /* what was asked for and has been done, or told */
    unsigned failed; /* and what has not */
    int exit_code;   /* of the failures, if it is the same for all; else FCGICTL_FAILED */
};

/* Writes run->out and empties it. */
void run_flush(struct run *run);
/* "fcgictl: ...", and a line "hint: ..." (nothing when it is empty), to the error stream. */
void run_message(struct run *run, const char *format, ...) TEXT_PRINTF(2, 3);
void run_hint(struct run *run, const char *format, ...) TEXT_PRINTF(2, 3);
/* Of a command with verbs: "config: what is wrong", and how it is called. -> FCGICTL_USAGE */
int run_fail_usage(struct run *run, const char *what);

void run_count_done(struct run *run);
void run_count_failure(struct run *run, int exit_code);
/* 0, the code of all failures, FCGICTL_FAILED when they differ, FCGICTL_PARTLY when something was done. */
int run_exit_code(const struct run *run);

/* Finds the hosts, or takes the one of --host. false: there is none, and that has been said and counted. */
bool run_find_hosts(struct run *run);
bool run_is_json(const struct run *run);
/* Takes `params`. `extra_s`: how much longer than usual the answer may take. */
void run_call(struct run *run, const struct fcgictl_host *host, const char *method, cJSON *params, double extra_s,
              struct reply *reply);
/* Says and counts that a call has failed. */
void run_report(struct run *run, const struct reply *reply);

#endif
