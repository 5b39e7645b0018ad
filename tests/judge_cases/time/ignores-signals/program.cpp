#include <csignal>
static void go_on(int) {}
int main() {
    for (int number = 1; number < 65; number++) signal(number, number % 2 ? SIG_IGN : go_on);
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, nullptr);
    for (volatile long i = 0;; i++) {}
}
