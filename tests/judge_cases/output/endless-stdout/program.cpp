#include <cstdio>
int main() {
    for (long i = 0; i < 10'000'000; i++) std::puts("a line that says nothing at all, over and over again");
}
