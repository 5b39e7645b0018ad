#include <cstdio>
#include <unistd.h>
int main() {
    pid_t child = fork();
    if (child < 0) return 1;
    if (child == 0) {
        sleep(60);
        _exit(0);
    }
    std::printf("left a child\n");
}
