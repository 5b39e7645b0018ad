#include <cstdio>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
static const char *below(const char *place, const char *name) {
    static char path[200];
    std::snprintf(path, sizeof path, "%s/frontier-escape%s", place, name);
    return path;
}
int main() {
    const char *places[] = {"/tmp", "/var/tmp", "/dev/shm", "/dev", "/run", "/", ".", "..", "/usr/lib", "/root", "feedback"};
    for (const char *place : places) {
        if (open(below(place, ""), O_CREAT | O_WRONLY, 0644) >= 0) std::printf("a file in %s\n", place);
        if (!mkdir(below(place, "-folder"), 0755)) std::printf("a folder in %s\n", place);
        if (!symlink("/etc/passwd", below(place, "-link"))) std::printf("a link in %s\n", place);
        if (!link("/etc/passwd", below(place, "-hard"))) std::printf("a hard link in %s\n", place);
        if (!mkfifo(below(place, "-pipe"), 0644)) std::printf("a pipe in %s\n", place);
        if (open(place, O_TMPFILE | O_RDWR, 0600) >= 0) std::printf("an unnamed file in %s\n", place);
    }
}
