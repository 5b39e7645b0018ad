#include <cstdio>
#include <fcntl.h>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
int main() {
    for (const char *place : {"/tmp", "/var/tmp", "/dev/shm", "/dev", "/run", "/", ".", "..", "/usr/lib", "/root"}) {
        std::string path = std::string(place) + "/frontier-escape";
        if (open(path.c_str(), O_CREAT | O_WRONLY, 0644) >= 0) std::printf("a file in %s\n", place);
        if (!mkdir((path + "-folder").c_str(), 0755)) std::printf("a folder in %s\n", place);
        if (!symlink("/etc/passwd", (path + "-link").c_str())) std::printf("a link in %s\n", place);
        if (!link("/etc/passwd", (path + "-hard").c_str())) std::printf("a hard link in %s\n", place);
        if (!mkfifo((path + "-pipe").c_str(), 0644)) std::printf("a pipe in %s\n", place);
        if (open(place, O_TMPFILE | O_RDWR, 0600) >= 0) std::printf("an unnamed file in %s\n", place);
    }
}
