#include <cstdio>
#include <unistd.h>
int main() {
    std::printf("9\n");
    _exit(0);
}
