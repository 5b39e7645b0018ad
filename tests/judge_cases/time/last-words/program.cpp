#include <cstdio>
#include <cstdlib>
static void endless() {
    for (volatile long i = 0;; i++) {}
}
int main() {
    std::atexit(endless);
    std::puts("9");
    std::fflush(stdout);
}
