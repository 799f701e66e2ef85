#include "data/text/corpus.h"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <span>
#include <sys/wait.h>

#include "core/error.h"
#include "data/contents.h"
#include "data/files.h"

namespace tempera {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kWho = "corpus";

struct Corpus {
  std::string_view name;
  const char* command;
  std::string_view packages;
  std::string_view first_words;  // of the text: an older or newer package would give other numbers
  std::size_t bytes;
};

constexpr std::array kCorpora = {
    Corpus{"bible", "bible -l2000 'gen1:1-rev22:21' </dev/null 2>/dev/null", "bible-kjv bible-kjv-text",
           "\nGenesis 1\n\n  1 In the beginning God created the heaven and the earth.\n", 4'298'239},
};

fs::path cache_folder(const fs::path& wanted) {
  if (!wanted.empty()) return wanted;
  if (const char* cache = std::getenv("XDG_CACHE_HOME"); cache && *cache) return fs::path(cache) / "tempera";
  const char* home = std::getenv("HOME");
  require(home && *home, kWho, "neither XDG_CACHE_HOME nor HOME is set; name a cache folder");
  return fs::path(home) / ".cache" / "tempera";
}

// What the command prints; empty when it fails.
std::string output_of(const char* command) {
  std::FILE* pipe = ::popen(command, "r");
  require(pipe != nullptr, kWho, "no process could be started for: {}", command);
  std::string text;
  std::array<char, 65536> piece;
  while (const std::size_t n = std::fread(piece.data(), 1, piece.size(), pipe)) text.append(piece.data(), n);
  const int status = ::pclose(pipe);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? text : std::string();
}

bool complete(const Corpus& corpus, std::string_view text) {
  return text.size() == corpus.bytes && text.starts_with(corpus.first_words);
}

}  // namespace

std::string read_corpus(std::string_view name, const fs::path& cache) {
  const Corpus* corpus = nullptr;
  std::string known;
  for (const Corpus& candidate : kCorpora) {
    if (candidate.name == name) corpus = &candidate;
    known += fmt::format("{}{}", known.empty() ? "" : ", ", candidate.name);
  }
  require(corpus != nullptr, kWho, "there is no corpus '{}'; known: {}", name, known);
  const fs::path file = cache_folder(cache) / "corpora" / fmt::format("{}.txt", name);
  if (fs::is_regular_file(file)) {
    std::string text = read_contents(file, kWho);
    if (complete(*corpus, text)) return text;
  }
  std::string text = output_of(corpus->command);
  require(!text.empty(), kWho, "'{}' comes from Debian: apt-get install {}", name, corpus->packages);
  require(complete(*corpus, text), kWho, "{} gave {} bytes of another text; {} bytes were wanted, from Debian's {}",
          corpus->command, text.size(), corpus->bytes, corpus->packages);
  make_folders(file.parent_path());
  replace_file(file, std::as_bytes(std::span(text)));
  return text;
}

}  // namespace tempera
