constexpr long spin() {
    long n = 0;
    while (n >= 0) n++;
    return n;
}
constexpr long value = spin();
int main() { return value == 3; }
