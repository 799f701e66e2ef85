#include "attention/normalizers/adaptive_temperature.h"

#include "tests/support/attention.h"

using namespace tempera;

namespace {

double entropy(const Tensor& w) {
  double h = 0;
  for (Index i = 0; i < w.size(); ++i)
    if (w.at(i) > 0) h -= w.at(i) * std::log(w.at(i));
  return h;
}

// What the temperature makes of a row, from the ratio of two of its weights.
double beta_of(const ScoreNormalizer& normalizer, const std::vector<double>& z) {
  const Tensor w = weights_of(normalizer, z);
  return std::log(w.at(0) / w.at(1)) / (z[0] - z[1]);
}

// A row of one score above n - 1 equal ones, of the entropy h.
std::vector<double> row_of_entropy(double h, Index n) {
  double low = 0, high = 60;
  std::vector<double> z(static_cast<std::size_t>(n), 0.);
  for (int i = 0; i < 200; ++i) {
    z[0] = (low + high) / 2;
    (entropy(weights_of(Softmax(), z)) > h ? low : high) = z[0];
  }
  return z;
}

}  // namespace

TEST_CASE("adaptive temperature of a row", "[attention][sheets]") {
  const auto adaptive = made(AdaptiveTemperatureOptions());
  const std::vector<double> z{1, .5, 0, -.5, -1};
  check_close(weights_of(*adaptive, z), f64({5}, {0.591986, 0.245870, 0.102117, 0.042412, 0.017615}), 1e-6);
  CHECK(beta_of(*adaptive, z) == Approx(1.757363).epsilon(1e-6));
  // Training sees the softmax, unless told otherwise.
  check_close(weights_of(*adaptive, z, true), weights_of(Softmax(), z));
  const auto trained = variant<AdaptiveTemperatureOptions>(1, [](auto& o) { o.train = true; });
  check_close(weights_of(*trained, z, true), weights_of(*adaptive, z));
}

TEST_CASE("inverse temperature by entropy", "[attention][sheets]") {
  const auto adaptive = made(AdaptiveTemperatureOptions());
  for (const auto& [h, beta] : {std::pair{0.4, 1.},
                                {0.5, 1.},
                                {0.9, 1.097673},
                                {1., 1.27},
                                {2., 2.099},
                                {3., 2.25},
                                {4., 2.389},
                                {5., 2.294},
                                {5.8, 1.333437},
                                {6., 1.}}) {
    INFO("entropy " << h);
    CHECK(beta_of(*adaptive, row_of_entropy(h, 1500)) == Approx(beta).epsilon(2e-5));
  }
  const auto bounded = variant<AdaptiveTemperatureOptions>(1, [](auto& o) { o.top_entropy = 4; });
  CHECK(beta_of(*bounded, row_of_entropy(6, 1500)) == Approx(2.389).epsilon(2e-5));
}

TEST_CASE("adaptive temperature never spreads a row", "[attention][sheets]") {
  const auto adaptive = made(AdaptiveTemperatureOptions());
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const auto z = random_tensor({40}, seed, -3, 3).to_vector();
    const Tensor sharp = weights_of(*adaptive, z), plain = weights_of(Softmax(), z);
    CHECK(entropy(sharp) <= entropy(plain) + 1e-12);
  }
  check_close(weights_of(*adaptive, {1, 1, 1, 1}), f64({4}, {0.25, 0.25, 0.25, 0.25}));
}

TEST_CASE("the fit of the inverse temperature", "[attention][sheets]") {
  const std::array wanted{-0.037, 0.481, -2.3, 4.917, -1.791};
  std::vector<double> entropies, betas;
  for (int i = 0; i < 40; ++i) {
    const double h = 0.15 * i;
    entropies.push_back(h);
    betas.push_back((((wanted[0] * h + wanted[1]) * h + wanted[2]) * h + wanted[3]) * h + wanted[4]);
  }
  const auto found = fit_inverse_temperature(entropies, betas);
  for (std::size_t i = 0; i < 5; ++i) CHECK(found[i] == Approx(wanted[i]).epsilon(1e-9));
  CHECK(error_of([&] { fit_inverse_temperature(std::vector<double>(9, 1.), std::vector<double>(9, 2.)); }) ==
        "adaptive_temperature: 9 pairs came, of too few different entropies; at least 5 were wanted");
}

TEST_CASE("rows are sharpened between two entropies alone, and keep their order", "[attention][sheets]") {
  const auto adaptive = made(AdaptiveTemperatureOptions());
  // The polynomial exceeds 1 between 0.848582 and 5.944521.
  for (const auto& [h, sharpened] :
       {std::pair{0.8484, false}, {0.8488, true}, {5.9443, true}, {5.9447, false}, {7., false}})
    CHECK((beta_of(*adaptive, row_of_entropy(h, 1500)) > 1 + 1e-9) == sharpened);
  const std::vector<double> z{0.3, 2, -1, 1.4}, moved{10.3, 12, 9, 11.4};
  const Tensor w = weights_of(*adaptive, z);
  CHECK(w.vec<double>().sum() == Approx(1).epsilon(1e-14));
  check_close(weights_of(*adaptive, moved), w, 1e-12);
  CHECK((w.at(1) > w.at(3) && w.at(3) > w.at(0) && w.at(0) > w.at(2)));
}
