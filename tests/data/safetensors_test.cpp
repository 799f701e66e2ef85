#include "data/safetensors.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <limits>
#include <unistd.h>

#include "core/random.h"
#include "tests/support/source_file.h"

using namespace tempera;

namespace {

std::vector<std::byte> bytes_of(std::string_view text) {
  const auto* first = reinterpret_cast<const std::byte*>(text.data());
  return {first, first + text.size()};
}

// A file with this header, as it is, and so many bytes of data.
std::vector<std::byte> file_of(std::string_view header, std::size_t data) {
  std::uint64_t length = header.size();
  std::string text(reinterpret_cast<const char*>(&length), 8);
  text += header;
  text.resize(text.size() + data, '\0');
  return bytes_of(text);
}

std::string error_of(const std::vector<std::byte>& bytes) {
  try {
    parse_safetensors(bytes, "m");
  } catch (const Error& e) {
    return e.what();
  }
  return "read without complaint";
}

std::string write_error_of(const SafetensorsFile& file) {
  try {
    format_safetensors(file);
  } catch (const Error& e) {
    return e.what();
  }
  return "written without complaint";
}

bool same(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && a.dtype() == b.dtype() && std::memcmp(a.raw(), b.raw(), a.bytes()) == 0;
}

SafetensorsFile sample() {
  SafetensorsFile file;
  for (const Shape& shape : {Shape{}, Shape{3}, Shape{2, 0, 3}, Shape{1, 2, 3, 2, 1}}) {
    Tensor single = Tensor::empty(shape, DType::float32), wide = Tensor::empty(shape, DType::float64);
    Rng(1, "safetensors").fill_normal(single, 0, 1);
    Rng(2, "safetensors").fill_normal(wide, 0, 1);
    file.tensors.emplace(fmt::format("f32/{}", shape), single);
    file.tensors.emplace(fmt::format("f64/{}", shape), wide);
    file.tensors.emplace(fmt::format("i32/{}", shape), Tensor::full(shape, DType::int32, -7));
  }
  file.tensors.emplace("quote \" slash \\ line \n bell \a umlaut \xC3\xBC", Tensor::scalar(1));
  file.metadata = {{"", ""}, {"k\t", "{\"json\": [1, 2]}"}, {"\xF0\x9F\x98\x80", "\xE2\x9C\x93"}};
  return file;
}

void check_equal(const SafetensorsFile& got, const SafetensorsFile& wanted) {
  CHECK(got.metadata == wanted.metadata);
  REQUIRE(got.tensors.size() == wanted.tensors.size());
  for (const auto& [name, tensor] : wanted.tensors) {
    INFO(name);
    REQUIRE(got.tensors.count(name) == 1);
    CHECK(same(got.tensors.at(name), tensor));
  }
}

}  // namespace

TEST_CASE("safetensors: what is written is read again, from memory and from disk", "[data][safetensors]") {
  const SafetensorsFile file = sample();
  const std::vector<std::byte> bytes = format_safetensors(file);
  check_equal(parse_safetensors(bytes), file);
  CHECK(format_safetensors(parse_safetensors(bytes)) == bytes);
  const auto path = std::filesystem::temp_directory_path() / fmt::format("tempera_{}.safetensors", ::getpid());
  write_safetensors(path, file);
  CHECK(std::filesystem::file_size(path) == bytes.size());
  CHECK_FALSE(std::filesystem::exists(path.string() + ".new"));
  check_equal(read_safetensors(path), file);
  std::filesystem::remove(path);
}

TEST_CASE("safetensors: the bytes follow the format", "[data][safetensors]") {
  SafetensorsFile file;
  file.tensors.emplace("a", Tensor::from<float>({1}, {1.0f}));
  file.tensors.emplace("b", Tensor::from<double>({1}, {2.0}));
  file.metadata = {{"k", "v"}};
  const std::string header = R"({"__metadata__":{"k":"v"},"a":{"dtype":"F32","shape":[1],"data_offsets":[8,12]},)"
                             R"("b":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}})";
  std::string text("\xB8\0\0\0\0\0\0\0", 8);  // 184 = 3 * 64 - 8
  text += header + std::string(184 - header.size(), ' ');
  text += std::string("\0\0\0\0\0\0\0\x40", 8) + std::string("\0\0\x80\x3F", 4);
  CHECK(format_safetensors(file) == bytes_of(text));
  const std::string blank(54, ' ');
  CHECK(format_safetensors({}) == bytes_of(std::string("\x38\0\0\0\0\0\0\0{}", 10) + blank));
  check_equal(parse_safetensors(format_safetensors({})), {});
}

TEST_CASE("safetensors: a file of the Python package is read to the bit", "[data][safetensors]") {
  const SafetensorsFile file = read_safetensors(source_file("tests/data/files/known.safetensors"));
  SafetensorsFile wanted;
  const float infinity = std::numeric_limits<float>::infinity();
  wanted.tensors = {{"weights", Tensor::from<float>({2, 3}, {1.5f, -2.0f, 0.25f, 3.0f, -0.0f, 1e-40f})},
                    {"bias", Tensor::from<double>({2}, {1.0 / 3, -1e300})},
                    {"indices", Tensor::from<std::int32_t>({3}, {-2147483647 - 1, 0, 2147483647})},
                    {"wide", Tensor::from<std::int32_t>({2}, {-2147483647 - 1, 7})},
                    {"half", Tensor::from<float>({4}, {1.5f, -65504.0f, 0x1p-24f, infinity})},
                    // -3e38 in bfloat16: 0xFF62
                    {"brain", Tensor::from<float>({3}, {1.5f, -0x1.C4p127f, 0x1p-133f})},
                    {"scalar", Tensor::scalar(2.5)},
                    {"nothing", Tensor::empty({0, 4}, DType::float32)},
                    {"na\"me/\xC3\xA9", Tensor::from<float>({1}, {1.0f})}};
  wanted.metadata = {{"format", "pt \xE2\x9C\x93"}};
  check_equal(file, wanted);
}

TEST_CASE("safetensors: every half-precision number is widened as its definition says", "[data][safetensors]") {
  std::string header = R"({"h":{"dtype":"F16","shape":[65536],"data_offsets":[0,131072]}})";
  std::vector<std::byte> bytes = file_of(header, 131072);
  for (std::uint32_t h = 0; h < 65536; ++h) std::memcpy(bytes.data() + 8 + header.size() + 2 * h, &h, 2);
  const Tensor tensor = parse_safetensors(bytes).tensors.at("h");
  int wrong = 0;
  for (int h = 0; h < 65536; ++h) {
    const int exponent = h >> 10 & 31, fraction = h & 1023;
    double value = exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
    if (exponent == 31) value = fraction == 0 ? INFINITY : NAN;
    if (h >= 32768) value = -value;
    const double got = tensor.at(h);
    const bool equal = std::isnan(value) ? std::isnan(got) : got == value && std::signbit(got) == std::signbit(value);
    wrong += !equal;
  }
  CHECK(wrong == 0);
}

TEST_CASE("safetensors: header order, white space and escapes are free", "[data][safetensors]") {
  const SafetensorsFile file = parse_safetensors(
      file_of(" {\n\"b\" : {\"shape\":[ 1 , 1 ],\t\"data_offsets\" : [4,8], \"dtype\":\"I32\"} ,\r\n"
              R"("\u0061\/\uD83D\uDE00\n":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"__metadata__":{}} )",
              8));
  REQUIRE(file.tensors.size() == 2);
  CHECK(file.tensors.at("b").shape() == Shape{1, 1});
  CHECK(file.tensors.at("a/\xF0\x9F\x98\x80\n").shape() == Shape{});
}

TEST_CASE("safetensors: every broken file is refused with its own words", "[data][safetensors]") {
  const auto text = [](std::string_view header, std::size_t data = 0) { return error_of(file_of(header, data)); };
  const std::string a = R"("a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]})";
  const std::string m = "safetensors: m: ";

  // The length in front.
  CHECK(error_of({}) == m + "the file has 0 bytes; the header's length alone takes 8");
  CHECK(error_of(bytes_of("1234567")) == m + "the file has 7 bytes; the header's length alone takes 8");
  CHECK(error_of(bytes_of(std::string("\x03\0\0\0\0\0\0\0{}", 10))) ==
        m + "byte 0: the header has 3 bytes, but only 2 follow");
  CHECK(error_of(bytes_of(std::string("\x01\xE1\xF5\x05\0\0\0\0{}", 10))) ==
        m + "byte 0: the header has 100000001 bytes; at most 100000000 are read");
  CHECK(error_of(bytes_of("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF{}")) ==
        m + "byte 0: the header has 18446744073709551615 bytes; at most 100000000 are read");

  // Grammar.
  CHECK(text("") == m + "byte 8: the header ends where '{' was wanted");
  CHECK(text("[]") == m + "byte 8: '[' came where '{' was wanted");
  CHECK(text("{") == m + "byte 9: the header ends where a string was wanted");
  CHECK(text("{" + a) == m + "byte 61: the header ends where ',' or '}' was wanted");
  CHECK(text("{" + a + ",}", 4) == m + "byte 62: '}' came where a string was wanted");
  CHECK(text("{" + a + "}x", 4) ==
        m + "byte 62: something follows the header's closing brace; spaces only were wanted");
  CHECK(text(R"({"a" {}})") == m + "byte 13: '{' came where ':' was wanted");
  CHECK(text(R"({"a":[]})") == m + "byte 13: '[' came where '{' was wanted");
  CHECK(text(R"({"__metadata__":{"k":{"deep":1}}})") == m + "byte 29: '{' came where a string was wanted");
  CHECK(text(R"({"__metadata__":{"k":1}})") == m + "byte 29: '1' came where a string was wanted");
  CHECK(text(R"({"a":{"shape":[[[[[[)") == m + "byte 23: a non-negative integer was wanted");
  CHECK(text(R"({"a":{"shape":[1}})") == m + "byte 24: '}' came where ',' or ']' was wanted");
  CHECK(text("{\x01") == m + "byte 9: 0x01 came where a string was wanted");

  // Strings.
  CHECK(text(R"({"a)") == m + "byte 11: the header ends inside a string");
  CHECK(text("{\"a\nb\"") == m + "byte 11: control character 0x0a inside a string; an escape was wanted");
  CHECK(text(R"({"\x")") == m + "byte 10: a backslash begins no escape that JSON has");
  CHECK(text(R"({"\u12g4")") == m + "byte 14: four hexadecimal digits were wanted after \\u");
  CHECK(text(R"({"\uD83D")") == m + "byte 10: half of a surrogate pair is no character");
  CHECK(text(R"({"\u12)") == m + "byte 14: four hexadecimal digits were wanted after \\u");
  CHECK(text(R"({"\)") == m + "byte 10: a backslash begins no escape that JSON has");
  CHECK(text(R"({"\uD83D\uE000")") == m + "byte 10: half of a surrogate pair is no character");
  CHECK(text(R"({"\uDE00")") == m + "byte 10: half of a surrogate pair is no character");
  CHECK(text(R"({"\uD83D\u0041")") == m + "byte 10: half of a surrogate pair is no character");
  CHECK(text("{\"\xFF\"") == m + "byte 10: byte 0xff begins no valid UTF-8 character");
  CHECK(text("{\"\x80\"") == m + "byte 10: byte 0x80 begins no valid UTF-8 character");
  CHECK(text("{\"\xC0\xAF\"") == m + "byte 10: byte 0xc0 begins no valid UTF-8 character");
  CHECK(text("{\"\xED\xA0\x80\"") == m + "byte 10: byte 0xed begins no valid UTF-8 character");
  CHECK(text("{\"\xF4\x90\x80\x80\"") == m + "byte 10: byte 0xf4 begins no valid UTF-8 character");
  CHECK(text("{\"\xE2\x82") == m + "byte 10: byte 0xe2 begins no valid UTF-8 character");
  CHECK(text("{\"" + std::string(1025, 'n') + "\"") == m + "byte 9: a name is longer than 1024 bytes");

  // Numbers.
  const auto shape = [&](std::string_view extent) {
    return text(fmt::format(R"({{"a":{{"dtype":"F32","shape":[{}],"data_offsets":[0,4]}}}})", extent), 4);
  };
  CHECK(shape("1") == "read without complaint");
  CHECK(shape("-1") == m + "byte 37: a non-negative integer was wanted");
  CHECK(shape("1.0") == m + "byte 37: a non-negative integer was wanted");
  CHECK(shape("1e0") == m + "byte 37: a non-negative integer was wanted");
  CHECK(shape("01") == m + "byte 37: a non-negative integer was wanted");
  CHECK(shape("true") == m + "byte 37: a non-negative integer was wanted");
  CHECK(shape("18446744073709551616") == m + "byte 37: a number exceeds 64 bits");
  CHECK(shape("99999999999999999999") == m + "byte 37: a number exceeds 64 bits");
  CHECK(shape("1,1,1,1,1") == "read without complaint");
  CHECK(shape("1,1,1,1,1,1") == m + "byte 36: tensor 'a' has more than 5 axes");

  // What a tensor says of itself.
  const std::string at = m + "byte 9: tensor 'a' ";
  CHECK(text(R"({"a":{"shape":[1],"data_offsets":[0,4]}})", 4) == at + "has no dtype");
  CHECK(text(R"({"a":{"dtype":"F32","data_offsets":[0,4]}})", 4) == at + "has no shape");
  CHECK(text(R"({"a":{"dtype":"F32","shape":[1]}})", 4) == at + "has no data_offsets");
  CHECK(text(R"({"a":{"dtype":"BOOL","shape":[4],"data_offsets":[0,4]}})", 4) ==
        m + "byte 22: tensor 'a' has dtype BOOL; F64, F32, F16, BF16, I64 and I32 can be read");
  CHECK(text(R"({"a":{"x\n":1}})") ==
        m + "byte 14: tensor 'a' has the key 'x\\n'; dtype, shape and data_offsets were wanted");
  CHECK(text(R"({"a":{"dtype":"F32","dtype":"F32"}})") == m + "byte 28: tensor 'a' has two keys 'dtype'");
  CHECK(text(R"({"a":{"shape":[],"shape":[]}})") == m + "byte 25: tensor 'a' has two keys 'shape'");
  CHECK(text(R"({"a":{"data_offsets":[0,4],"data_offsets":[0,4]}})") ==
        m + "byte 35: tensor 'a' has two keys 'data_offsets'");
  CHECK(text(R"({"a":{"data_offsets":[0]}})") == m + "byte 29: tensor 'a' has 1 data_offsets; two were wanted");
  CHECK(text(R"({"a":{"data_offsets":[0,1,2]}})") == m + "byte 29: tensor 'a' has more than two data_offsets");
  CHECK(text(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}})", 4) ==
        at + "has data_offsets [4, 0], which run backwards");
  CHECK(text(R"({"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,20]}})", 20) ==
        at + "has 20 bytes in data_offsets [0, 20]; shape [2, 3] of F32 takes 24");
  CHECK(text(R"({"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}})") ==
        at + "has shape [4294967296, 4294967296], whose bytes exceed 63 bits");
  CHECK(text(R"({"a":{"dtype":"F32","shape":[2305843009213693952],"data_offsets":[0,0]}})") ==
        at + "has shape [2305843009213693952], whose bytes exceed 63 bits");
  CHECK(text("{\"" + std::string(65, 'n') + R"(":{"shape":[1],"data_offsets":[0,4]}})", 4) ==
        m + "byte 9: tensor '" + std::string(64, 'n') + "...' has no dtype");
  CHECK(text(R"({"a":{"dtype":"F32","shape":[0,18446744073709551615],"data_offsets":[0,0]}})") ==
        at + "has shape [0, 18446744073709551615], whose bytes exceed 63 bits");
  CHECK(text(R"({"a":{"dtype":"F32","shape":[1000000000000],"data_offsets":[0,4000000000000]}})", 4) ==
        at + "ends at data offset 4000000000000, but the file has 4 bytes of data; it is cut short");

  // Tensors among each other.
  constexpr std::string_view b = R"("b":{"dtype":"F32","shape":[1],"data_offsets":)";
  CHECK(text("{" + a + "," + std::string(b) + "[4,8]}}", 8) == "read without complaint");
  CHECK(
      text("{" + a + "," + std::string(b) + "[8,12]}}", 12) ==
      m + "byte 62: tensor 'b' begins at data offset 8, behind the end 4 of the tensor before it; no hole is allowed");
  CHECK(text("{" + a + "," + std::string(b) + "[2,6]}}", 6) ==
        m + "byte 62: tensor 'b' begins at data offset 2, before the end 4 of the tensor before it; no overlap is "
            "allowed");
  CHECK(text("{" + a + "}", 5) == m + "byte 66: 1 bytes follow the last tensor; none were wanted");
  CHECK(text("{}", 3) == m + "byte 10: 3 bytes follow the last tensor; none were wanted");
  CHECK(text("{" + a + "," + a + "}", 8) == m + "byte 62: a second tensor 'a'; the first stands at byte 9");
  CHECK(text("{" + a + R"(,"\u0061":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", 8) ==
        m + "byte 62: a second tensor '\\u0061'; the first stands at byte 9");
  CHECK(text(R"({"__metadata__":{"k":"1","k":"2"}})") ==
        m + "byte 33: a second metadata key 'k'; the first stands at byte 25");
  CHECK(text(R"({"__metadata__":{},"__metadata__":{}})") == m + "byte 27: a second __metadata__");
  std::string many = "{\"__metadata__\":{\"\":\"\"";
  for (int i = 0; i < 32000; ++i) many += fmt::format(",\"{}\":\"\"", i);
  CHECK(text(many + "}}") == fmt::format("{}byte {}: more than 32000 names; split the file", m,
                                         8 + many.size() - std::string_view("\"31999\":\"\"").size()));

  // Values.
  const std::string wide = R"({"i":{"dtype":"I64","shape":[2],"data_offsets":[0,16]}})";
  std::vector<std::byte> bytes = file_of(wide, 16);
  bytes[bytes.size() - 4] = std::byte{1};
  CHECK(error_of(bytes) == m + "byte 71: tensor 'i' holds 4294967296 at element 1; int32 values were wanted");
  std::fill(bytes.end() - 8, bytes.end(), std::byte{0xFF});
  CHECK(error_of(bytes) == "read without complaint");  // -1
  bytes[bytes.size() - 5] = std::byte{0x7F};
  CHECK(error_of(bytes) == m + "byte 71: tensor 'i' holds -2147483649 at element 1; int32 values were wanted");
}

TEST_CASE("safetensors: a file cut anywhere, or with one byte changed, is refused or read; never more",
          "[data][safetensors]") {
  const std::vector<std::byte> good = format_safetensors(sample());
  for (std::size_t n = 0; n < good.size(); ++n) REQUIRE_THROWS_AS(parse_safetensors(Bytes(good).first(n)), Error);
  const Rng rng(5, "flip");
  int read = 0;
  for (std::uint64_t i = 0; i < 20000; ++i) {
    std::vector<std::byte> bytes = good;
    bytes[rng.below(2 * i, bytes.size())] = static_cast<std::byte>(rng.below(2 * i + 1, 256));
    try {
      parse_safetensors(bytes);
      ++read;
    } catch (const Error&) {
    }
  }
  CHECK(read > 0);
}

TEST_CASE("safetensors: what cannot be written is refused", "[data][safetensors]") {
  SafetensorsFile file;
  file.tensors["a"] = Tensor();
  CHECK(write_error_of(file) == "safetensors: tensor 'a' is undefined; it cannot be written");
  file.tensors = {{"__metadata__", Tensor::scalar(1)}};
  CHECK(write_error_of(file) == "safetensors: a tensor cannot have the name __metadata__, which is the format's own");
  file.tensors = {{std::string(1025, 'n'), Tensor::scalar(1)}};
  CHECK(write_error_of(file) == "safetensors: the name of a tensor has 1025 bytes; at most 1024 fit");
  file.tensors = {{"\xFF", Tensor::scalar(1)}};
  CHECK(write_error_of(file) == "safetensors: the name '\xFF' is not UTF-8");
  file.tensors.clear();
  file.metadata = {{"k", "\xFF"}};
  CHECK(write_error_of(file) == "safetensors: the metadata value '\xFF' is not UTF-8");
  file.metadata.clear();
  for (int i = 0; i <= 32000; ++i) file.metadata.emplace(std::to_string(i), "");
  CHECK(write_error_of(file) == "safetensors: 0 tensors and 32001 metadata entries came; one file holds 32000 names");
}
