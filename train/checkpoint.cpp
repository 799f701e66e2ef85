#include "train/checkpoint.h"

#include <bit>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "core/error.h"
#include "data/safetensors.h"
#include "data/sha256.h"

namespace tempera {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
constexpr std::string_view kWho = "checkpoint";

// The pieces of a flat buffer that belong to the parameters, under "<prefix><name>".
void put_pieces(std::map<std::string, Tensor>& tensors, const std::string& prefix, const Parameters& parameters,
                const Tensor& flat) {
  for (const Parameters::Entry& entry : parameters.entries())
    tensors[prefix + entry.name] = parameters.view(flat, entry);
}

void take(std::map<std::string, Tensor>& tensors, const fs::path& file, const std::string& name, Tensor to) {
  const auto found = tensors.find(name);
  require(found != tensors.end(), kWho, "{} has no tensor '{}', which the model wants", file.string(), name);
  require(found->second.shape() == to.shape() && found->second.dtype() == to.dtype(), kWho,
          "'{}' of {} is {}, but the model wants {}", name, file.string(), found->second, to);
  to.copy_from(found->second);
  tensors.erase(found);
}

void take_pieces(std::map<std::string, Tensor>& tensors, const fs::path& file, const std::string& prefix,
                 const Parameters& parameters, const Tensor& flat) {
  for (const Parameters::Entry& entry : parameters.entries())
    take(tensors, file, prefix + entry.name, parameters.view(flat, entry));
}

void refuse_rest(const std::map<std::string, Tensor>& tensors, const fs::path& file) {
  require(tensors.empty(), kWho,
          "{} holds '{}', which the model does not have; was it made with another configuration?", file.string(),
          tensors.empty() ? "" : tensors.begin()->first);
}

void load_file(const fs::path& file, const Parameters& parameters, const Tensor& flat) {
  SafetensorsFile model = read_safetensors(file);
  take_pieces(model.tensors, file, "", parameters, flat);
  refuse_rest(model.tensors, file);
}

void load_learner(const fs::path& file, const Learner::State& state) {
  if (state.empty() && !fs::exists(file)) return;
  SafetensorsFile learner = read_safetensors(file);
  for (const auto& [name, tensor] : state) take(learner.tensors, file, name, tensor);
  refuse_rest(learner.tensors, file);
}

// Doubles as the bits they are: text would round or lose infinities.
std::string bits_of(double value) {
  return fmt::format("{:016x}", std::bit_cast<std::uint64_t>(value));
}

double value_of(const std::string& bits) {
  return std::bit_cast<double>(static_cast<std::uint64_t>(std::stoull(bits, nullptr, 16)));
}

Json to_json(const CheckpointState& state) {
  Json numbers = Json::object();
  for (const auto& [name, value] : state.numbers) numbers[name] = bits_of(value);
  return {{"step", state.step}, {"seed", state.seed}, {"config", state.config}, {"numbers", std::move(numbers)}};
}

Json read_json(const fs::path& file) {
  std::ifstream in(file);
  require(in.good(), kWho, "{} cannot be read: {}", file.string(), std::strerror(errno));
  Json json = Json::parse(in, nullptr, false);
  require(json.is_object() && json.contains("step") && json["step"].is_number_integer() && json.contains("seed") &&
              json.contains("config") && json["config"].is_string() && json.contains("numbers") &&
              json["numbers"].is_object(),
          kWho, "{} is no state of a checkpoint; it is damaged", file.string());
  return json;
}

void sync_folder(const fs::path& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY);
  const bool synced = descriptor >= 0 && ::fsync(descriptor) == 0;
  const int error = errno;
  if (descriptor >= 0) ::close(descriptor);
  require(synced, kWho, "the folder {} cannot be synced: {}", folder.string(), std::strerror(error));
}

// A checkpoint of that step may stand there already: then the two change places in one instant.
void put_in_place(const fs::path& fresh, const fs::path& folder) {
  if (::renameat2(AT_FDCWD, fresh.c_str(), AT_FDCWD, folder.c_str(), RENAME_EXCHANGE) == 0) return;
  fs::remove_all(folder);  // or there is none, or the file system cannot exchange
  fs::rename(fresh, folder);
}

CheckpointState state_of(const Json& json) {
  CheckpointState state;
  state.step = json["step"].get<std::int64_t>();
  state.seed = json["seed"].get<std::uint64_t>();
  state.config = json["config"].get<std::string>();
  for (const auto& [name, bits] : json["numbers"].items()) state.numbers[name] = value_of(bits.get<std::string>());
  return state;
}

void require_complete(const fs::path& folder) {
  require(fs::exists(folder / "COMPLETE"), kWho, "{} is not complete; choose an older checkpoint", folder.string());
}

}  // namespace

void save_checkpoint(const fs::path& place, const Parameters& parameters, std::span<const Optimizer::State> states,
                     const CheckpointState& state) {
  // "points" and "points/" have a parent too.
  const fs::path whole = fs::absolute(place).lexically_normal();
  const fs::path folder = whole.has_filename() ? whole : whole.parent_path();
  const fs::path fresh = folder.parent_path() / ("." + folder.filename().string() + ".new");
  try {
    fs::remove_all(fresh);
    fs::create_directories(fresh);
    SafetensorsFile model, optimizer;
    put_pieces(model.tensors, "", parameters, parameters.flat());
    model.metadata["format"] = "pt";  // what Python's readers expect
    for (const Optimizer::State& s : states)
      put_pieces(optimizer.tensors, std::string(s.name) + "/", parameters, *s.tensor);
    write_safetensors(fresh / "model.safetensors", model);
    if (state.average) {
      put_pieces(model.tensors, "", parameters, *state.average);
      write_safetensors(fresh / "average.safetensors", model);
    }
    write_safetensors(fresh / "optimizer.safetensors", optimizer);
    if (!state.learner.empty()) {
      SafetensorsFile learner;
      learner.tensors.insert(state.learner.begin(), state.learner.end());
      write_safetensors(fresh / "learner.safetensors", learner);
    }
    const std::string text = to_json(state).dump(2) + "\n";
    replace_file(fresh / "state.json", std::as_bytes(std::span(text)));
    replace_file(fresh / "COMPLETE", Bytes());
    sync_folder(fresh);
    put_in_place(fresh, folder);
    sync_folder(folder.has_parent_path() ? folder.parent_path() : fs::path("."));
    fs::remove_all(fresh);
  } catch (const fs::filesystem_error& e) {
    fail(kWho, "{} cannot be written: {}; earlier checkpoints are untouched", folder.string(), e.code().message());
  }
}

void load_checkpoint(const fs::path& folder, Parameters& parameters, std::span<const Optimizer::State> states,
                     CheckpointState& state) {
  require_complete(folder);
  const Json json = read_json(folder / "state.json");
  SafetensorsFile optimizer = read_safetensors(folder / "optimizer.safetensors");
  load_file(folder / "model.safetensors", parameters, parameters.flat());
  if (state.average) load_file(folder / "average.safetensors", parameters, *state.average);
  for (const Optimizer::State& s : states)
    take_pieces(optimizer.tensors, folder / "optimizer.safetensors", std::string(s.name) + "/", parameters, *s.tensor);
  refuse_rest(optimizer.tensors, folder / "optimizer.safetensors");
  load_learner(folder / "learner.safetensors", state.learner);
  CheckpointState read = state_of(json);
  read.average = state.average;
  read.learner = std::move(state.learner);
  state = std::move(read);
}

CheckpointState read_checkpoint_state(const fs::path& folder) {
  require_complete(folder);
  return state_of(read_json(folder / "state.json"));
}

void load_weights(const fs::path& path, Parameters& parameters) {
  fs::path file = path;
  if (fs::is_directory(path))
    file /= fs::exists(path / "average.safetensors") ? "average.safetensors" : "model.safetensors";
  load_file(file, parameters, parameters.flat());
}

std::string weights_hash(const Parameters& parameters) {
  Sha256 hash;
  for (const Parameters::Entry& entry : parameters.entries()) {
    const Tensor& value = entry.parameter->value;
    hash.add(fmt::format("{} {} ", entry.name, value));
    hash.add(Bytes(static_cast<const std::byte*>(value.raw()), value.bytes()));
  }
  return hash.hex();
}

}  // namespace tempera
