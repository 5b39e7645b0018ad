#include <cstdio>
#include <string>
int main() { std::puts(std::string(40'000'000, 'x').c_str()); }
