#include <csignal>
#include <cstdio>
#include <sys/stat.h>
int main() {
    int wrong = 0;
    for (int number = 1; number < 32; number++) {
        struct sigaction found;
        if (!sigaction(number, nullptr, &found) && found.sa_handler != SIG_DFL) std::printf("signal %d\n", number), wrong++;
    }
    sigset_t mask;
    sigprocmask(SIG_BLOCK, nullptr, &mask);
    for (int number = 1; number < 32; number++)
        if (sigismember(&mask, number)) std::printf("masked %d\n", number), wrong++;
    struct stat file;
    for (int number = 3; number < 100; number++)
        if (!fstat(number, &file)) std::printf("file %d\n", number), wrong++;
    if (!wrong) std::puts("ok");
}
