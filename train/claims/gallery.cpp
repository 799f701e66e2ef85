#include "train/claims/gallery.h"

#include <algorithm>
#include <cmath>
#include <fmt/ranges.h>
#include <map>

#include "core/nearest.h"
#include "train/claims/experiment_file.h"
#include "train/errors.h"
#include "train/output/numbers.h"

namespace tempera {
namespace {

namespace fs = std::filesystem;

std::string cell(std::string_view text) {
  std::string result;
  for (const char c : text)
    if (c == '|') result += "\\|";
    else result += c == '\n' ? ' ' : c;
  return result;
}

std::string p_text(double p) {
  if (!std::isfinite(p)) return "-";
  return p < 0.001 ? "< 0.001" : fmt::format("{:.3f}", p);
}

std::string verdict_text(Outcome outcome) {
  return outcome == Outcome::holds ? "holds" : fmt::format("**{}**", to_string(outcome));
}

std::string ours(const JudgedExpectation& e) {
  std::string text = value_text(e.verdict.of);
  if (!e.other.empty()) text += fmt::format(" against {}", value_text(e.verdict.other));
  return text;
}

std::string paper_text(const ClaimRow& row) {
  if (row.figure.empty()) return row.source;
  return row.source.empty() ? row.figure : fmt::format("{} ({})", row.figure, row.source);
}

// Means with their intervals; of bytes and counts the mean alone, with a prefix.
std::string listed(const std::string& quantity, const Measured* measured) {
  if (measured == nullptr) return "-";
  std::vector<double> values;
  for (const Observed& o : measured->values)
    if (std::isfinite(o.value)) values.push_back(o.value);
  const MeanInterval interval = mean_interval(values);
  if (interval.n == 0) return "-";
  if (quantity == "peak_memory") return byte_count(static_cast<std::uint64_t>(interval.mean));
  return quantity == "parameters" ? si(interval.mean) : value_text(interval);
}

std::string table(const ClaimRow& row) {
  if (row.table.empty()) return {};
  std::string text = fmt::format("\n| variant | {} |\n|---|", fmt::join(row.table, " | "));
  for (std::size_t i = 0; i < row.table.size(); ++i) text += "---|";
  for (const std::string& variant : row.variants) {
    text += fmt::format("\n| {} |", cell(variant));
    for (const std::string& quantity : row.table)
      text += fmt::format(" {} |", listed(quantity, row.find(quantity, variant)));
  }
  return text + '\n';
}

std::string section(const ClaimRow& row, const std::string& stale_because) {
  std::string text = fmt::format("\n## {}\n\n{}\n", row.name, row.claim);
  if (const std::string paper = paper_text(row); !paper.empty()) text += fmt::format("\nPaper: {}.\n", paper);
  if (!stale_because.empty()) text += fmt::format("\n**Stale**: {}.\n", stale_because);
  text += fmt::format("\n![{0}](gallery/{0}.svg)\n", row.name);
  text += "\n| expectation | paper | ours | verdict | p (t) | p (flips) |\n|---|---|---|---|---|---|\n";
  for (const JudgedExpectation& e : row.expectations) {
    const bool compares = !e.other.empty();
    text +=
        fmt::format("| {} | {} | {} | {} | {} | {} |\n", cell(e.text), cell(e.paper), ours(e),
                    verdict_text(e.verdict.outcome) + (e.verdict.reason.empty() ? "" : ": " + cell(e.verdict.reason)),
                    compares ? p_text(e.verdict.test.p_t) : "", compares ? p_text(e.verdict.test.p_flips) : "");
  }
  text += table(row);
  if (!row.note.empty()) text += fmt::format("\n{}\n", row.note);
  for (const std::string& failure : row.failures) text += fmt::format("\n- failed: `{}`\n", cell(failure));
  return text + fmt::format(
                    "\n`./dev reproduce {}{}`: {} seed{}, {} of one core, {}, Tempera {}, configuration "
                    "`{}` [{}](../{}).\n",
                    row.name, row.quick ? " --quick" : "", row.seeds.size(), row.seeds.size() == 1 ? "" : "s",
                    duration(row.seconds), row.date, row.code, row.fingerprint, row.config, row.config);
}

}  // namespace

std::vector<fs::path> find_claims(const fs::path& configs) {
  std::vector<fs::path> found;
  if (!fs::is_directory(configs)) return found;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(configs))
    if (entry.path().extension() == ".yaml") found.push_back(entry.path());
  std::sort(found.begin(), found.end());
  std::erase_if(found, [](const fs::path& path) { return !ExperimentFile(path).has_claim(); });
  std::map<fs::path, fs::path> names;
  for (const fs::path& path : found) {
    const auto entry = names.emplace(path.stem(), path);
    blame<SetupError>([&] {
      require(entry.second, "reproduce", "{} and {} are claims of one name; rename one of them",
              entry.first->second.string(), path.string());
    });
  }
  return found;
}

fs::path claim_named(const std::string& name, const fs::path& configs) {
  if (fs::is_regular_file(name)) return name;
  const std::vector<fs::path> claims = find_claims(configs);
  std::vector<std::string> names;
  for (const fs::path& claim : claims) {
    if (claim.stem() == name) return claim;
    names.push_back(claim.stem().string());
  }
  const std::vector<std::string_view> known(names.begin(), names.end());
  const std::string meant = did_you_mean(name, known);
  blame<SetupError>([&] {
    fail("reproduce", "'{}' is no claim below {}{} claims: {}", name, configs.string(), meant.empty() ? ";" : meant,
         fmt::join(known, ", "));
  });
  return {};
}

std::vector<ClaimRow> read_rows(const fs::path& folder) {
  std::vector<ClaimRow> rows;
  if (!fs::is_directory(folder)) return rows;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder))
    if (entry.path().extension() == ".json") rows.push_back(read_row(entry.path()));
  std::ranges::sort(rows, {}, &ClaimRow::name);
  return rows;
}

std::string stale(const ClaimRow& row, const fs::path& root) {
  const fs::path file = root / row.config;
  if (!fs::exists(file)) return fmt::format("`{}` is gone", row.config);
  if (ExperimentFile(file).fingerprint(row.quick) == row.fingerprint) return {};
  return "the configuration has changed since";
}

std::string gallery_page(const std::vector<ClaimRow>& rows, const fs::path& root) {
  std::string text =
      "# Gallery\n\nWhat papers claim, in miniature, beside the baseline and over several seeds; a claim that does not "
      "hold stays and says so.\nThis page is made by `./dev reproduce`; [experiments.md](experiments.md) tells how "
      "claims "
      "are written, run and read.\n"
      "\n| claim | paper | verdict | seeds | time |\n|---|---|---|---|---|\n";
  std::string sections;
  for (const ClaimRow& row : rows) {
    const std::string because = stale(row, root);
    text += fmt::format("| [{}](#{}): {} | {} | {}{}{} | {} | {} |\n", row.name, row.name, cell(row.claim),
                        cell(paper_text(row)), verdict_text(row.outcome()), row.quick ? ", quick" : "",
                        because.empty() ? "" : ", stale", row.seeds.size(), duration(row.seconds));
    sections += section(row, because);
  }
  return text + sections;
}

}  // namespace tempera
