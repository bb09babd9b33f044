/* files_win32: files, for struct fcgictl_environment. Paths are UTF-8. */
#ifndef FCGICTL_FILES_WIN32_H
#define FCGICTL_FILES_WIN32_H

#include <stdbool.h>
#include <stddef.h>

bool files_win32_read(void *context, const char *path, char **bytes, size_t *len, char *why, size_t why_size);
bool files_win32_replace(void *context, const char *folder, const char *name, const char *bytes, size_t len, char *why,
                         size_t why_size);

#endif
