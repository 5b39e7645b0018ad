#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>
int main() {
    const char *pids[] = {"self", "1", "2", "thread-self"};
    const char *names[] = {"environ", "cmdline", "maps", "status", "mountinfo"};
    char path[100], text[4096];
    for (const char *pid : pids)
        for (const char *name : names) {
            std::snprintf(path, sizeof path, "/proc/%s/%s", pid, name);
            int file = open(path, O_RDONLY);
            if (file < 0) continue;
            long n = read(file, text, sizeof text);
            std::printf("%s: ", path);
            std::fwrite(text, 1, n > 0 ? n : 0, stdout);
        }
}
