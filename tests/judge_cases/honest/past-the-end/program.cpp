#include <cstdio>
int main() {
    char word[10], more[10];
    if (std::scanf("%9s", word) != 1) return 1;
    bool ended = std::scanf("%9s", more) == EOF;
    std::clearerr(stdin);
    std::printf("%s %s %s\n", word, ended ? "True" : "False", std::getchar() == EOF ? "True" : "False");
}
