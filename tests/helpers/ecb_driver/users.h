/* users: three users with a token each, which only their privileges tell apart; so copies of a token can be told, too. */
#ifndef TESTS_ECB_DRIVER_USERS_H
#define TESTS_ECB_DRIVER_USERS_H

#include <stdbool.h>

#include <windows.h>

enum { USERS = 3, NOBODY = -1 };

/* Of which the body of a user's request consists. */
extern const char user_letters[USERS];

/* Once is enough; ends the program when the system cannot do it. */
void users_make(void);
/* An impersonation token, of which users_check sees if somebody has closed it. */
HANDLE user_token(unsigned user);
void users_check(void);

/* As whom the calling thread acts; NOBODY: as this process. Ends the program when it is none of them. */
int user_of_thread(void);
/* Acts as this user from now on, or as this process. */
void user_act(int user);

/* A call of the DLL for a user's request, on a thread that acts as somebody else, if at all: so it shows if it does not come back as it
 * came. */
struct visit {
    bool acts;
    int before, user; /* as user_of_thread has it */
};
void visit_begin(struct visit *visit, unsigned user);
void visit_end(const struct visit *visit);

#endif
