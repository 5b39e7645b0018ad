#include <cstdio>
int main() {
    std::puts("9");
    std::fflush(stdout);
    *(volatile int *)1 = 1;
}
