#include "data/text/tokenizer.h"

#include <array>
#include <nlohmann/json.hpp>
#include <set>

#include "core/error.h"
#include "data/contents.h"
#include "data/files.h"
#include "data/json_number.h"
#include "data/text/byte_alphabet.h"
#include "data/text/byte_pairs.h"
#include "data/text/characters.h"
#include "data/text/utf8.h"

namespace tempera {
namespace {

using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;

constexpr std::string_view kWho = "tokenizer";

// For messages. Lists in lists, as deep as a stranger likes, are not shown whole.
std::string shown(const Json& json) {
  constexpr std::size_t kLongest = 60;
  const bool nested = std::any_of(json.begin(), json.end(), [](const Json& part) { return part.is_structured(); });
  if (json.is_structured() && nested) return json.is_array() ? "a list of lists or objects" : "an object";
  const std::string text = json.dump();
  return text.size() <= kLongest ? text : text.substr(0, kLongest) + "...";
}

// Reads one file: every failure names it and the place inside.
class Reader {
 public:
  explicit Reader(std::string_view file) : file_(file) {}

  std::unique_ptr<Tokenizer> read(std::string_view text) {
    constexpr int kDeepest = 64;  // a tokenizer has six levels
    const auto shallow = [&](int depth, Json::parse_event_t, const Json&) {
      require(depth <= kDeepest, kWho, "{}: lists and objects lie in each other deeper than {}", file_, kDeepest);
      return true;
    };
    Json json;
    try {
      json = Json::parse(text, shallow);
    } catch (const Json::parse_error& error) {
      fail(kWho, "{}: byte {}: this is not JSON", file_, error.byte);
    } catch (const Json::exception&) {
      fail(kWho, "{}: a number in it is too large for JSON to hold", file_);
    }
    // What would change the tokens and is not known here must not be passed over.
    check(absent(json, "normalizer"), "normalizer", "a normalizer came; only null is supported");
    const Json& model = member(json, "model", "model");
    const std::string type = text_of(model, "type", "model.type");
    if (type == "WordLevel") return characters(model);
    check(type == "BPE", "model.type", "'" + type + "' came; BPE and WordLevel are supported");
    return byte_pairs(json, model);
  }

 private:
  void check(bool holds, std::string_view where, std::string_view message) const {
    require(holds, kWho, "{}: {}: {}", file_, where, message);
  }
  static bool absent(const Json& json, const char* key) {
    return !json.is_object() || !json.contains(key) || json.at(key).is_null();
  }
  const Json& member(const Json& json, const char* key, std::string_view where) const {
    check(json.is_object() && json.contains(key), where, "it is missing");
    return json.at(key);
  }
  std::string text_of(const Json& json, const char* key, std::string_view where) const {
    const Json& value = member(json, key, where);
    check(value.is_string(), where, "a text was wanted");
    return value.get<std::string>();
  }
  bool flag(const Json& json, const char* key, bool otherwise, const std::string& where) const {
    if (absent(json, key)) return otherwise;
    check(json.at(key).is_boolean(), where + "." + key, "true or false was wanted");
    return json.at(key).get<bool>();
  }

  // Calls each(text, number) for the vocabulary; numbers are in [0, 2^31).
  template <class F>
  void each_token(const Json& model, F each) const {
    const Json& vocabulary = member(model, "vocab", "model.vocab");
    check(vocabulary.is_object(), "model.vocab", "an object of tokens and their numbers was wanted");
    for (const auto& [token, number] : vocabulary.items()) each(token, token_number(number, "model.vocab", token));
  }
  std::int32_t token_number(const Json& number, std::string_view where, std::string_view token) const {
    const auto value = whole_number<std::int32_t>(number);
    require(value && *value >= 0, kWho, "{}: {}: the number of '{}' is {}; an integer in 0..2^31-1 was wanted", file_,
            where, token, shown(number));
    return *value;
  }
  // Numbers must be 0 .. count-1, each once; so nothing is allocated for a number that a file makes up.
  void place(std::vector<std::string>& tokens, std::vector<bool>& taken, std::int32_t number, std::string_view token,
             const std::string& value) const {
    const auto at = static_cast<std::size_t>(number);
    require(at < tokens.size(), kWho, "{}: model.vocab: the number of '{}' is {}, but there are {} tokens", file_,
            token, number, tokens.size());
    require(!taken[at], kWho, "{}: model.vocab: '{}' has the number {} of another token", file_, token, number);
    taken[at] = true;
    tokens[at] = value;
  }

  std::unique_ptr<Tokenizer> characters(const Json& model) const {
    std::vector<std::string> tokens(member(model, "vocab", "model.vocab").size());
    std::vector<bool> taken(tokens.size());
    each_token(model, [&](const std::string& token, std::int32_t number) {
      require(!token.empty() && code_point(token, 0).length == token.size(), kWho,
              "{}: model.vocab: '{}' is not one character; WordLevel is supported for characters only", file_, token);
      place(tokens, taken, number, token, token);
    });
    std::vector<char32_t> codes;
    for (const std::string& token : tokens) codes.push_back(code_point(token, 0).value);
    return std::make_unique<Characters>(std::move(codes));
  }

  std::unique_ptr<Tokenizer> byte_pairs(const Json& json, const Json& model) const {
    for (const char* key : {"dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix"})
      check(absent(model, key) || model.at(key) == "", std::string("model.") + key, "only null is supported");
    for (const char* key : {"byte_fallback", "ignore_merges"})
      check(!flag(model, key, false, "model"), std::string("model.") + key, "only false is supported");
    BytePairRules rules;
    read_pre_tokenizer(json, rules);

    std::vector<std::pair<std::string, std::int32_t>> added = read_added(json);
    const Json& vocabulary = member(model, "vocab", "model.vocab");
    std::size_t count = vocabulary.size();
    for (const auto& [token, number] : added) {
      if (!vocabulary.contains(token)) ++count;
      rules.specials.push_back(number);
    }
    rules.tokens.resize(count);
    std::vector<bool> taken(count);
    std::set<std::string_view> is_added;
    for (const auto& [token, number] : added)
      require(is_added.insert(token).second, kWho, "{}: added_tokens: '{}' stands there twice", file_, token);
    each_token(model, [&](const std::string& token, std::int32_t number) {
      if (is_added.contains(token)) return;
      const std::optional<std::string> bytes = from_alphabet(token);
      require(bytes.has_value(), kWho, "{}: model.vocab: '{}' is not written in the byte alphabet of GPT-2", file_,
              token);
      place(rules.tokens, taken, number, token, *bytes);
    });
    for (const auto& [token, number] : added) place(rules.tokens, taken, number, token, token);
    read_merges(model, vocabulary, rules);
    try {
      return std::make_unique<BytePairs>(std::move(rules));
    } catch (const Error& error) {
      fail(kWho, "{}: {}", file_, error.what());
    }
  }

  void read_pre_tokenizer(const Json& json, BytePairRules& rules) const {
    const Json& pre = member(json, "pre_tokenizer", "pre_tokenizer");
    const std::string type = text_of(pre, "type", "pre_tokenizer.type");
    check(type == "ByteLevel", "pre_tokenizer.type", "'" + type + "' came; for BPE, ByteLevel is supported");
    rules.space_before = flag(pre, "add_prefix_space", true, "pre_tokenizer");
    rules.split_words = flag(pre, "use_regex", true, "pre_tokenizer");
  }

  std::vector<std::pair<std::string, std::int32_t>> read_added(const Json& json) const {
    std::vector<std::pair<std::string, std::int32_t>> added;
    if (absent(json, "added_tokens")) return added;
    check(json.at("added_tokens").is_array(), "added_tokens", "a list was wanted");
    for (const Json& token : json.at("added_tokens")) {
      const std::string content = text_of(token, "content", "added_tokens.content");
      for (const char* key : {"single_word", "lstrip", "rstrip"})
        check(!flag(token, key, false, "added_tokens"), std::string("added_tokens.") + key, "only false is supported");
      added.emplace_back(content, token_number(member(token, "id", "added_tokens.id"), "added_tokens", content));
    }
    return added;
  }

  void read_merges(const Json& model, const Json& vocabulary, BytePairRules& rules) const {
    const Json& merges = member(model, "merges", "model.merges");
    check(merges.is_array(), "model.merges", "a list was wanted");
    for (const Json& merge : merges) {
      std::string left, right;
      if (merge.is_string()) {
        const auto text = merge.get<std::string>();
        const std::size_t space = text.find(' ');
        left = text.substr(0, space);
        right = space == std::string::npos ? "" : text.substr(space + 1);
      } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
        left = merge[0].get<std::string>();
        right = merge[1].get<std::string>();
      }
      const bool known = vocabulary.contains(left) && vocabulary.contains(right);
      require(known, kWho,
              "{}: model.merges[{}] is {}; two tokens of the vocabulary were wanted, \"a b\" or [\"a\", \"b\"]", file_,
              rules.merges.size(), shown(merge));
      rules.merges.emplace_back(vocabulary.at(left).get<std::int32_t>(), vocabulary.at(right).get<std::int32_t>());
    }
  }

  std::string file_;
};

}  // namespace

std::string BytePairs::to_json() const {
  const auto shown_token = [&](std::size_t token) {
    const bool special = std::find(rules_.specials.begin(), rules_.specials.end(), static_cast<std::int32_t>(token)) !=
                         rules_.specials.end();
    return special ? rules_.tokens[token] : to_alphabet(rules_.tokens[token]);
  };
  OrderedJson added = OrderedJson::array(), vocabulary = OrderedJson::object(), merges = OrderedJson::array();
  for (const std::int32_t token : rules_.specials)
    added.push_back({{"id", token},
                     {"content", rules_.tokens[static_cast<std::size_t>(token)]},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false},
                     {"special", true}});
  for (std::size_t i = 0; i < rules_.tokens.size(); ++i) vocabulary.push_back({shown_token(i), i});
  for (const auto& [left, right] : rules_.merges)
    merges.push_back(shown_token(static_cast<std::size_t>(left)) + " " + shown_token(static_cast<std::size_t>(right)));
  const OrderedJson json = {
      {"version", "1.0"},
      {"truncation", nullptr},
      {"padding", nullptr},
      {"added_tokens", added},
      {"normalizer", nullptr},
      {"pre_tokenizer",
       {{"type", "ByteLevel"},
        {"add_prefix_space", rules_.space_before},
        {"trim_offsets", true},
        {"use_regex", rules_.split_words}}},
      {"post_processor", nullptr},
      {"decoder", {{"type", "ByteLevel"}, {"add_prefix_space", true}, {"trim_offsets", true}, {"use_regex", true}}},
      {"model",
       {{"type", "BPE"},
        {"dropout", nullptr},
        {"unk_token", nullptr},
        {"continuing_subword_prefix", nullptr},
        {"end_of_word_suffix", nullptr},
        {"fuse_unk", false},
        {"byte_fallback", false},
        {"ignore_merges", false},
        {"vocab", vocabulary},
        {"merges", merges}}}};
  return json.dump(1, ' ') + "\n";
}

std::vector<std::int32_t> Tokenizer::encode(std::string_view text) const {
  std::vector<std::int32_t> tokens;
  encode(text, tokens);
  return tokens;
}

void Tokenizer::save(const std::filesystem::path& file) const {
  const std::string json = to_json();
  replace_file(file, std::as_bytes(std::span(json)));
}

std::unique_ptr<Tokenizer> parse_tokenizer(std::string_view json, std::string_view name) {
  return Reader(name).read(json);
}

std::unique_ptr<Tokenizer> load_tokenizer(const std::filesystem::path& file) {
  return parse_tokenizer(read_contents(file, kWho), file.string());
}

}  // namespace tempera
