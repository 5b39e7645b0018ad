#include <cstdio>
#include <iostream>
#include <string>
int main() {
    int first, second;
    std::string third;
    if (std::scanf("%d", &first) != 1) return 1;
    std::cin >> second >> third;
    std::cout << first << " " << second << " " << third;
    int n;
    while (std::scanf("%d", &n) == 1) std::printf(" %d", n);
    std::cout << "\n";
}
