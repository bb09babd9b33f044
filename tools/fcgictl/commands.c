/* commands: see commands.h; and what is done before and after a command: finding its row, checking what it has been given. */
#include "tools/fcgictl/commands.h"

#include <string.h>

#include "tools/fcgictl/check.h"
#include "tools/fcgictl/config_commands.h"
#include "tools/fcgictl/exporter.h"
#include "tools/fcgictl/help.h"
#include "tools/fcgictl/lists.h"
#include "tools/fcgictl/metrics.h"
#include "tools/fcgictl/operate.h"
#include "tools/fcgictl/perf.h"
#include "tools/fcgictl/show.h"
#include "tools/fcgictl/words.h"

enum {
    LIST = OPTIONS_COMMON | OPTION_WATCH,
    OPERATE = OPTIONS_COMMON | OPTION_WAIT | OPTION_DRY_RUN,
};

/* length: a table */
const struct command commands_table[] = {
    {"status", "[POOL]", 0, 1, LIST, lists_status, "how all pools are",
     "One line a pool, with what is wrong in words. `!!` marks what needs you, `!` what is worth a look. POOL may be a pattern "
     "with * and ?.",
     "status --watch"},
    {"list", "[POOL]", 0, 1, LIST, lists_list, "the pools, with their programs and limits",
     "The limits are in the wide table: -o wide.", "list -o wide"},
    {"show", "POOL", 1, 1, OPTIONS_COMMON, show_run, "one pool with everything: numbers, workers, last exits",
     "What requests have failed of, which limits hold, its workers, and its last ten exits.", "show php"},
    {"ps", "[POOL]", 0, 1, LIST, lists_ps, "the workers (FastCGI processes)",
     "What each does, for how long, what it has served. A worker without a process of ours is called by #ID.", "ps php"},
    {"requests", "[POOL]", 0, 1, LIST, lists_requests, "the requests in flight and in queues",
     "Those that run first, then those that wait, the oldest first. The query and the client's address are in the wide table, "
     "for those who "
     "may operate.",
     "requests -o wide"},
    {"exits", "[POOL]", 0, 1, LIST, lists_exits_run, "how workers have ended",
     "The last 50 ends of processes, the newest first: exit code, cause, and what the process had served last.", "exits php"},
    {"recycle", "POOL[/PID]", 0, 1, OPERATE | OPTION_ALL | OPTION_NOW, operate_recycle,
     "replace the workers of a pool, or one of them",
     "Rolling: each worker is replaced when its successor is ready, running requests end in peace, nothing is refused. It "
     "stops after two "
     "successors that fail. --now cuts running requests off.",
     "recycle php --wait"},
    {"drain", "POOL", 0, 1, OPERATE | OPTION_ALL | OPTION_TTL | OPTION_PERSIST, operate_drain, "take a pool out of service",
     "New requests get 503 with Retry-After; what runs and waits ends in peace; then the processes are stopped. It lasts until "
     "`resume` or "
     "--ttl, also when fcgiext.ini is read again.",
     "drain php --ttl 10m --wait"},
    {"resume", "POOL", 0, 1, OPERATE | OPTION_ALL, operate_resume, "put a drained pool into service again",
     "Also lets a pool that was stopped after repeated failures try again.", "resume php"},
    {"kill", "POOL/PID", 0, 1, OPERATE, operate_kill, "end a worker at once",
     "Its request is cut off. POOL/#ID is a worker without a process of ours.", "kill php/4711"},
    {"wait", "OPERATION", 1, 1, OPTIONS_COMMON, operate_wait, "wait for an operation that was started before",
     "OPERATION is HOST:ID, as recycle, drain and the others tell it.", "wait 1234:17179869185"},
    {"check", "[POOL]", 0, 1, OPTIONS_COMMON | OPTION_LIMITS, check_run, "a check for Nagios and its like",
     "One line with performance data; exit code 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN. Names in LIMITS: queue (requests that "
     "wait), busy "
     "(percent of the workers allowed), wait (seconds of the oldest in the queue), failed (requests, since the start); each "
     "pool is held against "
     "them by itself. A state has a result of its own: broken and rapid_fail are critical, draining, drained and closed a "
     "warning; "
     "state=NAME changes that. A recycle that has failed and an fcgiext.ini that was not taken are a warning.",
     "check --warn queue=10,busy=90 --crit queue=100,state=drained"},
    {"config", "show [POOL] | check [FILE] | reload", 1, 2, OPTIONS_COMMON | OPTION_DRY_RUN | OPTION_WAIT, config_commands_run,
     "what fcgiext.ini says, whether it is right, read it again",
     "`show` tells what is in force, `check` what is wrong with the file as it is now; `check FILE` needs no host and exits "
     "with 1 if there are "
     "errors. `reload` has the file read at once.",
     "config check fcgiext.ini"},
    {"metrics", "", 0, 0, LIST | OPTION_TEXTFILE, metrics_run, "all counters, gauges and histograms",
     "Counters are counted since the pool was created. The table leaves out zeros of what is split by causes and states; -o "
     "wide has "
     "them. -o openmetrics is text that Prometheus and `promtool check metrics` read; -o openmetrics-strict is OpenMetrics 1.0 "
     "to the "
     "letter, with the same series. docs/counters.md explains each metric.",
     "metrics --textfile c:\\monitoring"},
    {"perf", "install [DLL] | uninstall | status | show [POOL]", 1, 2, OPTION_HELP | OPTION_OUTPUT, perf_run,
     "the counters in perfmon: register them, look whether they are read",
     "`install` registers the fcgiperf.dll beside fcgictl.exe, or DLL, and the names of its counters; it can be repeated. "
     "`status` "
     "says what is wrong and what to do, and exits with 1 then. `show` reads the counters as perfmon does, twice with a second "
     "between them; POOL is an instance, or a pattern. No host is needed. `install` and `uninstall` are for administrators.",
     "perf status"},
    {"exporter", "", 0, 0, OPTION_HELP | OPTION_LISTEN | OPTION_ALLOW_REMOTE | OPTION_SERVICE, exporter_run,
     "serve metrics and a live page by HTTP",
     "`/metrics` is for Prometheus, `/` for people, `/status.json` and `/healthz` for programs. It asks hosts when somebody "
     "asks it, at "
     "most once a second, and changes nothing. This computer only, unless --allow-remote is given: there is neither a password "
     "nor "
     "encryption. docs/exporter.md tells more. Ctrl-C ends it.",
     "exporter --listen 127.0.0.1:9889"},
    {"version", "", 0, 0, OPTIONS_COMMON, help_version, "the versions of fcgictl and of the hosts",
     "Exits with 0 also if there is no host.", "version"},
    {"help", "[COMMAND]", 0, 1, OPTION_HELP | OPTION_MARKDOWN, help_run, "this, or what a command does and takes", "",
     "help drain"},
};
const size_t commands_count = sizeof commands_table / sizeof *commands_table;

static const struct command *find(const char *name)
{
    for (size_t i = 0; i < commands_count; i++)
        if (strcmp(commands_table[i].name, name) == 0)
            return &commands_table[i];
    return NULL;
}

static int fail_unknown(struct run *run, const char *name)
{
    run_message(run, "there is no command '%s'", name);
    for (size_t i = 0; i < commands_count; i++)
        if (words_similar(name, commands_table[i].name)) {
            run_hint(run, "did you mean '%s'?", commands_table[i].name);
            return FCGICTL_USAGE;
        }
    run_hint(run, "`fcgictl help` lists the commands");
    return FCGICTL_USAGE;
}

/* For `check` a usage error is "unknown", too: 2 would be "critical". */
static int fail_usage(const struct run *run)
{
    return run->command->function == check_run ? CHECK_UNKNOWN : FCGICTL_USAGE;
}

static int run_command(struct run *run)
{
    const struct command *command = run->command;
    for (size_t i = 0; i < cmdline_option_count; i++)
        if (run->options.given & cmdline_options[i].bit & ~command->options) {
            run_message(run, "%s does not take %s", command->name, cmdline_options[i].name);
            run_hint(run, "fcgictl help %s", command->name);
            return fail_usage(run);
        }
    if (run->options.format >= FORMAT_OPENMETRICS && !(command->options & OPTION_TEXTFILE)) {
        run_message(run, "%s does not take -o openmetrics: `fcgictl metrics` does", command->name);
        run_hint(run, "fcgictl help %s", command->name);
        return fail_usage(run);
    }
    size_t count = run->options.argument_count;
    if (count < command->least || count > command->most) {
        run_message(run, count > command->most ? "%s: too many arguments" : "%s: an argument is missing", command->name);
        run_hint(run, "fcgictl %s %s", command->name, command->arguments);
        return fail_usage(run);
    }
    return command->function(run);
}

static int start(struct run *run, size_t count, const char *const *arguments)
{
    struct text message = {0};
    bool parsed = cmdline_parse(&run->options, count, arguments, &message);
    run->command = run->options.command ? find(run->options.command) : NULL;
    if (!parsed) {
        run_message(run, "%s", text_str(&message));
        run_hint(run, run->command ? "fcgictl help %s" : "fcgictl help", run->command ? run->command->name : "");
        text_deinit(&message);
        return run->command ? fail_usage(run) : FCGICTL_USAGE;
    }
    if (run->options.command && !run->command)
        return fail_unknown(run, run->options.command);
    if (run->options.given & OPTION_HELP)
        return help_of(run, run->command);
    if (run->options.given & OPTION_VERSION && !run->command) {
        run->options.given &= ~(unsigned)OPTION_VERSION;
        run->command = find("version");
    }
    if (!run->command) {
        help_of(run, NULL);
        return count > 0 ? FCGICTL_USAGE : FCGICTL_DONE;
    }
    return run_command(run);
}

int fcgictl_run(const struct fcgictl_environment *environment, size_t count, const char *const *arguments)
{
    struct run run = {.environment = environment, .terminal = environment->terminal};
    int exit_code = start(&run, count, arguments);
    bool failed = run.out.failed;
    run_flush(&run);
    text_deinit(&run.out);
    return failed && exit_code == FCGICTL_DONE ? FCGICTL_FAILED : exit_code;
}
