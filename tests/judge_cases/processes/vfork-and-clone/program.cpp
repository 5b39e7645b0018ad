#include <cstdio>
#include <sys/syscall.h>
#include <unistd.h>
int main() {
    long numbers[] = {SYS_fork, SYS_clone};
    for (long number : numbers) {
        long pid = syscall(number, 17, 0, 0, 0, 0);
        if (pid == 0) syscall(SYS_exit_group, 0);
        if (pid > 0) std::printf("a process by call %ld\n", number);
    }
    struct { unsigned long long fields[11]; } arguments = {};
    arguments.fields[4] = 17;
    long pid = syscall(435, &arguments, sizeof arguments);
    if (pid == 0) syscall(SYS_exit_group, 0);
    if (pid > 0) std::printf("a process by clone3\n");
}
