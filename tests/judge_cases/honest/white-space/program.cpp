#include <cstdio>
int main() { std::printf("\n  3 \t9  \r\n\n 27 \n\n"); }
