/* config_markdown: see config_markdown.h. */
#include "tools/docs/config_markdown.h"

#include <inttypes.h>
#include <stdio.h>

#include "fcgiext/core/config.h"
#include "tools/docs/config_notes.h"

static const char head[] =
    "# fcgiext.ini\n"
    "\n"
    "This file is printed by `tools/docs` from the tables of `config`; `tests/unit/test_config_docs` compares the two.\n"
    "\n"
    "fcgiext.ini stands beside fcgiext.dll; the environment variable `FCGIEXT_INI` may name another file. "
    "packaging/fcgiext.ini is a\n"
    "sample. A change takes effect within a second, without a restart and without losing a request; a file with errors does "
    "not\n"
    "take the place of a good one. `fcgictl config check FILE` tells what is wrong with a file, `fcgictl config show` what is "
    "in force.\n"
    "\n"
    "## Form\n"
    "\n"
    "* Sections `[name]`, properties `name=value`, a comment is a line that begins with `;`. Upper and lower case are the same "
    "in\n"
    "  names of sections, properties and values from a list.\n"
    "* UTF-8 with or without a byte order mark, UTF-16 with one; what is neither is read in the system's ANSI code page.\n"
    "* A property given twice: a warning, the last one counts. A section given twice, an unknown property, a value that is "
    "none of\n"
    "  those allowed, or no number: an error, which breaks its pool. A number outside its range: a warning; it is used.\n";

static const char types[] = "\n"
                            "## [Types]: which pool serves a request\n"
                            "\n"
                            "The first entry that fits, in this order. *site* is the number of the web site; an application's "
                            "path is that of the metabase,\n"
                            "with or without `/LM`; the extension is that of the script, and `*` any. The value is a section's "
                            "name, or the path of a program,\n"
                            "which then has all properties at their defaults. Several entries may name one section.\n"
                            "\n"
                            "| | entry | serves |\n"
                            "| --- | --- | --- |\n"
                            "| 1 | `php:/LM/W3SVC/1/ROOT/app=Section` | .php in an application |\n"
                            "| 2 | `*:/LM/W3SVC/1/ROOT/app=Section` | all else in it |\n"
                            "| 3 | `php:1=Section` | .php in a site |\n"
                            "| 4 | `*:1=Section` | all else in it |\n"
                            "| 5 | `php=Section` | .php anywhere |\n"
                            "| 6 | `*=c:\\apps\\app.exe` | all else |\n"
                            "\n"
                            "A request that no entry fits gets the status 500 and error 1413. Which requests come to fcgiext "
                            "at all is decided by the web\n"
                            "server's mappings.\n";

static const char *type_name(const struct config_setting *setting)
{
    switch (setting->type) {
    case CONFIG_TYPE_STRING: return "text";
    case CONFIG_TYPE_PATH: return "path";
    case CONFIG_TYPE_NUMBER: return "number";
    case CONFIG_TYPE_BOOL: return "0 or 1";
    case CONFIG_TYPE_ENUM: return "one of a list";
    case CONFIG_TYPE_ENVIRONMENT: return "list of variables";
    case CONFIG_TYPE_SERVERS: return "list of addresses";
    }
    return "";
}

/* What is allowed, in Markdown. */
static void put_range(const struct document *document, const struct config_setting *setting)
{
    if (setting->type == CONFIG_TYPE_NUMBER && setting->max >= INT64_MAX)
        document_format(document, "number from %" PRIu64, setting->min);
    else if (setting->type == CONFIG_TYPE_NUMBER)
        document_format(document, "number, %" PRIu64 " to %" PRIu64, setting->min, setting->max);
    else if (setting->type != CONFIG_TYPE_ENUM)
        document_put(document, type_name(setting));
    for (size_t i = 0; setting->type == CONFIG_TYPE_ENUM && setting->choices[i]; i++)
        document_format(document, "%s`%s`", i ? ", " : "", setting->choices[i]);
    if (*setting->unit)
        document_format(document, " (%s)", setting->unit);
}

static const char *default_of(const struct config_setting *setting)
{
    return *setting->default_text ? setting->default_text : "none";
}

static void put_overview(const struct document *document, const struct config_setting *settings, size_t count)
{
    document_put(document, "| property | since | allowed | default | a change |\n| --- | --- | --- | --- | --- |\n");
    for (size_t i = 0; i < count; i++) {
        document_format(document, "| %s | %s | ", settings[i].name, settings[i].since);
        put_range(document, &settings[i]);
        document_format(document, " | %s | %s |\n", default_of(&settings[i]),
                        settings[i].recycles ? "new processes" : "at once");
    }
}

static void put_settings(const struct document *document, const struct config_setting *settings, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct config_note *note = config_note_find(settings[i].name);
        document_format(document, "\n### %s\n\n%s\n", settings[i].name, settings[i].help);
        if (settings[i].own_processes)
            document_put(document, "Not for external servers (Address).\n");
        if (note && *note->text)
            document_format(document, "\n%s\n", note->text);
        if (note)
            document_format(document, "\n```ini\n%s=%s\n```\n", settings[i].name, note->example);
    }
}

void config_markdown(const struct document *document)
{
    document_put(document, head);
    document_put(document, types);
    document_put(document,
                 "\n## Pools\n\n*Since* 1.0 and 1.5: versions of FastCGI ISAPI, which have the same property. *A change* takes "
                 "effect at once, or asks for new\nprocesses, which replace the old ones one by one.\n\n");
    put_overview(document, config_settings, config_setting_count);
    put_settings(document, config_settings, config_setting_count);
    document_put(document, "\n## [Management]\n\nWho may see and operate the pools, and who sees what is wrong.\n\n");
    put_overview(document, config_management_settings, config_management_setting_count);
    put_settings(document, config_management_settings, config_management_setting_count);
}

/* ---- the sample */

static const char sample_head[] =
    "; fcgiext.ini: which FastCGI programs serve which requests, and how.\n"
    "; A change takes effect at once. Check it first: fcgictl config check fcgiext.ini\n"
    "; Each property is explained in docs/fcgiext.ini.md. A line behind a semicolon is an example, or a default.\n"
    "\n"
    "[Types]\n"
    "php=PHP\n"
    "; in site 2 only, in one application only, all requests of site 3 (a wildcard map), a program without a section:\n"
    ";php:2=PHP site 2\n"
    ";php:/LM/W3SVC/1/ROOT/app=PHP site 2\n"
    ";*:3=Front controller\n"
    ";fcgi=c:\\apps\\app.exe\n"
    "\n"
    "[PHP]\n"
    "ExePath=c:\\php\\php-cgi.exe\n"
    "InstanceMaxRequests=10000\n"
    "EnvironmentVars=PHPRC:c:\\php\n"
    "MonitorChangesTo=php.ini\n"
    "\n"
    ";[PHP site 2]\n"
    ";ExePath=c:\\php8\\php-cgi.exe\n"
    "\n"
    ";[Front controller]\n"
    ";ExePath=c:\\apps\\front.exe\n"
    ";IgnoreExistingFiles=1\n"
    ";IgnoreDirectories=1\n"
    "\n"
    "; All properties of a section, with their defaults; where there is none, an example.\n"
    ";[Every property]\n";

static void sample_settings(const struct document *document, const struct config_setting *settings, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct config_note *note = config_note_find(settings[i].name);
        bool has_default = *settings[i].default_text && settings[i].type != CONFIG_TYPE_PATH;
        document_format(document, "; %s\n;%s=%s\n", settings[i].help, settings[i].name,
                        has_default || !note ? settings[i].default_text : note->example);
    }
}

void config_sample(const struct document *document)
{
    document_put(document, sample_head);
    sample_settings(document, config_settings, config_setting_count);
    document_put(document, "\n; Who may see and operate the pools.\n;[Management]\n");
    sample_settings(document, config_management_settings, config_management_setting_count);
}
