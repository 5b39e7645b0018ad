// A compact header for checkers, validators and generators of contest problems, written for this judge.
//
// It offers the part of the testlib interface that such programs use most, under the same names, so that their sources
// compile unchanged with g++ in C++17 or later. It is not that library: nothing of it is copied, and the random numbers
// differ from its own, so that a generator's tests differ from those that the original would make. Partial scores count
// as wrong. Exit status: 0 right, 1 wrong, 2 badly formatted, 3 the checker's own failure or a faulty input or answer.
#ifndef FRONTIER_TESTLIB_H
#define FRONTIER_TESTLIB_H

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cfloat>
#include <climits>
#include <cmath>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <functional>
#include <iomanip>
#include <iostream>
#include <iterator>
#include <limits>
#include <list>
#include <map>
#include <memory>
#include <numeric>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <unistd.h>
#include <utility>
#include <vector>

enum TResult {
    _ok = 0, _wa = 1, _pe = 2, _fail = 3, _dirt = 4, _points = 5, _unexpected_eof = 8, _partially = 16
};
enum TMode { _input, _output, _answer };
enum TTestlibMode { _unknown, _checker, _validator, _generator, _interactor, _scorer };

#define _pc(exitCode) (TResult(_partially + (exitCode)))

const int EOFC = -1;
const char LF = '\n', CR = '\r', TAB = '\t', SPACE = ' ';

inline bool isEof(int c) { return c == EOFC; }
inline bool isEoln(int c) { return c == LF || c == CR; }
inline bool isBlanks(int c) { return c == LF || c == CR || c == TAB || c == SPACE; }

// Text ----------------------------------------------------------------------------------------------------------------

inline std::string testlibFormat(const char *pattern, va_list arguments) {
    va_list again;
    va_copy(again, arguments);
    int size = std::vsnprintf(nullptr, 0, pattern, arguments);
    std::string text(size > 0 ? size : 0, '\0');
    if (size > 0) std::vsnprintf(&text[0], size + 1, pattern, again);
    va_end(again);
    return text;
}

#define TESTLIB_FORMAT(pattern, text)                     \
    std::string text;                                     \
    do {                                                  \
        va_list arguments;                                \
        va_start(arguments, pattern);                     \
        text = testlibFormat(pattern, arguments);         \
        va_end(arguments);                                \
    } while (false)

inline std::string testlibSprintf(const char *pattern, ...) {
    TESTLIB_FORMAT(pattern, text);
    return text;
}
template <class... Args> std::string format(const char *pattern, Args... args) { return testlibSprintf(pattern, args...); }
template <class... Args> std::string format(const std::string &pattern, Args... args) {
    return testlibSprintf(pattern.c_str(), args...);
}

template <class T> std::string toString(const T &value) {
    std::ostringstream stream;
    stream << value;
    return stream.str();
}
template <class T> std::string vtos(const T &value) { return toString(value); }

inline std::string upperCase(std::string s) {
    for (char &c : s) c = char(std::toupper((unsigned char)c));
    return s;
}
inline std::string lowerCase(std::string s) {
    for (char &c : s) c = char(std::tolower((unsigned char)c));
    return s;
}
inline std::string trim(const std::string &s) {
    std::size_t first = 0, last = s.size();
    while (first < last && isBlanks(s[first])) ++first;
    while (last > first && isBlanks(s[last - 1])) --last;
    return s.substr(first, last - first);
}
// Long text with its middle left out, fit for a message.
inline std::string compress(const std::string &s) {
    return s.size() <= 64 ? s : s.substr(0, 30) + "..." + s.substr(s.size() - 31);
}
inline std::vector<std::string> split(const std::string &s, const std::string &separators) {
    std::vector<std::string> parts(1);
    for (char c : s) {
        if (separators.find(c) == std::string::npos) parts.back() += c;
        else parts.emplace_back();
    }
    return parts;
}
inline std::vector<std::string> split(const std::string &s, char separator) { return split(s, std::string(1, separator)); }
inline std::vector<std::string> tokenize(const std::string &s, const std::string &separators) {
    std::vector<std::string> parts;
    for (const std::string &part : split(s, separators)) if (!part.empty()) parts.push_back(part);
    return parts;
}
inline std::vector<std::string> tokenize(const std::string &s, char separator) { return tokenize(s, std::string(1, separator)); }
template <class Iterator> std::string join(Iterator first, Iterator last, const std::string &separator) {
    std::ostringstream stream;
    for (Iterator it = first; it != last; ++it) (it == first ? stream : stream << separator) << *it;
    return stream.str();
}
template <class Collection> std::string join(const Collection &items, const std::string &separator = " ") {
    return join(items.begin(), items.end(), separator);
}
template <class Collection> std::string join(const Collection &items, char separator) {
    return join(items.begin(), items.end(), std::string(1, separator));
}
inline std::string englishEnding(int number) {
    number = std::abs(number) % 100;
    if (number / 10 == 1) return "th";
    return number % 10 == 1 ? "st" : number % 10 == 2 ? "nd" : number % 10 == 3 ? "rd" : "th";
}
inline std::string removeDoubleTrailingZeroes(std::string s) {
    while (s.size() > 1 && s.back() == '0' && s.find('.') != std::string::npos) s.pop_back();
    return s + (s.back() == '.' ? "0" : "");
}

// Numbers -------------------------------------------------------------------------------------------------------------

inline bool isNaN(double value) { return std::isnan(value); }
inline bool is_nan(double value) { return std::isnan(value); }
inline bool isInfinite(double value) { return std::isinf(value); }

// Whether `result` is within `eps` of `expected`, absolutely or relatively.
inline bool doubleCompare(double expected, double result, double eps) {
    eps += 1e-15;
    if (std::isnan(expected)) return std::isnan(result);
    if (std::isinf(expected)) return std::isinf(result) && (expected > 0) == (result > 0);
    if (std::isnan(result) || std::isinf(result)) return false;
    return std::fabs(result - expected) <= eps * std::max(1.0, std::fabs(expected));
}
inline double doubleDelta(double expected, double result) {
    double absolute = std::fabs(result - expected);
    return std::fabs(expected) > 1e-9 ? std::min(absolute, absolute / std::fabs(expected)) : absolute;
}
template <class T> int sign(T value) { return (T(0) < value) - (value < T(0)); }

inline bool testlibParse(const std::string &s, long long &value) {
    std::size_t first = !s.empty() && s[0] == '-';
    if (s.size() == first || s.size() > 20 || s == "-0" || (s[first] == '0' && s.size() > first + 1)) return false;
    for (std::size_t i = first; i < s.size(); ++i) if (!std::isdigit((unsigned char)s[i])) return false;
    errno = 0;
    value = std::strtoll(s.c_str(), nullptr, 10);
    return errno == 0;
}
inline bool testlibParse(const std::string &s, unsigned long long &value) {
    if (s.empty() || s.size() > 20 || (s[0] == '0' && s.size() > 1)) return false;
    for (char c : s) if (!std::isdigit((unsigned char)c)) return false;
    errno = 0;
    value = std::strtoull(s.c_str(), nullptr, 10);
    return errno == 0;
}
inline bool testlibParse(const std::string &s, double &value) {
    for (char c : s) if (!std::isdigit((unsigned char)c) && !std::strchr("+-.eE", c)) return false;
    if (s.empty()) return false;
    char *end = nullptr;
    value = std::strtod(s.c_str(), &end);
    return *end == '\0' && std::isfinite(value);
}

// Patterns: characters, [a-z], [^a-z], (x|y), ? * + {n} {n,} {n,m}, \ before a special character ------------------------

class random_t;

class pattern {
public:
    explicit pattern(const std::string &source) : text(source) {
        std::size_t at = 0;
        root = alternatives(at);
        if (at != text.size()) throw std::invalid_argument("bad pattern: " + text);
    }
    const std::string &src() const { return text; }
    bool matches(const std::string &s) const {
        std::set<std::size_t> ends = run(*root, s, {0});
        return ends.count(s.size()) > 0;
    }
    std::string next(random_t &random) const {
        std::string made;
        make(*root, random, made);
        return made;
    }

private:
    enum Kind { CHARACTER, SEQUENCE, CHOICE, REPEAT };
    struct Node {
        Kind kind = SEQUENCE;
        std::string characters;
        std::vector<std::shared_ptr<Node>> children;
        int least = 1, most = 1;
    };
    typedef std::shared_ptr<Node> Pointer;
    static const int UNLIMITED = INT_MAX;
    std::string text;
    Pointer root;

    Pointer alternatives(std::size_t &at) {
        Pointer choice = std::make_shared<Node>();
        choice->kind = CHOICE;
        choice->children.push_back(sequence(at));
        while (at < text.size() && text[at] == '|') choice->children.push_back(sequence(++at));
        return choice;
    }
    Pointer sequence(std::size_t &at) {
        Pointer node = std::make_shared<Node>();
        while (at < text.size() && text[at] != '|' && text[at] != ')') node->children.push_back(repeated(at));
        return node;
    }
    Pointer repeated(std::size_t &at) {
        Pointer node = single(at);
        while (at < text.size() && std::strchr("?*+{", text[at])) {
            Pointer repeat = std::make_shared<Node>();
            repeat->kind = REPEAT;
            repeat->children.push_back(node);
            char c = text[at++];
            repeat->least = c == '+';
            repeat->most = c == '?' ? 1 : UNLIMITED;
            if (c == '{') bounds(at, *repeat);
            node = repeat;
        }
        return node;
    }
    void bounds(std::size_t &at, Node &repeat) {
        std::size_t end = text.find('}', at);
        if (end == std::string::npos) throw std::invalid_argument("bad pattern: " + text);
        std::string inside = text.substr(at, end - at);
        at = end + 1;
        std::size_t comma = inside.find(',');
        repeat.least = std::atoi(inside.c_str());
        repeat.most = comma == std::string::npos ? repeat.least
                      : comma + 1 == inside.size() ? UNLIMITED : std::atoi(inside.c_str() + comma + 1);
        if (repeat.least < 0 || repeat.most < repeat.least) throw std::invalid_argument("bad pattern: " + text);
    }
    Pointer single(std::size_t &at) {
        if (text[at] == '(') {
            Pointer inner = alternatives(++at);
            if (at >= text.size()) throw std::invalid_argument("bad pattern: " + text);
            ++at;
            return inner;
        }
        Pointer node = std::make_shared<Node>();
        node->kind = CHARACTER;
        if (text[at] == '[') node->characters = characters(at);
        else if (text[at] == '.') ++at, node->characters = printable();
        else node->characters = std::string(1, escaped(at));
        return node;
    }
    char escaped(std::size_t &at) {
        if (text[at] == '\\' && at + 1 < text.size()) ++at;
        return text[at++];
    }
    static std::string printable() {
        std::string all;
        for (char c = ' '; c < 127; ++c) all += c;
        return all;
    }
    std::string characters(std::size_t &at) {
        bool inverted = ++at < text.size() && text[at] == '^';
        at += inverted;
        std::set<char> found;
        while (at < text.size() && text[at] != ']') {
            char first = escaped(at), last = first;
            if (at + 1 < text.size() && text[at] == '-' && text[at + 1] != ']') last = escaped(++at);
            for (int c = (unsigned char)first; c <= (unsigned char)last; ++c) found.insert(char(c));
        }
        if (at >= text.size()) throw std::invalid_argument("bad pattern: " + text);
        ++at;
        std::string kept;
        for (char c : inverted ? printable() : std::string(found.begin(), found.end()))
            if (!inverted || !found.count(c)) kept += c;
        return kept;
    }
    // Where the node can end when it begins at any of `starts`.
    std::set<std::size_t> run(const Node &node, const std::string &s, std::set<std::size_t> starts) const {
        std::set<std::size_t> ends;
        if (node.kind == CHARACTER) {
            for (std::size_t at : starts)
                if (at < s.size() && node.characters.find(s[at]) != std::string::npos) ends.insert(at + 1);
        } else if (node.kind == CHOICE) {
            for (const Pointer &child : node.children) {
                std::set<std::size_t> some = run(*child, s, starts);
                ends.insert(some.begin(), some.end());
            }
        } else if (node.kind == SEQUENCE) {
            for (const Pointer &child : node.children) starts = run(*child, s, starts);
            return starts;
        } else {
            if (node.least == 0) ends = starts;
            for (int count = 1; count <= node.most && !starts.empty(); ++count) {
                starts = run(*node.children[0], s, starts);
                std::size_t before = ends.size();
                if (count >= node.least) ends.insert(starts.begin(), starts.end());
                if (count > node.least && ends.size() == before) break;
                if (node.most == UNLIMITED && count > int(s.size()) + node.least) break;
            }
        }
        return ends;
    }
    void make(const Node &node, random_t &random, std::string &made) const;
};

// Random numbers ------------------------------------------------------------------------------------------------------

class random_t {
public:
    static int version;
    random_t() : state(0x9E3779B97F4A7C15ull) {}
    void setSeed(long long seed) { state = std::uint64_t(seed) * 0xD1342543DE82EF95ull + 0x2545F4914F6CDD1Dull; }
    // The same arguments always give the same numbers.
    void setSeed(int argc, char *argv[]) {
        std::uint64_t hash = 0xCBF29CE484222325ull;
        for (int i = 1; i < argc; ++i)
            for (const char *c = argv[i];; ++c) {
                hash = (hash ^ (unsigned char)*c) * 0x100000001B3ull;
                if (!*c) break;
            }
        setSeed((long long)hash);
    }
    std::uint64_t bits() {
        state += 0x9E3779B97F4A7C15ull;
        std::uint64_t z = state;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
        return z ^ (z >> 31);
    }
    long long nextBits(int count) { return count <= 0 ? 0 : (long long)(bits() >> (64 - std::min(count, 63))); }

    double next() { return double(bits() >> 11) / 9007199254740992.0; }
    template <class T, typename std::enable_if<std::is_integral<T>::value, int>::type = 0> auto next(T n) -> decltype(n + 0) {
        if (n <= 0) failed("random_t::next(n): n must be positive");
        return decltype(n + 0)(below(std::uint64_t(n)));
    }
    template <class T, typename std::enable_if<std::is_floating_point<T>::value, int>::type = 0> double next(T n) {
        return next() * double(n);
    }
    template <class A, class B,
              typename std::enable_if<std::is_integral<A>::value && std::is_integral<B>::value, int>::type = 0>
    auto next(A from, B to) -> decltype(from + to) {
        typedef decltype(from + to) Result;
        Result low = Result(from), high = Result(to);
        if (low > high) failed("random_t::next(from, to): from must not exceed to");
        std::uint64_t width = std::uint64_t(high) - std::uint64_t(low);
        return Result(std::uint64_t(low) + (width == UINT64_MAX ? bits() : below(width + 1)));
    }
    template <class A, class B,
              typename std::enable_if<std::is_arithmetic<A>::value && std::is_arithmetic<B>::value &&
                                      !(std::is_integral<A>::value && std::is_integral<B>::value), int>::type = 0>
    double next(A from, B to) {
        if (from > to) failed("random_t::next(from, to): from must not exceed to");
        return double(from) + next() * (double(to) - double(from));
    }
    std::string next(const std::string &source) { return pattern(source).next(*this); }
    std::string next(const char *source, ...) {
        TESTLIB_FORMAT(source, text);
        return pattern(text).next(*this);
    }

    // The largest of type + 1 numbers for a positive type, the smallest of -type + 1 for a negative one.
    template <class T, typename std::enable_if<std::is_arithmetic<T>::value, int>::type = 0>
    auto wnext(T n, int type) -> decltype(n + 0) {
        typedef decltype(n + 0) Result;
        if (n <= 0) failed("random_t::wnext(n, type): n must be positive");
        if (std::abs(type) < 32) {
            Result best = next(n);
            for (int i = 0; i < std::abs(type); ++i) {
                Result other = next(n);
                best = type > 0 ? std::max(best, other) : std::min(best, other);
            }
            return best;
        }
        double share = std::pow(next(), 1.0 / (std::fabs(double(type)) + 1));
        double value = double(n) * (type > 0 ? share : 1 - share);
        return std::is_integral<Result>::value ? std::min(Result(value), Result(n - 1)) : Result(value);
    }
    template <class A, class B, typename std::enable_if<std::is_arithmetic<A>::value && std::is_arithmetic<B>::value, int>::type = 0>
    auto wnext(A from, B to, int type) -> decltype(from + to) {
        typedef decltype(from + to) Result;
        if (from > to) failed("random_t::wnext(from, to, type): from must not exceed to");
        Result width = Result(to) - Result(from) + (std::is_integral<Result>::value ? 1 : 0);
        return width > 0 ? Result(from) + wnext(width, type) : Result(from);
    }

    template <class Container> auto any(const Container &items) -> typename Container::value_type {
        if (items.empty()) failed("random_t::any: the container is empty");
        return *std::next(items.begin(), (std::ptrdiff_t)below(items.size()));
    }
    template <class Iterator> auto any(Iterator first, Iterator last) -> typename std::iterator_traits<Iterator>::value_type {
        if (first == last) failed("random_t::any: the range is empty");
        return *std::next(first, (std::ptrdiff_t)below(std::uint64_t(std::distance(first, last))));
    }
    template <class Container> auto wany(const Container &items, int type) -> typename Container::value_type {
        if (items.empty()) failed("random_t::wany: the container is empty");
        return *std::next(items.begin(), (std::ptrdiff_t)wnext((long long)items.size(), type));
    }
    template <class Iterator> auto wany(Iterator first, Iterator last, int type) -> typename std::iterator_traits<Iterator>::value_type {
        if (first == last) failed("random_t::wany: the range is empty");
        return *std::next(first, (std::ptrdiff_t)wnext((long long)std::distance(first, last), type));
    }

    template <class Size, class E = Size> std::vector<E> perm(Size size, E first = E()) {
        std::vector<E> made(checkedSize(size));
        for (std::size_t i = 0; i < made.size(); ++i) made[i] = E(first + E(i));
        for (std::size_t i = made.size(); i > 1; --i) std::swap(made[i - 1], made[below(i)]);
        return made;
    }
    // `size` different numbers of [from, to], in random order.
    template <class Size, class A, class B> auto distinct(Size size, A from, B to) -> std::vector<decltype(from + to)> {
        typedef decltype(from + to) E;
        std::size_t count = checkedSize(size);
        std::uint64_t width = std::uint64_t(E(to)) - std::uint64_t(E(from));
        if (E(from) > E(to) ? count > 0 : count > 0 && std::uint64_t(count - 1) > width)
            failed("random_t::distinct: the range holds fewer numbers");
        std::vector<E> made;
        std::set<std::uint64_t> taken;
        for (std::uint64_t i = count ? width - (count - 1) : 0; made.size() < count; ++i) {
            std::uint64_t offset = i == UINT64_MAX ? bits() : below(i + 1);
            if (!taken.insert(offset).second) taken.insert(offset = i);
            made.push_back(E(std::uint64_t(E(from)) + offset));
        }
        for (std::size_t i = made.size(); i > 1; --i) std::swap(made[i - 1], made[below(i)]);
        return made;
    }
    template <class Size, class T> auto distinct(Size size, T upper) -> std::vector<decltype(upper + 0)> {
        if (upper <= 0) {
            if (size > 0) failed("random_t::distinct: the range is empty");
            return {};
        }
        return distinct(size, T(0), T(upper - 1));
    }
    // `size` numbers of at least `least` that add up to `sum`, each such list equally likely.
    template <class Size, class T> std::vector<T> partition(Size size, T sum, T least = T(1)) {
        std::size_t count = checkedSize(size);
        T left = sum - T(count) * least;
        if (left < 0 || (count == 0 && sum != 0)) failed("random_t::partition: the sum is too small");
        std::vector<T> made;
        if (count == 0) return made;
        std::vector<long long> bars = distinct(count - 1, 1ll, (long long)left + (long long)count - 1);
        std::sort(bars.begin(), bars.end());
        bars.push_back((long long)left + (long long)count);
        long long before = 0;
        for (long long bar : bars) {
            made.push_back(T(bar - before - 1) + least);
            before = bar;
        }
        return made;
    }
    std::uint64_t below(std::uint64_t n) {
        if (n <= 1) return 0;
        std::uint64_t limit = UINT64_MAX - UINT64_MAX % n, drawn = bits();
        while (drawn >= limit) drawn = bits();
        return drawn % n;
    }

private:
    std::uint64_t state;
    template <class Size> std::size_t checkedSize(Size size) {
        if (size < 0) failed("random_t: a size must not be negative");
        return std::size_t(size);
    }
    [[noreturn]] static void failed(const char *message);
};

inline int random_t::version = 1;
inline random_t rnd;

inline void pattern::make(const Node &node, random_t &random, std::string &made) const {
    if (node.kind == CHARACTER) {
        if (!node.characters.empty()) made += node.characters[random.below(node.characters.size())];
    } else if (node.kind == CHOICE) {
        make(*node.children[random.below(node.children.size())], random, made);
    } else if (node.kind == SEQUENCE) {
        for (const Pointer &child : node.children) make(*child, random, made);
    } else {
        int most = node.most == UNLIMITED ? node.least + 10 : node.most;
        for (int count = random.next(node.least, most); count > 0; --count) make(*node.children[0], random, made);
    }
}

template <class Iterator> void shuffle(Iterator first, Iterator last) {
    for (auto size = std::distance(first, last); size > 1; --size)
        std::iter_swap(std::next(first, size - 1), std::next(first, (std::ptrdiff_t)rnd.below(std::uint64_t(size))));
}

// The end -------------------------------------------------------------------------------------------------------------

inline TTestlibMode testlibMode = _unknown;
inline int testlibTestCase = 0;
inline bool testlibFinished = false, testlibGuarded = true;

inline void setTestCase(int number) { testlibTestCase = number; }
inline void unsetTestCase() { testlibTestCase = 0; }
inline void setName(const char *, ...) {}
inline void disableFinalizeGuard() { testlibGuarded = false; }

[[noreturn]] inline void testlibEnd(TResult result, const std::string &message) {
    static const char *const words[] = {"ok", "wrong answer", "wrong output format", "FAIL"};
    int status = result == _ok ? 0 : result == _fail ? 3 : result == _pe || result == _dirt || result == _unexpected_eof ? 2 : 1;
    std::string about = testlibTestCase > 0 ? testlibSprintf(" (test case %d)", testlibTestCase) : std::string();
    const char *word = result == _points || result >= _partially ? "partially correct" : words[status];
    std::fprintf(stderr, "%s %s%s\n", word, message.c_str(), about.c_str());
    testlibFinished = true;
    std::exit(status);
}
inline void random_t::failed(const char *message) { testlibEnd(_fail, message); }

// A checker that ends without a verdict has given none.
struct TestlibGuard {
    ~TestlibGuard() {
        if (testlibFinished || !testlibGuarded || testlibMode == _unknown || testlibMode == _generator) return;
        std::fprintf(stderr, "FAIL it ended without a verdict\n");
        std::fflush(stderr);
        _exit(3);
    }
};
inline TestlibGuard testlibGuard;

// Reading -------------------------------------------------------------------------------------------------------------

class InStream {
public:
    TMode mode = _input;
    bool strict = false;
    std::string name;

    void openFile(const char *path, TMode as) {
        mode = as;
        name = path;
        file = ::open(path, O_RDONLY | O_CLOEXEC);
        if (file < 0) testlibEnd(as == _output ? _pe : _fail, testlibSprintf("there is no file %s", path));
    }
    void openStandardInput(TMode as, bool strictly) {
        mode = as;
        strict = strictly;
        name = "stdin";
        file = 0;
    }

    [[noreturn]] void quit(TResult result, const char *message);
    [[noreturn]] void quits(TResult result, const std::string &message) { quit(result, message.c_str()); }
    [[noreturn]] void quitf(TResult result, const char *message, ...) {
        TESTLIB_FORMAT(message, text);
        quits(result, text);
    }
    void quitif(bool condition, TResult result, const char *message, ...) {
        TESTLIB_FORMAT(message, text);
        if (condition) quits(result, text);
    }
    void ensuref(bool condition, const char *message, ...) {
        TESTLIB_FORMAT(message, text);
        if (!condition) quits(_wa, text);
    }

    int curChar() { return at < data.size() || refill() ? (unsigned char)data[at] : EOFC; }
    int nextChar() {
        int c = curChar();
        if (c != EOFC) {
            ++at;
            line += c == LF;
        }
        return c;
    }
    void skipChar() { nextChar(); }
    char readChar() {
        if (curChar() == EOFC) quit(_unexpected_eof, "Unexpected end of file");
        return char(nextChar());
    }
    char readChar(char wanted) {
        char found = readChar();
        if (found != wanted) quits(_pe, testlibSprintf("Unexpected character #%d, but #%d expected", found, wanted));
        return found;
    }
    char readSpace() { return readChar(SPACE); }
    void unreadChar(char) { if (at > 0) line -= data[--at] == LF; }
    void skipBlanks() { while (isBlanks(curChar())) nextChar(); }
    void reset() { at = 0, line = 1; }
    int getLine() const { return line; }

    bool eof() {
        if (!strict && mode == _input && curChar() == 26) return true;
        return curChar() == EOFC;
    }
    bool eoln() {
        int c = curChar();
        return c == EOFC || c == LF || (!strict && c == CR);
    }
    bool seekEof() {
        skipBlanks();
        return eof();
    }
    bool seekEoln() {
        while (curChar() == SPACE || curChar() == TAB) nextChar();
        return eoln();
    }
    void readEoln() {
        if (!strict && curChar() == CR) nextChar();
        if (curChar() != LF) quit(_pe, "Expected end of line");
        nextChar();
    }
    void nextLine() { readLine(); }
    void readEof() {
        if (!eof()) quit(_pe, "Expected end of file");
        ended = true;
    }
    bool endRead() const { return ended; }

    std::string readWord() {
        if (!strict) skipBlanks();
        int c = curChar();
        if (c == EOFC) quit(_unexpected_eof, "Unexpected end of file - token expected");
        if (isBlanks(c)) quit(_pe, "Unexpected white-space - token expected");
        std::string word;
        for (; c != EOFC && !isBlanks(c); c = curChar()) word += char(nextChar());
        return word;
    }
    std::string readWord(const pattern &wanted, const std::string &what = "") {
        std::string word = readWord();
        fit(word, wanted, what);
        return word;
    }
    std::string readWord(const std::string &wanted, const std::string &what = "") { return readWord(pattern(wanted), what); }
    template <class... Args> std::string readToken(const Args &...args) { return readWord(args...); }
    template <class... Args> void readWordTo(std::string &word, const Args &...args) { word = readWord(args...); }
    template <class... Args> void readTokenTo(std::string &word, const Args &...args) { word = readWord(args...); }

    std::string readLine() {
        if (curChar() == EOFC) quit(_unexpected_eof, "Expected line");
        std::string text;
        for (int c = curChar(); c != EOFC && c != LF; c = curChar()) text += char(nextChar());
        if (!strict && !text.empty() && text.back() == CR) text.pop_back();
        if (curChar() == LF) nextChar();
        else if (strict) quit(_pe, "Expected end of line");
        return text;
    }
    std::string readLine(const pattern &wanted, const std::string &what = "") {
        std::string text = readLine();
        fit(text, wanted, what);
        return text;
    }
    std::string readLine(const std::string &wanted, const std::string &what = "") { return readLine(pattern(wanted), what); }
    template <class... Args> std::string readString(const Args &...args) { return readLine(args...); }
    template <class... Args> void readLineTo(std::string &text, const Args &...args) { text = readLine(args...); }
    template <class... Args> void readStringTo(std::string &text, const Args &...args) { text = readLine(args...); }

    long long readLong() { return number<long long>("integer"); }
    long long readLong(long long low, long long high, const std::string &what = "") { return ranged(readLong(), low, high, what); }
    unsigned long long readUnsignedLong() { return number<unsigned long long>("unsigned integer"); }
    unsigned long long readUnsignedLong(unsigned long long low, unsigned long long high, const std::string &what = "") {
        return ranged(readUnsignedLong(), low, high, what);
    }
    int readInt() {
        long long value = readLong();
        if (value < INT_MIN || value > INT_MAX) quits(_pe, testlibSprintf("Expected int32, but %lld found", value));
        return int(value);
    }
    int readInt(int low, int high, const std::string &what = "") { return ranged(readInt(), low, high, what); }
    template <class... Args> int readInteger(const Args &...args) { return readInt(args...); }
    double readDouble() { return number<double>("number"); }
    double readDouble(double low, double high, const std::string &what = "") { return ranged(readDouble(), low, high, what); }
    template <class... Args> double readReal(const Args &...args) { return readDouble(args...); }
    // A number without an exponent and with a number of digits after the point.
    double readStrictDouble(double low, double high, int fewest, int most, const std::string &what = "") {
        std::string word = readWord();
        std::size_t point = word.find('.');
        int digits = point == std::string::npos ? 0 : int(word.size() - point - 1);
        double value = 0;
        bool bad = word.find_first_of("eE+") != std::string::npos || digits < fewest || digits > most || word.front() == '.';
        if (bad || (digits == 0 && point != std::string::npos) || !testlibParse(word, value))
            quits(_pe, "Expected a plain number, but '" + compress(word) + "' found");
        return ranged(value, low, high, what);
    }
    template <class... Args> double readStrictReal(const Args &...args) { return readStrictDouble(args...); }

#define TESTLIB_MANY(many, type, one)                                                                     \
    template <class... Args> std::vector<type> many(int count, const Args &...args) {                     \
        if (count < 0) quit(_fail, "a number of values must not be negative");                            \
        std::vector<type> values;                                                                         \
        for (int i = 0; i < count; ++i) {                                                                 \
            if (strict && i > 0) readSpace();                                                             \
            values.push_back(one(args...));                                                               \
        }                                                                                                 \
        return values;                                                                                    \
    }
    TESTLIB_MANY(readInts, int, readInt)
    TESTLIB_MANY(readIntegers, int, readInt)
    TESTLIB_MANY(readLongs, long long, readLong)
    TESTLIB_MANY(readUnsignedLongs, unsigned long long, readUnsignedLong)
    TESTLIB_MANY(readDoubles, double, readDouble)
    TESTLIB_MANY(readReals, double, readDouble)
    TESTLIB_MANY(readStrictDoubles, double, readStrictDouble)
    TESTLIB_MANY(readStrictReals, double, readStrictDouble)
    TESTLIB_MANY(readWords, std::string, readWord)
    TESTLIB_MANY(readTokens, std::string, readWord)
#undef TESTLIB_MANY
    template <class... Args> std::vector<std::string> readLines(int count, const Args &...args) {
        std::vector<std::string> lines;
        for (int i = 0; i < count; ++i) lines.push_back(readLine(args...));
        return lines;
    }
    template <class... Args> std::vector<std::string> readStrings(int count, const Args &...args) { return readLines(count, args...); }

private:
    int file = -1, line = 1;
    std::string data;
    std::size_t at = 0;
    bool ended = false;

    bool refill() {
        if (file < 0) return false;
        char block[1 << 16];
        ssize_t size = ::read(file, block, sizeof block);
        if (size > 0) data.append(block, std::size_t(size));
        return size > 0;
    }
    template <class T> T number(const char *kind) {
        std::string word = readWord();
        T value{};
        if (!testlibParse(word, value)) quits(_pe, std::string("Expected ") + kind + ", but '" + compress(word) + "' found");
        return value;
    }
    template <class T> T ranged(T value, T low, T high, const std::string &what) {
        if (low <= value && value <= high) return value;
        std::string named = what.empty() ? "value" : what;
        quits(_wa, named + " is " + vtos(value) + ", not between " + vtos(low) + " and " + vtos(high));
    }
    void fit(const std::string &text, const pattern &wanted, const std::string &what) {
        if (!wanted.matches(text))
            quits(_wa, (what.empty() ? "token" : what) + " '" + compress(text) + "' does not match '" + wanted.src() + "'");
    }
};

inline InStream inf, ouf, ans;
inline std::fstream tout;

inline void InStream::quit(TResult result, const char *message) {
    std::string text = message;
    if (testlibMode == _validator && result != _ok) {
        result = _fail;
        text = testlibSprintf("(line %d) ", line) + text;
    } else if (mode != _output && result != _ok && result != _fail && result != _points && result < _partially) {
        // What is wrong with the input or the jury's answer is not the program's fault.
        text = (mode == _input ? "the input: " : "the answer: ") + text;
        result = _fail;
    }
    if (result == _ok && testlibMode == _checker && !ouf.seekEof())
        testlibEnd(_pe, "Extra information in the output file");
    testlibEnd(result, text);
}

[[noreturn]] inline void quit(TResult result, const std::string &message) { ouf.quit(result, message.c_str()); }
[[noreturn]] inline void quitf(TResult result, const char *message, ...) {
    TESTLIB_FORMAT(message, text);
    ouf.quit(result, text.c_str());
}
inline void quitif(bool condition, TResult result, const char *message, ...) {
    TESTLIB_FORMAT(message, text);
    if (condition) ouf.quit(result, text.c_str());
}
template <class... Args> [[noreturn]] void quitp(double points, const char *message = "", Args... args) {
    testlibEnd(_points, testlibSprintf("points %g ", points) + testlibSprintf(message, args...));
}
template <class... Args> [[noreturn]] void quitp(double points, const std::string &message, Args... args) {
    quitp(points, message.c_str(), args...);
}
[[noreturn]] inline void quitpi(const std::string &info, const std::string &message = "") { testlibEnd(_points, info + " " + message); }

inline void testlibEnsure(bool condition, const std::string &message) { if (!condition) testlibEnd(_fail, message); }
#define ensure(condition) testlibEnsure(bool(condition), "Condition failed: \"" #condition "\"")
#define ensure_ext(condition) ensure(condition)
inline void ensuref(bool condition, const char *message, ...) {
    TESTLIB_FORMAT(message, text);
    testlibEnsure(condition, text);
}
inline void ensuref(bool condition, const std::string &message) { testlibEnsure(condition, message); }

inline long long stringToLongLong(InStream &stream, const std::string &s) {
    long long value = 0;
    if (!testlibParse(s, value)) stream.quits(_pe, "Expected integer, but '" + compress(s) + "' found");
    return value;
}
inline long long stringToLongLong(const std::string &s) { return stringToLongLong(inf, s); }
inline unsigned long long stringToUnsignedLongLong(InStream &stream, const std::string &s) {
    unsigned long long value = 0;
    if (!testlibParse(s, value)) stream.quits(_pe, "Expected unsigned integer, but '" + compress(s) + "' found");
    return value;
}
inline double stringToDouble(InStream &stream, const std::string &s) {
    double value = 0;
    if (!testlibParse(s, value)) stream.quits(_pe, "Expected number, but '" + compress(s) + "' found");
    return value;
}

// Beginning -----------------------------------------------------------------------------------------------------------

inline std::vector<std::string> testlibArguments;
inline std::map<std::string, std::string> testlibOptions;

inline bool testlibIsOption(const std::string &s) {
    std::size_t first = s.rfind("--", 0) == 0 ? 2 : 1;
    return s.size() > first && s[0] == '-' && (std::isalpha((unsigned char)s[first]) || s[first] == '_');
}
inline void testlibReadOptions(int argc, char *argv[]) {
    testlibArguments.assign(argv, argv + argc);
    testlibOptions.clear();
    for (int i = 1; i < argc; ++i) {
        std::string text = argv[i];
        if (!testlibIsOption(text)) continue;
        text = text.substr(text[1] == '-' ? 2 : 1);
        std::size_t equals = text.find('='), end = 0;
        while (end < text.size() && !std::isdigit((unsigned char)text[end]) && text[end] != '-' && text[end] != '.') ++end;
        if (equals != std::string::npos) testlibOptions[text.substr(0, equals)] = text.substr(equals + 1);
        else if (i + 1 < argc && !testlibIsOption(argv[i + 1])) testlibOptions[text] = argv[i + 1];
        else {
            testlibOptions[text] = "true";
            if (end < text.size()) testlibOptions.emplace(text.substr(0, end), text.substr(end));
        }
    }
}

template <class T> T testlibConvert(const std::string &s, const std::string &what) {
    if constexpr (std::is_same<T, bool>::value) {
        if (s != "true" && s != "false" && s != "1" && s != "0") testlibEnd(_fail, "option " + what + " is not a truth value: " + s);
        return s == "true" || s == "1";
    } else if constexpr (std::is_same<T, char>::value) {
        if (s.size() != 1) testlibEnd(_fail, "option " + what + " is not a character: " + s);
        return s[0];
    } else if constexpr (std::is_integral<T>::value && std::is_signed<T>::value) {
        long long value = 0;
        if (!testlibParse(s, value) || value < (long long)std::numeric_limits<T>::min() || value > (long long)std::numeric_limits<T>::max())
            testlibEnd(_fail, "option " + what + " is not an integer of its type: " + s);
        return T(value);
    } else if constexpr (std::is_integral<T>::value) {
        unsigned long long value = 0;
        if (!testlibParse(s, value) || value > (unsigned long long)std::numeric_limits<T>::max())
            testlibEnd(_fail, "option " + what + " is not an integer of its type: " + s);
        return T(value);
    } else if constexpr (std::is_floating_point<T>::value) {
        double value = 0;
        if (!testlibParse(s, value)) testlibEnd(_fail, "option " + what + " is not a number: " + s);
        return T(value);
    } else {
        return T(s);
    }
}

inline bool has_opt(const std::string &key) { return testlibOptions.count(key) > 0; }
template <class T = std::string> T opt(int index) {
    if (index < 0 || index >= int(testlibArguments.size())) testlibEnd(_fail, testlibSprintf("there is no argument %d", index));
    return testlibConvert<T>(testlibArguments[index], vtos(index));
}
template <class T> T opt(int index, const T &otherwise) { return index >= 0 && index < int(testlibArguments.size()) ? opt<T>(index) : otherwise; }
inline std::string opt(int index, const char *otherwise) { return opt<std::string>(index, otherwise); }
template <class T = std::string> T opt(const std::string &key) {
    if (!has_opt(key)) testlibEnd(_fail, "there is no option " + key);
    return testlibConvert<T>(testlibOptions[key], key);
}
template <class T> T opt(const std::string &key, const T &otherwise) { return has_opt(key) ? opt<T>(key) : otherwise; }
inline std::string opt(const std::string &key, const char *otherwise) { return opt<std::string>(key, otherwise); }
template <class T = std::string, class Key> std::vector<T> opts(const Key &key) {
    std::vector<T> values;
    for (const std::string &part : split(opt<std::string>(key), ',')) values.push_back(testlibConvert<T>(part, "list"));
    return values;
}
inline void suppressEnsureNoUnusedOpts() {}
inline void ensureNoUnusedOpts() {}

class Validator {
public:
    std::string testset() const { return chosen.count("testset") ? chosen.at("testset") : ""; }
    std::string group() const { return chosen.count("group") ? chosen.at("group") : ""; }
    void addFeature(const std::string &) {}
    void feature(const std::string &) {}
    std::map<std::string, std::string> chosen;
};
inline Validator validator;

struct TestlibValidationGuard {
    ~TestlibValidationGuard() {
        if (testlibFinished || testlibMode != _validator) return;
        testlibFinished = true;
        if (inf.endRead()) return;
        std::fprintf(stderr, "FAIL a validator must end by reading the end of the file\n");
        std::fflush(stderr);
        _exit(3);
    }
};
// Made after the other guard and so destroyed before it.
inline TestlibValidationGuard testlibValidationGuard;

inline void registerTestlibCmd(int argc, char *argv[]) {
    testlibMode = _checker;
    testlibReadOptions(argc, argv);
    if (argc < 4) testlibEnd(_fail, "Program must be run with the following arguments: <input-file> <output-file> <answer-file>");
    inf.openFile(argv[1], _input);
    ouf.openFile(argv[2], _output);
    ans.openFile(argv[3], _answer);
}
inline void registerChecker(const std::string &, int argc, char *argv[]) { registerTestlibCmd(argc, argv); }
inline void registerInteraction(int argc, char *argv[]) {
    testlibMode = _interactor;
    testlibReadOptions(argc, argv);
    if (argc < 3) testlibEnd(_fail, "Program must be run with the following arguments: <input-file> <output-file> [<answer-file>]");
    inf.openFile(argv[1], _input);
    tout.open(argv[2], std::ios_base::out);
    if (argc > 3) ans.openFile(argv[3], _answer);
    ouf.openStandardInput(_output, false);
}
inline void registerValidation() {
    testlibMode = _validator;
    inf.openStandardInput(_input, true);
}
inline void registerValidation(int argc, char *argv[]) {
    registerValidation();
    testlibReadOptions(argc, argv);
    validator.chosen = testlibOptions;
}
inline void registerGen(int argc, char *argv[], int version = 1) {
    testlibMode = _generator;
    random_t::version = version;
    testlibReadOptions(argc, argv);
    rnd.setSeed(argc, argv);
}
inline void startTest(int number) {
    if (!std::freopen(testlibSprintf("%d", number).c_str(), "w", stdout)) testlibEnd(_fail, "a test's file cannot be written");
}

// Printing ------------------------------------------------------------------------------------------------------------

template <class T, class = void> struct TestlibIsRange : std::false_type {};
template <class T> struct TestlibIsRange<T, decltype((void)std::begin(std::declval<const T &>()))>
    : std::integral_constant<bool, !std::is_convertible<const T &, std::string>::value> {};
template <class T, class = void> struct TestlibIsIterator : std::false_type {};
template <class T> struct TestlibIsIterator<T, typename std::enable_if<!std::is_arithmetic<T>::value, decltype((void)*std::declval<T &>(), (void)++std::declval<T &>())>::type>
    : std::integral_constant<bool, !std::is_convertible<T, std::string>::value> {};

template <class T> void testlibPrint(const T &value) {
    if constexpr (TestlibIsRange<T>::value) {
        bool first = true;
        for (const auto &item : value) {
            if (!first) std::cout << " ";
            first = false;
            std::cout << item;
        }
    } else {
        std::cout << value;
    }
}
inline void println() { std::cout << "\n"; }
template <class T, class... Rest> void println(const T &first, const Rest &...rest) {
    typedef typename std::decay<T>::type Plain;
    if constexpr (sizeof...(Rest) == 1 && (std::is_same<Plain, typename std::decay<Rest>::type>::value && ...) && TestlibIsIterator<Plain>::value) {
        std::cout << join(Plain(first), Plain((rest, ...)), std::string(" "));
    } else {
        testlibPrint(first);
        ((std::cout << " ", testlibPrint(rest)), ...);
    }
    std::cout << "\n";
}

#endif
