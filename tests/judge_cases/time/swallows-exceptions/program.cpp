int main() {
    for (volatile long i = 0;;) {
        try {
            if (i % 1000 == 0) throw 1;
            i++;
        } catch (...) {
            i++;
        }
    }
}
