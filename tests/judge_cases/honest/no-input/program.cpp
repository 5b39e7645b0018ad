#include <cstdio>
int main() { std::printf("%d\n", std::getchar() == EOF ? 0 : 1); }
