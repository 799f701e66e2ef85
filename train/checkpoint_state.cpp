#include "train/checkpoint_state.h"

#include <bit>
#include <charconv>
#include <nlohmann/json.hpp>

namespace tempera {
namespace {

using Json = nlohmann::json;

std::optional<double> value_of(std::string_view bits) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(bits.data(), bits.data() + bits.size(), value, 16);
  if (error != std::errc() || end != bits.data() + bits.size()) return std::nullopt;
  return std::bit_cast<double>(value);
}

// Takes what it knows out of the events of the parser; each returns false where reading on makes no sense. A tree of
// Json values would be shorter, but its destructor asks for memory, and ends the process where there is none.
class StateReader {
 public:
  CheckpointState state;

  bool complete() const { return step_ && seed_ && config_ && numbers_; }

  bool null() { return other(); }
  bool boolean(bool) { return other(); }
  bool number_integer(Json::number_integer_t) { return other(); }
  bool number_float(Json::number_float_t, const std::string&) { return other(); }
  bool number_unsigned(Json::number_unsigned_t value) {
    if (at("step") && value <= INT64_MAX) {
      state.step = static_cast<std::int64_t>(value);
      return step_ = true;
    }
    if (!at("seed")) return other();
    state.seed = value;
    return seed_ = true;
  }
  bool string(std::string& text) {
    if (at("config")) {
      state.config = text;
      return config_ = true;
    }
    if (!in_numbers_) return other();
    const std::optional<double> value = value_of(text);
    if (value) state.numbers[key_] = *value;
    return value.has_value();
  }
  bool binary(Json::binary_t&) { return other(); }
  bool key(std::string& name) {
    key_ = name;
    return true;
  }
  bool start_object(std::size_t) {
    if (at("numbers")) in_numbers_ = numbers_ = true;
    else if (depth_ > 0 && !other()) return false;
    return ++depth_ > 0;
  }
  bool end_object() {
    if (--depth_ == 1) in_numbers_ = false;
    return true;
  }
  bool start_array(std::size_t) {
    if (!other()) return false;
    ++depth_;
    return true;
  }
  bool end_array() { return end_object(); }
  bool parse_error(std::size_t, const std::string&, const Json::exception&) { return false; }

 private:
  bool at(std::string_view name) const { return depth_ == 1 && key_ == name; }
  // A value of another kind than its key wants is refused, one of a key that nobody knows is not.
  bool other() const {
    return depth_ > 0 && !at("step") && !at("seed") && !at("config") && !at("numbers") && !in_numbers_;
  }

  std::string key_;
  int depth_ = 0;
  bool in_numbers_ = false;  // whose values are all texts, so nothing lies deeper
  bool step_ = false, seed_ = false, config_ = false, numbers_ = false;
};

// In quotes, with escapes.
std::string quoted(const std::string& text) {
  return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::string format_state(const CheckpointState& state) {
  std::string numbers;
  for (const auto& [name, value] : state.numbers)
    numbers += fmt::format("{}\n    {}: \"{:016x}\"", numbers.empty() ? "" : ",", quoted(name),
                           std::bit_cast<std::uint64_t>(value));
  return fmt::format("{{\n  \"step\": {},\n  \"seed\": {},\n  \"config\": {},\n  \"numbers\": {{{}\n  }}\n}}\n",
                     state.step, state.seed, quoted(state.config), numbers);
}

std::optional<CheckpointState> parse_state(std::string_view text) {
  StateReader reader;
  if (!Json::sax_parse(text, &reader) || !reader.complete()) return std::nullopt;
  return std::move(reader.state);
}

}  // namespace tempera
