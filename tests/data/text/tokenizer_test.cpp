#include "data/text/tokenizer.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "core/random.h"
#include "data/text/byte_alphabet.h"
#include "data/text/byte_pairs.h"
#include "data/text/characters.h"
#include "data/text/utf8.h"
#include "data/text/words.h"
#include "tests/support/folder.h"
#include "tests/support/source_file.h"

using namespace tempera;
using Json = nlohmann::json;

namespace {

// Made by Hugging Face's library, see make.py beside them.
const std::filesystem::path kFiles = source_file("tests/data/text/files");

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  for (std::size_t at = 0; at < text.size();) words.emplace_back(next_word(text, at));
  return words;
}

std::string random_bytes(std::uint64_t seed, std::size_t count) {
  const Rng rng(seed, "test/bytes");
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text.push_back(static_cast<char>(rng.below(i, 256)));
  return text;
}

// The smallest tokenizer.json, changed by `change`.
template <class F>
std::string refused(F change) {
  Json json = Json::parse(R"({"added_tokens": [{"id": 2, "content": "<end>"}], "normalizer": null,
    "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false},
    "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 3}, "merges": ["a b"]}})");
  change(json);
  return TestFolder().error_of([&] { parse_tokenizer(json.dump(), "t.json"); });
}

}  // namespace

TEST_CASE("words are cut as by GPT-2", "[data][tokenizer]") {
  const Json expected = Json::parse(contents_of(kFiles / "expected.json")).at("plain");
  REQUIRE(expected.size() > 20);
  for (const Json& entry : expected) {
    INFO(entry.at("text"));
    CHECK(words_of(entry.at("text").get<std::string>()) == entry.at("words").get<std::vector<std::string>>());
  }
  CHECK(words_of("a \xFF\xFE b") == std::vector<std::string>{"a", " ", "\xFF\xFE", " b"});
}

TEST_CASE("byte pairs learned here are those that Hugging Face learns", "[data][tokenizer]") {
  const BytePairs ours = train_byte_pairs(contents_of(kFiles / "sample.txt"), {.vocab_size = 400});
  const Json theirs = Json::parse(contents_of(kFiles / "tokenizer.json"));
  const Json model = Json::parse(ours.to_json()).at("model");
  CHECK(model.at("vocab") == theirs.at("model").at("vocab"));
  Json merges = Json::array();
  for (const Json& pair : theirs.at("model").at("merges"))
    merges.push_back(pair.at(0).get<std::string>() + " " + pair.at(1).get<std::string>());
  CHECK(merges.size() > 100);
  CHECK(model.at("merges") == merges);
}

TEST_CASE("a tokenizer.json of Hugging Face gives their tokens", "[data][tokenizer]") {
  const Json expected = Json::parse(contents_of(kFiles / "expected.json"));
  const auto plain = load_tokenizer(kFiles / "tokenizer.json");
  const BytePairs trained = train_byte_pairs(contents_of(kFiles / "sample.txt"), {.vocab_size = 400});
  for (const Json& entry : expected.at("plain")) {
    const auto text = entry.at("text").get<std::string>();
    const auto tokens = entry.at("tokens").get<std::vector<std::int32_t>>();
    INFO(text);
    CHECK(plain->encode(text) == tokens);
    CHECK(trained.encode(text) == tokens);
    CHECK(plain->decode(tokens) == text);
  }
  Json spaced = Json::parse(contents_of(kFiles / "tokenizer.json"));
  spaced["pre_tokenizer"]["add_prefix_space"] = true;
  const auto before = parse_tokenizer(spaced.dump());
  for (const Json& entry : expected.at("space_before")) {
    INFO(entry.at("text"));
    CHECK(before->encode(entry.at("text").get<std::string>()) == entry.at("tokens").get<std::vector<std::int32_t>>());
  }
}

TEST_CASE("any bytes survive byte pairs and bytes", "[data][tokenizer]") {
  const BytePairs pairs = train_byte_pairs(contents_of(kFiles / "sample.txt"), {.vocab_size = 400});
  const BytePairs bytes = BytePairs::bytes();
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const std::string text = random_bytes(seed, seed * 7);
    CHECK(pairs.decode(pairs.encode(text)) == text);
    CHECK(bytes.decode(bytes.encode(text)) == text);
  }
  CHECK(bytes.vocab_size() == 256);
  CHECK(bytes.encode("A\xFF") == std::vector<std::int32_t>{65, 255});
  CHECK(bytes.kind() == "bytes");
  CHECK(pairs.special("<|endoftext|>") == 0);
  CHECK(pairs.special("<none>") == std::nullopt);
}

TEST_CASE("a word of a million letters is encoded in time", "[data][tokenizer]") {
  const BytePairs pairs = train_byte_pairs("aaaaaaaaaaaaaaaa aaaaaaaaaaaaaaaa", {.vocab_size = 264, .least = 1});
  const std::string text(1'000'000, 'a');
  const auto tokens = pairs.encode(text);
  CHECK(tokens.size() < text.size() / 4);
  CHECK(pairs.decode(tokens) == text);
}

TEST_CASE("every kind of tokenizer comes back from its file", "[data][tokenizer]") {
  const TestFolder folder;
  const std::string text = contents_of(kFiles / "sample.txt");
  const BytePairs pairs = train_byte_pairs(text, {.vocab_size = 300}), bytes = BytePairs::bytes();
  const Characters characters = Characters::of(text);
  for (const Tokenizer* tokenizer : {static_cast<const Tokenizer*>(&pairs), static_cast<const Tokenizer*>(&bytes),
                                     static_cast<const Tokenizer*>(&characters)}) {
    tokenizer->save(folder.path / "tokenizer.json");
    const auto again = load_tokenizer(folder.path / "tokenizer.json");
    CHECK(again->kind() == tokenizer->kind());
    CHECK(again->vocab_size() == tokenizer->vocab_size());
    CHECK(again->encode(text) == tokenizer->encode(text));
    CHECK(again->to_json() == tokenizer->to_json());
  }
}

TEST_CASE("characters are numbered by code point", "[data][tokenizer]") {
  const Characters characters = Characters::of("banané\n");
  CHECK(characters.vocab_size() == 5);
  CHECK(characters.encode("\nabné") == std::vector<std::int32_t>{0, 1, 2, 3, 4});
  CHECK(characters.decode(std::vector<std::int32_t>{4, 0}) == "é\n");
  CHECK(Characters::of("").vocab_size() == 0);
}

TEST_CASE("tokenizers refuse what they have no token for", "[data][tokenizer][errors]") {
  const Characters characters = Characters::of("ab");
  CHECK_THROWS_WITH(characters.encode("abé"),
                    "Characters: U+00E9 'é' at byte 2 of the text is none of the 2 characters of the vocabulary");
  CHECK_THROWS_WITH(characters.encode("a\xFF"), "Characters: byte 1 of the text, 0xff, is not UTF-8");
  CHECK_THROWS_WITH(characters.decode(2), "Characters: token 2 came; the vocabulary has 2");
  CHECK_THROWS_WITH(Characters::of("a\xC3", "f.txt"),
                    "f.txt: byte 1: 0xc3 is not UTF-8; convert the text, or use a tokenizer of bytes");
  CHECK_THROWS_WITH(Characters({U'a', U'a'}), "Characters: U+0061 'a' comes twice in the vocabulary");
  CHECK_THROWS_WITH(BytePairs::bytes().decode(256), "BytePairs: token 256 came; the vocabulary has 256");
  CHECK_THROWS_WITH(BytePairs({{"a"}, {}, {}}).encode("b"), "BytePairs: the vocabulary has no token for the byte 0x62");
  CHECK_THROWS_WITH(train_byte_pairs("a", {.vocab_size = 256}),
                    "train_byte_pairs: a vocabulary of 256 was asked for; 1 special tokens and 256 bytes need more");
}

TEST_CASE("a tokenizer.json that is broken or of another kind is refused", "[data][tokenizer][errors]") {
  CHECK(refused([](Json&) {}) == "no error");
  CHECK(TestFolder().error_of([] { parse_tokenizer("{\"a\": ", "t.json"); }) ==
        "tokenizer: t.json: byte 7: this is not JSON");
  CHECK(TestFolder().error_of([] { parse_tokenizer(std::string(65, '['), "t.json"); }) ==
        "tokenizer: t.json: byte 66: this is not JSON");
  CHECK(TestFolder().error_of([] { parse_tokenizer(std::string(66, '['), "t.json"); }) ==
        "tokenizer: t.json: lists and objects lie in each other deeper than 64");
  CHECK(refused([](Json& j) {
          j["normalizer"] = {{"type", "NFC"}};
        }) == "tokenizer: t.json: normalizer: a normalizer came; only null is supported");
  CHECK(refused([](Json& j) { j.erase("model"); }) == "tokenizer: t.json: model: it is missing");
  CHECK(refused([](Json& j) { j["model"]["type"] = "Unigram"; }) ==
        "tokenizer: t.json: model.type: 'Unigram' came; BPE and WordLevel are supported");
  CHECK(refused([](Json& j) { j["model"]["dropout"] = 0.1; }) ==
        "tokenizer: t.json: model.dropout: only null is supported");
  CHECK(refused([](Json& j) { j["model"]["byte_fallback"] = true; }) ==
        "tokenizer: t.json: model.byte_fallback: only false is supported");
  CHECK(refused([](Json& j) { j["pre_tokenizer"]["type"] = "Whitespace"; }) ==
        "tokenizer: t.json: pre_tokenizer.type: 'Whitespace' came; for BPE, ByteLevel is supported");
  CHECK(refused([](Json& j) { j["pre_tokenizer"]["use_regex"] = 1; }) ==
        "tokenizer: t.json: pre_tokenizer.use_regex: true or false was wanted");
  CHECK(refused([](Json& j) { j["added_tokens"][0]["lstrip"] = true; }) ==
        "tokenizer: t.json: added_tokens.lstrip: only false is supported");
  CHECK(refused([](Json& j) { j["model"]["vocab"]["a"] = -1; }) ==
        "tokenizer: t.json: model.vocab: the number of 'a' is -1; an integer in 0..2^31-1 was wanted");
  CHECK(refused([](Json& j) { j["model"]["vocab"]["a"] = 4; }) ==
        "tokenizer: t.json: model.vocab: the number of 'a' is 4, but there are 4 tokens");
  CHECK(refused([](Json& j) { j["model"]["vocab"]["a"] = 1; }) ==
        "tokenizer: t.json: model.vocab: 'b' has the number 1 of another token");
  CHECK(refused([](Json& j) { j["model"]["vocab"]["a b"] = 4; }) ==
        "tokenizer: t.json: model.vocab: 'a b' is not written in the byte alphabet of GPT-2");
  CHECK(refused([](Json& j) { j["model"]["merges"] = {"ac"}; }) ==
        "tokenizer: t.json: model.merges[0] is \"ac\"; two tokens of the vocabulary were wanted, \"a b\" or [\"a\", "
        "\"b\"]");
  CHECK(refused([](Json& j) {
          j["model"]["merges"] = Json::array({Json::array({"b", "a"})});
        }) == "tokenizer: t.json: BytePairs: merge 0 of tokens 1 and 0 gives no token of the vocabulary");
  CHECK(refused([](Json& j) { j["added_tokens"].push_back(j["added_tokens"][0]); }) ==
        "tokenizer: t.json: added_tokens: '<end>' stands there twice");
  CHECK(refused([](Json& j) { j["model"]["vocab"]["a"] = Json::array({Json::array()}); }) ==
        "tokenizer: t.json: model.vocab: the number of 'a' is a list of lists or objects; an integer in 0..2^31-1 was "
        "wanted");
  CHECK(TestFolder().error_of([] { parse_tokenizer("{\"a\": 1e999}", "t.json"); }) ==
        "tokenizer: t.json: a number in it is too large for JSON to hold");
  CHECK(refused([](Json& j) {
          j["model"] = {{"type", "WordLevel"}, {"vocab", {{"ab", 0}}}};
        }) == "tokenizer: t.json: model.vocab: 'ab' is not one character; WordLevel is supported for characters only");
}

TEST_CASE("the longest special token at the leftmost place wins", "[data][tokenizer]") {
  const BytePairs pairs({{"<e", "<end>", "<", "e", "n", "d", ">", "x"}, {}, {0, 1}});
  CHECK(pairs.encode("x<end>x<ex") == std::vector<std::int32_t>{7, 1, 7, 0, 7});
  CHECK(pairs.decode(std::vector<std::int32_t>{7, 1}) == "x<end>");
}

TEST_CASE("UTF-8 is what RFC 3629 says", "[data][utf8]") {
  CHECK(invalid_utf8("aé中😀") == std::nullopt);
  CHECK(code_point("😀", 0).value == 0x1F600);
  // Overlong, surrogate, beyond the last, cut off, alone.
  for (const char* bad : {"\xC0\x80", "\xC1\xBF", "\xE0\x80\x80", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xF0\x8F\xBF\xBF",
                          "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xE4\xB8", "\x80", "\xFF"})
    CHECK(invalid_utf8(std::string("ok") + bad) == 2);
  for (const char32_t code : {0x0u, 0x7Fu, 0x80u, 0x7FFu, 0x800u, 0xD7FFu, 0xE000u, 0xFFFFu, 0x10000u, 0x10FFFFu}) {
    std::string text;
    append_utf8(text, code);
    CHECK(code_point(text, 0).value == code);
    CHECK(code_point(text, 0).length == text.size());
  }
  CHECK(is_letter(U'é'));
  CHECK_FALSE(is_letter(U'५'));
  CHECK(is_number(U'५'));
  CHECK(is_space(U'\u3000'));
  CHECK(to_alphabet(" a\n") == "ĠaĊ");
  CHECK(from_alphabet("ĠaĊ") == " a\n");
  CHECK(from_alphabet("a b") == std::nullopt);
}
