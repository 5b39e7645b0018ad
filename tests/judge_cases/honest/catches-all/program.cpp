#include <cstdio>
int main() {
    try {
        throw 9;
    } catch (int n) {
        std::printf("%d\n", n);
    }
}
