#include <cstdio>
#include <cstdlib>
int main() {
    std::puts("9");
    std::exit(256);
}
