// Checkpoints: a folder from which a run goes on bit for bit.
//
//   model.safetensors        the parameters by name; opens in Python as it is
//   average.safetensors      the averaged weights by name, where there are any: what evaluation used
//   optimizer.safetensors    the optimizer's state, "<state>/<parameter>"
//   learner.safetensors      what the learner remembers beside its parameters, where it does
//   state.json               step, seed, fingerprint of the configuration, numbers that the trainer keeps
//   COMPLETE                 written last
//
// The folder is written beside its place as a whole, synced, and renamed: at every instant, also after a kill or a
// power cut, a folder of a checkpoint's name is complete. Random draws and the position in the data are functions of
// seed and step, so nothing else needs keeping.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>

#include "layers/module.h"
#include "train/learner.h"
#include "train/optimizer/optimizer.h"

namespace tempera {

struct CheckpointState {
  std::int64_t step = 0;  // steps that were done
  std::uint64_t seed = 0;
  std::string config;                     // fingerprint; resuming under another configuration is refused
  std::map<std::string, double> numbers;  // e.g. "best"; kept to the bit
  Tensor* average = nullptr;              // averaged weights, a flat buffer of the parameters' layout
  Learner::State learner = {};            // written into when a checkpoint is read
};

void save_checkpoint(const std::filesystem::path& folder, const Parameters& parameters,
                     std::span<const Optimizer::State> states, const CheckpointState& state);

// Fills parameters, optimizer states, the average where one is wanted, and the rest of `state`. Throws Error with the
// file, and the first name that is missing, unknown, or of another shape or type.
void load_checkpoint(const std::filesystem::path& folder, Parameters& parameters,
                     std::span<const Optimizer::State> states, CheckpointState& state);

// The step of a checkpoint, and the rest of its state but for the average, without its tensors.
CheckpointState read_checkpoint_state(const std::filesystem::path& folder);

// The file of a checkpoint that holds what evaluation used: the averaged weights, where there are any.
std::filesystem::path weights_of(const std::filesystem::path& folder);
// The weights alone, from a .safetensors file or a checkpoint's folder, whose averaged weights are taken where there
// are any.
void load_weights(const std::filesystem::path& path, Parameters& parameters);

// Identity of the weights (SHA-256): name, type, shape and bytes of every parameter, as 64 hexadecimal digits.
std::string weights_hash(const Parameters& parameters);

}  // namespace tempera
