#include <csignal>
#include <cstdio>
#include <unistd.h>
int main() {
    if (!raise(SIGSTOP)) std::printf("went on\n");
    if (!kill(getpid(), SIGTSTP)) std::printf("went on\n");
}
