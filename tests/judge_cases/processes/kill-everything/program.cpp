#include <csignal>
#include <cstdio>
#include <sys/syscall.h>
#include <unistd.h>
int main() {
    int numbers[] = {0, SIGCONT, SIGSTOP, SIGKILL};
    for (int target = -1; target < 3000; target++)
        for (int number : numbers) {
            if (kill(target, number)) break;
            std::printf("signalled %d\n", target);
        }
    for (int number : numbers) {
        if (kill(getppid(), number)) break;
        std::printf("signalled its parent\n");
    }
}
