// memory CHECK DIGITS [STRIDE]: what happens when there is no memory, and how much a hostile file can take.
//
//   fail      C4: the Nth request for memory fails, for every STRIDE-th N of start, step, save and load: an exception
//             with a message or success, nothing lost, and the next attempt succeeds with the same weights
//   hostile   D2: readers of files that lie about their size hold at most the file's size and 1 MiB
//
// A program of its own, because operator new is replaced for the whole process. Each prints "id value target ok".
#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <execinfo.h>
#include <fstream>
#include <malloc.h>
#include <new>
#include <sys/wait.h>
#include <unistd.h>

#include "core/error.h"
#include "data/files.h"
#include "data/images/formats.h"
#include "data/safetensors.h"
#include "data/text/tokenizer.h"
#include "train/checkpoint_folder.h"
#include "train/claims/experiment_file.h"
#include "train/config/read_config.h"
#include "train/experiment.h"
#include "train/output/metrics_log.h"

namespace {

std::atomic<long> g_requests{0}, g_failing{-1}, g_live{0}, g_bytes{0}, g_peak{0};
std::array<void*, 4> g_asked;  // who asked for what failed: take, operator new, and two that called it

void* take(std::size_t bytes, std::size_t alignment) {
  if (g_requests++ == g_failing) {
    ::backtrace(g_asked.data(), static_cast<int>(g_asked.size()));
    throw std::bad_alloc();
  }
  void* memory = alignment > 0 ? std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment)
                               : std::malloc(bytes > 0 ? bytes : 1);
  if (!memory) throw std::bad_alloc();
  ++g_live;
  const long now = g_bytes += static_cast<long>(malloc_usable_size(memory));
  for (long peak = g_peak; now > peak && !g_peak.compare_exchange_weak(peak, now);) {
  }
  return memory;
}

void give(void* memory) noexcept {
  if (!memory) return;
  --g_live;
  g_bytes -= static_cast<long>(malloc_usable_size(memory));
  std::free(memory);
}

}  // namespace

void* operator new(std::size_t bytes) {
  return take(bytes, 0);
}
void* operator new[](std::size_t bytes) {
  return take(bytes, 0);
}
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return take(bytes, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t bytes, std::align_val_t alignment) {
  return take(bytes, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept {
  give(memory);
}
void operator delete[](void* memory) noexcept {
  give(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  give(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  give(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  give(memory);
}
void operator delete[](void* memory, std::align_val_t) noexcept {
  give(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  give(memory);
}
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept {
  give(memory);
}

using namespace tempera;
namespace fs = std::filesystem;

namespace {

struct Scratch {
  fs::path path = fs::temp_directory_path() / ("tempera_memory_" + std::to_string(::getpid()));
  Scratch() { fs::create_directories(path); }
  ~Scratch() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
};

bool verdict(const char* id, long value, const char* relation, long target, bool ok) {
  std::printf("%s %ld %s%ld %s\n", id, value, relation, target, ok ? "ok" : "FAILED");
  return ok;
}

// --- C4 ---

constexpr const char* kConfig = R"(
model: {type: encoder, d_model: 8, n_layers: 1, patch: 4, dropout: 0.1, max_length: 4}
attention: {type: softmax, heads: 2}
train: {steps: 100, batch: 8, shard: 4, prefetch: 0}
average: {decay: 0.9}
)";

// Start, two steps, save, load into another, one more step: the hash of the weights.
std::string whole_life(const std::string& digits, const fs::path& folder) {
  const auto make = [&](ExperimentOptions& options) {
    read_config({"memory.yaml", kConfig}, {"data={type: digits, file: " + digits + "}"}, options);
    return std::make_unique<Experiment>(options);
  };
  ExperimentOptions options, others;
  const auto experiment = make(options);
  experiment->trainer().step();
  experiment->trainer().step();
  experiment->trainer().save(folder / "checkpoints/step-000002");
  const auto other = make(others);
  other->trainer().resume(folder / "checkpoints/step-000002");
  other->trainer().step();
  return other->trainer().weights_hash();
}

enum Outcome { kClean = 0, kLeaks = 3, kOtherWeights = 4, kNoMessage = 5, kLibraryLeaks = 6 };

// Whether code of the standard library asked, which is not ours to mend (std::filesystem::path of GCC 12 loses its
// parts).
bool asked_by_library() {
  Dl_info info{};
  return ::dladdr(g_asked[2], &info) != 0 && std::string(info.dli_fname).find("libstdc++") != std::string::npos;
}

// In a process of its own: the Nth request fails; then once more without a failure.
int trial(const std::string& digits, const fs::path& folder, const std::string& expected, long nth) {
  const long live = g_live;
  bool refused = false;
  g_requests = 0;
  g_failing = nth;
  try {
    if (whole_life(digits, folder) != expected) return kOtherWeights;
  } catch (const std::bad_alloc&) {
    refused = true;
  } catch (const std::exception& error) {  // a message that took the place of the reason is an answer too
    refused = error.what()[0] != '\0';
    if (!refused) return kNoMessage;
  }
  g_failing = -1;
  if (refused && g_live != live) return asked_by_library() ? kLibraryLeaks : kLeaks;
  return whole_life(digits, folder) == expected ? kClean : kOtherWeights;
}

int fail_requests(const std::string& digits, long stride) {
  const Scratch scratch;
  const std::string expected = whole_life(digits, scratch.path);  // what is made once is made here
  g_requests = 0;
  whole_life(digits, scratch.path);
  const long requests = g_requests;
  long right = 0, trials = 0, library = 0;
  for (long nth = 0; nth < requests; nth += stride) {
    const fs::path folder = scratch.path / std::to_string(nth);
    std::fflush(stdout);
    const pid_t child = ::fork();
    if (child == 0) ::_exit(trial(digits, folder, expected, nth));
    int status = 0;
    ::waitpid(child, &status, 0);
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    ++trials;
    right += code == kClean || code == kLibraryLeaks;
    library += code == kLibraryLeaks;
    if (code != kClean && code != kLibraryLeaks)
      std::printf("request %ld of %ld: %s\n", nth, requests,
                  code == kLeaks          ? "memory is lost"
                  : code == kOtherWeights ? "other weights"
                  : code == kNoMessage    ? "no message"
                                          : ("crash, " + std::to_string(code)).c_str());
    fs::remove_all(folder);
  }
  std::printf("each %ld. of %ld requests; after %ld, the standard library lost memory\n", stride, requests, library);
  return verdict("C4", right, "", trials, trials > 0 && right == trials) ? 0 : 1;
}

// --- D2 ---

struct Hostile {
  const char* name;
  std::string bytes;
  void (*read)(const fs::path& file);
  std::string plain = "";  // a harmless file: what it holds belongs to the reader, not to what is read
};

std::string little(std::uint64_t value, std::size_t bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes; ++i) text += static_cast<char>(value >> 8 * i);
  return text;
}

std::string safetensors(const std::string& header, const std::string& data = {}) {
  return little(header.size(), 8) + header + data;
}

void read_tensors(const fs::path& file) {
  read_safetensors(file);
}
void read_idx_file(const fs::path& file) {
  read_idx(file);
}
void read_png(const fs::path& file) {
  Images images;
  images.channels = 3;
  append_png(file, images);
}
void read_tokens(const fs::path& file) {
  load_tokenizer(file);
}
void read_records(const fs::path& file) {
  read_metrics(file);
}
void read_yaml(const fs::path& file) {
  ExperimentFile{file};
}

std::vector<Hostile> hostile_files() {
  std::string many = "{";
  for (int i = 0; i < 30000; ++i)
    many += "\"" + std::to_string(i) + "\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]},";
  many.back() = '}';
  return {
      {"a header of 2^62 bytes", little(1ULL << 62, 8) + "{}", read_tensors},
      {"a header of 99 MB that is not there", little(99'000'000, 8) + "{}", read_tensors},
      {"a tensor of 2^40 bytes",
       safetensors(R"({"a":{"dtype":"F32","shape":[1048576,262144],"data_offsets":[0,1099511627776]}})"), read_tensors},
      {"a shape that overflows",
       safetensors(R"({"a":{"dtype":"F64","shape":[4294967296,4294967296],"data_offsets":[0,0]}})"), read_tensors},
      {"30,000 tensors that overlap", safetensors(many, "1234"), read_tensors},
      {"an IDX file of 2^32 images", std::string("\0\0\x08\x03\xff\xff\xff\xff\0\0\0\x1c\0\0\0\x1c", 16),
       read_idx_file},
      {"a PNG of 16384 x 16384",
       std::string("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x40\0\0\0\x40\0\x08\x02\0\0\0\xaa\xbb\xcc\xdd", 33), read_png},
      {"a token of number 2^31 - 1", R"({"model":{"type":"WordLevel","vocab":{"a":2147483647,"b":0}}})", read_tokens},
      {"a list of lists of lists", "{\"model\":" + std::string(20000, '[') + "}", read_tokens},
      {"a record of 100,000 brackets", "{\"step\":1,\"loss\":" + std::string(100000, '[') + "\n\n", read_records},
      {"a configuration of aliases",
       "a: &a [x, x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a]\n"
       "c: &c [*b, *b, *b, *b, *b, *b, *b]\nd: &d [*c, *c, *c, *c, *c, *c]\n"
       "e: [*d, *d, *d, *d, *d, *d, *d, *d]\n",
       read_yaml, "a: [x]\n"},
  };
}

int hold_little() {
  constexpr long kMore = 1 << 20;
  const Scratch scratch;
  bool ok = true;
  for (const bool warm : {true, false})  // the first time, what is made once is made
    for (const Hostile& hostile : hostile_files()) {
      bool refused = false;
      const auto held_by = [&](const std::string& bytes) {
        const fs::path file = scratch.path / "hostile";
        std::ofstream(file, std::ios::binary) << bytes;
        const long before = g_bytes;
        g_peak = before;
        try {
          hostile.read(file);
          refused = false;
        } catch (const Error&) {
          refused = true;
        }
        return g_peak - before;
      };
      const long plain = hostile.plain.empty() ? 0 : held_by(hostile.plain);
      const long held = held_by(hostile.bytes) - plain;
      if (warm) continue;
      const long most = static_cast<long>(hostile.bytes.size()) + kMore;
      std::printf("%s:%s\n", hostile.name, refused ? "" : " not refused");
      ok &= verdict("D2", held, "<=", most, refused && held <= most);
    }
  return ok ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string check = argc > 2 ? argv[1] : "";
  if (check == "fail") return fail_requests(argv[2], argc > 3 ? std::max(1L, std::atol(argv[3])) : 1);
  if (check == "hostile") return hold_little();
  std::fputs("usage: memory fail | hostile DIGITS [STRIDE]\n", stderr);
  return 2;
}
