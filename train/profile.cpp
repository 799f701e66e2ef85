#include "train/profile.h"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/ops/linear_cross_entropy.h"

namespace tempera {
namespace {

double bytes_of(const Tensor& x) {
  return static_cast<double>(x.size()) * static_cast<double>(byte_size(x.dtype()));
}

std::string key_of(std::string_view operation, std::string_view path, bool backward) {
  return fmt::format("{}|{}|{}", operation, path, backward ? 1 : 0);
}

// "blocks.3.mlp.up" -> "blocks.*.mlp.up"
std::string without_numbers(std::string_view path) {
  std::string out;
  for (std::size_t i = 0; i < path.size();) {
    const std::size_t end = std::min(path.find('.', i), path.size());
    const std::string_view part = path.substr(i, end - i);
    const bool number = std::all_of(part.begin(), part.end(), [](unsigned char c) { return std::isdigit(c); });
    if (i > 0) out += '.';
    out += number ? "*" : part;
    i = end + 1;
  }
  return out;
}

// Its gradients are computed with its value.
bool is_eager(const Op& op) {
  return &op == &linear_cross_entropy_op;
}

struct Sum {
  std::string name;
  Profile::Row total;
  void add(const Profile::Row& row) {
    total.calls += row.calls;
    total.seconds += row.seconds;
    total.bytes += row.bytes;
    total.flops += row.flops;
  }
};

class Sums {
 public:
  void add(const std::string& name, const Profile::Row& row) {
    auto found = std::find_if(all_.begin(), all_.end(), [&](const Sum& s) { return s.name == name; });
    if (found == all_.end()) found = all_.insert(all_.end(), Sum{name, {}});
    found->add(row);
  }
  std::string text(std::string_view heading, double whole, double peak) {
    std::stable_sort(all_.begin(), all_.end(), [](auto& a, auto& b) { return a.total.seconds > b.total.seconds; });
    std::size_t width = heading.size();
    for (const Sum& s : all_) width = std::max(width, s.name.size());
    std::string out = fmt::format("{:<{}}  {:>8}  {:>10}  {:>6}  {:>8}  {:>8}  {:>6}\n", heading, width, "calls", "ms",
                                  "share", "GB/s", "GFLOP/s", "peak");
    for (const auto& [name, t] : all_) {
      const double rate = t.flops / t.seconds * 1e-9;
      out += fmt::format("{:<{}}  {:>8}  {:>10.3f}  {:>5.1f}%  {:>8.1f}  ", name, width, t.calls, 1e3 * t.seconds,
                         100 * t.seconds / whole, t.bytes / t.seconds * 1e-9);
      out += t.flops > 0 ? fmt::format("{:>8.1f}  ", rate) : fmt::format("{:>8}  ", "");
      out += t.flops > 0 && peak > 0 ? fmt::format("{:>5.1f}%\n", 100 * rate / peak) : "\n";
    }
    return out;
  }

 private:
  std::vector<Sum> all_;
};

}  // namespace

Profile::Row& Profile::ended(std::string_view operation, std::string_view path, bool backward) {
  const auto now = Clock::now();
  const auto [at, fresh] = index_.try_emplace(key_of(operation, path, backward), static_cast<int>(rows_.size()));
  if (fresh) rows_.push_back({std::string(operation), std::string(path), backward, 0, 0, 0, 0});
  Row& row = rows_[static_cast<std::size_t>(at->second)];
  const auto seconds_between = [](Clock::time_point a, Clock::time_point b) {
    return std::chrono::duration<double>(b - a).count();
  };
  const double spent = seconds_between(last_, now);
  ++row.calls;
  row.seconds += spent;
  if (events_.size() < kTraced) events_.push_back({at->second, seconds_between(first_, last_), spent});
  last_ = Clock::now();  // what is done here is nobody's
  return row;
}

void Profile::computed(const Op& op, std::string_view path, Inputs inputs, const Tensor& y) {
  Row& row = ended(op.name, path, false);
  row.bytes += bytes_of(y);
  for (int i = 0; i < inputs.size(); ++i) row.bytes += bytes_of(inputs[i].value());
  if (op.flops) row.flops += (is_eager(op) ? 3 : 1) * op.flops(inputs, y);
}

void Profile::played(const Op& op, std::string_view path, const Tensor&) {
  Row& row = ended(op.name, path, true);
  // A backward pass reads and writes about twice what the forward pass did, call by call.
  const auto forward = index_.find(key_of(op.name, path, false));
  if (forward == index_.end() || is_eager(op)) return;
  const Row& there = rows_[static_cast<std::size_t>(forward->second)];
  row.bytes += 2 * there.bytes / static_cast<double>(there.calls);
  row.flops += 2 * there.flops / static_cast<double>(there.calls);
}

void Profile::begin() {
  last_ = Clock::now();
}

void Profile::mark(std::string_view what) {
  ended(what, "", false);
}

double Profile::seconds() const {
  double total = 0;
  for (const Row& row : rows_) total += row.seconds;
  return total;
}

std::string Profile::text(double peak) const {
  Sums operations, modules;
  for (const Row& row : rows_) {
    operations.add(row.operation + (row.backward ? ", backward" : ""), row);
    modules.add(row.path.empty() ? "(" + row.operation + ")" : without_numbers(row.path), row);
  }
  const double whole = std::max(seconds(), 1e-12);
  return operations.text("operation", whole, peak) + "\n" + modules.text("module", whole, peak);
}

void Profile::write_trace(const std::filesystem::path& file) const {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const Event& e : events_) {
    const Row& row = rows_[static_cast<std::size_t>(e.row)];
    all.push_back({{"name", row.operation + (row.backward ? ", backward" : "")},
                   {"cat", row.path},
                   {"ph", "X"},
                   {"ts", 1e6 * e.start},
                   {"dur", 1e6 * e.seconds},
                   {"pid", 1},
                   {"tid", 1},
                   {"args", {{"module", row.path}}}});
  }
  std::ofstream out(file);
  out << nlohmann::ordered_json{{"traceEvents", all}, {"displayTimeUnit", "ms"}}.dump() << '\n';
  require(out.flush().good(), "Profile", "{} could not be written; choose a folder that exists", file.string());
}

}  // namespace tempera
