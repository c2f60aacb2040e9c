// GNU MP and this library in one program: factorials computed on Gs.
#include <gmp.h>
#include <gmpxx.h>

#include <gmp/gmp.hpp>

#include <cstdio>
#include <string>

int main() {
  std::string text = gmp::run([] {
    gmp::chan<mpz_class> products = gmp::make_chan<mpz_class>();
    for (unsigned first : {1u, 11u, 21u}) {
      gmp::go([products, first] {
        mpz_class product = 1;
        for (unsigned i = first; i < first + 10; ++i) product *= i;
        products.send(product);
      });
    }
    mpz_t all;
    mpz_init_set_ui(all, 1);
    for (int i = 0; i < 3; ++i) mpz_mul(all, all, products.recv()->get_mpz_t());
    std::string digits = mpz_class(all).get_str();
    mpz_clear(all);
    return digits;
  });
  std::printf("30! = %s\n", text.c_str());
  return text == "265252859812191058636308480000000" ? 0 : 1;
}
