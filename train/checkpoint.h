// Checkpoints: a folder from which a run goes on bit for bit.
//
//   model.safetensors        the parameters by name; opens in Python as it is
//   optimizer.safetensors    the optimizer's state, "<state>/<parameter>"
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
#include <vector>

#include "layers/module.h"
#include "train/optimizer/optimizer.h"

namespace tempera {

struct CheckpointState {
  std::int64_t step = 0;  // steps that were done
  std::uint64_t seed = 0;
  std::string config;                      // fingerprint; resuming under another configuration is refused
  std::map<std::string, double> numbers;   // e.g. "best", "patience"; kept to the bit
  std::map<std::string, Tensor*> buffers;  // further flat buffers of the parameters' layout, e.g. "ema"
};

void save_checkpoint(const std::filesystem::path& folder, const Parameters& parameters,
                     std::span<const Optimizer::State> states, const CheckpointState& state);

// Fills parameters, optimizer states and the buffers named in `state`. Throws Error with the file, and the first name
// that is missing, unknown, or of another shape or type.
void load_checkpoint(const std::filesystem::path& folder, Parameters& parameters,
                     std::span<const Optimizer::State> states, CheckpointState& state);

// The weights alone, from a checkpoint's folder or a .safetensors file.
void load_weights(const std::filesystem::path& path, Parameters& parameters);

// Identity of the weights (FNV-1a): name, shape and bytes of every parameter, as 16 hexadecimal digits.
std::string weights_hash(const Parameters& parameters);

// Removes all but the newest `keep` of the checkpoints and those in `spared`.
void prune_checkpoints(const std::vector<std::filesystem::path>& oldest_first, int keep,
                       std::span<const std::filesystem::path> spared);

}  // namespace tempera
