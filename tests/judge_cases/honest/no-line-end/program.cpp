#include <cstdio>
int main() { std::printf("9"); }
