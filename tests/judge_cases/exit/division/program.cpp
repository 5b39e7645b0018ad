#include <cstdio>
int main() {
    std::puts("9");
    std::fflush(stdout);
    throw 9;
}
