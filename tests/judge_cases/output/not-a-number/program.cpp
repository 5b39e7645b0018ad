#include <cstdio>
int main() {
    char word[20];
    if (std::scanf("%19s", word) == 1) std::puts(word);
}
