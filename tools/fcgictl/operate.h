/* operate: the commands that change something: recycle, drain, resume, kill, wait; config reload works by the same steps. */
#ifndef FCGICTL_OPERATE_H
#define FCGICTL_OPERATE_H

#include "tools/fcgictl/targets.h"

int operate_recycle(struct run *run);
int operate_drain(struct run *run);
int operate_resume(struct run *run);
int operate_kill(struct run *run);
int operate_wait(struct run *run);
int operate_reload(struct run *run);

#endif
