// What `bench kernels` measures, and beside whom.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "apps/bench/benchmarks.h"
#include "apps/bench/child.h"
#include "core/tensor.h"

namespace tempera::bench {

// A kernel at one size. What it must do at the least gives the roofline: bytes read and written in each pass, forward
// and backward, once; operations of the products; exponentials.
struct KernelCase {
  std::string name, size;
  std::string peer;                            // what kernels_peer.py calls it, with its extents; empty: it has none
  double elements = 0;                         // of the output, or what else is counted
  double reads = 0, writes = 0, resident = 0;  // bytes; resident: of all that is touched
  double flop = 0, exponentials = 0;
  bool in_place = false;           // writes what it reads, so that no line is read only to be overwritten
  std::function<void()> run = {};  // one call, on one thread
};

// The kernels of the main table; buffers are made when a case is.
std::vector<std::function<KernelCase()>> kernel_cases();

// The speed limits of this thread, measured now: fused multiply-adds; an exponential, from and to the first-level
// cache; loops that read, fill and copy as much memory as a kernel has resident (or scale it, where it works in place).
struct Limits {
  double gflops = 0, exp_seconds = 0, read_gbs = 0, fill_gbs = 0, copy_gbs = 0;

  // Seconds that a case needs at these limits: of memory or of arithmetic, whichever is more.
  double seconds(const KernelCase& c) const { return std::max(memory_seconds(c), arithmetic_seconds(c)); }
  const char* binding(const KernelCase& c) const;

 private:
  double memory_seconds(const KernelCase& c) const;
  double arithmetic_seconds(const KernelCase& c) const;
};
class LimitProbe {
 public:
  LimitProbe(const KernelCase& c, double budget);
  Limits measure();

 private:
  Tensor buffer_;
  bool in_place_;
  double budget_;
};

// PyTorch on one thread, in a process of its own.
class TorchKernels {
 public:
  TorchKernels();
  // Processor seconds of a call.
  double seconds(const std::string& kernel, double budget);

 private:
  Child child_;
};

// XNNPACK's softmax of one row in float32; empty where its library is not installed.
std::function<void()> xnnpack_softmax(const float* x, float* y, Index n);

struct KernelSettings {
  bool peer = false;
  std::string only;
  double seconds = 0.02;  // of one measurement
  int turns = 5;
};
Table softmax_table(const KernelSettings& settings);
Table top_k_table(const KernelSettings& settings);

}  // namespace tempera::bench
