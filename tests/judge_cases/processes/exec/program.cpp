#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <unistd.h>
int main() {
    char name[] = "frontier-escape", flag[] = "-c", script[] = "echo executed; sleep 60";
    char *arguments[] = {name, flag, script, nullptr};
    char *nothing[] = {nullptr};
    pid_t child;
    if (posix_spawn(&child, "/bin/sh", nullptr, nullptr, arguments, nothing) == 0) std::printf("spawned\n");
    const char *paths[] = {"/bin/sh", "/usr/bin/env", "/usr/bin/python3", "/lib64/ld-linux-x86-64.so.2", "program", "/proc/self/exe"};
    for (const char *path : paths) execve(path, arguments, nothing);
    for (int file = 0; file < 64; file++) syscall(SYS_execveat, file, "", arguments, nothing, 0x1000);
    if (std::system("echo executed") == 0) std::printf("a shell\n");
}
