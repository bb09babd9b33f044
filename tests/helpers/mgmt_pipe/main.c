/* mgmt_pipe: both ends of the management pipe, driven by lines of standard input; tests/system/test_mgmt_pipe.py does.
 *
 *   mgmt_pipe serve OPTION...     a server (serve.c)
 *   mgmt_pipe client              clients (client.c)
 *
 * Each line of input is answered by one line of output; what a server tells unasked begins with "alarm". The end of input ends all. */
#include "tests/helpers/mgmt_pipe/mgmt_pipe.h"

#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    if (argc >= 2 && strcmp(argv[1], "serve") == 0)
        return serve(argc - 2, argv + 2);
    if (argc == 2 && strcmp(argv[1], "client") == 0)
        return run_clients();
    fprintf(stderr, "usage: mgmt_pipe serve OPTION... | mgmt_pipe client; see main.c\n");
    return 2;
}
