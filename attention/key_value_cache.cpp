#include "attention/key_value_cache.h"

#include "layers/rows_of.h"

namespace tempera {
namespace {

// Where the elements of one token of a head lie: in runs of `run` elements `step` apart, the runs `runs_apart`.
struct Place {
  Index first, run, step = 1, runs_apart = 0;
};

Index panel_of(DType dtype) {
  return dispatch(dtype, []<class T>(Type<T>) { return kernels::packed_width<T>(); });
}

// Of key or value j of a head.
Place key_place(const KeyValueCache::Sizes& s, Index panel, Index j) {
  if (panel == 0) return {j * s.width, s.width};
  return {j / panel * panel * s.width + j % panel, s.width, panel};
}
Place value_place(const KeyValueCache::Sizes& s, Index panel, Index j) {
  if (panel == 0) return {j * s.value_width, s.value_width};
  return {j * panel, panel, 1, s.room * panel};
}

// Calls f(i, at, count) for each run: element i and those behind it lie from `at` on.
template <class F>
void each_run(const Place& place, Index width, F&& f) {
  Index at = place.first;
  for (Index i = 0; i < width; i += place.run, at += place.runs_apart) f(i, at, std::min(place.run, width - i));
}

}  // namespace

KeyValueCache::KeyValueCache(const Sizes& sizes, DType dtype, Form form)
    : sizes_(sizes), panel_(form == Form::packed ? panel_of(dtype) : 0) {
  Index keys = sizes.room * sizes.width, values = sizes.room * sizes.value_width;
  if (panel_ > 0) {
    keys = (sizes.room + panel_ - 1) / panel_ * panel_ * sizes.width;
    values = (sizes.value_width + panel_ - 1) / panel_ * panel_ * sizes.room;
  }
  keys_ = Tensor::zeros({sizes.batch, sizes.kv_heads, keys}, dtype);
  values_ = Tensor::zeros({sizes.batch, sizes.kv_heads, values}, dtype);
}

void KeyValueCache::append(std::span<const Var> sources, const detail::AttentionLayout& layout) {
  const Index count = layout.sizes.keys;
  require(size_ + count <= sizes_.room && layout.sizes.batch == batch(), "attention",
          "{} tokens for {} sequences came on top of {}; the cache has room for {} tokens of {} sequences", count,
          layout.sizes.batch, size_, sizes_.room, batch());
  dispatch(keys_.dtype(), [&]<class T>(Type<T>) {
    const auto put = [&](const detail::HeadPart& part, auto place_of, Index width, Tensor& cache) {
      const auto tokens = part.of<const T>(sources[static_cast<std::size_t>(part.input)].value());
      T* head = cache.data<T>();
      for (Index b = 0; b < batch(); ++b)
        for (Index h = 0; h < sizes_.kv_heads; ++h, head += cache.dim(2))
          for (Index j = 0; j < count; ++j) {
            const Place place = place_of(sizes_, panel_, size_ + j);
            const T* const from = tokens(b, h, j);
            each_run(place, width, [&](Index i, Index at, Index run) {
              for (Index k = 0; k < run; ++k) head[at + k * place.step] = from[i + k];
            });
          }
    };
    put(layout.k, key_place, sizes_.width, keys_);
    put(layout.v, value_place, sizes_.value_width, values_);
  });
  size_ += count;
}

void KeyValueCache::keep_last(Index count) {
  const Index first = size_ - count;
  dispatch(keys_.dtype(), [&]<class T>(Type<T>) {
    const auto move = [&](auto place_of, Index width, Tensor& cache) {
      T* head = cache.data<T>();
      for (Index n = 0; n < cache.dim(0) * cache.dim(1); ++n, head += cache.dim(2))
        for (Index j = 0; j < count; ++j) {
          const Place from = place_of(sizes_, panel_, first + j), to = place_of(sizes_, panel_, j);
          each_run(to, width, [&](Index, Index at, Index run) {
            for (Index k = 0; k < run; ++k) head[at + k * to.step] = head[at - to.first + from.first + k * to.step];
          });
        }
    };
    move(key_place, sizes_.width, keys_);
    move(value_place, sizes_.value_width, values_);
  });
  size_ = count;
}

void KeyValueCache::reorder(std::span<const Index> rows) {
  keys_ = rows_of(keys_, rows);
  values_ = rows_of(values_, rows);
}

void KeyValueCache::attach(detail::AttentionLayout& layout) const {
  layout.sizes.keys = size_;
  layout.k = {1, 0, sizes_.kv_heads * keys_.dim(2), keys_.dim(2), sizes_.width};
  layout.v = {2, 0, sizes_.kv_heads * values_.dim(2), values_.dim(2), sizes_.value_width};
  layout.packed_room = panel_ > 0 ? sizes_.room : 0;
}

}  // namespace tempera
