#include "data/digits.h"

#include <charconv>
#include <fstream>
#include <vector>

namespace tempera {
namespace {

constexpr Index kPixels = 64;
constexpr int kInk = 16, kDigits = 10;

class Reader {
 public:
  explicit Reader(const std::filesystem::path& file) : name_(file.string()), in_(file) {
    require(in_.is_open(), "digits", "'{}' cannot be opened", name_);
  }

  bool next_line() {
    ++line_;
    if (!std::getline(in_, text_)) return false;
    if (text_.ends_with('\r')) text_.pop_back();
    rest_ = text_;
    return true;
  }

  // The next number of the line: number `column`, counted from 0, the last at kPixels.
  int number(Index column) {
    const std::string_view field = rest_.substr(0, rest_.find(','));
    const int limit = column == kPixels ? kDigits - 1 : kInk;
    int value = -1;
    const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
    require(error == std::errc() && end == field.data() + field.size() && value >= 0 && value <= limit, "digits",
            "{}:{}: number {} is '{}'; an integer in 0..{} was wanted", name_, line_, column + 1, field, limit);
    const bool more = field.size() < rest_.size();
    require(more == (column < kPixels), "digits", "{}:{}: the line has {} than {} numbers", name_, line_,
            more ? "more" : "fewer", kPixels + 1);
    rest_.remove_prefix(field.size() + (more ? 1 : 0));
    return value;
  }

 private:
  std::string name_, text_;
  std::string_view rest_;
  std::ifstream in_;
  int line_ = 0;
};

}  // namespace

Digits read_digits(const std::filesystem::path& file) {
  Reader reader(file);
  std::vector<float> pixels;
  std::vector<std::int32_t> classes;
  while (reader.next_line()) {
    for (Index i = 0; i < kPixels; ++i) pixels.push_back(static_cast<float>(reader.number(i)) / kInk);
    classes.push_back(reader.number(kPixels));
  }
  const auto count = static_cast<Index>(classes.size());
  require(count > 0, "digits", "'{}' holds no digit", file.string());
  return {Tensor::from<float>({count, kPixels}, pixels), Tensor::from<std::int32_t>({count}, classes)};
}

}  // namespace tempera
