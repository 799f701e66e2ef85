#include "train/claims/claim_row.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "core/error.h"
#include "data/files.h"
#include "data/json_number.h"
#include "train/output/numbers.h"

namespace tempera {
namespace {

using Json = nlohmann::ordered_json;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// Six digits tell what a reader and a test want; a value that is not finite is null.
Json number(double value) {
  if (!std::isfinite(value)) return nullptr;
  if (value == std::round(value) && std::abs(value) < 1e15) return static_cast<std::int64_t>(value);
  return std::stod(fmt::format("{:.6g}", value));
}

double number(const Json& json) {
  return json.is_number() ? json.get<double>() : kNan;
}

template <class T>
T whole(const Json& json) {
  const std::optional<T> value = whole_number<T>(json);
  if (!value) throw std::out_of_range(json.dump() + " is no whole number of its range");
  return *value;
}

Json interval_json(const MeanInterval& interval) {
  return {{"mean", number(interval.mean)}, {"half", number(interval.half)}, {"n", interval.n}};
}

MeanInterval interval_of(const Json& json) {
  return {number(json.at("mean")), number(json.at("half")), whole<int>(json.at("n"))};
}

Json expectation_json(const JudgedExpectation& e) {
  Json json{{"text", e.text}, {"paper", e.paper}, {"verdict", to_string(e.verdict.outcome)}, {"quantity", e.quantity},
            {"of", e.of},     {"other", e.other}, {"ours", interval_json(e.verdict.of)}};
  if (!e.verdict.reason.empty()) json["reason"] = e.verdict.reason;
  if (e.other.empty()) return json;
  json["theirs"] = interval_json(e.verdict.other);
  json["difference"] = number(e.verdict.test.mean);
  json["p_t"] = number(e.verdict.test.p_t);
  json["p_flips"] = number(e.verdict.test.p_flips);
  return json;
}

JudgedExpectation expectation_of(const Json& json) {
  JudgedExpectation e{json.at("text"), json.at("paper"), json.at("quantity"), json.at("of"), json.at("other"), {}};
  const std::string outcome = json.at("verdict");
  for (const Outcome known : {Outcome::holds, Outcome::fails, Outcome::undecided})
    if (outcome == to_string(known)) e.verdict.outcome = known;
  e.verdict.reason = json.value("reason", "");
  e.verdict.of = interval_of(json.at("ours"));
  if (e.other.empty()) return e;
  e.verdict.other = interval_of(json.at("theirs"));
  e.verdict.test = {number(json.at("difference")), number(json.at("p_t")), number(json.at("p_flips"))};
  return e;
}

Json measured_json(const Measured& m) {
  Json values = Json::array(), never = Json::array();
  for (const Observed& o : m.values) {
    values.push_back(number(o.value));
    never.push_back(o.censored);
  }
  Json json{{"quantity", m.quantity}, {"variant", m.variant}, {"values", std::move(values)}};
  if (std::ranges::any_of(m.values, &Observed::censored)) json["never"] = std::move(never);
  return json;
}

Measured measured_of(const Json& json) {
  Measured m{json.at("quantity"), json.at("variant"), {}};
  const Json never = json.value("never", Json::array());
  for (std::size_t i = 0; i < json.at("values").size(); ++i)
    m.values.push_back({number(json["values"][i]), i < never.size() && never[i].get<bool>()});
  return m;
}

}  // namespace

Outcome ClaimRow::outcome() const {
  const auto is = [](Outcome outcome) {
    return [outcome](const JudgedExpectation& e) { return e.verdict.outcome == outcome; };
  };
  if (std::ranges::any_of(expectations, is(Outcome::fails))) return Outcome::fails;
  return std::ranges::all_of(expectations, is(Outcome::holds)) ? Outcome::holds : Outcome::undecided;
}

const Measured* ClaimRow::find(std::string_view quantity, std::string_view variant) const {
  const auto is_it = [&](const Measured& m) { return m.quantity == quantity && m.variant == variant; };
  const auto found = std::ranges::find_if(measured, is_it);
  return found == measured.end() ? nullptr : &*found;
}

void write_row(const std::filesystem::path& file, const ClaimRow& row) {
  Json json{{"name", row.name},
            {"config", row.config},
            {"claim", row.claim},
            {"paper", {{"figure", row.figure}, {"source", row.source}}},
            {"note", row.note},
            {"verdict", to_string(row.outcome())},
            {"fingerprint", row.fingerprint},
            {"code", row.code},
            {"date", row.date},
            {"quick", row.quick},
            {"seeds", row.seeds},
            {"seconds", number(std::round(row.seconds))},
            {"expectations", Json::array()},
            {"measured", Json::array()},
            {"failures", row.failures}};
  if (!row.table.empty()) json["table"] = {{"quantities", row.table}, {"variants", row.variants}};
  for (const JudgedExpectation& e : row.expectations) json["expectations"].push_back(expectation_json(e));
  for (const Measured& m : row.measured) json["measured"].push_back(measured_json(m));
  const std::string text = json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  replace_file(file, std::as_bytes(std::span(text)));
}

ClaimRow read_row(const std::filesystem::path& file) {
  std::ifstream in(file);
  require(in.good(), "gallery", "{} is not there", file.string());
  try {
    const Json json = Json::parse(in);
    ClaimRow row{json.at("name"),
                 json.at("config"),
                 json.at("claim"),
                 json.at("paper").at("figure"),
                 json.at("paper").at("source"),
                 json.at("note"),
                 json.at("fingerprint"),
                 json.at("code"),
                 json.at("date"),
                 json.at("quick")};
    for (const Json& seed : json.at("seeds")) row.seeds.push_back(whole<std::uint64_t>(seed));
    row.seconds = number(json.at("seconds"));
    for (const Json& e : json.at("expectations")) row.expectations.push_back(expectation_of(e));
    for (const Json& m : json.at("measured")) row.measured.push_back(measured_of(m));
    row.failures = json.at("failures").get<std::vector<std::string>>();
    if (const auto table = json.find("table"); table != json.end()) {
      row.table = table->at("quantities").get<std::vector<std::string>>();
      row.variants = table->at("variants").get<std::vector<std::string>>();
    }
    return row;
  } catch (const std::exception& error) {
    fail("gallery", "{} is damaged: {}; reproduce the claim again", file.string(), error.what());
  }
}

std::string value_text(const MeanInterval& interval) {
  if (interval.n == 0) return "-";
  const MeanText text = mean_text(interval.mean, interval.half);
  return text.half.empty() ? text.mean : text.mean + " ± " + text.half;
}

}  // namespace tempera
