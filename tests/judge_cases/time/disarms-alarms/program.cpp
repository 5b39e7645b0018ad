#include <sys/time.h>
#include <unistd.h>
int main() {
    itimerval never = {};
    for (;;) {
        alarm(0);
        setitimer(ITIMER_REAL, &never, nullptr);
        setitimer(ITIMER_PROF, &never, nullptr);
    }
}
