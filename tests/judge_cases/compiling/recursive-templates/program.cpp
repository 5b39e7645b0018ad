template <int depth, int place> struct Tree {
    static constexpr long value = Tree<depth - 1, 2 * place>::value + Tree<depth - 1, 2 * place + 1>::value;
};
template <int place> struct Tree<0, place> { static constexpr long value = place; };
int main() { return Tree<28, 1>::value == 3; }
