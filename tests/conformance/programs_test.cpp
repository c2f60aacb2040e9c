// Whole programs made of channels, with results that can be checked.
#include <array>
#include <deque>
#include <numeric>
#include <queue>

#include "support/waiting.hpp"

namespace {

using namespace gmp_test;

class programs_conformance : public at_procs {};
GMPSCHED_TEST_AT_PROCS(programs_conformance, 1u, 2u, 4u);

constexpr int some_primes[] = {2,  3,  5,  7,   11,  13,  17,  19,  23,  29, 31,
                               37, 41, 43, 47,  53,  59,  61,  67,  71,  73, 79,
                               83, 89, 97, 101, 103, 107, 109, 113, 127, 131};

// Go: test/chan/sieve1.go: one G per prime filters what the one before lets through.
TEST_P(programs_conformance, a_sieve_of_gs_finds_the_primes) {
  run([] {
    auto primes = gmp::make_chan<int>();
    gmp::go([primes] {
      auto numbers = gmp::make_chan<int>();
      gmp::go([numbers] {
        for (int i = 2;; ++i) numbers.send(i);
      });
      for (;;) {
        const int prime = numbers.recv().value();
        primes.send(prime);
        auto rest = gmp::make_chan<int>();
        gmp::go([numbers, rest, prime] {
          for (int i : numbers) {
            if (i % prime != 0) rest.send(i);
          }
        });
        numbers = rest;
      }
    });
    for (int expected : some_primes) EXPECT_EQ(primes.recv(), expected);
  });
}

// Go: test/chan/sieve2.go: each prime has a G that counts up its multiples; a heap merges them.
struct multiples {
  int head;
  gmp::recv_chan<int> rest;
  friend bool operator>(const multiples& a, const multiples& b) { return a.head > b.head; }
};

gmp::recv_chan<int> multiples_of(int prime) {
  auto out = gmp::make_chan<int>(10);
  gmp::go([out, prime] {
    for (int i = prime * prime;; i += prime) out.send(i);
  });
  return out;
}

TEST_P(programs_conformance, a_sieve_that_merges_streams_finds_the_primes) {
  run([] {
    auto primes = gmp::make_chan<int>(10);
    gmp::go([primes] {
      std::priority_queue<multiples, std::vector<multiples>, std::greater<>> composites;
      for (int i = 2;; ++i) {
        bool prime = true;
        while (!composites.empty() && composites.top().head == i) {
          prime = false;
          multiples next = composites.top();
          composites.pop();
          next.head = next.rest.recv().value();
          composites.push(next);
        }
        if (!prime) continue;
        primes.send(i);
        gmp::recv_chan<int> more = multiples_of(i);
        const int head = more.recv().value();
        composites.push({head, more});
      }
    });
    for (int expected : some_primes) EXPECT_EQ(primes.recv(), expected);
  });
}

// --- power series, after McIlroy: every series is a G that computes its next coefficient when
// asked.

struct rational {
  long num = 0, den = 1;
  rational(long n = 0, long d = 1) : num(n), den(d) {
    const long common = std::gcd(num, den);
    if (common != 0) {
      num /= common;
      den /= common;
    }
    if (den < 0) {
      num = -num;
      den = -den;
    }
  }
  friend rational operator+(rational a, rational b) {
    return {a.num * b.den + b.num * a.den, a.den * b.den};
  }
  friend rational operator*(rational a, rational b) { return {a.num * b.num, a.den * b.den}; }
  friend bool operator==(const rational&, const rational&) = default;
};
std::ostream& operator<<(std::ostream& to, const rational& r) {
  return to << r.num << '/' << r.den;
}

// How a coefficient travels: as itself, or boxed (Go: powser2.go uses interface values).
struct as_value {
  using carried = rational;
  static rational box(rational r) { return r; }
  static rational open(carried r) { return r; }
};
struct as_box {
  using carried = std::unique_ptr<rational>;
  static carried box(rational r) { return std::make_unique<rational>(r); }
  static rational open(carried r) { return *r; }
};

template <class Form>
struct series {
  gmp::chan<void> demand = gmp::make_chan<void>();
  gmp::chan<typename Form::carried> answer = gmp::make_chan<typename Form::carried>();

  rational get() const {
    demand.send();
    return Form::open(answer.recv().value());
  }
  void put(rational r) const {
    demand.recv();
    answer.send(Form::box(r));
  }
};

// A series whose n-th coefficient is made by one call of `next`.
template <class Form, class Next>
series<Form> series_of(Next next) {
  series<Form> out;
  gmp::go([out, next]() mutable {
    for (;;) {
      out.demand.recv();
      out.answer.send(Form::box(next()));
    }
  });
  return out;
}

// Serves two readers, each at its own pace. It goes on serving while the next coefficient is on its
// way, because that one may depend on an earlier one which the other reader still has to get.
template <class Form>
class splitter {
 public:
  splitter(series<Form> from, series<Form> one, series<Form> two)
      : from_(from), readers_{reader{one}, reader{two}} {}

  void run() {
    for (;;) {
      gmp::select(gmp::on_recv(readers_[0].to.demand, [this](bool) { asked(readers_[0]); }),
                  gmp::on_recv(readers_[1].to.demand, [this](bool) { asked(readers_[1]); }),
                  gmp::on_recv(fetched_, [this](std::optional<rational> next) { arrived(*next); }));
    }
  }

 private:
  struct reader {
    series<Form> to;
    std::deque<rational> ahead = {};
    bool waits = false;
  };

  void asked(reader& by) {
    by.waits = true;
    if (!serve(by) && !std::exchange(fetching_, true))
      gmp::go([from = from_, fetched = fetched_] { fetched.send(from.get()); });
  }
  void arrived(rational next) {
    fetching_ = false;
    for (reader& each : readers_) {
      each.ahead.push_back(next);
      if (each.waits) serve(each);
    }
  }
  bool serve(reader& to) {
    if (to.ahead.empty()) return false;
    to.to.answer.send(Form::box(to.ahead.front()));
    to.ahead.pop_front();
    to.waits = false;
    return true;
  }

  series<Form> from_;
  std::array<reader, 2> readers_;
  gmp::chan<rational> fetched_ = gmp::make_chan<rational>();
  bool fetching_ = false;
};

template <class Form>
std::pair<series<Form>, series<Form>> split(series<Form> from) {
  series<Form> one, two;
  gmp::go([=] { splitter<Form>(from, one, two).run(); });
  return {one, two};
}

template <class Form>
series<Form> constant_series(rational each) {
  return series_of<Form>([each] { return each; });
}
template <class Form>
series<Form> add(series<Form> a, series<Form> b) {
  return series_of<Form>([=] { return a.get() + b.get(); });
}
template <class Form>
series<Form> scale(rational by, series<Form> a) {
  return series_of<Form>([=] { return by * a.get(); });
}
template <class Form>
series<Form> derivative(series<Form> a) {
  return series_of<Form>([a, n = 0L]() mutable {
    if (n == 0) a.get();
    ++n;
    return rational(n) * a.get();
  });
}
template <class Form>
series<Form> integral(rational constant, series<Form> a) {
  return series_of<Form>([=, n = -1L]() mutable {
    ++n;
    return n == 0 ? constant : rational(1, n) * a.get();
  });
}
// (f + x F)(g + x G) = f g + x (f G + g F + x F G)
template <class Form>
series<Form> multiply(series<Form> a, series<Form> b) {
  series<Form> out;
  gmp::go([=] {
    const rational f = a.get(), g = b.get();
    out.put(f * g);
    auto [a1, a2] = split(a);
    auto [b1, b2] = split(b);
    auto cross = add(scale(f, b1), scale(g, a1));
    out.put(cross.get());
    auto rest = multiply(a2, b2);
    for (;;) out.put(cross.get() + rest.get());
  });
  return out;
}
// exp x is its own integral, from 1.
template <class Form>
series<Form> exponential() {
  series<Form> loop;
  auto [out, again] = split(integral<Form>(rational(1), loop));
  gmp::go([loop, back = again] {
    for (;;) {
      loop.demand.recv();
      loop.answer.send(Form::box(back.get()));
    }
  });
  return out;
}

template <class Form>
void check_series(int terms) {
  auto geometric = [] { return constant_series<Form>(rational(1)); };  // 1 / (1 - x)
  auto sum = add(geometric(), scale(rational(2), geometric()));
  auto slope = derivative(geometric());
  auto logarithm = integral(rational(0), geometric());  // -log(1 - x)
  auto square = multiply(geometric(), geometric());     // 1 / (1 - x)^2
  auto exp = exponential<Form>();
  long factorial = 1;
  for (int n = 0; n < terms; ++n) {
    if (n > 0) factorial *= n;
    EXPECT_EQ(sum.get(), rational(3));
    EXPECT_EQ(slope.get(), rational(n + 1));
    EXPECT_EQ(logarithm.get(), n == 0 ? rational(0) : rational(1, n));
    EXPECT_EQ(square.get(), rational(n + 1));
    EXPECT_EQ(exp.get(), rational(1, factorial));
  }
}

// Go: test/chan/powser1.go
TEST_P(programs_conformance, power_series_of_values) {
  run([] { check_series<as_value>(sanitized ? 6 : 12); });
}

// Go: test/chan/powser2.go
TEST_P(programs_conformance, power_series_of_boxes) {
  run([] { check_series<as_box>(sanitized ? 6 : 12); });
}

}  // namespace
