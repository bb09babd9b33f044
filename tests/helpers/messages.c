/* messages: prints the texts of a message table, as the viewer of events gets them.
 *
 *   messages DLL ID...       a line "ID TEXT" for each; %1 to %16 become <1> to <16>, line ends become |; "ID -" if there is none */
#include <windows.h>

#include <stdio.h>
#include <stdlib.h>

enum { TEXT_LEN = 4096, INSERTS = 16 };

int main(int count, char **words)
{
    HMODULE dll = count > 1 ? LoadLibraryExA(words[1], NULL, LOAD_LIBRARY_AS_DATAFILE) : NULL;
    if (!dll)
        return 2;
    char words_of_inserts[INSERTS][8];
    DWORD_PTR inserts[INSERTS];
    for (int i = 0; i < INSERTS; i++) {
        snprintf(words_of_inserts[i], sizeof words_of_inserts[i], "<%d>", i + 1);
        inserts[i] = (DWORD_PTR)words_of_inserts[i];
    }
    for (int i = 2; i < count; i++) {
        char text[TEXT_LEN] = "-";
        DWORD id = strtoul(words[i], NULL, 0);
        FormatMessageA(FORMAT_MESSAGE_FROM_HMODULE | FORMAT_MESSAGE_ARGUMENT_ARRAY, dll, id, 0, text, sizeof text,
                       (va_list *)inserts);
        for (char *c = text; *c; c++)
            if (*c == '\r' || *c == '\n')
                *c = '|';
        printf("%s %s\n", words[i], text);
    }
    FreeLibrary(dll);
    return 0;
}
