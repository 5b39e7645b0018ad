#include <cstdio>
int main() {
    std::puts("9");
    return 3;
}
