#include "apps/support/peak.h"

// A false alarm of GCC 12 about its own avx512fintrin.h (GCC bug 105593).
#ifndef __clang__  // which has no such warning
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#pragma GCC diagnostic ignored "-Wuninitialized"
// Vector types as template arguments.
#pragma GCC diagnostic ignored "-Wignored-attributes"

#include <Eigen/Core>
#include <ctime>

namespace tempera::bench {

double cpu_seconds() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

// Independent chains of fused multiply-adds on full vectors.
template <class T>
double peak_gflops() {
  using P = typename Eigen::internal::packet_traits<T>::type;
  constexpr int kChains = EIGEN_ARCH_DEFAULT_NUMBER_OF_REGISTERS >= 32 ? 20 : 12, kSteps = 100'000;
  P sum[kChains];
  const volatile T hidden = T(0.999);  // not to be folded away
  const T factor = hidden, start = T(1);
#pragma GCC unroll 32
  for (int i = 0; i < kChains; ++i) sum[i] = Eigen::internal::pset1<P>(static_cast<T>(i) * factor);
  const P x = Eigen::internal::pset1<P>(factor), y = Eigen::internal::pset1<P>(start);
  const double begin = cpu_seconds();
  for (int s = 0; s < kSteps; ++s)
#pragma GCC unroll 32
    for (int i = 0; i < kChains; ++i) sum[i] = Eigen::internal::pmadd(sum[i], x, y);
  const double seconds = cpu_seconds() - begin;
  P all = sum[0];
#pragma GCC unroll 32
  for (int i = 1; i < kChains; ++i) all = Eigen::internal::padd(all, sum[i]);
  volatile T sink = Eigen::internal::predux(all);
  (void)sink;
  return 2e-9 * kChains * kSteps * static_cast<double>(Eigen::internal::unpacket_traits<P>::size) / seconds;
}

template double peak_gflops<float>();
template double peak_gflops<double>();

}  // namespace tempera::bench
