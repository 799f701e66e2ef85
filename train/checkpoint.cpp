#include "train/checkpoint.h"

#include <optional>

#include "core/error.h"
#include "data/safetensors.h"
#include "data/sha256.h"
#include "train/checkpoint_state.h"

namespace tempera {
namespace {

namespace fs = std::filesystem;
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

CheckpointState read_state(const fs::path& folder) {
  const fs::path file = inside(folder, "state.json", kWho);
  std::optional<CheckpointState> state = parse_state(read_text(file));
  require(state.has_value(), kWho, "{} is no state of a checkpoint; it is damaged", file.string());
  return std::move(*state);
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
    remove_tree(fresh);
    make_folders(fresh);
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
    const std::string text = format_state(state);
    replace_file(fresh / "state.json", std::as_bytes(std::span(text)));
    replace_file(fresh / "COMPLETE", Bytes());
    replace_folder(folder, fresh);
  } catch (const Error& error) {
    try {
      remove_tree(fresh);  // a full disk has no room for half a checkpoint
    } catch (const Error&) {
    }
    fail(kWho, "{} cannot be written: {}; earlier checkpoints are untouched", folder.string(), error.what());
  }
}

void load_checkpoint(const fs::path& folder, Parameters& parameters, std::span<const Optimizer::State> states,
                     CheckpointState& state) {
  require_complete(folder);
  CheckpointState read = read_state(folder);
  SafetensorsFile optimizer = read_safetensors(inside(folder, "optimizer.safetensors", kWho));
  load_file(inside(folder, "model.safetensors", kWho), parameters, parameters.flat());
  if (state.average) load_file(inside(folder, "average.safetensors", kWho), parameters, *state.average);
  for (const Optimizer::State& s : states)
    take_pieces(optimizer.tensors, folder / "optimizer.safetensors", std::string(s.name) + "/", parameters, *s.tensor);
  refuse_rest(optimizer.tensors, folder / "optimizer.safetensors");
  load_learner(inside(folder, "learner.safetensors", kWho), state.learner);
  read.average = state.average;
  read.learner = std::move(state.learner);
  state = std::move(read);
}

CheckpointState read_checkpoint_state(const fs::path& folder) {
  require_complete(folder);
  return read_state(folder);
}

fs::path weights_of(const fs::path& folder) {
  return inside(folder, fs::exists(folder / "average.safetensors") ? "average.safetensors" : "model.safetensors", kWho);
}

void load_weights(const fs::path& path, Parameters& parameters) {
  load_file(fs::is_directory(path) ? weights_of(path) : path, parameters, parameters.flat());
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
