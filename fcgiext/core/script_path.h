/* script_path: what a request's paths say: which part is the script, what follows it, and whether they are safe to hand
 * to a program that opens files with them. Text only: no file is looked at, nothing is allocated.
 *
 * What Windows makes of names (which is why they are refused): trailing dots and spaces fall off ("x.php." opens
 * x.php), "x.php::$DATA" is x.php, "INDEX~1.PHP" is index.phpx, "con.php" is the console, '<', '>' and '"' are wildcards to
 * functions that search. The host has decided on the name as it was written; the file system would open another one. */
#ifndef FCGIEXT_CORE_SCRIPT_PATH_H
#define FCGIEXT_CORE_SCRIPT_PATH_H

#include "fcgiext/core/bytes.h"

/* What follows the script: with AllowPathInfoForScriptMappings the whole of PATH_INFO; else PATH_INFO without SCRIPT_NAME at
 * its front. A PATH_INFO that does not begin with SCRIPT_NAME is taken for the former, whatever the setting says. Empty, or
 * begins with '/' if PATH_INFO does. *stripped: SCRIPT_NAME was found and taken off. */
struct bytes script_path_extra(struct bytes script_name, struct bytes path_info, bool path_info_is_extra, bool *stripped);

/* PATH_TRANSLATED (a file, with '/' or '\') without as many names at its end as `extra` has. Empty when what remains does not end
 * with the last name of SCRIPT_NAME: then PATH_TRANSLATED is not the script's file with `extra` behind it. */
struct bytes script_path_without_extra(struct bytes path_translated, struct bytes script_name, struct bytes extra);

/* The part of SCRIPT_NAME below the application's URL, which APPL_MD_PATH holds ("/LM/W3SVC/1/ROOT/app" -> "/app"); begins with '/'.
 * Empty when SCRIPT_NAME is not below it. */
struct bytes script_path_below_app(struct bytes script_name, struct bytes appl_md_path);

/* DOCUMENT_ROOT: the folder without a separator at its end, but for a root ("C:\", "\", "/"), which would mean something else. */
struct bytes script_path_document_root(struct bytes folder);

/* false: a control character, or ".." as a name. For every path, the part behind the script too. */
bool script_path_is_clean(struct bytes path);

/* false: a name in this URL path that Windows would open as something else (above), or a backslash. */
bool script_path_is_plain(struct bytes script_name);

/* false: a colon elsewhere than behind a drive letter. For the file that a program is to open. */
bool script_path_file_is_plain(struct bytes file);

/* true: a name before the last one (or before a '/' at the end) looks like a picture, a film, a document: "/file.jpg/x.php". PHP,
 * told to open file.jpg\x.php, walks up and runs file.jpg, which somebody may have uploaded. Folders have no such names. */
bool script_path_is_below_media(struct bytes script_name);

/* The path without its last name, and without separators at its end. Empty: there is none. */
struct bytes script_path_parent(struct bytes path);

/* How many names there are between separators. */
size_t script_path_name_count(struct bytes path);

static inline bool script_path_is_separator(uint8_t c)
{
    return c == '/' || c == '\\';
}

#endif
