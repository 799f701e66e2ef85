#include "data/text/text_classes.h"

#include <algorithm>

#include "data/contents.h"
#include "data/sequences.h"
#include "data/split.h"

namespace tempera {
namespace {

namespace fs = std::filesystem;
constexpr std::string_view kWho = "text classes";

struct ClassText {
  std::string text;
  std::int32_t target = 0;
};

std::string trimmed(std::string text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const std::size_t last = text.find_last_not_of(kBlank);
  text.resize(last == text.npos ? 0 : last + 1);
  return text.substr(std::min(text.find_first_not_of(kBlank), text.size()));
}

std::vector<std::string> separated(const std::string& text, const std::string& separator) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = separator.empty() ? text.npos : text.find(separator, at);
    parts.push_back(text.substr(at, end - at));
    if (end == text.npos) break;
    at = end + separator.size();
  }
  return parts;
}

// The classes of a folder where none are named: its folders.
std::vector<std::string> folders_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code none;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, none))
    if (entry.is_directory() && !entry.path().filename().string().starts_with('.'))
      names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

class Reader {
 public:
  Reader(const TextClassesOptions& options, std::vector<std::string> classes)
      : o_(options), classes_(std::move(classes)) {}

  std::vector<ClassText> read(const fs::path& folder) const {
    std::vector<ClassText> texts;
    for (std::size_t c = 0; c < classes_.size(); ++c) {
      const fs::path place = folder / classes_[c];
      require(fs::exists(place), kWho, "'{}' is not there; a folder or a file for each of the classes was wanted",
              place.string());
      const std::size_t before = texts.size();
      const auto add = [&](std::string text) {
        text = trimmed(std::move(text));
        if (std::ssize(text) >= o_.shortest) texts.push_back({std::move(text), static_cast<std::int32_t>(c)});
      };
      if (fs::is_directory(place))
        for (const fs::path& file : files_below(place, kWho)) add(read_contents(file, kWho));
      else
        for (std::string& text : separated(read_contents(place, kWho), o_.separator)) add(std::move(text));
      require(texts.size() > before, kWho, "'{}' holds no text of {} bytes or more", place.string(), o_.shortest);
    }
    return texts;
  }

 private:
  const TextClassesOptions& o_;
  std::vector<std::string> classes_;
};

std::string joined(const std::vector<ClassText>& texts, const std::vector<std::int32_t>& rows) {
  std::string all;
  for (const std::int32_t row : rows) (all += texts[static_cast<std::size_t>(row)].text) += '\n';
  return all;
}

}  // namespace

void TextClassesOptions::describe(Fields& f) {
  f("folder", folder, "holds a folder or a file for each class, or train and test with one for each class");
  f("classes", classes, "names of those folders or files; empty: all folders");
  f("separator", separator, "stands between the texts of a file that is a class");
  f("shortest", shortest, "bytes of a text, at least; shorter ones are left out", at_least(1));
  f("tokenizer", tokenizer, "how text becomes numbers");
  f("length", length, "tokens of a text, at most; the rest is cut", at_least(1));
  f("split", split, "how texts are cut into parts; the test's share holds where the folder has no test part");
}

std::unique_ptr<DataSource> TextClassesOptions::make() const {
  const fs::path root = folder;
  require(
      fs::is_directory(root), kWho,
      "'{}' is no folder; a folder with texts by class was wanted, such as IMDB's aclImdb with train/neg, train/pos, "
      "test/neg and test/pos, or /usr/share/games/fortunes of Debian's package fortunes",
      folder);
  const bool published = fs::is_directory(root / "train") && fs::is_directory(root / "test");
  Description d{.inputs = {length}, .input_type = DType::int32, .lengths = true};
  d.class_names = classes.empty() ? folders_in(published ? root / "train" : root) : classes;
  d.classes = std::ssize(d.class_names);
  require(d.classes >= 2, kWho, "'{}' has {} folders of classes; at least two were wanted, or names in classes", folder,
          d.classes);
  const Reader reader(*this, d.class_names);
  std::vector<ClassText> texts = reader.read(published ? root / "train" : root);
  const auto given = static_cast<std::int64_t>(texts.size());
  Split parts = tempera::split(given, split.valid, published ? 0 : split.test, split.seed);
  if (published)
    for (ClassText& text : reader.read(root / "test")) {
      parts.test.push_back(static_cast<std::int32_t>(texts.size()));
      texts.push_back(std::move(text));
    }
  std::vector<std::int32_t> all(texts.size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::int32_t>(i);
  const auto tokens = tokenizer.make(tokenizer.learns() ? joined(texts, parts.train) : "",
                                     tokenizer.collects() ? joined(texts, all) : "", kWho);
  d.vocabulary = tokens->vocab_size();
  std::vector<TokenSample> samples(texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    samples[i].inputs = tokens->encode(texts[i].text);
    samples[i].inputs.resize(std::min(samples[i].inputs.size(), static_cast<std::size_t>(length)));
    samples[i].target = texts[i].target;
  }
  const auto whole = std::make_shared<TokenSamples>(std::move(samples), std::move(d));
  auto source = std::make_unique<DataSource>();
  source->task = Task::classification;
  source->train = subset(whole, std::move(parts.train));
  source->valid = subset(whole, std::move(parts.valid));
  source->test = subset(whole, std::move(parts.test));
  source->tokenizer = tokens;
  return source;
}

}  // namespace tempera
