/* drain_store: which pools stay drained across a restart of the host: values of HKLM\\SOFTWARE\\fcgiext\\Drained, which only
 * administrators may change; a host with a lesser account is refused. A value's name has the path of fcgiext.ini, the name of the
 * application pool (IIS) and the pool in it, so hosts do not take each other's. */
#ifndef FCGIEXT_WIN32_DRAIN_STORE_H
#define FCGIEXT_WIN32_DRAIN_STORE_H

#include <winsock2.h>

#include <windows.h>

#include <stdbool.h>
#include <stdint.h>

/* 0 or a Win32 error. `end_unix_ms` 0: until it is resumed. */
DWORD drain_store_put(const WCHAR *config_path, const char *pool, uint64_t end_unix_ms);
bool drain_store_get(const WCHAR *config_path, const char *pool, uint64_t *end_unix_ms);
/* Also when there is nothing. */
void drain_store_remove(const WCHAR *config_path, const char *pool);

#endif
