#include <cstdio>
#include <regex>
int main() { std::printf("%d\n", std::regex_match(std::string(40, 'a') + "b", std::regex("(a|a)+"))); }
