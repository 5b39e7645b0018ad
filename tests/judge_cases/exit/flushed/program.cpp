#include <cstdio>
#include <cstdlib>
int main() {
    std::printf("9\n");
    std::fflush(stdout);
    std::_Exit(0);
}
