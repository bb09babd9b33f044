/* config_notes: see config_notes.h. A test holds that each setting has one, and that each example is taken without a word. */
#include "tools/docs/config_notes.h"

#include <string.h>

const struct config_note config_notes[] = {
    {"ExePath", "c:\\php\\php-cgi.exe",
     "May stand in quotes. A section without it uses its own name as the path. The folder of the program is the working "
     "folder\nof its processes."},
    {"Arguments", "-d memory_limit=256M -d \"error_log=c:\\php logs\\php.log\"",
     "They follow the program's path on the command line as they are here; the program takes them apart: the C run-time "
     "library\nsplits at spaces outside quotes, and `\\\"` is a quote."},
    {"EnvironmentVars", "PHPRC:c:\\php,TEMP:\"d:\\temp, php\"",
     "`Name:Value,Name:Value`; the first `:` or `=` splits. Quotes may stand around a whole value; there a comma is a comma. "
     "`/,` is a\ncomma anywhere, `//` a slash; any other `/` is itself, with a warning. A backslash is plain. They come before "
     "the environment\nof the web server's process, which the processes inherit, and replace its variables of the same name. "
     "PHP_FCGI_MAX_REQUESTS is\nset to InstanceMaxRequests + 1 unless it is set here: PHP's own limit (500) would end "
     "processes in the middle of their life. One that is set\nhere is known: the last request of a process is planned as its "
     "last."},
    {"Protocol", "NamedPipe",
     "With `Tcp` each process gets a listening socket on 127.0.0.1 as its standard input. **Any program on the machine can "
     "connect to\nsuch a port**; a named pipe can be opened by SYSTEM, administrators and the pool's own account only."},
    {"QueueLength", "500", "The refusal has `Retry-After` and `X-Fcgiext-Reason: queue_full`."},
    {"MaxInstances", "16", "Processes are started only when a request finds none that is free."},
    {"InstanceMaxRequests", "10000", "A new process takes its place; no request is refused for it."},
    {"IdleTimeout", "600", ""},
    {"ActivityTimeout", "60",
     "Time that is spent waiting for the client does not count. A new process has twice the time until its first bytes, "
     "unless\n"
     "StartupTimeout is set."},
    {"RequestTimeout", "300",
     "Counted from when a process gets the request; time that is spent waiting for the client does not count."},
    {"ResponseBufferLimit", "65536",
     "A response that is complete within it is sent at once, with its length, and the client's connection is kept. A longer "
     "one is\nstreamed. Small values suit pages that show their progress."},
    {"FlushNamedPipe", "1",
     "For programs that answer before they have read all of a request and then wait: the connection is closed after each "
     "request, and\nwhat is still to be written is given up. It differs from 0 only where the connection would be kept for a "
     "request with a body\n(`KeepConnections=Always`): with 0 the process stays busy until it has taken the whole body."},
    {"UnhealthyOnQueueFull", "1", "IIS may then recycle the application pool (its health monitoring must be on)."},
    {"RapidFailsPerMinute", "5",
     "Failures are starts that fail, and processes that end unexpectedly; time-outs are none. 0: the first one is enough. A "
     "recycle, or a\ncorrected fcgiext.ini, ends the pause at once."},
    {"IgnoreExistingFiles", "1",
     "Only for requests that a `*` entry took, looked for in the name of the request's user. What lies below a file goes with "
     "it "
     "(`/up/photo.jfif/x`):\nphp, told to open that, would run photo.jfif. For a script map (`php=`) only names of media above "
     "the "
     "script are refused, with 400: let the\nweb server verify that the script's file exists, or set `cgi.fix_pathinfo=0`."},
    {"IgnoreDirectories", "1", "The web server then looks for a default document."},
    {"MonitorChangesTo", "php.ini",
     "A file that appears, disappears or is replaced has changed, too. Several changes in a row are one. The replacement is "
     "rolling: no\nrequest is lost."},
    {"StderrMode", "IgnoreAndReturn200",
     "* `ReturnStderrIn500`: the answer is 500, its body what the program wrote on stderr.\n"
     "* `ReturnGeneric500`: the answer is a general page with 500.\n"
     "* `IgnoreAndReturn200`: stderr does not change the answer; a status that the program sets stays.\n"
     "* `TerminateProcess`: a general page with 500, and the process is ended at once.\n\n"
     "What comes after the headers have been sent cannot change the status any more."},
    {"SignalBeforeTerminateSeconds", "10",
     "The process inherits the event as the variable `_FCGI_SHUTDOWN_EVENT_`; libfcgi and PHP obey it. It is never set while a "
     "request\ncan still be answered."},
    {"Address", "10.0.0.1:9000,10.0.0.2:9000,[::1]:9000",
     "No process is started: each of MaxInstances is a connection to the server with the fewest of them. A server that cannot "
     "be reached\nis left alone for a while. See README.md."},
    {"KeepConnections", "Always",
     "A program that leaves a part of a body unread may take it for the next request, so `Auto` closes the connection after "
     "requests\nwith a body, and never keeps one to an external server. `Always` is for programs that read every body to its "
     "end\n(PHP does, unless a script begins `php://input` and leaves the rest); `Never` for those that cannot number their "
     "requests."},
    {"Impersonate", "0", "0: they always act as the account of the web server's process."},
    {"MinInstances", "2",
     "They run from the moment fcgiext.ini is read (IIS loads the DLL at the first request for it), survive IdleTimeout and "
     "are replaced when\nthey end; not while the pool is drained or in rapid-fail. MaxInstances counts if it is lower."},
    {"QueueTimeout", "30", "The refusal is 503 with `Retry-After` and `X-Fcgiext-Reason: queue_timeout`."},
    {"StartupTimeout", "60", ""},
    {"MaxLifetime", "86400",
     "As by a recycle: first the new process, at most a quarter of MaxInstances at a time, never during a request."},
    {"MaxPrivateBytes", "536870912",
     "For programs that leak. It is looked at after requests, at most every 5 s: what no other process shares, without the "
     "process's\nchildren. The replacement is as with MaxLifetime."},
    {"MaxSpooledBody", "104857600",
     "FastCGI wants to know a body's length before its first byte, so a chunked one is stored first: in memory up to 64 KiB, "
     "then in a\ntemporary file."},
    {"SlowRequestSeconds", "10",
     "An event of the event log; counted from when a process gets the request until it lets it go, waiting for the client "
     "included."},
    {"Utf8ServerVariables", "PATH_INFO,PATH_TRANSLATED,LOGON_USER",
     "In addition to the list of the machine, `FastCGIUtf8ServerVariables` (REG_MULTI_SZ) in\n"
     "`HKLM\\SYSTEM\\CurrentControlSet\\Services\\w3svc\\Parameters`. SCRIPT_FILENAME goes with PATH_TRANSLATED, DOCUMENT_ROOT "
     "with\n"
     "APPL_PHYSICAL_PATH, REQUEST_URI with HTTP_URL; each can also be named alone. What the client has sent (the query, header "
     "fields, the URL\nas it came) is converted only if it is not UTF-8 already. IIS 5.1 has the ANSI code page only: what "
     "that lacks is lost there. A script\nwhose name the code page lacks is refused with 400; to serve it (IIS 6 and later) "
     "name\n"
     "`SCRIPT_NAME,PATH_INFO,PATH_TRANSLATED,URL`."},
    {"PassProxyHeader", "1", "See CVE-2016-5385 (httpoxy) before you set it."},
    {"Pipe", "0", ""},
    {"QuerySddl", "O:BAG:BAD:P(A;;GA;;;SY)(A;;GA;;;BA)(A;;GA;;;S-1-5-32-558)",
     "Empty: SYSTEM, Administrators and Performance Monitor Users."},
    {"OperateSddl", "O:BAG:BAD:P(A;;GA;;;SY)(A;;GA;;;BA)", "Empty: SYSTEM and Administrators."},
    {"ErrorDetails", "All", ""},
};
const size_t config_note_count = sizeof config_notes / sizeof *config_notes;

const struct config_note *config_note_find(const char *name)
{
    for (size_t i = 0; i < config_note_count; i++)
        if (strcmp(config_notes[i].name, name) == 0)
            return &config_notes[i];
    return NULL;
}
