/* breaches: extensions inside this program, each of which breaks one rule: does the host see it? */
#ifndef TESTS_ECB_DRIVER_BREACHES_H
#define TESTS_ECB_DRIVER_BREACHES_H

/* Does not return when the rule is watched. "none" breaks none. */
void breach(const char *name);

#endif
