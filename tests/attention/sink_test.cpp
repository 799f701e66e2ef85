// The learned key and value in front of all tokens, and what they add to the output by themselves.
#include "attention/score_mixer.h"
#include "tests/support/attention.h"

using namespace tempera;

namespace {

// A causal attention of one head over tokens of width 2 that projects nothing: q = k = 0 unless said, v = x.
struct Plain {
  std::unique_ptr<TokenMixer> mixer;
  Parameters parameters;

  static std::unique_ptr<TokenMixer> make(bool sink, const char* output_bias) {
    ScoreMixerOptions options;
    options.heads = 1;
    options.sink = sink;
    options.output_bias = output_bias;
    return options.make({.d_model = 2, .causal = true, .bias = false});
  }
  explicit Plain(bool sink, const char* output_bias = "none")
      : mixer(make(sink, output_bias)), parameters(*mixer, DType::float64, Rng(1, "test")) {
    for (const char* name : {"query.weight", "key.weight"}) set(name, {0, 0, 0, 0});
    for (const char* name : {"value.weight", "output.weight"}) set(name, {1, 0, 0, 1});
    if (sink) set("sink.key", {0, 0});
    if (sink) set("sink.value", {9, -3});
  }
  void set(const char* name, const std::vector<double>& values) {
    for (std::size_t i = 0; i < values.size(); ++i)
      parameters.find(name).parameter->value.set(static_cast<Index>(i), values[i]);
  }
  Tensor operator()(const Tensor& x) {
    Tape tape;
    Context context(tape, parameters);
    context.begin(0, 0);
    return mixer->forward(context, tape.constant(x), {.causal = true}).value().clone();
  }
};

}  // namespace

TEST_CASE("a sink takes its share of the weights", "[attention][sheets]") {
  const Tensor x = f64({1, 2, 2}, {3, 0, 0, 6});
  // Two keys and the sink, all of score 0.
  Plain plain(true);
  check_close(plain(x), f64({1, 2, 2}, {(3 + 9) / 2., -3 / 2., (3 + 9) / 3., (6 - 3) / 3.}));
  // (1 - w0) o + w0 v'
  plain.set("query.weight", {1, 0.5, -1, 2});
  plain.set("key.weight", {0.3, 1, 0.2, -0.4});
  plain.set("sink.key", {0.4, -0.2});
  Plain without(false);
  without.set("query.weight", {1, 0.5, -1, 2});
  without.set("key.weight", {0.3, 1, 0.2, -0.4});
  const Tensor led = plain(x), o = without(x);
  for (Index i = 0; i < 2; ++i) {
    const double w0 = (led.at(2 * i) - o.at(2 * i)) / (9 - o.at(2 * i));
    CHECK(w0 > 0);
    CHECK(w0 < 1);
    CHECK(led.at(2 * i + 1) == Approx((1 - w0) * o.at(2 * i + 1) - 3 * w0).epsilon(1e-12));
  }
  // A key that no query likes has no weight.
  plain.set("query.weight", {1, 0, 1, 0});
  without.set("query.weight", {1, 0, 1, 0});
  plain.set("sink.key", {-1e6, -1e6});
  const Tensor ones = f64({1, 2, 2}, {1, 2, 1, 5});
  check_close(plain(ones), without(ones));
}

TEST_CASE("an output bias is a value, by itself or times the weight of its sink", "[attention][sheets]") {
  const Tensor x = f64({1, 2, 2}, {3, 0, 0, 6});
  Plain plain(false), fixed(false, "fixed"), beside(false, "context");
  beside.set("output_bias.key", {0, 0});
  beside.set("output_bias.value", {9, -3});
  // Two keys and the sink, all of score 0: its weight is 1 / 2, then 1 / 3.
  check_close(beside(x), f64({1, 2, 2}, {3 + 9 / 2., -3 / 2., 3 / 2. + 9 / 3., 6 / 2. - 3 / 3.}));
  for (Plain* any : {&plain, &fixed, &beside}) {
    any->set("query.weight", {1, 0.5, -1, 2});
    any->set("key.weight", {0.3, 1, 0.2, -0.4});
  }
  const Tensor o = plain(x);
  check_close(fixed(x), o);  // it starts at 0
  fixed.set("output_bias.value", {9, -3});
  const Tensor moved = fixed(x);
  for (Index i = 0; i < 2; ++i) {
    CHECK(moved.at(2 * i) == Approx(o.at(2 * i) + 9).epsilon(1e-12));
    CHECK(moved.at(2 * i + 1) == Approx(o.at(2 * i + 1) - 3).epsilon(1e-12));
  }
  beside.set("output_bias.value", {0, 0});
  check_close(beside(x), o);
  // The sink as it stands beside the others says the same of its weight.
  Plain sink(true);
  sink.set("query.weight", {1, 0.5, -1, 2});
  sink.set("key.weight", {0.3, 1, 0.2, -0.4});
  for (Plain* any : {&sink, &beside}) any->set(any == &sink ? "sink.key" : "output_bias.key", {0.4, -0.2});
  for (Plain* any : {&sink, &beside}) any->set(any == &sink ? "sink.value" : "output_bias.value", {9, -3});
  const Tensor led = sink(x), added = beside(x);
  for (Index i = 0; i < 2; ++i) {
    const double w0 = (led.at(2 * i) - o.at(2 * i)) / (9 - o.at(2 * i));
    CHECK(added.at(2 * i) == Approx(o.at(2 * i) + 9 * w0).epsilon(1e-12));
    CHECK(added.at(2 * i + 1) == Approx(o.at(2 * i + 1) - 3 * w0).epsilon(1e-12));
  }
}

TEST_CASE("an output bias of the context goes with no other sink and no window", "[attention][errors]") {
  ScoreMixerOptions options;
  options.output_bias = "context";
  options.sink = true;
  REQUIRE(options.problems().size() == 1);
  CHECK(options.problems()[0].message == "context has a sink of its own, which goes with no other; set one of the two");
  CHECK(error_of([&] { options.make({.d_model = 12}); }) ==
        "attention: the output bias 'context' has a sink of its own, which goes with no window, no other sink, and no "
        "normalizer of tokens that all see each other; choose 'fixed', or leave those out");
}

TEST_CASE("a sink goes with neither a window nor a normalizer of tokens that all see each other",
          "[attention][errors]") {
  ScoreMixerOptions options;
  options.sink = true;
  options.window = 4;
  CHECK(error_of([&] { options.make({.d_model = 12}); }) ==
        "attention: a window of 4 would leave the sink behind; set one of the two");
  options.window = 0;
  REQUIRE(options.normalizer.choose("sinkhorn"));
  REQUIRE(options.problems().size() == 1);
  CHECK(options.problems()[0].message ==
        "the normalizer 'sinkhorn' wants tokens that all see each other; set it to false");
}
