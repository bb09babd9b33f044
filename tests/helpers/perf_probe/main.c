/* perf_probe: a host that publishes a counter block, and a reader that calls fcgiperf.dll as perfmon does; driven by lines of standard input,
 * each of which is answered by one. tests/system/test_perf.py does. Which lines there are, the table below says. */
#include "tests/helpers/perf_probe/perf_probe.h"

#include <string.h>

static void run(char *words[COMMAND_WORDS])
{
    const char *verb = words[0];
    if (strcmp(verb, "pid") == 0)
        say("%lu", GetCurrentProcessId());
    else if (strcmp(verb, "publish") == 0) /* global, local, short, reserved, file, garbage */
        block_publish(words[1]);
    else if (strcmp(verb, "pool") == 0) /* NAME REQUESTS MICROSECONDS */
        block_pool(words[1], words[2], words[3]);
    else if (strcmp(verb, "workers") == 0) /* COUNT FIRST_PID POOL */
        block_workers(words[1], words[2], words[3]);
    else if (strcmp(verb, "change") == 0) /* half POOL, ended, garbage SEED, gone, pid */
        block_change(words[1], words[2]);
    else if (strcmp(verb, "squat") == 0) /* FOLDER PID */
        section_squat(words[1], words[2]);
    else if (strcmp(verb, "access") == 0) /* FOLDER PID */
        section_access(words[1], words[2]);
    else if (strcmp(verb, "load") == 0)
        collect_load(words[1]);
    else if (strcmp(verb, "open") == 0)
        collect_open();
    else if (strcmp(verb, "close") == 0)
        collect_close();
    else if (strcmp(verb, "collect") == 0)
        collect_call(words[1]);
    else if (strcmp(verb, "sizes") == 0)
        collect_each_size(words[1]);
    else if (strcmp(verb, "registry") == 0)
        collect_registry(words[1]);
    else if (strcmp(verb, "value") == 0) /* OBJECT INSTANCE COUNTER, of what was collected last */
        collect_value(words[1], words[2], words[3]);
    else if (strcmp(verb, "values") == 0) /* OBJECT INSTANCE, likewise */
        collect_values(words[1], words[2]);
    else
        say("what is '%s'?", verb);
}

/* Words stand between '|', as queries and names have spaces. */
int main(void)
{
    static struct command command;
    while (read_command(&command, '|'))
        run(command.words);
    return 0;
}
