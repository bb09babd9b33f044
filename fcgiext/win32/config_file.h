/* config_file: where fcgiext.ini is, and its bytes. */
#ifndef FCGIEXT_WIN32_CONFIG_FILE_H
#define FCGIEXT_WIN32_CONFIG_FILE_H

#include <winsock2.h>

#include <windows.h>

#include "fcgiext/core/config.h"

/* The environment variable FCGIEXT_INI, else fcgiext.ini beside this DLL. Owned by the caller (free); NULL: out of
 * memory. */
WCHAR *config_file_path(void);

/* Reads and parses. NULL: out of memory. A file that cannot be read is a configuration with *error set and no pools. */
struct config *config_file_load(const WCHAR *path, DWORD *error);

#endif
