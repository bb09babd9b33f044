/* api_markdown: head and examples are text here; methods, parameters, errors, metrics and causes come from the tables. The members of
 * objects stand in tables of their own below: a test compares them with what the methods answer. */
#include "tools/docs/api_markdown.h"

#include <stdio.h>

#include "fcgiext/core/counters.h"
#include "mgmt/methods.h"
#include "tools/docs/document.h"

static const char head[] =
    "# The management pipe\n"
    "\n"
    "This file is printed by `tools/docs` from the tables of `mgmt`; `tests/unit/test_management_api` compares the two.\n"
    "\n"
    "Each host (the web server's process that has loaded fcgiext.dll) serves `\\\\.\\pipe\\fcgiext-mgmt-PID`, where PID is its "
    "process id.\nOne request is one line of JSON in UTF-8 that ends in LF (CR LF will do); the reply is one line, too. It is "
    "JSON-RPC 2.0. IIS loads the\nextension at the first request: before that there is no pipe.\n"
    "\n"
    "## In five lines\n"
    "\n"
    "PowerShell, for each host there is:\n"
    "\n"
    "```powershell\n"
    "foreach ($path in [IO.Directory]::GetFiles('\\\\.\\pipe\\', 'fcgiext-mgmt-*')) {\n"
    "    $pipe = New-Object IO.Pipes.NamedPipeClientStream('.', (Split-Path -Leaf $path), 'InOut', 'None', 'Identification')\n"
    "    $pipe.Connect(5000); $reader = New-Object IO.StreamReader($pipe); $writer = New-Object IO.StreamWriter($pipe)\n"
    "    $writer.WriteLine('{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\"}'); $writer.Flush()\n"
    "    ($reader.ReadLine() | ConvertFrom-Json).result.pools | Select-Object name, state, workers, requests; $pipe.Dispose()\n"
    "}\n"
    "```\n"
    "\n"
    "Python:\n"
    "\n"
    "```python\n"
    "import json\n"
    "with open(r'\\\\.\\pipe\\fcgiext-mgmt-1234', 'r+b', 0) as pipe:\n"
    "    pipe.write(b'{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"pool.recycle\",\"params\":{\"pool\":\"php\"}}\\n')\n"
    "    print(json.loads(pipe.readline()))\n"
    "```\n"
    "\n"
    ".NET:\n"
    "\n"
    "```csharp\n"
    "using var pipe = new NamedPipeClientStream(\".\", \"fcgiext-mgmt-1234\", PipeDirection.InOut, PipeOptions.None,\n"
    "                                           TokenImpersonationLevel.Identification);\n"
    "pipe.Connect(5000);\n"
    "using var writer = new StreamWriter(pipe) { AutoFlush = true };\n"
    "using var reader = new StreamReader(pipe);\n"
    "writer.WriteLine(\"{\\\"jsonrpc\\\":\\\"2.0\\\",\\\"id\\\":1,\\\"method\\\":\\\"status\\\"}\");\n"
    "using var reply = JsonDocument.Parse(reader.ReadLine());\n"
    "```\n"
    "\n";

static const char conventions[] =
    "## Conventions\n"
    "\n"
    "* A request has the members `jsonrpc` (\"2.0\"), `id`, `method` and, if need be, `params`, an object: parameters are "
    "given by name. What is\n  unknown or there twice is an error. Exactly one reply comes for each line; those without an "
    "`id` (notifications), and batches, are errors.\n"
    "* `id` comes back as it was: a string of at most %d bytes, or an integer of at most 53 bits. It is null when it could not "
    "be read.\n"
    "* The requests of a connection are answered one after another, in order; while operation.wait waits, none of them is.\n"
    "* A reply has either `result`, an object with `api_version` (%d), or `error`: `code`, `message` (a sentence for people), "
    "`data.reason` (a name\n  for programs), `data.hint` (what to do), and what belongs to the error.\n"
    "* New members may come at any time: a client ignores what it does not know. `api_version` changes when something goes "
    "away.\n"
    "* Names of states and causes are snake_case. Durations end in `_seconds` and are numbers with milliseconds; sizes end in "
    "`_bytes`. Points in\n  time come twice: `NAME_time` (RFC 3339, UTC) and `NAME_unix` (seconds since 1970). Ids of workers, "
    "requests and operations are strings:\n  they have 64 bits, which not every client's numbers hold.\n"
    "* Counters only grow, and no reading resets them. They begin anew with the host (`started_time`), or with the pool.\n"
    "* Text of clients (URLs, methods) is always well-formed: bytes that are no UTF-8 are replaced by U+FFFD, control "
    "characters are escaped,\n  and behind %d bytes it ends with an ellipsis.\n"
    "* Lists come in pages: `page` (from 1) and `count`; `total` is the number of items there are, `next_page` the next page's "
    "number, or null.\n  Each page is a fresh look.\n"
    "\n"
    "| limit | |\n"
    "| --- | --- |\n"
    "| a request's line | %d bytes, nested at most %d deep |\n"
    "| from its first byte to its LF | %d s |\n"
    "| a reply | %d bytes; `reply_too_long` above |\n"
    "| clients at a time | %d |\n"
    "| a client that asks nothing | %d s, then it is disconnected |\n"
    "| items of a page | %d unless asked otherwise, at most %d |\n"
    "\n"
    "## Rights\n"
    "\n"
    "*query* lets a caller look, *operate* also change things. They are checked against the caller's token for each "
    "connection. Unless `QuerySddl`\nand `OperateSddl` in [Management] of fcgiext.ini say otherwise, SYSTEM and Administrators "
    "have both, and Performance Monitor Users may\nquery. Who may only query sees no query strings, no clients' addresses and "
    "no values of EnvironmentVars. Remote clients are refused.\n"
    "\n";

struct member {
    const char *name, *type, *summary;
};

static const struct member server[] = {
    {"version", "string", "of fcgiext"},
    {"pid", "number", "the host's process id"},
    {"host_program", "string", "its program, such as w3wp.exe"},
    {"started_time", "time", "start of the host; also `started_unix`"},
    {"loaded_time", "time", "when it loaded the extension; also `loaded_unix`"},
    {"now_time", "time", "of this reply; also `now_unix`"},
    {"uptime_seconds", "number", "since the extension was loaded"},
    {"config.path", "string", "fcgiext.ini"},
    {"config.state", "string", "`ok`; `rejected`: a newer file has errors and was not taken, config.check tells them"},
    {"config.read_time", "time", "when what is in force was read; also `config.read_unix`"},
    {"config.rejected_time", "time or null", "when a newer file was rejected; also `config.rejected_unix`"},
    {"config.errors", "number", "of what is in force"},
    {"config.warnings", "number", "the same"},
    {0},
};
static const struct member pool[] = {
    {"name", "string", "its section in fcgiext.ini"},
    {"program", "string", "ExePath, or the addresses"},
    {"external", "boolean", "its workers are connections to servers that fcgiext does not start"},
    {"broken", "boolean", "its section has errors: it serves nothing"},
    {"state", "string", "`running`, `draining`, `drained`, `rapid_fail`, `closed`, `broken`"},
    {"workers.current", "number", "all there are"},
    {"workers.maximum", "number", "the most there may be"},
    {"workers.starting", "number",
     "of them; also `workers.idle`, `workers.busy`, `workers.connecting`, `workers.retiring` (have their last request), "
     "`workers.stopping`"},
    {"requests.running", "number", "on workers"},
    {"requests.queued", "number", "that wait for a worker"},
    {"requests.queue_length", "number", "the most that may wait"},
    {"requests.oldest_wait_seconds", "number", "how long the queue's first one has waited"},
    {"requests.oldest_run_seconds", "number", "how long the oldest one has run"},
    {"recycle.state", "string", "`none`, `running`, `failed` (the last one stopped as its replacements failed)"},
    {"recycle.old_workers", "number", "still to be replaced"},
    {"drain", "object or null",
     "`drain.left_seconds`: until it resumes by itself, or null; `drain.persist`: across a restart of the host"},
    {"rapid_fail", "object or null",
     "`rapid_fail.left_seconds`: until it is tried again; `rapid_fail.first_cause`: a [cause](#causes)"},
    {"learned_requests", "number or null", "the program ends by itself after so many requests"},
    {"limits", "object",
     "`limits.max_instances`, `limits.queue_length`, `limits.instance_max_requests`, `limits.idle_timeout_seconds`, "
     "`limits.activity_timeout_seconds`, `limits.request_timeout_seconds`, `limits.rapid_fails_per_minute`"},
    {"tuning", "object or null",
     "of a pool with MaxInstances=0, whose `limits.max_instances` moves. `tuning.reason`: why it is what it is, as the last "
     "look found it: `steady`, `queue_waits`, `cpu_saturated`, `memory_low`, `no_gain` (more workers have not answered more), "
     "`loss` (fewer have answered fewer), `at_most`, `idle`; `tuning.move_reason`, `tuning.move_age_seconds`: of the last "
     "move, or null; `tuning.moves_by_reason`: how often it was moved"},
    {"totals.requests", "number", "that have come"},
    {"totals.answered", "number", "whose answer was passed on to its end"},
    {"totals.failed", "number", "that ended otherwise"},
    {"totals.failed_by_cause", "object", "the same, by [cause](#causes); only those that there were"},
    {"totals.rejected", "number",
     "those of the failed ones that were refused (503) before a worker had them: queue_full, queue_timeout, draining, "
     "rapid_fail, shutting_down"},
    {"totals.retried", "number", "second tries after a worker had gone"},
    {"totals.starts", "number", "of workers"},
    {"totals.start_failures", "number", "of workers"},
    {"totals.exits", "number", "of workers"},
    {"totals.unexpected_exits", "number", "without having been told to"},
    {"started_time", "time", "of the pool and its totals; also `started_unix`; null if it is broken"},
    {"settings", "array or null", "pool.show only: each [setting](#setting)"},
    {0},
};
static const struct member worker[] = {
    {"pool", "string", ""},
    {"id", "id", ""},
    {"pid", "number or null", "its process, if it has one (yet)"},
    {"state", "string", "`starting`, `idle`, `busy`, `connecting`, `retiring`, `stopping`, `gone`"},
    {"retiring", "boolean", "to be replaced, or with its last request"},
    {"request", "id or null", "that it has"},
    {"served", "number", "requests that it has been given"},
    {"answered", "number", "requests that it has answered"},
    {"requests_left", "number", "until InstanceMaxRequests"},
    {"age_seconds", "number", ""},
    {"state_seconds", "number", "how long it has been in this state"},
    {"private_bytes", "number or null", "its memory, if known"},
    {"handles", "number or null", "its handles, if known"},
    {"url_path", "string", "of the request that it has, or had last"},
    {0},
};
static const struct member request[] = {
    {"pool", "string", ""},
    {"id", "id", ""},
    {"worker_pid", "number or null", "who has it"},
    {"state", "string",
     "`taking_in` (its body is collected first), `queued`, `running`, `lingering` (its worker has gone; why is awaited)"},
    {"method", "string", "of HTTP"},
    {"url_path", "string", "without the query string"},
    {"age_seconds", "number", ""},
    {"state_seconds", "number", "how long it has been in this state"},
    {"body_bytes", "number", "of the request, in all"},
    {"sent_bytes", "number", "of the answer, so far"},
    {"waits_for_client", "boolean", "not for the worker"},
    {"query", "string", "with the operate right only"},
    {"client", "string", "its address; with the operate right only"},
    {0},
};
static const struct member exit_members[] = {
    {"pool", "string", ""},
    {"pid", "number or null", ""},
    {"code", "number", "the exit code"},
    {"code_hex", "string", "`0xc0000005`"},
    {"code_text", "string", "`access violation`; empty for codes that mean what the program says"},
    {"expected", "boolean", "it had been told to end, or reached its own limit of requests"},
    {"cause", "string or null", "a [cause](#causes), unless it was expected"},
    {"at_time", "time", "also `at_unix`"},
    {"age_seconds", "number", "since then"},
    {"lived_seconds", "number", ""},
    {"answered", "number", "requests"},
    {"url_path", "string", "of its last request"},
    {0},
};
static const struct member operation[] = {
    {"id", "id", "for operation.wait"},
    {"kind", "string", "`recycle`, `drain`, `resume`, `worker_recycle`, `worker_kill`, `reload`"},
    {"pool", "string", ""},
    {"state", "string", "`running`, `done`, `failed` (it cannot end any more), `superseded` (another command took its place)"},
    {"done", "number", "of `total`: workers replaced or ended, requests ended"},
    {"total", "number", ""},
    {"reason", "string", "why it failed, or takes long; may be empty"},
    {"age_seconds", "number", ""},
    {0},
};
static const struct member setting[] = {
    {"name", "string", "as documented"},
    {"value", "string or null", "as fcgiext.ini has it; null: EnvironmentVars without the operate right"},
    {"default", "string", ""},
    {"is_default", "boolean", ""},
    {"unit", "string", "`s`, `bytes`, or empty"},
    {"since", "string", "`1.0`, `1.5`: FastCGI ISAPI; `fcgiext 0.1`"},
    {"variables", "array", "EnvironmentVars only: `variables.name`, `variables.value` (null without the operate right)"},
    {0},
};
static const struct member pool_configuration[] = {
    {"name", "string", ""},
    {"line", "number", "of its section"},
    {"valid", "boolean", "it has no errors"},
    {"mapped", "boolean", "an entry of [Types] leads to it"},
    {"settings", "array", "each [setting](#setting)"},
    {0},
};
static const struct member mapping[] = {
    {"extension", "string", "without dot; `*` for all"},
    {"site", "string", "id of the site; empty for any"},
    {"app_path", "string", "of the application; empty for any"},
    {"pool", "string or null", "null: the section that it names is missing"},
    {"line", "number", ""},
    {0},
};
static const struct member diagnostic[] = {
    {"severity", "string", "`error`, `warning`"},
    {"line", "number", "0: about the whole file"},
    {"section", "string", ""},
    {"property", "string", ""},
    {"message", "string", "without the operate right, words that may be part of an EnvironmentVars are replaced by '...'"},
    {0},
};
static const struct member management[] = {
    {"pipe", "boolean", "this pipe is switched on"},
    {"query_sddl", "string", "who may query"},
    {"operate_sddl", "string", "who may operate"},
    {"error_details", "string", "`local`, `all`: who sees details on error pages"},
    {0},
};
static const struct member metric_members[] = {
    {"name", "string", "see below"},
    {"kind", "string", "`counter`, `gauge`, `stateset` (one 1 among zeros), `histogram`"},
    {"unit", "string", "`requests`, `workers`, `bytes`, `seconds`, or empty"},
    {"help", "string", ""},
    {"samples", "array",
     "`samples.labels`: `labels.pool`, but for those of the host, and what the metric is split by; `samples.value`; of a "
     "counter "
     "and of a histogram `samples.created`: since when it counts, in seconds since 1970. A histogram has no value but "
     "`samples.buckets`, each with `buckets.le` (seconds; null: without a limit) and `buckets.count` (of what took at most "
     "that), and "
     "`samples.sum` (seconds) and `samples.count` of all"},
    {0},
};

static const struct {
    const char *title;
    const struct member *members;
} objects[] = {
    {"server", server},         {"pool", pool},
    {"worker", worker},         {"request", request},
    {"exit", exit_members},     {"operation", operation},
    {"setting", setting},       {"pool configuration", pool_configuration},
    {"mapping", mapping},       {"diagnostic", diagnostic},
    {"management", management}, {"metric", metric_members},
};

static void put_conventions(const struct document *document)
{
    char text[sizeof conventions + 200];
    snprintf(text, sizeof text, conventions, MGMT_MAX_ID_LEN, MGMT_API_VERSION, JSON_MAX_CUT_LEN, MGMT_MAX_LINE_LEN,
             MGMT_MAX_DEPTH, MGMT_LINE_MS / 1000, MGMT_MAX_REPLY_LEN, MGMT_MAX_CLIENTS, MGMT_IDLE_MS / 1000, MGMT_PAGE_COUNT,
             MGMT_MAX_PAGE_COUNT);
    document_put(document, text);
}

static void put_params(const struct document *document, const struct method *method)
{
    if (!method->params[0].name)
        return;
    document_put(document, "| parameter | type |  |\n| --- | --- | --- |\n");
    for (size_t i = 0; i < METHOD_MAX_PARAMS && method->params[i].name; i++) {
        const struct method_param *param = &method->params[i];
        char name[80], type[120];
        snprintf(name, sizeof name, "`%s`%s", param->name, param->required ? "" : " (optional)");
        if (param->type == METHOD_INTEGER || param->type == METHOD_SECONDS)
            snprintf(type, sizeof type, "%s, %u to %u", method_type_name(param->type), (unsigned)param->min,
                     (unsigned)param->max);
        else
            snprintf(type, sizeof type, "%s", method_type_name(param->type));
        document_row(document, (const char *const[]){name, type, param->summary, NULL});
    }
    document_put(document, "\n");
}

static void put_methods(const struct document *document)
{
    document_put(document, "## Methods\n\n| method | right |  |\n| --- | --- | --- |\n");
    for (size_t i = 0; i < method_count; i++) {
        char name[40];
        snprintf(name, sizeof name, "`%s`", methods[i].name);
        document_row(document, (const char *const[]){name, mgmt_right_name(methods[i].right), methods[i].summary, NULL});
    }
    document_put(
        document,
        "\nCommands are idempotent: what holds already is an operation that is done. An *id* is a string of digits.\n");
    for (size_t i = 0; i < method_count; i++) {
        document_put(document, "\n### ");
        document_put(document, methods[i].name);
        document_put(document, "\n\n");
        document_put(document, methods[i].summary);
        document_put(document, " Right: ");
        document_put(document, mgmt_right_name(methods[i].right));
        document_put(document, ".\n\n");
        put_params(document, &methods[i]);
        document_put(document, "Result: ");
        document_put(document, methods[i].result);
        document_put(document, "\n");
    }
}

static void put_objects(const struct document *document)
{
    document_put(document, "\n## Objects\n\n`a.b` is member `b` of the object `a`.\n");
    for (size_t i = 0; i < sizeof objects / sizeof *objects; i++) {
        document_put(document, "\n### ");
        document_put(document, objects[i].title);
        document_put(document, "\n\n| member | type |  |\n| --- | --- | --- |\n");
        for (const struct member *member = objects[i].members; member->name; member++) {
            char name[80];
            snprintf(name, sizeof name, "`%s`", member->name);
            document_row(document, (const char *const[]){name, member->type, member->summary, NULL});
        }
    }
}

static void put_families(const struct document *document, const struct counter_family *families, size_t count)
{
    document_put(document, "\n| name | kind | unit | further label |  |\n| --- | --- | --- | --- | --- |\n");
    for (size_t i = 0; i < count; i++) {
        const char *label_name = counter_label_name(families[i].label);
        char name[80], label[40] = "";
        snprintf(name, sizeof name, "`%s`", families[i].name);
        if (*label_name)
            snprintf(label, sizeof label, "`%s`", label_name);
        document_row(document, (const char *const[]){name, counter_kind_name(families[i].kind),
                                                     counter_unit_name(families[i].unit), label, families[i].help, NULL});
    }
}

static void put_metrics(const struct document *document)
{
    document_put(document, "\n## Metrics\n\nWhat they tell, and what to do about it: docs/counters.md. These have samples for "
                           "each pool that is not "
                           "broken, with the label `pool`.\nAll values of a further label are there from the start, also with "
                           "0, but for those that "
                           "cannot happen: the results `no_mapping` and\n`config_invalid`, and moves of the limit of a pool "
                           "whose MaxInstances is not "
                           "0. So a pool has at most 80 samples and 3 histograms.\n");
    put_families(document, counter_pool_families, counter_pool_family_count);
    document_put(document, "\nAnd those of the host:\n");
    put_families(document, counter_host_families, counter_host_family_count);
}

static void put_errors(const struct document *document)
{
    document_put(document, "\n## Errors\n\n| code | reason |  |\n| --- | --- | --- |\n");
    for (size_t i = 0; i < mgmt_error_count; i++) {
        char code[16], reason[60];
        snprintf(code, sizeof code, "%d", (int)mgmt_errors[i].code);
        snprintf(reason, sizeof reason, "`%s`", mgmt_errors[i].reason);
        document_row(document, (const char *const[]){code, reason, mgmt_errors[i].summary, NULL});
    }
    document_put(
        document,
        "\n## Causes\n\nWhy a request failed, or a worker ended; the same names stand in the header `X-Fcgiext-Reason`.\n\n"
        "| cause |  |\n| --- | --- |\n");
    for (int i = ERROR_CAUSE_NONE + 1; i < ERROR_CAUSE_COUNT; i++) {
        char cause[60];
        snprintf(cause, sizeof cause, "`%s`", error_cause_name((enum error_cause)i));
        document_row(document, (const char *const[]){cause, error_cause_text((enum error_cause)i), NULL});
    }
}

void api_markdown(const struct document *document)
{
    document_put(document, head);
    put_conventions(document);
    put_methods(document);
    put_objects(document);
    put_metrics(document);
    put_errors(document);
}
