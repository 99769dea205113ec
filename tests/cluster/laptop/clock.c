// Loaded before libc, it sets a program's clock wrong by CLOCK_OFF seconds.
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *now) {
    long result = syscall(SYS_clock_gettime, clock, now);
    const char *off = getenv("CLOCK_OFF");
    if (result == 0 && off && clock == CLOCK_REALTIME)
        now->tv_sec += atol(off);
    return (int)result;
}
