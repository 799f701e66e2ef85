// The contract of every operation in the table of attention.
#include "attention/ops.h"

#include "tests/support/op_contract.h"

using namespace tempera;

TEST_CASE("every operation of attention has examples", "[attention][ops]") {
  check_examples(attention_ops());
}

TEST_CASE("the gradient of every operation of attention agrees with finite differences", "[attention][gradcheck]") {
  check_gradients(attention_ops());
}

TEST_CASE("the gradient check rejects every mutant of the operations of attention", "[attention][mutants]") {
  check_mutants(attention_ops());
}

TEST_CASE("float32 agrees with float64 in every operation of attention", "[attention][ops]") {
  check_precisions(attention_ops());
}
