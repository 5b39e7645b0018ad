#include <cstdio>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>
int main() {
    int flags[] = {CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWIPC, CLONE_NEWUTS, CLONE_NEWCGROUP};
    for (int flag : flags)
        if (!unshare(flag)) std::printf("a namespace %x\n", flag);
    if (!mount("tmpfs", "/", "tmpfs", 0, "")) std::printf("mounted\n");
    if (!chroot(".")) std::printf("another root\n");
    if (syscall(430, "tmpfs", 0) >= 0) std::printf("opened a file system\n");
}
