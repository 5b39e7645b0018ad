#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <sys/random.h>
#include <unistd.h>
int main() {
    timespec started, ended;
    clock_gettime(CLOCK_MONOTONIC, &started);
    usleep(10000);
    clock_gettime(CLOCK_MONOTONIC, &ended);
    std::srand(std::time(nullptr));
    unsigned char drawn;
    bool got = getrandom(&drawn, 1, 0) == 1 && std::rand() >= 0 && clock() >= 0;
    std::printf("%d\n", got && (ended.tv_sec > started.tv_sec || ended.tv_nsec > started.tv_nsec) ? 9 : 0);
}
