// The processes behind a ledger.
#pragma once

#include <filesystem>
#include <functional>
#include <span>
#include <string>

#include "train/ledger/ledger.h"

namespace tempera {

// Starts the rows that wait or were stopped, options.jobs at a time, until all have ended, and shows how far they are.
// Rows that another process has go `elsewhere`. `refresh` is asked before each start what became of a row meanwhile,
// `ended` tells it from the exit code. False where somebody asked to stop.
bool do_runs(std::span<LedgerRow> rows, const std::filesystem::path& folder, const LedgerOptions& options,
             Console& console, const std::function<void(LedgerRow&)>& refresh,
             const std::function<void(LedgerRow&, int code)>& ended);

// The file with what the process of a run said.
std::filesystem::path said(const std::filesystem::path& run);
// The end of what it said, from the last line that begins a message; or the signal that ended it.
std::string failure_reason(const std::filesystem::path& said, int code);

}  // namespace tempera
