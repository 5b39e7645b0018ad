#include <cstdio>
#include <stdexcept>
int main() {
    std::puts("9");
    std::fflush(stdout);
    throw std::runtime_error("nobody catches this");
}
