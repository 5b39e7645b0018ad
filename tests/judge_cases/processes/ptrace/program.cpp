#include <cstdio>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>
int main() {
    if (!ptrace(PTRACE_TRACEME, 0, 0, 0)) std::printf("traced\n");
    for (int pid = 1; pid < 200; pid++) {
        if (!ptrace(PTRACE_SEIZE, pid, 0, 0)) std::printf("attached to %d\n", pid);
        if (syscall(SYS_process_vm_readv, pid, 0, 0, 0, 0, 0) >= 0) std::printf("reads %d\n", pid);
    }
    if (!ptrace(PTRACE_ATTACH, getppid(), 0, 0)) std::printf("attached to its parent\n");
}
