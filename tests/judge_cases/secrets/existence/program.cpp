#include <initializer_list>
#include <cstdio>
#include <sys/stat.h>
#include <unistd.h>
int main() {
    struct stat found;
    for (const char *path : {"/etc/shadow", "/root", "/tmp", "/proc/1/cwd"})
        if (!stat(path, &found)) std::printf("%s %ld\n", path, (long)found.st_size);
}
