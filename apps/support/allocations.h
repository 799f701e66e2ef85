// Counts what a program takes from the heap. A program that calls this has malloc and its kin replaced.
#pragma once

namespace tempera {

// Calls of malloc, calloc, realloc and their aligned kin so far, of all threads; -1 under the sanitizers, which replace
// malloc themselves.
long heap_allocations();

}  // namespace tempera
