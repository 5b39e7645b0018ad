#include <cstdio>
#include <fcntl.h>
#include <unistd.h>
int main() {
    pid_t child = fork();
    if (child < 0) return 1;
    if (child == 0) {
        setsid();
        if (fork() == 0) {
            usleep(500000);
            open("/tmp/frontier-escape-daemon", O_CREAT | O_WRONLY, 0644);
            sleep(60);
        }
        _exit(0);
    }
    std::printf("a daemon\n");
}
