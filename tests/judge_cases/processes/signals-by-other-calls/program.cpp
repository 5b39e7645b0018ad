#include <cstdio>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>
int main() {
    char information[128] = {};
    int pids[] = {1, getpid(), getppid()};
    for (int pid : pids) {
        if (!syscall(SYS_tkill, pid, 0)) std::printf("tkill\n");
        if (!syscall(SYS_tgkill, pid, pid, 0)) std::printf("tgkill\n");
        if (!syscall(SYS_rt_sigqueueinfo, pid, 18, information)) std::printf("sigqueue\n");
        if (syscall(434, pid, 0) >= 0) std::printf("pidfd_open\n");
        for (int file = 0; file < 3; file++)
            if (!fcntl(file, F_SETOWN, pid)) std::printf("owner of a file\n");
    }
}
