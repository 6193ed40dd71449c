// Python's way to the tables: checks shapes and bounds, releases the GIL, calls the headers. No maths here. Row plans
// and Examples have bindings_store.cpp, text bindings_text.cpp and bindings_lines.cpp; no other file knows Python.
#include "bindings.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "dispatch.hpp"
#include "table_kernels.hpp"

using namespace manyhot;
using namespace nb::literals;

namespace {

const KernelSet* active_kernels = pick_kernels(std::getenv("MANYHOT_LEVEL"));

std::string set_level(const std::string& level) {
  const KernelSet* chosen = pick_kernels(level.c_str());
  require(chosen, "this processor or this build has no such instruction set");
  active_kernels = chosen;
  return chosen->level;
}

// One thread for each 1024 pairs.
int threads_for_pairs(int num_threads, size_t num_pairs) {
  return useful_threads(num_threads, 1 + static_cast<int64_t>(num_pairs / 1024));
}

Table table_of(const Out<float, 2>& data, int64_t dim, const std::vector<RowRange>& ranges = {}) {
  const int64_t stride = static_cast<int64_t>(data.shape(1));
  bool fits = dim >= 0 && dim <= kMostDim && stride > dim;
  for (const RowRange& range : ranges) fits = fits && stride >= range.linear_states + states_of(range.linear.rule, 1);
  require(fits, "the table's rows are too short for its dimension and state");
  return {data.data(), stride, static_cast<int>(dim)};
}

// Pooled numbers and their gradients: float32, or bfloat16 as uint16.
using Singles = std::optional<Out<float, 3>>;
using Halves = std::optional<Out<uint16_t, 3>>;

bfloat16* halves_or_null(const Halves& array) {
  return array ? reinterpret_cast<bfloat16*>(array->data()) : nullptr;
}

// Whether an array, where it is given, has this shape.
template <class Array, size_t dims>
bool has_shape(const Array& array, const int64_t (&shape)[dims]) {
  bool same = true;
  for (size_t k = 0; k < dims; k++) same &= static_cast<int64_t>(array.shape(k)) == shape[k];
  return same;
}
template <class Array, size_t dims>
bool has_shape(const std::optional<Array>& array, const int64_t (&shape)[dims]) {
  return !array || has_shape(*array, shape);
}

void forward(Out<float, 2> data, int64_t dim, In<int32_t> ids, std::optional<In<float>> weights, In<int32_t> offsets,
             int64_t num_fields, bool field_pairs, Out<float, 2> linear, Singles pooled, Halves pooled_half,
             Out<float, 2> sum, Out<float, 2> bi, int num_threads) {
  const Table table = table_of(data, dim);
  const int64_t examples = check_fields(offsets.size(), num_fields, "offsets must hold B*F+1 numbers");
  check_bags(ids, weights, offsets, data.shape(0));
  require(pooled.has_value() != pooled_half.has_value(), "give pooled in one of float32 and bfloat16");
  require(has_shape(linear, {examples, num_fields}) && has_shape(pooled, {examples, num_fields, dim}) &&
              has_shape(pooled_half, {examples, num_fields, dim}) && has_shape(sum, {examples, dim}) &&
              has_shape(bi, {examples, dim}),
          "an output array has the wrong size");
  require_apart({extent(linear), extent(pooled), extent(pooled_half), extent(sum), extent(bi)},
                {extent(data), extent(ids), extent(weights), extent(offsets)});
  const Batch batch{ids.data(), data_or_null(weights), offsets.data(), examples, num_fields};
  const Outputs out{
      linear.data(), {pooled ? pooled->data() : nullptr, halves_or_null(pooled_half)}, sum.data(), bi.data()};
  const int threads = threads_for_pairs(num_threads, ids.size());
  nb::gil_scoped_release release;
  active_kernels->forward(table, batch, field_pairs, out, threads);
}

using Moments =
    std::tuple<int, float, float, float, float, float, float, float, float, float, float, float, float, bool>;

Optimizer optimizer_of(const Moments& o) {
  const int rule = std::get<0>(o);
  require(rule >= 0 && rule <= 5, "unknown optimizer rule");
  const bool finite =
      std::apply([](int, auto... numbers) { return (std::isfinite(static_cast<float>(numbers)) && ...); }, o);
  require(finite, "a setting of an optimizer is not finite");
  return {static_cast<Rule>(rule), std::get<1>(o),  std::get<2>(o),  std::get<3>(o), std::get<4>(o),
          std::get<5>(o),          std::get<6>(o),  std::get<7>(o),  std::get<8>(o), std::get<9>(o),
          std::get<10>(o),         std::get<11>(o), std::get<12>(o), std::get<13>(o)};
}

// End of each range of rows, how latent and how linear numbers move.
using Ranges = std::vector<std::tuple<int64_t, Moments, Moments>>;

std::vector<RowRange> ranges_of(const Ranges& given, int64_t dim, int64_t num_table_rows) {
  require(dim >= 0 && dim <= kMostDim, "the table's rows are too short for its dimension and state");
  std::vector<RowRange> out;
  for (const auto& [end, latent, linear] : given) {
    require(end >= (out.empty() ? 0 : out.back().end), "the ends of the ranges of rows must rise");
    const Optimizer of_latent = optimizer_of(latent);
    out.push_back({end, dim + 1 + states_of(of_latent.rule, static_cast<int>(dim)), of_latent, optimizer_of(linear)});
  }
  require(!out.empty() && out.back().end == num_table_rows, "the ranges of rows must end at the table's end");
  return out;
}

void check_rows(const In<int32_t>& rows, int64_t num_table_rows) {
  check_ids(rows.data(), rows.size(), num_table_rows);
  bool rising = true;
  for (size_t r = 1; r < rows.size(); r++) rising &= rows.data()[r - 1] < rows.data()[r];
  require(rising, "rows of the plan must rise");
}

// Rows that move without being in the batch are work too.
size_t rows_to_sweep(const std::vector<RowRange>& ranges) {
  size_t rows = 0;
  int64_t first = 0;
  for (const RowRange& range : ranges) {
    if (range.latent.all_rows || range.linear.all_rows) rows += range.end - first;
    first = range.end;
  }
  return rows;
}

void backward(Out<float, 2> data, int64_t dim, In<int32_t> rows, In<int32_t> starts, In<int32_t> bags,
              std::optional<In<float>> weights, std::optional<Out<float, 2>> grad_linear, Singles grad_pooled,
              Halves grad_pooled_half, std::optional<Out<float, 2>> grad_bi, Out<float, 2> sum, Singles field_pooled,
              int64_t num_fields, const std::optional<Ranges>& moved, std::optional<Out<float, 2>> out,
              int num_threads) {
  const std::vector<RowRange> ranges = moved ? ranges_of(*moved, dim, data.shape(0)) : std::vector<RowRange>{};
  const Table table = table_of(data, dim, ranges);
  const int64_t examples = static_cast<int64_t>(sum.shape(0));
  check_counts(examples, num_fields, dim);
  require(starts.size() == rows.size() + 1 && (!weights || weights->size() == bags.size()),
          "the parts of the row plan differ in length");
  check_aligned(rows, starts, bags, weights);
  check_offsets(starts.data(), starts.size(), bags.size());
  check_rows(rows, data.shape(0));
  check_ids(bags.data(), bags.size(), examples * num_fields, "a bag of the row plan lies outside the batch");
  require(has_shape(grad_linear, {examples, num_fields}) && has_shape(grad_pooled, {examples, num_fields, dim}) &&
              has_shape(grad_pooled_half, {examples, num_fields, dim}) && has_shape(grad_bi, {examples, dim}) &&
              has_shape(sum, {examples, dim}) && has_shape(field_pooled, {examples, num_fields, dim}),
          "a gradient has the wrong size");
  require(!grad_pooled || !grad_pooled_half, "give the gradient of pooled in one of float32 and bfloat16");
  require(moved.has_value() != out.has_value() && has_shape(out, {static_cast<int64_t>(rows.size()), dim + 1}),
          "give either optimizers or an output of shape [R, D+1]");
  require_apart({moved ? extent(data) : Extent{nullptr, 0, 1}, extent(out)},
                {moved ? Extent{nullptr, 0, 1} : extent(data), extent(rows), extent(starts), extent(bags),
                 extent(weights), extent(grad_linear), extent(grad_pooled), extent(grad_pooled_half), extent(grad_bi),
                 extent(sum), extent(field_pooled)});
  const int threads = threads_for_pairs(num_threads, bags.size() + rows_to_sweep(ranges));
  const RowPlan plan{rows.data(), starts.data(), bags.data(), data_or_null(weights), static_cast<int64_t>(rows.size()),
                     num_fields};
  const Gradients gradients{grad_linear ? grad_linear->data() : nullptr,
                            {grad_pooled ? grad_pooled->data() : nullptr, halves_or_null(grad_pooled_half)},
                            grad_bi ? grad_bi->data() : nullptr,
                            sum.data(),
                            field_pooled ? field_pooled->data() : nullptr};
  const Rules rules{ranges.data(), static_cast<int64_t>(ranges.size())};
  nb::gil_scoped_release release;
  active_kernels->backward(table, plan, gradients, moved ? &rules : nullptr, out ? out->data() : nullptr, threads);
}

void move_rows(Out<float, 2> data, int64_t dim, In<int32_t> rows, Out<float, 2> gradients, float factor,
               const Ranges& moved, int num_threads) {
  const std::vector<RowRange> ranges = ranges_of(moved, dim, data.shape(0));
  const Table table = table_of(data, dim, ranges);
  check_rows(rows, data.shape(0));
  require(has_shape(gradients, {static_cast<int64_t>(rows.size()), dim + 1}), "a gradient has the wrong size");
  require_apart({extent(data)}, {extent(rows), extent(gradients)});
  const int threads = threads_for_pairs(num_threads, rows.size() + rows_to_sweep(ranges));
  const Rules rules{ranges.data(), static_cast<int64_t>(ranges.size())};
  nb::gil_scoped_release release;
  active_kernels->move(table, rows.data(), static_cast<int64_t>(rows.size()), gradients.data(), factor, rules, threads);
}

}  // namespace

NB_MODULE(_native, m) {
  if (!active_kernels)
    throw nb::import_error("MANYHOT_LEVEL must be baseline, x86_64_v3 or x86_64_v4, and one that this processor runs");
  m.attr("has_openmp") =
#ifdef _OPENMP
      true;
#else
      false;
#endif
  m.attr("has_bfloat16") = processor_has_bfloat16();
  m.def("level", [] { return std::string(active_kernels->level); });
  m.def("set_level", &set_level, "level"_a);
  m.def("forward", &forward, nb::arg("table").noconvert(), nb::arg("dim"), nb::arg("ids").noconvert(),
        nb::arg("weights").noconvert().none(), nb::arg("offsets").noconvert(), nb::arg("num_fields"),
        nb::arg("field_pairs"), nb::arg("linear").noconvert(), nb::arg("pooled").noconvert().none(),
        nb::arg("pooled_half").noconvert().none(), nb::arg("sum").noconvert(), nb::arg("bi").noconvert(),
        nb::arg("num_threads"));
  m.def("backward", &backward, nb::arg("table").noconvert(), nb::arg("dim"), nb::arg("rows").noconvert(),
        nb::arg("starts").noconvert(), nb::arg("bags").noconvert(), nb::arg("weights").noconvert().none(),
        nb::arg("grad_linear").noconvert().none(), nb::arg("grad_pooled").noconvert().none(),
        nb::arg("grad_pooled_half").noconvert().none(), nb::arg("grad_bi").noconvert().none(),
        nb::arg("sum").noconvert(), nb::arg("field_pooled").noconvert().none(), nb::arg("num_fields"),
        nb::arg("ranges").none(), nb::arg("out").noconvert().none(), nb::arg("num_threads"));
  m.def("move_rows", &move_rows, nb::arg("table").noconvert(), nb::arg("dim"), nb::arg("rows").noconvert(),
        nb::arg("gradients").noconvert(), nb::arg("factor"), nb::arg("ranges"), nb::arg("num_threads"));
  bind_store(m);
  bind_text(m);
  bind_lines(m);
}
