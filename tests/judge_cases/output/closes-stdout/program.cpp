#include <cstdio>
#include <unistd.h>
int main() {
    close(1);
    close(2);
    std::printf("9\n");
}
