#include <vector>
int main() {
    std::vector<std::vector<char>> kept;
    for (int i = 0; i < 4000; i++) kept.emplace_back(1 << 20, 'x');
    return kept.size() == 1;
}
