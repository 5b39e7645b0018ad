#include <cstdio>
int main() {
    for (int i = 0; i < 1000; i++) std::printf("%d\n", i);
}
