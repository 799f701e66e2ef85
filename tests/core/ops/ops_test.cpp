// The contract of every operation in the table of core.
#include "core/ops/table.h"
#include "tests/support/op_contract.h"

using namespace tempera;

TEST_CASE("every operation has a name of its own, and examples", "[ops]") {
  check_examples(all_ops());
}

TEST_CASE("the gradient of every operation agrees with finite differences", "[ops][gradcheck]") {
  check_gradients(all_ops());
}

TEST_CASE("the gradient check rejects every mutant of every operation", "[ops][mutants]") {
  check_mutants(all_ops());
}

TEST_CASE("float32 agrees with float64 in every operation, forward and backward", "[ops]") {
  check_precisions(all_ops());
}
