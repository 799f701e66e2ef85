#include "apps/bench/gemm_peers.h"

#include <Eigen/Core>
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <dlfcn.h>
#include <memory>

#include "core/kernels/split_gemm.h"
#include "core/tensor.h"

namespace tempera::bench {
namespace {

template <class T>
bool eigen(const Case& s, const T* a, const T* b, T* c) {
  const bool ta = s.ta == Transpose::yes, tb = s.tb == Transpose::yes;
  const Eigen::Map<const Matrix<T>> ma(a, ta ? s.k : s.m, s.lda()), mb(b, tb ? s.n : s.k, s.ldb());
  Eigen::Map<Matrix<T>> mc(c, s.m, s.n);
  const auto put = [&](const auto& product) {
    if (s.accumulate) mc.noalias() += product;
    else mc.noalias() = product;
  };
  if (ta) put(ma.transpose() * mb);
  else if (tb) put(ma * mb.transpose());
  else put(ma * mb);
  return true;
}

void* open(const char* file) {
  return dlopen(file, RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
}
template <class F>
F* symbol(void* library, const char* name) {
  return library == nullptr ? nullptr : reinterpret_cast<F*>(dlsym(library, name));
}

template <class T>
using Cblas = void(int order, int ta, int tb, int m, int n, int k, T alpha, const T* a, int lda, const T* b, int ldb,
                   T beta, T* c, int ldc);
template <class T>
void add_cblas(std::vector<Candidate<T>>& list, const char* name, void* library) {
  auto* const product = symbol<Cblas<T>>(library, std::is_same_v<T, float> ? "cblas_sgemm" : "cblas_dgemm");
  if (product == nullptr) return;
  list.push_back({name, [product](const Case& s, const T* a, const T* b, T* c) {
                    constexpr int kRowMajor = 101, kNo = 111, kYes = 112;
                    product(kRowMajor, s.ta == Transpose::no ? kNo : kYes, s.tb == Transpose::no ? kNo : kYes,
                            static_cast<int>(s.m), static_cast<int>(s.n), static_cast<int>(s.k), T(1), a,
                            static_cast<int>(s.lda()), b, static_cast<int>(s.ldb()), s.accumulate ? T(1) : T(0), c,
                            static_cast<int>(s.n));
                    return true;
                  }});
}

using DnnlSgemm = int(char ta, char tb, std::int64_t m, std::int64_t n, std::int64_t k, float alpha, const float* a,
                      std::int64_t lda, const float* b, std::int64_t ldb, float beta, float* c, std::int64_t ldc);
void add_dnnl(std::vector<Candidate<float>>& list) {
  auto* const product = symbol<DnnlSgemm>(open("libdnnl.so.2"), "dnnl_sgemm");
  if (product == nullptr) return;
  list.push_back({"onednn", [product](const Case& s, const float* a, const float* b, float* c) {
                    product(s.ta == Transpose::no ? 'N' : 'T', s.tb == Transpose::no ? 'N' : 'T', s.m, s.n, s.k, 1.0F,
                            a, s.lda(), b, s.ldb(), s.accumulate ? 1.0F : 0.0F, c, s.n);
                    return true;
                  }});
}
void add_dnnl(std::vector<Candidate<double>>&) {}

}  // namespace

template <class T>
std::vector<Candidate<T>> gemm_candidates() {
  // The libraries read these when they are loaded.
  for (const char* threads : {"OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "BLIS_NUM_THREADS"}) setenv(threads, "1", 1);
  std::vector<Candidate<T>> list;
  auto workspace = std::make_shared<std::vector<std::byte>>(kernels::gemm_workspace_limit<T>());
  list.push_back({"tempera", [workspace](const Case& s, const T* a, const T* b, T* c) {
                    kernels::gemm(s.ta, s.tb, s.m, s.n, s.k, T(1), a, s.lda(), b, s.ldb(), s.accumulate ? T(1) : T(0),
                                  c, s.n, *workspace);
                    return true;
                  }});
  if constexpr (std::is_same_v<T, float>)
    if (kernels::has_matrix_units())
      list.push_back({"matrix units", [](const Case& x, const float* a, const float* b, float* c) {
                        static thread_local std::vector<std::byte> lent;
                        lent.resize(std::max(lent.size(), kernels::split_gemm_workspace_bytes(x.m, x.n, x.k)));
                        kernels::split_gemm(x.ta, x.tb, x.m, x.n, x.k, 1, a, x.lda(), b, x.ldb(), x.accumulate ? 1 : 0,
                                            c, x.n, lent);
                        return true;
                      }});
  list.push_back({"eigen", &eigen<T>});
  add_cblas(list, "openblas", open("libopenblas.so.0"));
  add_cblas(list, "blis", open("libblis.so.4"));
  add_dnnl(list);
  return list;
}

template std::vector<Candidate<float>> gemm_candidates();
template std::vector<Candidate<double>> gemm_candidates();

}  // namespace tempera::bench
