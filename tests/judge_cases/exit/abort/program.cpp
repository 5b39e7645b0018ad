#include <cstdio>
#include <cstdlib>
int main() {
    std::puts("9");
    std::fflush(stdout);
    std::abort();
}
