#include <cstdio>
#include <grp.h>
#include <sys/syscall.h>
#include <unistd.h>
int main() {
    if (!setuid(0)) std::printf("root\n");
    if (!setresuid(0, 0, 0)) std::printf("root in all three\n");
    if (!setgid(0)) std::printf("root's group\n");
    gid_t group = 0;
    if (!setgroups(1, &group)) std::printf("root's groups\n");
    if (!syscall(SYS_setfsuid, -1) && !syscall(SYS_setfsuid, 0) && syscall(SYS_setfsuid, -1) == 0 && setuid(0) == 0)
        std::printf("root's files\n");
}
