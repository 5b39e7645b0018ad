#include <cstdio>
#include <unistd.h>
int main() {
    int started = 0;
    for (int i = 0; i < 300; i++) {
        pid_t child = fork();
        if (child < 0) return 1;
        if (child == 0) {
            for (int j = 0; j < 300; j++) fork();
            _exit(0);
        }
        started++;
    }
    std::printf("processes: %d\n", started);
}
